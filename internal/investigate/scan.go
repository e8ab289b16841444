package investigate

import (
	"cmp"
	"math"
	"slices"
)

// segment is the outcome of a scan: the interval of bins that differs most from the rest.
type segment struct {
	from, to    int     // bins [from, to)
	llr         float64 // log-likelihood ratio against "no change"
	in, out     float64 // rate inside and outside
	nIn, weight float64 // events inside; exposure inside
}

// rise reports whether the rate is higher inside.
func (s *segment) rise() bool { return s.in > s.out }

// bounds says which intervals a scan may answer.
type bounds struct {
	minFrom  int // first bin an interval may begin at: what lies before is baseline
	mustHold int // a bin that must lie inside, -1 for none
	minLen   int
}

// scanPoisson finds the interval of bins in which events come at another rate per exposure than outside: Kulldorff's scan
// statistic (1997) in one dimension, with exposure as the population. A nil exposure means one per bin.
func scanPoisson(events, exposure []float64, b bounds) segment {
	n := len(events)
	ce, cx := cumulate(events), make([]float64, n+1)
	for i := range n {
		x := 1.0
		if exposure != nil {
			x = exposure[i]
		}
		cx[i+1] = cx[i] + x
	}
	e, x := ce[n], cx[n]
	best := segment{}
	if e == 0 || x == 0 {
		return best
	}
	b.each(n, func(i, j int) {
		ei, xi := ce[j]-ce[i], cx[j]-cx[i]
		if xi <= 0 || xi >= x {
			return
		}
		l := xlogx(ei, ei/xi) + xlogx(e-ei, (e-ei)/(x-xi)) - xlogx(e, e/x)
		if l > best.llr {
			best = segment{i, j, l, ei / xi, (e - ei) / (x - xi), ei, xi}
		}
	})
	best.trim(events, exposure)
	return best
}

// scanBinomial is the scan for shares: events out of trials in each bin (Bernoulli model of the scan statistic).
func scanBinomial(events, trials []float64, b bounds) segment {
	n := len(events)
	ce, ct := cumulate(events), cumulate(trials)
	e, t := ce[n], ct[n]
	best := segment{}
	if e == 0 || e == t {
		return best
	}
	all := bernoulli(e, t)
	b.each(n, func(i, j int) {
		ei, ti := ce[j]-ce[i], ct[j]-ct[i]
		if ti <= 0 || ti >= t {
			return
		}
		l := bernoulli(ei, ti) + bernoulli(e-ei, t-ti) - all
		if l > best.llr {
			best = segment{i, j, l, ei / ti, (e - ei) / (t - ti), ei, ti}
		}
	})
	best.trim(events, trials)
	return best
}

// trim takes bins off both ends that say nothing: without an event where there are more than usual, without exposure otherwise.
func (s *segment) trim(events, exposure []float64) {
	empty := func(i int) bool {
		if s.rise() {
			return events[i] == 0
		}
		return exposure != nil && exposure[i] == 0
	}
	for s.from < s.to-1 && empty(s.from) {
		s.from++
	}
	for s.to > s.from+1 && empty(s.to-1) {
		s.to--
	}
}

// scanValues finds the interval whose values rank higher or lower than the rest: the rank-sum statistic of every interval,
// answered as Z²/2 so that it compares with a log-likelihood ratio. NaN values are left out.
func scanValues(v []float64, b bounds) segment {
	n := len(v)
	rank, m := ranks(v)
	if m < 6 {
		return segment{}
	}
	mean := float64(m+1) / 2
	cr, cn, cv := make([]float64, n+1), make([]float64, n+1), make([]float64, n+1)
	var ss float64
	for i := range n {
		cr[i+1], cn[i+1], cv[i+1] = cr[i], cn[i], cv[i]
		if !math.IsNaN(v[i]) {
			cr[i+1] += rank[i] - mean
			cn[i+1]++
			cv[i+1] += v[i]
			ss += (rank[i] - mean) * (rank[i] - mean)
		}
	}
	variance := ss / float64(m)
	best := segment{}
	if variance == 0 {
		return best
	}
	b.each(n, func(i, j int) {
		k := cn[j] - cn[i]
		if k < 2 || k > float64(m)-2 {
			return
		}
		s := cr[j] - cr[i]
		z2 := s * s / (variance * k * (float64(m) - k) / float64(m-1))
		if z2/2 > best.llr {
			best = segment{i, j, z2 / 2, (cv[j] - cv[i]) / k, (cv[n] - cv[j] + cv[i]) / (float64(m) - k), k, k}
		}
	})
	return best
}

// each calls f for every allowed interval.
func (b bounds) each(n int, f func(i, j int)) {
	for i := max(1, b.minFrom); i < n; i++ {
		if b.mustHold >= 0 && i > b.mustHold {
			return
		}
		for j := max(i+max(1, b.minLen), b.mustHold+1); j <= n; j++ {
			f(i, j)
		}
	}
}

// ranks gives mid-ranks from 1; NaN gets 0. The second result is the number of values ranked.
func ranks(v []float64) ([]float64, int) {
	idx := make([]int, 0, len(v))
	for i, x := range v {
		if !math.IsNaN(x) {
			idx = append(idx, i)
		}
	}
	slices.SortFunc(idx, func(a, b int) int { return cmp.Compare(v[a], v[b]) })
	out := make([]float64, len(v))
	for i := 0; i < len(idx); {
		j := i
		for j < len(idx) && v[idx[j]] == v[idx[i]] {
			j++
		}
		for k := i; k < j; k++ {
			out[idx[k]] = float64(i+j+1) / 2
		}
		i = j
	}
	return out, len(idx)
}

func cumulate(v []float64) []float64 {
	c := make([]float64, len(v)+1)
	for i, x := range v {
		c[i+1] = c[i] + x
	}
	return c
}

func bernoulli(e, t float64) float64 {
	if t <= 0 {
		return 0
	}
	return xlogx(e, e/t) + xlogx(t-e, (t-e)/t)
}

func xlogx(n, p float64) float64 {
	if n <= 0 || p <= 0 {
		return 0
	}
	return n * math.Log(p)
}

// gTest is the log-likelihood ratio G of two shares a/na and b/nb (Dunning 1993): twice the gain of two rates over one.
func gTest(a, na, b, nb float64) float64 {
	if na <= 0 || nb <= 0 {
		return 0
	}
	return 2 * (bernoulli(a, na) + bernoulli(b, nb) - bernoulli(a+b, na+nb))
}

// poissonG is the same for two counts over two exposures.
func poissonG(a, xa, b, xb float64) float64 {
	if xa <= 0 || xb <= 0 {
		return 0
	}
	return 2 * (xlogx(a, a/xa) + xlogx(b, b/xb) - xlogx(a+b, (a+b)/(xa+xb)))
}

// pOfG is the chance of a G this large by chance alone (chi-square with one degree of freedom).
func pOfG(g float64) float64 { return math.Erfc(math.Sqrt(max(0, g) / 2)) }
