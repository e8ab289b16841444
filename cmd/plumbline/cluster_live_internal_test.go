package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/live"
	"github.com/plumbline-mcp/plumbline/internal/live/faultproxy"
)

// liveProcess is a process whose only source is a cluster.
func liveProcess(t *testing.T, source sourceConfig) *process {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	c := defaults()
	source.Kind = kindOpenSearch
	c.Sources = map[string]sourceConfig{"prod": source}
	h := host{in: strings.NewReader(""), out: io.Discard, err: io.Discard, env: func(string) string { return "" }, now: time.Now}
	p, err := newProcessOf(t.Context(), h, c, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.close() })
	return p
}

func send(t *testing.T, method, url, body string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body)) //nolint:noctx // also used after the test's context
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 500 {
		t.Fatalf("%s %s: %s", method, url, res.Status)
	}
}

func TestLiveToolsAnswerOverACluster(t *testing.T) {
	at := live.Need(t, live.OpenSearchURL)
	const index = "os_a_tools"
	send(t, http.MethodDelete, at+"/"+index, "")
	t.Cleanup(func() { send(t, http.MethodDelete, at+"/"+index, "") })
	var b bytes.Buffer
	for i := range 90 {
		fmt.Fprintf(&b, "{\"index\":{}}\n{\"@timestamp\":\"2026-05-12T09:%02d:00Z\",\"severityText\":%q,\"body\":\"request %d done\",\"resource\":{\"attributes\":{\"service.name\":\"cart\"}}}\n", i%60, []string{"INFO", "INFO", "ERROR"}[i%3], i)
	}
	send(t, http.MethodPost, at+"/"+index+"/_bulk?refresh=true", b.String())

	proxy := faultproxy.New(reverse(t, at))
	defer proxy.Close()
	p := liveProcess(t, sourceConfig{URL: proxy.URL, Indices: map[string]string{"logs": index}, Timeout: "10s"})
	count := func() string {
		return callTool(t, p, "logs_query", map[string]any{"query": "source=logs | where severityText='ERROR' | stats count() as n"})
	}
	if got := count(); !strings.Contains(got, "\n30\n") {
		t.Fatalf("logs_query: %s", got)
	}
	for _, c := range []struct {
		name  string
		fault faultproxy.Fault
		says  string
	}{
		{"two resets in the middle", faultproxy.Fault{Times: 2, Reset: true, CutAfter: 10}, "\n30\n"},
		{"a storm of 429", faultproxy.Fault{Times: 2, Status: 429, Body: `{"error":{"type":"opensearch_rejected_execution_exception","reason":"queue full"},"status":429}`}, "\n30\n"},
		{"a login page", faultproxy.Fault{Status: 200, Body: "<html><title>Log in</title></html>", Header: http.Header{"Content-Type": {"text/html"}}}, `error: cluster prod: search: 200 with an HTML page "Log in" instead of JSON`},
		{"truncated gzip", faultproxy.Fault{Gzip: true, CleanCut: true, CutAfter: 30}, "broke off"},
		{"403", faultproxy.Fault{Status: 403, Body: `{"error":{"type":"security_exception","reason":"no permissions for [indices:data/read/search]"},"status":403}`}, "no permissions for [indices:data/read/search]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			proxy.Set(c.fault)
			if got := count(); !strings.Contains(got, c.says) {
				t.Errorf("%s\nwant %q", got, c.says)
			}
			proxy.Set(faultproxy.Fault{})
			if got := count(); !strings.Contains(got, "\n30\n") {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
	if got := callTool(t, p, "cluster_diagnose", map[string]any{"index": index}); !strings.HasPrefix(got, "prod: ") {
		t.Errorf("cluster_diagnose: %s", got)
	}
	if got := callTool(t, p, "data_describe", map[string]any{"source": "prod"}); !strings.Contains(got, "logs: 90 rows") {
		t.Errorf("data_describe: %s", got)
	}
}

// reverse passes requests on to a server.
func reverse(t *testing.T, at string) http.Handler {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }}
}

func TestLiveCallersSeeWhatTheyMay(t *testing.T) {
	at, dir := live.Need(t, live.OpenSearchSecureURL), live.Need(t, live.OpenSearchSecureDir)
	p := liveProcess(t, sourceConfig{URL: at, TLS: tlsConfig{CAFile: dir + "/ca.pem"}, Auth: authConfig{PassThrough: "X-OpenSearch-Authorization"}})
	for auth, says := range map[string]string{"Basic YWRtaW46YWRtaW4=": "prod: ", "Basic YWRtaW46bm8=": "error: cluster prod: info: 401", "": "error: cluster prod: info: credentials: no credentials came with the call"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/mcp", http.NoBody)
		if auth != "" {
			r.Header.Set("X-OpenSearch-Authorization", auth)
		}
		for _, tool := range p.catalogue.Tools() {
			if tool.Name != "cluster_diagnose" {
				continue
			}
			if got := tool.Call(p.httpContext(t.Context(), r), nil).Text; !strings.HasPrefix(got, says) {
				t.Errorf("%q: %s, want %q", auth, got, says)
			}
		}
	}
}
