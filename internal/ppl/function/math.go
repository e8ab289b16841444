package function

import (
	"fmt"
	"math"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

func fn(name, args, doc string, lo, hi int, compile func(*Call) (Value, error), aliases ...string) Func {
	return Func{Name: name, Aliases: aliases, Class: Scalar, Args: args, Doc: doc, Min: lo, Max: hi, Compile: compile}
}

func maths() []Func {
	return []Func{
		fn("abs", "abs(x)", "The absolute value.", 1, 1, sameType("abs(%s)")),
		fn("acos", "acos(x)", "The arc cosine.", 1, 1, double("CASE WHEN abs(%[1]s) <= 1 THEN acos(%[1]s) END")),
		fn("add", "add(a, b)", "a + b.", 2, 2, arith("+")),
		fn("asin", "asin(x)", "The arc sine.", 1, 1, double("CASE WHEN abs(%[1]s) <= 1 THEN asin(%[1]s) END")),
		fn("atan", "atan(y[, x])", "The arc tangent of y, or of y / x.", 1, 2, atan, "atan2"),
		fn("cbrt", "cbrt(x)", "The cube root.", 1, 1, double("cbrt(%s)")),
		fn("ceil", "ceil(x)", "The next whole number upwards.", 1, 1, sameType("ceil(%s)"), "ceiling"),
		fn("conv", "conv(x, from, to)", "The whole number x written in base `from`, in base `to`.", 3, 3, conv),
		fn("cos", "cos(x)", "The cosine.", 1, 1, double("cos(%s)")),
		fn("cosh", "cosh(x)", "The hyperbolic cosine.", 1, 1, double("cosh(%s)")),
		fn("cot", "cot(x)", "The cotangent.", 1, 1, double("CASE WHEN %[1]s <> 0 THEN cot(%[1]s) END")),
		fn("crc32", "crc32(string)", "The CRC-32 checksum.", 1, 1, crc32SQL),
		fn("degrees", "degrees(radians)", "Radians as degrees.", 1, 1, double("degrees(%s)")),
		fn("divide", "divide(a, b)", "a / b; whole numbers give a whole number, division by zero gives null.", 2, 2, arith("/")),
		fn("e", "e()", "Euler's number.", 0, 0, constant(math.E)),
		fn("exp", "exp(x)", "e to the power of x.", 1, 1, double("exp(%s)")),
		fn("expm1", "expm1(x)", "exp(x) - 1.", 1, 1, double("(exp(%s) - 1)")),
		fn("floor", "floor(x)", "The next whole number downwards.", 1, 1, sameType("floor(%s)")),
		fn("ln", "ln(x)", "The natural logarithm; null unless x > 0.", 1, 1, double("CASE WHEN %[1]s > 0 THEN ln(%[1]s) END")),
		fn("log", "log([base,] x)", "The logarithm, natural unless a base is given; null where undefined.", 1, 2, logarithm),
		fn("log10", "log10(x)", "The decimal logarithm; null unless x > 0.", 1, 1, double("CASE WHEN %[1]s > 0 THEN log10(%[1]s) END")),
		fn("log2", "log2(x)", "The binary logarithm; null unless x > 0.", 1, 1, double("CASE WHEN %[1]s > 0 THEN log2(%[1]s) END")),
		fn("mod", "mod(a, b)", "The remainder of a / b; null when b is 0.", 2, 2, arith("%"), "modulus"),
		fn("multiply", "multiply(a, b)", "a * b.", 2, 2, arith("*")),
		fn("pi", "pi()", "Pi.", 0, 0, constant(math.Pi)),
		fn("pow", "pow(x, y)", "x to the power of y; null where undefined.", 2, 2, power, "power"),
		fn("radians", "radians(degrees)", "Degrees as radians.", 1, 1, double("radians(%s)")),
		fn("rand", "rand([seed])", "A number in [0, 1); the seed is ignored.", 0, 1, func(*Call) (Value, error) { return scalar(rows.Double, "random()"), nil }),
		fn("rint", "rint(x)", "The nearest whole number, ties to even.", 1, 1, double("round_even(%s, 0)")),
		fn("round", "round(x[, digits])", "x rounded to the given decimals.", 1, 2, round),
		fn("sign", "sign(x)", "-1, 0 or 1.", 1, 1, sameType("sign(%s)"), "signum"),
		fn("sin", "sin(x)", "The sine.", 1, 1, double("sin(%s)")),
		fn("sinh", "sinh(x)", "The hyperbolic sine.", 1, 1, double("sinh(%s)")),
		fn("sqrt", "sqrt(x)", "The square root; null when x < 0.", 1, 1, double("CASE WHEN %[1]s >= 0 THEN sqrt(%[1]s) END")),
		fn("subtract", "subtract(a, b)", "a - b.", 2, 2, arith("-")),
		fn("tan", "tan(x)", "The tangent.", 1, 1, double("tan(%s)")),
		fn("truncate", "truncate(x, digits)", "x cut to the given decimals.", 2, 2, truncate),
		fn("sum", "sum(a, b, ...)", "The sum of the arguments.", 1, -1, sumOf),
		fn("avg", "avg(a, b, ...)", "The mean of the arguments.", 1, -1, avgOf),
		fn("max", "max(a, b, ...)", "The greatest argument; any string is greater than any number.", 1, -1, extremeOf("greatest", true)),
		fn("min", "min(a, b, ...)", "The least argument; any number is less than any string.", 1, -1, extremeOf("least", false)),
	}
}

// double compiles functions of one number that give a double; format is filled with the argument as DOUBLE.
func double(format string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		if err := needNumeric(c); err != nil {
			return Value{}, err
		}
		return scalar(rows.Double, format, dbl(c.Args[0])), nil
	}
}

// sameType compiles functions of one number that keep its type.
func sameType(format string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		if err := needNumeric(c); err != nil {
			return Value{}, err
		}
		a := number(c.Args[0])
		return scalar(a.Type, "CAST("+format+" AS %s)", a.SQL, SQLType(a.Type)), nil
	}
}

// number returns v as a numeric value: strings and null become double.
func number(v Value) Value {
	if v.Type.Numeric() {
		return v
	}
	return Value{SQL: dbl(v), Type: rows.Double}
}

func constant(x float64) func(*Call) (Value, error) {
	return func(*Call) (Value, error) { return Literal(x), nil }
}

func arith(op string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		if err := needNumeric(c); err != nil {
			return Value{}, err
		}
		return Arithmetic(op, c.Args[0], c.Args[1], c.Settings), nil
	}
}

// Arithmetic compiles a op b for op one of + - * / % with PPL's typing: + - * of narrow integers give int, of int or bigint
// give bigint (overflow is an error of the query); / of integers cuts the fraction unless ModernSyntax; division and
// remainder by zero give null; anything with a string or a float is double.
func Arithmetic(op string, a, b Value, s *Settings) Value {
	a, b = number(a), number(b)
	integers := a.Type.Integer() && b.Type.Integer()
	wide, _ := Common(a.Type, b.Type)
	switch op {
	case "+", "-", "*":
		if integers {
			wide = rows.Int
			if rank(a.Type) > rank(rows.SmallInt) || rank(b.Type) > rank(rows.SmallInt) {
				wide = rows.BigInt
			}
		}
		return scalar(wide, "(%s %s %s)", widen(a, wide), op, widen(b, wide))
	case "/":
		if integers && (s == nil || !s.ModernSyntax) {
			return scalar(wide, "(%s // nullif(%s, 0))", widen(a, wide), widen(b, wide))
		}
		if integers {
			wide = rows.Double
		}
		return scalar(wide, "(%s / nullif(%s, 0))", widen(a, wide), widen(b, wide))
	default:
		return scalar(wide, "(%s %% nullif(%s, 0))", widen(a, wide), widen(b, wide))
	}
}

// widen casts v to t unless it already is.
func widen(v Value, t rows.Type) string {
	if v.Type == t {
		return v.SQL
	}
	return "CAST(" + v.SQL + " AS " + SQLType(t) + ")"
}

func atan(c *Call) (Value, error) {
	if err := needNumeric(c); err != nil {
		return Value{}, err
	}
	if len(c.Args) == 1 {
		return scalar(rows.Double, "atan(%s)", dbl(c.Args[0])), nil
	}
	return scalar(rows.Double, "atan2(%s, %s)", dbl(c.Args[0]), dbl(c.Args[1])), nil
}

func power(c *Call) (Value, error) {
	if err := needNumeric(c); err != nil {
		return Value{}, err
	}
	x, y := dbl(c.Args[0]), dbl(c.Args[1])
	return scalar(rows.Double, "(CASE WHEN isfinite(pow(%[1]s, %[2]s)) THEN pow(%[1]s, %[2]s) END)", x, y), nil
}

func logarithm(c *Call) (Value, error) {
	if err := needNumeric(c); err != nil {
		return Value{}, err
	}
	x := dbl(c.Args[len(c.Args)-1])
	if len(c.Args) == 1 {
		return scalar(rows.Double, "CASE WHEN %[1]s > 0 THEN ln(%[1]s) END", x), nil
	}
	b := dbl(c.Args[0])
	return scalar(rows.Double, "CASE WHEN %[1]s > 0 AND %[2]s > 0 AND %[1]s <> 1 THEN ln(%[2]s) / ln(%[1]s) END", b, x), nil
}

func round(c *Call) (Value, error) {
	if err := needNumeric(c); err != nil {
		return Value{}, err
	}
	a := number(c.Args[0])
	digits := "0"
	if len(c.Args) == 2 {
		digits = "CAST(" + whole(c.Args[1]) + " AS INTEGER)"
	}
	return scalar(a.Type, "CAST(round(%s, %s) AS %s)", a.SQL, digits, SQLType(a.Type)), nil
}

func truncate(c *Call) (Value, error) {
	if err := needNumeric(c); err != nil {
		return Value{}, err
	}
	a := number(c.Args[0])
	scale := "pow(CAST(10 AS DOUBLE), " + whole(c.Args[1]) + ")"
	return scalar(a.Type, "CAST(trunc(%s * %s) / %s AS %s)", dbl(a), scale, scale, SQLType(a.Type)), nil
}

func sumOf(c *Call) (Value, error) {
	if err := needNumeric(c); err != nil {
		return Value{}, err
	}
	v := number(c.Args[0])
	for _, b := range c.Args[1:] {
		v = Arithmetic("+", v, b, c.Settings)
	}
	return v, nil
}

func avgOf(c *Call) (Value, error) {
	v, err := sumOf(c)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.Double, "(%s / %d)", dbl(v), len(c.Args)), nil
}

// extremeOf is scalar max and min: nulls are skipped; when strings and numbers mix, strings are the greater.
func extremeOf(fn string, stringsWin bool) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		var nums, strs, others []Value
		for _, a := range c.Args {
			switch {
			case a.IsNull():
			case a.Type.Numeric():
				nums = append(nums, a)
			case a.Type == rows.String:
				strs = append(strs, a)
			default:
				others = append(others, a)
			}
		}
		if len(others) > 0 {
			all, t, ok := Unify(c.Args)
			if !ok {
				return Value{}, fault.New(fault.InvalidQuery, "%s: the arguments have no common type", c.Name)
			}
			return scalar(t, "%s(%s)", fn, joinSQL(sqls(all))), nil
		}
		pick := nums
		if len(strs) > 0 && (stringsWin || len(nums) == 0) {
			pick = strs
		}
		// The losing kind counts only where every argument of the winning kind is null.
		if len(pick) == 0 {
			return Literal(nil), nil
		}
		all, t, _ := Unify(pick)
		return scalar(t, "%s(%s)", fn, joinSQL(sqls(all))), nil
	}
}

// sqls returns the SQL of each value.
func sqls(values []Value) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = v.SQL
	}
	return out
}

func conv(c *Call) (Value, error) {
	for i := 1; i <= 2; i++ {
		if n, ok := c.Args[i].integer(); ok && (n < minRadix || n > maxRadix) {
			return Value{}, radixError(n)
		}
	}
	return scalar(rows.String, "ppl_conv(%s, %s, %s)", str(c.Args[0]), whole(c.Args[1]), whole(c.Args[2])), nil
}

func crc32SQL(c *Call) (Value, error) {
	return scalar(rows.BigInt, "ppl_crc32(%s)", str(c.Args[0])), nil
}

func radixError(n int64) error {
	if n < minRadix {
		return fault.WithCode(fmt.Errorf("conv: radix %d less than Character.MIN_RADIX (2)", n), fault.InvalidQuery)
	}
	return fault.WithCode(fmt.Errorf("conv: radix %d greater than Character.MAX_RADIX (36)", n), fault.InvalidQuery)
}
