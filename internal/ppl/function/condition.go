package function

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

func conditions() []Func {
	return []Func{
		fn("isnull", "isnull(x)", "Whether x is null or missing.", 1, 1, test("(%s IS NULL)")),
		fn("isnotnull", "isnotnull(x)", "Whether x has a value.", 1, 1, test("(%s IS NOT NULL)"), "ispresent"),
		fn("ifnull", "ifnull(x, y)", "x, or y where x is null.", 2, 2, coalesce),
		fn("nullif", "nullif(x, y)", "null where x = y, else x.", 2, 2, nullif),
		fn("if", "if(condition, x, y)", "x where the condition holds, else y.", 3, 3, ifElse),
		fn("case", "case(condition, x, ... else y)", "The value of the first condition that holds.", 2, -1, caseWhen),
		fn("coalesce", "coalesce(x, y, ...)", "The first argument that is not null.", 1, -1, coalesce),
		fn("isempty", "isempty(s)", "Whether s is null or has no characters.", 1, 1, emptiness("(%[1]s IS NULL OR %[1]s = '')")),
		fn("isblank", "isblank(s)", "Whether s is null or holds blanks alone.", 1, 1, emptiness("(%[1]s IS NULL OR trim(%[1]s, ' ') = '')")),
		fn("contains", "contains(s, part)", "Whether part occurs in s, without regard to case.", 2, 2, func(c *Call) (Value, error) {
			return Contains(c.Args[0], c.Args[1]), nil
		}),
		fn("regexp_match", "regexp_match(s, regex)", "Whether the regular expression matches somewhere in s.", 2, 2, func(c *Call) (Value, error) {
			return MatchRegex(c.Args[0], c.Args[1])
		}, "regexp", "regex_match"),
		fn("xor", "xor(a, b)", "Whether just one of the two holds.", 2, 2, xor),
		fn("earliest", "earliest(offset, time)", "Whether time is at or after the relative time, e.g. \"-1d@d\".", 2, 2, relative(">=")),
		fn("latest", "latest(offset, time)", "Whether time is at or before the relative time.", 2, 2, relative("<=")),
		// The argument of count(eval(condition)): a value where the condition holds, null elsewhere.
		fn("eval", "eval(condition)", "Inside count(): counts the rows where the condition holds.", 1, 1, func(c *Call) (Value, error) {
			return scalar(rows.Boolean, "CASE WHEN %s THEN true END", c.Args[0].SQL), nil
		}),
	}
}

func test(format string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) { return scalar(rows.Boolean, format, c.Args[0].SQL), nil }
}

func emptiness(format string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		if !scalarType(c.Args[0].Type) {
			return scalar(rows.Boolean, "(%s IS NULL)", c.Args[0].SQL), nil
		}
		return scalar(rows.Boolean, format, str(c.Args[0])), nil
	}
}

// Coalesce is the first of values that is not null.
func Coalesce(values ...Value) Value {
	var kept []Value
	for _, v := range values {
		if !v.IsNull() {
			kept = append(kept, v)
		}
	}
	switch len(kept) {
	case 0:
		return Literal(nil)
	case 1:
		return kind(kept[0].SQL, kept[0])
	}
	all, t, ok := Unify(kept)
	if !ok {
		return kind(kept[0].SQL, kept[0])
	}
	out := kind("coalesce("+joinSQL(sqls(all))+")", all[0])
	out.Type = t
	out.Nanos = allNanos(all)
	return out
}

// allNanos reports whether every timestamp keeps nanoseconds; if only some do, Unify leaves DuckDB to widen them.
func allNanos(values []Value) bool {
	for _, v := range values {
		if v.Nanos {
			return true
		}
	}
	return false
}

func coalesce(c *Call) (Value, error) {
	if _, _, ok := Unify(c.Args); !ok {
		return Value{}, mixedTypes(c, c.Args)
	}
	return Coalesce(c.Args...), nil
}

func nullif(c *Call) (Value, error) {
	pair, _, ok := Unify(c.Args)
	if !ok {
		return Value{}, mixedTypes(c, c.Args)
	}
	return kind(fmt.Sprintf("(CASE WHEN %s = %s THEN NULL ELSE %s END)", pair[0].SQL, pair[1].SQL, c.Args[0].SQL), c.Args[0]), nil
}

func ifElse(c *Call) (Value, error) {
	return branches(c, c.Args[:1], c.Args[1:2], &c.Args[2])
}

func caseWhen(c *Call) (Value, error) {
	var conds, vals []Value
	n := len(c.Args)
	for i := 0; i+1 < n; i += 2 {
		conds, vals = append(conds, c.Args[i]), append(vals, c.Args[i+1])
	}
	if n%2 == 1 {
		return branches(c, conds, vals, &c.Args[n-1])
	}
	return branches(c, conds, vals, nil)
}

// branches compiles CASE WHEN over values of one common type.
func branches(c *Call, conds, vals []Value, other *Value) (Value, error) {
	all := append([]Value{}, vals...)
	if other != nil {
		all = append(all, *other)
	}
	all, t, ok := Unify(all)
	if !ok {
		return Value{}, mixedTypes(c, append(append([]Value{}, vals...), deref(other)...))
	}
	for i, cond := range conds {
		if cond.Type != rows.Boolean && !cond.IsNull() {
			return Value{}, fault.New(fault.InvalidQuery, "%s: condition %d must be true or false, not %s", c.Name, i+1, cond.Type)
		}
	}
	var b strings.Builder
	b.WriteString("(CASE")
	like := all[0]
	for i, cond := range conds {
		fmt.Fprintf(&b, " WHEN %s THEN %s", cond.SQL, all[i].SQL)
	}
	if other != nil {
		b.WriteString(" ELSE " + all[len(all)-1].SQL)
	}
	b.WriteString(" END)")
	for _, v := range all {
		if !v.IsNull() {
			like = v
			break
		}
	}
	out := kind(b.String(), like)
	out.Type, out.Nanos = t, allNanos(all)
	return out, nil
}

func deref(v *Value) []Value {
	if v == nil {
		return nil
	}
	return []Value{*v}
}

func mixedTypes(c *Call, values []Value) error {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = typeWord(v.Type)
	}
	return fault.New(fault.InvalidQuery, "%s: the values have no common type; operand types: [%s]", c.Name, strings.Join(words, ", "))
}

func xor(c *Call) (Value, error) {
	return scalar(rows.Boolean, "(%s <> %s)", c.Args[0].SQL, c.Args[1].SQL), nil
}
