package investigate

import (
	"cmp"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// suspect is a hypothesis while it is put together: a service, or a place below the services, with all that speaks for it.
type suspect struct {
	service   trace.Sym
	name      string // service as reported
	node      string // place below the services, "" for a service
	places    []*culprit
	main      *culprit
	cause     []bad
	impact    float64 // jobs spoiled, union over the places, beyond the baseline's rate
	slowOnly  bool
	severe    float64 // jobs that hang beyond the baseline's rate
	onset     int64   // when its own bad spans begin
	family    Family
	component string
	score     float64
	points    map[Family]float64
	reasons   []reason
	attrs     []label
	local     []attrDiff // attributes of the bad against the good of the same window
	drift     []attrDiff // attributes of the service's spans against the baseline
	numeric   []numericDiff
	changes   []change
	metrics   []metricFinding
	patterns  []patternChange
	means     map[meaning]float64
	reach     float64 // how well the alert's words and services fit
	agent     *agentUse
	repeats   *retries
	factor    *factor
	skew      *trace.Skew
	mix       []attrDiff
}

// reason is a sentence with the weight it has among the others.
type reason struct {
	weight float64
	text   string
}

// clues is what the steps found, for all suspects to draw from.
type clues struct {
	js       *jobSet
	culprits []*culprit
	patterns []patternChange
	changes  []change
	metrics  []metricFinding
	skews    []trace.Skew
	retries  []retries
	agents   []agentUse
	factor   *factor
	surge    float64    // requests a minute against the baseline
	mix      []attrDiff // what the additional requests carry
}

// kindWeight is what a spoiled job counts by how it was spoiled.
func kindWeight(k uint8) float64 {
	return [...]float64{badError: 1, badSoft: .6, badSlow: .8, badMore: .5, badSilent: .9}[k]
}

// suspects groups the culprits by service and adds the suspects that no job shows: places below the services, clocks, and
// services that only their logs or metrics accuse.
func (q *inquiry) suspects(cl *clues) []*suspect {
	by := map[trace.Sym]*suspect{}
	var out []*suspect
	for _, c := range cl.culprits {
		s := by[c.service]
		if s == nil {
			s = &suspect{service: c.service, name: q.text(c.service), points: map[Family]float64{}, means: map[meaning]float64{}}
			by[c.service] = s
			out = append(out, s)
		}
		s.places = append(s.places, c)
	}
	for _, s := range out {
		q.weigh(s)
	}
	out = append(out, q.belowServices(cl)...)
	out = append(out, q.fromLogs(cl, by)...)
	out = append(out, q.fromMetrics(cl)...)
	slices.SortStableFunc(out, func(a, b *suspect) int { return cmp.Compare(b.impact, a.impact) })
	return out[:min(len(out), maxSuspects)]
}

// maxSuspects bounds the hypotheses that are worked out.
const maxSuspects = 12

// weigh sums the jobs a suspect spoiled, each once, less what the baseline's rates explain, and picks its main place.
func (q *inquiry) weigh(s *suspect) {
	jobs := map[int32]float64{}
	s.slowOnly = true
	for _, c := range s.places {
		if c.severe.significant() {
			s.severe = max(s.severe, c.severe.over())
		}
		for _, b := range c.bad {
			e, weight := c.excessOf(b.kind), kindWeight(b.kind)
			if b.severe && c.severe.significant() {
				e, weight = &c.severe, severeWeight
			}
			if !e.significant() || e.inc == 0 {
				continue
			}
			if b.kind != badSlow {
				s.slowOnly = false
			}
			s.cause = append(s.cause, b)
			w := weight * min(1, e.over()/e.inc)
			jobs[b.job] = max(jobs[b.job], w)
		}
		if s.main == nil || c.rankValue() > s.main.rankValue() {
			s.main = c
		}
	}
	for _, w := range jobs {
		s.impact += w
	}
}

// excessOf returns the rise that a bad span of the kind belongs to.
func (c *culprit) excessOf(k uint8) *excess {
	return [...]*excess{badError: &c.errors, badSoft: &c.soft, badSlow: &c.slow, badMore: &c.more, badSilent: &c.silent}[k]
}

// rankValue orders the places of one service: failures before slowness before volume.
func (c *culprit) rankValue() float64 {
	v := .5 * c.affected()
	if c.errors.significant() {
		v += c.errors.over()
	}
	if c.silent.significant() {
		v += c.silent.over()
	}
	return v
}

// belowServices makes suspects of the common factor and of skewed clocks.
func (q *inquiry) belowServices(cl *clues) []*suspect {
	var out []*suspect
	if f := cl.factor; f != nil {
		s := &suspect{node: f.value, factor: f, points: map[Family]float64{}, means: map[meaning]float64{}, cause: f.cause, slowOnly: true}
		s.name = q.foremost(f.services)
		jobs := map[int32]float64{}
		for _, b := range f.cause {
			jobs[b.job] = max(jobs[b.job], kindWeight(b.kind))
			s.slowOnly = s.slowOnly && b.kind == badSlow
		}
		for _, w := range jobs {
			s.impact += w
		}
		out = append(out, s)
	}
	for i := range cl.skews {
		k := &cl.skews[i]
		s := &suspect{node: k.Node, skew: k, points: map[Family]float64{}, means: map[meaning]float64{}}
		q.skewed(s, cl)
		out = append(out, s)
	}
	return out
}

// skewed fills a suspect of a wrong clock: the bad spans that ran on the node are its doing, if any; else its impact is that of a
// tenth of the calls that look impossible.
func (q *inquiry) skewed(s *suspect, cl *clues) {
	count := map[trace.Sym]int{}
	jobs := map[int32]bool{}
	for _, c := range cl.culprits {
		if !c.errors.significant() && !c.soft.significant() {
			continue
		}
		for _, b := range c.bad {
			if q.text(q.spans.Res(&q.spans.Spans[b.span]).NodeOf()) == s.node && b.kind <= badSoft {
				s.cause = append(s.cause, b)
				count[q.spans.Spans[b.span].Service]++
				jobs[b.job] = true
			}
		}
	}
	s.impact = max(float64(len(jobs)), float64(s.skew.Outside)/10)
	if len(count) == 0 {
		for i := range q.spans.Spans {
			if sp := &q.spans.Spans[i]; sp.Kind.Incoming() && q.win.incident(sp.Start) && q.text(q.spans.Res(sp).NodeOf()) == s.node {
				count[sp.Service]++
			}
		}
	}
	s.name = q.foremost(count)
}

// foremost is the service with the highest count.
func (q *inquiry) foremost(count map[trace.Sym]int) string {
	best, n := "", 0
	for _, y := range sortedSyms(count) {
		if count[y] > n {
			best, n = q.text(y), count[y]
		}
	}
	return best
}

// fromLogs makes suspects of services that no job accuses but that complain anew in their logs.
func (q *inquiry) fromLogs(cl *clues, by map[trace.Sym]*suspect) []*suspect {
	seen := map[string]*suspect{}
	for y := range by {
		seen[q.text(y)] = by[y]
	}
	var out []*suspect
	for _, p := range cl.patterns {
		if p.cluster || !p.complaint(q.win.ratio()) {
			continue
		}
		if s := seen[p.service]; s != nil {
			if s.main == nil {
				s.impact += logImpact * float64(p.inc)
			}
			continue
		}
		if q.echo(p, cl) {
			continue
		}
		y, _ := q.spans.Sym(p.service)
		s := &suspect{service: y, name: p.service, points: map[Family]float64{}, means: map[meaning]float64{}, impact: logImpact * float64(p.inc), onset: p.first}
		seen[p.service] = s
		out = append(out, s)
	}
	return out
}

// logImpact is what a new complaining line counts against a spoiled job.
const logImpact = .25

// echo reports whether a service's complaint only repeats what it was told by one it calls: the lines belong to traces whose
// errors are laid upon others.
func (q *inquiry) echo(p patternChange, cl *clues) bool {
	if len(cl.culprits) == 0 {
		return false
	}
	y, ok := q.spans.Sym(p.service)
	if !ok {
		return false
	}
	for _, c := range cl.culprits {
		if c.service == y {
			return false
		}
	}
	with := 0
	for _, s := range p.samples {
		if s.traceID != "" {
			with++
		}
	}
	return with > 0 && q.reaches(y, func(to trace.Sym) bool {
		return slices.ContainsFunc(cl.culprits, func(c *culprit) bool { return c.service == to })
	})
}

// reaches reports whether calls lead from a service to one that matches.
func (q *inquiry) reaches(from trace.Sym, match func(trace.Sym) bool) bool {
	seen := map[trace.Sym]bool{from: true}
	todo := []trace.Sym{from}
	for len(todo) > 0 {
		y := todo[0]
		todo = todo[1:]
		for _, to := range q.calls()[y] {
			if match(to) {
				return true
			}
			if !seen[to] {
				seen[to] = true
				todo = append(todo, to)
			}
		}
	}
	return false
}

// calls is the call graph of the services, learned from spans and their parents.
func (q *inquiry) calls() map[trace.Sym][]trace.Sym {
	if q.graph == nil {
		q.graph = map[trace.Sym][]trace.Sym{}
		seen := map[[2]trace.Sym]bool{}
		for i := range q.spans.Spans {
			sp := &q.spans.Spans[i]
			if sp.Parent < 0 {
				continue
			}
			k := [2]trace.Sym{q.spans.Spans[sp.Parent].Service, sp.Service}
			if k[0] != k[1] && !seen[k] {
				seen[k] = true
				q.graph[k[0]] = append(q.graph[k[0]], k[1])
			}
		}
	}
	return q.graph
}
