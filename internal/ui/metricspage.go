package ui

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/metrics"
)

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// Bounds of the page of metrics.
const (
	drawnSeries  = 12
	listedNames  = 60
	chartWidth   = 1000
	chartHeight  = 240
	chartDivides = 4
)

// metricsContent is a query's answer, or the metrics that there are.
type metricsContent struct {
	Expr   string
	Words  string
	Result *metrics.Result
	Chart  *chart
	Found  *metrics.Found
}

// chart is lines over time in a box of chartWidth by chartHeight.
type chart struct {
	Lines  []chartLine
	Ticks  []tick
	Levels []level
}

type chartLine struct {
	Class, Name string
	Paths       []string // a polyline each, broken where there is no value
}

// level is a horizontal line with its value.
type level struct {
	Y     float64
	Label string
}

func (s *server) metrics(ctx context.Context, v *view) (any, error) {
	r, err := v.span(s.Now())
	if err != nil {
		return nil, err
	}
	src, err := s.Sources.Metrics(ctx, v.Source)
	if err != nil {
		return nil, err
	}
	out := &metricsContent{Expr: v.get("query"), Words: v.get("words")}
	if out.Expr == "" {
		out.Found, err = metrics.Find(ctx, src, metrics.Search{Words: out.Words, Range: r, Limit: listedNames, Now: s.Now()})
		return out, err
	}
	out.Result, err = metrics.Query(ctx, src, metrics.Request{Query: out.Expr, Range: r, Limit: drawnSeries, Raw: true, Now: s.Now()})
	if err != nil {
		return nil, err
	}
	out.Chart = plot(out.Result)
	return out, nil
}

// plot draws the series of an answer over time on one scale.
func plot(r *metrics.Result) *chart {
	lo, hi := 0.0, math.Inf(-1)
	for _, s := range r.Series {
		for _, p := range s.Values {
			lo, hi = min(lo, p.Value), max(hi, p.Value)
		}
	}
	if math.IsInf(hi, -1) || !r.Start.Before(r.End) {
		return nil
	}
	if hi == lo {
		hi = lo + 1
	}
	c := &chart{}
	width := float64(r.End.Sub(r.Start))
	y := func(v float64) float64 { return math.Round(10*chartHeight*(hi-v)/(hi-lo)) / 10 }
	step, err := metrics.ParseStep(r.Step)
	if err != nil {
		step = time.Minute
	}
	for i, s := range r.Series {
		l := chartLine{Class: fmt.Sprintf("c%d", i%colours), Name: seriesName(s.Labels)}
		var b strings.Builder
		var last time.Time
		for _, p := range s.Values {
			if !last.IsZero() && p.Time.Sub(last) > step*3/2 {
				l.Paths = append(l.Paths, b.String())
				b.Reset()
			}
			last = p.Time
			fmt.Fprintf(&b, "%.1f,%.1f ", chartWidth*float64(p.Time.Sub(r.Start))/width, y(p.Value))
		}
		l.Paths = append(l.Paths, b.String())
		c.Lines = append(c.Lines, l)
	}
	for i := range chartDivides + 1 {
		v := lo + (hi-lo)*float64(i)/chartDivides
		c.Levels = append(c.Levels, level{y(v), metrics.Number(round3(v))})
		t := r.Start.Add(r.End.Sub(r.Start) * time.Duration(i) / chartDivides)
		anchor := map[int]string{0: "start", chartDivides: "end"}[i]
		if anchor == "" {
			anchor = "middle"
		}
		c.Ticks = append(c.Ticks, tick{chartWidth * float64(i) / chartDivides, t.UTC().Format("15:04:05Z"), anchor})
	}
	return c
}

// round3 keeps three significant digits, which is what an axis is read to.
func round3(v float64) float64 {
	if v == 0 {
		return 0
	}
	p := math.Pow(10, 2-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*p) / p
}

func seriesName(labels map[string]string) string {
	if len(labels) == 0 {
		return "all"
	}
	var parts []string
	for _, k := range sortedKeys(labels) {
		if k == "__name__" {
			parts = append([]string{labels[k]}, parts...)
			continue
		}
		parts = append(parts, k+"="+labels[k])
	}
	return strings.Join(parts, " ")
}
