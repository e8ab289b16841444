package investigate

import (
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// unit is the spans of one service with one operation, kind and target.
type unit struct {
	service, name, target trace.Sym
	kind                  trace.Kind
	spans                 []int32 // in order of trace, not of time
	callee                trace.Sym
	slow                  int64 // nanoseconds: what counts as slow, the ninth decile of the quiet time
}

type unitKey struct {
	service, name, target trace.Sym
	kind                  trace.Kind
}

// inquiry is the state of one investigation as the steps go over it.
type inquiry struct {
	*data
	req    request
	clock  clock
	units  []*unit
	unitOf []int32 // span -> unit
	rootN  []float64
	hosts  map[trace.Sym]trace.Sym // target as callers write it -> service that answers it
	win    windows
	tracks []*track
	graph  map[trace.Sym][]trace.Sym // service -> services it calls
	// effects tells, by attribute key, what failing sets; made when first asked for.
	effects []bool
}

// index groups the spans into units and learns which service answers which target.
func (q *inquiry) index() {
	s := q.spans
	q.unitOf = make([]int32, len(s.Spans))
	q.rootN = q.clock.zeros()
	ids := map[unitKey]int32{}
	votes := map[[2]trace.Sym]int{}
	for i := range s.Spans {
		sp := &s.Spans[i]
		k := unitKey{sp.Service, sp.Name, sp.Target, sp.Kind}
		id, ok := ids[k]
		if !ok {
			id = int32(len(q.units))
			ids[k] = id
			q.units = append(q.units, &unit{service: k.service, name: k.name, target: k.target, kind: k.kind})
		}
		q.unitOf[i] = id
		q.units[id].spans = append(q.units[id].spans, int32(i))
		if sp.Parent < 0 {
			q.rootN[q.clock.at(sp.Start)]++
		}
		if sp.Kind.Outgoing() && sp.Target != 0 {
			if c := s.Served(int32(i)); c >= 0 && s.Spans[c].Service != sp.Service {
				votes[[2]trace.Sym{sp.Target, s.Spans[c].Service}]++
			}
		}
	}
	q.hosts = map[trace.Sym]trace.Sym{}
	best := map[trace.Sym]int{}
	for k, n := range votes {
		if n > best[k[0]] || n == best[k[0]] && k[1] < q.hosts[k[0]] {
			best[k[0]], q.hosts[k[0]] = n, k[1]
		}
	}
	for _, u := range q.units {
		if u.kind.Outgoing() {
			u.callee = q.calleeOf(u)
		}
	}
}

// calleeOf is the service that answers most calls of an outgoing unit, 0 when it is not instrumented. One target may be several
// services behind one gateway, so the unit's own answers come first.
func (q *inquiry) calleeOf(u *unit) trace.Sym {
	count := map[trace.Sym]int{}
	for _, i := range u.spans {
		if c := q.spans.Served(i); c >= 0 && q.spans.Spans[c].Service != u.service && q.spans.Spans[c].Kind != trace.Consumer {
			count[q.spans.Spans[c].Service]++
		}
	}
	var best trace.Sym
	for y, n := range count {
		if n > count[best] || n == count[best] && y < best {
			best = y
		}
	}
	if best == 0 && u.target != 0 {
		best = q.hosts[u.target]
	}
	return best
}

// text returns the string of a symbol.
func (q *inquiry) text(y trace.Sym) string { return q.spans.Text(y) }

// thresholds sets what counts as slow in each unit: the ninth decile of the durations before limit, or of all without enough.
func (q *inquiry) thresholds(limit int64) {
	var durs []int64
	for _, u := range q.units {
		durs = durs[:0]
		for _, i := range u.spans {
			if sp := &q.spans.Spans[i]; sp.Start < limit {
				durs = append(durs, sp.Dur)
			}
		}
		if len(durs) < minForDecile {
			durs = durs[:0]
			for _, i := range u.spans {
				durs = append(durs, q.spans.Spans[i].Dur)
			}
		}
		slices.Sort(durs)
		u.slow = int64(trace.Quantile(durs, .9))
	}
}

// minForDecile is the fewest durations a ninth decile is taken from.
const minForDecile = 20

// serviceNames lists the services that have spans or logs.
func (q *inquiry) serviceNames() []string {
	seen := map[string]bool{}
	for _, u := range q.units {
		seen[q.text(u.service)] = true
	}
	for _, p := range q.logs.patterns {
		if !p.cluster {
			seen[p.service] = true
		}
	}
	delete(seen, "")
	return sortedKeys(seen)
}
