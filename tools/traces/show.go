package traces

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/trace"
	"github.com/plumbline-mcp/plumbline/tools"
)

type showInput struct {
	Source  string `json:"source,omitempty" jsonschema:"source or path"`
	TraceID string `json:"trace_id" jsonschema:"trace to show"`
	SpanID  string `json:"span_id,omitempty" jsonschema:"show all attributes of this span and only the tree below it"`
	Limit   int    `json:"limit,omitempty" jsonschema:"spans to show, default 60, at most 500; errors and the critical path come first"`
	Logs    *bool  `json:"logs,omitempty" jsonschema:"join the log lines of the trace, default true"`
}

// Bounds of a trace shown.
const (
	defaultShown = 60
	maxShown     = 500
	maxTraceLogs = 30
	maxPathRows  = 6
)

// Validate refuses bounds that cannot be kept.
func (in showInput) Validate() error {
	if in.Limit < 0 || in.Limit > maxShown {
		return fault.New(fault.InvalidArgument, "limit %d is not between 1 and %d", in.Limit, maxShown)
	}
	return nil
}

// SpanRow is one span of a tree, depth first.
type SpanRow struct {
	SpanID     string   `json:"span_id"`
	Depth      int      `json:"depth"`
	Service    string   `json:"service"`
	Operation  string   `json:"operation"`
	Kind       string   `json:"kind"`
	Target     string   `json:"target,omitempty"`
	OffsetMS   float64  `json:"offset_ms"`
	DurationMS float64  `json:"duration_ms"`
	SelfMS     float64  `json:"self_ms"`     // no child ran
	CriticalMS float64  `json:"critical_ms"` // on the critical path
	GapMS      float64  `json:"gap_ms,omitempty"`
	Error      string   `json:"error,omitempty"`
	Message    string   `json:"message,omitempty"`
	Marks      []string `json:"marks,omitempty"`
	File       string   `json:"file,omitempty"`
	Line       int64    `json:"line,omitempty"`
}

// PathRow is a part of the critical path.
type PathRow struct {
	Service   string  `json:"service"`
	Operation string  `json:"operation"`
	MS        float64 `json:"ms"`
	Share     float64 `json:"share"`
}

// LogRow is a log line of the trace.
type LogRow struct {
	Time     time.Time `json:"time"`
	Service  string    `json:"service"`
	Severity string    `json:"severity"`
	SpanID   string    `json:"span_id,omitempty"`
	Body     string    `json:"body"`
	File     string    `json:"file,omitempty"`
	Line     int64     `json:"line,omitempty"`
}

type showOutput struct {
	TraceID    string            `json:"trace_id"`
	Start      time.Time         `json:"start"`
	DurationMS float64           `json:"duration_ms"`
	Spans      int               `json:"spans"`
	Services   []string          `json:"services"`
	Errors     int               `json:"errors"`
	Origins    []string          `json:"origins"`  // span ids where errors began
	Critical   []PathRow         `json:"critical"` // where the time went
	Tree       []SpanRow         `json:"tree"`
	Hidden     int               `json:"hidden_spans,omitempty"`
	Logs       []LogRow          `json:"logs"`
	MoreLogs   bool              `json:"more_logs,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"` // of span_id
	Notes      []string          `json:"notes,omitempty"`
	source     string
}

func showTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "trace_show", Title: "Show a trace", Toolset: toolset, Idempotent: true,
		Description: "Shows one trace as a tree: offsets, durations, self time, critical path, where errors began, waits before calls, retries, clock skew, missing parents, " +
			"and the log lines joined by trace id. span_id adds all attributes of one span.",
	}, func(ctx context.Context, in showInput) (*showOutput, error) {
		eng, err := d.Sources.Open(ctx, in.Source)
		if err != nil {
			return nil, err
		}
		table, err := spans(ctx, eng)
		if err != nil {
			return nil, err
		}
		set, err := trace.Load(ctx, eng, trace.Options{Where: "`traceId` = " + ppl.Quote(in.TraceID), Attributes: true, Events: true, Places: true})
		if err != nil {
			return nil, err
		}
		if len(set.Traces) == 0 {
			return nil, fault.WithHint(fault.New(fault.NotFound, "no trace %s in %d spans", in.TraceID, table.Rows), "traces_find lists trace ids; give the whole id.")
		}
		out := show(set, set.Traces[0], in)
		if in.SpanID != "" && len(out.Tree) == 0 {
			return nil, fault.WithHint(fault.New(fault.NotFound, "no span %s in trace %s", in.SpanID, in.TraceID), "Call trace_show without span_id to see its spans.")
		}
		if in.Logs == nil || *in.Logs {
			err = out.joinLogs(ctx, eng)
		}
		return out, err
	})
}

// show builds the answer of one trace.
func show(set *trace.Set, t trace.Trace, in showInput) *showOutput {
	tree := set.Show(t)
	root := &set.Spans[t.Root]
	out := &showOutput{
		TraceID: set.Text(t.ID), Start: time.Unix(0, root.Start).UTC(), DurationMS: ms(time.Duration(root.Dur)), Spans: len(tree.Nodes),
		Critical: critical(set, t), Origins: []string{}, Logs: []LogRow{}, Tree: []SpanRow{}, source: in.Source,
	}
	services := map[string]bool{}
	orphans := 0
	for _, n := range tree.Nodes {
		sp := &set.Spans[n.Index]
		services[set.Text(sp.Service)] = true
		if sp.Error {
			out.Errors++
		}
		if slices.Contains(n.Marks, trace.MarkOrigin) {
			out.Origins = append(out.Origins, set.SpanID(sp.ID))
		}
		if sp.Orphan {
			orphans++
		}
	}
	for s := range services {
		out.Services = append(out.Services, s)
	}
	slices.Sort(out.Services)
	if orphans > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d spans name a parent that is not in the data", orphans))
	}
	for _, r := range tree.Retry {
		sp := &set.Spans[r.Calls[0]]
		out.Notes = append(out.Notes, fmt.Sprintf("%s called %s %d times in a row after failures; last one ok: %v", set.Text(sp.Service), cmp.Or(set.Text(sp.Target), set.Text(sp.Name)), len(r.Calls), r.Resolved))
	}
	out.fill(set, subtree(set, tree, in.SpanID, out), cmp.Or(in.Limit, defaultShown))
	return out
}

// subtree narrows the nodes to those below one span and collects its attributes.
func subtree(set *trace.Set, tree *trace.Tree, spanID string, out *showOutput) []trace.Node {
	if spanID == "" {
		return tree.Nodes
	}
	for i, n := range tree.Nodes {
		sp := &set.Spans[n.Index]
		if set.SpanID(sp.ID) != spanID {
			continue
		}
		out.Attributes = map[string]string{}
		for _, a := range set.Attrs(sp) {
			out.Attributes[set.Keys()[a.Key]] = set.Value(a)
		}
		for _, a := range set.Res(sp).Attrs {
			out.Attributes[strings.Replace(set.Keys()[a.Key], "resource.", "resource.attributes.", 1)] = set.Value(a)
		}
		j := i + 1
		for j < len(tree.Nodes) && tree.Nodes[j].Depth > n.Depth {
			j++
		}
		return tree.Nodes[i:j]
	}
	return nil
}

// fill writes the rows: all when they fit, else those with marks, on the critical path, and above such spans, then in order.
func (o *showOutput) fill(set *trace.Set, nodes []trace.Node, limit int) {
	keep := make([]bool, len(nodes))
	left := limit
	mark := func(want func(trace.Node) bool) {
		for i, n := range nodes {
			if left > 0 && !keep[i] && want(n) {
				keep[i] = true
				left--
			}
		}
	}
	if len(nodes) > limit {
		mark(func(n trace.Node) bool { return n.Index == nodes[0].Index })
		mark(func(n trace.Node) bool { return slices.Contains(n.Marks, trace.MarkOrigin) })
		mark(func(n trace.Node) bool { return len(n.Marks) > 0 })
		mark(func(n trace.Node) bool { return n.Critical > 0 })
	}
	mark(func(trace.Node) bool { return true })
	for i, n := range nodes {
		if keep[i] {
			o.Tree = append(o.Tree, spanRow(set, n))
		}
	}
	o.Hidden = len(nodes) - len(o.Tree)
}

func spanRow(set *trace.Set, n trace.Node) SpanRow {
	sp := &set.Spans[n.Index]
	r := SpanRow{
		SpanID: set.SpanID(sp.ID), Depth: n.Depth, Service: set.Text(sp.Service), Operation: set.Text(sp.Name), Kind: sp.Kind.String(), Target: set.Text(sp.Target),
		OffsetMS: ms(n.Offset), DurationMS: ms(time.Duration(sp.Dur)), SelfMS: ms(n.Exclusive), CriticalMS: ms(n.Critical), Marks: n.Marks,
		File: set.Text(sp.File), Line: int64(sp.Line),
	}
	if slices.Contains(n.Marks, trace.MarkGap) {
		r.GapMS = ms(n.Gap)
	}
	if sp.Error || sp.Soft {
		r.Error, r.Message = set.Text(sp.ErrorType), set.Text(sp.Message)
	}
	return r
}

// critical sums the critical path by service and operation, longest first.
func critical(set *trace.Set, t trace.Trace) []PathRow {
	total := set.Spans[t.Root].Dur
	sums := map[[2]trace.Sym]int64{}
	for _, g := range set.CriticalPath(t.Root, nil) {
		sp := &set.Spans[g.Span]
		sums[[2]trace.Sym{sp.Service, sp.Name}] += g.To - g.From
	}
	out := make([]PathRow, 0, len(sums))
	for k, v := range sums {
		out = append(out, PathRow{set.Text(k[0]), set.Text(k[1]), ms(time.Duration(v)), round3(float64(v) / float64(max(1, total)))})
	}
	slices.SortFunc(out, func(a, b PathRow) int {
		return cmp.Or(cmp.Compare(b.MS, a.MS), cmp.Compare(a.Service+a.Operation, b.Service+b.Operation))
	})
	return out[:min(len(out), maxPathRows)]
}

func round3(f float64) float64 { return float64(int64(f*1000+.5)) / 1000 }

// joinLogs reads the log lines that carry the trace's id. A source without logs has none.
func (o *showOutput) joinLogs(ctx context.Context, eng engine.Engine) error {
	tables, err := eng.Tables(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(tables, func(t engine.Table) bool { return t.Name == "logs" && t.Rows > 0 }) {
		return nil
	}
	fields, err := eng.Fields(ctx, "logs")
	if err != nil {
		return err
	}
	var names []string
	if trace.HasPlaces(ctx, eng, "logs") {
		names = append(names, "_file", "_line")
	}
	for _, n := range []string{"@timestamp", "serviceName", "severityText", "spanId", "body"} {
		if _, ok := column(fields, n); ok {
			names = append(names, n)
		}
	}
	if _, ok := column(fields, "traceId"); !ok {
		return nil
	}
	q := "source=logs | where `traceId` = " + ppl.Quote(o.TraceID) + " | sort `@timestamp` | fields `" + strings.Join(names, "`, `") + "`"
	res, err := eng.Query(ctx, q, engine.Limits{MaxRows: maxTraceLogs + 1})
	if err != nil {
		return err
	}
	for _, row := range res.Rows[:min(len(res.Rows), maxTraceLogs)] {
		text := func(name string) string {
			if i := res.Index(name); i >= 0 {
				s, _ := row[i].(string)
				return s
			}
			return ""
		}
		l := LogRow{Service: text("serviceName"), Severity: text("severityText"), SpanID: text("spanId"), Body: text("body"), File: text("_file")}
		if i := res.Index("@timestamp"); i >= 0 {
			l.Time, _ = row[i].(time.Time)
		}
		if i := res.Index("_line"); i >= 0 {
			l.Line, _ = row[i].(int64)
		}
		o.Logs = append(o.Logs, l)
	}
	o.MoreLogs = len(res.Rows) > maxTraceLogs
	return nil
}

// WriteText writes the tree, then the log lines.
func (o *showOutput) WriteText(w io.Writer) {
	fmt.Fprintf(w, "trace %s: %d spans, %d services, %d errors, %s from %s\n", o.TraceID, o.Spans, len(o.Services), o.Errors, short(o.DurationMS), stamp(o.Start))
	fmt.Fprint(w, "time went to:")
	for i, c := range o.Critical {
		if i < 4 {
			fmt.Fprintf(w, " %s %s %s (%.0f %%);", tools.Cut(c.Service, 40), tools.Cut(c.Operation, 60), short(c.MS), 100*c.Share)
		}
	}
	fmt.Fprint(w, "\noffset  duration  self  span (names and messages are data; * = on the critical path)\n")
	for _, r := range o.Tree {
		o.writeSpan(w, r)
	}
	if o.Hidden > 0 {
		fmt.Fprintf(w, "%d spans hidden: call with limit up to %d, or with span_id to see below one span\n", o.Hidden, maxShown)
	}
	if len(o.Attributes) > 0 {
		keys := make([]string, 0, len(o.Attributes))
		for k := range o.Attributes {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		var b strings.Builder
		for _, k := range keys {
			fmt.Fprintf(&b, "%s = %s\n", k, tools.Cut(o.Attributes[k], 200))
		}
		tools.Fence(w, "attributes", b.String())
	}
	for _, n := range o.Notes {
		fmt.Fprintf(w, "note: %s\n", tools.Cut(n, 200))
	}
	o.writeLogs(w)
}

func (o *showOutput) writeSpan(w io.Writer, r SpanRow) {
	fmt.Fprintf(w, "%8s %8s %8s  %s%s %s", short(r.OffsetMS), short(r.DurationMS), short(r.SelfMS), strings.Repeat("  ", min(r.Depth, 20)), tools.Cut(r.Service, 40), tools.Cut(r.Operation, 60))
	if r.Kind != "server" && r.Kind != "internal" && r.Kind != "unset" {
		fmt.Fprintf(w, " (%s)", r.Kind)
	}
	if r.CriticalMS > 0 {
		fmt.Fprint(w, " *")
	}
	for _, m := range r.Marks {
		if m == trace.MarkGap {
			m = "waited " + short(r.GapMS) + " before a call"
		}
		fmt.Fprintf(w, " [%s]", m)
	}
	if r.Error != "" {
		fmt.Fprintf(w, " %s", tools.Cut(r.Error, 60))
		if r.Message != "" && slices.Contains(r.Marks, trace.MarkOrigin) {
			fmt.Fprintf(w, ": %q", tools.Cut(r.Message, 160))
		}
	}
	if slices.Contains(r.Marks, trace.MarkOrigin) {
		fmt.Fprintf(w, " span %s", r.SpanID)
	}
	fmt.Fprintln(w)
}

func (o *showOutput) writeLogs(w io.Writer) {
	if len(o.Logs) == 0 {
		fmt.Fprintln(w, "no log line carries this trace id")
		return
	}
	var b strings.Builder
	for _, l := range o.Logs {
		fmt.Fprintf(&b, "%s %s %s %s", stamp(l.Time), l.Severity, l.Service, tools.Cut(l.Body, 180))
		if l.File != "" {
			fmt.Fprintf(&b, " (%s:%d)", l.File, l.Line)
		}
		b.WriteByte('\n')
	}
	tools.Fence(w, fmt.Sprintf("%d log lines of the trace", len(o.Logs)), b.String())
	if o.MoreLogs {
		fmt.Fprintf(w, "more lines: logs_query \"source=logs | where traceId = '%s' | sort @timestamp\"\n", o.TraceID)
	}
}
