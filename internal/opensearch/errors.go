package opensearch

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
	"strings"
	"syscall"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// ResponseError is an answer of a cluster that is no 2xx. Type and Reason are the cluster's own words, cut to a line.
type ResponseError struct {
	Status  int
	Type    string // of the root cause: "index_not_found_exception"; "" when the body was not OpenSearch's
	Reason  string
	Cluster string
	Details string // PPL only: more words about the reason

	retryAfter time.Duration // as Retry-After asked, 0 without one
}

// Error tells the status and the reason.
func (e *ResponseError) Error() string {
	text := fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
	switch {
	case e.Type != "" && e.Reason != "":
		text += ": " + e.Type + ": " + e.Reason
	case e.Reason != "":
		text += ": " + e.Reason
	}
	return text
}

// notOpenSearchError is an answer that cannot be the cluster's.
type notOpenSearchError struct {
	Status int
	Title  string // of an HTML page
	Kind   string // content type of something else
}

func (e *notOpenSearchError) Error() string {
	switch {
	case e.Title != "":
		return fmt.Sprintf("%d with an HTML page %q instead of JSON", e.Status, e.Title)
	case e.Kind != "":
		return fmt.Sprintf("%d with %s that is no JSON", e.Status, e.Kind)
	}
	return fmt.Sprintf("%d with an HTML page instead of JSON", e.Status)
}

// maxReason bounds what is quoted of a cluster's words; a parse error of a long query repeats the query.
const maxReason = 600

// refusal reads an answer that is no 2xx.
func (c *Client) refusal(res *http.Response) error {
	e := &ResponseError{Status: res.StatusCode, Cluster: c.Name(), retryAfter: c.retryAfter(res.Header.Get("Retry-After"))}
	body, err := readBody(res, maxErrorBytes)
	if err != nil { // the status is known, which says more than the rest would
		body = nil
	}
	e.parse(body)
	if to := res.Header.Get("Location"); res.StatusCode >= 300 && res.StatusCode < 400 && to != "" {
		e.Reason = "redirected to " + oneLine(redactURL(to), maxReason)
	}
	e.Type, e.Reason, e.Details = c.secrets.scrub(e.Type), c.secrets.scrub(e.Reason), c.secrets.scrub(e.Details)
	return e
}

// errorBody is the form of OpenSearch's errors. In some answers error is a text; PPL's has details.
type errorBody struct {
	Error   json.RawMessage `json:"error"`
	Message string          `json:"message"` // API gateways and Amazon's front end
	MSG     string          `json:"Message"`
}

type errorDetail struct {
	Type      string        `json:"type"`
	Reason    string        `json:"reason"`
	Details   string        `json:"details"`
	RootCause []errorDetail `json:"root_cause"`
	CausedBy  *errorDetail  `json:"caused_by"`
}

func (e *ResponseError) parse(body []byte) {
	var b errorBody
	if json.Unmarshal(body, &b) != nil {
		switch {
		case looksLikeHTML(body):
			e.Reason = "an HTML page"
			if t := title(body); t != "" {
				e.Reason += fmt.Sprintf(" %q", t)
			}
		default:
			e.Reason = oneLine(string(body), maxTitle)
		}
		return
	}
	var d errorDetail
	var text string
	switch {
	case json.Unmarshal(b.Error, &d) == nil && (d.Type != "" || d.Reason != "" || d.Details != ""):
		e.Type, e.Reason, e.Details = d.words()
	case json.Unmarshal(b.Error, &text) == nil && text != "":
		e.Reason = oneLine(text, maxReason)
	default:
		e.Reason = oneLine(b.Message+b.MSG, maxReason)
	}
}

// words returns the type and reason of the root cause, which say more than "all shards failed", with what caused it.
func (d *errorDetail) words() (kind, reason, details string) {
	best := d
	if len(d.RootCause) > 0 && d.RootCause[0].Type != "" {
		best = &d.RootCause[0]
	}
	kind, reason = best.Type, best.Reason
	for c, n := d.CausedBy, 0; c != nil && n < 5; c, n = c.CausedBy, n+1 {
		if c.Reason != "" && !strings.Contains(reason, c.Reason) {
			reason = strings.TrimSuffix(reason, ".") + ": " + c.Reason
		}
	}
	return oneLine(kind, maxTitle), oneLine(reason, maxReason), oneLine(d.Details, maxReason)
}

// explain makes what a caller reads: the cluster's name, what was asked, why it failed, what to check. The deadline of outer is
// the caller's, that of ctx the request's.
func (c *Client) explain(outer, ctx context.Context, err error, timeout time.Duration, r Request) error {
	what := fmt.Sprintf("cluster %s: %s", c.Name(), operation(r.Path))
	if errors.Is(outer.Err(), context.Canceled) {
		return fault.WithCode(fmt.Errorf("%s: %w", what, context.Canceled), fault.Canceled)
	}
	if bad, ok := errors.AsType[*ResponseError](err); ok {
		code, hint := c.meaning(bad)
		return fault.WithHint(fault.WithCode(fmt.Errorf("%s: %w", what, err), code), "%s", hint)
	}
	if other, ok := errors.AsType[*notOpenSearchError](err); ok {
		return fault.WithHint(fault.WithCode(fmt.Errorf("%s: %w", what, other), fault.Unavailable),
			"Something else than OpenSearch answers at %s: check the URL, and for a proxy or login page in between.", c.Address())
	}
	if bad, ok := errors.AsType[*credentialError](err); ok {
		return c.credentialFailure(what, bad)
	}
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		return fault.WithHint(fault.New(fault.Timeout, "%s: no full answer within %s: %w", what, timeout, context.DeadlineExceeded),
			"Ask about a shorter time or fewer fields, or raise the timeout; if even small questions time out, check that %s answers and what its nodes are doing.", c.Address())
	}
	if _, ok := errors.AsType[*transportError](err); ok {
		short, hint := c.wireFailure(err)
		return fault.WithHint(fault.New(fault.Unavailable, "%s: %s", what, c.secrets.scrub(short)), "%s", hint)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (c *Client) credentialFailure(what string, bad *credentialError) error {
	code := fault.CodeOf(bad.error)
	if code == fault.Internal {
		code = fault.PermissionDenied
	}
	hint := fault.HintOf(bad.error)
	if hint == "" {
		hint = "Check where the configuration takes the credentials of this cluster from."
	}
	return fault.WithHint(fault.New(code, "%s: credentials: %s", what, c.secrets.scrub(oneLine(bad.Error(), maxReason))), "%s", hint)
}

// meaning returns the code of a refusal and what to check.
func (c *Client) meaning(e *ResponseError) (fault.Code, string) {
	kind := c.config.Auth.Kind()
	switch e.Status {
	case http.StatusUnauthorized:
		if kind == "none" {
			return fault.PermissionDenied, "The cluster asks for credentials and the configuration gives none: add auth."
		}
		return fault.PermissionDenied, fmt.Sprintf("The cluster does not accept these credentials (%s): check the user, the secret and whether it has expired.", kind)
	case http.StatusProxyAuthRequired:
		return fault.PermissionDenied, "The proxy asks for credentials: proxy.username, and proxy.password_env, _file or _command."
	case http.StatusForbidden:
		return fault.PermissionDenied, "The user may not do this: the cluster's administrator can grant the permission that the message names, or ask another index."
	case http.StatusNotFound:
		return fault.NotFound, "Check the name of the index or endpoint; data_describe lists what the cluster has."
	case http.StatusTooManyRequests:
		return fault.Unavailable, "The cluster is overloaded and was asked again in vain: wait, or ask about less."
	case http.StatusRequestEntityTooLarge:
		return fault.TooLarge, "The request is larger than the cluster takes."
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fault.Unavailable, "The cluster or what stands before it is not ready: look at cluster_diagnose, or wait."
	case http.StatusRequestTimeout:
		return fault.Timeout, "Ask about a shorter time or fewer fields."
	case http.StatusBadRequest, http.StatusConflict, http.StatusMethodNotAllowed, http.StatusNotAcceptable:
		return fault.InvalidArgument, ""
	}
	if e.Status >= 300 && e.Status < 400 {
		return fault.Unavailable, "Redirects are not followed, since credentials would go along: give the final URL in the configuration."
	}
	if e.Type == "task_cancelled_exception" || strings.Contains(e.Reason, "cancelled task with reason: Cancellation timeout") {
		return fault.Timeout, "The cluster gave up at the time limit: ask about a shorter time or fewer fields."
	}
	if e.Type == "circuit_breaking_exception" {
		return fault.Unavailable, "The cluster has too little memory for this question now: ask about a shorter time or fewer groups; cluster_diagnose shows the breakers."
	}
	return fault.Unavailable, "The cluster failed; its own log says more."
}

// wireFailure tells why no answer came, short and without addresses of proxies or secrets.
func (c *Client) wireFailure(err error) (short, hint string) {
	host := c.Address()
	var dns *net.DNSError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	var peer *net.OpError
	text := err.Error()
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s is not known", dns.Name), "Check the host in the configuration, and DNS or the VPN of this machine."
	case errors.As(err, &authority):
		return "its certificate is signed by an authority that is not trusted here", "Give the cluster's own authority as tls.ca_file (PEM)."
	case errors.As(err, &hostname):
		return "its certificate is made out for another name: " + oneLine(hostname.Error(), maxTitle), "Use a host name of the certificate in url, or give tls.server_name."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate has expired or is not yet valid", "Renew the cluster's certificate; check the clock of this machine."
	case errors.As(err, &invalid):
		return "its certificate is not valid: " + oneLine(invalid.Error(), maxTitle), "Look at the certificate with `openssl s_client -connect " + host + "`."
	case errors.As(err, &peer) && peer.Op == alertOp:
		return "the cluster refused the TLS handshake: " + oneLine(innermost(peer).Error(), maxTitle), "It may ask for a client certificate: tls.cert_file and tls.key_file."
	case errors.As(err, &record), strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return "it speaks plain HTTP", "Write http:// in url, or the port on which it speaks TLS."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", fmt.Sprintf("Nothing listens at %s: check host, port and whether the cluster runs.%s", host, c.portHint())
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to it", "Check the network or VPN of this machine."
	case errors.Is(err, errBroken):
		return brokenOff(err), "Something between here and the cluster cuts answers: a proxy's limit, a node that ended. Ask again."
	case isTimeout(err):
		return fmt.Sprintf("no connection within %s", c.config.ConnectTimeout), fmt.Sprintf("Check that %s can be reached from this machine: firewall, VPN, security group.%s", host, c.portHint())
	case strings.Contains(text, "proxyconnect"), strings.Contains(text, "Proxy Authentication Required"):
		return "the proxy does not let it through", "Check proxy.url, and proxy.username with its password."
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was closed without an answer", "If it happens always, the cluster may speak TLS where url says http; else a node may have ended: ask again."
	}
	return "no answer: " + oneLine(innermost(err).Error(), maxTitle), fmt.Sprintf("Check that %s answers from this machine.", host)
}

// portHint reminds of the port of nodes where the URL names none.
func (c *Client) portHint() string {
	if c.urls[0].Port() != "" {
		return ""
	}
	return " The url names no port, which means 443 (80 for http); nodes listen on 9200."
}

// alertOp is how crypto/tls names an alert that the other side sent.
const alertOp = "remote error"

// brokenOff tells how much came.
func brokenOff(err error) string {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if t, ok := e.(*transportError); ok { //nolint:errorlint // walking the chain
			head, _, _ := strings.Cut(t.cause.Error(), ": ")
			return head
		}
	}
	return errBroken.Error()
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// innermost returns the last error of a chain, which names the cause without URLs.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// firstLine keeps the head of an SDK's many-line error.
func firstLine(err error) error {
	head, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(oneLine(head, maxReason)) //nolint:err113 // the cause is of the SDK
}

// redactURL keeps scheme, host and path.
func redactURL(text string) string {
	if i := strings.IndexAny(text, "?#"); i >= 0 {
		text = text[:i]
	}
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		if from := strings.Index(text, "://"); from >= 0 && from < at {
			return text[:from+3] + text[at+1:]
		}
	}
	return text
}
