package syntax

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is what is wrong with a query and where.
type Error struct {
	Msg  string // a sentence fragment, or upstream's own sentence where scripts match it
	Span Span
	Hint string // the next step, a full sentence; may be empty
	// Query is the text the span belongs to; package ppl fills it in.
	Query string
}

// Errorf returns an Error at the span.
func Errorf(at Span, format string, args ...any) *Error {
	return &Error{Msg: fmt.Sprintf(format, args...), Span: at}
}

// WithHint sets the hint and returns e.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Error returns the message and, when the query is known, its line with the span underlined.
func (e *Error) Error() string {
	if e.Query == "" {
		return e.Msg
	}
	line, col, text, mark := e.excerpt()
	return fmt.Sprintf("%s (line %d, column %d)\n  %s\n  %s", e.Msg, line, col, text, mark)
}

// excerptWidth bounds the characters of the line that an error shows: a machine-made query can be one line of a megabyte.
const excerptWidth = 120

// excerpt cuts the first line of the span out of the query and draws the underline.
func (e *Error) excerpt() (line, col int, text, mark string) {
	start := min(max(e.Span.Start, 0), len(e.Query))
	end := min(max(e.Span.End, start), len(e.Query))
	lineStart := strings.LastIndexByte(e.Query[:start], '\n') + 1
	lineEnd := len(e.Query)
	if n := strings.IndexByte(e.Query[start:], '\n'); n >= 0 {
		lineEnd = start + n
	}
	end = max(min(end, lineEnd), start)
	line = strings.Count(e.Query[:lineStart], "\n") + 1
	col = utf8.RuneCountInString(e.Query[lineStart:start]) + 1
	before, at, after := e.Query[lineStart:start], e.Query[start:end], e.Query[end:lineEnd]
	before = tail(before, excerptWidth/3)
	at = head(at, excerptWidth/3)
	after = head(after, excerptWidth/3)
	blank := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, before)
	text = strings.TrimRight(before+at+after, "\r")
	return line, col, text, blank + strings.Repeat("^", max(utf8.RuneCountInString(at), 1))
}

func head(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s[:min(len(s), n*utf8.UTFMax)])
	return string(r[:min(len(r), n)]) + "…"
}

func tail(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s[max(0, len(s)-n*utf8.UTFMax):])
	return "…" + string(r[max(0, len(r)-n):])
}

// Nearest returns the candidate closest to word by edit distance, ignoring case, or "" if none is near enough to be meant.
func Nearest(word string, candidates []string) string {
	best, bestDist := "", max(2, len(word)/3)+1
	w := strings.ToLower(head(word, 64))
	for _, c := range candidates {
		lc := strings.ToLower(c)
		if lc == w {
			return c
		}
		if d := distance(w, lc, bestDist+1); d < bestDist || d == bestDist && best != "" && len(c) > len(best) {
			best, bestDist = c, d
		}
	}
	if best != "" {
		return best
	}
	for _, c := range candidates { // a last name part that is right: name for service.name
		if lc := strings.ToLower(c); len(w) >= 3 && (strings.HasSuffix(lc, "."+w) || strings.HasPrefix(lc, w+".")) {
			return c
		}
	}
	return ""
}

// distance is the Levenshtein distance of a and b with neighbours swapped counted once, or limit if it is at least that.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	two, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], two[j-2]+1)
			}
		}
		two, prev, cur = prev, cur, two
	}
	return min(prev[len(b)], limit)
}
