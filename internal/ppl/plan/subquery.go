package plan

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// sub compiles the pipeline of a subquery in an expression to a SELECT of its own; the fields of c's relation are visible in it.
func (c *exprs) sub(q syntax.Pipeline, span syntax.Span) (*Rel, *Env, error) {
	outer := c.r.env
	if len(outer.scopes) >= maxScopes {
		return nil, nil, syntax.Errorf(span, "subqueries nested too deep: more than %d levels", maxScopes)
	}
	outer.Name("") // makes the counter that both share
	env := outer.Fresh()
	env.Tables, env.names, env.scopes = outer.Tables, outer.names, append(append([]*Rel(nil), outer.scopes...), c.r)
	r, err := env.Compile(env, q, nil)
	outer.Tables = env.Tables
	for _, n := range env.Notes {
		outer.Note("%s", n)
	}
	return r, env, err
}

// maxScopes bounds subqueries within subqueries.
const maxScopes = 8

func (c *exprs) exists(e *syntax.Exists) (function.Value, error) {
	r, _, err := c.sub(e.Query, e.At)
	if err != nil {
		return function.Value{}, err
	}
	sql, _ := r.Render()
	return function.Value{SQL: "(EXISTS (" + sql + "))", Type: rows.Boolean}, nil
}

func (c *exprs) inQuery(e *syntax.InQuery) (function.Value, error) {
	xs, err := c.list(e.Xs)
	if err != nil {
		return function.Value{}, err
	}
	r, env, err := c.sub(e.Query, e.At)
	if err != nil {
		return function.Value{}, err
	}
	r.CutFirst(env.Options.SubsearchLimit)
	sql, cols := r.Render()
	if len(cols) != len(xs) {
		return function.Value{}, syntax.Errorf(e.At,
			"The number of columns in the left hand side of an IN subquery does not match the number of columns in the output of subquery")
	}
	left := make([]string, len(xs))
	for i, x := range xs {
		left[i] = x.SQL
		if x.Type == rows.String && cols[i].Type.Numeric() {
			left[i] = "TRY_CAST(" + x.SQL + " AS DOUBLE)"
		}
	}
	l := left[0]
	if len(left) > 1 {
		l = "(" + strings.Join(left, ", ") + ")"
	}
	op := " IN ("
	if e.Neg {
		op = " NOT IN ("
	}
	return function.Value{SQL: "(" + l + op + sql + "))", Type: rows.Boolean}, nil
}

func (c *exprs) scalar(e *syntax.Scalar) (function.Value, error) {
	r, _, err := c.sub(e.Query, e.At)
	if err != nil {
		return function.Value{}, err
	}
	sql, cols := r.Render()
	if len(cols) != 1 {
		return function.Value{}, syntax.Errorf(e.At, "a scalar subquery gives one column, this one gives %d", len(cols))
	}
	return function.Value{SQL: "(" + sql + ")", Type: cols[0].Type, Nanos: r.cols[0].Nanos, Elem: r.cols[0].Elem, JSON: r.cols[0].JSON}, nil
}
