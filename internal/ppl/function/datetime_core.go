package function

import (
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// The forms of times in PPL, as error messages show them.
const (
	dateForm      = "yyyy-MM-dd"
	timeForm      = "HH:mm:ss[.SSSSSSSSS]"
	timestampForm = "yyyy-MM-dd HH:mm:ss[.SSSSSSSSS]"
)

// badTime is OpenSearch's message for text that is no date, time or timestamp.
func badTime(t rows.Type, text string) error {
	form := map[rows.Type]string{rows.Date: dateForm, rows.Time: timeForm, rows.Timestamp: timestampForm}[t]
	return fault.WithHint(fault.New(fault.InvalidQuery, "%s:%s in unsupported format, please use '%s'", t, text, form),
		"Write the constant as %s.", form)
}

// ParseTime reads the text of a constant: a date, a time, or both. hasDate and hasClock tell what it held; a bare time has
// the date 1970-01-01. Times with a zone are turned into UTC.
func ParseTime(text string) (t time.Time, hasDate, hasClock, ok bool) {
	text = strings.TrimSpace(text)
	normal := text
	if len(text) > 10 && text[10] == 'T' {
		normal = text[:10] + " " + text[11:]
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04Z07:00", "2006-01-02 15:04:05Z0700"} {
		if t, err := time.Parse(layout, normal); err == nil {
			return t.UTC(), true, true, true
		}
	}
	if t, err := time.Parse("2006-01-02", text); err == nil {
		return t, true, false, true
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return time.Date(1970, 1, 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC), false, true, true
		}
	}
	return time.Time{}, false, false, false
}

// timestampLiteral is t as a constant.
func timestampLiteral(t time.Time) Value {
	text := t.Format("2006-01-02 15:04:05.999999")
	return Value{SQL: "TIMESTAMP " + Quote(text), Type: rows.Timestamp}
}

// today is the current date as SQL.
func today(s *Settings) string {
	if s == nil || s.Now == "" {
		return "current_date"
	}
	return "CAST(TIMESTAMP " + Quote(s.Now) + " AS DATE)"
}

// ToTimestamp compiles v as a timestamp in microseconds. A bare time gets today's date; text must show a date, a time or both.
func ToTimestamp(v Value, s *Settings) (Value, error) {
	return toTemporal(v, rows.Timestamp, s, false)
}

// ToTimestampStrict is ToTimestamp without bare times, as cast and comparison want it.
func ToTimestampStrict(v Value, s *Settings) (Value, error) {
	return toTemporal(v, rows.Timestamp, s, true)
}

// ToDate compiles v as a date.
func ToDate(v Value, s *Settings) (Value, error) { return toTemporal(v, rows.Date, s, false) }

// ToDateStrict is ToDate without bare times.
func ToDateStrict(v Value, s *Settings) (Value, error) { return toTemporal(v, rows.Date, s, true) }

// ToTime compiles v as a time of day; text without a clock time is an error.
func ToTime(v Value, s *Settings) (Value, error) { return toTemporal(v, rows.Time, s, true) }

func toTemporal(v Value, t rows.Type, s *Settings, strict bool) (Value, error) {
	if text, ok := v.text(); ok {
		return constantTime(text, t, s, strict)
	}
	switch v.Type {
	case rows.String, rows.Timestamp, rows.Date, rows.Time, rows.Undefined:
		return castTemporal(v, t, s), nil
	default:
	}
	return Value{}, fault.New(fault.InvalidQuery, "cannot read %s as %s", v.Type, t)
}

// constantTime turns the text of a constant into a typed constant.
func constantTime(text string, t rows.Type, s *Settings, strict bool) (Value, error) {
	at, hasDate, hasClock, ok := ParseTime(text)
	switch {
	case !ok, t == rows.Time && !hasClock, strict && t != rows.Time && !hasDate:
		return Value{}, badTime(t, text)
	case t == rows.Time:
		return Value{SQL: "TIME " + Quote(at.Format("15:04:05.999999")), Type: rows.Time}, nil
	case t == rows.Date && !hasDate:
		return Value{SQL: today(s), Type: rows.Date}, nil
	case t == rows.Date:
		return Value{SQL: "DATE " + Quote(at.Format(time.DateOnly)), Type: rows.Date}, nil
	case !hasDate:
		return Value{SQL: "(" + today(s) + " + TIME " + Quote(at.Format("15:04:05.999999")) + ")", Type: rows.Timestamp}, nil
	}
	return timestampLiteral(at), nil
}

// castTemporal converts any value to date, time or timestamp; text of a column that cannot be read stops the query.
func castTemporal(v Value, t rows.Type, s *Settings) Value {
	sql := v.SQL
	out := Value{Type: t}
	if text, ok := v.text(); ok {
		if c, err := constantTime(text, t, s, false); err == nil {
			return c
		}
	}
	switch {
	case v.Type == t && t == rows.Timestamp && v.Nanos:
		out.SQL = "CAST(" + sql + " AS TIMESTAMP)"
	case v.Type == t:
		out.SQL = sql
	case v.Type == rows.Time && t == rows.Timestamp:
		out.SQL = "(" + today(s) + " + " + sql + ")"
	case v.Type == rows.Time && t == rows.Date:
		out.SQL = "(CASE WHEN " + sql + " IS NOT NULL THEN " + today(s) + " END)"
	case v.Type == rows.Date && t == rows.Time:
		out.SQL = "(CASE WHEN " + sql + " IS NOT NULL THEN TIME '00:00:00' END)"
	case v.Type == rows.String:
		out.SQL = readTime(sql, t, s)
	default:
		out.SQL = "CAST(" + sql + " AS " + SQLType(t) + ")"
	}
	return out
}

// readTime reads text of a column.
func readTime(sql string, t rows.Type, s *Settings) string {
	fail := "error(" + Quote(string(t)+":") + " || " + sql + " || " + Quote(" in unsupported format, please use '"+map[rows.Type]string{
		rows.Date: dateForm, rows.Time: timeForm, rows.Timestamp: timestampForm,
	}[t]+"'") + ")"
	stamp := "TRY_CAST(" + sql + " AS TIMESTAMP)"
	clock := "TRY_CAST(" + sql + " AS TIME)"
	var read string
	switch t {
	case rows.Timestamp:
		read = "coalesce(" + stamp + ", " + today(s) + " + " + clock + ")"
	case rows.Date:
		read = "CAST(" + stamp + " AS DATE)"
	default:
		read = "coalesce(" + clock + ", CAST(" + stamp + " AS TIME))"
	}
	return "(CASE WHEN " + sql + " IS NULL THEN NULL WHEN " + read + " IS NULL THEN CAST(" + fail + " AS " + SQLType(t) + ") ELSE " + read + " END)"
}

// Interval compiles `interval n unit`.
func Interval(n Value, unit string) (Value, error) {
	word, scale, err := intervalUnit(unit)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.Interval, "to_%s(CAST(%s AS %s))", word, scaled(whole(n), scale), intervalArg(word)), nil
}

func scaled(sql, scale string) string {
	if scale == "1" {
		return sql
	}
	return "(" + sql + " * " + scale + ")"
}

// intervalArg is the argument type of DuckDB's to_... functions.
func intervalArg(word string) string {
	switch word {
	case "days", "months", "years", "weeks", "quarters":
		return "INTEGER"
	default:
		return "BIGINT"
	}
}

// intervalUnit maps a unit of PPL to DuckDB's to_... function and a factor.
func intervalUnit(unit string) (word, scale string, err error) {
	switch strings.ToLower(strings.TrimSuffix(strings.ToUpper(unit), "S")) {
	case "microsecond":
		return "microseconds", "1", nil
	case "millisecond":
		return "microseconds", "1000", nil
	case "second":
		return "microseconds", "1000000", nil
	case "minute":
		return "minutes", "1", nil
	case "hour":
		return "hours", "1", nil
	case "day":
		return "days", "1", nil
	case "week":
		return "days", "7", nil
	case "month":
		return "months", "1", nil
	case "quarter":
		return "months", "3", nil
	case "year":
		return "years", "1", nil
	}
	return "", "", fault.WithHint(fault.New(fault.InvalidQuery, "unknown unit %s", unit),
		"Units are microsecond, second, minute, hour, day, week, month, quarter, year.")
}
