package trace

import (
	"slices"
	"time"
)

// Node is one span of a trace's tree, in display order (depth first, children by start).
type Node struct {
	Index     int32
	Depth     int
	Offset    time.Duration // from the root's start, clocks mended
	Exclusive time.Duration // time during which no child ran
	Critical  time.Duration // time on the critical path
	Gap       time.Duration // time waited, on the critical path, right before the next child was called
	Marks     []string      // origin, error, skew, orphan, timeout, retry, slow-gap
}

// Tree is one trace made readable.
type Tree struct {
	Set   *Set
	Trace Trace
	Nodes []Node
	Path  []Segment
	Retry []Retry
}

// Marks of nodes.
const (
	MarkOrigin  = "origin"  // an error no failed child explains
	MarkError   = "error"   // an error that a child explains
	MarkSkew    = "skew"    // the clock was mended: it lay outside its parent
	MarkOrphan  = "orphan"  // its parent is missing
	MarkOverrun = "overrun" // went on after its caller gave up
	MarkRetry   = "retry"   // a further try of a failed call
	MarkGap     = "gap"     // the span waited long before calling its next child
)

// gapShare is the share of the trace's duration from which a wait before a call is marked.
const gapShare = 0.1

// Show builds the tree of trace t.
func (s *Set) Show(t Trace) *Tree {
	tr := &Tree{Set: s, Trace: t, Retry: s.Retries(t)}
	root := &s.Spans[t.Root]
	tr.Path = s.CriticalPath(t.Root, nil)
	critical, gaps := map[int32]int64{}, map[int32]int64{}
	for _, g := range tr.Path {
		critical[g.Span] += g.To - g.From
		if g.Before >= 0 {
			gaps[g.Span] = max(gaps[g.Span], g.To-g.From)
		}
	}
	again := map[int32]bool{}
	for _, r := range tr.Retry {
		for _, c := range r.Calls[1:] {
			again[c] = true
		}
	}
	var walk func(i int32, depth int)
	walk = func(i int32, depth int) {
		sp := &s.Spans[i]
		n := Node{
			Index: i, Depth: depth, Offset: time.Duration(sp.Start - root.Start), Exclusive: time.Duration(s.Exclusive(i)),
			Critical: time.Duration(critical[i]), Gap: time.Duration(gaps[i]),
		}
		n.Marks = s.marks(i, again[i], float64(gaps[i]) > gapShare*float64(root.Dur))
		tr.Nodes = append(tr.Nodes, n)
		if depth < maxDepth {
			s.Children(i, func(c int32) { walk(c, depth+1) })
		}
	}
	for i := t.Lo; i < t.Hi; i++ {
		if s.Spans[i].Parent < 0 {
			walk(i, 0)
		}
	}
	return tr
}

func (s *Set) marks(i int32, retry, gap bool) []string {
	sp := &s.Spans[i]
	var m []string
	switch {
	case s.Origin(i):
		m = append(m, MarkOrigin)
	case sp.Error:
		m = append(m, MarkError)
	}
	shift := sp.Shift
	if sp.Parent >= 0 {
		p := &s.Spans[sp.Parent]
		shift -= p.Shift
		if sp.Kind != Consumer && p.Kind != Producer && sp.End() > p.End()+skewTolerance {
			m = append(m, MarkOverrun)
		}
	}
	for _, x := range []struct {
		on   bool
		mark string
	}{{shift != 0, MarkSkew}, {sp.Orphan, MarkOrphan}, {retry, MarkRetry}, {gap, MarkGap}} {
		if x.on {
			m = append(m, x.mark)
		}
	}
	return slices.Clip(m)
}
