package stat

import "math"

// smallSample is the total below which the normal approximation of two proportions is not trusted and Fisher's exact test
// is used (the rule of thumb of the design: n < 30 on either side).
const smallSample = 30

// GTable is the G-test (log-likelihood ratio, Dunning 1993) of independence on a contingency table of counts, rows of equal
// length: G = 2 sum O ln(O/E) with (r-1)(c-1) degrees of freedom. Rows and columns that sum to 0 are left out.
func GTable(table [][]float64) Test {
	rowSum, colSum, total := margins(table)
	g, rowsUsed, colsUsed := 0.0, 0, 0
	for _, s := range colSum {
		if s > 0 {
			colsUsed++
		}
	}
	for i, row := range table {
		if rowSum[i] > 0 {
			rowsUsed++
		}
		for j, o := range row {
			if o > 0 {
				g += o * math.Log(o/(rowSum[i]*colSum[j]/total))
			}
		}
	}
	g = math.Max(0, 2*g)
	return Test{Stat: g, P: ChiSquareTail(g, (rowsUsed-1)*(colsUsed-1))}
}

func margins(table [][]float64) (rowSum, colSum []float64, total float64) {
	rowSum = make([]float64, len(table))
	for i, row := range table {
		if len(colSum) < len(row) {
			colSum = append(colSum, make([]float64, len(row)-len(colSum))...)
		}
		for j, o := range row {
			rowSum[i] += o
			colSum[j] += o
			total += o
		}
	}
	return rowSum, colSum, total
}

// GShare is the 2x2 G-test: does something happen in a of n cases at another share than in b of m cases?
func GShare(a, n, b, m float64) Test {
	return GTable([][]float64{{a, math.Max(0, n-a)}, {b, math.Max(0, m-b)}})
}

// GRate is the G-test that two counts seen over exposures ta and tb (window lengths, in the same unit) come from one rate:
// the expected counts share a+b in the proportion of the exposures, 1 degree of freedom.
func GRate(a, ta, b, tb float64) Test {
	if a+b <= 0 || ta <= 0 || tb <= 0 {
		return Test{P: 1}
	}
	ea := (a + b) * ta / (ta + tb)
	g := math.Max(0, 2*(xlogy(a, a/ea)+xlogy(b, b/(a+b-ea))))
	return Test{Stat: g, P: ChiSquareTail(g, 1)}
}

func xlogy(x, y float64) float64 {
	if x <= 0 {
		return 0
	}
	return x * math.Log(y)
}

// TwoProportionZ is the pooled two-proportion z-test of a/n against b/m. Stat is positive when a/n is the greater.
func TwoProportionZ(a, n, b, m float64) Test {
	if n <= 0 || m <= 0 {
		return Test{P: 1}
	}
	p := (a + b) / (n + m)
	se := math.Sqrt(p * (1 - p) * (1/n + 1/m))
	if se == 0 || math.IsNaN(se) {
		return Test{P: 1}
	}
	z := (a/n - b/m) / se
	return Test{Stat: z, P: NormalTail(z)}
}

// FisherExact is Fisher's two-sided exact test that a of n and b of m share one proportion: the p-value sums every table
// with the same margins that is no likelier than the one seen. Stat is the sample odds ratio.
func FisherExact(a, n, b, m int64) Test {
	if n <= 0 || m <= 0 || a < 0 || b < 0 || a > n || b > m {
		return Test{P: 1}
	}
	k, total := a+b, n+m
	base := -lnChoose(total, k)
	seen := lnChoose(n, a) + lnChoose(m, b) + base
	p := 0.0
	for x := max(0, k-m); x <= min(k, n); x++ {
		if l := lnChoose(n, x) + lnChoose(m, k-x) + base; l <= seen+1e-7 { // 1e-7: equal tables differ by rounding
			p += math.Exp(l)
		}
	}
	return Test{Stat: oddsRatio(a, n, b, m), P: math.Min(1, p)}
}

func oddsRatio(a, n, b, m int64) float64 {
	num, den := float64(a)*float64(m-b), float64(b)*float64(n-a)
	switch {
	case den > 0:
		return num / den
	case num > 0:
		return math.Inf(1)
	}
	return 1
}

func lnChoose(n, k int64) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

// Proportions compares a of n with b of m: Fisher's exact test when either side has fewer than 30 cases or a pooled
// expectation is below 5, else the z-test.
// Only P is comparable between the two; the sign of the difference is that of a/n - b/m.
func Proportions(a, n, b, m int64) Test {
	fn, fm := float64(n), float64(m)
	least := math.Min(fn, fm) * math.Min(float64(a+b), float64(n-a+m-b)) / math.Max(1, fn+fm)
	if (n < smallSample || m < smallSample || least < 5) && n+m < fisherMost {
		return FisherExact(a, n, b, m)
	}
	if least < 5 { // large but rare: the likelihood ratio keeps its size where z does not
		return GShare(float64(a), fn, float64(b), fm)
	}
	return TwoProportionZ(float64(a), fn, float64(b), fm)
}

// fisherMost bounds the work of the exact test: at most this many tables are summed.
const fisherMost = 1_000_000
