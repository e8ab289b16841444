package doctable_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/doctable"
)

// BenchmarkLogDocuments loads OpenTelemetry-like log documents of about 400 bytes.
func BenchmarkLogDocuments(b *testing.B) {
	const docs = 50_000
	lines := make([][]byte, docs)
	var size int64
	for i := range lines {
		lines[i] = fmt.Appendf(nil, `{"@timestamp":"2025-03-01T08:%02d:%02d.%06dZ","severityText":"INFO","severityNumber":9,"body":"GET /cart/%d took %dms","traceId":"%032x","spanId":"%016x",`+
			`"resource":{"attributes":{"service":{"name":"cart"},"host":{"name":"node-%d"}}},"attributes":{"http":{"method":"GET","status_code":%d},"user.id":"u-%d","ok":true}}`,
			i/60%60, i%60, i%1000000, i, i%977, i, i*7, i%40, 200+i%5, i%1000)
		size += int64(len(lines[i]))
	}
	b.SetBytes(size)
	for b.Loop() {
		db, err := sql.Open("duckdb", "")
		if err != nil {
			b.Fatal(err)
		}
		conn, err := db.Conn(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		builder, err := doctable.New(b.Context(), conn, "t", nil, doctable.Options{})
		if err != nil {
			b.Fatal(err)
		}
		for _, l := range lines {
			if err := builder.Add(l); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := builder.Finish(); err != nil {
			b.Fatal(err)
		}
		_ = conn.Close()
		_ = db.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/docs, "ns/doc")
}
