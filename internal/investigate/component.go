package investigate

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// kindOf is what kind of thing the place's target is: service, database, cache, messaging, llm, tool or remote.
func (q *inquiry) kindOf(c *culprit) string {
	if c.target == 0 {
		return ""
	}
	if q.hosts[c.target] != 0 {
		return "service"
	}
	for _, b := range c.bad {
		i := b.span
		if q.spans.Spans[i].Target != c.target {
			if i = q.childTo(i, c.target); i < 0 {
				continue
			}
		}
		return q.spans.TargetType(&q.spans.Spans[i])
	}
	return "remote"
}

var poolName = regexp.MustCompile(`(?i)pool(?:[.\s_-]?name)?[=:\s]+['"]?([A-Za-z][\w.\-]*)['"]?|pool '([^']+)'|pool "([^"]+)"`)

// componentOf names the most specific thing the family lets one blame.
func (q *inquiry) componentOf(s *suspect) string {
	target, kind := "", ""
	if m := s.targetPlace(); m != nil {
		target, kind = q.text(m.target), q.kindOf(m)
	}
	if s.node != "" && s.family != CredentialsExpired {
		return s.node
	}
	switch s.family {
	case BadRelease:
		return "version " + cmp.Or(s.version(), "new")
	case PoolExhausted:
		return strings.TrimSpace("connection pool " + q.poolOf(s, target))
	case CacheTrouble:
		return q.cacheName(s, target, kind)
	case NameResolution:
		return strings.TrimSpace("name resolution " + cmp.Or(s.localValue("k8s.node.name", "host.name"), target))
	case MemoryRestart:
		return "memory of " + s.name
	case CredentialsExpired:
		return q.credential(s, target)
	case PoisonMessage:
		if p := s.localOf(func(k string) bool { return strings.Contains(k, "partition") }); p != nil {
			return fmt.Sprintf("%s partition %s", target, p.value)
		}
		return target
	case FeatureFlag:
		return "flag " + s.changeName(changeFlag)
	case ConfigChange:
		return strings.TrimSpace("configuration " + s.changeName(changeConfig, changeSchema))
	case AttributeLocalised:
		if a := s.localOf(requestKey); a != nil {
			if a.pair != nil {
				return a.key + " " + a.value + ", " + a.pair.key + " " + a.pair.value
			}
			return a.key + " " + a.value
		}
		if n := s.numberOf(); n != nil {
			return n.key + " " + n.String()
		}
	case AgentTool:
		return "tool " + target
	case AgentLoop:
		return q.loopName(s)
	case RetryStorm:
		if s.repeats != nil {
			return fmt.Sprintf("retries of %s to %s", q.text(s.repeats.caller), cmp.Or(q.text(q.hosts[s.repeats.target]), q.text(s.repeats.target)))
		}
		return "retries to " + s.name
	case ClockTrouble:
		return cmp.Or(s.localValue("k8s.node.name", "host.name"), "clock")
	case NoisyNeighbour:
		return cmp.Or(s.localValue("k8s.node.name", "host.name", "cloud.availability_zone", "cloud.region"), s.name)
	case TrafficSurge:
		if len(s.mix) > 0 {
			return "traffic " + s.mix[0].key + " " + s.mix[0].value
		}
		return "traffic"
	case Saturation, Unreachable:
		if pod := s.localValue("k8s.pod.name", "service.instance.id"); pod != "" {
			return pod
		}
	case SlowDependency, DependencyFailure, ConsumerLag, CodeFault:
	}
	switch {
	case kind == "database":
		return strings.TrimSpace("database " + q.databaseName(s, target))
	case target != "":
		return target
	case s.family == CodeFault && s.localValue("k8s.pod.name", "service.instance.id") != "":
		return s.localValue("k8s.pod.name", "service.instance.id")
	case s.family == CodeFault && s.main != nil && len(s.main.typeOf) > 0:
		return q.topError(s)
	}
	return s.name
}

// targetPlace is the place with a target that most is laid upon, or nil.
func (s *suspect) targetPlace() *culprit {
	if s.main != nil && s.main.target != 0 {
		return s.main
	}
	var best *culprit
	for _, c := range s.places {
		if c.target != 0 && (best == nil || c.affected() > best.affected()) {
			best = c
		}
	}
	if best != nil && s.main != nil && best.affected() < .3*s.main.affected() {
		return nil
	}
	return best
}

func (s *suspect) version() string {
	if a := s.driftOf("service.version"); a != nil {
		return a.value
	}
	if a := s.localOf(func(k string) bool { return k == "service.version" }); a != nil {
		return a.value
	}
	if c := s.changeOf(changeRollout); c != nil {
		return c.version
	}
	return ""
}

// poolOf names the pool: by a metric at its limit, by the words of the error, by the database behind it, by the target.
func (q *inquiry) poolOf(s *suspect, target string) string {
	for _, m := range s.metrics {
		if m.kind == metricSaturated {
			for _, k := range []string{"pool_name", "pool", "db_client_connection_pool_name", "db.client.connection.pool.name", "pool.name"} {
				if v := m.get(k); v != "" {
					return v
				}
			}
		}
	}
	m := s.targetPlace()
	if m != nil {
		for _, l := range q.targetAttrs(m) {
			if l.key == "db.namespace" || l.key == "db.name" {
				return l.value
			}
		}
		for _, b := range m.bad {
			if g := poolName.FindStringSubmatch(q.text(q.spans.Spans[b.span].Message)); g != nil {
				return g[1] + g[2] + g[3]
			}
		}
	}
	return target
}

func (q *inquiry) cacheName(s *suspect, target, kind string) string {
	if kind == "cache" {
		return target
	}
	if u := q.cacheOf(s); u != nil {
		return cmp.Or(q.text(u.target), "cache")
	}
	for _, m := range s.metrics {
		if m.kind == metricMisses {
			return cmp.Or(m.get("cache"), m.get("instance"), m.name)
		}
	}
	return "cache of " + s.name
}

// credential names what ended: a certificate by the probe's host or the called service, else the credential for the target.
func (q *inquiry) credential(s *suspect, target string) string {
	if m := s.metric(metricExpired); m != nil {
		host := m.get("instance")
		for _, l := range m.labels {
			if host == "" && strings.Contains(l.value, ".") {
				host = l.value
			}
		}
		return "certificate " + cmp.Or(host, s.name)
	}
	if s.means[meansCert] > s.means[meansAuth] {
		return "certificate " + cmp.Or(q.certHost(s), target, s.name)
	}
	if target == "" {
		return "credentials of " + s.name
	}
	return target
}

var hostWords = regexp.MustCompile(`[a-z0-9][a-z0-9\-]*(?:\.[a-z0-9\-]+)+`)

// certHost is the host that certificate errors speak of: one in their words that begins like the service or ends in a domain
// of its targets, else the address callers use.
func (q *inquiry) certHost(s *suspect) string {
	for _, b := range s.cause {
		for _, h := range hostWords.FindAllString(strings.ToLower(q.text(q.spans.Spans[b.span].Message)), -1) {
			if strings.HasPrefix(h, strings.ToLower(s.name)) || s.main != nil && strings.EqualFold(h, q.text(s.main.target)) {
				return h
			}
		}
	}
	for _, y := range sortedSyms(q.hosts) {
		if q.hosts[y] == s.service && s.main != nil && s.main.cutOff > 0 {
			return q.text(y)
		}
	}
	return ""
}

// changeName is the name that the nearest change of a kind gives, or its text.
func (s *suspect) changeName(kinds ...changeKind) string {
	c := s.changeOf(kinds...)
	if c == nil {
		if a := s.localOf(flagKey); a != nil {
			return a.value
		}
		return s.name
	}
	return cmp.Or(c.name, c.version, clipText(c.text, 60))
}

func (q *inquiry) loopName(s *suspect) string {
	c := s.changeOf(changePrompt)
	a := s.driftOf("prompt")
	switch {
	case c != nil && c.version != "":
		return "prompt version " + c.version
	case a != nil:
		return "prompt version " + a.value
	case c != nil:
		return "prompt " + c.name
	}
	if s.agent != nil {
		if what, _ := s.agent.repeated(); what != "" {
			if _, op := q.spans.Sym("execute_tool " + what); op {
				return "tool " + what
			}
			return what
		}
	}
	return "agent " + s.name
}

func (q *inquiry) databaseName(s *suspect, target string) string {
	if m := s.targetPlace(); m != nil {
		for _, l := range q.targetAttrs(m) {
			if (l.key == "db.namespace" || l.key == "db.name") && l.value != target {
				return l.value + " (" + target + ")"
			}
		}
	}
	return target
}

// topError is the error type most bad spans of the main place carry.
func (q *inquiry) topError(s *suspect) string {
	best, n := "", 0
	for _, y := range sortedSyms(s.main.typeOf) {
		if s.main.typeOf[y] > n {
			best, n = q.text(y), s.main.typeOf[y]
		}
	}
	return best
}

func (s *suspect) localValue(keys ...string) string {
	if l := s.localOf(func(k string) bool { return slices.Contains(keys, k) }); l != nil {
		return l.value
	}
	return ""
}

// nameAttributes lists the attributes that tell the bad from the good, most telling first: of the family, then what localises,
// then the target.
func (q *inquiry) nameAttributes(s *suspect) {
	put := func(key, value string) {
		if key != "" && value != "" && !slices.ContainsFunc(s.attrs, func(l label) bool { return l.key == key }) && len(s.attrs) < maxAttributes {
			s.attrs = append(s.attrs, label{key, value})
		}
	}
	if s.node != "" {
		key := "k8s.node.name"
		if s.factor != nil {
			key = s.factor.key
		}
		put(key, s.node)
	}
	if s.family == BadRelease {
		put("service.version", s.version())
	}
	if m := s.targetPlace(); m != nil && s.family != BadRelease && s.family != FeatureFlag && s.family != AttributeLocalised {
		for _, l := range q.targetAttrs(m) {
			put(l.key, l.value)
		}
	}
	if s.family == AgentLoop {
		q.loopAttrs(s, put)
	}
	for _, a := range s.mix[:min(len(s.mix), 2)] {
		if s.family == TrafficSurge {
			put(a.key, a.value)
		}
	}
	if s.family == AgentLoop || s.family == CacheTrouble {
		for _, a := range s.drift {
			if strings.Contains(a.key, "prompt") || strings.Contains(a.key, "cache") {
				put(a.key, a.value)
			}
		}
	}
	n := 0
	for _, a := range s.local {
		if !a.localises() || n >= 3 {
			continue
		}
		n++
		put(a.key, a.value)
		if a.pair != nil {
			put(a.pair.key, a.pair.value)
		}
	}
	if x := s.numberOf(); x != nil && n == 0 {
		put(x.key, x.String())
	}
	for _, a := range s.drift {
		if a.key == "service.version" || flagKey(a.key) || strings.Contains(a.key, "version") {
			put(a.key, a.value)
		}
	}
	if s.main != nil && s.main.silent.significant() {
		q.consumerAttrs(s, put)
	}
	if s.main != nil && s.main.cutOff > 0 {
		for host, svc := range q.hosts {
			if svc == s.service {
				put("server.address", q.text(host))
			}
		}
	}
}

// maxAttributes bounds the attributes of one suspect.
const maxAttributes = 5

func duration(ns float64) string {
	d := time.Duration(ns)
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

func times(f float64) string {
	if f >= maxLift {
		return "very much"
	}
	return fmt.Sprintf("%.0f times", f)
}

func clipText(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// consumerAttrs puts the consumer group that the silent service reported while it still took messages.
func (q *inquiry) consumerAttrs(s *suspect, put func(key, value string)) {
	for _, u := range q.units {
		if u.service != s.service || u.kind != trace.Consumer || len(u.spans) == 0 {
			continue
		}
		sp := &q.spans.Spans[u.spans[0]]
		for _, n := range []string{"messaging.consumer.group.name", "messaging.kafka.consumer.group", "messaging.consumer_group"} {
			if k, ok := q.spans.Key(n); ok {
				put(n, q.spans.Attr(sp, k))
			}
		}
	}
}

// loopAttrs puts what the agent repeats: the tool or the data source of most of its additional calls.
func (q *inquiry) loopAttrs(s *suspect, put func(key, value string)) {
	if s.agent == nil {
		return
	}
	what, _ := s.agent.repeated()
	for _, u := range q.units {
		if u.service != s.service || what == "" || q.text(u.target) != what && q.text(u.name) != what || len(u.spans) == 0 {
			continue
		}
		sp := &q.spans.Spans[u.spans[0]]
		for _, n := range []string{"gen_ai.tool.name", "gen_ai.data_source.id"} {
			if k, ok := q.spans.Key(n); ok {
				put(n, q.spans.Attr(sp, k))
			}
		}
	}
}
