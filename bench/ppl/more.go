package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/engine/remote"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// median runs a query a few times and returns the median of its milliseconds.
func median(ctx context.Context, eng engine.Engine, query string, runs int) (float64, error) {
	var ms []float64
	for i := range runs + 1 {
		x, err := timed(func() error {
			_, err := eng.Query(ctx, query, engine.Limits{MaxRows: 10_000})
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("%s: %w", query, err)
		}
		if i > 0 {
			ms = append(ms, x)
		}
	}
	slices.Sort(ms)
	return ms[len(ms)/2], nil
}

// fields is a catalog of the columns of one engine's tables: enough to compile.
type fields map[string]*catalog.Table

// Lookup implements catalog.Catalog.
func (f fields) Lookup(_ context.Context, name string) (*catalog.Table, error) { return f[name], nil }

// compiling times parsing and compiling the queries, the goal being 1 ms at the 99th percentile.
func compiling(ctx context.Context, eng engine.Engine) error {
	cat := fields{}
	for _, name := range []string{"logs", "spans"} {
		fs, err := eng.Fields(ctx, name)
		if err != nil {
			return err
		}
		t := &catalog.Table{Name: name, From: name, TimeField: "@timestamp"}
		for _, f := range fs {
			t.Columns = append(t.Columns, catalog.Column{Name: f.Name, SQL: `"` + f.Name + `"`, Type: f.Type, Elem: rows.String})
		}
		cat[name] = t
	}
	c := ppl.NewCompiler()
	var us []float64
	const rounds = 200
	for range rounds {
		for _, p := range pairs() {
			began := time.Now()
			q, err := ppl.Parse(p.ppl)
			if err != nil {
				return err
			}
			if _, err := c.Compile(ctx, q, cat, ppl.DefaultOptions("2026-05-02 00:00:00")); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			us = append(us, float64(time.Since(began).Nanoseconds())/1000)
		}
	}
	slices.Sort(us)
	fmt.Printf("compile: p50 %.0f us, p99 %.0f us (goal 1000)\n", us[len(us)/2], us[len(us)*99/100])
	return nil
}

// threads times the aggregates with one thread and with two, the goal being a gain of 1.6.
func threads(ctx context.Context, data, cache string, runs int) error {
	var sums [2]float64
	for i := range sums {
		store, err := local.New(local.Config{CacheDir: cache, Now: time.Now, Threads: i + 1})
		if err != nil {
			return err
		}
		eng, err := store.Open(ctx, data)
		if err != nil {
			return err
		}
		for _, p := range pairs() {
			switch p.name {
			case "count by severity and minute", "percentiles by service and operation", "timechart by service", "spans of the slowest traces":
				ms, err := median(ctx, eng, p.ppl, runs)
				if err != nil {
					return err
				}
				sums[i] += ms
			}
		}
		if err := store.Close(); err != nil { //nolint:contextcheck // the store ends
			return err
		}
	}
	fmt.Printf("four aggregates: one thread %.0f ms, two threads %.0f ms, gain %.2f (goal 1.6)\n", sums[0], sums[1], sums[0]/sums[1])
	return nil
}

// patterns times the pattern of all bodies, the goal being 1M lines a second a core.
func patterns(ctx context.Context, eng engine.Engine) error {
	res, err := eng.Query(ctx, "source=logs | stats count() as n", engine.Limits{MaxRows: 1})
	if err != nil {
		return err
	}
	n, _ := res.Rows[0][0].(int64)
	ms, err := median(ctx, eng, "source=logs | patterns body mode=aggregation", 1)
	if err != nil {
		return err
	}
	fmt.Printf("patterns: %d lines in %.0f ms, %.2f M lines/s on two threads (goal 1 a core)\n", n, ms, float64(n)/ms/1000)
	return nil
}

// cluster is a server that holds the same data.
type cluster struct{ url, logs, spans string }

// compare asks the queries here and there, the goal for aggregates being 5 times faster here.
func (c cluster) compare(ctx context.Context, eng engine.Engine, runs int) error {
	if c.url == "" {
		return nil
	}
	client, err := opensearch.New(opensearch.Config{Name: "bench", URLs: []string{c.url}, Timeout: 5 * time.Minute}) //nolint:contextcheck // the process ends
	if err != nil {
		return err
	}
	far, err := remote.New(remote.Config{
		Cluster: client, Now: time.Now, Threads: 2, Indices: map[engine.Kind]string{engine.Logs: c.logs, engine.Spans: c.spans},
	})
	if err != nil {
		return err
	}
	fmt.Printf("%-42s %10s %10s %7s\n", "query", "files ms", "cluster ms", "ratio")
	for _, p := range pairs() {
		here, err := median(ctx, eng, p.ppl, runs)
		if err != nil {
			return err
		}
		there, err := median(ctx, far, p.ppl, 1)
		if err != nil {
			fmt.Printf("%-42s %10.1f  %v\n", p.name, here, err)
			continue
		}
		fmt.Printf("%-42s %10.1f %10.1f %6.1fx\n", p.name, here, there, there/here)
	}
	return nil
}
