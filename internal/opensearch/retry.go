package opensearch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Waits between tries: 0.2, 0.4, 0.8 s and so on, each between half and the whole of that, or as long as Retry-After asks.
const (
	firstWait = 200 * time.Millisecond
	maxWait   = 10 * time.Second
	dialTries = 2 // of a node that refuses connections: it may be starting, but most often it is not there
)

// attempts sends a request until it is answered, cannot be, or has been sent often enough.
func (c *Client) attempts(ctx context.Context, r Request) (*Response, error) {
	renewed := false
	for n := 0; ; n++ {
		out, err := c.attempt(ctx, r)
		if err == nil {
			return out, nil
		}
		if refused(err, http.StatusUnauthorized) && !renewed && c.secrets.renew(ctx) {
			renewed = true // a rotated token: what was kept was old
			n--
			continue
		}
		if c.withoutCancel(&r, err) {
			n--
			continue
		}
		pause, again := c.pause(r, err, n)
		if !again || ctx.Err() != nil {
			return nil, err
		}
		if werr := c.wait(ctx, pause); werr != nil {
			return nil, err
		}
	}
}

// pause returns how long to wait before sending r again after its try n (from 0) failed, and whether to.
func (c *Client) pause(r Request, err error, n int) (time.Duration, bool) {
	if n >= c.config.Retries {
		return 0, false
	}
	backoff := min(firstWait<<min(n, 10), maxWait)
	backoff -= time.Duration(c.config.Jitter() * float64(backoff) / 2)
	var bad *ResponseError
	switch {
	case errors.As(err, &bad):
		switch bad.Status {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return max(backoff, bad.retryAfter), r.Idempotent && bad.retryAfter <= c.config.Timeout
		}
		return 0, false
	case neverSent(err): // safe even for a write, and worth it where another node may be tried
		return backoff, !hopeless(err) && n+1 < max(dialTries, len(c.urls))
	case isTransport(err):
		return backoff, r.Idempotent && !errors.Is(err, context.DeadlineExceeded)
	}
	return 0, false
}

func refused(err error, status int) bool {
	bad, ok := errors.AsType[*ResponseError](err)
	return ok && bad.Status == status
}

func isTransport(err error) bool {
	_, ok := errors.AsType[*transportError](err)
	if _, secret := errors.AsType[*credentialError](err); secret {
		return false
	}
	return ok
}

// neverSent reports whether the request cannot have reached a node.
func neverSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "dial" || op.Op == "proxyconnect") || hopeless(err)
}

// hopeless reports failures that the next try would meet again: names and certificates.
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
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == alertOp {
		return true
	}
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound
}

// retryAfter reads Retry-After: seconds or a date.
func (c *Client) retryAfter(text string) time.Duration {
	if text == "" {
		return 0
	}
	if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil {
		return time.Duration(max(n, 0)) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil || c.config.Clock == nil {
		return 0
	}
	return max(at.Sub(c.config.Clock()), 0)
}

// cancelParameter makes the cluster stop a search whose asker has gone (since OpenSearch 1.1).
const cancelParameter = "cancel_after_time_interval"

// bound tells the cluster the time limit of a search, so that it does not go on when nobody waits.
func (c *Client) bound(r *Request, timeout time.Duration) {
	if c.Serverless() || !isSearch(r.Path) || r.Query.Has(cancelParameter) {
		return
	}
	c.mu.Lock()
	off := c.noCancel
	c.mu.Unlock()
	if off {
		return
	}
	q := url.Values{}
	maps.Copy(q, r.Query)
	q.Set(cancelParameter, strconv.FormatInt(max(timeout.Milliseconds(), 1), 10)+"ms")
	r.Query = q
}

func isSearch(path string) bool {
	return strings.HasSuffix(path, "/_search") || strings.HasSuffix(path, "/_msearch")
}

// withoutCancel drops the parameter when the cluster does not know it, and remembers.
func (c *Client) withoutCancel(r *Request, err error) bool {
	bad, ok := errors.AsType[*ResponseError](err)
	if !ok || bad.Status != http.StatusBadRequest || !strings.Contains(bad.Reason, cancelParameter) || !r.Query.Has(cancelParameter) {
		return false
	}
	c.mu.Lock()
	c.noCancel = true
	c.mu.Unlock()
	r.Query = maps.Clone(r.Query) // it may be the caller's
	r.Query.Del(cancelParameter)
	return true
}
