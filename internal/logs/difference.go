package logs

import (
	"cmp"
	"math"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/stat"
)

// compare tests every template and orders by the strength of the change; what did not change comes last.
func (o *Patterns) compare(all []Pattern) {
	o.Traffic = o.traffic(all)
	ps := make([]float64, len(all))
	for i := range all {
		p := &all[i]
		t := stat.GRate(float64(p.Count), o.Window.Seconds()*o.expected(p), float64(p.Baseline), o.Baseline.Seconds())
		p.G, ps[i] = math.Round(10*t.Stat)/10, t.P
	}
	for i, q := range stat.BenjaminiHochberg(ps) {
		p := &all[i]
		p.Q = q
		p.Change = o.changeOf(p)
		if p.Count > 0 && p.Count+p.Baseline <= oneOffLines {
			o.OneOffs = append(o.OneOffs, *p)
		}
	}
	slices.SortFunc(o.OneOffs, func(a, b Pattern) int { return a.First.Compare(b.First) })
	o.OneOffs = o.OneOffs[:min(len(o.OneOffs), maxOneOffs)]
	rank := map[Change]int{New: 0, Risen: 1, Gone: 2, Fallen: 3, Steady: 4}
	slices.SortStableFunc(all, func(a, b Pattern) int {
		return cmp.Or(cmp.Compare(rank[a.Change], rank[b.Change]), cmp.Compare(b.G, a.G))
	})
	o.List = all
}

// traffic is the median of the patterns' own rate ratios: when there is a third less traffic every pattern falls by a third,
// and none of that is news. A flood of one message does not move a median, as it would move shares of all lines.
func (o *Patterns) traffic(all []Pattern) float64 {
	var ratios []float64
	for _, p := range all {
		if p.Count >= trafficMin && p.Baseline >= trafficMin {
			ratios = append(ratios, float64(p.Count)/o.Window.Seconds()*o.Baseline.Seconds()/float64(p.Baseline))
		}
	}
	if len(ratios) < trafficOf {
		return 1
	}
	return math.Round(1000*stat.Median(ratios)) / 1000
}

// ratio is the pattern's rate in the window by its rate in the baseline.
func (o *Patterns) ratio(p *Pattern) float64 {
	return float64(p.Count) / o.Window.Seconds() * o.Baseline.Seconds() / float64(max(p.Baseline, 1))
}

// expected is the ratio that needs no explanation: some lines come with the clock (1), others with the traffic, and anything
// between the two is a mixture of them.
func (o *Patterns) expected(p *Pattern) float64 {
	return min(max(o.ratio(p), min(1, o.Traffic)), max(1, o.Traffic))
}

func (o *Patterns) changeOf(p *Pattern) Change {
	switch {
	case p.Q > significant:
		return Steady
	case p.Baseline == 0:
		return New
	case p.Count == 0:
		return Gone
	case o.ratio(p) > o.expected(p):
		return Risen
	}
	return Fallen
}
