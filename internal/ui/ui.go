package ui

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/agent"
	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/metrics"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

//go:embed templates static
var files embed.FS

// Base is the path that all pages lie below.
const Base = "/ui"

// Bounds of the server side of a page.
const (
	pageTimeout = 2 * time.Minute // an investigation of a big source
	maxAtOnce   = 4               // pages rendered at once; a page is a few queries that share the cores
	maxField    = 4_000           // bytes of one form field: an alert's text or a query
)

// Sources opens what a page names: a configured source or a path.
type Sources interface {
	Open(ctx context.Context, source string) (engine.Engine, error)
	Metrics(ctx context.Context, source string) (metrics.Source, error)
}

// Source is a configured source.
type Source struct{ Name, Kind, About string }

// Config is what the pages need.
type Config struct {
	Sources Sources
	Named   []Source
	Default string // source of a page that names none, "" for none
	Now     func() time.Time
	Logger  *slog.Logger
	Version string
	Prices  agent.Prices // of models, for the cost of agents' runs
}

// server renders pages.
type server struct {
	Config

	pages  map[string]*template.Template
	static map[string]asset
	slots  chan struct{}
}

// asset is a static file with a tag of its content.
type asset struct {
	body []byte
	kind string
	tag  string
}

// New returns the handler of the paths below Base.
func New(c Config) (http.Handler, error) {
	s := &server{Config: c, slots: make(chan struct{}, maxAtOnce)}
	var err error
	if s.static, err = assets(); err != nil {
		return nil, err
	}
	if s.pages, err = s.templates(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for path, p := range map[string]page{
		"/": {"services", "Services", s.services}, "/map": {"map", "Map", s.applicationMap}, "/traces": {"traces", "Traces", s.traces}, "/trace": {"trace", "Trace", s.trace},
		"/agents": {"agents", "Agent runs", s.agents}, "/agent": {"agent", "Agent run", s.agentRun},
		"/logs": {"logs", "Log patterns", s.logs}, "/metrics": {"metrics", "Metrics", s.metrics}, "/incident": {"incident", "Incident", s.incident},
	} {
		mux.Handle("GET "+Base+strings.TrimSuffix(path, "/")+exact(path), s.page(p))
	}
	mux.HandleFunc("GET "+Base+"/report", s.report)
	mux.HandleFunc("GET "+Base+"/static/{name}", s.asset)
	mux.HandleFunc("GET "+Base, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, Base+"/", http.StatusMovedPermanently)
	})
	mux.HandleFunc(Base+"/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, s.request(r, page{"error", "Not found", nil}), fault.WithHint(fault.New(fault.NotFound, "there is no page %s", r.URL.Path), "Choose one of the pages above."))
	})
	return headers(mux), nil
}

// exact makes the root's pattern match the root alone.
func exact(path string) string {
	if path == "/" {
		return "/{$}"
	}
	return ""
}

// policy lets a page load its own style, script and frames, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"

// headers sets what holds for every answer, and refuses what other sites embed or fetch.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			http.Error(w, "not for other sites", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// page is one kind of page: its template, its title, and what computes its content.
type page struct {
	name, title string
	content     func(ctx context.Context, v *view) (any, error)
}

// view is a request and what its page shows.
type view struct {
	Page    string
	Title   string
	Source  string
	Start   string
	End     string
	Named   []Source
	Version string
	Query   url.Values
	Content any
	Error   string
	Hint    string
	Took    time.Duration
	status  int
}

func (s *server) request(r *http.Request, p page) *view {
	q := r.URL.Query()
	for k, list := range q {
		for i, v := range list {
			if len(v) > maxField {
				list[i] = strings.ToValidUTF8(v[:maxField], "")
			}
		}
		q[k] = list[:1]
	}
	v := &view{Page: p.name, Title: p.title, Source: q.Get("source"), Start: q.Get("start"), End: q.Get("end"), Named: s.Named, Version: s.Version, Query: q, status: http.StatusOK}
	if v.Source == "" {
		v.Source = s.Default
	}
	return v
}

// get is a field of the request's form.
func (v *view) get(name string) string { return strings.TrimSpace(v.Query.Get(name)) }

// span reads the time range of the request.
func (v *view) span(now time.Time) (timerange.Range, error) {
	return timerange.Parse(v.Start, v.End, now)
}

func (s *server) page(p page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		began := s.Now()
		v := s.request(r, p)
		ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
		defer cancel()
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		case <-ctx.Done():
			s.fail(w, v, ctx.Err())
			return
		}
		if v.Source == "" {
			s.fail(w, v, fault.WithHint(fault.New(fault.InvalidArgument, "no source named"), "Give a configured source or a path to files above."))
			return
		}
		content, err := p.content(ctx, v)
		if err != nil {
			s.fail(w, v, err)
			return
		}
		v.Content, v.Took = content, s.Now().Sub(began)
		s.render(w, v)
	}
}

// fail shows an error in the page's frame.
func (s *server) fail(w http.ResponseWriter, v *view, err error) {
	v.Error, v.Hint = err.Error(), fault.HintOf(err)
	switch fault.CodeOf(err) {
	case fault.InvalidArgument, fault.InvalidQuery, fault.Unsupported:
		v.status = http.StatusBadRequest
	case fault.NotFound:
		v.status = http.StatusNotFound
	case fault.PermissionDenied:
		v.status = http.StatusForbidden
	case fault.TooLarge:
		v.status = http.StatusRequestEntityTooLarge
	case fault.Timeout, fault.Unavailable, fault.Canceled:
		v.status = http.StatusServiceUnavailable
	default:
		v.status = http.StatusInternalServerError
		s.Logger.Error("page", slog.String("page", v.Page), slog.Any("error", err))
	}
	s.render(w, v)
}

func (s *server) render(w http.ResponseWriter, v *view) {
	name := v.Page
	if v.Error != "" {
		name = "error"
	}
	var b bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&b, "frame", v); err != nil {
		s.Logger.Error("render", slog.String("page", v.Page), slog.Any("error", err))
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(v.status)
	_, _ = w.Write(b.Bytes()) // the reader may have gone
}

// templates parses one template a page, each with the frame and the shared parts.
func (s *server) templates() (map[string]*template.Template, error) {
	out := map[string]*template.Template{}
	list, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	shared := []string{"templates/frame.html", "templates/parts.html"}
	for _, f := range list {
		if slices.Contains(shared, f) {
			continue
		}
		t, err := template.New("frame").Funcs(s.functions()).ParseFS(files, append(shared, f)...)
		if err != nil {
			return nil, err
		}
		out[strings.TrimSuffix(strings.TrimPrefix(f, "templates/"), ".html")] = t
	}
	return out, nil
}

func assets() (map[string]asset, error) {
	out := map[string]asset{}
	for name, kind := range map[string]string{"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		b, err := files.ReadFile("static/" + name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		out[name] = asset{b, kind, hex.EncodeToString(sum[:6])}
	}
	return out, nil
}

// asset serves a static file; its address changes with its content, so it may be kept.
func (s *server) asset(w http.ResponseWriter, r *http.Request) {
	a, ok := s.static[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	_, _ = w.Write(a.body) // the reader may have gone
}
