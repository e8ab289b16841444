package investigate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// windows is what is compared: the incident with the quiet time before it. Unix nanoseconds, half-open.
type windows struct {
	from, to         int64 // the incident
	baseFrom, baseTo int64
	onset            int64
	strength         float64 // sum of the votes for the onset
	given            bool    // the caller gave the window
}

func (w windows) incident(ns int64) bool { return ns >= w.from && ns < w.to }
func (w windows) baseline(ns int64) bool { return ns >= w.baseFrom && ns < w.baseTo }

// ratio is the length of the incident over that of the baseline.
func (w windows) ratio() float64 {
	if w.baseTo <= w.baseFrom {
		return 1
	}
	return float64(w.to-w.from) / float64(w.baseTo-w.baseFrom)
}

// What a track counts.
const (
	trackFault    = "fault"    // error spans of a unit
	trackSoft     = "soft"     // spans with an error type or a 4xx answer that are no errors by status
	trackSlow     = "slow"     // slow spans of a unit
	trackCalls    = "calls"    // calls of a unit per trace
	trackUnserved = "unserved" // calls without an answering span
	trackLog      = "log"      // lines of a pattern
	trackSkew     = "skew"     // calls to a node that lie outside their callers
	trackMetric   = "metric"
)

// track is a series of counts per bin and where it departs from its course.
type track struct {
	kind    string
	service string
	unit    *unit
	pattern *pattern
	label   string
	weigh   float64 // 0..1: how much of a request's time a slow track costs, 1 for the others
	segment
}

// Thresholds of the search for the onset.
const (
	// minLLR is what a departure must reach to vote: with some thousand intervals in some hundred tracks chance alone
	// reaches about ln(10^6) = 14.
	minLLR = 16
	// capLLR bounds the vote of one track, so that agreement of several counts more than one loud track.
	capLLR = 60
	// What was never seen before needs less: chance has no rate to draw it from.
	freshLLR = 10
	minFresh = 4
	// maxRoots and minWeigh bound the look at what slow tracks cost.
	maxRoots = 200
	minWeigh = .05
	// minEventsScan is the fewest events a track is scanned for.
	minEventsScan = 4
	// baselineShare is the part of the window that is never incident: something must be left to compare with.
	baselineShare = .12
)

// findWindows looks for the onset: each track is scanned for the interval that departs most from the rest, and the bin where
// the departures of most services begin wins. The alert's time must lie inside the incident when it is known.
func (q *inquiry) findWindows() {
	b := bounds{minFrom: int(baselineShare * float64(q.clock.n)), mustHold: -1, minLen: 2}
	limit := q.start + (q.end-q.start)/2
	if !q.req.alert.IsZero() {
		at := q.req.alert.UnixNano()
		b.mustHold = max(b.minFrom+1, q.clock.at(at)-1)
		limit = q.start + (at-q.start)*6/10
	}
	if !q.req.start.IsZero() {
		limit = q.req.start.UnixNano()
	}
	q.thresholds(limit)
	q.scanUnits(b)
	q.scanLogs(b)
	q.scanSkew(b)
	q.scanMetrics(b)
	q.vote()
}

func (q *inquiry) keep(t *track) {
	need := float64(minLLR)
	if t.out == 0 && t.nIn >= minFresh && (t.kind == trackFault || t.kind == trackUnserved || t.pattern != nil && t.pattern.severity >= severityError) {
		need = freshLLR
	}
	if t.llr < need {
		return
	}
	t.weigh = 1
	if t.kind == trackSlow {
		t.weigh = q.material(t)
	}
	q.tracks = append(q.tracks, t)
}

// material is what a slow track costs the requests it is part of: the extra time of its spans in the segment, as a share of what
// spoils a request (a quarter of the median duration of the traces they belong to).
func (q *inquiry) material(t *track) float64 {
	var in, out, nIn, nOut float64
	var roots []int64
	from, to := q.clock.time(t.from), q.clock.time(t.to)
	for _, i := range t.unit.spans {
		sp := &q.spans.Spans[i]
		if sp.Start >= from && sp.Start < to {
			in += float64(sp.Dur)
			nIn++
		} else {
			out += float64(sp.Dur)
			nOut++
			if len(roots) < maxRoots {
				roots = append(roots, q.spans.Spans[q.spans.Traces[sp.Trace].Root].Dur)
			}
		}
	}
	if nIn == 0 || nOut == 0 || len(roots) == 0 {
		return 1
	}
	slices.Sort(roots)
	extra := in/nIn - out/nOut
	return max(minWeigh, min(1, extra/(material*float64(roots[len(roots)/2])+1)))
}

func (q *inquiry) scanUnits(b bounds) {
	s := q.spans
	for _, u := range q.units {
		n, faults, softs, slow, unserved := q.clock.zeros(), q.clock.zeros(), q.clock.zeros(), q.clock.zeros(), q.clock.zeros()
		var nf, ns, nu int
		for _, i := range u.spans {
			sp := &s.Spans[i]
			at := q.clock.at(sp.Start)
			n[at]++
			switch {
			case sp.Error:
				faults[at]++
				nf++
			case sp.Soft:
				softs[at]++
				ns++
			}
			if sp.Dur > u.slow {
				slow[at]++
			}
			if u.callee != 0 && s.Served(i) < 0 {
				unserved[at]++
				nu++
			}
		}
		if len(u.spans) < minEventsScan {
			continue
		}
		name := q.text(u.service)
		if nf >= minEventsScan {
			q.keep(&track{kind: trackFault, service: name, unit: u, label: q.text(u.name), segment: scanBinomial(faults, n, b)})
		}
		if ns >= minEventsScan {
			q.keep(&track{kind: trackSoft, service: name, unit: u, label: q.text(u.name), segment: scanBinomial(softs, n, b)})
		}
		if nu >= minEventsScan {
			q.keep(&track{kind: trackUnserved, service: name, unit: u, label: q.text(u.name), segment: scanBinomial(unserved, n, b)})
		}
		q.keep(&track{kind: trackSlow, service: name, unit: u, label: q.text(u.name), segment: scanBinomial(slow, n, b)})
		q.keep(&track{kind: trackCalls, service: name, unit: u, label: q.text(u.name), segment: scanPoisson(n, q.rootN, b)})
	}
}

// scanLogs scans each pattern against time and against traffic and keeps the weaker departure: lines that follow the traffic
// or the clock are no news.
func (q *inquiry) scanLogs(b bounds) {
	for _, p := range q.logs.patterns {
		if len(p.events) < minEventsScan {
			continue
		}
		ev := q.clock.zeros()
		for _, e := range p.events {
			ev[q.clock.at(e.at)]++
		}
		seg := scanPoisson(ev, nil, b)
		if seg.llr >= minLLR && len(q.spans.Traces) > 0 {
			if t := scanPoisson(ev, q.rootN, b); t.llr < seg.llr {
				seg = t
			}
		}
		q.keep(&track{kind: trackLog, service: p.service, pattern: p, label: p.text, segment: seg})
	}
}

// scanSkew scans, for each node, the share of served calls that had to be moved into their callers.
func (q *inquiry) scanSkew(b bounds) {
	s := q.spans
	type counts struct{ n, out []float64 }
	by := map[trace.Sym]*counts{}
	moved := false
	for i := range s.Spans {
		c := &s.Spans[i]
		if c.Parent < 0 || !c.Kind.Incoming() || c.Kind == trace.Consumer {
			continue
		}
		p := &s.Spans[c.Parent]
		if c.Resource == p.Resource {
			continue
		}
		at := q.clock.at(c.Start)
		out := c.Shift != p.Shift
		moved = moved || out
		for _, y := range []trace.Sym{s.Res(c).NodeOf(), s.Res(p).NodeOf()} {
			if by[y] == nil {
				by[y] = &counts{q.clock.zeros(), q.clock.zeros()}
			}
			by[y].n[at]++
			if out {
				by[y].out[at]++
			}
		}
	}
	if !moved {
		return
	}
	for y, c := range by {
		q.keep(&track{kind: trackSkew, service: q.text(y), label: q.text(y), segment: scanBinomial(c.out, c.n, b)})
	}
}

// weight says how far a track's departure speaks for trouble: faults and silence most, volume least.
func (t *track) weight() float64 {
	w := map[string]float64{trackFault: 1, trackSoft: .7, trackSlow: .8, trackUnserved: 1, trackLog: .5, trackCalls: .4, trackSkew: 1, trackMetric: .6}[t.kind]
	if t.pattern != nil && t.pattern.severity >= severityWarn && t.rise() {
		w = .9
	}
	w *= t.weigh
	if (t.kind == trackFault || t.kind == trackSlow || t.kind == trackSoft || t.kind == trackUnserved) && !t.rise() {
		w *= .2 // things got better: the incident may lie outside the segment
	}
	return w
}

// vote picks the bin where the strongest tracks begin and sets the windows around it.
func (q *inquiry) vote() {
	slices.SortStableFunc(q.tracks, func(a, b *track) int { return cmp.Compare(b.llr*b.weight(), a.llr*a.weight()) })
	votes := q.clock.zeros()
	spoken := map[string]bool{}
	for _, t := range q.tracks {
		k := t.service + "\x00" + t.kind
		if spoken[k] {
			continue // one voice for each service and kind
		}
		spoken[k] = true
		w := min(t.llr, capLLR) * t.weight()
		for d := -2; d <= 2; d++ {
			if i := t.from + d; i >= 0 && i < len(votes) {
				votes[i] += w * math.Exp(-float64(d*d)/2)
			}
		}
	}
	best := 0
	for i := range votes {
		if votes[i] > votes[best] {
			best = i
		}
	}
	q.win = windows{strength: votes[best], onset: q.clock.time(best)}
	q.place(best)
}

// Windows around the onset.
const (
	guardShare   = .05             // of the baseline, left out before the onset: the fault may have begun quietly
	minIncident  = 5 * time.Minute // what is compared at least
	defaultReach = 15 * time.Minute
)

// place sets incident and baseline: from the onset to the median end of the tracks that begin there, and all before it less a guard.
func (q *inquiry) place(best int) {
	w := &q.win
	w.to = q.end
	type end struct {
		at int
		w  float64
	}
	var ends []end
	for _, t := range q.tracks {
		if abs(t.from-best) <= 2 && t.weight() > .2 {
			ends = append(ends, end{t.to, min(t.llr, capLLR) * t.weight()})
		}
	}
	slices.SortFunc(ends, func(a, b end) int { return cmp.Compare(a.at, b.at) })
	var total, run float64
	for _, e := range ends {
		total += e.w
	}
	for _, e := range ends {
		if run += e.w; run >= total/2 {
			w.to = q.clock.time(e.at)
			break
		}
	}
	if w.strength < minLLR && !q.req.alert.IsZero() { // nothing departs: look around the alert
		at := q.req.alert.UnixNano()
		w.onset, w.to = at-defaultReach.Nanoseconds(), at+minIncident.Nanoseconds()
	}
	if !q.req.start.IsZero() {
		w.given = true
		if w.onset < q.req.start.UnixNano()-minIncident.Nanoseconds() || !q.req.end.IsZero() && w.onset >= q.req.end.UnixNano() {
			w.onset = q.req.start.UnixNano()
		}
	}
	w.to = max(w.to, w.onset+minIncident.Nanoseconds())
	if !q.req.end.IsZero() {
		w.to = max(w.onset+1, min(w.to, q.req.end.UnixNano()))
	}
	w.to = min(w.to, q.end)
	w.from = w.onset
	w.baseFrom = q.start
	w.baseTo = w.from - int64(guardShare*float64(w.from-q.start))
}

func abs(i int) int { return max(i, -i) }
