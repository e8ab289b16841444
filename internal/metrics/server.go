package metrics

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/prometheus"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// Server is a Source behind Prometheus' HTTP API.
type Server struct {
	client *prometheus.Client
}

// NewServer returns the source that a client asks.
func NewServer(c *prometheus.Client) *Server { return &Server{c} }

// Instant implements Source.
func (s *Server) Instant(ctx context.Context, query string, at time.Time) (*Answer, error) {
	a, err := s.client.Query(ctx, query, at)
	if err != nil {
		return nil, err
	}
	return fromServer(a), nil
}

// Range implements Source.
func (s *Server) Range(ctx context.Context, query string, start, end time.Time, step time.Duration) (*Answer, error) {
	a, err := s.client.QueryRange(ctx, query, start, end, step)
	if err != nil {
		return nil, err
	}
	return fromServer(a), nil
}

func fromServer(a *prometheus.Answer) *Answer {
	out := &Answer{Type: a.Type, Text: a.Text, Warnings: a.Warnings}
	if a.Scalar != nil {
		out.Series = []Series{{labels.EmptyLabels(), []Point{Point(*a.Scalar)}}}
	}
	native := 0
	for _, s := range a.Series {
		x := Series{Labels: labels.FromMap(s.Metric)}
		if s.Value != nil {
			x.Points = []Point{Point(*s.Value)}
		}
		for _, p := range s.Values {
			x.Points = append(x.Points, Point(p))
		}
		if len(x.Points) == 0 {
			native++
			continue
		}
		out.Series = append(out.Series, x)
	}
	if native > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%d series are native histograms, which have no single value: put histogram_quantile, histogram_avg or histogram_count around them", native))
	}
	return out
}

// Metrics implements Source. A server that knows no metadata gives names alone.
func (s *Server) Metrics(ctx context.Context, r timerange.Range) ([]Metric, error) {
	names, err := s.client.LabelValues(ctx, nameLabel, r.Start, r.End)
	if err != nil {
		return nil, err
	}
	known, err := s.client.Metadata(ctx)
	if err != nil && fault.CodeOf(err) != fault.NotFound && fault.CodeOf(err) != fault.InvalidQuery {
		return nil, err
	}
	slices.Sort(names)
	out := make([]Metric, len(names))
	for i, n := range names {
		m, ok := known[n]
		for _, p := range append(parts(), "_total") {
			if b, cut := strings.CutSuffix(n, p); cut && !ok {
				m, ok = known[b]
			}
		}
		out[i] = Metric{Name: n, Raw: n, Type: m.Type, Help: m.Help, Unit: m.Unit}
	}
	return out, nil
}

// Series implements Source.
func (s *Server) Series(ctx context.Context, selectors []string, r timerange.Range, limit int) ([]labels.Labels, bool, error) {
	list, err := s.client.Series(ctx, selectors, r.Start, r.End, limit+1)
	if err != nil {
		return nil, false, err
	}
	more := len(list) > limit
	list = list[:min(len(list), limit)]
	out := make([]labels.Labels, len(list))
	for i, m := range list {
		out[i] = labels.FromMap(m)
	}
	return out, more, nil
}

// Extent implements Source; a server does not tell it.
func (*Server) Extent(context.Context) (timerange.Range, error) { return timerange.Range{}, nil }
