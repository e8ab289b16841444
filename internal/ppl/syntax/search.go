package syntax

import "strings"

// Search is a node of the search expression that may stand around source=.
//
//sumtype:decl
type Search interface {
	Span() Span
	search()
}

type (
	// SearchTerm is a word or a phrase looked for in all fields; * and ? are wildcards in a word.
	SearchTerm struct {
		At     Span
		Text   string
		Quoted bool
	}
	// SearchCompare is field op value, or field in (values) with op "in".
	SearchCompare struct {
		At     Span
		Field  *Field
		Op     string
		Values []SearchTerm
	}
	// SearchLogic joins conditions with and, or.
	SearchLogic struct {
		Op string
		Xs []Search
	}
	// SearchNot turns a condition around.
	SearchNot struct {
		At Span
		X  Search
	}
)

// Span returns where the term stands.
func (s *SearchTerm) Span() Span { return s.At }

// Span returns where the comparison stands.
func (s *SearchCompare) Span() Span { return s.At }

// Span returns where the conditions stand.
func (s *SearchLogic) Span() Span { return s.Xs[0].Span().Join(s.Xs[len(s.Xs)-1].Span()) }

// Span returns where the condition stands.
func (s *SearchNot) Span() Span { return s.At }

func (*SearchTerm) search()    {}
func (*SearchCompare) search() {}
func (*SearchLogic) search()   {}
func (*SearchNot) search()     {}

// SearchEnd reports whether no search term follows: the end, a pipe, a closing bracket, or source=.
func (p *Parser) SearchEnd() bool {
	return p.AtEnd() || p.Is("|") || p.Is("]") || p.Is(")") || p.IsOption("source", "index")
}

// Search reads terms up to SearchEnd. Terms side by side are joined by and, which binds weaker than or.
func (p *Parser) Search() Search {
	if !p.Enter() {
		return &SearchTerm{}
	}
	defer p.Leave()
	var xs []Search
	for {
		xs = append(xs, p.searchOr())
		p.AcceptWord("and")
		if p.SearchEnd() {
			break
		}
	}
	if len(xs) == 1 {
		return xs[0]
	}
	return &SearchLogic{And, xs}
}

func (p *Parser) searchOr() Search {
	xs := []Search{p.searchNot()}
	for p.AcceptWord("or") {
		xs = append(xs, p.searchNot())
	}
	if len(xs) == 1 {
		return xs[0]
	}
	return &SearchLogic{Or, xs}
}

func (p *Parser) searchNot() Search {
	t := p.Peek()
	if p.AcceptWord("not") {
		if !p.Enter() {
			return &SearchTerm{}
		}
		defer p.Leave()
		x := p.searchNot()
		return &SearchNot{t.Span().Join(x.Span()), x}
	}
	if p.Accept("(") {
		x := p.Search()
		p.Expect(")")
		return x
	}
	return p.searchTerm()
}

func (p *Parser) searchTerm() Search {
	t := p.Peek()
	if p.IsName() {
		start := p.Mark()
		f := p.Field()
		if c := p.searchCompare(f); c != nil {
			return c
		}
		p.Reset(start)
	}
	v := p.searchValue()
	v.At = Span{int(t.Start), p.LastEnd()}
	return &v
}

func (p *Parser) searchCompare(f *Field) *SearchCompare {
	c := &SearchCompare{Field: f}
	if p.IsWord("in") && p.isAt(1, "(") {
		p.pos += 2
		c.Op = "in"
		for {
			c.Values = append(c.Values, p.searchValue())
			if !p.Accept(",") {
				break
			}
		}
		p.Expect(")")
	} else {
		t := p.Peek()
		if t.Kind != Mark {
			return nil
		}
		switch op := p.Text(t); op {
		case "==":
			c.Op = Eq
		case "<>":
			c.Op = Ne
		case Eq, Ne, Lt, Le, Gt, Ge:
			c.Op = op
		default:
			return nil
		}
		p.Next()
		c.Values = []SearchTerm{p.searchValue()}
	}
	c.At = Span{f.At.Start, p.LastEnd()}
	return c
}

// endsTerm reports whether a mark cannot be part of a bare term.
func endsTerm(mark string) bool {
	switch mark {
	case "|", "(", ")", "[", "]", ",", "=", "==", "!=", "<", "<=", ">", ">=", "<>":
		return true
	}
	return false
}

// searchValue reads a quoted text or everything up to the next blank.
func (p *Parser) searchValue() SearchTerm {
	t := p.Peek()
	if t.Kind == String {
		p.Next()
		return SearchTerm{t.Span(), Unquote(p.Text(t)), true}
	}
	if t.Kind == Quoted {
		p.Next()
		return SearchTerm{t.Span(), Unquote(p.Text(t)), true}
	}
	n := 0
	for n == 0 || p.Adjacent() {
		k := p.Peek()
		if k.Kind == EOF || k.Kind == String || k.Kind == Quoted || k.Kind == Mark && endsTerm(p.Text(k)) {
			break
		}
		p.Next()
		n++
		if k.Kind == Ident && strings.EqualFold(p.Text(k), "now") && p.Is("(") && p.isAt(1, ")") {
			p.pos += 2
			return SearchTerm{Span{int(t.Start), p.LastEnd()}, "now", false}
		}
	}
	if n == 0 {
		p.FailExpect("a search term")
		return SearchTerm{At: t.Span()}
	}
	at := Span{int(t.Start), p.LastEnd()}
	return SearchTerm{at, p.Slice(at), false}
}
