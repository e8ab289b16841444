package function

import "strings"

// textParser reads the little language of query_string and simple_query_string: words, "phrases", word* prefixes, + - NOT !,
// AND OR && || | and parentheses.
type textParser struct {
	q      *textQuery
	tokens []string
}

// textTokens cuts a query into words, "phrases" and operators.
func textTokens(s string) []string {
	var out []string
	for s = strings.TrimLeft(s, " \t\n"); s != ""; s = strings.TrimLeft(s, " \t\n") {
		n := 1
		switch {
		case s[0] == '"':
			if end := strings.IndexByte(s[1:], '"'); end >= 0 {
				n = end + 2
			} else {
				n = len(s)
			}
		case strings.IndexByte("()|+-!", s[0]) >= 0:
		default:
			if n = strings.IndexAny(s, " \t\n()|\""); n <= 0 {
				n = max(1, len(s)*boolInt(n < 0))
			}
		}
		out = append(out, s[:n])
		s = s[n:]
	}
	return out
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (p *textParser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *textParser) take() string {
	t := p.peek()
	p.tokens = p.tokens[min(1, len(p.tokens)):]
	return t
}

// alternatives reads clauses up to the end or a closing parenthesis. Required clauses (+, AND) must hold, excluded ones
// (-, NOT) must not, and of the others one must, or all when the default operator is AND.
func (p *textParser) alternatives() func([]string) bool {
	var must, not, should []func([]string) bool
	for p.peek() != "" && p.peek() != ")" {
		required := p.q.And
		excluded := false
	prefix:
		for {
			switch p.peek() {
			case "+":
				required = true
			case "-", "!", "NOT":
				excluded = true
			case "AND", "&&":
				required = true
				must, should = lastTo(must, should)
			case "OR", "||", "|":
				required = false
			default:
				break prefix
			}
			p.take()
		}
		if p.peek() == "" || p.peek() == ")" {
			break
		}
		clause := p.clause()
		switch {
		case excluded:
			not = append(not, clause)
		case required:
			must = append(must, clause)
		default:
			should = append(should, clause)
		}
	}
	return combine(must, not, should)
}

// lastTo moves the clause before an AND to the required ones.
func lastTo(must, should []func([]string) bool) (m, s []func([]string) bool) {
	if n := len(should); n > 0 {
		return append(must, should[n-1]), should[:n-1]
	}
	return must, should
}

func combine(must, not, should []func([]string) bool) func([]string) bool {
	return func(text []string) bool {
		for _, f := range must {
			if !f(text) {
				return false
			}
		}
		for _, f := range not {
			if f(text) {
				return false
			}
		}
		for _, f := range should {
			if f(text) {
				return true
			}
		}
		return len(should) == 0 && len(must)+len(not) > 0 || len(must) > 0
	}
}

// clause reads one word, phrase or group.
func (p *textParser) clause() func([]string) bool {
	t := p.take()
	switch {
	case t == "(":
		inner := p.alternatives()
		if p.peek() == ")" {
			p.take()
		}
		return inner
	case strings.HasPrefix(t, `"`):
		return p.q.phrase(words(strings.Trim(t, `"`)), false)
	case t == "*":
		return func([]string) bool { return true }
	case strings.HasSuffix(t, "*"):
		return p.q.phrase(words(t), true)
	}
	terms := words(t)
	if len(terms) == 1 {
		test := p.q.term(terms[0], false)
		return func(text []string) bool { return anyWord(text, test) }
	}
	return p.q.phrase(terms, false)
}
