package function

import (
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// nowLayout is the form of Settings.Now.
const nowLayout = "2006-01-02 15:04:05.999999"

// relative compiles earliest(offset, time) and latest(offset, time).
func relative(op string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		offset, err := needString(c, 0)
		if err != nil {
			return Value{}, err
		}
		t, err := ToTimestamp(c.Args[1], c.Settings)
		if err != nil {
			return Value{}, err
		}
		now, err := clockTime(c.Settings)
		if err != nil {
			return Value{}, err
		}
		bound, err := RelativeTime(offset, now)
		if err != nil {
			return Value{}, err
		}
		return scalar(rows.Boolean, "(%s %s %s)", t.SQL, op, timestampLiteral(bound).SQL), nil
	}
}

func clockTime(s *Settings) (time.Time, error) {
	if s == nil || s.Now == "" {
		return time.Time{}, fault.New(fault.Internal, "the query has no clock")
	}
	t, err := time.Parse(nowLayout, s.Now)
	if err != nil {
		return time.Time{}, fault.New(fault.Internal, "read the query's clock: %w", err)
	}
	return t, nil
}

// RelativeTime resolves a time modifier: "now", an absolute time (ISO or MM/dd/yyyy:HH:mm:ss), or a chain of offsets and
// snaps such as -1d@d, +2h, @w1.
func RelativeTime(expr string, now time.Time) (time.Time, error) {
	text := strings.TrimSpace(expr)
	if strings.EqualFold(text, "now") || strings.EqualFold(text, "now()") {
		return now, nil
	}
	if t, err := time.Parse("01/02/2006:15:04:05", text); err == nil {
		return t, nil
	}
	if t, hasDate, _, ok := ParseTime(text); ok && hasDate {
		return t, nil
	}
	t := now
	for rest := text; rest != ""; {
		var err error
		if t, rest, err = relativeStep(t, rest); err != nil {
			return time.Time{}, fault.WithHint(fault.New(fault.InvalidQuery, "time modifier %s: %w", expr, err),
				"Write an offset and a snap such as -1h, -7d@d, @mon, or a time yyyy-MM-dd HH:mm:ss.")
		}
	}
	return t, nil
}

// relativeStep applies the first offset or snap of s.
func relativeStep(t time.Time, s string) (time.Time, string, error) {
	sign := s[0]
	if sign != '+' && sign != '-' && sign != '@' {
		return t, "", fault.New(fault.InvalidQuery, "unexpected character %c", sign)
	}
	rest := s[1:]
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	if sign == '@' {
		digits = 0
	}
	word := strings.TrimLeft(rest[digits:], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit := rest[digits : len(rest)-len(word)]
	if sign == '@' && strings.EqualFold(unit, "w") && word != "" && word[0] >= '0' && word[0] <= '7' {
		unit, word = unit+word[:1], word[1:]
	}
	if sign == '@' {
		t, err := snap(t, strings.ToLower(unit))
		return t, word, err
	}
	n := 1
	if digits > 0 {
		var err error
		if n, err = strconv.Atoi(rest[:digits]); err != nil {
			return t, "", fault.New(fault.InvalidQuery, "offset %s is too large", rest[:digits])
		}
	}
	if sign == '-' {
		n = -n
	}
	t, err := offset(t, n, strings.ToLower(unit))
	return t, word, err
}

// unitName brings the spellings of a unit to one letter; M is the month.
func unitName(unit string) string {
	switch unit {
	case "s", "sec", "secs", "second", "seconds":
		return "s"
	case "m", "min", "mins", "minute", "minutes":
		return "m"
	case "h", "hr", "hrs", "hour", "hours":
		return "h"
	case "d", "day", "days":
		return "d"
	case "w", "wk", "wks", "week", "weeks":
		return "w"
	case "mon", "month", "months":
		return "M"
	case "q", "qtr", "qtrs", "quarter", "quarters":
		return "q"
	case "y", "yr", "yrs", "year", "years":
		return "y"
	}
	return ""
}

func offset(t time.Time, n int, unit string) (time.Time, error) {
	switch unitName(unit) {
	case "s":
		return t.Add(time.Duration(n) * time.Second), nil
	case "m":
		return t.Add(time.Duration(n) * time.Minute), nil
	case "h":
		return t.Add(time.Duration(n) * time.Hour), nil
	case "d":
		return t.AddDate(0, 0, n), nil
	case "w":
		return t.AddDate(0, 0, 7*n), nil
	case "M":
		return addMonths(t, n), nil
	case "q":
		return addMonths(t, 3*n), nil
	case "y":
		return addMonths(t, 12*n), nil
	}
	return t, fault.New(fault.InvalidQuery, "unsupported unit %s", unit)
}

// addMonths moves t by months and keeps it within the month, as SQL does: January 31 and a month is February 28.
func addMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

func snap(t time.Time, unit string) (time.Time, error) {
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	if len(unit) == 2 && unit[0] == 'w' && unit[1] >= '0' && unit[1] <= '7' {
		target := int(unit[1]-'0') % 7
		return day.AddDate(0, 0, -((int(t.Weekday()) - target + 7) % 7)), nil
	}
	switch unitName(unit) {
	case "s":
		return t.Truncate(time.Second), nil
	case "m":
		return t.Truncate(time.Minute), nil
	case "h":
		return t.Truncate(time.Hour), nil
	case "d":
		return day, nil
	case "w":
		return day.AddDate(0, 0, -int(t.Weekday())), nil
	case "M":
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC), nil
	case "q":
		return time.Date(t.Year(), (t.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC), nil
	case "y":
		return time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC), nil
	}
	return t, fault.New(fault.InvalidQuery, "unsupported snap unit %s", unit)
}
