package trace

import (
	"strconv"
	"time"
)

// Kind is the kind of a span.
type Kind uint8

// The kinds of spans, in the order of OTLP.
const (
	KindUnset Kind = iota
	Internal
	Server
	Client
	Producer
	Consumer
)

// String returns the kind in lower case, "unset" for none.
func (k Kind) String() string {
	return [...]string{"unset", "internal", "server", "client", "producer", "consumer"}[min(int(k), 5)]
}

// Outgoing reports whether a span of this kind calls something outside its process.
func (k Kind) Outgoing() bool { return k == Client || k == Producer }

// Incoming reports whether a span of this kind serves a call or a message.
func (k Kind) Incoming() bool { return k == Server || k == Consumer }

func kindOf(s string) Kind {
	if len(s) > 10 && s[:10] == "SPAN_KIND_" {
		s = s[10:]
	}
	switch s {
	case "INTERNAL", "internal", "1":
		return Internal
	case "SERVER", "server", "2":
		return Server
	case "CLIENT", "client", "3":
		return Client
	case "PRODUCER", "producer", "4":
		return Producer
	case "CONSUMER", "consumer", "5":
		return Consumer
	}
	return KindUnset
}

// Span is one span. Indices are positions in the Set that holds it; -1 is none.
type Span struct {
	ID, ParentID uint64 // see Set.SpanID; 0 = none
	Start        int64  // Unix nanoseconds, mended by Shift
	Dur          int64  // nanoseconds
	Shift        int64  // what was added to the reported start because the child lay outside its parent (clock skew)
	Trace        int32
	Parent       int32
	FirstChild   int32
	NextSibling  int32
	Resource     int32
	Line         int32 // 1-based in File, 0 unknown
	Service      Sym
	Name         Sym // operation; digits and ids in path segments are masked
	ErrorType    Sym // error.type, else exception.type, else the status code's text
	Message      Sym // status message or exception message
	Target       Sym // what an outgoing span calls, "" if nothing says so
	File         Sym
	attrAt       uint32
	attrN        uint16
	TargetKey    KeyID // the attribute Target was read from
	Kind         Kind
	Error        bool // status code 2
	Soft         bool // not an error by status, but carries error.type or a 4xx/5xx answer
	Orphan       bool // names a parent that is not in the Set
}

// End returns the end in Unix nanoseconds.
func (s *Span) End() int64 { return s.Start + s.Dur }

// Resource is what a process says about itself. Empty symbols are unknown.
type Resource struct {
	Service, Version, Instance, Pod, Node, Zone, Region, Host Sym
	Attrs                                                     []Attr
}

// Set is the spans of one window, grouped by trace and within a trace ordered by start. It is read-only.
type Set struct {
	Spans     []Span
	Traces    []Trace
	Resources []Resource
	Dropped   int // duplicates left out
	Notes     []string

	syms  *Symbols
	attrs []Attr
	keys  []string
	keyOf map[string]KeyID
	high  map[KeyID]bool
	odd   map[uint64]string
}

// Trace is the run Spans[Lo:Hi] of one trace.
type Trace struct {
	ID     Sym
	Lo, Hi int32
	Root   int32 // earliest span without a parent in the Set
}

// Text returns the string of a symbol.
func (s *Set) Text(y Sym) string { return s.syms.Text(y) }

// Sym returns the symbol of a string, if any span holds it.
func (s *Set) Sym(text string) (Sym, bool) { return s.syms.Find(text) }

// Keys lists the attribute keys by KeyID: span attributes bare, resource attributes with the prefix "resource.".
func (s *Set) Keys() []string { return s.keys }

// Key returns the id of an attribute key.
func (s *Set) Key(name string) (KeyID, bool) {
	k, ok := s.keyOf[name]
	return k, ok
}

// HighCardinality reports whether so many values of the key were seen that they were not kept.
func (s *Set) HighCardinality(k KeyID) bool { return s.high[k] }

// Attrs returns the span's own attributes.
func (s *Set) Attrs(sp *Span) []Attr { return s.attrs[sp.attrAt : sp.attrAt+uint32(sp.attrN)] }

// Attr returns the text of one span attribute, "" if it is not set.
func (s *Set) Attr(sp *Span, k KeyID) string {
	for _, a := range s.Attrs(sp) {
		if a.Key == k {
			return s.Value(a)
		}
	}
	return ""
}

// Value returns the text of an attribute's value.
func (s *Set) Value(a Attr) string {
	if a.Num {
		return strconv.FormatFloat(a.Float(), 'g', 7, 64)
	}
	return s.Text(a.Sym())
}

// SpanID returns the span's id as the data wrote it.
func (s *Set) SpanID(id uint64) string {
	if id == 0 {
		return ""
	}
	if t, ok := s.odd[id]; ok {
		return t
	}
	const digits = "0123456789abcdef"
	var b [16]byte
	for i := range b {
		b[15-i] = digits[id>>(4*i)&15]
	}
	return string(b[:])
}

// TraceID returns the id of the span's trace.
func (s *Set) TraceID(sp *Span) string { return s.Text(s.Traces[sp.Trace].ID) }

// Res returns the span's resource.
func (s *Set) Res(sp *Span) *Resource { return &s.Resources[sp.Resource] }

// Bounds returns the earliest start and the latest start, zero when the Set is empty.
func (s *Set) Bounds() (from, to time.Time) {
	if len(s.Spans) == 0 {
		return from, to
	}
	lo, hi := s.Spans[0].Start, s.Spans[0].Start
	for i := range s.Spans {
		lo, hi = min(lo, s.Spans[i].Start), max(hi, s.Spans[i].Start)
	}
	return time.Unix(0, lo).UTC(), time.Unix(0, hi).UTC()
}

// Children calls f for each child of span i in order of start.
func (s *Set) Children(i int32, f func(child int32)) {
	for c := s.Spans[i].FirstChild; c >= 0; c = s.Spans[c].NextSibling {
		f(c)
	}
}

// ValueOfBits returns the text of the value in an attribute's Bits.
func (s *Set) ValueOfBits(bits uint64) string {
	return s.Value(Attr{Key: KeyID(bits >> 33), Num: bits>>32&1 == 1, v: uint32(bits)})
}
