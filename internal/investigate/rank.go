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

// closenessTo is 1 for a change at the moment a suspect's trouble began and falls to 0 changeBefore earlier; what comes after it
// is no cause, but clocks and first failures are late, so a little grace is given.
func (q *inquiry) closenessTo(c change, onset int64) float64 {
	if onset == 0 {
		onset = q.win.onset
	}
	d := onset - c.at
	if d < 0 {
		if -d > changeAfter.Nanoseconds() {
			return 0
		}
		return 1 - float64(-d)/float64(changeAfter.Nanoseconds())
	}
	return max(0, 1-float64(d)/float64(changeBefore.Nanoseconds()))
}

// Weights of the score.
const (
	fullPoints   = 7.  // points that make a family certain
	specificity0 = .45 // what impact alone is worth against a fully explained suspect
	lateFactor   = .55 // for trouble that began at another time than the incident
	weakFactor   = .5  // for slowness that touches few requests and fails none
	weakShare    = .05 // of the incident's requests
	noReach      = .7  // when the alert names services that do not call the suspect
)

// rank scores the suspects: the share of spoiled jobs (root, so that a distant second keeps a say) times how well a family
// explains them, less for the wrong time and for what the alert cannot be about.
func (q *inquiry) rank(list []*suspect, cl *clues) []*suspect {
	most := 0.0
	for _, s := range list {
		if s.slowOnly && s.severe < quietJobs && s.impact < weakShare*q.jobsIn(cl) {
			s.impact *= weakFactor
		}
		if s.skew != nil && s.impact < 1 {
			s.impact = 1
		}
		most = max(most, s.impact)
	}
	for _, s := range list {
		s.reach = q.reachOf(s)
		spec := min(1, s.points[s.family]/fullPoints)
		s.score = math.Sqrt(s.impact/max(most, 1e-9)) * (specificity0 + (1-specificity0)*spec) * s.reach
		if q.late(s) {
			s.score *= lateFactor
		}
	}
	slices.SortStableFunc(list, func(a, b *suspect) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.name, b.name)) })
	return list
}

func (q *inquiry) jobsIn(cl *clues) float64 {
	n := 0
	for i := range cl.js.classes {
		n += cl.js.classes[i].nInc
	}
	return float64(n)
}

// sameTime is how far a suspect's onset may lie from the incident's.
const sameTime = 4 * time.Minute

// late reports whether a suspect's trouble began clearly before or after the incident did: the strongest track of its units says when.
func (q *inquiry) late(s *suspect) bool {
	if s.service == 0 || s.main == nil {
		return false
	}
	var best *track
	for _, t := range q.tracks {
		if t.unit == nil || t.unit.service != s.service || !t.rise() || t.kind == trackCalls {
			continue
		}
		if s.main.target != 0 && t.unit.target != s.main.target {
			continue
		}
		if best == nil || t.llr > best.llr {
			best = t
		}
	}
	if best == nil {
		return false
	}
	d := q.clock.time(best.from) - q.win.onset
	return time.Duration(max(d, -d)) > sameTime+time.Duration(q.clock.bin)
}

// reachOf is how well the suspect fits the alert: above 1 when the alert's words or services name it or its callers.
func (q *inquiry) reachOf(s *suspect) float64 {
	named := q.namedServices()
	if len(named) == 0 || s.service == 0 {
		return 1
	}
	if slices.Contains(named, s.service) {
		return 1.15
	}
	for _, y := range named {
		if q.reaches(y, func(to trace.Sym) bool { return to == s.service }) {
			return 1.08
		}
	}
	return noReach
}

// namedServices are the services that the caller or the alert names, by name or by the words of its text.
func (q *inquiry) namedServices() []trace.Sym {
	var out []trace.Sym
	text := words(q.req.text)
	for _, name := range q.serviceNames() {
		y, ok := q.spans.Sym(name)
		if !ok {
			continue
		}
		if slices.ContainsFunc(q.req.services, func(s string) bool { return strings.EqualFold(s, name) }) || mentions(text, name) {
			out = append(out, y)
		}
	}
	return out
}

// words cuts a text to lower-case stems.
func words(text string) []string {
	f := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	for i := range f {
		f[i] = stem(f[i])
	}
	return f
}

func stem(w string) string {
	for _, suffix := range []string{"ations", "ation", "ings", "ing", "ments", "ment", "ies", "es", "s", "y"} {
		if len(w) > len(suffix)+3 && strings.HasSuffix(w, suffix) {
			return w[:len(w)-len(suffix)]
		}
	}
	return w
}

// mentions reports whether all words of a service's name stand in the text, together or apart ("front end" for frontend).
func mentions(text []string, name string) bool {
	parts := words(name)
	if len(parts) == 0 {
		return false
	}
	all := true
	for _, p := range parts {
		if len(p) < 3 || !slices.Contains(text, p) {
			all = false
		}
	}
	if all {
		return true
	}
	joined := strings.Join(words(name), "")
	for i := 0; i+1 < len(text); i++ {
		if text[i]+text[i+1] == joined {
			return true
		}
	}
	return false
}

// RuledOut is something that looks guilty and is not.
type RuledOut struct {
	Subject string `json:"subject"`
	Kind    string `json:"kind"` // rollout, restart, job, slow, errors, traffic, ...
	Reason  string `json:"reason"`
}

// maxRuledOut bounds what is told of the innocent.
const maxRuledOut = 6

// acquit lists the distractors: changes and departures that no suspect in the answer rests on, each with the reason.
func (q *inquiry) acquit(shown []*suspect, cl *clues) []RuledOut {
	var out []RuledOut
	guilty := map[string]bool{}
	for _, s := range shown {
		guilty[s.name] = true
		for _, b := range s.cause {
			for i := b.span; i >= 0; i = q.spans.Spans[i].Parent {
				guilty[q.text(q.spans.Spans[i].Service)] = true // a victim
			}
		}
	}
	seen := map[string]bool{}
	put := func(subject, kind, format string, args ...any) {
		if k := subject + kind; !seen[k] && len(out) < maxRuledOut {
			seen[k] = true
			out = append(out, RuledOut{subject, kind, fmt.Sprintf(format, args...)})
		}
	}
	for _, c := range cl.changes {
		if c.kind == changeOther || guilty[c.service] || c.service == "" {
			continue
		}
		what := string(c.kind)
		if c.version != "" {
			what += " " + c.version
		}
		put(c.service+" "+what, string(c.kind), "at %s, but %s has no more errors or slow requests than before", stampNS(c.at), c.service)
	}
	for _, t := range q.tracks {
		if t.unit == nil || guilty[t.service] || !t.rise() || t.kind != trackSlow || !t.unit.kind.Outgoing() || t.unit.callee != 0 {
			continue
		}
		at := q.clock.time(t.from)
		put(t.service+" "+t.label, trackSlow, "slower from %s to %s, but too little to spoil requests, and no errors", stampNS(at), stampNS(q.clock.time(t.to)))
	}
	for _, u := range q.units {
		q.steady(u, guilty, put)
	}
	if seg := scanPoisson(q.rootN, nil, bounds{minFrom: 1, mustHold: -1, minLen: 2}); seg.llr > minLLR && seg.rise() && q.clock.time(seg.to) < q.win.onset {
		put("traffic", "traffic", "%.1f times as many requests from %s to %s, over before the onset", seg.in/max(seg.out, 1e-9), stampNS(q.clock.time(seg.from)), stampNS(q.clock.time(seg.to)))
	}
	return out
}

// steady acquits units that fail now as they did before.
func (q *inquiry) steady(u *unit, guilty map[string]bool, put func(subject, kind, format string, args ...any)) {
	name := q.text(u.service)
	if guilty[name] {
		return
	}
	var e excess
	for _, i := range u.spans {
		sp := &q.spans.Spans[i]
		bad := boolTo((sp.Error || sp.Soft) && (q.spans.Origin(i) || sp.Soft))
		switch {
		case q.win.incident(sp.Start):
			e.nInc++
			e.inc += bad
		case q.win.baseline(sp.Start):
			e.nBase++
			e.base += bad
		}
	}
	if e.base < minAffected || e.nInc == 0 || e.g() >= minG/2 {
		return
	}
	put(name+" "+q.text(u.name), "errors", "%.1f %% fail, %.1f %% before: steady", 100*e.inc/e.nInc, 100*e.base/e.nBase)
}
