package local_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/engine/local"
)

func TestParquetIsScannedWhereItLies(t *testing.T) {
	dir := t.TempDir()
	put := func(name, sql string) {
		t.Helper()
		if err := local.MakeParquet(t.Context(), filepath.Join(dir, name), sql); err != nil {
			t.Fatal(err)
		}
	}
	put("logs.parquet", `SELECT TIMESTAMP '2026-05-27 18:00:00' + INTERVAL (i) SECOND AS "Timestamp", 'ERROR' AS "SeverityText", 17::TINYINT AS "SeverityNumber",
		'line ' || i AS "Body", 'cart' AS "ServiceName", MAP {'http.route': '/x', 'k' || (i%2): 'v'} AS "LogAttributes", MAP {'service.name': 'cart'} AS "ResourceAttributes" FROM range(10) t(i)`)
	put("spans.parquet", `SELECT '0a'::BLOB AS trace_id, 's'||i AS span_id, '' AS parent_span_id, 'GET' AS name, 1779904800000000000+i AS start_time_unix_nano,
		5::UBIGINT AS duration_nano, {'service': {'name': 'cart'}, 'retries': i} AS resource, [i, i+1] AS list FROM range(4) t(i)`)
	put("other.parquet", `SELECT i AS id, i*1.5 AS price, DATE '2026-01-01' AS day FROM range(3) t(i)`)
	write(t, filepath.Join(dir, "more.jsonl"), lines(100, 103))
	e := openSource(t, newStore(t, t.TempDir()), dir)
	at := time.Date(2026, 5, 27, 18, 0, 0, 0, time.UTC)
	cases := []struct {
		q    string
		want [][]any
	}{
		{"source=logs | stats count() as n by serviceName", [][]any{{int64(13), "cart"}}},
		{
			"source=logs | where body='line 3' | fields @timestamp, severityNumber, attributes.http.route, attributes.k1, resource.attributes.service.name, _file, _line",
			[][]any{{at.Add(3 * time.Second), int64(17), "/x", "v", "cart", "logs.parquet", int64(4)}},
		},
		{
			"source=spans | where spanId='s1' | fields traceId, startTime, durationInNanos, resource.service.name, resource.retries, list",
			[][]any{{"3061", time.Unix(0, 1779904800000000001).UTC(), int64(5), "cart", int64(1), []any{int64(1), int64(2)}}},
		},
		{"source=other | stats sum(price) as p, count() as n", [][]any{{4.5, int64(3)}}},
	}
	for _, c := range cases {
		if diff := cmp.Diff(c.want, query(t, e, c.q).Rows); diff != "" {
			t.Errorf("%s\n%s", c.q, diff)
		}
	}
	tables, err := e.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if tables[0].Rows != 13 || !tables[0].Start.Equal(at) {
		t.Errorf("%+v", tables[0])
	}
	write(t, filepath.Join(dir, "broken.parquet"), "PAR1 but nothing else")
	if got := count(t, e, "other"); got != 3 {
		t.Errorf("%d rows beside a broken file", got)
	}
}
