package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-mcp/plumbline/internal/agent"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ui"
)

// uiAddress is where `plumbline ui` listens unless told otherwise.
const uiAddress = "127.0.0.1:7655"

func uiCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use: "ui", Short: "Serve a page for people: services, map, traces, logs, metrics, incidents",
		Long: `Serve a page for people at http://ADDR/ui/ with --http ADDR (default ` + uiAddress + `; port 0 takes a free one).

It shows what the tools compute: services with their health, the application map, traces, log patterns, metrics and the report of an
investigation. The page loads nothing from outside and changes nothing. Off loopback a token is required (--token-file or
PLUMBLINE_TOKEN), which the page asks for once. serve --http has the same page at /ui/.`,
		RunE: func(c *cobra.Command, _ []string) error { return serveUI(c.Context(), s) },
	}
}

func serveUI(ctx context.Context, s *settings) (err error) {
	p, err := newProcess(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	addr := p.config.Serve.HTTP
	if addr == "" {
		addr = uiAddress
	}
	if strings.HasPrefix(addr, ":") {
		addr = "127.0.0.1" + addr // no host named: loopback, never every interface
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return usageError{fault.WithHint(fault.New(fault.InvalidArgument, "serve on %q: %w", addr, err), "Give host and port: --http %s.", uiAddress)}
	}
	token, err := p.token()
	if err != nil {
		return err
	}
	if !loopback(host) && token == "" {
		return usageError{fault.WithHint(fault.New(fault.PermissionDenied, "serve on %s: off loopback a token is required", addr),
			"Put a token into a file and give --token-file, or set PLUMBLINE_TOKEN.")}
	}
	page, err := p.ui(host, token)
	if err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fault.WithHint(fmt.Errorf("serve on %s: %w", addr, err), "Choose a free port: --http 127.0.0.1:0.")
	}
	mux := http.NewServeMux()
	mux.Handle(ui.Base+"/", page)
	mux.Handle("GET /{$}", http.RedirectHandler(ui.Base+"/", http.StatusSeeOther))
	web := &http.Server{
		Handler: mux, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(p.logger.Handler(), slog.LevelWarn),
	}
	fmt.Fprintf(s.host.out, "http://%s%s/\n", ln.Addr(), ui.Base)
	return serveWeb(ctx, web, ln)
}

// serveWeb serves until ctx ends.
func serveWeb(ctx context.Context, web *http.Server, ln net.Listener) error {
	done := make(chan error, 1)
	go func() { done <- web.Serve(ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		err := web.Shutdown(stop)
		if errors.Is(err, context.DeadlineExceeded) {
			err = web.Close()
		}
		if serr := <-done; !errors.Is(serr, http.ErrServerClosed) {
			err = errors.Join(err, serr)
		}
		return err
	}
}

// ui returns the pages behind the checks of Host and Origin and, with a token, behind a login.
func (p *process) ui(host, token string) (http.Handler, error) {
	var named []ui.Source
	for _, s := range p.config.named() {
		named = append(named, ui.Source{Name: s.Name, Kind: s.Kind, About: s.About})
	}
	pages, err := ui.New(ui.Config{Sources: p.metrics, Named: named, Default: p.sources.fallback(), Now: p.host.now, Logger: p.logger, Version: version(), Prices: agent.NewPrices(p.config.Prices)})
	if err != nil {
		return nil, err
	}
	door := &login{token: token, now: p.host.now, next: pages, known: map[string]time.Time{}}
	return guard{hosts: p.config.Serve.AllowedHosts, origins: p.config.Serve.Origins, bound: host, next: door}, nil
}

// Bounds of the sessions of browsers.
const (
	loginCookie = "plumbline_ui"
	loginTTL    = 12 * time.Hour
	maxLogins   = 1_000
	loginPause  = 500 * time.Millisecond // of a wrong token, against guessing
	maxLogin    = 8 << 10                // bytes of the form
)

// login asks a browser for the token once and remembers it by a random cookie that no script sees and no other site sends. A request
// with the bearer token passes without one.
type login struct {
	token string
	now   func() time.Time
	next  http.Handler

	mu    sync.Mutex
	known map[string]time.Time // session -> its end
}

// ServeHTTP implements http.Handler.
func (l *login) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case l.token != "" && r.Method == http.MethodPost && r.URL.Path == ui.Base+"/login":
		l.enter(w, r)
	case (guard{token: l.token}).authorized(r) || l.session(r):
		l.next.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, ui.Base+"/static/"):
		l.next.ServeHTTP(w, r) // what every binary holds: the form needs its style
	default:
		l.ask(w, r.URL.RequestURI(), "", http.StatusUnauthorized)
	}
}

func (l *login) session(r *http.Request) bool {
	c, err := r.Cookie(loginCookie)
	if err != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	end, ok := l.known[c.Value]
	return ok && l.now().Before(end)
}

// enter compares the token of the form, by digests so that its length does not show in the time, and begins a session.
func (l *login) enter(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxLogin)
	to := r.PostFormValue("to")
	if !strings.HasPrefix(to, ui.Base+"/") || strings.Contains(to, `\`) {
		to = ui.Base + "/"
	}
	got, want := sha256.Sum256([]byte(strings.TrimSpace(r.PostFormValue("token")))), sha256.Sum256([]byte(l.token))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		select {
		case <-time.After(loginPause):
		case <-r.Context().Done():
		}
		l.ask(w, to, "That is not the token.", http.StatusUnauthorized)
		return
	}
	id := rand.Text()
	l.keep(id)
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure where the way is: on loopback it is plain HTTP
		Name: loginCookie, Value: id, Path: ui.Base, MaxAge: int(loginTTL.Seconds()), HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// keep remembers a session and forgets those that ended.
func (l *login) keep(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for k, end := range l.known {
		if !now.Before(end) || len(l.known) >= maxLogins {
			delete(l.known, k)
		}
	}
	l.known[id] = now.Add(loginTTL)
}

// ask shows the form.
func (l *login) ask(w http.ResponseWriter, to, wrong string, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Plumbline</title>`+
		`<link rel="stylesheet" href="`+ui.Base+`/static/app.css"></head><body><main><section class="card"><h1>Plumbline</h1><p class="sub">This server asks for its token.</p>`+
		`<form method="post" action="`+ui.Base+`/login"><label>Token <input type="password" name="token" autocomplete="current-password" required autofocus></label>`+
		`<input type="hidden" name="to" value="`+html.EscapeString(to)+`"><p><button type="submit">Enter</button></p></form><p role="alert">`+html.EscapeString(wrong)+`</p></section></main></body></html>`)
}
