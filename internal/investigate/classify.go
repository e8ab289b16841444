package investigate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// workOut finds all that speaks for a suspect: attribute differences, the words of its errors, changes, metrics, log patterns;
// then decides its family and names its component.
func (q *inquiry) workOut(s *suspect, cl *clues) {
	q.compare(s)
	q.listen(s, cl)
	q.attach(s, cl)
	q.locate(s)
	q.pointsOf(s, cl)
	q.decide(s)
	q.nameAttributes(s)
}

// compare runs the attribute differences of a suspect.
func (q *inquiry) compare(s *suspect) {
	isBad := map[int32]bool{}
	units := map[int32]bool{}
	var sel []int32
	kind := q.mainKind(s)
	for _, b := range s.cause {
		if b.kind == kind && !isBad[b.span] {
			isBad[b.span] = true
			sel = append(sel, b.span)
			units[q.unitOf[b.span]] = true
		}
	}
	if len(sel) >= minAffected && kind != badMore {
		if m := s.main; m != nil && m.target != 0 && kind != badSilent { // other operations of the same target may do well
			for id, u := range q.units {
				if u.service == m.service && u.target == m.target && u.kind.Outgoing() {
					units[int32(id)] = true
				}
			}
		}
		var good []int32
		for u := range units {
			for _, i := range q.units[u].spans {
				sp := &q.spans.Spans[i]
				if q.win.incident(sp.Start) && !isBad[i] && !sp.Error && (kind != badSlow || sp.Dur <= q.units[u].slow) {
					good = append(good, i)
				}
			}
		}
		if len(good) >= minAffected {
			slices.Sort(good)
			s.local = q.attributeDiff(sel, good, false)
			s.numeric = q.numericDiffs(sel, good)
		}
	}
	s.drift = q.serviceDrift(s)
}

// mainKind is how most of the suspect's jobs were spoiled.
func (q *inquiry) mainKind(s *suspect) uint8 {
	var n [badSilent + 1]float64
	for _, b := range s.cause {
		n[b.kind] += kindWeight(b.kind)
	}
	best := uint8(0)
	for k := range n {
		if n[k] > n[best] {
			best = uint8(k)
		}
	}
	if n[badError] > .2*n[best] {
		return badError
	}
	return best
}

// driftGap is by how much the share of a value must differ from the baseline's to be told.
const driftGap = .25

// maxDriftSample bounds the spans of one unit compared with the baseline.
const maxDriftSample = 3000

// serviceDrift compares the attributes of a service's spans, unit by unit, with the baseline: what is new since the onset.
func (q *inquiry) serviceDrift(s *suspect) []attrDiff {
	if s.service == 0 {
		return nil
	}
	best := map[string]attrDiff{}
	for _, u := range q.units {
		if u.service != s.service {
			continue
		}
		var inc, base []int32
		for _, i := range u.spans {
			switch start := q.spans.Spans[i].Start; {
			case q.win.incident(start) && len(inc) < maxDriftSample:
				inc = append(inc, i)
			case q.win.baseline(start) && len(base) < maxDriftSample:
				base = append(base, i)
			}
		}
		if len(inc) < minForDecile/2 || len(base) < minForDecile/2 {
			continue
		}
		for _, a := range q.attributeDiff(inc, base, true) {
			if a.cover()-ratio(a.ref, a.refN) < driftGap {
				continue
			}
			k := a.key + "\x00" + a.value
			if o, ok := best[k]; !ok || a.g > o.g {
				best[k] = a
			}
		}
	}
	out := make([]attrDiff, 0, len(best))
	for _, k := range sortedKeys(best) {
		out = append(out, best[k])
	}
	slices.SortStableFunc(out, func(a, b attrDiff) int { return cmp.Compare(b.g, a.g) })
	return out
}

// listen reads the words of the suspect's errors and of the complaints of its logs.
func (q *inquiry) listen(s *suspect, cl *clues) {
	total := 0.0
	words := map[trace.Sym]float64{}
	for _, b := range s.cause {
		if b.kind <= badSoft {
			sp := &q.spans.Spans[b.span]
			words[sp.Message]++
			if sp.Message == 0 {
				words[sp.ErrorType]++
			}
			total++
		}
	}
	for y, n := range words {
		if m := meaningOf(q.text(y)); m != "" {
			s.means[m] += n / total
		}
	}
	if len(s.means) == 0 {
		for _, b := range s.cause {
			if m := meaningOf(q.text(q.spans.Spans[b.span].ErrorType)); b.kind <= badSoft && m != "" {
				s.means[m] += 1 / total
			}
		}
	}
	logs := 0.0
	for _, p := range cl.patterns {
		if p.service != s.name || p.cluster || s.node != "" || !p.complaint(q.win.ratio()) {
			continue
		}
		s.patterns = append(s.patterns, p)
		logs += float64(p.inc)
	}
	for _, p := range s.patterns {
		if p.means != "" {
			s.means[p.means] += .5 * float64(p.inc) / logs
		}
	}
}

// attach gathers changes and metrics that concern the suspect.
func (q *inquiry) attach(s *suspect, cl *clues) {
	names := q.namesOf(s)
	for _, c := range cl.changes {
		if s.node == "" && c.service == s.name || s.node != "" && c.node == s.node && (c.kind == changeNode || c.kind == changeRestart) {
			s.changes = append(s.changes, c)
		}
	}
	for _, m := range cl.metrics {
		if m.about(names) {
			s.metrics = append(s.metrics, m)
		}
	}
	if s.service == 0 {
		return
	}
	for i := range cl.agents {
		if cl.agents[i].service == s.service {
			s.agent = &cl.agents[i]
		}
	}
	for i := range cl.retries {
		r := &cl.retries[i]
		if r.caller == s.service || q.hosts[r.target] == s.service {
			s.repeats = r
			break
		}
	}
}

// namesOf are the label values that mean the suspect: the service, its pods, what its places call, the node.
func (q *inquiry) namesOf(s *suspect) map[string]bool {
	names := map[string]bool{}
	if s.node != "" {
		names[s.node] = true
		return names
	}
	name := s.name
	names[name] = true
	for i := range q.spans.Resources {
		if r := &q.spans.Resources[i]; r.Service == s.service {
			names[q.text(r.Pod)] = true
			names[q.text(r.Instance)] = true
		}
	}
	for _, c := range s.places {
		for _, t := range q.targetNames(c) {
			names[t] = true
		}
	}
	for host, svc := range q.hosts {
		if svc == s.service {
			h := q.text(host)
			names[h] = true
			for i := range len(h) { // a probe may know the host by a shorter name of the same domain
				if h[i] == '.' && i > len(name) {
					names[h[:i]] = true
				}
			}
		}
	}
	delete(names, "")
	return names
}

// targetNames are the values of all target attributes that the spans of a place agree on.
func (q *inquiry) targetNames(c *culprit) []string {
	var out []string
	for _, l := range q.targetAttrs(c) {
		out = append(out, l.value)
	}
	return out
}

// targetAttrs are the target attributes (server.address, db.namespace, ...) that nearly all bad spans of a place carry.
func (q *inquiry) targetAttrs(c *culprit) []label {
	count := map[uint64]int{}
	n := 0
	for _, b := range c.bad[:min(len(c.bad), 2000)] {
		i := b.span
		sp := &q.spans.Spans[i]
		if !sp.Kind.Outgoing() && sp.Target == 0 {
			if i = q.childTo(i, c.target); i < 0 {
				continue
			}
			sp = &q.spans.Spans[i]
		}
		n++
		for _, a := range q.spans.Attrs(sp) {
			if slices.Contains(trace.TargetKeys(), q.spans.Keys()[a.Key]) {
				count[a.Bits()]++
			}
		}
	}
	var out []label
	for _, key := range trace.TargetKeys() {
		k, ok := q.spans.Key(key)
		if !ok {
			continue
		}
		for bits, m := range count {
			if trace.KeyID(bits>>33) == k && 10*m >= 9*n {
				out = append(out, label{key, q.spans.ValueOfBits(bits)})
			}
		}
	}
	return out
}

// childTo is the child of span i that calls a target, or -1.
func (q *inquiry) childTo(i int32, target trace.Sym) int32 {
	for c := q.spans.Spans[i].FirstChild; c >= 0; c = q.spans.Spans[c].NextSibling {
		if q.spans.Spans[c].Target == target {
			return c
		}
	}
	return -1
}

// locate finds when the suspect's own trouble began, by the kind of trouble that began first.
func (q *inquiry) locate(s *suspect) {
	main := q.mainKind(s)
	for _, k := range []uint8{badError, badSoft, badSlow, badSilent, badMore} {
		n := 0
		for _, b := range s.cause {
			if b.kind == k {
				n++
			}
		}
		if n < minAffected || n < len(s.cause)/5 && k != main {
			continue
		}
		at := q.locateKind(s, k)
		if s.onset == 0 || at < s.onset && time.Duration(s.onset-at) < ownOnset {
			s.onset = at
		}
	}
}

// locateKind is the split of the suspect's spans into before and after that best separates bad from good (the binomial scan at
// the resolution of events).
func (q *inquiry) locateKind(s *suspect, kind uint8) int64 {
	first := int64(math.MaxInt64)
	units := map[int32]bool{}
	isBad := map[int32]bool{}
	for _, b := range s.cause {
		if b.kind == kind {
			units[q.unitOf[b.span]] = true
			isBad[b.span] = true
			first = min(first, q.spans.Spans[b.span].Start-q.spans.Spans[b.span].Shift)
		}
	}
	type ev struct {
		at  int64
		bad bool
	}
	var evs []ev
	for u := range units {
		for _, i := range q.units[u].spans {
			sp := &q.spans.Spans[i]
			at := sp.Start - sp.Shift
			if at >= q.win.to {
				continue
			}
			bad := isBad[i]
			switch kind {
			case badError:
				bad = bad || sp.Error && at < q.win.from
			case badSlow:
				bad = sp.Dur > q.units[u].slow
			case badSilent:
				bad = bad || at < q.win.from && !q.taken(i, s.service)
			}
			evs = append(evs, ev{at, bad})
		}
	}
	slices.SortFunc(evs, func(a, b ev) int { return cmp.Compare(a.at, b.at) })
	var total float64
	for _, e := range evs {
		total += boolTo(e.bad)
	}
	n, seen, best := float64(len(evs)), 0.0, 0.0
	for i, e := range evs {
		if e.bad && i > 0 && e.at >= q.win.from-maxEarlier.Nanoseconds() {
			a, b := float64(i), n-float64(i)
			if l := bernoulli(seen, a) + bernoulli(total-seen, b); (best == 0 || l > best) && (total-seen)/b > seen/a {
				best, first = l, e.at
			}
		}
		seen += boolTo(e.bad)
	}
	return first
}

// maxEarlier is how far before the voted onset a suspect's own may lie.
const maxEarlier = 15 * time.Minute

// taken reports whether a producer's message was consumed by a service.
func (q *inquiry) taken(producer int32, service trace.Sym) bool {
	for c := q.spans.Spans[producer].FirstChild; c >= 0; c = q.spans.Spans[c].NextSibling {
		if q.spans.Spans[c].Kind == trace.Consumer && q.spans.Spans[c].Service == service {
			return true
		}
	}
	return false
}

// decide takes the family with most points and names the component.
func (q *inquiry) decide(s *suspect) {
	best := 0.0
	for _, f := range Families() {
		if p := s.points[f]; p > best {
			best, s.family = p, f
		}
	}
	if s.family == "" {
		s.family = CodeFault
		if s.slowOnly {
			s.family = Saturation
		}
	}
	s.component = q.componentOf(s)
}

func (s *suspect) because(weight float64, format string, args ...any) {
	s.reasons = append(s.reasons, reason{weight, fmt.Sprintf(format, args...)})
}

// give adds points for a family with the reason.
func (s *suspect) give(f Family, points float64, format string, args ...any) {
	s.points[f] += points
	if format != "" {
		s.because(points, format, args...)
	}
}

// metric returns the first metric finding of one of the kinds.
func (s *suspect) metric(kinds ...metricKind) *metricFinding {
	for i := range s.metrics {
		if slices.Contains(kinds, s.metrics[i].kind) {
			return &s.metrics[i]
		}
	}
	return nil
}

// changeOf returns the nearest change of a kind before or at the onset.
func (s *suspect) changeOf(kinds ...changeKind) *change {
	for i := range s.changes {
		if slices.Contains(kinds, s.changes[i].kind) {
			return &s.changes[i]
		}
	}
	return nil
}

// driftOf returns the strongest drift of a key that holds the word.
func (s *suspect) driftOf(words ...string) *attrDiff {
	for i := range s.drift {
		for _, w := range words {
			if strings.Contains(s.drift[i].key, w) {
				return &s.drift[i]
			}
		}
	}
	return nil
}

// localOf returns the strongest localising attribute that accept takes.
func (s *suspect) localOf(accept func(key string) bool) *attrDiff {
	for i := range s.local {
		if accept(s.local[i].key) && s.local[i].localises() {
			return &s.local[i]
		}
	}
	return nil
}
