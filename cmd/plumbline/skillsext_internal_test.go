package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/server"
)

// extension serves the extension's methods over HTTP before a plain server with sessions.
func extension(t *testing.T) *httptest.Server {
	t.Helper()
	m := server.NewMCPServer("t", "1", server.WithResourceCapabilities(false, false), skillsOption())
	streams := server.NewStreamableHTTPServer(m, server.WithSessionIdManager(newSessionTable()), server.WithDisableStreaming(true))
	s := httptest.NewServer(skillsHandler(streams))
	t.Cleanup(s.Close)
	return s
}

// ask posts a message and returns the status, the body and the session that was given.
func ask(t *testing.T, s *httptest.Server, body string, headers map[string]string) (status int, text, session string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(raw), res.Header.Get("Mcp-Session-Id")
}

const listSkills = `{"jsonrpc":"2.0","id":"x","method":"skills/list"}`

func TestSkillsOverHTTPNeedTheSessionThatOtherRequestsNeed(t *testing.T) {
	s := extension(t)
	if status, text, _ := ask(t, s, listSkills, map[string]string{"Mcp-Session-Id": "never-given"}); status != http.StatusNotFound || strings.Contains(text, "skill://") {
		t.Errorf("an unknown session: %d %s", status, text)
	}
	_, _, session := ask(t, s, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`, nil)
	status, text, _ := ask(t, s, listSkills, map[string]string{"Mcp-Session-Id": session, "MCP-Protocol-Version": "2025-11-25"})
	if status != http.StatusOK || !strings.Contains(text, `"id":"x"`) || !strings.Contains(text, `"uri":"skill://observability/log-analysis/SKILL.md"`) {
		t.Errorf("an open session: %d %.200s", status, text)
	}
}

func TestSkillsOverHTTPNeedHeadersThatAgreeWithTheBody(t *testing.T) {
	s := extension(t)
	for name, c := range map[string]struct {
		method string
		status int
	}{"the same method": {"skills/list", http.StatusOK}, "another method": {"tools/list", http.StatusBadRequest}, "no method": {"", http.StatusBadRequest}} {
		status, text, _ := ask(t, s, listSkills, map[string]string{"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": c.method})
		if status != c.status || strings.Contains(text, "skill://") != (status == http.StatusOK) {
			t.Errorf("%s: %d %.200s", name, status, text)
		}
	}
	if status, text, _ := ask(t, s, `{"jsonrpc":"2.0","id":1,"method":"no/such"}`, map[string]string{"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "no/such"}); strings.Contains(text, "skill://") || !strings.Contains(text, `"error"`) {
		t.Errorf("what is not of the extension goes on: %d %s", status, text)
	}
}

func TestPagesOfSkillsAreWholeAndCursorsAreChecked(t *testing.T) {
	for _, c := range []struct{ method, params, want string }{
		{"skills/list", `{"cursor":"0"}`, `"skills":[{`},
		{"skills/list", `{"cursor":"-1"}`, `"code":-32602`},
		{"skills/list", `{"cursor":"x"}`, `"code":-32602`},
		{"skills/list", `[]`, `"code":-32602`},
		{"skills/get", `{"uri":"skill://observability/log-analysis/SKILL.md"}`, `"skill":{"uri":"skill://observability/log-analysis/SKILL.md"`},
		{"skills/get", `{"uri":"skill://observability/log-analysis"}`, `"code":-32602`},
		{"resources/directory/read", `{"uri":"skill://observability"}`, `"name":"log-analysis","mimeType":"inode/directory"`},
		{"resources/directory/read", `{"uri":"skill://observability/log-analysis/SKILL.md"}`, `"code":-32602`},
	} {
		got := skillRequest{ID: json.RawMessage("7"), Method: c.method, Params: json.RawMessage(c.params)}.answer()
		if !strings.Contains(string(got), c.want) || !json.Valid(got) {
			t.Errorf("%s %s: %.300s, want %s", c.method, c.params, got, c.want)
		}
	}
}

func TestSkillsOverStdioAreAnsweredAfterInitialize(t *testing.T) {
	in := strings.Join([]string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`,
		listSkills, `{"jsonrpc":"2.0","id":3,"method":"ping"}`,
	}, "\n")
	var out strings.Builder
	m := server.NewMCPServer("t", "1", skillsOption())
	if err := serveStdio(t.Context(), host{in: strings.NewReader(in), out: &out}, m, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], `"protocolVersion"`) {
		t.Fatalf("%d lines: %v", len(lines), lines)
	}
	var seen []string
	for _, l := range lines {
		var e envelope
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, string(e.ID))
	}
	if got := fmt.Sprint(seen); got != `[1 "x" 3]` {
		t.Errorf("ids %s", got)
	}
}

func TestInstallersFindTheSkillsOfTheSite(t *testing.T) {
	s := httptest.NewServer(discovery())
	defer s.Close()
	for file, want := range map[string]struct {
		status int
		kind   string
	}{
		"index.json": {http.StatusOK, "application/json"}, "log-analysis.tar.gz": {http.StatusOK, "application/gzip"}, "nothing.tar.gz": {http.StatusNotFound, "text/plain; charset=utf-8"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+discoveryPath+file, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want.status || res.Header.Get("Content-Type") != want.kind {
			t.Errorf("%s: %d %s", file, res.StatusCode, res.Header.Get("Content-Type"))
		}
	}
}
