package trace

import (
	"cmp"
	"slices"
)

// Build ends the load: it groups spans by trace, drops duplicates, links children to parents and mends the clock of children
// that lie outside their parents. The builder must not be used afterwards.
func (b *Builder) Build() *Set {
	s := b.set
	s.group(len(b.traceIDs))
	s.dedupe()
	for i := 0; i < len(s.Spans); {
		j := i
		for j < len(s.Spans) && s.Spans[j].Trace == s.Spans[i].Trace {
			j++
		}
		t := Trace{ID: b.traceIDs[s.Spans[i].Trace], Lo: int32(i), Hi: int32(j)}
		for k := i; k < j; k++ {
			s.Spans[k].Trace = int32(len(s.Traces))
		}
		s.link(&t)
		s.Traces = append(s.Traces, t)
		i = j
	}
	return s
}

// group brings the spans of each trace together, by counting, and sorts each trace by start.
func (s *Set) group(traces int) {
	next := make([]int32, traces+1)
	for i := range s.Spans {
		next[s.Spans[i].Trace+1]++
	}
	for t := range traces {
		next[t+1] += next[t]
	}
	out := make([]Span, len(s.Spans))
	for i := range s.Spans {
		t := s.Spans[i].Trace
		out[next[t]] = s.Spans[i]
		next[t]++
	}
	from := int32(0)
	for t := range traces { // next[t] now is where the trace ends
		slices.SortFunc(out[from:next[t]], func(x, y Span) int {
			return cmp.Or(cmp.Compare(x.Start, y.Start), cmp.Compare(y.Dur, x.Dur), cmp.Compare(x.ID, y.ID))
		})
		from = next[t]
	}
	s.Spans = out
}

// dedupe drops spans that were read twice: a recording may hold the same span in two files and two formats.
func (s *Set) dedupe() {
	type key struct {
		id            uint64
		service, name Sym
		kind          Kind
	}
	seen := map[key]bool{}
	trace := int32(-1)
	kept := s.Spans[:0]
	for _, sp := range s.Spans {
		if sp.Trace != trace {
			clear(seen)
			trace = sp.Trace
		}
		k := key{sp.ID, sp.Service, sp.Name, sp.Kind}
		if seen[k] && sp.ID != 0 {
			s.Dropped++
			continue
		}
		seen[k] = true
		kept = append(kept, sp)
	}
	clear(s.Spans[len(kept):])
	s.Spans = kept
}

// link sets Parent, FirstChild, NextSibling, Orphan and Root of one trace, then mends clocks from the roots downward.
func (s *Set) link(t *Trace) {
	byID := make(map[uint64]int32, t.Hi-t.Lo)
	for i := t.Hi - 1; i >= t.Lo; i-- {
		sp := &s.Spans[i]
		if j, ok := byID[sp.ID]; !ok || !s.Spans[j].Kind.Incoming() || sp.Kind.Incoming() {
			byID[sp.ID] = i // of two spans sharing an id (Zipkin) the serving one is the parent of what follows
		}
	}
	t.Root = t.Lo
	found := false
	for i := t.Hi - 1; i >= t.Lo; i-- {
		sp := &s.Spans[i]
		p, ok := byID[sp.ParentID]
		if !ok || sp.ParentID == 0 || p == i || s.above(p, i) {
			sp.Orphan = sp.ParentID != 0
			continue
		}
		sp.Parent = p
		sp.NextSibling = s.Spans[p].FirstChild
		s.Spans[p].FirstChild = i
	}
	s.adopt(t)
	for i := t.Lo; i < t.Hi; i++ {
		if s.Spans[i].Parent < 0 {
			if !found {
				t.Root, found = i, true
			}
			s.mend(i)
		}
	}
	for i := t.Lo; i < t.Hi; i++ {
		if s.Spans[i].Kind == KindUnset {
			s.Spans[i].Kind = s.guessKind(i)
		}
	}
}

// guessKind tells the kind of a span that does not say: at the edge of its service it serves, when it leads to another service
// or names a target it calls.
func (s *Set) guessKind(i int32) Kind {
	sp := &s.Spans[i]
	if sp.Parent < 0 || s.Spans[sp.Parent].Service != sp.Service {
		return Server
	}
	for c := sp.FirstChild; c >= 0; c = s.Spans[c].NextSibling {
		if s.Spans[c].Service != sp.Service {
			return Client
		}
	}
	if sp.Target != 0 {
		return Client
	}
	return Internal
}

// adopt gives spans whose parent was never exported (a crash, a span that was not ended) to the shortest span of the same
// process that encloses them; they keep the mark Orphan. Without one they stay roots.
func (s *Set) adopt(t *Trace) {
	for i := t.Hi - 1; i >= t.Lo; i-- {
		sp := &s.Spans[i]
		if !sp.Orphan {
			continue
		}
		best := int32(-1)
		for j := t.Lo; j < t.Hi; j++ {
			p := &s.Spans[j]
			if j == i || p.Resource != sp.Resource || p.Kind.Outgoing() || p.Orphan && p.Parent < 0 && sp.Dur >= p.Dur {
				continue
			}
			inside := p.Start <= sp.Start && p.End() >= sp.End()
			if inside && (best < 0 || p.Dur < s.Spans[best].Dur) && !s.above(j, i) {
				best = j
			}
		}
		if best >= 0 {
			sp.Parent = best
			s.insert(best, i)
		}
	}
}

// insert puts child i among the children of p in order of start.
func (s *Set) insert(p, i int32) {
	at := &s.Spans[p].FirstChild
	for *at >= 0 && s.Spans[*at].Start < s.Spans[i].Start {
		at = &s.Spans[*at].NextSibling
	}
	s.Spans[i].NextSibling = *at
	*at = i
}

// maxDepth bounds the walk to the root: deeper chains are taken for a circle of broken parent ids.
const maxDepth = 4096

// above reports whether making p the parent of i would close a circle.
func (s *Set) above(p, i int32) bool {
	for range maxDepth {
		if p < 0 {
			return false
		}
		if p == i {
			return true
		}
		p = s.Spans[p].Parent
	}
	return true
}

// skewTolerance is how far a child may lie outside its parent before its clock is blamed: exporters round to microseconds
// and take both ends of a call at different moments.
const skewTolerance = 1_000_000 // ns

// mend shifts the subtree of each synchronous child that begins before its parent or after its end, as far as needed to put
// it inside (the child's clock is wrong, not its duration). Jaeger's clock-skew adjuster does the same.
func (s *Set) mend(root int32) {
	stack := []int32{root}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		p := &s.Spans[i]
		for c := p.FirstChild; c >= 0; c = s.Spans[c].NextSibling {
			ch := &s.Spans[c]
			ch.Start += p.Shift
			ch.Shift = p.Shift
			if ch.Resource != p.Resource && p.Kind != Producer && ch.Kind != Consumer {
				d := misplacement(p, ch)
				ch.Start += d
				ch.Shift += d
			}
			stack = append(stack, c)
		}
	}
}

// misplacement is what must be added to the child's start to put it inside its parent, 0 when it is inside.
func misplacement(p, ch *Span) int64 {
	early := ch.Start < p.Start-skewTolerance
	late := ch.Start > p.End()+skewTolerance
	over := ch.Dur <= p.Dur && ch.End() > p.End()+skewTolerance
	if !early && !late && !over {
		return 0
	}
	return p.Start + max(0, p.Dur-ch.Dur)/2 - ch.Start
}
