package ui

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// Bounds of a map: what can be read at once.
const (
	maxMapEdges = 90
	mapSpan     = time.Hour // an open start of a map, from the data's end
	mapBaseline = 3
)

// mapContent is the application map.
type mapContent struct {
	*drawing

	Edges    []edgeRow
	Start    time.Time
	End      time.Time
	Baseline time.Time
	Hidden   int
	Service  string
	Notes    []string
}

// edgeRow is an arrow of the map as a row of the table below it.
type edgeRow struct {
	trace.Edge

	ErrorPct, WasPct float64
	P50, P95, WasP95 float64 // milliseconds
	Class            string  // bad, slow, silent, ""
}

func (s *server) applicationMap(ctx context.Context, v *view) (any, error) {
	r, err := v.span(s.Now())
	if err != nil {
		return nil, err
	}
	eng, err := s.Sources.Open(ctx, v.Source)
	if err != nil {
		return nil, err
	}
	table, err := spansTable(ctx, eng)
	if err != nil {
		return nil, err
	}
	out := &mapContent{Start: r.Start, End: r.End, Service: v.get("service")}
	if out.End.IsZero() {
		out.End = table.End.UTC().Add(time.Microsecond)
	}
	if out.Start.IsZero() {
		out.Start = later(out.End.Add(-mapSpan), table.Start.UTC())
	}
	out.Baseline = later(out.Start.Add(-mapBaseline*out.End.Sub(out.Start)), table.Start.UTC())
	set, err := trace.Load(ctx, eng, trace.Options{Range: timerange.Range{Start: out.Baseline, End: out.End}})
	if err != nil {
		return nil, err
	}
	base := int64(0)
	if out.Baseline.Before(out.Start) {
		base = out.Baseline.UnixNano()
	}
	out.Notes = set.Notes
	own := map[string]bool{}
	for i := range set.Resources {
		own[set.Text(set.Resources[i].Service)] = true
	}
	out.fill(own, set.ServiceMap(out.Start.UnixNano(), out.End.UnixNano(), base))
	return out, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// spansTable returns the facts of the spans, or an error that says what the source has instead.
func spansTable(ctx context.Context, eng engine.Engine) (engine.Table, error) {
	tables, err := eng.Tables(ctx)
	if err != nil {
		return engine.Table{}, err
	}
	for _, t := range tables {
		if t.Name == trace.Table {
			return t, nil
		}
	}
	return engine.Table{}, fault.WithHint(fault.New(fault.NotFound, "the source has no spans"), "Maps and traces are made of spans; log patterns and metrics may still be there.")
}

func (m *mapContent) fill(own map[string]bool, edges []trace.Edge) {
	if m.Service != "" {
		edges = slices.DeleteFunc(edges, func(e trace.Edge) bool { return e.Caller != m.Service && e.Callee != m.Service })
	}
	slices.SortStableFunc(edges, func(a, b trace.Edge) int { return cmp.Compare(b.Calls, a.Calls) })
	if len(edges) > maxMapEdges {
		m.Hidden = len(edges) - maxMapEdges
		edges = edges[:maxMapEdges]
	}
	for _, e := range edges {
		m.Edges = append(m.Edges, rowOf(e))
	}
	m.drawing = draw(m.Edges, own)
	slices.SortStableFunc(m.Edges, func(a, b edgeRow) int { return cmp.Or(cmp.Compare(worth(b), worth(a)), cmp.Compare(b.Calls, a.Calls)) })
}

// worth orders edges by what a reader looks for.
func worth(e edgeRow) int {
	return map[string]int{"bad": 3, "silent": 2, "slow": 1}[e.Class]
}

func rowOf(e trace.Edge) edgeRow {
	ms := func(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }
	r := edgeRow{Edge: e, ErrorPct: 100 * e.ErrorRate(), P50: ms(e.P50), P95: ms(e.P95)}
	if b := e.Baseline; b != nil {
		r.WasPct, r.WasP95 = 100*b.ErrorRate(), ms(b.P95)
	}
	const few = 20
	switch b := e.Baseline; {
	case e.Errors >= 3 && r.ErrorPct >= 2 && r.ErrorPct >= 2*r.WasPct:
		r.Class = "bad"
	case b != nil && e.Calls == 0 && b.Calls >= few:
		r.Class = "silent"
	case b != nil && e.Calls >= few && b.Calls >= few && r.P95 >= 1.5*r.WasP95 && r.WasP95 > 0:
		r.Class = "slow"
	}
	return r
}

// Title tells an arrow's numbers.
func (e edgeRow) Title() string {
	out := fmt.Sprintf("%s → %s (%s): %.1f calls a minute, %s failed, p50 %s, p95 %s", e.Caller, e.Callee, e.Type, e.PerMinute, percent(e.ErrorPct), milliseconds(e.P50), milliseconds(e.P95))
	if e.Baseline != nil {
		out += fmt.Sprintf("; before %.1f a minute, %s failed, p95 %s", e.Baseline.PerMinute, percent(e.WasPct), milliseconds(e.WasP95))
	}
	return out
}
