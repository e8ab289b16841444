package traces

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/investigate/report"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/tools"
)

type investigateInput struct {
	Source    string `json:"source,omitempty" jsonschema:"source or path; default: the directory of alert_file"`
	AlertFile string `json:"alert_file,omitempty" jsonschema:"file with the alert: a webhook body of any alerting system, or text"`
	Alert     any    `json:"alert,omitempty" jsonschema:"the alert itself: text, or webhook body as an object"`
	AlertTime string `json:"alert_time,omitempty" jsonschema:"when it fired, if the alert does not say; RFC 3339 or an offset"`
	Start     string `json:"start,omitempty" jsonschema:"of the incident, if known"`
	End       string `json:"end,omitempty" jsonschema:"end of the incident, if known"`
	Service   string `json:"service,omitempty" jsonschema:"service where the symptom is seen"`
	Detail    bool   `json:"detail,omitempty" jsonschema:"add a digest of every step's table; step gives one in full"`
	Step      step   `json:"step,omitempty" jsonschema:"add the table of one step"`
	Report    form   `json:"report,omitempty" jsonschema:"write a report with plots (html) or for a chat (md); answers its path"`
}

// step is a step of the investigation.
type step string

// Enum lists the choices.
func (step) Enum() []string { return investigate.StepNames() }

// form is the form of a written report.
type form string

// Enum lists the choices.
func (form) Enum() []string { return []string{formHTML, formMarkdown} }

const (
	formHTML     = "html"
	formMarkdown = "md"
)

// Report is the answer of incident_investigate.
type Report struct {
	*investigate.Report

	Source   string `json:"source,omitempty"`
	File     string `json:"report_file,omitempty"` // where the report was written
	Markdown string `json:"markdown,omitempty"`    // the report itself, in Markdown
	step     step
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
		out := &Report{Report: rep, Source: source, step: in.Step}
		if in.Report != "" {
			err = d.writeReport(ctx, eng, req, in.Report, out)
		}
		out.trim(in.Detail)
		return out, err
	})
}

// writeReport draws the report and hands it to WriteReport; a Markdown one is part of the answer as well.
func (d Deps) writeReport(ctx context.Context, eng engine.Engine, req investigate.Request, f form, out *Report) error {
	data, err := report.Collect(ctx, eng, out.Source, req.Alert, out.Report)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	render := report.HTML
	if f == formMarkdown {
		render = report.Markdown
	}
	if err := render(&body, data); err != nil {
		return err
	}
	if f == formMarkdown {
		out.Markdown = tools.Clean(body.String())
	}
	if d.WriteReport == nil {
		if f == formMarkdown {
			return nil
		}
		return fault.New(fault.Unsupported, "write the report: this server keeps no files; report=md answers it as text")
	}
	at := d.Now()
	if out.Onset != nil {
		at = *out.Onset
	}
	out.File, err = d.WriteReport("incident-"+at.UTC().Format("20060102T150405Z")+"."+string(f), body.Bytes())
	return err
}

// Bounds of what is told of the suspects after the first; the step tables tell all of them.
const (
	otherEvidence   = 2
	otherReasonsMax = 3
)

// trim keeps the structured answer as short as the text: the steps' raw rows go unless asked for, later suspects keep their
// strongest reasons and evidence.
func (r *Report) trim(detail bool) {
	if !detail {
		r.Steps = nil
	}
	for i := range r.Suspects {
		s := &r.Suspects[i]
		if s.Rank == 1 {
			s.Evidence = s.Evidence[:min(len(s.Evidence), maxProof)]
			continue
		}
		s.Evidence = s.Evidence[:min(len(s.Evidence), otherEvidence)]
		s.Reasons = s.Reasons[:min(len(s.Reasons), otherReasonsMax)]
	}
}

// maxProof bounds the pieces of evidence for the first suspect.
const maxProof = 8

// request reads the alert and the window of a call.
func (d Deps) request(in investigateInput) (investigate.Request, error) {
	req := investigate.Request{Service: in.Service, Detail: in.Detail || in.Report != "", Step: investigate.Step(in.Step)}
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
