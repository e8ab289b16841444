package prometheus

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Client asks one server. It is safe for concurrent use.
type Client struct {
	config Config
	base   *url.URL
	http   *http.Client
	door   *door
}

// New returns a client. It asks nothing of the network.
func New(c Config) (*Client, error) {
	c = c.withDefaults()
	base, err := c.base()
	if err != nil {
		return nil, err
	}
	if err := c.Auth.check(c.Name); err != nil {
		return nil, err
	}
	if c.Auth.AWS != nil && c.Now == nil {
		return nil, fault.New(fault.Internal, "source %s: signing needs a clock", c.Name)
	}
	conf, err := c.TLS.load(c.Name)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}
	wire := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: conf, TLSHandshakeTimeout: connectTimeout,
		MaxConnsPerHost: 16, MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true, ForceAttemptHTTP2: true,
	}
	return &Client{
		config: c, base: base, door: &door{auth: c.Auth, name: c.Name, host: base.Hostname(), now: c.Now},
		// A redirect would carry credentials to another place: it is told, not followed.
		http: &http.Client{Transport: wire, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// Close ends kept connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Name is the source's name.
func (c *Client) Name() string { return c.config.Name }

// request is one question.
type request struct {
	operation string
	path      string // below /api/v1/
	form      url.Values
	get       bool // GET with the form as its query
}

// Waits between tries: 0.2, 0.4, 0.8 s and so on, each between half and the whole of that, or as long as Retry-After asks.
const (
	firstWait = 200 * time.Millisecond
	maxWait   = 10 * time.Second
)

// do asks until there is an answer, and hands its data to read.
func (c *Client) do(ctx context.Context, r request, read func(io.Reader) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	ctx, done := c.config.Observe(ctx, Call{Operation: r.operation, Address: c.base.Hostname()})
	defer func() { done(err) }()
	for n := 0; ; n++ {
		err = c.once(ctx, r, read)
		var refused *refusal
		if errors.As(err, &refused) && refused.status == http.StatusMethodNotAllowed && !r.get {
			r.get = true // a proxy that lets nothing but GET through
			continue
		}
		wait, again := c.pause(err, n)
		if err == nil || !again || ctx.Err() != nil {
			return c.explain(ctx, r, err)
		}
		if c.config.Sleep(ctx, wait) != nil {
			return c.explain(ctx, r, err)
		}
	}
}

// pause returns how long to wait after try n (from 0) failed, and whether to try again.
func (c *Client) pause(err error, n int) (time.Duration, bool) {
	if n >= c.config.Retries {
		return 0, false
	}
	wait := min(firstWait<<min(n, 10), maxWait)
	wait -= time.Duration(c.config.Jitter() * float64(wait) / 2)
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		return max(wait, refused.after), refused.passing() && refused.after <= c.config.Timeout
	case hopeless(err):
		return 0, false
	}
	_, broken := errors.AsType[*url.Error](err)
	return wait, broken || errors.Is(err, io.ErrUnexpectedEOF)
}

// once sends a request and reads its answer.
func (c *Client) once(ctx context.Context, r request, read func(io.Reader) error) error {
	u := *c.base
	u.Path += "/api/v1/" + r.path
	body := []byte(r.form.Encode())
	method := http.MethodPost
	if r.get {
		u.RawQuery, body, method = string(body), nil, http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("User-Agent", c.config.UserAgent)
	if !r.get {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if err := c.door.authorize(ctx, req, body); err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	in, err := unpacked(res)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return c.refusal(res, in)
	}
	limited := &counted{r: in, left: c.config.MaxBytes}
	if err := read(limited); err != nil {
		if limited.left < 0 {
			return errTooLarge
		}
		return err
	}
	return nil
}

var errTooLarge = errors.New("answer too large")

func unpacked(res *http.Response) (io.Reader, error) {
	if !strings.EqualFold(res.Header.Get("Content-Encoding"), "gzip") {
		return res.Body, nil
	}
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		return nil, fmt.Errorf("unpack the answer: %w", err)
	}
	return z, nil
}

// counted ends with an error when more was read than allowed.
type counted struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	if c.left < 0 {
		return 0, errTooLarge
	}
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// retryAfter reads Retry-After in seconds.
func retryAfter(text string) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}
