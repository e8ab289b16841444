package report

import (
	"slices"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// maxBuckets bounds the bars of a timeline: more would be thinner than a finger's width on a phone.
const maxBuckets = 90

// bucketWidth is the shortest round width that cuts d into at most maxBuckets.
func bucketWidth(d time.Duration) time.Duration {
	return roundStep(d, maxBuckets)
}

// roundStep is the shortest of the round durations that fits into d at most n times.
func roundStep(d time.Duration, n int) time.Duration {
	const day = 24 * time.Hour
	for _, w := range []time.Duration{
		time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second,
		30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour,
		2 * time.Hour, 6 * time.Hour, 12 * time.Hour, day,
	} {
		if d <= w*time.Duration(n) {
			return w
		}
	}
	return (d/time.Duration(n)/day + 1) * day
}

// histogram counts calls into buckets that begin at whole multiples of their width.
type histogram struct {
	start   time.Time
	width   time.Duration
	buckets []Bucket
	durs    [][]int64
}

func newHistogram(r timerange.Range) *histogram {
	h := &histogram{width: bucketWidth(r.Duration())}
	h.start = r.Start.Truncate(h.width)
	n := int(r.End.Sub(h.start)/h.width) + 1
	h.buckets, h.durs = make([]Bucket, n), make([][]int64, n)
	for i := range h.buckets {
		h.buckets[i] = Bucket{Start: h.start.Add(time.Duration(i) * h.width), Width: h.width}
	}
	return h
}

func (h *histogram) add(start, dur int64, failed bool) {
	i := int(time.Duration(start-h.start.UnixNano()) / h.width)
	if i < 0 || i >= len(h.buckets) {
		return
	}
	h.buckets[i].Calls++
	if failed {
		h.buckets[i].Failed++
	}
	h.durs[i] = append(h.durs[i], dur)
}

// done fills the percentiles and drops empty buckets at the end.
func (h *histogram) done() []Bucket {
	for i, d := range h.durs {
		slices.Sort(d)
		h.buckets[i].P50, h.buckets[i].P95 = trace.Quantile(d, .5), trace.Quantile(d, .95)
	}
	n := len(h.buckets)
	for n > 0 && h.buckets[n-1].Calls == 0 {
		n--
	}
	return h.buckets[:n]
}

// requests counts the roots of traces; a request has failed when any of its spans has.
func requests(set *trace.Set, r timerange.Range) []Bucket {
	h := newHistogram(r)
	for _, t := range set.Traces {
		root := &set.Spans[t.Root]
		h.add(root.Start, root.Dur, failed(set, t))
	}
	return h.done()
}

// served counts the calls that a service answered; what it did at all when nothing shows it answering.
func served(set *trace.Set, service string, r timerange.Range) []Bucket {
	y, ok := set.Sym(service)
	if !ok {
		return nil
	}
	in, all := newHistogram(r), newHistogram(r)
	n := 0
	for i := range set.Spans {
		sp := &set.Spans[i]
		if sp.Service != y {
			continue
		}
		all.add(sp.Start, sp.Dur, sp.Error)
		if sp.Kind.Incoming() {
			n++
			in.add(sp.Start, sp.Dur, sp.Error)
		}
	}
	if n == 0 {
		in = all
	}
	return in.done()
}

// alike counts the spans of the same service, name and kind as span i.
func alike(set *trace.Set, i int32, r timerange.Range) []Bucket {
	h := newHistogram(r)
	as := &set.Spans[i]
	for j := range set.Spans {
		if sp := &set.Spans[j]; sp.Service == as.Service && sp.Name == as.Name && sp.Kind == as.Kind {
			h.add(sp.Start, sp.Dur, sp.Error)
		}
	}
	return h.done()
}

func failures(b []Bucket) int {
	n := 0
	for _, k := range b {
		n += k.Failed
	}
	return n
}
