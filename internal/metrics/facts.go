package metrics

import (
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// gathered collects the facts of a metric while its series are read.
type gathered struct {
	Facts

	seen      map[uint64]bool // series, so that one read by two selectors counts once
	intervals []time.Duration
}

// maxIntervals bounds the series whose distances of samples are kept.
const maxIntervals = 1000

func (g *gathered) add(s *series) {
	h := s.labels.Hash()
	if g.seen[h] || len(s.points) == 0 {
		return
	}
	g.seen[h] = true
	g.Series++
	first, last := time.UnixMilli(s.points[0].At).UTC(), time.UnixMilli(s.points[len(s.points)-1].At).UTC()
	if g.Start.IsZero() || first.Before(g.Start) {
		g.Start = first
	}
	if last.After(g.End) {
		g.End = last
	}
	for i, p := range s.points {
		g.Negative = g.Negative || p.V < 0
		if i == 0 {
			continue
		}
		g.Steps++
		switch before := s.points[i-1].V; {
		case p.V < before:
			g.Falls++
		case p.V > before:
			g.Rises++
		}
	}
	if n := len(s.points); n > 1 && len(g.intervals) < maxIntervals {
		g.intervals = append(g.intervals, last.Sub(first)/time.Duration(n-1))
	}
}

// gather closes the collection.
func (s *store) gather() map[string]Facts {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]Facts, len(s.facts))
	for name, g := range s.facts {
		if n := len(g.intervals); n > 0 {
			slices.Sort(g.intervals)
			g.Interval = g.intervals[n/2]
		}
		out[name] = g.Facts
	}
	return out
}

// answerOf copies what the engine answers, which it takes back when the query is closed.
func answerOf(r *promql.Result) *Answer {
	a := &Answer{}
	for _, w := range r.Warnings.AsErrors() {
		a.Warnings = append(a.Warnings, w.Error())
	}
	slices.Sort(a.Warnings)
	switch v := r.Value.(type) {
	case promql.Matrix:
		a.Type = Matrix
		for _, s := range v {
			points := make([]Point, len(s.Floats))
			for i, p := range s.Floats {
				points[i] = Point{p.T, p.F}
			}
			a.Series = append(a.Series, Series{s.Metric.Copy(), points})
		}
	case promql.Vector:
		a.Type = Vector
		for _, s := range v {
			a.Series = append(a.Series, Series{s.Metric.Copy(), []Point{{s.T, s.F}}})
		}
	case promql.Scalar:
		a.Type = Scalar
		a.Series = []Series{{labels.EmptyLabels(), []Point{{v.T, v.V}}}}
	case promql.String:
		a.Type, a.Text = String, v.V
	}
	return a
}
