package record

import (
	"time"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// clock reads the times log writers write. Times without a zone are in loc; times without a year or a date are dated by now.
type clock struct {
	loc *time.Location
	now time.Time
}

// stampAt is a time as found in text: the point in time (zero if it cannot be dated) and how many bytes it took.
type stampAt struct {
	t time.Time
	n int
}

// civil is a date and time of day in parts; a negative year or month means that the text has none.
type civil struct {
	year, month, day, hour, minute, second, nano int
	zone                                         int // seconds east of UTC
	zoned                                        bool
}

func newClock(opt Options) clock {
	loc := opt.Location
	if loc == time.UTC {
		loc = nil
	}
	return clock{loc: loc, now: opt.Now}
}

// scan reads a time at the very beginning of b.
func (c clock) scan(b []byte) (stampAt, bool) {
	if len(b) < 8 {
		return stampAt{}, false
	}
	if b[0] >= '0' && b[0] <= '9' {
		return c.scanDigits(b)
	}
	if b[0] >= 'A' && b[0] <= 'Z' {
		return c.scanNames(b)
	}
	return stampAt{}, false
}

func (c clock) scanDigits(b []byte) (stampAt, bool) {
	run := digitRun(b)
	if run >= len(b) {
		return c.epoch(b, run)
	}
	var v civil
	n := 0
	switch {
	case run == 4 && (b[4] == '-' || b[4] == '/' || b[4] == '.'):
		n = v.isoDate(b)
	case run == 8 && (b[8] == ' ' || b[8] == 'T' || b[8] == '-' || b[8] == '_'):
		v.year, v.month, v.day = num(b[:4]), num(b[4:6]), num(b[6:8])
		n = 9
	case run == 6 && b[6] == ' ':
		v.year, v.month, v.day = century(num(b[:2])), num(b[2:4]), num(b[4:6])
		n = 7
	case run <= 2 && b[run] == ':':
		v.month = -1
	case run <= 2 && b[run] == '/':
		n = v.slashDate(b, run)
	case run <= 2 && (b[run] == ' ' || b[run] == '-' || b[run] == '.'):
		n = v.dayFirst(b, run)
	default:
		return c.epoch(b, run)
	}
	if n == 0 && v.month != -1 {
		return c.epoch(b, run)
	}
	return c.clockTime(b, n, &v)
}

// clockTime reads the time of day at n, then the zone.
func (c clock) clockTime(b []byte, n int, v *civil) (stampAt, bool) {
	for n < len(b) && b[n] == ' ' {
		n++
	}
	k := v.time(b[n:])
	if k == 0 {
		return stampAt{}, false
	}
	n += k
	if v.month != -1 {
		n += v.readZone(b[n:])
	}
	if n < len(b) && isWord(b[n]) && b[n-1] != 'Z' {
		return stampAt{}, false
	}
	t, ok := c.resolve(v)
	return stampAt{t, n}, ok
}

// resolve makes a point in time, supplying year or date from the clock. False when the parts are no date.
func (c clock) resolve(v *civil) (time.Time, bool) {
	if v.hour > 23 || v.minute > 59 || v.second > 60 {
		return time.Time{}, false
	}
	if v.month == -1 {
		return c.today(v), true
	}
	if v.month < 1 || v.month > 12 || v.day < 1 || v.day > 31 || v.year >= 0 && v.day > daysIn(v.month, v.year) {
		return time.Time{}, false
	}
	if v.year >= 0 {
		return c.point(v), true
	}
	if c.now.IsZero() {
		return time.Time{}, true
	}
	for _, year := range [...]int{c.now.Year() + 1, c.now.Year(), c.now.Year() - 1} {
		v.year = year
		if t := c.point(v); !t.After(c.now.Add(24*time.Hour)) && v.day <= daysIn(v.month, year) {
			return t, true
		}
	}
	v.year = c.now.Year()
	return c.point(v), v.day <= 29
}

// today dates a bare time of day: the last such time before now.
func (c clock) today(v *civil) time.Time {
	if c.now.IsZero() {
		return time.Time{}
	}
	v.year, v.month, v.day = c.now.Year(), int(c.now.Month()), c.now.Day()
	t := c.point(v)
	if t.After(c.now.Add(time.Minute)) {
		t = t.AddDate(0, 0, -1)
	}
	return t
}

func (c clock) point(v *civil) time.Time {
	if !v.zoned && c.loc != nil {
		return time.Date(v.year, time.Month(v.month), v.day, v.hour, v.minute, v.second, v.nano, c.loc).UTC()
	}
	sec := days(v.year, v.month, v.day)*86400 + int64(v.hour*3600+v.minute*60+v.second-v.zone)
	return time.Unix(sec, int64(v.nano)).UTC()
}

// epoch reads seconds with a fraction or milliseconds since 1970 as they stand at the head of a line; a whole number of any
// other length says too little.
func (c clock) epoch(b []byte, run int) (stampAt, bool) {
	if run == 13 && (run == len(b) || !isWord(b[run]) && b[run] != '.') {
		n, _ := jsonscan.ParseInt(b[:run])
		return stampAt{epochTime(n), run}, plausible(n / 1000)
	}
	if run == 10 && len(b) > 11 && (b[10] == ' ' || b[10] == '\t' || b[10] == ']') && !c.now.IsZero() {
		t := time.Unix(int64(num(b[:9]))*10+int64(b[9]-'0'), 0).UTC()
		return stampAt{t, run}, t.Before(c.now.AddDate(0, 0, 1)) && t.After(c.now.AddDate(-epochYears, 0, 0))
	}
	if run != 10 || len(b) < 12 || b[10] != '.' {
		return stampAt{}, false
	}
	var v civil
	k := v.fraction(b[10:])
	sec, _ := jsonscan.ParseInt(b[:10])
	return stampAt{time.Unix(sec, int64(v.nano)).UTC(), 10 + k}, k > 0 && plausible(sec)
}

// epochYears is how far back a bare number of ten digits is believed to be a time.
const epochYears = 15

// plausible says whether seconds since 1970 are a log's time: 1990 to 2100.
func plausible(sec int64) bool { return sec > 631152000 && sec < 4102444800 }

// epochTime reads a number since 1970 whose unit is told by its size: seconds, milliseconds, microseconds or nanoseconds.
func epochTime(n int64) time.Time {
	switch a := max(n, -n); {
	case a >= 1e17:
		return time.Unix(0, n).UTC()
	case a >= 1e14:
		return time.UnixMicro(n).UTC()
	case a >= 1e11:
		return time.UnixMilli(n).UTC()
	}
	return time.Unix(n, 0).UTC()
}

// epochFloat is epochTime for a number with a fraction; microseconds are what a float64 of seconds can hold.
func epochFloat(f float64) (time.Time, bool) {
	if !(f > -1e18 && f < 1e18) {
		return time.Time{}, false
	}
	if f < 1e11 && f > -1e11 {
		sec := int64(f)
		return time.Unix(sec, int64((f-float64(sec))*1e6+0.5)*1000).UTC(), true
	}
	return epochTime(int64(f)), true
}

// stamp reads a whole string as a time: any form scan knows, a date alone, or digits since 1970.
func (c clock) stamp(b []byte) (time.Time, bool) {
	if t, ok := c.rfc3339(b); ok {
		return t, true
	}
	b = trimSpace(b)
	if n, ok := jsonscan.ParseInt(b); ok && len(b) >= 9 {
		return epochTime(n), true
	}
	if len(b) == 10 && b[4] == '-' && b[7] == '-' {
		b = append(append(make([]byte, 0, 20), b...), "T00:00:00"...)
	}
	s, ok := c.scan(b)
	return s.t, ok && !s.t.IsZero() && len(trimSpace(b[s.n:])) == 0
}

// rfc3339 is the quick way for 2026-05-27T17:40:01.100266Z.
func (c clock) rfc3339(b []byte) (time.Time, bool) {
	if len(b) < 20 || b[len(b)-1] != 'Z' || b[4] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return time.Time{}, false
	}
	var v civil
	if v.isoDate(b) == 0 {
		return time.Time{}, false
	}
	n := v.time(b[11:])
	v.zoned = true
	if n == 0 || 11+n != len(b)-1 {
		return time.Time{}, false
	}
	return c.resolve(&v)
}

func digitRun(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}

// num reads at most nine digits that digitRun has seen.
func num(b []byte) int {
	n := 0
	for _, c := range b {
		n = n*10 + int(c-'0')
	}
	return n
}

func isLetter(c byte) bool { c |= 0x20; return c >= 'a' && c <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }

func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t' || b[len(b)-1] == '\r' || b[len(b)-1] == '\n') {
		b = b[:len(b)-1]
	}
	return b
}
