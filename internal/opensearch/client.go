package opensearch

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/opensearch-project/opensearch-go/v4/opensearchtransport"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Client talks to one cluster. All methods are safe for concurrent use. Close it when the process ends.
type Client struct {
	config  Config
	urls    []*url.URL
	wire    http.RoundTripper // below the pool: TLS, proxy, kept connections
	secrets *keeper
	signer  *awsSigner
	gzip    bool

	pool   func() (*opensearchtransport.Client, error)
	closed context.CancelFunc

	mu       sync.Mutex
	known    map[string]*facts // by caller
	noCancel bool              // the cluster refused cancel_after_time_interval
}

// New makes the client of a cluster. It touches no network: an unreachable cluster fails at the first request.
func New(config Config) (*Client, error) {
	if config.Name == "" {
		return nil, fault.New(fault.InvalidArgument, "a cluster has no name")
	}
	urls, err := config.nodes()
	if err != nil {
		return nil, err
	}
	if err := config.Auth.check(config.Name); err != nil {
		return nil, err
	}
	switch config.Compression {
	case "", "on", "off":
	default:
		return nil, fault.New(fault.InvalidArgument, "cluster %s: compression %q is neither on nor off", config.Name, config.Compression)
	}
	c := &Client{config: config.withDefaults(), urls: urls}
	now := c.config.Clock
	if now == nil {
		now = func() time.Time { return time.Time{} }
	}
	c.secrets = &keeper{now: now, kept: map[string]kept{}}
	if c.config.Auth.AWS != nil {
		if config.Clock == nil {
			return nil, fault.New(fault.Internal, "cluster %s: signing needs a clock", config.Name)
		}
		c.signer = &awsSigner{conf: *c.config.Auth.AWS, host: urls[0].Hostname(), now: now}
	}
	if c.wire, err = c.newWire(); err != nil {
		return nil, err
	}
	c.gzip = c.config.Compression == "on" || c.config.Compression == "" && !allLoopback(urls)
	background, cancel := context.WithCancel(context.Background())
	c.closed = cancel
	c.pool = sync.OnceValues(func() (*opensearchtransport.Client, error) { return c.newPool(background) })
	return c, nil
}

// newPool makes the pool of nodes. It is made at the first request, since it keeps a goroutine. Whatever it would do on its own
// account is switched off: retries are ours, and a node is asked only what a caller asks.
func (c *Client) newPool(background context.Context) (*opensearchtransport.Client, error) {
	return opensearchtransport.New(opensearchtransport.Config{
		URLs: c.urls, Transport: authorizer{c}, DisableRetry: true, Context: background,
		HealthCheck: opensearchtransport.NoOpHealthCheck, NodeStatsInterval: -1, StandbyRotationInterval: -1, ActiveListCap: -1,
		MaxRetryClusterHealth: -1, ResurrectTimeoutInitial: time.Second, Header: http.Header{"User-Agent": {c.config.UserAgent}},
	})
}

// Close gives up the kept connections.
func (c *Client) Close() error {
	c.closed()
	if t, ok := c.wire.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	return nil
}

// Name returns the name of the cluster, as the configuration calls it.
func (c *Client) Name() string { return c.config.Name }

// Address returns the host and port of the first node, for telemetry and for people.
func (c *Client) Address() string { return c.urls[0].Host }

// Serverless reports whether the cluster is Amazon OpenSearch Serverless, as its signing service or its host name says.
func (c *Client) Serverless() bool {
	if a := c.config.Auth.AWS; a != nil {
		return a.Service == ServiceServerless
	}
	return strings.Contains(c.urls[0].Hostname(), ".aoss.")
}

// Request is one call of the REST API.
type Request struct {
	Method      string // "" = GET
	Path        string // escaped, with a leading slash: see Path
	Query       url.Values
	Body        []byte        // JSON, or NDJSON with its ContentType
	Idempotent  bool          // it may be sent twice: every read, whatever its method
	MaxBytes    int64         // of the answer, unpacked; 0 = Config.MaxBytes
	Timeout     time.Duration // whole, with retries; 0 = Config.Timeout
	ContentType string        // of the body; "" = application/json
	Accept      string        // "" = application/json
}

// Path joins segments into an escaped path: Path("logs-*", "_search") is /logs-*/_search.
func Path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("%2A", "*", "%2C", ",").Replace(url.PathEscape(s)))
	}
	return b.String()
}

// Response is an answer with a 2xx status. Body is the caller's.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request and reads its answer. A read is sent again after 429, 502, 503, 504 and broken connections, with growing
// waits, and as late as Retry-After asks; anything else is sent once. An answer that is no 2xx is an error with a
// *ResponseError in its chain.
func (c *Client) Do(ctx context.Context, r Request) (_ *Response, err error) {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = c.config.Timeout
	}
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ctx, done := c.config.Observe(ctx, Call{Operation: operation(r.Path), Method: r.method(), Address: c.Address(), Cluster: c.Name()})
	defer func() { done(err) }()
	c.bound(&r, timeout)
	out, err := c.attempts(ctx, r)
	if err != nil {
		return nil, c.explain(outer, ctx, err, timeout, r)
	}
	return out, nil
}

func (r Request) method() string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

// attempt sends a request once and reads the whole answer.
func (c *Client) attempt(ctx context.Context, r Request) (*Response, error) {
	pool, err := c.pool()
	if err != nil {
		return nil, fault.New(fault.Internal, "make the connection pool: %w", err)
	}
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, err
	}
	res, err := pool.Stream(req)
	if err != nil {
		return nil, &transportError{cause: err}
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, c.refusal(res)
	}
	limit := r.MaxBytes
	if limit == 0 {
		limit = c.config.MaxBytes
	}
	body, err := readBody(res, limit)
	if err != nil {
		return nil, err
	}
	if err := wrongType(res, r, body); err != nil {
		return nil, err
	}
	return &Response{Status: res.StatusCode, Header: res.Header, Body: body}, nil
}

func (c *Client) newRequest(ctx context.Context, r Request) (*http.Request, error) {
	plain, err := url.PathUnescape(r.Path)
	if err != nil || !strings.HasPrefix(r.Path, "/") {
		return nil, fault.New(fault.Internal, "path %q is not escaped or does not begin with a slash", r.Path)
	}
	req := &http.Request{
		Method: r.method(), URL: &url.URL{Path: plain, RawPath: r.Path, RawQuery: r.Query.Encode()}, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	req.Header.Set("Accept", "application/json")
	if r.Accept != "" {
		req.Header.Set("Accept", r.Accept)
	}
	if c.gzip {
		req.Header.Set("Accept-Encoding", "gzip")
	}
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
		if r.ContentType != "" {
			req.Header.Set("Content-Type", r.ContentType)
		}
		req.ContentLength = int64(len(r.Body))
		req.Body = newPayload(r.Body)
		req.GetBody = func() (io.ReadCloser, error) { return newPayload(r.Body), nil }
	}
	return req.WithContext(ctx), nil
}

// payload is a body that the signer can look at before it is sent.
type payload struct {
	*bytes.Reader

	raw []byte
}

func newPayload(raw []byte) *payload { return &payload{bytes.NewReader(raw), raw} }

// Close implements io.Closer.
func (*payload) Close() error { return nil }

// authorizer signs what the pool has addressed, and sends it.
type authorizer struct{ c *Client }

// RoundTrip implements http.RoundTripper.
func (a authorizer) RoundTrip(r *http.Request) (*http.Response, error) {
	var raw []byte
	if p, ok := r.Body.(*payload); ok {
		raw = p.raw
	}
	signed := r.WithContext(r.Context())
	signed.Header = r.Header.Clone()
	if err := a.c.authorize(r.Context(), signed, raw); err != nil {
		return nil, &credentialError{err}
	}
	return a.c.wire.RoundTrip(signed)
}

// CloseIdleConnections passes the wish on.
func (a authorizer) CloseIdleConnections() {
	if t, ok := a.c.wire.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// credentialError is a failure before anything was sent.
type credentialError struct{ error }

func (e *credentialError) Unwrap() error { return e.error }

// transportError is a request that got no answer.
type transportError struct{ cause error }

func (e *transportError) Error() string { return e.cause.Error() }
func (e *transportError) Unwrap() error { return e.cause }

// operation names the endpoint of a path: its words that begin with an underscore, without indices and ids.
func operation(path string) string {
	var words []string
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "_") && len(s) > 1 {
			words = append(words, s[1:])
			if s == "_cluster" || s == "_nodes" || s == "_cat" || s == "_plugins" || s == "_resolve" {
				for _, more := range segments[i+1:] {
					if verb := strings.TrimPrefix(more, "_"); isWord(verb) {
						words = append(words, verb)
					}
				}
				break
			}
		}
	}
	if len(words) == 0 {
		if path == "/" || path == "" {
			return "info"
		}
		return "index"
	}
	return strings.Join(words[:min(len(words), 3)], ".")
}

func isWord(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && r != '_' {
			return false
		}
	}
	return s != ""
}
