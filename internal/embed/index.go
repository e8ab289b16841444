package embed

import (
	"cmp"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/plumbline-mcp/plumbline/internal/embed/kernel"
)

// Packed is a vector with eight bits a value: value = Values[i] * Scale. Its length is padded with zeros to a multiple of
// packing.
type Packed struct {
	Values []int8
	Scale  float32
}

// packing is the multiple of values that the dot product reads at once.
const packing = 16

// Pack scales a vector to eight bits. Cosines change by less than 0.003.
func Pack(v []float32) Packed {
	top := float32(0)
	for _, x := range v {
		top = max(top, x, -x)
	}
	p := Packed{Values: make([]int8, (len(v)+packing-1)/packing*packing), Scale: top / math.MaxInt8}
	if top == 0 {
		return p
	}
	for i, x := range v {
		p.Values[i] = int8(math.RoundToEven(float64(x / p.Scale)))
	}
	return p
}

// Index finds the nearest of many vectors by looking at all of them. It is not safe for writing while others read.
type Index struct {
	set    kernel.Set
	width  int // values of one padded vector; 0 while empty
	values []int8
	scales []float32
}

// NewIndex returns an empty index with room for n vectors of the dimension.
func NewIndex(n, dimension int) *Index {
	width := (dimension + packing - 1) / packing * packing
	return &Index{set: kernel.Best(), width: width, values: make([]int8, 0, n*width), scales: make([]float32, 0, n)}
}

// Add appends a vector; its place is the number of vectors before it. A vector of another dimension is refused.
func (x *Index) Add(p Packed) bool {
	if len(p.Values) != x.width {
		return false
	}
	x.values, x.scales = append(x.values, p.Values...), append(x.scales, p.Scale)
	return true
}

// Len returns the number of vectors.
func (x *Index) Len() int { return len(x.scales) }

// slice is how many vectors one worker takes at a time: a few megabytes.
const slice = 4096

// Nearest returns the n nearest vectors that keep, or all when keep is nil, the nearest first.
func (x *Index) Nearest(query []float32, n int, keep func(i int) bool) []Match {
	if len(x.scales) == 0 || n <= 0 || (len(query)+packing-1)/packing*packing != x.width {
		return nil
	}
	q, scale := x.query(query)
	parts := make([][]Match, (len(x.scales)+slice-1)/slice)
	var wait sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range parts {
		wait.Add(1)
		free <- struct{}{}
		go func() {
			defer wait.Done()
			parts[i] = x.part(q, scale, i*slice, min((i+1)*slice, len(x.scales)), n, keep)
			<-free
		}()
	}
	wait.Wait()
	return best(slices.Concat(parts...), n)
}

// query scales a query to as many bits as no sum of products can leave 32 bits with.
func (x *Index) query(v []float32) ([]int16, float32) {
	padded := make([]float32, x.width)
	copy(padded, v)
	out := make([]int16, x.width)
	limit := int32(min(math.MaxInt16, math.MaxInt32/(x.width*(math.MaxInt8+1))))
	return out, kernel.Portable().Quantise(padded, limit, out)
}

func (x *Index) part(q []int16, scale float32, from, to, n int, keep func(int) bool) []Match {
	dots := make([]int32, to-from)
	x.set.Dots(q, x.values[from*x.width:to*x.width], dots)
	out := make([]Match, 0, to-from)
	for i, d := range dots {
		if keep == nil || keep(from+i) {
			out = append(out, Match{Index: from + i, Score: float64(d) * float64(scale) * float64(x.scales[from+i])})
		}
	}
	return best(out, n)
}

// best keeps the n highest, in order.
func best(all []Match, n int) []Match {
	if len(all) > 4*n { // most cannot be among them: cut by a threshold first
		all = above(all, n)
	}
	slices.SortFunc(all, func(a, b Match) int { return cmp.Or(cmp.Compare(b.Score, a.Score), a.Index-b.Index) })
	return all[:min(len(all), n)]
}

// above keeps the matches that are at least as good as the n-th best of the first 4n.
func above(all []Match, n int) []Match {
	head := slices.Clone(all[:4*n])
	slices.SortFunc(head, func(a, b Match) int { return cmp.Compare(b.Score, a.Score) })
	bound := head[n-1].Score
	return slices.DeleteFunc(all, func(m Match) bool { return m.Score < bound })
}
