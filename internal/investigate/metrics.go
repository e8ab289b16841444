package investigate

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/stat"
)

// What a metric finding says.
type metricKind string

const (
	metricSaturated metricKind = "saturated" // at its limit
	metricExpired   metricKind = "expired"   // a date that has passed
	metricOffset    metricKind = "clock offset"
	metricLag       metricKind = "lag grows"
	metricSawTooth  metricKind = "saw tooth" // climbs and falls: memory that is freed by restarts
	metricRestarts  metricKind = "restarts"
	metricMisses    metricKind = "hit ratio fell"
	metricRisen     metricKind = "risen"
	metricFallen    metricKind = "fallen"
)

// metricFinding is a series that tells of the fault.
type metricFinding struct {
	*series
	kind          metricKind
	before, after float64
	z             float64
	onset         int64 // Unix nanoseconds, 0 unknown
	text          string
}

// Words of metric names. Names differ between exporters; these stems are shared by the common ones.
var (
	expiryWords  = regexp.MustCompile(`expir|not_?after|valid_until|days_left`)
	ratioWords   = regexp.MustCompile(`ratio|utili[sz]ation|percent|_pct|saturation`)
	usageWords   = regexp.MustCompile(`usage|used|in_?use|active|busy|current|open|size|count$|connections$`)
	limitWords   = regexp.MustCompile(`max|limit|capacity|quota|total_slots`)
	lagWords     = regexp.MustCompile(`lag|backlog|queue_(depth|size|length)|messages_ready|visible|pending_messages|unacked`)
	memoryWords  = regexp.MustCompile(`mem|heap|rss|working_set`)
	restartWords = regexp.MustCompile(`restart|oom`)
	offsetWords  = regexp.MustCompile(`timex_offset|clock|ntp_|time_offset|chrony`)
	derivedWords = regexp.MustCompile(`^(request|error|fault|latency)(_seconds)?(_.*)?$|duration|latency`)
)

// What a metric must show to be told.
const (
	strongZ     = 6   // robust standard deviations between the medians of baseline and incident
	nearLimit   = .95 // of the limit counts as saturated
	farLimit    = .85 // the baseline must have been below
	hitRatioGap = .15
	scaleFloor  = .05 // of the baseline's median: what a quiet series may move without news
)

// metricFindings compares each series' baseline with the incident: robust z of the medians, and the shapes that name a cause
// by themselves (a value at its limit, a date that passed, a saw tooth of memory, a growing lag, a clock's offset).
func (q *inquiry) metricFindings() []metricFinding {
	var out []metricFinding
	limits := q.limits()
	for _, s := range q.metrics.series {
		base, inc := s.split(q.win)
		if len(inc) < 2 || len(base) < 4 {
			continue
		}
		if f, ok := q.judge(s, base, inc, limits[s]); ok {
			f.onset = q.seriesOnset(s)
			out = append(out, f)
		}
	}
	out = append(out, q.hitRatios()...)
	slices.SortStableFunc(out, func(a, b metricFinding) int { return cmp.Compare(math.Abs(b.z), math.Abs(a.z)) })
	return out
}

// split returns the values (increases of a counter) of baseline and incident.
func (s *series) split(w windows) (base, inc []float64) {
	for t, v := range s.moves() {
		switch {
		case w.baseline(t):
			base = append(base, v)
		case w.incident(t):
			inc = append(inc, v)
		}
	}
	return base, inc
}

func (q *inquiry) judge(s *series, base, inc []float64, limit float64) (metricFinding, bool) {
	mb, mi := stat.Median(base), stat.Median(inc)
	scale := max(stat.MAD(base), scaleFloor*math.Abs(mb), 1e-9)
	f := metricFinding{series: s, before: mb, after: mi, z: (mi - mb) / scale}
	f.z = math.Copysign(min(math.Abs(f.z), 100), f.z)
	name := strings.ToLower(s.name)
	last := inc[len(inc)-1]
	switch {
	case expiryWords.MatchString(name):
		end := slices.Min(inc)
		f.kind, f.z = metricExpired, 100
		f.text = "the date passed"
		return f, end > 1e9 && end*1e9 < float64(q.win.to) || end <= 0
	case offsetWords.MatchString(name):
		f.kind, f.text = metricOffset, fmt.Sprintf("from %.3g to %.3g", mb, mi)
		return f, math.Abs(mi) > .05 && math.Abs(mi) > 10*math.Abs(mb)
	case restartWords.MatchString(name):
		f.kind, f.text = metricRestarts, fmt.Sprintf("%.0f more", sum(inc)*boolTo(s.counter())+(last-base[0])*boolTo(!s.counter()))
		return f, s.counter() && sum(inc) >= 1 && sum(inc) > sum(base)
	case derivedWords.MatchString(name) && len(q.spans.Spans) > 0: // the spans say it better
		return f, false
	case lagWords.MatchString(name):
		f.kind, f.text = metricLag, fmt.Sprintf("from %.3g to %.3g", mb, slices.Max(inc))
		f.z = (stat.Quantile(inc, .9) - stat.Quantile(base, .9)) / max(scale, 1)
		return f, stat.TheilSen(inc) > 0 && f.z > strongZ
	case memoryWords.MatchString(name) && stat.SawTooth(inc, .3) >= 1 && stat.SawTooth(base, .3) == 0:
		f.kind, f.z = metricSawTooth, max(f.z, 20)
		f.text = fmt.Sprintf("climbs to %.4g and falls %d times; %.4g before", slices.Max(inc), stat.SawTooth(inc, .3), mb)
		return f, slices.Max(inc) > 1.3*mb
	case limit > 0 && usageWords.MatchString(name):
		f.kind, f.text = metricSaturated, fmt.Sprintf("%.4g of at most %.4g; %.4g before", mi, limit, mb)
		if mi >= nearLimit*limit && mb < farLimit*limit {
			f.z = max(f.z, 30)
			return f, true
		}
	case ratioWords.MatchString(name):
		unit := 1.0
		if mb > 1.5 || mi > 1.5 {
			unit = 100
		}
		if mi >= .9*unit && mb < farLimit*unit {
			f.kind, f.z = metricSaturated, max(f.z, 30)
			f.text = fmt.Sprintf("%.3g; %.3g before", mi, mb)
			return f, true
		}
	}
	f.kind = metricRisen
	if f.z < 0 {
		f.kind = metricFallen
	}
	f.text = fmt.Sprintf("from %.4g to %.4g", mb, mi)
	return f, math.Abs(f.z) >= strongZ && !overlap(base, inc)
}

// overlap reports whether the middle halves of two samples touch: then the medians' distance is no news.
func overlap(a, b []float64) bool {
	return stat.Quantile(a, .9) >= stat.Quantile(b, .25) && stat.Quantile(a, .1) <= stat.Quantile(b, .75)
}

// limits finds, for each usage series, the series that states its limit: a name with max or limit that shares the stem, and
// labels that are a subset.
func (q *inquiry) limits() map[*series]float64 {
	out := map[*series]float64{}
	for _, l := range q.metrics.series {
		name := strings.ToLower(l.name)
		if !limitWords.MatchString(name) || len(l.values) == 0 {
			continue
		}
		stem := limitWords.ReplaceAllString(name, "")
		for _, s := range q.metrics.series {
			n := strings.ToLower(s.name)
			if s == l || limitWords.MatchString(n) || !usageWords.MatchString(n) || commonPrefix(stem, n) < minStem || !subset(l.labels, s.labels) {
				continue
			}
			if !idle(s) {
				out[s] = l.values[len(l.values)-1]
			}
		}
	}
	return out
}

// minStem is how many leading letters two metric names must share to belong together.
const minStem = 8

func idle(s *series) bool { return s.get("state") == "idle" }

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func subset(a, b []label) bool {
	for _, l := range a {
		if !slices.Contains(b, l) {
			return false
		}
	}
	return true
}

// hitRatios looks for caches whose share of hits fell: series with hits and misses in their names and the same labels.
func (q *inquiry) hitRatios() []metricFinding {
	var out []metricFinding
	for _, h := range q.metrics.series {
		if !strings.Contains(h.name, "hits") {
			continue
		}
		name := strings.Replace(h.name, "hits", "misses", 1)
		for _, m := range q.metrics.series {
			if m.name != name || !slices.Equal(h.labels, m.labels) {
				continue
			}
			hb, hi := h.split(q.win)
			mb, mi := m.split(q.win)
			before, after := ratio(sum(hb), sum(hb)+sum(mb)), ratio(sum(hi), sum(hi)+sum(mi))
			if before-after > hitRatioGap {
				out = append(out, metricFinding{
					series: h, kind: metricMisses, before: before, after: after, z: 100 * (before - after), onset: q.seriesOnset(m),
					text: fmt.Sprintf("hit ratio from %.2f to %.2f", before, after),
				})
			}
		}
	}
	return out
}

// seriesOnset is when the series leaves its usual course, by the scan of its ranks; 0 when it does not.
func (q *inquiry) seriesOnset(s *series) int64 {
	v := s.binned(q.clock)
	seg := scanValues(v, bounds{minFrom: 2, mustHold: -1, minLen: 2})
	if seg.llr < 4 {
		return 0
	}
	return q.clock.time(seg.from)
}

func sum(v []float64) float64 {
	var t float64
	for _, x := range v {
		t += x
	}
	return t
}

func boolTo(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// about reports whether one of the series' labels names one of the things, whole or as a pod of the service.
func (s *series) about(names map[string]bool) bool {
	for _, l := range s.labels {
		if names[l.value] {
			return true
		}
	}
	return false
}

// metricsTable lists the series that moved, the suspects' own first, with the lead of each over the symptom: what moved before
// the requests suffered is nearer to the cause than what moved after.
func (q *inquiry) metricsTable(list []*suspect, cl *clues) Table {
	t := Table{
		Method:  "robust z of the medians of baseline and incident (median, MAD); onset by the rank scan; saturation against the series' limit, saw tooth, monotone lag, passed dates, clock offsets; lead = seconds before the onset of the incident",
		Columns: []string{"suspect", "series", "kind", "direction", "before", "after", "z", "onset", "lead_s", "note"},
	}
	told := map[*series]bool{}
	row := func(who string, m metricFinding) {
		if told[m.series] {
			return
		}
		told[m.series] = true
		dir, at := "up", ""
		if m.after < m.before {
			dir = "down"
		}
		if m.onset != 0 {
			at = stampNS(m.onset)
		}
		t.Rows = append(t.Rows, []string{who, clipText(m.String(), maxQuoted), string(m.kind), dir, number3(m.before), number3(m.after), number3(m.z), at, since(m.onset, q.win.onset), m.text})
	}
	for i, s := range list[:min(len(list), maxShown)] {
		for _, m := range s.metrics {
			row(strconv.Itoa(i+1), m)
		}
	}
	for _, m := range cl.metrics {
		row("", m)
	}
	return t
}
