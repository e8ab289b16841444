// Command opensearch-ppl measures PPL over a cluster's search API against the same question written in query DSL by hand.
//
//	go run ./bench/opensearch-ppl -url http://127.0.0.1:9200 -logs logs-otel-v1-000001 -spans otel-v1-apm-span-000001
//
// The indices are those of the harness (gen_otel.py) or of a loaded recording. Each question is asked in turns, by hand through the
// same client and decoded, and through the engine; the medians are compared. It fails when the search answers a question
// alone and takes more than 1.2 times as long.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/remote"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

// The goal: at most so many times the hand-written search, plus what no clock on a busy machine tells apart.
const (
	maxRatio = 1.2
	noise    = 300 * time.Microsecond
)

// question is one thing asked in both ways.
type question struct {
	name, ppl, table, dsl string
	alone                 bool // the search answers it alone
}

func questions() []question {
	return []question{
		{"count", "source=logs | stats count()", "logs", `{"size":0,"track_total_hits":true}`, true},
		{"count by service", "source=spans | stats count() by serviceName", "spans", `{"size":0,"track_total_hits":true,"aggs":{"s":{"terms":{"field":"serviceName","size":1000}}}}`, true},
		{
			"errors by service", "source=spans | where status.code = 2 | stats count() by serviceName", "spans",
			`{"size":0,"track_total_hits":true,"query":{"term":{"status.code":2}},"aggs":{"s":{"terms":{"field":"serviceName","size":1000}}}}`, true,
		},
		{
			"mean by service and operation", "source=spans | stats avg(durationInNanos) by serviceName, name", "spans",
			`{"size":0,"track_total_hits":true,"aggs":{"s":{"terms":{"field":"serviceName","size":1000},"aggs":{"n":{"terms":{"field":"name","size":1000},"aggs":{"d":{"avg":{"field":"durationInNanos"}}}}}}}}`, true,
		},
		{
			"spans by minute and service", "source=spans | stats count() by span(startTime, 1m), serviceName", "spans",
			`{"size":0,"track_total_hits":true,"aggs":{"m":{"date_histogram":{"field":"startTime","fixed_interval":"1m","min_doc_count":1},"aggs":{"s":{"terms":{"field":"serviceName","size":1000}}}}}}`, true,
		},
		{"distinct traces", "source=spans | stats dc(traceId)", "spans", `{"size":0,"track_total_hits":true,"aggs":{"t":{"cardinality":{"field":"traceId","precision_threshold":40000}}}}`, true},
		{"top operations", "source=spans | top 5 name", "spans", `{"size":0,"track_total_hits":true,"aggs":{"n":{"terms":{"field":"name","size":1000}}}}`, true},
		{
			"slowest spans", "source=spans | sort - durationInNanos | head 20 | fields traceId, name, durationInNanos", "spans",
			`{"size":20,"sort":[{"durationInNanos":"desc"}],"_source":["traceId","name","durationInNanos"]}`, true,
		},
		{"a word in logs", "source=logs failed | stats count()", "logs", `{"size":0,"track_total_hits":true,"query":{"match":{"body":"failed"}}}`, false},
		{"100 rows of logs", "source=logs | head 100 | fields `@timestamp`, body", "logs", `{"size":100,"sort":[{"@timestamp":"asc"}],"_source":["@timestamp","body"]}`, true},
		{
			"timechart by service", "source=spans | timechart span=5m avg(durationInNanos) by serviceName", "spans",
			`{"size":0,"track_total_hits":true,"aggs":{"m":{"date_histogram":{"field":"startTime","fixed_interval":"5m","min_doc_count":1},"aggs":{"s":{"terms":{"field":"serviceName","size":1000},"aggs":{"d":{"avg":{"field":"durationInNanos"}}}}}}}}`, false,
		},
	}
}

func main() {
	at := flag.String("url", "http://127.0.0.1:9200", "cluster")
	logs := flag.String("logs", "logs-otel-v1-000001", "index of logs")
	spans := flag.String("spans", "otel-v1-apm-span-000001", "index of spans")
	rounds := flag.Int("rounds", 41, "times each question is asked")
	flag.Parse()
	if err := run(context.Background(), *at, map[engine.Kind]string{engine.Logs: *logs, engine.Spans: *spans}, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, at string, indices map[engine.Kind]string, rounds int) error {
	client, err := opensearch.New(opensearch.Config{Name: "bench", URLs: []string{at}, Clock: time.Now}) //nolint:contextcheck // it keeps connections beyond a call
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	eng, err := remote.New(remote.Config{Cluster: client, Indices: indices, Plugin: remote.PluginNever, Now: time.Now})
	if err != nil {
		return err
	}
	defer func() { _ = eng.Close() }()
	fmt.Println("| question | by hand | PPL | ratio |\n|---|---|---|---|")
	missed := false
	for _, q := range questions() {
		hand, ppl, err := measure(ctx, client, eng, q, indices, rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		over := q.alone && float64(ppl) > maxRatio*float64(hand)+float64(noise)
		missed = missed || over
		fmt.Printf("| %s | %.2f ms | %.2f ms | %.2f%s |\n", q.name, ms(hand), ms(ppl), float64(ppl)/float64(hand), map[bool]string{true: " MISSED"}[over])
	}
	if missed {
		return errors.New("a question that the search answers alone takes more than 1.2 times as long")
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// measure asks in turns and returns the medians.
func measure(ctx context.Context, c *opensearch.Client, e *remote.Engine, q question, indices map[engine.Kind]string, rounds int) (hand, ppl time.Duration, err error) {
	var hands, ppls []time.Duration
	for i := range rounds + 1 {
		start := time.Now()
		res, err := c.Do(ctx, opensearch.Request{
			Method: http.MethodPost, Path: opensearch.Path(indices[engine.Kind(q.table)], "_search"), Body: []byte(q.dsl), Idempotent: true,
		})
		if err != nil {
			return 0, 0, err
		}
		var v any
		if err := json.Unmarshal(res.Body, &v); err != nil {
			return 0, 0, err
		}
		between := time.Now()
		if _, err := e.Query(ctx, q.ppl, engine.Limits{}); err != nil {
			return 0, 0, err
		}
		if i > 0 { // the first one reads the mapping
			hands, ppls = append(hands, between.Sub(start)), append(ppls, time.Since(between))
		}
	}
	slices.Sort(hands)
	slices.Sort(ppls)
	return hands[rounds/2], ppls[rounds/2], nil
}
