package record_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/record"
)

// plain returns a recording's file without its compression, or text of our own where there is none.
func plain(b *testing.B, file string) []byte {
	b.Helper()
	f, err := os.Open(filepath.Join(recordings(b), "shop-01", file))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

func benchRead(b *testing.B, data []byte, name string) {
	b.Helper()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	rows := int64(0)
	for b.Loop() {
		rep, err := record.Read(context.Background(), bytes.NewReader(data), record.Options{Name: name, Now: now}, func(*record.Record) error { return nil })
		if err != nil || rep.Skipped > 0 {
			b.Fatalf("%+v, %v", rep, err)
		}
		rows = rep.Rows
	}
	b.ReportMetric(float64(rows), "rows/op")
}

// BenchmarkRead reads files of a recording, uncompressed, on one core.
func BenchmarkRead(b *testing.B) {
	for _, file := range []string{"spans.jsonl.gz", "logs.jsonl.gz", "metrics.jsonl.gz", "traces.otlp.json.gz", "plain/checkout.log.gz", "plain/frontend-proxy.log.gz", "plain/payment.log.gz", "plain/shopping-assistant.log.gz"} {
		b.Run(strings.TrimSuffix(filepath.Base(file), ".gz"), func(b *testing.B) { benchRead(b, plain(b, file), strings.TrimSuffix(file, ".gz")) })
	}
}

// BenchmarkReadText reads text of common layouts, made here.
func BenchmarkReadText(b *testing.B) {
	for name, line := range map[string]string{
		"log4j":  "2026-05-27 17:40:%02d,550 INFO  [RpcServer.handler-%d] org.apache.hadoop.hbase.regionserver.HRegion: Flushing region orders,row-%d with memstore size 128 MB\n",
		"access": "10.0.%d.%d - - [27/May/2026:17:40:02 +0000] \"GET /product/%d?ref=home HTTP/1.1\" 200 2326 \"http://shop.example/start\" \"Mozilla/5.0 (X11; Linux x86_64)\"\n",
		"syslog": "<34>May 27 17:40:%02d web%02d sshd[%d]: Accepted publickey for deploy from 10.0.0.7 port 51234 ssh2\n",
		"logfmt": "ts=2026-05-27T17:40:%02d.550Z caller=head.go:%d level=info component=tsdb msg=\"compact blocks\" count=%d duration=12.5ms\n",
		"json":   "{\"level\":30,\"time\":17799036%02d550,\"pid\":%d,\"hostname\":\"box\",\"msg\":\"request %d completed\",\"req\":{\"method\":\"GET\",\"url\":\"/a\"},\"res\":{\"statusCode\":200}}\n",
		"trace":  "2026-05-27 17:40:%02d,550 ERROR [worker-%d] shop.Cart: request %d failed\njava.lang.IllegalStateException: empty\n\tat shop.Cart.add(Cart.java:12)\n\tat shop.Cart.put(Cart.java:34)\n\tat shop.Main.run(Main.java:5)\n",
	} {
		var data bytes.Buffer
		for i := range 20000 {
			fmt.Fprintf(&data, line, i%60, i%30, i)
		}
		b.Run(name, func(b *testing.B) { benchRead(b, data.Bytes(), "bench.log") })
	}
}

// BenchmarkPeerEncodingJSON is what the same documents cost with encoding/json into maps, without any normalising.
func BenchmarkPeerEncodingJSON(b *testing.B) {
	for _, file := range []string{"spans.jsonl.gz", "logs.jsonl.gz"} {
		b.Run(strings.TrimSuffix(file, ".gz"), func(b *testing.B) {
			data := plain(b, file)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				sc := bufio.NewScanner(bytes.NewReader(data))
				sc.Buffer(nil, 1<<20)
				for sc.Scan() {
					var doc map[string]any
					if err := json.Unmarshal(sc.Bytes(), &doc); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
