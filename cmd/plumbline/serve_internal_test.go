package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	mcpclient "github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"go.uber.org/goleak"
)

// running is a server over HTTP in this process.
type running struct {
	url  string
	stop func()
}

var urlForm = regexp.MustCompile(`url=(http://\S+)`)

// serveForTest runs `plumbline serve --http` and returns its URL once it listens.
func serveForTest(t *testing.T, env map[string]string, args ...string) running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	logs, w := io.Pipe()
	done := make(chan int, 1)
	dir := t.TempDir()
	go func() {
		h := host{in: strings.NewReader(""), out: io.Discard, err: w, env: func(k string) string { return env[k] }, now: time.Now}
		done <- execute(ctx, h, append([]string{"serve", "--http", "127.0.0.1:0", "--conformance-fixtures", "--cache-dir", dir}, args...))
		_ = w.Close()
	}()
	url := make(chan string, 1)
	go func() {
		defer close(url)
		lines := bufio.NewScanner(logs)
		for lines.Scan() {
			if m := urlForm.FindStringSubmatch(lines.Text()); m != nil {
				url <- m[1]
			}
		}
	}()
	r := running{stop: sync.OnceFunc(func() {
		cancel()
		if code := <-done; code != exitOK {
			t.Errorf("the server ended with %d", code)
		}
	})}
	t.Cleanup(r.stop)
	var ok bool
	if r.url, ok = <-url; !ok {
		t.Fatal("the server did not start")
	}
	return r
}

func connect(t *testing.T, url, protocol string, opts ...transport.StreamableHTTPCOption) *mcpclient.Client {
	t.Helper()
	c, err := mcpclient.NewStreamableHttpClient(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	init := mcp.InitializeRequest{}
	init.Params.ProtocolVersion = protocol
	init.Params.ClientInfo = mcp.Implementation{Name: "test", Version: "1"}
	if _, err := c.Initialize(t.Context(), init); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestASessionOverHTTPInBothProtocols(t *testing.T) {
	s := serveForTest(t, nil)
	for _, protocol := range []string{"2025-11-25", "2026-07-28"} {
		t.Run(protocol, func(t *testing.T) {
			c := connect(t, s.url, protocol)
			list, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
			if err != nil || len(list.Tools) == 0 {
				t.Fatalf("%d tools, error %v", len(list.Tools), err)
			}
			call := mcp.CallToolRequest{}
			call.Params.Name = "test_simple_text"
			res, err := c.CallTool(t.Context(), call)
			if err != nil || res.IsError {
				t.Fatalf("result %+v, error %v", res, err)
			}
			docs, err := c.ListResources(t.Context(), mcp.ListResourcesRequest{})
			if err != nil {
				t.Fatal(err)
			}
			read := 0
			for _, d := range docs.Resources {
				if !strings.HasPrefix(d.URI, "skill://") && !strings.HasPrefix(d.URI, "knowledge://") {
					continue
				}
				r := mcp.ReadResourceRequest{}
				r.Params.URI = d.URI
				if got, err := c.ReadResource(t.Context(), r); err != nil || len(got.Contents) != 1 {
					t.Errorf("%s: %v", d.URI, err)
				}
				read++
			}
			if read < 3 {
				t.Errorf("%d documents are served, want the skills and the runbooks", read)
			}
		})
	}
}

// TestTwoCallsAtOnceInOneSession holds what mcp-go does with messages of calls that share a session: each gets its result.
func TestTwoCallsAtOnceInOneSession(t *testing.T) {
	s := serveForTest(t, nil)
	c := connect(t, s.url, "2025-11-25")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			call := mcp.CallToolRequest{}
			call.Params.Name = "test_tool_with_progress"
			call.Params.Meta = &mcp.Meta{ProgressToken: fmt.Sprintf("p%d", i)}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if res, err := c.CallTool(ctx, call); err != nil || res.IsError {
				t.Errorf("call %d: %+v, %v", i, res, err)
			}
		})
	}
	wg.Wait()
}

func post(t *testing.T, url string, body io.Reader, header map[string]string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for k, v := range header {
		if k == "Host" {
			r.Host = v
			continue
		}
		r.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`

func TestTheGuardRefusesForgedHeadersWrongTokensAndGreatBodies(t *testing.T) {
	s := serveForTest(t, map[string]string{"PLUMBLINE_TOKEN": "right"}, "--allowed-hosts", "proxy.example", "--allowed-origins", "https://ui.example")
	bearer := "Bearer right"
	for name, c := range map[string]struct {
		header map[string]string
		body   string
		want   int
	}{
		"a right token is served":          {map[string]string{"Authorization": bearer}, initialize, 200},
		"no token is refused":              {nil, initialize, 401},
		"a wrong token is refused":         {map[string]string{"Authorization": "Bearer wrong"}, initialize, 401},
		"a token of another scheme":        {map[string]string{"Authorization": "Basic right"}, initialize, 401},
		"a forged host is refused":         {map[string]string{"Authorization": bearer, "Host": "evil.example"}, initialize, 403},
		"a forged origin is refused":       {map[string]string{"Authorization": bearer, "Origin": "http://evil.example"}, initialize, 403},
		"a null origin is refused":         {map[string]string{"Authorization": bearer, "Origin": "null"}, initialize, 403},
		"a local origin is served":         {map[string]string{"Authorization": bearer, "Origin": "http://localhost:6274"}, initialize, 200},
		"an allowed host is served":        {map[string]string{"Authorization": bearer, "Host": "proxy.example"}, initialize, 200},
		"an allowed origin is served":      {map[string]string{"Authorization": bearer, "Origin": "https://ui.example"}, initialize, 200},
		"a body over the bound is refused": {map[string]string{"Authorization": bearer}, strings.Repeat(" ", maxBody+1), 413},
		"an unknown session is not found":  {map[string]string{"Authorization": bearer, "Mcp-Session-Id": "nosuch"}, `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`, 404},
		"junk is a bad request":            {map[string]string{"Authorization": bearer}, "junk", 400},
		"deep nesting is a bad request":    {map[string]string{"Authorization": bearer}, strings.Repeat("[", 1<<20), 400},
		"another content type is refused":  {map[string]string{"Authorization": bearer, "Content-Type": "text/plain"}, initialize, 400},
	} {
		t.Run(name, func(t *testing.T) {
			if got, body := post(t, s.url, strings.NewReader(c.body), c.header); got != c.want {
				t.Errorf("status %d, want %d: %.200s", got, c.want, body)
			}
		})
	}
	t.Run("health needs no token", func(t *testing.T) {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(s.url, mcpPath)+"/healthz", http.NoBody)
		resp, err := http.DefaultClient.Do(r)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		_ = resp.Body.Close()
	})
	t.Run("a browser may ask before it sends the token", func(t *testing.T) {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodOptions, s.url, http.NoBody)
		r.Header.Set("Origin", "https://ui.example")
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "https://ui.example" || resp.StatusCode >= 300 {
			t.Errorf("status %d, allowed origin %q", resp.StatusCode, got)
		}
	})
}

func TestAnEmptyTokenFileIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	h := host{in: strings.NewReader(""), out: io.Discard, err: &out, env: func(string) string { return "" }, now: time.Now}
	if code := execute(t.Context(), h, []string{"serve", "--http", "127.0.0.1:0", "--token-file", file}); code != exitFailed || !strings.Contains(out.String(), "is empty") {
		t.Errorf("exit %d: %s", code, out.String())
	}
}

// stdio runs `plumbline serve` on the input and returns what it wrote, by id.
func stdio(t *testing.T, in io.Reader) map[string]json.RawMessage {
	t.Helper()
	var out, logs bytes.Buffer
	h := host{in: in, out: &out, err: &logs, env: func(string) string { return "" }, now: time.Now}
	if code := execute(t.Context(), h, []string{"serve", "--conformance-fixtures", "--cache-dir", t.TempDir()}); code != exitOK {
		t.Fatalf("exit %d: %s", code, logs.String())
	}
	got := map[string]json.RawMessage{}
	for line := range strings.Lines(out.String()) {
		var m struct {
			ID     json.RawMessage
			Result json.RawMessage
			Error  json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("stdout holds what is no message: %q", line)
		}
		got[string(m.ID)] = append(m.Result, m.Error...)
	}
	return got
}

func TestOverStdioCallsThatRunWhenInputEndsAreAnswered(t *testing.T) {
	var in strings.Builder
	in.WriteString(initialize + "\n")
	for i := range 20 {
		fmt.Fprintf(&in, `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"test_tool_with_progress","_meta":{"progressToken":%d}}}
`, i+10, i)
	}
	in.WriteString(`{"jsonrpc":"2.0","id":"last","method":"tools/list"}`) // no newline
	got := stdio(t, strings.NewReader(in.String()))
	for i := range 20 {
		if r := string(got[strconv.Itoa(i+10)]); !strings.Contains(r, "progress reported") {
			t.Errorf("call %d: %q", i+10, r)
		}
	}
	if !strings.Contains(string(got[`"last"`]), "tools") {
		t.Error("the last line without a newline was lost")
	}
}

func TestOverStdioAGreatLineIsRefusedAndTheNextIsServed(t *testing.T) {
	line := io.LimitReader(repeated{}, 200<<20)
	got := stdio(t, io.MultiReader(strings.NewReader(initialize+"\n"), line, strings.NewReader("\n"+`{"jsonrpc":"2.0","id":2,"method":"ping"}`+"\n")))
	if !strings.Contains(string(got["null"]), "-32700") || string(got["2"]) != "{}" {
		t.Errorf("got %s", got)
	}
}

// repeated is an endless line.
type repeated struct{}

// Read implements io.Reader.
func (repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestNothingIsLeftRunningAfterTheServer(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	s := serveForTest(t, nil)
	connect(t, s.url, "2025-11-25")
	s.stop()
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, ignore, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}
