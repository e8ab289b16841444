package metrics

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// Mode says at which times a query is evaluated.
type Mode string

// The modes.
const (
	OverTime Mode = "range"   // at steps of a window
	AtOnce   Mode = "instant" // at the window's end
)

// Request is a query to be answered for a reader.
type Request struct {
	Query string
	Mode  Mode            // "" = OverTime
	Range timerange.Range // open bounds: see Window
	Step  time.Duration   // 0 = chosen
	Limit int             // series shown; 0 = DefaultSeries
	Raw   bool            // the points as well
	Now   time.Time       // the end of a source that does not know its own
}

// Bounds of an answer.
const (
	DefaultSeries = 10
	MaxSeries     = 500
	maxPoints     = 5_000  // raw points of an answer, over all series
	maxSteps      = 11_000 // of one series: what Prometheus allows
	goodSteps     = 240    // of a chosen step: four sparkline cells a point and more
	goodRanges    = 2_000  // of a step that a range bounds: a week of [5m]
	openWindow    = time.Hour
	maxOpenWindow = 7 * 24 * time.Hour
)

// Result is an answer, reduced.
type Result struct {
	Query  string            `json:"query"`
	Type   string            `json:"type"` // matrix, vector, scalar, string
	Start  time.Time         `json:"start"`
	End    time.Time         `json:"end"` // of an instant query both are its time
	Step   string            `json:"step,omitempty"`
	Unit   string            `json:"unit,omitempty"`
	Common map[string]string `json:"common_labels,omitempty"` // of every series; left out of theirs
	Series []Summary         `json:"series"`
	Total  int               `json:"total_series"` // in the answer; Series holds the first of them
	Text   string            `json:"text,omitempty"`
	Notes  []string          `json:"notes,omitempty"`
	Empty  []string          `json:"empty,omitempty"` // why there is nothing, each a fact

	ordered bool // the query says in which order
}

// ordered reports whether an expression orders its series itself.
func ordered(e parser.Expr) bool {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return ordered(e.Expr)
	case *parser.Call:
		return strings.HasPrefix(e.Func.Name, "sort")
	case *parser.AggregateExpr:
		return e.Op == parser.TOPK || e.Op == parser.BOTTOMK
	case *parser.BinaryExpr:
		return scalar(e.RHS) && ordered(e.LHS)
	}
	return false
}

// ranges lists the ranges of an expression.
func ranges(e parser.Expr) []time.Duration {
	var out []time.Duration
	if e == nil {
		return nil
	}
	for _, u := range selectors(e) {
		if u.matrix != nil && u.matrix.Range > 0 {
			out = append(out, u.matrix.Range)
		}
	}
	return out
}

// Summary is a series as a reader needs it. Values that are no numbers (NaN, Inf) are left out and counted.
type Summary struct {
	Labels map[string]string `json:"labels"`
	Last   *float64          `json:"last,omitempty"` // of an instant answer its value
	LastAt *time.Time        `json:"last_at,omitempty"`
	Min    *float64          `json:"min,omitempty"`
	MinAt  *time.Time        `json:"min_at,omitempty"`
	Max    *float64          `json:"max,omitempty"`
	MaxAt  *time.Time        `json:"max_at,omitempty"`
	Mean   *float64          `json:"mean,omitempty"`
	Points int               `json:"points"`
	Odd    string            `json:"not_a_number,omitempty"` // "NaN" or "+Inf" of an instant value; "12 of 80 points" of a range
	Change *Change           `json:"change,omitempty"`
	Spark  string            `json:"sparkline,omitempty"`
	Values []Value           `json:"values,omitempty"`
	name   labels.Labels
	order  float64
}

// Change is the strongest shift of a series' level.
type Change struct {
	Time   time.Time `json:"time"`
	Before float64   `json:"before"` // mean of the level before and after
	After  float64   `json:"after"`
}

// Value is a raw point.
type Value struct {
	Time  time.Time `json:"time"`
	Value float64   `json:"value"`
}

// Query answers a request: it chooses window and step, evaluates, reduces each series, orders them by their mean (an instant
// answer those of sort and topk as they come), and says what a reader must know: why there is nothing, and where rate() or
// sum_over_time() does not fit the series.
func Query(ctx context.Context, src Source, req Request) (*Result, error) {
	expr, perr := Parse(req.Query)
	_, local := src.(*Local)
	if perr != nil && local {
		return nil, perr
	}
	w, err := Window(ctx, src, req, ranges(expr)...)
	if err != nil {
		return nil, err
	}
	if req.Mode != AtOnce && expr != nil && expr.Type() != parser.ValueTypeVector && expr.Type() != parser.ValueTypeScalar {
		return nil, fault.WithHint(fault.New(fault.InvalidQuery, "promql: a %s cannot be evaluated over time", parser.DocumentedType(expr.Type())),
			"Put a function around it: rate(..[5m]), max_over_time(..[5m]), or ask with mode instant.")
	}
	var a *Answer
	if req.Mode == AtOnce {
		a, err = src.Instant(ctx, req.Query, w.End)
	} else {
		a, err = src.Range(ctx, req.Query, w.Start, w.End, w.Step)
	}
	switch {
	case err != nil && perr != nil && fault.CodeOf(err) == fault.InvalidQuery:
		return nil, perr // ours underlines the place; the server has the last word on what it knows
	case err != nil:
		return nil, err
	}
	out := &Result{ordered: ordered(expr), Query: req.Query, Type: a.Type, Start: w.Start, End: w.End, Total: len(a.Series), Text: a.Text}
	if expr != nil {
		out.Query, out.Unit = expr.String(), unitOf(expr)
	}
	if req.Mode != AtOnce {
		out.Step = Short(w.Step)
	}
	out.fill(a, req)
	if expr == nil {
		out.Notes = append(out.Notes, a.Warnings...)
		return out, nil
	}
	told := hints(ctx, src, expr, a, w, req.Mode)
	out.Notes = append(append(out.Notes, a.Warnings...), told...)
	strange, err := strangeGroups(ctx, src, expr, a, w)
	if err != nil {
		return nil, err
	}
	out.Notes = append(out.Notes, strange...)
	if len(a.Series) == 0 && a.Type != String {
		out.Empty, err = whyEmpty(ctx, src, expr, w)
	}
	return out, err
}

// Span is the window of an evaluation.
type Span struct {
	Start, End time.Time
	Step       time.Duration
}

// Window resolves the bounds of a request. An open end is the end of the data, or now; an open start the start of the data, at most
// seven days before the end, or an hour before where the source does not know its data. The step gives about 240 points, never
// more than the data has; start moves so that the last point lies on the end. Of the query's ranges the shortest bounds the step, so
// that no sample goes unseen, as far as goodRanges steps do; and where the start is that of the data, it moves behind the
// longest, which is not full before; not by more than a quarter.
func Window(ctx context.Context, src Source, req Request, ranges ...time.Duration) (Span, error) {
	extent, err := src.Extent(ctx)
	if err != nil {
		return Span{}, err
	}
	w := Span{Start: req.Range.Start, End: req.Range.End, Step: req.Step}
	if w.End.IsZero() {
		w.End = extent.End
		if w.End.IsZero() || w.End.After(req.Now) && !req.Now.IsZero() && w.Start.Before(req.Now) && extent.End.IsZero() {
			w.End = req.Now
		}
	}
	switch {
	case !w.Start.IsZero():
	case extent.Start.IsZero():
		w.Start = w.End.Add(-openWindow)
	default:
		w.Start = extent.Start
		if len(ranges) > 0 && slices.Max(ranges) < w.End.Sub(w.Start)/4 {
			w.Start = w.Start.Add(slices.Max(ranges))
		}
		if w.End.Sub(w.Start) > maxOpenWindow {
			w.Start = w.End.Add(-maxOpenWindow)
		}
	}
	if req.Mode == AtOnce {
		w.Start = w.End
		return w, nil
	}
	if w.Start.After(w.End) {
		return w, fault.WithHint(fault.New(fault.InvalidArgument, "time range: start %s is after the end %s", stamp(w.Start), stamp(w.End)),
			"The data runs from %s to %s.", stamp(extent.Start), stamp(extent.End))
	}
	if w.Step > 0 {
		if steps := w.End.Sub(w.Start) / w.Step; steps > maxSteps {
			return w, fault.WithHint(fault.New(fault.TooLarge, "step %s: %d points a series, at most %d", Short(w.Step), steps, maxSteps), "Use a larger step or a shorter window.")
		}
		return w, nil
	}
	w.Step = chosenStep(w.End.Sub(w.Start), interval(src))
	if len(ranges) > 0 && w.End.Sub(w.Start)/slices.Min(ranges) <= goodRanges {
		w.Step = min(w.Step, slices.Min(ranges))
	}
	w.Start = w.End.Add(-(w.End.Sub(w.Start) / w.Step) * w.Step)
	return w, nil
}

// interval is the distance of a source's samples, 0 where it is not known.
func interval(src Source) time.Duration {
	if l, ok := src.(*Local); ok && l.shape != nil {
		return l.shape.interval
	}
	return 0
}

// steps are those that people use.
func steps() []time.Duration {
	const s, m, h = time.Second, time.Minute, time.Hour
	return []time.Duration{s, 2 * s, 5 * s, 10 * s, 15 * s, 20 * s, 30 * s, m, 2 * m, 5 * m, 10 * m, 15 * m, 20 * m, 30 * m, h, 2 * h, 3 * h, 4 * h, 6 * h, 12 * h, 24 * h}
}

// scrape is the usual distance of samples of a server.
const scrape = 15 * time.Second

func chosenStep(window, interval time.Duration) time.Duration {
	if interval == 0 {
		interval = min(scrape, max(window/goodSteps, time.Second))
	}
	least := max(window/goodSteps, interval*9/10)
	for _, s := range steps() {
		if s >= least {
			return s
		}
	}
	return max(least.Truncate(24*time.Hour), 24*time.Hour)
}

// fill reduces, orders and bounds the series.
func (r *Result) fill(a *Answer, req Request) {
	all := make([]Summary, len(a.Series))
	for i, s := range a.Series {
		if a.Type == Matrix {
			all[i] = reduce(s)
		} else {
			all[i] = single(s)
		}
	}
	if a.Type == Matrix || !r.ordered {
		slices.SortStableFunc(all, func(a, b Summary) int {
			return cmp.Or(cmp.Compare(b.order, a.order), labels.Compare(a.name, b.name))
		})
	}
	limit := cmp.Or(req.Limit, DefaultSeries)
	if len(all) > limit {
		all = all[:limit]
	}
	r.Common = common(all)
	left := maxPoints
	for i := range all {
		all[i].Labels = all[i].name.Map()
		for k := range r.Common {
			delete(all[i].Labels, k)
		}
		if req.Raw && a.Type == Matrix {
			left -= all[i].raw(a, left)
		}
	}
	if req.Raw && left <= 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("raw points were cut at %d: use a larger step, a shorter window or fewer series", maxPoints))
	}
	r.Series = all
}

// raw adds at most n points and returns how many.
func (s *Summary) raw(a *Answer, n int) int {
	i := slices.IndexFunc(a.Series, func(x Series) bool { return labels.Equal(x.Labels, s.name) })
	for k, p := range a.Series[i].Points {
		if k >= n {
			return max(n, 1)
		}
		if !odd(p.V) {
			s.Values = append(s.Values, Value{at(p.At), p.V})
		}
	}
	return len(a.Series[i].Points)
}

// common finds the labels that all series share; a lone series keeps its own.
func common(all []Summary) map[string]string {
	if len(all) < 2 {
		return nil
	}
	out := all[0].name.Map()
	for _, s := range all[1:] {
		for k, v := range out {
			if s.name.Get(k) != v {
				delete(out, k)
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func odd(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func stamp(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format(time.RFC3339)
}
