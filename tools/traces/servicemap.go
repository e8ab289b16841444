package traces

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/stat"
	"github.com/plumbline-mcp/plumbline/internal/trace"
	"github.com/plumbline-mcp/plumbline/tools"
)

type mapInput struct {
	Source        string `json:"source,omitempty" jsonschema:"source or path"`
	Service       string `json:"service,omitempty" jsonschema:"only edges from or to this service"`
	Start         string `json:"start,omitempty" jsonschema:"start of the window, RFC 3339 or an offset such as -1h"`
	End           string `json:"end,omitempty" jsonschema:"end of the window"`
	BaselineStart string `json:"baseline_start,omitempty" jsonschema:"compare with the time from here to start; default: three times the window, none without start"`
	Limit         int    `json:"limit,omitempty" jsonschema:"edges to return, default 60, at most 500"`
}

// Bounds of a map.
const (
	defaultEdges = 60
	maxEdges     = 500
	textEdges    = 40
	baselineSpan = 3 // times the window
)

// Validate refuses bounds that cannot be kept.
func (in mapInput) Validate() error {
	if in.Limit < 0 || in.Limit > maxEdges {
		return fault.New(fault.InvalidArgument, "limit %d is not between 1 and %d", in.Limit, maxEdges)
	}
	return nil
}

// EdgeRow is one arrow of the map.
type EdgeRow struct {
	Caller    string  `json:"caller"`
	Callee    string  `json:"callee"`
	Type      string  `json:"type"` // service, database, cache, messaging, llm, tool, remote
	Calls     int     `json:"calls"`
	PerMinute float64 `json:"per_minute"`
	ErrorPct  float64 `json:"error_pct"`
	P50MS     float64 `json:"p50_ms"`
	P95MS     float64 `json:"p95_ms"`
	P99MS     float64 `json:"p99_ms"`
	Was       *Was    `json:"baseline,omitempty"`
	Change    string  `json:"change,omitempty"` // more errors, slower, silent, new, more calls; only where it is significant
	worse     float64
}

// Was is the same edge in the baseline.
type Was struct {
	Calls     int     `json:"calls"`
	PerMinute float64 `json:"per_minute"`
	ErrorPct  float64 `json:"error_pct"`
	P50MS     float64 `json:"p50_ms"`
	P95MS     float64 `json:"p95_ms"`
}

type mapOutput struct {
	Edges         []EdgeRow  `json:"edges"`
	Services      int        `json:"services"`
	Start         time.Time  `json:"start"`
	End           time.Time  `json:"end"`
	BaselineStart *time.Time `json:"baseline_start,omitempty"`
	Hidden        int        `json:"hidden_edges,omitempty"`
	Notes         []string   `json:"notes,omitempty"`
	Searched      Searched   `json:"searched"`
}

func mapTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "services_map", Title: "Map the services", Toolset: toolset, Idempotent: true,
		Description: "Who calls whom, from spans: calls a minute, errors, p50/p95/p99 by edge, uninstrumented callees (databases, caches, queues, outside hosts) included, " +
			"and what changed against the time before. What changed for the worse comes first.",
	}, func(ctx context.Context, in mapInput) (*mapOutput, error) {
		eng, table, r, err := d.open(ctx, in.Source, in.Start, in.End)
		if err != nil {
			return nil, err
		}
		out := &mapOutput{Searched: searched(table), Start: r.Start, End: r.End}
		if out.End.IsZero() {
			out.End = table.End.Add(time.Microsecond).UTC()
		}
		load := r
		switch {
		case in.BaselineStart != "":
			if load, err = d.window(in.BaselineStart, in.Start); err != nil {
				return nil, err
			}
			out.BaselineStart = &load.Start
		case !r.Start.IsZero():
			from := r.Start.Add(-baselineSpan * out.End.Sub(r.Start))
			if from.Before(table.Start) {
				from = table.Start.UTC()
			}
			if from.Before(r.Start) {
				load.Start, out.BaselineStart = from, &from
			}
		}
		load.End = out.End
		set, err := trace.Load(ctx, eng, trace.Options{Range: load})
		if err != nil {
			return nil, err
		}
		out.Notes = set.Notes
		if out.Start.IsZero() {
			out.Start = table.Start.UTC()
		}
		out.fill(set, in)
		return out, nil
	})
}

func (o *mapOutput) fill(set *trace.Set, in mapInput) {
	base := int64(0)
	if o.BaselineStart != nil {
		base = o.BaselineStart.UnixNano()
	}
	services := map[string]bool{}
	for _, e := range set.ServiceMap(o.Start.UnixNano(), o.End.UnixNano(), base) {
		services[e.Caller] = true
		if e.Type == "service" {
			services[e.Callee] = true
		}
		if in.Service == "" || e.Caller == in.Service || e.Callee == in.Service {
			o.Edges = append(o.Edges, edgeRow(e, base != 0))
		}
	}
	o.Services = len(services)
	slices.SortStableFunc(o.Edges, func(a, b EdgeRow) int { return cmp.Compare(b.worse, a.worse) })
	limit := cmp.Or(in.Limit, defaultEdges)
	if len(o.Edges) > limit {
		o.Hidden = len(o.Edges) - limit
		o.Edges = o.Edges[:limit]
	}
}

func edgeRow(e trace.Edge, compared bool) EdgeRow {
	pct := func(s trace.Stats) float64 { return math.Round(10000*s.ErrorRate()) / 100 }
	rate := func(s trace.Stats) float64 { return math.Round(100*s.PerMinute) / 100 }
	r := EdgeRow{
		Caller: e.Caller, Callee: e.Callee, Type: e.Type, Calls: e.Calls, PerMinute: rate(e.Stats), ErrorPct: pct(e.Stats),
		P50MS: ms(e.P50), P95MS: ms(e.P95), P99MS: ms(e.P99),
	}
	if b := e.Baseline; b != nil {
		r.Was = &Was{b.Calls, rate(*b), pct(*b), ms(b.P50), ms(b.P95)}
	}
	if compared {
		r.Change, r.worse = judge(e)
	}
	return r
}

// Thresholds of a change worth a word: chance gives such a difference once in a thousand, and it must matter.
const (
	changeP      = .001
	slowerFactor = 1.5
	rateFactor   = 2
	minCalls     = 20
)

// judge says how an edge changed for the worse, with an order of how much.
func judge(e trace.Edge) (change string, worse float64) {
	b := e.Baseline
	switch {
	case b == nil && e.Calls >= minCalls:
		return "new", 1
	case b == nil:
		return "", 0
	case e.Calls == 0 && b.Calls >= minCalls:
		return "silent", 50
	}
	errors := stat.GShare(float64(e.Errors), float64(e.Calls), float64(b.Errors), float64(b.Calls))
	slower := float64(e.P50) / math.Max(1, float64(b.P50))
	tail := float64(e.P95) / math.Max(1, float64(b.P95))
	more := e.PerMinute / math.Max(1e-9, b.PerMinute)
	switch {
	case errors.P < changeP && e.ErrorRate() > b.ErrorRate():
		return "more errors", 10 + 100*(e.ErrorRate()-b.ErrorRate())
	case e.Calls >= minCalls && b.Calls >= minCalls && (slower >= slowerFactor || tail >= slowerFactor):
		return "slower", math.Min(40, 2+math.Max(slower, tail))
	case e.Calls >= minCalls && more >= rateFactor:
		return "more calls", 1 + math.Min(5, more/10)
	}
	return "", 0
}

// WriteText writes a line an edge.
func (o *mapOutput) WriteText(w io.Writer) {
	if len(o.Edges) == 0 {
		fmt.Fprintln(w, "0 edges: no span in the window calls another service")
		o.Searched.write(w)
		return
	}
	fmt.Fprintf(w, "%d edges, %d services, %s to %s", len(o.Edges), o.Services, stamp(o.Start), stamp(o.End))
	if o.BaselineStart != nil {
		fmt.Fprintf(w, ", against %s to its start", stamp(*o.BaselineStart))
	}
	fmt.Fprintln(w)
	for i, e := range o.Edges {
		if i >= textEdges {
			fmt.Fprintf(w, "%d more edges: structured content has them, or give service\n", len(o.Edges)-textEdges)
			break
		}
		fmt.Fprintf(w, "%s -> %s (%s): %.1f/min, errors %.2f %%, p50 %s p95 %s p99 %s", tools.Cut(e.Caller, 60), tools.Cut(e.Callee, 80), e.Type, e.PerMinute, e.ErrorPct, short(e.P50MS), short(e.P95MS), short(e.P99MS))
		if e.Change != "" {
			fmt.Fprintf(w, "  ! %s", e.Change)
			if e.Was != nil {
				fmt.Fprintf(w, " (was %.1f/min, %.2f %%, p50 %s p95 %s)", e.Was.PerMinute, e.Was.ErrorPct, short(e.Was.P50MS), short(e.Was.P95MS))
			}
		}
		fmt.Fprintln(w)
	}
	if o.Hidden > 0 {
		fmt.Fprintf(w, "%d edges left out: raise limit (at most %d) or give service\n", o.Hidden, maxEdges)
	}
	for _, n := range o.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
}
