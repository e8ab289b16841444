package remote_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/remote"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

// fake returns a client of a server that answers as the handler says.
func fake(t *testing.T, h http.HandlerFunc) *opensearch.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return dial(t, srv.URL)
}

func dial(t *testing.T, url string) *opensearch.Client {
	t.Helper()
	c, err := opensearch.New(opensearch.Config{Name: "test", URLs: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func newEngine(t *testing.T, c remote.Cluster, indices map[engine.Kind]string) *remote.Engine {
	t.Helper()
	e, err := remote.New(remote.Config{Cluster: c, Indices: indices, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}
