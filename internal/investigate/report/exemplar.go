package report

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// Bounds of the traces shown.
const (
	maxRows = 40  // spans of a waterfall; a screen's height
	maxTwin = 200 // healthy traces looked at for a twin
)

// Waterfall is one trace laid out in time.
type Waterfall struct {
	TraceID  string
	Duration time.Duration
	Rows     []Row
	Cut      int // spans left out
}

// Row is one span of a waterfall.
type Row struct {
	Depth              int
	Service, Operation string
	Kind               string // client, server, ...
	Offset, Duration   time.Duration
	Exclusive          time.Duration
	Own, Critical      []Interval // when no child ran; when the whole request waited for it
	Marks              []string
	Message            string
	Alone              bool // the other trace has no such span
}

// Interval is a part of a trace, from its root's start.
type Interval struct{ From, To time.Duration }

// Failed reports whether the span ended in an error.
func (r Row) Failed() bool {
	return slices.Contains(r.Marks, trace.MarkOrigin) || slices.Contains(r.Marks, trace.MarkError)
}

// exemplars lays out the first suspect's exemplar and its healthy twin, each with the spans marked that the other lacks.
func exemplars(set *trace.Set, v *investigate.Report) (failing, healthy *Waterfall) {
	if len(v.Suspects) == 0 {
		return nil, nil
	}
	for _, e := range v.Suspects[0].Evidence {
		bad, ok := find(set, e.TraceID)
		if e.Kind != finding.Span || !ok {
			continue
		}
		twin, ok := namedTwin(set, e)
		if !ok {
			twin, ok = healthyTwin(set, bad, v)
		}
		if !ok {
			return waterfall(set, bad), nil
		}
		failing, healthy = waterfall(set, bad), waterfall(set, twin)
		failing.compare(operations(set, twin))
		healthy.compare(operations(set, bad))
		return failing, healthy
	}
	return nil, nil
}

func find(set *trace.Set, id string) (trace.Trace, bool) {
	y, ok := set.Sym(id)
	if id == "" || !ok {
		return trace.Trace{}, false
	}
	i := slices.IndexFunc(set.Traces, func(t trace.Trace) bool { return t.ID == y })
	if i < 0 {
		return trace.Trace{}, false
	}
	return set.Traces[i], true
}

// findSpan is the span that a piece of evidence names.
func findSpan(set *trace.Set, e finding.Evidence) (int32, bool) {
	t, ok := find(set, e.TraceID)
	if e.Kind != finding.Span || !ok {
		return 0, false
	}
	for i := t.Lo; i < t.Hi; i++ {
		if set.SpanID(set.Spans[i].ID) == e.SpanID {
			return i, true
		}
	}
	return 0, false
}

var twinWords = regexp.MustCompile(`healthy twin (\S+)`)

// namedTwin is the twin that the evidence speaks of, so that page and text name the same one.
func namedTwin(set *trace.Set, e finding.Evidence) (trace.Trace, bool) {
	m := twinWords.FindStringSubmatch(e.Summary)
	if m == nil {
		return trace.Trace{}, false
	}
	return find(set, m[1])
}

// healthyTwin is the trace with the median number of spans among those of the same entry operations without a failure; from before
// the onset if there are any.
func healthyTwin(set *trace.Set, t trace.Trace, v *investigate.Report) (trace.Trace, bool) {
	want := entries(set, t)
	var before, all []trace.Trace
	for _, c := range set.Traces {
		if c.ID == t.ID || !slices.Equal(entries(set, c), want) || failed(set, c) {
			continue
		}
		if len(all) < maxTwin {
			all = append(all, c)
		}
		if v.Onset != nil && set.Spans[c.Root].Start < v.Onset.UnixNano() {
			before = append(before, c)
		}
		if len(before) == maxTwin {
			break
		}
	}
	if len(before) > 0 {
		all = before
	}
	if len(all) == 0 {
		return trace.Trace{}, false
	}
	slices.SortStableFunc(all, func(a, b trace.Trace) int { return cmp.Compare(a.Hi-a.Lo, b.Hi-b.Lo) })
	return all[len(all)/2], true
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

func operations(set *trace.Set, t trace.Trace) map[string]bool {
	out := map[string]bool{}
	for i := t.Lo; i < t.Hi; i++ {
		sp := &set.Spans[i]
		out[operationKey(set.Text(sp.Service), set.Text(sp.Name), sp.Kind.String())] = true
	}
	return out
}

func operationKey(service, name, kind string) string { return service + "\x00" + name + "\x00" + kind }

// compare marks the rows whose operation the other trace lacks.
func (w *Waterfall) compare(other map[string]bool) {
	for i := range w.Rows {
		r := &w.Rows[i]
		r.Alone = !other[operationKey(r.Service, r.Operation, r.Kind)]
	}
}

// alone counts the rows that the other trace lacks.
func (w *Waterfall) alone() int {
	n := 0
	for _, r := range w.Rows {
		if r.Alone {
			n++
		}
	}
	return n
}

func waterfall(set *trace.Set, t trace.Trace) *Waterfall {
	tree := set.Show(t)
	zero := set.Spans[t.Root].Start
	critical := map[int32][]Interval{}
	for _, g := range tree.Path {
		critical[g.Span] = append(critical[g.Span], Interval{time.Duration(g.From - zero), time.Duration(g.To - zero)})
	}
	w := &Waterfall{TraceID: set.Text(t.ID), Duration: time.Duration(set.Spans[t.Root].Dur)}
	for _, n := range tree.Nodes {
		sp := &set.Spans[n.Index]
		w.Duration = max(w.Duration, n.Offset+time.Duration(sp.Dur))
		if len(w.Rows) == maxRows {
			w.Cut++
			continue
		}
		w.Rows = append(w.Rows, Row{
			Depth: n.Depth, Service: set.Text(sp.Service), Operation: set.Text(sp.Name), Kind: sp.Kind.String(), Offset: n.Offset,
			Duration: time.Duration(sp.Dur), Exclusive: n.Exclusive, Own: own(set, n.Index, zero), Critical: critical[n.Index],
			Marks: n.Marks, Message: set.Text(sp.Message),
		})
	}
	return w
}

// own lists when span i had no child running, by the rules of trace.Set.Exclusive.
func own(set *trace.Set, i int32, zero int64) []Interval {
	sp := &set.Spans[i]
	at := sp.Start
	var out []Interval
	add := func(to int64) {
		if to > at {
			out = append(out, Interval{time.Duration(at - zero), time.Duration(to - zero)})
		}
	}
	for c := sp.FirstChild; c >= 0; c = set.Spans[c].NextSibling {
		ch := &set.Spans[c]
		if ch.Kind == trace.Consumer || sp.Kind == trace.Producer {
			continue
		}
		from, to := max(ch.Start, at), min(ch.End(), sp.End())
		if to > from {
			add(from)
			at = to
		}
	}
	add(sp.End())
	return out
}
