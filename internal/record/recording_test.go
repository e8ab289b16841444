package record_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/record"
)

// recordings returns the directory of the incident recordings; the test is skipped where they are not.
func recordings(tb testing.TB) string {
	tb.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "fixtures", "incidents")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("REQUIRE_LIVE") == "1" {
			tb.Fatalf("recordings: %v", err)
		}
		tb.Skip("../shared/fixtures/incidents is not there")
	}
	return dir
}

// truth is what the answer file of a recording says about its size.
type truth struct {
	Counts  map[string]int64 `json:"counts"`
	Visible struct {
		Recording struct {
			Start time.Time `json:"start"`
			End   time.Time `json:"end"`
		} `json:"recording"`
	} `json:"visible"`
}

func TestRecordingsHaveTheCountsTheirTruthNames(t *testing.T) {
	dir := recordings(t)
	for _, id := range []string{"shop-01", "shop-02", "shop-03", "shop-04"} {
		t.Run(id, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(dir, "truth", id+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var truth truth
			if err := json.Unmarshal(raw, &truth); err != nil {
				t.Fatal(err)
			}
			for file, want := range map[string]struct {
				kind   record.Kind
				count  string
				format record.Format
			}{
				"spans.jsonl.gz":      {record.Spans, "spans", record.FormatDocuments},
				"logs.jsonl.gz":       {record.Logs, "logs", record.FormatDocuments},
				"metrics.jsonl.gz":    {record.Metrics, "metric_samples", record.FormatSeries},
				"traces.otlp.json.gz": {record.Spans, "otlp_spans", record.FormatOTLP},
			} {
				rep, odd := survey(t, filepath.Join(dir, id, file), truth.Visible.Recording.Start, truth.Visible.Recording.End)
				if rep.Kinds[want.kind] != truth.Counts[want.count] || rep.Rows != truth.Counts[want.count] || rep.Skipped != 0 || rep.Format != want.format {
					t.Errorf("%s: %+v, want %d", file, rep, truth.Counts[want.count])
				}
				if file == "metrics.jsonl.gz" && rep.Lines != truth.Counts["metric_series"] {
					t.Errorf("%d series, want %d", rep.Lines, truth.Counts["metric_series"])
				}
				if odd > 0 {
					t.Errorf("%s: %d records without service or outside the recording's time", file, odd)
				}
			}
		})
	}
}

// survey reads a file and counts the records without a service or a time within the recording.
func survey(t *testing.T, path string, start, end time.Time) (record.Report, int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	odd := 0
	rep, err := record.Read(context.Background(), f, record.Options{Name: path}, func(r *record.Record) error {
		field := "@timestamp"
		if r.Kind == record.Spans {
			field = "startTime"
		}
		at, _ := r.Get(field).(time.Time)
		if at.Before(start.Add(-time.Minute)) || at.After(end.Add(time.Minute)) {
			odd++
		}
		if r.Kind != record.Metrics && r.Get("serviceName") == nil {
			odd++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rep, odd
}

// TestPlainLogsOfRecordingsAgreeWithTheirDocuments compares the text logs with the documents of the same service: as many entries,
// the same levels, the same trace ids.
func TestPlainLogsOfRecordingsAgreeWithTheirDocuments(t *testing.T) {
	dir := recordings(t)
	for _, id := range []string{"shop-01", "shop-02", "shop-03", "shop-04"} {
		want := make(map[string]*tally)
		for _, svc := range []string{"frontend-proxy", "checkout", "payment", "shopping-assistant"} {
			want[svc] = &tally{levels: make(map[string]int)}
		}
		tallyFile(t, filepath.Join(dir, id, "logs.jsonl.gz"), want)
		for svc, w := range want {
			got := &tally{levels: make(map[string]int)}
			tallyFile(t, filepath.Join(dir, id, "plain", svc+".log.gz"), map[string]*tally{svc: got})
			if got.rows != w.rows {
				t.Errorf("%s %s: %d entries, the documents have %d", id, svc, got.rows, w.rows)
			}
			if got.timeless*1000 > got.rows {
				t.Errorf("%s %s: %d of %d entries without time", id, svc, got.timeless, got.rows)
			}
			if svc == "frontend-proxy" { // an access log: it has neither levels nor trace ids of its own
				continue
			}
			if got.traces != w.traces {
				t.Errorf("%s %s: %d trace ids, the documents have %d", id, svc, got.traces, w.traces)
			}
			for level, n := range w.levels {
				if got.levels[level] != n {
					t.Errorf("%s %s: %d of level %s, the documents have %d", id, svc, got.levels[level], level, n)
				}
			}
		}
	}
}

type tally struct {
	rows, timeless, traces int
	levels                 map[string]int
}

func tallyFile(t *testing.T, path string, by map[string]*tally) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = record.Read(context.Background(), f, record.Options{Name: path}, func(r *record.Record) error {
		svc, _ := r.Get("serviceName").(string)
		w := by[svc]
		if w == nil {
			return nil
		}
		w.rows++
		if r.Get("@timestamp") == nil {
			w.timeless++
		}
		if id, _ := r.Get("traceId").(string); id != "" {
			w.traces++
		}
		level, _ := r.Get("severityText").(string)
		w.levels[level]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestARecordingsOtherFilesAreKnown(t *testing.T) {
	dir := recordings(t)
	for file, want := range map[string]record.Kind{"service_map.jsonl": record.ServiceMap, "alert.json": record.Generic} {
		raw, err := os.ReadFile(filepath.Join(dir, "shop-01", file))
		if err != nil {
			t.Fatal(err)
		}
		rep, err := count(t, strings.NewReader(string(raw)), record.Options{Name: file})
		if err != nil || rep.Kinds[want] == 0 || rep.Kinds[want] != rep.Rows || rep.Skipped != 0 {
			t.Errorf("%s: %+v, %v", file, rep, err)
		}
	}
}
