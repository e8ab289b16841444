package function

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

func dateParts() []Func {
	return []Func{
		fn("year", "year(date)", "The year.", 1, 1, datePart("year(%s)")),
		fn("quarter", "quarter(date)", "The quarter, 1 to 4.", 1, 1, datePart("quarter(%s)")),
		fn("month", "month(date)", "The month, 1 to 12.", 1, 1, datePart("month(%s)"), "month_of_year"),
		fn("day", "day(date)", "The day of the month.", 1, 1, datePart("day(%s)"), "dayofmonth", "day_of_month"),
		fn("dayofweek", "dayofweek(date)", "The day of the week, 1 = Sunday.", 1, 1, datePart("(dayofweek(%s) + 1)"), "day_of_week"),
		fn("weekday", "weekday(date)", "The day of the week, 0 = Monday.", 1, 1, datePart("(isodow(%s) - 1)")),
		fn("dayofyear", "dayofyear(date)", "The day of the year, 1 to 366.", 1, 1, datePart("dayofyear(%s)"), "day_of_year"),
		fn("hour", "hour(time)", "The hour, 0 to 23.", 1, 1, clockPart("hour(%s)"), "hour_of_day"),
		fn("minute", "minute(time)", "The minute, 0 to 59.", 1, 1, clockPart("minute(%s)"), "minute_of_hour"),
		fn("second", "second(time)", "The second, 0 to 59.", 1, 1, clockPart("second(%s)"), "second_of_minute"),
		fn("microsecond", "microsecond(time)", "The microseconds of the second.", 1, 1, clockPart("(microsecond(%s) %% 1000000)")),
		fn("minute_of_day", "minute_of_day(time)", "The minutes since midnight.", 1, 1, clockPart("(hour(%[1]s) * 60 + minute(%[1]s))")),
		fn("dayname", "dayname(date)", "The English name of the day.", 1, 1, dateText("dayname(%s)")),
		fn("monthname", "monthname(date)", "The English name of the month.", 1, 1, dateText("monthname(%s)")),
		fn("week", "week(date[, mode])", "The week of the year; mode 0 to 7 as in MySQL.", 1, 2, week, "week_of_year", "weekofyear"),
		fn("yearweek", "yearweek(date[, mode])", "The year and week as one number.", 1, 2, yearweek),
		fn("last_day", "last_day(date)", "The last day of the month.", 1, 1, lastDay),
		fn("extract", "extract(part FROM time)", "A part or pair of parts as a number.", 2, 2, extract),
		fn("to_days", "to_days(date)", "The days since year 0.", 1, 1, toDays),
		fn("to_seconds", "to_seconds(date)", "The seconds since year 0.", 1, 1, toSeconds),
		fn("time_to_sec", "time_to_sec(time)", "The seconds since midnight.", 1, 1, timeToSec),
	}
}

func datePart(format string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		d, err := ToDate(c.Args[0], c.Settings)
		if err != nil {
			return Value{}, err
		}
		return scalar(rows.Int, "CAST("+format+" AS INTEGER)", d.SQL), nil
	}
}

func clockPart(format string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		t, err := ToTime(c.Args[0], c.Settings)
		if err != nil {
			return Value{}, err
		}
		return scalar(rows.Int, "CAST("+format+" AS INTEGER)", t.SQL), nil
	}
}

func dateText(format string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		d, err := ToDateStrict(c.Args[0], c.Settings)
		if err != nil {
			return Value{}, err
		}
		return scalar(rows.String, format, d.SQL), nil
	}
}

// weekSQL is MySQL's week(date, mode). Modes differ in the first day of the week (odd: Monday; 4, 6: Sunday), in whether
// week 1 is the first with that day or the first with four days, and in whether early days count as week 0 or as the last
// week of the year before. year = true gives year * 100 + week.
func weekSQL(date, mode string, year bool) string {
	fn := "ppl_week"
	if year {
		fn = "ppl_yearweek"
	}
	return "CAST(" + fn + "(" + date + ", CAST(" + mode + " AS BIGINT)) AS INTEGER)"
}

func weekMode(c *Call) (string, error) {
	if len(c.Args) < 2 {
		return "0", nil
	}
	if n, ok := c.Args[1].integer(); ok && (n < 0 || n > 7) {
		return "", fault.New(fault.InvalidQuery, "%s: mode %d is not between 0 and 7", c.Name, n)
	}
	return whole(c.Args[1]), nil
}

func week(c *Call) (Value, error)     { return weekNumber(c, false) }
func yearweek(c *Call) (Value, error) { return weekNumber(c, true) }

func weekNumber(c *Call, year bool) (Value, error) {
	mode, err := weekMode(c)
	if err != nil {
		return Value{}, err
	}
	d, err := ToDate(c.Args[0], c.Settings)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.Int, "%s", weekSQL(d.SQL, mode, year)), nil
}

func lastDay(c *Call) (Value, error) {
	d, err := ToDate(c.Args[0], c.Settings)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.Date, "last_day(%s)", d.SQL), nil
}

// daysBeforeEpoch is to_days('1970-01-01').
const daysBeforeEpoch = "719528"

func toDays(c *Call) (Value, error) {
	d, err := ToDate(c.Args[0], c.Settings)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.BigInt, "CAST((%s - DATE '1970-01-01') + %s AS BIGINT)", d.SQL, daysBeforeEpoch), nil
}

func toSeconds(c *Call) (Value, error) {
	a := c.Args[0]
	if a.Type.Numeric() {
		return scalar(rows.BigInt, "ppl_compact_seconds(%s)", whole(a)), nil
	}
	t, err := ToTimestamp(a, c.Settings)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.BigInt, "CAST(epoch_us(%s) // 1000000 + CAST(%s AS BIGINT) * 86400 AS BIGINT)", t.SQL, daysBeforeEpoch), nil
}

func timeToSec(c *Call) (Value, error) {
	t, err := ToTime(c.Args[0], c.Settings)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.BigInt, "CAST(hour(%[1]s) * 3600 + minute(%[1]s) * 60 + second(%[1]s) AS BIGINT)", t.SQL), nil
}

// extractFormats are extract's parts over a timestamp t; pairs are the digits of the finer parts after the coarser.
func extractFormats() map[string]string {
	micros := "microsecond(t) %% 1000000"
	clock := "(hour(t) * 10000 + minute(t) * 100 + second(t))"
	return map[string]string{
		"MICROSECOND": micros, "SECOND": "second(t)", "MINUTE": "minute(t)", "HOUR": "hour(t)", "DAY": "day(t)",
		"WEEK": "ppl_week(CAST(t AS DATE), 0)", "MONTH": "month(t)", "QUARTER": "quarter(t)", "YEAR": "year(t)",
		"SECOND_MICROSECOND": "second(t) * 1000000 + " + micros,
		"MINUTE_MICROSECOND": "(minute(t) * 100 + second(t)) * 1000000 + " + micros,
		"MINUTE_SECOND":      "minute(t) * 100 + second(t)",
		"HOUR_MICROSECOND":   clock + " * 1000000 + " + micros,
		"HOUR_SECOND":        clock,
		"HOUR_MINUTE":        "hour(t) * 100 + minute(t)",
		"DAY_MICROSECOND":    "(day(t) * 1000000 + " + clock + ") * 1000000 + " + micros,
		"DAY_SECOND":         "day(t) * 1000000 + " + clock,
		"DAY_MINUTE":         "day(t) * 10000 + hour(t) * 100 + minute(t)",
		"DAY_HOUR":           "day(t) * 100 + hour(t)",
		"YEAR_MONTH":         "year(t) * 100 + month(t)",
	}
}

func extract(c *Call) (Value, error) {
	part, err := needString(c, 0)
	if err != nil {
		return Value{}, err
	}
	format, ok := extractFormats()[strings.ToUpper(part)]
	if !ok {
		return Value{}, fault.New(fault.InvalidQuery, "extract: unknown part %s", part)
	}
	t, err := ToTimestamp(c.Args[1], c.Settings)
	if err != nil {
		return Value{}, err
	}
	format = strings.ReplaceAll(format, "%%", "%")
	return scalar(rows.BigInt, "CAST(%s AS BIGINT)", strings.ReplaceAll(format, "(t", "("+t.SQL)), nil
}
