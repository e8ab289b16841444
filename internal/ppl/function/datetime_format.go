package function

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

func dateFormats() []Func {
	return []Func{
		fn("date_format", "date_format(time, format)", "The time as text by MySQL's format (%Y-%m-%d %H:%i:%s) or Java's (yyyy-MM-dd).", 2, 2, dateFormat),
		fn("time_format", "time_format(time, format)", "The time of day as text by MySQL's format.", 2, 2, timeFormat),
		fn("strftime", "strftime(time, format)", "The time, or seconds since 1970, as text by the format of C's strftime.", 2, 2, strftimeFunc),
		fn("str_to_date", "str_to_date(text, format)", "The time that text shows by MySQL's format; null if it does not.", 2, 2, strToDate),
		fn("get_format", "get_format(type, locale)", "The format of date, time or timestamp in EUR, USA, JIS, ISO or INTERNAL style.", 2, 2, getFormat),
	}
}

func dateFormat(c *Call) (Value, error) {
	t, err := ToTimestamp(c.Args[0], c.Settings)
	if err != nil {
		return Value{}, err
	}
	return formatTime(t, c.Args[1], false), nil
}

func timeFormat(c *Call) (Value, error) {
	t, err := ToTime(c.Args[0], c.Settings)
	if err != nil {
		return Value{}, err
	}
	at := scalar(rows.Timestamp, "(DATE '1970-01-01' + %s)", t.SQL)
	return formatTime(at, c.Args[1], true), nil
}

// nativeFormats maps the letters of MySQL's formats to DuckDB's strftime.
func nativeFormats() map[byte]string {
	return map[byte]string{
		'a': "%a", 'b': "%b", 'c': "%m", 'd': "%d", 'e': "%-d", 'f': "%f", 'H': "%H", 'h': "%I", 'I': "%I", 'i': "%M", 'j': "%j", 'k': "%-H",
		'l': "%-I", 'M': "%B", 'm': "%m", 'p': "%p", 'r': "%I:%M:%S %p", 'S': "%S", 's': "%S", 'T': "%H:%M:%S", 'W': "%A", 'Y': "%Y", 'y': "%y",
	}
}

// nativeFormat translates a MySQL format to DuckDB's; ok is false if a part has no counterpart or is a Java pattern.
func nativeFormat(format string) (out string, ok bool) {
	letters := nativeFormats()
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case c == '%' && i+1 < len(format):
			i++
			part, known := letters[format[i]]
			if !known {
				return "", false
			}
			b.WriteString(part)
		case c == '%', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '\'':
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// formatTime compiles a timestamp as text by a MySQL format; clock restricts it to the parts of a time of day.
func formatTime(t, format Value, clock bool) Value {
	if text, ok := format.text(); ok && !clock {
		if native, ok := nativeFormat(text); ok {
			return scalar(rows.String, "strftime(%s, %s)", t.SQL, Quote(native))
		}
	}
	udf := "ppl_date_format"
	if clock {
		udf = "ppl_time_format"
	}
	return scalar(rows.String, "%s(%s, %s)", udf, t.SQL, str(format))
}

func strftimeFunc(c *Call) (Value, error) {
	a := c.Args[0]
	if a.Type == rows.String {
		return Value{}, fault.WithHint(fault.New(fault.InvalidQuery, "strftime: argument 1 must be a number or a timestamp, not string"),
			"Turn text into a time first: strftime(timestamp(x), format).")
	}
	if a.Type.Numeric() {
		return scalar(rows.String, "ppl_strftime(ppl_unix_time(%s), %s)", dbl(a), str(c.Args[1])), nil
	}
	t, err := ToTimestamp(a, c.Settings)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.String, "ppl_strftime(%s, %s)", t.SQL, str(c.Args[1])), nil
}

func strToDate(c *Call) (Value, error) {
	return scalar(rows.Timestamp, "ppl_str_to_date(%s, %s, CAST(%s AS TIMESTAMP))", str(c.Args[0]), str(c.Args[1]), today(c.Settings)), nil
}

func getFormat(c *Call) (Value, error) {
	kind, err := needString(c, 0)
	if err != nil {
		return Value{}, err
	}
	style, err := needString(c, 1)
	if err != nil {
		return Value{}, err
	}
	formats := map[string]string{
		"date usa": "%m.%d.%Y", "date jis": "%Y-%m-%d", "date iso": "%Y-%m-%d", "date eur": "%d.%m.%Y", "date internal": "%Y%m%d",
		"time usa": "%h:%i:%s %p", "time jis": "%H:%i:%s", "time iso": "%H:%i:%s", "time eur": "%H.%i.%s", "time internal": "%H%i%s",
		"timestamp usa": "%Y-%m-%d %H.%i.%s", "timestamp jis": "%Y-%m-%d %H:%i:%s", "timestamp iso": "%Y-%m-%d %H:%i:%s",
		"timestamp eur": "%Y-%m-%d %H.%i.%s", "timestamp internal": "%Y%m%d%H%i%s",
	}
	kind = strings.Replace(strings.ToLower(kind), "datetime", "timestamp", 1)
	if f, ok := formats[kind+" "+strings.ToLower(style)]; ok {
		return Literal(f), nil
	}
	return Convert(Literal(nil), rows.String), nil
}

// ctime shows seconds since 1970 by a strftime format.
func ctime(c *Call) (Value, error) {
	format := Literal("%m/%d/%Y %H:%M:%S")
	if len(c.Args) == 2 {
		format = c.Args[1]
	}
	return scalar(rows.String, "ppl_strftime(ppl_unix_time(%s), %s)", dbl(c.Args[0]), str(format)), nil
}

// mktime reads text by a strftime format as seconds since 1970.
func mktime(c *Call) (Value, error) {
	format := Literal("%m/%d/%Y %H:%M:%S")
	if len(c.Args) == 2 {
		format = c.Args[1]
	}
	return scalar(rows.Double, "ppl_mktime(%s, %s)", str(c.Args[0]), str(format)), nil
}
