package prometheus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// maxReason bounds what is quoted of a server's words.
const maxReason = 400

// refusal is an answer that is no 200, or says error.
type refusal struct {
	status int
	kind   string // bad_data, execution, timeout, canceled, ...; "" when the body is not Prometheus'
	reason string
	after  time.Duration
}

// Error tells status and reason.
func (r *refusal) Error() string {
	out := fmt.Sprintf("%d %s", r.status, http.StatusText(r.status))
	if r.kind != "" {
		out += ": " + r.kind
	}
	if r.reason != "" {
		out += ": " + r.reason
	}
	return out
}

// passing reports whether the next try may be answered.
func (r *refusal) passing() bool {
	switch r.status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented:
		return false
	}
	return r.status >= http.StatusInternalServerError && r.kind != "timeout" && r.kind != "execution"
}

// refusal reads an answer that is no 200.
func (c *Client) refusal(res *http.Response, in io.Reader) error {
	out := &refusal{status: res.StatusCode, after: retryAfter(res.Header.Get("Retry-After"))}
	body, err := io.ReadAll(io.LimitReader(in, maxErrorBytes))
	if err != nil {
		body = nil // the status is known, which says more than the rest would
	}
	var e struct {
		Kind    string `json:"errorType"`
		Error   string `json:"error"`
		Message string `json:"message"` // Amazon's front end
	}
	switch {
	case json.Unmarshal(body, &e) == nil && e.Error+e.Message != "":
		out.kind, out.reason = line(e.Kind, 40), line(e.Error+e.Message, maxReason)
	case looksLikeHTML(body):
		out.reason = "an HTML page instead of JSON"
	default:
		out.reason = line(string(body), maxReason)
	}
	if to := res.Header.Get("Location"); res.StatusCode/100 == 3 && to != "" {
		out.reason = "redirected"
		if u, err := url.Parse(to); err == nil {
			out.reason = "redirected to " + u.Scheme + "://" + u.Host + u.Path
		}
	}
	out.reason = c.door.scrub(out.reason)
	return out
}

func looksLikeHTML(body []byte) bool {
	return strings.HasPrefix(strings.TrimSpace(strings.ToLower(string(body[:min(len(body), 200)]))), "<")
}

// line is text on one line of at most n bytes.
func line(text string, n int) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > n {
		text = strings.ToValidUTF8(text[:n], "") + "…"
	}
	return text
}

// hopeless reports failures that the next try would meet again.
func hopeless(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return true
	}
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound
}

// explain makes what a caller reads: the source's name, what was asked, why it failed, what to check.
func (c *Client) explain(ctx context.Context, r request, err error) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf("source %s: %s", c.Name(), r.operation)
	if refused, ok := errors.AsType[*refusal](err); ok {
		return c.explainRefusal(what, refused)
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	switch {
	case errors.Is(err, errTooLarge):
		return fault.WithHint(fault.New(fault.TooLarge, "%s: the answer is over %d bytes", what, c.config.MaxBytes), "Use a larger step, a shorter window, or aggregate: sum by (label) (..).")
	case errors.Is(ctx.Err(), context.Canceled):
		return fault.New(fault.Canceled, "%s: %w", what, context.Canceled)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fault.WithHint(fault.New(fault.Timeout, "%s: no answer from %s within %v", what, c.base.Host, c.config.Timeout), "Use a larger step or a shorter window; else check that the server is well.")
	}
	return c.explainWire(what, err)
}

func (c *Client) explainRefusal(what string, r *refusal) error {
	host := c.base.Host
	switch {
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden:
		return fault.WithHint(fault.New(fault.PermissionDenied, "%s: %w", what, r), "%s refused %s: check auth of source %s.", host, c.config.Auth.kind(), c.Name())
	case r.kind == "bad_data", r.status == http.StatusUnprocessableEntity && r.kind == "execution" && !strings.Contains(r.reason, "too many samples"):
		return fault.New(fault.InvalidQuery, "%s: %w", what, r)
	case strings.Contains(r.reason, "too many samples"), strings.Contains(r.reason, "exceeded maximum resolution"):
		return fault.WithHint(fault.New(fault.TooLarge, "%s: %w", what, r), "Narrow the window or the labels, or use a larger step.")
	case r.kind == "timeout" || r.status == http.StatusGatewayTimeout:
		return fault.WithHint(fault.New(fault.Timeout, "%s: %w", what, r), "Use a larger step or a shorter window.")
	case r.status == http.StatusNotFound:
		return fault.WithHint(fault.New(fault.NotFound, "%s: %w", what, r), "%s serves no Prometheus API below %q: check the url of source %s.", host, c.base.Path, c.Name())
	case r.status/100 == 3:
		return fault.WithHint(fault.New(fault.Unavailable, "%s: %w", what, r), "Give the final address as url; a login page means that the request was not recognised.")
	case r.status == http.StatusBadRequest:
		return fault.New(fault.InvalidQuery, "%s: %w", what, r)
	}
	return fault.WithHint(fault.New(fault.Unavailable, "%s: %w", what, r), "%s did not answer well in %d tries: try later.", host, c.config.Retries+1)
}

func (c *Client) explainWire(what string, err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // without the URL, which is long and says nothing more
	}
	text := c.door.scrub(line(err.Error(), maxReason))
	out := fault.New(fault.Unavailable, "%s: %s: %s", what, c.base.Host, text)
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault.WithHint(out, "Nothing listens there: check host and port of source %s.", c.Name())
	case errors.As(err, &dns):
		return fault.WithHint(out, "The name is not known here: check the url of source %s.", c.Name())
	case errors.As(err, &cert):
		return fault.WithHint(out, "The certificate is not trusted: give tls.ca_file with the authority that signed it, or tls.server_name.")
	case errors.As(err, &plain):
		return fault.WithHint(out, "The server does not speak TLS there: write http:// or another port.")
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fault.WithHint(out, "What answers there is not Prometheus: check the url of source %s.", c.Name())
	}
	return fault.WithHint(out, "Check that %s is reachable from here.", c.base.Host)
}
