package brain

import (
	"strconv"
	"strings"
)

// Number returns the pattern with its variables numbered: <token1>, <token2>, ...
func Number(pattern string) string {
	var b strings.Builder
	n := 0
	for _, p := range parse(pattern) {
		if p.variable {
			n++
			b.WriteString("<token" + strconv.Itoa(n) + ">")
			continue
		}
		b.WriteString(p.text)
	}
	return b.String()
}

// Values returns what each variable of the pattern stands for in the messages: values[i] are those of <token i+1>. A message
// is read as far as it fits the pattern.
func Values(pattern string, messages []string) [][]string {
	parts := parse(pattern)
	n := 0
	for _, p := range parts {
		if p.variable {
			n++
		}
	}
	values := make([][]string, n)
	for _, m := range messages {
		read(parts, m, values)
	}
	return values
}

type part struct {
	text     string
	variable bool
}

// parse splits a pattern at its variables, <*> or with a name such as <*IP*>.
func parse(pattern string) []part {
	var parts []part
	for pattern != "" {
		i := strings.Index(pattern, "<*")
		j := -1
		if i >= 0 {
			j = strings.IndexByte(pattern[i:], '>')
		}
		if j < 0 {
			return append(parts, part{pattern, false})
		}
		if i > 0 {
			parts = append(parts, part{pattern[:i], false})
		}
		parts = append(parts, part{pattern[i : i+j+1], true})
		pattern = pattern[i+j+1:]
	}
	return parts
}

func read(parts []part, m string, values [][]string) {
	n := 0
	for i, p := range parts {
		if !p.variable {
			rest, ok := strings.CutPrefix(m, p.text)
			if !ok {
				return
			}
			m = rest
			continue
		}
		end := len(m)
		if i+1 < len(parts) && !parts[i+1].variable {
			if end = strings.Index(m, parts[i+1].text); end < 0 {
				return
			}
		} else if i+1 < len(parts) {
			end = 0 // two variables side by side: the first takes nothing
		}
		values[n] = append(values[n], m[:end])
		n++
		m = m[end:]
	}
}
