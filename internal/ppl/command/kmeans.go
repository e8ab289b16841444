package command

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// KMeans puts rows into clusters by their numeric columns: kmeans, and ml with algorithm kmeans.
type KMeans struct {
	node
	word       string
	Options    map[string]string
	Centroids  int64
	Iterations int64
	Distance   string // EUCLIDEAN, COSINE or L1
}

// The defaults are the cluster's; the bounds keep one query within seconds.
const (
	kmeansCentroids     = 2
	kmeansIterations    = 10
	kmeansMaxCentroids  = 1000
	kmeansMaxIterations = 1000
)

func kmeansSpec() Spec {
	return Spec{
		Name: "kmeans", Syntax: "kmeans [centroids=N] [iterations=N] [distance_type=EUCLIDEAN|COSINE|L1]",
		Doc: "Puts rows into clusters by their numeric columns and adds ClusterID.",
		Parse: func(p *syntax.Parser, n node) Command {
			k := &KMeans{node: n, word: "kmeans", Options: map[string]string{}}
			options(p, k.Options)
			k.read(p)
			return k
		},
	}
}

func (k *KMeans) read(p *syntax.Parser) {
	k.Centroids, k.Iterations, k.Distance = kmeansCentroids, kmeansIterations, "EUCLIDEAN"
	number := func(text string, limit int64) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 || n > limit {
			p.Fail(k.at, "%s takes 1 to %d here, not %s", k.word, limit, text)
		}
		return n
	}
	for name, value := range k.Options {
		switch name {
		case "centroids":
			k.Centroids = number(value, kmeansMaxCentroids)
		case "iterations":
			k.Iterations = number(value, kmeansMaxIterations)
		case "distance_type":
			if k.Distance = strings.ToUpper(value); !slices.Contains([]string{"EUCLIDEAN", "COSINE", "L1"}, k.Distance) {
				p.Fail(k.at, "distance_type is EUCLIDEAN, COSINE or L1, not %s", value)
			}
		case "action", "algorithm":
		default:
			p.Fail(k.at, "%s has no option %s", k.word, name)
		}
	}
}

// String returns the command as PPL.
func (k *KMeans) String() string { return printed(k.word, k.Options) }

// Compile adds ClusterID.
func (k *KMeans) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := k.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	in.Fold()
	numbers, err := numericColumns(in, k.at)
	if err != nil {
		return nil, err
	}
	call := fmt.Sprintf("ppl_kmeans(%%s, %d, %d, %s)", k.Centroids, k.Iterations, percent(function.Quote(k.Distance)))
	out, err := perRow(env, in, nil, numbers, call)
	if err != nil {
		return nil, err
	}
	id := out.Col("_learnt").X()
	out.SetCols(out.Cols()[:len(out.Cols())-1])
	out.Set(plan.NewCol("ClusterID", plan.Cell(rows.Int, "CAST(%s AS INTEGER)", id)))
	env.Note("%s is computed here, over the numeric columns as they are; the numbers of the clusters are arbitrary on a cluster as well", k.word)
	return out, nil
}

// kmeans is Lloyd's algorithm from centres that are far apart: the first is the point nearest to the mean of all, each further
// one the point farthest from those before (Gonzalez, Clustering to minimize the maximum intercluster distance, 1985), so that
// the same rows give the same clusters. Rows with a value that is no number are in no cluster.
func kmeans(args []any) (any, error) {
	points := vectors(args[0])
	k, _ := args[1].(int64)
	rounds, _ := args[2].(int64)
	kind, _ := args[3].(string)
	var whole []int
	for i, p := range points {
		if !slices.ContainsFunc(p, math.IsNaN) {
			whole = append(whole, i)
		}
	}
	out := make([]any, len(points))
	if len(whole) == 0 {
		return out, nil
	}
	centres := farApart(points, whole, int(min(k, int64(len(whole)))), kind)
	for range rounds {
		moved := false
		sums, counts := make([][]float64, len(centres)), make([]int, len(centres))
		for c := range centres {
			sums[c] = make([]float64, len(points[0]))
		}
		for _, i := range whole {
			c := nearest(points[i], centres, kind)
			if old, ok := out[i].(float64); !ok || int(old) != c {
				out[i], moved = float64(c), true
			}
			counts[c]++
			for d, v := range points[i] {
				sums[c][d] += v
			}
		}
		if !moved {
			break
		}
		for c := range centres {
			for d := range sums[c] {
				if counts[c] > 0 {
					centres[c][d] = sums[c][d] / float64(counts[c])
				}
			}
		}
	}
	return out, nil
}

// farApart chooses the first centres.
func farApart(points [][]float64, whole []int, k int, kind string) [][]float64 {
	middle := make([]float64, len(points[whole[0]]))
	for _, i := range whole {
		for d, v := range points[i] {
			middle[d] += v / float64(len(whole))
		}
	}
	first := whole[0]
	for _, i := range whole {
		if distance(points[i], middle, kind) < distance(points[first], middle, kind) {
			first = i
		}
	}
	centres := [][]float64{slices.Clone(points[first])}
	gap := make([]float64, len(points))
	for _, i := range whole {
		gap[i] = distance(points[i], centres[0], kind)
	}
	for len(centres) < k {
		far := whole[0]
		for _, i := range whole {
			if gap[i] > gap[far] {
				far = i
			}
		}
		centre := slices.Clone(points[far])
		centres = append(centres, centre)
		for _, i := range whole {
			gap[i] = min(gap[i], distance(points[i], centre, kind))
		}
	}
	return centres
}

func nearest(p []float64, centres [][]float64, kind string) int {
	best := 0
	for c := range centres {
		if distance(p, centres[c], kind) < distance(p, centres[best], kind) {
			best = c
		}
	}
	return best
}

// distance between two vectors: squared Euclidean, L1, or 1 minus the cosine.
func distance(a, b []float64, kind string) float64 {
	var sum, dot, na, nb float64
	for i := range a {
		d := a[i] - b[i]
		if kind == "L1" {
			sum += math.Abs(d)
		} else {
			sum += d * d
		}
		dot, na, nb = dot+a[i]*b[i], na+a[i]*a[i], nb+b[i]*b[i]
	}
	if kind == "COSINE" {
		if na == 0 || nb == 0 {
			return 1
		}
		return 1 - dot/math.Sqrt(na*nb)
	}
	return sum
}
