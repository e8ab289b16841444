package investigate

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// entityKeys are the labels that say whose series it is, the most telling first.
var entityKeys = []string{
	"service_name", "service.name", "service", "app", "deployment", "workload", "consumergroup", "consumer_group", "job_name", "container", "pool_name", "datname", "cache", "topic", "pod", "node", "instance", "host",
}

// symptomWords name series that users feel.
var symptomWords = regexp.MustCompile(`error|fault|fail|5xx|4xx|reject|timeout|dropped|latency|duration|lag`)

// What a finding of a series counts for a suspect that no request and no log line accuses.
const (
	namedImpact   = 5. // a shape that names a cause, or a symptom that users feel
	movedImpact   = 1. // a series that moved, nothing more
	minMetricBins = 8
)

// scanMetrics proposes onsets from series alone: the rank scan of each, as seriesOnset does. It is for sources without spans and
// logs, where nothing else tells when the trouble began.
func (q *inquiry) scanMetrics(b bounds) {
	if len(q.spans.Spans) > 0 || len(q.logs.patterns) > 0 {
		return
	}
	for _, s := range q.metrics.series {
		v := s.binned(q.clock)
		if len(s.at) < minMetricBins {
			continue
		}
		seg := scanValues(v, b)
		t := &track{kind: trackMetric, service: s.entity(), label: s.String(), weigh: 1, segment: seg}
		if t.llr >= minMetricLLR {
			q.tracks = append(q.tracks, t)
		}
	}
}

// minMetricLLR is what the rank scan of a series must reach: it is bounded by the number of samples, so less than for counts.
const minMetricLLR = 8

// entity is whose series it is, "" when no label says.
func (s *series) entity() string {
	for _, k := range entityKeys {
		if v := s.get(k); v != "" {
			return v
		}
	}
	return ""
}

// fromMetrics makes suspects of what series tell when there are neither spans nor logs: one for each service, node or other owner.
func (q *inquiry) fromMetrics(cl *clues) []*suspect {
	if len(q.spans.Spans) > 0 || len(q.logs.patterns) > 0 {
		return nil
	}
	by := map[string]*suspect{}
	var out []*suspect
	for _, m := range cl.metrics {
		name := m.entity()
		if name == "" {
			continue
		}
		s := by[name]
		if s == nil {
			s = &suspect{name: name, points: map[Family]float64{}, means: map[meaning]float64{}}
			by[name] = s
			out = append(out, s)
		}
		w := movedImpact
		if m.kind != metricRisen && m.kind != metricFallen || symptomWords.MatchString(strings.ToLower(m.name)) && m.kind == metricRisen {
			w = namedImpact
		}
		s.impact += w
		if m.onset != 0 && (s.onset == 0 || m.onset < s.onset) {
			s.onset = m.onset
		}
	}
	slices.SortStableFunc(out, func(a, b *suspect) int { return cmp.Compare(b.impact, a.impact) })
	return out
}
