package report_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/investigate/report"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// recording is the incident that the product carries for its demo.
const recording = "../../../cmd/plumbline/recording/shop"

func collect(ctx context.Context, t *testing.T) *report.Data {
	t.Helper()
	store, err := local.New(local.Config{CacheDir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { //nolint:contextcheck // the store ends after the test's context
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	eng, err := store.Open(ctx, recording)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(recording, "alert.json"))
	if err != nil {
		t.Fatal(err)
	}
	alert, err := investigate.ParseAlert(raw)
	if err != nil {
		t.Fatal(err)
	}
	v, err := investigate.Run(ctx, eng, investigate.Request{Alert: alert, Detail: true})
	if err != nil {
		t.Fatal(err)
	}
	d, err := report.Collect(ctx, eng, "shop", alert, v)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAReportOfARealInvestigationHasEveryPlotAndLoadsNothing(t *testing.T) {
	d := collect(t.Context(), t)
	var page, md bytes.Buffer
	if err := report.HTML(&page, d); err != nil {
		t.Fatal(err)
	}
	if err := report.Markdown(&md, d); err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("PLUMBLINE_KEEP_REPORT"); dir != "" {
		_ = os.WriteFile(filepath.Join(dir, "report.html"), page.Bytes(), 0o600)
		_ = os.WriteFile(filepath.Join(dir, "report.md"), md.Bytes(), 0o600)
	}
	wellFormed(t, page.String())
	for _, want := range []string{"<h1>checkout: ", "class=\"failed\"", "class=\"node first\"", "class=\"row bad\"", "its healthy twin", "Log patterns that changed", "Ruled out", "onset 2026-05-12T15:"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if page.Len() > 400_000 {
		t.Errorf("the page has %d bytes", page.Len())
	}
	if !strings.HasPrefix(md.String(), "# checkout: ") || !strings.Contains(md.String(), "█") || md.Len() > 12_000 {
		t.Errorf("Markdown of %d bytes:\n%.600s", md.Len(), md.String())
	}
}

var outside = regexp.MustCompile(`(?i)(src|href|url\()\s*=?\s*["'(]?\s*(https?:|//)|<script|<link|@import`)

// wellFormed reads the page as XML, void elements aside, and looks for anything loaded from outside.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	if m := outside.FindString(page); m != "" {
		t.Errorf("the page loads from outside or runs a script: %q", m)
	}
	dec := xml.NewDecoder(strings.NewReader(strings.Replace(page, "<!DOCTYPE html>", "", 1)))
	dec.Strict, dec.AutoClose, dec.Entity = true, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("the page is not well formed: %v", err)
			return
		}
	}
}

func TestDataIsShownAsDataHoweverHostile(t *testing.T) {
	const evil = `<script>alert(1)</script>" onload="x` + "`**[click](http://evil)**"
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	d := &report.Data{
		Alert: evil, Source: evil,
		Verdict: &investigate.Report{
			Incident: true, Summary: "s", Onset: &at, Window: &investigate.Window{Start: at, End: at.Add(time.Minute)},
			Suspects: []investigate.Suspect{{
				Rank: 1, Service: evil, Component: evil, Reasons: []string{evil}, Attributes: []investigate.Attribute{{Key: evil, Value: evil}},
				Evidence: []finding.Evidence{{Kind: finding.Log, Summary: evil, Text: evil, Query: evil, Source: evil}},
			}},
			RuledOut: []investigate.RuledOut{{Subject: evil, Reason: evil}},
		},
		Requests: []report.Bucket{{Start: at, Width: time.Minute, Calls: 3, Failed: 1}, {Start: at.Add(time.Minute), Width: time.Minute, Calls: 2}},
		Edges:    []trace.Edge{{Caller: evil, Callee: evil + "2"}, {Caller: evil + "2", Callee: evil}, {Caller: evil, Callee: evil}},
		Failing:  &report.Waterfall{TraceID: evil, Duration: time.Second, Rows: []report.Row{{Service: evil, Operation: evil, Duration: time.Second, Message: evil}}},
	}
	var page, md bytes.Buffer
	if err := report.HTML(&page, d); err != nil {
		t.Fatal(err)
	}
	if err := report.Markdown(&md, d); err != nil {
		t.Fatal(err)
	}
	wellFormed(t, page.String())
	if strings.Contains(page.String(), `" onload="`) {
		t.Error("an attribute was broken out of")
	}
	outsideCode := regexp.MustCompile("``.*?``").ReplaceAllString(md.String(), "") // the data holds one backtick, so code has two
	if strings.Contains(outsideCode, "<script>") || strings.Contains(outsideCode, "[click](") {
		t.Errorf("Markdown holds markup out of the data:\n%s", md.String())
	}
}

func TestAQuietSourceSaysSo(t *testing.T) {
	d := &report.Data{Source: "s", Verdict: &investigate.Report{Summary: "nothing departs from its usual course"}}
	var page, md bytes.Buffer
	if err := report.HTML(&page, d); err != nil {
		t.Fatal(err)
	}
	if err := report.Markdown(&md, d); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{page.String(), md.String()} {
		if !strings.Contains(out, "No incident found") {
			t.Errorf("no word of it:\n%.300s", out)
		}
	}
	wellFormed(t, page.String())
}

var nodeRect = regexp.MustCompile(`<g class="node[^>]*><title>[^<]*</title><rect x="([\d.-]+)" y="([\d.-]+)" width="([\d.]+)" height="([\d.]+)"`)

func TestNoTwoNodesOfAMapOverlapWhateverTheGraph(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.IntRange(1, 80).Draw(t, "names")
		pick := rapid.IntRange(0, names-1)
		var edges []trace.Edge
		for range rapid.IntRange(1, 160).Draw(t, "edges") {
			e := trace.Edge{Caller: fmt.Sprint("s", pick.Draw(t, "caller")), Callee: fmt.Sprint("s", pick.Draw(t, "callee")), Type: "service"}
			e.Calls = pick.Draw(t, "calls")
			edges = append(edges, e)
		}
		var page bytes.Buffer
		if err := report.HTML(&page, &report.Data{Edges: edges, Verdict: &investigate.Report{}}); err != nil {
			t.Fatal(err)
		}
		view := regexp.MustCompile(`<svg viewBox="0 0 ([\d.]+) ([\d.]+)" role="img" aria-label="Service map`).FindStringSubmatch(page.String())
		found := nodeRect.FindAllStringSubmatch(page.String(), -1)
		if view == nil || len(found) == 0 || len(found) > 60 {
			t.Fatalf("%d nodes drawn", len(found))
		}
		var boxes [][4]float64
		for _, f := range found {
			b := [4]float64{number(f[1]), number(f[2]), number(f[3]), number(f[4])}
			if b[0] < 0 || b[1] < 0 || b[0]+b[2] > number(view[1]) || b[1]+b[3] > number(view[2]) {
				t.Fatalf("a node at %v leaves the drawing of %s by %s", b, view[1], view[2])
			}
			for _, o := range boxes {
				if b[0] < o[0]+o[2] && o[0] < b[0]+b[2] && b[1] < o[1]+o[3] && o[1] < b[1]+b[3] {
					t.Fatalf("nodes at %v and %v overlap", b, o)
				}
			}
			boxes = append(boxes, b)
		}
	})
}

func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

func TestAPageStaysSmallHoweverMuchThereIsToTell(t *testing.T) {
	long := strings.Repeat("a very long line of a stack trace ", 4000)
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	v := &investigate.Report{Incident: true, Onset: &at, Steps: &investigate.Steps{}, Notes: []string{long}}
	for i := range 5 {
		s := investigate.Suspect{Rank: i + 1, Service: "s", Component: "c", Reasons: []string{long, long}}
		for range 12 {
			s.Evidence = append(s.Evidence, finding.Evidence{Kind: finding.Log, Summary: long, Text: long})
		}
		v.Suspects = append(v.Suspects, s)
	}
	for range 1000 {
		v.Steps.Patterns = append(v.Steps.Patterns, investigate.PatternRow{Pattern: long})
		v.Steps.RED = append(v.Steps.RED, investigate.REDRow{Operation: "op"})
		v.Steps.Changes = append(v.Steps.Changes, investigate.ChangeRow{Time: at, Text: long})
		v.Steps.Metrics = append(v.Steps.Metrics, investigate.MetricRow{Series: long})
	}
	w := &report.Waterfall{TraceID: "t", Duration: time.Second}
	for range 40 {
		r := report.Row{Service: long, Operation: long, Duration: time.Second, Message: long}
		for k := range 1000 {
			r.Own = append(r.Own, report.Interval{From: time.Duration(k) * time.Millisecond, To: time.Duration(k)*time.Millisecond + time.Microsecond})
		}
		w.Rows = append(w.Rows, r)
	}
	var page bytes.Buffer
	if err := report.HTML(&page, &report.Data{Verdict: v, Alert: long, Failing: w, Healthy: w}); err != nil {
		t.Fatal(err)
	}
	if page.Len() > 1_500_000 {
		t.Errorf("the page has %d bytes", page.Len())
	}
	wellFormed(t, page.String())
}
