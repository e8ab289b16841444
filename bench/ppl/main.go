// Command ppl times PPL queries on files against the same questions in hand-written SQL on the same storage, in one run.
//
//	go run ./bench/data -logs 5000000 -spans 2000000 -out DIR
//	go run ./bench/ppl -data DIR -cache CACHE [-opensearch URL -logs INDEX -spans INDEX]
//
// It prints, for each query, the median milliseconds of both and their ratio (the budget is 1.3 times the SQL plus 2 ms), what two
// threads gain over one, how long compiling takes, and how many lines a second patterns reads. With a cluster that holds the same
// data (plumbline load) it asks the same queries there.
package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the driver of the peer

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
)

// The budget of the issue: a PPL query may take this many times the SQL's time, plus so many milliseconds.
const (
	budgetRatio = 1.3
	budgetMS    = 2
)

// pair is one question asked twice.
type pair struct{ name, ppl, sql string }

func pairs() []pair {
	return []pair{
		{
			"count by severity and minute", `source=logs | stats count() by span(@timestamp, 1m), severityText`,
			`SELECT count(*), date_trunc('minute', "@timestamp") m, "severityText" FROM logs GROUP BY 2, 3 ORDER BY 2, 3 LIMIT 10000`,
		},
		{
			"errors by service", `source=logs | where severityText = 'ERROR' | stats count() as n by serviceName | sort - n`,
			`SELECT count(*) n, "serviceName" FROM logs WHERE "severityText" = 'ERROR' GROUP BY 2 ORDER BY n DESC LIMIT 10000`,
		},
		{
			"one service, one hour, a word, 100 rows", "source=logs | where serviceName = 'svc-7' and `@timestamp` >= '2026-05-01 10:00:00' and `@timestamp` < '2026-05-01 11:00:00' and like(body, '%rejected%') | fields `@timestamp`, body | head 100",
			`SELECT "@timestamp", body FROM logs WHERE "serviceName" = 'svc-7' AND "@timestamp" >= '2026-05-01 10:00:00' AND "@timestamp" < '2026-05-01 11:00:00' AND body ILIKE '%rejected%' LIMIT 100`,
		},
		{"a rare word", `source=logs | where contains(body, 'quixotic') | fields body`, `SELECT body FROM logs WHERE body ILIKE '%quixotic%' LIMIT 10000`},
		{
			"percentiles by service and operation", `source=spans | stats percentile(durationInNanos, 50), percentile(durationInNanos, 95), percentile(durationInNanos, 99) by serviceName, name`,
			`SELECT quantile_cont("durationInNanos", .5), quantile_cont("durationInNanos", .95), quantile_cont("durationInNanos", .99), "serviceName", name FROM spans GROUP BY 4, 5 ORDER BY 4, 5 LIMIT 10000`,
		},
		{"distinct traces", `source=spans | stats dc(traceId)`, `SELECT count(DISTINCT "traceId") FROM spans`},
		{"an attribute", "source=logs | where `attributes.http.status_code` >= 500 | stats count()", `SELECT count(*) FROM logs WHERE "attributes.http.status_code" >= 500`},
		{"top services", `source=logs | top 5 serviceName`, `SELECT "serviceName", count(*) FROM logs GROUP BY 1 ORDER BY 2 DESC LIMIT 5`},
		{"slowest spans", `source=spans | sort - durationInNanos | head 10 | fields traceId, durationInNanos`, `SELECT "traceId", "durationInNanos" FROM spans ORDER BY 2 DESC NULLS LAST LIMIT 10`},
		{"one trace's logs", `source=logs | where traceId = '00000000000000003b07f02381dc39d5' | fields body`, `SELECT body FROM logs WHERE "traceId" = '00000000000000003b07f02381dc39d5' LIMIT 10000`},
		{
			"timechart by service", `source=logs | timechart span=10m count() by serviceName`,
			`WITH c AS (SELECT time_bucket(INTERVAL 10 MINUTE, "@timestamp") t, "serviceName" s, count(*) n FROM logs GROUP BY 1, 2), r AS (SELECT s, row_number() OVER (ORDER BY sum(n) DESC) k FROM c GROUP BY s) SELECT t, CASE WHEN k <= 10 THEN c.s ELSE 'OTHER' END g, sum(n) FROM c JOIN r USING (s) GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 10000`,
		},
		{
			"computed column and average", `source=spans | eval ms = durationInNanos / 1000000 | stats avg(ms) by kind`,
			`SELECT avg("durationInNanos" // 1000000), kind FROM spans GROUP BY 2 ORDER BY 2 LIMIT 10000`,
		},
		{"all lines", `source=logs | stats count()`, `SELECT count(*) FROM logs`},
		{
			"levels of one hour", "source=logs | where `@timestamp` >= '2026-05-01 10:00:00' and `@timestamp` < '2026-05-01 11:00:00' | stats count() by severityText",
			`SELECT count(*), "severityText" FROM logs WHERE "@timestamp" >= '2026-05-01 10:00:00' AND "@timestamp" < '2026-05-01 11:00:00' GROUP BY 2 ORDER BY 2 LIMIT 10000`,
		},
		{
			"share of errors by service", `source=spans | stats count(eval(status.code = 2)) as bad, count() as n by serviceName | eval share = bad * 1.0 / n | sort - share | head 10`,
			`SELECT bad, n, "serviceName", bad * 1.0 / n AS share FROM (SELECT count(*) FILTER (WHERE "status.code" = 2) bad, count(*) n, "serviceName" FROM spans GROUP BY 3) ORDER BY share DESC LIMIT 10`,
		},
		{
			"services that say a word", `source=logs | where body like '%timeout%' | stats dc(traceId), count() by serviceName`,
			`SELECT count(DISTINCT "traceId"), count(*), "serviceName" FROM logs WHERE body ILIKE '%timeout%' GROUP BY 3 ORDER BY 3 LIMIT 10000`,
		},
		{
			"slow spans of one service", `source=spans | where serviceName = 'svc-3' and durationInNanos > 100000000 | stats count(), max(durationInNanos) by name`,
			`SELECT count(*), max("durationInNanos"), name FROM spans WHERE "serviceName" = 'svc-3' AND "durationInNanos" > 100000000 GROUP BY 3 ORDER BY 3 LIMIT 10000`,
		},
		{
			"first of each service", `source=logs | dedup serviceName | fields serviceName, body`,
			`SELECT "serviceName", arg_min(body, "@timestamp") FROM logs GROUP BY 1 LIMIT 10000`,
		},
		{"rare operations", `source=spans | rare 5 name`, `SELECT name, count(*) FROM spans GROUP BY 1 ORDER BY 2 LIMIT 5`},
		{
			"spans of the slowest traces", `source=spans | stats max(durationInNanos) as slowest, count() as n by traceId | sort - slowest | head 20`,
			`SELECT max("durationInNanos") slowest, count(*) n, "traceId" FROM spans GROUP BY 3 ORDER BY 1 DESC LIMIT 20`,
		},
	}
}

func main() {
	data := flag.String("data", "", "directory made by bench/data")
	cache := flag.String("cache", filepath.Join(os.TempDir(), "plumbline-bench-cache"), "cache directory of its own")
	runs := flag.Int("runs", 7, "runs of each query, in turn with its peer")
	var c cluster
	flag.StringVar(&c.url, "opensearch", "", "URL of a cluster that holds the same data")
	flag.StringVar(&c.logs, "logs", "bench-logs", "its index of logs")
	flag.StringVar(&c.spans, "spans", "bench-spans", "its index of spans")
	flag.Parse()
	if err := run(context.Background(), *data, *cache, *runs, c); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, data, cache string, runs int, c cluster) error {
	store, err := local.New(local.Config{CacheDir: cache, Now: time.Now, Threads: 2})
	if err != nil {
		return err
	}
	defer store.Close() //nolint:contextcheck // the process ends
	eng, err := store.Open(ctx, data)
	if err != nil {
		return err
	}
	if _, err := eng.Tables(ctx); err != nil {
		return err
	}
	db, err := peer(ctx, cache)
	if err != nil {
		return err
	}
	defer db.Close()
	over := 0
	fmt.Printf("%-42s %10s %10s %7s\n", "query", "PPL ms", "SQL ms", "ratio")
	for _, p := range pairs() {
		var a, b []float64
		for i := range runs + 1 { // the first run of each warms up
			x, err := timed(func() error {
				_, err := eng.Query(ctx, p.ppl, engine.Limits{MaxRows: 10_000})
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			y, err := timed(func() error { return drain(ctx, db, p.sql) })
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			if i > 0 {
				a, b = append(a, x), append(b, y)
			}
		}
		slices.Sort(a)
		slices.Sort(b)
		x, y := a[len(a)/2], b[len(b)/2]
		mark := ""
		if x > budgetRatio*y+budgetMS {
			mark = "  over budget"
			over++
		}
		fmt.Printf("%-42s %10.1f %10.1f %7.2f%s\n", p.name, x, y, x/y, mark)
	}
	fmt.Printf("%d of %d over %.1f x + %d ms\n", over, len(pairs()), budgetRatio, budgetMS)
	for _, more := range []func() error{
		func() error { return compiling(ctx, eng) },
		func() error { return threads(ctx, data, cache, runs) },
		func() error { return patterns(ctx, eng) },
		func() error { return c.compare(ctx, eng, runs) },
	} {
		if err := more(); err != nil {
			return err
		}
	}
	return nil
}

func timed(do func() error) (float64, error) {
	began := time.Now()
	err := do()
	return float64(time.Since(began).Microseconds()) / 1000, err
}

// peer opens the segments that the store wrote, read-only, as tables logs and spans.
func peer(ctx context.Context, cache string) (*sql.DB, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	files, err := filepath.Glob(filepath.Join(cache, "segments", "*.duckdb"))
	if err != nil {
		return nil, err
	}
	for i, f := range files {
		if _, err := db.ExecContext(ctx, fmt.Sprintf("ATTACH '%s' AS s%d (READ_ONLY)", f, i)); err != nil {
			return nil, err
		}
		for _, t := range []string{"logs", "spans"} {
			// A segment holds the table or not: the one that does becomes the view.
			_, _ = db.ExecContext(ctx, fmt.Sprintf("CREATE VIEW %s AS SELECT * FROM s%d.%s", t, i, t))
		}
	}
	_, err = db.ExecContext(ctx, "SET threads=2")
	return db, err
}

func drain(ctx context.Context, db *sql.DB, query string) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		return err
	}
	cells := make([]any, len(cols))
	for i := range cells {
		cells[i] = new(any)
	}
	for rows.Next() {
		if err := rows.Scan(cells...); err != nil {
			return err
		}
	}
	return rows.Err()
}
