// Package timerange reads the start and end that people and agents write: RFC 3339, "2006-01-02 15:04:05" (UTC), a date,
// epoch seconds or milliseconds, "now", and offsets from now such as "-15m", "now-2h" or "-1d".
package timerange

import (
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Range is a half-open span of time [Start, End). A zero bound is open.
type Range struct {
	Start, End time.Time
}

// IsZero reports whether both bounds are open.
func (r Range) IsZero() bool { return r.Start.IsZero() && r.End.IsZero() }

// Duration returns End - Start, 0 if a bound is open.
func (r Range) Duration() time.Duration {
	if r.Start.IsZero() || r.End.IsZero() {
		return 0
	}
	return r.End.Sub(r.Start)
}

// Contains reports whether t lies in the range.
func (r Range) Contains(t time.Time) bool {
	return (r.Start.IsZero() || !t.Before(r.Start)) && (r.End.IsZero() || t.Before(r.End))
}

// Parse reads both bounds; "" leaves a bound open. It fails if a bound cannot be read or start is not before end.
func Parse(start, end string, now time.Time) (Range, error) {
	var r Range
	var err error
	if start != "" {
		if r.Start, err = Instant(start, now); err != nil {
			return Range{}, err
		}
	}
	if end != "" {
		if r.End, err = Instant(end, now); err != nil {
			return Range{}, err
		}
	}
	if !r.Start.IsZero() && !r.End.IsZero() && !r.Start.Before(r.End) {
		return Range{}, fault.WithHint(
			fault.New(fault.InvalidArgument, "time range: start %s is not before end %s", r.Start.Format(time.RFC3339), r.End.Format(time.RFC3339)),
			"Swap start and end, or leave end out for the end of the data.")
	}
	return r, nil
}

var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02T15:04Z07:00", "2006-01-02 15:04", "2006-01-02"}

// epochMillisFrom is the smallest number read as epoch milliseconds: as seconds it would lie past the year 5000.
const epochMillisFrom = 100_000_000_000

// Instant reads one point in time; offsets count from now. The answer is in UTC.
func Instant(text string, now time.Time) (time.Time, error) {
	s := strings.TrimSpace(text)
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return t.UTC(), nil
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 {
		if n >= epochMillisFrom {
			return time.UnixMilli(n).UTC(), nil
		}
		return time.Unix(n, 0).UTC(), nil
	}
	off := strings.TrimSpace(strings.TrimPrefix(s, "now"))
	if off == "" && s != "" {
		return now.UTC(), nil
	}
	if d, ok := offset(off); ok {
		return now.UTC().Add(d), nil
	}
	return time.Time{}, fault.WithHint(fault.New(fault.InvalidArgument, "time %q cannot be read", text),
		`Write RFC 3339 ("2026-05-27T18:20:00Z"), "2026-05-27 18:20:00" (UTC), epoch seconds or milliseconds, or an offset such as "-15m", "now-2h", "-1d".`)
}

func offset(s string) (time.Duration, bool) {
	if len(s) < 3 || (s[0] != '-' && s[0] != '+') {
		return 0, false
	}
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if u, ok := units[s[len(s)-1]]; ok {
		if n, err := strconv.ParseInt(s[1:len(s)-1], 10, 32); err == nil {
			d := time.Duration(n) * u
			if s[0] == '-' {
				d = -d
			}
			return d, true
		}
	}
	d, err := time.ParseDuration(s)
	return d, err == nil
}
