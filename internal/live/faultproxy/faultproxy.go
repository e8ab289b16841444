// Package faultproxy stands between a client and a server in tests and breaks what passes: it delays answers, cuts them, drips
// them, replaces them, and counts what came. One Fault holds until the next is set.
package faultproxy

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// Fault says how to treat a request. The zero value passes it on.
type Fault struct {
	Times  int // only the first so many requests; 0 = all
	Delay  time.Duration
	Status int // answer this instead of asking the server
	Header http.Header
	Body   string
	Hang   bool // take the request and never answer

	Reset    bool          // drop the connection (RST) instead of an answer, or after CutAfter bytes of the body
	CutAfter int           // bytes of the body to let through before the connection ends; with Reset or CleanCut
	CleanCut bool          // end the connection (FIN) after CutAfter bytes
	Gzip     bool          // pack the body whether or not it was asked for
	Drip     time.Duration // pause after each byte of the body
}

// Proxy is the server between. Close it.
type Proxy struct {
	*httptest.Server

	upstream http.Handler

	mu    sync.Mutex
	fault Fault
	count int
	seen  []*http.Request
	stop  chan struct{}
}

// New starts a proxy before a handler, which stands for the server or passes on to one.
func New(upstream http.Handler) *Proxy {
	p := &Proxy{upstream: upstream, stop: make(chan struct{})}
	p.Server = httptest.NewServer(p)
	return p
}

// NewTLS is New with a certificate that nobody trusts.
func NewTLS(upstream http.Handler) *Proxy {
	p := &Proxy{upstream: upstream, stop: make(chan struct{})}
	p.Server = httptest.NewTLSServer(p)
	return p
}

// Close ends hanging requests and the server.
func (p *Proxy) Close() {
	close(p.stop)
	p.Server.CloseClientConnections()
	p.Server.Close()
}

// Set changes the fault and forgets what was counted.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.count, p.seen = f, 0, nil
}

// Requests returns what came since Set.
func (p *Proxy) Requests() []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*http.Request(nil), p.seen...)
}

func (p *Proxy) next(r *http.Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	p.seen = append(p.seen, r.Clone(r.Context()))
	if p.fault.Times > 0 && p.count > p.fault.Times {
		return Fault{}
	}
	return p.fault
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := p.next(r)
	if f.Hang {
		p.pause(r, time.Hour)
		return
	}
	if f.Delay > 0 && !p.pause(r, f.Delay) {
		return
	}
	if f.Reset && f.CutAfter == 0 {
		drop(w, true)
		return
	}
	answer := p.answer(f, r)
	maps.Copy(answer.header, f.Header)
	p.send(w, r, f, answer)
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (p *Proxy) answer(f Fault, r *http.Request) answer {
	out := answer{status: f.Status, header: http.Header{}, body: []byte(f.Body)}
	if f.Status == 0 {
		rec := httptest.NewRecorder()
		p.upstream.ServeHTTP(rec, r)
		res := rec.Result()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			body = nil
		}
		out = answer{res.StatusCode, res.Header.Clone(), body}
	}
	if f.Gzip {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(out.body)
		_ = z.Close()
		out.body = b.Bytes()
		out.header.Set("Content-Encoding", "gzip")
	}
	out.header.Del("Content-Length")
	return out
}

func (p *Proxy) send(w http.ResponseWriter, r *http.Request, f Fault, a answer) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	flusher := http.NewResponseController(w)
	switch {
	case f.Reset || f.CleanCut:
		_, _ = w.Write(a.body[:min(f.CutAfter, len(a.body))])
		_ = flusher.Flush()
		drop(w, f.Reset)
	case f.Drip > 0:
		for i := range a.body {
			_, _ = w.Write(a.body[i : i+1])
			_ = flusher.Flush()
			if !p.pause(r, f.Drip) {
				return
			}
		}
	default:
		_, _ = w.Write(a.body)
	}
}

// pause waits, unless the client or the proxy ends first.
func (p *Proxy) pause(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.stop:
	case <-r.Context().Done():
	}
	return false
}

// drop ends the connection; reset tells the client so at once.
func drop(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
