package plan

import (
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Values returns a relation of constants; a column's type is that of its first value that is not null, else string.
func (e *Env) Values(names []string, values [][]any) *Rel {
	types := make([]rows.Type, len(names))
	for i := range names {
		types[i] = rows.String
		for _, row := range values {
			if row[i] != nil {
				types[i] = function.Literal(row[i]).Type
				break
			}
		}
	}
	return e.TypedValues(names, types, values)
}

// TypedValues is Values with the types given; Undefined ones become strings. A value that does not fit its type is null.
func (e *Env) TypedValues(names []string, types []rows.Type, values [][]any) *Rel {
	types = slices.Clone(types)
	for i, t := range types {
		if t == rows.Undefined {
			types[i] = rows.String
		}
	}
	lines := make([]string, 0, len(values)+1)
	for n, row := range values {
		cells := make([]string, 0, len(row)+1)
		for i, v := range row {
			cells = append(cells, "TRY_CAST("+function.Literal(v).SQL+" AS "+function.SQLType(types[i])+")")
		}
		cells = append(cells, function.Literal(int64(n)).SQL)
		lines = append(lines, "("+strings.Join(cells, ", ")+")")
	}
	where := ""
	if len(values) == 0 {
		lines = append(lines, "("+strings.Repeat("NULL, ", len(names))+"0)")
		where = " WHERE false"
	}
	idents := make([]string, 0, len(names)+1)
	cols := make([]*Col, len(names))
	for i, n := range names {
		idents = append(idents, function.Ident(n))
		cols[i] = &Col{Name: n, SQL: function.Ident(n), Type: types[i], Simple: true}
	}
	idents = append(idents, "_n")
	r := &Rel{env: e, cols: cols, inOrder: true, Explicit: true}
	r.from = "(SELECT * FROM (VALUES " + strings.Join(lines, ", ") + ") v(" + strings.Join(idents, ", ") + ")" + where + ") v"
	r.order = []Key{{X: X{Value: function.Value{SQL: "_n", Type: rows.BigInt}}, Unique: true}}
	return r
}

// Clock returns n rows that have the query's time as @timestamp.
func (e *Env) Clock(n int64) *Rel {
	now := "TIMESTAMP " + function.Quote(e.Options.Settings.Now)
	if e.Options.Settings.Now == "" {
		now = "CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)"
	}
	r := &Rel{env: e, inOrder: true, Explicit: true, TimeField: "@timestamp"}
	r.from = "range(" + function.Literal(n).SQL + ") v(_n)"
	r.cols = []*Col{{Name: "@timestamp", SQL: now, Type: rows.Timestamp, Simple: true}}
	r.order = []Key{{X: X{Value: function.Value{SQL: "_n", Type: rows.BigInt}}, Unique: true}}
	return r
}
