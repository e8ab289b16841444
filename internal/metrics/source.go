package metrics

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// Source answers PromQL over one set of metrics. Errors are fault errors; those of a query are fault.InvalidQuery.
type Source interface {
	// Instant evaluates a query at one time.
	Instant(ctx context.Context, query string, at time.Time) (*Answer, error)
	// Range evaluates a query at start, start+step, ... up to and with end.
	Range(ctx context.Context, query string, start, end time.Time, step time.Duration) (*Answer, error)
	// Metrics lists the metrics with samples in the range, by name.
	Metrics(ctx context.Context, r timerange.Range) ([]Metric, error)
	// Series lists up to limit label sets that a selector such as up{job="x"} matches in the range; more says that there are more.
	Series(ctx context.Context, selectors []string, r timerange.Range, limit int) (sets []labels.Labels, more bool, err error)
	// Extent is the time of the first and of the last sample; zero where the source does not tell it.
	Extent(ctx context.Context) (timerange.Range, error)
}

// Metric is one metric as its source tells it. What a source does not tell is zero.
type Metric struct {
	Name     string
	Raw      string // its name before it was made fit for PromQL
	Type     string // gauge, sum, counter, histogram, summary, unknown
	Unit     string
	Help     string
	Samples  int64
	Start    time.Time
	End      time.Time
	Interval time.Duration // between samples, 0 if not known
}

// The kinds of answers, as Prometheus names them.
const (
	Matrix = "matrix"
	Vector = "vector"
	Scalar = "scalar"
	String = "string"
)

// Point is a value at a time.
type Point struct {
	At int64 // Unix milliseconds
	V  float64
}

// Series is a series of an answer; of a vector or scalar it has one point.
type Series struct {
	Labels labels.Labels
	Points []Point
}

// Answer is what a query gives.
type Answer struct {
	Type     string // Matrix, Vector, Scalar or String
	Series   []Series
	Text     string   // of a String
	Warnings []string // the server's or the engine's
	// Facts of the metrics that the query read, by name; nil where the source does not show the samples behind an answer.
	Facts map[string]Facts
}

// Facts is what the samples of a metric show, over all its series that a query read.
type Facts struct {
	Series   int
	Steps    int // pairs of neighbouring samples
	Falls    int // of them those in which the value fell
	Rises    int // of them those in which it rose
	Negative bool
	Interval time.Duration // usual distance of neighbouring samples
	Start    time.Time     // first and last sample read
	End      time.Time
}

// fallShare is from which share of falling steps on a series is no counter: a counter falls when its process restarts, which is
// rare beside its samples.
const fallShare = .1

// minSteps is how many steps are needed to tell a counter from a delta.
const minSteps = 8

// Falling reports whether the values fall too often for a counter.
func (f Facts) Falling() bool {
	return f.Steps >= minSteps && float64(f.Falls) > fallShare*float64(f.Steps) && f.Falls > 2*f.Series/3
}

// Climbing reports whether the values climb as those of a counter do.
func (f Facts) Climbing() bool {
	return f.Steps >= minSteps && !f.Negative && f.Rises > 0 && f.Falls*20 <= f.Rises
}
