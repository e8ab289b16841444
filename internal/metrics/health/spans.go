package health

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// spanReader counts spans.
type spanReader struct {
	eng    engine.Engine
	table  string
	status string // column of the HTTP status, "" where there is none
}

// spansOf returns a reader of the engine's spans, nil without any.
func spansOf(ctx context.Context, eng engine.Engine) (*spanReader, engine.Table, error) {
	if eng == nil {
		return nil, engine.Table{}, nil
	}
	tables, err := eng.Tables(ctx)
	if err != nil {
		return nil, engine.Table{}, err
	}
	for _, t := range tables {
		if t.Kind != engine.Spans || t.Rows == 0 {
			continue
		}
		fields, err := eng.Fields(ctx, t.Name)
		if err != nil {
			return nil, t, err
		}
		r := &spanReader{eng: eng, table: t.Name}
		for _, f := range fields {
			if f.Filled > 0 && f.Type.Numeric() && (f.Name == "attributes.http.response.status_code" || f.Name == "attributes.http.status_code" && r.status == "") {
				r.status = f.Name
			}
		}
		return r, t, nil
	}
	return nil, engine.Table{}, nil
}

// from implements reader.
func (*spanReader) from() From {
	return From{Requests: "spans (server, consumer and root spans)", Durations: "spans"}
}

// head selects the requests of a window and marks faults and errors.
func (r *spanReader) head(from, to time.Time) string {
	errors := "0"
	if r.status != "" {
		errors = "if(`" + r.status + "` >= 400 and `" + r.status + "` < 500, 1, 0)"
	}
	return "source=" + r.table + " | where " + ppl.Within("startTime", timerange.Range{Start: from, End: to}, "(kind in ('SPAN_KIND_SERVER', 'SPAN_KIND_CONSUMER') or parentSpanId = '')") +
		" | eval is_fault = if(`status.code` = 2, 1, 0), is_error = " + errors
}

// window implements reader.
func (r *spanReader) window(ctx context.Context, from, to time.Time) (map[string]*Numbers, error) {
	q := r.head(from, to) + " | stats count() as n, sum(is_fault) as faults, sum(is_error) as errors, percentile(durationInNanos, 50) as p50, percentile(durationInNanos, 95) as p95, percentile(durationInNanos, 99) as p99 by serviceName"
	out := map[string]*Numbers{}
	_, err := r.eng.Stream(ctx, q, engine.Limits{}, func(row []any) error {
		name, _ := row[6].(string)
		if name == "" {
			return nil
		}
		out[strings.Clone(name)] = &Numbers{
			Requests: number(row[0]), faults: number(row[1]), errors: number(row[2]),
			P50: number(row[3]) / 1e6, P95: number(row[4]) / 1e6, P99: number(row[5]) / 1e6,
		}
		return nil
	})
	return out, err
}

// trend implements reader.
func (r *spanReader) trend(ctx context.Context, from, to time.Time, step time.Duration) (map[string]*Trend, error) {
	// Steps are counted from the start here: PPL's span() counts from the epoch.
	q := r.head(from, to) + " | fields serviceName, startTime, is_fault, durationInNanos"
	n := cells(from, to, step)
	out := map[string]*Trend{}
	durations := map[string][][]float64{}
	_, err := r.eng.Stream(ctx, q, engine.Limits{}, func(row []any) error {
		name, _ := row[0].(string)
		at, _ := row[1].(time.Time)
		i := int(at.Sub(from) / step)
		if name == "" || i < 0 || i >= n {
			return nil
		}
		t := out[name]
		if t == nil {
			name = strings.Clone(name)
			t = newTrend(n)
			out[name], durations[name] = t, make([][]float64, n)
		}
		t.Requests[i]++
		t.Faults[i] += number(row[2])
		durations[name][i] = append(durations[name][i], number(row[3])/1e6)
		return nil
	})
	for name, cells := range durations {
		for i, d := range cells {
			out[name].P95[i] = round(quantile(d, .95))
		}
	}
	return out, err
}

func newTrend(n int) *Trend {
	return &Trend{Requests: make([]float64, n), Faults: make([]float64, n), P95: make([]float64, n)}
}

// cells is the number of steps that cover a window.
func cells(from, to time.Time, step time.Duration) int {
	return int(math.Ceil(float64(to.Sub(from)) / float64(step)))
}

func number(cell any) float64 {
	switch v := cell.(type) {
	case float64:
		return v
	case int64:
		return float64(v)
	}
	return 0
}
