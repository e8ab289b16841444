package metrics

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
)

// store is the storage of one evaluation: a storage.Queryable over the engine.
type store struct {
	eng   engine.Engine
	shape *shape
	mu    sync.Mutex
	facts map[string]*gathered
}

// Querier implements storage.Queryable.
func (s *store) Querier(mint, maxt int64) (storage.Querier, error) {
	return &querier{store: s, mint: mint, maxt: maxt}, nil
}

// querier reads one range of time, inclusive, in milliseconds.
type querier struct {
	*store

	mint, maxt int64
}

// LabelValues implements storage.Querier; an evaluation does not ask.
func (*querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames implements storage.Querier; an evaluation does not ask.
func (*querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// Close implements storage.Querier.
func (*querier) Close() error { return nil }

// Select implements storage.Querier: names, equal labels and the time go to the engine, the rest is matched here.
func (q *querier) Select(ctx context.Context, _ bool, hints *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	from, to := q.mint, q.maxt
	if hints != nil {
		from, to = hints.Start, hints.End
	}
	list, err := q.load(ctx, ms, from, to)
	if err != nil {
		return storage.ErrSeriesSet(err)
	}
	return &seriesSet{list: list, at: -1}
}

// want is what a selector asks for.
type want struct {
	names      map[string]string // raw name -> the name shown
	conditions []string          // PPL; rows that fulfil them may still not match
	matchers   []*labels.Matcher // of labels
	columns    []column
}

// want resolves the names of a selector and writes what can be pushed to the engine.
func (s *shape) want(ms []*labels.Matcher) *want {
	w := &want{names: map[string]string{}, columns: s.columns}
	var names []*labels.Matcher
	for _, m := range ms {
		if m.Name == nameLabel {
			names = append(names, m)
			continue
		}
		w.matchers = append(w.matchers, m)
		if c := s.push(m); c != "" {
			w.conditions = append(w.conditions, c)
		}
	}
	var meant []Metric
	for _, m := range s.metrics {
		if shown, ok := m.named(names); ok {
			w.names[m.Raw] = shown
			meant = append(meant, m)
		}
	}
	if len(meant) > 0 && len(meant) < len(s.metrics) {
		w.conditions = append([]string{named(meant)}, w.conditions...)
	}
	return w
}

// named reports whether the metric has a name that fulfils all matchers, and which. Its own name goes before the aliases; those
// only count where the selector gives one name in full.
func (m Metric) named(ms []*labels.Matcher) (string, bool) {
	fits := func(name string) bool {
		return !slices.ContainsFunc(ms, func(x *labels.Matcher) bool { return !x.Matches(name) })
	}
	if fits(m.Name) {
		return m.Name, true
	}
	if !slices.ContainsFunc(ms, func(x *labels.Matcher) bool { return x.Type == labels.MatchEqual }) {
		return "", false
	}
	for _, a := range m.aliases() {
		if fits(a) {
			return a, true
		}
	}
	return "", false
}

// push writes a matcher as a PPL condition that every matching row fulfils; "" where there is none.
func (s *shape) push(m *labels.Matcher) string {
	var values []string
	switch {
	case m.Type == labels.MatchEqual && m.Value != "":
		values = []string{ppl.Quote(m.Value)}
	case m.Type == labels.MatchRegexp && !m.Matches(""):
		for _, v := range m.SetMatches() {
			values = append(values, ppl.Quote(v))
		}
	}
	if len(values) == 0 {
		return ""
	}
	var either []string
	for _, c := range s.columns {
		switch {
		case c.label != m.Name:
		case !c.text:
			return ""
		case len(values) == 1:
			either = append(either, c.quoted()+" = "+values[0])
		default:
			either = append(either, c.quoted()+" in ("+strings.Join(values, ", ")+")")
		}
	}
	if len(either) == 0 {
		return ""
	}
	return "(" + strings.Join(either, " or ") + ")"
}

// labels makes the labels of a row [name, columns...]; ok is false where they do not match.
func (w *want) labels(row []any) (labels.Labels, bool) {
	name, ok := w.names[text(row[0])]
	if !ok {
		return labels.Labels{}, false
	}
	b := labels.NewBuilder(labels.EmptyLabels())
	var service string
	for i, c := range w.columns {
		v := text(row[1+i])
		if v == "" || b.Get(c.label) != "" {
			continue
		}
		// Readers of Prometheus' formats put a service's label into the resource as well; it is no label of its own.
		if c.resource && c.field == "resource.attributes.service.name" && service == v {
			continue
		}
		if !c.resource && (c.label == "service" || c.label == "service_name") && service == "" {
			service = v
		}
		b.Set(c.label, v)
	}
	for _, m := range w.matchers {
		if !m.Matches(b.Get(m.Name)) {
			return labels.Labels{}, false
		}
	}
	b.Set(nameLabel, name)
	set := b.Labels()
	return set, true
}

// load reads the series of a selector, sorted by labels.
func (q *querier) load(ctx context.Context, ms []*labels.Matcher, from, to int64) ([]*series, error) {
	w := q.shape.want(ms)
	if len(w.names) == 0 {
		return nil, nil
	}
	columns, err := q.filled(ctx, w)
	if err != nil {
		return nil, err
	}
	w.columns = columns
	fields := []string{"`@timestamp`", "value", "name"}
	for _, c := range columns {
		fields = append(fields, c.quoted())
	}
	text := "source=" + q.shape.table.Name + " | where " + w.condition(millis(from, to)) + " | fields " + strings.Join(fields, ", ")
	l := loader{want: w, index: map[string]*series{}}
	if _, err := q.eng.Stream(ctx, text, engine.Limits{}, l.row); err != nil {
		return nil, err
	}
	return q.finish(l.list), nil
}

// filled keeps the columns that the metrics asked for have: the fewer, the faster. With few columns it is not worth the question.
func (q *querier) filled(ctx context.Context, w *want) ([]column, error) {
	const few = 6
	if len(w.columns) <= few || len(w.names) == len(q.shape.metrics) {
		return w.columns, nil
	}
	counts := make([]string, len(w.columns))
	for i, c := range w.columns {
		counts[i] = "count(" + c.quoted() + ")"
	}
	query := "source=" + q.shape.table.Name + " | where " + w.conditions[0] + " | stats " + strings.Join(counts, ", ")
	res, err := q.eng.Query(ctx, query, engine.Limits{MaxRows: 1})
	if err != nil || len(res.Rows) == 0 {
		return nil, err
	}
	var out []column
	for i, c := range w.columns {
		if n, _ := res.Rows[0][i].(int64); n > 0 {
			out = append(out, c)
		}
	}
	return out, nil
}

// loader puts rows together to series.
type loader struct {
	want  *want
	index map[string]*series
	list  []*series
	key   []byte
	n     int
}

// row takes [time, value, name, columns...].
func (l *loader) row(row []any) error {
	at, _ := row[0].(time.Time)
	v, ok := number(row[1])
	if at.IsZero() || !ok {
		return nil
	}
	l.key = l.key[:0]
	for _, c := range row[2:] {
		l.key = append(append(l.key, text(c)...), 0)
	}
	s, known := l.index[string(l.key)]
	if !known {
		if set, ok := l.want.labels(row[2:]); ok {
			s = &series{labels: set}
			l.list = append(l.list, s)
		}
		l.index[string(l.key)] = s // nil: does not match
		if len(l.list) > maxSeries {
			return fault.WithHint(fault.New(fault.TooLarge, "promql: over %d series", maxSeries), "Select fewer series by labels.")
		}
	}
	if s == nil {
		return nil
	}
	if l.n++; l.n > maxSamples {
		return fault.WithHint(fault.New(fault.TooLarge, "promql: over %d samples", maxSamples), "Narrow start and end or the labels.")
	}
	s.points = append(s.points, Point{at.UnixMilli(), v})
	return nil
}

func number(cell any) (float64, bool) {
	switch v := cell.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	}
	return 0, false
}

// finish sorts series and samples, joins series of equal labels, and gathers the facts.
func (q *querier) finish(list []*series) []*series {
	slices.SortStableFunc(list, func(a, b *series) int { return labels.Compare(a.labels, b.labels) })
	out := list[:0]
	for _, s := range list {
		if n := len(out); n > 0 && labels.Equal(out[n-1].labels, s.labels) {
			out[n-1].points = append(out[n-1].points, s.points...)
			continue
		}
		out = append(out, s)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range out {
		s.sort()
		name := s.labels.Get(nameLabel)
		if q.facts[name] == nil {
			q.facts[name] = &gathered{seen: map[uint64]bool{}}
		}
		q.facts[name].add(s)
	}
	return out
}

// series is a series in memory.
type series struct {
	labels labels.Labels
	points []Point
}

// sort orders the samples by time; of several at one time the last one read stays.
func (s *series) sort() {
	byTime := func(a, b Point) int { return cmp.Compare(a.At, b.At) }
	if !slices.IsSortedFunc(s.points, byTime) {
		slices.SortStableFunc(s.points, byTime)
	}
	out := s.points[:0]
	for _, p := range s.points {
		if n := len(out); n > 0 && out[n-1].At == p.At {
			out[n-1] = p
			continue
		}
		out = append(out, p)
	}
	s.points = out
}

// Labels implements storage.Series.
func (s *series) Labels() labels.Labels { return s.labels }

// Iterator implements storage.Series.
func (s *series) Iterator(chunkenc.Iterator) chunkenc.Iterator {
	return storage.NewListSeriesIterator(samples(s.points))
}

// seriesSet walks a list.
type seriesSet struct {
	list []*series
	at   int
}

// Next implements storage.SeriesSet.
func (s *seriesSet) Next() bool { s.at++; return s.at < len(s.list) }

// At implements storage.SeriesSet.
func (s *seriesSet) At() storage.Series { return s.list[s.at] }

// Err implements storage.SeriesSet.
func (*seriesSet) Err() error { return nil }

// Warnings implements storage.SeriesSet.
func (*seriesSet) Warnings() annotations.Annotations { return nil }

// samples are the points of a series as the library walks them.
type samples []Point

// Get implements storage.Samples.
func (s samples) Get(i int) chunks.Sample { return (*sample)(&s[i]) }

// Len implements storage.Samples.
func (s samples) Len() int { return len(s) }

// sample is a Point as the library reads it; there are only floats.
type sample Point

// T implements chunks.Sample.
func (s *sample) T() int64 { return s.At }

// F implements chunks.Sample.
func (s *sample) F() float64 { return s.V }

// H implements chunks.Sample.
func (*sample) H() *histogram.Histogram { return nil }

// FH implements chunks.Sample.
func (*sample) FH() *histogram.FloatHistogram { return nil }

// Type implements chunks.Sample.
func (*sample) Type() chunkenc.ValueType { return chunkenc.ValFloat }

// Copy implements chunks.Sample.
func (s *sample) Copy() chunks.Sample { c := *s; return &c }
