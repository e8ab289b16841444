package function

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Over is the marker in an aggregate's SQL after which FILTER and OVER clauses may stand.
const Over = "/*over*/"

// Aggregate returns the aggregate with suffix, such as " FILTER (...) OVER (...)" or "", at each marker.
func (v Value) Aggregate(suffix string) Value {
	v.SQL = strings.ReplaceAll(v.SQL, Over, suffix)
	return v
}

// Quote returns s as a SQL string literal.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Ident returns s as a quoted SQL identifier.
func Ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// Literal returns a constant as a value: nil, bool, int, int64, float64 or string.
func Literal(v any) Value {
	switch x := v.(type) {
	case nil:
		return Value{SQL: "NULL", Type: rows.Undefined, IsLiteral: true}
	case bool:
		return Value{SQL: strconv.FormatBool(x), Type: rows.Boolean, Literal: x, IsLiteral: true}
	case int:
		return Literal(int64(x))
	case int64:
		if x > math.MaxInt32 || x < math.MinInt32 {
			return Value{SQL: "CAST(" + strconv.FormatInt(x, 10) + " AS BIGINT)", Type: rows.BigInt, Literal: x, IsLiteral: true}
		}
		return Value{SQL: strconv.FormatInt(x, 10), Type: rows.Int, Literal: x, IsLiteral: true}
	case float64:
		return Value{SQL: "CAST(" + Quote(strconv.FormatFloat(x, 'g', -1, 64)) + " AS DOUBLE)", Type: rows.Double, Literal: x, IsLiteral: true}
	case string:
		return Value{SQL: Quote(x), Type: rows.String, Literal: x, IsLiteral: true}
	}
	return Value{SQL: Quote(fmt.Sprint(v)), Type: rows.String, Literal: fmt.Sprint(v), IsLiteral: true}
}

// IsNull reports whether v is the constant null.
func (v Value) IsNull() bool { return v.IsLiteral && v.Literal == nil }

// Text returns the string constant v holds.
func (v Value) text() (string, bool) {
	s, ok := v.Literal.(string)
	return s, ok && v.IsLiteral
}

// integer returns the whole-number constant v holds.
func (v Value) integer() (int64, bool) {
	switch x := v.Literal.(type) {
	case int64:
		return x, v.IsLiteral
	case float64:
		return int64(x), v.IsLiteral && x == math.Trunc(x)
	}
	return 0, false
}

// SQLType returns the DuckDB type behind a scalar PPL type.
func SQLType(t rows.Type) string {
	switch t {
	case rows.Boolean:
		return "BOOLEAN"
	case rows.TinyInt:
		return "TINYINT"
	case rows.SmallInt:
		return "SMALLINT"
	case rows.Int:
		return "INTEGER"
	case rows.BigInt:
		return "BIGINT"
	case rows.Float:
		return "FLOAT"
	case rows.Double:
		return "DOUBLE"
	case rows.Timestamp:
		return "TIMESTAMP"
	case rows.Date:
		return "DATE"
	case rows.Time:
		return "TIME"
	case rows.Interval:
		return "INTERVAL"
	default:
		return "VARCHAR"
	}
}

// scalar is a value of the given type.
func scalar(t rows.Type, format string, args ...any) Value {
	return Value{SQL: fmt.Sprintf(format, args...), Type: t}
}

// str returns v as VARCHAR SQL for functions on strings. Numbers, booleans and times are shown as PPL shows them.
func str(v Value) string {
	switch v.Type {
	case rows.String, rows.IP, rows.Binary, rows.GeoPoint:
		return v.SQL
	case rows.Undefined:
		return "CAST(NULL AS VARCHAR)"
	default:
	}
	return Cast(v, rows.String).SQL
}

// dbl returns v as DOUBLE SQL; strings that are no numbers give null.
func dbl(v Value) string {
	switch v.Type {
	case rows.Double:
		if !v.IsLiteral {
			return v.SQL
		}
	case rows.String:
		return "TRY_CAST(" + v.SQL + " AS DOUBLE)"
	default:
	}
	return "CAST(" + v.SQL + " AS DOUBLE)"
}

// whole returns v as BIGINT SQL; fractions are cut, strings that are no numbers give null.
func whole(v Value) string {
	switch v.Type {
	case rows.Float, rows.Double:
		return "CAST(trunc(" + v.SQL + ") AS BIGINT)"
	case rows.String:
		return "CAST(trunc(TRY_CAST(" + v.SQL + " AS DOUBLE)) AS BIGINT)"
	default:
	}
	return "CAST(" + v.SQL + " AS BIGINT)"
}

// arity is the error for a wrong number of arguments.
func arity(f *Func, got int) error {
	return fault.WithHint(
		fault.New(fault.InvalidQuery, "%s: %d arguments given, the signature is %s", f.Name, got, f.Args),
		"Use %s.", f.Args)
}

// wrongType is the error for argument i (from 0) of an unusable type.
func wrongType(c *Call, i int, want string) error {
	return fault.New(fault.InvalidQuery, "%s: argument %d must be %s, not %s", c.Name, i+1, want, c.Args[i].Type)
}

// needNumeric refuses arguments that can be no number.
func needNumeric(c *Call) error {
	for i, a := range c.Args {
		switch {
		case a.Type.Numeric(), a.Type == rows.Undefined, a.Type == rows.String:
		default:
			return wrongType(c, i, "a number")
		}
	}
	return nil
}

// needString returns argument i as a string constant.
func needString(c *Call, i int) (string, error) {
	if s, ok := c.Args[i].text(); ok {
		return s, nil
	}
	return "", fault.New(fault.InvalidQuery, "%s: argument %d must be a string constant", c.Name, i+1)
}

// join returns the SQL of the arguments with commas.
func joinSQL(list []string) string { return strings.Join(list, ", ") }
