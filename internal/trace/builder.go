package trace

import (
	"hash/fnv"
	"slices"
	"strconv"
	"time"
)

// maxValues is how many different values of one attribute key are kept; a key with more is an identifier, of no use for
// comparing groups of spans, and would fill the memory.
const maxValues = 4000

// maxMessage cuts status and exception messages: longer ones hold stack traces and are read from the source when shown.
const maxMessage = 300

// Record is one span as it is read. Attributes are set through Builder.Add's arguments, not here.
type Record struct {
	TraceID, SpanID, ParentID string
	Name, Kind, Service       string
	Start, End                time.Time
	Dur                       int64 // nanoseconds; 0 = End - Start
	Status                    int   // 0 unset, 1 ok, 2 error
	Message                   string
	File                      string
	Line                      int64
}

// RawAttr is an attribute as it is read: a key made by Builder.Key and a cell of package rows.
type RawAttr struct {
	Key   KeyID
	Value any
}

// Builder fills a Set. It is not safe for concurrent use.
type Builder struct {
	set       *Set
	resources map[uint64]int32
	recent    []recentValues
	traces    map[string]int32
	traceIDs  []Sym
	values    []map[uint64]struct{}
	masked    map[Sym]Sym
	resAttrs  []Attr
	known     wellKnown
}

// wellKnown are the keys the model itself reads.
type wellKnown struct {
	errorType, exceptionType, exceptionMessage KeyID
	status                                     []KeyID
	targets                                    []KeyID
	version, instance, pod, node, host         KeyID
	zone, region                               KeyID
}

// NewBuilder returns an empty builder.
func NewBuilder() *Builder {
	b := &Builder{
		set:       &Set{syms: NewSymbols(), keyOf: map[string]KeyID{}, high: map[KeyID]bool{}, odd: map[uint64]string{}},
		resources: map[uint64]int32{}, traces: map[string]int32{}, masked: map[Sym]Sym{},
	}
	k := &b.known
	k.errorType, k.exceptionType, k.exceptionMessage = b.Key("error.type"), b.Key("exception.type"), b.Key("exception.message")
	for _, n := range statusKeys() {
		k.status = append(k.status, b.Key(n))
	}
	for _, n := range TargetKeys() {
		k.targets = append(k.targets, b.Key(n))
	}
	k.version, k.instance = b.ResourceKey("service.version"), b.ResourceKey("service.instance.id")
	k.pod, k.node, k.host = b.ResourceKey("k8s.pod.name"), b.ResourceKey("k8s.node.name"), b.ResourceKey("host.name")
	k.zone, k.region = b.ResourceKey("cloud.availability_zone"), b.ResourceKey("cloud.region")
	return b
}

// resourcePrefix marks the keys of resource attributes among a Set's keys.
const resourcePrefix = "resource."

// Key returns the id of a span attribute's key, without the prefix "attributes.".
func (b *Builder) Key(name string) KeyID {
	if k, ok := b.set.keyOf[name]; ok {
		return k
	}
	k := KeyID(len(b.set.keys))
	b.set.keys = append(b.set.keys, name)
	b.set.keyOf[name] = k
	b.values = append(b.values, map[uint64]struct{}{})
	b.recent = append(b.recent, recentValues{})
	return k
}

// ResourceKey returns the id of a resource attribute's key, without the prefix "resource.attributes.".
func (b *Builder) ResourceKey(name string) KeyID { return b.Key(resourcePrefix + name) }

// Add takes one span with its own and its resource's attributes; the slices may be reused by the caller.
func (b *Builder) Add(r *Record, own, resource []RawAttr) {
	s := Span{
		ID: b.spanID(r.SpanID), ParentID: b.spanID(r.ParentID), Start: r.Start.UnixNano(), Dur: r.Dur,
		Kind: kindOf(r.Kind), Error: r.Status == 2, Parent: -1, FirstChild: -1, NextSibling: -1,
		Service: b.set.syms.Of(r.Service), Name: b.operation(r.Name), File: b.set.syms.Of(r.File), Line: int32(min(r.Line, 1<<31-1)),
	}
	if s.Dur == 0 && !r.End.IsZero() {
		s.Dur = max(0, r.End.Sub(r.Start).Nanoseconds())
	}
	if s.ParentID == s.ID {
		s.ParentID = 0
	}
	s.Trace = b.trace(r.TraceID)
	s.Resource = b.resource(s.Service, resource)
	s.Message = b.set.syms.Of(clip(r.Message, maxMessage))
	s.attrAt = uint32(len(b.set.attrs))
	for _, a := range own {
		if v, ok := b.attr(a); ok {
			b.set.attrs = append(b.set.attrs, v)
		}
	}
	s.attrN = uint16(len(b.set.attrs) - int(s.attrAt))
	b.derive(&s)
	b.set.Spans = append(b.set.Spans, s)
}

// Exception sets error type and message of a span from its exception event, where the span itself says nothing.
// It may be called after Build; it does nothing for spans that are not in the set.
func (s *Set) Exception(i int32, errorType, message string) {
	sp := &s.Spans[i]
	if t := s.Text(sp.ErrorType); errorType != "" && (t == "" || t == "ERROR") {
		sp.ErrorType = s.syms.Of(errorType)
	}
	if sp.Message == 0 && message != "" {
		sp.Message = s.syms.Of(clip(message, maxMessage))
	}
}

// derive reads error type, target and soft failure out of the span's attributes.
func (b *Builder) derive(s *Span) {
	var codes string
	rank := len(b.known.targets)
	for _, a := range b.set.Attrs(s) {
		switch a.Key {
		case b.known.errorType:
			s.ErrorType = b.set.syms.Of(b.set.Value(a))
		case b.known.exceptionType:
			if s.ErrorType == 0 {
				s.ErrorType = b.set.syms.Of(b.set.Value(a))
			}
		case b.known.exceptionMessage:
			if s.Message == 0 {
				s.Message = a.Sym()
			}
		default:
			if slices.Contains(b.known.status, a.Key) && failedStatus(b.set.keys[a.Key], b.set.Value(a)) {
				codes = b.set.Value(a)
			}
			if p := slices.Index(b.known.targets, a.Key); p >= 0 && p < rank && !s.Kind.Incoming() {
				rank, s.Target, s.TargetKey = p, b.set.syms.Of(b.set.Value(a)), a.Key
			}
		}
	}
	s.Soft = !s.Error && (s.ErrorType != 0 || codes != "")
	if s.ErrorType == 0 && codes != "" {
		s.ErrorType = b.set.syms.Of(codes)
	}
	if s.ErrorType == 0 && s.Error {
		s.ErrorType = b.set.syms.Of("ERROR")
	}
}

func (b *Builder) attr(a RawAttr) (Attr, bool) {
	var v Attr
	switch x := a.Value.(type) {
	case nil:
		return v, false
	case string:
		if b.set.high[a.Key] {
			return v, false
		}
		if v, ok := b.recent[a.Key].find(x); ok {
			return v, true
		}
		v = textAttr(a.Key, b.set.syms.Of(clip(x, maxMessage)))
		b.recent[a.Key].keep(x, v)
	case bool:
		v = textAttr(a.Key, b.set.syms.Of(strconv.FormatBool(x)))
	case int64:
		return numAttr(a.Key, float64(x)), true
	case float64:
		return numAttr(a.Key, x), true
	default:
		return v, false
	}
	if seen := b.values[a.Key]; seen != nil {
		seen[v.Bits()] = struct{}{}
		if len(seen) > maxValues {
			b.set.high[a.Key], b.values[a.Key] = true, nil
		}
	}
	return v, true
}

// recentValues remembers, for one key, the last text of a few hashes: most attributes repeat few values, and a hit costs neither
// a look into the symbol table nor one into the key's values.
type recentValues struct {
	text [recentSlots]string
	attr [recentSlots]Attr
}

const recentSlots = 16

func recentSlot(x string) int {
	if x == "" {
		return 0
	}
	return (len(x)*31 ^ int(x[0])*7 ^ int(x[len(x)-1])*13 ^ int(x[len(x)/2])*29) & (recentSlots - 1)
}

func (r *recentValues) find(x string) (Attr, bool) {
	i := recentSlot(x)
	return r.attr[i], r.text[i] == x && x != ""
}

func (r *recentValues) keep(x string, v Attr) {
	i := recentSlot(x)
	r.text[i], r.attr[i] = x, v
}

func (b *Builder) resource(service Sym, raw []RawAttr) int32 {
	b.resAttrs = b.resAttrs[:0]
	h := fnvOffset ^ uint64(service)
	for _, a := range raw {
		if v, ok := b.attr(a); ok {
			b.resAttrs = append(b.resAttrs, v)
			h = h*fnvPrime ^ v.Bits()
		}
	}
	for ; ; h++ { // of two resources with one hash the second takes the next number
		i, ok := b.resources[h]
		if !ok {
			break
		}
		if r := &b.set.Resources[i]; r.Service == service && slices.Equal(r.Attrs, b.resAttrs) {
			return i
		}
	}
	r := Resource{Service: service, Attrs: slices.Clone(b.resAttrs)}
	for _, a := range r.Attrs {
		y := b.set.syms.Of(b.set.Value(a))
		switch a.Key {
		case b.known.version:
			r.Version = y
		case b.known.instance:
			r.Instance = y
		case b.known.pod:
			r.Pod = y
		case b.known.node:
			r.Node = y
		case b.known.host:
			r.Host = y
		case b.known.zone:
			r.Zone = y
		case b.known.region:
			r.Region = y
		}
	}
	i := int32(len(b.set.Resources))
	b.set.Resources = append(b.set.Resources, r)
	b.resources[h] = i
	return i
}

// The constants of the FNV hash.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func (b *Builder) trace(id string) int32 {
	if t, ok := b.traces[id]; ok {
		return t
	}
	t := int32(len(b.traceIDs))
	y := b.set.syms.Of(id)
	b.traceIDs = append(b.traceIDs, y)
	b.traces[b.set.syms.Text(y)] = t
	return t
}

// spanID packs 16 hex digits into a number; any other spelling is hashed and remembered.
func (b *Builder) spanID(id string) uint64 {
	if id == "" {
		return 0
	}
	if n, ok := hex16(id); ok {
		return n
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	n := h.Sum64() | 1
	if _, ok := b.set.odd[n]; !ok {
		b.set.odd[n] = id
	}
	return n
}

func hex16(id string) (uint64, bool) {
	if len(id) != 16 {
		return 0, false
	}
	var n uint64
	for i := range 16 {
		c := id[i]
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			n = n<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return n, n != 0
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// operation masks ids in the path segments of a span name, so that "GET /user/42" and "GET /user/43" are one operation.
func (b *Builder) operation(name string) Sym {
	y := b.set.syms.Of(name)
	if m, ok := b.masked[y]; ok {
		return m
	}
	m := b.set.syms.Of(maskPath(name))
	b.masked[y] = m
	return m
}
