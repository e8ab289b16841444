package investigate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/stat"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// Bounds of the step tables.
const (
	maxTrackRows   = 20
	maxREDRows     = 25
	maxPatternRows = 20
	maxChangeRows  = 20
	maxMetricRows  = 20
	maxBlameRows   = 15
)

// red compares rate, errors and durations of each unit between baseline and incident: failures by the two-proportion z test or
// Fisher's exact test when either window has fewer than 30 calls, durations by the rank sum of Mann and Whitney (1947), calls a
// trace by the G-test; the false-discovery rate over all of them by Benjamini and Hochberg (1995). A unit that falls silent while
// traces go on is marked. A difference of durations counts from a tenth of the median or a fifth of the 95th percentile on: with
// many calls the smallest is significant.
func (q *inquiry) red() []REDRow {
	var out []REDRow
	var ps []float64
	var rootsInc, rootsBase float64
	for i := range q.spans.Traces {
		at := q.spans.Spans[q.spans.Traces[i].Root].Start
		rootsInc += boolTo(q.win.incident(at))
		rootsBase += boolTo(q.win.baseline(at))
	}
	for _, u := range q.units {
		r, p, ok := q.redOf(u, rootsInc, rootsBase)
		if ok {
			out = append(out, r)
			ps = append(ps, p)
		}
	}
	for i, v := range stat.BenjaminiHochberg(ps) {
		out[i].Q = v
	}
	out = slices.DeleteFunc(out, func(r REDRow) bool { return r.Q > maxFDR })
	slices.SortStableFunc(out, func(a, b REDRow) int {
		return cmp.Or(cmp.Compare(a.Q, b.Q), cmp.Compare(b.ErrorPct-b.ErrorBase, a.ErrorPct-a.ErrorBase), cmp.Compare(a.Service+a.Operation, b.Service+b.Operation))
	})
	return out[:min(len(out), maxREDRows)]
}

func (q *inquiry) redOf(u *unit, rootsInc, rootsBase float64) (row REDRow, p float64, ok bool) {
	var now, was []int64
	var e excess
	for _, i := range u.spans {
		sp := &q.spans.Spans[i]
		switch {
		case q.win.incident(sp.Start):
			now = append(now, sp.Dur)
			e.inc += boolTo(sp.Error)
		case q.win.baseline(sp.Start):
			was = append(was, sp.Dur)
			e.base += boolTo(sp.Error)
		}
	}
	n, m := float64(len(now)), float64(len(was))
	if n+m < minForDecile {
		return row, 1, false
	}
	slices.Sort(now)
	slices.Sort(was)
	ms := func(v []int64, at float64) float64 { return float64(trace.Quantile(v, at)) / 1e6 }
	row = REDRow{
		Service: q.text(u.service), Operation: q.text(u.name), Kind: u.kind.String(), Calls: len(now), CallsBase: len(was),
		ErrorPct: percent(e.inc, n), ErrorBase: percent(e.base, m), P50MS: ms(now, .5), P50Base: ms(was, .5), P95MS: ms(now, .95), P95Base: ms(was, .95),
	}
	pe := stat.Proportions(int64(e.inc), int64(n), int64(e.base), int64(m)).P
	pl := 1.0
	if len(now) > 0 && len(was) > 0 && (apart(row.P50MS, row.P50Base, .1) || apart(row.P95MS, row.P95Base, .2)) {
		pl = stat.MannWhitney(thinned(now), thinned(was)).P
	}
	pc := pOfG(poissonG(n, rootsInc, m, rootsBase))
	row.Silent = m >= minForDecile && n < .1*m*ratio(rootsInc, rootsBase)
	switch p = min(pe, pl, pc); {
	case row.Silent:
		row.Difference = "silent"
	case p == pe:
		row.Difference = "errors"
	case p == pl && row.P50MS+row.P95MS >= row.P50Base+row.P95Base:
		row.Difference = "slower"
	case p == pl:
		row.Difference = "faster"
	default:
		row.Difference = "rate"
	}
	return row, p, true
}

// apart reports whether two values differ by more than a share of the greater.
func apart(a, b, share float64) bool { return math.Abs(a-b) > share*max(a, b) }

// maxRanked bounds the durations of a unit that are ranked: every k-th of the sorted ones keeps their distribution.
const maxRanked = 5000

func thinned(sorted []int64) []float64 {
	step := max(1, len(sorted)/maxRanked)
	out := make([]float64, 0, len(sorted)/step+1)
	for i := 0; i < len(sorted); i += step {
		out = append(out, float64(sorted[i]))
	}
	return out
}

func percent(a, b float64) float64 { return math.Round(10000*ratio(a, b)) / 100 }

// steps fills the tables of the single steps.
func (q *inquiry) steps(cl *clues) *Steps {
	st := &Steps{RED: q.red()}
	for _, t := range q.tracks[:min(len(q.tracks), maxTrackRows)] {
		st.Tracks = append(st.Tracks, TrackRow{t.kind, t.service, t.label, utc(q.clock.time(t.from)), utc(q.clock.time(t.to)), t.in, t.out, math.Round(t.llr)})
	}
	for _, p := range cl.patterns[:min(len(cl.patterns), maxPatternRows)] {
		st.Patterns = append(st.Patterns, PatternRow{p.service, p.kind(q.win.ratio()), p.inc, p.base, p.severity, clipText(p.text, maxQuoted)})
	}
	for _, c := range cl.changes[:min(len(cl.changes), maxChangeRows)] {
		st.Changes = append(st.Changes, ChangeRow{time.Unix(0, c.at).UTC(), string(c.kind), c.service, clipText(c.text, maxQuoted), c.file, c.line})
	}
	for _, m := range cl.metrics[:min(len(cl.metrics), maxMetricRows)] {
		st.Metrics = append(st.Metrics, MetricRow{m.String(), string(m.kind), m.before, m.after, math.Round(10*m.z) / 10, point(m.onset)})
	}
	for _, c := range cl.culprits[:min(len(cl.culprits), maxBlameRows)] {
		st.Blame = append(st.Blame, BlameRow{
			Service: q.text(c.service), Target: q.text(c.target), Errors: math.Round(c.errors.over()), Slow: math.Round(c.slow.over()),
			More: math.Round(c.more.over()), Silent: math.Round(c.silent.over()), ExtraMS: math.Round(c.extraNS / 1e6),
		})
	}
	return st
}
