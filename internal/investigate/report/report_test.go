package report_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

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
	d, err := report.Collect(ctx, eng, "shop", alert.Text, v)
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
	for _, want := range []string{"<h1>checkout: ", "class=\"failed\"", "class=\"node first\"", "class=\"span bad\"", "Its healthy twin", "Log patterns that changed", "Ruled out", "onset 2026-05-12T15:"} {
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
		Timeline: []report.Bucket{{Start: at, Requests: 3, Failed: 1}, {Start: at.Add(time.Minute), Requests: 2}},
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
