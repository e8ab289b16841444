package ui_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/metrics"
	"github.com/plumbline-mcp/plumbline/internal/ui"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hostile is text that acts where it is not escaped.
const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`

// sources holds recordings by name.
type sources struct {
	store *local.Store
	paths map[string]string
}

func (s sources) Open(ctx context.Context, name string) (engine.Engine, error) {
	path, ok := s.paths[name]
	if !ok {
		return nil, fault.WithHint(fault.New(fault.NotFound, "no source %q", name), "The sources are: shop, empty.")
	}
	return s.store.Open(ctx, path)
}

func (s sources) Metrics(ctx context.Context, name string) (metrics.Source, error) {
	e, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return metrics.NewLocal(e), nil
}

// zero is when the recording begins.
var zero = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// site serves the pages over a recording of two services of which one begins to fail, with names that try to break out.
func site(t *testing.T) *httptest.Server {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "shop", "spans.jsonl"), spans())
	write(t, filepath.Join(dir, "shop", "logs.jsonl"), lines())
	write(t, filepath.Join(dir, "shop", "m.prom"), series())
	write(t, filepath.Join(dir, "text", "app.log"), "2026-05-01 12:00:00 INFO started\n")
	store, err := local.New(local.Config{CacheDir: t.TempDir(), Now: time.Now, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	h, err := ui.New(ui.Config{
		Sources: sources{store, map[string]string{"shop": filepath.Join(dir, "shop"), "text": filepath.Join(dir, "text")}}, Named: []ui.Source{{Name: "shop", Kind: "files", About: hostile}},
		Default: "shop", Now: time.Now, Logger: slog.New(slog.DiscardHandler), Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(h)
	t.Cleanup(func() {
		web.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return web
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func traceID(i int) string { return fmt.Sprintf("%032x", i+1) }

func spans() string {
	var b strings.Builder
	span := func(i, n int, parent, name, kind, service string, from, to, code int, attrs string) {
		if parent != "" {
			parent = fmt.Sprintf("%012x%04x", i, int(parent[0]-'0'))
		}
		at := zero.Add(time.Duration(i) * 10 * time.Second)
		fmt.Fprintf(&b, `{"traceId":"%s","spanId":"%012x%04x","parentSpanId":"%s","name":%q,"kind":"SPAN_KIND_%s","serviceName":%q,"startTime":"%s","endTime":"%s","durationInNanos":%d,"status":{"code":%d,"message":%q},"attributes":{%s},"resource":{"attributes":{"service.name":%q}}}`+"\n",
			traceID(i), i, n, parent, name, kind, service, at.Add(time.Duration(from)*time.Millisecond).Format(time.RFC3339Nano), at.Add(time.Duration(to)*time.Millisecond).Format(time.RFC3339Nano), (to-from)*1_000_000, code, map[int]string{2: hostile}[code], attrs, service)
	}
	for i := range 240 {
		bad, slow := 0, 0
		if i >= 180 && i%2 == 1 {
			bad, slow = 2, 200
		}
		span(i, 1, "", "GET /"+hostile, "SERVER", "web", 0, 60+slow, bad, "")
		span(i, 2, "1", "Pay", "CLIENT", "web", 5, 50+slow, bad, "")
		span(i, 3, "2", "Pay", "SERVER", "pay"+hostile, 8, 45+slow, bad, fmt.Sprintf(`"note":%q`, hostile))
		span(i, 4, "3", "SELECT", "CLIENT", "pay"+hostile, 10, 40+slow, bad, `"db.system.name":"postgresql","server.address":"db.local"`)
	}
	ask := zero.Add(35 * time.Minute)
	step := func(n int, parent, name, kind string, from, to, code int, attrs string) {
		fmt.Fprintf(&b, `{"traceId":"%s","spanId":"%016x","parentSpanId":"%s","name":%q,"kind":"SPAN_KIND_%s","serviceName":"helper","startTime":"%s","endTime":"%s","durationInNanos":%d,"status":{"code":%d,"message":%q},"attributes":{%s},"resource":{"attributes":{"service.name":"helper"}}}`+"\n",
			strings.Repeat("a", 32), n, parent, name, kind, ask.Add(time.Duration(from)*time.Millisecond).Format(time.RFC3339Nano), ask.Add(time.Duration(to)*time.Millisecond).Format(time.RFC3339Nano), (to-from)*1_000_000, code, map[int]string{2: "no such order " + hostile}[code], attrs)
	}
	step(1, "", "invoke_agent helper", "INTERNAL", 0, 900, 0, `"gen_ai.operation.name":"invoke_agent","gen_ai.agent.name":"helper"`)
	step(2, fmt.Sprintf("%016x", 1), "chat m", "CLIENT", 10, 400, 0, `"gen_ai.operation.name":"chat","gen_ai.request.model":"some-model","gen_ai.usage.input_tokens":1200,"gen_ai.usage.output_tokens":40`)
	step(3, fmt.Sprintf("%016x", 1), "execute_tool find_order", "INTERNAL", 410, 500, 2, `"gen_ai.operation.name":"execute_tool","gen_ai.tool.name":"find_order","error.type":"not_found"`)
	step(4, fmt.Sprintf("%016x", 1), "chat m", "CLIENT", 510, 890, 0, `"gen_ai.operation.name":"chat","gen_ai.request.model":"some-model","gen_ai.usage.input_tokens":1900,"gen_ai.usage.output_tokens":60`)
	return b.String()
}

func lines() string {
	var b strings.Builder
	for i := range 240 {
		severity, number, body := "INFO", 9, fmt.Sprintf("paid order %d", i)
		if i >= 180 && i%2 == 1 {
			severity, number, body = "ERROR", 17, fmt.Sprintf("payment of order %d refused %s", i, hostile)
		}
		fmt.Fprintf(&b, `{"@timestamp":"%s","severityText":%q,"severityNumber":%d,"body":%q,"traceId":"%s","serviceName":"web","resource":{"attributes":{"service.name":"web"}}}`+"\n",
			zero.Add(time.Duration(i)*10*time.Second).Format(time.RFC3339Nano), severity, number, body, traceID(i))
	}
	return b.String()
}

func series() string {
	var b strings.Builder
	b.WriteString("# TYPE queue_depth gauge\n")
	for i := range 40 {
		fmt.Fprintf(&b, "queue_depth{queue=%q} %d %d\n", "<b>x</b>", i%7, zero.Add(time.Duration(i)*time.Minute).Unix())
	}
	return b.String() + "# EOF\n"
}

func get(t *testing.T, web *httptest.Server, path string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, web.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := web.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

const window = "start=2026-05-01T12:30:00Z&end=2026-05-01T12:40:00Z"

func TestPagesShowWhatTheToolsCompute(t *testing.T) {
	web := site(t)
	for path, wants := range map[string][]string{
		"/ui/?" + window:                                     {"3 services", "more faults", "50.0 %", `class="spark bad"`, "Requests from spans"},
		"/ui/map?" + window:                                  {"db.local", "database", `class="edge bad"`, "more failures", "Connections"},
		"/ui/traces?" + window:                               {"31 traces", traceID(239), "Show the slowest instead"},
		"/ui/traces?sort=slowest&service=web":                {"60 traces", "260 ms"},
		"/ui/traces?min=1000":                                {"No traces"},
		"/ui/trace?id=" + traceID(239):                       {"critical path", "origin", "Where the time went", "1 log line", "db.local"},
		"/ui/trace?span=0000000000ef0003&id=" + traceID(239): {"<th>note</th>"},
		"/ui/logs?" + window:                                 {"payment of order", "ERROR", "its trace", "volume"},
		"/ui/logs?compare=1&" + window:                       {"new", "before"},
		"/ui/metrics":                                        {"queue_depth", "gauge", "max"},
		"/ui/metrics?query=queue_depth":                      {"polyline", "1 series", "min"},
		"/ui/metrics?query=queue_dep":                        {"the nearest of 1 is queue_depth"},
		"/ui/agents":                                         {"1 run of agents", "helper", "find_order", "some-model"},
		"/ui/agents?errors=1&tool=find_order":                {"1 run of agents"},
		"/ui/agent?id=" + strings.Repeat("a", 32):            {"Chain of reasoning", "Map of the run", "What failed, and what the agent did next", "not_found", "k-tool", "1\u202f200 / 40"},
		"/ui/incident":                                       {"Investigate"},
		"/ui/incident?run=1&alert=errors":                    {`<iframe class="report" src="/ui/report?alert=errors`},
		"/ui/report?alert=errors":                            {"Incident report", "<svg"},
		"/ui/?source=text":                                   {"What the source holds", "logs"},
	} {
		status, _, body := get(t, web, path)
		if status != http.StatusOK {
			t.Errorf("%s: status %d\n%s", path, status, body)
			continue
		}
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %q in the page", path, want)
			}
		}
	}
}

func TestMistakesAreToldInThePage(t *testing.T) {
	web := site(t)
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/ui/?source=nosuch":                      {404, "The sources are: shop, empty."},
		"/ui/?start=yesterday":                    {400, "cannot be read"},
		"/ui/trace":                               {400, "no trace id given"},
		"/ui/trace?id=abc":                        {404, "no trace abc"},
		"/ui/metrics?query=rate(":                 {400, "line 1, column 6"},
		"/ui/metrics?source=text":                 {404, "the source has no metrics"},
		"/ui/map?source=text":                     {404, "the source has no spans"},
		"/ui/traces?min=x":                        {400, "no number of milliseconds"},
		"/ui/nosuch":                              {404, "there is no page /ui/nosuch"},
		"/ui/static/nosuch":                       {404, ""},
		"/ui/report?alert_time=never":             {400, "cannot be read"},
		"/ui/?source=" + url.QueryEscape(hostile): {404, "no source"},
	} {
		status, _, body := get(t, web, path)
		if status != want.status || !strings.Contains(html.UnescapeString(body), want.text) {
			t.Errorf("%s: status %d, want %d and %q in\n%s", path, status, want.status, want.text, body)
		}
	}
}

var (
	address = regexp.MustCompile(`(?:href|src|action)="([^"]*)"`)
	inline  = regexp.MustCompile(`(?i)<[^>]*\s(?:style|on[a-z]+)\s*=`)
	quoted  = regexp.MustCompile(`="[^"]*"`)
	outside = regexp.MustCompile(`(?i)(?:src|href|action)="(?:[a-z]+:)?//`)
)

// TestEveryLinkAnswersAndNothingBreaksOut walks the pages by their links.
func TestEveryLinkAnswersAndNothingBreaksOut(t *testing.T) {
	web := site(t)
	todo, seen := []string{"/ui/?" + window}, map[string]bool{}
	const most = 120
	for len(todo) > 0 && len(seen) < most {
		path := todo[0]
		todo = todo[1:]
		if path, _, _ = strings.Cut(path, "#"); seen[path] || path == "" {
			continue
		}
		seen[path] = true
		status, h, body := get(t, web, path)
		if status != http.StatusOK {
			t.Errorf("%s: status %d", path, status)
		}
		if h.Get("Content-Security-Policy") == "" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, h)
		}
		if !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
			continue
		}
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img") || strings.Contains(body, "<b>x</b>") {
			t.Errorf("%s: text of the data is not escaped", path)
		}
		if strings.HasPrefix(path, "/ui/report") {
			continue // a page of its own, with its own policy
		}
		if m := inline.FindString(quoted.ReplaceAllString(body, `=""`)); m != "" {
			t.Errorf("%s: inline style or script: %s", path, m)
		}
		if m := outside.FindString(body); m != "" {
			t.Errorf("%s: loads from outside: %s", path, m)
		}
		for _, m := range address.FindAllStringSubmatch(body, -1) {
			if to := html.UnescapeString(m[1]); strings.HasPrefix(to, "/ui") {
				todo = append(todo, to)
			}
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d pages are linked: %v", len(seen), seen)
	}
}

func TestThePolicyForbidsWhatIsNotOurs(t *testing.T) {
	web := site(t)
	_, h, _ := get(t, web, "/ui/")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(h.Get("Content-Security-Policy"), want) {
			t.Errorf("policy %q lacks %q", h.Get("Content-Security-Policy"), want)
		}
	}
	if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
		t.Errorf("policy %q", h.Get("Content-Security-Policy"))
	}
	if _, h, _ = get(t, web, "/ui/report"); strings.Contains(h.Get("Content-Security-Policy"), "script-src") || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("policy of the report %q", h.Get("Content-Security-Policy"))
	}
	for _, site := range []string{"cross-site", "same-origin"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, web.URL+"/ui/static/app.js", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Sec-Fetch-Site", site)
		res, err := web.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if (res.StatusCode == http.StatusOK) != (site == "same-origin") {
			t.Errorf("%s: status %d", site, res.StatusCode)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodPut} {
		req, err := http.NewRequestWithContext(t.Context(), method, web.URL+"/ui/traces", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := web.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			t.Errorf("%s is answered", method)
		}
	}
}

func TestABigTraceIsCutAndSaysSo(t *testing.T) {
	var b strings.Builder
	for i := range 4000 {
		parent := ""
		if i > 0 {
			parent = fmt.Sprintf("%016x", (i-1)/3+1)
		}
		fmt.Fprintf(&b, `{"traceId":"%032x","spanId":"%016x","parentSpanId":"%s","name":"op","kind":"SPAN_KIND_INTERNAL","serviceName":"s","startTime":"%s","endTime":"%s","durationInNanos":1000000,"status":{"code":0},"attributes":{},"resource":{"attributes":{"service.name":"s"}}}`+"\n",
			7, i+1, parent, zero.Add(time.Duration(i)*time.Millisecond).Format(time.RFC3339Nano), zero.Add(time.Duration(i+1)*time.Millisecond).Format(time.RFC3339Nano))
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "spans.jsonl"), b.String())
	store, err := local.New(local.Config{CacheDir: t.TempDir(), Now: time.Now, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	h, err := ui.New(ui.Config{Sources: sources{store, map[string]string{"big": dir}}, Default: "big", Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(h)
	defer web.Close()
	status, _, body := get(t, web, fmt.Sprintf("/ui/trace?id=%032x", 7))
	if status != http.StatusOK || !strings.Contains(body, "2\u202f500 spans not drawn") || len(body) > 4<<20 {
		t.Errorf("status %d, %d bytes", status, len(body))
	}
}
