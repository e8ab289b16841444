package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const firing = `{"version":"4","groupKey":"{}:{a}","receiver":"hook","groupLabels":{},"commonLabels":{},"alerts":[{"status":"firing","labels":{"alertname":"Errors"},"annotations":{"summary":"checkout fails <!channel>"},"startsAt":"2026-05-12T16:00:00Z"}]}`

// postAlert posts an alert and answers status and decoded body.
func postAlert(t *testing.T, url, token, body string) (int, map[string]string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]string
	raw, _ := io.ReadAll(res.Body)
	_ = json.Unmarshal(raw, &out)
	return res.StatusCode, out
}

// slackServer is a chat that is busy for its first calls.
type slackServer struct {
	*httptest.Server

	mu    sync.Mutex
	texts []string
	calls atomic.Int32
}

func newSlack(t *testing.T, busy int32) *slackServer {
	t.Helper()
	s := &slackServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.calls.Add(1) <= busy {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var m map[string]string
		_ = json.NewDecoder(r.Body).Decode(&m)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.texts = append(s.texts, m["text"])
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *slackServer) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.texts...)
}

func TestAnAlertIsInvestigatedOnceAndPosted(t *testing.T) {
	source, err := filepath.Abs(filepath.Join("recording", "shop"))
	if err != nil {
		t.Fatal(err)
	}
	slack := newSlack(t, 1)
	env := map[string]string{"PLUMBLINE_TOKEN": "geheim", "PLUMBLINE_HOOKS_URL": slack.URL + "/services/T/B/x"}
	r := serveForTest(t, env, "--hooks-source", source, "--hooks-allow", slack.URL+"/services/")
	hook := strings.TrimSuffix(r.url, mcpPath) + hookPath
	if code, _ := postAlert(t, hook, "", firing); code != http.StatusUnauthorized {
		t.Errorf("without the token: %d", code)
	}
	code, first := postAlert(t, hook, "geheim", firing)
	if code != http.StatusAccepted || first["state"] != "queued" {
		t.Fatalf("first alert: %d %v", code, first)
	}
	if code, again := postAlert(t, hook, "geheim", firing); code != http.StatusOK || again["state"] != "repeated" || again["id"] != first["id"] {
		t.Errorf("the same alert again: %d %v", code, again)
	}
	deadline := time.Now().Add(time.Minute)
	for len(slack.all()) == 0 && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
	}
	texts := slack.all()
	if len(texts) != 1 {
		t.Fatalf("%d results were posted after %d tries, want one", len(texts), slack.calls.Load())
	}
	for _, want := range []string{"*Verdict:* checkout: version 2.4.0", "checkout fails &lt;!channel&gt;", "*Next:* Roll checkout back"} {
		if !strings.Contains(texts[0], want) {
			t.Errorf("the chat's text does not say %q:\n%s", want, texts[0])
		}
	}
	if strings.Contains(texts[0], "<!channel>") || len(texts[0]) > maxChatText {
		t.Errorf("the chat's text rings or is too long: %d bytes", len(texts[0]))
	}
	var state hookState
	for state.State != "done" && time.Now().Before(deadline) {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, hook+"/"+first["id"], nil)
		req.Header.Set("Authorization", "Bearer geheim")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = json.NewDecoder(res.Body).Decode(&state)
		_ = res.Body.Close()
	}
	if state.State != "done" || state.Posted != "ok" || !strings.HasPrefix(state.Report, "# checkout: version 2.4.0") {
		t.Errorf("result %q, posted %q: %.80s", state.State, state.Posted, state.Report)
	}
}

func TestWhatIsNoAlertIsAnsweredAndNotInvestigated(t *testing.T) {
	var fetched atomic.Bool
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Store(true) }))
	defer trap.Close()
	r := serveForTest(t, nil, "--hooks-source", "nowhere")
	hook := strings.TrimSuffix(r.url, mcpPath) + hookPath
	for name, c := range map[string]struct {
		url, body, key, want string
		status               int
	}{
		"a resolved alert":         {hook, strings.Replace(firing, `"status":"firing"`, `"status":"resolved"`, 1), "state", "ignored", http.StatusOK},
		"broken JSON":              {hook, `{"a":`, "error", "parse alert", http.StatusBadRequest},
		"nothing":                  {hook, ``, "error", "no words", http.StatusBadRequest},
		"a path instead of a name": {hook + "?source=/etc", firing, "error", "no configured source", http.StatusBadRequest},
		"an SNS subscription": {
			hook, fmt.Sprintf(`{"Type":"SubscriptionConfirmation","TopicArn":"arn:aws:sns:x","Token":"t","SubscribeURL":%q,"Message":"m"}`, trap.URL), "hint", "aws sns confirm-subscription", http.StatusAccepted,
		},
	} {
		t.Run(name, func(t *testing.T) {
			code, out := postAlert(t, c.url, "", c.body)
			if code != c.status || !strings.Contains(out[c.key], c.want) {
				t.Errorf("answered %d %v, want %d with %s %q", code, out, c.status, c.key, c.want)
			}
		})
	}
	if fetched.Load() {
		t.Error("the subscription's URL was fetched")
	}
}

func TestTheQueueOfAlertsIsBounded(t *testing.T) {
	p := &process{host: host{env: func(string) string { return "" }, now: time.Now}, logger: slog.New(slog.DiscardHandler)}
	p.config.Hooks.Source = "x"
	h := &hooks{p: p, queue: make(chan hookJob, 2), done: make(chan struct{}), seen: map[string]seenAlert{}, jobs: map[string]*hookState{}}
	codes := map[int]int{}
	for i := range 5 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, hookPath, strings.NewReader(fmt.Sprintf("alert number %d", i))))
		codes[w.Code]++
		if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "" {
			t.Error("a refused alert is not told when to come again")
		}
	}
	if codes[http.StatusAccepted] != 2 || codes[http.StatusTooManyRequests] != 3 {
		t.Errorf("answers %v, want 2 accepted and 3 refused", codes)
	}
}

func TestTheWebhookURLMustBeOnTheList(t *testing.T) {
	allow := []string{"https://hooks.slack.com/services/", "http://127.0.0.1:9/hook"}
	for raw, ok := range map[string]bool{
		"https://hooks.slack.com/services/T/B/x":        true,
		"http://127.0.0.1:9/hook":                       true,
		"http://127.0.0.1:9/hooked":                     false,
		"http://hooks.slack.com/services/T":             false,
		"https://hooks.slack.com.evil.example/services": false,
		"https://hooks.slack.com/services/../admin":     false,
		"https://u:p@hooks.slack.com/services/T":        false,
		"file:///etc/passwd":                            false,
	} {
		if err := allowed(raw, allow); (err == nil) != ok {
			t.Errorf("%s: %v, want allowed = %v", raw, err, ok)
		}
	}
}

func TestAChatThatRefusesIsNotAskedAgain(t *testing.T) {
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
	}))
	defer s.Close()
	p := &process{host: host{env: func(k string) string { return map[string]string{"PLUMBLINE_HOOKS_URL": s.URL + "/x"}[k] }}}
	p.config.Hooks.Allow = []string{s.URL}
	c, err := p.newChat()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.post(context.Background(), "hello"); err == nil || strings.Contains(err.Error(), s.URL) {
		t.Errorf("error %v: want one that does not show the URL", err)
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls, want one", n)
	}
}
