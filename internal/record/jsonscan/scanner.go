// Package jsonscan is a small JSON tokenizer for the readers: it works on bytes already in memory, copies nothing that has no
// escapes and never recurses deeper than it is told.
//
// It is lenient where log writers are sloppy (raw control characters inside strings, lone surrogates) and strict elsewhere:
// what it accepts as a number, a literal or a structure is what RFC 8259 says.
package jsonscan

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// The ways a text is not JSON. ErrEnd says that the text stops too early and may go on in bytes not seen yet.
var (
	ErrEnd     = errors.New("unexpected end of JSON")
	ErrSyntax  = errors.New("invalid JSON")
	ErrString  = errors.New("invalid escape in a JSON string")
	ErrNumber  = errors.New("invalid JSON number")
	ErrLiteral = errors.New("invalid JSON literal")
	ErrDepth   = errors.New("JSON nested too deeply")
)

// Kind is the kind of a JSON value.
type Kind uint8

// The kinds of values. Int fits int64; every other number is Float.
const (
	Null Kind = iota
	False
	True
	Int
	Float
	String
	Array
	Object
)

// Value is one scanned value. Text points into the scanned bytes or into the scanner's buffer and is valid until the next Reset.
type Value struct {
	Kind  Kind
	Int   int64
	Float float64
	Text  []byte // the string unescaped; the number, array or object as written
}

// Scanner reads values from a byte slice, one after the other. The zero value scans nothing; call Reset.
type Scanner struct {
	data    []byte
	pos     int
	buf     []byte
	depth   int
	control bool
}

// Reset begins with new data. Values deeper than maxDepth are refused with ErrDepth.
func (s *Scanner) Reset(data []byte, maxDepth int) {
	s.data, s.pos, s.buf, s.depth, s.control = data, 0, s.buf[:0], maxDepth, false
}

// Pos returns the offset of the next byte.
func (s *Scanner) Pos() int { return s.pos }

// Data returns the bytes scanned.
func (s *Scanner) Data() []byte { return s.data }

// Control reports whether a string held raw control characters, which strict parsers refuse.
func (s *Scanner) Control() bool { return s.control }

// Next skips white space and returns the byte that begins the next token without consuming it, 0 at the end.
func (s *Scanner) Next() byte {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		if c > ' ' || c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
		s.pos++
	}
	return 0
}

// Accept consumes c after white space and reports whether it was there.
func (s *Scanner) Accept(c byte) bool {
	if s.pos < len(s.data) && s.data[s.pos] == c || s.Next() == c && c != 0 {
		s.pos++
		return true
	}
	return false
}

// Expect consumes c after white space or says what is wrong.
func (s *Scanner) Expect(c byte) error {
	if s.Accept(c) {
		return nil
	}
	return s.wrong()
}

// wrong tells the end of the data from a wrong byte.
func (s *Scanner) wrong() error {
	if s.pos >= len(s.data) {
		return ErrEnd
	}
	return ErrSyntax
}

// Literally consumes text exactly here, without skipping white space, and reports whether it was there.
func (s *Scanner) Literally(text string) bool {
	if end := s.pos + len(text); end <= len(s.data) && string(s.data[s.pos:end]) == text {
		s.pos = end
		return true
	}
	return false
}

// Enter takes one level of nesting; Leave gives it back.
func (s *Scanner) Enter() error {
	if s.depth--; s.depth < 0 {
		s.depth++
		return ErrDepth
	}
	return nil
}

// Leave gives a level of nesting back.
func (s *Scanner) Leave() { s.depth++ }

// Value scans the next value. Arrays and objects are checked and returned as text.
func (s *Scanner) Value(v *Value) error {
	c := s.Next()
	switch {
	case c == '"':
		text, err := s.String()
		v.Kind, v.Text = String, text
		return err
	case c == '-' || c >= '0' && c <= '9':
		return s.number(v)
	case c == '[' || c == '{':
		v.Kind = Array
		if c == '{' {
			v.Kind = Object
		}
		start := s.pos
		err := s.Skip()
		v.Text = s.data[start:s.pos]
		return err
	}
	return s.literal(v)
}

func (s *Scanner) literal(v *Value) error {
	rest := s.data[s.pos:]
	for i, word := range [...]string{"null", "false", "true"} {
		if len(rest) >= len(word) && string(rest[:len(word)]) == word {
			v.Kind, v.Text = Kind(i), rest[:len(word)]
			s.pos += len(word)
			return nil
		}
		if len(rest) < len(word) && word[:len(rest)] == string(rest) {
			return ErrEnd
		}
	}
	if len(rest) == 0 {
		return ErrEnd
	}
	if c := rest[0]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
		return ErrLiteral
	}
	return ErrSyntax
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks the bytes of eight that are a quote, a backslash or a control character (high bit of each byte; only the
// lowest mark is exact, which is the one used).
func special(w uint64) uint64 {
	q := w ^ ones*'"'
	b := w ^ ones*'\\'
	return ((q-ones)&^q | (b-ones)&^b | (w-ones*0x20)&^w) & highs
}

// String scans a string whose opening quote is next. The result has no escapes left.
func (s *Scanner) String() ([]byte, error) {
	if s.Next() != '"' {
		return nil, s.wrong()
	}
	start := s.pos + 1
	i := start
	data := s.data
	for {
		for i+8 <= len(data) {
			m := special(binary.LittleEndian.Uint64(data[i:]))
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		for i < len(data) && data[i] != '"' && data[i] != '\\' && data[i] >= 0x20 {
			i++
		}
		if i >= len(data) {
			s.pos = i
			return nil, ErrEnd
		}
		switch c := data[i]; c {
		case '"':
			s.pos = i + 1
			return data[start:i:i], nil
		case '\\':
			return s.escaped(start, i)
		default:
			s.control = true
			i++
		}
	}
}

// escaped goes on with a string from its first backslash, into the buffer.
func (s *Scanner) escaped(start, i int) ([]byte, error) {
	begin := len(s.buf)
	s.buf = append(s.buf, s.data[start:i]...)
	for i < len(s.data) {
		c := s.data[i]
		switch c {
		case '"':
			s.pos = i + 1
			return s.buf[begin:len(s.buf):len(s.buf)], nil
		case '\\':
			n, err := s.escape(i)
			if err != nil {
				s.pos = i
				return nil, err
			}
			i += n
		default:
			from := i
			for i < len(s.data) && s.data[i] != '"' && s.data[i] != '\\' {
				s.control = s.control || s.data[i] < 0x20
				i++
			}
			s.buf = append(s.buf, s.data[from:i]...)
		}
	}
	s.pos = i
	return nil, ErrEnd
}

// escape appends what the escape at i stands for and returns its length. NUL becomes U+FFFD: no text column wants it.
func (s *Scanner) escape(i int) (int, error) {
	if i+1 >= len(s.data) {
		return 0, ErrEnd
	}
	switch c := s.data[i+1]; c {
	case '"', '\\', '/':
		s.buf = append(s.buf, c)
	case 'n':
		s.buf = append(s.buf, '\n')
	case 't':
		s.buf = append(s.buf, '\t')
	case 'r':
		s.buf = append(s.buf, '\r')
	case 'b':
		s.buf = append(s.buf, '\b')
	case 'f':
		s.buf = append(s.buf, '\f')
	case 'u':
		return s.unicode(i)
	default:
		return 0, ErrString
	}
	return 2, nil
}

func (s *Scanner) unicode(i int) (int, error) {
	r, err := s.hex4(i + 2)
	if err != nil {
		return 0, err
	}
	n := 6
	if utf16.IsSurrogate(r) {
		if i+7 < len(s.data) && s.data[i+6] == '\\' && s.data[i+7] == 'u' {
			low, err := s.hex4(i + 8)
			if err != nil {
				return 0, err
			}
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				s.buf = utf8.AppendRune(s.buf, pair)
				return 12, nil
			}
		}
		r = utf8.RuneError
	}
	if r == 0 {
		r = utf8.RuneError
	}
	s.buf = utf8.AppendRune(s.buf, r)
	return n, nil
}

func (s *Scanner) hex4(i int) (rune, error) {
	if i+4 > len(s.data) {
		return 0, ErrEnd
	}
	var r rune
	for _, c := range s.data[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, ErrString
		}
	}
	return r, nil
}

// number scans a number by RFC 8259's grammar. Whole numbers beyond int64 become Float; beyond float64, an infinity.
func (s *Scanner) number(v *Value) error {
	start, data := s.pos, s.data
	i := start
	if data[i] == '-' {
		i++
	}
	digits := i
	for i < len(data) && data[i]-'0' <= 9 {
		i++
	}
	if i == digits {
		s.pos = i
		if i >= len(data) {
			return ErrEnd
		}
		return ErrNumber
	}
	if data[digits] == '0' && i > digits+1 {
		s.pos = i
		return ErrNumber
	}
	whole := true
	if i < len(data) && data[i] == '.' {
		whole = false
		from := i + 1
		for i = from; i < len(data) && data[i]-'0' <= 9; {
			i++
		}
		if i == from {
			s.pos = i
			return s.short(ErrNumber)
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		whole = false
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		from := i
		for i < len(data) && data[i]-'0' <= 9 {
			i++
		}
		if i == from {
			s.pos = i
			return s.short(ErrNumber)
		}
	}
	s.pos = i
	v.Text = data[start:i]
	return v.convert(whole)
}

// short is ErrEnd at the end of the data, else err.
func (s *Scanner) short(err error) error {
	if s.pos >= len(s.data) {
		return ErrEnd
	}
	return err
}

func (v *Value) convert(whole bool) error {
	if whole {
		if n, ok := ParseInt(v.Text); ok {
			v.Kind, v.Int = Int, n
			return nil
		}
	}
	f, err := strconv.ParseFloat(string(v.Text), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return ErrNumber
	}
	v.Kind, v.Float = Float, f
	return nil
}

// ParseInt reads a decimal int64 with an optional minus; false when it is anything else or does not fit.
func ParseInt(text []byte) (int64, bool) {
	t := text
	neg := len(t) > 0 && t[0] == '-'
	if neg {
		t = t[1:]
	}
	if len(t) == 0 || len(t) > 19 {
		return 0, false
	}
	var n uint64
	for _, c := range t {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + uint64(c)
	}
	if neg {
		return -int64(n), n <= 1<<63
	}
	return int64(n), n < 1<<63
}

// Skip checks and passes the next value.
func (s *Scanner) Skip() error {
	switch c := s.Next(); c {
	case '{':
		return s.skipObject()
	case '[':
		return s.skipArray()
	case '"':
		return s.skipString()
	default:
		var v Value
		return s.Value(&v)
	}
}

// skipString drops what unescaping put into the buffer: nobody asked for it.
func (s *Scanner) skipString() error {
	n := len(s.buf)
	_, err := s.String()
	s.buf = s.buf[:n]
	return err
}

func (s *Scanner) skipObject() error {
	if err := s.Enter(); err != nil {
		return err
	}
	s.pos++
	if s.Accept('}') {
		s.Leave()
		return nil
	}
	for {
		if err := s.skipString(); err != nil {
			return err
		}
		if err := s.Expect(':'); err != nil {
			return err
		}
		if err := s.Skip(); err != nil {
			return err
		}
		if !s.Accept(',') {
			s.Leave()
			return s.Expect('}')
		}
	}
}

func (s *Scanner) skipArray() error {
	if err := s.Enter(); err != nil {
		return err
	}
	s.pos++
	if s.Accept(']') {
		s.Leave()
		return nil
	}
	for {
		if err := s.Skip(); err != nil {
			return err
		}
		if !s.Accept(',') {
			s.Leave()
			return s.Expect(']')
		}
	}
}
