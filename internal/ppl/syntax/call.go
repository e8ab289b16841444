package syntax

import "strings"

// call reads name(args). The forms that are not comma lists: case, cast, extract, position, and units as first arguments.
func (p *Parser) call() Expr {
	if !p.Enter() {
		return p.broken()
	}
	defer p.Leave()
	name := p.Next()
	p.Expect("(")
	c := &Call{Name: p.Text(name), NameAt: name.Span()}
	low := strings.ToLower(c.Name)
	switch low {
	case "case":
		return p.caseOf(name)
	case "cast":
		return p.cast(name)
	case "extract":
		c.Args = append(c.Args, p.unit())
		p.ExpectWord("from")
		c.Args = append(c.Args, Arg{X: p.Expr()})
	case "position":
		c.Args = append(c.Args, Arg{X: p.Value()})
		if !p.AcceptWord("in") {
			p.Expect(",")
		}
		c.Args = append(c.Args, Arg{X: p.Value()})
	case "timestampadd", "timestampdiff", "get_format":
		c.Args = append(c.Args, p.unit())
		p.Expect(",")
		p.args(c, false)
	default:
		p.args(c, isRelevance(low))
	}
	p.Expect(")")
	c.At = Span{int(name.Start), p.LastEnd()}
	return c
}

// unit reads a bare or quoted word as a text.
func (p *Parser) unit() Arg {
	t := p.Peek()
	if t.Kind != Ident && t.Kind != String {
		p.FailExpect("a unit such as DAY")
	}
	return Arg{X: &Literal{Node: Node{t.Span()}, Value: p.Word("a unit"), Bare: t.Kind == Ident}}
}

func isRelevance(name string) bool {
	switch name {
	case "match", "match_phrase", "matchphrase", "match_phrase_prefix", "match_bool_prefix", "multi_match", "simple_query_string", "query_string", "query", "wildcard_query":
		return true
	}
	return false
}

func (p *Parser) args(c *Call, named bool) {
	if p.Is(")") {
		return
	}
	if p.IsWord("distinct") && !p.isAt(1, ",") && !p.isAt(1, ")") && !p.isAt(1, "(") {
		p.Next()
		c.Distinct = true
	}
	for {
		c.Args = append(c.Args, p.arg(named))
		if !p.Accept(",") {
			return
		}
	}
}

func (p *Parser) arg(named bool) Arg {
	t := p.Peek()
	if named && p.Peek().Kind == Ident && p.isAt(1, "=") {
		p.pos += 2
		return Arg{Name: strings.ToLower(p.Text(t)), X: p.Value()}
	}
	if named && p.Is("[") {
		return Arg{X: p.fieldSet()}
	}
	if p.Is("*") && p.isAt(1, ")") {
		p.Next()
		return Arg{X: &Field{Node: Node{t.Span()}, Name: "*"}}
	}
	return Arg{X: p.Expr()}
}

// fieldSet reads ['a', b ^ 2, "c*" 3].
func (p *Parser) fieldSet() Expr {
	open := p.Next()
	f := &FieldSet{}
	for !p.AtEnd() {
		var name string
		if p.Peek().Kind == String {
			name = Unquote(p.Text(p.Next()))
		} else {
			name = p.WildField().Name
		}
		weight := ""
		if p.Accept("^") || p.Peek().Kind == Number {
			weight = p.Word("a weight")
		}
		f.Fields, f.Weights = append(f.Fields, name), append(f.Weights, weight)
		if !p.Accept(",") {
			break
		}
	}
	p.Expect("]")
	f.At = Span{int(open.Start), p.LastEnd()}
	return f
}

func (p *Parser) caseOf(name Token) Expr {
	c := &Case{}
	for {
		w := When{Cond: p.Expr()}
		p.Expect(",")
		w.Then = p.Expr()
		c.Whens = append(c.Whens, w)
		if p.AcceptWord("else") {
			c.Else = p.Expr()
			break
		}
		if !p.Accept(",") {
			break
		}
		if p.AcceptWord("else") {
			c.Else = p.Expr()
			break
		}
	}
	p.Expect(")")
	c.At = Span{int(name.Start), p.LastEnd()}
	return c
}

func (p *Parser) cast(name Token) Expr {
	c := &Cast{X: p.Expr()}
	p.ExpectWord("as")
	t := p.Peek()
	if t.Kind != Ident {
		p.FailExpect("a type such as int, double, string, timestamp")
	}
	p.Next()
	c.Type, c.TypeAt = strings.ToLower(p.Text(t)), t.Span()
	p.Expect(")")
	c.At = Span{int(name.Start), p.LastEnd()}
	return c
}
