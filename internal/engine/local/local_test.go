package local_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newStore returns a Store over a cache directory of the test.
func newStore(t testing.TB, cache string) *local.Store {
	t.Helper()
	s, err := local.New(local.Config{CacheDir: cache, Now: time.Now, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func openSource(t testing.TB, s *local.Store, path string) engine.Engine {
	t.Helper()
	e, err := s.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func query(t testing.TB, e engine.Engine, ppl string) *rows.Result {
	t.Helper()
	r, err := e.Query(t.Context(), ppl, engine.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", ppl, err)
	}
	return r
}

// recordings is where the shared incident recordings lie; a clone alone has none.
func recordings(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../../../../shared/fixtures/incidents")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("REQUIRE_LIVE") == "1" {
			t.Fatal("../shared/fixtures/incidents is required")
		}
		t.Skip("../shared/fixtures/incidents is not here")
	}
	return dir
}
