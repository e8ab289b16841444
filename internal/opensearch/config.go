package opensearch

import (
	"context"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Bounds of one request, where neither the Config nor the Request says otherwise.
const (
	DefaultTimeout        = 60 * time.Second // an aggregation over a day of logs takes seconds, a cold one tens of them
	DefaultConnectTimeout = 5 * time.Second  // a node that does not answer a SYN or a TLS hello in 5 s will not answer a search
	DefaultMaxBytes       = 64 << 20         // 10,000 hits of 5 KB are 50 MB: more belongs into pages
	DefaultRetries        = 3                // after the first try: about 2 s of patience
	maxErrorBytes         = 256 << 10        // of an error's body: shard failures repeat, a page of HTML is shorter
)

// Config says what a cluster is and how to reach it. Name and URLs are required; New checks the rest.
type Config struct {
	Name string   // as errors and answers call the cluster
	URLs []string // nodes, https://host:9200; without a port that of the scheme, a path is kept

	Auth  Auth
	TLS   TLS
	Proxy Proxy

	Timeout        time.Duration // of a whole request, retries included; 0 = DefaultTimeout
	ConnectTimeout time.Duration // of TCP and of TLS each; 0 = DefaultConnectTimeout
	MaxBytes       int64         // of one answer, unpacked; 0 = DefaultMaxBytes
	Retries        int           // of a read after its first try; 0 = DefaultRetries, below 0 = none
	Compression    string        // "" asks for gzip except on loopback, "on", "off"
	UserAgent      string        // "" = "plumbline"

	Clock func() time.Time // nil = the wall clock of Date headers is not read, tokens are kept for good
	// Sleep waits between tries; nil waits for real. Tests pass one that only notes the wait.
	Sleep func(ctx context.Context, d time.Duration) error
	// Jitter gives numbers in [0, 1) for the waits; nil = random.
	Jitter func() float64
	// Observe is told of each request before it is sent, and of its end: the hook for telemetry spans. The context it returns
	// is the one of the request.
	Observe func(ctx context.Context, call Call) (context.Context, func(error))
}

// Call names one request for telemetry; it holds no value out of a query.
type Call struct {
	Operation string // the endpoint: "search", "field_caps", "cluster.health"
	Method    string
	Address   string // host of the first node
	Cluster   string // Config.Name
}

// Proxy is an HTTP, HTTPS or SOCKS5 proxy between here and the cluster. The zero value is none: the environment is not read.
type Proxy struct {
	URL      string // http://host:3128, without a password
	Username string
	Password Secret
}

// TLS says whom to trust and who we are. The zero value verifies the cluster by the system's authorities.
type TLS struct {
	CAFile     string // PEM; replaces the system's authorities
	CertFile   string // client certificate, PEM; with KeyFile
	KeyFile    string // its key
	ServerName string // expected in the certificate instead of the URL's host
	Insecure   bool   // verify nothing: only for a test
}

// Secret gives a password, token or key when it is needed. It may read a file or run a command.
type Secret func(ctx context.Context) (string, error)

// nodes parses the URLs.
func (c *Config) nodes() ([]*url.URL, error) {
	if len(c.URLs) == 0 {
		return nil, fault.New(fault.InvalidArgument, "cluster %s: no URL", c.Name)
	}
	var out []*url.URL
	for _, raw := range c.URLs {
		u, err := c.node(strings.TrimSpace(raw))
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}

// node parses one URL. Its text is never shown before it is known to hold no password.
func (c *Config) node(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, fault.New(fault.InvalidArgument, "cluster %s: a URL does not parse", c.Name)
	case u.User != nil:
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "cluster %s: the URL of %s holds a user or password", c.Name, u.Host),
			"Give auth with username and password_env, password_file or password_command, and take them out of the URL.")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "cluster %s: %q is no http or https URL", c.Name, raw), "Write https://host:9200.")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fault.New(fault.InvalidArgument, "cluster %s: the URL of %s has a query or fragment", c.Name, u.Host)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// withDefaults returns a copy with what was left zero filled in.
func (c *Config) withDefaults() Config {
	out := *c
	out.fill()
	return out
}

// fill sets what was left zero.
func (c *Config) fill() {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = DefaultConnectTimeout
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	switch {
	case c.Retries == 0:
		c.Retries = DefaultRetries
	case c.Retries < 0:
		c.Retries = 0
	}
	if c.UserAgent == "" {
		c.UserAgent = "plumbline"
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	if c.Observe == nil {
		c.Observe = func(ctx context.Context, _ Call) (context.Context, func(error)) { return ctx, func(error) {} }
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
