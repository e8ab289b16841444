package logs

import (
	"cmp"
	"context"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/stat"
	"github.com/plumbline-mcp/plumbline/internal/template"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// Rules of a difference.
const (
	significant = 0.01 // false-discovery rate up to which a change is told
	oneOffLines = 2    // lines up to which a pattern of the window is a one-off
	maxServices = 5    // services named of one pattern
	maxOneOffs  = 25   // one-off lines told
	maxExample  = 400  // bytes of an example line
	trafficMin  = 20   // lines in each window from which a pattern tells of the traffic
	trafficOf   = 5    // such patterns needed
)

// Change says how a pattern differs between two windows.
type Change string

// The changes, strongest first.
const (
	New    Change = "new"
	Risen  Change = "risen"
	Gone   Change = "gone"
	Fallen Change = "fallen"
	Steady Change = "steady"
)

// Pattern is a template with what was counted of it in the window and in the baseline.
type Pattern struct {
	ID            string           `json:"id"` // hash of the template
	Template      string           `json:"template"`
	Count         int64            `json:"count"`
	Share         float64          `json:"share"` // of the window's lines, 0 to 1
	Baseline      int64            `json:"baseline,omitempty"`
	BaselineShare float64          `json:"baseline_share,omitempty"`
	Change        Change           `json:"change,omitempty"`
	G             float64          `json:"g,omitempty"` // log-likelihood ratio of the two rates
	Q             float64          `json:"q,omitempty"` // false-discovery rate
	First         time.Time        `json:"first"`       // within what was read: the window and its baseline
	Last          time.Time        `json:"last"`
	Severities    map[string]int64 `json:"severities,omitempty"`
	Services      []string         `json:"services,omitempty"`
	Example       Example          `json:"example"`
	Query         string           `json:"query"` // the PPL that shows its lines
}

// Example is one line of a pattern. Text is data.
type Example struct {
	Text    string    `json:"text"`
	Time    time.Time `json:"time"`
	File    string    `json:"file,omitempty"`
	Line    int64     `json:"line,omitempty"`
	TraceID string    `json:"trace_id,omitempty"`
}

// Patterns is what the lines of a window say, by template.
type Patterns struct {
	Table         string    `json:"table"`
	Window        Window    `json:"window"`
	Baseline      *Window   `json:"baseline,omitempty"`
	Lines         int64     `json:"lines"`
	BaselineLines int64     `json:"baseline_lines,omitempty"`
	Traffic       float64   `json:"traffic,omitempty"` // lines a second of the usual patterns, window by baseline: changes are told beyond it
	Templates     int       `json:"templates"`         // in both windows
	List          []Pattern `json:"patterns"`          // most frequent first, or strongest change first
	OneOffs       []Pattern `json:"one_offs"`          // rare lines of the window, by time; only in a comparison
	Query         string    `json:"query"`             // the PPL that selects the window's lines
}

// FindPatterns mines the templates of the lines in scope. With a baseline the two windows are compared: counts by the G-test
// (Dunning 1993), scaled by the windows' lengths and by the change of the traffic as a whole; false discoveries held by Benjamini and Hochberg (1995).
func FindPatterns(ctx context.Context, eng engine.Engine, s Scope, baseline *Window) (*Patterns, error) {
	field, w, err := s.resolve(ctx, eng)
	if err != nil {
		return nil, err
	}
	m := &mining{miner: template.New(template.Config{}), window: w, baseline: baseline}
	read := w.rng()
	if baseline != nil {
		read = timerange.Range{Start: earlier(w.Start, baseline.Start), End: later(w.End, baseline.End)}
	}
	cols, err := columns(ctx, eng, s.Table, []string{field, "body", "serviceName", "severityText", "traceId", "_file", "_line"})
	if err != nil {
		return nil, err
	}
	query := s.source(field, read) + " | fields `" + strings.Join(cols, "`, `") + "`"
	at := map[string]int{}
	for i, c := range cols {
		at[c] = i
	}
	m.time, m.at = field, at
	if _, err := eng.Stream(ctx, query, engine.Limits{}, m.add); err != nil {
		return nil, err
	}
	out := &Patterns{Table: s.Table, Window: w, Baseline: baseline, Lines: m.lines[0], BaselineLines: m.lines[1], Query: s.source(field, w.rng())}
	all := m.merge(out.Query)
	out.Templates = len(all)
	if baseline == nil {
		out.List = all
		return out, nil
	}
	out.compare(all)
	return out, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// mining gathers counts by shape while lines stream by.
type mining struct {
	miner    *template.Miner
	window   Window
	baseline *Window
	time     string
	at       map[string]int
	lines    [2]int64
	sums     []*sum // by the miner's ids
}

// sum is what was counted of one shape, later of one template.
type sum struct {
	counts      [2]int64 // window, baseline
	first, last time.Time
	severities  map[string]int64
	services    map[string]int64
	example     Example
}

func (m *mining) add(row []any) error {
	t, _ := row[m.at[m.time]].(time.Time)
	body := m.text(row, "body")
	which := 0
	switch {
	case m.window.rng().Contains(t):
	case m.baseline != nil && m.baseline.rng().Contains(t):
		which = 1
	default:
		return nil
	}
	m.lines[which]++
	id := m.miner.Add(body)
	for id >= len(m.sums) {
		m.sums = append(m.sums, nil)
	}
	if m.sums[id] == nil {
		m.sums[id] = &sum{severities: map[string]int64{}, services: map[string]int64{}}
	}
	s := m.sums[id]
	s.counts[which]++
	s.see(t, m.text(row, "severityText"), m.text(row, "serviceName"))
	if s.example.Text == "" || (which == 0 && s.counts[0] == 1) {
		s.example = Example{Text: clip(body), Time: t.UTC(), File: m.text(row, "_file"), TraceID: m.text(row, "traceId")}
		if i, ok := m.at["_line"]; ok {
			s.example.Line, _ = row[i].(int64)
		}
	}
	return nil
}

func (s *sum) see(t time.Time, severity, service string) {
	if s.first.IsZero() || t.Before(s.first) {
		s.first = t
	}
	if t.After(s.last) {
		s.last = t
	}
	if severity != "" {
		s.severities[severity]++
	}
	if service != "" {
		s.services[service]++
	}
}

func (m *mining) text(row []any, name string) string {
	i, ok := m.at[name]
	if !ok {
		return ""
	}
	s, _ := row[i].(string)
	return s
}

func clip(s string) string {
	if len(s) <= maxExample {
		return s
	}
	return strings.ToValidUTF8(s[:maxExample], "") + "…"
}

// merge adds up the shapes of each template.
func (m *mining) merge(query string) []Pattern {
	templates := m.miner.Templates()
	sums := make([]*sum, len(templates))
	for id, s := range m.sums {
		if s == nil {
			continue
		}
		i := m.miner.Resolve(id)
		if i < 0 {
			continue
		}
		if sums[i] == nil {
			sums[i] = s
			continue
		}
		sums[i].join(s)
	}
	var out []Pattern
	for i, s := range sums {
		if s == nil {
			continue
		}
		p := Pattern{
			ID: templates[i].ID, Template: templates[i].Text, Count: s.counts[0], Baseline: s.counts[1], First: s.first.UTC(), Last: s.last.UTC(),
			Severities: s.severities, Services: top(s.services), Example: s.example,
		}
		p.Share, p.BaselineShare = share(p.Count, m.lines[0]), share(p.Baseline, m.lines[1])
		p.Query = query + glue(query) + "like(body, " + Quote(Like(p.Template, p.Example.Text)) + ")"
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b Pattern) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Template, b.Template))
	})
	return out
}

func glue(query string) string {
	if strings.Contains(query, " | where ") {
		return " and "
	}
	return " | where "
}

func (s *sum) join(o *sum) {
	if o.counts[0] > 0 && (s.counts[0] == 0 || o.example.Time.Before(s.example.Time)) {
		s.example = o.example
	}
	s.first, s.last = earlier(s.first, o.first), later(s.last, o.last)
	for k, v := range o.severities {
		s.severities[k] += v
	}
	for k, v := range o.services {
		s.services[k] += v
	}
	s.counts[0] += o.counts[0]
	s.counts[1] += o.counts[1]
}

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return math.Round(1e6*float64(n)/float64(of)) / 1e6
}

func top(m map[string]int64) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b)) })
	return names[:min(len(names), maxServices)]
}

// compare tests every template and orders by the strength of the change; what did not change comes last.
func (o *Patterns) compare(all []Pattern) {
	o.Traffic = o.traffic(all)
	ps := make([]float64, len(all))
	for i := range all {
		p := &all[i]
		t := stat.GRate(float64(p.Count), o.Window.Seconds()*o.expected(p), float64(p.Baseline), o.Baseline.Seconds())
		p.G, ps[i] = math.Round(10*t.Stat)/10, t.P
	}
	for i, q := range stat.BenjaminiHochberg(ps) {
		p := &all[i]
		p.Q = q
		p.Change = o.changeOf(p)
		if p.Count > 0 && p.Count+p.Baseline <= oneOffLines {
			o.OneOffs = append(o.OneOffs, *p)
		}
	}
	slices.SortFunc(o.OneOffs, func(a, b Pattern) int { return a.First.Compare(b.First) })
	o.OneOffs = o.OneOffs[:min(len(o.OneOffs), maxOneOffs)]
	rank := map[Change]int{New: 0, Risen: 1, Gone: 2, Fallen: 3, Steady: 4}
	slices.SortStableFunc(all, func(a, b Pattern) int {
		return cmp.Or(cmp.Compare(rank[a.Change], rank[b.Change]), cmp.Compare(b.G, a.G))
	})
	o.List = all
}

// traffic is the median of the patterns' own rate ratios: when there is a third less traffic every pattern falls by a third,
// and none of that is news. A flood of one message does not move a median, as it would move shares of all lines.
func (o *Patterns) traffic(all []Pattern) float64 {
	var ratios []float64
	for _, p := range all {
		if p.Count >= trafficMin && p.Baseline >= trafficMin {
			ratios = append(ratios, float64(p.Count)/o.Window.Seconds()*o.Baseline.Seconds()/float64(p.Baseline))
		}
	}
	if len(ratios) < trafficOf {
		return 1
	}
	return math.Round(1000*stat.Median(ratios)) / 1000
}

// ratio is the pattern's rate in the window by its rate in the baseline.
func (o *Patterns) ratio(p *Pattern) float64 {
	return float64(p.Count) / o.Window.Seconds() * o.Baseline.Seconds() / float64(max(p.Baseline, 1))
}

// expected is the ratio that needs no explanation: some lines come with the clock (1), others with the traffic, and anything
// between the two is a mixture of them.
func (o *Patterns) expected(p *Pattern) float64 {
	return min(max(o.ratio(p), min(1, o.Traffic)), max(1, o.Traffic))
}

func (o *Patterns) changeOf(p *Pattern) Change {
	switch {
	case p.Q > significant:
		return Steady
	case p.Baseline == 0:
		return New
	case p.Count == 0:
		return Gone
	case o.ratio(p) > o.expected(p):
		return Risen
	}
	return Fallen
}

// Like turns a template into a pattern of PPL's like that the example matches: masks become %, what is special there is
// escaped. White space is kept as the template has it unless the example was written with other white space.
func Like(text, example string) string {
	p := like(text, " ")
	if strings.Contains(example, "\n") {
		p += "%"
	}
	if !matches(p, example) {
		p = like(text, "%") + "%"
	}
	return anyRun.ReplaceAllString(p, "%")
}

func like(text, space string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '<' {
			if end := strings.IndexByte(text[i:], '>'); end > 0 && mask(text[i+1:i+end]) {
				b.WriteByte('%')
				i += end
				continue
			}
		}
		switch c := text[i]; c {
		case '%', '_', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case ' ', '\t':
			b.WriteString(space)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// anyRun is a run of wildcards: one of them says the same.
var anyRun = regexp.MustCompile(`%{2,}`)

// matches reports whether a text is like the pattern.
func matches(pattern, text string) bool {
	var b strings.Builder
	b.WriteString("(?is)^")
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '%':
			b.WriteString(".*")
		case pattern[i] == '\\' && i+1 < len(pattern):
			i++
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		default:
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	re, err := regexp.Compile(b.String() + "$")
	return err == nil && re.MatchString(text)
}

func mask(name string) bool {
	if name == "*" {
		return true
	}
	for _, r := range name {
		if r < 'A' || r > 'Z' {
			return false
		}
	}
	return name != ""
}
