package doctable

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonText is a value kept as JSON text.
type jsonText string

// number is a JSON number as written.
type number string

func (b *Builder) fail(format string, args ...any) error {
	return fmt.Errorf("parse document: offset %d: %s", b.pos, fmt.Sprintf(format, args...))
}

// readDocument walks doc once and fills b.row.
func (b *Builder) readDocument(doc []byte) error {
	b.doc, b.pos, b.shadow = doc, 0, 0
	b.space()
	if b.peekByte() != '{' {
		return b.fail("not a JSON object")
	}
	if err := b.object(b.root, 0); err != nil {
		return err
	}
	b.space()
	if b.pos != len(b.doc) {
		return b.fail("text after the object")
	}
	return nil
}

func (b *Builder) space() {
	for b.pos < len(b.doc) {
		switch b.doc[b.pos] {
		case ' ', '\t', '\n', '\r':
			b.pos++
		default:
			return
		}
	}
}

func (b *Builder) peekByte() byte {
	if b.pos < len(b.doc) {
		return b.doc[b.pos]
	}
	return 0
}

// object reads the members at b.pos into the paths below n.
func (b *Builder) object(n *node, nesting int) error {
	return b.members(nesting, func(key []byte) error {
		target, ok := descend(n, key)
		if !ok {
			return b.skip(nesting + 1)
		}
		return b.value(target, nesting+1)
	})
}

// members reads an object and calls each with every key; each must consume the value.
func (b *Builder) members(nesting int, each func(key []byte) error) error {
	if nesting > maxNesting {
		return b.fail("nested deeper than %d", maxNesting)
	}
	b.pos++ // {
	for first := true; ; first = false {
		b.space()
		if b.peekByte() == '}' && first {
			b.pos++
			return nil
		}
		key, err := b.str()
		if err != nil {
			return err
		}
		b.space()
		if b.peekByte() != ':' {
			return b.fail("no colon after a key")
		}
		b.pos++
		b.space()
		if err := each(key); err != nil {
			return err
		}
		b.space()
		switch b.peekByte() {
		case ',':
			b.pos++
		case '}':
			b.pos++
			return nil
		default:
			return b.fail("no comma or brace after a value")
		}
	}
}

// descend finds the node for a key, dots and all. Names with an empty part (., a., a..b) are ignored, as on a cluster.
func descend(n *node, key []byte) (*node, bool) {
	for {
		part, rest, dotted := bytes.Cut(key, []byte{'.'})
		if len(part) == 0 {
			return nil, false
		}
		n = n.child(part)
		if !dotted {
			return n, true
		}
		key = rest
	}
}

// value reads one value into the path n.
func (b *Builder) value(n *node, nesting int) error {
	start := b.pos
	switch c := b.peekByte(); c {
	case '{':
		if n.opaque() || n.depth >= maxDepth {
			if err := b.skip(nesting); err != nil {
				return err
			}
			return b.leaf(n, b.rawJSON(n, start))
		}
		if b.emptyObject() {
			return b.leafEmpty(n)
		}
		return b.object(n, nesting)
	case '[':
		return b.array(n, nesting)
	case '"':
		s, err := b.str()
		if err != nil {
			return err
		}
		return b.leaf(n, validText(s))
	case 't', 'f', 'n':
		v, err := b.word()
		if err != nil || v == nil {
			return err
		}
		return b.leaf(n, v)
	default:
		text, err := b.number()
		if err != nil {
			return err
		}
		return b.leaf(n, number(text))
	}
}

// emptyObject passes over {} and reports whether it was there.
func (b *Builder) emptyObject() bool {
	rest := bytes.TrimLeft(b.doc[b.pos+1:], " \t\r\n")
	if len(rest) == 0 || rest[0] != '}' {
		return false
	}
	b.pos = len(b.doc) - len(rest) + 1
	return true
}

func (n *node) opaque() bool { return n.field != nil && (n.field.opaque || n.field.point) }

// rawJSON is the text from start to here; an object of a nested field is an array of one.
func (b *Builder) rawJSON(n *node, start int) any {
	s := validText(b.doc[start:b.pos])
	if n.field != nil && n.field.nested && strings.HasPrefix(s, "{") {
		return jsonText("[" + s + "]")
	}
	return jsonText(s)
}

// array reads an array: plain values become a list, anything else stays JSON text.
func (b *Builder) array(n *node, nesting int) error {
	start := b.pos
	list, plain, err := b.elements(n, nesting)
	if err != nil {
		return err
	}
	switch {
	case n.field != nil && n.field.opaque, !plain:
		return b.leaf(n, b.rawJSON(n, start))
	case len(list) == 0:
		return nil // an empty array is a missing value
	}
	return b.leaf(n, list)
}

// elements reads the array at b.pos. plain is false when an element is an object or array; the first object is also read
// for the types of its members.
func (b *Builder) elements(n *node, nesting int) (list []any, plain bool, err error) {
	if nesting > maxNesting {
		return nil, false, b.fail("nested deeper than %d", maxNesting)
	}
	plain = true
	b.pos++ // [
	for first := true; ; first = false {
		b.space()
		if b.peekByte() == ']' && first {
			b.pos++
			return list, plain, nil
		}
		v, err := b.element(n, nesting+1, plain)
		if err != nil {
			return nil, false, err
		}
		if _, structured := v.(jsonText); structured {
			plain = false
		}
		if v != nil && plain {
			list = append(list, v)
		}
		b.space()
		switch b.peekByte() {
		case ',':
			b.pos++
		case ']':
			b.pos++
			return list, plain, nil
		default:
			return nil, false, b.fail("no comma or bracket after an element")
		}
	}
}

// element reads one element; objects and arrays come back as empty jsonText. look asks for the types of an object's members.
func (b *Builder) element(n *node, nesting int, look bool) (any, error) {
	switch b.peekByte() {
	case '{':
		if look && (n.field == nil || !n.field.point) && n.depth < maxDepth {
			b.shadow++
			n.isArray = true
			err := b.object(n, nesting)
			b.shadow--
			return jsonText(""), err
		}
		return jsonText(""), b.skip(nesting)
	case '[':
		return jsonText(""), b.skip(nesting)
	case '"':
		s, err := b.str()
		return validText(s), err
	case 't', 'f', 'n':
		return b.word()
	default:
		text, err := b.number()
		return number(text), err
	}
}

// skip passes over one value, checking its syntax.
func (b *Builder) skip(nesting int) error {
	switch b.peekByte() {
	case '{':
		return b.members(nesting, func([]byte) error { return b.skip(nesting + 1) })
	case '[':
		if nesting > maxNesting {
			return b.fail("nested deeper than %d", maxNesting)
		}
		b.pos++
		b.space()
		if b.peekByte() == ']' {
			b.pos++
			return nil
		}
		for {
			b.space()
			if err := b.skip(nesting + 1); err != nil {
				return err
			}
			b.space()
			switch b.peekByte() {
			case ',':
				b.pos++
			case ']':
				b.pos++
				return nil
			default:
				return b.fail("no comma or bracket after an element")
			}
		}
	case '"':
		_, err := b.str()
		return err
	case 't', 'f', 'n':
		_, err := b.word()
		return err
	default:
		_, err := b.number()
		return err
	}
}

// word reads true, false or null.
func (b *Builder) word() (any, error) {
	rest := b.doc[b.pos:]
	switch {
	case bytes.HasPrefix(rest, []byte("true")):
		b.pos += len("true")
		return true, nil
	case bytes.HasPrefix(rest, []byte("false")):
		b.pos += len("false")
		return false, nil
	case bytes.HasPrefix(rest, []byte("null")):
		b.pos += len("null")
		return nil, nil
	}
	return nil, b.fail("not a JSON value")
}

// number reads a number and returns its text.
func (b *Builder) number() ([]byte, error) {
	start := b.pos
	digits := 0
	for b.pos < len(b.doc) {
		switch c := b.doc[b.pos]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E':
		default:
			goto end
		}
		b.pos++
	}
end:
	text := b.doc[start:b.pos]
	if digits == 0 {
		b.pos = start
		return nil, b.fail("not a JSON value")
	}
	if !plainInteger(text) {
		if _, err := strconv.ParseFloat(string(text), 64); err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, b.fail("not a number: %s", text)
		}
	}
	return text, nil
}

// plainInteger reports whether text is an optional minus and digits.
func plainInteger(text []byte) bool {
	if len(text) > 0 && text[0] == '-' {
		text = text[1:]
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0
}

// str reads a string. The result is valid until the next call when it holds no escapes: it is a part of the document.
func (b *Builder) str() ([]byte, error) {
	if b.peekByte() != '"' {
		return nil, b.fail("no string where one is due")
	}
	start := b.pos + 1
	for i := start; i < len(b.doc); i++ {
		switch b.doc[i] {
		case '"':
			b.pos = i + 1
			return b.doc[start:i], nil
		case '\\':
			return b.escaped(start, i)
		}
	}
	return nil, b.fail("a string without end")
}

// escaped reads on from the first backslash, at i.
func (b *Builder) escaped(start, i int) ([]byte, error) {
	out := append(make([]byte, 0, 2*(i-start)+32), b.doc[start:i]...)
	for i < len(b.doc) {
		c := b.doc[i]
		switch {
		case c == '"':
			b.pos = i + 1
			return out, nil
		case c != '\\':
			out = append(out, c)
			i++
			continue
		case i+1 >= len(b.doc):
			return nil, b.fail("a string without end")
		}
		i += 2
		switch e := b.doc[i-1]; e {
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case '"', '\\', '/':
			out = append(out, e)
		case 'u':
			r, n := b.codePoint(i)
			if n == 0 {
				b.pos = i
				return nil, b.fail("a bad \\u escape")
			}
			out = utf8.AppendRune(out, r)
			i += n
		default:
			b.pos = i
			return nil, b.fail("an unknown escape \\%c", e)
		}
	}
	return nil, b.fail("a string without end")
}

// codePoint reads the hex digits of a \u escape at i, and the second half of a surrogate pair; n is how many bytes it took.
func (b *Builder) codePoint(i int) (r rune, n int) {
	hex := func(i int) (rune, bool) {
		if i+4 > len(b.doc) {
			return 0, false
		}
		v, err := strconv.ParseUint(string(b.doc[i:i+4]), 16, 16)
		return rune(v), err == nil
	}
	r, ok := hex(i)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if i+6 <= len(b.doc) && b.doc[i+4] == '\\' && b.doc[i+5] == 'u' {
			if low, ok := hex(i + 6); ok {
				if full := utf16.DecodeRune(r, low); full != utf8.RuneError {
					return full, 10
				}
			}
		}
		return utf8.RuneError, 4
	}
	return r, 4
}

// validText copies s as valid UTF-8.
func validText(s []byte) string {
	if utf8.Valid(s) {
		return string(s)
	}
	return strings.ToValidUTF8(string(s), "\uFFFD")
}
