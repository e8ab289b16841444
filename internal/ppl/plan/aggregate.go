package plan

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Aggregates compiles aggregate calls that belong to one SELECT over r. Each call may be a bare name (`count`).
// over, unless nil, gives what stands behind each aggregate, such as OVER (PARTITION BY ..); it is called when the SELECT is
// closed for the last time.
func (r *Rel) Aggregates(calls []syntax.Expr, over func() (X, error)) ([]X, error) {
	pos, behind := X{}, X{}
	if NeedsPosition(calls) {
		pos = r.Position()
	}
	if over != nil {
		var err error
		if behind, err = over(); err != nil {
			return nil, err
		}
	}
	xs := make([]X, len(calls))
	for i, e := range calls {
		c := &exprs{r: r, agg: true, pos: pos.SQL}
		c.uses = append(c.uses, pos.Uses...)
		if t := r.timeValue(); t != nil {
			c.time = &t.Value
			c.uses = append(c.uses, t.Uses...)
		}
		v, err := c.expr(e)
		if err != nil {
			return nil, err
		}
		xs[i] = X{Value: v.Aggregate(behind.SQL), Uses: append(c.uses, behind.Uses...)}
		xs[i].IsLiteral = false
	}
	return xs, nil
}

// NeedsPosition reports whether an aggregate goes by the order of the rows. Rel.Position closes the SELECT, so a command asks
// before it compiles other expressions.
func NeedsPosition(calls []syntax.Expr) bool {
	for _, e := range calls {
		found := false
		syntax.Walk(e, func(x syntax.Expr) {
			if c, ok := x.(*syntax.Call); ok {
				switch strings.ToLower(c.Name) {
				case "first", "last", "take", "list":
					found = true
				}
			}
		})
		if found {
			return true
		}
	}
	return false
}

func (r *Rel) timeValue() *X {
	name := r.TimeField
	if name == "" {
		name = "@timestamp"
	}
	if c := r.Col(name); c != nil && c.Simple {
		x := c.X()
		return &x
	}
	return nil
}

// aggregate compiles e if it names an aggregate; done is false if it does not.
func (c *exprs) aggregate(e *syntax.Call, name string) (v function.Value, done bool, err error) {
	f, ok := c.r.env.Lib.Lookup(name, function.Aggregate)
	if !ok {
		return v, false, nil
	}
	call := &function.Call{Name: name, Distinct: e.Distinct, Settings: &c.r.env.Options.Settings, Order: c.pos, Time: c.time}
	for _, a := range e.Args {
		if fl, ok := a.X.(*syntax.Field); ok && fl.Name == "*" {
			continue
		}
		x := a.X
		counted := false
		if inner, ok := x.(*syntax.Call); ok && strings.EqualFold(inner.Name, "eval") && len(inner.Args) == 1 {
			x, counted = inner.Args[0].X, f.Name == "count"
		}
		sub := c.within()
		arg, err := sub.expr(x)
		if err != nil {
			return v, true, err
		}
		c.uses = append(c.uses, sub.uses...)
		if counted && arg.Type == rows.Boolean { // count(eval(condition)) counts the rows in which it holds
			arg = function.Value{SQL: "CASE WHEN " + arg.SQL + " THEN 1 END", Type: rows.Int}
		}
		call.Args = append(call.Args, arg)
	}
	v, err = f.Call(call)
	return v, true, at(e.NameAt, err)
}

// within is the compiler of an aggregate's arguments: no aggregate may stand there.
func (c *exprs) within() *exprs { return &exprs{r: c.r, binds: c.binds} }

// IsAggregate reports whether the library has an aggregate of the name.
func (e *Env) IsAggregate(name string) bool {
	_, ok := e.Lib.Lookup(name, function.Aggregate)
	return ok
}

// NearestAggregate returns the aggregate whose name is closest to a misspelt one, or "".
func (e *Env) NearestAggregate(name string) string {
	return syntax.Nearest(name, e.Lib.Names(function.Aggregate))
}
