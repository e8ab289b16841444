package function

import (
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

func collections() []Func {
	return []Func{
		fn("array", "array(a, b, ...)", "An array of values of one type.", 0, -1, array),
		fn("array_length", "array_length(array)", "How many elements.", 1, 1, arrayLength),
		fn("split", "split(s, separator)", "The parts of s between the separators; an empty separator gives the characters.", 2, 2, split),
		fn("mvjoin", "mvjoin(array, separator)", "The elements joined to one string.", 2, 2, mvjoin),
		fn("mvappend", "mvappend(a, b, ...)", "One array of all values and elements that are not null.", 1, -1, mvappend),
		fn("mvdedup", "mvdedup(array)", "The different elements in order of first appearance.", 1, 1, mvdedup),
		fn("mvfind", "mvfind(array, regex)", "The index (from 0) of the first element that the pattern matches.", 2, 2, mvfind),
		fn("mvindex", "mvindex(array, start[, end])", "The element at start, or those from start to end; indexes from 0, from the end if negative.", 2, 3, mvindex),
		fn("mvmap", "mvmap(array, expression)", "The expression over each element.", 2, 2, transform),
		fn("mvzip", "mvzip(a, b[, separator])", "The elements of two arrays joined pairwise.", 2, 3, mvzip),
		fn("transform", "transform(array, x -> expression)", "The expression over each element; (x, i) -> ... gets the index too.", 2, 2, transform),
		fn("filter", "filter(array, x -> condition)", "The elements for which the condition holds.", 2, 2, filter),
		fn("exists", "exists(array, x -> condition)", "Whether the condition holds for an element.", 2, 2, quantified("> 0", false)),
		fn("forall", "forall(array, x -> condition)", "Whether the condition holds for all elements.", 2, 2, quantified("= 0", true)),
		fn("reduce", "reduce(array, start, (acc, x) -> expression[, acc -> result])", "The elements folded to one value.", 3, 4, reduce),
	}
}

// listOf returns argument i as a DuckDB list with its element type.
func listOf(c *Call, i int) (Value, error) {
	v := c.Args[i]
	switch {
	case v.Type == rows.Array && v.JSON:
		return Value{SQL: `from_json(` + v.SQL + `, '["VARCHAR"]')`, Type: rows.Array, Elem: rows.String}, nil
	case v.Type == rows.Array:
		if v.Elem == "" {
			v.Elem = rows.String
		}
		return v, nil
	case v.Type == rows.Undefined:
		return Value{SQL: "CAST(NULL AS VARCHAR[])", Type: rows.Array, Elem: rows.String}, nil
	}
	return Value{}, wrongType(c, i, "an array")
}

// List returns an array as a DuckDB list with the type of its elements. The error names a value that is no array.
func List(v Value) (Value, error) {
	out, err := listOf(&Call{Name: "list", Args: []Value{v}}, 0)
	out.Elem = elemType(out)
	return out, err
}

// textList returns argument i as a list of strings.
func textList(c *Call, i int) (string, error) {
	v, err := listOf(c, i)
	if err != nil {
		return "", err
	}
	if v.Elem == rows.String || v.Elem == rows.Undefined {
		return "CAST(" + v.SQL + " AS VARCHAR[])", nil
	}
	return "list_transform(" + v.SQL + ", lambda e: " + display(Value{SQL: "e", Type: v.Elem}) + ")", nil
}

func array(c *Call) (Value, error) {
	if len(c.Args) == 0 {
		return Value{SQL: "CAST([] AS VARCHAR[])", Type: rows.Array, Elem: rows.Undefined}, nil
	}
	all, t, ok := Unify(c.Args)
	if ok && t == rows.String { // numbers go with text, booleans and times do not
		for _, a := range c.Args {
			ok = ok && (a.Type == rows.String || a.Type.Numeric() || a.IsNull())
		}
	}
	if !ok {
		words := make([]string, len(c.Args))
		for i, a := range c.Args {
			words[i] = typeWord(a.Type)
		}
		return Value{}, fault.New(fault.InvalidQuery,
			"fail to create array with fixed type: At line 0, column 0: Cannot infer return type for array; operand types: [%s]", strings.Join(words, ", "))
	}
	return Value{SQL: "[" + joinSQL(sqls(all)) + "]", Type: rows.Array, Elem: t}, nil
}

func arrayLength(c *Call) (Value, error) {
	if a := c.Args[0]; a.JSON {
		return scalar(rows.Int, "CAST(json_array_length(%s) AS INTEGER)", a.SQL), nil
	}
	v, err := listOf(c, 0)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.Int, "CAST(len(%s) AS INTEGER)", v.SQL), nil
}

func split(c *Call) (Value, error) {
	return Value{SQL: "string_split(" + str(c.Args[0]) + ", " + str(c.Args[1]) + ")", Type: rows.Array, Elem: rows.String}, nil
}

func mvjoin(c *Call) (Value, error) {
	list, err := textList(c, 0)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.String, "array_to_string(%s, %s)", list, str(c.Args[1])), nil
}

// mvappend gives a typed list when the values agree, else an array of JSON that keeps each value's type.
func mvappend(c *Call) (Value, error) {
	t, same := rows.Undefined, true
	for _, a := range c.Args {
		e := a.Type
		if a.Type == rows.Array {
			e = a.Elem
			same = same && !a.JSON
		}
		switch {
		case e == rows.Undefined || e == "":
		case t == rows.Undefined, t == e:
			t = e
		case t.Numeric() && e.Numeric():
			t, _ = Common(t, e)
		default:
			same = false
		}
	}
	if !same {
		return mixedAppend(c), nil
	}
	if t == rows.Undefined {
		t = rows.String
	}
	sqlType := SQLType(t) + "[]"
	parts := make([]string, len(c.Args))
	for i, a := range c.Args {
		parts[i] = "CAST([" + a.SQL + "] AS " + sqlType + ")"
		if a.Type == rows.Array {
			parts[i] = "coalesce(CAST(" + a.SQL + " AS " + sqlType + "), [])"
		}
	}
	return Value{SQL: withoutNulls(parts), Type: rows.Array, Elem: t}, nil
}

// withoutNulls joins lists and drops nulls; null when nothing is left.
func withoutNulls(lists []string) string {
	return "nullif(list_filter(" + strings.Join(lists, " || ") + ", lambda v: v IS NOT NULL), [])"
}

func mixedAppend(c *Call) Value {
	parts := make([]string, len(c.Args))
	for i, a := range c.Args {
		switch {
		case a.Type == rows.Array && a.JSON:
			parts[i] = "coalesce(from_json(" + a.SQL + `, '["JSON"]'), [])`
		case a.Type == rows.Array:
			parts[i] = "coalesce(list_transform(" + a.SQL + ", lambda v: to_json(v)), [])"
		default:
			parts[i] = "[to_json(" + jsonValue(a) + ")]"
		}
	}
	return Value{SQL: "CAST(to_json(" + withoutNulls(parts) + ") AS VARCHAR)", Type: rows.Array, JSON: true}
}

func mvdedup(c *Call) (Value, error) {
	v, err := listOf(c, 0)
	if err != nil {
		return Value{}, err
	}
	v.SQL = "list_filter(" + v.SQL + ", lambda v, i: list_position(" + v.SQL + ", v) = i)"
	return v, nil
}

func mvfind(c *Call) (Value, error) {
	list, err := textList(c, 0)
	if err != nil {
		return Value{}, err
	}
	match, err := MatchRegex(Value{SQL: "v", Type: rows.String}, c.Args[1])
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.Int, "CAST(nullif(list_position(list_transform(%s, lambda v: %s), true), 0) - 1 AS INTEGER)", list, match.SQL), nil
}

// fromOne turns an index from 0 (negative: from the end) into DuckDB's from 1.
func fromOne(v Value) string {
	if n, ok := v.integer(); ok {
		if n >= 0 {
			n++
		}
		return strconv.FormatInt(n, 10)
	}
	i := whole(v)
	return "(CASE WHEN " + i + " >= 0 THEN " + i + " + 1 ELSE " + i + " END)"
}

func mvindex(c *Call) (Value, error) {
	v, err := listOf(c, 0)
	if err != nil {
		return Value{}, err
	}
	for i := range c.Args[1:] {
		if !c.Args[i+1].Type.Integer() {
			return Value{}, wrongType(c, i+1, "a whole number")
		}
	}
	if len(c.Args) == 3 {
		v.SQL = "list_slice(" + v.SQL + ", " + fromOne(c.Args[1]) + ", " + fromOne(c.Args[2]) + ")"
		return v, nil
	}
	return Value{SQL: "list_extract(" + v.SQL + ", " + fromOne(c.Args[1]) + ")", Type: elemType(v)}, nil
}

// elemType is the type of an element; of an empty array it is string.
func elemType(v Value) rows.Type {
	if v.Elem == "" || v.Elem == rows.Undefined {
		return rows.String
	}
	return v.Elem
}

func mvzip(c *Call) (Value, error) {
	a, err := textList(c, 0)
	if err != nil {
		return Value{}, err
	}
	b, err := textList(c, 1)
	if err != nil {
		return Value{}, err
	}
	sep := "','"
	if len(c.Args) == 3 {
		sep = str(c.Args[2])
	}
	return Value{
		SQL:  "list_transform(list_zip(" + a + ", " + b + ", true), lambda p: p[1] || " + sep + " || p[2])",
		Type: rows.Array, Elem: rows.String,
	}, nil
}
