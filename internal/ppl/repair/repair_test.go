package repair_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/doctable"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/udf"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/ppl/repair"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// tables are documents of the shapes that agents ask about.
var tables = map[string]string{
	"logs": `{"@timestamp":"2026-05-01T09:00:05Z","severityText":"INFO","severityNumber":9,"severity":{"text":"INFO","number":9},"body":"order 17 placed","traceId":"t1","serviceName":"cart","http-status":200,"resource":{"attributes":{"service":{"name":"cart"},"host.name":"h1"}},"attributes":{"tenant":"acme"}}
{"@timestamp":"2026-05-01T09:01:05Z","severityText":"ERROR","severityNumber":17,"severity":{"text":"ERROR","number":17},"body":"payment timeout","traceId":"t2","serviceName":"payment","http-status":500,"resource":{"attributes":{"service":{"name":"payment"},"host.name":"h2"}},"attributes":{"tenant":"zeta"}}`,
	"spans": `{"startTime":"2026-05-01T09:00:05Z","endTime":"2026-05-01T09:00:06Z","durationInNanos":1000000000,"name":"GET /","kind":"SPAN_KIND_SERVER","traceId":"t1","spanId":"a","parentSpanId":"","serviceName":"cart","status":{"code":2},"attributes":{"http.response.status_code":500}}`,
}

type data struct {
	conn   *sql.Conn
	tables map[string]*catalog.Table
}

func (d *data) Lookup(_ context.Context, name string) (*catalog.Table, error) {
	if t := d.tables[name]; t != nil {
		return t, nil
	}
	err := fault.New(fault.NotFound, "no table %q in this source", name)
	if near := syntax.Nearest(name, []string{"logs", "spans"}); near != "" {
		return nil, fault.WithHint(err, "Did you mean %s?", near)
	}
	return nil, err
}

// run compiles a query and lets DuckDB plan it.
func (d *data) run(ctx context.Context, text string) error {
	q, err := ppl.Parse(text)
	if err != nil {
		return err
	}
	p, err := ppl.Compile(ctx, q, d, ppl.DefaultOptions("2026-05-01 10:00:00.000000"))
	if err != nil {
		return err
	}
	rs, err := d.conn.QueryContext(ctx, p.SQL)
	if err != nil {
		return fmt.Errorf("duckdb: %w", err)
	}
	return rs.Close()
}

func open(tb testing.TB) *data {
	tb.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		tb.Fatal(err)
	}
	conn, err := db.Conn(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = conn.Close()
		_ = db.Close()
	})
	if err := udf.Register(tb.Context(), conn, ppl.UDFs()); err != nil {
		tb.Fatal(err)
	}
	d := &data{conn, map[string]*catalog.Table{}}
	for name, lines := range tables {
		b, err := doctable.New(tb.Context(), conn, name, nil, doctable.Options{})
		if err != nil {
			tb.Fatal(err)
		}
		for line := range strings.SplitSeq(lines, "\n") {
			if err := b.Add([]byte(line)); err != nil {
				tb.Fatal(err)
			}
		}
		if d.tables[name], err = b.Finish(); err != nil {
			tb.Fatal(err)
		}
	}
	return d
}

// The corpus holds what agents write wrongly: a line of the query, then its error with the place underlined and its hint, then
// the query that runs in its place with what was changed. UPDATE=1 writes it anew.
const corpus = "testdata/wrong.txt"

func TestWrongQueriesAreExplainedAndMended(t *testing.T) {
	d := open(t)
	raw, err := os.ReadFile(corpus)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	queries, mended := 0, 0
	kinds := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		query, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "> ")
		if !ok {
			continue
		}
		queries++
		text := strings.ReplaceAll(query, "⏎", "\n")
		err := d.run(t.Context(), text)
		fmt.Fprintf(&got, "> %s\n", query)
		if err == nil {
			t.Errorf("it runs as it is: %s", text)
			continue
		}
		fmt.Fprintf(&got, "%s\n", err)
		if h := fault.HintOf(err); h != "" {
			fmt.Fprintf(&got, "hint: %s\n", h)
		}
		if fix, ok := repair.Suggest(text, func(q string) error { return d.run(t.Context(), q) }); ok {
			mended++
			for _, c := range fix.Changes {
				kinds[c] = true
			}
			fmt.Fprintf(&got, "runs: %s   (%s)\n", fix.Query, strings.Join(fix.Changes, "; "))
		}
		got.WriteByte('\n')
	}
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(corpus, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(raw), got.String()); diff != "" && os.Getenv("UPDATE") != "1" {
		t.Error(diff)
	}
	if queries < 150 || len(kinds) < 40 {
		t.Errorf("%d wrong queries, %d of them mended by %d kinds of changes; want 150 and 40 kinds", queries, mended, len(kinds))
	}
	t.Logf("%d wrong queries, %d mended, %d kinds of changes", queries, mended, len(kinds))
}

func TestWhatRunsIsLeftAlone(t *testing.T) {
	d := open(t)
	if fix, ok := repair.Suggest("source=logs | where body = 'SELECT a FROM b; && || =='", func(q string) error { return d.run(t.Context(), q) }); ok {
		t.Errorf("%+v", fix)
	}
}

func TestQuotedTextIsNeverRewritten(t *testing.T) {
	d := open(t)
	fix, ok := repair.Suggest("source=logs | filter body = 'a && b; limit 5 | order by x'", func(q string) error { return d.run(t.Context(), q) })
	if want := "source=logs | where body = 'a && b; limit 5 | order by x'"; !ok || fix.Query != want {
		t.Errorf("got %q, want %q", fix.Query, want)
	}
}

func TestQueriesThatRunButSeldomSayWhatWasMeant(t *testing.T) {
	for query, want := range map[string]string{
		`source=logs where severityText = 'ERROR'`:               `source=logs | where severityText = 'ERROR'`,
		`source=logs | where "severityText" = 'ERROR'`:           "source=logs | where `severityText` = 'ERROR'",
		`source=logs | where body = null`:                        `source=logs | where isnull(body)`,
		`source=logs severityText:ERROR | head 1`:                `source=logs severityText="ERROR" | head 1`,
		`source=spans | where durationInNanos > 500ms`:           `source=spans | where durationInNanos > 500000000`,
		`source=logs | where body like 'timeout'`:                `source=logs | where body like '%timeout%'`,
		`source=logs | where body = '*timeout*'`:                 `source=logs | where body like '%timeout%'`,
		`source=logs | where serviceName = 'Cart' | fields body`: `source=logs | where lower(serviceName) = 'cart' | fields body`,
	} {
		t.Run(query, func(t *testing.T) {
			for _, f := range repair.Doubtful(query) {
				if f.Query == want {
					return
				}
			}
			t.Errorf("got %+v, want %s", repair.Doubtful(query), want)
		})
	}
}
