package conformance

import (
	"net/http"
	"sync"

	"github.com/mark3labs/mcp-go/server"
)

// streams holds back the standing GET stream of clients before 2026-07-28 until a tool needs it. mcp-go v1.2.1 sends
// sampling requests on that stream alone (server/streamable_http.go, RequestSampling), but while it is open a call's progress
// messages may leave on it and be lost (its conformance/server/expected-failures.yml: "until #969"). The real tools ask the
// client nothing, so the server refuses the stream unless the fixtures are on.
type streams struct {
	mu     sync.Mutex
	wanted map[string]chan struct{} // by session: closed once the stream is needed
}

func (s *streams) of(session string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wanted == nil {
		s.wanted = map[string]chan struct{}{}
	}
	c, ok := s.wanted[session]
	if !ok {
		c = make(chan struct{})
		s.wanted[session] = c
	}
	return c
}

// need lets the session's stream through, now or when it comes.
func (s *streams) need(session string) {
	c := s.of(session)
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-c:
	default:
		close(c)
	}
}

func (s *streams) hold(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if session := r.Header.Get(server.HeaderKeySessionID); r.Method == http.MethodGet && session != "" {
			select {
			case <-s.of(session):
			case <-r.Context().Done():
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
