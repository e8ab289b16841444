package trace

import "math"

// Sym is an interned string. Sym 0 is the empty string.
type Sym uint32

// Symbols interns strings: equal strings share one number and one copy.
type Symbols struct {
	text  []string
	index map[string]Sym
}

// NewSymbols returns a table that holds the empty string.
func NewSymbols() *Symbols {
	return &Symbols{text: []string{""}, index: map[string]Sym{"": 0}}
}

// Of returns the symbol of s, adding it when it is new.
func (t *Symbols) Of(s string) Sym {
	if y, ok := t.index[s]; ok {
		return y
	}
	y := Sym(len(t.text))
	t.text = append(t.text, s)
	t.index[s] = y
	return y
}

// Find returns the symbol of s, if it is known.
func (t *Symbols) Find(s string) (Sym, bool) {
	y, ok := t.index[s]
	return y, ok
}

// Text returns the string of y.
func (t *Symbols) Text(y Sym) string { return t.text[y] }

// Len returns how many symbols exist.
func (t *Symbols) Len() int { return len(t.text) }

// Attr is one attribute value of a span or resource: a key and either a symbol or a number.
type Attr struct {
	Key KeyID
	Num bool
	v   uint32
}

// KeyID numbers an attribute key within one Set.
type KeyID uint16

// Sym returns the symbol of a text attribute, 0 for a number.
func (a Attr) Sym() Sym {
	if a.Num {
		return 0
	}
	return Sym(a.v)
}

// Float returns the value of a number (kept with 24 bits of precision), 0 for text.
func (a Attr) Float() float64 {
	if !a.Num {
		return 0
	}
	return float64(math.Float32frombits(a.v))
}

// Bits returns the value as a comparable code, equal exactly when key and value are equal.
func (a Attr) Bits() uint64 {
	b := uint64(a.Key)<<33 | uint64(a.v)
	if a.Num {
		b |= 1 << 32
	}
	return b
}

func textAttr(k KeyID, y Sym) Attr { return Attr{Key: k, v: uint32(y)} }

func numAttr(k KeyID, f float64) Attr {
	return Attr{Key: k, Num: true, v: math.Float32bits(float32(f))}
}
