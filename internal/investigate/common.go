package investigate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

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

func (f *factor) cover() float64 { return ratio(f.bad, f.badN) }

// lift is how many times likelier a span on it is bad than one elsewhere.
func (f *factor) lift() float64 {
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

// placeKind is a kind of place below the services.
type placeKind struct {
	key string
	of  func(*trace.Resource) trace.Sym
}

// placeKinds lists what several services may share, the narrowest first. Any other resource attribute that several services
// report (a pool of nodes, an image, an operating system, an SDK) is looked at as well.
func (q *inquiry) placeKinds() []placeKind {
	out := []placeKind{
		{"k8s.node.name", func(r *trace.Resource) trace.Sym { return r.Node }},
		{"host.name", func(r *trace.Resource) trace.Sym { return r.Host }},
		{"cloud.availability_zone", func(r *trace.Resource) trace.Sym { return r.Zone }},
		{"cloud.region", func(r *trace.Resource) trace.Sym { return r.Region }},
	}
	known := map[string]bool{}
	for _, k := range out {
		known[k.key] = true
	}
	for i, name := range q.spans.Keys() {
		bare, ok := strings.CutPrefix(name, "resource.")
		if !ok || known[bare] || ownOfProcess(bare) || q.spans.HighCardinality(trace.KeyID(i)) {
			continue
		}
		out = append(out, placeKind{bare, func(r *trace.Resource) trace.Sym {
			for _, a := range r.Attrs {
				if a.Key == trace.KeyID(i) {
					return a.Sym()
				}
			}
			return 0
		}})
	}
	return out
}

// ownOfProcess reports whether a resource attribute belongs to one service or one process, so that services cannot share it.
func ownOfProcess(key string) bool {
	for _, p := range []string{"service.", "k8s.pod", "k8s.container", "k8s.deployment", "k8s.replicaset", "container.id", "container.name", "process.", "telemetry.sdk.language", "telemetry.sdk.name"} {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

// commonFactor looks for a node, zone, region or other shared place that carries the bad spans of several services: the rate of
// bad spans on it against the rate elsewhere, over the same units, so that a service that lives there alone proves nothing. The
// narrowest place that covers nearly as much as a wider one wins. (The comparison is that of the attribute difference, BubbleUp,
// taken over all services at once.)
func (q *inquiry) commonFactor(culprits []*culprit) *factor {
	var best *factor
	for _, f := range q.factors(culprits) {
		if f.shared() && (best == nil || f.cover() > best.cover()+.2) {
			best = f
		}
	}
	return best
}

// factors answers, for each kind of place, the one that the bad spans have most in common, shared or not.
func (q *inquiry) factors(culprits []*culprit) []*factor {
	list, units := q.badSpans(culprits)
	if len(list) == 0 {
		return nil
	}
	var out []*factor
	for _, k := range q.placeKinds() {
		if f := q.bestFactor(list, units, k); f != nil {
			out = append(out, f)
		}
	}
	return out
}

// shared reports whether the place carries the trouble of several services and not just all there is.
func (f *factor) shared() bool {
	many := 0
	for _, c := range f.services {
		if c >= 2 {
			many++
		}
	}
	return many >= minFactorSvc && f.lift() >= minLift && f.cover() >= minCover && f.all < .9*f.allN
}

// badSpans gathers the failed and slow spans of the culprits, each once, and their units.
func (q *inquiry) badSpans(culprits []*culprit) ([]bad, map[int32]bool) {
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
	return list, units
}

func (q *inquiry) bestFactor(list []bad, units map[int32]bool, k placeKind) *factor {
	of := make([]trace.Sym, len(q.spans.Resources))
	for i := range q.spans.Resources {
		of[i] = k.of(&q.spans.Resources[i])
	}
	by := map[trace.Sym]*factor{}
	get := func(i int32) *factor {
		y := of[q.spans.Spans[i].Resource]
		if y == 0 {
			return nil
		}
		f := by[y]
		if f == nil {
			f = &factor{key: k.key, value: q.text(y), sym: y, services: map[trace.Sym]int{}}
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
		if best == nil || f.better(best) {
			best = f
		}
	}
	return best
}

// better prefers what is shared, then what covers more of the bad spans with a higher lift.
func (f *factor) better(o *factor) bool {
	if f.shared() != o.shared() {
		return f.shared()
	}
	return f.cover()*min(f.lift(), 50) > o.cover()*min(o.lift(), 50)
}

// address is something outside that several services call and blame.
type address struct {
	target   trace.Sym
	services map[trace.Sym]float64 // spoiled requests by caller
	total    float64
}

// addresses finds what several services blame together: one database host, one outside address, one broker.
func (q *inquiry) addresses(culprits []*culprit) []address {
	by := map[trace.Sym]*address{}
	for _, c := range culprits {
		n := c.affected()
		if c.target == 0 || n == 0 {
			continue
		}
		a := by[c.target]
		if a == nil {
			a = &address{target: c.target, services: map[trace.Sym]float64{}}
			by[c.target] = a
		}
		a.services[c.service] += n
		a.total += n
	}
	var out []address
	for _, y := range sortedSyms(by) {
		if len(by[y].services) >= minFactorSvc {
			out = append(out, *by[y])
		}
	}
	slices.SortStableFunc(out, func(a, b address) int { return cmp.Compare(b.total, a.total) })
	return out
}

func (q *inquiry) commonFactorTable(cl *clues) Table {
	t := Table{
		Method:  "share of all services' bad spans on one node, zone, region or other shared place against how often its spans are bad elsewhere (lift); addresses that several services blame",
		Columns: []string{"key", "value", "services", "bad_with_pct", "lift", "shared_cause"},
	}
	fs := q.factors(cl.culprits)
	slices.SortStableFunc(fs, func(a, b *factor) int {
		return cmp.Compare(b.cover()*min(b.lift(), 50)*(1+boolTo(b.shared())), a.cover()*min(a.lift(), 50)*(1+boolTo(a.shared())))
	})
	for _, f := range fs {
		t.Rows = append(t.Rows, []string{f.key, f.value, strconv.Itoa(len(f.services)), number3(100 * f.cover()), number3(f.lift()), strconv.FormatBool(f.shared())})
	}
	for _, a := range q.addresses(cl.culprits) {
		var names []string
		for _, y := range sortedSyms(a.services) {
			names = append(names, q.text(y))
		}
		t.Rows = append(t.Rows, []string{"address", q.text(a.target), strings.Join(names, ", "), number3(a.total), "", "called by all of them"})
	}
	return t
}

func sortedSyms[V any](m map[trace.Sym]V) []trace.Sym {
	out := make([]trace.Sym, 0, len(m))
	for y := range m {
		out = append(out, y)
	}
	slices.Sort(out)
	return out
}
