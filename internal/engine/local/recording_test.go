package local_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/engine"
)

// truth is what the generator says of a recording.
type truth struct {
	Visible struct {
		Recording struct {
			Start time.Time `json:"start"`
			End   time.Time `json:"end"`
		} `json:"recording"`
	} `json:"visible"`
	Counts struct {
		Spans         int64 `json:"spans"`
		ErrorSpans    int64 `json:"error_spans"`
		Traces        int64 `json:"traces"`
		Logs          int64 `json:"logs"`
		MetricSamples int64 `json:"metric_samples"`
		OTLPSpans     int64 `json:"otlp_spans"`
	} `json:"counts"`
}

func TestRecordingsHoldWhatTheirTruthSays(t *testing.T) {
	dir := recordings(t)
	cache := t.TempDir()
	for _, id := range []string{"shop-01", "shop-02", "shop-03", "shop-04"} {
		t.Run(id, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(dir, "truth", id+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var want truth
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			s := newStore(t, cache)
			e := openSource(t, s, filepath.Join(dir, id))
			got := truth{Visible: want.Visible}
			got.Counts.Spans = count(t, e, "spans")
			got.Counts.ErrorSpans = count(t, e, "otel-v1-apm-span-* | where status.code = 2")
			got.Counts.Traces, _ = query(t, e, "source=spans | stats distinct_count(traceId) as n").Rows[0][0].(int64)
			got.Counts.Logs = count(t, e, "logs")
			got.Counts.MetricSamples = count(t, e, "metrics")
			got.Counts.OTLPSpans = count(t, openSource(t, s, filepath.Join(dir, id, "traces.otlp.json.gz")), "spans")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			checkTables(t, e, want.Visible.Recording.Start, want.Visible.Recording.End)
		})
	}
}

func checkTables(t *testing.T, e engine.Engine, start, end time.Time) {
	t.Helper()
	tables, err := e.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, tb := range tables {
		names = append(names, tb.Name)
		for _, f := range tb.Files {
			if f.Skipped != 0 {
				t.Errorf("%s: %d skipped: %s", f.Path, f.Skipped, f.Example)
			}
		}
		if tb.TimeField != "" && (tb.Start.Before(start) || tb.End.After(end) || !tb.Start.Before(tb.End)) {
			t.Errorf("%s runs from %s to %s", tb.Name, tb.Start, tb.End)
		}
	}
	if diff := cmp.Diff([]string{"logs", "spans", "metrics", "service_map", "plain_logs", "alert"}, names); diff != "" {
		t.Error(diff)
	}
	spans := tables[1]
	if !slices.ContainsFunc(spans.Notes, func(n string) bool { return strings.Contains(n, "traces.otlp.json.gz") }) {
		t.Errorf("the notes do not say that spans count once: %q", spans.Notes)
	}
	if r := query(t, e, "source=logs | head 1"); len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "plain_logs") {
		t.Errorf("the notes of an answer on logs: %q", r.Notes)
	}
}

// BenchmarkRecording reads shop-01 into an empty cache and asks once.
func BenchmarkRecording(b *testing.B) {
	dir := recordings(b)
	for b.Loop() {
		s := newStore(b, b.TempDir())
		count(b, openSource(b, s, filepath.Join(dir, "shop-01")), "spans")
		s.Close()
	}
}

// BenchmarkWarmOpen opens shop-01 from the cache and asks once.
func BenchmarkWarmOpen(b *testing.B) {
	dir, cache := recordings(b), b.TempDir()
	count(b, openSource(b, newStore(b, cache), filepath.Join(dir, "shop-01")), "spans")
	for b.Loop() {
		s := newStore(b, cache)
		count(b, openSource(b, s, filepath.Join(dir, "shop-01")), "spans")
		s.Close()
	}
}
