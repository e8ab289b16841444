package investigate

import (
	"cmp"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// via says how a service is tied to what it is blamed for.
type via uint8

const (
	viaOwn  via = iota // its own work
	viaCall            // the call to the target itself: no instrumented service answered
	viaWait            // the wait before the call to the target: a pool, a queue, a lock, a name
)

// place is what bad time or an error is laid upon: a service, and the target it calls when the trouble lies there.
type place struct {
	service, target trace.Sym
}

// share is a job's critical time at one place.
type share struct {
	place int32
	via   via
	ns    float32
	span  int32 // the span with most of it
}

// tally is how often a job called one outgoing unit.
type tally struct {
	unit  int32
	n     int32
	first int32
}

// job is the work below one root or one consumed message: what a user or a queue waited for.
type job struct {
	root   int32
	class  int32
	start  int64
	dur    int64
	lo, hi int32 // shares
	cl, ch int32 // tallies
}

// jobSet is all jobs with their classes. A class is the root's unit with the first unit served below it, so that requests of
// different routes behind one gateway are compared each with their like.
type jobSet struct {
	jobs    []job
	shares  []share
	tallies []tally
	classes []class
	places  []place
	placeID map[place]int32
}

type class struct {
	root, first int32 // units
	consumer    bool
	base        []int32 // durations of the baseline jobs in microseconds, sorted
	nBase, nInc int
	kin         int // baseline jobs of all classes with the same root
}

// makeJobs walks every root and every consumed message once.
func (q *inquiry) makeJobs() *jobSet {
	s := q.spans
	js := &jobSet{placeID: map[place]int32{}}
	ids := map[[2]int32]int32{}
	var path []trace.Segment
	counts := map[int32]*tally{}
	for i := range s.Spans {
		sp := &s.Spans[i]
		if sp.Parent >= 0 && sp.Kind != trace.Consumer {
			continue
		}
		root := int32(i)
		k := [2]int32{q.unitOf[i], q.firstServed(root)}
		c, ok := ids[k]
		if !ok {
			c = int32(len(js.classes))
			ids[k] = c
			js.classes = append(js.classes, class{root: k[0], first: k[1], consumer: sp.Kind == trace.Consumer})
		}
		j := job{root: root, class: c, start: sp.Start, dur: sp.Dur, lo: int32(len(js.shares)), cl: int32(len(js.tallies))}
		path = s.CriticalPath(root, path[:0])
		q.addShares(js, path, int(j.lo))
		clear(counts)
		q.count(root, counts, 0)
		for _, t := range counts {
			js.tallies = append(js.tallies, *t)
		}
		j.hi, j.ch = int32(len(js.shares)), int32(len(js.tallies))
		cl := &js.classes[c]
		switch {
		case q.win.baseline(j.start):
			cl.nBase++
			cl.base = append(cl.base, int32(min(j.dur/1000, 1<<31-1)))
		case q.win.incident(j.start):
			cl.nInc++
		}
		js.jobs = append(js.jobs, j)
	}
	kin := map[int32]int{}
	for i := range js.classes {
		slices.Sort(js.classes[i].base)
		kin[js.classes[i].root] += js.classes[i].nBase
	}
	for i := range js.classes {
		js.classes[i].kin = kin[js.classes[i].root]
	}
	return js
}

// firstServed is the unit of the first incoming span of another service within three steps below the root, else the root's own.
func (q *inquiry) firstServed(root int32) int32 {
	s := q.spans
	i := root
	for range 3 {
		c := s.Spans[i].FirstChild
		if c < 0 {
			break
		}
		if s.Spans[c].Kind.Incoming() && s.Spans[c].Service != s.Spans[root].Service {
			return q.unitOf[c]
		}
		i = c
	}
	return q.unitOf[root]
}

// addShares sums a critical path by place.
func (q *inquiry) addShares(js *jobSet, path []trace.Segment, lo int) {
	for _, g := range path {
		p, v := q.placeOf(g)
		id, ok := js.placeID[p]
		if !ok {
			id = int32(len(js.places))
			js.placeID[p] = id
			js.places = append(js.places, p)
		}
		ns := float32(g.To - g.From)
		at := slices.IndexFunc(js.shares[lo:], func(x share) bool { return x.place == id && x.via == v })
		if at < 0 {
			js.shares = append(js.shares, share{id, v, ns, g.Span})
			continue
		}
		x := &js.shares[lo+at]
		if ns > x.ns/2 {
			x.span = g.Span
		}
		x.ns += ns
	}
}

// placeOf says where a stretch of the critical path was spent.
func (q *inquiry) placeOf(g trace.Segment) (place, via) {
	s := q.spans
	sp := &s.Spans[g.Span]
	if sp.Kind.Outgoing() || sp.Kind == trace.Internal && sp.Target != 0 {
		return place{sp.Service, sp.Target}, viaCall
	}
	if g.Before >= 0 {
		if ch := &s.Spans[g.Before]; ch.Kind.Outgoing() && ch.Target != 0 && ch.Service == sp.Service && q.hosts[ch.Target] == 0 {
			return place{sp.Service, ch.Target}, viaWait
		}
	}
	return place{sp.Service, 0}, viaOwn
}

// count tallies the outgoing units below i, not crossing into consumers.
func (q *inquiry) count(i int32, out map[int32]*tally, depth int) {
	s := q.spans
	for c := s.Spans[i].FirstChild; c >= 0; c = s.Spans[c].NextSibling {
		ch := &s.Spans[c]
		if ch.Kind == trace.Consumer || depth > 512 {
			continue
		}
		if ch.Kind.Outgoing() || ch.Kind == trace.Internal && ch.Target != 0 {
			u := q.unitOf[c]
			if t := out[u]; t != nil {
				t.n++
			} else {
				out[u] = &tally{u, 1, c}
			}
		}
		q.count(c, out, depth+1)
	}
}

// median is the middle duration of the class in the baseline, microseconds.
func (c *class) median() int64 {
	if len(c.base) == 0 {
		return 0
	}
	return int64(c.base[len(c.base)/2])
}

// upper returns the value that about one in tail of n values exceeds, given those that are not zero; v is sorted in place.
func upper(v []float32, n int, tail float64) float32 {
	slices.SortFunc(v, func(a, b float32) int { return cmp.Compare(b, a) })
	k := int(tail * float64(n))
	if k >= len(v) {
		return 0
	}
	return v[k]
}
