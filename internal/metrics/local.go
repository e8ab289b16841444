package metrics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/rows"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// Bounds of a local evaluation: a sample in memory is 16 bytes and the engine holds it up to twice.
const (
	maxSamples = 20_000_000 // read by one query
	maxSeries  = 200_000    // read by one query
	maxTime    = 2 * time.Minute
	lookback   = 5 * time.Minute // Prometheus' own
)

// Local answers PromQL over the metrics table of an engine. It is made for one call: it remembers what it has read of the table's
// shape.
type Local struct {
	eng   engine.Engine
	once  sync.Once
	shape *shape
	err   error
}

// NewLocal returns a source over the metrics of an engine.
func NewLocal(eng engine.Engine) *Local { return &Local{eng: eng} }

// shape is what is known of the metrics table.
type shape struct {
	table   engine.Table
	typed   bool
	metrics []Metric
	columns []column
	// interval is the distance of samples in the series with the most of them, 0 if there is no series of two.
	interval time.Duration
}

// column is a column of the table that holds a label.
type column struct {
	field    string
	label    string
	resource bool
	text     bool
}

// quoted writes the column for PPL.
func (c column) quoted() string { return "`" + c.field + "`" }

// look reads the shape of the table once.
func (l *Local) look(ctx context.Context) (*shape, error) {
	l.once.Do(func() { l.shape, l.err = readShape(ctx, l.eng) })
	return l.shape, l.err
}

// Has reports whether the engine has metrics.
func (l *Local) Has(ctx context.Context) (bool, error) {
	_, err := l.look(ctx)
	if fault.CodeOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}

func readShape(ctx context.Context, eng engine.Engine) (*shape, error) {
	tables, err := eng.Tables(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(tables, func(t engine.Table) bool { return t.Kind == engine.Metrics })
	if i < 0 {
		return nil, noMetrics(ctx, eng, tables)
	}
	s := &shape{table: tables[i]}
	fields, err := eng.Fields(ctx, s.table.Name)
	if err != nil {
		return nil, err
	}
	unit := false
	for _, f := range fields {
		// An engine over documents counts those that hold a field as it is called there; type is made from another.
		if f.Filled == 0 && f.Name != "type" {
			continue
		}
		c := column{field: f.Name, text: f.Type == rows.String}
		var name string
		switch {
		case f.Name == "type":
			s.typed = true
			continue
		case f.Name == "unit":
			unit = true
			continue
		case f.Name == "instrumentationScope.name":
			name = "otel_scope_name"
		case strings.HasPrefix(f.Name, "resource.attributes."):
			name, c.resource = strings.TrimPrefix(f.Name, "resource.attributes."), true
		case strings.HasPrefix(f.Name, "attributes."):
			name = strings.TrimPrefix(f.Name, "attributes.")
		default:
			continue
		}
		c.label = spellLabel(name)
		s.columns = append(s.columns, c)
	}
	// A label of the sample itself goes before one of its resource.
	slices.SortStableFunc(s.columns, func(a, b column) int { return boolOrder(a.resource) - boolOrder(b.resource) })
	if s.metrics, err = readMetrics(ctx, eng, s, unit); err != nil {
		return nil, err
	}
	s.bounds()
	return s, s.measure(ctx, eng)
}

// bounds adds the label of buckets' bounds, which documents of histograms do not hold as a field.
func (s *shape) bounds() {
	const le = "attributes.le"
	buckets := slices.ContainsFunc(s.metrics, func(m Metric) bool { return strings.HasSuffix(m.Raw, "_bucket") })
	if buckets && !slices.ContainsFunc(s.columns, func(c column) bool { return c.label == "le" }) {
		s.columns = append([]column{{field: le, label: "le", text: true}}, s.columns...)
	}
}

// stored lists the names that a metric's rows may be stored under: its own, and that of the histogram or summary it is a part of,
// whose document holds all its parts.
func (m Metric) stored() []string {
	out := []string{m.Raw}
	if m.Type == "histogram" || m.Type == "summary" {
		for _, p := range parts() {
			if b, ok := strings.CutSuffix(m.Raw, p); ok {
				out = append(out, b)
			}
		}
	}
	return out
}

// named writes the condition that rows are of one of the metrics; rows of others may fulfil it.
func named(ms []Metric) string {
	var names []string
	for _, m := range ms {
		for _, n := range m.stored() {
			names = append(names, ppl.Quote(n))
		}
	}
	slices.Sort(names)
	return "name in (" + strings.Join(slices.Compact(names), ", ") + ")"
}

// measure finds the distance of samples: of the longest series of the metric with the most samples.
func (s *shape) measure(ctx context.Context, eng engine.Engine) error {
	if len(s.metrics) == 0 {
		return nil
	}
	most := slices.MaxFunc(s.metrics, func(a, b Metric) int { return cmp.Compare(a.Samples, b.Samples) })
	q := fmt.Sprintf("source=%s | where %s | stats count() as n, min(`@timestamp`) as first, max(`@timestamp`) as last by %s | sort - n | head 1",
		s.table.Name, named([]Metric{most}), strings.Join(s.groups(), ", "))
	res, err := eng.Query(ctx, q, engine.Limits{MaxRows: 1})
	if err != nil || len(res.Rows) == 0 {
		return err
	}
	n, _ := res.Rows[0][0].(int64)
	first, _ := res.Rows[0][1].(time.Time)
	last, _ := res.Rows[0][2].(time.Time)
	if n > 1 {
		s.interval = last.Sub(first) / time.Duration(n-1)
	}
	for i := range s.metrics {
		s.metrics[i].Interval = s.interval
	}
	return nil
}

// groups are the columns that make a series.
func (s *shape) groups() []string {
	by := []string{"name"}
	for _, c := range s.columns {
		by = append(by, c.quoted())
	}
	return by
}

func boolOrder(b bool) int {
	if b {
		return 1
	}
	return 0
}

func noMetrics(ctx context.Context, eng engine.Engine, tables []engine.Table) error {
	err := fault.New(fault.NotFound, "the source has no metrics")
	if len(tables) == 0 {
		if why := engine.WhyEmpty(ctx, eng); why != "" {
			return fault.WithHint(err, "%s", why)
		}
	}
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.Name
	}
	return fault.WithHint(err, "Its tables are: %s. Metrics are read from OTLP, OpenMetrics text and Prometheus' JSON, or name a source of kind prometheus.", strings.Join(names, ", "))
}

// readMetrics lists the metrics with their counts and times.
func readMetrics(ctx context.Context, eng engine.Engine, s *shape, unit bool) ([]Metric, error) {
	by := "name"
	if s.typed {
		by += ", type"
	}
	if unit {
		by += ", unit"
	}
	var out []Metric
	at := map[string]int{}
	q := "source=" + s.table.Name + " | stats count() as n, min(`@timestamp`) as first, max(`@timestamp`) as last by " + by
	cols, err := eng.Stream(ctx, q, engine.Limits{}, func(row []any) error {
		// Columns: n, first, last, name and what else was grouped by.
		m := Metric{}
		m.Samples, _ = row[0].(int64)
		m.Start, _ = row[1].(time.Time)
		m.End, _ = row[2].(time.Time)
		m.Raw = text(row[3])
		if s.typed {
			m.Type = text(row[4])
		}
		if unit {
			m.Unit = text(row[len(row)-1])
		}
		m.Name = Spell(m.Raw)
		if m.Raw == "" {
			return nil
		}
		i, ok := at[m.Raw]
		if !ok {
			at[m.Raw] = len(out)
			out = append(out, m)
			return nil
		}
		out[i] = merged(out[i], m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the metrics: %w", err)
	}
	if len(cols) < 4 {
		return nil, fault.New(fault.Internal, "list the metrics: %d columns", len(cols))
	}
	slices.SortFunc(out, func(a, b Metric) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// merged joins what two groups tell of one metric.
func merged(a, b Metric) Metric {
	a.Samples += b.Samples
	if b.Start.Before(a.Start) {
		a.Start = b.Start
	}
	if b.End.After(a.End) {
		a.End = b.End
	}
	if a.Type == "" || a.Type == "unknown" {
		a.Type = b.Type
	}
	if a.Unit == "" {
		a.Unit = b.Unit
	}
	return a
}

// text is a cell as a label's value.
func text(cell any) string {
	switch v := cell.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return fmt.Sprint(cell)
}

// Metrics implements Source.
func (l *Local) Metrics(ctx context.Context, r timerange.Range) ([]Metric, error) {
	s, err := l.look(ctx)
	if err != nil {
		return nil, err
	}
	var out []Metric
	for _, m := range s.metrics {
		if (r.End.IsZero() || m.Start.Before(r.End)) && (r.Start.IsZero() || !m.End.Before(r.Start)) {
			out = append(out, m)
		}
	}
	return out, nil
}

// Extent implements Source.
func (l *Local) Extent(ctx context.Context) (timerange.Range, error) {
	s, err := l.look(ctx)
	if err != nil {
		return timerange.Range{}, err
	}
	var r timerange.Range
	for _, m := range s.metrics {
		if r.Start.IsZero() || m.Start.Before(r.Start) {
			r.Start = m.Start.UTC()
		}
		if m.End.After(r.End) {
			r.End = m.End.UTC()
		}
	}
	return r, nil
}

// Series implements Source.
func (l *Local) Series(ctx context.Context, selectors []string, r timerange.Range, limit int) ([]labels.Labels, bool, error) {
	s, err := l.look(ctx)
	if err != nil {
		return nil, false, err
	}
	var out []labels.Labels
	for _, sel := range selectors {
		ms, err := selector(sel)
		if err != nil {
			return nil, false, err
		}
		sets, more, err := readSets(ctx, l.eng, s, ms, r, limit-len(out))
		if err != nil {
			return nil, false, err
		}
		if out = append(out, sets...); more {
			return out, true, nil
		}
	}
	return out, false, nil
}

// readSets lists label sets by grouping in the engine.
func readSets(ctx context.Context, eng engine.Engine, s *shape, ms []*labels.Matcher, r timerange.Range, limit int) ([]labels.Labels, bool, error) {
	w := s.want(ms)
	if len(w.names) == 0 {
		return nil, false, nil
	}
	q := "source=" + s.table.Name + " | where " + w.condition(r) + " | stats count() as n by " + strings.Join(s.groups(), ", ")
	var out []labels.Labels
	errEnough := errors.New("enough")
	_, err := eng.Stream(ctx, q, engine.Limits{}, func(row []any) error {
		set, ok := w.labels(row[1:])
		if !ok {
			return nil
		}
		if len(out) == limit {
			return errEnough
		}
		out = append(out, set)
		return nil
	})
	if errors.Is(err, errEnough) {
		return out, true, nil
	}
	return out, false, err
}

// Instant implements Source.
func (l *Local) Instant(ctx context.Context, query string, at time.Time) (*Answer, error) {
	return l.run(ctx, query, func(ng *promql.Engine, q storage.Queryable) (promql.Query, error) {
		return ng.NewInstantQuery(ctx, q, nil, query, at)
	})
}

// Range implements Source.
func (l *Local) Range(ctx context.Context, query string, start, end time.Time, step time.Duration) (*Answer, error) {
	return l.run(ctx, query, func(ng *promql.Engine, q storage.Queryable) (promql.Query, error) {
		return ng.NewRangeQuery(ctx, q, nil, query, start, end, step)
	})
}

func (l *Local) run(ctx context.Context, query string, plan func(*promql.Engine, storage.Queryable) (promql.Query, error)) (*Answer, error) {
	if _, err := Parse(query); err != nil {
		return nil, err
	}
	s, err := l.look(ctx)
	if err != nil {
		return nil, err
	}
	ng := promql.NewEngine(promql.EngineOpts{
		MaxSamples: maxSamples, Timeout: maxTime, LookbackDelta: s.lookback(), EnableAtModifier: true, EnableNegativeOffset: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
	})
	store := &store{eng: l.eng, shape: s, facts: map[string]*gathered{}}
	q, err := plan(ng, store)
	if err != nil {
		return nil, fault.WithCode(fmt.Errorf("promql: %w", err), fault.InvalidQuery)
	}
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		return nil, evalError(ctx, res.Err)
	}
	a := answerOf(res)
	a.Facts = store.gather()
	if d := s.lookback(); d > lookback {
		a.Warnings = append(a.Warnings, fmt.Sprintf("samples stand %s apart: a value counts as current for %s instead of Prometheus' 5m", Short(s.interval), Short(d)))
	}
	return a, nil
}

// lookback is Prometheus' five minutes, or more where samples stand further apart than that allows.
func (s *shape) lookback() time.Duration { return max(lookback, s.interval*5/4) }

// evalError makes a failure of the evaluation one that a caller can act on.
func evalError(ctx context.Context, err error) error {
	var (
		many     promql.ErrTooManySamples
		late     promql.ErrQueryTimeout
		canceled promql.ErrQueryCanceled
		stored   promql.ErrStorage
	)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &many):
		return fault.WithHint(fault.New(fault.TooLarge, "promql: over %d samples", maxSamples), "Narrow start and end or the labels, or use a larger step.")
	case errors.As(err, &late):
		return fault.WithHint(fault.New(fault.Timeout, "promql: over %v", maxTime), "Narrow start and end or the labels, or use a larger step.")
	case errors.As(err, &canceled):
		return fault.New(fault.Canceled, "promql: %w", err)
	case errors.As(err, &stored):
		return stored.Err
	}
	return fault.WithHint(fault.WithCode(fmt.Errorf("promql: %w", err), fault.InvalidQuery), "%s", mendEval(err.Error()))
}

// mendEval says how to mend an expression that fails on the data, "" where that is not known.
func mendEval(msg string) string {
	switch {
	case strings.Contains(msg, "found duplicate series"), strings.Contains(msg, "many-to-many"), strings.Contains(msg, "multiple matches for labels"):
		return "Aggregate both sides by the labels that they share, or let one side have several: on(..) group_left or group_right."
	case strings.Contains(msg, "same labelset"):
		return "Two series became one when their names were dropped: select one metric, or aggregate by (__name__, ..) first."
	}
	return ""
}

// millis makes a range of inclusive milliseconds half-open.
func millis(from, to int64) timerange.Range {
	return timerange.Range{Start: time.UnixMilli(from).UTC(), End: time.UnixMilli(to + 1).UTC()}
}

// condition writes what the engine is to filter by.
func (w *want) condition(r timerange.Range) string {
	return ppl.Within("@timestamp", r, w.conditions...)
}
