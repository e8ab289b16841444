package record

import (
	"time"
)

// builder fills the one Record that is handed over again and again. A slot stands for a name: it knows where in the current
// record its value lies, so that a name set twice keeps one place, and it remembers the values seen, so that the few services,
// pods and routes of a file are one string each.
type builder struct {
	rec   Record
	stamp uint64
	slots map[string]*slot
	guess []*slot // of the attributes of the line before, by their place
}

type slot struct {
	name  string
	stamp uint64
	at    int
	pool  pool
}

// The limits of what is remembered between records. A file whose keys are ids would fill the tables without end: they are then
// forgotten and begun again.
const (
	maxSlots     = 1 << 15
	maxPooled    = 1024 // values remembered of one name
	maxPoolBytes = 128  // longest value remembered
	poolTrial    = 256  // misses after which a name must have shown that remembering pays
)

func newBuilder() *builder { return &builder{slots: make(map[string]*slot, 256)} }

// begin starts a record.
func (b *builder) begin(kind Kind, line int64) {
	b.stamp++
	b.rec.Kind, b.rec.Line, b.rec.Raw = kind, line, nil
	b.rec.Names, b.rec.Values = b.rec.Names[:0], b.rec.Values[:0]
}

// slot returns the slot of a name.
func (b *builder) slot(name string) *slot {
	if s, ok := b.slots[name]; ok {
		return s
	}
	s := &slot{name: name}
	b.slots[name] = s
	return s
}

// slotOf returns the slot of prefix + key.
func (b *builder) slotOf(prefix string, key []byte) *slot {
	var tmp [128]byte
	name := append(append(tmp[:0], prefix...), key...)
	if s, ok := b.slots[string(name)]; ok {
		return s
	}
	return b.slot(string(name))
}

// guessed is slotOf for the i-th attribute of a line: lines of one layout have the same ones.
func (b *builder) guessed(i int, prefix string, key []byte) *slot {
	for len(b.guess) <= i {
		b.guess = append(b.guess, b.slot(""))
	}
	name := b.guess[i].name
	if n := len(prefix); len(name) != n+len(key) || name[:n] != prefix || name[n:] != string(key) {
		b.guess[i] = b.slotOf(prefix, key)
	}
	return b.guess[i]
}

// full reports whether the tables should be forgotten before the next record.
func (b *builder) full() bool { return len(b.slots) > maxSlots }

// set gives a name its value; the last one stays.
func (b *builder) set(s *slot, v any) {
	if s.stamp == b.stamp {
		b.rec.Values[s.at] = v
		return
	}
	s.stamp, s.at = b.stamp, len(b.rec.Names)
	b.rec.Names = append(b.rec.Names, s.name)
	b.rec.Values = append(b.rec.Values, v)
}

// has reports whether the current record has a value for the name.
func (b *builder) has(s *slot) bool { return s.stamp == b.stamp }

// get returns the current record's value for the name, nil for none.
func (b *builder) get(s *slot) any {
	if s.stamp != b.stamp {
		return nil
	}
	return b.rec.Values[s.at]
}

// text returns the current record's string for the name, "" for none.
func (b *builder) text(s *slot) string {
	t, _ := b.get(s).(string)
	return t
}

// time returns the current record's time for the name, the zero time for none.
func (b *builder) time(s *slot) time.Time {
	t, _ := b.get(s).(time.Time)
	return t
}

func (b *builder) setText(s *slot, text []byte) { b.set(s, s.pool.text(text)) }

// setSome sets a text that is not empty.
func (b *builder) setSome(s *slot, text []byte) {
	if len(text) > 0 {
		b.setText(s, text)
	}
}

func (b *builder) setJSON(s *slot, text []byte)   { b.set(s, s.pool.json(text)) }
func (b *builder) setTime(s *slot, t time.Time)   { b.set(s, t) }
func (b *builder) setInt(s *slot, n int64)        { b.set(s, n) }
func (b *builder) setString(s *slot, text string) { b.set(s, text) }
func (b *builder) setFresh(s *slot, text []byte)  { b.set(s, string(text)) }
func (b *builder) setIfAbsent(s *slot, v any)     { b.setUnless(b.has(s), s, v) }
func (b *builder) setUnless(no bool, s *slot, v any) {
	if !no {
		b.set(s, v)
	}
}

// pool remembers the boxed strings of one name while that pays.
type pool struct {
	last  any
	lastS string
	vals  map[string]any
	hits  int
	miss  int
	off   bool
}

func (p *pool) text(b []byte) any { return p.lookup(b, false) }

func (p *pool) json(b []byte) any { return p.lookup(b, true) }

func (p *pool) lookup(b []byte, json bool) any {
	if p.last != nil && p.lastS == string(b) {
		return p.last
	}
	if len(b) > maxPoolBytes {
		return box(string(b), json)
	}
	if !p.off {
		if v, ok := p.vals[string(b)]; ok {
			p.hits++
			p.last, p.lastS = v, textOf(v)
			return v
		}
	}
	s := string(b)
	v := box(s, json)
	p.last, p.lastS = v, s
	p.learn(s, v)
	return v
}

func (p *pool) learn(s string, v any) {
	if p.off {
		return
	}
	if p.miss++; p.miss >= poolTrial && p.miss > p.hits {
		p.off, p.vals = true, nil
		return
	}
	if p.vals == nil {
		p.vals = make(map[string]any, 8)
	}
	if len(p.vals) < maxPooled {
		p.vals[s] = v
	}
}

func box(s string, json bool) any {
	if json {
		return JSON(s)
	}
	return s
}

func textOf(v any) string {
	switch t := v.(type) {
	case string:
		return t
	case JSON:
		return string(t)
	}
	return ""
}
