package function

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	// maxStrftime is the last second that strftime shows, as on a cluster.
	maxStrftime = 32536771199
	// millisFrom is where a number given to strftime counts milliseconds, not seconds.
	millisFrom = 1e11
	// mysqlYearPivot is the first two-digit year of the 20th century.
	mysqlYearPivot = 70
)

func dateUDFs() []UDF {
	text := func(name string, f func(t time.Time, format string) (string, bool)) UDF {
		return UDF{Name: name, In: []string{"TIMESTAMP", "VARCHAR"}, Out: "VARCHAR", Fn: func(args []any) (any, error) {
			if s, ok := f(args[0].(time.Time), args[1].(string)); ok {
				return s, nil
			}
			return nil, nil
		}}
	}
	week := func(name string, f func(time.Time, int) int) UDF {
		return UDF{Name: name, In: []string{"DATE", "BIGINT"}, Out: "BIGINT", Fn: func(args []any) (any, error) {
			mode := args[1].(int64)
			if mode < 0 || mode > 7 {
				return nil, fmt.Errorf("mode:%d is invalid, please use mode value between 0-7", mode)
			}
			return int64(f(args[0].(time.Time), int(mode))), nil
		}}
	}
	return []UDF{
		text("ppl_date_format", func(t time.Time, format string) (string, bool) { return mysqlFormat(t, format, false) }),
		text("ppl_time_format", func(t time.Time, format string) (string, bool) { return mysqlFormat(t, format, true) }),
		text("ppl_strftime", func(t time.Time, format string) (string, bool) {
			return strftime(t, format), t.Unix() >= -maxStrftime && t.Unix() <= maxStrftime
		}),
		week("ppl_week", weekOf),
		week("ppl_yearweek", yearWeek),
		{Name: "ppl_unix_time", In: []string{"DOUBLE"}, Out: "TIMESTAMP", Fn: unixTime},
		{Name: "ppl_str_to_date", In: []string{"VARCHAR", "VARCHAR", "TIMESTAMP"}, Out: "TIMESTAMP", Fn: func(args []any) (any, error) {
			s, ok := parseShown(args[0].(string), args[1].(string), mysqlSpec)
			return orNull(s, ok, args[2].(time.Time))
		}},
		{Name: "ppl_mktime", In: []string{"VARCHAR", "VARCHAR"}, Out: "DOUBLE", Fn: mktimeUDF},
		{Name: "ppl_convert_tz", In: []string{"TIMESTAMP", "VARCHAR", "VARCHAR"}, Out: "TIMESTAMP", Fn: convertZone},
		{Name: "ppl_datetime", In: []string{"VARCHAR", "VARCHAR"}, Out: "TIMESTAMP", Fn: datetimeUDF},
		{Name: "ppl_compact_seconds", In: []string{"BIGINT"}, Out: "BIGINT", Fn: compactSeconds},
		{Name: "ppl_compact_epoch", In: []string{"DOUBLE"}, Out: "DOUBLE", Fn: compactEpoch},
		{Name: "ppl_period_months", In: []string{"BIGINT"}, Out: "BIGINT", Fn: periodMonths},
	}
}

func orNull(s shown, ok bool, today time.Time) (any, error) {
	if !ok {
		return nil, nil
	}
	t, ok := s.time(today)
	if !ok {
		return nil, nil
	}
	return t, nil
}

// unixTime is a count of seconds, or of milliseconds if it is large, as a time.
func unixTime(args []any) (any, error) {
	x := args[0].(float64)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil, nil
	}
	if math.Abs(x) >= millisFrom {
		x /= 1000
	}
	if math.Abs(x) > maxStrftime {
		return nil, nil
	}
	seconds := math.Trunc(x)
	return time.Unix(int64(seconds), int64(math.Round((x-seconds)*1e6))*1000).UTC(), nil
}

func mktimeUDF(args []any) (any, error) {
	text := strings.TrimSpace(args[0].(string))
	if x, ok := parseNumber(text); ok {
		return x, nil
	}
	s, ok := parseShown(text, args[1].(string), posixSpec)
	if !ok {
		return nil, nil
	}
	t, ok := s.time(time.Unix(0, 0).UTC())
	if !ok {
		return nil, nil
	}
	return float64(t.Unix()), nil
}

// zoneOf reads a zone: an offset ±hh:mm from -13:59 to +14:00, or a name of the time zone database.
func zoneOf(name string) (*time.Location, bool) {
	if len(name) == len("+00:00") && (name[0] == '+' || name[0] == '-') && name[3] == ':' {
		h, err1 := strconv.Atoi(name[1:3])
		m, err2 := strconv.Atoi(name[4:])
		offset := h*60 + m
		if err1 != nil || err2 != nil || m > 59 || offset > 14*60 || (name[0] == '-' && offset > 13*60+59) {
			return nil, false
		}
		if name[0] == '-' {
			offset = -offset
		}
		return time.FixedZone(name, offset*60), true
	}
	if name == "" || name == "Local" || name[0] == '+' || name[0] == '-' {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}

// inZone reads t's clock as one of the zone from and shows it in the zone to.
func inZone(t time.Time, from, to string) (any, error) {
	source, ok1 := zoneOf(from)
	target, ok2 := zoneOf(to)
	if !ok1 || !ok2 {
		return nil, nil
	}
	at := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), source).In(target)
	return time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.UTC), nil
}

func convertZone(args []any) (any, error) {
	return inZone(args[0].(time.Time), args[1].(string), args[2].(string))
}

// datetimeUDF is datetime(text, zone): text is yyyy-MM-dd HH:mm:ss[.f][±hh:mm]; an empty zone leaves the clock as written.
func datetimeUDF(args []any) (any, error) {
	text, zone := args[0].(string), args[1].(string)
	from := "+00:00"
	t, ok := parseDateTime(text)
	if !ok {
		const zoneLen = len("+00:00")
		if len(text) <= zoneLen {
			return nil, nil
		}
		from = text[len(text)-zoneLen:]
		if t, ok = parseDateTime(text[:len(text)-zoneLen]); !ok {
			return nil, nil
		}
	}
	if zone == "" {
		return t, nil
	}
	return inZone(t, from, zone)
}

// parseDateTime reads yyyy-MM-dd HH:mm:ss[.f].
func parseDateTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.DateTime, s)
	return t, err == nil
}

// compactDate reads digits as [yy]yymmdd, with the year 2000 and January assumed where they are missing.
func compactDate(digits string) (time.Time, bool) {
	layout := map[int]string{8: "20060102", 6: "060102", 5: "060102", 4: "20060102", 3: "20060102"}[len(digits)]
	switch len(digits) {
	case 5:
		digits = "0" + digits
	case 4:
		digits = "2000" + digits
	case 3:
		digits = "20000" + digits
	}
	t, err := time.Parse(layout, digits)
	return t, layout != "" && err == nil
}

func compactSeconds(args []any) (any, error) {
	t, ok := compactDate(strconv.FormatInt(args[0].(int64), 10))
	if !ok {
		return nil, nil
	}
	const secondsBeforeEpoch = 719528 * 86400
	return t.Unix() + secondsBeforeEpoch, nil
}

// compactEpoch reads a number as yymmdd, yyyymmdd, yymmddhhmmss or yyyymmddhhmmss, with a fraction.
func compactEpoch(args []any) (any, error) {
	x := args[0].(float64)
	if x < 0 || x >= 1e15 {
		return nil, nil
	}
	digits := strconv.FormatFloat(math.Trunc(x), 'f', 0, 64)
	for _, layout := range []string{"060102150405", "20060102150405", "060102", "20060102"} {
		if len(layout) != len(digits) {
			continue
		}
		if t, err := time.Parse(layout, digits); err == nil {
			return float64(t.Unix()) + (x - math.Trunc(x)), nil
		}
	}
	return nil, nil
}

// periodMonths reads a period yyyymm or yymm as a count of months since year 0.
func periodMonths(args []any) (any, error) {
	p := args[0].(int64)
	year, month := p/100, p%100
	if p <= 0 || month < 1 || month > 12 || year > 9999 {
		return nil, nil
	}
	if year < 100 {
		year += 2000
		if year-2000 >= mysqlYearPivot {
			year -= 100
		}
	}
	return year*12 + month - 1, nil
}
