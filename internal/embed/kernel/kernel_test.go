package kernel_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/embed/kernel"
)

// each runs a test on every set but the portable one, beside it. On a machine without assembly it compares portable with itself,
// and the tests against float64 below still judge it.
func each(t *testing.T, do func(t *testing.T, want, got kernel.Set, r *rand.Rand)) {
	t.Helper()
	sets := kernel.Sets()
	for _, s := range sets {
		t.Run(s.Name, func(t *testing.T) { do(t, sets[0], s, rand.New(rand.NewPCG(1, 2))) })
	}
}

func floats(r *rand.Rand, n int, width float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64() * width)
	}
	return out
}

// near compares within a relative and an absolute bound.
func near(t *testing.T, what string, got, want []float32, rel, abs float64) {
	t.Helper()
	for i := range want {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if !(d <= abs+rel*math.Abs(float64(want[i]))) {
			t.Fatalf("%s: element %d is %g, want %g", what, i, got[i], want[i])
		}
	}
}

func TestGemmComputesTheSameIntegersAndScalesThem(t *testing.T) {
	each(t, func(t *testing.T, want, got kernel.Set, r *rand.Rand) {
		t.Helper()
		for _, pairs := range []int{1, 3, 192} {
			stride := 2*pairs + 10
			a, w := make([]int16, kernel.Rows*stride), make([]int16, pairs*2*kernel.Panel)
			for i := range a {
				a[i] = int16(r.IntN(8192) - 4096)
			}
			for i := range w {
				w[i] = int16(r.IntN(1023) - 511)
			}
			rs, cs, bias := floats(r, kernel.Rows, 1), floats(r, kernel.Panel, 1), floats(r, kernel.Panel, 1)
			x, y := make([]float32, kernel.Rows*20), make([]float32, kernel.Rows*20)
			want.Gemm(a, stride, w, pairs, rs, cs, bias, x, 20)
			got.Gemm(a, stride, w, pairs, rs, cs, bias, y, 20)
			near(t, "gemm", y, x, 1e-5, 1e-3)
			for row := range kernel.Rows { // against float64
				for o := range kernel.Panel {
					sum := 0.0
					for k := range 2 * pairs {
						sum += float64(a[row*stride+k]) * float64(w[(k/2*kernel.Panel+o)*2+k%2])
					}
					exact := float32(sum*float64(rs[row])*float64(cs[o]) + float64(bias[o]))
					near(t, "gemm against float64", y[row*20+o:][:1], []float32{exact}, 1e-5, 1e-3)
				}
			}
		}
	})
}

func TestGemmHoldsTheLargestSums(t *testing.T) {
	each(t, func(t *testing.T, _, got kernel.Set, _ *rand.Rand) {
		t.Helper()
		a, w := make([]int16, kernel.Rows*2), make([]int16, 2*kernel.Panel)
		for i := range a {
			a[i] = -32767
		}
		for i := range w {
			w[i] = 32767
		}
		ones, c := slices.Repeat([]float32{1}, kernel.Panel), make([]float32, kernel.Rows*kernel.Panel)
		got.Gemm(a, 2, w, 1, ones, ones, make([]float32, kernel.Panel), c, kernel.Panel)
		near(t, "gemm", c, slices.Repeat([]float32{-2 * 32767 * 32767}, len(c)), 1e-7, 0)
	})
}

func TestMatMulAgrees(t *testing.T) {
	each(t, func(t *testing.T, want, got kernel.Set, r *rand.Rand) {
		t.Helper()
		for _, k := range []int{1, 7, 32, 250} {
			a, b := floats(r, kernel.Rows*(k+5), 1), floats(r, k*24, 1)
			x, y := make([]float32, kernel.Rows*32), make([]float32, kernel.Rows*32)
			want.MatMul(a, k+5, b, 24, k, x, 32)
			got.MatMul(a, k+5, b, 24, k, y, 32)
			near(t, "matmul", y, x, 1e-4, 1e-4)
		}
	})
}

func TestExpSumIsExp(t *testing.T) {
	each(t, func(t *testing.T, _, got kernel.Set, r *rand.Rand) {
		t.Helper()
		x := floats(r, 64, 20)
		x[3], x[5] = -1e30, 90
		exact, sum := make([]float32, len(x)), 0.0
		for i, v := range x {
			e := math.Exp(float64(v) - 90)
			exact[i] = float32(e)
			sum += e
		}
		s := got.ExpSum(x)
		near(t, "exp", x, exact, 2e-6, 1e-30)
		near(t, "sum", []float32{s}, []float32{float32(sum)}, 1e-5, 0)
	})
}

func TestGELUIsTheErrorFunctionForm(t *testing.T) {
	each(t, func(t *testing.T, _, got kernel.Set, r *rand.Rand) {
		t.Helper()
		x := append(floats(r, 240, 3), 0, -0.001, 40, -40, 6, -6, 1e-8, 12)
		exact := make([]float32, len(x))
		for i, v := range x {
			exact[i] = float32(0.5 * float64(v) * (1 + math.Erf(float64(v)/math.Sqrt2)))
		}
		got.GELU(x)
		near(t, "gelu", x, exact, 1e-6, 2e-6)
	})
}

func TestAddNormIsLayerNormOfTheSum(t *testing.T) {
	each(t, func(t *testing.T, _, got kernel.Set, r *rand.Rand) {
		t.Helper()
		n := 384
		x, res, g, b := floats(r, n, 2), floats(r, n, 1), floats(r, n, 1), floats(r, n, 1)
		mean, square := 0.0, 0.0
		for i := range x {
			mean += float64(x[i]) + float64(res[i])
		}
		mean /= float64(n)
		for i := range x {
			d := float64(x[i]) + float64(res[i]) - mean
			square += d * d
		}
		exact := make([]float32, n)
		for i := range x {
			exact[i] = float32((float64(x[i])+float64(res[i])-mean)/math.Sqrt(square/float64(n)+1e-12)*float64(g[i]) + float64(b[i]))
		}
		got.AddNorm(x, res, g, b)
		near(t, "norm", x, exact, 1e-5, 1e-5)
	})
}

func TestQuantiseIsExactlyTheSame(t *testing.T) {
	each(t, func(t *testing.T, want, got kernel.Set, r *rand.Rand) {
		t.Helper()
		for _, width := range []float64{0, 1e-20, 1, 1e6} {
			x := floats(r, 96, width)
			p, q := make([]int16, 96), make([]int16, 96)
			s, u := want.Quantise(x, 8191, p), got.Quantise(x, 8191, q)
			if s != u || !slices.Equal(p, q) {
				t.Fatalf("width %g: steps %g and %g, %v and %v", width, s, u, p, q)
			}
			for i, v := range x {
				if math.Abs(float64(q[i])*float64(u)-float64(v)) > 0.51*float64(u) {
					t.Fatalf("width %g: %g became %d steps of %g", width, v, q[i], u)
				}
			}
		}
	})
}

func TestDotsAreExactlyTheSame(t *testing.T) {
	each(t, func(t *testing.T, want, got kernel.Set, r *rand.Rand) {
		t.Helper()
		for _, n := range []int{16, 384, 1536} {
			q, v := make([]int16, n), make([]int8, 33*n)
			for i := range q {
				q[i] = int16(r.IntN(65535) - 32767)
			}
			for i := range v {
				v[i] = int8(r.IntN(256) - 128)
			}
			for i := range q { // a row of the extremes
				v[i] = -128
				q[i] = int16(min(int(q[i]), 10000))
			}
			x, y := make([]int32, 33), make([]int32, 33)
			want.Dots(q, v, x)
			got.Dots(q, v, y)
			if !slices.Equal(x, y) {
				t.Fatalf("n %d: %v, want %v", n, y, x)
			}
		}
	})
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range kernel.Sets() {
		b.Run(s.Name, func(b *testing.B) {
			a, w := make([]int16, kernel.Rows*384), make([]int16, 384*kernel.Panel)
			f, c := make([]float32, 16), make([]float32, kernel.Rows*kernel.Panel)
			for b.Loop() {
				s.Gemm(a, 384, w, 192, f, f, f, c, kernel.Panel)
			}
			b.ReportMetric(float64(b.N)*kernel.Rows*kernel.Panel*384/b.Elapsed().Seconds()/1e9, "GMAC/s")
		})
	}
}
