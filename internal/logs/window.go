package logs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
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

// Seconds returns the length in seconds.
func (w Window) Seconds() float64 { return w.End.Sub(w.Start).Seconds() }

// source is the PPL that selects the lines of a window.
func (s Scope) source(field string, r timerange.Range) string {
	conds := []string{}
	if c := condition(field, r); c != "" {
		conds = append(conds, c)
	}
	if s.Service != "" {
		conds = append(conds, "serviceName = "+Quote(s.Service))
	}
	if s.Severity != "" {
		conds = append(conds, "severityText = "+Quote(strings.ToUpper(s.Severity)))
	}
	if s.Where != "" {
		conds = append(conds, "("+s.Where+")")
	}
	if len(conds) == 0 {
		return "source=" + s.Table
	}
	return "source=" + s.Table + " | where " + strings.Join(conds, " and ")
}

// Quote writes a text as a PPL literal.
func Quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(text) + "'"
}

// resolve finds the table and closes the open bounds of the range with those of its data.
func (s *Scope) resolve(ctx context.Context, eng engine.Engine) (field string, w Window, err error) {
	if s.Table == "" {
		s.Table = Table
	}
	all, err := eng.Tables(ctx)
	if err != nil {
		return "", w, err
	}
	i := slices.IndexFunc(all, func(t engine.Table) bool { return t.Name == s.Table })
	if i < 0 {
		var names []string
		for _, t := range all {
			names = append(names, t.Name)
		}
		return "", w, fault.WithHint(fault.New(fault.NotFound, "this source has no table %s", s.Table), "Its tables are: %s.", strings.Join(names, ", "))
	}
	t := all[i]
	if t.TimeField == "" {
		return "", w, fault.New(fault.Unsupported, "table %s has no time field", t.Name)
	}
	w = Window{s.Range.Start, s.Range.End}
	if w.Start.IsZero() {
		w.Start = t.Start
	}
	if w.End.IsZero() {
		w.End = t.End.Add(time.Microsecond) // the last line is in
	}
	if t.Rows > 0 && !w.Start.Before(w.End) {
		return "", w, fault.WithHint(fault.New(fault.InvalidArgument, "the window from %s to %s holds no time", stamp(w.Start), stamp(w.End)),
			"The data of %s runs from %s to %s.", t.Name, stamp(t.Start), stamp(t.End))
	}
	return t.TimeField, w, nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// columns returns the names among want that the table has, hidden ones too.
func columns(ctx context.Context, eng engine.Engine, table string, want []string) ([]string, error) {
	var out []string
	for _, n := range want {
		_, err := eng.Query(ctx, "source="+table+" | fields `"+n+"` | head 1", engine.Limits{MaxRows: 1})
		switch {
		case err == nil:
			out = append(out, n)
		case fault.CodeOf(err) != fault.InvalidQuery: // that one says: no such field
			return nil, fmt.Errorf("read %s: %w", table, err)
		}
	}
	return out, nil
}

// Previous returns the window of equal length right before the scope's own.
func Previous(ctx context.Context, eng engine.Engine, s Scope) (Window, error) {
	_, w, err := s.resolve(ctx, eng)
	if err != nil {
		return Window{}, err
	}
	return Window{w.Start.Add(-w.End.Sub(w.Start)), w.Start}, nil
}
