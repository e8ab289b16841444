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
func newStore(tb testing.TB, cache string) *local.Store {
	tb.Helper()
	s, err := local.New(local.Config{CacheDir: cache, Now: time.Now, Threads: 2})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func openSource(tb testing.TB, s *local.Store, path string) engine.Engine {
	tb.Helper()
	e, err := s.Open(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func query(tb testing.TB, e engine.Engine, ppl string) *rows.Result {
	tb.Helper()
	r, err := e.Query(tb.Context(), ppl, engine.Limits{})
	if err != nil {
		tb.Fatalf("%s: %v", ppl, err)
	}
	return r
}

// recordings is where the shared incident recordings lie; a clone alone has none.
func recordings(tb testing.TB) string {
	tb.Helper()
	dir, err := filepath.Abs("../../../../shared/fixtures/incidents")
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("REQUIRE_LIVE") == "1" {
			tb.Fatal("../shared/fixtures/incidents is required")
		}
		tb.Skip("../shared/fixtures/incidents is not here")
	}
	return dir
}
