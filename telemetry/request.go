package telemetry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/mark3labs/mcp-go/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Options returns what an mcp-go server needs to be traced, and registers the hooks that fill the spans. The server calls
// the tracer around every request; the hooks know the request's target and how it ended.
func (t *Telemetry) Options(hooks *server.Hooks) []server.ServerOption {
	hooks.AddBeforeAny(t.before)
	hooks.AddOnSuccess(t.succeeded)
	hooks.AddOnError(t.failed)
	hooks.AddOnRegisterSession(func(_ context.Context, s server.ClientSession) { t.sessions.open(s.SessionID(), t.now()) })
	hooks.AddOnUnregisterSession(func(ctx context.Context, s server.ClientSession) {
		if began, ok := t.sessions.close(s.SessionID()); ok {
			t.session.Record(context.WithoutCancel(ctx), t.now().Sub(began).Seconds(), metric.WithAttributes(transport(ctx)...))
		}
	})
	return []server.ServerOption{server.WithTracer(tracer{t}), server.WithMetaPropagator(metaPropagator{})}
}

// request is one MCP request on its way; it is reached through the context. Its fields are written by the goroutine that
// serves the request.
type request struct {
	t         *Telemetry
	span      trace.Span
	began     time.Time
	shared    []attribute.KeyValue // on the span and on the metric
	errorType string
	message   string
}

type requestKey struct{}

func current(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// tracer adapts OpenTelemetry to mcp-go's interface. mcp-go opens "mcp.METHOD" (server) around a request and "tool.NAME"
// (internal) around a tool; the conventions want one SERVER span and no second one, so the second is left out.
type tracer struct{ t *Telemetry }

func (a tracer) Start(ctx context.Context, name string, kind tracing.SpanKind, attrs ...tracing.Attribute) (context.Context, tracing.Span) {
	if kind != tracing.SpanKindServer {
		_, none := tracing.NoopTracer().Start(ctx, name, kind)
		return ctx, none
	}
	method := strings.TrimPrefix(name, "mcp.")
	r := &request{t: a.t, began: a.t.now(), shared: append([]attribute.KeyValue{keyMethod.String(method)}, transport(ctx)...)}
	opts := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(r.began)}
	if h := httpOf(ctx); h != nil && h.ambient.IsValid() {
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: h.ambient}))
	}
	ctx, r.span = a.t.tracer.Start(ctx, method, opts...) //nolint:spancheck // End ends it: mcp-go calls it once a request
	if h := httpOf(ctx); h != nil {
		r.span.SetAttributes(h.client...)
	}
	for _, at := range attrs {
		if at.Key == string(keySession) && at.Value != stdioSession {
			r.span.SetAttributes(keySession.String(at.Value))
		}
	}
	if v := a.t.protocol(ctx); v != "" {
		r.shared = append(r.shared, keyMCPProtocol.String(v))
	}
	return context.WithValue(ctx, requestKey{}, r), r
}

// stdioSession is the id that mcp-go gives the one session over stdio; it is no MCP session id.
const stdioSession = "stdio"

// SetAttributes drops mcp-go's own attribute names: the hooks set the conventions' ones.
func (r *request) SetAttributes(...tracing.Attribute) {}

// RecordError is not used: the conventions want error.type and a status.
func (r *request) RecordError(error) {}

// SetStatus keeps the message of a failed request. mcp-go calls it with the JSON-RPC error's message.
func (r *request) SetStatus(code tracing.StatusCode, message string) {
	if code != tracing.StatusError {
		return
	}
	if r.errorType == "" { // no hook saw it: the method is not known to the dispatcher
		r.fail(strconv.Itoa(mcp.METHOD_NOT_FOUND))
	}
	r.message = message
}

func (r *request) fail(code string) {
	r.errorType = code
	r.shared = append(r.shared, keyStatusCode.String(code))
}

// End ends the span and records the duration.
func (r *request) End() {
	if r.errorType != "" {
		r.shared = append(r.shared, keyErrorType.String(r.errorType))
		r.span.SetStatus(codes.Error, r.message)
	}
	end := r.t.now()
	r.span.SetAttributes(r.shared...)
	r.span.End(trace.WithTimestamp(end))
	r.t.duration.Record(trace.ContextWithSpan(context.Background(), r.span), end.Sub(r.began).Seconds(), metric.WithAttributes(r.shared...))
}

// before names the request's target: the tool, the prompt or the resource.
func (t *Telemetry) before(ctx context.Context, id any, method mcp.MCPMethod, message any) {
	r := current(ctx)
	if r == nil {
		return
	}
	if id != nil {
		r.span.SetAttributes(keyRequestID.String(requestID(id)))
	}
	switch m := message.(type) {
	case *mcp.CallToolRequest:
		r.target(method, m.Params.Name, keyToolName)
		r.shared = append(r.shared, keyOperation.String(operationExecuteTool))
		if t.capture {
			r.span.SetAttributes(keyToolArguments.String(content(m.GetArguments())))
		}
	case *mcp.GetPromptRequest:
		r.target(method, m.Params.Name, keyPromptName)
	case *mcp.ReadResourceRequest:
		r.span.SetAttributes(keyResourceURI.String(m.Params.URI))
	case *mcp.SubscribeRequest:
		r.span.SetAttributes(keyResourceURI.String(m.Params.URI))
	case *mcp.UnsubscribeRequest:
		r.span.SetAttributes(keyResourceURI.String(m.Params.URI))
	}
}

func (r *request) target(method mcp.MCPMethod, name string, key attribute.Key) {
	r.span.SetName(string(method) + " " + name)
	r.shared = append(r.shared, key.String(name))
}

func requestID(id any) string {
	if r, ok := id.(mcp.RequestId); ok {
		id = r.Value()
	}
	if f, ok := id.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(id)
}

func (t *Telemetry) succeeded(ctx context.Context, _ any, _ mcp.MCPMethod, _, result any) {
	r := current(ctx)
	if r == nil {
		return
	}
	switch v := result.(type) {
	case *mcp.CallToolResult:
		if v == nil {
			return
		}
		if v.IsError {
			r.errorType, r.message = errorTool, "tool answered with an error"
		}
		if t.capture && v.StructuredContent != nil {
			r.span.SetAttributes(keyToolResult.String(content(v.StructuredContent)))
		}
	case *mcp.InitializeResult:
		if s := server.ClientSessionFromContext(ctx); s != nil && v != nil {
			t.sessions.negotiated(s.SessionID(), v.ProtocolVersion)
		}
		if v != nil {
			r.shared = append(r.shared, keyMCPProtocol.String(v.ProtocolVersion))
		}
	}
}

func (t *Telemetry) failed(ctx context.Context, _ any, _ mcp.MCPMethod, _ any, err error) {
	r := current(ctx)
	if r == nil {
		return
	}
	r.message = err.Error()
	var coded interface{ ToJSONRPCError() mcp.JSONRPCError }
	if errors.As(err, &coded) {
		e := coded.ToJSONRPCError()
		r.fail(strconv.Itoa(e.Error.Code))
		r.message = e.Error.Message
		return
	}
	r.errorType = errorTypeOf(err)
}

func errorTypeOf(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return errorTimeout
	}
	return errorOther
}

// metaPropagator takes the parent out of params._meta (SEP-414: unprefixed W3C names), on every transport.
type metaPropagator struct{}

var w3c = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})

func (metaPropagator) ExtractMeta(ctx context.Context, meta *mcp.Meta) context.Context {
	if meta == nil {
		return ctx
	}
	return w3c.Extract(ctx, carrier(meta.AdditionalFields))
}

func (metaPropagator) InjectMeta(ctx context.Context, meta *mcp.Meta) *mcp.Meta {
	fields := carrier{}
	w3c.Inject(ctx, fields)
	if len(fields) == 0 {
		return meta
	}
	if meta == nil {
		meta = &mcp.Meta{}
	}
	if meta.AdditionalFields == nil {
		meta.AdditionalFields = map[string]any{}
	}
	maps.Copy(meta.AdditionalFields, fields)
	return meta
}

// carrier is _meta seen as headers; values that are no strings do not exist.
type carrier map[string]any

func (c carrier) Get(key string) string { s, _ := c[key].(string); return s }
func (c carrier) Set(key, value string) { c[key] = value }
func (c carrier) Keys() []string {
	out := make([]string, 0, len(c))
	for k := range c {
		out = append(out, k)
	}
	return out
}

// httpInfo is what the HTTP request around an MCP request tells.
type httpInfo struct {
	ambient trace.SpanContext // the caller's HTTP span: linked, never the parent
	client  []attribute.KeyValue
	version string // "1.1", "2"
}

type httpKey struct{}

// HTTPContext marks ctx as serving r; give it to server.WithHTTPContextFunc.
func HTTPContext(ctx context.Context, r *http.Request) context.Context {
	h := &httpInfo{
		ambient: trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(r.Header))),
		version: strings.TrimPrefix(strings.TrimSuffix(r.Proto, ".0"), "HTTP/"),
	}
	if host, port, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		h.client = append(h.client, keyClientAddress.String(host))
		if n, err := strconv.Atoi(port); err == nil {
			h.client = append(h.client, keyClientPort.Int(n))
		}
	}
	return context.WithValue(ctx, httpKey{}, h)
}

func httpOf(ctx context.Context) *httpInfo {
	h, _ := ctx.Value(httpKey{}).(*httpInfo)
	return h
}

func transport(ctx context.Context) []attribute.KeyValue {
	h := httpOf(ctx)
	if h == nil {
		return []attribute.KeyValue{keyTransport.String(transportPipe)}
	}
	return []attribute.KeyValue{keyTransport.String(transportTCP), keyNetworkProtocol.String("http"), keyNetworkVersion.String(h.version)}
}

// protocol returns the MCP version in force: of the request itself (2026-07-28 on), else as negotiated by the session.
func (t *Telemetry) protocol(ctx context.Context) string {
	if p := server.RequestProtocolInfoFromContext(ctx); p != nil && p.ProtocolVersion != "" {
		return p.ProtocolVersion
	}
	if s := server.ClientSessionFromContext(ctx); s != nil {
		return t.sessions.version(s.SessionID())
	}
	return ""
}

// sessions remembers when each session began and what it negotiated. Sessions leave when they are unregistered.
type sessions struct {
	mu sync.Mutex
	m  map[string]*sessionInfo
}

type sessionInfo struct {
	began   time.Time
	version string
}

// maxSessions bounds the table against clients that open sessions and never end them; beyond it new ones go unremembered.
const maxSessions = 10_000

func (s *sessions) open(id string, now time.Time) { s.get(id, func(i *sessionInfo) { i.began = now }) }

func (s *sessions) negotiated(id, version string) {
	s.get(id, func(i *sessionInfo) { i.version = version })
}

func (s *sessions) get(id string, change func(*sessionInfo)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = map[string]*sessionInfo{}
	}
	i, ok := s.m[id]
	if !ok {
		if len(s.m) >= maxSessions {
			return
		}
		i = &sessionInfo{}
		s.m[id] = i
	}
	change(i)
}

func (s *sessions) version(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.m[id]; ok {
		return i.version
	}
	return ""
}

func (s *sessions) close(id string) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.m[id]
	delete(s.m, id)
	if !ok || i.began.IsZero() {
		return time.Time{}, false
	}
	return i.began, true
}
