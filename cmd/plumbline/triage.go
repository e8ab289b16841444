package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/investigate/report"
)

// The forms a triage is printed in.
const (
	triageMarkdown = "md"
	triageHTML     = "html"
	triageJSON     = "json"
)

func triageCommand(s *settings) *cobra.Command {
	var t triageRequest
	c := &cobra.Command{
		Use: "triage", Short: "Investigate an alert and print the report",
		Long: `Read an alert as the alerting system sends it (Alertmanager, Grafana, OpenSearch Alerting, CloudWatch bare or by SNS, any JSON, or
plain text), investigate the source, and print the report in Markdown: verdict, evidence, what was ruled out, next step. No model
takes part. The source is --source, else the configured default, else the directory of the alert's file.`,
		RunE: func(c *cobra.Command, _ []string) error { return triageOnce(c.Context(), s, t) },
	}
	f := c.Flags()
	f.StringVar(&t.alert, "alert", "", "file with the alert, - for standard input")
	f.StringVar(&t.source, "source", "", "configured source or path to investigate")
	f.StringVar(&t.format, "format", triageMarkdown, "md, html or json")
	f.StringVar(&t.out, "out", "", "write the report to this file instead of standard output")
	return c
}

// triageRequest is what the command line asks for.
type triageRequest struct{ alert, source, format, out string }

func triageOnce(ctx context.Context, s *settings, t triageRequest) (err error) {
	if t.alert == "" {
		return usageError{fault.WithHint(fault.New(fault.InvalidArgument, "triage: no alert given"), "plumbline triage --alert FILE, or --alert - for standard input.")}
	}
	if !slices.Contains([]string{triageMarkdown, triageHTML, triageJSON}, t.format) {
		return usagef("triage: format %q is not md, html or json", t.format)
	}
	raw, err := alertText(s.host, t.alert)
	if err != nil {
		return fault.WithCode(fmt.Errorf("triage: %w", err), fault.NotFound)
	}
	alert, err := investigate.ParseAlert(raw)
	if err != nil {
		return err
	}
	p, err := newProcess(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if t.source == "" && p.sources.fallback() == "" && t.alert != "-" {
		t.source = filepath.Dir(t.alert)
	}
	d, err := p.triage(ctx, t.source, alert)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if err := renderTriage(&body, d, t.format); err != nil {
		return err
	}
	if t.out == "" {
		_, err = s.host.out.Write(body.Bytes())
		return err
	}
	if err := os.WriteFile(t.out, body.Bytes(), 0o600); err != nil {
		return fmt.Errorf("triage: write the report: %w", err)
	}
	return nil
}

func alertText(h host, name string) ([]byte, error) {
	if name != "-" {
		return readAlert(name)
	}
	b, err := io.ReadAll(io.LimitReader(h.in, maxAlert+1))
	if err == nil && len(b) > maxAlert {
		err = fault.New(fault.TooLarge, "read standard input: over %d bytes", maxAlert)
	}
	return b, err
}

func renderTriage(w io.Writer, d *report.Data, format string) error {
	switch format {
	case triageHTML:
		return report.HTML(w, d)
	case triageJSON:
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(d.Verdict)
	}
	return report.Markdown(w, d)
}

// triage investigates a source for an alert and gathers what the report shows.
func (p *process) triage(ctx context.Context, source string, alert investigate.Alert) (*report.Data, error) {
	eng, err := p.sources.Open(ctx, source)
	if err != nil {
		return nil, err
	}
	if alert.Time.IsZero() && p.config.Sources[source].live() {
		alert.Time = p.host.now() // a cluster's data goes on: the alert is about now; a recording's time is the data's own
	}
	v, err := investigate.Run(ctx, eng, investigate.Request{Alert: alert, Detail: true})
	if err != nil {
		return nil, err
	}
	return report.Collect(ctx, eng, source, alert, v)
}

// live reports whether a source grows while it is looked at.
func (s sourceConfig) live() bool { return s.Kind != "" && s.Kind != kindFiles }

// keepReport writes a report into the reports directory beside the cache and answers its path. Names are the server's own.
func (p *process) keepReport(name string, body []byte) (string, error) {
	dir := filepath.Join(dataDir(p.config), "reports")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("keep the report: %w", err)
	}
	path := filepath.Join(dir, filepath.Base(name))
	if err := os.WriteFile(path+".part", body, 0o600); err != nil {
		return "", fmt.Errorf("keep the report: %w", err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		return "", fmt.Errorf("keep the report: %w", err)
	}
	return path, nil
}
