package stat

import "math"

// Limits of the series for the incomplete gamma function: 1e-15 is the precision of the sums, 1000 steps reach it for every
// argument below 1e5; beyond that the normal approximation is used.
const (
	gammaPrecision = 1e-15
	gammaSteps     = 1000
	gammaNormal    = 1e5
)

// NormalTail returns the two-sided tail P(|Z| >= |z|) of the standard normal distribution.
func NormalTail(z float64) float64 {
	if math.IsNaN(z) {
		return 1
	}
	return math.Erfc(math.Abs(z) / math.Sqrt2)
}

// ChiSquareTail returns P(X >= x) of the chi-square distribution with df degrees of freedom; 1 for df < 1 or x <= 0.
// It is the regularised upper incomplete gamma function Q(df/2, x/2), by series and continued fraction
// (Press et al., Numerical Recipes, section 6.2).
func ChiSquareTail(x float64, df int) float64 {
	if df < 1 || x <= 0 || math.IsNaN(x) {
		return 1
	}
	if df == 1 {
		return math.Erfc(math.Sqrt(x / 2))
	}
	return upperGamma(float64(df)/2, x/2)
}

// upperGamma returns Q(a, x) for a > 0, x > 0.
func upperGamma(a, x float64) float64 {
	if math.IsInf(x, 1) {
		return 0
	}
	if a > gammaNormal { // Wilson and Hilferty 1931: the cube root of chi-square is nearly normal
		z := (math.Cbrt(x/a) - (1 - 1/(9*a))) * 3 * math.Sqrt(a)
		return math.Erfc(z/math.Sqrt2) / 2
	}
	lg, _ := math.Lgamma(a)
	front := math.Exp(-x + a*math.Log(x) - lg)
	if x < a+1 {
		return math.Max(0, 1-front*lowerSeries(a, x))
	}
	return math.Min(1, front*upperFraction(a, x))
}

func lowerSeries(a, x float64) float64 {
	sum, term := 1/a, 1/a
	for n := 1; n < gammaSteps && math.Abs(term) > math.Abs(sum)*gammaPrecision; n++ {
		term *= x / (a + float64(n))
		sum += term
	}
	return sum
}

// upperFraction evaluates the continued fraction of Q by Lentz's method.
func upperFraction(a, x float64) float64 {
	const tiny = 1e-300 // keeps Lentz's divisions finite
	b := x + 1 - a
	c, d := 1/tiny, 1/b
	h := d
	for i := 1; i < gammaSteps; i++ {
		an := -float64(i) * (float64(i) - a)
		b += 2
		d = an*d + b
		if math.Abs(d) < tiny {
			d = tiny
		}
		c = b + an/c
		if math.Abs(c) < tiny {
			c = tiny
		}
		d = 1 / d
		h *= d * c
		if math.Abs(d*c-1) < gammaPrecision {
			break
		}
	}
	return h
}
