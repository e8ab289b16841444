package prometheus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Bounds of one request, where the Config does not say otherwise.
const (
	DefaultTimeout  = 60 * time.Second // Prometheus gives up at two minutes, readers before
	DefaultMaxBytes = 64 << 20         // a million points
	DefaultRetries  = 3                // after the first try: about two seconds of patience
	connectTimeout  = 5 * time.Second
	maxErrorBytes   = 64 << 10
)

// Config says what a source is and how to reach it. Name and URL are required.
type Config struct {
	Name string // as errors call the source
	URL  string // base of the API: http://host:9090, https://host/prometheus, a workspace of Amazon's service; /api/v1 may follow

	Auth Auth
	TLS  TLS

	Timeout   time.Duration // of one request with its retries; 0 = DefaultTimeout
	MaxBytes  int64         // of one answer, unpacked; 0 = DefaultMaxBytes
	Retries   int           // after the first try; 0 = DefaultRetries, below 0 = none
	UserAgent string        // "" = "plumbline"

	Now func() time.Time // signs requests; required with Auth.AWS
	// Sleep waits between tries; nil waits for real.
	Sleep func(ctx context.Context, d time.Duration) error
	// Jitter gives numbers in [0, 1) for the waits; nil = random.
	Jitter func() float64
	// Observe is told of each request before it is sent, and of its end: the hook for telemetry spans.
	Observe func(ctx context.Context, c Call) (context.Context, func(error))
}

// Call names one request for telemetry; it holds no value out of a query.
type Call struct {
	Operation string // query, query_range, series, labels, metadata
	Address   string // host of the server
}

// Secret gives a password or token when it is needed. It may read a file or run a command.
type Secret func(ctx context.Context) (string, error)

// Auth says who asks. At most one of Username, Bearer and AWS is set; the zero value is nobody.
type Auth struct {
	Username string // basic, with Password
	Password Secret
	Bearer   Secret
	Headers  map[string]Secret // further ones, such as X-Scope-OrgID
	AWS      *AWS
}

// AWS signs requests with Signature Version 4. The credentials come from the SDK's chain: environment, profile, web identity,
// container, instance; then, with Role, from assuming that role.
type AWS struct {
	Service    string // "" = aps
	Region     string // "" = of the URL, else of the profile or environment
	Profile    string
	Role       string // ARN of a role to assume
	ExternalID string
	// Credentials replaces the chain.
	Credentials aws.CredentialsProvider
}

// TLS says whom to trust and who we are. The zero value verifies the server by the system's authorities.
type TLS struct {
	CAFile     string // PEM; replaces the system's authorities
	CertFile   string // client certificate, PEM; with KeyFile
	KeyFile    string
	ServerName string
	Insecure   bool // verify nothing: only for a test
}

func (a Auth) check(name string) error {
	n := 0
	for _, set := range []bool{a.Username != "" || a.Password != nil, a.Bearer != nil, a.AWS != nil} {
		if set {
			n++
		}
	}
	switch {
	case n > 1:
		return fault.New(fault.InvalidArgument, "source %s: auth names several ways: choose one of username, token and aws", name)
	case (a.Username == "") != (a.Password == nil):
		return fault.New(fault.InvalidArgument, "source %s: basic authentication needs a username and a password", name)
	}
	return nil
}

// kind names the way of authentication for hints.
func (a Auth) kind() string {
	switch {
	case a.AWS != nil:
		return "AWS credentials"
	case a.Bearer != nil:
		return "bearer token"
	case a.Username != "":
		return "username and password"
	}
	return "nobody (no auth is configured)"
}

// base parses the URL down to what stands before /api/v1.
func (c Config) base() (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(c.URL))
	switch {
	case err != nil:
		return nil, fault.New(fault.InvalidArgument, "source %s: the url does not parse", c.Name)
	case u.User != nil:
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "source %s: the url of %s holds a user or password", c.Name, u.Host),
			"Give auth: {username: NAME, password_env: VARIABLE} and take them out of the url.")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "source %s: %q is no http or https URL", c.Name, c.URL), "Write http://host:9090.")
	}
	if before, _, ok := strings.Cut(u.Path, "/api/v1"); ok {
		u.Path = before
	}
	u.Path, u.RawPath, u.RawQuery, u.Fragment = strings.TrimRight(u.Path, "/"), "", "", ""
	return u, nil
}

func (c Config) withDefaults() Config {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
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
	return c
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

// load reads the certificates.
func (t TLS) load(name string) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.Insecure} //nolint:gosec // off unless the user says so
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fault.New(fault.InvalidArgument, "source %s: read the authority: %w", name, err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.InvalidArgument, "source %s: %s holds no PEM certificate", name, t.CAFile)
		}
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return nil, fault.New(fault.InvalidArgument, "source %s: a client certificate needs both cert_file and key_file", name)
	}
	if t.CertFile != "" {
		if _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err != nil {
			return nil, fault.New(fault.InvalidArgument, "source %s: client certificate: %w", name, err)
		}
		// Read at each handshake, so that a renewed certificate needs no restart.
		out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			return &pair, err
		}
	}
	return out, nil
}
