package investigate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// Bounds of a suspect's evidence.
const (
	maxSpanEvidence   = 3
	maxLogEvidence    = 2
	maxMetricEvidence = 2
	maxQuoted         = 160
)

// evidence shows a suspect: a query that repeats its numbers, exemplar spans, log lines, changes and series.
func (q *inquiry) evidence(s *suspect, cl *clues) []finding.Evidence {
	out := []finding.Evidence{q.queryEvidence(s)}
	out = append(out, q.exemplars(s, cl)...)
	n := 0
	for _, p := range s.patterns {
		if n++; n > maxLogEvidence {
			break
		}
		if x := q.sampleOf(p); x != nil {
			at := time.Unix(0, x.at).UTC()
			out = append(out, finding.Evidence{
				Kind: finding.Log, Summary: fmt.Sprintf("%s pattern: %d lines in the incident, %d in the baseline", p.kind(q.win.ratio()), p.inc, p.base),
				TraceID: x.traceID, SpanID: x.spanID, Source: x.file, Line: x.line, Text: clipText(x.body, maxQuoted), Time: &at,
			})
		}
	}
	for _, c := range s.changes {
		if q.closenessTo(c, s.onset) < .5 || n >= maxLogEvidence+2 {
			continue
		}
		n++
		at := time.Unix(0, c.at).UTC()
		out = append(out, finding.Evidence{Kind: finding.Log, Summary: "change: " + string(c.kind), Source: c.file, Line: c.line, Text: clipText(c.text, maxQuoted), Time: &at})
	}
	n = 0
	for _, m := range s.metrics {
		if n++; n > maxMetricEvidence {
			break
		}
		ev := finding.Evidence{Kind: finding.Metric, Summary: string(m.kind) + ": " + m.text, Text: m.String(), Query: metricQuery(m.series)}
		if m.onset != 0 {
			ev.Time = point(m.onset)
		}
		out = append(out, ev)
	}
	return out
}

// sampleOf is the first kept line of a pattern within the incident, else any.
func (q *inquiry) sampleOf(p patternChange) *sample {
	for i := range p.samples {
		if q.win.incident(p.samples[i].at) {
			return &p.samples[i]
		}
	}
	if len(p.samples) > 0 {
		return &p.samples[0]
	}
	return nil
}

// queryEvidence writes the PPL that shows the suspect's numbers again, minute by minute.
func (q *inquiry) queryEvidence(s *suspect) finding.Evidence {
	r := timerange.Range{Start: utc(q.win.baseFrom), End: utc(q.win.to)}
	var where string
	switch {
	case s.node != "" && s.factor != nil:
		where = fmt.Sprintf("`resource.attributes.%s` = %s", s.factor.key, ppl.Quote(s.node))
	case s.node != "":
		where = "`resource.attributes.k8s.node.name` = " + ppl.Quote(s.node)
	case len(s.cause) > 0:
		sp := &q.spans.Spans[q.commonSpan(s)]
		where = fmt.Sprintf("`serviceName` = %s and `name` = %s", ppl.Quote(q.text(sp.Service)), ppl.Quote(q.text(sp.Name)))
	case s.service == 0 || s.main == nil:
		return finding.Evidence{
			Kind: finding.Query, Summary: "lines by minute and severity",
			Query: "source=logs | where " + ppl.Within("@timestamp", r, "`serviceName` = "+ppl.Quote(s.name)) + " | stats count() as lines by span(`@timestamp`, 1m) as minute, `severityText` | sort minute",
		}
	default:
		where = "`serviceName` = " + ppl.Quote(s.name)
	}
	return finding.Evidence{
		Kind: finding.Query, Summary: "calls, failures and 95th percentile by minute",
		Query: "source=spans | where " + ppl.Within("startTime", r, where) +
			" | eval failed = if(`status.code` = 2, 1, 0) | stats count() as calls, sum(failed) as failed, percentile(`durationInNanos`, 95) as p95_ns by span(`startTime`, 1m) as minute | sort minute",
	}
}

// commonSpan is a bad span of the unit most bad spans belong to.
func (q *inquiry) commonSpan(s *suspect) int32 {
	count := map[int32]int{}
	best := s.cause[0].span
	for _, b := range s.cause {
		u := q.unitOf[b.span]
		if count[u]++; count[u] > count[q.unitOf[best]] {
			best = b.span
		}
	}
	return best
}

func metricQuery(s *series) string {
	var b strings.Builder
	b.WriteString("source=metrics | where `name` = " + ppl.Quote(s.name))
	for _, l := range s.labels {
		fmt.Fprintf(&b, " and `attributes.%s` = %s", l.key, ppl.Quote(l.value))
	}
	return b.String() + " | fields `@timestamp`, `value` | sort `@timestamp`"
}

// exemplar is a bad trace that stands for others, with its healthy twin (a job, -1 for none).
type exemplar struct {
	bad  bad
	what string
	twin int32
}

// exemplarsOf picks traces: the earliest bad one after the onset, the one of median duration, and the slowest, each with its
// nearest healthy twin.
func (q *inquiry) exemplarsOf(s *suspect, cl *clues) []exemplar {
	kind := q.mainKind(s)
	var list []bad
	seen := map[int32]bool{}
	for _, b := range s.cause {
		if b.kind == kind && !seen[b.job] && b.job >= 0 {
			seen[b.job] = true
			list = append(list, b)
		}
	}
	if len(list) == 0 {
		return nil
	}
	start := func(b bad) int64 { return q.spans.Spans[b.span].Start }
	dur := func(b bad) int64 { return cl.js.jobs[b.job].dur }
	slices.SortFunc(list, func(a, b bad) int { return cmp.Compare(start(a), start(b)) })
	first := list[0]
	slices.SortFunc(list, func(a, b bad) int { return cmp.Or(cmp.Compare(dur(a), dur(b)), cmp.Compare(start(a), start(b))) })
	var out []exemplar
	told := map[int32]bool{}
	for _, x := range []exemplar{{first, "earliest", 0}, {list[len(list)/2], "median duration", 0}, {list[len(list)-1], "slowest", 0}} {
		if told[x.bad.job] || len(out) >= maxSpanEvidence {
			continue
		}
		told[x.bad.job] = true
		x.twin = q.twin(x.bad.job, cl)
		out = append(out, x)
	}
	return out
}

func (q *inquiry) exemplars(s *suspect, cl *clues) []finding.Evidence {
	var out []finding.Evidence
	for i, x := range q.exemplarsOf(s, cl) {
		if i > 0 {
			x.twin = -1 // one comparison is enough for the verdict; the step's table has all
		}
		out = append(out, q.spanEvidence(x.bad, x.what, x.twin, cl))
	}
	return out
}

func (q *inquiry) spanEvidence(b bad, what string, twin int32, cl *clues) finding.Evidence {
	sp := &q.spans.Spans[b.span]
	at := time.Unix(0, sp.Start-sp.Shift).UTC()
	j := &cl.js.jobs[b.job]
	sum := fmt.Sprintf("%s bad trace: %s %s took %s of %s", what, q.text(sp.Service), q.text(sp.Name), duration(float64(sp.Dur)), duration(float64(j.dur)))
	if twin >= 0 {
		sum += q.twinDiff(b.job, twin, cl)
	}
	return finding.Evidence{
		Kind: finding.Span, Summary: sum, TraceID: q.spans.TraceID(sp), SpanID: q.spans.SpanID(sp.ID), Source: q.text(sp.File), Line: int64(sp.Line),
		Text: clipText(q.text(sp.Message), maxQuoted), Time: &at,
	}
}

// twin is the nearest job before it of the same class in the baseline's last part that failed nothing, or -1.
func (q *inquiry) twin(job int32, cl *clues) int32 {
	j := &cl.js.jobs[job]
	best, gap := int32(-1), int64(0)
	for i := range cl.js.jobs {
		o := &cl.js.jobs[i]
		if o.class != j.class || !q.win.baseline(o.start) || q.spans.Spans[o.root].Error {
			continue
		}
		if d := j.start - o.start; best < 0 || d < gap {
			best, gap = int32(i), d
		}
	}
	return best
}

// twinDiff tells how a bad job differs from a healthy one: units missing and added, and the place with most extra time.
func (q *inquiry) twinDiff(job, twin int32, cl *clues) string {
	a, b := q.unitsBelow(cl.js.jobs[job].root), q.unitsBelow(cl.js.jobs[twin].root)
	missing, added := 0, 0
	example := ""
	for u, n := range b {
		if a[u] == 0 {
			missing += n
			if name := q.text(q.units[u].service) + " " + q.text(q.units[u].name); example == "" || name < example {
				example = name
			}
		}
	}
	for u, n := range a {
		if b[u] == 0 {
			added += n
		}
	}
	out := fmt.Sprintf("; healthy twin %s took %s", q.spans.TraceID(&q.spans.Spans[cl.js.jobs[twin].root]), duration(float64(cl.js.jobs[twin].dur)))
	if missing > 0 {
		out += fmt.Sprintf(", %d of its spans are missing here (%s)", missing, example)
	}
	if added > 0 {
		out += fmt.Sprintf(", %d spans are new", added)
	}
	if where, ns := q.ownTimeDiff(job, twin, cl); ns > 0 {
		out += fmt.Sprintf("; most of the difference: %s more in %s", duration(float64(ns)), where)
	}
	return out
}

// ownTimeDiff is the place on whose account the bad job took longer than its twin on the critical path, and by how much.
func (q *inquiry) ownTimeDiff(job, twin int32, cl *clues) (where string, ns int64) {
	diff := map[int32]float64{}
	a, b := &cl.js.jobs[job], &cl.js.jobs[twin]
	for _, x := range cl.js.shares[a.lo:a.hi] {
		diff[x.place] += float64(x.ns)
	}
	for _, x := range cl.js.shares[b.lo:b.hi] {
		diff[x.place] -= float64(x.ns)
	}
	best, most := int32(-1), 0.0
	for p, d := range diff {
		if d > most || d == most && p < best {
			best, most = p, d
		}
	}
	if best < 0 || most < 1e6 {
		return "", 0
	}
	p := cl.js.places[best]
	if p.target == 0 {
		return q.text(p.service), int64(most)
	}
	return q.text(p.service) + " calling " + q.text(p.target), int64(most)
}

func (q *inquiry) unitsBelow(root int32) map[int32]int {
	out := map[int32]int{}
	var walk func(i int32, depth int)
	walk = func(i int32, depth int) {
		out[q.unitOf[i]]++
		if depth < 512 {
			q.spans.Children(i, func(c int32) { walk(c, depth+1) })
		}
	}
	walk(root, 0)
	return out
}
