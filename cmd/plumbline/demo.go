package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/investigate/report"
)

//go:embed recording/shop
var recording embed.FS

// The demo's recording, how long it may take, and where its page goes.
const (
	demoSource  = "shop"
	demoTimeout = 2 * time.Minute // a slow machine's first look at the recording takes some seconds
	demoReport  = "demo-report.html"
)

func demoCommand(s *settings) *cobra.Command {
	var path string
	c := &cobra.Command{
		Use: "demo", Short: "See an agent's session find a fault in a recording that the binary carries",
		Long: `Start this server, hold a real MCP session with it over stdio as an agent would, print the conversation and the verdict,
and write a report as one HTML page. No cluster, no network, and no setting of yours is used; the recording is unpacked into a
temporary directory and removed at the end.`,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), demoTimeout)
			defer cancel()
			return demo(ctx, s.host, path)
		},
	}
	c.Flags().StringVar(&path, "report", demoReport, "where to write the HTML report; empty for none")
	return c
}

func demo(ctx context.Context, h host, path string) (err error) {
	dir, err := os.MkdirTemp("", "plumbline-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := unpack(dir); err != nil {
		return err
	}
	cache := filepath.Join(dir, "cache")
	if err := converse(ctx, h, dir, cache); err != nil || path == "" {
		return err
	}
	if err := writeReport(ctx, h, filepath.Join(dir, demoSource), cache, path); err != nil {
		return err
	}
	fmt.Fprintf(h.out, "\nreport: %s (timeline, service map, traces; open it in a browser)\n", path)
	return nil
}

// unpack writes the recording below dir, beside an empty configuration file: the demo takes no setting of the user's.
func unpack(dir string) error {
	files, err := fs.Sub(recording, "recording")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := os.CopyFS(dir, files); err != nil {
		return fmt.Errorf("demo: unpack the recording: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, demoConfig), nil, 0o600); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// writeReport investigates once more, in this process and out of the cache that the server left, and renders the page.
func writeReport(ctx context.Context, h host, source, cache, path string) (err error) {
	c := defaults()
	c.Cache.Dir = cache
	p, err := newProcessOf(ctx, h, c, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	eng, err := p.sources.Open(ctx, source)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(source, "alert.json"))
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	alert, err := investigate.ParseAlert(raw)
	if err != nil {
		return err
	}
	v, err := investigate.Run(ctx, eng, investigate.Request{Alert: alert, Detail: true})
	if err != nil {
		return err
	}
	d, err := report.Collect(ctx, eng, demoSource, alert, v)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := report.HTML(&page, d); err != nil {
		return err
	}
	if err := os.WriteFile(path, page.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
