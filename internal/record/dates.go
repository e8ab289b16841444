package record

// isoDate reads 2026-05-27 and a separator.
func (v *civil) isoDate(b []byte) int {
	if len(b) < 12 || b[7] != b[4] || digitRun(b[5:]) != 2 || digitRun(b[8:]) != 2 {
		return 0
	}
	v.year, v.month, v.day = num(b[:4]), num(b[5:7]), num(b[8:10])
	switch b[10] {
	case 'T', 't', ' ', '_', '-', ':':
		return 11
	}
	return 0
}

// slashDate reads 26/05/27 (Hadoop, Spark), 05/27/2026 or 27/05/2026 (whichever can be) and 27/May/2026:.
func (v *civil) slashDate(b []byte, run int) int {
	first, rest := num(b[:run]), b[run+1:]
	if m := monthName(rest); m > 0 && len(rest) > 9 && rest[3] == '/' && digitRun(rest[4:]) == 4 {
		v.year, v.month, v.day = num(rest[4:8]), m, first
		return run + 10
	}
	mid := digitRun(rest)
	if mid < 1 || mid > 2 || mid+1 >= len(rest) || rest[mid] != '/' {
		return 0
	}
	second, tail := num(rest[:mid]), rest[mid+1:]
	n := run + 1 + mid + 1
	switch digitRun(tail) {
	case 2:
		v.year, v.month, v.day = century(first), second, num(tail[:2])
		n += 2
	case 4:
		v.year, v.month, v.day = num(tail[:4]), first, second
		if first > 12 {
			v.month, v.day = second, first
		}
		n += 4
	default:
		return 0
	}
	for n < len(b) && (b[n] == ' ' || b[n] == ',' || b[n] == '-') {
		n++
	}
	return n
}

// dayFirst reads 27 May 2026 and 27-May-2026, and Android's and Proxifier's month and day alone (05-27, 05.27).
func (v *civil) dayFirst(b []byte, run int) int {
	sep, rest := b[run], b[run+1:]
	if m := monthName(rest); m > 0 && sep != '.' && len(rest) > 8 && rest[3] == sep && digitRun(rest[4:]) == 4 {
		v.year, v.month, v.day = num(rest[4:8]), m, num(b[:run])
		n := run + 9
		for n < len(b) && (b[n] == ' ' || b[n] == ':' || b[n] == ',' || b[n] == 'T') {
			n++
		}
		return n
	}
	if sep != ' ' && run == 2 && len(rest) > 8 && digitRun(rest) == 2 && rest[2] == sep && digitRun(rest[3:]) == 4 && rest[7] == ' ' { // 27.05.2026
		v.year, v.month, v.day = num(rest[3:7]), num(rest[:2]), num(b[:2])
		if v.month > 12 {
			v.month, v.day = v.day, v.month
		}
		return run + 9
	}
	if sep != ' ' && run == 2 && digitRun(rest) == 2 && len(rest) > 2 && rest[2] == ' ' {
		v.year, v.month, v.day = -1, num(b[:2]), num(rest[:2])
		return run + 4
	}
	return 0
}

// scanNames reads what begins with a weekday or a month.
func (c clock) scanNames(b []byte) (stampAt, bool) {
	n := 0
	if weekday(b) {
		n = 3
		if b[n] == ',' {
			n++
		}
		if n >= len(b) || b[n] != ' ' {
			return stampAt{}, false
		}
		n++
		if run := digitRun(b[n:]); run > 0 {
			s, ok := c.scanDigits(b[n:])
			s.n += n
			return s, ok && run <= 2
		}
	}
	m := monthName(b[n:])
	if m == 0 {
		return stampAt{}, false
	}
	v := civil{month: m, year: -1}
	n += 3
	for n < len(b) && b[n] == ' ' {
		n++
	}
	run := digitRun(b[n:])
	if run < 1 || run > 2 || n+run >= len(b) {
		return stampAt{}, false
	}
	v.day = num(b[n : n+run])
	n += run
	n += v.yearAfterDay(b[n:])
	return c.nameTime(b, n, &v)
}

// yearAfterDay reads ", 2026" or " 2026 " between day and time.
func (v *civil) yearAfterDay(b []byte) int {
	n := 0
	if n < len(b) && b[n] == ',' {
		n++
	}
	if n < len(b) && b[n] == ' ' {
		n++
	}
	if digitRun(b[n:]) == 4 && len(b) > n+5 && (b[n+4] == ' ' || b[n+4] == ',') {
		v.year = num(b[n : n+4])
		return n + 4 + 1
	}
	return 0
}

// nameTime reads the time of day after a month's name, and the year if it stands behind (Apache, ctime).
func (c clock) nameTime(b []byte, n int, v *civil) (stampAt, bool) {
	for n < len(b) && b[n] == ' ' {
		n++
	}
	k := v.time(b[n:])
	if k == 0 {
		return stampAt{}, false
	}
	n += k
	if v.year >= 0 {
		n += v.readZone(b[n:])
	} else if rest := b[n:]; len(rest) >= 5 && rest[0] == ' ' {
		skip := 1
		if z := v.readZone(rest); z > 0 && z+5 <= len(rest) { // Wed May 27 17:40:02 UTC 2026
			skip = z + 1
		}
		if len(rest) >= skip+4 && digitRun(rest[skip:]) == 4 && (rest[skip] == '1' || rest[skip] == '2') {
			v.year = num(rest[skip : skip+4])
			n += skip + 4
		}
	}
	t, ok := c.resolve(v)
	return stampAt{t, n}, ok
}

// time reads 17:40:02 with an optional fraction and AM or PM, or 174002.
func (v *civil) time(b []byte) int {
	h := digitRun(b)
	if h == 6 {
		v.hour, v.minute, v.second = num(b[:2]), num(b[2:4]), num(b[4:6])
		return 6 + v.fraction(b[6:])
	}
	if h < 1 || h > 2 || len(b) < h+6 {
		return 0
	}
	m, s := b[h+1:h+3], b[h+4:h+6]
	if sep := b[h]; sep != ':' && sep != '.' || b[h+3] != sep || digitRun(m) != 2 || digitRun(s) != 2 {
		return 0
	}
	v.hour, v.minute, v.second = num(b[:h]), num(m), num(s)
	n := h + 6
	if n < len(b) && b[n] >= '0' && b[n] <= '9' {
		return 0
	}
	n += v.fraction(b[n:])
	if len(b) >= n+3 && b[n] == ' ' && b[n+2]|0x20 == 'm' && (b[n+1]|0x20 == 'a' || b[n+1]|0x20 == 'p') && v.hour <= 12 {
		v.hour %= 12
		if b[n+1]|0x20 == 'p' {
			v.hour += 12
		}
		n += 3
	}
	return n
}

// fraction reads .550266, ,550 or :550.
func (v *civil) fraction(b []byte) int {
	if len(b) < 2 || b[0] != '.' && b[0] != ',' && b[0] != ':' {
		return 0
	}
	run := digitRun(b[1:])
	if run == 0 || run > 9 || b[0] == ':' && run != 3 {
		return 0
	}
	n := num(b[1 : 1+run])
	for range 9 - run {
		n *= 10
	}
	v.nano = n
	return 1 + run
}

// readZone reads Z, +02:00, +0200, +02, the same after a blank, or a zone's name, and says how long it was.
func (v *civil) readZone(b []byte) int {
	n := 0
	if len(b) > 1 && b[0] == ' ' {
		n = 1
	}
	if n >= len(b) {
		return 0
	}
	switch c := b[n]; {
	case (c == 'Z' || c == 'z') && (n+1 == len(b) || !isWord(b[n+1])) && n == 0:
		v.zoned = true
		return 1
	case c == '+' || c == '-':
		k := v.offset(b[n:], n == 1)
		if k == 0 {
			return 0
		}
		return n + k
	case n == 1 && c >= 'A' && c <= 'Z':
		end := n
		for end < len(b) && b[end] >= 'A' && b[end] <= 'Z' {
			end++
		}
		if hours, ok := zoneHours(b[n:end]); ok && (end == len(b) || !isWord(b[end])) {
			v.zone, v.zoned = hours*3600, true
			return end
		}
	}
	return 0
}

// zoneHours knows the zone names common in logs.
func zoneHours(name []byte) (int, bool) {
	switch string(name) {
	case "UTC", "GMT":
		return 0, true
	case "CET":
		return 1, true
	case "CEST":
		return 2, true
	case "EDT":
		return -4, true
	case "EST", "CDT":
		return -5, true
	case "CST", "MDT":
		return -6, true
	case "MST", "PDT":
		return -7, true
	case "PST":
		return -8, true
	}
	return 0, false
}

// offset reads +02:00, +0200 or (not after a blank, where it may be a number) +02, and a region in brackets behind it.
func (v *civil) offset(b []byte, blank bool) int {
	run := digitRun(b[1:])
	var minutes, n int
	switch {
	case run == 4:
		minutes, n = num(b[1:3])*60+num(b[3:5]), 5
	case run == 2 && len(b) >= 6 && b[3] == ':' && digitRun(b[4:]) == 2:
		minutes, n = num(b[1:3])*60+num(b[4:6]), 6
	case run == 2 && !blank:
		minutes, n = num(b[1:3])*60, 3
	default:
		return 0
	}
	if minutes > 18*60 {
		return 0
	}
	if b[0] == '-' {
		minutes = -minutes
	}
	v.zone, v.zoned = minutes*60, true
	return n
}

// days counts the days from 1970-01-01 (Hinnant's days_from_civil).
func days(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + d - 1
	return int64(era*146097+yoe*365+yoe/4-yoe/100+doy) - 719468
}

func daysIn(month, year int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

func century(yy int) int {
	if yy >= 70 {
		return 1900 + yy
	}
	return 2000 + yy
}

// monthName returns 1..12 for an English month of three letters at the head of b, else 0.
func monthName(b []byte) int {
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	if len(b) < 4 || isLetter(b[3]) {
		return 0
	}
	for m := range 12 {
		if name := names[m*3 : m*3+3]; b[0]|0x20 == name[0] && b[1]|0x20 == name[1] && b[2]|0x20 == name[2] {
			return m + 1
		}
	}
	return 0
}

func weekday(b []byte) bool {
	if len(b) < 5 || b[3] != ' ' && b[3] != ',' {
		return false
	}
	switch string(b[:3]) {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return false
}
