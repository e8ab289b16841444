package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	mcpclient "github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
)

// How much of the conversation is shown, and with whom it is held.
const (
	demoConfig   = "plumbline.yaml"
	demoLines    = 16  // lines shown of one answer
	demoColumns  = 150 // characters shown of one line where no terminal says less
	bytesAToken  = 4
	demoProtocol = "2025-11-25"
	demoStderr   = 4 << 10 // bytes kept of what the server complains
)

// conversation is a session with a server of our own, printed as it goes.
type conversation struct {
	client  *mcpclient.Client
	out     io.Writer
	paint   paint
	columns int
	now     func() time.Time
	calls   int
	bytes   int
	took    time.Duration
}

// converse starts the server in dir, holds the session of an agent with it and prints it.
func converse(ctx context.Context, h host, dir, cache string) (err error) {
	var complaints tail
	began := h.now()
	c, err := startServer(dir, cache, &complaints)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, c.Close()); err != nil && complaints.Len() > 0 {
			err = fmt.Errorf("%w; the server said: %s", err, strings.TrimSpace(complaints.String()))
		}
	}()
	columns, terminal := terminalColumns(h)
	t := &conversation{client: c, out: h.out, paint: paint(terminal && h.env("NO_COLOR") == "" && h.env("TERM") != "dumb"), columns: columns, now: h.now}
	if err := t.open(ctx, began); err != nil {
		return err
	}
	v, err := t.session(ctx)
	if err != nil {
		return err
	}
	t.verdict(v)
	return nil
}

// startServer runs this binary as a server over stdio, with the working directory dir and no setting out of the environment.
func startServer(dir, cache string, stderr io.Writer) (*mcpclient.Client, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	args := []string{"serve", "--config", filepath.Join(dir, demoConfig), "--cache-dir", cache}
	c, err := mcpclient.NewStdioMCPClientWithOptions(self, nil, args, transport.WithCommandFunc(
		func(ctx context.Context, command string, _, args []string) (*exec.Cmd, error) {
			cmd := exec.CommandContext(ctx, command, args...) //nolint:gosec // this very binary
			cmd.Dir, cmd.Stderr = dir, stderr
			for _, v := range os.Environ() {
				if !strings.HasPrefix(v, "PLUMBLINE_") {
					cmd.Env = append(cmd.Env, v)
				}
			}
			return cmd, nil
		}))
	if err != nil {
		return nil, fmt.Errorf("demo: start the server: %w", err)
	}
	return c, nil
}

// open initializes the session and lists the tools.
func (t *conversation) open(ctx context.Context, began time.Time) error {
	var init mcp.InitializeRequest
	init.Params.ProtocolVersion = demoProtocol
	init.Params.ClientInfo = mcp.Implementation{Name: "plumbline-demo", Version: version()}
	got, err := t.client.Initialize(ctx, init)
	if err != nil {
		return fmt.Errorf("demo: initialize: %w", err)
	}
	fmt.Fprintf(t.out, "%s %s\n", t.paint.dim("$"), t.paint.bold("plumbline serve"))
	fmt.Fprintf(t.out, "%s initialize: %s %s, MCP %s, %d ms\n", t.paint.dim("<-"), got.ServerInfo.Name, got.ServerInfo.Version, got.ProtocolVersion, t.now().Sub(began).Milliseconds())
	list, err := t.client.ListTools(ctx, mcp.ListToolsRequest{})
	if err != nil {
		return fmt.Errorf("demo: tools/list: %w", err)
	}
	raw, err := json.Marshal(list.Tools)
	if err != nil {
		return fmt.Errorf("demo: tools/list: %w", err)
	}
	names := make([]string, len(list.Tools))
	for i, tool := range list.Tools {
		names[i] = tool.Name
	}
	fmt.Fprintf(t.out, "%s tools/list: %d tools, about %d tokens\n   %s\n", t.paint.dim("<-"), len(list.Tools), len(raw)/bytesAToken, clip(strings.Join(names, " "), t.columns-3))
	return nil
}

// session makes the calls an agent would make, each out of the answer before, and returns the verdict.
func (t *conversation) session(ctx context.Context) (*investigate.Report, error) {
	if err := t.call(ctx, "Where am I? What data is there?", "data_describe", arguments{"source": demoSource}, nil); err != nil {
		return nil, err
	}
	var v investigate.Report
	alert := arguments{"source": demoSource, "alert_file": demoSource + "/alert.json"}
	if err := t.call(ctx, "An alert came in. What broke?", "incident_investigate", alert, &v); err != nil {
		return nil, err
	}
	if len(v.Suspects) == 0 || v.Window == nil || v.Onset == nil {
		return nil, errors.New("demo: the investigation named no suspect")
	}
	return &v, t.verify(ctx, &v)
}

// verify looks at the evidence of the first suspect by other tools: a trace, the change of its log patterns, its errors.
func (t *conversation) verify(ctx context.Context, v *investigate.Report) error {
	first := v.Suspects[0]
	for _, e := range first.Evidence {
		if e.Kind != finding.Span || e.TraceID == "" {
			continue
		}
		if err := t.call(ctx, "Show me a request that failed.", "trace_show", arguments{"source": demoSource, "trace_id": e.TraceID}, nil); err != nil {
			return err
		}
		break
	}
	from, to := v.Onset.Format(time.RFC3339), v.Window.End.Format(time.RFC3339)
	diff := arguments{"source": demoSource, "service": first.Service, "start": from, "end": to, "compare": "previous"}
	if err := t.call(ctx, "What does "+first.Service+" log now that it did not log before?", "logs_patterns", diff, nil); err != nil {
		return err
	}
	query := arguments{
		"source": demoSource, "start": from, "end": to,
		"query": "source=logs | where serviceName = '" + strings.ReplaceAll(first.Service, "'", "''") + "' and severityText = 'ERROR' | stats count() as n, min(@timestamp) as first by body | sort - n | head 3",
	}
	return t.call(ctx, "Count its errors in PPL, to be sure.", "logs_query", query, nil)
}

type arguments map[string]any

// call calls a tool, prints both sides, and reads the structured content into value if it is not nil.
func (t *conversation) call(ctx context.Context, why, tool string, args arguments, value any) error {
	raw, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("demo: %s: %w", tool, err)
	}
	fmt.Fprintf(t.out, "\n%s\n%s %s %s\n", t.paint.dim("# "+why), t.paint.dim("->"), t.paint.bold(tool), clip(string(raw), t.columns-len(tool)-4))
	var req mcp.CallToolRequest
	req.Params.Name, req.Params.Arguments = tool, map[string]any(args)
	began := t.now()
	res, err := t.client.CallTool(ctx, req)
	if err != nil {
		return fmt.Errorf("demo: %s: %w", tool, err)
	}
	var text strings.Builder
	for _, c := range res.Content {
		if x, ok := c.(mcp.TextContent); ok {
			text.WriteString(x.Text)
		}
	}
	t.answer(text.String(), t.now().Sub(began))
	if res.IsError {
		return fmt.Errorf("demo: %s answered an error", tool)
	}
	return structured(tool, res, value)
}

// structured reads the structured content of an answer into value, unless that is nil.
func structured(tool string, res *mcp.CallToolResult, value any) error {
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

func (t *conversation) answer(text string, took time.Duration) {
	t.calls, t.bytes, t.took = t.calls+1, t.bytes+len(text), t.took+took
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	facts := fmt.Sprintf("%d ms, about %d tokens (%.1f kB)", took.Milliseconds(), len(text)/bytesAToken, float64(len(text))/1000)
	fmt.Fprintf(t.out, "%s %s\n", t.paint.dim("<-"), t.paint.dim(facts))
	for _, l := range all[:min(len(all), demoLines)] {
		fmt.Fprintf(t.out, "   %s\n", clip(l, t.columns-3))
	}
	if n := len(all) - demoLines; n > 0 {
		fmt.Fprintf(t.out, "   %s\n", t.paint.dim(fmt.Sprintf("… %d more lines", n)))
	}
}

func (t *conversation) verdict(v *investigate.Report) {
	fmt.Fprintf(t.out, "\n%s %s\n", t.paint.verdict("verdict:"), v.Summary)
	for _, r := range v.Suspects[0].Reasons {
		fmt.Fprintf(t.out, "  - %s\n", clip(r, t.columns-4))
	}
	fmt.Fprintf(t.out, "%s %s\n", t.paint.bold("next:"), v.NextStep)
	if v.Refute != "" {
		fmt.Fprintf(t.out, "%s %s\n", t.paint.bold("check:"), v.Refute)
	}
	fmt.Fprintf(t.out, "\n%d calls, %d ms; the agent read about %d tokens of answers on %d spans, %d log lines and %d series.\n",
		t.calls, t.took.Milliseconds(), t.bytes/bytesAToken, v.Facts.Spans, v.Facts.Logs, v.Facts.Series)
}

// clip shortens a line to n characters.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= max(n, 1) {
		return s
	}
	return string(r[:max(n, 1)-1]) + "…"
}

// tail keeps the last bytes written to it.
type tail struct{ bytes.Buffer }

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	n, err := t.Buffer.Write(p)
	if more := t.Len() - demoStderr; more > 0 {
		t.Next(more)
	}
	return n, err
}

// paint styles text where true.
type paint bool

func (p paint) bold(s string) string    { return p.style("1", s) }
func (p paint) dim(s string) string     { return p.style("2", s) }
func (p paint) verdict(s string) string { return p.style("1;31", s) }

func (p paint) style(code, s string) string {
	if !p {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// leastColumns is the narrowest terminal that lines are cut for: below it they would say nothing.
const leastColumns = 60

// terminalColumns returns how wide lines may be and whether the output is a terminal.
func terminalColumns(h host) (int, bool) {
	f, ok := h.out.(*os.File)
	if !ok {
		return demoColumns, false
	}
	n, ok := windowColumns(f)
	if !ok {
		return demoColumns, false
	}
	if n == 0 {
		return demoColumns, true
	}
	return min(max(n, leastColumns), demoColumns), true
}
