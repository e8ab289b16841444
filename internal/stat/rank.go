package stat

import (
	"math"
	"slices"
)

// Sizes up to which the exact null distributions are computed: Mann-Whitney needs n*m*(n*m) steps, KS n*m.
const (
	exactMannWhitney = 20
	exactKS          = 10_000
)

// MannWhitney is the Mann-Whitney U test (Wilcoxon rank sum) of two samples, two-sided. Stat is U of a: the number of pairs
// in which a's value is greater, ties counting one half. Without ties and with both samples up to 20 values the p-value is
// exact; else normal with tie and continuity correction (Mann & Whitney 1947; Lehmann 1975).
// Stat/(len(a)*len(b)) is the common-language effect size: .5 means no shift.
func MannWhitney(a, b []float64) Test {
	n, m := len(a), len(b)
	if n == 0 || m == 0 {
		return Test{P: 1}
	}
	rankSum, ties := rankOf(a, b)
	u := rankSum - float64(n)*float64(n+1)/2
	if ties == 0 && n <= exactMannWhitney && m <= exactMannWhitney {
		return Test{Stat: u, P: exactU(u, n, m)}
	}
	fn, fm := float64(n), float64(m)
	total := fn + fm
	variance := fn * fm / 12 * (total + 1 - ties/(total*(total-1)))
	if variance <= 0 {
		return Test{Stat: u, P: 1}
	}
	z := math.Max(0, math.Abs(u-fn*fm/2)-.5) / math.Sqrt(variance)
	return Test{Stat: u, P: NormalTail(z)}
}

// rankOf returns the rank sum of a in the pooled sample (mid-ranks) and the tie term sum(t^3 - t).
func rankOf(a, b []float64) (sum, ties float64) {
	x, y := sorted(a), sorted(b)
	rank := 1.0
	for i, j := 0, 0; i < len(x) || j < len(y); {
		v := math.Inf(1)
		if i < len(x) {
			v = x[i]
		}
		if j < len(y) && y[j] < v {
			v = y[j]
		}
		na := run(x, &i, v)
		t := na + run(y, &j, v)
		sum += na * (rank + (t-1)/2)
		ties += t*t*t - t
		rank += t
	}
	return sum, ties
}

// run counts the values equal to v at *i and moves *i behind them.
func run(s []float64, i *int, v float64) float64 {
	start := *i
	for *i < len(s) && s[*i] == v {
		*i++
	}
	return float64(*i - start)
}

// exactU returns the two-sided p-value of U from the number of arrangements of n and m values with each U,
// by the recursion of Mann and Whitney: f(n, m, u) = f(n-1, m, u-m) + f(n, m-1, u).
func exactU(u float64, n, m int) float64 {
	most := n * m
	ways := make([]float64, most+1)
	ways[0] = 1
	// Product form of the Gaussian binomial coefficient: multiply by (1 - q^(m+i)), divide by (1 - q^i), i = 1..n.
	for i := 1; i <= n; i++ {
		for k := most; k >= m+i; k-- {
			ways[k] -= ways[k-m-i]
		}
		for k := i; k <= most; k++ {
			ways[k] += ways[k-i]
		}
	}
	total, tail := 0.0, 0.0
	far := math.Max(u, float64(most)-u)
	for k, w := range ways {
		total += w
		if float64(k) >= far {
			tail += w
		}
	}
	return math.Min(1, 2*tail/total)
}

// KolmogorovSmirnov is the two-sample Kolmogorov-Smirnov test, two-sided: Stat is the greatest distance D between the two
// empirical distributions. The p-value is exact while len(a)*len(b) <= 10,000 (Hodges 1958), else the Kolmogorov limit with
// Stephens' correction. With ties it is conservative.
func KolmogorovSmirnov(a, b []float64) Test {
	n, m := len(a), len(b)
	if n == 0 || m == 0 {
		return Test{P: 1}
	}
	d := ksDistance(sorted(a), sorted(b))
	if n*m <= exactKS {
		return Test{Stat: d, P: exactD(d, n, m)}
	}
	en := math.Sqrt(float64(n) * float64(m) / float64(n+m))
	return Test{Stat: d, P: kolmogorovTail((en + .12 + .11/en) * d)}
}

func ksDistance(x, y []float64) float64 {
	d := 0.0
	for i, j := 0, 0; i < len(x) && j < len(y); {
		v := math.Min(x[i], y[j])
		run(x, &i, v)
		run(y, &j, v)
		d = math.Max(d, math.Abs(float64(i)/float64(len(x))-float64(j)/float64(len(y))))
	}
	return d
}

// exactD walks all lattice paths from (0,0) to (n,m) and returns the share that reaches a distance of at least d.
// The probability of staying below is carried as shares of paths, so no count overflows.
func exactD(d float64, n, m int) float64 {
	inside := func(i, j int) bool {
		return math.Abs(float64(i)/float64(n)-float64(j)/float64(m)) < d-1e-12
	}
	if !inside(0, 0) {
		return 1
	}
	// p[j] is the probability that a random path passes through (i, j) having stayed inside.
	p := make([]float64, m+1)
	for i := 0; i <= n; i++ {
		for j := 0; j <= m; j++ {
			if i == 0 && j == 0 {
				p[0] = 1
				continue
			}
			v := 0.0
			if i > 0 { // from (i-1, j): of the steps left, n-i+1 go this way
				v += p[j] * float64(n-i+1) / float64(n-i+1+m-j)
			}
			if j > 0 { // from (i, j-1)
				v += p[j-1] * float64(m-j+1) / float64(n-i+m-j+1)
			}
			if !inside(i, j) {
				v = 0
			}
			p[j] = v
		}
	}
	return math.Max(0, math.Min(1, 1-p[m]))
}

// kolmogorovTail returns Q(x) = 2 sum (-1)^(k-1) exp(-2 k^2 x^2).
func kolmogorovTail(x float64) float64 {
	if x < .2 { // Q(.2) = 1 - 1e-12
		return 1
	}
	sum, sign := 0.0, 1.0
	for k := 1.0; k <= 100; k++ {
		term := math.Exp(-2 * k * k * x * x)
		sum += sign * term
		if term < 1e-17 {
			break
		}
		sign = -sign
	}
	return math.Max(0, math.Min(1, 2*sum))
}

func sorted(s []float64) []float64 {
	c := slices.Clone(s)
	slices.Sort(c)
	return c
}
