package trace

import (
	"cmp"
	"slices"
)

// Segment is a stretch of a trace's critical path: while it lasted, the span itself (not a child) kept its caller waiting.
type Segment struct {
	Span     int32
	Before   int32 // the child called at the end of the segment, -1 when none: what the span was waiting to call
	From, To int64 // Unix nanoseconds
}

// CriticalPath appends to out the segments of the critical path below span root, latest first, and returns it: from the
// root's end backwards, always into the child that finished last before the moment reached (Böhme et al. 2010; as in
// Jaeger and CRISP). Consumers of a message are not waited for. The lengths of the segments add up to the root's duration.
func (s *Set) CriticalPath(root int32, out []Segment) []Segment {
	sp := &s.Spans[root]
	return s.path(root, sp.End(), out, 0)
}

func (s *Set) path(i int32, end int64, out []Segment, depth int) []Segment {
	sp := &s.Spans[i]
	cur, before := min(end, sp.End()), int32(-1)
	if depth < maxDepth {
		for _, c := range s.byEnd(i) {
			ch := &s.Spans[c]
			to := min(ch.End(), cur)
			if ch.Start >= cur || to <= sp.Start {
				continue
			}
			if to < cur {
				out = append(out, Segment{i, before, to, cur})
			}
			out = s.path(c, to, out, depth+1)
			cur, before = max(ch.Start, sp.Start), c
		}
	}
	if cur > sp.Start {
		out = append(out, Segment{i, before, sp.Start, cur})
	}
	return out
}

// byEnd lists the children that i waits for, last to finish first.
func (s *Set) byEnd(i int32) []int32 {
	var few [8]int32
	out := few[:0]
	parent := &s.Spans[i]
	for c := parent.FirstChild; c >= 0; c = s.Spans[c].NextSibling {
		if s.Spans[c].Kind == Consumer || parent.Kind == Producer {
			continue
		}
		out = append(out, c)
	}
	if len(out) > 1 {
		slices.SortStableFunc(out, func(a, b int32) int { return cmp.Compare(s.Spans[b].End(), s.Spans[a].End()) })
	}
	return out
}

// Exclusive returns the time of span i in nanoseconds during which none of its children ran.
func (s *Set) Exclusive(i int32) int64 {
	sp := &s.Spans[i]
	own, at := sp.Dur, sp.Start
	for c := sp.FirstChild; c >= 0; c = s.Spans[c].NextSibling { // ordered by reported start
		ch := &s.Spans[c]
		if ch.Kind == Consumer || sp.Kind == Producer {
			continue
		}
		from, to := max(ch.Start, at), min(ch.End(), sp.End())
		if to > from {
			own -= to - from
			at = to
		}
	}
	return max(0, own)
}

// Caller returns the nearest span above i that is not of the same service instance's call chain: the outgoing span that
// caused i, or -1. For an incoming span that is its parent, else the parent of the entry span it belongs to.
func (s *Set) Caller(i int32) int32 {
	e := s.Entry(i)
	if e < 0 {
		return -1
	}
	return s.Spans[e].Parent
}

// Entry returns the entry span that i belongs to: the nearest span at or above i, of the same service, whose parent is of
// another service, is an outgoing call, or is unknown.
func (s *Set) Entry(i int32) int32 {
	for range maxDepth {
		sp := &s.Spans[i]
		if sp.Parent < 0 {
			return i
		}
		p := &s.Spans[sp.Parent]
		if sp.Kind.Incoming() || p.Service != sp.Service {
			return i
		}
		i = sp.Parent
	}
	return -1
}

// Served returns the incoming span that answered outgoing span i, or -1 when the callee is not instrumented or not reached.
func (s *Set) Served(i int32) int32 {
	sp := &s.Spans[i]
	for c := sp.FirstChild; c >= 0; c = s.Spans[c].NextSibling {
		if s.Spans[c].Service != sp.Service || s.Spans[c].Kind.Incoming() {
			return c
		}
	}
	return -1
}

// Origin reports whether span i is an error that no failed child explains. A child within the same service that
// does not fail itself (a wrapper, a client span that does not tell) is looked through.
func (s *Set) Origin(i int32) bool {
	return s.Spans[i].Error && !s.failedBelow(i, s.Spans[i].Service, 0)
}

func (s *Set) failedBelow(i int32, service Sym, depth int) bool {
	for c := s.Spans[i].FirstChild; c >= 0; c = s.Spans[c].NextSibling {
		ch := &s.Spans[c]
		if ch.Error && ch.Kind != Consumer {
			return true
		}
		if (ch.Kind == Internal || ch.Kind == Client) && ch.Service == service && depth < maxWrap && s.failedBelow(c, service, depth+1) {
			return true
		}
	}
	return false
}

// maxWrap is how many wrapping spans are looked through.
const maxWrap = 8
