package investigate

import (
	"slices"
	"strings"
)

// pointsOf weighs the families against what was found. Two points are a strong sign, three nearly a proof, one a hint; each
// rule names its reason. The rules use words and shapes, never names of a system.
func (q *inquiry) pointsOf(s *suspect, cl *clues) {
	q.symptoms(s)
	q.pointsOfWords(s)
	q.pointsOfTarget(s)
	q.pointsOfChanges(s)
	q.pointsOfMetrics(s, cl)
	q.pointsOfAttributes(s)
	q.pointsOfAgent(s)
	q.pointsOfPlace(s)
	q.pointsOfTraffic(s, cl)
}

// pointsOfTraffic weighs a surge: when far more requests come than before, what is slow is loaded, not broken.
func (q *inquiry) pointsOfTraffic(s *suspect, cl *clues) {
	if cl.surge < surgeFactor || s.main == nil || !s.slowOnly && s.means[meansOverload] == 0 && s.means[meansLimited] == 0 {
		return
	}
	s.give(TrafficSurge, 1.5+min(2, cl.surge-1), "%.1f times as many requests a minute as before", cl.surge)
	for _, a := range cl.mix[:min(len(cl.mix), 2)] {
		s.because(1.6, "%s=%s on %.0f %% of the requests, %.0f %% before", a.key, a.value, 100*a.cover(), 100*ratio(a.ref, a.refN))
	}
	s.mix = cl.mix
}

// symptoms states in numbers what is laid upon the suspect and gives the fall-back families their point.
func (q *inquiry) symptoms(s *suspect) {
	m := s.main
	if m == nil {
		return
	}
	var errors, slow, silent, cut float64
	for _, c := range s.places {
		errors += c.errors.over() * boolTo(c.errors.significant())
		slow += c.slow.over() * boolTo(c.slow.significant())
		silent += c.silent.over() * boolTo(c.silent.significant())
		cut += float64(c.cutOff)
	}
	if errors > 0 {
		s.because(1.5, "%.0f failed requests originate here (%.1f expected from the baseline)", errors, m.errors.expected)
	}
	if slow > 0 {
		s.because(1.2, "%.0f requests spent unusual time here, %s in all", slow, duration(m.extraNS))
	}
	if silent > 0 {
		s.because(1.5, "%.0f of %.0f messages to %s were not taken", silent, m.silent.nInc, q.text(m.target))
	}
	own := m.target == 0
	switch {
	case silent > 0:
		s.points[ConsumerLag] += 2
	case own && errors > 0 && cut > .5*errors:
		s.give(Unreachable, 1.5, "%.0f calls got no answer from %s", cut, s.name)
	case own && errors > 0:
		s.points[CodeFault]++
	case own:
		s.points[Saturation] += .6
	}
	if c := s.clientErrors(); c > 0 {
		s.points[DependencyFailure] += .5
	}
}

func (s *suspect) clientErrors() int {
	n := 0
	for _, c := range s.places {
		if c.target != 0 && c.errors.significant() {
			n++
		}
	}
	return n
}

// pointsOfWords reads the meaning of the errors and complaints.
func (q *inquiry) pointsOfWords(s *suspect) {
	family := map[meaning]Family{
		meansPool: PoolExhausted, meansDNS: NameResolution, meansCert: CredentialsExpired, meansAuth: CredentialsExpired, meansMemory: MemoryRestart,
		meansClock: ClockTrouble, meansPoison: PoisonMessage, meansLimited: DependencyFailure, meansRefused: Unreachable, meansTimeout: SlowDependency,
		meansDisk: Saturation, meansLock: SlowDependency, meansOverload: Saturation, meansCrash: CodeFault, meansCache: CacheTrouble,
		meansConfig: ConfigChange, meansRetry: RetryStorm, meansTool: AgentTool,
	}
	weight := map[meaning]float64{
		meansPool: 3, meansDNS: 3.5, meansCert: 3, meansAuth: 2.6, meansMemory: 2.5, meansClock: 3.5, meansPoison: 3, meansTool: 2, meansDisk: 2.5,
		meansConfig: 1.2, meansCrash: .8, meansTimeout: .8, meansRetry: 1, meansLimited: 1.5, meansOverload: .8, meansRefused: .6, meansCache: 1.2, meansLock: 2,
	}
	for _, se := range senses() {
		n := s.means[se.means]
		if n < .08 {
			continue
		}
		s.give(family[se.means], weight[se.means]*min(1, .4+n), "the words of %.0f %% of its errors and complaints mean: %s", 100*min(1, n), se.means)
	}
}

// pointsOfTarget looks at what the main place calls and how.
func (q *inquiry) pointsOfTarget(s *suspect) {
	m := s.main
	if m == nil || m.target == 0 {
		return
	}
	kind, name := q.kindOf(m), q.text(m.target)
	waits := m.slow.inc > 0 && float64(m.waits) > .6*m.slow.inc && m.slow.significant()
	switch {
	case kind == "tool":
		if m.errors.significant() || m.soft.significant() {
			s.give(AgentTool, 4, "calls of tool %s fail", name)
		} else {
			s.points[AgentLoop]++
		}
	case kind == "cache" && (m.errors.significant() || m.slow.significant() && !waits):
		s.give(CacheTrouble, 2.5, "calls of cache %s fail or are slow", name)
	case waits && (kind == "database" || kind == "remote"):
		s.give(PoolExhausted, 1.6, "requests wait before the call of %s, not in it", name)
	}
	failed := m.errors.over() * boolTo(m.errors.significant())
	slow := m.slow.over() * boolTo(m.slow.significant())
	if slow > 0 && !waits && kind != "cache" {
		s.give(SlowDependency, 1+.8*slow/(slow+failed), "calls of %s take longer", name)
	}
	if failed > 0 && q.answered(m) {
		s.give(ConfigChange, 1, "%s answers as fast as ever, but its callers call it failed: they give up too early or cannot read it", name)
	} else if failed > 0 && kind != "tool" && kind != "cache" {
		s.give(DependencyFailure, .6+1.2*failed/(slow+failed), "calls of %s fail", name)
	}
	if m.more.significant() && m.more.over() > .5*m.affected() {
		s.because(.8, "%s is called more often for each request than before (%.0f requests)", name, m.more.over())
	}
}

// answered reports whether most failed calls of a place have an answering span that did not fail.
func (q *inquiry) answered(c *culprit) bool {
	n, ok := 0, 0
	for _, b := range c.bad {
		if b.kind != badError || !q.spans.Spans[b.span].Kind.Outgoing() {
			continue
		}
		n++
		if i := q.spans.Served(b.span); i >= 0 && !q.spans.Spans[i].Error {
			ok++
		}
	}
	return n > 0 && 2*ok > n
}

// pointsOfChanges weighs the change feed: how close to the onset, and whether the change is one that can do this.
func (q *inquiry) pointsOfChanges(s *suspect) {
	given := map[Family]bool{}
	for _, c := range s.changes {
		near := q.closenessTo(c, s.onset)
		if near <= 0 {
			continue
		}
		f, w := BadRelease, 0.0
		switch c.kind {
		case changeRollout:
			w = 1.6
		case changeFlag:
			f, w = FeatureFlag, 3
		case changePrompt:
			f, w = AgentLoop, 2
		case changeTools:
			f, w = AgentTool, 1.5
		case changeConfig, changeSchema:
			f, w = ConfigChange, 2
		case changeCredential, changeCert:
			f, w = CredentialsExpired, 1.5
		case changeRetry:
			f, w = RetryStorm, 3
		case changeCache:
			f, w = CacheTrouble, 2.5
		case changeOOM:
			f, w = MemoryRestart, 3
		case changeRestart:
			f, w = MemoryRestart, .4
		case changeRollback, changeNode, changeJob, changeScale, changeOther:
		}
		if w == 0 || given[f] {
			continue
		}
		given[f] = true
		s.give(f, w*near, "%s: %q", c.kind, clipText(c.text, 120))
	}
	if n := q.kills(s.name, s.node); n > 0 {
		s.give(MemoryRestart, 2.5, "%d kills for memory in the incident", n)
	}
}

// kills counts cluster events of out-of-memory kills of a service in the incident beyond the baseline's.
func (q *inquiry) kills(service, node string) int {
	if node != "" {
		return 0
	}
	n := 0
	names := q.serviceNames()
	for _, p := range q.logs.patterns {
		if !p.cluster {
			continue
		}
		for _, x := range p.samples {
			if !q.win.incident(x.at) && !q.win.baseline(x.at) || changeOf(x.reason+" "+x.body) != changeOOM || serviceIn(x.object+" "+x.body, names) != service {
				continue
			}
			if q.win.incident(x.at) {
				n++
			} else {
				n--
			}
		}
	}
	return max(0, n)
}

// pointsOfMetrics weighs the series of the suspect and of what it calls.
func (q *inquiry) pointsOfMetrics(s *suspect, cl *clues) {
	told := map[metricKind]bool{}
	for _, m := range s.metrics {
		if told[m.kind] {
			continue
		}
		f, w := Saturation, 0.0
		switch m.kind {
		case metricSaturated:
			if pool := strings.Contains(m.name, "connection") || strings.Contains(m.name, "pool") || strings.Contains(m.name, "thread"); pool {
				f, w = PoolExhausted, 3
			} else {
				f, w = Saturation, 2
			}
			if s.node != "" {
				f, w = NoisyNeighbour, 3
			}
		case metricExpired:
			f, w = CredentialsExpired, 4
		case metricOffset:
			f, w = ClockTrouble, 3
		case metricLag:
			f, w = ConsumerLag, 1.5
		case metricSawTooth:
			f, w = MemoryRestart, 3
		case metricRestarts:
			f, w = MemoryRestart, 1.5
		case metricMisses:
			f, w = CacheTrouble, 3
		case metricRisen, metricFallen:
			if m.kind == metricRisen && memoryWords.MatchString(strings.ToLower(m.name)) && m.after > grownMemory*m.before {
				f, w = MemoryRestart, 2
			}
		}
		told[m.kind] = true
		if w > 0 {
			s.give(f, w, "%s %s: %s", m.String(), m.kind, m.text)
		} else if len(told) < 4 {
			s.because(.4, "%s has %s: %s", m.String(), m.kind, m.text)
		}
	}
	for _, m := range cl.metrics { // a cache is seldom labelled by the service that uses it
		if m.kind == metricMisses && !told[metricMisses] && q.usesCache(s) {
			told[metricMisses] = true
			s.give(CacheTrouble, 3, "%s %s: %s", m.String(), m.kind, m.text)
			s.metrics = append(s.metrics, m)
		}
	}
}

// grownMemory is how many times the baseline's memory is called grown.
const grownMemory = 1.4

// usesCache reports whether the suspect's service calls a cache and does more of what stands behind it.
func (q *inquiry) usesCache(s *suspect) bool {
	if s.main == nil || !slices.ContainsFunc(s.places, func(c *culprit) bool { return c.more.significant() || c.slow.significant() }) {
		return false
	}
	return q.cacheOf(s) != nil
}

// cacheOf is a unit of the service that calls a cache, or nil.
func (q *inquiry) cacheOf(s *suspect) *unit {
	for _, u := range q.units {
		if u.service == s.service && u.kind.Outgoing() && len(u.spans) > 0 && q.spans.TargetType(&q.spans.Spans[u.spans[0]]) == "cache" {
			return u
		}
	}
	return nil
}

// place attributes tell where a process runs; they are no property of the request.
func placeKey(key string) bool {
	for _, p := range []string{"k8s.", "cloud.", "host.", "service.instance", "container.", "process.", "os.", "aws.", "faas.", "telemetry."} {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

func flagKey(key string) bool {
	return strings.Contains(key, "feature_flag") || strings.Contains(key, ".flag") || strings.HasPrefix(key, "flag") || strings.Contains(key, "experiment") || strings.Contains(key, "variant")
}

func requestKey(key string) bool {
	return !placeKey(key) && !flagKey(key) && key != "service.version" && !ownOfCall(key) && !strings.HasPrefix(key, "gen_ai.") && !strings.HasPrefix(key, "mcp.") &&
		!strings.HasPrefix(key, "http.") && !strings.HasPrefix(key, "service.") && !strings.Contains(key, "cache")
}

// pointsOfAttributes weighs what the bad spans have in common.
func (q *inquiry) pointsOfAttributes(s *suspect) {
	if a := s.driftOf("service.version"); a != nil && ratio(a.ref, a.refN) < .05 {
		w := 2.0
		if l := s.localOf(func(k string) bool { return k == "service.version" }); l != nil {
			w = 3.5
		}
		s.give(BadRelease, w, "version %s serves %.0f %% of the spans since the onset, %.0f %% before", a.value, 100*a.cover(), 100*ratio(a.ref, a.refN))
	} else if l := s.localOf(func(k string) bool { return k == "service.version" }); l != nil {
		s.give(BadRelease, 3, "%.0f %% of the bad spans are of version %s; others are bad in %.1f %%, these in %.1f %%", 100*l.cover(), l.value, 100*l.otherRate(), 100*l.badRate())
	}
	if l := s.localOf(flagKey); l != nil {
		s.give(FeatureFlag, 2.5, "%.0f %% of the bad spans carry %s=%s; others are bad in %.1f %%, these in %.1f %%", 100*l.cover(), l.key, l.value, 100*l.otherRate(), 100*l.badRate())
	}
	if l := s.localOf(requestKey); l != nil {
		s.give(AttributeLocalised, 2, "%.0f %% of the bad spans carry %s=%s; others are bad in %.1f %%, these in %.1f %%", 100*l.cover(), l.key, l.value, 100*l.otherRate(), 100*l.badRate())
	}
	if n := s.numberOf(); n != nil && s.localOf(requestKey) == nil {
		s.give(AttributeLocalised, 2, "%.0f %% of the bad spans have %s %s; others are bad in %.1f %%, these in %.1f %%", 100*n.cover, n.key, n, 100*n.elseRate, 100*n.badRate)
	}
	if l := s.localOf(func(k string) bool { return strings.Contains(k, "partition") }); l != nil && s.main != nil && s.main.silent.significant() {
		s.give(PoisonMessage, 2.5, "%.0f %% of the messages not taken are of %s=%s", 100*l.cover(), l.key, l.value)
	}
	if l := s.localOf(func(k string) bool { return k == "k8s.node.name" || k == "host.name" }); l != nil && s.node == "" {
		s.give(NoisyNeighbour, 1, "%.0f %% of the bad spans are on %s=%s", 100*l.cover(), l.key, l.value)
	}
	if a := s.driftOf("cache"); a != nil {
		s.give(CacheTrouble, 2.5, "%s=%s on %.0f %% of the spans, %.0f %% before", a.key, a.value, 100*a.cover(), 100*ratio(a.ref, a.refN))
	}
}

// pointsOfAgent looks at how an AI agent works now and before.
func (q *inquiry) pointsOfAgent(s *suspect) {
	if r := s.repeats; r != nil {
		s.give(RetryStorm, 1.5+min(1.5, float64(r.inc)/float64(max(1, r.calls))/2), "%s repeats failed calls of %s: %d further tries of %d calls", q.text(r.caller), q.text(r.target), r.inc, r.calls)
	}
	u := s.agent
	if u == nil {
		return
	}
	tool, times := u.repeated()
	errors := s.main != nil && s.main.errors.significant()
	if tool != "" && !errors {
		s.give(AgentLoop, 2.5, "tool %s is called %.1f times a run, %.2f before", tool, u.tools[tool][0], u.tools[tool][1])
	} else if tool != "" {
		s.because(.8, "tool %s is called %.1f times a run (factor %.1f)", tool, u.tools[tool][0], times)
	}
	if u.tokens > agentFactor*u.was {
		s.give(AgentLoop, 1.5, "a run takes %.0f input tokens, %.0f before", u.tokens, u.was)
	}
	if a := s.driftOf("prompt"); a != nil {
		s.give(AgentLoop, 1.5, "%s=%s on %.0f %% of the runs since the onset", a.key, a.value, 100*a.cover())
	}
}

// pointsOfPlace weighs suspects below the services.
func (q *inquiry) pointsOfPlace(s *suspect) {
	if f := s.factor; f != nil {
		s.give(NoisyNeighbour, 2, "%.0f %% of the bad spans of %d services are on %s=%s; a span there is bad %s likelier", 100*f.cover(), len(f.services), f.key, f.value, times(f.lift()))
		if !s.slowOnly && s.means[meansDNS] == 0 {
			s.points[Unreachable]++
		}
	}
	if k := s.skew; k != nil {
		s.give(ClockTrouble, 4, "the clock of %s is off by %s: %d of %d calls lie outside their callers", k.Node, k.Offset.Round(1e6), k.Outside, k.Calls)
	}
}
