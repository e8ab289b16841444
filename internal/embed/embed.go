package embed

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Model says what made a vector. Vectors of unlike models cannot be compared.
type Model struct {
	Name      string `json:"name"`
	Dimension int    `json:"dimension"` // 0 = not known before the first vector
}

// Embedder turns texts into vectors of length one. Implementations are safe for several goroutines; an error means that no
// text was embedded, and calling again is harmless.
type Embedder interface {
	Model() Model
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// Match is a text and how near it is.
type Match struct {
	Index int     // place among the texts given
	Score float64 // cosine, -1 to 1
}

// Similarities returns the cosine of each text with a query.
func Similarities(ctx context.Context, e Embedder, query string, texts []string) ([]float64, error) {
	vectors, err := e.Embed(ctx, append([]string{query}, texts...))
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(texts))
	for i, v := range vectors[1:] {
		out[i] = Dot(vectors[0], v)
	}
	return out, nil
}

// Rank orders texts by their nearness to a query, the nearest first. Ties keep the given order.
func Rank(ctx context.Context, e Embedder, query string, texts []string) ([]Match, error) {
	near, err := Similarities(ctx, e, query, texts)
	if err != nil {
		return nil, err
	}
	out := make([]Match, len(texts))
	for i, score := range near {
		out[i] = Match{Index: i, Score: score}
	}
	slices.SortStableFunc(out, func(a, b Match) int { return cmp.Compare(b.Score, a.Score) })
	return out, nil
}

// Dot is the dot product: the cosine of vectors of length one.
func Dot(a, b []float32) float64 {
	sum := 0.0
	for i, x := range a {
		sum += float64(x) * float64(b[i])
	}
	return sum
}

// unit scales a vector to length one, and checks that a service sent numbers.
func unit(v []float32) ([]float32, error) {
	square := 0.0
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	if len(v) == 0 || square == 0 || math.IsNaN(square) || math.IsInf(square, 0) {
		return nil, fault.New(fault.Unavailable, "a vector of %d values has no direction", len(v))
	}
	inverse := float32(1 / math.Sqrt(square))
	for i := range v {
		v[i] *= inverse
	}
	return v, nil
}

// units is unit for the reply to a request of n texts.
func units(vectors [][]float32, n int) ([][]float32, error) {
	if len(vectors) != n {
		return nil, fault.New(fault.Unavailable, "%d vectors came back for %d texts", len(vectors), n)
	}
	for i := range vectors {
		v, err := unit(vectors[i])
		if err != nil {
			return nil, err
		}
		if len(v) != len(vectors[0]) {
			return nil, fault.New(fault.Unavailable, "vectors of %d and %d values in one reply", len(vectors[0]), len(v))
		}
	}
	return vectors, nil
}
