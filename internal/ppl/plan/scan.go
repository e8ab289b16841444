package plan

import (
	"context"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Head lets an engine answer the beginning of a pipeline itself. It returns the table that stands for it, the name by which fields
// may be qualified, and the commands left to compile over that table; a nil table leaves the pipeline as it is.
type Head func(ctx context.Context, q syntax.Pipeline) (t *catalog.Table, source string, rest syntax.Pipeline, err error)

// ScanLog notes which columns a compiled query reads of each table it scans. It is for one compilation.
type ScanLog struct{ scans []scanned }

type scanned struct {
	table *catalog.Table
	cols  []*Col
}

// Columns returns the names of the table's columns that the query reads, in the table's order; known is false if the query does
// not scan it. Call it after Render: only then is the use of columns known.
func (l *ScanLog) Columns(t *catalog.Table) (names []string, known bool) {
	used := map[string]bool{}
	for _, s := range l.scans {
		if s.table != t {
			continue
		}
		known = true
		for _, c := range s.cols {
			used[c.Name] = used[c.Name] || c.used
		}
	}
	for i := range t.Columns {
		if used[t.Columns[i].Name] {
			names = append(names, t.Columns[i].Name)
		}
	}
	return names, known
}

// Read returns the relation of a table; name is what fields of it may be qualified with.
func (e *Env) Read(t *catalog.Table, name string) *Rel {
	r := &Rel{env: e, from: t.From, inOrder: true, TimeField: t.TimeField, Source: name}
	log := scanned{table: t}
	for i := range t.Columns {
		c := &t.Columns[i]
		col := &Col{
			Name: c.Name, SQL: c.SQL, Type: c.Type, Elem: c.Elem, Nanos: c.Nanos, JSON: c.JSON, Text: c.Text,
			Hidden: c.Hidden, Nested: strings.Contains(c.Name, "."), Simple: true,
		}
		if e.Options.Log != nil {
			base := &Col{Name: c.Name}
			col.uses = []*Col{base}
			log.cols = append(log.cols, base)
		}
		r.cols = append(r.cols, col)
	}
	if e.Options.Log != nil {
		e.Options.Log.scans = append(e.Options.Log.scans, log)
	}
	if t.Order != "" {
		r.order = []Key{{X: X{Value: function.Value{SQL: t.Order, Type: rows.BigInt}}, Unique: true}}
	}
	return r
}

// SourceError gives an error about a source its place in the query; hint and code stay.
func SourceError(err error, at syntax.Span) error {
	se := syntax.Errorf(at, "%s", err.Error())
	se.Hint = fault.HintOf(err)
	return fault.WithCode(se, fault.CodeOf(err))
}
