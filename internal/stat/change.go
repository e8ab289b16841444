package stat

import (
	"math"
	"slices"
)

// Cost says which model of a level a change point breaks.
type Cost int

// The cost models.
const (
	// Mean: values scatter around a level with one variance for the whole series (latency, ratios).
	// The variance is estimated from the differences of neighbours, so that level shifts do not inflate it.
	Mean Cost = iota
	// Poisson: values are counts whose variance follows the level; overdispersion against Poisson is estimated and divided out.
	Poisson
)

// ChangeConfig steers ChangePoints. The zero value finds level shifts of a mean with the BIC-like penalty.
type ChangeConfig struct {
	Cost    Cost
	Penalty float64 // cost of one more change point, in log-likelihood units; 0 = 3 ln n
	MinSize int     // fewest samples of a level; 0 = 2
}

// Change is one change point.
type Change struct {
	Index  int     // first sample of the new level
	Before float64 // mean of the level before
	After  float64 // mean of the level after
	Gain   float64 // how much better two levels explain the two segments than one does: twice the log-likelihood ratio
}

// ChangePoints finds the indices at which the level of a series changes, in ascending order, by PELT (Killick, Fearnhead
// & Eckley 2012: the exact optimum of cost + penalty per change, in near linear time), then moves each to the peak of the
// CUSUM between its neighbours (Page 1954), and drops those that no longer pay the penalty. NaN samples count as the
// sample before them.
func ChangePoints(series []float64, cfg ChangeConfig) []Change {
	n := len(series)
	if cfg.MinSize < 1 {
		cfg.MinSize = 2
	}
	if n < 2*cfg.MinSize {
		return nil
	}
	s := newSegments(fillForward(series), cfg.Cost)
	if s.scale == 0 {
		return nil
	}
	pen := cfg.Penalty
	if pen == 0 {
		pen = 3 * math.Log(float64(n))
	}
	cuts := refine(s, pelt(s, pen, cfg.MinSize), cfg.MinSize)
	return describe(s, cuts, pen)
}

// segments answers the cost of any [i, j) in constant time from prefix sums.
type segments struct {
	x        []float64
	sum, sq  []float64
	kind     Cost
	scale    float64 // variance (Mean) or dispersion (Poisson) that costs are divided by
	smallest float64 // least level of Poisson, so that its logarithm stays finite
}

func newSegments(x []float64, kind Cost) *segments {
	s := &segments{x: x, kind: kind, sum: make([]float64, len(x)+1), sq: make([]float64, len(x)+1), smallest: 1e-9}
	for i, v := range x {
		s.sum[i+1] = s.sum[i] + v
		s.sq[i+1] = s.sq[i] + v*v
	}
	if kind == Poisson {
		s.scale = dispersion(x)
	} else {
		s.scale = noiseVariance(x)
	}
	return s
}

// cost is minus twice the log-likelihood of [i, j) at its own level, up to terms that do not depend on the cuts.
func (s *segments) cost(i, j int) float64 {
	n, sum := float64(j-i), s.sum[j]-s.sum[i]
	if s.kind == Poisson {
		level := math.Max(sum/n, s.smallest)
		return 2 * (n*level - sum*math.Log(level)) / s.scale
	}
	return math.Max(0, s.sq[j]-s.sq[i]-sum*sum/n) / s.scale
}

func (s *segments) mean(i, j int) float64 { return (s.sum[j] - s.sum[i]) / float64(j-i) }

// noiseVariance estimates the variance around slowly changing levels: from the MAD of first differences, or, when more than
// half of them are 0, from their mean square. 0 means a constant series.
func noiseVariance(x []float64) float64 {
	d := make([]float64, 0, len(x))
	sq := 0.0
	for i := 1; i < len(x); i++ {
		d = append(d, x[i]-x[i-1])
		sq += d[i-1] * d[i-1]
	}
	if len(d) == 0 {
		return 0
	}
	if m := MAD(d); m > 0 {
		return m * m / 2
	}
	return sq / float64(len(d)) / 2
}

// dispersion estimates variance/mean of counts from squared differences of neighbours, at least 1 (Poisson). Given its sum,
// such a pair has mean exactly 1 under Poisson however small the counts; the median over the pairs (.4549 for z^2) keeps a
// few level shifts from inflating it. The lesser of the two serves both small counts and shifting levels.
func dispersion(x []float64) float64 {
	r := make([]float64, 0, len(x))
	varies, sum := false, 0.0
	for i := 1; i < len(x); i++ {
		varies = varies || x[i] != x[0]
		if t := x[i] + x[i-1]; t > 0 {
			r = append(r, (x[i]-x[i-1])*(x[i]-x[i-1])/t)
			sum += r[len(r)-1]
		}
	}
	if !varies || len(r) == 0 {
		return 0
	}
	return math.Max(1, math.Min(Median(r)/.4549, sum/float64(len(r))))
}

// pelt returns the cuts of the optimal segmentation, ascending.
func pelt(s *segments, pen float64, minSize int) []int {
	n := len(s.x)
	best := make([]float64, n+1)
	last := make([]int, n+1)
	best[0] = -pen
	for j := 1; j < minSize; j++ {
		best[j] = math.Inf(1)
	}
	candidates := []int{0}
	for j := minSize; j <= n; j++ {
		best[j] = math.Inf(1)
		for _, i := range candidates {
			if c := best[i] + s.cost(i, j) + pen; j-i >= minSize && c < best[j] {
				best[j], last[j] = c, i
			}
		}
		candidates = slices.DeleteFunc(candidates, func(i int) bool {
			return j-i >= minSize && best[i]+s.cost(i, j) > best[j]
		})
		if next := j - minSize + 1; next >= minSize {
			candidates = append(candidates, next)
		}
	}
	var cuts []int
	for j := last[n]; j > 0; j = last[j] {
		cuts = append(cuts, j)
	}
	slices.Reverse(cuts)
	return cuts
}

// refine moves each cut to where the likelihood of one change between its neighbours peaks.
func refine(s *segments, cuts []int, minSize int) []int {
	for k := range cuts {
		lo, hi := 0, len(s.x)
		if k > 0 {
			lo = cuts[k-1]
		}
		if k+1 < len(cuts) {
			hi = cuts[k+1]
		}
		at, least := cuts[k], math.Inf(1)
		for c := lo + minSize; c <= hi-minSize; c++ {
			if v := s.cost(lo, c) + s.cost(c, hi); v < least {
				at, least = c, v
			}
		}
		cuts[k] = at
	}
	return cuts
}

// describe drops, weakest first, the cuts that do not pay the penalty any more and measures the rest.
func describe(s *segments, cuts []int, pen float64) []Change {
	for {
		out := make([]Change, len(cuts))
		weakest := -1
		for k, c := range cuts {
			lo, hi := 0, len(s.x)
			if k > 0 {
				lo = cuts[k-1]
			}
			if k+1 < len(cuts) {
				hi = cuts[k+1]
			}
			gain := s.cost(lo, hi) - s.cost(lo, c) - s.cost(c, hi)
			out[k] = Change{Index: c, Before: s.mean(lo, c), After: s.mean(c, hi), Gain: gain}
			if gain < pen && (weakest < 0 || gain < out[weakest].Gain) {
				weakest = k
			}
		}
		if weakest < 0 {
			return out
		}
		cuts = slices.Delete(cuts, weakest, weakest+1)
	}
}

func fillForward(series []float64) []float64 {
	x := slices.Clone(series)
	prev := 0.0
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			x[i] = prev
		}
		prev = x[i]
	}
	return x
}

// Onset returns the first index at or after from at which the next run samples all deviate from the baseline by a robust z
// of at least z in the same direction (a negative z asks for a fall); -1 if none. The baseline is series[:from].
func Onset(series []float64, from, run int, z, floor float64) int {
	if from <= 0 || run < 1 || from >= len(series) {
		return -1
	}
	base := series[:from]
	streak := 0
	for i := from; i < len(series); i++ {
		if r := RobustZ(series[i], base, floor); (z >= 0 && r >= z) || (z < 0 && r <= z) {
			if streak++; streak == run {
				return i - run + 1
			}
			continue
		}
		streak = 0
	}
	return -1
}
