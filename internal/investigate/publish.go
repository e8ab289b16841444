package investigate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// maxReasons bounds the reasons told of one suspect.
const maxReasons = 7

// publish turns a suspect into its public form.
func (q *inquiry) publish(s *suspect, rank int, cl *clues) Suspect {
	slices.SortStableFunc(s.reasons, func(a, b reason) int { return cmp.Compare(b.weight, a.weight) })
	out := Suspect{
		Rank: rank, Service: s.name, Component: s.component, Family: s.family, Score: math.Round(100*s.score) / 100, Onset: point(s.onset),
		Affected: int(math.Round(s.impact)), Reasons: []string{}, Attributes: []Attribute{},
	}
	for _, r := range s.reasons[:min(len(s.reasons), maxReasons)] {
		out.Reasons = append(out.Reasons, r.text)
	}
	for _, a := range s.attrs {
		out.Attributes = append(out.Attributes, Attribute{a.key, a.value})
	}
	out.Evidence = q.evidence(s, cl)
	return out
}

func (q *inquiry) summary(s *suspect, rep *Report) string {
	where := s.name
	if s.node != "" {
		where = s.node + " (" + s.name + " most)"
	}
	harm := fmt.Sprintf("%d requests spoiled (%.1f %%)", rep.BlastRadius.Requests, 100*rep.BlastRadius.Share)
	if rep.BlastRadius.Requests == 0 {
		harm = "no request is seen to suffer"
	}
	return fmt.Sprintf("%s: %s, %s, since %s; %s. Confidence %s.", where, s.component, strings.ReplaceAll(string(s.family), "_", " "), stamp(*rep.Onset), harm, rep.Confidence.Level)
}

// blast is who suffers: the jobs the suspect spoiled, and the services and operations above it that fail or delay more than before.
func (q *inquiry) blast(s *suspect, cl *clues) BlastRadius {
	out := BlastRadius{Services: []string{}}
	hit := map[trace.Sym]bool{}
	jobs := map[int32]bool{}
	ops := map[string]int{}
	regions := map[string]bool{}
	users := map[string]bool{}
	userKeys := q.userKeys()
	if s.service != 0 {
		hit[s.service] = true
	}
	for _, b := range s.cause {
		for i := b.span; i >= 0; i = q.spans.Spans[i].Parent {
			hit[q.spans.Spans[i].Service] = true
		}
		if jobs[b.job] || b.job < 0 {
			continue
		}
		jobs[b.job] = true
		j := &cl.js.jobs[b.job]
		ops[q.entryName(&cl.js.classes[j.class])]++
		if r := q.text(q.spans.Res(&q.spans.Spans[j.root]).Region); r != "" {
			regions[r] = true
		}
		for _, k := range userKeys {
			if v := q.spans.Attr(&q.spans.Spans[j.root], k); v != "" {
				users[v] = true
			}
		}
	}
	for y := range hit {
		out.Services = append(out.Services, q.text(y))
	}
	slices.Sort(out.Services)
	out.Operations = sortedKeys(ops)
	slices.SortStableFunc(out.Operations, func(a, b string) int { return cmp.Compare(ops[b], ops[a]) })
	out.Operations = out.Operations[:min(len(out.Operations), 5)]
	out.Regions = sortedKeys(regions)
	out.Requests, out.Users = len(jobs), len(users)
	if n := q.jobsIn(cl); n > 0 {
		out.Share = math.Round(1000*float64(len(jobs))/n) / 1000
	}
	return out
}

func (q *inquiry) userKeys() []trace.KeyID {
	var out []trace.KeyID
	for _, n := range []string{"user.id", "enduser.id", "user.name", "app.user.id"} {
		if k, ok := q.spans.Key(n); ok {
			out = append(out, k)
		}
	}
	return out
}

// nextStep says what to do first and what would refute the suspect.
func (q *inquiry) nextStep(s *suspect) (next, refute string) {
	next = map[Family]string{ //nolint:gosec // advice, no credentials
		BadRelease:         "Roll %[1]s back from %[2]s and watch its error rate.",
		PoolExhausted:      "Find who holds the connections of %[1]s (%[2]s); restart or raise the limit only to win time.",
		SlowDependency:     "Ask the owner of %[2]s; shorten the timeout or fail over in %[1]s meanwhile.",
		DependencyFailure:  "Check %[2]s and the answers %[1]s gets from it; fail over or queue.",
		CacheTrouble:       "Check %[2]s (keys, evictions, failover) and protect the store behind it while it warms up.",
		NameResolution:     "Check the resolver for %[2]s; drain the node if it is one node.",
		MemoryRestart:      "Raise the memory limit of %[1]s to win time and take a heap profile; look for what changed its use.",
		CredentialsExpired: "Renew %[2]s and check that %[1]s and its callers load the new one.",
		PoisonMessage:      "Skip or park the message that blocks %[2]s; then let %[1]s catch up.",
		ConsumerLag:        "Add consumers or find what slows %[1]s on %[2]s.",
		RetryStorm:         "Cut the retries (%[2]s) and add back-off; then see whether %[1]s recovers.",
		ClockTrouble:       "Mend the clock of %[2]s (time service) or drain the node.",
		NoisyNeighbour:     "Drain %[2]s and see whether its pods recover elsewhere.",
		FeatureFlag:        "Switch %[2]s back and watch %[1]s.",
		ConfigChange:       "Restore the former %[2]s of %[1]s.",
		AttributeLocalised: "Look at what requests with %[2]s send to %[1]s.",
		AgentTool:          "Compare what the agent sends to %[2]s with its schema; restore the former schema.",
		AgentLoop:          "Restore the former prompt or limit the turns (%[2]s).",
		TrafficSurge:       "Shed or scale %[1]s.",
		Saturation:         "Find what loads %[1]s (%[2]s).",
		Unreachable:        "Check whether %[1]s runs and can be reached from its callers.",
		CodeFault:          "Read the stack traces of %[1]s (%[2]s).",
	}[s.family]
	if next == "" {
		next = "Look at the traces of %[1]s (%[2]s)."
	}
	next = fmt.Sprintf(next, s.name, s.component)
	switch {
	case len(s.local) > 0 && s.local[0].localises():
		refute = fmt.Sprintf("It is refuted if spans without %s=%s fail as often.", s.local[0].key, s.local[0].value)
	case s.main != nil && s.main.target != 0:
		refute = fmt.Sprintf("It is refuted if other callers of %s do as badly from elsewhere, or if %s is as bad without calling it.", q.text(s.main.target), s.name)
	case s.node != "":
		refute = fmt.Sprintf("It is refuted if pods on other nodes are as bad as those on %s.", s.node)
	default:
		refute = fmt.Sprintf("It is refuted if %s was as bad before %s.", s.name, stampNS(q.onsetOf(s)))
	}
	return next, refute
}
