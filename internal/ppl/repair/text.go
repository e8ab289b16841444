package repair

import (
	"strings"
)

// mask is the text with what stands in quotes (not backticks) replaced by as many bytes 1: patterns see structure only.
func mask(text string) string {
	b := []byte(text)
	for i := 0; i < len(b); i++ {
		q := b[i]
		if q == '`' {
			if end := strings.IndexByte(text[i+1:], '`'); end >= 0 {
				i += end + 1
			}
			continue
		}
		if q != '\'' && q != '"' {
			continue
		}
		end := i + 1
		for end < len(b) && b[end] != q {
			if b[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(b) {
			return string(b) // not closed: left as it is
		}
		for j := i + 1; j < end; j++ {
			b[j] = 1
		}
		i = end
	}
	return string(b)
}

// quoted is a quoted text in a masked pattern.
const quoted = `(?:'\x01*'|"\x01*")`

// name is a field name in a pattern: words with dots, or backticks.
const name = "(?:`[^`]+`|@?[A-Za-z_][\\w.@]*)"

// rewrite is a pattern over masked text and what takes the place of a match; groups are of the text itself.
type rewrite struct {
	change string
	re     *pattern
	put    func(m []string) string
}

// apply rewrites all matches. put may answer the whole match to leave it alone.
func (r rewrite) apply(text string) string {
	masked := mask(text)
	var b strings.Builder
	last := 0
	for _, at := range r.re.FindAllStringSubmatchIndex(masked, -1) {
		m := make([]string, len(at)/2)
		for i := range m {
			if at[2*i] >= 0 {
				m[i] = text[at[2*i]:at[2*i+1]]
			}
		}
		b.WriteString(text[last:at[0]])
		b.WriteString(r.put(m))
		last = at[1]
	}
	b.WriteString(text[last:])
	return b.String()
}

// all makes a candidate of each rewriting that changes the text.
func all(text string, rs []rewrite) []candidate {
	var out []candidate
	for _, r := range rs {
		if q := r.apply(text); q != text {
			out = append(out, candidate{query: q, change: r.change})
		}
	}
	return out
}

// stages cuts a text at its bars, outside quotes and brackets.
func stages(text string) []string {
	masked := mask(text)
	var out []string
	depth, last := 0, 0
	for i := range len(masked) {
		switch masked[i] {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case '|':
			if depth <= 0 {
				out = append(out, text[last:i])
				last = i + 1
			}
		}
	}
	return append(out, text[last:])
}

// unquote takes the quotes off a text.
func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '\'' || s[0] == '"') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// quote puts a text into single quotes.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
