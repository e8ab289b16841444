package metrics

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// maxAsked bounds the selectors that a server is asked about for hints.
const maxAsked = 3

// hints says where the query does not fit the series it reads.
func hints(ctx context.Context, src Source, expr parser.Expr, a *Answer, w Span, mode Mode) []string {
	var out []string
	seen := map[string]bool{}
	say := func(format string, args ...any) {
		if s := fmt.Sprintf(format, args...); !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	asked := 0
	a.Warnings = slices.DeleteFunc(a.Warnings, func(w string) bool { return strings.Contains(w, "metric might not be a counter") }) // ours says more
	for _, u := range selectors(expr) {
		name := u.metric()
		if name == "" {
			continue
		}
		f, known := a.Facts[name]
		if !known && a.Facts == nil && misread(u) && asked < maxAsked && len(a.Series) > 0 {
			asked++
			f, known = ask(ctx, src, u, w)
		}
		if known {
			fit(u, name, f, say)
		}
		coverage(u, f, w, mode, say)
	}
	if mode != AtOnce && strings.Contains(expr.String(), "topk(") && len(a.Series) > 0 {
		say("topk chooses anew at every step, so more series than k may appear over a window: for the top at one time use mode instant")
	}
	slices.Sort(out)
	return out
}

// misread reports whether a selector stands in a function that only fits counters, or only others.
func misread(u usage) bool {
	return onlyCounters(u.fn) || u.fn == "sum_over_time" || u.matrix == nil && u.fn == ""
}

func onlyCounters(fn string) bool { return fn == "rate" || fn == "irate" || fn == "increase" }

// fit compares how a selector is used with what its series are.
func fit(u usage, name string, f Facts, say func(string, ...any)) {
	window := "5m"
	if u.matrix != nil {
		window = Short(u.matrix.Range)
	}
	switch {
	case onlyCounters(u.fn) && f.Falling():
		say("%s falls in %.0f %% of its steps: it is no counter, and %s() takes each fall for a restart. If each value counts its interval alone (a delta), use sum_over_time(%s[%s]); if it is a level, avg_over_time or deriv",
			name, 100*float64(f.Falls)/float64(f.Steps), u.fn, name, window)
	case u.fn == "sum_over_time" && f.Climbing() && likelyCounter(name):
		say("%s only climbs: it is a counter, and sum_over_time adds its totals up. For the count in a window use increase(%s[%s])", name, name, window)
	case u.fn == "" && u.matrix == nil && f.Climbing() && likelyCounter(name):
		say("%s is a counter: its values are totals since the process began. For what happens now use rate(%s[5m]) or increase(%s[5m])", name, name, name)
	}
}

// likelyCounter reports whether a name ends as those of counters do.
func likelyCounter(name string) bool {
	for _, s := range []string{"_total", "_count", "_sum", "_bucket"} {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

// coverage says where steps and ranges leave samples out.
func coverage(u usage, f Facts, w Span, mode Mode, say func(string, ...any)) {
	if u.matrix == nil || u.matrix.Range <= 0 {
		return
	}
	if f.Interval > 0 && onlyCounters(u.fn) && u.matrix.Range < 2*f.Interval {
		say("range %s holds fewer than two samples, which stand %s apart: %s() needs two, use [%s] or more", Short(u.matrix.Range), Short(f.Interval), u.fn, Short(4*f.Interval))
	}
	if mode != AtOnce && !u.subquery && w.Step > u.matrix.Range+time.Second {
		say("step %s is longer than range %s: what lies between is not seen. Use [%s] or a smaller step", Short(w.Step), Short(u.matrix.Range), Short(w.Step))
	}
}

// ask lets a server count how often the values of a selector fall, over at most an hour. A server that will not gives no facts: a
// hint is not worth a failure.
func ask(ctx context.Context, src Source, u usage, w Span) (Facts, bool) {
	over := min(max(w.End.Sub(w.Start), 10*time.Minute), time.Hour)
	var got [3]float64
	for i, fn := range []string{"count_over_time", "resets", "changes"} {
		a, err := src.Instant(ctx, fmt.Sprintf("sum(%s(%s[%s]))", fn, u.text(), Short(over)), w.End)
		if err != nil || len(a.Series) != 1 || len(a.Series[0].Points) != 1 {
			return Facts{}, false
		}
		got[i] = a.Series[0].Points[0].V
	}
	return Facts{Steps: int(got[0]), Falls: int(got[1]), Rises: int(got[2] - got[1])}, true
}

// strangeGroups names the labels of by(..) that no series below has.
func strangeGroups(ctx context.Context, src Source, expr parser.Expr, a *Answer, w Span) ([]string, error) {
	var out []string
	if len(a.Series) == 0 {
		return nil, nil
	}
	for _, agg := range grouped(expr) {
		for _, g := range agg.Grouping {
			if slices.ContainsFunc(a.Series, func(s Series) bool { return s.Labels.Has(g) }) {
				continue
			}
			names, err := labelsBelow(ctx, src, agg, w)
			if err != nil {
				return nil, err
			}
			if slices.Contains(names, g) || len(names) == 0 {
				continue
			}
			note := fmt.Sprintf("no series has the label %s that by(..) names; their labels: %s", g, strings.Join(names, ", "))
			if near := Nearest(g, names); near != "" {
				note = fmt.Sprintf("no series has the label %s that by(..) names; did you mean %s?", g, near)
			}
			out = append(out, note)
		}
	}
	return out, nil
}

// grouped lists the aggregations of an expression that name labels to keep.
func grouped(expr parser.Expr) []*parser.AggregateExpr {
	var out []*parser.AggregateExpr
	for n := range walk(expr) {
		if agg, ok := n.(*parser.AggregateExpr); ok && !agg.Without && len(agg.Grouping) > 0 {
			out = append(out, agg)
		}
	}
	return out
}

// walk yields a node and all below it.
func walk(n parser.Node) iter.Seq[parser.Node] {
	return func(yield func(parser.Node) bool) {
		todo := []parser.Node{n}
		for len(todo) > 0 {
			n, todo = todo[0], todo[1:]
			if !yield(n) {
				return
			}
			for c := range parser.ChildrenIter(n) {
				todo = append(todo, c)
			}
		}
	}
}

// labelsBelow lists the labels of the series that an aggregation reads.
func labelsBelow(ctx context.Context, src Source, agg *parser.AggregateExpr, w Span) ([]string, error) {
	names := map[string]bool{}
	for _, u := range selectors(agg.Expr) {
		sets, _, err := src.Series(ctx, []string{u.text()}, reach(u, w), maxSets)
		if err != nil {
			return nil, err
		}
		for _, s := range sets {
			s.Range(func(l labels.Label) { names[l.Name] = true })
		}
	}
	delete(names, nameLabel)
	// Labels that functions write are in no series.
	if strings.Contains(agg.String(), "label_replace(") || strings.Contains(agg.String(), "label_join(") || strings.Contains(agg.String(), "count_values") {
		return nil, nil
	}
	return sortedKeys(names), nil
}

// Delta reports whether the series of a selector are counts of each interval rather than counters, by how often their values fall in
// the time before an instant.
func Delta(ctx context.Context, src Source, selector string, end time.Time, over time.Duration) (bool, error) {
	over = min(max(over, 10*time.Minute), 6*time.Hour)
	a, err := src.Instant(ctx, "sum(resets("+selector+"["+Short(over)+"])) / sum(count_over_time("+selector+"["+Short(over)+"]))", end)
	if err != nil || len(a.Series) == 0 {
		return false, err
	}
	return a.Series[0].Points[0].V > fallShare, nil
}
