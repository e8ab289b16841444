package investigate

import (
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// factor is something below the services that the bad spans of several of them share: a node, zone or region.
type factor struct {
	key, value string
	sym        trace.Sym
	bad, badN  float64 // bad spans on it, bad spans of the same units
	all, allN  float64 // spans on it, spans of the same units
	services   map[trace.Sym]int
	cause      []bad
}

func (f factor) cover() float64 { return ratio(f.bad, f.badN) }

// lift is how many times likelier a span on it is bad than one elsewhere.
func (f factor) lift() float64 {
	out := ratio(f.badN-f.bad, f.allN-f.all)
	in := ratio(f.bad, f.all)
	if out == 0 {
		return maxLift
	}
	return min(maxLift, in/out)
}

// Bounds of the common factor.
const (
	maxLift      = 1000
	minLift      = 5
	minCover     = .55
	minFactorSvc = 2
)

// commonFactor looks for a node, zone or region that carries the bad spans of several services: the rate of bad spans on it
// against the rate elsewhere, over the same units, so that a service that lives there alone proves nothing. The narrowest
// place that covers nearly as much as a wider one wins.
func (q *inquiry) commonFactor(culprits []*culprit) *factor {
	var best *factor
	for _, k := range []struct {
		key string
		of  func(*trace.Resource) trace.Sym
	}{
		{"k8s.node.name", func(r *trace.Resource) trace.Sym { return r.Node }},
		{"host.name", func(r *trace.Resource) trace.Sym { return r.Host }},
		{"cloud.availability_zone", func(r *trace.Resource) trace.Sym { return r.Zone }},
		{"cloud.region", func(r *trace.Resource) trace.Sym { return r.Region }},
	} {
		f := q.bestFactor(culprits, k.key, k.of)
		if f != nil && (best == nil || f.cover() > best.cover()+.2) {
			best = f
		}
	}
	return best
}

func (q *inquiry) bestFactor(culprits []*culprit, key string, of func(*trace.Resource) trace.Sym) *factor {
	units := map[int32]bool{}
	isBad := map[int32]bool{}
	var list []bad
	for _, c := range culprits {
		for _, b := range c.bad {
			if b.kind == badMore || b.kind == badSilent || isBad[b.span] {
				continue
			}
			isBad[b.span] = true
			list = append(list, b)
			units[q.unitOf[b.span]] = true
		}
	}
	by := map[trace.Sym]*factor{}
	get := func(i int32) *factor {
		y := of(q.spans.Res(&q.spans.Spans[i]))
		if y == 0 {
			return nil
		}
		f := by[y]
		if f == nil {
			f = &factor{key: key, value: q.text(y), sym: y, services: map[trace.Sym]int{}}
			by[y] = f
		}
		return f
	}
	var all float64
	for u := range units {
		for _, i := range q.units[u].spans {
			if q.win.incident(q.spans.Spans[i].Start) {
				if f := get(i); f != nil {
					f.all++
					all++
				}
			}
		}
	}
	var n float64
	for _, b := range list {
		if f := get(b.span); f != nil {
			f.bad++
			f.services[q.spans.Spans[b.span].Service]++
			f.cause = append(f.cause, b)
			n++
		}
	}
	var best *factor
	for _, y := range sortedSyms(by) {
		f := by[y]
		f.badN, f.allN = n, all
		many := 0
		for _, c := range f.services {
			if c >= 2 {
				many++
			}
		}
		if many < minFactorSvc || f.lift() < minLift || f.cover() < minCover || f.all >= .9*f.allN {
			continue
		}
		if best == nil || f.cover()*min(f.lift(), 50) > best.cover()*min(best.lift(), 50) {
			best = f
		}
	}
	return best
}

func sortedSyms[V any](m map[trace.Sym]V) []trace.Sym {
	out := make([]trace.Sym, 0, len(m))
	for y := range m {
		out = append(out, y)
	}
	slices.Sort(out)
	return out
}
