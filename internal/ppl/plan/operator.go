package plan

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

func (c *exprs) binary(e *syntax.Binary) (function.Value, error) {
	l, err := c.expr(e.L)
	if err != nil {
		return l, err
	}
	r, err := c.expr(e.R)
	if err != nil {
		return r, err
	}
	switch e.Op {
	case syntax.Add, syntax.Sub, syntax.Mul, syntax.Div, syntax.Mod:
		return c.arithmetic(e, l, r)
	case syntax.Eq, syntax.Ne, syntax.Lt, syntax.Le, syntax.Gt, syntax.Ge:
		return Compare(e.Op, l, r, e.At)
	}
	op, neg := strings.CutPrefix(e.Op, "not ")
	if op == syntax.Regexp {
		op = "regexp_match"
	}
	v, err := c.use(op, e.At, &function.Call{Args: []function.Value{l, r}})
	if neg {
		v.SQL = "(NOT " + v.SQL + ")"
	}
	return v, err
}

// arithmetic compiles + - * / %. Two strings are joined by +, a string beside a number is read as a number; x/0 is null;
// whole numbers divide to a whole number unless the modern syntax is on. Overflow is an error of the engine.
func (c *exprs) arithmetic(e *syntax.Binary, l, r function.Value) (function.Value, error) {
	if e.Op == syntax.Add && textual(l) && textual(r) {
		return function.Value{SQL: "(" + l.SQL + " || " + r.SQL + ")", Type: rows.String}, nil
	}
	if v, ok := temporal(e, l, r); ok {
		return v, nil
	}
	l, err := number(l, e.L.Span())
	if err != nil {
		return l, err
	}
	r, err = number(r, e.R.Span())
	if err != nil {
		return r, err
	}
	t, _ := function.Common(l.Type, r.Type)
	if t == rows.Undefined {
		t = rows.Int
	}
	modern := c.r.env.Options.Settings.ModernSyntax
	op, rsql := e.Op, r.SQL
	if op == syntax.Div || op == syntax.Mod {
		rsql = "NULLIF(" + rsql + ", 0)"
	}
	switch {
	case op == syntax.Div && t.Integer() && !modern:
		op = "//"
	case op == syntax.Div && t.Integer():
		t = rows.Double
	case op == syntax.Div || op == syntax.Mod:
	case t == rows.TinyInt || t == rows.SmallInt: // narrow types are widened before they can overflow
		l.SQL, t = "CAST("+l.SQL+" AS INTEGER)", rows.Int
	case t == rows.Int:
		l.SQL, t = "CAST("+l.SQL+" AS BIGINT)", rows.BigInt
	}
	return function.Value{SQL: "(" + l.SQL + " " + op + " " + rsql + ")", Type: t}, nil
}

func textual(v function.Value) bool { return v.Type == rows.String || v.Type == rows.IP }

// temporal compiles time plus or minus an interval.
func temporal(e *syntax.Binary, l, r function.Value) (v function.Value, ok bool) {
	switch {
	case e.Op != syntax.Add && e.Op != syntax.Sub:
		return v, false
	case r.Type == rows.Interval && l.Type.Temporal():
	case l.Type == rows.Interval && r.Type.Temporal() && e.Op == syntax.Add:
		l, r = r, l
	case l.Type.Temporal() && r.Type.Temporal() && e.Op == syntax.Sub:
		return function.Value{SQL: "(" + l.SQL + " - " + r.SQL + ")", Type: rows.Interval}, true
	default:
		return v, false
	}
	t := l.Type
	if t == rows.Date {
		t = rows.Timestamp
	}
	return function.Value{SQL: "(" + l.SQL + " " + e.Op + " " + r.SQL + ")", Type: t, Nanos: l.Nanos}, true
}

// number returns v as a number; strings are read as one, null if they are none.
func number(v function.Value, span syntax.Span) (function.Value, error) {
	switch {
	case v.Type.Numeric():
		return v, nil
	case v.Type == rows.Undefined:
		return function.Value{SQL: "CAST(NULL AS INTEGER)", Type: rows.Undefined}, nil
	case v.Type == rows.String:
		return function.Value{SQL: "TRY_CAST(" + v.SQL + " AS DOUBLE)", Type: rows.Double}, nil
	}
	return v, syntax.Errorf(span, "expected a number, this is of type %s", strings.ToUpper(string(v.Type)))
}

// Compare compiles l op r with the types brought together.
func Compare(op string, l, r function.Value, span syntax.Span) (function.Value, error) {
	l, r, err := together(l, r, span)
	if err != nil {
		return l, err
	}
	if op == syntax.Ne {
		op = "<>"
	}
	return function.Value{SQL: "(" + l.SQL + " " + op + " " + r.SQL + ")", Type: rows.Boolean}, nil
}

// together brings two values to types that SQL compares as PPL does.
func together(l, r function.Value, span syntax.Span) (function.Value, function.Value, error) {
	switch {
	case l.Type == r.Type, l.Type == rows.Undefined, r.Type == rows.Undefined, l.Type.Numeric() && r.Type.Numeric():
		return l, r, nil
	case l.Type.Temporal() && r.Type.Temporal():
		return function.Convert(l, rows.Timestamp), function.Convert(r, rows.Timestamp), nil
	case r.Type == rows.String:
		v, err := As(r, l, span)
		return l, v, err
	case l.Type == rows.String:
		v, err := As(l, r, span)
		return v, r, err
	case l.Type == rows.Boolean && r.Type.Numeric():
		l.SQL = "CAST(" + l.SQL + " AS INTEGER)"
		return l, r, nil
	case r.Type == rows.Boolean && l.Type.Numeric():
		r.SQL = "CAST(" + r.SQL + " AS INTEGER)"
		return l, r, nil
	}
	return l, r, syntax.Errorf(span, "cannot compare %s with %s", strings.ToUpper(string(l.Type)), strings.ToUpper(string(r.Type)))
}

// As reads the string v as a value like the other: constants at once, columns for each row (null where that fails).
func As(v, like function.Value, span syntax.Span) (function.Value, error) {
	s, constant := v.Literal.(string)
	switch {
	case like.Type.Numeric():
		if constant {
			return numberText(s), nil
		}
		return function.Value{SQL: "TRY_CAST(" + v.SQL + " AS DOUBLE)", Type: rows.Double}, nil
	case like.Type == rows.Boolean:
		return function.Value{SQL: "TRY_CAST(" + v.SQL + " AS BOOLEAN)", Type: rows.Boolean}, nil
	case like.Type.Temporal():
		if constant {
			return timeText(s, like, span)
		}
		return function.Value{SQL: "TRY_CAST(" + v.SQL + " AS " + function.SQLType(like.Type) + ")", Type: like.Type}, nil
	case like.Type == rows.IP:
		if a, err := netip.ParseAddr(s); err == nil && constant {
			return function.Value{SQL: function.Quote(a.String()), Type: rows.IP}, nil
		}
		return v, nil
	case like.Type == rows.Binary:
		return v, nil
	}
	return v, syntax.Errorf(span, "cannot compare %s with a text", strings.ToUpper(string(like.Type)))
}

func numberText(s string) function.Value {
	s = strings.TrimSpace(s)
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return function.Literal(i)
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return function.Literal(f)
	}
	return function.Value{SQL: "CAST(NULL AS DOUBLE)", Type: rows.Double}
}

func (c *exprs) in(e *syntax.In) (function.Value, error) {
	x, err := c.expr(e.X)
	if err != nil {
		return x, err
	}
	parts := make([]string, len(e.List))
	for i, item := range e.List {
		v, err := c.expr(item)
		if err != nil {
			return v, err
		}
		if s, ok := v.Literal.(string); ok && x.Type.Numeric() {
			if _, err := strconv.ParseFloat(s, 64); err != nil {
				return v, syntax.Errorf(item.Span(), "In expression types are incompatible: fields type %s, values type [STRING]", strings.ToUpper(string(x.Type)))
			}
		}
		lx, v, err := together(x, v, item.Span())
		if err != nil {
			return v, err
		}
		if i == 0 {
			x = lx
		}
		parts[i] = v.SQL
	}
	op := " IN ("
	if e.Neg {
		op = " NOT IN ("
	}
	return function.Value{SQL: "(" + x.SQL + op + strings.Join(parts, ", ") + "))", Type: rows.Boolean}, nil
}

func (c *exprs) between(e *syntax.Between) (function.Value, error) {
	vs, err := c.list([]syntax.Expr{e.X, e.Lo, e.Hi})
	if err != nil {
		return function.Value{}, err
	}
	lo, err := Compare(syntax.Ge, vs[0], vs[1], e.At)
	if err != nil {
		return lo, syntax.Errorf(e.At, "BETWEEN expression types are incompatible: [%s, %s, %s]", word(vs[0]), word(vs[1]), word(vs[2]))
	}
	hi, err := Compare(syntax.Le, vs[0], vs[2], e.At)
	if err != nil {
		return hi, syntax.Errorf(e.At, "BETWEEN expression types are incompatible: [%s, %s, %s]", word(vs[0]), word(vs[1]), word(vs[2]))
	}
	sql := "(" + lo.SQL + " AND " + hi.SQL + ")"
	if e.Neg {
		sql = "(NOT " + sql + ")"
	}
	return function.Value{SQL: sql, Type: rows.Boolean}, nil
}

func word(v function.Value) string { return strings.ToUpper(string(v.Type)) }
