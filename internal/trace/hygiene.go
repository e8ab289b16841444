package trace

import (
	"cmp"
	"slices"
	"time"
)

// Skew is how far the clock of one node differs from those of the nodes it talks to.
type Skew struct {
	Node    string
	Offset  time.Duration // median; positive = the node's clock is ahead
	Calls   int           // calls to or from other nodes looked at
	Outside int           // of them with the child outside its parent
}

// NodeOf returns the machine a resource runs on as far as it says: node, host, pod, else instance.
func (r *Resource) NodeOf() Sym {
	for _, y := range []Sym{r.Node, r.Host, r.Pod, r.Instance} {
		if y != 0 {
			return y
		}
	}
	return 0
}

// minSkewCalls is the fewest calls a node's offset is taken from.
const minSkewCalls = 8

// Skews estimates clock offsets by node from the calls that start in [from, to) Unix nanoseconds: for a call the offset is
// the distance of the middles of the two spans (the estimate of NTP, with the reported span times). A node is reported when
// at least a third of its calls lie outside their parents. Worst first. The worst node's calls are then taken out, so that its peers are not blamed.
func (s *Set) Skews(from, to int64) []Skew {
	type call struct {
		a, b    Sym // caller's node, callee's node
		off     int64
		outside bool
	}
	var calls []call
	for i := range s.Spans {
		c := &s.Spans[i]
		raw := c.Start - c.Shift
		if c.Parent < 0 || raw < from || raw >= to || !c.Kind.Incoming() || c.Kind == Consumer {
			continue
		}
		p := &s.Spans[c.Parent]
		a, b := s.Res(p).NodeOf(), s.Res(c).NodeOf()
		if a == b || a == 0 || b == 0 || c.Dur > p.Dur {
			continue
		}
		ps := p.Start - p.Shift
		off := (raw - ps + raw + c.Dur - ps - p.Dur) / 2
		out := raw < ps-skewTolerance || raw+c.Dur > ps+p.Dur+skewTolerance
		calls = append(calls, call{a, b, off, out})
	}
	var out []Skew
	bad := map[Sym]bool{}
	for {
		by := map[Sym][]int64{}
		outside := map[Sym]int{}
		for _, c := range calls {
			if bad[c.a] || bad[c.b] {
				continue
			}
			by[c.b] = append(by[c.b], c.off)
			by[c.a] = append(by[c.a], -c.off)
			if c.outside {
				outside[c.a]++
				outside[c.b]++
			}
		}
		worst, share := Sym(0), 1.0/3
		for n, v := range by {
			if f := float64(outside[n]) / float64(len(v)); len(v) >= minSkewCalls && (f > share || f == share && worst != 0 && n < worst) {
				worst, share = n, f
			}
		}
		if worst == 0 {
			return out
		}
		bad[worst] = true
		out = append(out, Skew{s.Text(worst), time.Duration(median(by[worst])), len(by[worst]), outside[worst]})
	}
}

func median(v []int64) int64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

// Retry is a group of calls from one span to the same target, each but the first made because the one before it failed.
type Retry struct {
	Parent   int32
	Calls    []int32 // in order of start
	Resolved bool    // the last one succeeded
}

// Retries lists the retry groups of a trace: calls below one span with the same name and target where a call follows a failed
// one, or which count their resends themselves (http.request.resend_count).
func (s *Set) Retries(t Trace) []Retry {
	resend, hasResend := s.Key("http.request.resend_count")
	type key struct {
		parent       int32
		name, target Sym
	}
	groups := map[key][]int32{}
	var order []key
	for i := t.Lo; i < t.Hi; i++ {
		sp := &s.Spans[i]
		if sp.Parent < 0 || !sp.Kind.Outgoing() && !s.tool(sp) {
			continue
		}
		k := key{sp.Parent, sp.Name, sp.Target}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], i)
	}
	var out []Retry
	for _, k := range order {
		g := groups[k]
		if len(g) < 2 {
			continue
		}
		again := 0
		for j, i := range g {
			if j > 0 && (s.failed(g[j-1]) || hasResend && s.Attr(&s.Spans[i], resend) != "") {
				again++
			}
		}
		if again > 0 {
			out = append(out, Retry{k.parent, g, !s.failed(g[len(g)-1])})
		}
	}
	return out
}

func (s *Set) failed(i int32) bool { return s.Spans[i].Error || s.Spans[i].Soft }

// tool reports whether the span is an agent's tool call.
func (s *Set) tool(sp *Span) bool {
	return sp.TargetKey == s.keyOf["gen_ai.tool.name"] && sp.Target != 0
}

// Quantile returns the q-quantile (0..1) of sorted durations by the nearest rank, 0 for none.
func Quantile(sorted []int64, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(q * float64(len(sorted)))
	return time.Duration(sorted[min(i, len(sorted)-1)])
}

// sorted returns the durations in order, in place.
func sorted(v []int64) []int64 {
	slices.SortFunc(v, cmp.Compare)
	return v
}
