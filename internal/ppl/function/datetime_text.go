package function

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// mysqlFormat writes t by a format of MySQL's date_format. Letters outside %x that Java's patterns know are read as such a
// pattern (yyyy-MM-dd), other letters are literal: both as on a cluster. clock is time_format, where dates are zero or, for
// names, give no text at all (ok is false).
func mysqlFormat(t time.Time, format string, clock bool) (text string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(format); {
		c := format[i]
		if c == '%' && i+1 < len(format) {
			part, ok := mysqlPart(t, format[i+1], clock)
			if !ok {
				return "", false
			}
			b.WriteString(part)
			i += 2
			continue
		}
		n := 1
		for i+n < len(format) && format[i+n] == c {
			n++
		}
		if strings.IndexByte("aydmshHMYDSEL", c) >= 0 {
			b.WriteString(javaPart(t, c, n))
		} else {
			b.WriteString(format[i : i+n])
		}
		i += n
	}
	return b.String(), true
}

// mysqlPart is the text of %c; unknown letters stand for themselves.
func mysqlPart(t time.Time, c byte, clock bool) (text string, ok bool) {
	if clock {
		switch c {
		case 'a', 'b', 'j', 'M', 'W', 'D', 'w', 'U', 'u', 'V', 'v', 'X', 'x':
			return "", false
		case 'c', 'e':
			return "0", true
		case 'd', 'm', 'y':
			return "00", true
		case 'Y':
			return "0000", true
		}
	}
	switch c {
	case 'D':
		return strconv.Itoa(t.Day()) + ordinalSuffix(t.Day()), true
	case 'w':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1), true
	case 'U':
		return strconv.Itoa(weekOf(t, 0)), true
	case 'u':
		return strconv.Itoa(weekOf(t, 1)), true
	case 'V':
		return strconv.Itoa(weekOf(t, 2)), true
	case 'v':
		return strconv.Itoa(weekOf(t, 3)), true
	case 'X':
		return strconv.Itoa(weekYear(t, 2)), true
	case 'x':
		return strconv.Itoa(weekYear(t, 3)), true
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), true
	}
	layouts := map[byte]string{
		'a': "Mon", 'b': "Jan", 'c': "01", 'd': "02", 'e': "2", 'H': "15", 'h': "03", 'I': "03", 'i': "04", 'j': "002", 'l': "3", 'p': "PM",
		'M': "January", 'm': "01", 'r': "03:04:05 PM", 'S': "05", 's': "05", 'T': "15:04:05", 'W': "Monday", 'Y': "2006", 'y': "06",
	}
	if layout, known := layouts[c]; known {
		return t.Format(layout), true
	}
	if c == 'k' {
		return strconv.Itoa(t.Hour()), true
	}
	return string(c), true
}

func ordinalSuffix(day int) string {
	if day < 11 || day > 13 {
		switch day % 10 {
		case 1:
			return "st"
		case 2:
			return "nd"
		case 3:
			return "rd"
		}
	}
	return "th"
}

// javaPart is n letters c of a pattern of Java's DateTimeFormatter.
func javaPart(t time.Time, c byte, n int) string {
	switch c {
	case 'a':
		return t.Format("PM")
	case 'y':
		if n == 2 {
			return t.Format("06")
		}
		return fmt.Sprintf("%0*d", n, t.Year())
	case 'Y':
		return fmt.Sprintf("%0*d", n, weekYear(t, 3))
	case 'M', 'L':
		switch n {
		case 3:
			return t.Format("Jan")
		case 4:
			return t.Format("January")
		}
		return fmt.Sprintf("%0*d", n, int(t.Month()))
	case 'E':
		if n >= 4 {
			return t.Format("Monday")
		}
		return t.Format("Mon")
	case 'S':
		return (fmt.Sprintf("%09d", t.Nanosecond()) + strings.Repeat("0", n))[:n]
	case 'h':
		return fmt.Sprintf("%0*d", n, (t.Hour()+11)%12+1)
	}
	number := map[byte]int{'d': t.Day(), 'D': t.YearDay(), 'H': t.Hour(), 'm': t.Minute(), 's': t.Second()}[c]
	return fmt.Sprintf("%0*d", n, number)
}

// strftime writes t by a format of C's strftime, with %N and %Q (and a digit) for fractions of the second.
func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 >= len(format) {
			b.WriteByte(format[i])
			continue
		}
		n, text := strftimePart(t, format[i+1:])
		b.WriteString(text)
		i += n
	}
	return b.String()
}

// strftimePart is the text of the specifier that s (after the %) begins with, and its length.
func strftimePart(t time.Time, s string) (n int, text string) {
	for _, zone := range []struct{ spec, text string }{{":::z", "+00"}, {"::z", "+00:00:00"}, {":z", "+00:00"}, {"Ez", "+0"}} {
		if strings.HasPrefix(s, zone.spec) {
			return len(zone.spec), zone.text
		}
	}
	if len(s) > 1 && s[0] >= '1' && s[0] <= '9' && (s[1] == 'N' || s[1] == 'Q') {
		return 2, subsecond(t, s[1], int(s[0]-'0'))
	}
	layouts := map[byte]string{
		'c': "Mon Jan 02 15:04:05 2006", '+': "Mon Jan 02 15:04:05 UTC 2006", 'H': "15", 'I': "03", 'M': "04", 'p': "PM", 'S': "05", 'T': "15:04:05",
		'X': "15:04:05", 'F': "2006-01-02", 'x': "01/02/2006", 'A': "Monday", 'a': "Mon", 'd': "02", 'e': "_2", 'j': "002", 'b': "Jan", 'B': "January",
		'm': "01", 'y': "06", 'Y': "2006",
	}
	if layout, ok := layouts[s[0]]; ok {
		return 1, t.Format(layout)
	}
	year, week := t.ISOWeek()
	switch s[0] {
	case '%':
		return 1, "%"
	case 'f':
		return 1, fmt.Sprintf("%06d", t.Nanosecond()/1000)
	case 'k':
		return 1, fmt.Sprintf("%2d", t.Hour())
	case 's':
		return 1, strconv.FormatInt(t.Unix(), 10)
	case 'Z':
		return 1, "UTC"
	case 'z':
		return 1, "+0000"
	case 'w':
		return 1, strconv.Itoa(int(t.Weekday()))
	case 'V':
		return 1, fmt.Sprintf("%02d", week)
	case 'U':
		return 1, fmt.Sprintf("%02d", (t.YearDay()+6-int(t.Weekday()))/7)
	case 'C':
		return 1, fmt.Sprintf("%02d", t.Year()/100)
	case 'g':
		return 1, fmt.Sprintf("%02d", year%100)
	case 'G':
		return 1, fmt.Sprintf("%04d", year)
	case 'N':
		return 1, subsecond(t, 'N', 9)
	case 'Q':
		return 1, subsecond(t, 'Q', 3)
	}
	return 0, "%"
}

// subsecond is %3N (digits of the fraction) or %3Q (milliseconds, %6Q micro-, %9Q nanoseconds).
func subsecond(t time.Time, letter byte, digits int) string {
	nanos := fmt.Sprintf("%09d", t.Nanosecond())
	if letter == 'Q' && digits != 6 && digits != 9 {
		digits = 3
	}
	return nanos[:digits]
}

// weekOf is MySQL's week(date, mode). Java's calendar rules apply, as on a cluster: even modes start the week on Sunday; in
// modes 1 and 3 week 1 has at least 5 days of the year, in 4 and 6 at least 4, else it begins with its first day.
func weekOf(t time.Time, mode int) int {
	week := calendarWeek(t, mode)
	if week > 51 && t.Day() < 7 && (mode == 0 || mode == 1 || mode == 4 || mode == 5) {
		return 0
	}
	return week
}

func calendarWeek(t time.Time, mode int) int {
	first, most := int(time.Sunday), 7
	if mode%2 == 1 {
		first = int(time.Monday)
	}
	switch mode {
	case 1, 3:
		most = 5
	case 4, 6:
		most = 4
	}
	start := func(year int) time.Time {
		jan1 := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		before := (int(jan1.Weekday()) - first + 7) % 7
		if 7-before >= most {
			return jan1.AddDate(0, 0, -before)
		}
		return jan1.AddDate(0, 0, 7-before)
	}
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	from := start(t.Year())
	switch {
	case day.Before(from):
		from = start(t.Year() - 1)
	case !day.Before(start(t.Year() + 1)):
		from = start(t.Year() + 1)
	}
	const hoursAWeek = 7 * 24
	return int(day.Sub(from).Hours())/hoursAWeek + 1
}

// weekYear is the year that weekOf's week belongs to.
func weekYear(t time.Time, mode int) int {
	if weekOf(t, mode) > 51 && t.Day() < 7 {
		return t.Year() - 1
	}
	return t.Year()
}

// yearWeek is MySQL's yearweek(date, mode).
func yearWeek(t time.Time, mode int) int {
	if weekOf(t, mode) == 0 {
		if mode <= 4 {
			mode = 2
		} else {
			mode = 7
		}
	}
	return weekYear(t, mode)*100 + weekOf(t, mode)
}
