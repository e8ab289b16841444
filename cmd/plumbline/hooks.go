package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/investigate/report"
)

// hooksConfig is the section hooks of plumbline.yaml: what comes in by POST /hooks/alert, and where the result goes.
type hooksConfig struct {
	Source  string   `yaml:"source"`   // investigated when an alert names no source; the default source if empty
	Allow   []string `yaml:"allow"`    // prefixes that the chat's URL may have, https://host/path/
	URLFile string   `yaml:"url_file"` // file with the chat's incoming-webhook URL, which is a secret
}

// hookOptions are the settings of the section.
func hookOptions() []option {
	return []option{
		textOption("hooks.source", "PLUMBLINE_HOOKS_SOURCE", "hooks-source", "source that POST /hooks/alert investigates when the alert's address names none", func(c *config) *string { return &c.Hooks.Source }),
		listOption("hooks.allow", "PLUMBLINE_HOOKS_ALLOW", "hooks-allow", "URL prefixes that results may be posted to, by comma, for instance https://hooks.slack.com/services/", func(c *config) *[]string { return &c.Hooks.Allow }),
		textOption("hooks.url_file", "PLUMBLINE_HOOKS_URL_FILE", "hooks-url-file", "file with the Slack-compatible webhook URL for results (or PLUMBLINE_HOOKS_URL)", func(c *config) *string { return &c.Hooks.URLFile }),
	}
}

const (
	hookPath = "/hooks/alert"
	// maxQueued bounds the alerts that wait: each takes seconds, and an alert storm is one incident.
	maxQueued = 16
	// repeatWindow is how long an alert that came before is a repetition: alerting systems send one again every few minutes.
	repeatWindow = 15 * time.Minute
	// maxRemembered bounds the alerts remembered for that, maxReports the reports kept for GET.
	maxRemembered = 512
	maxReports    = 32
	hookBody      = 1 << 20 // bytes of an alert; a webhook is a few kilobytes
	hookLimit     = 5 * time.Minute
)

// hookJob is one alert on its way.
type hookJob struct {
	id, source string
	alert      investigate.Alert
}

// hookState is what GET answers of a job.
type hookState struct {
	State  string `json:"state"` // queued, running, done, failed
	Report string `json:"report,omitempty"`
	Posted string `json:"posted,omitempty"` // ok, off, or why not
	Error  string `json:"error,omitempty"`
}

// hooks takes alerts, investigates them one after the other, and posts the results.
type hooks struct {
	p     *process
	chat  *chat // nil: results are only kept for GET
	queue chan hookJob
	done  chan struct{}

	mu    sync.Mutex
	seen  map[string]seenAlert
	jobs  map[string]*hookState
	order []string
}

type seenAlert struct {
	id string
	at time.Time
}

// newHooks starts the worker; close ends it.
func (p *process) newHooks(ctx context.Context) (*hooks, error) {
	c, err := p.newChat()
	if err != nil {
		return nil, err
	}
	h := &hooks{p: p, chat: c, queue: make(chan hookJob, maxQueued), done: make(chan struct{}), seen: map[string]seenAlert{}, jobs: map[string]*hookState{}}
	go h.work(ctx)
	return h, nil
}

// close waits for the worker, whose context the caller has ended.
func (h *hooks) close() { <-h.done }

func (h *hooks) work(ctx context.Context) {
	defer close(h.done)
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-h.queue:
			h.run(ctx, j)
		}
	}
}

// ServeHTTP implements http.Handler: POST takes an alert, GET /hooks/alert/ID answers how it went.
func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost && r.URL.Path == hookPath:
		h.take(w, r)
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, hookPath+"/"):
		h.show(w, strings.TrimPrefix(r.URL.Path, hookPath+"/"))
	case r.URL.Path == hookPath:
		w.Header().Set("Allow", http.MethodPost)
		answer(w, http.StatusMethodNotAllowed, map[string]string{"error": "POST an alert here"})
	default:
		http.NotFound(w, r)
	}
}

func (h *hooks) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, hookBody))
	if err != nil {
		answer(w, http.StatusRequestEntityTooLarge, map[string]string{"error": "the alert is over 1 MiB or was cut off"})
		return
	}
	alert, err := investigate.ParseAlert(body)
	switch {
	case errors.Is(err, investigate.ErrSubscription):
		h.p.logger.Warn("an SNS topic asks to confirm its subscription; nothing was fetched", slog.String("hint", fault.HintOf(err)))
		answer(w, http.StatusAccepted, map[string]string{"state": "unconfirmed", "error": err.Error(), "hint": fault.HintOf(err)})
		return
	case err != nil:
		answer(w, http.StatusBadRequest, map[string]string{"error": err.Error(), "hint": fault.HintOf(err)})
		return
	case alert.Resolved:
		answer(w, http.StatusOK, map[string]string{"state": "ignored", "reason": "the alert is resolved"})
		return
	case strings.TrimSpace(alert.Text) == "" && alert.Time.IsZero() && len(alert.Services) == 0:
		answer(w, http.StatusBadRequest, map[string]string{"error": "the alert has no words, no time and no service"})
		return
	}
	source, ok := h.sourceOf(r.URL.Query().Get("source"))
	if !ok {
		answer(w, http.StatusBadRequest, map[string]string{"error": "no configured source has this name", "hint": "POST " + hookPath + "?source=NAME with a name under sources:, or set hooks.source."})
		return
	}
	h.enqueue(w, hookJob{id: rand.Text()[:12], source: source, alert: alert})
}

// sourceOf takes a configured name only: an alert must not make this process read paths.
func (h *hooks) sourceOf(name string) (string, bool) {
	if name == "" {
		if name = h.p.config.Hooks.Source; name == "" {
			name = h.p.sources.fallback()
		}
		return name, name != ""
	}
	_, ok := h.p.config.Sources[name]
	return name, ok
}

func (h *hooks) enqueue(w http.ResponseWriter, j hookJob) {
	key := repeatKey(j)
	now := h.p.host.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if s, ok := h.seen[key]; ok && now.Sub(s.at) < repeatWindow {
		answer(w, http.StatusOK, map[string]string{"state": "repeated", "id": s.id})
		return
	}
	select {
	case h.queue <- j:
	default:
		w.Header().Set("Retry-After", "60")
		answer(w, http.StatusTooManyRequests, map[string]string{"error": "too many alerts are waiting", "hint": "Send it again in a minute."})
		return
	}
	h.remember(key, seenAlert{j.id, now})
	h.jobs[j.id] = &hookState{State: "queued"}
	h.order = append(h.order, j.id)
	if len(h.order) > maxReports+maxQueued {
		delete(h.jobs, h.order[0])
		h.order = h.order[1:]
	}
	answer(w, http.StatusAccepted, map[string]string{"state": "queued", "id": j.id, "result": hookPath + "/" + j.id})
}

// remember keeps an alert for the repeat window; the oldest go when there are too many. h.mu is held.
func (h *hooks) remember(key string, s seenAlert) {
	for k, o := range h.seen {
		if s.at.Sub(o.at) >= repeatWindow {
			delete(h.seen, k)
		}
	}
	if len(h.seen) >= maxRemembered {
		oldest := ""
		for k, o := range h.seen {
			if oldest == "" || o.at.Before(h.seen[oldest].at) {
				oldest = k
			}
		}
		delete(h.seen, oldest)
	}
	h.seen[key] = s
}

// repeatKey is the same for repetitions of one alert: the alerting system's own key, else its words and services.
func repeatKey(j hookJob) string {
	parts := []string{j.source, j.alert.Format, j.alert.Key}
	if j.alert.Key == "" {
		parts = append(parts, j.alert.Text, strings.Join(slices.Sorted(slices.Values(j.alert.Services)), ","))
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func (h *hooks) run(ctx context.Context, j hookJob) {
	ctx, cancel := context.WithTimeoutCause(ctx, hookLimit, fault.New(fault.Timeout, "the investigation took longer than %v", hookLimit))
	defer cancel()
	h.set(j.id, hookState{State: "running"})
	d, err := h.p.triage(ctx, j.source, j.alert)
	var text bytes.Buffer
	if err == nil {
		err = report.Markdown(&text, d)
	}
	s := hookState{State: "done", Report: text.String(), Posted: "off"}
	if err != nil {
		s = hookState{State: "failed", Error: err.Error(), Posted: "off"}
		h.p.logger.Warn("the investigation of an alert failed", slog.String("id", j.id), slog.Any("error", err))
	}
	if h.chat != nil {
		s.Posted = "ok"
		if err := h.chat.post(ctx, chatText(j.alert, d, err)); err != nil {
			s.Posted = err.Error()
			h.p.logger.Warn("the result of an alert could not be posted", slog.String("id", j.id), slog.Any("error", err))
		}
	}
	h.set(j.id, s)
}

func (h *hooks) set(id string, s hookState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at, ok := h.jobs[id]; ok {
		*at = s
	}
}

func (h *hooks) show(w http.ResponseWriter, id string) {
	h.mu.Lock()
	s, ok := h.jobs[id]
	var state hookState
	if ok {
		state = *s
	}
	h.mu.Unlock()
	if !ok {
		answer(w, http.StatusNotFound, map[string]string{"error": "no such alert; the last ones are kept"})
		return
	}
	answer(w, http.StatusOK, state)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that went away needs no answer
}
