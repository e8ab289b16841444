package investigate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// data is everything one investigation looks at.
type data struct {
	spans   *trace.Set
	logs    *logSet
	metrics *metricSet
	start   int64 // Unix nanoseconds, the window that was read
	end     int64
	notes   []string
	tables  []engine.Table
}

// Limits of one load. They keep an investigation within about 1 GiB; what is cut is said in Report.Notes.
const (
	maxLogs    = 6_000_000
	maxSamples = 4_000_000
	// aroundAlert is how much is read before the alert when the source holds more than maxWhole rows: enough for a
	// baseline of three times an incident of an hour.
	aroundAlert = 4 * time.Hour
	afterAlert  = time.Hour
	maxWhole    = 1_500_000
)

// load reads the spans, logs and metrics of the window that the request needs. A table that is missing is a note, not an error,
// as long as spans or logs exist.
func load(ctx context.Context, eng engine.Engine, req request) (*data, error) {
	tables, err := eng.Tables(ctx)
	if err != nil {
		return nil, fmt.Errorf("investigate: %w", err)
	}
	d := &data{tables: tables, logs: newLogSet(), metrics: &metricSet{}}
	r := readRange(tables, req)
	if d.has(engine.Spans) {
		if d.spans, err = trace.Load(ctx, eng, trace.Options{Range: r, Attributes: true, Events: true}); err != nil {
			return nil, fmt.Errorf("investigate: %w", err)
		}
		d.notes = append(d.notes, d.spans.Notes...)
	} else {
		d.spans = trace.NewBuilder().Build()
		d.notes = append(d.notes, "the source has no spans: blame by calls, the critical path, attributes and exemplars could not be looked at")
	}
	if d.has(engine.Logs) {
		if err := d.logs.load(ctx, eng, r); err != nil {
			return nil, fmt.Errorf("investigate: %w", err)
		}
		if d.logs.cut {
			d.notes = append(d.notes, fmt.Sprintf("only the first %d log lines of the window were read: give start and end, or service", maxLogs))
		}
	} else {
		d.notes = append(d.notes, "the source has no logs: changes, one-off lines and error words could not be looked at")
	}
	if d.has(engine.Metrics) {
		if err := d.metrics.load(ctx, eng, r); err != nil {
			return nil, fmt.Errorf("investigate: %w", err)
		}
	} else {
		d.notes = append(d.notes, "the source has no metrics: saturation, lag, memory and expiry could not be looked at")
	}
	if len(tables) == 0 {
		return nil, fault.WithHint(fault.New(fault.NotFound, "investigate: the source holds no spans, logs or metrics"), "%s", engine.WhyEmpty(ctx, eng))
	}
	if len(d.spans.Spans) == 0 && len(d.logs.patterns) == 0 && len(d.metrics.series) == 0 {
		return nil, fault.WithHint(fault.New(fault.NotFound, "investigate: no spans, logs or metrics in the window %s to %s", stamp(r.Start), stamp(r.End)),
			"data_describe lists the tables of the source and the times they cover.")
	}
	d.bound()
	return d, nil
}

func (d *data) has(k engine.Kind) bool {
	return slices.ContainsFunc(d.tables, func(t engine.Table) bool { return t.Kind == k && t.Name == string(k) && t.Rows > 0 })
}

// readRange is the window to read: what was asked for, widened to hold a baseline; all of a small source.
func readRange(tables []engine.Table, req request) timerange.Range {
	var rows int64
	for _, t := range tables {
		if t.Kind == engine.Spans || t.Kind == engine.Logs {
			rows = max(rows, t.Rows)
		}
	}
	if rows <= maxWhole {
		return timerange.Range{}
	}
	from, to := req.start, req.end
	if !req.alert.IsZero() {
		if from.IsZero() || from.After(req.alert.Add(-aroundAlert)) {
			from = req.alert.Add(-aroundAlert)
		}
		if to.IsZero() {
			to = req.alert.Add(afterAlert)
		}
	} else if !from.IsZero() && !to.IsZero() {
		from = from.Add(-3 * to.Sub(from))
	}
	return timerange.Range{Start: from, End: to}
}

// bound sets start and end to what was read.
func (d *data) bound() {
	add := func(from, to int64) {
		if from == 0 {
			return
		}
		if d.start == 0 || from < d.start {
			d.start = from
		}
		d.end = max(d.end, to+1)
	}
	if len(d.spans.Spans) > 0 {
		from, to := d.spans.Bounds()
		add(from.UnixNano(), to.UnixNano())
	}
	if len(d.spans.Spans) == 0 {
		add(d.logs.from, d.logs.to)
	}
	if d.start == 0 {
		for _, s := range d.metrics.series {
			if n := len(s.at); n > 0 {
				add(s.at[0], s.at[n-1])
			}
		}
	}
}

// stamp writes a point in time for people and agents: RFC 3339 in UTC, seconds.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "open"
	}
	return t.UTC().Format(time.RFC3339)
}

func stampNS(ns int64) string { return stamp(time.Unix(0, ns)) }

// clock divides the window into bins.
type clock struct {
	start, bin int64 // nanoseconds
	n          int
}

// Bins are chosen so that a scan of all intervals stays cheap (n²/2 sums a track) and an onset is found to the minute in
// windows of some hours; suspects refine it to the event.
const (
	maxBins = 160
	minBin  = int64(30 * time.Second)
)

func newClock(start, end int64) clock {
	bin := minBin
	for (end-start)/bin+1 > maxBins {
		bin += minBin
	}
	return clock{start, bin, int((end-start)/bin) + 1}
}

// at returns the bin of a point in time, clamped to the window.
func (c clock) at(ns int64) int { return max(0, min(c.n-1, int((ns-c.start)/c.bin))) }

// time returns where a bin begins.
func (c clock) time(i int) int64 { return c.start + int64(i)*c.bin }

func (c clock) zeros() []float64 { return make([]float64, c.n) }
