package trace_test

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/internal/trace"
	"github.com/plumbline-mcp/plumbline/internal/trace/tracetest"
)

var t0 = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// span makes a row of the spans table; times are milliseconds after t0.
func span(traceID, id, parent, service, name, kind string, from, to int, more map[string]any) map[string]any {
	r := map[string]any{
		"traceId": traceID, "spanId": id, "parentSpanId": parent, "serviceName": service, "name": name, "kind": "SPAN_KIND_" + kind,
		"startTime": t0.Add(time.Duration(from) * time.Millisecond), "durationInNanos": int64(to-from) * 1e6, "status.code": int64(0),
		"resource.attributes.k8s.node.name": "node-" + service,
	}
	maps.Copy(r, more)
	return r
}

func load(t *testing.T, rows ...map[string]any) *trace.Set {
	t.Helper()
	m := &tracetest.Memory{Data: map[string][]map[string]any{"spans": rows}}
	set, err := trace.Load(t.Context(), m, trace.Options{Attributes: true, Events: true})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func order() []map[string]any {
	failed := map[string]any{"status.code": int64(2), "status.message": "timed out", "attributes.error.type": "timeout", "attributes.server.address": "api.psp.example"}
	broken := map[string]any{"status.code": int64(2)}
	return []map[string]any{
		span("t1", "a1", "", "front", "POST /orders/77", "SERVER", 0, 100, broken),
		span("t1", "a2", "a1", "front", "Place", "CLIENT", 10, 95, broken),
		span("t1", "b1", "a2", "orders", "Place", "SERVER", 12, 93, broken),
		span("t1", "b2", "b1", "orders", "SELECT", "CLIENT", 15, 25, map[string]any{"attributes.db.system.name": "postgresql", "attributes.db.namespace": "orders"}),
		span("t1", "b3", "b1", "orders", "POST", "CLIENT", 55, 90, failed),
	}
}

func TestLoadLinksSpansByParent(t *testing.T) {
	set := load(t, order()...)
	got := map[string]string{}
	for i := range set.Spans {
		sp := &set.Spans[i]
		if sp.Parent >= 0 {
			got[set.SpanID(sp.ID)] = set.SpanID(set.Spans[sp.Parent].ID)
		}
	}
	if d := cmp.Diff(map[string]string{"a2": "a1", "b1": "a2", "b2": "b1", "b3": "b1"}, got); d != "" {
		t.Errorf("parents (-want +got):\n%s", d)
	}
	if name := set.Text(set.Spans[0].Name); name != "POST /orders/{id}" {
		t.Errorf("operation = %q, want the id masked", name)
	}
}

func TestOriginIsTheDeepestError(t *testing.T) {
	set := load(t, order()...)
	for i := range set.Spans {
		want := set.SpanID(set.Spans[i].ID) == "b3"
		if got := set.Origin(int32(i)); got != want {
			t.Errorf("origin of %s = %v, want %v", set.SpanID(set.Spans[i].ID), got, want)
		}
	}
}

func TestCriticalPathAddsUpToTheRoot(t *testing.T) {
	set := load(t, order()...)
	got := map[string]time.Duration{}
	var waited time.Duration
	for _, g := range set.CriticalPath(0, nil) {
		got[set.SpanID(set.Spans[g.Span].ID)] += time.Duration(g.To - g.From)
		if g.Before >= 0 && set.SpanID(set.Spans[g.Before].ID) == "b3" {
			waited = time.Duration(g.To - g.From)
		}
	}
	ms := time.Millisecond
	if d := cmp.Diff(map[string]time.Duration{"a1": 15 * ms, "a2": 4 * ms, "b1": 36 * ms, "b2": 10 * ms, "b3": 35 * ms}, got); d != "" {
		t.Errorf("critical path (-want +got):\n%s", d)
	}
	if waited != 30*ms {
		t.Errorf("wait before the provider call = %s, want 30ms", waited)
	}
}

func TestExclusiveTimeCountsOverlappingChildrenOnce(t *testing.T) {
	set := load(
		t,
		span("t", "1", "", "s", "op", "SERVER", 0, 100, nil),
		span("t", "2", "1", "s", "a", "CLIENT", 10, 50, nil),
		span("t", "3", "1", "s", "b", "CLIENT", 30, 60, nil),
		span("t", "4", "1", "s", "c", "CLIENT", 90, 120, nil),
	)
	if got := set.Exclusive(0); got != 40e6 {
		t.Errorf("exclusive = %d ns, want 40 ms", got)
	}
}

func TestSpansReadTwiceAreKeptOnce(t *testing.T) {
	set := load(t, append(order(), order()...)...)
	if len(set.Spans) != 5 || set.Dropped != 5 {
		t.Errorf("kept %d, dropped %d; want 5 and 5", len(set.Spans), set.Dropped)
	}
}

func TestBrokenParentsDoNotLoop(t *testing.T) {
	set := load(
		t,
		span("t", "1", "2", "s", "a", "SERVER", 0, 10, nil),
		span("t", "2", "1", "s", "b", "SERVER", 0, 10, nil),
		span("t", "3", "9", "s", "c", "SERVER", 0, 10, nil),
		span("t", "4", "4", "s", "d", "SERVER", 0, 10, nil),
	)
	tree := set.Show(set.Traces[0])
	if len(tree.Nodes) != 4 {
		t.Errorf("tree shows %d of 4 spans", len(tree.Nodes))
	}
}

func TestChildWithAWrongClockIsMovedIntoItsParent(t *testing.T) {
	var rows []map[string]any
	for i := range 20 {
		id := string(rune('a' + i))
		rows = append(
			rows,
			span(id, "1", "", "front", "op", "CLIENT", i*1000, i*1000+100, nil),
			span(id, "2", "1", "back", "op", "SERVER", i*1000+10-400, i*1000+90-400, nil),
		)
	}
	set := load(t, rows...)
	skews := set.Skews(0, 1<<62)
	if len(skews) != 1 || skews[0].Node != "node-back" && skews[0].Node != "node-front" || skews[0].Offset.Abs() != 400*time.Millisecond {
		t.Fatalf("skews = %+v, want one of 400 ms", skews)
	}
	tree := set.Show(set.Traces[0])
	got := tree.Nodes[1]
	if got.Offset != 10*time.Millisecond || !cmp.Equal(got.Marks, []string{trace.MarkSkew}) {
		t.Errorf("child at %s with %v, want 10ms and a skew mark", got.Offset, got.Marks)
	}
}

func TestRetriesAreFurtherTriesOfAFailedCall(t *testing.T) {
	bad := map[string]any{"status.code": int64(2), "attributes.server.address": "b"}
	ok := map[string]any{"attributes.server.address": "b"}
	set := load(
		t,
		span("t", "1", "", "s", "op", "SERVER", 0, 100, nil),
		span("t", "2", "1", "s", "get", "CLIENT", 0, 10, bad),
		span("t", "3", "1", "s", "get", "CLIENT", 10, 20, bad),
		span("t", "4", "1", "s", "get", "CLIENT", 20, 30, ok),
		span("t", "5", "1", "s", "list", "CLIENT", 30, 40, ok),
		span("t", "6", "1", "s", "list", "CLIENT", 40, 50, ok),
	)
	got := set.Retries(set.Traces[0])
	if len(got) != 1 || len(got[0].Calls) != 3 || !got[0].Resolved {
		t.Errorf("retries = %+v, want one group of three that succeeded", got)
	}
}

func TestServiceMapNamesUninstrumentedCallees(t *testing.T) {
	set := load(t, order()...)
	type edge struct {
		from, to, kind string
		calls, errors  int
	}
	var got []edge
	for _, e := range set.ServiceMap(0, 1<<62, 0) {
		got = append(got, edge{e.Caller, e.Callee, e.Type, e.Calls, e.Errors})
	}
	want := []edge{{"front", "orders", "service", 1, 1}, {"orders", "api.psp.example", "remote", 1, 1}, {"orders", "orders", "database", 1, 0}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(edge{})); d != "" {
		t.Errorf("edges (-want +got):\n%s", d)
	}
}

func TestServiceMapShowsAnEdgeThatFellSilent(t *testing.T) {
	set := load(
		t,
		span("t", "1", "", "s", "op", "CLIENT", 0, 10, map[string]any{"attributes.server.address": "gone"}),
		span("u", "2", "", "s", "op", "CLIENT", 5000, 5010, map[string]any{"attributes.server.address": "alive"}),
	)
	edges := set.ServiceMap(t0.Add(time.Second).UnixNano(), t0.Add(time.Minute).UnixNano(), t0.UnixNano())
	if len(edges) != 2 || edges[1].Callee != "gone" || edges[1].Calls != 0 || edges[1].Baseline == nil {
		t.Errorf("edges = %+v, want the silent one with its baseline", edges)
	}
}

func TestExceptionEventsNameTheErrorOfASilentSpan(t *testing.T) {
	ev := []any{map[string]any{"name": "exception", "attributes": map[string]any{"exception": map[string]any{"type": "NullPointer", "message": "x is null"}}}}
	set := load(t, span("t", "00000000000000aa", "", "s", "op", "SERVER", 0, 10, map[string]any{"status.code": int64(2), "events": ev}))
	if typ, msg := set.Text(set.Spans[0].ErrorType), set.Text(set.Spans[0].Message); typ != "NullPointer" || msg != "x is null" {
		t.Errorf("error = %q %q, want the exception's", typ, msg)
	}
}

func TestQueryIsBoundedByTheWindow(t *testing.T) {
	got := trace.Query([]string{"name"}, timerange.Range{Start: t0, End: t0.Add(time.Hour)}, "`serviceName` = "+ppl.Quote("it's"))
	want := "source=spans | where `startTime` >= '2026-05-01 12:00:00' and `startTime` < '2026-05-01 13:00:00' and `serviceName` = 'it''s' | fields `name`"
	if got != want {
		t.Errorf("query\n%s\nwant\n%s", got, want)
	}
}
