package doctable

import (
	"errors"
	"strings"
	"time"
)

// The letters of Java's date patterns that name parts of a date and of a clock time.
const (
	dateLetters  = "yuYMLdDEecwWQqgGF"
	clockLetters = "HhKkmsSaAnN"
)

// patternPart is a letter with its count, a literal, or an optional group.
type patternPart struct {
	letter   rune // 0 = literal or group
	count    int
	literal  string
	optional []patternPart
}

// parsePattern reads a pattern of Java's DateTimeFormatter.
func parsePattern(p string) ([]patternPart, error) {
	parts, rest, err := patternGroup(p, false)
	if err == nil && rest != "" {
		err = errors.New("a closing bracket without an opening one")
	}
	return parts, err
}

func patternGroup(p string, inside bool) (parts []patternPart, rest string, err error) {
	for p != "" {
		switch c := p[0]; {
		case c == '\'':
			end := strings.IndexByte(p[1:], '\'')
			switch {
			case end == 0:
				parts, p = append(parts, patternPart{literal: "'"}), p[2:]
			case end < 0:
				return nil, "", errors.New("a quote without end")
			default:
				parts, p = append(parts, patternPart{literal: p[1 : end+1]}), p[end+2:]
			}
		case c == '[':
			group, after, err := patternGroup(p[1:], true)
			if err != nil {
				return nil, "", err
			}
			parts, p = append(parts, patternPart{optional: group}), after
		case c == ']' && inside:
			return parts, p[1:], nil
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			n := 1
			for n < len(p) && p[n] == c {
				n++
			}
			parts, p = append(parts, patternPart{letter: rune(c), count: n}), p[n:]
		default:
			parts, p = append(parts, patternPart{literal: string(c)}), p[1:]
		}
	}
	if inside {
		return nil, "", errors.New("a bracket without end")
	}
	return parts, "", nil
}

// dateFields collects what a text shows; -1 = not shown.
type dateFields struct {
	year, month, day, dayOfYear        int
	weekYear, week, weekday            int
	hour, minute, second, nano, hour12 int
	pm                                 int
	milliOfDay                         int
	offset                             int // seconds east
}

// parseByPattern reads the whole of s.
func parseByPattern(parts []patternPart, s string) (time.Time, bool) {
	f := dateFields{year: -1, month: -1, day: -1, dayOfYear: -1, weekYear: -1, week: -1, weekday: -1, hour: -1, minute: -1, second: -1, hour12: -1, pm: -1, milliOfDay: -1}
	rest, ok := f.read(parts, s)
	if !ok || rest != "" {
		return time.Time{}, false
	}
	return f.time()
}

// read consumes parts from s.
func (f *dateFields) read(parts []patternPart, s string) (rest string, ok bool) {
	for i, p := range parts {
		switch {
		case p.optional != nil:
			saved := *f
			if after, fits := f.read(p.optional, s); fits {
				s = after
			} else {
				*f = saved
			}
		case p.letter == 0:
			if !strings.HasPrefix(s, p.literal) {
				return s, false
			}
			s = s[len(p.literal):]
		default:
			adjacent := i+1 < len(parts) && parts[i+1].letter != 0 && strings.ContainsRune("yuYMdDHhKkmsSweA", parts[i+1].letter)
			if s, ok = f.letter(p, s, adjacent); !ok {
				return s, false
			}
		}
	}
	return s, true
}

// letter consumes one pattern letter.
func (f *dateFields) letter(p patternPart, s string, adjacent bool) (rest string, ok bool) {
	switch p.letter {
	case 'S':
		return f.fraction(s)
	case 'X', 'x', 'Z', 'V', 'z', 'O':
		return f.zone(s)
	case 'a':
		return f.half(s)
	case 'E':
		return f.dayName(s)
	case 'M', 'L':
		if p.count >= 3 {
			return f.monthName(s)
		}
	}
	n, rest, ok := digits(s, p, adjacent)
	if !ok {
		return s, false
	}
	return rest, f.set(p.letter, p.count, n)
}

// digits reads a number: exactly count digits when more digits follow by pattern, else as many as fit the letter.
func digits(s string, p patternPart, adjacent bool) (n int, rest string, ok bool) {
	most := p.count
	if !adjacent {
		switch {
		case strings.ContainsRune("yuYnNA", p.letter):
			most = 10
		case p.letter == 'D':
			most = 3
		case p.letter == 'e' || p.letter == 'c':
			most = 1
		default:
			most = max(2, p.count)
		}
	} else if p.count == 1 && p.letter == 'A' {
		most = 10
	}
	end := 0
	for end < len(s) && end < most && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end == 0 || (adjacent && p.letter != 'A' && end < p.count) {
		return 0, s, false
	}
	return int(atoi(s[:end])), s[end:], true
}

// set keeps a number if it lies in the letter's range.
func (f *dateFields) set(letter rune, count, n int) bool {
	in := func(lo, hi int) bool { return n >= lo && n <= hi }
	switch letter {
	case 'y', 'u':
		if count == 2 && n < 100 {
			n += 2000
		}
		f.year = n
	case 'Y':
		f.weekYear = n
	case 'M', 'L':
		f.month = n
		return in(1, 12)
	case 'd':
		f.day = n
		return in(1, 31)
	case 'D':
		f.dayOfYear = n
		return in(1, 366)
	case 'w':
		f.week = n
		return in(1, 53)
	case 'e', 'c':
		f.weekday = n
		return in(1, 7)
	case 'H', 'k':
		f.hour = n % 24
		return in(0, 24)
	case 'h', 'K':
		f.hour12 = n % 12
		return in(0, 12)
	case 'm':
		f.minute = n
		return in(0, 59)
	case 's':
		f.second = n
		return in(0, 59)
	case 'A':
		f.milliOfDay = n
		return in(0, 24*60*60*1000-1)
	default:
		return false
	}
	return true
}

func (f *dateFields) fraction(s string) (rest string, ok bool) {
	end := 0
	for end < len(s) && end < 9 && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end == 0 {
		return s, false
	}
	f.nano = int(atoi((s[:end] + "000000000")[:9]))
	return s[end:], true
}

// zone reads Z, +hh, +hhmm or +hh:mm.
func (f *dateFields) zone(s string) (rest string, ok bool) {
	if strings.HasPrefix(s, "Z") || strings.HasPrefix(s, "z") {
		return s[1:], true
	}
	for _, name := range []string{"UTC", "GMT"} {
		if strings.HasPrefix(s, name) {
			return s[len(name):], true
		}
	}
	for _, layout := range []string{"-07:00", "-0700", "-07"} {
		if len(s) >= len(layout) {
			if t, err := time.Parse(layout, s[:len(layout)]); err == nil {
				_, f.offset = t.Zone()
				return s[len(layout):], true
			}
		}
	}
	return s, false
}

func (f *dateFields) half(s string) (rest string, ok bool) {
	if len(s) < 2 {
		return s, false
	}
	switch strings.ToUpper(s[:2]) {
	case "AM":
		f.pm = 0
	case "PM":
		f.pm = 1
	default:
		return s, false
	}
	return s[2:], true
}

func (f *dateFields) monthName(s string) (rest string, ok bool) {
	for m := time.January; m <= time.December; m++ {
		for _, name := range []string{m.String(), m.String()[:3]} {
			if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
				f.month = int(m)
				return s[len(name):], true
			}
		}
	}
	return s, false
}

func (f *dateFields) dayName(s string) (rest string, ok bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		for _, name := range []string{d.String(), d.String()[:3]} {
			if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
				f.weekday = (int(d)+6)%7 + 1
				return s[len(name):], true
			}
		}
	}
	return s, false
}

// time puts the parts together; what is not shown is the start of 1970 and midnight.
func (f *dateFields) time() (time.Time, bool) {
	hour := max(f.hour, 0)
	if f.hour12 >= 0 {
		hour = f.hour12 + 12*max(f.pm, 0)
	}
	clock := time.Duration(hour)*time.Hour + time.Duration(max(f.minute, 0))*time.Minute + time.Duration(max(f.second, 0))*time.Second + time.Duration(f.nano)
	if f.milliOfDay >= 0 {
		clock = time.Duration(f.milliOfDay) * time.Millisecond
	}
	day, ok := f.date()
	return day.Add(clock - time.Duration(f.offset)*time.Second), ok
}

func (f *dateFields) date() (time.Time, bool) {
	switch {
	case f.weekYear >= 0:
		// ISO week 1 holds January 4th.
		jan4 := time.Date(f.weekYear, 1, 4, 0, 0, 0, 0, time.UTC)
		monday := jan4.AddDate(0, 0, -(int(jan4.Weekday())+6)%7)
		week, weekday := max(f.week, 1), max(f.weekday, 1)
		return monday.AddDate(0, 0, (week-1)*7+weekday-1), true
	case f.dayOfYear > 0:
		return time.Date(max(f.year, 1), 1, f.dayOfYear, 0, 0, 0, 0, time.UTC), true
	case f.year < 0 && f.month < 0 && f.day < 0:
		return time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), true
	}
	year, month, day := f.year, max(f.month, 1), max(f.day, 1)
	if year < 0 {
		year = 1970
	}
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return t, t.Day() == day
}
