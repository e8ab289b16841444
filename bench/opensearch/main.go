// Command opensearch measures what the client costs over the bare HTTP call, and how long reads are paged.
//
//	go run ./bench/opensearch -url http://127.0.0.1:19200 overhead     CPU of a call: bare, by the client, by the tool
//	go run ./bench/opensearch -url http://127.0.0.1:19200 load         fill the index with -docs documents
//	go run ./bench/opensearch -url http://127.0.0.1:19200 page         read all of them; rows a second, peak memory
//	go run ./bench/opensearch -url http://127.0.0.1:19200 drop
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/clusterhealth"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/tools/cluster"
)

const index = "os_a_bench"

// The goals; missing one is a failure.
const (
	maxOverhead = time.Millisecond // CPU of a tool call over the bare HTTP call
	maxMemory   = 300              // MB while every document is read
)

func main() {
	at := flag.String("url", "http://127.0.0.1:19200", "cluster")
	docs := flag.Int("docs", 1_000_000, "documents to load")
	calls := flag.Int("calls", 2000, "calls to measure")
	flag.Parse()
	c, err := opensearch.New(opensearch.Config{Name: "bench", URLs: []string{*at}, Clock: time.Now, Timeout: 10 * time.Minute})
	if err == nil {
		ctx := context.Background()
		switch flag.Arg(0) {
		case "overhead":
			err = overhead(ctx, c, *at, *calls)
		case "load":
			err = load(ctx, c, *docs)
		case "page":
			err = page(ctx, c)
		case "drop":
			_, err = c.Do(ctx, opensearch.Request{Method: http.MethodDelete, Path: opensearch.Path(index)})
		default:
			err = errors.New("overhead, load, page or drop")
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// cpu is the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

type one struct{ c *opensearch.Client }

// Cluster implements cluster.Clusters.
func (o one) Cluster(context.Context, string) (clusterhealth.Cluster, error) { return o.c, nil }

// overhead runs the same small search in rounds, in turn, so that noise falls on all alike.
func overhead(ctx context.Context, c *opensearch.Client, at string, calls int) error {
	raw := []byte(`{"path":"_cluster/health"}`)
	get := cluster.Tools(cluster.Deps{Clusters: one{c}})[1]
	bare := &http.Client{}
	ways := []struct {
		name string
		call func() error
	}{
		{"bare net/http", func() error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, at+"/_cluster/health", http.NoBody)
			if err != nil {
				return err
			}
			res, err := bare.Do(req)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if err != nil {
				return err
			}
			var v map[string]any
			return json.Unmarshal(b, &v)
		}},
		{"client", func() error {
			res, err := c.Do(ctx, opensearch.Request{Path: "/_cluster/health", Idempotent: true})
			if err != nil {
				return err
			}
			var v map[string]any
			return json.Unmarshal(res.Body, &v)
		}},
		{"tool cluster_get", func() error { return get.Call(ctx, raw).Err }},
	}
	spent := make([]time.Duration, len(ways))
	const rounds = 20
	for round := range rounds + 1 {
		for i, w := range ways {
			began := cpu()
			for range calls / rounds {
				if err := w.call(); err != nil {
					return fmt.Errorf("%s: %w", w.name, err)
				}
			}
			if round > 0 { // the first warms up
				spent[i] += cpu() - began
			}
		}
	}
	n := time.Duration(calls / rounds * rounds)
	for i, w := range ways {
		fmt.Printf("%-18s %7.1f us CPU a call", w.name, float64((spent[i]/n).Nanoseconds())/1000)
		if i > 0 {
			fmt.Printf(", %.1f us over bare", float64(((spent[i]-spent[0])/n).Nanoseconds())/1000)
		}
		fmt.Println()
	}
	if last := len(spent) - 1; (spent[last]-spent[0])/n > maxOverhead {
		return fmt.Errorf("the tool takes over %s more than the bare call", maxOverhead)
	}
	return nil
}

// load fills the index with logs of about 300 bytes.
func load(ctx context.Context, c *opensearch.Client, docs int) error {
	_, _ = c.Do(ctx, opensearch.Request{Method: http.MethodDelete, Path: opensearch.Path(index)})
	settings := `{"settings":{"number_of_shards":2,"number_of_replicas":0,"refresh_interval":-1},"mappings":{"dynamic_templates":[{"k":{"match_mapping_type":"string","mapping":{"type":"keyword"}}}],` +
		`"properties":{"@timestamp":{"type":"date_nanos"},"body":{"type":"text"}}}}`
	if _, err := c.Do(ctx, opensearch.Request{Method: http.MethodPut, Path: opensearch.Path(index), Body: []byte(settings)}); err != nil {
		return err
	}
	began := time.Now()
	const batch = 10_000
	var b bytes.Buffer
	pad := strings.Repeat("lorem ipsum ", 8)
	for from := 0; from < docs; from += batch {
		b.Reset()
		for i := from; i < min(from+batch, docs); i++ {
			fmt.Fprintf(&b, "{\"create\":{}}\n{\"@timestamp\":%q,\"severityText\":\"INFO\",\"body\":\"request %d took %d ms %s\",\"traceId\":\"%032x\",\"n\":%d,\"resource\":{\"attributes\":{\"service.name\":\"svc-%d\"}}}\n",
				time.UnixMilli(1_770_000_000_000+int64(i)).UTC().Format("2006-01-02T15:04:05.000Z"), i, i%997, pad, i, i, i%15)
		}
		if _, err := c.Do(ctx, opensearch.Request{Method: http.MethodPost, Path: opensearch.Path(index, "_bulk"), Query: url.Values{"filter_path": {"errors"}}, Body: b.Bytes(), ContentType: "application/x-ndjson"}); err != nil {
			return err
		}
	}
	if _, err := c.Do(ctx, opensearch.Request{Method: http.MethodPost, Path: opensearch.Path(index, "_refresh")}); err != nil {
		return err
	}
	took := time.Since(began)
	fmt.Printf("%d documents in %s, %.0f a second\n", docs, took.Round(time.Second/10), float64(docs)/took.Seconds())
	return nil
}

func page(ctx context.Context, c *opensearch.Client) error {
	began, start := time.Now(), cpu()
	var read int64
	out, err := c.Pages(ctx, opensearch.Pages{Index: index, Sort: []any{map[string]any{"@timestamp": "asc"}}}, func(h opensearch.Hit) error {
		read += int64(len(h.Source))
		return nil
	})
	if err != nil {
		return err
	}
	took := time.Since(began)
	fmt.Printf("%d documents (%d MB) by %s, %d requests, %s, %.0f a second, %.1f us CPU each, peak memory %d MB\n", out.Hits, read/1_000_000, out.Way, out.Requests,
		took.Round(time.Second/10), float64(out.Hits)/took.Seconds(), float64((cpu()-start).Microseconds())/float64(max(out.Hits, 1)), peak())
	if peak() > maxMemory {
		return fmt.Errorf("peak memory is over %d MB", maxMemory)
	}
	return nil
}

// peak is the largest resident size of this process in MB, by Linux.
func peak() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Maxrss / 1024
}
