package stat

import (
	"math"
	"slices"
)

// madScale makes the median absolute deviation of a normal sample estimate its standard deviation (1 / Phi^-1(3/4)).
const madScale = 1.482602218505602

// Quantile returns the q-quantile (0 <= q <= 1) of values by linear interpolation between order statistics
// (Hyndman & Fan type 7, what numpy and spreadsheets do). NaN for no values.
func Quantile(values []float64, q float64) float64 { return QuantileSorted(sorted(values), q) }

// QuantileSorted is Quantile of values already in ascending order.
func QuantileSorted(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	h := math.Max(0, math.Min(1, q)) * float64(len(values)-1)
	lo := int(h)
	if lo+1 >= len(values) {
		return values[len(values)-1]
	}
	return values[lo] + (h-float64(lo))*(values[lo+1]-values[lo])
}

// Median returns the middle value, NaN for none.
func Median(values []float64) float64 { return Quantile(values, .5) }

// MAD returns the median absolute deviation from the median, scaled to estimate a standard deviation; NaN for no values.
func MAD(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	med := Median(values)
	dev := make([]float64, len(values))
	for i, v := range values {
		dev[i] = math.Abs(v - med)
	}
	return madScale * Median(dev)
}

// RobustZ returns how many robust standard deviations x lies from the baseline's median. The scale is the greatest of the
// MAD, half the interquartile width a normal sample would need, and floor: floor keeps a constant baseline from making
// every wobble infinite (for counts sqrt(median) or 1 is a good floor). 0 for an empty baseline or when the scale is 0
// and x equals the median; infinite when the scale is 0 and it does not.
func RobustZ(x float64, baseline []float64, floor float64) float64 {
	if len(baseline) == 0 {
		return 0
	}
	s := sorted(baseline)
	med := QuantileSorted(s, .5)
	iqr := (QuantileSorted(s, .75) - QuantileSorted(s, .25)) / 1.3489795
	scale := math.Max(math.Max(MAD(s), iqr), floor)
	if scale == 0 {
		if x == med {
			return 0
		}
		return math.Inf(int(math.Copysign(1, x-med)))
	}
	return (x - med) / scale
}

// BenjaminiHochberg returns the q-values of ps in the same order (Benjamini & Hochberg 1995): the smallest false-discovery
// rate at which each would be called. NaN counts as 1.
func BenjaminiHochberg(ps []float64) []float64 {
	order := make([]int, len(ps))
	q := make([]float64, len(ps))
	for i, p := range ps {
		order[i] = i
		q[i] = p
		if math.IsNaN(p) {
			q[i] = 1
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case q[a] < q[b]:
			return -1
		case q[a] > q[b]:
			return 1
		}
		return 0
	})
	least := 1.0
	for r, i := range slices.Backward(order) {
		least = math.Min(least, q[i]*float64(len(ps))/float64(r+1))
		q[i] = least
	}
	return q
}
