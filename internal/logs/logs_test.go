package logs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// begin is the first moment of every recording here; it lies on a bucket of every width up to an hour.
func begin() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }

// after returns begin plus seconds.
func after(seconds float64) time.Time {
	return begin().Add(time.Duration(seconds * float64(time.Second)))
}

// line is one log line as a document of the standard form.
type line struct {
	at                      time.Time
	severity, service, body string
}

func (l line) json(tb testing.TB) string {
	tb.Helper()
	doc := map[string]any{"@timestamp": l.at.Format(time.RFC3339Nano), "body": l.body, "attributes": map[string]any{}}
	if l.severity != "" {
		doc["severityText"] = l.severity
	}
	if l.service != "" {
		doc["resource"] = map[string]any{"attributes": map[string]any{"service.name": l.service}}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		tb.Fatal(err)
	}
	return string(raw)
}

// open writes the lines in their order as one file and opens its directory.
func open(tb testing.TB, lines []line) engine.Engine {
	tb.Helper()
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.json(tb) + "\n")
	}
	return openFiles(tb, map[string]string{"app.jsonl": b.String()})
}

func openFiles(tb testing.TB, files map[string]string) engine.Engine {
	tb.Helper()
	dir := tb.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	store, err := local.New(local.Config{CacheDir: tb.TempDir(), Now: time.Now, Threads: 2})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	eng, err := store.Open(tb.Context(), dir)
	if err != nil {
		tb.Fatal(err)
	}
	return eng
}

// run runs a query to its end.
func run(tb testing.TB, eng engine.Engine, query string) *rows.Result {
	tb.Helper()
	res, err := eng.Query(tb.Context(), query, engine.Limits{})
	if err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	return res
}

// counted returns how many rows a query has.
func counted(tb testing.TB, eng engine.Engine, query string) int64 {
	tb.Helper()
	n, ok := run(tb, eng, query+" | stats count() as n").Rows[0][0].(int64)
	if !ok {
		tb.Fatalf("%s: no count", query)
	}
	return n
}

// every returns n lines a step apart.
func every(n int, from, step float64, body func(i int) (severity, service, text string)) []line {
	out := []line{}
	for i := range n {
		s, v, b := body(i)
		out = append(out, line{after(from + float64(i)*step), s, v, b})
	}
	return out
}

// said is every with one severity and service; the body is a format of i.
func said(n int, from, step float64, severity, service, format string) []line {
	return every(n, from, step, func(i int) (string, string, string) { return severity, service, fmt.Sprintf(format, i) })
}
