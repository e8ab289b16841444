package health

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/metrics"
	"github.com/plumbline-mcp/plumbline/internal/stat"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// Defaults of a request.
const (
	DefaultObjective = 99.9 // percent of requests without fault
	openShare        = 4    // an open start: the last quarter of the data,
	openWindow       = 30 * time.Minute
	baselineSpan     = 3 // times the window
	buckets          = 30
	budget           = 30 * 24 * time.Hour // the usual period of an error budget
)

// Request says what to list.
type Request struct {
	Range         timerange.Range // an open end is the end of the data; an open start the last quarter of it, at most 30 minutes
	BaselineStart time.Time       // the baseline runs from here to the start; zero: three times the window
	Objective     float64         // percent; 0 = DefaultObjective
	Now           time.Time
}

// Report is the list.
type Report struct {
	Services      []Service  `json:"services"`
	Start         time.Time  `json:"start"`
	End           time.Time  `json:"end"`
	BaselineStart *time.Time `json:"baseline_start,omitempty"`
	Objective     float64    `json:"objective_pct"`
	From          From       `json:"from"`
	Step          string     `json:"step"` // of the trends
	Notes         []string   `json:"notes,omitempty"`
}

// From says what the numbers were taken from.
type From struct {
	Requests  string `json:"requests"`
	Durations string `json:"durations"`
}

// Service is one service.
type Service struct {
	Name string `json:"service"`
	Numbers
	Availability float64  `json:"availability_pct"`
	Burn         float64  `json:"burn_rate"`                // of the error budget; 1 = used up exactly at the period's end
	BudgetGone   string   `json:"budget_gone_in,omitempty"` // at this rate, of a 30-day budget
	Was          *Numbers `json:"baseline,omitempty"`
	Change       string   `json:"change,omitempty"` // more faults, slower, silent, more requests, fewer requests, new; only where significant
	Trend        Trend    `json:"trend"`
	worse        float64
}

// Numbers are the RED of a service in a window. Durations are milliseconds, 0 where they are not known.
type Numbers struct {
	Requests  float64 `json:"requests"`
	PerMinute float64 `json:"per_minute"`
	FaultPct  float64 `json:"fault_pct"`
	ErrorPct  float64 `json:"error_pct"` // 4xx
	P50       float64 `json:"p50_ms"`
	P95       float64 `json:"p95_ms"`
	P99       float64 `json:"p99_ms"`
	faults    float64
	errors    float64
}

// Trend is the course from the baseline's start to the end, a value a step; a step without requests is 0.
type Trend struct {
	Requests []float64 `json:"requests"`
	Faults   []float64 `json:"faults"`
	P95      []float64 `json:"p95_ms"`
}

// reader counts requests of services out of one kind of data.
type reader interface {
	// window counts each service's requests in [from, to).
	window(ctx context.Context, from, to time.Time) (map[string]*Numbers, error)
	// trend counts them by steps.
	trend(ctx context.Context, from, to time.Time, step time.Duration) (map[string]*Trend, error)
	from() From
}

// Check lists the services of a source. eng is nil for a server of metrics alone.
func Check(ctx context.Context, src metrics.Source, eng engine.Engine, req Request) (*Report, error) {
	r, extent, err := choose(ctx, src, eng, req)
	if err != nil {
		return nil, err
	}
	out := &Report{Objective: cmp.Or(req.Objective, DefaultObjective), From: r.from()}
	if err := out.windows(req, extent); err != nil {
		return nil, err
	}
	now, err := r.window(ctx, out.Start, out.End)
	if err != nil {
		return nil, err
	}
	var was map[string]*Numbers
	first := out.Start
	if out.BaselineStart != nil {
		first = *out.BaselineStart
		if was, err = r.window(ctx, first, out.Start); err != nil {
			return nil, err
		}
	}
	step := max((out.End.Sub(first) / buckets).Truncate(time.Second), time.Second)
	if step > time.Minute {
		step = step.Truncate(time.Minute)
	}
	trends, err := r.trend(ctx, first, out.End, step)
	if err != nil {
		return nil, err
	}
	out.Step = metrics.Short(step)
	out.fill(now, was, trends)
	if len(out.Services) == 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("no request between %s and %s; the data runs from %s to %s", stamp(out.Start), stamp(out.End), stamp(extent.Start), stamp(extent.End)))
	}
	return out, nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// windows resolves window and baseline.
func (o *Report) windows(req Request, extent timerange.Range) error {
	o.Start, o.End = req.Range.Start, req.Range.End
	if o.End.IsZero() {
		if o.End = extent.End; o.End.IsZero() {
			o.End = req.Now
		}
	}
	if o.Start.IsZero() {
		w := openWindow
		if !extent.Start.IsZero() {
			w = min(w, o.End.Sub(extent.Start)/openShare)
		}
		o.Start = o.End.Add(-w)
	}
	if !o.Start.Before(o.End) {
		return fault.WithHint(fault.New(fault.InvalidArgument, "start %s is not before end %s", stamp(o.Start), stamp(o.End)), "The data runs from %s to %s.", stamp(extent.Start), stamp(extent.End))
	}
	base := req.BaselineStart
	if base.IsZero() {
		base = o.Start.Add(-baselineSpan * o.End.Sub(o.Start))
		if base.Before(extent.Start) {
			base = extent.Start
		}
	}
	if base.Before(o.Start) {
		o.BaselineStart = &base
	}
	return nil
}

func (o *Report) fill(now, was map[string]*Numbers, trends map[string]*Trend) {
	names := map[string]bool{}
	for n := range now {
		names[n] = true
	}
	for n := range was {
		names[n] = true
	}
	minutes := o.End.Sub(o.Start).Minutes()
	for n := range names {
		s := Service{Name: n}
		if x := now[n]; x != nil {
			s.Numbers = *x
		}
		s.scale(minutes)
		if o.BaselineStart != nil {
			s.Was = &Numbers{}
			if x := was[n]; x != nil {
				*s.Was = *x
			}
			s.Was.scale(o.Start.Sub(*o.BaselineStart).Minutes())
			s.judge(minutes, o.Start.Sub(*o.BaselineStart).Minutes())
		}
		s.hold(o.Objective)
		if t := trends[n]; t != nil {
			s.Trend = *t
		}
		if s.Requests > 0 || s.Was != nil && s.Was.Requests > 0 {
			o.Services = append(o.Services, s)
		}
	}
	slices.SortFunc(o.Services, func(a, b Service) int {
		return cmp.Or(cmp.Compare(b.worse, a.worse), cmp.Compare(b.Burn, a.Burn), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Name, b.Name))
	})
}

// scale derives rates and shares from counts.
func (n *Numbers) scale(minutes float64) {
	n.Requests = round(n.Requests)
	if minutes > 0 {
		n.PerMinute = round(n.Requests / minutes)
	}
	if n.Requests > 0 {
		n.FaultPct = round(100 * math.Min(1, n.faults/n.Requests))
		n.ErrorPct = round(100 * math.Min(1, n.errors/n.Requests))
	}
	n.P50, n.P95, n.P99 = round(n.P50), round(n.P95), round(n.P99)
}

// hold measures against the objective.
func (s *Service) hold(objective float64) {
	s.Availability = round(100 - s.FaultPct)
	if allowed := 100 - objective; allowed > 0 {
		s.Burn = round(s.FaultPct / allowed)
	}
	if s.Burn > 1 {
		s.BudgetGone = metrics.Short(time.Duration(float64(budget) / s.Burn).Round(time.Minute))
	}
}

// Thresholds of a change worth a word: chance gives such a difference once in a thousand, and it must matter.
const (
	changeP      = .001
	slowerFactor = 1.5
	rateFactor   = 2
	minRequests  = 20
)

// judge says how a service changed, with an order of how much for the worse.
func (s *Service) judge(minutes, before float64) {
	b := s.Was
	switch {
	case b.Requests == 0 && s.Requests >= minRequests:
		s.Change, s.worse = "new", 1
		return
	case s.Requests == 0 && b.Requests >= minRequests && b.PerMinute*minutes >= minRequests/2:
		s.Change, s.worse = "silent", 500
		return
	case s.Requests == 0 || b.Requests == 0:
		return
	}
	faults := stat.GShare(s.faults, s.Requests, b.faults, b.Requests)
	rate := stat.GRate(s.Requests, minutes, b.Requests, before)
	enough := s.Requests >= minRequests && b.Requests >= minRequests
	slower := math.Max(s.P50/math.Max(b.P50, .001), s.P95/math.Max(b.P95, .001))
	switch {
	case faults.P < changeP && s.FaultPct > b.FaultPct:
		s.Change, s.worse = "more faults", 100+s.FaultPct-b.FaultPct
	case enough && b.P95 > 0 && slower >= slowerFactor:
		s.Change, s.worse = "slower", 50+math.Min(slower, 40)
	case enough && rate.P < changeP && s.PerMinute <= b.PerMinute/rateFactor:
		s.Change, s.worse = "fewer requests", 20
	case enough && rate.P < changeP && s.PerMinute >= rateFactor*b.PerMinute:
		s.Change, s.worse = "more requests", 10
	}
}

// round keeps four decimals of small numbers and three significant ones of the rest: RED is read, not reckoned with.
func round(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	if math.Abs(v) >= 1000 {
		return math.Round(v)
	}
	return math.Round(v*1000) / 1000
}

// choose finds what to read: metrics derived from spans, else spans, else the histograms of servers.
func choose(ctx context.Context, src metrics.Source, eng engine.Engine, req Request) (reader, timerange.Range, error) {
	spans, table, err := spansOf(ctx, eng)
	if err != nil {
		return nil, timerange.Range{}, err
	}
	m, extent, err := metricsOf(ctx, src, req)
	switch {
	case err != nil && fault.CodeOf(err) != fault.NotFound:
		return nil, extent, err
	case m != nil && m.derived:
		if len(m.buckets) == 0 && spans != nil {
			m.latency = spans
		}
		return m, extent, nil
	case spans != nil:
		return spans, timerange.Range{Start: table.Start.UTC(), End: table.End.Add(time.Millisecond).UTC()}, nil
	case m != nil:
		return m, extent, nil
	}
	if err == nil {
		err = fault.New(fault.NotFound, "the source has no spans and no metrics of requests")
	}
	return nil, extent, fault.WithHint(err, "Looked for spans, for request/fault, calls_total and *_server_*_duration histograms. metrics_find lists what there is.")
}
