package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

const (
	// maxLine bounds one message on stdin: a PPL text of 1 MB, escaped, with room. A longer line is answered as a parse error.
	maxLine = maxBody
	// drainTimeout is how long calls that are still running when stdin ends may take to answer: a script that pipes its requests
	// in gets its answers, and a client that went away ends the process by a signal or a closed pipe.
	drainTimeout = 60 * time.Second
)

// serveStdio speaks the protocol on stdin and stdout until stdin ends.
func serveStdio(ctx context.Context, h host, m *server.MCPServer, logger *slog.Logger) error {
	std := server.NewStdioServer(m)
	std.SetErrorLogger(slog.NewLogLogger(logger.Handler(), slog.LevelWarn))
	pending := &pendingCalls{open: map[string]int{}, idle: make(chan struct{}, 1)}
	out := &answerTap{dst: h.out, pending: pending}
	in := &lineGate{src: bufio.NewReader(h.in), pending: pending, out: out, wait: func() { pending.drain(ctx, drainTimeout) }}
	err := std.Listen(ctx, in, out)
	if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// pendingCalls counts the requests that have no answer yet, by id.
type pendingCalls struct {
	mu   sync.Mutex
	open map[string]int
	n    int
	idle chan struct{} // a token each time the count falls to zero
}

func (p *pendingCalls) add(id string, delta int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if delta < 0 && p.open[id] == 0 {
		return // an answer to nothing that was asked
	}
	p.open[id] += delta
	if p.open[id] == 0 {
		delete(p.open, id)
	}
	p.n += delta
	if p.n == 0 {
		select {
		case p.idle <- struct{}{}:
		default:
		}
	}
}

func (p *pendingCalls) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

// drain waits until every request is answered, ctx ends, or the time is up.
func (p *pendingCalls) drain(ctx context.Context, limit time.Duration) {
	t := time.NewTimer(limit)
	defer t.Stop()
	for p.count() > 0 {
		select {
		case <-p.idle:
		case <-t.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// envelope is what is read of a message to pair requests and answers.
type envelope struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
}

// request reports whether the message asks for an answer. A subscription is open-ended: it ends with the session.
func (e envelope) request() bool {
	return e.Method != "" && e.Method != string(mcp.MethodSubscriptionsListen) && len(e.ID) > 0 && string(e.ID) != "null"
}

// key is the id in one spelling: 1 and 1.0, "a" and its escape are the same.
func (e envelope) key() string {
	var v any
	if json.Unmarshal(e.ID, &v) != nil {
		return string(e.ID)
	}
	return fmt.Sprintf("%T %v", v, v)
}

// lineGate hands over stdin line by line: bounded, the last line complete even without its newline, and the end only when
// every request is answered (mcp-go cancels what runs when its input ends).
type lineGate struct {
	src     *bufio.Reader
	pending *pendingCalls
	out     io.Writer // where what mcp-go does not know is answered
	wait    func()
	rest    []byte
	ended   error
	opening bool // the line handed over last asks to initialize
}

// Read implements io.Reader.
func (g *lineGate) Read(p []byte) (int, error) {
	for len(g.rest) == 0 {
		if g.ended != nil || g.opening {
			g.wait() // a script that sends all at once means its first request first; mcp-go serves requests side by side
			g.opening = false
		}
		if g.ended != nil {
			return 0, g.ended
		}
		g.rest, g.ended = g.line()
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

// tooLong stands for a line over the bound: no JSON, so it is answered with a parse error.
const tooLong = "line too long\n"

func (g *lineGate) line() ([]byte, error) {
	var line []byte
	over := false
	for {
		part, err := g.src.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			line, over = nil, true
		}
		if !over {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if over {
			line = []byte(tooLong)
		}
		if err != nil && len(line) > 0 && line[len(line)-1] != '\n' {
			line = append(line, '\n')
		}
		if len(bytes.TrimSpace(line)) == 0 {
			return nil, err // an empty line says nothing
		}
		var e envelope
		if json.Unmarshal(line, &e) == nil && e.request() && skillMethod(e.Method) {
			if werr := g.skills(line); werr != nil {
				return nil, werr
			}
			return nil, err
		}
		if e.request() {
			g.pending.add(e.key(), 1)
			g.opening = e.Method == string(mcp.MethodInitialize)
		}
		return line, err
	}
}

// skills answers a request of the Skills extension. It comes after the answer to initialize, since Read waits for that.
func (g *lineGate) skills(line []byte) error {
	var r skillRequest
	if err := json.Unmarshal(line, &r); err != nil {
		return err
	}
	_, err := g.out.Write(append(r.answer(), '\n'))
	return err
}

// answerTap passes messages to stdout and notes which requests they answer.
type answerTap struct {
	mu      sync.Mutex // mcp-go writes one message at a time, and so do the answers beside it
	dst     io.Writer
	pending *pendingCalls
}

// Write implements io.Writer.
func (a *answerTap) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, err := a.dst.Write(p)
	var e envelope
	if json.Unmarshal(p, &e) == nil && e.Method == "" && len(e.ID) > 0 {
		a.pending.add(e.key(), -1)
	}
	return n, err
}
