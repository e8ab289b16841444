package traces

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/rows"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/internal/trace"
	"github.com/plumbline-mcp/plumbline/tools"
)

// by says which traces are wanted.
type by string

const (
	bySlow   by = "slow"
	byFailed by = "failed"
	bySample by = "sample"
	byNewest by = "newest"
)

// Enum lists the choices.
func (by) Enum() []string {
	return []string{string(bySlow), string(byFailed), string(bySample), string(byNewest)}
}

type findInput struct {
	Source     string   `json:"source,omitempty" jsonschema:"source or path"`
	By         by       `json:"by,omitempty" jsonschema:"slow (default), failed, newest, or sample: fast, typical and slow ones of an operation"`
	Service    string   `json:"service,omitempty" jsonschema:"only traces with spans of this service"`
	Operation  string   `json:"operation,omitempty" jsonschema:"span name"`
	Attributes []string `json:"attributes,omitempty" jsonschema:"conditions on one span, key=value (OTel keys, e.g. app.order.gift=true, service.version=2.4.0)"`
	MinMS      float64  `json:"min_ms,omitempty" jsonschema:"least duration of the span, milliseconds"`
	Start      string   `json:"start,omitempty" jsonschema:"RFC 3339 or an offset such as -1h"`
	End        string   `json:"end,omitempty" jsonschema:"RFC 3339 or an offset"`
	Limit      int      `json:"limit,omitempty" jsonschema:"traces to return, default 10, at most 50"`
}

// Bounds of a search.
const (
	defaultFound = 10
	maxFound     = 50
)

// Validate refuses what cannot be searched for.
func (in findInput) Validate() error {
	if in.Limit < 0 || in.Limit > maxFound {
		return fault.New(fault.InvalidArgument, "limit %d is not between 1 and %d", in.Limit, maxFound)
	}
	for _, a := range in.Attributes {
		if k, _, ok := strings.Cut(a, "="); !ok || k == "" {
			return fault.WithHint(fault.New(fault.InvalidArgument, "attribute condition %q is not key=value", a), "Write app.order.gift=true.")
		}
	}
	return nil
}

// Found is one trace in an answer of traces_find.
type Found struct {
	TraceID    string    `json:"trace_id"`
	Class      string    `json:"class,omitempty"` // fast, typical, slow
	Start      time.Time `json:"start"`
	DurationMS float64   `json:"duration_ms"`
	Root       string    `json:"root"` // service and operation
	MatchMS    float64   `json:"match_ms,omitempty"`
	Spans      int       `json:"spans"`
	Services   int       `json:"services"`
	Errors     int       `json:"errors"`
	Origin     string    `json:"origin,omitempty"`  // where the first error began
	Message    string    `json:"message,omitempty"` // what it said; data
	Slowest    string    `json:"slowest,omitempty"` // where most of the critical path went
	SlowestMS  float64   `json:"slowest_ms,omitempty"`
}

type findOutput struct {
	Traces   []Found  `json:"traces"`
	Matched  int64    `json:"matched_spans"`
	P10MS    float64  `json:"p10_ms,omitempty"`
	P50MS    float64  `json:"p50_ms,omitempty"`
	P99MS    float64  `json:"p99_ms,omitempty"`
	Query    string   `json:"query"`
	Searched Searched `json:"searched"`
}

func findTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "traces_find", Title: "Find traces", Toolset: toolset, Idempotent: true,
		Description: "Finds traces that are slow, failed, newest, or a fast/typical/slow sample of an operation; by service, operation, attributes and time. " +
			"Answers a line a trace with its error origin and where its time went. Next: trace_show.",
	}, func(ctx context.Context, in findInput) (*findOutput, error) {
		eng, table, r, err := d.open(ctx, in.Source, in.Start, in.End)
		if err != nil {
			return nil, err
		}
		if in.By == "" {
			in.By = bySlow
		}
		if in.Limit == 0 {
			in.Limit = defaultFound
		}
		f := finder{eng: eng, in: in, window: r, out: &findOutput{Searched: searched(table), Traces: []Found{}}}
		return f.out, f.run(ctx)
	})
}

// finder runs one search: first the spans that match, then the traces they belong to.
type finder struct {
	eng    engine.Engine
	in     findInput
	window timerange.Range
	out    *findOutput
	picked []pick
}

type pick struct {
	traceID, class string
	ms             float64
}

func (f *finder) run(ctx context.Context) error {
	where, err := f.where(ctx)
	if err != nil {
		return err
	}
	base := f.base(where)
	if where == rootCondition(f.in) {
		if base, err = f.roots(ctx, base); err != nil {
			return err
		}
	}
	if err := f.measure(ctx, base); err != nil || f.out.Matched == 0 {
		f.out.Query = base + " | stats count() as spans"
		return err
	}
	switch f.in.By {
	case bySample:
		err = f.sample(ctx, base)
	case byFailed:
		err = f.take(ctx, base+" | stats count() as failed, max(`durationInNanos`) as longest by `traceId` | sort - failed, - longest | fields `traceId`, longest", "")
	case byNewest:
		err = f.take(ctx, base+" | sort - `startTime` | fields `traceId`, `durationInNanos`", "")
	case bySlow:
		err = f.take(ctx, base+" | sort - `durationInNanos` | fields `traceId`, `durationInNanos`", "")
	}
	if err != nil {
		return err
	}
	return f.describe(ctx)
}

func (f *finder) base(where string) string {
	if c := ppl.Within("startTime", f.window, where); c != "" {
		return "source=spans | where " + c
	}
	return "source=spans"
}

// rootless is the share of traces without a root in the data from which on roots alone do not stand for the traces.
const rootless = .02

// roots answers what stands for each trace: its root span. A service that is called from outside names a parent that is not in
// the data; where such traces are many, the longest span of each trace stands for it, under the same column names.
func (f *finder) roots(ctx context.Context, base string) (string, error) {
	roots, err := f.number(ctx, base+" | stats count() as n")
	if err != nil {
		return "", err
	}
	traces, err := f.number(ctx, f.base("")+" | stats dc(`traceId`) as n")
	if err != nil || roots >= (1-rootless)*traces {
		return base, err
	}
	base = f.base("") + " | stats max(`durationInNanos`) as durationInNanos, min(`startTime`) as startTime by `traceId`"
	if f.in.MinMS > 0 {
		base += fmt.Sprintf(" | where `durationInNanos` >= %.0f", f.in.MinMS*1e6)
	}
	return base, nil
}

// number answers the column n of a query's only row.
func (f *finder) number(ctx context.Context, query string) (float64, error) {
	res, err := f.eng.Query(ctx, query, engine.Limits{MaxRows: 1})
	if err != nil || len(res.Rows) == 0 {
		return 0, err
	}
	return number(res, 0, "n"), nil
}

// rootCondition is the condition of a search that asks for traces as such: their roots, of some duration.
func rootCondition(in findInput) string {
	root := "(isnull(`parentSpanId`) or `parentSpanId` = '')"
	if in.MinMS > 0 {
		return fmt.Sprintf("`durationInNanos` >= %.0f and %s", in.MinMS*1e6, root)
	}
	return root
}

// where writes the condition on the span that is looked for. Without one it is the root of a trace.
func (f *finder) where(ctx context.Context) (string, error) {
	var parts []string
	if f.in.Service != "" {
		parts = append(parts, "`serviceName` = "+ppl.Quote(f.in.Service))
	}
	if f.in.Operation != "" {
		parts = append(parts, "`name` = "+ppl.Quote(f.in.Operation))
	}
	if f.in.MinMS > 0 {
		parts = append(parts, fmt.Sprintf("`durationInNanos` >= %.0f", f.in.MinMS*1e6))
	}
	if f.in.By == byFailed {
		parts = append(parts, "`status.code` = 2")
	}
	if len(f.in.Attributes) > 0 {
		fields, err := f.eng.Fields(ctx, trace.Table)
		if err != nil {
			return "", err
		}
		for _, a := range f.in.Attributes {
			key, value, _ := strings.Cut(a, "=")
			col, ok := column(fields, key)
			if !ok {
				return "", unknownAttribute(key, fields)
			}
			parts = append(parts, equals(col, value))
		}
	}
	switch {
	case f.in.By == byFailed || f.in.Operation != "" || len(f.in.Attributes) > 0:
	case f.in.Service != "":
		parts = append(parts, "`kind` in ('SPAN_KIND_SERVER', 'SPAN_KIND_CONSUMER')")
	default:
		parts = append(parts, "(isnull(`parentSpanId`) or `parentSpanId` = '')")
	}
	return strings.Join(parts, " and "), nil
}

func unknownAttribute(key string, fields []engine.Field) error {
	var names []string
	for _, f := range fields {
		if n, ok := strings.CutPrefix(f.Name, "attributes."); ok {
			names = append(names, n)
		} else if n, ok := strings.CutPrefix(f.Name, "resource.attributes."); ok {
			names = append(names, n)
		}
	}
	err := fault.New(fault.InvalidArgument, "no span has an attribute %q", key)
	if near := tools.Nearest(key, names); near != "" {
		return fault.WithHint(err, "Did you mean %q? data_describe lists the fields.", near)
	}
	return fault.WithHint(err, "data_describe lists the fields of spans.")
}

func (f *finder) measure(ctx context.Context, base string) error {
	res, err := f.eng.Query(ctx, base+" | stats count() as n, percentile(`durationInNanos`, 10) as p10, percentile(`durationInNanos`, 50) as p50, percentile(`durationInNanos`, 99) as p99", engine.Limits{MaxRows: 1})
	if err != nil {
		return err
	}
	if len(res.Rows) == 1 {
		f.out.Matched = int64(number(res, 0, "n"))
		f.out.P10MS, f.out.P50MS, f.out.P99MS = number(res, 0, "p10")/1e6, number(res, 0, "p50")/1e6, number(res, 0, "p99")/1e6
	}
	return nil
}

func number(res *rows.Result, row int, name string) float64 {
	i := res.Index(name)
	if i < 0 {
		return 0
	}
	switch v := res.Rows[row][i].(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

// take adds the traces a query names, each once, up to the limit. Several spans may name one trace, so it asks for more.
func (f *finder) take(ctx context.Context, query, class string) error {
	if f.out.Query == "" {
		f.out.Query = query
	}
	limit := f.in.Limit
	if class != "" {
		limit = len(f.picked) + max(1, f.in.Limit/3)
	}
	const spansPerTrace = 20
	res, err := f.eng.Query(ctx, query+fmt.Sprintf(" | head %d", spansPerTrace*limit), engine.Limits{MaxRows: spansPerTrace * limit})
	if err != nil {
		return err
	}
	for i, row := range res.Rows {
		id, _ := row[0].(string)
		if len(f.picked) >= limit || id == "" {
			break
		}
		if !slices.ContainsFunc(f.picked, func(p pick) bool { return p.traceID == id }) {
			f.picked = append(f.picked, pick{id, class, number(res, i, res.Columns[1].Name) / 1e6})
		}
	}
	return nil
}

// sample takes traces around the 10th, the 50th and beyond the 99th percentile.
func (f *finder) sample(ctx context.Context, base string) error {
	for _, c := range []struct {
		class string
		ms    float64
	}{{"fast", f.out.P10MS}, {"typical", f.out.P50MS}, {"slow", f.out.P99MS}} {
		q := base + fmt.Sprintf(" | where `durationInNanos` >= %.0f | sort `durationInNanos` | fields `traceId`, `durationInNanos`", c.ms*1e6)
		if err := f.take(ctx, q, c.class); err != nil {
			return err
		}
	}
	return nil
}

// describe loads the traces picked and says what each one is.
func (f *finder) describe(ctx context.Context) error {
	ids := make([]string, len(f.picked))
	for i, p := range f.picked {
		ids[i] = p.traceID
	}
	set, err := trace.Load(ctx, f.eng, trace.Options{Where: inList("traceId", ids), Events: true})
	if err != nil {
		return err
	}
	at := map[string]trace.Trace{}
	for _, t := range set.Traces {
		at[set.Text(t.ID)] = t
	}
	for _, p := range f.picked {
		if t, ok := at[p.traceID]; ok {
			f.out.Traces = append(f.out.Traces, found(set, t, p))
		}
	}
	return nil
}

func found(set *trace.Set, t trace.Trace, p pick) Found {
	root := &set.Spans[t.Root]
	out := Found{
		TraceID: p.traceID, Class: p.class, Start: time.Unix(0, root.Start).UTC(), DurationMS: ms(time.Duration(root.Dur)), MatchMS: p.ms,
		Root: set.Text(root.Service) + " " + set.Text(root.Name), Spans: int(t.Hi - t.Lo),
	}
	services := map[trace.Sym]bool{}
	for i := t.Lo; i < t.Hi; i++ {
		sp := &set.Spans[i]
		services[sp.Service] = true
		if !sp.Error {
			continue
		}
		out.Errors++
		if out.Origin == "" && set.Origin(i) {
			out.Origin = set.Text(sp.Service) + " " + set.Text(sp.Name) + ": " + set.Text(sp.ErrorType)
			out.Message = set.Text(sp.Message)
		}
	}
	out.Services = len(services)
	for i, c := range critical(set, t) {
		if i == 0 {
			out.Slowest, out.SlowestMS = c.Service+" "+c.Operation, c.MS
		}
	}
	return out
}

// WriteText writes a line a trace.
func (o *findOutput) WriteText(w io.Writer) {
	if len(o.Traces) == 0 {
		fmt.Fprintf(w, "0 traces: no span matches\nquery: %s\n", o.Query)
		o.Searched.write(w)
		return
	}
	fmt.Fprintf(w, "%d traces of %d matching spans (p10 %s, p50 %s, p99 %s)\n", len(o.Traces), o.Matched, short(o.P10MS), short(o.P50MS), short(o.P99MS))
	for _, t := range o.Traces {
		class := ""
		if t.Class != "" {
			class = t.Class + " "
		}
		fmt.Fprintf(w, "%s%s %s %s, %s, %d spans, %d services", class, t.TraceID, stamp(t.Start), tools.Cut(t.Root, 80), short(t.DurationMS), t.Spans, t.Services)
		if t.Errors > 0 {
			fmt.Fprintf(w, ", %d errors from %s", t.Errors, tools.Cut(t.Origin, 100))
			if t.Message != "" {
				fmt.Fprintf(w, " data:%q", tools.Cut(t.Message, 100))
			}
		}
		if t.Slowest != "" {
			fmt.Fprintf(w, "; most time: %s %s", tools.Cut(t.Slowest, 80), short(t.SlowestMS))
		}
		fmt.Fprintln(w)
	}
	if o.Matched > int64(len(o.Traces)) {
		fmt.Fprintf(w, "more match: raise limit (at most %d) or narrow by service, operation, attributes, start and end\n", maxFound)
	}
	fmt.Fprintf(w, "query: %s\n", o.Query)
	o.Searched.write(w)
}
