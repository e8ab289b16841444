package opensearch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Bounds of the kept connections. An agent has a few calls under way at once, each with one request or a few.
const (
	maxConnections  = 32               // to one node; further requests wait
	keptConnections = 16               // idle ones
	idleConnection  = 90 * time.Second // Amazon's balancers give up at 60 to 350 s; the server's Keep-Alive wins where shorter
	maxHeaderBytes  = 64 << 10         // deprecation warnings repeat in headers
)

// newWire makes the connections: TLS, proxy, bounds.
func (c *Client) newWire() (http.RoundTripper, error) {
	tlsConfig, err := c.config.TLS.load(c.config.Name)
	if err != nil {
		return nil, err
	}
	proxy, err := c.proxy()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: c.config.ConnectTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: proxy, DialContext: dialer.DialContext, TLSClientConfig: tlsConfig, TLSHandshakeTimeout: c.config.ConnectTimeout,
		MaxConnsPerHost: maxConnections, MaxIdleConns: keptConnections * len(c.urls), MaxIdleConnsPerHost: keptConnections, IdleConnTimeout: idleConnection,
		MaxResponseHeaderBytes: maxHeaderBytes, DisableCompression: true, ForceAttemptHTTP2: true,
	}, nil
}

// proxy returns the function that names the proxy. Its password is asked for when it connects, not before.
func (c *Client) proxy() (func(*http.Request) (*url.URL, error), error) {
	p := c.config.Proxy
	if p.URL == "" {
		if p.Username != "" || p.Password != nil {
			return nil, fault.New(fault.InvalidArgument, "cluster %s: proxy credentials without a proxy", c.config.Name)
		}
		return nil, nil //nolint:nilnil // no proxy: net/http's own way of saying it
	}
	u, err := url.Parse(p.URL)
	switch {
	case err != nil:
		return nil, fault.New(fault.InvalidArgument, "cluster %s: the proxy's URL does not parse", c.config.Name)
	case u.User != nil:
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "cluster %s: the proxy's URL holds a user or password", c.config.Name),
			"Give proxy.username and proxy.password_env, _file or _command.")
	case u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5":
		return nil, fault.New(fault.InvalidArgument, "cluster %s: proxy %q is no http, https or socks5 URL", c.config.Name, p.URL)
	case (p.Username == "") != (p.Password == nil):
		return nil, fault.New(fault.InvalidArgument, "cluster %s: the proxy needs both a username and a password, or neither", c.config.Name)
	case p.Username == "":
		return http.ProxyURL(u), nil
	}
	return func(r *http.Request) (*url.URL, error) {
		password, err := c.secrets.get(r.Context(), "proxy password", p.Password)
		if err != nil {
			return nil, err
		}
		with := *u
		with.User = url.UserPassword(p.Username, password)
		return &with, nil
	}, nil
}

// load reads the certificates.
func (t TLS) load(cluster string) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.Insecure} //nolint:gosec // off unless the user says so
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fault.New(fault.InvalidArgument, "cluster %s: read the authority: %w", cluster, err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.InvalidArgument, "cluster %s: %s holds no PEM certificate", cluster, t.CAFile)
		}
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return nil, fault.New(fault.InvalidArgument, "cluster %s: a client certificate needs both cert_file and key_file", cluster)
	}
	if t.CertFile != "" {
		// Read at each handshake, so that a renewed certificate needs no restart; once now, to tell a wrong one early.
		if _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err != nil {
			return nil, fault.New(fault.InvalidArgument, "cluster %s: client certificate: %w", cluster, err)
		}
		out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			return &pair, err
		}
	}
	return out, nil
}

// allLoopback reports whether every node is on this machine, where packing costs more than it saves.
func allLoopback(urls []*url.URL) bool {
	for _, u := range urls {
		ip := net.ParseIP(u.Hostname())
		if u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// wait sleeps before the next try, or returns why it cannot.
func (c *Client) wait(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && c.config.Clock != nil && c.config.Clock().Add(d).After(deadline) {
		return context.DeadlineExceeded
	}
	return c.config.Sleep(ctx, d)
}
