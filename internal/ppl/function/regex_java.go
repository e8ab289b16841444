package function

import (
	"errors"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// posixClasses are Java's \p{...} names for ASCII classes, as the inside of a bracket expression.
func posixClasses() map[string]string {
	return map[string]string{
		"Lower": "a-z", "Upper": "A-Z", "ASCII": `\x00-\x7F`, "Alpha": "a-zA-Z", "Digit": "0-9", "Alnum": "a-zA-Z0-9",
		"Punct": `!-/:-@\[-` + "`" + `{-~`, "Graph": "!-~", "Print": " -~", "Blank": ` \t`, "Cntrl": `\x00-\x1F\x7F`,
		"XDigit": "0-9a-fA-F", "Space": ` \t\n\x0B\f\r`,
		"IsAlphabetic": `\p{L}\p{Nl}`, "IsDigit": `\p{Nd}`, "IsLetter": `\p{L}`, "IsLowercase": `\p{Ll}`, "IsUppercase": `\p{Lu}`,
		"javaLowerCase": `\p{Ll}`, "javaUpperCase": `\p{Lu}`, "IsPunctuation": `\p{P}`, "IsWhite_Space": `\s\x{85}\p{Z}`,
	}
}

// translateJava rewrites what Java's regular expressions spell differently from both RE2 and .NET: POSIX classes \p{Alpha},
// \h, \e, \uXXXX and unions of bracket expressions [a[b-c]]. Everything else is left alone.
func translateJava(p string) (string, error) {
	var b strings.Builder
	depth := 0 // brackets open
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '\\':
			n, text := javaEscape(p[i:], depth > 0)
			b.WriteString(text)
			i += n - 1
		case depth > 0 && c == '[' && !strings.HasPrefix(p[i:], "[:"):
			if i+1 < len(p) && p[i+1] == '^' {
				return "", errors.New("a negated class inside a class is not supported")
			}
			depth++
		case depth > 0 && c == '[':
			end := strings.Index(p[i:], ":]")
			if end < 0 {
				b.WriteString(`\[`)
				continue
			}
			b.WriteString(p[i : i+end+2])
			i += end + 1
		case depth > 0 && c == '&' && strings.HasPrefix(p[i:], "&&"):
			return "", errors.New("an intersection of classes (&&) is not supported")
		case depth > 0 && c == ']':
			depth--
			if depth == 0 {
				b.WriteByte(c)
			}
		case c == '[':
			depth = 1
			b.WriteByte(c)
			if i+1 < len(p) && p[i+1] == '^' {
				i++
				b.WriteByte('^')
			}
			if i+1 < len(p) && p[i+1] == ']' { // a literal bracket in first place
				i++
				b.WriteString(`\]`)
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// javaEscape translates the escape that s begins with; n is how many bytes of s it took.
func javaEscape(s string, inClass bool) (n int, text string) {
	if len(s) < 2 {
		return 1, s
	}
	wrap := func(class string) string {
		if inClass {
			return class
		}
		return "[" + class + "]"
	}
	switch s[1] {
	case 'p', 'P':
		end := strings.IndexByte(s, '}')
		if len(s) > 3 && s[2] == '{' && end > 0 {
			class, ok := posixClasses()[s[3:end]]
			switch {
			case ok && s[1] == 'p':
				return end + 1, wrap(class)
			case ok && !inClass:
				return end + 1, "[^" + class + "]"
			case strings.HasPrefix(s[3:end], "Is") && len(s[3:end]) <= len("IsXx"):
				return end + 1, s[:3] + s[5:end] + "}"
			}
		}
	case 'h':
		return 2, wrap(` \t\x{A0}`)
	case 'R':
		if !inClass {
			return 2, `(?:\r\n|[\n\x0B\f\r\x{85}\x{2028}\x{2029}])`
		}
	case 'e':
		return 2, `\x1B`
	case 'u':
		if len(s) >= 6 {
			return 6, `\x{` + s[2:6] + `}`
		}
	case 'Q':
		end := strings.Index(s, `\E`)
		if end < 0 {
			return len(s), quoteMeta(s[2:])
		}
		return end + 2, quoteMeta(s[2:end])
	}
	return 2, s[:2]
}

// quoteMeta escapes every ASCII character with a meaning in patterns or classes.
func quoteMeta(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(`\.+*?()|[]{}^$-&#`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// pythonNames writes (?<name> as (?P<name>, which every RE2 knows.
func pythonNames(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] == '\\' && i+1 < len(p) {
			b.WriteString(p[i : i+2])
			i++
			continue
		}
		if strings.HasPrefix(p[i:], "(?<") && !strings.HasPrefix(p[i:], "(?<=") && !strings.HasPrefix(p[i:], "(?<!") {
			b.WriteString("(?P<")
			i += 2
			continue
		}
		b.WriteByte(p[i])
	}
	return b.String()
}

// onlyGroup rewrites a pattern so that group n alone captures, and returns its new number: DuckDB extracts groups 0 to 9
// only, and groups that nobody asks for cost time.
func onlyGroup(p string, n int) (pattern string, group int) {
	var b strings.Builder
	class, seen := false, 0
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '\\' && i+1 < len(p):
			b.WriteString(p[i : i+2])
			i++
			continue
		case class:
			class = c != ']'
		case c == '[':
			class = true
			b.WriteByte(c)
			for _, first := range []byte{'^', ']'} { // a bracket in first place is literal
				if i+1 < len(p) && p[i+1] == first {
					i++
					b.WriteByte(first)
				}
			}
			continue
		case c == '(' && (!strings.HasPrefix(p[i:], "(?") || strings.HasPrefix(p[i:], "(?P<")):
			seen++
			end := i
			if strings.HasPrefix(p[i:], "(?P<") {
				end = i + strings.IndexByte(p[i:], '>')
			}
			if seen == n {
				b.WriteByte('(')
			} else {
				b.WriteString("(?:")
			}
			i = end
			continue
		}
		b.WriteByte(c)
	}
	return b.String(), min(n, 1)
}
