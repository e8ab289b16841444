package investigate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/stat"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// numericDiff is a numeric attribute whose values differ between bad and good spans.
type numericDiff struct {
	key      string
	d, p, q  float64 // Kolmogorov-Smirnov distance, its chance, its false-discovery rate
	at       float64 // the value that parts them best
	above    bool    // the bad ones lie at or above it
	cover    float64 // share of the bad on the bad side
	badRate  float64 // how often a span on that side is bad
	elseRate float64 // how often one on the other side is
}

// Limits of the numeric difference.
const (
	minNumeric  = 8   // values of either group
	minDistance = .35 // a smaller distance tells no reader anything, however sure it is
	minDistinct = 6   // fewer values are categories: the attribute difference counts them
)

// String writes the condition as people write it.
func (n *numericDiff) String() string {
	if n.above {
		return ">= " + strconv.FormatFloat(n.at, 'g', 5, 64)
	}
	return "<= " + strconv.FormatFloat(n.at, 'g', 5, 64)
}

// localises is attrDiff.localises for a range of values.
func (n *numericDiff) localises() bool {
	return n.cover >= .8 && n.badRate >= localFactor*n.elseRate && n.q <= maxFDR
}

// numberOf is the numeric attribute of requests that localises the fault best, or nil.
func (s *suspect) numberOf() *numericDiff {
	for i := range s.numeric {
		if s.numeric[i].localises() && requestKey(s.numeric[i].key) {
			return &s.numeric[i]
		}
	}
	return nil
}

// numericDiffs compares the numeric attributes of bad spans (and of the spans above them) with those of good ones by the
// two-sample Kolmogorov-Smirnov test with Benjamini-Hochberg over all keys; the value with the largest distance between the two
// distributions is the threshold that is told.
func (q *inquiry) numericDiffs(bad, good []int32) []numericDiff {
	a, b := q.numbers(bad), q.numbers(good)
	var out []numericDiff
	var ps []float64
	scale := ratio(float64(len(good)), float64(min(len(good), maxSelection))) / max(1, ratio(float64(len(bad)), float64(min(len(bad), maxSelection))))
	for k, x := range a {
		y := b[k]
		if len(x) < minNumeric || len(y) < minNumeric || 2*len(x) < len(bad) {
			continue
		}
		slices.Sort(x)
		slices.Sort(y)
		if distinct(x)+distinct(y) < minDistinct {
			continue
		}
		t := stat.KolmogorovSmirnov(x, y)
		n := numericDiff{key: strings.TrimPrefix(q.spans.Keys()[k], "resource."), p: t.P}
		n.split(x, y, scale)
		out = append(out, n)
		ps = append(ps, t.P)
	}
	for i, v := range stat.BenjaminiHochberg(ps) {
		out[i].q = v
	}
	out = slices.DeleteFunc(out, func(n numericDiff) bool { return n.q > maxFDR || n.d < minDistance })
	slices.SortFunc(out, func(a, b numericDiff) int { return cmp.Or(cmp.Compare(b.d, a.d), cmp.Compare(a.key, b.key)) })
	return out
}

// split finds the value where the distribution functions of x (bad) and y (good), both sorted, lie farthest apart. A good value
// stands for scale spans against a bad one.
func (n *numericDiff) split(x, y []float64, scale float64) {
	i, j := 0, 0
	for i < len(x) && j < len(y) {
		v := min(x[i], y[j])
		for i < len(x) && x[i] <= v {
			i++
		}
		for j < len(y) && y[j] <= v {
			j++
		}
		f, g := float64(i)/float64(len(x)), float64(j)/float64(len(y))
		if d := max(f-g, g-f); d > n.d {
			n.d, n.above, n.at = d, g > f, v
			n.cover = f
			sel, ref := float64(i), float64(j)
			if n.above {
				n.cover, sel, ref = 1-f, float64(len(x)-i), float64(len(y)-j)
				if i < len(x) {
					n.at = x[i] // the least of the bad on that side
				}
			}
			n.badRate = ratio(sel, sel+scale*ref)
			n.elseRate = ratio(float64(len(x))-sel, float64(len(x))-sel+scale*(float64(len(y))-ref))
		}
	}
}

func distinct(v []float64) int {
	n := 0
	for i, x := range v {
		if i == 0 || x != v[i-1] {
			n++
		}
	}
	return n
}

// numbers collects the numeric attributes of spans and of the spans above them, each key once a span, by key.
func (q *inquiry) numbers(list []int32) map[trace.KeyID][]float64 {
	out := map[trace.KeyID][]float64{}
	s := q.spans
	var have []trace.KeyID
	for i := range spaced(list, maxSelection) {
		have = have[:0]
		for p, depth := i, 0; p >= 0 && depth < 64; p, depth = s.Spans[p].Parent, depth+1 {
			for _, a := range s.Attrs(&s.Spans[p]) {
				if !a.Num || slices.Contains(have, a.Key) || p != i && ownOfCall(s.Keys()[a.Key]) || q.effect(a.Key) {
					continue
				}
				have = append(have, a.Key)
				out[a.Key] = append(out[a.Key], a.Float())
			}
		}
	}
	return out
}

// effect reports whether an attribute is set by failing and so explains nothing.
func (q *inquiry) effect(k trace.KeyID) bool {
	if q.effects == nil {
		q.effects = make([]bool, len(q.spans.Keys()))
		for i, name := range q.spans.Keys() {
			bare := strings.TrimPrefix(name, "resource.")
			q.effects[i] = slices.ContainsFunc(effects, func(e string) bool { return strings.Contains(bare, e) }) || strings.Contains(bare, "port")
		}
	}
	return q.effects[k]
}

func (q *inquiry) attributesTable(list []*suspect) Table {
	t := Table{
		Method:  "bad spans against the good ones of the same operations in the same window (BubbleUp, Honeycomb): G-test with Benjamini-Hochberg, pairs of the ten best, numbers by Kolmogorov-Smirnov; drift = against the baseline instead",
		Columns: []string{"suspect", "kind", "attribute", "bad_with_pct", "bad_rate_with_pct", "bad_rate_without_pct", "g", "q", "pair"},
	}
	for i, s := range list[:min(len(list), maxShown)] {
		rank := strconv.Itoa(i + 1)
		for _, a := range s.local[:min(len(s.local), topSingles)] {
			pair := ""
			if a.pair != nil {
				pair = a.pair.key + "=" + clipText(a.pair.value, 60)
			}
			t.Rows = append(t.Rows, []string{rank, "value", a.key + "=" + clipText(a.value, 60), number3(100 * a.cover()), number3(100 * a.badRate()), number3(100 * a.otherRate()), number3(a.g), number3(a.q), pair})
		}
		for _, n := range s.numeric {
			t.Rows = append(t.Rows, []string{rank, "number", n.key + " " + n.String(), number3(100 * n.cover), number3(100 * n.badRate), number3(100 * n.elseRate), "D " + number3(n.d), number3(n.q), ""})
		}
		for _, a := range s.drift[:min(len(s.drift), topSingles/2)] {
			t.Rows = append(t.Rows, []string{rank, "drift", a.key + "=" + clipText(a.value, 60), number3(100 * a.cover()), "", number3(100 * ratio(a.ref, a.refN)), number3(a.g), number3(a.q), ""})
		}
	}
	return t
}
