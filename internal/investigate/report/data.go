package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// Bounds of what a page shows.
const (
	buckets     = 60  // bars of the timeline
	maxRows     = 40  // spans of a waterfall
	maxPatterns = 12  // rows of the pattern table
	maxNodes    = 60  // nodes of the map
	maxTwin     = 200 // healthy traces looked at for a twin
)

// Data is what a report shows.
type Data struct {
	Alert    string // as the person on call got it; data
	Source   string
	Verdict  *investigate.Report
	Timeline []Bucket
	Edges    []trace.Edge
	Failing  *Waterfall // the first suspect's exemplar
	Healthy  *Waterfall // the same entry operation without a failure
}

// Bucket is one bar of the timeline.
type Bucket struct {
	Start    time.Time
	Requests int
	Failed   int
	P95      time.Duration
}

// Waterfall is one trace laid out in time.
type Waterfall struct {
	TraceID  string
	Duration time.Duration
	Rows     []Row
	Cut      int // spans left out
}

// Row is one span of a waterfall.
type Row struct {
	Depth               int
	Service, Operation  string
	Offset, Duration    time.Duration
	Exclusive, Critical time.Duration
	Marks               []string
	Message             string
}

// Failed reports whether the span ended in an error.
func (r Row) Failed() bool {
	return slices.Contains(r.Marks, trace.MarkOrigin) || slices.Contains(r.Marks, trace.MarkError)
}

// Collect gathers the plots of an investigation from the engine: spans of the baseline and the incident, read once.
func Collect(ctx context.Context, eng engine.Engine, source, alert string, v *investigate.Report) (*Data, error) {
	d := &Data{Alert: alert, Source: source, Verdict: v}
	if v.Facts.Spans == 0 {
		return d, nil
	}
	r := timerange.Range{Start: v.Facts.Start, End: v.Facts.End.Add(time.Nanosecond)}
	set, err := trace.Load(ctx, eng, trace.Options{Range: r})
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	d.Timeline = timeline(set, r)
	from, to, base := r.Start, r.End, time.Time{}
	if v.Window != nil && v.Baseline != nil {
		from, to, base = v.Window.Start, v.Window.End, v.Baseline.Start
	}
	d.Edges = set.ServiceMap(from.UnixNano(), to.UnixNano(), unixNano(base))
	if t, ok := exemplar(set, v); ok {
		d.Failing = waterfall(set, t)
		if twin, ok := healthyTwin(set, t); ok {
			d.Healthy = waterfall(set, twin)
		}
	}
	return d, nil
}

func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// timeline counts requests (roots of traces), failed ones and their 95th percentile by bucket.
func timeline(set *trace.Set, r timerange.Range) []Bucket {
	width := r.Duration() / buckets
	if width <= 0 {
		return nil
	}
	out := make([]Bucket, buckets)
	durs := make([][]time.Duration, buckets)
	for i := range out {
		out[i].Start = r.Start.Add(time.Duration(i) * width)
	}
	for _, t := range set.Traces {
		root := &set.Spans[t.Root]
		i := int(time.Duration(root.Start-r.Start.UnixNano()) / width)
		if i < 0 || i >= buckets {
			continue
		}
		out[i].Requests++
		durs[i] = append(durs[i], time.Duration(root.Dur))
		for s := t.Lo; s < t.Hi; s++ {
			if set.Spans[s].Error {
				out[i].Failed++
				break
			}
		}
	}
	for i, d := range durs {
		if len(d) > 0 {
			slices.Sort(d)
			out[i].P95 = d[(len(d)-1)*95/100]
		}
	}
	return out
}

// exemplar is the first trace that the first suspect's evidence names.
func exemplar(set *trace.Set, v *investigate.Report) (trace.Trace, bool) {
	if len(v.Suspects) == 0 {
		return trace.Trace{}, false
	}
	for _, e := range v.Suspects[0].Evidence {
		if e.Kind != finding.Span || e.TraceID == "" {
			continue
		}
		id, ok := set.Sym(e.TraceID)
		if !ok {
			continue
		}
		if i := slices.IndexFunc(set.Traces, func(t trace.Trace) bool { return t.ID == id }); i >= 0 {
			return set.Traces[i], true
		}
	}
	return trace.Trace{}, false
}

// healthyTwin is the trace with the median number of spans among those of the same entry operations without a failure.
func healthyTwin(set *trace.Set, t trace.Trace) (trace.Trace, bool) {
	want := entries(set, t)
	var found []trace.Trace
	for _, c := range set.Traces {
		if c.ID != t.ID && slices.Equal(entries(set, c), want) && !failed(set, c) {
			found = append(found, c)
		}
		if len(found) == maxTwin {
			break
		}
	}
	if len(found) == 0 {
		return trace.Trace{}, false
	}
	slices.SortStableFunc(found, func(a, b trace.Trace) int { return cmp.Compare(a.Hi-a.Lo, b.Hi-b.Lo) })
	return found[len(found)/2], true
}

// entries names the root and its first child: a root such as "ingress" alone does not tell one request from another.
func entries(set *trace.Set, t trace.Trace) []trace.Sym {
	root := &set.Spans[t.Root]
	out := []trace.Sym{root.Service, root.Name}
	if c := root.FirstChild; c >= 0 {
		out = append(out, set.Spans[c].Service, set.Spans[c].Name)
	}
	return out
}

func failed(set *trace.Set, t trace.Trace) bool {
	for i := t.Lo; i < t.Hi; i++ {
		if set.Spans[i].Error {
			return true
		}
	}
	return false
}

func waterfall(set *trace.Set, t trace.Trace) *Waterfall {
	tree := set.Show(t)
	w := &Waterfall{TraceID: set.Text(t.ID), Duration: time.Duration(set.Spans[t.Root].Dur)}
	for _, n := range tree.Nodes {
		sp := &set.Spans[n.Index]
		w.Duration = max(w.Duration, n.Offset+time.Duration(sp.Dur))
		if len(w.Rows) == maxRows {
			w.Cut++
			continue
		}
		w.Rows = append(w.Rows, Row{
			Depth: n.Depth, Service: set.Text(sp.Service), Operation: set.Text(sp.Name), Offset: n.Offset, Duration: time.Duration(sp.Dur),
			Exclusive: n.Exclusive, Critical: n.Critical, Marks: n.Marks, Message: set.Text(sp.Message),
		})
	}
	return w
}
