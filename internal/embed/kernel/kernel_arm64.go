package kernel

// Best returns the fastest set this processor can run: every arm64 has NEON.
func Best() Set { return NEON() }

// NEON returns the loops with the products in assembly; the others, a small part of the work, are portable.
func NEON() Set {
	s := Portable()
	s.Name = "neon"
	s.Gemm = func(a []int16, aStride int, w []int16, pairs int, rowScale, colScale, bias, c []float32, cStride int) {
		_, _, _ = a[(Rows-1)*aStride+2*pairs-1], w[pairs*2*Panel-1], c[(Rows-1)*cStride+Panel-1]
		_, _, _ = rowScale[Rows-1], colScale[Panel-1], bias[Panel-1]
		gemmNEON(&a[0], aStride, &w[0], pairs, &rowScale[0], &colScale[0], &bias[0], &c[0], cStride)
	}
	s.MatMul = func(a []float32, aStride int, b []float32, bStride, k int, c []float32, cStride int) {
		_, _, _ = a[(Rows-1)*aStride+k-1], b[(k-1)*bStride+Panel-1], c[(Rows-1)*cStride+Panel-1]
		matMulNEON(&a[0], aStride, &b[0], bStride, k, &c[0], cStride)
	}
	s.Dots = func(q []int16, v []int8, out []int32) {
		if len(out) == 0 {
			return
		}
		_ = v[len(q)*len(out)-1]
		dotsNEON(&q[0], len(q), &v[0], &out[0], len(out))
	}
	return s
}

//go:noescape
func gemmNEON(a *int16, aStride int, w *int16, pairs int, rowScale, colScale, bias, c *float32, cStride int)

//go:noescape
func matMulNEON(a *float32, aStride int, b *float32, bStride, k int, c *float32, cStride int)

//go:noescape
func dotsNEON(q *int16, n int, v *int8, out *int32, count int)
