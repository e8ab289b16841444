package metrics

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// Search is what metrics are looked for by.
type Search struct {
	Words string          // each must occur in the name, the help, a label or a label's value; "" = all
	Range timerange.Range // open bounds: all that the source has
	Limit int             // metrics described; 0 = DefaultFound
	Now   time.Time
}

// Bounds of a search.
const (
	DefaultFound = 20
	MaxFound     = 200
	labelValues  = 5       // shown of a label
	scannedSets  = 100_000 // label sets looked through for the values of labels
	probeSeries  = 3       // of a metric, to see whether its values fall
)

// The kinds of metrics as a reader must treat them.
const (
	KindCounter   = "counter"   // climbs: rate, increase
	KindDelta     = "delta"     // counts of each interval: sum_over_time
	KindGauge     = "gauge"     // a level
	KindHistogram = "histogram" // buckets: histogram_quantile
	KindSummary   = "summary"   // quantiles made by the process
	KindUnknown   = "unknown"
)

// Found is what a search found.
type Found struct {
	Metrics []Described `json:"metrics"`
	Matched int         `json:"matched"` // Metrics holds the first of them
	Total   int         `json:"total"`   // metrics in the source
	Start   time.Time   `json:"start"`
	End     time.Time   `json:"end"`
	Near    []string    `json:"near,omitempty"` // when nothing matched
	Notes   []string    `json:"notes,omitempty"`
}

// Described is a metric with all that is needed to query it. A histogram's and a summary's series are one.
type Described struct {
	Name     string  `json:"name"`
	Kind     string  `json:"kind"`
	Unit     string  `json:"unit,omitempty"`
	Help     string  `json:"help,omitempty"`
	Series   int     `json:"series"`
	More     bool    `json:"more_series,omitempty"` // there are more than were counted
	Labels   []Label `json:"labels"`
	Interval string  `json:"interval,omitempty"`
	Query    string  `json:"query"` // a query to begin with
	parts    []string
	score    int
}

// Label is a label of a metric.
type Label struct {
	Name   string   `json:"name"`
	Count  int      `json:"count"` // distinct values
	Values []string `json:"values"`
}

// Find lists metrics by words, the best first, each with its kind, labels and a query to begin with.
func Find(ctx context.Context, src Source, s Search) (*Found, error) {
	all, err := src.Metrics(ctx, s.Range)
	if err != nil {
		return nil, err
	}
	extent, err := src.Extent(ctx)
	if err != nil {
		return nil, err
	}
	if extent.IsZero() {
		extent = timerange.Range{Start: s.Now.Add(-openWindow), End: s.Now}
	}
	r := timerange.Range{Start: later(s.Range.Start, extent.Start), End: s.Range.End}
	if r.End.IsZero() {
		r.End = extent.End.Add(time.Millisecond)
	}
	out := &Found{Start: r.Start, End: r.End}
	families := group(all)
	out.Total = len(families)
	families, err = match(ctx, src, families, strings.Fields(strings.ToLower(s.Words)), r)
	if err != nil {
		return nil, err
	}
	if out.Matched = len(families); out.Matched == 0 {
		out.Near = nearNames(s.Words, all)
	}
	if limit := cmp.Or(s.Limit, DefaultFound); len(families) > limit {
		families = families[:limit]
	}
	for i := range families {
		if err := families[i].describe(ctx, src, all, r); err != nil {
			return nil, err
		}
	}
	out.Metrics = families
	return out, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// group joins the parts of histograms and summaries.
func group(all []Metric) []Described {
	names := map[string]Metric{}
	for _, m := range all {
		names[m.Name] = m
	}
	at := map[string]int{}
	var out []Described
	for _, m := range all {
		base, kind := family(m, names)
		i, ok := at[base]
		if !ok {
			i = len(out)
			at[base] = i
			out = append(out, Described{Name: base, Kind: kind, Help: m.Help, Unit: m.shownUnit(base)})
		}
		out[i].parts = append(out[i].parts, m.Name)
	}
	return out
}

// shownUnit is the unit in the name, else the one that the source tells; a count has none.
func (m Metric) shownUnit(base string) string {
	if u := unitOfName(base); u != "" {
		return u
	}
	if m.Unit == "1" && m.Type != "gauge" {
		return ""
	}
	if w := unitWord(m.Unit); w != "" {
		return w
	}
	return strings.Trim(m.Unit, "{}")
}

// family is the name that the parts of a histogram or summary share, and its kind; of others the name itself.
func family(m Metric, names map[string]Metric) (base, kind string) {
	for _, p := range parts() {
		b, ok := strings.CutSuffix(m.Name, p)
		if !ok {
			continue
		}
		_, buckets := names[b+"_bucket"]
		_, count := names[b+"_count"]
		_, sum := names[b+"_sum"]
		_, bare := names[b]
		switch {
		case buckets:
			return b, KindHistogram
		case count && sum && p != "_bucket":
			return b, KindSummary
		case bare && (p == "_count" || p == "_sum") && names[b].Type == "summary":
			return b, KindSummary
		}
	}
	if _, ok := names[m.Name+"_bucket"]; ok {
		return m.Name, KindHistogram
	}
	_, count := names[m.Name+"_count"]
	_, sum := names[m.Name+"_sum"]
	if count && sum {
		return m.Name, KindSummary
	}
	return m.Name, ""
}

// Scores of where a word was found.
const (
	inName  = 8
	inHelp  = 3
	inLabel = 4
	inValue = 2
)

// match keeps the families in which every word occurs, the best first. Labels are only read when names and help do not settle it.
func match(ctx context.Context, src Source, list []Described, words []string, r timerange.Range) ([]Described, error) {
	if len(words) == 0 {
		return list, nil
	}
	missing := false
	for i := range list {
		for _, w := range words {
			if wordScore(list[i], w) == 0 {
				missing = true
			}
		}
	}
	var texts map[string]map[string]int
	if missing && len(words) > 0 {
		var err error
		if texts, err = labelTexts(ctx, src, list, r); err != nil {
			return nil, err
		}
	}
	var out []Described
	for _, d := range list {
		total, all := 0, true
		for _, w := range words {
			s := wordScore(d, w)
			for t, n := range texts[d.Name] {
				if s < n && strings.Contains(t, w) {
					s = n
				}
			}
			all = all && s > 0
			total += s
		}
		if all {
			d.score = total
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b Described) int { return cmp.Compare(b.score, a.score) })
	return out, nil
}

func wordScore(d Described, word string) int {
	name := strings.ToLower(d.Name)
	switch {
	case name == word:
		return 2 * inName
	case slices.Contains(split(name), word):
		return inName + 1
	case strings.Contains(name, word), slices.ContainsFunc(d.parts, func(p string) bool { return strings.ToLower(p) == word }):
		return inName
	case strings.Contains(strings.ToLower(d.Help), word):
		return inHelp
	}
	return 0
}

// labelTexts collects the labels and values of each family in lower case, with the score of a word found there.
func labelTexts(ctx context.Context, src Source, list []Described, r timerange.Range) (map[string]map[string]int, error) {
	base := map[string]string{}
	for _, d := range list {
		for _, p := range d.parts {
			base[p] = d.Name
		}
	}
	sets, _, err := src.Series(ctx, []string{`{__name__!=""}`}, r, scannedSets)
	if err != nil {
		return nil, err
	}
	out := map[string]map[string]int{}
	for _, s := range sets {
		name := base[s.Get(nameLabel)]
		if out[name] == nil {
			out[name] = map[string]int{}
		}
		s.Range(func(l labels.Label) {
			if l.Name != nameLabel {
				out[name][strings.ToLower(l.Name)] = inLabel
				if v := strings.ToLower(l.Value); out[name][v] == 0 {
					out[name][v] = inValue
				}
			}
		})
	}
	return out, nil
}

// nearNames lists the metrics most like the words.
func nearNames(words string, all []Metric) []string {
	type scored struct {
		name  string
		score float64
	}
	var list []scored
	for _, m := range all {
		best := likeness(strings.ReplaceAll(words, " ", "_"), m.Name)
		for w := range strings.FieldsSeq(words) {
			for _, part := range split(m.Name) {
				best = max(best, likeness(w, part)*.9)
			}
		}
		if best > 0 {
			list = append(list, scored{m.Name, best})
		}
	}
	slices.SortStableFunc(list, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	var out []string
	for _, s := range list[:min(len(list), labelValues)] {
		out = append(out, s.name)
	}
	return out
}

// describe reads the labels of a metric and settles its kind.
func (d *Described) describe(ctx context.Context, src Source, all []Metric, r timerange.Range) error {
	sets, more, err := src.Series(ctx, d.parts, r, scannedSets)
	if err != nil {
		return err
	}
	d.Labels, d.Series = labelsOf(sets), len(sets)
	d.More = more
	i := slices.IndexFunc(all, func(m Metric) bool { return m.Name == d.parts[0] })
	m := all[i]
	if m.Interval > 0 {
		d.Interval = Short(m.Interval)
	}
	if d.Kind == "" || d.Kind == KindHistogram || d.Kind == KindSummary {
		if err := d.settle(ctx, src, m, sets, r); err != nil {
			return err
		}
	}
	return nil
}

// labelsOf counts the values of each label, those with few values first.
func labelsOf(sets []labels.Labels) []Label {
	counts := map[string]map[string]int{}
	for _, s := range sets {
		s.Range(func(l labels.Label) {
			if l.Name == nameLabel {
				return
			}
			if counts[l.Name] == nil {
				counts[l.Name] = map[string]int{}
			}
			counts[l.Name][l.Value]++
		})
	}
	var out []Label
	for name, values := range counts {
		l := Label{Name: name, Count: len(values)}
		for v := range values {
			l.Values = append(l.Values, v)
		}
		slices.SortFunc(l.Values, func(a, b string) int {
			return cmp.Or(cmp.Compare(values[b], values[a]), cmp.Compare(size(a), size(b)), cmp.Compare(a, b))
		})
		l.Values = l.Values[:min(len(l.Values), labelValues)]
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b Label) int { return cmp.Or(cmp.Compare(a.Count, b.Count), cmp.Compare(a.Name, b.Name)) })
	return out
}

// size orders values that are numbers, such as the bounds of buckets.
func size(v string) float64 {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil {
		return 0
	}
	return f
}

// settle decides the kind from type, name and values, and writes the query to begin with.
func (d *Described) settle(ctx context.Context, src Source, m Metric, sets []labels.Labels, r timerange.Range) error {
	part := d.parts[0]
	for _, p := range d.parts {
		if strings.HasSuffix(p, "_count") {
			part = p
		}
	}
	f, err := probe(ctx, src, part, sets, r)
	if err != nil {
		return err
	}
	by := grouping(d.Labels)
	window := "5m"
	if m.Interval > time.Minute {
		window = Short(5 * m.Interval)
	}
	over := "rate"
	if f.Falling() {
		over = "sum_over_time"
	}
	if d.Kind == "" {
		d.Kind = kindOf(d.Name, m, f)
	}
	switch d.Kind {
	case KindHistogram:
		d.Query = fmt.Sprintf("histogram_quantile(0.95, sum by (%sle) (%s(%s_bucket[%s])))", withComma(by), over, d.Name, window)
	case KindSummary:
		d.Query = fmt.Sprintf("sum%s (%s(%s_sum[%s])) / sum%s (%s(%s_count[%s]))", byClause(by), over, d.Name, window, byClause(by), over, d.Name, window)
	case KindCounter:
		d.Query = fmt.Sprintf("sum%s (rate(%s[%s]))", byClause(by), d.Name, window)
	case KindDelta:
		d.Query = fmt.Sprintf("sum%s (sum_over_time(%s[%s]))", byClause(by), d.Name, window)
	default:
		d.Query = fmt.Sprintf("max%s (%s)", byClause(by), d.Name)
	}
	return nil
}

// kindOf settles a kind that is no histogram or summary.
func kindOf(name string, m Metric, f Facts) string {
	counts := m.Type == "sum" || m.Type == "counter" || likelyCounter(name)
	switch {
	case m.Type == "gauge":
		return KindGauge
	case counts && f.Falling() && !f.Negative && m.Type == "sum":
		return KindDelta
	case counts && !f.Falling() && (f.Climbing() || strings.HasSuffix(name, "_total") || m.Type == "counter"):
		return KindCounter
	case derived(name) && !f.Negative:
		return KindDelta
	case f.Steps == 0 && m.Type != "":
		return m.Type
	}
	return KindGauge
}

// derived reports whether a name is one of the sums per interval that Data Prepper derives from spans.
func derived(name string) bool { return name == "request" || name == "error" || name == "fault" }

// probe reads a few series of a metric to see what their values do.
func probe(ctx context.Context, src Source, name string, sets []labels.Labels, r timerange.Range) (Facts, error) {
	var out Facts
	n := 0
	for _, s := range sets {
		if s.Get(nameLabel) != name || n == probeSeries {
			continue
		}
		n++
		over := min(r.End.Sub(r.Start), 6*time.Hour)
		a, err := src.Instant(ctx, s.String()+"["+Short(max(over, time.Minute))+"]", r.End)
		if err != nil {
			return Facts{}, err
		}
		g := gathered{seen: map[uint64]bool{}}
		for _, x := range a.Series {
			g.add(&series{x.Labels, x.Points})
		}
		out.Steps, out.Falls, out.Rises, out.Series = out.Steps+g.Steps, out.Falls+g.Falls, out.Rises+g.Rises, out.Series+g.Series
		out.Negative = out.Negative || g.Negative
	}
	return out, nil
}

// grouping picks the label to group by: the one that names a thing, with few values but more than one.
func grouping(list []Label) string {
	const many = 50
	score := func(l Label) float64 {
		if l.Count < 2 || l.Count > many || l.Name == "le" || l.Name == "quantile" {
			return -1
		}
		for i, n := range []string{"service_name", "service", "job", "app", "topic", "node", "instance", "pod"} {
			if l.Name == n {
				return 100 - float64(i)
			}
		}
		return 10 - math.Abs(math.Log(float64(l.Count)/8))
	}
	best, most := "", 0.0
	for _, l := range list {
		if s := score(l); s > most {
			best, most = l.Name, s
		}
	}
	return best
}

func byClause(by string) string {
	if by == "" {
		return ""
	}
	return " by (" + by + ")"
}

func withComma(by string) string {
	if by == "" {
		return ""
	}
	return by + ", "
}
