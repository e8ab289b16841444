package duck_test

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
)

// BenchmarkRows reads 1M rows of 12 columns.
func BenchmarkRows(b *testing.B) {
	db, err := duck.Open(b.Context(), []duck.Setting{{Name: "threads", Value: "2"}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	c, err := db.Conn()
	if err != nil {
		b.Fatal(err)
	}
	defer db.Release(c)
	err = c.Exec(b.Context(), `CREATE TABLE t AS SELECT make_timestamp(1700000000000000+i*1000) AS ts, 'service-'||(i%20) AS a, md5(i::varchar) AS tr,
		i AS n, i*1.5 AS d, 'INFO' AS sev, (i%17)::int AS sn, 'a log message of average length with number '||i AS body, NULL::varchar x,
		'k8s-node-'||(i%200) AS node, i%2=0 AS b, 'v1.2.3' AS ver FROM range(1000000) t(i)`)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r, err := c.Query(b.Context(), "SELECT * FROM t")
		if err != nil {
			b.Fatal(err)
		}
		row, n := make([]any, 12), 0
		for ; !errors.Is(err, io.EOF); n++ {
			err = r.Next(row)
		}
		r.Close()
		b.ReportMetric(float64(n), "rows/op")
	}
}

// BenchmarkAppend writes 60,000 rows of 80 columns, two thirds of them null, to a file.
func BenchmarkAppend(b *testing.B) {
	db, err := duck.Open(b.Context(), []duck.Setting{{Name: "threads", Value: "2"}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	c, err := db.Conn()
	if err != nil {
		b.Fatal(err)
	}
	defer db.Release(c)
	const rows, width = 60_000, 80
	cols := make([]duck.Column, width)
	defs := make([]string, width)
	for i := range cols {
		cols[i] = duck.Column{Name: fmt.Sprintf("c%d", i), Type: duck.Varchar}
		defs[i] = fmt.Sprintf("c%d VARCHAR", i)
		ok := make([]bool, rows)
		for r := range rows {
			if ok[r] = (r+i)%3 == 0; ok[r] {
				cols[i].Text = fmt.Appendf(cols[i].Text, "value %d of column %d", r%(i*i+1), i)
			}
			cols[i].Ends = append(cols[i].Ends, len(cols[i].Text))
		}
		cols[i].Valid = bitmap(ok)
	}
	for n := 0; b.Loop(); n++ {
		path := filepath.Join(b.TempDir(), strconv.Itoa(n))
		if err := c.Exec(b.Context(), "ATTACH "+duck.Literal(path)+" AS a; CREATE TABLE a.t("+strings.Join(defs, ", ")+")"); err != nil {
			b.Fatal(err)
		}
		if err := c.Append(b.Context(), "a", "t", cols, rows); err != nil {
			b.Fatal(err)
		}
		if err := c.Exec(b.Context(), "DETACH a"); err != nil {
			b.Fatal(err)
		}
	}
}
