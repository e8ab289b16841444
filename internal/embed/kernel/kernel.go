// Package kernel holds the inner loops of the sentence encoder and of vector search: integer matrix products, attention,
// GELU, softmax, layer normalisation and dot products. Each loop exists in portable Go and, on amd64 with AVX2 and FMA, in
// assembly; both compute the same integers exactly and the same floats to about one part in a million.
//
// Words: a panel is the weights of 16 outputs, laid out by pairs of inputs: for pair p and output o the two weights stand at
// (p*16+o)*2. A block is 6 rows of activations, the height of the register tile. Strides are in elements. Rows must be
// padded to whole blocks and lengths to the multiple that each function names: the loops have no tails.
package kernel

// Sizes of the register tile.
const (
	Rows  = 6  // rows of one block
	Panel = 16 // outputs of one panel
	Lanes = 8  // floats of one register: lengths are multiples of it
)

// Set is one implementation of the loops.
type Set struct {
	Name string
	// Gemm computes c[r][o] = float(sum a[r][k]*w[k][o]) * (rowScale[r]*colScale[o]) + bias[o] for one block of rows and one
	// panel. pairs is half the number of inputs. The caller sees to it that no sum leaves 32 bits.
	Gemm func(a []int16, aStride int, w []int16, pairs int, rowScale, colScale, bias, c []float32, cStride int)
	// MatMul computes c[r][o] = sum over k of a[r][k]*b[k][o] for one block of rows and Panel columns.
	MatMul func(a []float32, aStride int, b []float32, bStride, k int, c []float32, cStride int)
	// ExpSum replaces x by exp(x-max(x)) and returns the sum. len(x) is a multiple of Lanes.
	ExpSum func(x []float32) float32
	// GELU replaces x by x*Phi(x), the exact form by the error function (Abramowitz and Stegun 7.1.26, error 1.5e-7).
	GELU func(x []float32)
	// AddNorm replaces x by gamma*(x+r-mean)/sd+beta. len(x) is a multiple of Lanes.
	AddNorm func(x, r, gamma, beta []float32)
	// Quantise writes x scaled to integers within ±limit, to nearest even, and returns the scale of one step (0 for a row of
	// zeros). len(x) is a multiple of 2*Lanes.
	Quantise func(x []float32, limit int32, out []int16) float32
	// Dots computes out[i] = sum over k of q[k]*v[i*len(q)+k]. len(q) is a multiple of 16.
	Dots func(q []int16, v []int8, out []int32)
}
