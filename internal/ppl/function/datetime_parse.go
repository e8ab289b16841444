package function

import (
	"strconv"
	"strings"
	"time"
)

// shown collects what a text shows by a format; -1 = not shown.
type shown struct{ year, month, day, yearDay, hour, minute, second, nano, pm int }

// parseShown reads text by a format of %x specifiers; spec maps a letter to the field it fills: Y y m b B d j H I M S p f,
// or to a composite format.
func parseShown(text, format string, spec func(byte) string) (shown, bool) {
	s := shown{-1, -1, -1, -1, -1, -1, -1, -1, -1}
	rest, ok := s.read(text, format, spec)
	return s, ok && strings.TrimSpace(rest) == ""
}

func (s *shown) read(text, format string, spec func(byte) string) (rest string, ok bool) {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			if text == "" || text[0] != format[i] {
				return text, false
			}
			text = text[1:]
			continue
		}
		i++
		field := spec(format[i])
		if strings.Contains(field, "%") {
			if text, ok = s.read(text, field, spec); !ok {
				return text, false
			}
			continue
		}
		if text, ok = s.field(text, field); !ok {
			return text, false
		}
	}
	return text, true
}

// field reads one field from the start of text.
func (s *shown) field(text, field string) (rest string, ok bool) {
	switch field {
	case "Y":
		s.year, rest, ok = leadingInt(text, 4, 0, 9999)
	case "y":
		if s.year, rest, ok = leadingInt(text, 2, 0, 99); ok {
			s.year += 2000
		}
	case "m":
		s.month, rest, ok = leadingInt(text, 2, 1, 12)
	case "d":
		s.day, rest, ok = leadingInt(text, 2, 1, 31)
	case "j":
		s.yearDay, rest, ok = leadingInt(text, 3, 1, 366)
	case "H":
		s.hour, rest, ok = leadingInt(text, 2, 0, 23)
	case "I":
		s.hour, rest, ok = leadingInt(text, 2, 1, 12)
		s.hour %= 12
		if s.pm == 1 {
			s.hour += 12
		} else if s.pm < 0 {
			s.pm = 2 // a half of the day may follow
		}
	case "M":
		s.minute, rest, ok = leadingInt(text, 2, 0, 59)
	case "S":
		s.second, rest, ok = leadingInt(text, 2, 0, 59)
	case "f":
		digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
		n, err := strconv.Atoi((text[:min(digits, 9)] + "000000000")[:9])
		s.nano, rest, ok = n, text[digits:], err == nil && digits > 0
	case "p":
		rest, ok = s.half(text)
	case "month":
		rest, ok = s.monthName(text)
	case "weekday":
		rest, ok = dayName(text)
	case "%":
		rest, ok = strings.CutPrefix(text, "%")
	default:
		rest, ok = text, false
	}
	return rest, ok
}

func leadingInt(text string, digits, lo, hi int) (n int, rest string, ok bool) {
	end := 0
	for end < len(text) && end < digits && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(text[:end])
	return n, text[end:], err == nil && n >= lo && n <= hi
}

func (s *shown) half(text string) (rest string, ok bool) {
	if len(text) < 2 {
		return text, false
	}
	switch strings.ToUpper(text[:2]) {
	case "AM":
	case "PM":
		if s.pm == 2 {
			s.hour += 12
		}
		s.pm = 1
	default:
		return text, false
	}
	return text[2:], true
}

func (s *shown) monthName(text string) (rest string, ok bool) {
	for m := time.January; m <= time.December; m++ {
		for _, name := range []string{m.String(), m.String()[:3]} {
			if len(text) >= len(name) && strings.EqualFold(text[:len(name)], name) {
				s.month = int(m)
				return text[len(name):], true
			}
		}
	}
	return text, false
}

func dayName(text string) (rest string, ok bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		for _, name := range []string{d.String(), d.String()[:3]} {
			if len(text) >= len(name) && strings.EqualFold(text[:len(name)], name) {
				return text[len(name):], true
			}
		}
	}
	return text, false
}

// time is the moment shown. A bare time of day gets the date of today, a bare date midnight.
func (s *shown) time(today time.Time) (time.Time, bool) {
	hasDate := s.year >= 0 && ((s.month > 0 && s.day > 0) || s.yearDay > 0)
	hasClock := s.hour >= 0
	if !hasDate && (!hasClock || s.minute < 0 || s.second < 0) {
		return time.Time{}, false
	}
	day := time.Date(today.Year(), today.Month(), today.Day(), 0, 0, 0, 0, time.UTC)
	switch {
	case hasDate && s.yearDay > 0:
		day = time.Date(s.year, 1, s.yearDay, 0, 0, 0, 0, time.UTC)
	case hasDate:
		day = time.Date(s.year, time.Month(s.month), s.day, 0, 0, 0, 0, time.UTC)
		if day.Day() != s.day {
			return time.Time{}, false
		}
	}
	clock := time.Duration(max(s.hour, 0))*time.Hour + time.Duration(max(s.minute, 0))*time.Minute + time.Duration(max(s.second, 0))*time.Second + time.Duration(max(s.nano, 0))
	return day.Add(clock), true
}

// mysqlSpec maps the letters of MySQL's formats to fields.
func mysqlSpec(c byte) string {
	switch c {
	case 'a', 'W':
		return "weekday"
	case 'b', 'M':
		return "month"
	case 'c', 'm':
		return "m"
	case 'd', 'e', 'D':
		return "d"
	case 'H', 'k':
		return "H"
	case 'h', 'I', 'l':
		return "I"
	case 'i':
		return "M"
	case 'S', 's':
		return "S"
	case 'r':
		return "%I:%i:%S %p"
	case 'T':
		return "%H:%i:%S"
	case 'Y', 'y', 'j', 'p', 'f', '%':
		return string(c)
	}
	return ""
}

// posixSpec maps the letters of strftime to fields.
func posixSpec(c byte) string {
	switch c {
	case 'a', 'A':
		return "weekday"
	case 'b', 'B':
		return "month"
	case 'T':
		return "%H:%M:%S"
	case 'F':
		return "%Y-%m-%d"
	case 'e':
		return "d"
	case 'Y', 'y', 'm', 'd', 'j', 'H', 'I', 'M', 'S', 'p', 'f', '%':
		return string(c)
	}
	return ""
}
