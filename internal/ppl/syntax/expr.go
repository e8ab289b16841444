package syntax

import (
	"math"
	"strconv"
	"strings"
)

// Expr reads a condition or a value.
func (p *Parser) Expr() Expr {
	if !p.Enter() {
		return p.broken()
	}
	defer p.Leave()
	return p.logic(Or, func() Expr {
		return p.logic(Xor, func() Expr { return p.logic(And, p.not) })
	})
}

func (p *Parser) broken() Expr { return &Literal{Node: Node{p.Peek().Span()}} }

func (p *Parser) logic(op string, operand func() Expr) Expr {
	first := operand()
	if !p.IsWord(op) {
		return first
	}
	xs := []Expr{first}
	for p.AcceptWord(op) {
		xs = append(xs, operand())
	}
	return &Logic{Node: Node{first.Span().Join(xs[len(xs)-1].Span())}, Op: op, Xs: xs}
}

func (p *Parser) not() Expr {
	t := p.Peek()
	if !p.IsWord("not") || p.isAt(1, ".") || p.isAt(1, "=") {
		return p.comparison()
	}
	p.Next()
	if !p.Enter() {
		return p.broken()
	}
	defer p.Leave()
	x := p.not()
	return &Not{Node: Node{t.Span().Join(x.Span())}, X: x}
}

// comparison reads a value and what compares it.
func (p *Parser) comparison() Expr {
	x := p.Value()
	for range MaxDepth {
		y := p.compare(x)
		if y == nil {
			return x
		}
		x = y
	}
	p.FailExpect("fewer comparisons in a chain")
	return x
}

func (p *Parser) compare(x Expr) Expr {
	t := p.Peek()
	if t.Kind == Mark {
		op := p.Text(t)
		switch op {
		case "==":
			op = Eq
		case "<>":
			op = Ne
		case Eq, Ne, Lt, Le, Gt, Ge:
		default:
			return nil
		}
		p.Next()
		r := p.Value()
		return &Binary{Node{x.Span().Join(r.Span())}, op, x, r}
	}
	if t.Kind != Ident {
		return nil
	}
	start := p.Mark()
	neg := p.AcceptWord("not")
	if e := p.compareWord(x, neg); e != nil {
		return e
	}
	p.Reset(start)
	return nil
}

func (p *Parser) compareWord(x Expr, neg bool) Expr {
	switch {
	case p.AcceptWord("in"):
		return p.in(x, neg)
	case p.AcceptWord("between"):
		lo := p.Value()
		p.ExpectWord("and")
		hi := p.Value()
		return &Between{Node{x.Span().Join(hi.Span())}, x, lo, hi, neg}
	case p.IsWord("like", "ilike", "contains", "regexp"):
		op := strings.ToLower(p.Text(p.Next()))
		if neg {
			op = "not " + op
		}
		r := p.Value()
		return &Binary{Node{x.Span().Join(r.Span())}, op, x, r}
	case !neg && p.IsWord("is") && (p.IsWordAt(1, "null") || p.IsWordAt(1, "not") && p.IsWordAt(2, "null")):
		p.Next()
		n := p.AcceptWord("not")
		end := p.Next()
		return &IsNull{Node{x.Span().Join(end.Span())}, x, n}
	}
	return nil
}

func (p *Parser) in(x Expr, neg bool) Expr {
	if p.Is("[") {
		q := p.Sub()
		return &InQuery{Node{Span{x.Span().Start, p.LastEnd()}}, []Expr{x}, q, neg}
	}
	p.Expect("(")
	if p.Is("[") {
		q := p.Sub()
		p.Expect(")")
		return &InQuery{Node{Span{x.Span().Start, p.LastEnd()}}, []Expr{x}, q, neg}
	}
	list := []Expr{p.Value()}
	for p.Accept(",") {
		list = append(list, p.Value())
	}
	p.Expect(")")
	return &In{Node{Span{x.Span().Start, p.LastEnd()}}, x, list, neg}
}

// Value reads a value without comparisons or logic at its top.
func (p *Parser) Value() Expr {
	x := p.product()
	for n := 0; p.Is("+") || p.Is("-"); n++ {
		if !p.chain(n) {
			return x
		}
		op := p.Text(p.Next())
		r := p.product()
		x = &Binary{Node{x.Span().Join(r.Span())}, op, x, r}
	}
	return x
}

// maxChain bounds a + b + c ...: each operator nests the SQL one level deeper, and DuckDB refuses more than 1000.
const maxChain = 500

func (p *Parser) chain(n int) bool {
	if n < maxChain {
		return true
	}
	p.Fail(p.Peek().Span(), "more than %d operators in a row", maxChain)
	return false
}

func (p *Parser) product() Expr {
	x := p.unary()
	for n := 0; p.Is("*") || p.Is("/") || p.Is("%"); n++ {
		if !p.chain(n) {
			return x
		}
		op := p.Text(p.Next())
		r := p.unary()
		x = &Binary{Node{x.Span().Join(r.Span())}, op, x, r}
	}
	return x
}

func (p *Parser) unary() Expr {
	t := p.Peek()
	if !p.Is("-") && !p.Is("+") {
		return p.primary()
	}
	op := p.Text(p.Next())
	if k := p.Peek().Kind; k == Number || k == Unit {
		if l, ok := p.number(op).(*Literal); ok {
			l.At.Start = int(t.Start)
			return l
		}
	}
	if !p.Enter() {
		return p.broken()
	}
	defer p.Leave()
	x := p.unary()
	return &Unary{Node{t.Span().Join(x.Span())}, op, x}
}

func (p *Parser) primary() Expr {
	t := p.Peek()
	switch t.Kind {
	case Number, Unit:
		return p.number("")
	case String:
		p.Next()
		return &Literal{Node: Node{t.Span()}, Value: Unquote(p.Text(t))}
	case Quoted:
		return p.Field()
	case Ident:
		return p.word(t)
	case Mark:
		switch p.Text(t) {
		case "(":
			return p.parens()
		case "[":
			q := p.Sub()
			return &Scalar{Node{Span{int(t.Start), p.LastEnd()}}, q}
		}
	case EOF:
	}
	p.FailExpect("a value")
	return p.broken()
}

// number reads a number or a length with a unit; sign is "" or the sign passed before it.
func (p *Parser) number(sign string) Expr {
	t := p.Next()
	text := p.Text(t)
	l := &Literal{Node: Node{t.Span()}, Text: text}
	if sign == "-" {
		l.Text = "-" + text
	}
	if t.Kind == Unit {
		num, unit := SplitUnit(text)
		switch {
		case strings.EqualFold(unit, "d") && strings.Contains(num, "."), strings.EqualFold(unit, "f"):
			l.Type = map[byte]string{'d': "double", 'f': "float"}[unit[0]|0x20]
		case strings.EqualFold(unit, "l"):
			l.Type = "bigint"
		case sign != "":
			p.Fail(t.Span(), "a length of time has no sign here")
			return l
		default:
			return &SpanLen{Node{t.Span()}, text}
		}
		text = num
	}
	if sign == "-" {
		text = "-" + text
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil && l.Type != "double" && l.Type != "float" {
		l.Value = i
		return l
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(f, 0) {
		p.Fail(t.Span(), "%s is not a number", head(text, 40))
	}
	if math.IsInf(f, 0) {
		p.Fail(t.Span(), "%s is too large a number", head(text, 40))
	}
	l.Value = f
	if l.Type == "" {
		l.Type = "decimal"
		if strings.ContainsAny(text, "eE") {
			l.Type = "double"
		}
	}
	return l
}

// SplitUnit splits a length such as 2.5h into its number and its unit.
func SplitUnit(s string) (num, unit string) {
	i := 0
	for i < len(s) && (isDigit(s[i]) || s[i] == '.') {
		i++
	}
	return s[:i], s[i:]
}

func (p *Parser) parens() Expr {
	open := p.Peek()
	if l := p.lambdaParams(); l != nil {
		return p.lambdaBody(open, l)
	}
	p.Expect("(")
	x := p.Expr()
	if !p.Is(",") {
		p.Expect(")")
		return x
	}
	xs := []Expr{x}
	for p.Accept(",") {
		xs = append(xs, p.Value())
	}
	p.Expect(")")
	neg := p.AcceptWord("not")
	p.ExpectWord("in")
	q := p.Sub()
	return &InQuery{Node{Span{int(open.Start), p.LastEnd()}}, xs, q, neg}
}

// lambdaParams passes `(a, b) ->` or returns nil and passes nothing.
func (p *Parser) lambdaParams() []string {
	start := p.Mark()
	p.Accept("(")
	var names []string
	for p.Peek().Kind == Ident {
		names = append(names, p.Text(p.Next()))
		if !p.Accept(",") {
			break
		}
	}
	if len(names) > 0 && p.Accept(")") && p.Accept("->") {
		return names
	}
	p.Reset(start)
	return nil
}

func (p *Parser) lambdaBody(open Token, params []string) Expr {
	body := p.Expr()
	return &Lambda{Node{open.Span().Join(body.Span())}, params, body}
}

func (p *Parser) word(t Token) Expr {
	next := p.PeekAt(1)
	if next.Kind == String && p.IsWord("date", "time", "timestamp") {
		p.Next()
		s := p.Next()
		arg := &Literal{Node: Node{s.Span()}, Value: Unquote(p.Text(s))}
		return &Call{Node: Node{t.Span().Join(s.Span())}, Name: p.Text(t), NameAt: t.Span(), Args: []Arg{{X: arg}}}
	}
	if next.Kind == Mark {
		switch p.Text(next) {
		case "(":
			return p.call()
		case "->":
			p.pos += 2
			return p.lambdaBody(t, []string{p.Text(t)})
		case "[":
			if p.AcceptWord("exists") {
				q := p.Sub()
				return &Exists{Node{Span{int(t.Start), p.LastEnd()}}, q}
			}
		case ".":
			return p.Field()
		}
	}
	if frac := p.percentile(t); frac {
		return p.call()
	}
	if p.IsWord("interval") && (next.Kind == Number || next.Kind == Unit || next.Kind == String || next.Kind == Mark && p.Text(next) == "-") {
		return p.interval()
	}
	switch strings.ToLower(p.Text(t)) {
	case "true", "false":
		p.Next()
		return &Literal{Node: Node{t.Span()}, Value: strings.EqualFold(p.Text(t), "true")}
	case "null":
		p.Next()
		return &Literal{Node: Node{t.Span()}}
	}
	return p.Field()
}

// percentile joins p99 and .5 before a parenthesis to one name: p99.5(x). It reports whether it did.
func (p *Parser) percentile(t Token) bool {
	n := p.PeekAt(1)
	if n.Kind != Number || n.Start != t.End || p.src[n.Start] != '.' || !p.isAt(2, "(") {
		return false
	}
	p.pos++
	p.toks[p.pos] = Token{Ident, t.Start, n.End}
	return true
}

func (p *Parser) interval() Expr {
	start := p.Next()
	n := p.unary()
	unit := p.Peek()
	if unit.Kind != Ident {
		p.FailExpect("a unit of time such as day")
	}
	p.Next()
	return &Interval{Node{start.Span().Join(unit.Span())}, n, strings.ToLower(p.Text(unit))}
}
