package traces

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/tools"
)

type investigateInput struct {
	Source    string `json:"source,omitempty" jsonschema:"configured source or path; default: the directory of alert_file"`
	AlertFile string `json:"alert_file,omitempty" jsonschema:"alert.json of a recording, or a webhook body of Alertmanager, Grafana, OpenSearch Alerting, CloudWatch or SNS"`
	Alert     any    `json:"alert,omitempty" jsonschema:"the alert itself: its text, or its webhook body as an object"`
	AlertTime string `json:"alert_time,omitempty" jsonschema:"when it fired, if the alert does not say; RFC 3339 or an offset"`
	Start     string `json:"start,omitempty" jsonschema:"start of the incident, if known"`
	End       string `json:"end,omitempty" jsonschema:"end of the incident, if known"`
	Service   string `json:"service,omitempty" jsonschema:"service where the symptom is seen"`
	Detail    bool   `json:"detail,omitempty" jsonschema:"add the tables of each step: departures, rate/errors/duration, log patterns, changes, metrics, blame"`
}

// Report is the answer of incident_investigate.
type Report struct {
	*investigate.Report
	Source string `json:"source,omitempty"`
}

func investigateTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "incident_investigate", Title: "Investigate an incident", Toolset: toolset, Idempotent: true,
		Description: "From an alert (or a window, or nothing) to ranked suspects in one call: onset, root service, component, fault family, discriminating attributes, evidence " +
			"(traces, log lines, queries), what was ruled out, blast radius, next step. Call this first. Next: trace_show on its traces, logs_query on its queries.",
	}, func(ctx context.Context, in investigateInput) (*Report, error) {
		req, err := d.request(in)
		if err != nil {
			return nil, err
		}
		source := in.Source
		if source == "" && in.AlertFile != "" {
			source = filepath.Dir(in.AlertFile)
		}
		eng, err := d.Sources.Open(ctx, source)
		if err != nil {
			return nil, err
		}
		rep, err := investigate.Run(ctx, eng, req)
		if err != nil {
			return nil, err
		}
		return &Report{rep, source}, nil
	})
}

// request reads the alert and the window of a call.
func (d Deps) request(in investigateInput) (investigate.Request, error) {
	req := investigate.Request{Service: in.Service, Detail: in.Detail}
	body, err := d.alertBody(in)
	if err != nil {
		return req, err
	}
	if len(body) > 0 {
		if req.Alert, err = investigate.ParseAlert(body); err != nil {
			return req, err
		}
	}
	if in.AlertTime != "" {
		if req.Alert.Time, err = timerange.Instant(in.AlertTime, d.Now()); err != nil {
			return req, err
		}
	}
	r, err := d.window(in.Start, in.End)
	req.Start, req.End = r.Start, r.End
	return req, err
}

func (d Deps) alertBody(in investigateInput) ([]byte, error) {
	switch v := in.Alert.(type) {
	case nil:
	case string:
		if v != "" {
			return []byte(v), nil
		}
	default:
		return json.Marshal(v)
	}
	if in.AlertFile == "" {
		return nil, nil
	}
	body, err := d.ReadFile(in.AlertFile)
	if err != nil {
		return nil, fault.WithHint(fault.New(fault.NotFound, "read the alert: %w", err), "alert_file is a path to a JSON file; alert takes the body itself.")
	}
	return body, nil
}

// Bounds of the text: about two thousand tokens.
const (
	firstReasons = 6
	otherReasons = 2
	firstProof   = 7
	quoteBytes   = 150
)

// WriteText writes the verdict, the suspects, what was ruled out and what to do.
func (r *Report) WriteText(w io.Writer) {
	if !r.Incident {
		fmt.Fprintln(w, r.Summary)
		r.facts(w)
		r.ruledOut(w)
		fmt.Fprintf(w, "next: %s\n", r.NextStep)
		return
	}
	fmt.Fprintf(w, "%d suspects. %s\n", len(r.Suspects), tools.Line(r.Summary))
	fmt.Fprintf(w, "onset %s, window to %s, baseline from %s\n", r.Onset.Format(timeFormat), r.Window.End.Format(timeFormat), r.Baseline.Start.Format(timeFormat))
	fmt.Fprintf(w, "confidence %s (%.2f): %s\n", r.Confidence.Level, r.Confidence.Value, r.Confidence.Reason)
	for i := range r.Suspects {
		writeSuspect(w, &r.Suspects[i])
	}
	r.ruledOut(w)
	b := r.BlastRadius
	fmt.Fprintf(w, "blast radius: %d requests (%.1f %%), services %s; operations %s", b.Requests, 100*b.Share, strings.Join(b.Services, ", "), tools.Cut(strings.Join(b.Operations, ", "), 200))
	if len(b.Regions) > 0 {
		fmt.Fprintf(w, "; regions %s", strings.Join(b.Regions, ", "))
	}
	if b.Users > 0 {
		fmt.Fprintf(w, "; %d users", b.Users)
	}
	fmt.Fprintf(w, "\nnext: %s\nrefute: %s\n", tools.Line(r.NextStep), tools.Line(r.Refute))
	r.facts(w)
	if r.Steps == nil {
		fmt.Fprintln(w, "more: call again with detail=true for the tables of each step")
	}
}

const timeFormat = "2006-01-02T15:04:05Z"

func writeSuspect(w io.Writer, s *investigate.Suspect) {
	fmt.Fprintf(w, "%d. %s: %s [%s] score %.2f", s.Rank, tools.Cut(s.Service, 60), tools.Cut(s.Component, 100), s.Family, s.Score)
	if s.Affected > 0 {
		fmt.Fprintf(w, ", %d requests", s.Affected)
	}
	fmt.Fprintln(w)
	if len(s.Attributes) > 0 {
		fmt.Fprint(w, "   attributes:")
		for _, a := range s.Attributes {
			fmt.Fprintf(w, " %s=%s", a.Key, tools.Cut(a.Value, 80))
		}
		fmt.Fprintln(w)
	}
	n := otherReasons
	if s.Rank == 1 {
		n = firstReasons
	}
	for _, t := range s.Reasons[:min(n, len(s.Reasons))] {
		fmt.Fprintf(w, "   - %s\n", tools.Cut(t, 220))
	}
	if s.Rank > 1 {
		return
	}
	var quotes strings.Builder
	for _, e := range s.Evidence[:min(firstProof, len(s.Evidence))] {
		writeEvidence(w, &quotes, e)
	}
	if quotes.Len() > 0 {
		tools.Fence(w, "log lines and messages", quotes.String())
	}
}

// writeEvidence writes our words to w and the quoted data, with its place, to quotes.
func writeEvidence(w io.Writer, quotes *strings.Builder, e finding.Evidence) {
	place := ""
	if e.Source != "" {
		place = fmt.Sprintf("%s:%d ", e.Source, e.Line)
	}
	switch e.Kind {
	case finding.Query:
		fmt.Fprintf(w, "   query (%s): %s\n", e.Summary, tools.Line(e.Query))
	case finding.Span:
		fmt.Fprintf(w, "   trace %s span %s: %s\n", e.TraceID, e.SpanID, tools.Cut(e.Summary, 260))
		if e.Text != "" {
			fmt.Fprintf(quotes, "span %s: %s\n", e.SpanID, tools.Cut(e.Text, quoteBytes))
		}
	case finding.Log, finding.File:
		fmt.Fprintf(quotes, "%s%s (%s)\n", place, tools.Cut(e.Text, quoteBytes), e.Summary)
	case finding.Metric:
		fmt.Fprintf(w, "   metric %s %s\n", tools.Cut(e.Text, 200), e.Summary)
	}
}

func (r *Report) ruledOut(w io.Writer) {
	for _, o := range r.RuledOut {
		fmt.Fprintf(w, "ruled out: %s: %s\n", tools.Cut(cmp.Or(o.Subject, o.Kind), 100), tools.Cut(o.Reason, 160))
	}
}

func (r *Report) facts(w io.Writer) {
	f := r.Facts
	fmt.Fprintf(w, "searched: %d spans in %d traces, %d log lines, %d metric series of %d services, %s to %s\n", f.Spans, f.Traces, f.Logs, f.Series, f.Services, f.Start.Format(timeFormat), f.End.Format(timeFormat))
	for _, n := range r.Notes {
		fmt.Fprintf(w, "note: %s\n", tools.Cut(n, 200))
	}
}
