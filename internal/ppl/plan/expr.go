package plan

import (
	"errors"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// exprs compiles one expression over a relation.
type exprs struct {
	r     *Rel
	uses  []*Col
	binds []binding
	// agg is set while an aggregate's arguments may stand; pos and time are what first and earliest go by.
	agg  bool
	pos  string
	time *function.Value
}

type binding struct {
	name string
	v    function.Value
}

// Compile compiles an expression over r's rows. Call Prepare before.
func (r *Rel) Compile(e syntax.Expr) (X, error) {
	c := &exprs{r: r}
	v, err := c.expr(e)
	return X{Value: v, Uses: c.uses}, err
}

// Condition compiles an expression that must be a boolean.
func (r *Rel) Condition(e syntax.Expr) (X, error) {
	c := &exprs{r: r}
	v, err := c.cond(e)
	return X{Value: v, Uses: c.uses}, err
}

func (c *exprs) cond(e syntax.Expr) (function.Value, error) {
	v, err := c.expr(e)
	if err != nil || v.Type == rows.Boolean {
		return v, err
	}
	switch {
	case v.Type == rows.Undefined:
		return function.Value{SQL: "CAST(NULL AS BOOLEAN)", Type: rows.Boolean}, nil
	case v.Type.Integer():
		return function.Value{SQL: "(" + v.SQL + " <> 0)", Type: rows.Boolean}, nil
	}
	return v, syntax.Errorf(e.Span(), "expected a condition, this is of type %s", strings.ToUpper(string(v.Type)))
}

func (c *exprs) list(es []syntax.Expr) ([]function.Value, error) {
	vs := make([]function.Value, len(es))
	for i, e := range es {
		v, err := c.expr(e)
		if err != nil {
			return nil, err
		}
		vs[i] = v
	}
	return vs, nil
}

func (c *exprs) expr(e syntax.Expr) (function.Value, error) {
	switch e := e.(type) {
	case *syntax.Field:
		return c.field(e)
	case *syntax.Literal:
		return literal(e), nil
	case *syntax.Interval:
		n, err := c.expr(e.N)
		if err != nil {
			return n, err
		}
		v, err := function.Interval(n, e.Unit)
		return v, at(e.At, err)
	case *syntax.SpanLen:
		return function.Literal(e.Text), nil
	case *syntax.Unary:
		return c.unary(e)
	case *syntax.Not:
		v, err := c.cond(e.X)
		if b, ok := e.X.(*syntax.Binary); ok && isTrue(b) { // upstream reads not x = true as "x is not true", null included
			return function.Value{SQL: "(" + v.SQL + " IS NOT TRUE)", Type: rows.Boolean}, err
		}
		return function.Value{SQL: "(NOT " + v.SQL + ")", Type: rows.Boolean}, err
	case *syntax.Logic:
		return c.logic(e)
	case *syntax.Binary:
		return c.binary(e)
	case *syntax.IsNull:
		v, err := c.expr(e.X)
		op := " IS NULL)"
		if e.Neg {
			op = " IS NOT NULL)"
		}
		return function.Value{SQL: "(" + v.SQL + op, Type: rows.Boolean}, err
	case *syntax.In:
		return c.in(e)
	case *syntax.Between:
		return c.between(e)
	case *syntax.Exists:
		return c.exists(e)
	case *syntax.InQuery:
		return c.inQuery(e)
	case *syntax.Scalar:
		return c.scalar(e)
	case *syntax.Call:
		return c.call(e)
	case *syntax.Case:
		return c.caseOf(e)
	case *syntax.Cast:
		return c.apply("cast", e.At, []syntax.Expr{e.X}, []function.Value{function.Literal(e.Type)})
	case *syntax.Lambda:
		return c.lambda(e), nil
	case *syntax.FieldSet:
		return c.fieldSet(e)
	}
	return function.Value{}, syntax.Errorf(e.Span(), "this cannot stand here")
}

func isTrue(b *syntax.Binary) bool {
	l, ok := b.R.(*syntax.Literal)
	return ok && b.Op == syntax.Eq && l.Value == true
}

func literal(l *syntax.Literal) function.Value {
	v := function.Literal(l.Value)
	switch l.Type {
	case "float":
		v.Type = rows.Float
		v.SQL = "CAST(" + v.SQL + " AS FLOAT)"
	case "bigint":
		v.Type = rows.BigInt
		v.SQL = "CAST(" + v.SQL + " AS BIGINT)"
	}
	return v
}

// at gives an error of the function library its place in the query.
func at(span syntax.Span, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*syntax.Error](err); ok {
		return err
	}
	return &syntax.Error{Msg: err.Error(), Span: span, Hint: fault.HintOf(err)}
}

func (c *exprs) field(f *syntax.Field) (function.Value, error) {
	for _, b := range slices.Backward(c.binds) {
		if b.name == f.Name {
			return b.v, nil
		}
		if rest, ok := strings.CutPrefix(f.Name, b.name+"."); ok {
			return member(b.v, rest), nil
		}
	}
	if x, ok := c.r.find(f.Name); ok {
		c.uses = append(c.uses, x.Uses...)
		return x.Value, nil
	}
	for _, outer := range slices.Backward(c.r.env.scopes) {
		if x, ok := outer.find(f.Name); ok {
			mark(x.Uses)
			return x.Value, nil
		}
	}
	if e := arithmetic(f); e != nil && !f.Quoted {
		before := len(c.uses)
		if v, err := c.expr(e); err == nil {
			return v, nil
		}
		c.uses = c.uses[:before]
	}
	return function.Value{}, c.r.Unknown(f)
}

// arithmetic reads a name with dashes as a subtraction: `a-b` is one name to the grammar, but often means a - b.
func arithmetic(f *syntax.Field) syntax.Expr {
	if !strings.Contains(f.Name, "-") {
		return nil
	}
	p, err := syntax.NewParser(strings.ReplaceAll(f.Name, "-", " - "))
	if err != nil {
		return nil
	}
	e := p.Value()
	if p.Err() != nil || !p.AtEnd() {
		return nil
	}
	return e
}

func member(v function.Value, path string) function.Value {
	sql := v.SQL
	if !v.JSON {
		sql = "to_json(" + sql + ")"
	}
	return function.Value{SQL: "json_extract_string(" + sql + ", " + function.Quote(jsonPath(path)) + ")", Type: rows.String}
}

func (c *exprs) unary(e *syntax.Unary) (function.Value, error) {
	v, err := c.expr(e.X)
	if err != nil {
		return v, err
	}
	v, err = number(v, e.X.Span())
	if e.Op == "-" {
		v.SQL = "(-" + v.SQL + ")"
	}
	v.IsLiteral, v.Literal = false, nil
	return v, err
}

func (c *exprs) logic(e *syntax.Logic) (function.Value, error) {
	parts := make([]string, len(e.Xs))
	for i, x := range e.Xs {
		v, err := c.cond(x)
		if err != nil {
			return v, err
		}
		parts[i] = v.SQL
	}
	if e.Op == syntax.Xor {
		sql := parts[0]
		for _, p := range parts[1:] {
			sql = "(" + sql + " <> " + p + ")"
		}
		return function.Value{SQL: sql, Type: rows.Boolean}, nil
	}
	return function.Value{SQL: "(" + strings.Join(parts, " "+strings.ToUpper(e.Op)+" ") + ")", Type: rows.Boolean}, nil
}

func (c *exprs) caseOf(e *syntax.Case) (function.Value, error) {
	var vs []function.Value
	for _, w := range e.Whens {
		cond, err := c.cond(w.Cond)
		if err != nil {
			return cond, err
		}
		then, err := c.expr(w.Then)
		if err != nil {
			return then, err
		}
		vs = append(vs, cond, then)
	}
	if e.Else != nil {
		v, err := c.expr(e.Else)
		if err != nil {
			return v, err
		}
		vs = append(vs, v)
	}
	return c.use("case", e.At, &function.Call{Args: vs})
}

func (c *exprs) lambda(e *syntax.Lambda) function.Value {
	return function.Value{Lambda: &function.Lambda{Params: e.Params, Body: func(params []function.Value) (function.Value, error) {
		depth := len(c.binds)
		for i, p := range params {
			if i < len(e.Params) {
				c.binds = append(c.binds, binding{e.Params[i], p})
			}
		}
		v, err := c.expr(e.Body)
		c.binds = c.binds[:depth]
		return v, err
	}}}
}

// call compiles a function call.
func (c *exprs) call(e *syntax.Call) (function.Value, error) {
	name := strings.ToLower(e.Name)
	if c.agg {
		if v, done, err := c.aggregate(e, name); done {
			return v, err
		}
	}
	call := &function.Call{Distinct: e.Distinct}
	for i, a := range e.Args {
		if a.Name != "" {
			if call.Options == nil {
				call.Options = map[string]string{}
			}
			l, _ := a.X.(*syntax.Literal)
			call.Options[a.Name] = syntax.Print(a.X)
			if l != nil {
				if s, ok := l.Value.(string); ok {
					call.Options[a.Name] = s
				}
			}
			continue
		}
		v, err := c.arg(name, e, i)
		if err != nil {
			return v, err
		}
		call.Args = append(call.Args, v)
	}
	return c.use(name, e.NameAt, call)
}

// arg compiles argument i, with the exceptions some functions make.
func (c *exprs) arg(name string, e *syntax.Call, i int) (function.Value, error) {
	x := e.Args[i].X
	f, isField := x.(*syntax.Field)
	switch {
	case isField && (name == "coalesce" || name == "exists") && !c.r.Has(f.Name) && len(c.binds) == 0:
		return function.Literal(nil), nil // a field no document has is null to coalesce
	case name == "mvmap" && i == 1:
		if of := firstField(e.Args[0].X); of != "" {
			return c.lambda(&syntax.Lambda{Node: syntax.Node{At: x.Span()}, Params: []string{of}, Body: x}), nil
		}
	case (name == "if" || name == "case") && i == 0:
		return c.cond(x)
	}
	return c.expr(x)
}

// firstField returns the first field an expression mentions: what mvmap's second argument is a function of.
func firstField(e syntax.Expr) (name string) {
	syntax.Walk(e, func(x syntax.Expr) {
		if f, ok := x.(*syntax.Field); ok && name == "" {
			name = f.Name
		}
	})
	return name
}

func (c *exprs) apply(name string, span syntax.Span, es []syntax.Expr, more []function.Value) (function.Value, error) {
	vs, err := c.list(es)
	if err != nil {
		return function.Value{}, err
	}
	return c.use(name, span, &function.Call{Args: append(vs, more...)})
}

// use calls a scalar function of the library.
func (c *exprs) use(name string, span syntax.Span, call *function.Call) (function.Value, error) {
	f, ok := c.r.env.Lib.Lookup(name, function.Scalar)
	if !ok || f.Compile == nil {
		return function.Value{}, c.noFunction(name, span)
	}
	call.Name = name
	call.Settings = &c.r.env.Options.Settings
	v, err := f.Call(call)
	return v, at(span, err)
}

func (c *exprs) noFunction(name string, span syntax.Span) error {
	e := syntax.Errorf(span, "unsupported function: %s", name)
	if _, ok := c.r.env.Lib.Lookup(name, function.Aggregate); ok {
		return e.WithHint("%s is an aggregate: use it in stats, eventstats, streamstats, timechart or chart.", name)
	}
	if n := syntax.Nearest(name, c.r.env.Lib.Names(function.Scalar)); n != "" {
		return e.WithHint("Did you mean %s?", n)
	}
	return e
}

func (c *exprs) fieldSet(e *syntax.FieldSet) (function.Value, error) {
	var parts []string
	for _, name := range e.Fields {
		found := false
		for _, col := range c.r.cols {
			if col.Hidden || !Wild(name, col.Name) {
				continue
			}
			found = true
			c.uses = append(c.uses, col.uses...)
			if col.Type == rows.String {
				parts = append(parts, col.SQL)
			} else {
				parts = append(parts, "CAST("+col.SQL+" AS VARCHAR)")
			}
		}
		if !found && !strings.Contains(name, "*") {
			return function.Value{}, c.r.Unknown(&syntax.Field{Node: e.Node, Name: name})
		}
	}
	return function.Value{SQL: "[" + strings.Join(parts, ", ") + "]", Type: rows.Array, Elem: rows.String, Text: true}, nil
}

// Wild reports whether name matches a pattern in which * stands for any characters.
func Wild(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(name) < len(first)+len(last) || !strings.HasPrefix(name, first) || !strings.HasSuffix(name, last) {
		return false
	}
	name = name[len(first) : len(name)-len(last)]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(name, p)
		if i < 0 {
			return false
		}
		name = name[i+len(p):]
	}
	return true
}

// Display returns x as text, shown as PPL shows it.
func Display(x X) X {
	if x.Type == rows.String {
		return x
	}
	return X{Value: function.Cast(x.Value, rows.String), Uses: x.Uses}
}
