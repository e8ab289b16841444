package investigate

import (
	"cmp"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// culprit is a place with the bad jobs laid upon it.
type culprit struct {
	place
	errors   excess // jobs with an error that originates here
	soft     excess // the same for answers that are no errors by status
	slow     excess // jobs that spent more critical time here than nearly all of the baseline
	severe   excess // those of them that anybody would call broken: several times the slowest of the baseline
	more     excess // jobs that called the target more often than nearly all of the baseline
	silent   excess // messages produced that this service did not take
	waits    int    // of the slow ones: those that waited before the call instead of in it
	cutOff   int    // of the errors: callers that got no answer from this service
	callers  map[trace.Sym]int
	bad      []bad
	extraNS  float64 // critical time above the baseline's mean, all jobs together
	typeOf   map[trace.Sym]int
	messages map[trace.Sym]int
	moreUnit int32
}

// bad is one bad span and the job it spoils.
type bad struct {
	span, job int32
	kind      uint8
	severe    bool // of slow ones: far beyond what the baseline knows
}

// Kinds of bad spans.
const (
	badError = iota
	badSoft
	badSlow
	badMore
	badSilent
)

// excess compares affected jobs of the incident with those of the baseline.
type excess struct {
	inc, base   float64 // affected
	nInc, nBase float64 // jobs that could have been
	expected    float64 // affected jobs of the incident by the baseline's rates, class by class
	classes     []*class
}

// count adds an affected job. A baseline job stands for as many of the incident as its class has for each of the baseline.
func (e *excess) count(cl *class, inc bool, w float64) {
	if !slices.Contains(e.classes, cl) {
		e.classes = append(e.classes, cl)
	}
	if inc {
		e.inc += w
		return
	}
	e.base += w
	if cl.nBase > 0 {
		e.expected += w * float64(cl.nInc) / float64(cl.nBase)
	}
}

// settle sets the totals to those of the classes with affected jobs, so that base/nBase is the rate expected for the incident's
// mix of classes and traffic that never comes this way dilutes nothing.
func (e *excess) settle() {
	for _, c := range e.classes {
		e.nInc += float64(c.nInc)
		e.nBase += float64(c.nBase)
		if c.nBase == 0 { // requests that break off look like no class of before: compare with all that entered there
			e.nBase += float64(c.kin)
		}
	}
	if e.nInc > 0 {
		e.base = e.expected * e.nBase / e.nInc
	}
}

// over is how many more were affected than the baseline's rate explains.
func (e *excess) over() float64 {
	if e.nBase == 0 {
		return e.inc
	}
	return max(0, e.inc-e.nInc*e.base/e.nBase)
}

// g is the significance of the rise (likelihood ratio G), 0 if there is none.
func (e *excess) g() float64 {
	if e.nBase == 0 {
		return 0
	}
	if e.inc*e.nBase <= e.base*e.nInc {
		return 0
	}
	return gTest(e.inc, e.nInc, e.base, e.nBase)
}

// What a rise must reach to count: three affected jobs, and a G that chance gives once in ten thousand places.
const (
	minAffected = 3
	minG        = 15
)

func (e *excess) significant() bool { return e.over() >= minAffected && e.g() >= minG }

// slowWeight is what a slow request counts against a failed one, severeWeight what one counts that hangs.
const (
	slowWeight   = .7
	severeWeight = .9
)

// affected is the number of jobs the culprit spoiled beyond the baseline's rate; the softer kinds count less.
func (c *culprit) affected() float64 {
	var n float64
	if c.errors.significant() {
		n = max(n, c.errors.over())
	}
	if c.slow.significant() {
		n = max(n, slowWeight*c.slow.over())
	}
	if c.severe.significant() {
		n = max(n, severeWeight*c.severe.over())
	}
	if c.silent.significant() {
		n = max(n, c.silent.over())
	}
	if c.soft.significant() {
		n = max(n, .6*c.soft.over())
	}
	if c.more.significant() {
		n = max(n, .5*c.more.over())
	}
	return n
}

// culprits lays errors, excess time, excess calls and silence upon places and returns those with a significant rise, most
// affected jobs first.
//
// Errors: an error span is an origin when no child failed; a failed call that no instrumented span answered is laid upon the
// target, or upon the called service when others know it by its spans (callee blame); a call that failed although its child
// did not is laid upon where the child spent its time. Time: the critical path by place, against the baseline of the same
// class (differenced exclusive time; MicroRank and MonitorRank rank the same quantity).
func (q *inquiry) culprits(js *jobSet) []*culprit {
	b := &blamer{inquiry: q, js: js, by: map[place]*culprit{}}
	b.totals()
	b.blameErrors()
	b.blameTime()
	b.blameCalls()
	b.blameSilence()
	var out []*culprit
	for _, c := range b.by {
		if c.affected() > 0 {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(x, y *culprit) int {
		return cmp.Or(cmp.Compare(y.affected(), x.affected()), cmp.Compare(q.text(x.service), q.text(y.service)), cmp.Compare(q.text(x.target), q.text(y.target)))
	})
	return out
}

type blamer struct {
	*inquiry
	js    *jobSet
	by    map[place]*culprit
	jobOf []int32
}

func (b *blamer) at(p place) *culprit {
	c := b.by[p]
	if c == nil {
		c = &culprit{place: p, callers: map[trace.Sym]int{}, typeOf: map[trace.Sym]int{}, messages: map[trace.Sym]int{}, moreUnit: -1}
		b.by[p] = c
	}
	return c
}

func (b *blamer) totals() {
	b.jobOf = make([]int32, len(b.spans.Spans))
	for i := range b.jobOf {
		b.jobOf[i] = -1
	}
	for j := range b.js.jobs {
		b.jobOf[b.js.jobs[j].root] = int32(j)
	}
	for i := range b.spans.Spans { // parents come before children within a trace unless clocks differ
		b.jobAt(int32(i))
	}
}

// jobAt finds the job a span belongs to.
func (b *blamer) jobAt(i int32) int32 {
	if b.jobOf[i] < 0 {
		p := b.spans.Spans[i].Parent
		if p < 0 {
			return -1
		}
		b.jobOf[i] = b.jobAt(p)
	}
	return b.jobOf[i]
}

func (b *blamer) blameErrors() {
	type hit struct {
		c   *culprit
		job int32
		k   uint8
	}
	seen := map[hit]bool{}
	s := b.spans
	for i := range s.Spans {
		sp := &s.Spans[i]
		if !sp.Error && !sp.Soft {
			continue
		}
		id := int32(i)
		origin := s.Origin(id)
		if !origin && (sp.Error || !b.softOrigin(id)) {
			continue
		}
		j := b.jobOf[i]
		if j < 0 {
			continue
		}
		inc, base := b.win.incident(b.js.jobs[j].start), b.win.baseline(b.js.jobs[j].start)
		if !inc && !base {
			continue
		}
		c, cut := b.errorPlace(id)
		k := uint8(badError)
		e := &c.errors
		if !sp.Error {
			k, e = badSoft, &c.soft
		}
		h := hit{c, j, k}
		if inc {
			c.typeOf[sp.ErrorType]++
			c.messages[sp.Message]++
			c.bad = append(c.bad, bad{span: id, job: j, kind: k})
			if cut && !seen[h] {
				c.cutOff++
				c.callers[sp.Service]++
			}
		}
		if !seen[h] {
			seen[h] = true
			e.count(&b.js.classes[b.js.jobs[j].class], inc, 1)
		}
	}
	for _, c := range b.by {
		c.errors.settle()
		c.soft.settle()
	}
}

// softOrigin reports whether no child carries the same refusal.
func (b *blamer) softOrigin(i int32) bool {
	for c := b.spans.Spans[i].FirstChild; c >= 0; c = b.spans.Spans[c].NextSibling {
		if b.spans.Spans[c].Error || b.spans.Spans[c].Soft {
			return false
		}
	}
	return true
}

// errorPlace lays an origin upon a place; the second result says that the place is a service that did not answer.
func (b *blamer) errorPlace(i int32) (*culprit, bool) {
	s := b.spans
	sp := &s.Spans[i]
	if !sp.Kind.Outgoing() && (sp.Kind != trace.Internal || sp.Target == 0) {
		return b.at(place{sp.Service, 0}), false
	}
	served := s.Served(i)
	if served < 0 {
		if callee := b.units[b.unitOf[i]].callee; callee != 0 && callee != sp.Service {
			return b.at(place{callee, 0}), true
		}
		return b.at(place{sp.Service, sp.Target}), false
	}
	if !sp.Kind.Outgoing() || s.Spans[served].Error {
		return b.at(place{sp.Service, sp.Target}), false
	}
	if s.Spans[served].Dur <= b.units[b.unitOf[served]].slow {
		return b.at(place{sp.Service, sp.Target}), false // the child was as fast as ever: the caller gave up too early, or the way back is cut
	}
	// The caller gave up on a child that did not fail: lay it upon where the child spent its time.
	path := s.CriticalPath(served, nil)
	sums, best, most := map[place]int64{}, place{s.Spans[served].Service, 0}, int64(0)
	for _, g := range path {
		p, _ := b.placeOf(g)
		if sums[p] += g.To - g.From; sums[p] > most {
			best, most = p, sums[p]
		}
	}
	return b.at(best), false
}

// Shares of the usual that excess time or calls must reach to spoil a job.
const (
	material = .3  // of the class's median duration
	tailRate = .02 // of the baseline's jobs lie above the threshold
	// A severely slow job spends severeTimes the baseline's tail in one place, severeTimes its own median duration more than
	// usual there, and at least severeFloor nanoseconds more: what its user notices whatever others do.
	severeTimes = 3
	severeFloor = 50e6
)

type cell struct {
	class, place int32
	via          via
}

func (b *blamer) blameTime() {
	base := map[cell][]float32{}
	sum := map[cell]float64{}
	b.eachShare(func(j *job, x share, merged cell) {
		if b.win.baseline(j.start) {
			base[merged] = append(base[merged], x.ns)
			sum[merged] += float64(x.ns)
		}
	})
	limit := map[cell]float32{}
	mean := map[cell]float32{}
	for k, v := range base {
		cl := &b.js.classes[k.class]
		if cl.nBase >= minClass {
			limit[k] = upper(v, cl.nBase, tailRate)
			mean[k] = float32(sum[k] / float64(cl.nBase))
		}
	}
	b.eachShare(func(j *job, x share, k cell) {
		inc := b.win.incident(j.start)
		if !inc && !b.win.baseline(j.start) {
			return
		}
		cl := &b.js.classes[k.class]
		if cl.nBase < minClass {
			return
		}
		c := b.at(b.js.places[k.place])
		over := x.ns - mean[k]
		if inc {
			c.extraNS += float64(over)
		}
		if x.ns <= limit[k] || float64(over) < material*1000*float64(cl.median()) || over < 1e6 {
			return
		}
		w := 1.0
		if cl.consumer {
			w = consumerWeight
		}
		c.slow.count(cl, inc, w)
		severe := x.ns > severeTimes*limit[k] && float64(over) > max(severeFloor, severeTimes*1000*float64(cl.median())) && !cl.consumer
		if severe {
			c.severe.count(cl, inc, 1)
		}
		if !inc {
			return
		}
		if x.via == viaWait {
			c.waits++
		}
		c.bad = append(c.bad, bad{x.span, b.jobOf[j.root], badSlow, severe})
	})
	for _, c := range b.by {
		c.slow.settle()
		c.severe.settle()
	}
}

// minClass is the fewest baseline jobs a class is judged by; consumerWeight discounts slowness that only a queue sees.
const (
	minClass       = 12
	consumerWeight = .4
)

// eachShare calls f for each share of each job with its cell. Waits and calls of one target are cells of their own.
func (b *blamer) eachShare(f func(*job, share, cell)) {
	for i := range b.js.jobs {
		j := &b.js.jobs[i]
		for _, x := range b.js.shares[j.lo:j.hi] {
			f(j, x, cell{j.class, x.place, x.via})
		}
	}
}

// blameCalls lays jobs that call a target more often than nearly all of the baseline upon the caller.
func (b *blamer) blameCalls() {
	type key struct{ class, unit int32 }
	base := map[key][]float32{}
	each := func(f func(j *job, t tally)) {
		for i := range b.js.jobs {
			j := &b.js.jobs[i]
			for _, t := range b.js.tallies[j.cl:j.ch] {
				f(j, t)
			}
		}
	}
	each(func(j *job, t tally) {
		if b.win.baseline(j.start) {
			k := key{j.class, t.unit}
			base[k] = append(base[k], float32(t.n))
		}
	})
	limit, mean := map[key]float32{}, map[key]float32{}
	for k, v := range base {
		n := b.js.classes[k.class].nBase
		if n < minClass {
			continue
		}
		var sum float32
		for _, x := range v {
			sum += x
		}
		mean[k] = sum / float32(n)
		limit[k] = upper(v, n, tailRate)
	}
	each(func(j *job, t tally) {
		k := key{j.class, t.unit}
		cl := &b.js.classes[j.class]
		inc := b.win.incident(j.start)
		if cl.nBase < minClass || !inc && !b.win.baseline(j.start) {
			return
		}
		u := b.units[t.unit]
		c := b.at(place{u.service, u.target})
		if float32(t.n) > max(limit[k], 1.3*mean[k]) || mean[k] < rareCalls {
			c.more.count(cl, inc, 1)
			if inc {
				c.bad = append(c.bad, bad{span: t.first, job: b.jobOf[j.root], kind: badMore})
				c.moreUnit = t.unit
			}
		}
	})
	for _, c := range b.by {
		c.more.settle()
	}
}

// rareCalls is the mean number of calls a job below which a unit counts as seldom called.
const rareCalls = .6

// blameSilence looks at messages: a consumer that used to take what a producer sends and does so no more.
func (b *blamer) blameSilence() {
	s := b.spans
	type key struct {
		unit    int32
		service trace.Sym
	}
	n := map[int32]*excess{}
	took := map[key]*excess{}
	var producers []int32
	for i := range s.Spans {
		sp := &s.Spans[i]
		if sp.Kind != trace.Producer {
			continue
		}
		inc := b.win.incident(sp.Start)
		if !inc && !b.win.baseline(sp.Start) {
			continue
		}
		u := b.unitOf[i]
		add(n, u, inc)
		producers = append(producers, int32(i))
		for c := sp.FirstChild; c >= 0; c = s.Spans[c].NextSibling {
			if s.Spans[c].Kind == trace.Consumer {
				add(took, key{u, s.Spans[c].Service}, inc)
			}
		}
	}
	for k, t := range took {
		all := n[k.unit]
		if t.base < minForDecile || t.base < .5*all.base {
			continue
		}
		c := b.at(place{k.service, b.units[k.unit].target})
		c.silent = excess{inc: max(0, all.inc-t.inc), base: max(0, all.base-t.base), nInc: all.inc, nBase: all.base}
		if !c.silent.significant() {
			continue
		}
		for _, i := range producers {
			if b.unitOf[i] == k.unit && b.win.incident(s.Spans[i].Start) && !b.taken(i, k.service) {
				c.bad = append(c.bad, bad{span: i, job: b.jobOf[i], kind: badSilent})
			}
		}
	}
}

func add[K comparable](m map[K]*excess, k K, inc bool) {
	e := m[k]
	if e == nil {
		e = &excess{}
		m[k] = e
	}
	if inc {
		e.inc++
	} else {
		e.base++
	}
}
