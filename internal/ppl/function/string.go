package function

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/rows"
)

func stringFuncs() []Func {
	return []Func{
		fn("ascii", "ascii(s)", "The code of the first character.", 1, 1, oneString(rows.Int, "ascii(%s)")),
		fn("concat", "concat(a, b, ...)", "The strings joined; null if one is null.", 1, -1, concat),
		fn("concat_ws", "concat_ws(separator, a, b, ...)", "The strings joined by the separator; nulls are left out.", 2, -1, concatWS),
		fn("length", "length(s)", "How many characters.", 1, 1, oneString(rows.Int, "CAST(length(%s) AS INTEGER)"), "char_length", "character_length"),
		fn("like", "like(s, pattern[, case_sensitive])", "Whether s matches the pattern of % (any text) and _ (one character).", 2, 3, like),
		fn("ilike", "ilike(s, pattern)", "like without regard to case.", 2, 2, ilike),
		fn("locate", "locate(part, s[, start])", "The position (from 1) of part in s, or 0.", 2, 3, locate),
		fn("lower", "lower(s)", "In lower case.", 1, 1, oneString(rows.String, "lower(%s)"), "lcase"),
		fn("upper", "upper(s)", "In upper case.", 1, 1, oneString(rows.String, "upper(%s)"), "ucase"),
		fn("ltrim", "ltrim(s)", "Without leading blanks.", 1, 1, oneString(rows.String, "ltrim(%s, ' ')")),
		fn("rtrim", "rtrim(s)", "Without trailing blanks.", 1, 1, oneString(rows.String, "rtrim(%s, ' ')")),
		fn("trim", "trim(s)", "Without leading and trailing blanks.", 1, 1, oneString(rows.String, "trim(%s, ' ')")),
		fn("position", "position(part IN s)", "The position (from 1) of part in s, or 0.", 2, 2, locate),
		fn("replace", "replace(s, regex, replacement)", "s with every match of the regular expression replaced; $1 or \\1 is group 1.", 3, 3, replace, "regexp_replace"),
		fn("reverse", "reverse(s)", "Backwards.", 1, 1, oneString(rows.String, "reverse(%s)")),
		fn("right", "right(s, n)", "The last n characters.", 2, 2, side("right")),
		fn("left", "left(s, n)", "The first n characters.", 2, 2, side("left")),
		fn("substring", "substring(s, start[, length])", "The part from position start (from 1).", 2, 3, substring, "substr"),
		fn("strcmp", "strcmp(a, b)", "-1, 0 or 1 as a sorts before, with or after b.", 2, 2, strcmp),
	}
}

// oneString compiles functions of one string.
func oneString(t rows.Type, format string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		if !scalarType(c.Args[0].Type) {
			return Value{}, wrongType(c, 0, "a string")
		}
		return scalar(t, format, str(c.Args[0])), nil
	}
}

func concat(c *Call) (Value, error) {
	parts := make([]string, len(c.Args))
	for i, a := range c.Args {
		parts[i] = str(a)
	}
	return scalar(rows.String, "(%s)", strings.Join(parts, " || ")), nil
}

func concatWS(c *Call) (Value, error) {
	parts := make([]string, len(c.Args))
	for i, a := range c.Args {
		parts[i] = str(a)
	}
	return scalar(rows.String, "concat_ws(%s)", joinSQL(parts)), nil
}

func like(c *Call) (Value, error) {
	sensitive := c.Settings != nil && c.Settings.ModernSyntax
	if len(c.Args) == 3 {
		if b, ok := c.Args[2].Literal.(bool); ok {
			sensitive = b
		}
	}
	return Like(c.Args[0], c.Args[1], sensitive), nil
}

func ilike(c *Call) (Value, error) { return Like(c.Args[0], c.Args[1], false), nil }

// Like compiles s LIKE pattern with the backslash as escape. A constant pattern without wildcards inside becomes a
// comparison or a search for a part, which DuckDB runs faster.
func Like(s, pattern Value, sensitive bool) Value {
	op := "LIKE"
	if !sensitive {
		op = "ILIKE"
	}
	if p, ok := pattern.text(); ok && !strings.Contains(p, `\`) {
		if sensitive {
			return scalar(rows.Boolean, "(%s LIKE %s)", str(s), Quote(p))
		}
		return scalar(rows.Boolean, "(lower(%s) LIKE lower(%s))", str(s), Quote(p))
	}
	return scalar(rows.Boolean, `(%s %s %s ESCAPE '\')`, str(s), op, str(pattern))
}

// Contains compiles a test for part within s, without regard to case.
func Contains(s, part Value) Value {
	return scalar(rows.Boolean, "contains(lower(%s), lower(%s))", str(s), str(part))
}

func locate(c *Call) (Value, error) {
	part, s := str(c.Args[0]), str(c.Args[1])
	if len(c.Args) == 2 {
		return scalar(rows.Int, "CAST(strpos(%s, %s) AS INTEGER)", s, part), nil
	}
	start := whole(c.Args[2])
	return scalar(rows.Int,
		"CAST(CASE WHEN %[3]s < 1 THEN 0 WHEN strpos(substring(%[1]s, %[3]s), %[2]s) = 0 THEN 0 ELSE strpos(substring(%[1]s, %[3]s), %[2]s) + %[3]s - 1 END AS INTEGER)",
		s, part, start), nil
}

func replace(c *Call) (Value, error) {
	return ReplaceRegex(c.Args[0], c.Args[1], c.Args[2])
}

func side(fn string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		return scalar(rows.String, "%s(%s, greatest(%s, 0))", fn, str(c.Args[0]), whole(c.Args[1])), nil
	}
}

// substring follows the SQL standard: positions before 1 count against the length.
func substring(c *Call) (Value, error) {
	s, start := str(c.Args[0]), whole(c.Args[1])
	if len(c.Args) == 2 {
		return scalar(rows.String, "substring(%s, greatest(%s, 1))", s, start), nil
	}
	n := whole(c.Args[2])
	if k, ok := c.Args[1].integer(); ok && k >= 1 {
		return scalar(rows.String, "substring(%s, %d, greatest(%s, 0))", s, k, n), nil
	}
	return scalar(rows.String, "substring(%[1]s, greatest(%[2]s, 1), greatest(%[3]s + least(%[2]s - 1, 0), 0))", s, start, n), nil
}

func strcmp(c *Call) (Value, error) {
	a, b := str(c.Args[0]), str(c.Args[1])
	return scalar(rows.Int, "(CASE WHEN %[1]s < %[2]s THEN -1 WHEN %[1]s = %[2]s THEN 0 WHEN %[1]s > %[2]s THEN 1 END)", a, b), nil
}
