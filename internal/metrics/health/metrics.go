package health

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/metrics"
	"github.com/plumbline-mcp/plumbline/internal/stat"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return stat.Quantile(values, q)
}

// metricReader counts by PromQL. The counts are selectors; a delta is summed, a counter's increase taken.
type metricReader struct {
	src      metrics.Source
	derived  bool   // from spans
	service  string // label that names the service
	requests string
	faults   string // "" where nothing tells them
	errors   string
	buckets  string // of the durations, "" for none
	bucketBy string // label that names the service in the buckets
	delta    bool   // requests, faults, errors
	deltas   bool   // buckets
	toMS     float64
	latency  *spanReader // durations, where no buckets tell them
}

// from implements reader.
func (m *metricReader) from() From {
	f := From{Requests: "metrics " + m.requests}
	if m.faults != "" {
		f.Requests += " and " + m.faults
	}
	switch {
	case m.buckets != "":
		f.Durations = "metrics " + m.buckets
	case m.latency != nil:
		f.Durations = "spans"
	default:
		f.Durations = "nothing"
	}
	if m.derived {
		f.Requests += " (derived from spans)"
	}
	return f
}

// metricsOf recognises the metrics of requests that a source has.
func metricsOf(ctx context.Context, src metrics.Source, req Request) (*metricReader, timerange.Range, error) {
	if src == nil {
		return nil, timerange.Range{}, nil
	}
	extent, err := src.Extent(ctx)
	if err != nil {
		return nil, extent, err
	}
	r := extent
	if r.IsZero() {
		end := req.Range.End
		if end.IsZero() {
			end = req.Now
		}
		r = timerange.Range{Start: end.Add(-24 * time.Hour), End: end}
	}
	list, err := src.Metrics(ctx, r)
	if err != nil {
		return nil, extent, err
	}
	names := map[string]bool{}
	for _, m := range list {
		names[m.Name] = true
	}
	f := finder{src: src, names: names, r: timerange.Range{Start: r.Start, End: r.End.Add(time.Millisecond)}}
	for _, try := range []func(context.Context) (*metricReader, error){f.prepper, f.calls, f.servers} {
		m, err := try(ctx)
		if err != nil {
			return nil, extent, err
		}
		if m != nil {
			return m, extent, f.temporality(ctx, m)
		}
	}
	return nil, extent, nil
}

// finder recognises what a source's metrics are.
type finder struct {
	src   metrics.Source
	names map[string]bool
	r     timerange.Range
}

// someSets bounds the label sets read to recognise a metric.
const someSets = 2_000

func (f finder) sets(ctx context.Context, selector string) ([]labels.Labels, error) {
	sets, _, err := f.src.Series(ctx, []string{selector}, f.r, someSets)
	return sets, err
}

// prepper recognises Data Prepper's sums: request, error, fault, latency_seconds.
func (f finder) prepper(ctx context.Context) (*metricReader, error) {
	if !f.names["request"] || !f.names["fault"] {
		return nil, nil
	}
	sets, err := f.sets(ctx, `request{namespace="span_derived"}`)
	if err != nil || len(sets) == 0 {
		return nil, err
	}
	const own = `{namespace="span_derived",remoteService=""}`
	m := &metricReader{src: f.src, derived: true, service: "service", requests: "request" + own, faults: "fault" + own, toMS: 1000}
	if f.names["error"] {
		m.errors = "error" + own
	}
	if f.names["latency_seconds_bucket"] {
		m.buckets, m.bucketBy = "latency_seconds_bucket"+own, "service"
		return m, nil
	}
	return m, f.borrow(ctx, m)
}

// borrow takes durations from the servers' own histograms.
func (f finder) borrow(ctx context.Context, m *metricReader) error {
	s, err := f.servers(ctx)
	if err == nil && s != nil {
		m.buckets, m.bucketBy, m.toMS = s.buckets, s.service, s.toMS
	}
	return err
}

// spanCalls names the counters of OpenTelemetry's span metrics connector and of Tempo's generator.
var spanCalls = regexp.MustCompile(`^(.*_)?(traces_span_?metrics_|span_?metrics_|)calls(_total)?$`)

// calls recognises span metrics: PREFIXcalls_total by service and status_code, PREFIXduration_*_bucket.
func (f finder) calls(ctx context.Context) (*metricReader, error) {
	for _, name := range f.sorted() {
		if !spanCalls.MatchString(name) {
			continue
		}
		sets, err := f.sets(ctx, name)
		if err != nil {
			return nil, err
		}
		service, kind := first(sets, serviceLabels()), first(sets, []string{"span_kind"})
		status := first(sets, []string{"status_code", "otel_status_code"})
		if service == "" || status == "" {
			continue
		}
		own := ""
		if kind != "" {
			own = kind + `=~"(SPAN_KIND_)?(SERVER|CONSUMER|server|consumer)"`
		}
		m := &metricReader{
			src: f.src, derived: true, service: service, requests: name + "{" + own + "}",
			faults: name + "{" + comma(own) + status + `=~"(STATUS_CODE_)?(ERROR|error|Error)"}`,
		}
		prefix := strings.TrimSuffix(strings.TrimSuffix(name, "_total"), "calls")
		for _, b := range []struct {
			name string
			ms   float64
		}{{"duration_milliseconds_bucket", 1}, {"duration_seconds_bucket", 1000}, {"latency_bucket", 1000}, {"duration_bucket", 1}, {"latency_seconds_bucket", 1000}} {
			if f.names[prefix+b.name] {
				m.buckets, m.bucketBy, m.toMS = prefix+b.name+"{"+own+"}", service, b.ms
				break
			}
		}
		return m, nil
	}
	return nil, nil
}

// serverDurations names the histograms in which servers measure their requests.
var serverDurations = regexp.MustCompile(`^(http|rpc|grpc)?_?(server|http)_(request_)?(handling_|handled_)?(duration|latency|handling)(_(seconds|milliseconds))?_bucket$|^istio_request_duration_milliseconds_bucket$`)

// servers recognises the histograms of HTTP and RPC servers.
func (f finder) servers(ctx context.Context) (*metricReader, error) {
	for _, name := range f.sorted() {
		base := strings.TrimSuffix(name, "_bucket")
		if !serverDurations.MatchString(name) || !f.names[base+"_count"] {
			continue
		}
		sets, err := f.sets(ctx, base+"_count")
		if err != nil {
			return nil, err
		}
		service := first(sets, serviceLabels())
		if service == "" {
			continue
		}
		m := &metricReader{src: f.src, service: service, requests: base + "_count", buckets: name, bucketBy: service, toMS: 1000}
		if strings.Contains(name, "milliseconds") {
			m.toMS = 1
		}
		switch status := first(sets, []string{"http_response_status_code", "http_status_code", "response_code", "status_code", "code", "status"}); {
		case status != "":
			m.faults, m.errors = base+"_count{"+status+`=~"5.."}`, base+"_count{"+status+`=~"4.."}`
		default:
			if code := first(sets, []string{"rpc_grpc_status_code", "grpc_code", "error_type"}); code == "error_type" {
				m.faults = base + `_count{error_type!=""}`
			} else if code != "" {
				m.faults = base + "_count{" + code + `=~"2|4|13|14|15|Unknown|DeadlineExceeded|Internal|Unavailable|DataLoss"}`
			}
		}
		return m, nil
	}
	return nil, nil
}

func (f finder) sorted() []string {
	out := make([]string, 0, len(f.names))
	for n := range f.names {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

func serviceLabels() []string {
	return []string{"service_name", "service", "destination_service_name", "job", "app"}
}

// first returns the first of the labels that the series have.
func first(sets []labels.Labels, names []string) string {
	for _, n := range names {
		if slices.ContainsFunc(sets, func(s labels.Labels) bool { return s.Get(n) != "" }) {
			return n
		}
	}
	return ""
}

func comma(s string) string {
	if s == "" {
		return ""
	}
	return s + ","
}

// temporality finds out whether the counts are deltas.
func (f finder) temporality(ctx context.Context, m *metricReader) (err error) {
	if m.delta, err = metrics.Delta(ctx, f.src, m.requests, f.r.End, f.r.Duration()); err != nil || m.buckets == "" {
		return err
	}
	m.deltas, err = metrics.Delta(ctx, f.src, m.buckets, f.r.End, f.r.Duration())
	return err
}

// over writes the count of a selector in a range.
func over(selector string, w time.Duration, delta bool) string {
	if delta {
		return "sum_over_time(" + selector + "[" + metrics.Short(w) + "])"
	}
	return "increase(" + selector + "[" + metrics.Short(w) + "])"
}

func (m *metricReader) sum(selector string, w time.Duration) string {
	return "sum by (" + m.service + ") (" + over(selector, w, m.delta) + ")"
}

func (m *metricReader) quantile(q float64, w time.Duration) string {
	return fmt.Sprintf("histogram_quantile(%g, sum by (%s, le) (%s)) * %g", q, m.bucketBy, over(m.buckets, w, m.deltas), m.toMS)
}

// window implements reader.
func (m *metricReader) window(ctx context.Context, from, to time.Time) (map[string]*Numbers, error) {
	w := to.Sub(from).Round(time.Second)
	out := map[string]*Numbers{}
	var durations map[string]*Numbers
	if m.buckets == "" && m.latency != nil {
		var err error
		if durations, err = m.latency.window(ctx, from, to); err != nil {
			return nil, err
		}
	}
	type question struct {
		query, label string
		set          func(*Numbers, float64)
	}
	ask := []question{{m.sum(m.requests, w), m.service, func(n *Numbers, v float64) { n.Requests = v }}}
	if m.faults != "" {
		ask = append(ask, question{m.sum(m.faults, w), m.service, func(n *Numbers, v float64) { n.faults = v }})
	}
	if m.errors != "" {
		ask = append(ask, question{m.sum(m.errors, w), m.service, func(n *Numbers, v float64) { n.errors = v }})
	}
	if m.buckets != "" {
		ask = append(ask,
			question{m.quantile(.5, w), m.bucketBy, func(n *Numbers, v float64) { n.P50 = v }},
			question{m.quantile(.95, w), m.bucketBy, func(n *Numbers, v float64) { n.P95 = v }},
			question{m.quantile(.99, w), m.bucketBy, func(n *Numbers, v float64) { n.P99 = v }})
	}
	for i, q := range ask {
		a, err := m.src.Instant(ctx, q.query, to)
		if err != nil {
			return nil, fault.WithHint(fmt.Errorf("%s: %w", q.query, err), "%s", fault.HintOf(err))
		}
		for _, s := range a.Series {
			name := s.Labels.Get(q.label)
			if i == 0 && name != "" {
				out[name] = &Numbers{}
			}
			if n := out[name]; n != nil && len(s.Points) > 0 && !math.IsNaN(s.Points[0].V) {
				q.set(n, s.Points[0].V)
			}
		}
	}
	for name, d := range durations {
		if n := out[name]; n != nil {
			n.P50, n.P95, n.P99 = d.P50, d.P95, d.P99
		}
	}
	return out, nil
}

// trend implements reader.
func (m *metricReader) trend(ctx context.Context, from, to time.Time, step time.Duration) (map[string]*Trend, error) {
	out := map[string]*Trend{}
	n := cells(from, to, step)
	// A counter's increase needs two samples in its range; the width of two steps has them where one has one.
	width := step
	put := func(query, label string, at func(*Trend) []float64) error {
		a, err := m.src.Range(ctx, query, from.Add(step), from.Add(time.Duration(n)*step), step)
		if err != nil {
			return err
		}
		for _, s := range a.Series {
			name := s.Labels.Get(label)
			if out[name] == nil {
				out[name] = newTrend(n)
			}
			for _, p := range s.Points {
				if i := int(time.UnixMilli(p.At).Sub(from)/step) - 1; i >= 0 && i < n && !math.IsNaN(p.V) && !math.IsInf(p.V, 0) {
					at(out[name])[i] = round(p.V)
				}
			}
		}
		return nil
	}
	if err := put(m.sum(m.requests, width), m.service, func(t *Trend) []float64 { return t.Requests }); err != nil {
		return nil, err
	}
	if m.faults != "" {
		if err := put(m.sum(m.faults, width), m.service, func(t *Trend) []float64 { return t.Faults }); err != nil {
			return nil, err
		}
	}
	switch {
	case m.buckets != "":
		return out, put(m.quantile(.95, max(width, 5*time.Minute)), m.bucketBy, func(t *Trend) []float64 { return t.P95 })
	case m.latency != nil:
		spans, err := m.latency.trend(ctx, from, to, step)
		for name, t := range spans {
			if out[name] != nil {
				out[name].P95 = t.P95
			}
		}
		return out, err
	}
	return out, nil
}
