package local_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/record"
)

// manyLogs is a reader that makes n log records of 20 fields without reading anything.
func manyLogs(n int) local.Reader {
	return func(_ context.Context, _ io.Reader, _ record.Options, emit func(*record.Record) error) (record.Report, error) {
		names := []string{"@timestamp", "observedTimestamp", "severityText", "severityNumber", "body", "traceId", "spanId", "flags", "serviceName"}
		for i := range 11 {
			names = append(names, "resource.attributes.key."+strconv.Itoa(i))
		}
		r := &record.Record{Kind: record.Logs, Names: names, Values: make([]any, len(names))}
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := range n {
			at := start.Add(time.Duration(i) * 17 * time.Millisecond)
			r.Values[0], r.Values[1], r.Values[2], r.Values[3] = at, at.Add(time.Millisecond), "INFO", int64(9)
			r.Values[4] = fmt.Sprintf("request %d took %d ms for customer %d of the shop and wrote %d bytes to the wire", i, i%977, i%5003, i*31%65536)
			r.Values[5], r.Values[6] = fmt.Sprintf("%032x", i/7), fmt.Sprintf("%016x", i)
			r.Values[7], r.Values[8] = int64(1), "service-"+strconv.Itoa(i%24)
			for k := range 11 {
				r.Values[9+k] = "value-" + strconv.Itoa(i%24*(k+1))
			}
			r.Line = int64(i + 1)
			if err := emit(r); err != nil {
				return record.Report{}, err
			}
		}
		return record.Report{Format: record.FormatDocuments, Rows: int64(n)}, nil
	}
}

// BenchmarkIngest writes logs of 20 fields into a segment; PLUMBLINE_BENCH_ROWS of them, 500,000 by default.
func BenchmarkIngest(b *testing.B) {
	n := 500_000
	if v, err := strconv.Atoi(os.Getenv("PLUMBLINE_BENCH_ROWS")); err == nil {
		n = v
	}
	dir := b.TempDir()
	file := filepath.Join(dir, "a.jsonl")
	if err := os.WriteFile(file, []byte("{}\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		s, err := local.New(local.Config{CacheDir: filepath.Join(dir, "cache", strconv.Itoa(i)), Now: time.Now, Threads: 2, Read: manyLogs(n)})
		if err != nil {
			b.Fatal(err)
		}
		e, err := s.Open(b.Context(), file)
		if err != nil {
			b.Fatal(err)
		}
		tables, err := e.Tables(b.Context())
		if err != nil || tables[0].Rows != int64(n) {
			b.Fatal(tables, err)
		}
		if _, err := e.Query(b.Context(), "source=logs | stats count() by serviceName", engine.Limits{}); err != nil {
			b.Fatal(err)
		}
		info, err := s.CacheInfo()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Bytes)/1e6, "MB")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkLarge reads and asks the data set of bench/data: PLUMBLINE_BENCH_DATA is its directory. It reports the highest resident
// size of the process, which the issue limits to 1 GiB on 5M lines.
func BenchmarkLarge(b *testing.B) {
	dir := os.Getenv("PLUMBLINE_BENCH_DATA")
	if dir == "" {
		b.Skip("PLUMBLINE_BENCH_DATA is not set")
	}
	for b.Loop() {
		e := openSource(b, newStore(b, b.TempDir()), dir)
		count(b, e, "logs")
		query(b, e, "source=logs | stats count() by span(@timestamp, 1m), severityText")
		query(b, e, "source=logs | where severityText = 'ERROR' | stats count() as n by serviceName, body | sort - n | head 10")
		query(b, e, "source=logs | sort - @timestamp | head 100")
		if _, err := e.Fields(b.Context(), "logs"); err != nil {
			b.Fatal(err)
		}
		_, err := e.Stream(b.Context(), "source=logs | fields @timestamp, serviceName, severityText, body", engine.Limits{}, func([]any) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc")
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			kb, err := strconv.Atoi(f[1])
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(kb)/1024, "peak-MiB")
		}
	}
}
