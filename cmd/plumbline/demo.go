package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	mcpclient "github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/spf13/cobra"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/investigate/report"
)

//go:embed recording/shop
var recording embed.FS

// The demo's recording and how much of the conversation a terminal shows.
const (
	demoSource   = "shop"
	demoLines    = 16  // lines shown of one answer
	demoColumns  = 150 // characters shown of one line
	demoTimeout  = 2 * time.Minute
	bytesAToken  = 4
	demoReport   = "demo-report.html"
	demoProtocol = "2025-11-25"
)

func demoCommand(s *settings) *cobra.Command {
	var path string
	c := &cobra.Command{
		Use: "demo", Short: "See an agent's session find a fault in a recording that the binary carries",
		Long: `Start this server, hold a real MCP session with it over stdio as an agent would, print the conversation and the verdict,
and write a report as one HTML page. No cluster, no network; the recording is unpacked into a temporary directory.`,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), demoTimeout)
			defer cancel()
			return demo(ctx, s, path)
		},
	}
	c.Flags().StringVar(&path, "report", demoReport, "where to write the HTML report")
	return c
}

func demo(ctx context.Context, s *settings, path string) (err error) {
	dir, err := os.MkdirTemp("", "plumbline-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := unpack(dir); err != nil {
		return err
	}
	cache := filepath.Join(dir, "cache")
	talk, err := dial(ctx, s.host, dir, cache)
	if err != nil {
		return err
	}
	verdict, err := talk.session(ctx)
	if err := errors.Join(err, talk.client.Close()); err != nil {
		return err
	}
	talk.verdict(verdict)
	if err := writeReport(ctx, s, filepath.Join(dir, demoSource), cache, path); err != nil {
		return err
	}
	fmt.Fprintf(s.host.out, "\nreport: %s\n", path)
	return nil
}

// unpack writes the recording below dir.
func unpack(dir string) error {
	files, err := fs.Sub(recording, "recording")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := os.CopyFS(dir, files); err != nil {
		return fmt.Errorf("demo: unpack the recording: %w", err)
	}
	return nil
}

// talk is a session with a server of our own, printed as it goes.
type talk struct {
	client *mcpclient.Client
	out    io.Writer
	color  bool
	now    func() time.Time
}

// dial starts this binary as a server in dir and initializes a session.
func dial(ctx context.Context, h host, dir, cache string) (*talk, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	args := []string{"serve", "--cache-dir", cache}
	began := h.now()
	c, err := mcpclient.NewStdioMCPClientWithOptions(self, nil, args, transport.WithCommandFunc(
		func(ctx context.Context, command string, _, args []string) (*exec.Cmd, error) {
			cmd := exec.CommandContext(ctx, command, args...) //nolint:gosec // this very binary
			cmd.Dir = dir
			return cmd, nil
		}))
	if err != nil {
		return nil, fmt.Errorf("demo: start the server: %w", err)
	}
	t := &talk{client: c, out: h.out, color: colored(h), now: h.now}
	var init mcp.InitializeRequest
	init.Params.ProtocolVersion = demoProtocol
	init.Params.ClientInfo = mcp.Implementation{Name: "plumbline-demo", Version: version()}
	got, err := c.Initialize(ctx, init)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("demo: initialize: %w", err), c.Close())
	}
	fmt.Fprintf(t.out, "%s %s\n", t.dim("$"), t.bold("plumbline serve"))
	fmt.Fprintf(t.out, "%s initialize: %s %s, MCP %s, %d ms\n", t.dim("<-"), got.ServerInfo.Name, got.ServerInfo.Version, got.ProtocolVersion, h.now().Sub(began).Milliseconds())
	return t, nil
}

// session makes the calls an agent would make, each out of the answer before, and returns the verdict.
func (t *talk) session(ctx context.Context) (*investigate.Report, error) {
	list, err := t.client.ListTools(ctx, mcp.ListToolsRequest{})
	if err != nil {
		return nil, fmt.Errorf("demo: tools/list: %w", err)
	}
	raw, err := json.Marshal(list.Tools)
	if err != nil {
		return nil, fmt.Errorf("demo: tools/list: %w", err)
	}
	fmt.Fprintf(t.out, "%s tools/list: %d tools, about %d tokens\n", t.dim("<-"), len(list.Tools), len(raw)/bytesAToken)
	if err := t.call(ctx, "data_describe", map[string]any{"source": demoSource}, nil); err != nil {
		return nil, err
	}
	var v investigate.Report
	if err := t.call(ctx, "incident_investigate", map[string]any{"source": demoSource, "alert_file": demoSource + "/alert.json"}, &v); err != nil {
		return nil, err
	}
	if len(v.Suspects) == 0 || v.Window == nil || v.Onset == nil {
		return &v, errors.New("demo: the investigation named no suspect")
	}
	first := v.Suspects[0]
	for _, e := range first.Evidence {
		if e.Kind == finding.Span && e.TraceID != "" {
			if err := t.call(ctx, "trace_show", map[string]any{"source": demoSource, "trace_id": e.TraceID}, nil); err != nil {
				return nil, err
			}
			break
		}
	}
	from, to := v.Onset.Format(time.RFC3339), v.Window.End.Format(time.RFC3339)
	if err := t.call(ctx, "logs_patterns", map[string]any{"source": demoSource, "service": first.Service, "start": from, "end": to, "compare": "previous"}, nil); err != nil {
		return nil, err
	}
	return &v, t.call(ctx, "logs_query", map[string]any{
		"source": demoSource, "start": from, "end": to,
		"query": fmt.Sprintf("source=logs | where serviceName = '%s' and severityText = 'ERROR' | stats count() as n, min(@timestamp) as first by body | sort - n | head 3", first.Service),
	}, nil)
}

// call calls a tool, prints both sides, and reads the structured content into value if it is not nil.
func (t *talk) call(ctx context.Context, tool string, args map[string]any, value any) error {
	raw, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("demo: %s: %w", tool, err)
	}
	fmt.Fprintf(t.out, "\n%s %s %s\n", t.dim("->"), t.bold(tool), clip(string(raw), demoColumns))
	var req mcp.CallToolRequest
	req.Params.Name, req.Params.Arguments = tool, args
	began := t.now()
	res, err := t.client.CallTool(ctx, req)
	if err != nil {
		return fmt.Errorf("demo: %s: %w", tool, err)
	}
	took := t.now().Sub(began)
	var text strings.Builder
	for _, c := range res.Content {
		if x, ok := c.(mcp.TextContent); ok {
			text.WriteString(x.Text)
		}
	}
	t.answer(text.String(), took)
	if res.IsError {
		return fmt.Errorf("demo: %s answered an error", tool)
	}
	if value == nil {
		return nil
	}
	content, err := json.Marshal(res.StructuredContent)
	if err != nil {
		return fmt.Errorf("demo: %s: %w", tool, err)
	}
	if err := json.Unmarshal(content, value); err != nil {
		return fmt.Errorf("demo: %s: %w", tool, err)
	}
	return nil
}

func (t *talk) answer(text string, took time.Duration) {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	fmt.Fprintf(t.out, "%s %s\n", t.dim("<-"), t.dim(fmt.Sprintf("%d ms, about %d tokens", took.Milliseconds(), len(text)/bytesAToken)))
	for _, l := range all[:min(len(all), demoLines)] {
		fmt.Fprintf(t.out, "   %s\n", clip(l, demoColumns))
	}
	if n := len(all) - demoLines; n > 0 {
		fmt.Fprintf(t.out, "   %s\n", t.dim(fmt.Sprintf("… %d more lines", n)))
	}
}

func (t *talk) verdict(v *investigate.Report) {
	fmt.Fprintf(t.out, "\n%s %s\n", t.bold("verdict:"), v.Summary)
	for _, r := range v.Suspects[0].Reasons {
		fmt.Fprintf(t.out, "  - %s\n", clip(r, demoColumns))
	}
	fmt.Fprintf(t.out, "next: %s\n", v.NextStep)
}

// writeReport investigates once more, in this process and out of the cache that the server left, and renders the page.
func writeReport(ctx context.Context, s *settings, source, cache, path string) (err error) {
	c, _, err := s.load()
	if err != nil {
		return err
	}
	c.Cache.Dir = cache
	p, err := newProcessOf(ctx, s.host, c, "")
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

// clip shortens a line to n characters.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// colored reports whether the output is a terminal that wants colours.
func colored(h host) bool {
	f, ok := h.out.(*os.File)
	if !ok || h.env("NO_COLOR") != "" || h.env("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (t *talk) bold(s string) string { return t.style("1", s) }
func (t *talk) dim(s string) string  { return t.style("2", s) }

func (t *talk) style(code, s string) string {
	if !t.color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
