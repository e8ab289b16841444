package template

// typed recognises the values that hold digits and other characters: addresses, times, numbers with signs and units, hexadecimal.
func typed(s string, bits uint8) (Kind, bool) {
	switch {
	case bits&cSlash != 0 || s[0] == '\\' || len(s) > 2 && s[1] == ':' && s[2] == '\\':
		return slashed(s, bits)
	case bits&cOther != 0:
		if isEmail(s) {
			return Email, true
		}
		return signed(s, bits)
	case bits&cColon != 0:
		return coloned(s, bits)
	case bits&cLetter == 0:
		return numeric(s, bits)
	case s[0] == '0' && len(s) > 2 && (s[1] == 'x' || s[1] == 'X') && allHex(s[2:]):
		return Hex, true
	case bits&^(cDigit|cHex) == 0:
		return bareHex(s)
	}
	return lettered(s, bits)
}

// slashed tells addresses, dates, URLs and paths apart; name/1.2 is an id.
func slashed(s string, bits uint8) (Kind, bool) {
	if isURL(s) {
		return URL, true
	}
	if s[0] == '/' && len(s) > 7 && isIPv4(s[1:]) {
		return IP, true
	}
	if isIPv4(s) { // 10.0.0.0/16
		return IP, true
	}
	if bits&cLetter == 0 && s[0] >= '0' && s[0] <= '9' { // 2016/9/27:20:40:53.744
		return Time, true
	}
	if classes[s[0]] == cDigit && bits&cColon != 0 && monthDate(s) { // 27/May/2026:18:20:00
		return Time, true
	}
	if isPath(s, bits) || s[0] == '\\' {
		return Path, true
	}
	if k := indexByte(s, '/'); k > 0 && isIPv4(s[k+1:]) { // host/10.0.0.1:9000
		return Host, true
	}
	return ID, true
}

// monthDate accepts dd/Mon/yyyy...
func monthDate(s string) bool {
	return len(s) > 7 && s[2] == '/' && s[6] == '/' && classes[s[3]]&cLetter != 0
}

// signed reads tokens with a character such as % # + ~ * $ in them.
func signed(s string, bits uint8) (Kind, bool) {
	t := s
	if t[0] == '+' || t[0] == '~' || t[0] == '$' || t[0] == '#' {
		t = t[1:]
	}
	if len(t) > 1 && t[len(t)-1] == '%' {
		t = t[:len(t)-1]
	}
	if t != s && t != "" {
		b := classBits(t)
		if b&^cDigit == 0 {
			return Num, true
		}
		if b&(cOther|cSlash|cColon) == 0 {
			if k, ok := typed(t, b); ok && (k == Num || k == Dur || k == Size || k == Time) {
				return k, true
			}
		}
	}
	if bits&cColon != 0 {
		if t[0] == 'T' || classes[t[0]] == cDigit && looksLikeTime(t) {
			return Time, true
		}
		return ID, false
	}
	return ID, true
}

// coloned reads tokens with a colon: addresses with ports, times of day, MAC and IPv6 addresses.
func coloned(s string, bits uint8) (Kind, bool) {
	if isIPv4(s) {
		return IP, true
	}
	colons := 0
	for i := range len(s) {
		if s[i] == ':' {
			colons++
		}
	}
	if looksLikeTime(s) {
		return Time, true
	}
	if bits&^(cDigit|cHex|cColon) == 0 && colons >= 2 {
		if colons >= 5 && len(s) == 3*(colons+1)-1 {
			return Hex, true // hardware address
		}
		return IP, true
	}
	if bits&cDot != 0 && colons == 1 {
		k := indexByte(s, ':')
		if isHost(s[:k]) && classBits(s[k+1:]) == cDigit {
			return Host, true
		}
	}
	return ID, false
}

// looksLikeTime accepts what starts with a date or a time of day: digits and separators, a T between, a zone at the end.
func looksLikeTime(s string) bool {
	groups, letters := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if i == 0 || classes[s[i-1]] != cDigit {
				groups++
			}
		case c == ':' || c == '-' || c == '.' || c == '/' || c == '+' || c == ',':
		case c == 'T' || c == 'Z':
			if letters++; letters > 2 {
				return false
			}
		default:
			return false
		}
	}
	k := indexByte(s, ':')
	return groups >= 2 && groups <= 9 && k > 0 && s[0] >= '0' && s[0] <= '9' && (k <= 2 || s[k-1] <= '9' && k > 9)
}

// numeric reads digits with dots, dashes and underscores only.
func numeric(s string, bits uint8) (Kind, bool) {
	if bits == cDigit|cDot {
		dots := 0
		for i := range len(s) {
			if s[i] == '.' {
				dots++
			}
		}
		switch {
		case dots == 1:
			return Num, true
		case dots == 3 && isIPv4(s):
			return IP, true
		}
		return ID, true // a version
	}
	if s[0] == '-' && len(s) > 1 {
		if b := classBits(s[1:]); b&cJoin == 0 {
			return numeric(s[1:], b|cDigit)
		}
	}
	if bits == cDigit {
		return Num, true
	}
	if len(s) >= 8 && s[4] == '-' && s[0] >= '1' && s[0] <= '2' { // 2005-06-03[-15.42.50]
		return Time, true
	}
	if len(s) == 36 && s[8] == '-' && s[13] == '-' {
		return UUID, true
	}
	return ID, true
}

// bareHex tells hexadecimal digits from short mixed ids and from numbers with a one-letter unit.
func bareHex(s string) (Kind, bool) {
	if last := s[len(s)-1]; (last == 'B' || last == 'b' || last == 'd') && classBits(s[:len(s)-1]) == cDigit {
		if last == 'd' {
			return Dur, true
		}
		return Size, true
	}
	if len(s) >= 6 {
		return Hex, true
	}
	return ID, true
}

// lettered reads tokens with digits and letters: UUIDs, numbers with units, timestamps; all else is an id.
func lettered(s string, bits uint8) (Kind, bool) {
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' && bits&^(cDigit|cHex|cJoin) == 0 {
		return UUID, true
	}
	if classes[s[0]] == cDigit || s[0] == '-' && classes[s[1]] == cDigit || s[0] == '.' {
		return quantity(s)
	}
	return ID, true
}

// quantity reads a number with its unit, 12ms 4.5MB 1h5m 1.5e-3, or an id that begins with digits.
func quantity(s string) (Kind, bool) {
	kind, i := ID, 0
	if s[0] == '-' {
		i = 1
	}
	for parts := 0; i < len(s); parts++ {
		from := i
		for i < len(s) && (classes[s[i]] == cDigit || s[i] == '.') {
			i++
		}
		unitFrom := i
		for i < len(s) && classes[s[i]]&cLetter != 0 {
			i++
		}
		k := unitKind(s[unitFrom:i])
		if s[unitFrom:i] == "e" || s[unitFrom:i] == "E" {
			return exponent(s[i:])
		}
		if from == unitFrom || k == Word || parts > 0 && k != kind {
			return ID, true
		}
		kind = k
	}
	return kind, true
}

func exponent(s string) (Kind, bool) {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	if s != "" && classBits(s) == cDigit {
		return Num, true
	}
	return ID, true
}

// unitKind returns Dur or Size for a unit of time or of bytes, long or short, Num for other units of measure, Word for none.
func unitKind(u string) Kind {
	switch u {
	case "ns", "us", "µs", "ms", "s", "m", "h", "d", "w", "sec", "secs", "second", "seconds", "min", "mins", "minute", "minutes", "hr", "hrs", "hour", "hours",
		"day", "days", "week", "weeks", "msec", "msecs", "usec", "millis", "milliseconds", "millisecond", "microseconds", "nanoseconds", "MILLISECONDS", "SECONDS", "MINUTES":
		return Dur
	case "B", "b", "KB", "kB", "kb", "MB", "mb", "GB", "gb", "TB", "PB", "KiB", "MiB", "GiB", "TiB", "K", "k", "M", "G", "Ki", "Mi", "Gi",
		"byte", "bytes", "Bytes", "kbytes", "Kbytes", "kilobytes", "megabytes", "gigabytes":
		return Size
	case "Hz", "kHz", "KHz", "MHz", "GHz", "Mbps", "Gbps", "kbps", "mV", "V", "W", "A", "C", "F", "px", "dBm", "rpm", "x", "qps", "rps":
		return Num
	}
	return Word
}

func allHex(s string) bool { return s != "" && classBits(s)&^(cDigit|cHex) == 0 }

// isIPv4 accepts a.b.c.d with an optional :port or /bits.
func isIPv4(s string) bool {
	part, digits, parts := 0, 0, 1
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if part = part*10 + int(c-'0'); part > 255 {
				return false
			}
			digits++
		case c == '.':
			if digits == 0 || parts == 4 {
				return false
			}
			part, digits = 0, 0
			parts++
		case (c == ':' || c == '/') && parts == 4 && digits > 0:
			return i+1 < len(s) && classBits(s[i+1:]) == cDigit
		default:
			return false
		}
	}
	return parts == 4 && digits > 0
}
