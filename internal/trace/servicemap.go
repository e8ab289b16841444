package trace

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Edge is one arrow of the service map with what was measured at the caller (or at the callee where the caller has no span of the call).
type Edge struct {
	Caller, Callee string
	Type           string // service, database, cache, messaging, llm, tool, remote
	Stats
	Baseline *Stats // the same in the baseline window, nil without one or without calls in it
}

// Stats are rate, errors and durations of calls in a window.
type Stats struct {
	Calls     int
	Errors    int
	PerMinute float64
	P50       time.Duration
	P95       time.Duration
	P99       time.Duration
}

// ErrorRate returns errors by calls, 0 without calls.
func (s Stats) ErrorRate() float64 {
	if s.Calls == 0 {
		return 0
	}
	return float64(s.Errors) / float64(s.Calls)
}

type edgeKey struct {
	caller, callee Sym
	kind           string
}

type edgeSum struct {
	durs   []int64
	errors int
}

// ServiceMap returns the edges of the calls that start in [from, to) Unix nanoseconds, with the change against [baseFrom, from) when
// baseFrom is not 0. An uninstrumented callee is named by the target of the calling span. Order: by caller, then callee.
func (s *Set) ServiceMap(from, to, baseFrom int64) []Edge {
	now, was := map[edgeKey]*edgeSum{}, map[edgeKey]*edgeSum{}
	for i := range s.Spans {
		sp := &s.Spans[i]
		m := now
		switch {
		case sp.Start >= from && sp.Start < to:
		case baseFrom != 0 && sp.Start >= baseFrom && sp.Start < from:
			m = was
		default:
			continue
		}
		k, ok := s.edge(int32(i))
		if !ok {
			continue
		}
		e := m[k]
		if e == nil {
			e = &edgeSum{}
			m[k] = e
		}
		e.durs = append(e.durs, sp.Dur)
		if sp.Error {
			e.errors++
		}
	}
	for k := range was {
		if now[k] == nil {
			now[k] = &edgeSum{} // an edge that fell silent is news
		}
	}
	out := make([]Edge, 0, len(now))
	for k, e := range now {
		edge := Edge{Caller: s.Text(k.caller), Callee: s.Text(k.callee), Type: k.kind, Stats: e.stats(time.Duration(to - from))}
		if b := was[k]; b != nil {
			st := b.stats(time.Duration(from - baseFrom))
			edge.Baseline = &st
		}
		out = append(out, edge)
	}
	slices.SortFunc(out, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Callee, b.Callee), cmp.Compare(a.Type, b.Type))
	})
	return out
}

func (e *edgeSum) stats(window time.Duration) Stats {
	d := sorted(e.durs)
	st := Stats{Calls: len(d), Errors: e.errors, P50: Quantile(d, .5), P95: Quantile(d, .95), P99: Quantile(d, .99)}
	if window > 0 {
		st.PerMinute = float64(len(d)) / window.Minutes()
	}
	return st
}

// edge says which arrow span i stands for: an outgoing span, or an incoming one whose caller left no span of the call.
func (s *Set) edge(i int32) (edgeKey, bool) {
	sp := &s.Spans[i]
	if sp.Kind == Producer && s.Served(i) >= 0 {
		return edgeKey{}, false // each consumer is an arrow of its own
	}
	if sp.Kind.Outgoing() {
		if c := s.Served(i); c >= 0 {
			return edgeKey{sp.Service, s.Spans[c].Service, "service"}, s.Spans[c].Service != sp.Service
		}
		if sp.Target == 0 {
			return edgeKey{}, false
		}
		return edgeKey{sp.Service, sp.Target, s.TargetType(sp)}, true
	}
	if !sp.Kind.Incoming() || sp.Parent < 0 {
		return edgeKey{}, false
	}
	p := &s.Spans[sp.Parent]
	if p.Kind == Producer && p.Service != sp.Service {
		return edgeKey{p.Service, sp.Service, "messaging"}, true
	}
	return edgeKey{p.Service, sp.Service, "service"}, !p.Kind.Outgoing() && p.Service != sp.Service
}

// TargetType says what kind of thing an outgoing span calls, by the attribute it is named by and the span's other attributes:
// tool, database, cache, messaging, llm or remote.
func (s *Set) TargetType(sp *Span) string {
	t := "remote"
	for _, a := range s.Attrs(sp) {
		switch key := s.keys[a.Key]; {
		case key == "gen_ai.tool.name":
			return "tool"
		case strings.HasPrefix(key, "messaging."):
			t = "messaging"
		case key == "db.system.name", key == "db.system":
			t = "database"
			if cacheSystem(s.Value(a)) {
				return "cache"
			}
		case key == "gen_ai.operation.name" && t == "remote":
			t = "llm"
		}
	}
	return t
}

func cacheSystem(name string) bool {
	return slices.Contains([]string{"redis", "valkey", "memcached", "dragonfly", "hazelcast", "keydb"}, strings.ToLower(name))
}
