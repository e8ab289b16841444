package kernel

import "math"

// Portable returns the loops in plain Go.
func Portable() Set {
	return Set{Name: "portable", Gemm: gemm, MatMul: matMul, ExpSum: expSum, GELU: gelu, AddNorm: addNorm, Quantise: quantise, Dots: dots}
}

func gemm(a []int16, aStride int, w []int16, pairs int, rowScale, colScale, bias, c []float32, cStride int) {
	for r := range Rows {
		row := a[r*aStride : r*aStride+2*pairs]
		var acc [Panel]int32
		for p := range pairs {
			x, y := int32(row[2*p]), int32(row[2*p+1])
			v := (*[2 * Panel]int16)(w[p*2*Panel:])
			for o := range Panel {
				acc[o] += x*int32(v[2*o]) + y*int32(v[2*o+1])
			}
		}
		out := c[r*cStride : r*cStride+Panel]
		for o := range out {
			out[o] = float32(acc[o])*(rowScale[r]*colScale[o]) + bias[o]
		}
	}
}

func matMul(a []float32, aStride int, b []float32, bStride, k int, c []float32, cStride int) {
	for r := range Rows {
		var acc [Panel]float32
		for i, x := range a[r*aStride : r*aStride+k] {
			v := (*[Panel]float32)(b[i*bStride:])
			for o := range Panel {
				acc[o] += x * v[o]
			}
		}
		copy(c[r*cStride:r*cStride+Panel], acc[:])
	}
}

// Constants of exp: Cephes' expf, argument reduced by ln 2 in two parts, then a polynomial of degree 6.
const (
	log2e   = 1.44269504088896341
	ln2High = 0.693359375
	ln2Low  = -2.12194440e-4
	expLow  = -87.0 // exp of less is as good as nothing
)

func exp32(x float32) float32 {
	if x < expLow {
		x = expLow
	}
	n := float32(math.RoundToEven(float64(x * log2e)))
	r := x - n*ln2High
	r -= n * ln2Low
	y := float32(1.9875691500e-4)
	y = y*r + 1.3981999507e-3
	y = y*r + 8.3334519073e-3
	y = y*r + 4.1665795894e-2
	y = y*r + 1.6666665459e-1
	y = y*r + 5.0000001201e-1
	y = y*(r*r) + r + 1
	return y * math.Float32frombits(uint32(int32(n)+127)<<23)
}

func expSum(x []float32) float32 {
	top := x[0]
	for _, v := range x {
		top = max(top, v)
	}
	sum := float32(0)
	for i, v := range x {
		x[i] = exp32(v - top)
		sum += x[i]
	}
	return sum
}

func gelu(x []float32) {
	for i, v := range x {
		z := float32(math.Abs(float64(v))) * 0.70710678118654752
		t := 1 / (1 + 0.3275911*z)
		p := float32(1.061405429)
		p = p*t - 1.453152027
		p = p*t + 1.421413741
		p = p*t - 0.284496736
		p = p*t + 0.254829592
		erf := 1 - p*t*exp32(-z*z)
		if v < 0 {
			erf = -erf
		}
		x[i] = 0.5 * v * (1 + erf)
	}
}

// normEpsilon is BERT's layer_norm_eps.
const normEpsilon = 1e-12

func addNorm(x, r, gamma, beta []float32) {
	sum := float32(0)
	for i := range x {
		x[i] += r[i]
		sum += x[i]
	}
	mean := sum / float32(len(x))
	square := float32(0)
	for _, v := range x {
		square += (v - mean) * (v - mean)
	}
	inv := 1 / float32(math.Sqrt(float64(square/float32(len(x))+normEpsilon)))
	for i, v := range x {
		x[i] = (v-mean)*inv*gamma[i] + beta[i]
	}
}

func quantise(x []float32, limit int32, out []int16) float32 {
	top := float32(0)
	for _, v := range x {
		top = max(top, float32(math.Abs(float64(v))))
	}
	if top == 0 {
		clear(out[:len(x)])
		return 0
	}
	inv := float32(limit) / top
	for i, v := range x {
		out[i] = int16(math.RoundToEven(float64(v * inv)))
	}
	return top / float32(limit)
}

func dots(q []int16, v []int8, out []int32) {
	for i := range out {
		row := v[i*len(q) : (i+1)*len(q)]
		sum := int32(0)
		for k, x := range q {
			sum += int32(x) * int32(row[k])
		}
		out[i] = sum
	}
}
