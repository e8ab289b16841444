package syntax

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of one query.
const (
	// MaxQueryBytes bounds the text: a megabyte of PPL is a program that ran away, and tokens cost twelve bytes each.
	MaxQueryBytes = 1 << 20
	// MaxDepth bounds nesting of parentheses, calls and sub-searches; DuckDB itself refuses expressions deeper than 1000.
	MaxDepth = 150
)

// Parser walks over the tokens of one query. The first failure sticks: from then on every token is EOF, so callers read on
// and look at Err once.
type Parser struct {
	// Pipeline reads the pipeline of a sub-search, up to but without its closing bracket.
	Pipeline func(p *Parser) Pipeline

	src   string
	toks  []Token
	pos   int
	depth int
	err   *Error
}

// NewParser splits src into tokens. The error is an *Error.
func NewParser(src string) (*Parser, error) {
	if len(src) > MaxQueryBytes {
		return nil, Errorf(Span{0, 1}, "the query has %d bytes, the limit is %d", len(src), MaxQueryBytes)
	}
	if i := strings.IndexByte(src, 0); i >= 0 {
		return nil, Errorf(Span{i, i + 1}, "the query holds a zero byte")
	}
	if !utf8.ValidString(src) {
		return nil, Errorf(Span{0, 1}, "the query is not valid UTF-8")
	}
	toks, err := lex(src)
	if err != nil {
		return nil, err
	}
	return &Parser{src: src, toks: toks}, nil
}

// Err returns the first failure, or nil.
func (p *Parser) Err() error {
	if p.err == nil {
		return nil
	}
	return p.err
}

// Source returns the query text.
func (p *Parser) Source() string { return p.src }

// Slice returns the text of a span.
func (p *Parser) Slice(s Span) string { return p.src[s.Start:s.End] }

// Failure is a failure that was recorded; a hint may be added.
type Failure struct{ e *Error }

// WithHint adds the next step.
func (f Failure) WithHint(format string, args ...any) { f.e.Hint = fmt.Sprintf(format, args...) }

// Fail records a failure at the span, if it is the first, and returns it.
func (p *Parser) Fail(at Span, format string, args ...any) Failure {
	e := Errorf(at, format, args...)
	if p.err == nil {
		p.err = e
		p.pos = len(p.toks) - 1
	}
	return Failure{e}
}

// FailExpect records that something else was expected where the parser stands.
func (p *Parser) FailExpect(what string) Failure {
	return p.Fail(p.Peek().Span(), "expected %s, found %s", what, p.describe(p.Peek()))
}

func (p *Parser) describe(t Token) string {
	if t.Kind == EOF {
		return "the end of the query"
	}
	return head(p.Text(t), 40)
}

// Peek returns the next token without passing it.
func (p *Parser) Peek() Token { return p.toks[p.pos] }

// PeekAt returns the n-th token from here; 0 is the next.
func (p *Parser) PeekAt(n int) Token { return p.toks[min(p.pos+n, len(p.toks)-1)] }

// Next passes one token.
func (p *Parser) Next() Token {
	t := p.toks[p.pos]
	if p.pos < len(p.toks)-1 {
		p.pos++
	}
	return t
}

// Mark and Reset go back to a place before.
func (p *Parser) Mark() int { return p.pos }

// Reset goes back to a place that Mark returned. It does nothing after a failure.
func (p *Parser) Reset(pos int) {
	if p.err == nil {
		p.pos = pos
	}
}

// LastEnd returns where the token passed last ends.
func (p *Parser) LastEnd() int {
	if p.pos == 0 {
		return 0
	}
	if p.err != nil {
		return p.err.Span.End
	}
	return int(p.toks[p.pos-1].End)
}

// Text returns a token's text as written.
func (p *Parser) Text(t Token) string { return p.src[t.Start:t.End] }

// AtEnd reports whether no token is left.
func (p *Parser) AtEnd() bool { return p.Peek().Kind == EOF }

// Is reports whether the next token is the mark.
func (p *Parser) Is(mark string) bool { return p.isAt(0, mark) }

func (p *Parser) isAt(n int, mark string) bool {
	t := p.PeekAt(n)
	return t.Kind == Mark && p.Text(t) == mark
}

// IsWord reports whether the next token is one of the words, in any case.
func (p *Parser) IsWord(words ...string) bool { return p.IsWordAt(0, words...) }

// IsWordAt is IsWord for the n-th token from here.
func (p *Parser) IsWordAt(n int, words ...string) bool {
	t := p.PeekAt(n)
	if t.Kind != Ident {
		return false
	}
	for _, w := range words {
		if int(t.End-t.Start) == len(w) && strings.EqualFold(p.Text(t), w) {
			return true
		}
	}
	return false
}

// Accept passes the mark if it is next.
func (p *Parser) Accept(mark string) bool {
	if p.Is(mark) {
		p.pos++
		return true
	}
	return false
}

// AcceptWord passes the next token if it is one of the words.
func (p *Parser) AcceptWord(words ...string) bool {
	if p.IsWord(words...) {
		p.pos++
		return true
	}
	return false
}

// Expect passes the mark or fails.
func (p *Parser) Expect(mark string) {
	if !p.Accept(mark) {
		p.FailExpect("'" + mark + "'")
	}
}

// ExpectWord passes the word or fails.
func (p *Parser) ExpectWord(word string) {
	if !p.AcceptWord(word) {
		p.FailExpect("'" + word + "'")
	}
}

// IsOption reports whether `name=` is next.
func (p *Parser) IsOption(names ...string) bool {
	return p.IsWord(names...) && (p.isAt(1, "=") || p.isAt(1, "=="))
}

// AcceptOption passes `name=` if it is next; the value follows.
func (p *Parser) AcceptOption(names ...string) bool {
	if p.IsOption(names...) {
		p.pos += 2
		return true
	}
	return false
}

// Adjacent reports whether no blank stands before the next token.
func (p *Parser) Adjacent() bool {
	return p.pos > 0 && p.toks[p.pos].Kind != EOF && p.toks[p.pos-1].End == p.toks[p.pos].Start
}

// Enter counts one level of nesting and fails when it is too deep. Leave must follow.
func (p *Parser) Enter() bool {
	p.depth++
	if p.depth > MaxDepth {
		p.Fail(p.Peek().Span(), "nested too deep: more than %d levels", MaxDepth)
		return false
	}
	return true
}

// Leave ends a level of Enter.
func (p *Parser) Leave() { p.depth-- }

// Sub reads `[ pipeline ]`.
func (p *Parser) Sub() Pipeline {
	p.Expect("[")
	if !p.Enter() {
		return nil
	}
	defer p.Leave()
	q := p.Pipeline(p)
	if !p.Accept("]") {
		p.FailExpect("'|' or the ']' that ends the sub-search")
	}
	return q
}

// Str reads a quoted text.
func (p *Parser) Str(what string) string {
	if p.Peek().Kind != String {
		p.FailExpect(what + " in quotes")
		return ""
	}
	return Unquote(p.Text(p.Next()))
}

// Int reads a whole number, possibly signed.
func (p *Parser) Int(what string) int64 {
	start := p.Peek()
	neg := p.Accept("-")
	t := p.Peek()
	if t.Kind == Number {
		if n, err := strconv.ParseInt(p.Text(t), 10, 64); err == nil {
			p.Next()
			if neg {
				n = -n
			}
			return n
		}
	}
	p.Fail(start.Span().Join(t.Span()), "expected %s, a whole number, found %s", what, p.describe(t))
	return 0
}

// Float reads a number, possibly signed.
func (p *Parser) Float(what string) float64 {
	neg := p.Accept("-")
	t := p.Peek()
	if t.Kind == Number {
		if n, err := strconv.ParseFloat(p.Text(t), 64); err == nil {
			p.Next()
			if neg {
				n = -n
			}
			return n
		}
	}
	p.FailExpect(what + ", a number")
	return 0
}

// Bool reads true or false.
func (p *Parser) Bool(what string) bool {
	t := p.Peek()
	word := strings.ToLower(p.Text(t))
	if t.Kind == String {
		word = strings.ToLower(Unquote(p.Text(t)))
	}
	switch word {
	case "true", "t", "1":
		p.Next()
		return true
	case "false", "f", "0":
		p.Next()
		return false
	}
	p.FailExpect(what + ", true or false")
	return false
}

// Word reads a bare word or a quoted text, such as an option's value, and returns it as written without quotes.
func (p *Parser) Word(what string) string {
	switch t := p.Peek(); t.Kind {
	case Ident, Number, Unit:
		return p.Text(p.Next())
	case String, Quoted:
		return Unquote(p.Text(p.Next()))
	case EOF, Mark:
	}
	p.FailExpect(what)
	return ""
}

// IsName reports whether a field name can start here.
func (p *Parser) IsName() bool {
	k := p.Peek().Kind
	return k == Ident || k == Quoted
}

// Field reads a field name: words or backticks joined by dots.
func (p *Parser) Field() *Field {
	t := p.Peek()
	if t.Kind == String {
		p.FailExpect("a field name").WithHint("Write a field name bare or in backticks; quotes make it a text.")
		return &Field{Node: Node{t.Span()}}
	}
	if t.Kind != Ident && t.Kind != Quoted {
		p.FailExpect("a field name")
		return &Field{Node: Node{t.Span()}}
	}
	f := &Field{Quoted: t.Kind == Quoted}
	f.Name = p.namePart(p.Next())
	if p.Adjacent() && p.dotNext() {
		var b strings.Builder
		b.WriteString(f.Name)
		for p.Adjacent() && p.dotNext() {
			f.Quoted = false
			if p.Accept(".") {
				b.WriteByte('.')
			}
			b.WriteString(p.namePart(p.Next()))
		}
		f.Name = b.String()
	}
	f.At = Span{int(t.Start), p.LastEnd()}
	return f
}

func (p *Parser) namePart(t Token) string {
	if t.Kind == Quoted {
		return Unquote(p.Text(t))
	}
	return p.Text(t)
}

// dotNext reports whether a dot and a further name part follow; `.5` and `.2xx` are numbers to the lexer.
func (p *Parser) dotNext() bool {
	t := p.Peek()
	if t.Kind == Number || t.Kind == Unit {
		return p.src[t.Start] == '.'
	}
	n := p.PeekAt(1)
	return t.Kind == Mark && p.src[t.Start] == '.' && n.Start == t.End && (n.Kind == Ident || n.Kind == Quoted || n.Kind == Number || n.Kind == Unit)
}

// WildField reads a field name in which * stands for any characters.
func (p *Parser) WildField() *Field {
	first := p.Peek()
	if first.Kind != Ident && first.Kind != Quoted && !p.Is("*") {
		return p.Field()
	}
	if first.Kind == Quoted && !p.isGlue(1) {
		return p.Field()
	}
	f := &Field{}
	var b strings.Builder
	for {
		b.WriteString(p.namePart(p.Next()))
		if !p.Adjacent() || !p.isGlue(0) {
			break
		}
	}
	f.Name = b.String()
	f.At = Span{int(first.Start), p.LastEnd()}
	return f
}

func (p *Parser) isGlue(n int) bool {
	t, before := p.PeekAt(n), p.PeekAt(n-1)
	if n == 0 {
		before = p.toks[p.pos-1]
	}
	if before.End != t.Start {
		return false
	}
	switch t.Kind {
	case Ident, Quoted, Number, Unit:
		return true
	case Mark:
		return strings.ContainsAny(p.Text(t), "*.") || p.Text(t) == "-" && t.Start+1 == p.PeekAt(n+1).Start
	case EOF, String:
	}
	return false
}

// Fields reads a comma list of field names.
func (p *Parser) Fields() []*Field {
	fs := []*Field{p.Field()}
	for p.Accept(",") {
		fs = append(fs, p.Field())
	}
	return fs
}

// IndexName reads the name of an index: bare with dashes, dots and wildcards, in backticks, or quoted; a comma list is one name.
func (p *Parser) IndexName() (string, Span) {
	start := p.Peek()
	var b strings.Builder
	for {
		t := p.Peek()
		switch {
		case t.Kind == Quoted || t.Kind == String:
			b.WriteString(Unquote(p.Text(p.Next())))
		case p.glued():
		default:
			p.FailExpect("the name of an index")
			return "", start.Span()
		}
		for t.Kind != EOF && p.Adjacent() && p.glued() {
		}
		if t.Kind != Quoted && t.Kind != String {
			b.WriteString(p.src[t.Start:p.LastEnd()])
		}
		if !p.Accept(",") {
			return b.String(), Span{int(start.Start), p.LastEnd()}
		}
		b.WriteByte(',')
	}
}

// glued passes one token that may be part of a bare index name.
func (p *Parser) glued() bool {
	t := p.Peek()
	switch t.Kind {
	case Ident, Number, Unit:
		p.Next()
		return true
	case Mark:
		switch p.Text(t) {
		case "*", ".", "-", ":", "?", "+", "~":
			p.Next()
			return true
		}
	case EOF, Quoted, String:
	}
	return false
}
