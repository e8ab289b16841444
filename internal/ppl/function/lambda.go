package function

import (
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// lambdaOf returns argument i as a lambda with lo to hi parameters.
func lambdaOf(c *Call, i, lo, hi int) (*Lambda, error) {
	l := c.Args[i].Lambda
	if l == nil {
		return nil, fault.New(fault.InvalidQuery, "%s: argument %d must be a lambda such as x -> x + 1", c.Name, i+1)
	}
	if n := len(l.Params); n < lo || n > hi {
		return nil, fault.New(fault.InvalidQuery, "%s: the lambda has %d parameters, expected %d to %d", c.Name, n, lo, hi)
	}
	return l, nil
}

// param is the SQL name of a lambda's parameter: distinct from every column.
func param(name string) string { return Ident("lambda " + name) }

// element compiles a lambda of one parameter over the elements of argument 0.
func element(c *Call) (list Value, name string, body Value, err error) {
	if list, err = listOf(c, 0); err != nil {
		return list, "", body, err
	}
	l, err := lambdaOf(c, 1, 1, 1)
	if err != nil {
		return list, "", body, err
	}
	name = param(l.Params[0])
	body, err = l.Body([]Value{{SQL: name, Type: elemType(list)}})
	return list, name, body, err
}

func transform(c *Call) (Value, error) {
	list, err := listOf(c, 0)
	if err != nil {
		return Value{}, err
	}
	l, err := lambdaOf(c, 1, 1, 2)
	if err != nil {
		return Value{}, err
	}
	name := param(l.Params[0])
	params := []Value{{SQL: name, Type: elemType(list)}}
	head := name
	if len(l.Params) == 2 {
		index := param(l.Params[1])
		head += ", " + index
		params = append(params, Value{SQL: "CAST(" + index + " - 1 AS INTEGER)", Type: rows.Int})
	}
	body, err := l.Body(params)
	if err != nil {
		return Value{}, err
	}
	return Value{SQL: "list_transform(" + list.SQL + ", lambda " + head + ": " + body.SQL + ")", Type: rows.Array, Elem: body.Type}, nil
}

func filter(c *Call) (Value, error) {
	list, name, body, err := element(c)
	if err != nil {
		return Value{}, err
	}
	list.SQL = "list_filter(" + list.SQL + ", lambda " + name + ": " + body.SQL + ")"
	return list, nil
}

// quantified compiles exists and forall by counting the elements for which the condition holds, or does not.
func quantified(test string, negate bool) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		list, name, body, err := element(c)
		if err != nil {
			return Value{}, err
		}
		cond := body.SQL
		if negate {
			cond = "NOT (" + cond + ")"
		}
		return scalar(rows.Boolean, "(len(list_filter(%s, lambda %s: %s)) %s)", list.SQL, name, cond, test), nil
	}
}

// reduce folds a list. DuckDB's accumulator has the type of the elements, PPL's that of the expression: elements and
// accumulator travel in one struct.
func reduce(c *Call) (Value, error) {
	list, err := listOf(c, 0)
	if err != nil {
		return Value{}, err
	}
	l, err := lambdaOf(c, 2, 2, 2)
	if err != nil {
		return Value{}, err
	}
	acc, x := param(l.Params[0]), param(l.Params[1])
	t := c.Args[1].Type
	fold := func(t rows.Type) (Value, error) {
		return l.Body([]Value{{SQL: acc + ".a", Type: t}, {SQL: x + ".x", Type: elemType(list)}})
	}
	body, err := fold(t)
	if err != nil {
		return Value{}, err
	}
	if body.Type != t { // the accumulator takes the expression's type from the start
		t = body.Type
		if body, err = fold(t); err != nil {
			return Value{}, err
		}
	}
	sqlType, elem := SQLType(t), SQLType(elemType(list))
	start := fmt.Sprintf("{'a': CAST(%s AS %s), 'x': CAST(NULL AS %s)}", c.Args[1].SQL, sqlType, elem)
	pairs := fmt.Sprintf("list_transform(%s, lambda %s: {'a': CAST(NULL AS %s), 'x': %s})", list.SQL, x, sqlType, x)
	sql := fmt.Sprintf("list_reduce(%s, lambda %s, %s: {'a': CAST(%s AS %s), 'x': %s.x}, %s).a", pairs, acc, x, body.SQL, sqlType, x, start)
	out := Value{SQL: sql, Type: t}
	if len(c.Args) == 3 {
		return out, nil
	}
	finish, err := lambdaOf(c, 3, 1, 1)
	if err != nil {
		return Value{}, err
	}
	return finish.Body([]Value{out})
}
