package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
)

//go:embed page.html
var page string

//go:embed page.css
var style string

// Rows of the page's tables: what is beyond them is in the answer of incident_investigate.
const (
	maxPatterns   = 12
	maxOperations = 10
	maxSeries     = 8
	maxFeed       = 10
)

// view is the page's data: the report with its plots laid out.
type view struct {
	*Data

	CSS              template.CSS
	Plot, Narrow     *timelinePlot
	Map              *mapPlot
	Failing, Healthy *waterfallPlot
	Patterns         []investigate.PatternRow
	Operations       []investigate.REDRow
	Series           []investigate.MetricRow
	Changes          []investigate.ChangeRow
}

// HTML writes the report as one self-contained page.
func HTML(w io.Writer, d *Data) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"instant": instant, "when": func(t *time.Time) string { return instant(*t) }, "pct": percent, "grouped": grouped, "ms": milliseconds,
		"add": func(a, b float64) float64 { return round(a + b) }, "sub": func(a, b time.Time) string { return duration(b.Sub(a)) },
		"words": familyWords, "name": func(s string) string { return clip(s, maxName) }, "join": func(s []string) string { return clip(strings.Join(s, ", "), maxQuote) }, "place": place,
		"quote": func(s string) string { return clip(strings.TrimSpace(s), maxQuote) }, "meter": func(f float64) float64 { return round(100 * min(max(f, 0), 1)) },
		"headClasses": func() []string { return []string{"plain", "bad", "slow"} },
		"number":      func(f float64) string { return fmt.Sprintf("%.4g", f) },
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := t.Execute(w, newView(d)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func newView(d *Data) view {
	v := view{
		Data: d, CSS: template.CSS(style), //nolint:gosec // our own style sheet
		Plot: plotTimeline(d, plotLeft, plotWidth), Narrow: plotTimeline(d, narrowLeft, narrowWidth), Map: plotMap(d.Edges, d.Verdict), Failing: plotWaterfall(d.Failing), Healthy: plotWaterfall(d.Healthy),
	}
	if s := d.Verdict.Steps; s != nil {
		v.Patterns = s.Patterns[:min(len(s.Patterns), maxPatterns)]
		v.Operations = s.RED[:min(len(s.RED), maxOperations)]
		v.Series = s.Metrics[:min(len(s.Metrics), maxSeries)]
		v.Changes = slices.Clone(changesNear(d.Verdict, maxFeed))
		slices.SortStableFunc(v.Changes, func(a, b investigate.ChangeRow) int { return a.Time.Compare(b.Time) })
	}
	return v
}

func familyWords(f investigate.Family) string { return strings.ReplaceAll(string(f), "_", " ") }

// place names where a piece of evidence is found.
func place(e finding.Evidence) string {
	var parts []string
	if e.Time != nil {
		parts = append(parts, instant(*e.Time))
	}
	if e.Source != "" {
		file := e.Source
		if e.Line > 0 {
			file += fmt.Sprintf(":%d", e.Line)
		}
		parts = append(parts, file)
	}
	if e.TraceID != "" {
		parts = append(parts, "trace "+e.TraceID)
	}
	if e.SpanID != "" {
		parts = append(parts, "span "+e.SpanID)
	}
	return strings.Join(parts, " · ")
}
