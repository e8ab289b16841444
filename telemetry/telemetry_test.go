package telemetry_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/telemetry"
)

// otlp is what the tests read of a line of the trace file.
type otlp struct {
	ResourceSpans []struct {
		ScopeSpans []struct {
			Spans []span `json:"spans"`
		} `json:"scopeSpans"`
	} `json:"resourceSpans"`
}

type span struct {
	TraceID      string `json:"traceId"`
	SpanID       string `json:"spanId"`
	ParentSpanID string `json:"parentSpanId"`
	Name         string `json:"name"`
	Kind         int    `json:"kind"`
	Status       struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"status"`
	Attributes []struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	} `json:"attributes"`
	Links []struct {
		TraceID string `json:"traceId"`
	} `json:"links"`
}

func (s span) attr(key string) any {
	for _, a := range s.Attributes {
		if a.Key == key {
			for _, v := range a.Value {
				return v
			}
		}
	}
	return nil
}

func env(pairs map[string]string) func(string) string {
	return func(k string) string { return pairs[k] }
}

func config(t *testing.T) telemetry.Config {
	t.Helper()
	return telemetry.Config{Service: "plumbline", Version: "test", Env: env(nil), Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
}

// record runs calls against a small server and returns the spans of its trace file by name.
func record(t *testing.T, cfg telemetry.Config, calls func(ctx context.Context, tel *telemetry.Telemetry, c *client.Client)) map[string]span {
	t.Helper()
	cfg.TraceFile = filepath.Join(t.TempDir(), "trace.jsonl")
	tel, err := telemetry.Setup(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	hooks := &server.Hooks{}
	s := server.NewMCPServer("test", "1", append(tel.Options(hooks), server.WithHooks(hooks), server.WithRecovery())...)
	s.AddTool(mcp.NewTool("logs_query"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		_, done := tel.Backend(ctx, telemetry.Request{System: "duckdb", Operation: "query", Summary: "stats logs"})
		done(nil)
		return mcp.NewToolResultStructured(map[string]any{"n": 1}, "1"), nil
	})
	s.AddTool(mcp.NewTool("fails"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		_, done := tel.Backend(ctx, telemetry.Request{System: "duckdb", Operation: "query"})
		done(fault.New(fault.Unavailable, "no"))
		return mcp.NewToolResultError("no"), nil
	})
	c, err := client.NewInProcessClient(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	init := mcp.InitializeRequest{}
	init.Params.ProtocolVersion = "2025-11-25"
	if _, err := c.Initialize(t.Context(), init); err != nil {
		t.Fatal(err)
	}
	calls(t.Context(), tel, c)
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return readSpans(t, cfg.TraceFile)
}

func readSpans(t *testing.T, path string) map[string]span {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]span{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o otlp
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			t.Fatalf("a line of the trace file is no JSON: %v", err)
		}
		for _, rs := range o.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans { // hex digits may be of either case in OTLP/JSON
					s.TraceID, s.SpanID, s.ParentSpanID = strings.ToLower(s.TraceID), strings.ToLower(s.SpanID), strings.ToLower(s.ParentSpanID)
					out[s.Name] = s
				}
			}
		}
	}
	return out
}

func call(t *testing.T, ctx context.Context, c *client.Client, name string, meta map[string]any) {
	t.Helper()
	r := mcp.CallToolRequest{}
	r.Params.Name, r.Params.Arguments = name, map[string]any{"query": "secret words"}
	if meta != nil {
		r.Params.Meta = &mcp.Meta{AdditionalFields: meta}
	}
	_, _ = c.CallTool(ctx, r)
}

func TestAToolCallIsOneServerSpanUnderTheCallersSpan(t *testing.T) {
	const parentTrace, parentSpan = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	spans := record(t, config(t), func(ctx context.Context, _ *telemetry.Telemetry, c *client.Client) {
		call(t, ctx, c, "logs_query", map[string]any{"traceparent": "00-" + parentTrace + "-" + parentSpan + "-01"})
	})
	s, ok := spans["tools/call logs_query"]
	if !ok {
		t.Fatalf("no span of the call among %d: %v", len(spans), spans)
	}
	got := map[string]any{
		"trace": s.TraceID, "parent": s.ParentSpanID, "kind": s.Kind, "status": s.Status.Code,
		"method": s.attr("mcp.method.name"), "tool": s.attr("gen_ai.tool.name"), "operation": s.attr("gen_ai.operation.name"),
		"transport": s.attr("network.transport"), "protocol": s.attr("mcp.protocol.version"), "error": s.attr("error.type"),
		"arguments": s.attr("gen_ai.tool.call.arguments"), "request id is a string": s.attr("jsonrpc.request.id") != nil,
	}
	want := map[string]any{
		"trace": parentTrace, "parent": parentSpan, "kind": 2, "status": 0,
		"method": "tools/call", "tool": "logs_query", "operation": "execute_tool",
		"transport": "pipe", "protocol": "2025-11-25", "error": nil,
		"arguments": nil, "request id is a string": true,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	b := spans["stats logs"]
	if b.ParentSpanID != s.SpanID || b.Kind != 3 || b.attr("db.system.name") != "duckdb" {
		t.Errorf("the backend's span: %+v, want a CLIENT span below %s", b, s.SpanID)
	}
	if _, ok := spans["tool.logs_query"]; ok {
		t.Error("a second span of the same call was made")
	}
	if i := spans["initialize"]; i.attr("mcp.protocol.version") != "2025-11-25" {
		t.Errorf("initialize: %+v", i)
	}
}

func TestHowACallFailsIsItsErrorType(t *testing.T) {
	spans := record(t, config(t), func(ctx context.Context, _ *telemetry.Telemetry, c *client.Client) {
		call(t, ctx, c, "fails", nil)
		call(t, ctx, c, "unknown_tool", nil)
	})
	if s := spans["tools/call fails"]; s.attr("error.type") != "tool_error" || s.Status.Code != 2 || s.attr("rpc.response.status_code") != nil {
		t.Errorf("a tool's own error: %+v", s)
	}
	if s := spans["query"]; s.attr("error.type") != "unavailable" || s.Status.Code != 2 {
		t.Errorf("the backend's error: %+v", s)
	}
	if s := spans["tools/call unknown_tool"]; s.attr("error.type") != "-32602" || s.attr("rpc.response.status_code") != "-32602" || s.Status.Message == "" {
		t.Errorf("a protocol error: %+v", s)
	}
}

func TestContentIsRecordedOnlyWhenAskedAndStaysJSON(t *testing.T) {
	cfg := config(t)
	cfg.Env = env(map[string]string{"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"})
	spans := record(t, cfg, func(ctx context.Context, _ *telemetry.Telemetry, c *client.Client) {
		r := mcp.CallToolRequest{}
		r.Params.Name, r.Params.Arguments = "logs_query", map[string]any{"query": strings.Repeat("ä", 5000)}
		if _, err := c.CallTool(ctx, r); err != nil {
			t.Error(err)
		}
	})
	text, _ := spans["tools/call logs_query"].attr("gen_ai.tool.call.arguments").(string)
	var args map[string]string
	if err := json.Unmarshal([]byte(text), &args); err != nil || len(text) > 1000 || !strings.HasPrefix(args["query"], "ää") {
		t.Errorf("captured %d bytes, error %v: %.80s", len(text), err, text)
	}
	if spans["tools/call logs_query"].attr("gen_ai.tool.call.result") != `{"n":1}` {
		t.Errorf("result: %v", spans["tools/call logs_query"].attr("gen_ai.tool.call.result"))
	}
}

func TestOverHTTPTheCallersSpanIsLinkedAndTheTransportNamed(t *testing.T) {
	cfg := config(t)
	cfg.TraceFile = filepath.Join(t.TempDir(), "trace.jsonl")
	tel, err := telemetry.Setup(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	hooks := &server.Hooks{}
	s := server.NewMCPServer("test", "1", append(tel.Options(hooks), server.WithHooks(hooks))...)
	web := httptest.NewServer(server.NewStreamableHTTPServer(s, server.WithHTTPContextFunc(telemetry.HTTPContext)))
	defer web.Close()
	body := `{"jsonrpc":"2.0","id":7,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+"/mcp", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	i := readSpans(t, cfg.TraceFile)["initialize"]
	if i.ParentSpanID != "" || len(i.Links) != 1 || !strings.EqualFold(i.Links[0].TraceID, "4bf92f3577b34da6a3ce929d0e0e4736") {
		t.Errorf("parent %q, links %v; want no parent and one link", i.ParentSpanID, i.Links)
	}
	if i.attr("network.transport") != "tcp" || i.attr("network.protocol.version") != "1.1" || i.attr("client.address") != "127.0.0.1" || i.attr("jsonrpc.request.id") != "7" {
		t.Errorf("attributes: %+v", i.Attributes)
	}
}

func TestEndpointsFollowTheConventionsOrder(t *testing.T) {
	for name, c := range map[string]struct {
		argument string
		env      map[string]string
		want     [2]string
	}{
		"nothing set":                {"", nil, [2]string{"", ""}},
		"the common variable":        {"", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, [2]string{"http://c:4318/v1/traces", "http://c:4318/v1/metrics"}},
		"the signal's variable wins": {"", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"}, [2]string{"http://t/x", "http://c/v1/metrics"}},
		"the argument wins over all": {"http://a/y", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"}, [2]string{"http://a/y", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			tr, m := telemetry.Endpoints(c.argument, env(c.env))
			if got := [2]string{tr, m}; got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestExportsToAPipelineAreSignedOverTheBodyAsSent(t *testing.T) {
	var mu sync.Mutex
	var got []string
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sum := sha256.Sum256(body)
		mu.Lock()
		defer mu.Unlock()
		switch auth := r.Header.Get("Authorization"); {
		case !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 Credential=AKIATEST/") || !strings.Contains(auth, "/eu-west-1/osis/aws4_request"):
			got = append(got, "authorization "+auth)
		case r.Header.Get("X-Amz-Content-Sha256") != hex.EncodeToString(sum[:]):
			got = append(got, "payload hash")
		case r.Header.Get("X-Amz-Security-Token") != "session":
			got = append(got, "session token")
		default:
			got = append(got, "ok "+r.URL.Path)
		}
	}))
	defer web.Close()
	cfg := config(t)
	cfg.Endpoint, cfg.SigningService, cfg.SigningRegion = web.URL+"/pipeline/v1/traces", "osis", "eu-west-1"
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "x", SessionToken: "session"}, nil
	})
	tel, err := telemetry.Setup(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, done := tel.Backend(t.Context(), telemetry.Request{System: "opensearch", Operation: "search"})
	done(nil)
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"ok /pipeline/v1/traces"}, got); d != "" {
		t.Error(d)
	}
}

func TestMetricsCarryTheConventionsNamesAndNoSession(t *testing.T) {
	bodies := make(chan string, 10)
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		select {
		case bodies <- r.URL.Path + "\n" + string(b):
		default:
		}
	}))
	defer web.Close()
	cfg := config(t)
	cfg.Env = env(map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": web.URL + "/v1/metrics"})
	record(t, cfg, func(ctx context.Context, _ *telemetry.Telemetry, c *client.Client) {
		call(t, ctx, c, "logs_query", nil)
	})
	got := <-bodies
	for _, want := range []string{"/v1/metrics\n", "mcp.server.operation.duration", "gen_ai.tool.name", "logs_query", "network.transport"} {
		if !strings.Contains(got, want) {
			t.Errorf("the export lacks %q", want)
		}
	}
	if strings.Contains(got, "mcp.session.id") {
		t.Error("a session id is a metric's attribute")
	}
}

func TestSetupSaysWhatIsWrong(t *testing.T) {
	cfg := config(t)
	cfg.TraceFile = filepath.Join(t.TempDir(), "no", "such", "dir", "x.jsonl")
	if _, err := telemetry.Setup(t.Context(), cfg); !errors.Is(err, os.ErrNotExist) || fault.HintOf(err) == "" {
		t.Errorf("a trace file that cannot be opened: %v", err)
	}
	cfg = config(t)
	cfg.Endpoint, cfg.SigningService = "http://127.0.0.1:1", "osis"
	if _, err := telemetry.Setup(t.Context(), cfg); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("signing without a region: %v", err)
	}
}
