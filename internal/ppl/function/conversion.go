package function

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

func conversions() []Func {
	return []Func{
		fn("cast", "cast(x AS type)", "x as another type; text that is no number gives null, text that is no date is an error.", 2, 2, castFunc),
		fn("tostring", "tostring(x[, format])", "x as text; format is binary, hex, commas, duration or duration_millis.", 1, 2, toString),
		fn("tonumber", "tonumber(s[, base])", "The number that s shows in base 2 to 36; null if it shows none.", 1, 2, toNumber),
		fn("auto", "auto(s)", "The number in s with commas and units removed, else null.", 1, 1, converter("ppl_convert_auto")),
		fn("num", "num(s)", "The number in s with commas removed, else null.", 1, 1, converter("ppl_convert_num")),
		fn("rmcomma", "rmcomma(s)", "The number in s with commas removed, else null.", 1, 1, converter("ppl_convert_rmcomma")),
		fn("rmunit", "rmunit(s)", "The number at the start of s, else null.", 1, 1, converter("ppl_convert_rmunit")),
		fn("memk", "memk(s)", "A size with unit k, m or g in kilobytes.", 1, 1, converter("ppl_convert_memk")),
		fn("dur2sec", "dur2sec(s)", "A duration [D+]HH:MM:SS in seconds.", 1, 1, converter("ppl_convert_dur2sec")),
		fn("mstime", "mstime(s)", "A duration [MM:]SS.SSS in seconds.", 1, 1, converter("ppl_convert_mstime")),
		fn("ctime", "ctime(seconds[, format])", "Seconds since 1970 as text, %m/%d/%Y %H:%M:%S unless told.", 1, 2, ctime),
		fn("mktime", "mktime(s[, format])", "The seconds since 1970 of the time that s shows.", 1, 2, mktime),
	}
}

// typeNames maps the names that cast knows to types.
func typeNames() map[string]rows.Type {
	return map[string]rows.Type{
		"string": rows.String, "varchar": rows.String, "int": rows.Int, "integer": rows.Int, "long": rows.BigInt,
		"bigint": rows.BigInt, "short": rows.SmallInt, "smallint": rows.SmallInt, "byte": rows.TinyInt, "tinyint": rows.TinyInt,
		"float": rows.Float, "double": rows.Double, "boolean": rows.Boolean, "date": rows.Date, "time": rows.Time,
		"timestamp": rows.Timestamp, "datetime": rows.Timestamp, "ip": rows.IP, "binary": rows.Binary, "json": rows.String,
	}
}

// typeWord is the SQL name of a type as OpenSearch's messages write it.
func typeWord(t rows.Type) string {
	switch t {
	case rows.Int:
		return "INTEGER"
	case rows.Undefined:
		return "NULL"
	default:
		return strings.ToUpper(string(t))
	}
}

func castFunc(c *Call) (Value, error) {
	name, err := needString(c, 1)
	if err != nil {
		return Value{}, err
	}
	t, ok := typeNames()[strings.ToLower(name)]
	if !ok {
		return Value{}, fault.WithHint(fault.New(fault.InvalidQuery, "cast: unknown type %s", name),
			"Types are string, int, long, float, double, boolean, date, time, timestamp, ip.")
	}
	return CastChecked(c.Args[0], t, c.Settings)
}

// CastChecked is Cast with the checks a query's author wants: a constant that is no date or address, and a pair of types
// without a conversion, are errors now.
func CastChecked(v Value, t rows.Type, s *Settings) (Value, error) {
	switch t {
	case rows.Timestamp:
		return ToTimestampStrict(v, s)
	case rows.Date:
		return ToDateStrict(v, s)
	case rows.Time:
		return ToTime(v, s)
	case rows.IP:
		return toIP(v)
	default:
	}
	return Cast(v, t), nil
}

func toIP(v Value) (Value, error) {
	switch v.Type {
	case rows.IP, rows.Undefined:
		return Convert(v, rows.IP), nil
	case rows.String:
		if s, ok := v.text(); ok {
			canon, err := canonicalIP(s)
			if err != nil {
				return Value{}, fault.WithCode(err, fault.InvalidQuery)
			}
			return Value{SQL: Quote(canon), Type: rows.IP, Literal: canon, IsLiteral: true}, nil
		}
		return scalar(rows.IP, "ppl_ip(%s)", v.SQL), nil
	default:
	}
	return Value{}, fault.New(fault.InvalidQuery, "cast: Cannot convert %s to IP, only STRING and IP types are supported", typeWord(v.Type))
}

// Cast converts v to t the way PPL's cast and its implicit conversions do; what cannot be converted is null. Strings become
// dates by the formats of PPL, and a string that is no date is then an error of the running query.
func Cast(v Value, t rows.Type) Value {
	if v.Type == t {
		return v
	}
	if v.IsNull() {
		return Convert(v, t)
	}
	switch t {
	case rows.String:
		return Value{SQL: castString(v), Type: rows.String}
	case rows.TinyInt, rows.SmallInt, rows.Int, rows.BigInt:
		return Value{SQL: castInteger(v, t), Type: t}
	case rows.Float, rows.Double:
		return Value{SQL: castFloat(v, t), Type: t}
	case rows.Boolean:
		return Value{SQL: "TRY_CAST(" + v.SQL + " AS BOOLEAN)", Type: t}
	case rows.Timestamp, rows.Date, rows.Time:
		return castTemporal(v, t, nil)
	default:
	}
	return Value{SQL: "CAST(" + v.SQL + " AS " + SQLType(t) + ")", Type: t, JSON: v.JSON}
}

func castString(v Value) string {
	switch v.Type {
	case rows.Boolean:
		return "upper(CAST(" + v.SQL + " AS VARCHAR))"
	case rows.Float, rows.Double:
		if v.IsLiteral {
			return "CAST(" + v.SQL + " AS VARCHAR)"
		}
		return floatText(v.SQL)
	case rows.Array, rows.Struct:
		if v.JSON {
			return "CAST(" + v.SQL + " AS VARCHAR)"
		}
		return "CAST(to_json(" + v.SQL + ") AS VARCHAR)"
	default:
	}
	return "CAST(" + v.SQL + " AS VARCHAR)"
}

// floatText shows a floating-point number as Java does: exponents from 10^7 and below 10^-3.
func floatText(sql string) string {
	return fmt.Sprintf("(CASE WHEN abs(%[1]s) >= 1e7 OR (abs(%[1]s) < 1e-3 AND %[1]s <> 0) THEN ppl_float_text(CAST(%[1]s AS DOUBLE), typeof(%[1]s) = 'FLOAT') ELSE CAST(%[1]s AS VARCHAR) END)", sql)
}

func castInteger(v Value, t rows.Type) string {
	switch v.Type {
	case rows.Float, rows.Double:
		return "TRY_CAST(trunc(" + v.SQL + ") AS " + SQLType(t) + ")"
	case rows.String:
		return "TRY_CAST(trunc(TRY_CAST(" + v.SQL + " AS DECIMAL(38, 9))) AS " + SQLType(t) + ")"
	default:
	}
	return "TRY_CAST(" + v.SQL + " AS " + SQLType(t) + ")"
}

func castFloat(v Value, t rows.Type) string {
	switch v.Type {
	case rows.Boolean:
		return "CAST(CAST(" + v.SQL + " AS INTEGER) AS " + SQLType(t) + ")"
	default:
	}
	return "TRY_CAST(" + v.SQL + " AS " + SQLType(t) + ")"
}

func toString(c *Call) (Value, error) {
	a := c.Args[0]
	if len(c.Args) == 1 {
		return scalar(rows.String, "%s", str(a)), nil
	}
	format, err := needString(c, 1)
	if err != nil {
		return Value{}, err
	}
	if !a.Type.Numeric() && a.Type != rows.String && a.Type != rows.Undefined {
		return Value{}, wrongType(c, 0, "a number or a string")
	}
	return scalar(rows.String, "ppl_tostring(%s, %s)", str(a), Quote(strings.ToLower(format))), nil
}

func toNumber(c *Call) (Value, error) {
	base := int64(10)
	if len(c.Args) == 2 {
		var ok bool
		if base, ok = c.Args[1].integer(); !ok || base < minRadix || base > maxRadix {
			return Value{}, fault.New(fault.InvalidQuery, "tonumber: Base has to be between 2 and 36.")
		}
	}
	if base == 10 {
		return scalar(rows.Double, "TRY_CAST(%s AS DOUBLE)", str(c.Args[0])), nil
	}
	return scalar(rows.Double, "ppl_tonumber(%s, %d)", str(c.Args[0]), base), nil
}

// converter compiles the functions of the convert command, all from text to a number.
func converter(udf string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		if c.Args[0].Type.Numeric() && udf != "ppl_convert_dur2sec" && udf != "ppl_convert_mstime" {
			return scalar(rows.Double, "%s", dbl(c.Args[0])), nil
		}
		return scalar(rows.Double, "%s(%s)", udf, str(c.Args[0])), nil
	}
}
