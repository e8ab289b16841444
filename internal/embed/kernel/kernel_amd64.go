package kernel

import "golang.org/x/sys/cpu"

// Best returns the fastest set this processor can run.
func Best() Set {
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		return AVX2()
	}
	return Portable()
}

// AVX2 returns the loops in assembly. The processor must have AVX2 and FMA.
func AVX2() Set {
	return Set{
		Name: "avx2",
		Gemm: func(a []int16, aStride int, w []int16, pairs int, rowScale, colScale, bias, c []float32, cStride int) {
			_, _, _ = a[(Rows-1)*aStride+2*pairs-1], w[pairs*2*Panel-1], c[(Rows-1)*cStride+Panel-1]
			_, _, _ = rowScale[Rows-1], colScale[Panel-1], bias[Panel-1]
			gemmAVX2(&a[0], aStride, &w[0], pairs, &rowScale[0], &colScale[0], &bias[0], &c[0], cStride)
		},
		MatMul: func(a []float32, aStride int, b []float32, bStride, k int, c []float32, cStride int) {
			_, _, _ = a[(Rows-1)*aStride+k-1], b[(k-1)*bStride+Panel-1], c[(Rows-1)*cStride+Panel-1]
			matMulAVX2(&a[0], aStride, &b[0], bStride, k, &c[0], cStride)
		},
		ExpSum: func(x []float32) float32 { return expSumAVX2(&x[0], len(x)) },
		GELU:   func(x []float32) { geluAVX2(&x[0], len(x)) },
		AddNorm: func(x, r, gamma, beta []float32) {
			n := len(x)
			_, _, _ = r[n-1], gamma[n-1], beta[n-1]
			addNormAVX2(&x[0], &r[0], &gamma[0], &beta[0], n, 1/float32(n))
		},
		Quantise: func(x []float32, limit int32, out []int16) float32 {
			_ = out[len(x)-1]
			top := absMaxAVX2(&x[0], len(x))
			if top == 0 {
				clear(out[:len(x)])
				return 0
			}
			quantiseAVX2(&x[0], len(x), float32(limit)/top, &out[0])
			return top / float32(limit)
		},
		Dots: func(q []int16, v []int8, out []int32) {
			if len(out) == 0 {
				return
			}
			_ = v[len(q)*len(out)-1]
			dotsAVX2(&q[0], len(q), &v[0], &out[0], len(out))
		},
	}
}

//go:noescape
func gemmAVX2(a *int16, aStride int, w *int16, pairs int, rowScale, colScale, bias, c *float32, cStride int)

//go:noescape
func matMulAVX2(a *float32, aStride int, b *float32, bStride, k int, c *float32, cStride int)

//go:noescape
func expSumAVX2(x *float32, n int) float32

//go:noescape
func geluAVX2(x *float32, n int)

//go:noescape
func addNormAVX2(x, r, gamma, beta *float32, n int, perElement float32)

//go:noescape
func absMaxAVX2(x *float32, n int) float32

//go:noescape
func quantiseAVX2(x *float32, n int, factor float32, out *int16)

//go:noescape
func dotsAVX2(q *int16, n int, v *int8, out *int32, count int)
