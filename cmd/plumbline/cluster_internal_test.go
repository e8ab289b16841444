package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/rogpeppe/go-internal/testscript"
)

// standIn is the script command `cluster FILE`: a server that answers as the lines of FILE say, "STATUS METHOD PATH BODY", and
// whose URL is $CLUSTER. What is not in the file is 404. Requests are appended to FILE.asked.
func standIn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: cluster FILE")
	}
	type answer struct {
		status int
		body   string
	}
	answers := map[string]answer{}
	for line := range strings.SplitSeq(strings.TrimSpace(ts.ReadFile(args[0])), "\n") {
		parts := strings.SplitN(line, " ", 4)
		status, err := strconv.Atoi(parts[0])
		if err != nil || len(parts) != 4 {
			ts.Fatalf("line %q", line)
		}
		answers[parts[1]+" "+parts[2]] = answer{status, parts[3]}
	}
	asked, err := os.Create(ts.MkAbs(args[0] + ".asked"))
	ts.Check(err)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprintf(asked, "%s %s %s\n", r.Method, r.URL.Path, r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", "application/json")
		a, ok := answers[r.Method+" "+r.URL.Path]
		if !ok {
			a = answer{http.StatusNotFound, `{"error":"no handler found"}`}
		}
		w.WriteHeader(a.status)
		fmt.Fprint(w, a.body)
	}))
	ts.Defer(func() {
		srv.Close()
		_ = asked.Close()
	})
	ts.Setenv("CLUSTER", srv.URL)
}

// unreachable is a configuration of a cluster at an address that answers nothing, not even a refusal.
func unreachable(t *testing.T) (config, host) {
	t.Helper()
	c := defaults()
	c.Sources = map[string]sourceConfig{"prod": {Kind: kindOpenSearch, URL: "http://192.0.2.1:9200", Timeout: "1s"}}
	return c, host{in: strings.NewReader(""), out: io.Discard, err: io.Discard, env: func(string) string { return "" }, now: time.Now}
}

func TestAnUnreachableClusterHoldsNothingUp(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	c, h := unreachable(t)
	began := time.Now()
	p, err := newProcessOf(t.Context(), h, c, "")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if took := time.Since(began); took > time.Second {
		t.Errorf("the start took %s", took)
	}
	for _, name := range []string{"cluster_diagnose", "cluster_get", "logs_patterns", "data_describe"} {
		args := map[string]any{"source": "prod"}
		if name == "cluster_get" {
			args["path"] = "_cluster/health"
		}
		text := callTool(t, p, name, args)
		if !strings.Contains(text, "error: cluster prod: ") || !strings.Contains(text, "hint: ") {
			t.Errorf("%s: %s", name, text)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("four calls took %s", took)
	}
}

func callTool(t *testing.T, p *process, name string, args map[string]any) string {
	t.Helper()
	raw, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range p.catalogue.Tools() {
		if tool.Name == name {
			return tool.Call(t.Context(), raw).Text
		}
	}
	t.Fatalf("no tool %s", name)
	return ""
}

func TestTheCallersCredentialsGoToTheirClusterAndNowhereElse(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	got := map[string][]string{}
	server := func(name string) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got[name] = append(got[name], r.Header.Get("Authorization"))
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"version":{"number":"3.6.0","distribution":"opensearch"}}`)
		}))
		t.Cleanup(srv.Close)
		return srv.URL
	}
	c, h := unreachable(t)
	c.Sources = map[string]sourceConfig{
		"a":    {Kind: kindOpenSearch, URL: server("a"), Auth: authConfig{PassThrough: "X-A"}},
		"b":    {Kind: kindOpenSearch, URL: server("b"), Auth: authConfig{PassThrough: "X-B"}},
		"open": {Kind: kindOpenSearch, URL: server("open")},
	}
	p, err := newProcessOf(t.Context(), h, c, "")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/mcp", http.NoBody)
	r.Header.Set("X-A", "Basic aaaa")
	r.Header.Set("Authorization", "Bearer of-plumbline")
	ctx := p.httpContext(context.Background(), r)
	for _, name := range []string{"a", "b", "open"} {
		client, err := p.clusters.client(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Capabilities(ctx)
		if name == "b" && (err == nil || !strings.Contains(err.Error(), "no credentials came with the call")) {
			t.Errorf("b: %v", err)
		}
	}
	for name, want := range map[string]string{"a": "Basic aaaa", "open": ""} {
		for _, auth := range got[name] {
			if auth != want {
				t.Errorf("%s got %q, want %q", name, auth, want)
			}
		}
		if len(got[name]) == 0 {
			t.Errorf("%s was not asked", name)
		}
	}
	if len(got["b"]) != 0 {
		t.Errorf("b was asked with %q", got["b"])
	}
	// What was learnt for one caller does not answer another.
	one, err := p.clusters.engine(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-A", "Basic bbbb")
	two, err := p.clusters.engine(p.httpContext(context.Background(), r), "a")
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.clusters.engine(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if one == two || one != again {
		t.Error("engines of callers are mixed up")
	}
}

func TestEnginesOfManyCallersAreBoundedAndClosed(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	c, h := unreachable(t)
	now := time.Now()
	h.now = func() time.Time { return now }
	c.Sources = map[string]sourceConfig{"a": {Kind: kindOpenSearch, URL: "http://127.0.0.1:1", Auth: authConfig{PassThrough: "X-A"}}}
	p, err := newProcessOf(t.Context(), h, c, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxEngines {
		now = now.Add(time.Minute)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/mcp", http.NoBody)
		r.Header.Set("X-A", fmt.Sprintf("Basic %d", i))
		if _, err := p.clusters.engine(p.httpContext(t.Context(), r), "a"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(p.clusters.engines); n != maxEngines {
		t.Errorf("%d engines are kept, want %d", n, maxEngines)
	}
	if n, want := len(p.clusters.retired), int(retirement/time.Minute)+1; n != want {
		t.Errorf("%d engines wait to be closed, want %d", n, want)
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("%d directories are left, %v", len(left), err)
	}
}

func TestEachHTTPCallerAsksTheClusterAsHimself(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"you":%q}`, r.Header.Get("Authorization"))
	}))
	defer srv.Close()
	file := filepath.Join(t.TempDir(), "plumbline.yaml")
	conf := "sources: {prod: {kind: opensearch, url: \"" + srv.URL + "\", auth: {pass_through: X-OpenSearch-Authorization}}}"
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serveForTest(t, nil, "--config", file)
	for _, protocol := range []string{"2025-11-25", "2026-07-28"} {
		for auth, want := range map[string]string{"Bearer of-ann": `{"you":"Bearer of-ann"}`, "Basic Ym9i": `{"you":"Basic Ym9i"}`, "": "no credentials came with the call"} {
			t.Run(protocol+" "+auth, func(t *testing.T) {
				headers := map[string]string{}
				if auth != "" {
					headers["X-OpenSearch-Authorization"] = auth
				}
				c := connect(t, s.url, protocol, transport.WithHTTPHeaders(headers))
				call := mcp.CallToolRequest{}
				call.Params.Name, call.Params.Arguments = "cluster_get", map[string]any{"path": "_cluster/health"}
				res, err := c.CallTool(t.Context(), call)
				if err != nil {
					t.Fatal(err)
				}
				text, ok := res.Content[0].(mcp.TextContent)
				if !ok || !strings.Contains(text.Text, want) || res.IsError != (auth == "") {
					t.Errorf("%+v, want %s", res.Content, want)
				}
			})
		}
	}
}
