package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Lengths of text, in characters.
const (
	maxTitle = 400 // tooltips
	maxName  = 120 // names in tooltips
	maxQuote = 900 // quoted data: a stack trace's head
)

// instant writes a time in RFC 3339, UTC, to the second.
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func round(f float64) float64 { return math.Round(10*f) / 10 }

// clip shortens text to n characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// shortened shortens a name to n characters by leaving out its middle: hosts differ at both ends.
func shortened(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	tail := (n - 1) / 3
	return string(r[:n-1-tail]) + "…" + string(r[len(r)-tail:])
}

// duration writes a time with a unit and about three digits that matter.
func duration(d time.Duration) string {
	switch {
	case d >= 10*time.Minute:
		return width(d.Round(time.Minute))
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%d µs", d.Microseconds())
}

// width writes a bucket's width: 30s, 1m, 2h.
func width(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// milliseconds writes a number of them as a duration.
func milliseconds(f float64) string { return duration(time.Duration(f * 1e6)) }

// grouped writes a count with commas between thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// percent writes a share with one digit after the point below ten.
func percent(f float64) string {
	f *= 100
	if f != 0 && f < 10 {
		return fmt.Sprintf("%.1f %%", f)
	}
	return fmt.Sprintf("%.0f %%", f)
}
