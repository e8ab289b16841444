package repair

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Check reports why a query would not run, or nil. It must not run the query.
type Check func(query string) error

// Fix is a query that runs, and what was changed to get it, in the order of the changes.
type Fix struct {
	Query   string
	Changes []string
}

// The bounds of the search for a fix.
const (
	maxChecks  = 80   // a check compiles a query, which takes well under a millisecond
	maxChanges = 8    // more changes make another query
	maxText    = 8000 // bytes; longer queries are made by programs
)

// Suggest looks for a query near the text that passes the check: best first by how far into the text the check gets. It
// answers false when there is none, or when the text itself passes.
func Suggest(text string, check Check) (Fix, bool) {
	if len(text) > maxText {
		return Fix{}, false
	}
	s := &search{check: check, seen: map[string]bool{}}
	first := s.look(state{query: text})
	if first.err == nil {
		return Fix{}, false
	}
	queue := []state{first}
	for len(queue) > 0 && s.checks < maxChecks {
		best := queue[0]
		queue = queue[1:]
		for _, c := range candidates(best) {
			if s.seen[c.query] || len(best.changes) == maxChanges || s.checks >= maxChecks {
				continue
			}
			next := s.look(state{query: c.query, changes: append(slices.Clone(best.changes), c.change), rest: best.rest})
			if next.err == nil {
				return Fix{strings.TrimSpace(next.query), next.changes}, true
			}
			if same := missing.MatchString(next.msg) && missing.MatchString(best.msg) && next.at.Start == best.at.Start; !c.whole && !same {
				queue = append(queue, next)
			}
		}
		slices.SortStableFunc(queue, func(a, b state) int {
			return cmp.Or(cmp.Compare(a.rest, b.rest), cmp.Compare(len(a.changes), len(b.changes)))
		})
	}
	return Fix{}, false
}

type search struct {
	check  Check
	checks int
	seen   map[string]bool
}

// state is a text on the way with its error: where that stands, and how much text lies behind.
type state struct {
	query   string
	changes []string
	err     error
	msg     string
	hint    string
	at      syntax.Span
	rest    int
}

func (s *search) look(st state) state {
	s.seen[st.query] = true
	s.checks++
	if st.err = s.check(st.query); st.err == nil {
		return st
	}
	st.rest = len(st.query)
	var e *syntax.Error
	if errors.As(st.err, &e) && (e.Query == "" || e.Query == st.query) {
		st.msg, st.hint, st.at = e.Msg, e.Hint, e.Span
		st.at.Start = min(max(st.at.Start, 0), len(st.query))
		st.at.End = min(max(st.at.End, st.at.Start), len(st.query))
		st.rest = len(st.query) - st.at.Start
	}
	return st
}

// candidate is a rewritten text. A whole one is a guess that is worth nothing unless the query then runs.
type candidate struct {
	query, change string
	whole         bool
}

// rule proposes rewritings of a text whose error is known.
type rule func(state) []candidate

// candidates asks every rule, the surest first.
func candidates(st state) []candidate {
	var out []candidate
	for _, r := range []rule{clean, fromSQL, source, lucene, renamed, clauses, pipes, operators, functions, times, named, structs, values, brackets, statistics, joins} {
		for _, c := range r(st) {
			if c.query != st.query {
				out = append(out, c)
			}
		}
	}
	return out
}
