package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/server"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ui"
	"github.com/plumbline-mcp/plumbline/telemetry"
)

// Bounds of the HTTP server. A request is a few kilobytes; an answer may take as long as an investigation of a big source.
const (
	mcpPath           = "/mcp"
	maxBody           = 8 << 20 // bytes of a request: a PPL text of 1 MB, every byte escaped, with room
	maxHeader         = 64 << 10
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	shutdownTimeout   = 5 * time.Second
	sessionTTL        = 30 * time.Minute
	maxSessions       = 1_000 // a session is some hundred bytes; agents rarely hold more than a few
)

// protocolHandler makes the handler of the protocol, and what stands before it.
type protocolHandler func(...server.StreamableHTTPOption) (*server.StreamableHTTPServer, http.Handler)

// serveHTTP serves until ctx ends.
func (p *process) serveHTTP(ctx context.Context, protocol protocolHandler) error {
	addr := p.config.Serve.HTTP
	if strings.HasPrefix(addr, ":") {
		addr = "127.0.0.1" + addr // no host named: loopback, never every interface
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return usageError{fault.WithHint(fault.New(fault.InvalidArgument, "serve on %q: %w", addr, err), "Give host and port: --http 127.0.0.1:7654.")}
	}
	token, err := p.token()
	if err != nil {
		return err
	}
	if !loopback(host) && token == "" {
		return usageError{fault.WithHint(fault.New(fault.PermissionDenied, "serve on %s: off loopback a bearer token is required", addr),
			"Put a token into a file and give --token-file, or set PLUMBLINE_TOKEN.")}
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fault.WithHint(fmt.Errorf("serve on %s: %w", addr, err), "Choose a free port: --http 127.0.0.1:7654.")
	}
	streams, handler := protocol(p.streamOptions()...)
	jobs, stop := context.WithCancel(ctx)
	alerts, err := p.newHooks(jobs)
	if err != nil {
		stop()
		return errors.Join(err, ln.Close())
	}
	defer alerts.close()
	defer stop()
	mux := http.NewServeMux()
	alerted := guard{hosts: p.config.Serve.AllowedHosts, origins: p.config.Serve.Origins, bound: host, token: token, next: alerts}
	mux.Handle(hookPath, alerted)
	mux.Handle(hookPath+"/", alerted)
	mux.Handle(mcpPath, guard{hosts: p.config.Serve.AllowedHosts, origins: p.config.Serve.Origins, bound: host, token: token, next: handler})
	page, err := p.ui(host, token)
	if err != nil {
		return err
	}
	mux.Handle(ui.Base+"/", page)
	mux.Handle("GET "+discoveryPath, guard{hosts: p.config.Serve.AllowedHosts, origins: p.config.Serve.Origins, bound: host, next: discovery()})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	web := &http.Server{
		Handler: mux, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(p.logger.Handler(), slog.LevelWarn),
	}
	p.logger.Info("serving MCP", slog.String("url", "http://"+ln.Addr().String()+mcpPath), slog.Bool("token", token != ""))
	return serveUntil(ctx, web, ln, streams)
}

func serveUntil(ctx context.Context, web *http.Server, ln net.Listener, streams *server.StreamableHTTPServer) error {
	done := make(chan error, 1)
	go func() { done <- web.Serve(ln) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		err = streams.Shutdown(stop) // ends open streams, which web.Shutdown would wait for
		if werr := web.Shutdown(stop); errors.Is(werr, context.DeadlineExceeded) {
			err = errors.Join(err, web.Close())
		} else {
			err = errors.Join(err, werr)
		}
		if serr := <-done; !errors.Is(serr, http.ErrServerClosed) {
			err = errors.Join(err, serr)
		}
	}
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func (p *process) streamOptions() []server.StreamableHTTPOption {
	opts := []server.StreamableHTTPOption{
		server.WithEndpointPath(mcpPath), server.WithSessionIdManager(newSessionTable()), server.WithSessionIdleTTL(sessionTTL),
		server.WithHTTPContextFunc(p.httpContext), server.WithStreamableHTTPLogger(p.logger),
		// guard checks Host itself, so that allowed hosts work behind a proxy on the same machine.
		server.WithDisableLocalhostProtection(true),
	}
	if o := p.config.Serve.Origins; len(o) > 0 {
		opts = append(opts, server.WithStreamableHTTPCORS(server.WithCORSAllowedOrigins(o...)))
	}
	return opts
}

// httpContext marks the context of a call with what its HTTP request tells: the trace, the client, and the credentials that the
// caller has at clusters.
func (p *process) httpContext(ctx context.Context, r *http.Request) context.Context {
	return p.clusters.callers(telemetry.HTTPContext(ctx, r), r)
}

// sessionTable knows the sessions of clients before 2026-07-28. A session that was ended, or pushed out by a thousand newer
// ones, is unknown afterwards, which the protocol answers with 404: the client begins anew.
type sessionTable struct {
	mu    sync.Mutex
	known map[string]bool
	order []string
}

func newSessionTable() *sessionTable { return &sessionTable{known: map[string]bool{}} }

// Generate implements server.SessionIdManager.
func (s *sessionTable) Generate() string {
	id := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[id] = true
	s.order = append(s.order, id)
	for len(s.known) > maxSessions || len(s.order) > 2*maxSessions {
		delete(s.known, s.order[0])
		s.order = s.order[1:]
	}
	return id
}

// Validate implements server.SessionIdManager: what is not known was terminated.
func (s *sessionTable) Validate(id string) (isTerminated bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.known[id], nil
}

// Terminate implements server.SessionIdManager.
func (s *sessionTable) Terminate(id string) (isNotAllowed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, id)
	return false, nil
}

// token returns the bearer token that clients must send, "" for none.
func (p *process) token() (string, error) {
	if f := p.config.Serve.TokenFile; f != "" {
		raw, err := os.ReadFile(f)
		if err != nil {
			return "", fault.WithCode(fmt.Errorf("read the token: %w", err), fault.InvalidArgument)
		}
		if t := strings.TrimSpace(string(raw)); t != "" {
			return t, nil
		}
		return "", fault.New(fault.InvalidArgument, "read the token: %s is empty", f)
	}
	return p.host.env("PLUMBLINE_TOKEN"), nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// guard stands before the protocol: it refuses forged Host and Origin headers (DNS rebinding), asks for the token, and
// bounds the body.
type guard struct {
	hosts, origins []string
	bound          string // host of the address served on
	token          string
	next           http.Handler
}

// ServeHTTP implements http.Handler.
func (g guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := hostname(r.Host)
	origin := r.Header.Get("Origin")
	switch {
	case !g.hostAllowed(host):
		http.Error(w, "host not allowed; see --allowed-hosts", http.StatusForbidden)
	case !g.originAllowed(origin, host):
		http.Error(w, "origin not allowed; see --allowed-origins", http.StatusForbidden)
	case r.Method == http.MethodOptions && origin != "":
		g.next.ServeHTTP(w, r) // a browser asks before it may send the token
	case !g.authorized(r):
		w.Header().Set("WWW-Authenticate", `Bearer realm="plumbline"`)
		http.Error(w, "bearer token required", http.StatusUnauthorized)
	case r.ContentLength > maxBody:
		http.Error(w, fmt.Sprintf("body over %d bytes", maxBody), http.StatusRequestEntityTooLarge)
	default:
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		g.next.ServeHTTP(w, r)
	}
}

// hostname strips the port and the brackets of an IPv6 address.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return strings.Trim(host, "[]")
}

// hostAllowed: loopback, the host served on, or listed. Off loopback any address in digits will do: rebinding needs a name.
func (g guard) hostAllowed(host string) bool {
	if loopback(host) || strings.EqualFold(host, g.bound) || slices.ContainsFunc(g.hosts, func(h string) bool { return strings.EqualFold(h, host) }) {
		return true
	}
	return !loopback(g.bound) && net.ParseIP(host) != nil
}

// originAllowed: no Origin (not a browser), the same host, loopback, or listed.
func (g guard) originAllowed(origin, host string) bool {
	if origin == "" || slices.Contains(g.origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return strings.EqualFold(u.Hostname(), host) || (loopback(u.Hostname()) && loopback(host))
}

// authorized compares digests, so that neither content nor length of the token shows in the time it takes.
func (g guard) authorized(r *http.Request) bool {
	if g.token == "" {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got, want := sha256.Sum256([]byte(strings.TrimSpace(token))), sha256.Sum256([]byte(g.token))
	return strings.EqualFold(scheme, "bearer") && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
