package report

import (
	"context"
	"fmt"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// Data is what a report shows.
type Data struct {
	Alert     string    // as the person on call got it; data
	AlertTime time.Time // zero if unknown
	Source    string
	Verdict   *investigate.Report
	Requests  []Bucket // all requests: the roots of traces
	Focus     string   // what Served counts: the first suspect's service, or the operation of it that fails
	Served    []Bucket // the calls that it served
	Edges     []trace.Edge
	Failing   *Waterfall // the first suspect's exemplar
	Healthy   *Waterfall // its healthy twin
}

// Bucket is one bar of a timeline.
type Bucket struct {
	Start  time.Time
	Width  time.Duration
	Calls  int
	Failed int
	P50    time.Duration
	P95    time.Duration
}

// Collect gathers the plots of an investigation from the engine: the spans of the whole source, read once.
func Collect(ctx context.Context, eng engine.Engine, source string, alert investigate.Alert, v *investigate.Report) (*Data, error) {
	d := &Data{Alert: alert.Text, AlertTime: alert.Time, Source: source, Verdict: v}
	if v.Facts.Spans == 0 {
		return d, nil
	}
	r := timerange.Range{Start: v.Facts.Start, End: v.Facts.End.Add(time.Nanosecond)}
	set, err := trace.Load(ctx, eng, trace.Options{Range: r})
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	d.Requests = requests(set, r)
	d.focus(set, r)
	from, to, base := r.Start, r.End, int64(0)
	if v.Window != nil && v.Baseline != nil {
		from, to, base = v.Window.Start, v.Window.End, v.Baseline.Start.UnixNano()
	}
	d.Edges = set.ServiceMap(from.UnixNano(), to.UnixNano(), base)
	d.Failing, d.Healthy = exemplars(set, v)
	return d, nil
}

// focus picks the calls that show the first suspect's trouble: those its service answers, or, if none of these fails, those of the
// operation that its exemplar fails in.
func (d *Data) focus(set *trace.Set, r timerange.Range) {
	if len(d.Verdict.Suspects) == 0 {
		return
	}
	first := d.Verdict.Suspects[0]
	d.Focus, d.Served = first.Service, served(set, first.Service, r)
	if failures(d.Served) > 0 {
		return
	}
	for _, e := range first.Evidence {
		i, ok := findSpan(set, e)
		if !ok || set.Spans[i].Kind.Incoming() {
			continue
		}
		if b := alike(set, i, r); failures(b) > 0 {
			d.Focus, d.Served = set.Text(set.Spans[i].Service)+" "+set.Text(set.Spans[i].Name), b
		}
		return
	}
}
