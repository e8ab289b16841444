package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
)

//go:embed page.html
var page string

// view is the page's data: the report with its plots laid out.
type view struct {
	*Data

	Plot             *timelinePlot
	Map              *mapPlot
	Failing, Healthy *waterfallPlot
	Patterns         []investigate.PatternRow
}

// HTML writes the report as one self-contained page.
func HTML(w io.Writer, d *Data) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"time":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"stamp":  func(t *time.Time) string { return t.UTC().Format(time.RFC3339) },
		"words":  func(f investigate.Family) string { return strings.ReplaceAll(string(f), "_", " ") },
		"pct":    func(f float64) string { return fmt.Sprintf("%.1f %%", 100*f) },
		"add":    func(a, b float64) float64 { return round(a + b) },
		"join":   func(s []string) string { return strings.Join(s, ", ") },
		"lookat": lookAt,
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
	v := view{Data: d, Plot: plotTimeline(d.Timeline, d.Verdict), Map: plotMap(d.Edges, d.Verdict), Failing: plotWaterfall(d.Failing), Healthy: plotWaterfall(d.Healthy)}
	if s := d.Verdict.Steps; s != nil {
		v.Patterns = s.Patterns[:min(len(s.Patterns), maxPatterns)]
	}
	return v
}

// lookAt names the place of a piece of evidence.
func lookAt(e finding.Evidence) string {
	var parts []string
	if e.Time != nil {
		parts = append(parts, e.Time.UTC().Format(time.RFC3339))
	}
	if e.Source != "" {
		place := e.Source
		if e.Line > 0 {
			place += fmt.Sprintf(":%d", e.Line)
		}
		parts = append(parts, place)
	}
	if e.TraceID != "" {
		parts = append(parts, "trace "+e.TraceID)
	}
	if e.SpanID != "" {
		parts = append(parts, "span "+e.SpanID)
	}
	return strings.Join(parts, " · ")
}
