// Command data writes the benchmark data set: logs and spans as OpenSearch documents in JSON lines, deterministic for a seed.
//
//	go run ./bench/data -logs 5000000 -spans 2000000 -out /tmp/plumbline-bench
//
// 24 hours, 24 services, 200 hosts, eight spans a trace, 500 message templates used with a skew (a few are frequent,
// most are rare), about 350 bytes a log line, and one rare word in seven lines.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const (
	services  = 24
	hosts     = 200
	templates = 500
	perTrace  = 8 // spans of one trace
	rareLines = 7 // lines that hold the rare word
	day       = 24 * time.Hour
)

var start = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

var verbs = []string{"accepted", "stored", "rejected", "retried", "flushed", "evicted", "loaded", "parsed", "queued", "closed"}

var nouns = []string{"order", "session", "segment", "request", "batch", "cursor", "token", "shard", "record", "message", "lease", "page"}

var operations = []string{"GET /cart", "POST /order", "GET /product", "PlaceOrder", "Charge", "ListItems", "Reserve", "SELECT stock"}

func main() {
	logs := flag.Int("logs", 5_000_000, "log lines")
	spans := flag.Int("spans", 2_000_000, "spans")
	out := flag.String("out", "", "directory to write")
	seed := flag.Uint64("seed", 42, "seed")
	flag.Parse()
	if err := run(*out, *logs, *spans, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(dir string, logs, spans int, seed uint64) error {
	if dir == "" {
		return errors.New("write data: -out is missing")
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("write data: %w", err)
	}
	g := &generator{rng: rand.New(rand.NewPCG(seed, 1)), traces: max(spans/perTrace, 1)}
	if err := g.file(filepath.Join(dir, "logs.jsonl"), logs, g.log); err != nil {
		return err
	}
	return g.file(filepath.Join(dir, "spans.jsonl"), spans, g.span)
}

type generator struct {
	rng    *rand.Rand
	traces int
	buf    []byte
}

func (g *generator) file(path string, n int, line func(i, n int)) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write data: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for i := range n {
		g.buf = g.buf[:0]
		line(i, n)
		if _, err := w.Write(g.buf); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}

func (g *generator) log(i, n int) {
	t := start.Add(time.Duration(float64(day) * float64(i) / float64(n)))
	svc, host := g.skewed(services), g.rng.IntN(hosts)
	sev, num := "INFO", 9
	switch p := g.rng.IntN(1000); {
	case p < 12:
		sev, num = "ERROR", 17
	case p < 60:
		sev, num = "WARN", 13
	case p < 200:
		sev, num = "DEBUG", 5
	}
	g.put(`{"@timestamp":"`, stamp(t), `","severityText":"`, sev, `","severityNumber":`, strconv.Itoa(num), `,"body":"`)
	g.message()
	if i%max(n/rareLines, 1) == 3 {
		g.put(" quixotic")
	}
	tr := g.rng.IntN(g.traces)
	g.put(`","traceId":"`, traceID(tr), `","spanId":"`, spanID(tr*perTrace), `","attributes":{"http.status_code":`, strconv.Itoa(g.status()),
		`,"thread.id":`, strconv.Itoa(g.rng.IntN(64)), `},"resource":{"attributes":{"service.name":"svc-`, strconv.Itoa(svc), `","host.name":"host-`, strconv.Itoa(host),
		`","cloud.region":"`, region(host), `"}}}`, "\n")
}

func (g *generator) span(i, n int) {
	tr, k := i/perTrace, i%perTrace
	t := start.Add(time.Duration(float64(day) * float64(i) / float64(n)))
	d := int64(g.rng.ExpFloat64()*20e6) + 100_000
	parent, kind := "", "SPAN_KIND_SERVER"
	if k > 0 {
		parent = spanID(tr*perTrace + (k-1)/2)
		kind = [2]string{"SPAN_KIND_CLIENT", "SPAN_KIND_SERVER"}[k%2]
	}
	code := 0
	if g.rng.IntN(200) == 0 {
		code = 2
	}
	svc := (tr*7 + k*3) % services
	g.put(`{"traceId":"`, traceID(tr), `","spanId":"`, spanID(i), `","parentSpanId":"`, parent, `","name":"`, operations[(svc+k)%len(operations)], `","kind":"`, kind,
		`","startTime":"`, stamp(t), `","endTime":"`, stamp(t.Add(time.Duration(d))), `","durationInNanos":`, strconv.FormatInt(d, 10), `,"status":{"code":`, strconv.Itoa(code),
		`},"serviceName":"svc-`, strconv.Itoa(svc), `","attributes":{"http.status_code":`, strconv.Itoa(g.status()), `},"resource":{"attributes":{"service.name":"svc-`, strconv.Itoa(svc),
		`","host.name":"host-`, strconv.Itoa(tr%hosts), `"}}}`, "\n")
}

// message writes one of the templates with its variable parts; low numbers are the frequent ones.
func (g *generator) message() {
	k := g.skewed(templates)
	g.put(nouns[k%len(nouns)], " ", verbs[k/len(nouns)%len(verbs)], " by worker step-", strconv.Itoa(k), " id=", strconv.FormatUint(g.rng.Uint64(), 16),
		" took ", strconv.Itoa(g.rng.IntN(5000)), " ms from 10.", strconv.Itoa(g.rng.IntN(256)), ".", strconv.Itoa(g.rng.IntN(256)), ".7")
}

func (g *generator) status() int {
	return [8]int{200, 200, 200, 200, 201, 204, 404, 500}[g.rng.IntN(8)]
}

// skewed returns 0..n-1, small numbers more often (the square of a uniform number).
func (g *generator) skewed(n int) int {
	u := g.rng.Float64()
	return int(u * u * float64(n))
}

func (g *generator) put(parts ...string) {
	for _, p := range parts {
		g.buf = append(g.buf, p...)
	}
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.000000Z") }

func traceID(n int) string { return fmt.Sprintf("%032x", uint64(n)*0x9E3779B97F4A7C15+1) }

func spanID(n int) string { return fmt.Sprintf("%016x", uint64(n)*0xD1B54A32D192ED03+1) }

func region(host int) string { return [2]string{"eu-west-1", "us-east-1"}[host%2] }
