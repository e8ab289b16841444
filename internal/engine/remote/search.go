package remote

import (
	"strings"
	"unicode"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// search turns a search expression into DSL: its terms are the index's own query strings.
func (c *conditions) search(s syntax.Search) (clause, bool) {
	switch s := s.(type) {
	case *syntax.SearchTerm:
		return c.searchAll(s)
	case *syntax.SearchNot:
		x, ok := c.search(s.X)
		if !ok || !x.exact {
			return clause{}, false
		}
		return clause{not(x.q), true}, true
	case *syntax.SearchLogic:
		return c.searchLogic(s)
	case *syntax.SearchCompare:
		return c.searchCompare(s)
	}
	return clause{}, false
}

func (c *conditions) searchLogic(s *syntax.SearchLogic) (clause, bool) {
	out := clause{exact: true}
	var qs []dsl
	for _, x := range s.Xs {
		p, ok := c.search(x)
		if !ok && s.Op == syntax.Or {
			return clause{}, false
		}
		out.exact = out.exact && ok && p.exact
		if ok {
			qs = append(qs, p.q)
		}
	}
	if s.Op == syntax.Or {
		out.q = anyOf(qs)
	} else {
		out.q = all(qs)
	}
	return out, len(qs) > 0
}

// searchAll looks for a term in every field.
func (c *conditions) searchAll(t *syntax.SearchTerm) (clause, bool) {
	if t.Text == "*" && !t.Quoted {
		return clause{dsl{"match_all": dsl{}}, true}, true
	}
	return clause{dsl{"query_string": dsl{"query": lucene(*t), "lenient": true}}, c.t.raw || c.plainWord(t.Text)}, true
}

// plainWord reports whether a term means the same to the index as to the table's columns: no number that is part of a date, and
// no level that the index spells otherwise.
func (c *conditions) plainWord(text string) bool {
	first := []rune(strings.TrimSpace(text) + "0")[0]
	return !c.t.convert && unicode.IsLetter(first) && c.t.facts != nil && len(c.t.facts.words) == 0 && !c.t.derived("severityText") && !c.t.derived("severityNumber")
}

// lucene writes a term in the syntax of query strings: with blanks it is a phrase, else * and ? are wildcards, quoted or not.
func lucene(t syntax.SearchTerm) string {
	if strings.ContainsAny(strings.TrimSpace(t.Text), " \t\n") {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(t.Text) + `"`
	}
	var b strings.Builder
	hidden := false
	for _, r := range t.Text {
		switch {
		case hidden:
			b.WriteRune(r)
			hidden = false
			continue
		case r == '\\':
			hidden = true
		case strings.ContainsRune(`+-=&|><!(){}[]^"~:/ `, r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	if hidden {
		b.WriteByte('\\')
	}
	switch out := b.String(); out {
	case "AND", "OR", "NOT":
		return `\` + out
	default:
		return out
	}
}

func (c *conditions) searchCompare(s *syntax.SearchCompare) (clause, bool) {
	name := strings.ToLower(s.Field.Name)
	if !s.Field.Quoted && (name == "earliest" || name == "latest") && s.Op == syntax.Eq {
		return clause{}, false
	}
	f := c.field(s.Field)
	if f != nil && f.twin != nil && (s.Op == syntax.Eq || s.Op == "in") {
		return c.searchTwin(s, f)
	}
	if f == nil || len(f.leaves) == 0 || (f.absent != nil || f.twin != nil) {
		return clause{}, false
	}
	plain := s.Op == syntax.Eq || s.Op == "in"
	for _, v := range s.Values {
		plain = plain && !strings.ContainsAny(v.Text, "*?")
	}
	if !plain && !c.complete(f) {
		return clause{}, false
	}
	var qs []dsl
	for _, v := range s.Values {
		q, ok := f.each(func(l *leaf) (clause, bool) { return searchLeaf(l, f, s.Op, v) })
		if !ok || !q.exact {
			return clause{}, false
		}
		qs = append(qs, q.q)
	}
	if s.Op == syntax.Ne { // the field must be there
		has, ok := c.null(s.Field, false)
		if !ok {
			return clause{}, false
		}
		return clause{all([]dsl{has.q, not(qs...)}), true}, true
	}
	return clause{anyOf(qs), true}, true
}

// searchTwin looks for a level that some documents say in another way.
func (c *conditions) searchTwin(s *syntax.SearchCompare, f *field) (clause, bool) {
	out := clause{exact: true}
	var qs []dsl
	for _, v := range s.Values {
		if strings.ContainsAny(v.Text, "*?") || f.col.Type != rows.String {
			return clause{}, false
		}
		q, ok := f.compared(syntax.Eq, v.Text)
		if !ok || !q.exact {
			return clause{}, false
		}
		qs = append(qs, q.q)
	}
	out.q = anyOf(qs)
	return out, true
}

// searchLeaf is one comparison of a search: words in a text, the value in other fields.
func searchLeaf(l *leaf, f *field, op string, v syntax.SearchTerm) (clause, bool) {
	if op == "in" || op == syntax.Ne {
		op = syntax.Eq
	}
	if l.inner || l.prop.conflict || off(l.prop.Index) {
		return clause{}, false
	}
	typ := l.prop.Type
	wild := strings.ContainsAny(v.Text, "*?")
	switch {
	case f.words != nil:
		if wild || op != syntax.Eq {
			return clause{}, false
		}
		return compareWords(l, f, op, v.Text)
	case isText(typ) && op == syntax.Eq:
		return clause{dsl{"query_string": dsl{"query": lucene(v), "default_field": l.path}}, true}, true
	case wholeNumber(typ) || typ == "double":
		if n := strings.TrimRight(v.Text, "dDfFlL"); n != "" {
			return compareNumber(l, op, n)
		}
	case typ == "boolean" && op == syntax.Eq:
		switch strings.ToLower(v.Text) {
		case "true", "false":
			return equality(l, op, term(l.exact, strings.EqualFold(v.Text, "true")))
		}
	case typ == "date" || typ == "date_nanos":
		return searchTime(l, f, op, v.Text)
	case typ == "keyword" && wild && op == syntax.Eq:
		if strings.Contains(v.Text, `\`) || l.exact == "" {
			return clause{}, false
		}
		return unlessLong(l, dsl{"wildcard": dsl{l.exact: dsl{"value": v.Text}}})
	case typ == "keyword":
		return compareText(l, op, v.Text)
	}
	return clause{}, false
}

// searchTime compares with a point in time that is given to the fraction of a second; a day or a minute stands for all of it,
// which is left to be done here.
func searchTime(l *leaf, f *field, op, text string) (clause, bool) {
	t, ok := plan.ParseTime(text)
	whole := op == syntax.Lt || op == syntax.Ge // the day's beginning is what counts
	if !ok || f.col.Type != rows.Timestamp || l.exact == "" || !whole && !strings.Contains(text, ".") {
		return clause{}, false
	}
	return timeRange(l, f, op, t)
}
