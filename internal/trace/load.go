package trace

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// Table is the table that spans are read from.
const Table = "spans"

// Options says what Load reads.
type Options struct {
	Range timerange.Range // by start time; open bounds mean all
	Where string          // a further PPL condition, "" for none
	// Attributes reads every attribute column (up to maxColumns); otherwise only what the model itself needs.
	Attributes bool
	// Events reads the exception events of failed spans that say nothing themselves.
	Events bool
	// Places reads the file and line of each span.
	Places bool
	// MaxSpans bounds the load, 0 means DefaultMaxSpans. What is beyond is left out and noted in Set.Notes.
	MaxSpans int
}

// DefaultMaxSpans keeps one load within about 500 MB.
const DefaultMaxSpans = 2_000_000

// maxColumns bounds the attribute columns read at once: the fullest ones win. A row's cost grows with its columns.
const maxColumns = 160

// Load reads spans from an engine by PPL. It asks for the columns that exist, so any span shape the engine can normalise will do.
func Load(ctx context.Context, eng engine.Engine, opt Options) (*Set, error) {
	fields, err := eng.Fields(ctx, Table)
	if err != nil {
		return nil, fmt.Errorf("load spans: %w", err)
	}
	if opt.Places && HasPlaces(ctx, eng, Table) {
		fields = append(slices.Clone(fields), engine.Field{Name: "_file"}, engine.Field{Name: "_line"})
	}
	l := newLoader(fields, opt)
	limit := cmp.Or(opt.MaxSpans, DefaultMaxSpans)
	query := Query(l.names, opt.Range, opt.Where)
	n := 0
	_, err = eng.Stream(ctx, query, engine.Limits{MaxRows: limit + 1}, func(row []any) error {
		if n++; n <= limit {
			l.row(row)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load spans: %w", err)
	}
	set := l.b.Build()
	if n > limit {
		set.Notes = append(set.Notes, fmt.Sprintf("only the first %d spans of the window were read", limit))
	}
	if l.left > 0 {
		set.Notes = append(set.Notes, fmt.Sprintf("%d attribute columns were left out, the least filled ones", l.left))
	}
	if opt.Events {
		if err := loadExceptions(ctx, eng, set, fields, opt); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// Query writes the PPL that reads the named columns of the spans of a window.
func Query(names []string, r timerange.Range, where string) string {
	var b strings.Builder
	b.WriteString("source=" + Table)
	if c := ppl.Within("startTime", r, where); c != "" {
		b.WriteString(" | where " + c)
	}
	b.WriteString(" | fields ")
	for i, n := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("`" + n + "`")
	}
	return b.String()
}

// HasPlaces reports whether the rows of a table say where they were read from (_file, _line). Engines may hide these columns
// from Fields, and a remote one has none.
func HasPlaces(ctx context.Context, eng engine.Engine, table string) bool {
	_, err := eng.Query(ctx, "source="+table+" | fields `_file`, `_line` | head 1", engine.Limits{MaxRows: 1})
	return err == nil
}

// loader maps the columns of a row to a Record.
type loader struct {
	b         *Builder
	names     []string
	fixed     map[string]int
	own       []column
	res       []column
	left      int
	rec       Record
	ownBuf    []RawAttr
	resBuf    []RawAttr
	serviceAt int
}

type column struct {
	at  int
	key KeyID
}

const (
	ownPrefix = "attributes."
	resPrefix = "resource.attributes."
)

func newLoader(fields []engine.Field, opt Options) *loader {
	l := &loader{b: NewBuilder(), fixed: map[string]int{}, serviceAt: -1}
	known := map[string]bool{}
	filled := map[string]int64{}
	for _, f := range fields {
		known[f.Name] = true
		filled[f.Name] = f.Filled
	}
	if n := filled["startTime"]; n > 0 && filled["durationInNanos"] == n {
		known["endTime"] = false // says nothing that start and duration do not
	}
	for _, n := range []string{
		"traceId", "spanId", "parentSpanId", "name", "kind", "startTime", "endTime", "durationInNanos", "status.code", "status.message",
		"serviceName", "_file", "_line",
	} {
		l.fixed[n] = -1
		if known[n] && (opt.Places || n[0] != '_') {
			l.fixed[n] = len(l.names)
			l.names = append(l.names, n)
		}
	}
	picked := l.pick(fields, opt)
	for _, f := range picked {
		at := len(l.names)
		if own, ok := strings.CutPrefix(f.Name, ownPrefix); ok {
			l.own = append(l.own, column{at, l.b.Key(own)})
		} else {
			key := strings.TrimPrefix(f.Name, resPrefix)
			l.res = append(l.res, column{at, l.b.ResourceKey(key)})
		}
		l.names = append(l.names, f.Name)
	}
	return l
}

// pick chooses the attribute columns: those the model needs first, then the fullest.
func (l *loader) pick(fields []engine.Field, opt Options) []engine.Field {
	needed := map[string]int{}
	for i, n := range slices.Concat([]string{"error.type", "exception.type", "exception.message", "http.request.resend_count"}, statusKeys(), TargetKeys()) {
		needed[ownPrefix+n] = i + 1
	}
	for i, n := range []string{"service.version", "service.instance.id", "k8s.pod.name", "k8s.node.name", "host.name", "cloud.availability_zone", "cloud.region"} {
		needed[resPrefix+n] = i + 1
	}
	var out []engine.Field
	for _, f := range fields {
		if f.Name == "resource.attributes.service.name" || f.Filled == 0 {
			continue
		}
		own := strings.HasPrefix(f.Name, ownPrefix)
		res := strings.HasPrefix(f.Name, resPrefix)
		if needed[f.Name] > 0 || opt.Attributes && (own || res) && !constant(f) && !identifier(f.Name) {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b engine.Field) int {
		na, nb := needed[a.Name] > 0, needed[b.Name] > 0
		switch {
		case na != nb && na:
			return -1
		case na != nb:
			return 1
		}
		return cmp.Compare(b.Filled, a.Filled)
	})
	if len(out) > maxColumns {
		l.left = len(out) - maxColumns
		out = out[:maxColumns]
	}
	return out
}

// identifier reports whether a column names single things by its own name: it groups no spans, and every row would be a new string.
func identifier(name string) bool {
	for _, s := range []string{".call.id", ".message.id", ".request.id", ".request_id", ".session.id", ".correlation_id", ".span_id", ".trace_id", "messaging.kafka.offset", "messaging.kafka.message.offset", "thread.id"} {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

// constant reports whether a resource column says the same on every row: it can tell no group of spans from another.
func constant(f engine.Field) bool {
	return strings.HasPrefix(f.Name, resPrefix) && len(f.Top) == 1 && f.Top[0].Count == f.Filled
}

func (l *loader) row(row []any) {
	r := &l.rec
	r.TraceID, r.SpanID, r.ParentID = l.text(row, "traceId"), l.text(row, "spanId"), l.text(row, "parentSpanId")
	r.Name, r.Kind, r.Service = l.text(row, "name"), l.text(row, "kind"), l.text(row, "serviceName")
	r.Start, r.End = l.time(row, "startTime"), l.time(row, "endTime")
	r.Dur, r.Status = l.num(row, "durationInNanos"), int(l.num(row, "status.code"))
	r.Message, r.File, r.Line = l.text(row, "status.message"), l.text(row, "_file"), l.num(row, "_line")
	if r.Start.IsZero() {
		return
	}
	l.ownBuf, l.resBuf = l.ownBuf[:0], l.resBuf[:0]
	for _, c := range l.own {
		if v := row[c.at]; v != nil {
			l.ownBuf = append(l.ownBuf, RawAttr{c.key, v})
		}
	}
	for _, c := range l.res {
		if v := row[c.at]; v != nil {
			l.resBuf = append(l.resBuf, RawAttr{c.key, v})
		}
	}
	l.b.Add(r, l.ownBuf, l.resBuf)
}

func (l *loader) text(row []any, name string) string {
	if at := l.fixed[name]; at >= 0 {
		switch v := row[at].(type) {
		case string:
			return v
		case nil:
			return ""
		default:
			return fmt.Sprint(v)
		}
	}
	return ""
}

func (l *loader) num(row []any, name string) int64 {
	if at := l.fixed[name]; at >= 0 {
		switch v := row[at].(type) {
		case int64:
			return v
		case float64:
			return int64(v)
		}
	}
	return 0
}

func (l *loader) time(row []any, name string) time.Time {
	if at := l.fixed[name]; at >= 0 {
		switch v := row[at].(type) {
		case time.Time:
			return v
		case string:
			if t, err := timerange.Instant(v, time.Time{}); err == nil {
				return t
			}
		}
	}
	return time.Time{}
}

// maxExceptions bounds the failed spans whose events are read.
const maxExceptions = 20_000

// loadExceptions fills error types and messages from exception events. A source without events is no error.
func loadExceptions(ctx context.Context, eng engine.Engine, set *Set, fields []engine.Field, opt Options) error {
	if !slices.ContainsFunc(fields, func(f engine.Field) bool { return f.Name == "events" && f.Filled > 0 }) {
		return nil
	}
	need := map[uint64]int32{}
	for i := range set.Spans {
		sp := &set.Spans[i]
		if sp.Error && len(need) < maxExceptions && (sp.Message == 0 || set.Text(sp.ErrorType) == "ERROR") {
			need[sp.ID] = int32(i)
		}
	}
	if len(need) == 0 {
		return nil
	}
	where := "`status.code` = 2"
	if opt.Where != "" {
		where += " and " + opt.Where
	}
	b := NewBuilder()
	_, err := eng.Stream(ctx, Query([]string{"spanId", "events"}, opt.Range, where), engine.Limits{MaxRows: maxExceptions}, func(row []any) error {
		id, _ := row[0].(string)
		if i, ok := need[b.spanID(id)]; ok {
			typ, msg := exception(row[1])
			set.Exception(i, typ, msg)
		}
		return nil
	})
	if err != nil && fault.CodeOf(err) != fault.InvalidQuery {
		return fmt.Errorf("load exception events: %w", err)
	}
	return nil
}

// exception finds type and message in a span's events: an array of structs whose attributes are a struct or dotted keys.
func exception(events any) (typ, msg string) {
	list, _ := events.([]any)
	for _, e := range list {
		ev, _ := e.(map[string]any)
		attrs, _ := ev["attributes"].(map[string]any)
		if t := lookup(attrs, "exception.type"); t != "" {
			typ = t
		}
		if m := lookup(attrs, "exception.message"); m != "" {
			msg = m
		}
	}
	return typ, msg
}

// lookup finds a dotted key in a struct that may be nested or flat.
func lookup(m map[string]any, key string) string {
	if v, ok := m[key].(string); ok {
		return v
	}
	if head, rest, ok := strings.Cut(key, "."); ok {
		if sub, ok := m[head].(map[string]any); ok {
			return lookup(sub, rest)
		}
	}
	return ""
}
