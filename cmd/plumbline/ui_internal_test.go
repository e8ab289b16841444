package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// seen is what a visitor gets.
type seen struct {
	StatusCode int
	Header     http.Header
	cookies    []*http.Cookie
}

// page asks for a page without following redirects.
func page(t *testing.T, c *http.Client, method, address string, form url.Values, header ...string) (seen, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return seen{res.StatusCode, res.Header, res.Cookies()}, string(b)
}

func visitor(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func TestThePageStandsBehindTheServersOwnChecks(t *testing.T) {
	open := serveForTest(t, nil)
	at := strings.TrimSuffix(open.url, mcpPath) + "/ui/"
	c := visitor(t)
	if res, body := page(t, c, http.MethodGet, at, nil); res.StatusCode != http.StatusBadRequest || !strings.Contains(body, "no source named") {
		t.Errorf("without a source: %d\n%s", res.StatusCode, body)
	}
	if res, _ := page(t, c, http.MethodGet, at, nil, "Host", "evil.example"); res.StatusCode != http.StatusForbidden {
		t.Errorf("a forged Host: %d", res.StatusCode)
	}
	if res, _ := page(t, c, http.MethodGet, at, nil, "Origin", "https://evil.example"); res.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign Origin: %d", res.StatusCode)
	}
}

func TestThePageAsksForTheTokenOnce(t *testing.T) {
	s := serveForTest(t, map[string]string{"PLUMBLINE_TOKEN": "let-me-in"})
	at := strings.TrimSuffix(s.url, mcpPath) + "/ui/"
	c := visitor(t)
	res, body := page(t, c, http.MethodGet, at+"traces?sort=slowest", nil)
	if res.StatusCode != http.StatusUnauthorized || !strings.Contains(body, `name="to" value="/ui/traces?sort=slowest"`) || strings.Contains(body, "let-me-in") {
		t.Fatalf("%d\n%s", res.StatusCode, body)
	}
	if res, _ = page(t, c, http.MethodGet, at+"static/app.css", nil); res.StatusCode != http.StatusOK {
		t.Errorf("the form's style: %d", res.StatusCode)
	}
	if res, _ = page(t, c, http.MethodPost, at+"login", url.Values{"token": {"wrong"}, "to": {"/ui/"}}); res.StatusCode != http.StatusUnauthorized || len(res.cookies) > 0 {
		t.Errorf("a wrong token: %d, %v", res.StatusCode, res.cookies)
	}
	for to, want := range map[string]string{"https://evil.example/": "/ui/", `/ui/\evil.example`: "/ui/", "//evil.example": "/ui/", "/ui/traces?sort=slowest": "/ui/traces?sort=slowest"} {
		res, _ = page(t, c, http.MethodPost, at+"login", url.Values{"token": {"let-me-in"}, "to": {to}})
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != want {
			t.Errorf("to %q: %d, %q", to, res.StatusCode, res.Header.Get("Location"))
		}
		if k := res.cookies; len(k) != 1 || !k[0].HttpOnly || k[0].SameSite != http.SameSiteStrictMode || k[0].Path != "/ui" || strings.Contains(k[0].Value, "let-me-in") {
			t.Errorf("cookie %v", k)
		}
	}
	if res, body = page(t, c, http.MethodGet, at, nil); res.StatusCode != http.StatusBadRequest || !strings.Contains(body, "no source named") {
		t.Errorf("with the session: %d", res.StatusCode)
	}
	if res, _ = page(t, visitor(t), http.MethodGet, at, nil, "Authorization", "Bearer let-me-in"); res.StatusCode != http.StatusBadRequest {
		t.Errorf("with the bearer token: %d", res.StatusCode)
	}
	if res, _ = page(t, visitor(t), http.MethodGet, at, nil, "Cookie", "plumbline_ui=guess"); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("with a made-up session: %d", res.StatusCode)
	}
	if res, _ = page(t, c, http.MethodPost, s.url, nil); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("the session of the page opens the protocol: %d", res.StatusCode)
	}
}

func TestSessionsEndAndAreBounded(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	l := &login{token: "x", now: func() time.Time { return now }, known: map[string]time.Time{}}
	for range maxLogins + 10 {
		l.keep(strings.Repeat("s", len(l.known)+1))
	}
	if len(l.known) > maxLogins {
		t.Errorf("%d sessions are kept", len(l.known))
	}
	l.keep("mine")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/ui/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: loginCookie, Value: "mine"})
	if !l.session(r) {
		t.Error("a fresh session is not known")
	}
	if now = now.Add(loginTTL); l.session(r) {
		t.Error("a session never ends")
	}
}

func TestTheCommandUIPrintsItsAddressAndServes(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.log"), []byte("2026-05-01 12:00:00 ERROR disk full\n2026-05-01 12:00:01 INFO started\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	out, w := io.Pipe()
	done := make(chan int, 1)
	cache := t.TempDir()
	go func() {
		h := host{in: strings.NewReader(""), out: w, err: io.Discard, env: func(string) string { return "" }, now: time.Now}
		done <- execute(ctx, h, []string{"ui", "--http", "127.0.0.1:0", "--cache-dir", cache})
		_ = w.Close()
	}()
	at, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	c := visitor(t)
	if res, body := page(t, c, http.MethodGet, strings.TrimSpace(at)+"logs?source="+url.QueryEscape(dir), nil); res.StatusCode != http.StatusOK || !strings.Contains(body, "disk full") {
		t.Errorf("%d\n%s", res.StatusCode, body)
	}
	if res, _ := page(t, c, http.MethodGet, strings.TrimSuffix(strings.TrimSpace(at), "ui/"), nil); res.Header.Get("Location") != "/ui/" {
		t.Errorf("the root leads to %q", res.Header.Get("Location"))
	}
	cancel()
	if code := <-done; code != exitOK {
		t.Errorf("the command ended with %d", code)
	}
}
