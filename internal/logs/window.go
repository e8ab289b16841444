package logs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/rows"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// Table is the table that logs are read from unless another is named.
const Table = "logs"

// Scope says which lines are meant. Empty members do not restrict.
type Scope struct {
	Table    string // default Table
	Service  string
	Severity string // severityText, e.g. ERROR
	Where    string // a further PPL condition
	Range    timerange.Range
}

// Window is a span of time, half-open, UTC.
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

func (w Window) rng() timerange.Range { return timerange.Range{Start: w.Start, End: w.End} }

func (w Window) empty() bool { return !w.Start.Before(w.End) }

// Seconds returns the length in seconds.
func (w Window) Seconds() float64 { return w.End.Sub(w.Start).Seconds() }

// within returns the part of w that lies in data, w itself if none does.
func (w Window) within(data Window) Window {
	in := Window{later(w.Start, data.Start), earlier(w.End, data.End)}
	if in.empty() {
		return w
	}
	return in
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// source is the PPL that selects the lines of a window.
func (s *Scope) source(field string, r timerange.Range) string { return s.join(field, r, " and ") }

// stages is source with each condition as a stage of its own, so that it can be said which one lets nothing through.
func (s *Scope) stages(field string, r timerange.Range) string { return s.join(field, r, " | where ") }

func (s *Scope) join(field string, r timerange.Range, glue string) string {
	conds := []string{}
	if c := ppl.Within(field, r); c != "" {
		conds = append(conds, c)
	}
	if s.Service != "" {
		conds = append(conds, "serviceName = "+ppl.Quote(s.Service))
	}
	if s.Severity != "" {
		conds = append(conds, "severityText = "+ppl.Quote(strings.ToUpper(s.Severity)))
	}
	if s.Where != "" {
		conds = append(conds, "("+s.Where+")")
	}
	if len(conds) == 0 {
		return "source=" + index(s.Table)
	}
	return "source=" + index(s.Table) + " | where " + strings.Join(conds, glue)
}

// index writes a table's name as PPL reads it.
func index(name string) string {
	for _, r := range name {
		if r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return "`" + strings.ReplaceAll(name, "`", "``") + "`"
		}
	}
	return name
}

// place is a scope resolved against its source.
type place struct {
	field  string // the table's time field
	window Window // what was asked for, as far as there is data
	data   Window // what the table holds
	rows   int64
}

// resolve finds the table and the part of the range that its data covers: a rate over time without data would be too low.
// A range outside the data stays as it was asked for.
func (s *Scope) resolve(ctx context.Context, eng engine.Engine) (place, error) {
	if s.Table == "" {
		s.Table = Table
	}
	all, err := eng.Tables(ctx)
	if err != nil {
		return place{}, err
	}
	i := slices.IndexFunc(all, func(t engine.Table) bool { return t.Name == s.Table })
	if i < 0 {
		return place{}, unknownTable(s.Table, all)
	}
	t := all[i]
	if t.TimeField == "" {
		return place{}, fault.WithHint(fault.New(fault.Unsupported, "table %s has no time field", t.Name), "Ask it with logs_query.")
	}
	p := place{field: t.TimeField, rows: t.Rows, data: Window{t.Start, t.End.Add(time.Microsecond)}} // the last line is in
	w := Window{s.Range.Start, s.Range.End}
	if w.Start.IsZero() {
		w.Start = p.data.Start
		if !w.End.IsZero() {
			w.Start = earlier(w.Start, w.End)
		}
	}
	if w.End.IsZero() {
		w.End = later(p.data.End, w.Start)
	}
	p.window = w.within(p.data)
	return p, nil
}

func unknownTable(name string, all []engine.Table) error {
	if len(all) == 0 {
		return fault.WithHint(fault.New(fault.NotFound, "this source has no table %s: it holds no data that can be read", name), "See what it holds: data_describe.")
	}
	var names []string
	for _, t := range all {
		names = append(names, t.Name)
	}
	return fault.WithHint(fault.New(fault.NotFound, "this source has no table %s", name), "Its tables are: %s.", strings.Join(names, ", "))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// columns returns the names among want that the table has, hidden ones too.
func columns(ctx context.Context, eng engine.Engine, table string, want []string) ([]rows.Column, error) {
	var out []rows.Column
	for _, n := range want {
		res, err := eng.Query(ctx, "source="+index(table)+" | fields `"+n+"` | head 1", engine.Limits{MaxRows: 1})
		switch {
		case err == nil && len(res.Columns) > 0:
			out = append(out, rows.Column{Name: n, Type: res.Columns[0].Type})
		case err != nil && fault.CodeOf(err) != fault.InvalidQuery: // that one says: no such field
			return nil, fmt.Errorf("read %s: %w", table, err)
		}
	}
	return out, nil
}

// Previous returns the window of equal length right before the scope's own.
func Previous(ctx context.Context, eng engine.Engine, s Scope) (Window, error) {
	p, err := s.resolve(ctx, eng)
	if err != nil {
		return Window{}, err
	}
	w := p.window
	return Window{w.Start.Add(-w.End.Sub(w.Start)), w.Start}, nil
}
