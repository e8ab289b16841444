package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// Bounds of one load.
const (
	// maxSteps keeps a load within some 400 MB; an agent makes tens of steps a run, so this is ten thousand runs.
	maxSteps = 400_000
	// maxColumns bounds the columns of a row: its cost grows with them, and indexed prompts make hundreds.
	maxColumns = 300
	// slack widens a window on both sides, so that runs at its edges are whole: longer runs than this are rare.
	slack = 15 * time.Minute
)

// loader reads steps of one engine.
type loader struct {
	eng      engine.Engine
	list     []convention
	contents bool
	notes    []string
	fields   map[string][]engine.Field
}

func newLoader(eng engine.Engine, contents bool) *loader {
	return &loader{eng: eng, list: conventions(), contents: contents, fields: map[string][]engine.Field{}}
}

func (l *loader) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(l.notes, n) {
		l.notes = append(l.notes, n)
	}
}

// columns returns the fields of a table, nil when the source has no such table.
func (l *loader) columns(ctx context.Context, table string) ([]engine.Field, error) {
	if f, ok := l.fields[table]; ok {
		return f, nil
	}
	f, err := l.eng.Fields(ctx, table)
	if fault.CodeOf(err) == fault.NotFound {
		f, err = nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the fields of %s: %w", table, err)
	}
	l.fields[table] = f
	return f, nil
}

// attribute returns an attribute's name as the conventions write it, "" for a column that is none. Stores of the raw form write
// span.attributes.gen_ai@usage@input_tokens.
func attribute(column string) string {
	for _, p := range []string{"attributes.", "span.attributes.", "log.attributes."} {
		if rest, ok := strings.CutPrefix(column, p); ok {
			return strings.ReplaceAll(rest, "@", ".")
		}
	}
	return ""
}

func quoted(column string) string { return "`" + column + "`" }

// markers returns the condition that a span is one of an agent, "" when no column says so.
func (l *loader) markers(fields []engine.Field) string {
	want := map[string]bool{}
	for _, c := range l.list {
		for _, m := range c.markers {
			want[m] = true
		}
	}
	var terms []string
	for _, f := range fields {
		if f.Filled > 0 && want[attribute(f.Name)] {
			terms = append(terms, "isnotnull("+quoted(f.Name)+")")
		}
	}
	if len(terms) == 0 {
		return ""
	}
	return "(" + strings.Join(terms, " or ") + ")"
}

// sessions returns the condition that a row belongs to a conversation, "" when no column could say so.
func (l *loader) sessions(fields []engine.Field, id string) string {
	want := map[string]bool{}
	for _, c := range l.list {
		for _, m := range c.sessions {
			want[m] = true
		}
	}
	var terms []string
	for _, f := range fields {
		if f.Filled > 0 && want[attribute(f.Name)] && !f.Type.Numeric() {
			terms = append(terms, quoted(f.Name)+" = "+ppl.Quote(id))
		}
	}
	if len(terms) == 0 {
		return ""
	}
	return "(" + strings.Join(terms, " or ") + ")"
}

// fixed are the columns every span is read with.
var fixed = []string{
	"traceId", "spanId", "parentSpanId", "name", "kind", "serviceName", "startTime", "endTime", "durationInNanos", "status.code", "status.message",
}

// spans reads the spans that fulfil a condition; all says to keep those that are no agent's as well.
func (l *loader) spans(ctx context.Context, r timerange.Range, where string, all bool) ([]Step, error) {
	fields, err := l.columns(ctx, trace.Table)
	if err != nil || len(fields) == 0 {
		return nil, err
	}
	d := l.decoder(ctx, fields, trace.Table, fixed, all)
	var out []Step
	query := trace.Query(d.names, r, where)
	_, err = l.eng.Stream(ctx, query, engine.Limits{MaxRows: maxSteps + 1}, func(row []any) error {
		s := d.span(row)
		if s.Start.IsZero() || !all && !s.known() {
			return nil
		}
		if len(out) == maxSteps {
			l.note("only the first %d steps were read: narrow start and end", maxSteps)
			return nil
		}
		out = append(out, s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the spans of agents: %w", err)
	}
	return out, nil
}

// decoder reads rows of one table.
type decoder struct {
	l     *loader
	names []string
	at    map[string]int
	keys  []string // of each column, "" for those that are no attribute
	own   attrs
}

// decoder chooses the columns to read: the fixed ones that exist and the attributes that the conventions know, those of
// conversations only when contents were asked for; the fullest win.
func (l *loader) decoder(ctx context.Context, fields []engine.Field, table string, names []string, places bool) *decoder {
	d := &decoder{l: l, at: map[string]int{}, own: attrs{}}
	add := func(name, key string) {
		d.at[name] = len(d.names)
		d.names = append(d.names, name)
		d.keys = append(d.keys, key)
	}
	known := map[string]bool{}
	for _, f := range fields {
		known[f.Name] = true
	}
	for _, n := range names {
		if known[n] {
			add(n, "")
		}
	}
	if places && known["events"] && table == trace.Table {
		add("events", "")
	}
	if places && trace.HasPlaces(ctx, l.eng, table) {
		add("_file", "")
		add("_line", "")
	}
	want := wantedKeys(l.list, l.contents)
	heavy := func(key string) bool { // texts of calls that a list of runs can do without
		return !places && (key == "input.value" || key == "output.value" || key == "traceloop.entity.input" || key == "traceloop.entity.output" ||
			strings.HasPrefix(key, "langfuse.observation.input") || strings.HasPrefix(key, "langfuse.observation.output") || key == "gen_ai.prompt" || key == "gen_ai.completion")
	}
	var picked []engine.Field
	for _, f := range fields {
		if key := attribute(f.Name); key != "" && f.Filled > 0 && want.has(key) && !heavy(key) {
			picked = append(picked, f)
		}
	}
	slices.SortStableFunc(picked, func(a, b engine.Field) int { return int(b.Filled - a.Filled) })
	if len(picked) > maxColumns {
		l.note("%d attribute columns were left out, the least filled ones", len(picked)-maxColumns)
		picked = picked[:maxColumns]
	}
	for _, f := range picked {
		add(f.Name, attribute(f.Name))
	}
	return d
}

func (d *decoder) value(row []any, name string) any {
	if i, ok := d.at[name]; ok {
		return row[i]
	}
	return nil
}

func (d *decoder) text(row []any, name string) string { return textOf(d.value(row, name)) }

func (d *decoder) num(row []any, name string) int64 {
	f, _ := attrs{"": d.value(row, name)}.num("")
	return int64(f)
}

func (d *decoder) time(row []any, name string) time.Time {
	switch v := d.value(row, name).(type) {
	case time.Time:
		return v.UTC()
	case string:
		if t, err := timerange.Instant(v, time.Time{}); err == nil {
			return t
		}
	}
	return time.Time{}
}

// attributes returns the row's attributes; the map is used again by the next row.
func (d *decoder) attributes(row []any) attrs {
	clear(d.own)
	for i, k := range d.keys {
		if k != "" && row[i] != nil {
			d.own[k] = row[i]
		}
	}
	return d.own
}

// span reads one span.
func (d *decoder) span(row []any) Step {
	s := Step{
		TraceID: d.text(row, "traceId"), SpanID: d.text(row, "spanId"), ParentID: d.text(row, "parentSpanId"), Name: d.text(row, "name"),
		Kind:    strings.ToLower(strings.TrimPrefix(d.text(row, "kind"), "SPAN_KIND_")),
		Service: d.text(row, "serviceName"), Start: d.time(row, "startTime"), Dur: time.Duration(d.num(row, "durationInNanos")),
		Error: d.num(row, "status.code") == 2, Message: d.text(row, "status.message"), File: d.text(row, "_file"), Line: d.num(row, "_line"), parent: -1,
	}
	if end := d.time(row, "endTime"); s.Dur == 0 && !end.IsZero() && !s.Start.IsZero() {
		s.Dur = end.Sub(s.Start)
	}
	a := d.attributes(row)
	resolve(d.l.list, a, &s, d.l.contents)
	if ev := d.value(row, "events"); ev != nil {
		s.events(ev, d.l.contents)
	}
	return s
}
