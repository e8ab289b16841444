package plan

import (
	"math"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Unit returns the SQL interval unit and its letter for a unit of time as PPL spells it; case tells minutes (m) from months (M).
// An unknown unit gives "".
func Unit(u string) string {
	switch u {
	case "m":
		return "minute"
	case "M":
		return "month"
	}
	switch strings.ToLower(u) {
	case "us", "microsecond", "microseconds":
		return "microsecond"
	case "ms", "millisecond", "milliseconds":
		return "millisecond"
	case "cs", "centisecond", "centiseconds":
		return "centisecond"
	case "ds", "decisecond", "deciseconds":
		return "decisecond"
	case "s", "sec", "secs", "second", "seconds":
		return "second"
	case "min", "mins", "minute", "minutes":
		return "minute"
	case "h", "hr", "hrs", "hour", "hours":
		return "hour"
	case "d", "day", "days":
		return "day"
	case "w", "week", "weeks":
		return "week"
	case "mon", "month", "months":
		return "month"
	case "q", "qtr", "qtrs", "quarter", "quarters":
		return "quarter"
	case "y", "yr", "yrs", "year", "years":
		return "year"
	}
	return ""
}

// Span is a width of buckets: a number, with a unit for time.
type Span struct {
	At   syntax.Span
	N    float64
	Unit string // as Unit spells it, "" for numbers
	Text string // as written
}

// ReadSpan reads a width: 10, 0.5, 1h, 1 month, '1h'.
func ReadSpan(p *syntax.Parser) Span {
	t := p.Peek()
	s := Span{At: t.Span()}
	switch t.Kind {
	case syntax.Number:
		p.Next()
		s.Text = p.Text(t)
		if u := p.Peek(); u.Kind == syntax.Ident && Unit(p.Text(u)) != "" {
			p.Next()
			s.Text += p.Text(u)
		}
	case syntax.Unit:
		p.Next()
		s.Text = p.Text(t)
	case syntax.String:
		s.Text = p.Str("a span")
	case syntax.EOF, syntax.Ident, syntax.Quoted, syntax.Mark:
		p.FailExpect("a span such as 10 or 1h")
		return s
	}
	s.At.End = p.LastEnd()
	num, unit := syntax.SplitUnit(s.Text)
	n, err := strconv.ParseFloat(num, 64)
	switch {
	case err != nil:
		p.Fail(s.At, "%s is not a span; write a number or a number with a unit such as 1h", s.Text)
	case n <= 0:
		p.Fail(s.At, "Zero or negative time interval not supported: %s", s.Text)
	case unit != "" && Unit(unit) == "":
		p.Fail(s.At, "%s is not a unit of time", unit).WithHint("Units are ms s m h d w M q y; m is minutes, M is months.")
	}
	s.N, s.Unit = n, Unit(unit)
	return s
}

// Bucket compiles span(x, s): the lower edge of the bucket x falls into.
func Bucket(x X, s Span) (X, error) {
	if s.Unit == "" {
		return numberBucket(x, s)
	}
	switch x.Type {
	case rows.Timestamp, rows.Date:
		return timeBucket(x, s, "TIMESTAMP '1970-01-01'")
	case rows.Time:
		w, ok := micros(s)
		if !ok {
			break
		}
		us := "(epoch_us(%s) - epoch_us(%s) %% " + w + ")"
		return Cell(rows.Time, "CAST(make_timestamp("+us+") AS TIME)", x, x), nil
	case rows.String:
		return timeBucket(Cell(rows.Timestamp, "TRY_CAST(%s AS TIMESTAMP)", x), s, "TIMESTAMP '1970-01-01'")
	default:
	}
	return x, syntax.Errorf(s.At, "a span with a unit of time needs a time field, this one is of type %s", strings.ToUpper(string(x.Type)))
}

func numberBucket(x X, s Span) (X, error) {
	n := strconv.FormatFloat(s.N, 'f', -1, 64)
	switch {
	case x.Type.Integer() && s.N == math.Trunc(s.N):
		return Cell(x.Type, "CAST(floor(%s / "+n+") * "+n+" AS "+function.SQLType(x.Type)+")", x), nil
	case x.Type.Numeric():
		return Cell(rows.Double, "(floor(CAST(%s AS DOUBLE) / "+n+") * "+n+")", x), nil
	case x.Type == rows.String:
		return Cell(rows.Double, "(floor(TRY_CAST(%s AS DOUBLE) / "+n+") * "+n+")", x), nil
	}
	return x, syntax.Errorf(s.At, "a span without a unit needs a number field, this one is of type %s", strings.ToUpper(string(x.Type))).
		WithHint("Give the span a unit, such as 1h.")
}

// timeBucket cuts time into buckets of the width. n months and longer count from origin's month; weeks begin on Monday.
func timeBucket(x X, s Span, origin string) (X, error) {
	t := rows.Timestamp
	if x.Type == rows.Date && (s.Unit == "day" || s.Unit == "week" || s.Unit == "month" || s.Unit == "quarter" || s.Unit == "year") {
		t = rows.Date
	}
	if x.Nanos || x.Type == rows.Date {
		x = Cell(rows.Timestamp, "CAST(%s AS TIMESTAMP)", x)
	}
	var y X
	switch {
	case s.N == 1 && s.Unit != "decisecond" && s.Unit != "centisecond":
		y = Cell(rows.Timestamp, "date_trunc('"+s.Unit+"', %s)", x)
	case s.Unit == "week":
		y = Cell(rows.Timestamp, "time_bucket("+Interval(s)+", %s, TIMESTAMP '1969-12-29')", x)
	default:
		y = Cell(rows.Timestamp, "time_bucket("+Interval(s)+", %s, "+origin+")", x)
	}
	if t == rows.Date {
		return Cell(rows.Date, "CAST(%s AS DATE)", y), nil
	}
	return y, nil
}

// Interval returns the width as a SQL interval.
func Interval(s Span) string {
	n, unit := s.N, s.Unit
	switch unit {
	case "decisecond":
		n, unit = n*100, "millisecond"
	case "centisecond":
		n, unit = n*10, "millisecond"
	}
	if n != math.Trunc(n) {
		if w, ok := micros(s); ok {
			return "INTERVAL '" + w + " microseconds'"
		}
	}
	return "INTERVAL '" + strconv.FormatFloat(n, 'f', -1, 64) + " " + unit + "'"
}

// Micros returns the width in microseconds; ok is false for months and longer, which have no fixed width.
func Micros(s Span) (int64, bool) {
	unit := map[string]float64{
		"microsecond": 1, "millisecond": 1e3, "centisecond": 1e4, "decisecond": 1e5, "second": 1e6, "minute": 60e6, "hour": 3600e6,
		"day": 86400e6, "week": 7 * 86400e6,
	}[s.Unit]
	return int64(s.N * unit), unit != 0
}

func micros(s Span) (string, bool) {
	n, ok := Micros(s)
	return strconv.FormatInt(n, 10), ok
}
