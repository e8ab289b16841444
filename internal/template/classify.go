package template

// chunk reads the run of token characters at i, splits off the marks at its end, and emits a word or a mask.
// It returns the index behind what it read.
func (sc *scanner) chunk(i int, space bool) int {
	s := sc.line
	var bits uint8
	h, j := uint64(hashSeed), i
	for j < len(s) {
		c := classes[s[j]]
		if c == 0 {
			if s[j] != '\'' || j+1 >= len(s) || classes[s[j+1]]&cLetter == 0 || j == i || classes[s[j-1]]&cLetter == 0 {
				break
			}
			c = cAlpha // can't
		}
		bits |= c
		h = (h ^ uint64(s[j])) * hashPrime
		j++
	}
	if j+1 < len(s) && s[j] == ',' && classes[s[j+1]] != 0 {
		if e := sc.gluedList(j); e > 0 {
			sc.emit(i, e, gluedKind(s[i:e]), space)
			return e
		}
	}
	end := j
	if bits&(cDot|cColon|cOther) != 0 {
		for end > i+1 && (s[end-1] == '.' || s[end-1] == ':' || s[end-1] == '!' || s[end-1] == '?' || s[end-1] == ',') {
			end--
		}
		if end == i+1 && classes[s[i]]&(cLetter|cDigit) == 0 { // ... or ::
			return sc.punct(i, space)
		}
	}
	if end < j {
		sc.classify(i, end, classBits(s[i:end]), hashText(s[i:end]), space)
		sc.punct(end, false)
		return max(int(sc.prev().end), end+1)
	}
	if bits&^(cHex|cAlpha|cJoin) == 0 && end-i < 8 && bits&cLetter != 0 { // the common case: a plain short word
		sc.plain(i, end, h, space)
		return end
	}
	sc.classify(i, end, bits, h, space)
	return end
}

// gluedList returns the end of a list without blanks, a,b,c, whose first comma is at j; 0 when its items are no plain tokens.
func (sc *scanner) gluedList(j int) int {
	s := sc.line
	for j < len(s) && (classes[s[j]] != 0 || s[j] == ',') {
		if classes[s[j]] == cColon && j+1 < len(s) && classes[s[j+1]]&^cDigit != 0 {
			return 0
		}
		j++
	}
	if j < len(s) && (s[j] == '=' || s[j] == '(' || s[j] == '[' || s[j] == '{') {
		return 0
	}
	for s[j-1] == ',' || s[j-1] == '.' || s[j-1] == ':' {
		j--
	}
	return j
}

// gluedKind tells 1,024 from a list of names.
func gluedKind(s string) Kind {
	for i := range len(s) {
		if c := classes[s[i]]; c != cDigit && c != cDot && s[i] != ',' {
			return ID
		}
	}
	return Num
}

func classBits(s string) (bits uint8) {
	for i := range len(s) {
		bits |= classes[s[i]]
	}
	return bits
}

func hashText(s string) uint64 {
	h := uint64(hashSeed)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * hashPrime
	}
	return h
}

// plain emits a word without digits and special characters, or the mask of a word that stands for a value.
func (sc *scanner) plain(i, end int, h uint64, space bool) {
	if boolWord(sc.line[i:end]) {
		sc.emit(i, end, Bool, space)
		return
	}
	sc.emitText(i, end, Word, h, space)
}

func boolWord(w string) bool {
	switch w {
	case "true", "false", "True", "False", "TRUE", "FALSE", "null", "NULL", "None", "nil", "(null)", "undefined", "NaN", "N/A", "n/a":
		return true
	}
	return false
}

// classify decides what line[i:end] is from the classes of its characters (bits) and their order.
func (sc *scanner) classify(i, end int, bits uint8, h uint64, space bool) {
	s := sc.line[i:end]
	switch {
	case bits&cDigit == 0:
		sc.noDigits(i, end, bits, h, space)
		return
	case bits&^cDigit == 0:
		sc.emit(i, end, Num, space)
		return
	}
	if bits&cColon != 0 && bits&cSlash != 0 && placed(s) && sc.splitColon(i, end, space) {
		return
	}
	if k, ok := typed(s, bits); ok {
		sc.emit(i, end, k, space)
		return
	}
	if bits&cColon != 0 {
		if sc.splitColon(i, end, space) {
			return
		}
	}
	sc.emit(i, end, ID, space)
}

// splitColon emits name:rest as a word, the colon and the rest. It refuses when no name stands before a colon.
func (sc *scanner) splitColon(i, end int, space bool) bool {
	s := sc.line
	for k := i; k < end; k++ {
		if s[k] != ':' {
			continue
		}
		if k == i || k+1 >= end {
			return false
		}
		left := classBits(s[i:k])
		if left&(cDot|cJoin) != 0 && left&(cOther|cSlash) == 0 && lower(s[i:k]) && classBits(s[k+1:end]) == cDigit { // node-17:8080
			sc.emit(i, end, Host, space)
			return true
		}
		sc.classify(i, k, left, hashText(s[i:k]), space)
		sc.emitText(k, k+1, Punct, markHash(':'), false)
		sc.classify(k+1, end, classBits(s[k+1:end]), hashText(s[k+1:end]), false)
		return true
	}
	return false
}

// lower reports whether s has neither capitals nor underscores: hosts have none, classes, functions and fields do.
func lower(s string) bool {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' || s[i] == '_' {
			return false
		}
	}
	return true
}

// placed reports whether s is name:/path: a path on a host, or the value of a key.
func placed(s string) bool {
	k := indexByte(s, ':')
	return k > 1 && k+2 < len(s) && s[k+1] == '/' && s[k+2] != '/' && indexByte(s[:k], '/') < 0
}

// noDigits classifies a token without digits.
func (sc *scanner) noDigits(i, end int, bits uint8, h uint64, space bool) {
	s := sc.line[i:end]
	if bits&^(cHex|cAlpha|cJoin) == 0 {
		switch {
		case bits == cHex && len(s) >= 8:
			sc.emit(i, end, Hex, space)
		case bits&cLetter == 0 && len(s) > 1:
			sc.emitText(i, end, Punct, markHash(s[0]), space) // ---- of any length
		default:
			sc.plain(i, end, h, space)
		}
		return
	}
	switch {
	case boolWord(s):
		sc.emit(i, end, Bool, space)
	case s == "/" && sc.afterMethod():
		sc.emit(i, end, Path, space)
	case bits&cLetter == 0 && sameBytes(s):
		sc.emitText(i, end, Punct, markHash(s[0]), space)
	case isURL(s):
		sc.emit(i, end, URL, space)
	case bits&cOther != 0 && isEmail(s):
		sc.emit(i, end, Email, space)
	case bits&cColon != 0 && bits&cSlash != 0 && placed(s) && sc.splitColon(i, end, space):
	case isPath(s, bits):
		sc.emit(i, end, Path, space)
	case bits&cColon != 0 && bits&cLetter != 0 && sc.splitColon(i, end, space):
	case bits&^(cHex|cAlpha|cJoin|cDot) == 0 && isHost(s):
		sc.emit(i, end, Host, space)
	default:
		sc.emitText(i, end, Word, h, space)
	}
}

// afterMethod reports whether the last token is a method of HTTP.
func (sc *scanner) afterMethod() bool {
	p := sc.prev()
	if p == nil || p.kind != Word {
		return false
	}
	switch sc.text(p) {
	case "GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS":
		return true
	}
	return false
}

func sameBytes(s string) bool {
	for i := 1; i < len(s); i++ {
		if s[i] != s[0] {
			return false
		}
	}
	return true
}

func isURL(s string) bool {
	for i := 1; i+2 < len(s); i++ {
		if s[i] == ':' {
			return s[i+1] == '/' && s[i+2] == '/'
		}
		if classes[s[i]]&cLetter == 0 && s[i] != '+' {
			return false
		}
	}
	return false
}

func isEmail(s string) bool {
	at := -1
	for i := range len(s) {
		if s[i] == '@' {
			if at >= 0 || i == 0 {
				return false
			}
			at = i
		}
	}
	if at < 0 {
		return false
	}
	for i := at + 2; i+1 < len(s); i++ {
		if s[i] == '.' {
			return true
		}
	}
	return false
}

// isPath accepts /x, ~/x, ./x, C:\x, \\x, and anything with two separators.
func isPath(s string, bits uint8) bool {
	if len(s) < 2 {
		return false
	}
	if s[0] == '/' || s[0] == '~' && s[1] == '/' || s[0] == '.' && (s[1] == '/' || s[1] == '.' && len(s) > 2 && s[2] == '/') {
		return s[0] != '/' || bits&(cLetter|cDigit) != 0
	}
	if len(s) > 2 && s[1] == ':' && s[2] == '\\' || s[0] == '\\' && s[1] == '\\' {
		return true
	}
	n, back := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '/':
			n++
		case '\\':
			back++
		}
	}
	return n >= 2 || back >= 2
}

// isHost accepts dotted names in lower case that end like a domain or a file: two labels with a known end, or three labels
// whose last has at most six letters. Class and logger names keep their text: they tell events apart.
func isHost(s string) bool {
	labels, start := 1, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			if i == start {
				return false
			}
			labels++
			start = i + 1
		case c >= 'A' && c <= 'Z' || c == '_':
			return false
		}
	}
	last := s[start:]
	if labels < 2 || last == "" {
		return false
	}
	switch last {
	case "com", "net", "org", "edu", "gov", "io", "local", "internal", "lan", "example", "test", "cn", "hk", "de", "uk", "fr", "jp", "us", "eu",
		"exe", "dll", "so", "jar", "py", "txt", "log", "conf", "cfg", "xml", "json", "yaml", "yml", "sh", "gz", "zip", "tar", "service", "socket", "db", "sql", "csv", "html", "php", "js":
		return true
	}
	first := s[:indexByte(s, '.')]
	return labels >= 3 && len(last) <= 6 && first != "org" && first != "com" && first != "java" && first != "javax" && first != "net" && first != "io"
}

func indexByte(s string, c byte) int {
	for i := range len(s) {
		if s[i] == c {
			return i
		}
	}
	return -1
}
