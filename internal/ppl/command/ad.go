package command

import (
	"math"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Detect scores how far rows are from what is usual: ad, and ml with algorithm rcf. On a cluster a random cut forest of ML
// Commons does it; here it is a robust seasonal score of our own, under the names of the same columns.
type Detect struct {
	node
	word     string            // ad or ml
	Options  map[string]string // as written, for printing; those of the forest change nothing here
	Time     *syntax.Field     // nil for rows without an order in time
	Category *syntax.Field
}

// Scores are distances from the usual in robust standard deviations. A row that far out is anomalous; its grade grows to 1.
const (
	detectScore = 3.5 // Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993)
	detectGrade = 10
)

func adSpec() Spec {
	return Spec{
		Name: "ad", Syntax: "ad [time_field=FIELD] [category_field=FIELD]",
		Doc: "Scores how unusual each row is: score and anomaly_grade over time, score and anomalous without. A robust seasonal score, not the cluster's forest.",
		Parse: func(p *syntax.Parser, n node) Command {
			d := &Detect{node: n, word: "ad", Options: map[string]string{}}
			options(p, d.Options)
			d.fields(p)
			return d
		},
	}
}

// options reads NAME=VALUE as long as there are any, with commas or without.
func options(p *syntax.Parser, into map[string]string) {
	for p.Err() == nil && p.IsName() {
		name := strings.ToLower(p.Word("an option"))
		p.Expect("=")
		minus := ""
		if p.Accept("-") {
			minus = "-"
		}
		into[name] = minus + p.Word("a value")
		p.Accept(",")
	}
}

// printed writes options in the order of their names.
func printed(word string, opts map[string]string) string {
	parts := []string{word}
	names := make([]string, 0, len(opts))
	for n := range opts {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		parts = append(parts, n+"="+syntax.Quote(opts[n]))
	}
	return strings.Join(parts, " ")
}

// fields finds the options that name fields.
func (d *Detect) fields(p *syntax.Parser) {
	known := []string{
		"time_field", "category_field", "number_of_trees", "shingle_size", "sample_size", "output_after", "time_decay", "anomaly_rate",
		"date_format", "time_zone", "training_data_size", "anomaly_score_threshold", "action", "algorithm",
	}
	for name, value := range d.Options {
		f := &syntax.Field{Node: syntax.Node{At: d.at}, Name: value}
		switch {
		case name == "time_field":
			d.Time = f
		case name == "category_field":
			d.Category = f
		case !slices.Contains(known, name):
			p.Fail(d.at, "%s has no option %s", d.word, name)
		}
	}
}

// String returns the command as PPL.
func (d *Detect) String() string { return printed(d.word, d.Options) }

// Compile adds the columns. What is scored are the numeric columns, each on its own; a row's score is its greatest.
func (d *Detect) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := d.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	in.Fold()
	var fields []*syntax.Field
	for _, f := range []*syntax.Field{d.Time, d.Category} {
		if f != nil {
			fields = append(fields, f)
		}
	}
	in.PrepareFields(fields...)
	numbers, err := numericColumns(in, d.at, fields...)
	if err != nil {
		return nil, err
	}
	if d.Time != nil {
		t, err := in.Field(d.Time)
		if err != nil {
			return nil, err
		}
		in.Sort([]plan.Key{{X: t}})
	}
	scores, err := perRow(env, in, d.Category, numbers, "ppl_unusual(%s, "+map[bool]string{true: "true", false: "false"}[d.Time != nil]+")")
	if err != nil {
		return nil, err
	}
	score := scores.Col("_learnt").X()
	scores.SetCols(scores.Cols()[:len(scores.Cols())-1])
	scores.Set(plan.NewCol("score", plan.Cell(rows.Double, "%s", score)))
	if d.Time != nil {
		grade := plan.Cell(rows.Double, "least(1.0, greatest(0.0, (%s - "+num(detectScore)+") / "+num(detectGrade-detectScore)+"))", score)
		scores.Set(plan.NewCol("anomaly_grade", grade))
	} else {
		scores.Set(plan.NewCol("anomalous", plan.Cell(rows.Boolean, "(%s > "+num(detectScore)+")", score)))
	}
	env.Note("%s is answered here by a robust seasonal score (distance from the median of the same phase in robust standard deviations), not by the cluster's random cut forest: above %s is unusual", d.word, num(detectScore))
	return scores, nil
}

// numericColumns are the columns that a detector looks at; without any there is nothing to learn.
func numericColumns(in *plan.Rel, at syntax.Span, but ...*syntax.Field) ([]plan.X, error) {
	var out []plan.X
	for _, c := range in.Cols() {
		named := slices.ContainsFunc(but, func(f *syntax.Field) bool { return f.Name == c.Name })
		if c.Type.Numeric() && !c.Hidden && !named {
			out = append(out, plan.Cell(rows.Double, "CAST(%s AS DOUBLE)", c.X()))
		}
	}
	if len(out) == 0 {
		return nil, syntax.Errorf(at, "there is no numeric column to learn from").WithHint("Name the fields before: | fields VALUE, TIME | ...")
	}
	return out, nil
}

// perRow adds a column _learnt: what a Go function answers for each row when it is given the rows of a group, in their order, as
// a list of lists of numbers.
func perRow(env *plan.Env, in *plan.Rel, category *syntax.Field, numbers []plan.X, call string) (*plan.Rel, error) {
	list := make([]string, len(numbers))
	vector := plan.Cell(rows.Array, "")
	for i, n := range numbers {
		list[i] = n.SQL
		vector = vector.Also(n)
	}
	vector.SQL = "[" + strings.Join(list, ", ") + "]"
	held := in.Temp(in.RowNumber(), vector)
	in.Pin(held[0])
	side := in.Fork()
	var keys []plan.X
	if category != nil {
		x, err := side.Field(category)
		if err != nil {
			return nil, err
		}
		keys = []plan.X{x}
	}
	places := plan.Cell(rows.Array, "list(%s ORDER BY %s)", held[0], held[0])
	vectors := plan.Cell(rows.Array, "list(%s ORDER BY %s)", held[1], held[0])
	side.Group(keys, []*plan.Col{plan.NewCol("_places", places), plan.NewCol("_values", plan.Cell(rows.Array, call, vectors))})
	place := plan.NewCol("_place", plan.Cell(rows.BigInt, "unnest(%s)", side.Col("_places").X()))
	value := plan.NewCol("_learnt", plan.Cell(rows.Double, "unnest(%s)", side.Col("_values").X()))
	side.SetCols([]*plan.Col{place, value})
	side.Flush()
	on := plan.Cell(rows.Boolean, "%s = %s", held[0], side.Col("_place").X())
	out := env.Beside(in, side, "JOIN", on)
	out.Pin(held[0])
	out.Shuffled()
	out.SetCols(append(slices.Clone(in.Cols()), side.Col("_learnt")))
	return out, nil
}

// unusual scores vectors of numbers: the distance of each number from the median of its phase, in robust standard deviations.
// In time the phase is the place in a season, if the values repeat after one; else all are of one phase.
func unusual(args []any) (any, error) {
	points := vectors(args[0])
	inTime, _ := args[1].(bool)
	scores := make([]any, len(points))
	for i := range scores {
		scores[i] = 0.0
	}
	if len(points) == 0 {
		return scores, nil
	}
	for dim := range points[0] {
		series := make([]float64, len(points))
		for i, p := range points {
			series[i] = p[dim]
		}
		season := 1
		if inTime {
			season = seasonOf(series)
		}
		for i, s := range robustScores(series, season) {
			if old, _ := scores[i].(float64); s > old {
				scores[i] = s
			}
		}
	}
	return scores, nil
}

// vectors reads a list of lists of numbers; a null is not a number.
func vectors(v any) [][]float64 {
	list, _ := v.([]any)
	out := make([][]float64, len(list))
	for i, row := range list {
		cells, _ := row.([]any)
		out[i] = make([]float64, len(cells))
		for j, c := range cells {
			f, ok := c.(float64)
			if !ok {
				f = math.NaN()
			}
			out[i][j] = f
		}
	}
	return out
}

// A season is a lag after which a series is like itself. It must fit at least three times, and be found by a clear correlation.
const (
	maxSeason    = 2016 // a week of five-minute buckets
	minSeasons   = 3
	seasonLikely = 0.5
)

// seasonOf returns the lag of the greatest autocorrelation (a local maximum), or 1.
func seasonOf(series []float64) int {
	center := median(series)
	best, at, before := seasonLikely, 1, math.Inf(1)
	var total float64
	for _, v := range series {
		if d := v - center; !math.IsNaN(d) {
			total += d * d
		}
	}
	if total == 0 {
		return 1
	}
	limit := min(maxSeason, len(series)/minSeasons)
	rising := false
	for lag := 2; lag <= limit; lag++ {
		var sum float64
		for i := lag; i < len(series); i++ {
			if p := (series[i] - center) * (series[i-lag] - center); !math.IsNaN(p) {
				sum += p
			}
		}
		c := sum / total * float64(len(series)) / float64(len(series)-lag)
		if c < before && rising && before > best {
			best, at = before, lag-1
		}
		rising, before = c > before, c
	}
	return at
}

// robustScores are distances from the median of the same phase over 1.4826 times the median of all such distances.
func robustScores(series []float64, season int) []float64 {
	residuals, sizes := make([]float64, len(series)), make([]float64, len(series))
	for phase := range season {
		var same []float64
		for i := phase; i < len(series); i += season {
			same = append(same, series[i])
		}
		m := median(same)
		for i := phase; i < len(series); i += season {
			residuals[i] = series[i] - m
			sizes[i] = math.Abs(residuals[i])
		}
	}
	const normal = 1.4826 // the standard deviation of a normal distribution over its median absolute deviation
	scale := normal * median(sizes)
	if scale == 0 || math.IsNaN(scale) {
		scale = normal * mean(sizes)
	}
	out := make([]float64, len(series))
	for i, s := range sizes {
		if scale > 0 && !math.IsNaN(s) {
			out[i] = s / scale
		}
	}
	return out
}

func mean(xs []float64) float64 {
	sum, n := 0.0, 0
	for _, x := range xs {
		if !math.IsNaN(x) {
			sum, n = sum+x, n+1
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

func median(xs []float64) float64 {
	kept := make([]float64, 0, len(xs))
	for _, x := range xs {
		if !math.IsNaN(x) {
			kept = append(kept, x)
		}
	}
	if len(kept) == 0 {
		return math.NaN()
	}
	slices.Sort(kept)
	n := len(kept)
	return (kept[(n-1)/2] + kept[n/2]) / 2
}

// learners are the Go functions of ad, kmeans and ml.
func learners() []function.UDF {
	return []function.UDF{
		{Name: "ppl_unusual", In: []string{"DOUBLE[][]", "BOOLEAN"}, Out: "DOUBLE[]", Fn: unusual},
		{Name: "ppl_kmeans", In: []string{"DOUBLE[][]", "BIGINT", "BIGINT", "VARCHAR"}, Out: "DOUBLE[]", Fn: kmeans},
	}
}
