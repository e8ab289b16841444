package logs

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/template"
)

// noText is the template of lines without a text: a body that is an object stands in attributes.body.*.
const noText = "(no text)"

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
	whole       string // the example's text, up to maxWhole
}

// read streams the lines of both windows.
func (m *mining) read(ctx context.Context, eng engine.Engine, s Scope, field string) error {
	cols, err := columns(ctx, eng, s.Table, []string{field, "body", "serviceName", "severityText", "traceId", "_file", "_line"})
	if err != nil {
		return err
	}
	names := make([]string, len(cols))
	m.time, m.at = field, map[string]int{}
	for i, c := range cols {
		names[i], m.at[c.Name] = c.Name, i
	}
	if _, ok := m.at["body"]; !ok {
		return fault.WithHint(fault.New(fault.Unsupported, "table %s has no body to take patterns of", s.Table), "Patterns are of log lines; for other tables use logs_query with stats.")
	}
	both := Scope{Table: s.Table, Service: s.Service, Severity: s.Severity, Where: s.Where}
	if m.baseline != nil {
		other := "(" + ppl.Within(field, m.window.rng()) + ") or (" + ppl.Within(field, m.baseline.rng()) + ")"
		if both.Where != "" {
			other = "(" + other + ") and (" + both.Where + ")"
		}
		both.Where = other
	} else {
		both.Range = m.window.rng()
	}
	_, err = eng.Stream(ctx, both.source(field, both.Range)+" | fields `"+strings.Join(names, "`, `")+"`", engine.Limits{}, m.add)
	return err
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
		s.whole = cut(body, maxWhole)
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

// text returns a cell as text; a body may be a number, a list or an object.
func (m *mining) text(row []any, name string) string {
	i, ok := m.at[name]
	if !ok {
		return ""
	}
	switch v := row[i].(type) {
	case nil:
		return ""
	case string:
		return v
	case []any, map[string]any:
		if raw, err := json.Marshal(v); err == nil {
			return string(raw)
		}
	}
	return fmt.Sprint(row[i])
}

func clip(s string) string {
	if len(s) <= maxExample {
		return s
	}
	return cut(s, maxExample) + "…"
}

// cut returns at most n bytes of s, of their own memory and without a broken rune.
func cut(s string, n int) string { return strings.ToValidUTF8(strings.Clone(s[:min(len(s), n)]), "") }

// merge adds up the shapes of each template; query selects the lines of the window, gone those of the baseline.
func (m *mining) merge(query, gone string) []Pattern {
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
	out := []Pattern{}
	for i, s := range sums {
		if s == nil {
			continue
		}
		p := Pattern{
			ID: templates[i].ID, Template: templates[i].Text, Count: s.counts[0], Baseline: s.counts[1], First: s.first.UTC(), Last: s.last.UTC(),
			Severities: s.severities, Services: top(s.services), Example: s.example,
		}
		p.Share, p.BaselineShare = share(p.Count, m.lines[0]), share(p.Baseline, m.lines[1])
		from := query
		if p.Count == 0 {
			from = gone
		}
		is := "like(body, " + ppl.Quote(Like(p.Template, s.whole)) + ")"
		if strings.TrimSpace(s.whole) == "" {
			p.Template, is = noText, "(isnull(body) or trim(body) = '')"
		}
		p.Query = from + glue(from) + is
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
		s.example, s.whole = o.example, o.whole
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
