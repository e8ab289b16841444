package brain

import (
	"regexp"
	"strings"
)

// masks are the variables that have a shape; the expressions are constants, compiled once.
var (
	ipPattern       = regexp.MustCompile(`/?(?:[0-9]+\.){3}[0-9]+(?::[0-9]+)?:?`)
	datetimePattern = regexp.MustCompile(`\d{4}-\d{2}-\d{2}[T ]?\d{2}:\d{2}:\d{2}(?:\.\d{3})?(?:Z|[+-]\d{2}:?\d{2})?`)
	uuidPattern     = regexp.MustCompile(`\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b`)
)

// mask replaces addresses, times, UUIDs and the numbers that are plainly variables. The cheap tests before each expression
// spare most messages the expression.
func mask(s string) string {
	if strings.Count(s, ".") >= 3 {
		s = ipPattern.ReplaceAllLiteralString(s, "<*IP*>")
	}
	dashes := strings.Count(s, "-")
	if dashes >= 2 && strings.Count(s, ":") >= 2 {
		s = datetimePattern.ReplaceAllLiteralString(s, "<*DATETIME*>")
	}
	if dashes >= 4 {
		s = uuidPattern.ReplaceAllLiteralString(s, "<*UUID*>")
	}
	return numbers(words(s))
}

// words replaces hexadecimal numbers with 0x, words that end in digits, numbers of four digits and more, and fractions
// without a whole part.
func words(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if n := variable(s[i:]); n > 0 {
			b.WriteString(Wildcard)
			i += n
			continue
		}
		n := 1
		for letter(s[i]) && i+n < len(s) && letter(s[i+n]) { // a word without digits stays whole
			n++
		}
		b.WriteString(s[i : i+n])
		i += n
	}
	return b.String()
}

// variable returns how many bytes at the beginning of s are a variable.
func variable(s string) int {
	switch {
	case len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' && hex(s[2]):
		return 2 + span(s[2:], hex)
	case letter(s[0]):
		n := span(s, letter)
		if d := span(s[n:], digit); d > 0 {
			return n + d
		}
		return 0
	case s[0] == '.':
		if d := span(s[1:], digit); d > 0 {
			return 1 + d
		}
		return 0
	}
	sign := 0
	if s[0] == '+' || s[0] == '-' {
		sign = 1
	}
	const long = 4
	d := span(s[sign:], digit)
	if d < long {
		return 0
	}
	n := sign + d
	if n < len(s) && s[n] == '.' {
		n += 1 + span(s[n+1:], digit)
	}
	return n
}

// numbers replaces a number between two marks, such as the 7 in [7] and the 15 in :15:.
func numbers(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		n := bounded(s, i)
		if n > 0 {
			b.WriteString(Wildcard)
			i += n
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}

// bounded returns the length of a number at i that has a mark, no blank, before it and anything but a letter or digit behind.
func bounded(s string, i int) int {
	if i == 0 || alnum(s[i-1]) || s[i-1] == ' ' {
		return 0
	}
	n := 0
	for _, sign := range []byte{'-', '+'} {
		if i+n < len(s) && s[i+n] == sign {
			n++
		}
	}
	d := span(s[i+n:], digit)
	if end := i + n + d; d == 0 || end >= len(s) || alnum(s[end]) {
		return 0
	}
	return n + d
}

func span(s string, is func(byte) bool) int {
	n := 0
	for n < len(s) && is(s[n]) {
		n++
	}
	return n
}

func digit(c byte) bool  { return c >= '0' && c <= '9' }
func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func alnum(c byte) bool  { return digit(c) || letter(c) }
func hex(c byte) bool    { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
