package investigate

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// Run investigates a source. It reads the spans, logs and metrics of the window once by PPL and answers a Report; a quiet
// source is answered by Incident false with facts, not by an error.
func Run(ctx context.Context, eng engine.Engine, r Request) (*Report, error) {
	q, cl, err := prepare(ctx, eng, r)
	if err != nil {
		return nil, err
	}
	list, err := q.accuse(ctx, cl)
	if err != nil {
		return nil, err
	}
	if !q.anySerious(list, cl) {
		if list, cl, err = q.reconsider(ctx, list, cl); err != nil {
			return nil, err
		}
	}
	rep := q.report(list, cl)
	if err := places(ctx, eng, rep); err != nil { // the verdict stands without
		rep.Notes = append(rep.Notes, err.Error())
	}
	return rep, ctx.Err()
}

// places looks up the file and line of the spans that stand as evidence.
func places(ctx context.Context, eng engine.Engine, rep *Report) error {
	var ids []string
	for _, s := range rep.Suspects {
		for _, e := range s.Evidence {
			if e.Kind == finding.Span && e.TraceID != "" && !slices.Contains(ids, ppl.Quote(e.TraceID)) {
				ids = append(ids, ppl.Quote(e.TraceID))
			}
		}
	}
	if len(ids) == 0 || !trace.HasPlaces(ctx, eng, trace.Table) {
		return nil
	}
	type place struct {
		file string
		line int64
	}
	at := map[string]place{}
	query := "source=spans | where `traceId` in (" + strings.Join(ids, ", ") + ") | fields `spanId`, `_file`, `_line`"
	_, err := eng.Stream(ctx, query, engine.Limits{}, func(row []any) error {
		id, _ := row[0].(string)
		file, _ := row[1].(string)
		line, _ := row[2].(int64)
		at[id] = place{file, line}
		return nil
	})
	if err != nil {
		return fmt.Errorf("find the places of spans: %w", err)
	}
	for i := range rep.Suspects {
		for j := range rep.Suspects[i].Evidence {
			e := &rep.Suspects[i].Evidence[j]
			if p, ok := at[e.SpanID]; ok && e.Kind == finding.Span {
				e.Source, e.Line = p.file, p.line
			}
		}
	}
	return nil
}

// accuse works the suspects out and ranks them.
func (q *inquiry) accuse(ctx context.Context, cl *clues) ([]*suspect, error) {
	list := q.suspects(cl)
	for _, s := range list {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("investigate: %w", err)
		}
		q.workOut(s, cl)
	}
	return q.rank(list, cl), nil
}

func (q *inquiry) anySerious(list []*suspect, cl *clues) bool {
	all := spread(list)
	return slices.ContainsFunc(list, func(s *suspect) bool { return q.serious(s, cl, all) })
}

// maxOnsets bounds the further onsets that are tried.
const maxOnsets = 3

// reconsider tries the next onsets when nothing serious began at the voted one: a harmless slow-down of many calls may have
// outvoted a few failures. Only departures that hurt by themselves propose one. Without success the first windows stand.
func (q *inquiry) reconsider(ctx context.Context, list []*suspect, cl *clues) ([]*suspect, *clues, error) {
	if q.win.given {
		return list, cl, nil
	}
	first := q.win
	for _, at := range q.otherOnsets() {
		q.win.onset, q.win.strength = q.clock.time(at), max(first.strength, minLLR)
		q.place(at)
		next := q.clues()
		l, err := q.accuse(ctx, next)
		if err != nil {
			return nil, nil, err
		}
		if q.anySerious(l, next) {
			return l, next, nil
		}
	}
	q.win = first
	return list, cl, nil
}

// otherOnsets are the bins where failures, missing answers or error lines began, strongest first, away from the voted onset.
func (q *inquiry) otherOnsets() []int {
	tried := []int{q.clock.at(q.win.onset)}
	var out []int
	for _, t := range q.tracks {
		hard := t.kind == trackFault || t.kind == trackUnserved || t.pattern != nil && t.pattern.severity >= severityError || t.kind == trackSlow && t.weigh >= .5
		near := slices.ContainsFunc(tried, func(i int) bool { return abs(i-t.from) <= 3 })
		if !hard || near || !t.rise() || len(out) == maxOnsets {
			continue
		}
		tried = append(tried, t.from)
		out = append(out, t.from)
	}
	return out
}

// prepare loads the data, finds the windows and lays the blame. When the first culprit's own trouble began at another time than
// the vote says (a distractor was louder), the windows are set again around it.
func prepare(ctx context.Context, eng engine.Engine, r Request) (*inquiry, *clues, error) {
	req := r.resolve()
	d, err := load(ctx, eng, req)
	if err != nil {
		return nil, nil, err
	}
	q := &inquiry{data: d, req: req, clock: newClock(d.start, d.end)}
	q.index()
	q.findWindows()
	return q, q.clues(), ctx.Err()
}

// clues takes the steps over the windows as they stand.
func (q *inquiry) clues() *clues {
	cl := q.collect()
	if q.realign(cl) {
		cl = q.collect()
	}
	cl.patterns, cl.changes, cl.metrics = q.patternDiff(), q.changes(), q.metricFindings()
	cl.skews, cl.retries, cl.agents = q.skews(), q.retryGroups(), q.agents()
	cl.factor = q.commonFactor(cl.culprits)
	if cl.surge = q.surge(); cl.surge >= surgeFactor {
		cl.mix = q.mixDrift()
	}
	return cl
}

func (q *inquiry) collect() *clues {
	js := q.makeJobs()
	return &clues{js: js, culprits: q.culprits(js)}
}

// realign moves the onset to the track of the first culprit when that began clearly elsewhere; it reports whether it did.
func (q *inquiry) realign(cl *clues) bool {
	if len(cl.culprits) == 0 || q.win.given {
		return false
	}
	c := cl.culprits[0]
	var best *track
	for _, t := range q.tracks {
		fits := t.unit != nil && (t.unit.service == c.service || t.kind == trackUnserved && t.unit.callee == c.service)
		if c.target != 0 && fits && t.unit.target != c.target && c.silent.over() == 0 {
			fits = false
		}
		if fits && (t.rise() || c.silent.over() > 0) && (best == nil || t.llr > best.llr) {
			best = t
		}
	}
	if best == nil {
		return false
	}
	if realignLead*min(best.llr, capLLR)*best.weight() < q.win.strength {
		return false // the vote stands on much more than this
	}
	old := q.clock.at(q.win.onset)
	if abs(best.from-old)*int(q.clock.bin/int64(time.Second)) <= 90 {
		return false
	}
	q.win.onset = q.clock.time(best.from)
	q.place(best.from)
	return true
}

// realignLead is how many tracks like the culprit's the vote may be worth before it stands against it.
const realignLead = 2

// Thresholds of the verdict.
const (
	maxShown     = 5
	minShownPart = .2 // of the first suspect's score
	// quietShare is the part of requests that slowness alone must spoil at one place to be an incident, alertShare the same when
	// an alert speaks for one, spreadShare that of all places together: a node or a zone touches each service a little.
	quietShare  = .08
	alertShare  = .06
	spreadShare = .15
	// confessedShare is quietShare for a service whose own log says anew what ails it (its memory, its pool, its disk).
	confessedShare = .02
	// routeShare of a route's requests must be slow, by routeExtra of the route's usual time on average, for the route to count whole.
	routeShare = .5
	routeExtra = .4
	quietJobs  = 5
)

// serious reports whether a suspect is worth an alarm: failures and silence always, slowness when it touches enough requests,
// more so when nobody complained.
func (q *inquiry) serious(s *suspect, cl *clues, spread float64) bool {
	if s.skew != nil {
		return true
	}
	if s.main == nil && s.factor == nil { // only logs or metrics speak
		return s.impact >= quietJobs
	}
	if !s.slowOnly {
		return s.impact >= minAffected*.8
	}
	if s.severe >= quietJobs || q.wholeRoute(s) {
		return true
	}
	share := quietShare
	if !q.req.alert.IsZero() || q.win.given {
		share = alertShare
	}
	if q.confessed(s) {
		share = confessedShare
	}
	if spread >= spreadShare*q.jobsIn(cl) {
		share = 0
	}
	return s.impact >= max(quietJobs, share*q.jobsIn(cl))
}

// wholeRoute reports whether most requests of the routes that come to the suspect got much slower: a route with little traffic
// is an incident of its own when it is spoiled as a whole. An agent whose runs grow is told from such a route by less.
func (q *inquiry) wholeRoute(s *suspect) bool {
	c := s.main
	if c == nil || c.slow.over() < quietJobs || !c.slow.significant() {
		return false
	}
	var n, usual float64
	for _, cl := range c.slow.classes {
		if cl.consumer {
			return false // a queue waits without anybody noticing
		}
		n += float64(cl.nInc)
		usual += float64(cl.nInc) * float64(cl.median()) * 1000
	}
	grown := s.agent != nil && s.agent.tokens > agentFactor*s.agent.was
	return n > 0 && (c.slow.over() >= routeShare*n && c.extraNS >= routeExtra*usual || grown && c.slow.over() >= routeShare*n/2)
}

// confessed reports whether the service's own lines began to complain, often, of something that slows it down.
func (q *inquiry) confessed(s *suspect) bool {
	for _, p := range s.patterns {
		if p.inc >= quietJobs && p.base == 0 && p.severity >= severityWarn && slices.Contains([]meaning{meansMemory, meansPool, meansDisk, meansLock, meansOverload, meansDNS, meansLimited}, p.means) {
			return true
		}
	}
	return false
}

// spread is how many jobs the slow places spoil together, each service's once.
func spread(list []*suspect) float64 {
	var n float64
	for _, s := range list {
		if s.factor == nil && s.skew == nil && s.main != nil {
			n += s.impact
		}
	}
	return n
}

func (q *inquiry) report(list []*suspect, cl *clues) *Report {
	rep := &Report{Facts: q.facts(), Notes: q.notes, Suspects: []Suspect{}, RuledOut: []RuledOut{}}
	all := spread(list)
	list = slices.DeleteFunc(list, func(s *suspect) bool { return !q.serious(s, cl, all) })
	defer func() { rep.Tables = q.tables(rep, list, cl) }()
	if len(list) == 0 {
		q.nothing(rep, cl)
		return rep
	}
	rep.Incident = true
	first := list[0]
	onset := q.onsetOf(first)
	rep.Onset = point(onset)
	rep.Window = &Window{utc(min(onset, q.win.from)), utc(q.win.to)}
	rep.Baseline = &Window{utc(q.win.baseFrom), utc(q.win.baseTo)}
	shown := list[:0:0]
	for _, s := range list {
		if len(shown) < maxShown && (s.score >= minShownPart*first.score || len(shown) < 1) {
			shown = append(shown, s)
		}
	}
	for i, s := range shown {
		rep.Suspects = append(rep.Suspects, q.publish(s, i+1, cl))
	}
	rep.RuledOut = q.acquit(shown, cl)
	rep.BlastRadius = q.blast(shown[0], cl)
	rep.Confidence = q.confidence(shown)
	rep.Summary = q.summary(shown[0], rep)
	rep.NextStep, rep.Refute = q.nextStep(shown[0])
	if q.req.detail {
		rep.Steps = q.steps(cl)
	}
	return rep
}

// onsetOf is the suspect's own onset when it lies near the vote's, moved back to the change that explains it: failures show a
// change only when the first request meets it.
func (q *inquiry) onsetOf(s *suspect) int64 {
	at := q.win.onset
	if s.onset != 0 && time.Duration(s.onset-at).Abs() <= ownOnset {
		at = s.onset
	}
	for _, c := range s.changes {
		if slices.Contains(explains(s.family), c.kind) && c.at <= at+int64(10*time.Second) && time.Duration(at-c.at) <= changeLead {
			return c.at
		}
	}
	return at
}

// ownOnset is how far a suspect's own onset may lie from the vote's and still be taken for the incident's.
const ownOnset = 6 * time.Minute

// changeLead is how long a change may take to meet its first request.
const changeLead = 4 * time.Minute

// explains lists the kinds of changes that a family follows from.
func explains(f Family) []changeKind {
	switch f {
	case BadRelease:
		return []changeKind{changeRollout}
	case FeatureFlag:
		return []changeKind{changeFlag}
	case ConfigChange:
		return []changeKind{changeConfig, changeSchema}
	case AgentLoop:
		return []changeKind{changePrompt, changeConfig, changeTools}
	case AgentTool:
		return []changeKind{changeTools, changeConfig}
	case CacheTrouble:
		return []changeKind{changeCache}
	case RetryStorm:
		return []changeKind{changeRetry}
	case CredentialsExpired:
		return []changeKind{changeCredential, changeCert}
	case PoolExhausted, SlowDependency, DependencyFailure, NameResolution, MemoryRestart, PoisonMessage, ConsumerLag, ClockTrouble,
		NoisyNeighbour, AttributeLocalised, TrafficSurge, Saturation, Unreachable, CodeFault:
	}
	return nil
}

func (q *inquiry) facts() Facts {
	return Facts{
		Spans: len(q.spans.Spans), Traces: len(q.spans.Traces), Logs: q.logs.lines, Series: len(q.metrics.series), Services: len(q.serviceNames()),
		Start: utc(q.start), End: utc(q.end), Duplicates: q.spans.Dropped,
	}
}

// nothing fills the report of a quiet source.
func (q *inquiry) nothing(rep *Report, cl *clues) {
	rep.Summary = fmt.Sprintf("No incident found: of %d requests and messages in %d traces none of the services fails or delays more than before; %d log lines and %d series were compared as well.",
		len(cl.js.jobs), rep.Facts.Traces, rep.Facts.Logs, rep.Facts.Series)
	rep.RuledOut = q.acquit(nil, cl)
	rep.Confidence = Confidence{"none", 0, "no place carries more failed, slow or missing requests than its baseline explains"}
	rep.NextStep = "If users do complain, call again with the service they use (service) and the time they name (start, end), or look at logs_patterns for that time."
	rep.BlastRadius = BlastRadius{Services: []string{}}
	if q.req.detail {
		rep.Steps = q.steps(cl)
	}
}

// confidence weighs how far the first suspect stands above the second and how well its family is supported.
func (q *inquiry) confidence(shown []*suspect) Confidence {
	a := shown[0]
	spec := min(1, a.points[a.family]/fullPoints)
	lead := 1.0
	if len(shown) > 1 && a.score > 0 {
		lead = 1 - shown[1].score/a.score
	}
	v := math.Round(100*(.35*min(1, a.impact/20)+.4*spec+.25*min(1, 2*lead))) / 100
	c := Confidence{Value: v, Level: "low"}
	switch {
	case v >= .75:
		c.Level = "high"
	case v >= .5:
		c.Level = "medium"
	}
	c.Reason = fmt.Sprintf("%.0f requests spoiled, %.1f points for %s", a.impact, a.points[a.family], a.family)
	if len(shown) > 1 {
		c.Reason += fmt.Sprintf(", next suspect at %.0f %% of its score", 100*shown[1].score/a.score)
	} else {
		c.Reason += ", no other suspect"
	}
	return c
}

func utc(ns int64) time.Time { return time.Unix(0, ns).UTC().Truncate(time.Second) }

func point(ns int64) *time.Time {
	if ns == 0 {
		return nil
	}
	t := utc(ns)
	return &t
}
