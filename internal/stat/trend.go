package stat

import "math"

// trendMost bounds the quadratic trend statistics: longer series are thinned by averaging neighbours.
const trendMost = 1000

// MannKendall is the Mann-Kendall test for a monotone trend (Mann 1945, Kendall 1975) with tie correction. Stat is Kendall's
// tau-a in [-1, 1]: +1 when every later sample is greater. Series beyond 1,000 samples are averaged down first.
func MannKendall(series []float64) Test {
	x := thin(fillForward(series), trendMost)
	n := len(x)
	if n < 3 {
		return Test{P: 1}
	}
	s := 0.0
	for i := range x {
		for j := i + 1; j < n; j++ {
			s += sign(x[j] - x[i])
		}
	}
	ties := kendallTies(x)
	fn := float64(n)
	variance := (fn*(fn-1)*(2*fn+5) - ties) / 18
	tau := s / (fn * (fn - 1) / 2)
	if variance <= 0 || s == 0 {
		return Test{Stat: tau, P: 1}
	}
	return Test{Stat: tau, P: NormalTail((math.Abs(s) - 1) / math.Sqrt(variance))}
}

func kendallTies(x []float64) float64 {
	s, term := sorted(x), 0.0
	for i := 0; i < len(s); {
		t := run(s, &i, s[i])
		term += t * (t - 1) * (2*t + 5)
	}
	return term
}

// TheilSen returns the median slope per sample over all pairs (Sen 1968): the trend that a quarter of outliers cannot move.
// 0 for fewer than two samples.
func TheilSen(series []float64) float64 {
	x := fillForward(series)
	step := float64((len(x) + trendMost - 1) / trendMost)
	x = thin(x, trendMost)
	if len(x) < 2 {
		return 0
	}
	slopes := make([]float64, 0, len(x)*(len(x)-1)/2)
	for i := range x {
		for j := i + 1; j < len(x); j++ {
			slopes = append(slopes, (x[j]-x[i])/(float64(j-i)*step))
		}
	}
	return Median(slopes)
}

// thin averages neighbours until at most most samples remain.
func thin(x []float64, most int) []float64 {
	if len(x) <= most {
		return x
	}
	step := (len(x) + most - 1) / most
	out := make([]float64, 0, len(x)/step+1)
	for i := 0; i < len(x); i += step {
		end := min(i+step, len(x))
		sum := 0.0
		for _, v := range x[i:end] {
			sum += v
		}
		out = append(out, sum/float64(end-i))
	}
	return out
}

func sign(v float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

// Plateau says how a series sits at a ceiling.
type Plateau struct {
	Share float64 // share of the samples at the limit
	First int     // index of the first sample at the limit, -1 if none
	Run   int     // longest run of samples at the limit
	At    int     // where that run starts, -1 if none
}

// Saturation measures how much of a series lies at its limit: value >= limit*(1-tolerance). A limit of 0 or less is unknown
// and answers no plateau: a maximum that the series itself defines is always reached once and proves nothing.
func Saturation(series []float64, limit, tolerance float64) Plateau {
	p := Plateau{First: -1, At: -1}
	if limit <= 0 || len(series) == 0 {
		return p
	}
	streak, hits := 0, 0
	for i, v := range series {
		if math.IsNaN(v) || v < limit*(1-tolerance) {
			streak = 0
			continue
		}
		hits++
		if p.First < 0 {
			p.First = i
		}
		if streak++; streak > p.Run {
			p.Run, p.At = streak, i-streak+1
		}
	}
	p.Share = float64(hits) / float64(len(series))
	return p
}

// SawTooth counts the sudden drops of a series that otherwise climbs (memory that is freed by restarts): falls, between
// neighbours, of at least drop (a share, .3 = 30 %) of the level before, each after a climb since the last one.
func SawTooth(series []float64, drop float64) int {
	teeth, low := 0, math.Inf(1)
	for i, v := range series {
		if i > 0 && series[i-1] > 0 && v < series[i-1]*(1-drop) && series[i-1] > low {
			teeth++
			low = v
		}
		low = math.Min(low, v)
	}
	return teeth
}
