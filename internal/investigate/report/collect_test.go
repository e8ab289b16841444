package report_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/investigate/report"
)

// agentSpans is an hour of an agent that answers each minute; from the half hour on its tool fails and a fallback is called, yet the
// agent's own answer is good.
func agentSpans(start time.Time) string {
	var b strings.Builder
	for i := range 60 {
		at := start.Add(time.Duration(i) * time.Minute)
		code := 0
		if i >= 30 {
			code = 2
		}
		span := func(id int, parent, name, kind string, off, ms, code int) {
			from := at.Add(time.Duration(off) * time.Millisecond)
			line, err := json.Marshal(map[string]any{
				"traceId": fmt.Sprintf("%032x", i+1), "spanId": fmt.Sprintf("%013x%03x", i+1, id), "parentSpanId": parent, "name": name, "kind": kind,
				"serviceName": "agent", "startTime": from.Format(time.RFC3339Nano), "endTime": from.Add(time.Duration(ms) * time.Millisecond).Format(time.RFC3339Nano),
				"durationInNanos": ms * 1e6, "status": map[string]any{"code": code},
			})
			if err != nil {
				panic(err)
			}
			b.Write(append(line, '\n'))
		}
		root := fmt.Sprintf("%013x%03x", i+1, 1)
		span(1, "", "POST /chat", "SPAN_KIND_SERVER", 0, 100, 0)
		span(2, root, "execute_tool stock", "SPAN_KIND_INTERNAL", 10, 20, code)
		if code == 2 {
			span(3, root, "execute_tool guess", "SPAN_KIND_INTERNAL", 50, 30, 0)
		}
	}
	return b.String()
}

func TestTheTimelineShowsTheOperationThatFailsWhereAnswersDoNot(t *testing.T) {
	start := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "spans.jsonl"), []byte(agentSpans(start)), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := local.New(local.Config{CacheDir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	eng, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	onset, end := start.Add(30*time.Minute), start.Add(time.Hour)
	twin := fmt.Sprintf("%032x", 7)
	v := &investigate.Report{
		Incident: true, Onset: &onset, Window: &investigate.Window{Start: onset, End: end}, Baseline: &investigate.Window{Start: start, End: onset},
		Facts: investigate.Facts{Spans: 150, Start: start, End: end},
		Suspects: []investigate.Suspect{{Rank: 1, Service: "agent", Component: "tool stock", Evidence: []finding.Evidence{
			{Kind: finding.Query, Query: "source=spans"},
			{Kind: finding.Span, TraceID: fmt.Sprintf("%032x", 41), SpanID: fmt.Sprintf("%013x%03x", 41, 2), Summary: "earliest bad trace; healthy twin " + twin + " took 100ms"},
		}}},
	}
	d, err := report.Collect(t.Context(), eng, "s", investigate.Alert{Text: "x", Time: end}, v)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, b := range d.Served {
		failed += b.Failed
		if b.Failed > 0 && b.Start.Add(b.Width).Before(onset) {
			t.Errorf("%d failed before the onset, at %v", b.Failed, b.Start)
		}
	}
	if d.Focus != "agent execute_tool stock" || failed != 30 {
		t.Errorf("focus %q with %d failures, want those of the tool, 30", d.Focus, failed)
	}
	if d.Healthy == nil || d.Healthy.TraceID != twin {
		t.Fatalf("twin %+v, want the one that the evidence names", d.Healthy)
	}
	var alone []string
	for _, r := range d.Failing.Rows {
		if r.Alone {
			alone = append(alone, r.Operation)
		}
	}
	if len(alone) != 1 || alone[0] != "execute_tool guess" {
		t.Errorf("%v have no counterpart in the twin, want the fallback alone", alone)
	}
	want := []report.Interval{{From: 0, To: 10 * time.Millisecond}, {From: 30 * time.Millisecond, To: 50 * time.Millisecond}, {From: 80 * time.Millisecond, To: 100 * time.Millisecond}}
	if got := d.Failing.Rows[0].Own; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the root worked itself in %v, want %v", got, want)
	}
}
