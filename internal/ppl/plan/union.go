package plan

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Union puts relations one behind the other, their columns matched by name. Columns of one name must have types that fit.
func (e *Env) Union(at syntax.Span, rels ...*Rel) (*Rel, error) {
	out := &Rel{env: e, derived: true, TimeField: rels[0].TimeField}
	for _, r := range rels {
		r.fold()
		r.Flush()
		out.Explicit = out.Explicit || r.Explicit
		for _, c := range r.cols {
			if c.Hidden {
				continue
			}
			if err := out.merge(c, at); err != nil {
				return nil, err
			}
		}
	}
	s := &stage{name: e.Name("_s"), rel: Rel{env: e}}
	taken := map[string]bool{"_b": true, "_p": true}
	for _, c := range out.cols {
		c.phys = physical(c.Name, taken)
	}
	selects := make([]string, len(rels))
	for i, r := range rels {
		selects[i] = r.branch(i, out.cols)
		s.reads = append(s.reads, r.from)
	}
	s.raw = strings.Join(selects, " UNION ALL ")
	e.stages = append(e.stages, s)
	out.from = s.name
	for _, c := range out.cols {
		c.SQL, c.phys = s.name+"."+function.Ident(c.phys), ""
	}
	for _, k := range []string{"_b", "_p"} {
		out.order = append(out.order, Key{X: X{Value: function.Value{SQL: s.name + "." + k, Type: rows.BigInt}}})
	}
	return out, nil
}

// merge adds a column of a branch to the union's columns.
func (r *Rel) merge(c *Col, at syntax.Span) error {
	have := r.Col(c.Name)
	if have == nil {
		n := *c
		n.uses, n.used, n.Simple = nil, false, true
		r.cols = append(r.cols, &n)
		return nil
	}
	t, ok := function.Common(have.Type, c.Type)
	textual := func(t rows.Type) bool { return t == rows.String }
	if !ok || have.Type != rows.Undefined && c.Type != rows.Undefined && textual(have.Type) != textual(c.Type) {
		return syntax.Errorf(at, "Unable to process column '%s' due to incompatible types: %s and %s", c.Name, have.Type, c.Type)
	}
	have.Type, have.Nanos = t, have.Nanos || c.Nanos
	if have.Elem == "" {
		have.Elem = c.Elem
	}
	if have.JSON != c.JSON && (t == rows.Struct || t == rows.Array) {
		have.JSON = true
	}
	return nil
}

// branch is the SELECT of one relation in a union, with its place among the branches and the place of each row in it.
func (r *Rel) branch(i int, cols []*Col) string {
	parts := make([]string, 0, len(cols)+2)
	for _, u := range cols {
		sql := "NULL"
		if c := r.Col(u.Name); c != nil && !c.Hidden {
			mark(c.uses)
			sql = c.SQL
			if u.JSON && !c.JSON {
				sql = "to_json(" + sql + ")"
			}
		}
		parts = append(parts, cast(sql, u)+" AS "+function.Ident(u.phys))
	}
	keys, uses := r.OrderBy()
	mark(uses)
	if r.inOrder || keys == "" {
		keys = ""
	} else {
		keys = "ORDER BY " + keys
	}
	parts = append(parts, fmt.Sprintf("%d AS _b", i), "row_number() OVER ("+keys+") AS _p")
	return "SELECT " + strings.Join(parts, ", ") + " FROM " + r.from
}

func cast(sql string, c *Col) string {
	switch {
	case c.JSON:
		return "CAST(" + sql + " AS VARCHAR)"
	case c.Type == rows.Array, c.Type == rows.Struct, c.Type == rows.Undefined:
		return sql
	case c.Nanos:
		return "CAST(" + sql + " AS TIMESTAMP_NS)"
	}
	return "CAST(" + sql + " AS " + function.SQLType(c.Type) + ")"
}
