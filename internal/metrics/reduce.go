package metrics

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/stat"
)

// Sparkline and change points: what of a series is drawn, and from which length on a shift is looked for.
const (
	sparkCells = 40
	minShift   = 8  // points
	digits     = 10 // significant ones of a number in an answer
)

// single is the summary of one value.
func single(s Series) Summary {
	out := Summary{name: s.Labels, Points: len(s.Points), order: math.Inf(-1)}
	if len(s.Points) == 0 {
		return out
	}
	p := s.Points[len(s.Points)-1]
	if odd(p.V) {
		out.Odd = Number(p.V)
		return out
	}
	v := Round(p.V)
	out.Last, out.order = &v, v
	return out
}

// reduce is the summary of a series over time.
func reduce(s Series) Summary {
	out := Summary{name: s.Labels, Points: len(s.Points), order: math.Inf(-1)}
	var values []float64
	var times []int64
	for _, p := range s.Points {
		if !odd(p.V) {
			values, times = append(values, p.V), append(times, p.At)
		}
	}
	if n := len(s.Points) - len(values); n > 0 {
		out.Odd = fmt.Sprintf("%d of %d points", n, len(s.Points))
	}
	if len(values) == 0 {
		return out
	}
	lo, hi, sum := 0, 0, 0.0
	for i, v := range values {
		sum += v
		if v < values[lo] {
			lo = i
		}
		if v > values[hi] {
			hi = i
		}
	}
	num := func(v float64) *float64 { v = Round(v); return &v }
	last, loAt, hiAt := at(times[len(times)-1]), at(times[lo]), at(times[hi])
	out.Last, out.LastAt = num(values[len(values)-1]), &last
	out.Min, out.MinAt, out.Max, out.MaxAt = num(values[lo]), &loAt, num(values[hi]), &hiAt
	out.Mean, out.order = num(sum/float64(len(values))), sum/float64(len(values))
	out.Spark = Spark(values, sparkCells)
	out.Change = shift(values, times)
	return out
}

// shift is the change point of most gain.
func shift(values []float64, times []int64) *Change {
	if len(values) < minShift {
		return nil
	}
	cost := stat.Mean
	if counts(values) {
		cost = stat.Poisson
	}
	var best *stat.Change
	changes := stat.ChangePoints(values, stat.ChangeConfig{Cost: cost, MinSize: 3})
	for i := range changes {
		if best == nil || changes[i].Gain > best.Gain {
			best = &changes[i]
		}
	}
	if best == nil {
		return nil
	}
	return &Change{Time: at(times[best.Index]), Before: Round(best.Before), After: Round(best.After)}
}

// counts reports whether all values are small whole numbers, not negative.
func counts(values []float64) bool {
	const small = 1e6 // beyond, the scatter of a count is no longer told by its level
	for _, v := range values {
		if v < 0 || v != math.Trunc(v) || v > small {
			return false
		}
	}
	return true
}

// Round keeps ten significant digits: more are noise of the arithmetic.
func Round(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
	if err != nil {
		return v
	}
	return r
}

// Spark draws values as at most n block characters, from the least to the greatest; each cell is the mean of its values. A level
// series is a line of low blocks.
func Spark(values []float64, n int) string {
	if len(values) == 0 {
		return ""
	}
	cells := means(values, n)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range cells {
		lo, hi = min(lo, v), max(hi, v)
	}
	levels := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, v := range cells {
		i := 0
		if hi > lo {
			i = int((v - lo) / (hi - lo) * float64(len(levels)-1) * (1 + 1e-12))
		}
		b.WriteRune(levels[min(i, len(levels)-1)])
	}
	return b.String()
}

// means averages neighbours down to at most n values.
func means(values []float64, n int) []float64 {
	if len(values) <= n {
		return values
	}
	out := make([]float64, n)
	for i := range out {
		from, to := i*len(values)/n, (i+1)*len(values)/n
		for _, v := range values[from:to] {
			out[i] += v / float64(to-from)
		}
	}
	return out
}
