package logs

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/ppl/command"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// DefaultMaxScan is how many rows a query without a bound on time may read: what a laptop aggregates in about ten seconds.
const DefaultMaxScan = 200_000_000

// guard refuses a query that would read a table of more than maxRows rows without a bound on its time, and says which query
// passes: the same over the newest part of the data.
func guard(ctx context.Context, eng engine.Engine, q *ppl.Query, maxRows int64) error {
	search, ok := q.Pipeline.Commands[0].(*command.Search)
	if !ok || search.Index == "" || cheap(q.Pipeline.Commands) {
		return nil
	}
	tables, err := eng.Tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if t.Name != search.Index || t.Rows <= maxRows || t.TimeField == "" || bounded(q.Pipeline.Commands, t.TimeField) {
			continue
		}
		var bytes int64
		for _, f := range t.Files {
			bytes += f.Bytes
		}
		err := fault.New(fault.TooLarge, "query: it reads all %d rows of %s (%s) without a bound on time; the limit is %d rows",
			t.Rows, t.Name, size(bytes), maxRows)
		part := time.Duration(float64(t.End.Sub(t.Start)) * float64(maxRows) / float64(t.Rows))
		from := t.End.Add(-part.Truncate(granule(part)))
		head, rest := q.Text[:search.Span().End], q.Text[search.Span().End:]
		return fault.WithHint(err, "Give start and end, or run it over the newest %s: %s | where `%s` >= %s%s",
			part.Truncate(granule(part)), head, t.TimeField, ppl.Instant(from), rest)
	}
	return nil
}

// granule is the unit a length of time is cut to for people.
func granule(d time.Duration) time.Duration {
	for _, g := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if d >= g {
			return g
		}
	}
	return time.Second
}

func size(bytes int64) string {
	if bytes == 0 {
		return "size unknown"
	}
	return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
}

// cheap reports whether a query stops at its first rows: nothing before head needs all of them.
func cheap(commands []command.Command) bool {
	for _, c := range commands[1:] {
		switch c.(type) {
		case *command.Head, *command.Describe:
			return true
		case *command.Fields, *command.Eval, *command.Rename:
		default:
			return false
		}
	}
	return len(commands) == 1
}

// bounded reports whether a condition on the time stands before anything that needs all rows.
func bounded(commands []command.Command, timeField string) bool {
	if s, ok := commands[0].(*command.Search); ok && s.Terms != nil {
		text := syntax.PrintSearch(s.Terms)
		if strings.Contains(text, timeField) || strings.Contains(text, "earliest") || strings.Contains(text, "latest") {
			return true
		}
	}
	for _, c := range commands {
		w, ok := c.(*command.Where)
		if !ok {
			continue
		}
		found := false
		syntax.Walk(w.Cond, func(e syntax.Expr) {
			f, ok := e.(*syntax.Field)
			found = found || ok && f.Name == timeField
		})
		if found {
			return true
		}
	}
	return false
}
