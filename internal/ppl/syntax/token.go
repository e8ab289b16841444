package syntax

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Span is a half-open range of bytes in the query text.
type Span struct{ Start, End int }

// Join returns the smallest span that holds both.
func (s Span) Join(o Span) Span { return Span{min(s.Start, o.Start), max(s.End, o.End)} }

// Kind is the kind of a token.
type Kind uint8

// The kinds of tokens.
const (
	EOF    Kind = iota
	Ident       // a word: letters, digits, _ @ and inner -
	Quoted      // `name`
	String      // 'text' or "text"
	Number      // 12, 1.5, .5, 2e3
	Unit        // a number with letters behind it: 1h, 30seconds, 2.5log10
	Mark        // punctuation, one or two characters
)

// Token is one token; its text is Start..End of the query.
type Token struct {
	Kind       Kind
	Start, End int32
}

// Span returns where the token stands.
func (t Token) Span() Span { return Span{int(t.Start), int(t.End)} }

type lexer struct {
	src  string
	pos  int
	toks []Token
}

// lex splits src into tokens; the last one is EOF.
func lex(src string) ([]Token, error) {
	l := &lexer{src: src, toks: make([]Token, 0, len(src)/5+8)}
	for {
		if err := l.skip(); err != nil {
			return nil, err
		}
		if l.pos >= len(src) {
			l.emit(EOF, l.pos)
			return l.toks, nil
		}
		if err := l.next(); err != nil {
			return nil, err
		}
	}
}

func (l *lexer) emit(k Kind, start int) {
	l.toks = append(l.toks, Token{k, int32(start), int32(l.pos)})
}

// skip passes blanks and comments.
func (l *lexer) skip() error {
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		switch {
		case strings.HasPrefix(rest, "//"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			l.pos += n
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return Errorf(Span{l.pos, l.pos + 2}, "this comment is not closed")
			}
			l.pos += n + 4
		default:
			r, size := utf8.DecodeRuneInString(rest)
			if !unicode.IsSpace(r) && r != '\uFEFF' {
				return nil
			}
			l.pos += size
		}
	}
	return nil
}

func (l *lexer) next() error {
	start := l.pos
	c := l.src[l.pos]
	switch {
	case c == '`' || c == '\'' || c == '"':
		return l.quoted(c)
	case isDigit(c), c == '.' && l.at(1, isDigit):
		l.number()
		return nil
	}
	if r, size := utf8.DecodeRuneInString(l.src[l.pos:]); isIdentStart(r) {
		l.pos += size
		l.ident()
		l.emit(Ident, start)
		return nil
	}
	l.mark()
	l.emit(Mark, start)
	return nil
}

func (l *lexer) at(n int, is func(byte) bool) bool {
	return l.pos+n < len(l.src) && is(l.src[l.pos+n])
}

// ident passes the rest of a word. A '-' belongs to it when a letter or digit follows: index and field names have dashes.
func (l *lexer) ident() {
	for l.pos < len(l.src) {
		r, size := utf8.DecodeRuneInString(l.src[l.pos:])
		if r == '-' {
			if r2, _ := utf8.DecodeRuneInString(l.src[l.pos+1:]); !isIdentPart(r2) {
				return
			}
		} else if !isIdentPart(r) {
			return
		}
		l.pos += size
	}
}

// number passes digits with a fraction, an exponent or a unit.
func (l *lexer) number() {
	start := l.pos
	l.digits()
	if l.pos < len(l.src) && l.src[l.pos] == '.' && l.at(1, isDigit) {
		l.pos++
		l.digits()
	}
	if l.exponent() {
		l.emit(Number, start)
		return
	}
	unit := l.pos
	for l.pos < len(l.src) {
		r, size := utf8.DecodeRuneInString(l.src[l.pos:])
		if !isIdentPart(r) || r == '@' {
			break
		}
		l.pos += size
	}
	if l.pos > unit {
		l.emit(Unit, start)
		return
	}
	l.emit(Number, start)
}

func (l *lexer) digits() {
	for l.pos < len(l.src) && isDigit(l.src[l.pos]) {
		l.pos++
	}
}

func (l *lexer) exponent() bool {
	i := l.pos
	if i >= len(l.src) || l.src[i]|0x20 != 'e' {
		return false
	}
	i++
	if i < len(l.src) && (l.src[i] == '+' || l.src[i] == '-') {
		i++
	}
	if i >= len(l.src) || !isDigit(l.src[i]) {
		return false
	}
	for i < len(l.src) && isDigit(l.src[i]) {
		i++
	}
	if i < len(l.src) && isIdentPart(rune(l.src[i])) {
		return false
	}
	l.pos = i
	return true
}

// quoted passes a quoted text. A doubled quote or a backslash before a quote or a backslash stands for the character itself.
func (l *lexer) quoted(q byte) error {
	start := l.pos
	for l.pos++; l.pos < len(l.src); l.pos++ {
		switch c := l.src[l.pos]; {
		case c == '\\' && q != '`':
			l.pos++
		case c != q:
		case l.pos+1 < len(l.src) && l.src[l.pos+1] == q:
			l.pos++
		default:
			l.pos++
			if q == '`' {
				l.emit(Quoted, start)
			} else {
				l.emit(String, start)
			}
			return nil
		}
	}
	e := Errorf(Span{start, start + 1}, "this quote is not closed")
	e.Hint = "Close it with " + string(q) + ", or write it twice inside the text."
	return e
}

func (l *lexer) mark() {
	if l.pos+1 < len(l.src) {
		switch l.src[l.pos : l.pos+2] {
		case "==", "!=", "<>", "<=", ">=", "->":
			l.pos += 2
			return
		}
	}
	_, size := utf8.DecodeRuneInString(l.src[l.pos:])
	l.pos += size
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isIdentStart(r rune) bool {
	return r == '_' || r == '@' || r != utf8.RuneError && unicode.IsLetter(r)
}

func isIdentPart(r rune) bool { return isIdentStart(r) || unicode.IsDigit(r) }

// Unquote returns the text a quoted token stands for.
func Unquote(s string) string {
	if len(s) < 2 {
		return s
	}
	q, body := s[0], s[1:len(s)-1]
	if q == '`' {
		return strings.ReplaceAll(body, "``", "`")
	}
	if strings.IndexByte(body, '\\') < 0 && strings.IndexByte(body, q) < 0 {
		return body
	}
	var b strings.Builder
	for i := 0; i < len(body); i++ {
		c := body[i]
		if i+1 < len(body) {
			n := body[i+1]
			if c == '\\' && (n == '"' || n == '\'' || n == '\\') || c == q && n == q {
				c = n
				i++
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// Quote returns s as a PPL text in double quotes.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
	return b.String()
}

// Name returns a field name as PPL, in backticks where a bare word would not be read as the same name.
func Name(s string) string {
	if bareName(s) {
		return s
	}
	return "`" + strings.ReplaceAll(s, "`", "``") + "`"
}

func bareName(s string) bool {
	if s == "" || strings.Contains(s, "//") {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		for i, r := range part {
			if i == 0 && !isIdentStart(r) || !isIdentPart(r) {
				return false
			}
		}
		if part == "" {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "not", "and", "or", "xor", "in", "between", "like", "ilike", "contains", "regexp", "is", "as", "by", "true", "false", "null",
		"case", "cast", "exists", "interval", "else", "span", "on", "where", "from", "with", "using", "replace", "append", "output", "over":
		return false
	}
	return true
}
