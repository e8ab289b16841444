package function

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// textCacheSize bounds the parsed queries kept.
const textCacheSize = 64

func relevanceUDFs() []UDF {
	var mu sync.RWMutex
	parsed := map[string]func([]string) bool{}
	matcher := func(spec string) (func([]string) bool, error) {
		mu.RLock()
		m := parsed[spec]
		mu.RUnlock()
		if m != nil {
			return m, nil
		}
		var q textQuery
		if err := json.Unmarshal([]byte(spec), &q); err != nil {
			return nil, fmt.Errorf("read text query: %w", err)
		}
		m = q.matcher()
		mu.Lock()
		defer mu.Unlock()
		if len(parsed) >= textCacheSize {
			clear(parsed)
		}
		parsed[strings.Clone(spec)] = m
		return m, nil
	}
	return []UDF{{Name: "ppl_text_match", In: []string{"VARCHAR", "VARCHAR"}, Out: "BOOLEAN", Fn: func(args []any) (any, error) {
		m, err := matcher(args[1].(string))
		if err != nil {
			return nil, err
		}
		return m(words(args[0].(string))), nil
	}}}
}

// words cuts text as the standard analyzer does, in lower case: runs of letters, digits and _; a dot, colon or apostrophe
// between letters, and a dot, comma, semicolon or apostrophe between digits, belong to the word.
func words(text string) []string {
	var out []string
	var cur []rune
	rs := []rune(strings.ToLower(text))
	for i, r := range rs {
		switch {
		case wordRune(r):
			cur = append(cur, r)
		case len(cur) > 0 && i+1 < len(rs) && joins(rs[i-1], r, rs[i+1]):
			cur = append(cur, r)
		case len(cur) > 0:
			out, cur = append(out, string(cur)), nil
		}
	}
	if len(cur) > 0 {
		out = append(out, string(cur))
	}
	return out
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func joins(a, mark, b rune) bool {
	if unicode.IsDigit(a) && unicode.IsDigit(b) {
		return strings.ContainsRune(".,;'", mark)
	}
	return unicode.IsLetter(a) && unicode.IsLetter(b) && strings.ContainsRune(".:'", mark)
}

// matcher turns the query into a test of a text's words.
func (q *textQuery) matcher() func([]string) bool {
	terms := words(q.Text)
	switch q.Mode {
	case "phrase", "phrase_prefix":
		return q.phrase(terms, q.Mode == "phrase_prefix")
	case "query":
		p := &textParser{q: q, tokens: textTokens(q.Text)}
		return p.alternatives()
	}
	tests := make([]func(string) bool, len(terms))
	for i, t := range terms {
		tests[i] = q.term(t, q.Mode == "bool_prefix" && i == len(terms)-1)
	}
	need := q.needed(len(terms))
	return func(text []string) bool {
		found := 0
		for _, test := range tests {
			if anyWord(text, test) {
				found++
			}
		}
		return len(tests) > 0 && found >= need
	}
}

func anyWord(text []string, test func(string) bool) bool {
	return slices.ContainsFunc(text, test)
}

// needed is how many of n terms must occur.
func (q *textQuery) needed(n int) int {
	if q.And {
		return n
	}
	if pct, ok := strings.CutSuffix(q.Minimum, "%"); ok {
		if p, err := strconv.Atoi(pct); err == nil {
			if p < 0 {
				return max(1, n-n*-p/100)
			}
			return max(1, n*p/100)
		}
	}
	if m, err := strconv.Atoi(q.Minimum); err == nil {
		if m < 0 {
			m += n
		}
		return max(1, min(m, n))
	}
	return 1
}

// term is the test for one term: as written, as a prefix, or within the fuzziness.
func (q *textQuery) term(t string, prefix bool) func(string) bool {
	edits := q.edits(t)
	return func(w string) bool {
		return w == t || (prefix && strings.HasPrefix(w, t)) || (edits > 0 && !prefix && within(w, t, edits))
	}
}

// edits is how many changes the fuzziness allows for a term.
func (q *textQuery) edits(t string) int {
	if strings.HasPrefix(strings.ToUpper(q.Fuzzy), "AUTO") {
		switch n := len([]rune(t)); {
		case n < 3:
			return 0
		case n < 6:
			return 1
		}
		return 2
	}
	n, err := strconv.Atoi(q.Fuzzy)
	if err != nil {
		return 0
	}
	return min(n, 2) // Lucene's own limit
}

// within reports whether a becomes b by at most edits insertions, deletions and changes of a character.
func within(a, b string, edits int) bool {
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d > edits || -d > edits {
		return false
	}
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(x); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(y)] <= edits
}

// maxPhraseTries bounds the positions tried for one phrase in one text.
const maxPhraseTries = 10_000

// phrase is the test for terms in a row; slop is how far they may be moved in all.
func (q *textQuery) phrase(terms []string, prefix bool) func([]string) bool {
	return func(text []string) bool {
		if len(terms) == 0 {
			return false
		}
		at := make([][]int, len(terms))
		for i, t := range terms {
			for pos, w := range text {
				if w == t || (prefix && i == len(terms)-1 && strings.HasPrefix(w, t)) {
					at[i] = append(at[i], pos-i)
				}
			}
			if len(at[i]) == 0 {
				return false
			}
		}
		tries := maxPhraseTries
		return fits(at, len(text), -len(text), q.Slop, &tries)
	}
}

// fits looks for one position of each term such that all shifts lie within slop of each other.
func fits(at [][]int, lo, hi, slop int, tries *int) bool {
	if len(at) == 0 {
		return true
	}
	for _, shift := range at[0] {
		if *tries--; *tries < 0 {
			return false
		}
		l, h := min(lo, shift), max(hi, shift)
		if h-l <= slop && fits(at[1:], l, h, slop, tries) {
			return true
		}
	}
	return false
}
