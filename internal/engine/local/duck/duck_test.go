package duck_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, settings ...duck.Setting) *duck.Conn {
	t.Helper()
	db, err := duck.Open(t.Context(), settings, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		db.Release(c)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func all(t *testing.T, c *duck.Conn, sql string) [][]any {
	t.Helper()
	r, err := c.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer r.Close()
	var out [][]any
	for {
		row := make([]any, len(r.Names()))
		err := r.Next(row)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		out = append(out, row)
	}
}

func TestCellsOfEachType(t *testing.T) {
	c := open(t)
	at := time.Date(2026, 5, 27, 18, 20, 0, 123456000, time.UTC)
	cases := []struct {
		sql  string
		want any
	}{
		{"NULL", nil},
		{"true", true},
		{"1::TINYINT", int64(1)},
		{"-2::SMALLINT", int64(-2)},
		{"3::INTEGER", int64(3)},
		{"9223372036854775807", int64(math.MaxInt64)},
		{"200::UTINYINT", int64(200)},
		{"18446744073709551615::UBIGINT", float64(math.MaxUint64)},
		{"170141183460469231731687303715884105727::HUGEINT", 1.7014118346046923e38},
		{"(-5)::HUGEINT", int64(-5)},
		{"sum(i) FROM range(4) t(i)", int64(6)},
		{"1.5::FLOAT", 1.5},
		{"2.25", 2.25},
		{"3.00::DECIMAL(10,2)", int64(3)},
		{"123456789012345678901234.5::DECIMAL(38,1)", 123456789012345678901234.5},
		{"'short'", "short"},
		{"'a text longer than twelve bytes'", "a text longer than twelve bytes"},
		{"'é'", "é"},
		{"''", ""},
		{`'\xAA'::BLOB`, `\xaa`},
		{"'2026-05-27 18:20:00.123456'::TIMESTAMP", at},
		{"'2026-05-27 18:20:00.123456789'::TIMESTAMP_NS", at.Add(789)},
		{"'2026-05-27 18:20:00'::TIMESTAMP_S", at.Truncate(time.Second)},
		{"'2026-05-27 18:20:00.123'::TIMESTAMP_MS", at.Truncate(time.Millisecond)},
		{"'2026-05-27'::DATE", time.Date(2026, 5, 27, 0, 0, 0, 0, time.UTC)},
		{"'1969-12-31'::DATE", time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)},
		{"'18:20:00.5'::TIME", "18:20:00.5"},
		{"INTERVAL 1 MONTH + INTERVAL 2 DAY + INTERVAL 3 SECOND", "1 months 2 days 3s"},
		{"'5f0c1b9e-0d2f-4a61-9c1f-6a0f2b3c4d5e'::UUID", "5f0c1b9e-0d2f-4a61-9c1f-6a0f2b3c4d5e"},
		{"['a', NULL, 'b']", []any{"a", nil, "b"}},
		{"[[1], []]::BIGINT[][]", []any{[]any{int64(1)}, []any{}}},
		{"[1,2]::INTEGER[2]", []any{int64(1), int64(2)}},
		{"{'a': 1, 'b': {'c': 'x'}}", map[string]any{"a": int64(1), "b": map[string]any{"c": "x"}}},
		{"MAP {'k': 1.5::DOUBLE}", map[string]any{"k": 1.5}},
		{"'b'::ENUM('a','b')", "b"},
	}
	for _, tc := range cases {
		t.Run(tc.sql, func(t *testing.T) {
			got := all(t, c, "SELECT "+tc.sql)
			if diff := cmp.Diff([][]any{{tc.want}}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSeveralChunksKeepTheirOrderAndNulls(t *testing.T) {
	c := open(t, duck.Setting{Name: "threads", Value: "2"})
	got := all(t, c, "SELECT i, CASE WHEN i%3=0 THEN 'row number '||i END, i%5 FROM range(10000) t(i)")
	if len(got) != 10000 {
		t.Fatalf("%d rows", len(got))
	}
	for i, row := range got {
		want := []any{int64(i), any(fmt.Sprint("row number ", i)), int64(i % 5)}
		if i%3 != 0 {
			want[1] = nil
		}
		if diff := cmp.Diff(want, row); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestOnlyOneSelectIsRun(t *testing.T) {
	c := open(t)
	for _, sql := range []string{
		"CREATE TABLE x(i INT)", "SELECT 1; SELECT 2", "COPY (SELECT 1) TO '/tmp/x.csv'", "ATTACH ':memory:' AS y",
		"SET threads=1", "PRAGMA threads=1", "INSTALL httpfs", "", "DROP TABLE x", "LOAD httpfs", "CALL pragma_version()",
	} {
		t.Run(sql, func(t *testing.T) {
			r, err := c.Query(t.Context(), sql)
			if err == nil {
				r.Close()
				t.Fatal("was run")
			}
			if !errors.Is(err, duck.ErrNotSelect) {
				t.Logf("refused otherwise: %v", err)
			}
		})
	}
}

func TestAStatementThatFailsSaysDuckDBsWords(t *testing.T) {
	c := open(t)
	_, err := c.Query(t.Context(), "SELECT nope FROM range(3)")
	var e *duck.Error
	if !errors.As(err, &e) || e.Kind() != "binder" || !strings.Contains(err.Error(), "nope") {
		t.Errorf("got %v", err)
	}
	if got := all(t, c, "SELECT 1"); len(got) != 1 {
		t.Error("the connection is of no use after an error")
	}
}

func TestACanceledContextInterrupts(t *testing.T) {
	c := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	r, err := c.Query(ctx, "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE (a.range*b.range)%7=3")
	if err == nil {
		row := make([]any, 1)
		err = r.Next(row)
		r.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
	if got := all(t, c, "SELECT 1"); len(got) != 1 {
		t.Error("the connection is of no use after an interrupt")
	}
}

func bitmap(valid []bool) []uint64 {
	out := make([]uint64, (len(valid)+63)/64)
	for i, v := range valid {
		if v {
			out[i/64] |= 1 << (i % 64)
		}
	}
	return out
}

func TestAppendedBatchesComeBack(t *testing.T) {
	c := open(t)
	path := filepath.Join(t.TempDir(), "a.duckdb")
	if err := c.Exec(t.Context(), "ATTACH "+duck.Literal(path)+" AS a; CREATE TABLE a.t(missing INT, b BOOLEAN, i BIGINT, d DOUBLE, u TIMESTAMP, n TIMESTAMP_NS, s VARCHAR)"); err != nil {
		t.Fatal(err)
	}
	const rows = 5000
	texts := []string{"", "twelve bytes", "thirteen byte", "é", strings.Repeat("long ", 100)}
	cols := []duck.Column{
		{Name: "b", Type: duck.Boolean},
		{Name: "i", Type: duck.BigInt},
		{Name: "d", Type: duck.Double},
		{Name: "u", Type: duck.Timestamp},
		{Name: "n", Type: duck.TimestampNS},
		{Name: "s", Type: duck.Varchar},
	}
	var want [][]any
	valid := make([]bool, rows)
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for r := range rows {
		valid[r] = r%7 != 3
		row := []any{nil, r%2 == 0, int64(r), float64(r) / 2, base.Add(time.Duration(r) * time.Microsecond), base.Add(time.Duration(r)), texts[r%5]}
		bit := int64(0)
		if r%2 == 0 {
			bit = 1
		}
		cols[0].Ints = append(cols[0].Ints, bit)
		cols[1].Ints = append(cols[1].Ints, int64(r))
		cols[2].Doubles = append(cols[2].Doubles, float64(r)/2)
		cols[3].Ints = append(cols[3].Ints, base.UnixMicro()+int64(r))
		cols[4].Ints = append(cols[4].Ints, base.UnixNano()+int64(r))
		if valid[r] {
			cols[5].Text = append(cols[5].Text, texts[r%5]...)
		} else {
			row = make([]any, 7)
		}
		cols[5].Ends = append(cols[5].Ends, len(cols[5].Text))
		want = append(want, row)
	}
	for i := range cols {
		cols[i].Valid = bitmap(valid)
	}
	if err := c.Append(t.Context(), "a", "t", cols, rows); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, all(t, c, "SELECT * FROM a.t")); diff != "" {
		t.Error(diff)
	}
	if err := c.Exec(t.Context(), "DETACH a; ATTACH "+duck.Literal(path)+" AS a (READ_ONLY)"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, all(t, c, "SELECT * FROM a.t")); diff != "" {
		t.Error("after writing and reading again", diff)
	}
}

func TestLargeTextsAreCutIntoSeveralChunks(t *testing.T) {
	c := open(t)
	if err := c.Exec(t.Context(), "CREATE TABLE t(s VARCHAR, i BIGINT)"); err != nil {
		t.Fatal(err)
	}
	cols := []duck.Column{{Name: "s", Type: duck.Varchar}, {Name: "i", Type: duck.BigInt}}
	big := strings.Repeat("x", 1<<20)
	const rows = 101
	for i := range rows {
		if i%50 != 0 {
			cols[0].Text = append(cols[0].Text, big...)
		}
		cols[0].Ends = append(cols[0].Ends, len(cols[0].Text))
		cols[1].Ints = append(cols[1].Ints, int64(i))
	}
	ok := make([]bool, rows)
	for i := range ok {
		ok[i] = i%50 != 0
	}
	cols[0].Valid, cols[1].Valid = bitmap(ok), bitmap(ok)
	if err := c.Append(t.Context(), "memory", "t", cols, rows); err == nil {
		t.Log("appended to memory")
	} else if err := c.Append(t.Context(), "", "t", cols, rows); err != nil {
		t.Fatal(err)
	}
	got := all(t, c, "SELECT count(s), count(*), sum(length(s)), sum(i) FROM t")
	if diff := cmp.Diff([][]any{{int64(98), int64(101), int64(98 << 20), int64(5050 - 150)}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestARefusedAppendLeavesTheConnectionUsable(t *testing.T) {
	c := open(t)
	if err := c.Exec(t.Context(), "CREATE TABLE t(i BIGINT NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	if err := c.Append(t.Context(), "", "nope", nil, 0); err == nil {
		t.Error("a table that is not there was appended to")
	}
	cols := []duck.Column{{Name: "i", Type: duck.BigInt, Ints: []int64{0}, Valid: []uint64{0}}}
	if err := c.Append(t.Context(), "", "t", cols, 1); err == nil {
		t.Error("a null went into a NOT NULL column")
	}
	if got := all(t, c, "SELECT count(*) FROM t"); got[0][0] != int64(0) {
		t.Errorf("got %v", got)
	}
}
