// Package metrics is the toolset over metrics: metrics_query and metrics_find by PromQL, and services_health. One file a tool.
package metrics

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/metrics"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Sources opens what a call names: a configured source or a path.
type Sources interface {
	// Open returns the engine of a source of logs, spans and metrics.
	Open(ctx context.Context, source string) (engine.Engine, error)
	// Metrics returns what answers PromQL about a source: its server, or the engine over its metrics table.
	Metrics(ctx context.Context, source string) (metrics.Source, error)
}

// Deps is what the toolset needs.
type Deps struct {
	Sources Sources
	Now     func() time.Time
}

const toolset = "metrics"

// Tools lists the tools of the set.
func Tools(d Deps) []tools.Tool {
	return []tools.Tool{queryTool(d), findTool(d), healthTool(d)}
}

// open opens the metrics of a call and reads its range of time.
func (d Deps) open(ctx context.Context, source, start, end string) (metrics.Source, timerange.Range, error) {
	src, err := d.Sources.Metrics(ctx, source)
	if err != nil {
		return nil, timerange.Range{}, err
	}
	r, err := timerange.Parse(start, end, d.Now())
	return src, r, err
}

// maxLabel bounds the bytes of one label's value in a text.
const maxLabel = 80

// labels writes labels as PromQL does, sorted; {} for none.
func labels(m map[string]string) string {
	var parts []string
	name := ""
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if k == "__name__" {
			name = tools.Cut(m[k], maxLabel)
			continue
		}
		parts = append(parts, fmt.Sprintf("%s=%q", tools.Cut(k, maxLabel), tools.Cut(m[k], maxLabel)))
	}
	return name + "{" + strings.Join(parts, ", ") + "}"
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// withUnit writes a value with its unit.
func withUnit(v float64, unit string) string {
	switch unit {
	case "":
		return metrics.Number(v)
	case "%", "/s":
		return metrics.Number(v) + unit
	}
	return metrics.Number(v) + " " + unit
}
