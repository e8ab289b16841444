package function

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// maxUnixTime is the first second after the range of unix_timestamp and from_unixtime (3001-01-19), as in MySQL.
const maxUnixTime = "32536771200"

func dateBuilders() []Func {
	return []Func{
		fn("date", "date(x)", "The date of a text or timestamp.", 1, 1, func(c *Call) (Value, error) { return ToDateStrict(c.Args[0], c.Settings) }),
		fn("time", "time(x)", "The time of day of a text or timestamp.", 1, 1, func(c *Call) (Value, error) { return ToTime(c.Args[0], c.Settings) }),
		fn("timestamp", "timestamp(x[, time])", "A text, date or time as a timestamp; a second argument is added as a time of day.", 1, 2, timestamp),
		fn("datetime", "datetime(text[, zone])", "A timestamp of text, moved to a time zone; null if the text is no timestamp.", 1, 2, datetime),
		fn("makedate", "makedate(year, day)", "The date of a day of the year.", 2, 2, makeDate),
		fn("maketime", "maketime(hour, minute, second)", "A time of its parts.", 3, 3, makeTime),
		fn("from_days", "from_days(n)", "The date n days after year 0.", 1, 1, fromDays),
		fn("from_unixtime", "from_unixtime(seconds[, format])", "The time of a count of seconds since 1970.", 1, 2, fromUnix),
		fn("unix_timestamp", "unix_timestamp([date])", "The seconds since 1970.", 0, 1, unixTimestamp),
		fn("sec_to_time", "sec_to_time(seconds)", "Seconds as a time of day.", 1, 1, secToTime),
		fn("convert_tz", "convert_tz(time, from, to)", "A time moved from one zone to another; null if a zone is not valid.", 3, 3, convertTZ),
	}
}

func timestamp(c *Call) (Value, error) {
	base, err := ToTimestampStrict(c.Args[0], c.Settings)
	if err != nil || len(c.Args) == 1 {
		return base, err
	}
	clock, err := clockOf(c.Args[1], c.Settings)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.Timestamp, "(%s + %s)", base.SQL, sinceMidnight(clock)), nil
}

// clockOf is the time of day of any value: midnight for a date.
func clockOf(v Value, s *Settings) (Value, error) {
	if v.Type == rows.Time {
		return v, nil
	}
	if text, ok := v.text(); ok {
		if _, _, hasClock, ok := ParseTime(text); ok && hasClock {
			return ToTime(v, s)
		}
	}
	t, err := ToTimestamp(v, s)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.Time, "CAST(%s AS TIME)", t.SQL), nil
}

// sinceMidnight is a time of day as an interval.
func sinceMidnight(clock Value) string {
	return "to_microseconds(date_diff('microsecond', TIME '00:00:00', " + clock.SQL + "))"
}

func datetime(c *Call) (Value, error) {
	text := str(c.Args[0])
	zone := "''"
	if len(c.Args) == 2 {
		zone = str(c.Args[1])
	}
	return scalar(rows.Timestamp, "ppl_datetime(%s, %s)", text, zone), nil
}

func makeDate(c *Call) (Value, error) {
	if err := needNumeric(c); err != nil {
		return Value{}, err
	}
	year, day := "CAST(round("+dbl(c.Args[0])+") AS INTEGER)", "CAST(round("+dbl(c.Args[1])+") AS INTEGER)"
	return scalar(rows.Date, "(CASE WHEN %[1]s >= 0 AND %[2]s > 0 THEN make_date(CASE WHEN %[1]s = 0 THEN 2000 ELSE %[1]s END, 1, 1) + (%[2]s - 1) END)", year, day), nil
}

func makeTime(c *Call) (Value, error) {
	if err := needNumeric(c); err != nil {
		return Value{}, err
	}
	h, m, s := "CAST(round("+dbl(c.Args[0])+") AS BIGINT)", "CAST(round("+dbl(c.Args[1])+") AS BIGINT)", dbl(c.Args[2])
	return scalar(rows.Time, "(CASE WHEN %[1]s BETWEEN 0 AND 23 AND %[2]s BETWEEN 0 AND 59 AND %[3]s >= 0 AND %[3]s < 60 THEN make_time(%[1]s, %[2]s, %[3]s) END)", h, m, s), nil
}

func fromDays(c *Call) (Value, error) {
	return scalar(rows.Date, "(DATE '1970-01-01' + CAST(%s - %s AS INTEGER))", whole(c.Args[0]), daysBeforeEpoch), nil
}

func fromUnix(c *Call) (Value, error) {
	if err := needNumeric(&Call{Name: c.Name, Args: c.Args[:1]}); err != nil {
		return Value{}, err
	}
	x := number(c.Args[0])
	micros := "CAST(" + x.SQL + " AS BIGINT) * 1000000"
	if !x.Type.Integer() {
		micros = "CAST(round(" + x.SQL + " * 1000000) AS BIGINT)"
	}
	at := scalar(rows.Timestamp, "(CASE WHEN %[1]s >= 0 AND %[1]s < %[2]s THEN make_timestamp(CAST(%[3]s AS BIGINT)) END)", x.SQL, maxUnixTime, micros)
	if len(c.Args) == 1 {
		return at, nil
	}
	return formatTime(at, c.Args[1], false), nil
}

func unixTimestamp(c *Call) (Value, error) {
	if len(c.Args) == 0 {
		return scalar(rows.BigInt, "CAST(epoch_us(%s) // 1000000 AS BIGINT)", nowSQL(c.Settings)), nil
	}
	var seconds string
	if a := c.Args[0]; a.Type.Numeric() {
		seconds = "ppl_compact_epoch(" + dbl(a) + ")"
	} else {
		t, err := ToTimestamp(a, c.Settings)
		if err != nil {
			return Value{}, err
		}
		seconds = "(epoch_us(" + t.SQL + ") / CAST(1000000 AS DOUBLE))"
	}
	return scalar(rows.Double, "(CASE WHEN %[1]s < 0 OR %[1]s >= %[2]s THEN CAST(0 AS DOUBLE) ELSE %[1]s END)", seconds, maxUnixTime), nil
}

func secToTime(c *Call) (Value, error) {
	if err := needNumeric(c); err != nil {
		return Value{}, err
	}
	return scalar(rows.Time, "(TIME '00:00:00' + to_microseconds(CAST(round(%s * 1000000) AS BIGINT)))", dbl(c.Args[0])), nil
}

func convertTZ(c *Call) (Value, error) {
	a := c.Args[0]
	at := Value{SQL: "TRY_CAST(" + a.SQL + " AS TIMESTAMP)", Type: rows.Timestamp}
	if a.Type != rows.String {
		var err error
		if at, err = ToTimestamp(a, c.Settings); err != nil {
			return Value{}, err
		}
	}
	return scalar(rows.Timestamp, "ppl_convert_tz(%s, %s, %s)", at.SQL, str(c.Args[1]), str(c.Args[2])), nil
}

func dateArithmetic() []Func {
	return []Func{
		fn("adddate", "adddate(date, days | interval)", "The date moved forward.", 2, 2, shift("+", true)),
		fn("subdate", "subdate(date, days | interval)", "The date moved back.", 2, 2, shift("-", true)),
		fn("date_add", "date_add(date, interval)", "The time moved forward.", 2, 2, shift("+", false)),
		fn("date_sub", "date_sub(date, interval)", "The time moved back.", 2, 2, shift("-", false)),
		fn("addtime", "addtime(time, time)", "The time of day of the second added to the first.", 2, 2, shiftClock("+")),
		fn("subtime", "subtime(time, time)", "The time of day of the second taken from the first.", 2, 2, shiftClock("-")),
		fn("datediff", "datediff(a, b)", "The days from b to a.", 2, 2, dateDiff),
		fn("timediff", "timediff(a, b)", "The time of day from b to a.", 2, 2, timeDiff),
		fn("timestampadd", "timestampadd(unit, n, time)", "The time moved by n units.", 3, 3, timestampAdd),
		fn("timestampdiff", "timestampdiff(unit, a, b)", "The whole units from a to b.", 3, 3, timestampDiff),
		fn("period_add", "period_add(period, months)", "A month yyyymm moved by months.", 2, 2, periodAdd),
		fn("period_diff", "period_diff(a, b)", "The months from b to a, both yyyymm.", 2, 2, periodDiff),
	}
}

// shift is date_add and its kin; days allows a plain number of days beside an interval.
func shift(op string, days bool) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		a, by := c.Args[0], c.Args[1]
		switch {
		case by.Type == rows.Interval:
		case days && (by.Type.Numeric() || by.Type == rows.Undefined):
			step := "to_days(CAST(" + whole(by) + " AS INTEGER))"
			if a.Type == rows.Date {
				return scalar(rows.Date, "CAST(%s %s %s AS DATE)", a.SQL, op, step), nil
			}
			by.SQL = step
		default:
			return Value{}, wrongType(c, 1, "an interval")
		}
		t, err := ToTimestamp(a, c.Settings)
		if err != nil {
			return Value{}, err
		}
		return scalar(rows.Timestamp, "(%s %s %s)", t.SQL, op, by.SQL), nil
	}
}

func shiftClock(op string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		a := c.Args[0]
		clock, err := clockOf(c.Args[1], c.Settings)
		if err != nil {
			return Value{}, err
		}
		if a.Type == rows.Time {
			return scalar(rows.Time, "(%s %s %s)", a.SQL, op, sinceMidnight(clock)), nil
		}
		t, err := ToTimestamp(a, c.Settings)
		if err != nil {
			return Value{}, err
		}
		return scalar(rows.Timestamp, "(%s %s %s)", t.SQL, op, sinceMidnight(clock)), nil
	}
}

func dateDiff(c *Call) (Value, error) {
	a, err := ToDate(c.Args[0], c.Settings)
	if err != nil {
		return Value{}, err
	}
	b, err := ToDate(c.Args[1], c.Settings)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.BigInt, "date_diff('day', %s, %s)", b.SQL, a.SQL), nil
}

func timeDiff(c *Call) (Value, error) {
	a, err := ToTime(c.Args[0], c.Settings)
	if err != nil {
		return Value{}, err
	}
	b, err := ToTime(c.Args[1], c.Settings)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.Time, "(TIME '00:00:00' + to_microseconds(date_diff('microsecond', %s, %s)))", b.SQL, a.SQL), nil
}

func timestampAdd(c *Call) (Value, error) {
	unit, err := needString(c, 0)
	if err != nil {
		return Value{}, err
	}
	by, err := Interval(c.Args[1], unit)
	if err != nil {
		return Value{}, err
	}
	t, err := ToTimestamp(c.Args[2], c.Settings)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.Timestamp, "(%s + %s)", t.SQL, by.SQL), nil
}

func timestampDiff(c *Call) (Value, error) {
	unit, err := needString(c, 0)
	if err != nil {
		return Value{}, err
	}
	part, divisor := strings.ToLower(unit), 1
	switch part {
	case "week":
		part, divisor = "day", 7
	case "quarter":
		part, divisor = "month", 3
	}
	if _, _, err := intervalUnit(unit); err != nil {
		return Value{}, err
	}
	a, err := ToTimestamp(c.Args[1], c.Settings)
	if err != nil {
		return Value{}, err
	}
	b, err := ToTimestamp(c.Args[2], c.Settings)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.BigInt, "CAST(date_sub(%s, %s, %s) // %d AS BIGINT)", Quote(part), a.SQL, b.SQL, divisor), nil
}

func periodAdd(c *Call) (Value, error) {
	if err := needNumeric(c); err != nil {
		return Value{}, err
	}
	months := fmt.Sprintf("(ppl_period_months(%s) + %s)", whole(c.Args[0]), whole(c.Args[1]))
	return scalar(rows.Int, "CAST(%[1]s // 12 * 100 + %[1]s %% 12 + 1 AS INTEGER)", months), nil
}

func periodDiff(c *Call) (Value, error) {
	if err := needNumeric(c); err != nil {
		return Value{}, err
	}
	return scalar(rows.Int, "CAST(ppl_period_months(%s) - ppl_period_months(%s) AS INTEGER)", whole(c.Args[0]), whole(c.Args[1])), nil
}

func clocks() []Func {
	second := func(c *Call) string { return "date_trunc('second', " + nowSQL(c.Settings) + ")" }
	stamp := func(c *Call) (Value, error) { return scalar(rows.Timestamp, "%s", second(c)), nil }
	day := func(c *Call) (Value, error) { return scalar(rows.Date, "CAST(%s AS DATE)", second(c)), nil }
	clock := func(c *Call) (Value, error) { return scalar(rows.Time, "CAST(%s AS TIME)", second(c)), nil }
	return []Func{
		fn("now", "now()", "The time when the query began.", 0, 1, stamp, "current_timestamp", "localtimestamp", "localtime", "utc_timestamp"),
		fn("sysdate", "sysdate([digits])", "The current time, with digits of the second's fraction.", 0, 1, sysdate),
		fn("curdate", "curdate()", "Today.", 0, 0, day, "current_date", "utc_date"),
		fn("curtime", "curtime()", "The time of day now.", 0, 1, clock, "current_time", "utc_time"),
	}
}

// nowSQL is the query's clock as a timestamp.
func nowSQL(s *Settings) string {
	if s == nil || s.Now == "" {
		return "make_timestamp(epoch_us(now()))"
	}
	return "TIMESTAMP " + Quote(s.Now)
}

func sysdate(c *Call) (Value, error) {
	digits := int64(0)
	if len(c.Args) == 1 {
		var ok bool
		if digits, ok = c.Args[0].integer(); !ok || digits < 0 || digits > 6 {
			return Value{}, fault.New(fault.InvalidQuery, "sysdate: the digits must be a number from 0 to 6")
		}
	}
	if digits == 0 {
		return scalar(rows.Timestamp, "date_trunc('second', %s)", nowSQL(c.Settings)), nil
	}
	unit := "1" + strings.Repeat("0", int(6-digits))
	return scalar(rows.Timestamp, "make_timestamp(epoch_us(%s) // %s * %s)", nowSQL(c.Settings), unit, unit), nil
}
