package stat_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/stat"
)

// The wanted values were computed with scipy 1.17.1 (functions named in each test).

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tolerance*math.Max(1e-300, math.Abs(want)) {
		t.Errorf("%s = %.12g, want %.12g within %g", what, got, want, tolerance)
	}
}

func TestChiSquareTailAgreesWithScipyChi2SF(t *testing.T) {
	for _, c := range []struct {
		x    float64
		df   int
		want float64
	}{
		{3.841, 1, 0.050013683763956804},
		{30, 1, 4.3204630578274955e-08},
		{10, 4, 0.04042768199451279},
		{1, 7, 0.9948285365165155},
		{120, 100, 0.08440668109369177},
		{500, 3, 4.771672031912771e-108},
	} {
		near(t, "tail", stat.ChiSquareTail(c.x, c.df), c.want, 1e-9)
	}
	near(t, "tail far out", stat.ChiSquareTail(200000, 200001), 0.5002102612829652, 1e-5)
	if p := stat.ChiSquareTail(-1, 3); p != 1 {
		t.Errorf("tail of a negative statistic = %g, want 1", p)
	}
}

func TestGTestsAgreeWithScipyLogLikelihood(t *testing.T) {
	for _, c := range []struct {
		table [][]float64
		g, p  float64
	}{
		{[][]float64{{10, 20, 30}, {6, 9, 17}}, 0.2740265420246606, 0.8719586542812721},
		{[][]float64{{12, 5}, {29, 2}}, 4.451070695347775, 0.0348793717360046},
		{[][]float64{{1, 0}, {0, 1}}, 2.772588722239781, 0.09589096714246556},
		{[][]float64{{12, 5, 0}, {29, 2, 0}, {0, 0, 0}}, 4.451070695347775, 0.0348793717360046},
	} {
		got := stat.GTable(c.table)
		near(t, "G", got.Stat, c.g, 1e-9)
		near(t, "p of G", got.P, c.p, 1e-9)
	}
	got := stat.GShare(12, 17, 29, 31)
	near(t, "share G", got.Stat, 4.451070695347775, 1e-9)
}

func TestGRateScalesCountsByExposure(t *testing.T) {
	for _, c := range []struct{ a, ta, b, tb, g, p float64 }{
		{30, 600, 40, 1800, 10.58509280526987, 0.0011400317365010547},
		{0, 600, 12, 1800, 6.904369738842741, 0.008598533205085926},
	} {
		got := stat.GRate(c.a, c.ta, c.b, c.tb)
		near(t, "G", got.Stat, c.g, 1e-9)
		near(t, "p", got.P, c.p, 1e-9)
	}
	if got := stat.GRate(100, 600, 300, 1800); got.P != 1 {
		t.Errorf("equal rates: p = %g, want 1", got.P)
	}
	if got := stat.GRate(0, 600, 0, 1800); got.P != 1 {
		t.Errorf("no events: p = %g, want 1", got.P)
	}
}

func TestFisherExactAgreesWithScipy(t *testing.T) {
	for _, c := range []struct {
		a, n, b, m int64
		odds, p    float64
	}{
		{8, 10, 1, 10, 36, 0.005477494641581329},
		{0, 12, 5, 9, 0, 0.006191950464396284},
		{3, 1000, 20, 1000, 0.14744232698094284, 0.00045529027856499243},
		{1, 6, 1, 6, 1, 1},
		{50, 200, 3, 25, 2.4444444444444446, 0.21126403847327563},
	} {
		got := stat.FisherExact(c.a, c.n, c.b, c.m)
		near(t, "odds ratio", got.Stat, c.odds, 1e-9)
		near(t, "p", got.P, c.p, 1e-7)
	}
}

func TestTwoProportionsChooseTheTestBySampleSize(t *testing.T) {
	z := stat.TwoProportionZ(45, 300, 80, 900)
	near(t, "z", z.Stat, 3.000775093670083, 1e-9)
	near(t, "p of z", z.P, 0.002692933850024987, 1e-9)
	near(t, "big samples use z", stat.Proportions(45, 300, 80, 900).P, z.P, 1e-12)
	near(t, "small samples use Fisher", stat.Proportions(8, 10, 1, 10).P, 0.005477494641581329, 1e-7)
	if p := stat.Proportions(0, 0, 3, 10).P; p != 1 {
		t.Errorf("no cases on one side: p = %g, want 1", p)
	}
	if p := stat.Proportions(5, 100, 5, 100).P; p != 1 {
		t.Errorf("equal shares: p = %g, want 1", p)
	}
}

func modular(n, mul, mod int, add float64) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = float64(i*mul%mod)/7 + add
	}
	return s
}

func TestMannWhitneyAgreesWithScipy(t *testing.T) {
	a := []float64{3.1, 4.7, 2.2, 9.5, 6.6, 7.1}
	b := []float64{8.8, 12.1, 10.4, 7.7, 15.2, 11.9, 13.3}
	exact := stat.MannWhitney(a, b)
	near(t, "U", exact.Stat, 2, 1e-12)
	near(t, "exact p", exact.P, 0.004662004662004662, 1e-9)
	tied := stat.MannWhitney([]float64{1, 2, 2, 3, 3, 3, 4, 5, 5, 6}, []float64{2, 3, 4, 4, 5, 6, 6, 7, 8, 8, 9})
	near(t, "U with ties", tied.Stat, 23.5, 1e-12)
	near(t, "p with ties", tied.P, 0.027640884214298913, 1e-9)
	big := stat.MannWhitney(modular(40, 37, 101, 0), modular(40, 53, 103, 2))
	near(t, "U of 40", big.Stat, 637.5, 1e-12)
	near(t, "p of 40", big.P, 0.11900478285799952, 1e-9)
	if p := stat.MannWhitney([]float64{5, 5, 5}, []float64{5, 5}).P; p != 1 {
		t.Errorf("all equal: p = %g, want 1", p)
	}
	if p := stat.MannWhitney(nil, b).P; p != 1 {
		t.Errorf("empty sample: p = %g, want 1", p)
	}
}

func TestKolmogorovSmirnovAgreesWithScipy(t *testing.T) {
	a := []float64{3.1, 4.7, 2.2, 9.5, 6.6, 7.1}
	b := []float64{8.8, 12.1, 10.4, 7.7, 15.2, 11.9, 13.3}
	small := stat.KolmogorovSmirnov(a, b)
	near(t, "D", small.Stat, 0.8333333333333334, 1e-12)
	near(t, "exact p", small.P, 0.01515151515151515, 1e-9)
	mid := stat.KolmogorovSmirnov(modular(40, 37, 101, 0), modular(40, 53, 103, 2))
	near(t, "D of 40", mid.Stat, 0.15, 1e-9)
	near(t, "p of 40", mid.P, 0.7659314523482239, 1e-9)
	x, y := modular(400, 37, 401, 0), modular(300, 53, 307, 0)
	for i := range y {
		y[i] *= 1.12
	}
	big := stat.KolmogorovSmirnov(x, y)
	near(t, "D of 400", big.Stat, 0.1425, 1e-9)
	near(t, "p of 400 (scipy exact)", big.P, 0.0017182112445906007, .05)
}

func TestBenjaminiHochbergAgreesWithScipy(t *testing.T) {
	got := stat.BenjaminiHochberg([]float64{.01, .04, .03, .005, .2, .5})
	for i, want := range []float64{.03, .06, .06, .03, .24, .5} {
		near(t, "q", got[i], want, 1e-12)
	}
	if q := stat.BenjaminiHochberg(nil); len(q) != 0 {
		t.Errorf("no p-values gave %v", q)
	}
}

func TestRobustMeasures(t *testing.T) {
	x := []float64{40, 2, 4, 4, 5, 7, 9}
	near(t, "MAD", stat.MAD(x), 2.965204437011204, 1e-12)
	near(t, "10 %", stat.Quantile(x, .1), 3.2, 1e-12)
	near(t, "median", stat.Median(x), 5, 1e-12)
	near(t, "90 %", stat.Quantile(x, .9), 21.4, 1e-12)
	if x[0] != 40 {
		t.Error("Quantile reordered its input")
	}
	if z := stat.RobustZ(9, []float64{5, 5, 5, 5}, 1); z != 4 {
		t.Errorf("constant baseline with floor 1: z = %g, want 4", z)
	}
	if z := stat.RobustZ(9, []float64{5, 5, 5, 5}, 0); !math.IsInf(z, 1) {
		t.Errorf("constant baseline without floor: z = %g, want +Inf", z)
	}
	if z := stat.RobustZ(9, nil, 1); z != 0 {
		t.Errorf("no baseline: z = %g, want 0", z)
	}
}

func poisson(r *rand.Rand, mean float64) float64 {
	limit, k, p := math.Exp(-mean), 0, 1.0
	for {
		if p *= r.Float64(); p <= limit {
			return float64(k)
		}
		k++
	}
}

func TestChangePointsFindLevelShiftsOfCounts(t *testing.T) {
	exact, spurious := 0, 0
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 7))
		var x []float64
		for i := range 120 {
			mean := 6.0
			if i >= 50 && i < 80 {
				mean = 24
			}
			x = append(x, poisson(r, mean))
		}
		got := stat.ChangePoints(x, stat.ChangeConfig{Cost: stat.Poisson})
		if len(got) == 2 && max(got[0].Index-50, 50-got[0].Index) <= 1 && max(got[1].Index-80, 80-got[1].Index) <= 1 {
			exact++
		}
		if len(stat.ChangePoints(x[:50], stat.ChangeConfig{Cost: stat.Poisson})) > 0 {
			spurious++
		}
	}
	if exact < 90 {
		t.Errorf("both shifts found within one sample in %d of 100 series, want >= 90", exact)
	}
	if spurious > 8 {
		t.Errorf("a shift was found in %d of 100 steady series, want <= 8", spurious)
	}
}

func TestChangePointsFindLevelShiftsOfMeans(t *testing.T) {
	exact, spurious := 0, 0
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 11))
		var x []float64
		for i := range 100 {
			level := 200.0
			if i >= 60 {
				level = 260
			}
			x = append(x, level+15*r.NormFloat64())
		}
		got := stat.ChangePoints(x, stat.ChangeConfig{})
		if len(got) == 1 && max(got[0].Index-60, 60-got[0].Index) <= 1 && got[0].After > got[0].Before+40 {
			exact++
		}
		if len(stat.ChangePoints(x[:60], stat.ChangeConfig{})) > 0 {
			spurious++
		}
	}
	if exact < 90 || spurious > 8 {
		t.Errorf("exact %d of 100 (want >= 90), spurious %d (want <= 8)", exact, spurious)
	}
}

func TestChangePointsOfDegenerateSeries(t *testing.T) {
	for name, x := range map[string][]float64{
		"empty": nil, "one sample": {3}, "constant": {4, 4, 4, 4, 4, 4}, "zeros": {0, 0, 0, 0, 0, 0},
		"not numbers": {math.NaN(), math.NaN(), math.NaN(), math.NaN()},
	} {
		for _, cost := range []stat.Cost{stat.Mean, stat.Poisson} {
			if got := stat.ChangePoints(x, stat.ChangeConfig{Cost: cost}); len(got) != 0 {
				t.Errorf("%s: %v, want no change", name, got)
			}
		}
	}
	step := []float64{0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9}
	if got := stat.ChangePoints(step, stat.ChangeConfig{Cost: stat.Poisson}); len(got) != 1 || got[0].Index != 8 {
		t.Errorf("clean step: %v, want one change at 8", got)
	}
}

func TestOnsetWantsARunOfOutliers(t *testing.T) {
	x := []float64{5, 6, 5, 4, 5, 6, 5, 40, 5, 5, 30, 31, 35, 33}
	if got := stat.Onset(x, 6, 3, 4, 1); got != 10 {
		t.Errorf("onset = %d, want 10: the lone spike at 7 is no run", got)
	}
	if got := stat.Onset(x, 6, 3, -4, 1); got != -1 {
		t.Errorf("fall = %d, want -1", got)
	}
}

func TestTrendAgreesWithScipy(t *testing.T) {
	y := []float64{1, 3, 2, 4, 4, 6, 5, 7}
	mk := stat.MannKendall(y)
	near(t, "tau-a", mk.Stat, 0.8214285714285714, 1e-12)
	near(t, "p", mk.P, 0.00609054605657881, 1e-9)
	near(t, "Theil-Sen", stat.TheilSen(y), .75, 1e-12)
	long := make([]float64, 4001)
	for i := range long {
		long[i] = float64(i) * .5
	}
	near(t, "slope of a long line", stat.TheilSen(long), .5, 1e-2)
	if p := stat.MannKendall([]float64{2, 2, 2, 2}).P; p != 1 {
		t.Errorf("constant: p = %g, want 1", p)
	}
}

func TestSaturationAndSawTooth(t *testing.T) {
	got := stat.Saturation([]float64{3, 9, 10, 10, 4, 10, 10, 10}, 10, .02)
	if got != (stat.Plateau{Share: 5.0 / 8, First: 2, Run: 3, At: 5}) {
		t.Errorf("plateau = %+v", got)
	}
	if got := stat.Saturation([]float64{1, 2}, 0, 0); got.First != -1 || got.Share != 0 {
		t.Errorf("unknown limit: %+v, want no plateau", got)
	}
	if n := stat.SawTooth([]float64{10, 20, 30, 8, 16, 27, 7, 15}, .3); n != 2 {
		t.Errorf("teeth = %d, want 2", n)
	}
	if n := stat.SawTooth([]float64{10, 11, 10, 9, 10}, .3); n != 0 {
		t.Errorf("teeth of noise = %d, want 0", n)
	}
}
