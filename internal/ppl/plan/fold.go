package plan

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Step assigns an expression to a column while a list is folded.
type Step struct {
	State string
	X     syntax.Expr
}

// FoldNames are the names by which the steps of a fold see the current element and its place from 0.
type FoldNames struct{ Item, Iter string }

// foldRounds bounds how often the types of the accumulators are widened to those of their expressions.
const foldRounds = 4

// FoldList runs the steps once for each element of a list, left to right, the columns they assign being the accumulators; it
// returns what each accumulator is in the end, by the order of its first step. A row without a list keeps its columns.
func (r *Rel) FoldList(list X, names FoldNames, steps []Step) ([]X, error) {
	v, err := function.List(list.Value)
	if err != nil {
		return nil, err
	}
	f := &fold{r: r, names: names, steps: steps, elem: v.Elem}
	uses := list.Uses
	for _, s := range steps {
		if f.index(s.State) >= 0 {
			continue
		}
		x, err := r.Field(&syntax.Field{Node: syntax.Node{At: s.X.Span()}, Name: s.State})
		if err != nil {
			return nil, err
		}
		f.states, f.types, f.start = append(f.states, s.State), append(f.types, x.Type), append(f.start, x.SQL)
		uses = append(uses, x.Uses...)
	}
	body, more, err := f.body()
	if err != nil {
		return nil, err
	}
	out := make([]X, len(f.states))
	folded := f.sql(v.SQL, body)
	for i := range f.states {
		value := function.Value{SQL: fmt.Sprintf("(%s).s%d", folded, i), Type: f.types[i]}
		out[i] = X{Value: value, Uses: append(append([]*Col(nil), uses...), more...)}
	}
	return out, nil
}

type fold struct {
	r      *Rel
	names  FoldNames
	steps  []Step
	elem   rows.Type
	states []string
	types  []rows.Type
	start  []string
}

func (f *fold) index(state string) int {
	for i, s := range f.states {
		if s == state {
			return i
		}
	}
	return -1
}

// The SQL names of the accumulator and the element, distinct from every column.
const (
	foldAcc  = `"fold acc"`
	foldElem = `"fold elem"`
)

// body compiles the steps until the accumulators have the types of what is assigned to them.
func (f *fold) body() ([]string, []*Col, error) {
	for range foldRounds {
		now, uses, changed, err := f.round()
		if err != nil || !changed {
			return now, uses, err
		}
	}
	return nil, nil, syntax.Errorf(f.steps[0].X.Span(), "the types of what is accumulated do not settle")
}

func (f *fold) round() (now []string, uses []*Col, changed bool, err error) {
	values := make([]function.Value, len(f.states))
	for i, t := range f.types {
		values[i] = function.Value{SQL: fmt.Sprintf("%s.s%d", foldAcc, i), Type: t}
	}
	for _, s := range f.steps {
		c := &exprs{r: f.r, binds: []binding{
			{f.names.Item, function.Value{SQL: foldElem + ".x", Type: f.elem}},
			{f.names.Iter, function.Value{SQL: foldElem + ".i", Type: rows.Int}},
		}}
		for i, name := range f.states {
			c.binds = append(c.binds, binding{name, values[i]})
		}
		v, err := c.expr(s.X)
		if err != nil {
			return nil, nil, false, err
		}
		uses = append(uses, c.uses...)
		i := f.index(s.State)
		if t := widened(f.types[i], v.Type); t != f.types[i] {
			f.types[i], changed = t, true
		}
		values[i] = function.Value{SQL: "CAST(" + v.SQL + " AS " + f.sqlType(i) + ")", Type: f.types[i]}
	}
	for _, v := range values {
		now = append(now, v.SQL)
	}
	return now, uses, changed, nil
}

// widened is the type of an accumulator that takes a value of type t. Whole numbers keep their width, as sums of the type do.
func widened(have, t rows.Type) rows.Type {
	switch {
	case have == t || t == rows.Undefined:
		return have
	case have.Integer() && t.Integer():
		return have
	}
	return t
}

func (f *fold) sqlType(i int) string {
	if f.types[i] == rows.Array {
		return "VARCHAR[]"
	}
	return function.SQLType(f.types[i])
}

// sql is the list's reduction: accumulators and element travel in one struct, since DuckDB's accumulator has the type of the
// elements.
func (f *fold) sql(list string, body []string) string {
	var start, each, next []string
	for i := range f.states {
		t := f.sqlType(i)
		start = append(start, fmt.Sprintf("'s%d': CAST(%s AS %s)", i, f.start[i], t))
		each = append(each, fmt.Sprintf("'s%d': CAST(NULL AS %s)", i, t))
		next = append(next, fmt.Sprintf("'s%d': %s", i, body[i]))
	}
	elem := function.SQLType(f.elem)
	return fmt.Sprintf(`list_reduce(list_transform(coalesce(%s, []), lambda v, n: {%s, 'x': CAST(v AS %s), 'i': CAST(n - 1 AS INTEGER)}), `+
		`lambda %s, %s: {%s, 'x': %s.x, 'i': %s.i}, {%s, 'x': CAST(NULL AS %s), 'i': CAST(NULL AS INTEGER)})`,
		list, strings.Join(each, ", "), elem, foldAcc, foldElem, strings.Join(next, ", "), foldElem, foldElem, strings.Join(start, ", "), elem)
}
