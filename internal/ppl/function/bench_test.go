package function_test

import (
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// BenchmarkFunctionsOverAMillionRows compares Go functions with native SQL over the same column.
func BenchmarkFunctionsOverAMillionRows(b *testing.B) {
	conn := connect(b)
	if _, err := conn.ExecContext(b.Context(), `CREATE TABLE t AS SELECT 'GET /cart/' || range || ' took ' || range % 977 || 'ms' AS s, TIMESTAMP '2024-01-01' + to_seconds(range) AS ts FROM range(1000000)`); err != nil {
		b.Fatal(err)
	}
	s, at := typed(rows.String, "s"), typed(rows.Timestamp, "ts")
	s.Text = true
	for _, tc := range []struct {
		name string
		fn   string
		args []function.Value
	}{
		{"regex in DuckDB", "regexp_match", vals(s, `took \d{3}ms`)},
		{"regex in Go", "regexp_match", vals(s, `took (?=\d{3}ms)`)},
		{"date format in DuckDB", "date_format", vals(at, "%Y-%m-%d")},
		{"date format in Go", "date_format", vals(at, "%D %Y")},
		{"digest in Go", "crc32", vals(s)},
		{"words in Go", "match", vals(s, "cart")},
	} {
		b.Run(tc.name, func(b *testing.B) {
			v, err := call(tc.fn, function.Scalar, tc.args...)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				var n int64
				if err := conn.QueryRowContext(b.Context(), "SELECT count("+v.SQL+") FROM t").Scan(&n); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/row")
		})
	}
}
