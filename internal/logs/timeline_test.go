package logs_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/logs"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

func timeline(tb testing.TB, eng engine.Engine, s logs.Scope, by logs.By, bucket string) *logs.Timeline {
	tb.Helper()
	got, err := logs.FindTimeline(tb.Context(), eng, s, by, bucket)
	if err != nil {
		tb.Fatal(err)
	}
	return got
}

func names(t *logs.Timeline) []string {
	var out []string
	for _, s := range t.Series {
		out = append(out, s.Name)
	}
	return out
}

func TestEmptyBucketsCountZero(t *testing.T) {
	lines := append(said(3, 5, 1, "INFO", "web", "a %d"), said(2, 245, 30, "ERROR", "pay", "b %d")...)
	eng := open(t, lines)
	got := timeline(t, eng, logs.Scope{}, logs.BySeverity, "1m")
	want := []logs.Series{
		{Name: "all", Total: 5, Counts: []int64{3, 0, 0, 0, 2}, Peak: logs.Peak{Time: after(0), Count: 3}, Changes: []logs.Shift{}},
		{Name: "INFO", Total: 3, Counts: []int64{3, 0, 0, 0, 0}, Peak: logs.Peak{Time: after(0), Count: 3}, Changes: []logs.Shift{}},
		{Name: "ERROR", Total: 2, Counts: []int64{0, 0, 0, 0, 2}, Peak: logs.Peak{Time: after(240), Count: 2}, Changes: []logs.Shift{}},
	}
	if diff := cmp.Diff(want, got.Series); diff != "" || !got.Starts.Equal(after(0)) || got.Lines != 5 || got.Seconds != 60 {
		t.Errorf("%d lines from %v: %s", got.Lines, got.Starts, diff)
	}
	res := run(t, eng, got.Query)
	if len(res.Rows) != 2 {
		t.Errorf("%s has %d rows", got.Query, len(res.Rows))
	}
	in := timeline(t, eng, logs.Scope{Range: timerange.Range{Start: after(60), End: after(300)}}, logs.ByNothing, "1m")
	if diff := cmp.Diff([]int64{0, 0, 0, 2}, in.Series[0].Counts); diff != "" || !slices.Equal(names(in), []string{"all"}) {
		t.Errorf("%v: %s", names(in), diff)
	}
}

func TestAChangePointLiesWithinABucketOfTheTruth(t *testing.T) {
	for name, c := range map[string]struct {
		before, after float64 // lines a minute
		at            float64 // seconds
	}{
		"a doubling":         {60, 120, 1800},
		"a halving":          {120, 60, 2400},
		"a silence":          {60, 0, 3000},
		"from silence":       {0, 30, 1200},
		"in mid-bucket":      {60, 180, 1831},
		"early":              {30, 120, 300},
		"a tenth of a flood": {12, 600, 3300},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []line
			level := func(from, to, rate float64) {
				if rate > 0 {
					lines = append(lines, said(int((to-from)*rate/60), from, 60/rate, "ERROR", "pay", "refused %d")...)
				}
			}
			level(0, c.at, c.before)
			level(c.at, 3600, c.after)
			lines = append(lines, line{after(0), "INFO", "web", "begin"}, line{after(3599.9), "INFO", "web", "end"})
			got := timeline(t, open(t, lines), logs.Scope{}, logs.BySeverity, "")
			i := slices.Index(names(got), "ERROR")
			if i < 0 || got.Bucket != "1m" || len(got.Series[i].Changes) != 1 {
				t.Fatalf("bucket %s, %v: %+v", got.Bucket, names(got), got.Series[max(i, 0)].Changes)
			}
			x := got.Series[i].Changes[0]
			if off := x.Time.Sub(after(c.at)).Abs(); off > time.Minute {
				t.Errorf("change told at %v, %v off", x.Time, off)
			}
			near := func(got, want float64) bool { return got > want*.9-2.1 && got < want*1.1+2.1 }
			if !near(x.Before, c.before) || !near(x.After, c.after) {
				t.Errorf("told %v to %v a minute, want %v to %v", x.Before, x.After, c.before, c.after)
			}
		})
	}
}

func TestASteadyLevelHasNoChangePoint(t *testing.T) {
	lines := every(3600, 0, 1, func(i int) (string, string, string) { return "INFO", "web", fmt.Sprintf("line %d", i) })
	for i := range lines { // jitter of up to 20 seconds, the same at each run
		lines[i].at = lines[i].at.Add(time.Duration(i*7919%20000) * time.Millisecond)
	}
	got := timeline(t, open(t, lines), logs.Scope{Range: timerange.Range{Start: after(60), End: after(3540)}}, logs.ByNothing, "")
	if len(got.Series[0].Changes) != 0 {
		t.Errorf("%+v", got.Series[0].Changes)
	}
}

func TestGapsAreRunsOfEmptyBucketsAmongFullOnes(t *testing.T) {
	lines := append(said(600, 0, 1, "INFO", "web", "a %d"), said(600, 900, 1, "INFO", "web", "b %d")...)
	lines = append(lines, said(600, 1600, 1, "INFO", "web", "c %d")...)
	got := timeline(t, open(t, lines), logs.Scope{Range: timerange.Range{End: after(4000)}}, logs.ByNothing, "10s")
	want := []logs.Window{{Start: after(600), End: after(900)}, {Start: after(1500), End: after(1600)}}
	if diff := cmp.Diff(want, got.Gaps); diff != "" {
		t.Error(diff)
	}
	few := open(t, append(said(5, 0, 1, "INFO", "web", "a %d"), said(5, 1000, 1, "INFO", "web", "b %d")...))
	if got := timeline(t, few, logs.Scope{}, logs.ByNothing, "10s"); len(got.Gaps) != 0 {
		t.Errorf("silence between a few lines is no gap: %v", got.Gaps)
	}
}

func TestTheWidthGivesAboutSixtyBuckets(t *testing.T) {
	for seconds, want := range map[float64]string{
		1: "1s", 59: "1s", 240: "5s", 3600: "1m", 7000: "2m", 86400: "30m", 86400 * 7: "3h", 86400 * 45: "1d", 86400 * 365: "7d", 86400 * 365 * 56: "365d",
	} {
		eng := open(t, []line{{after(0), "INFO", "web", "first"}, {begin().Add(time.Duration(seconds * float64(time.Second))), "INFO", "web", "last"}})
		got := timeline(t, eng, logs.Scope{}, logs.ByNothing, "")
		if n := len(got.Series[0].Counts); got.Bucket != want || n > 62 || got.Lines != 2 {
			t.Errorf("%v seconds: bucket %s, want %s; %d buckets, %d lines", seconds, got.Bucket, want, n, got.Lines)
		}
	}
}

func TestAWidthThatIsNoneOrTooNarrowIsRefused(t *testing.T) {
	eng := open(t, said(3, 0, 3600, "INFO", "web", "line %d"))
	for bucket, want := range map[string]fault.Code{"1s": fault.TooLarge, "10s": fault.TooLarge, "7m": fault.InvalidArgument, "x": fault.InvalidArgument} {
		_, err := logs.FindTimeline(t.Context(), eng, logs.Scope{}, logs.ByNothing, bucket)
		if fault.CodeOf(err) != want || fault.HintOf(err) == "" {
			t.Errorf("%s: %v (%s), hint %q", bucket, err, fault.CodeOf(err), fault.HintOf(err))
		}
	}
	if got := timeline(t, eng, logs.Scope{}, logs.ByNothing, "30s"); len(got.Series[0].Counts) != 241 {
		t.Errorf("%d buckets", len(got.Series[0].Counts))
	}
}

func TestGroupsBeyondTheLimitAddUpToOther(t *testing.T) {
	var lines []line
	for g := range 15 {
		lines = append(lines, said(20-g, 0, 10, "INFO", fmt.Sprintf("svc-%02d", g), "line %d")...)
	}
	got := timeline(t, open(t, lines), logs.Scope{}, logs.ByService, "1m")
	if n := names(got); len(n) != 14 || n[0] != "all" || n[1] != "svc-00" || n[12] != "svc-11" || n[13] != "OTHER" {
		t.Errorf("%v", n)
	}
	other := got.Series[len(got.Series)-1]
	if other.Total != 8+7+6 {
		t.Errorf("OTHER has %d lines", other.Total)
	}
	for i, all := range got.Series[0].Counts {
		for _, s := range got.Series[1:] {
			all -= s.Counts[i]
		}
		if all != 0 {
			t.Errorf("bucket %d: the groups leave %d lines out", i, all)
		}
	}
}

func TestWhatTableSaysNoSeverityIsGroupedByService(t *testing.T) {
	span := `{"traceId":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0%d","spanId":"000000000000000%d","name":"GET","kind":"SPAN_KIND_SERVER","serviceName":"web-%d","startTime":"2026-05-01T12:00:0%dZ","endTime":"2026-05-01T12:00:09Z","durationInNanos":1000000000,"status":{"code":0}}` + "\n"
	eng := openFiles(t, map[string]string{"spans.jsonl": fmt.Sprintf(span, 1, 1, 1, 1) + fmt.Sprintf(span, 2, 2, 2, 2) + fmt.Sprintf(span, 3, 3, 2, 3)})
	if got := timeline(t, eng, logs.Scope{Table: "spans"}, "", ""); !slices.Equal(names(got), []string{"all", "web-2", "web-1"}) {
		t.Errorf("%v", names(got))
	}
	if _, err := logs.FindTimeline(t.Context(), eng, logs.Scope{Table: "spans"}, logs.BySeverity, ""); fault.CodeOf(err) != fault.Unsupported {
		t.Errorf("asked for by name: %v", err)
	}
	lines := append(said(3, 0, 1, "", "web", "a %d"), said(2, 0, 1, "WARN", "web", "b %d")...)
	if got := timeline(t, open(t, lines), logs.Scope{}, logs.BySeverity, ""); !slices.Equal(names(got), []string{"all", "(none)", "WARN"}) {
		t.Errorf("lines without a severity: %v", names(got))
	}
}

func TestATimelineWithoutLinesSaysWhy(t *testing.T) {
	got := timeline(t, open(t, said(60, 0, 1, "INFO", "web", "request %d done")), logs.Scope{Service: "pay"}, logs.BySeverity, "")
	want := &logs.Emptiness{Table: "logs", Rows: 60, Start: after(0), End: after(59), EmptiedBy: "where serviceName = 'pay'", RowsBefore: 60}
	if diff := cmp.Diff(want, got.Empty); diff != "" || got.Lines != 0 {
		t.Errorf("%d lines: %s", got.Lines, diff)
	}
}
