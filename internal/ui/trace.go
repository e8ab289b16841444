package ui

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/rows"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// Bounds of a trace's page.
const (
	maxSpans    = 1_500 // drawn: a browser stays quick
	maxTraceLog = 200
	maxIndent   = 24 // levels that are indented
	colours     = 10 // of services
	scale       = 1000
)

// traceContent is one trace.
type traceContent struct {
	ID       string
	Start    time.Time
	MS       float64
	Spans    int
	Failed   int
	Cut      int
	Legend   []legend
	Roots    []*spanRow
	Ticks    []tick
	Path     []pathRow
	Logs     []logRow
	MoreLogs bool
	Picked   *picked
	Notes    []string
}

type legend struct {
	Name  string
	Class string
	MS    float64 // of its own
}

// tick is a mark of the time axis; X runs from 0 to 1000.
type tick struct {
	X      float64
	Label  string
	Anchor string
}

// spanRow is a span of the tree.
type spanRow struct {
	ID, Service, Operation, Kind string
	Class                        string // colour of the service
	Indent                       int
	X, W                         float64 // of 1000
	Parts                        []part  // critical path
	MS, OwnMS                    float64
	Marks                        []string
	Failed                       bool
	Message, Target              string
	Children                     []*spanRow
	Hidden                       int // spans below that are not drawn
	Link                         string
}

// part is a stretch of the critical path.
type part struct{ X, W float64 }

// pathRow is a share of the critical path.
type pathRow struct {
	Service, Operation string
	MS, Share          float64
}

type logRow struct {
	Time                            time.Time
	Service, Severity, SpanID, Body string
	Class                           string
}

// picked is the span whose attributes are shown.
type picked struct {
	*spanRow

	Attributes [][2]string
}

func (s *server) trace(ctx context.Context, v *view) (any, error) {
	id := v.get("id")
	if id == "" {
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "no trace id given"), "Choose a trace from the list of traces.")
	}
	eng, err := s.Sources.Open(ctx, v.Source)
	if err != nil {
		return nil, err
	}
	if _, err := spansTable(ctx, eng); err != nil {
		return nil, err
	}
	set, err := trace.Load(ctx, eng, trace.Options{Where: "`traceId` = " + ppl.Quote(id), Attributes: true, Events: true})
	if err != nil {
		return nil, err
	}
	if len(set.Traces) == 0 {
		return nil, fault.WithHint(fault.New(fault.NotFound, "no trace %s", clip(id, 64)), "The list of traces has ids; give the whole id.")
	}
	out := newTrace(set, set.Traces[0], v.get("span"), func(span string) string {
		return link(v, "trace", "id", id, "span", span) + "#picked"
	})
	out.ID = id
	out.Logs, out.MoreLogs, err = traceLogs(ctx, eng, id)
	return out, err
}

// newTrace lays a trace out.
func newTrace(set *trace.Set, t trace.Trace, pick string, address func(span string) string) *traceContent {
	tree := set.Show(t)
	root := &set.Spans[t.Root]
	out := &traceContent{Start: time.Unix(0, root.Start).UTC(), Spans: len(tree.Nodes), Notes: set.Notes}
	total := int64(1)
	for i := t.Lo; i < t.Hi; i++ {
		total = max(total, set.Spans[i].End()-root.Start)
	}
	out.MS = milli(total)
	l := layer{address: address, set: set, tree: tree, start: root.Start, total: float64(total), class: map[trace.Sym]string{}, own: map[trace.Sym]time.Duration{}}
	l.paths()
	for _, n := range tree.Nodes {
		if set.Spans[n.Index].Error {
			out.Failed++
		}
	}
	out.Roots, out.Cut = l.rows()
	out.Legend = l.legend()
	out.Ticks = ticks(total)
	out.Path = critical(set, tree)
	if pick != "" {
		out.Picked = l.pick(pick)
	}
	return out
}

func milli(ns int64) float64 { return math.Round(float64(ns)/1e3) / 1e3 }

// layer turns nodes into rows.
type layer struct {
	address func(span string) string
	set     *trace.Set
	tree    *trace.Tree
	start   int64
	total   float64
	class   map[trace.Sym]string
	own     map[trace.Sym]time.Duration
	parts   map[int32][]part
	drawn   map[int32]*spanRow
}

func (l *layer) x(ns int64) float64 {
	return math.Round(10*scale*float64(ns-l.start)/l.total) / 10
}

func (l *layer) paths() {
	l.parts = map[int32][]part{}
	for _, g := range l.tree.Path {
		l.parts[g.Span] = append(l.parts[g.Span], part{l.x(g.From), max(l.x(g.To)-l.x(g.From), 1)})
	}
}

// rows makes the tree of rows; what is beyond maxSpans is counted at its parent.
func (l *layer) rows() (roots []*spanRow, cut int) {
	l.drawn = map[int32]*spanRow{}
	var stack []*spanRow
	for k, n := range l.tree.Nodes {
		l.own[l.set.Spans[n.Index].Service] += n.Exclusive
		stack = stack[:min(n.Depth, len(stack))]
		if k >= maxSpans {
			cut++
			if len(stack) > 0 {
				stack[len(stack)-1].Hidden++
			}
			continue
		}
		r := l.row(n)
		l.drawn[n.Index] = r
		if n.Depth == 0 || len(stack) == 0 {
			roots = append(roots, r)
		} else {
			p := stack[len(stack)-1]
			p.Children = append(p.Children, r)
		}
		stack = append(stack, r)
	}
	return roots, cut
}

func (l *layer) row(n trace.Node) *spanRow {
	sp := &l.set.Spans[n.Index]
	x := max(l.x(sp.Start), 0)
	r := &spanRow{
		ID: l.set.SpanID(sp.ID), Service: l.set.Text(sp.Service), Operation: l.set.Text(sp.Name), Kind: sp.Kind.String(), Class: l.colour(sp.Service), Indent: min(n.Depth, maxIndent),
		X: x, W: max(l.x(sp.End())-x, 2), Parts: l.parts[n.Index], MS: milli(sp.Dur), OwnMS: milli(int64(n.Exclusive)), Marks: n.Marks, Failed: sp.Error,
		Message: l.set.Text(sp.Message), Target: l.set.Text(sp.Target),
	}
	r.Link = l.address(r.ID)
	if et := l.set.Text(sp.ErrorType); et != "" && r.Message == "" {
		r.Message = et
	}
	return r
}

// colour gives each service one of the colours, in the order of appearance.
func (l *layer) colour(service trace.Sym) string {
	if l.class[service] == "" {
		l.class[service] = fmt.Sprintf("c%d", len(l.class)%colours)
	}
	return l.class[service]
}

func (l *layer) legend() []legend {
	var out []legend
	for sym, class := range l.class {
		out = append(out, legend{l.set.Text(sym), class, milli(int64(l.own[sym]))})
	}
	slices.SortFunc(out, func(a, b legend) int { return cmp.Or(cmp.Compare(b.MS, a.MS), cmp.Compare(a.Name, b.Name)) })
	return out
}

func (l *layer) pick(id string) *picked {
	for i, r := range l.drawn {
		if r.ID != id {
			continue
		}
		sp := &l.set.Spans[i]
		out := &picked{spanRow: r}
		keys := l.set.Keys()
		add := func(list []trace.Attr) {
			for _, a := range list {
				text := fmt.Sprintf("%g", a.Float())
				if !a.Num {
					text = l.set.Text(a.Sym())
				}
				out.Attributes = append(out.Attributes, [2]string{keys[a.Key], text})
			}
		}
		add(l.set.Attrs(sp))
		add(l.set.Res(sp).Attrs)
		slices.SortFunc(out.Attributes, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
		return out
	}
	return nil
}

// ticks divides the axis into quarters.
func ticks(total int64) []tick {
	const parts = 4
	out := make([]tick, parts+1)
	for i := range out {
		out[i] = tick{X: scale * float64(i) / parts, Label: milliseconds(float64(total) * float64(i) / parts / 1e6)}
	}
	out[0].Label = "0"
	return out
}

// critical sums the critical path by operation.
func critical(set *trace.Set, tree *trace.Tree) []pathRow {
	sums := map[[2]trace.Sym]int64{}
	total := int64(0)
	for _, g := range tree.Path {
		sp := &set.Spans[g.Span]
		sums[[2]trace.Sym{sp.Service, sp.Name}] += g.To - g.From
		total += g.To - g.From
	}
	var out []pathRow
	for k, ns := range sums {
		out = append(out, pathRow{set.Text(k[0]), set.Text(k[1]), milli(ns), math.Round(1000*float64(ns)/float64(max(total, 1))) / 10})
	}
	slices.SortFunc(out, func(a, b pathRow) int { return cmp.Or(cmp.Compare(b.MS, a.MS), cmp.Compare(a.Operation, b.Operation)) })
	const most = 8
	return out[:min(len(out), most)]
}

// traceLogs reads the lines that carry the trace's id.
func traceLogs(ctx context.Context, eng engine.Engine, id string) ([]logRow, bool, error) {
	tables, err := eng.Tables(ctx)
	if err != nil || !slices.ContainsFunc(tables, func(t engine.Table) bool { return t.Name == "logs" && t.Rows > 0 }) {
		return nil, false, err
	}
	fields, err := eng.Fields(ctx, "logs")
	if err != nil {
		return nil, false, err
	}
	var names []string
	for _, n := range []string{"@timestamp", "serviceName", "severityText", "spanId", "body"} {
		if slices.ContainsFunc(fields, func(f engine.Field) bool { return f.Name == n }) {
			names = append(names, "`"+n+"`")
		}
	}
	if len(names) == 0 || !slices.ContainsFunc(fields, func(f engine.Field) bool { return f.Name == "traceId" }) {
		return nil, false, nil
	}
	res, err := eng.Query(ctx, "source=logs | where `traceId` = "+ppl.Quote(id)+" | sort `@timestamp` | fields "+strings.Join(names, ", "), engine.Limits{MaxRows: maxTraceLog + 1})
	if err != nil {
		return nil, false, err
	}
	var out []logRow
	for _, row := range res.Rows[:min(len(res.Rows), maxTraceLog)] {
		out = append(out, lineOf(res, row))
	}
	return out, len(res.Rows) > maxTraceLog, nil
}

func lineOf(res *rows.Result, row []any) logRow {
	l := logRow{Service: cell(res, row, "serviceName"), Severity: cell(res, row, "severityText"), SpanID: cell(res, row, "spanId"), Body: cell(res, row, "body")}
	if i := res.Index("@timestamp"); i >= 0 {
		l.Time, _ = row[i].(time.Time)
	}
	l.Class = severityClass(l.Severity)
	return l
}

func severityClass(severity string) string {
	switch severity {
	case "ERROR", "FATAL":
		return "bad"
	case "WARN":
		return "warn"
	}
	return ""
}
