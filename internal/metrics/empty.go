package metrics

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// Bounds of the look for a reason.
const (
	maxReasons   = 6
	maxSets      = 1_000 // label sets read to see which values there are
	shownValues  = 6
	reachOutside = 24 * time.Hour // how far outside of the window a server is asked
)

// whyEmpty computes the facts behind an empty answer: which selector matched nothing and why, or what let no series through.
func whyEmpty(ctx context.Context, src Source, expr parser.Expr, w Span) ([]string, error) {
	extent, err := src.Extent(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	say := func(s string) {
		if s != "" && !slices.Contains(out, s) && len(out) < maxReasons {
			out = append(out, s)
		}
	}
	for _, u := range selectors(expr) {
		reason, err := reasonOf(ctx, src, u, w, extent)
		if err != nil {
			return nil, err
		}
		say(reason)
	}
	if len(out) > 0 {
		return out, nil
	}
	reasons, err := between(ctx, src, expr, w)
	for _, r := range reasons {
		say(r)
	}
	if len(out) == 0 {
		say(fmt.Sprintf("every selector has series between %s and %s, but the expression gave none", stamp(w.Start), stamp(w.End)))
	}
	return out, err
}

// reach is the time that a selector looks at in a window.
func reach(u usage, w Span) timerange.Range {
	back := lookback
	if u.matrix != nil {
		back = u.matrix.Range
	}
	return timerange.Range{Start: w.Start.Add(-back - u.OriginalOffset), End: w.End.Add(time.Millisecond - u.OriginalOffset)}
}

// reasonOf says why a selector has no series in the window, "" if it has.
func reasonOf(ctx context.Context, src Source, u usage, w Span, extent timerange.Range) (string, error) {
	r := reach(u, w)
	sets, _, err := src.Series(ctx, []string{u.text()}, r, 1)
	if err != nil || len(sets) > 0 {
		if len(sets) > 0 {
			return tooFew(ctx, src, u, w), nil
		}
		return "", err
	}
	name := u.metric()
	wide := timerange.Range{}
	if extent.IsZero() {
		wide = timerange.Range{Start: r.Start.Add(-reachOutside), End: r.End.Add(reachOutside)}
	}
	if sets, _, err = src.Series(ctx, []string{u.text()}, wide, 1); err != nil {
		return "", err
	}
	if len(sets) > 0 {
		when := ""
		if !extent.IsZero() {
			when = fmt.Sprintf("; the data runs from %s to %s", stamp(extent.Start), stamp(extent.End))
		}
		return fmt.Sprintf("%s has no sample between %s and %s%s", u.text(), stamp(r.Start), stamp(r.End), when), nil
	}
	if name != "" {
		if sets, _, err = src.Series(ctx, []string{name}, wide, maxSets); err != nil {
			return "", err
		}
		if len(sets) == 0 {
			return unknownMetric(ctx, src, name, wide)
		}
		return unmatched(u, name, sets), nil
	}
	return "no series matches " + u.text(), nil
}

// unknownMetric names the nearest metrics.
func unknownMetric(ctx context.Context, src Source, name string, r timerange.Range) (string, error) {
	ms, err := src.Metrics(ctx, r)
	if err != nil {
		return "", err
	}
	names := make([]string, len(ms))
	for i, m := range ms {
		names[i] = m.Name
	}
	if near := Nearest(name, names); near != "" {
		return fmt.Sprintf("there is no metric %s; the nearest of %d is %s", name, len(names), near), nil
	}
	return fmt.Sprintf("there is no metric %s among %d; metrics_find lists them", name, len(names)), nil
}

// unmatched says which matcher of a selector no series fulfils.
func unmatched(u usage, name string, sets []labels.Labels) string {
	var bad []string
	for _, m := range u.LabelMatchers {
		if m.Name == nameLabel || slices.ContainsFunc(sets, func(s labels.Labels) bool { return m.Matches(s.Get(m.Name)) }) {
			continue
		}
		bad = append(bad, badMatcher(m, name, sets))
	}
	if len(bad) == 0 {
		return fmt.Sprintf("each label of %s occurs in series of %s, but no series has all of them", u.text(), name)
	}
	return strings.Join(bad, "; ")
}

func badMatcher(m *labels.Matcher, name string, sets []labels.Labels) string {
	values, names := map[string]bool{}, map[string]bool{}
	for _, s := range sets {
		s.Range(func(l labels.Label) {
			names[l.Name] = true
			if l.Name == m.Name {
				values[l.Value] = true
			}
		})
	}
	delete(names, nameLabel)
	if len(values) == 0 {
		list := sortedKeys(names)
		if near := Nearest(m.Name, list); near != "" {
			return fmt.Sprintf("%s has no label %s; did you mean %s? Its labels: %s", name, m.Name, near, strings.Join(list, ", "))
		}
		return fmt.Sprintf("%s has no label %s; its labels: %s", name, m.Name, strings.Join(list, ", "))
	}
	list := sortedKeys(values)
	out := fmt.Sprintf("no series of %s has %s", name, m)
	if near := Nearest(m.Value, list); near != "" {
		out += fmt.Sprintf("; the nearest value is %q", near)
	}
	if len(list) > shownValues {
		return fmt.Sprintf("%s; %d values: %s, …", out, len(list), strings.Join(list[:shownValues], ", "))
	}
	return fmt.Sprintf("%s; values: %s", out, strings.Join(list, ", "))
}

func sortedKeys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// tooFew says that a range holds one sample where its function needs two.
func tooFew(ctx context.Context, src Source, u usage, w Span) string {
	if u.matrix == nil || !onlyCounters(u.fn) && u.fn != "delta" && u.fn != "deriv" {
		return ""
	}
	a, err := src.Instant(ctx, fmt.Sprintf("max(count_over_time(%s[%s]))", u.text(), Short(u.matrix.Range)), w.End)
	if err != nil || len(a.Series) != 1 || a.Series[0].Points[0].V >= 2 {
		return ""
	}
	return fmt.Sprintf("[%s] holds one sample of %s at %s, and %s() needs two: use a longer range", Short(u.matrix.Range), u.text(), stamp(w.End), u.fn)
}

// between looks into the operators of an expression whose selectors all have series: a comparison that lets none through, or two
// sides whose labels do not match.
func between(ctx context.Context, src Source, expr parser.Expr, w Span) ([]string, error) {
	var out []string
	var walk func(e parser.Expr) error
	walk = func(e parser.Expr) error {
		b, ok := e.(*parser.BinaryExpr)
		if !ok {
			for c := range parser.ChildrenIter(e) {
				if x, ok := c.(parser.Expr); ok {
					if err := walk(x); err != nil {
						return err
					}
				}
			}
			return nil
		}
		left, err := setsOf(ctx, src, b.LHS, w)
		if err != nil {
			return err
		}
		right, err := setsOf(ctx, src, b.RHS, w)
		if err != nil {
			return err
		}
		switch {
		case len(left) == 0 || len(right) == 0:
			if err := walk(b.LHS); err != nil {
				return err
			}
			return walk(b.RHS)
		case b.Op.IsComparisonOperator() && !b.ReturnBool && (scalar(b.LHS) || scalar(b.RHS)):
			out = append(out, fmt.Sprintf("no value fulfils %s at %s; the values there are %s", b, stamp(w.End), spread(left, b)))
		case !scalar(b.LHS) && !scalar(b.RHS) && !matches(b, left, right):
			out = append(out, fmt.Sprintf("the two sides of %s have no series with equal labels: left {%s}, right {%s}; name the common ones with on(..), or aggregate both by the same labels",
				parser.ItemTypeStr[b.Op], labelNames(left), labelNames(right)))
		}
		return nil
	}
	err := walk(expr)
	return out, err
}

func scalar(e parser.Expr) bool { return e.Type() == parser.ValueTypeScalar }

func setsOf(ctx context.Context, src Source, e parser.Expr, w Span) ([]Series, error) {
	a, err := src.Instant(ctx, e.String(), w.End)
	if err != nil {
		return nil, err
	}
	return a.Series, nil
}

func spread(values []Series, b *parser.BinaryExpr) string {
	if scalar(b.LHS) {
		return "those on the right"
	}
	lo, hi := values[0].Points[0].V, values[0].Points[0].V
	for _, s := range values {
		lo, hi = min(lo, s.Points[0].V), max(hi, s.Points[0].V)
	}
	return fmt.Sprintf("%s to %s", Number(lo), Number(hi))
}

// matches reports whether any two series of the sides match as the operator's on or ignoring asks.
func matches(b *parser.BinaryExpr, left, right []Series) bool {
	key := func(l labels.Labels) string {
		l = labels.NewBuilder(l).Del(nameLabel).Labels()
		if b.VectorMatching != nil {
			l = l.MatchLabels(b.VectorMatching.On, b.VectorMatching.MatchingLabels...)
		}
		return l.String()
	}
	seen := map[string]bool{}
	for _, s := range left {
		seen[key(s.Labels)] = true
	}
	return slices.ContainsFunc(right, func(s Series) bool { return seen[key(s.Labels)] })
}

func labelNames(list []Series) string {
	names := map[string]bool{}
	for _, s := range list {
		s.Labels.Range(func(l labels.Label) { names[l.Name] = l.Name != nameLabel })
	}
	delete(names, nameLabel)
	return strings.Join(sortedKeys(names), ", ")
}
