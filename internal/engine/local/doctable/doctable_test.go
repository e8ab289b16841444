package doctable_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/doctable"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
)

func connect(t *testing.T) *sql.Conn {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// load builds a table of the documents, one a line.
func load(t *testing.T, conn *sql.Conn, mapping, docs string, opt doctable.Options) *catalog.Table {
	t.Helper()
	b, err := doctable.New(t.Context(), conn, "t", []byte(mapping), opt)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(docs), "\n") {
		if err := b.Add([]byte(strings.TrimSpace(line))); err != nil {
			t.Fatal(err)
		}
	}
	table, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// shape is the visible columns as "name type", with marks.
func shape(table *catalog.Table, hidden bool) []string {
	var out []string
	for _, c := range table.Columns {
		if c.Hidden != hidden || strings.HasPrefix(c.Name, "_") {
			continue
		}
		s := c.Name + " " + string(c.Type)
		if c.Elem != "" {
			s += " of " + string(c.Elem)
		}
		if c.Text {
			s += " text"
		}
		if c.Nanos {
			s += " nanos"
		}
		if c.JSON {
			s += " json"
		}
		out = append(out, s)
	}
	return out
}

// cells reads the named columns as text, a row a string.
func cells(t *testing.T, conn *sql.Conn, table *catalog.Table, names ...string) []string {
	t.Helper()
	var exprs []string
	for _, n := range names {
		found := false
		for _, c := range table.Columns {
			if c.Name == n {
				exprs, found = append(exprs, "coalesce(CAST("+c.SQL+" AS VARCHAR), 'null')"), true
			}
		}
		if !found {
			t.Fatalf("no column %s in %v", n, shape(table, false))
		}
	}
	rows, err := conn.QueryContext(t.Context(), fmt.Sprintf("SELECT concat_ws('|', %s) FROM %s ORDER BY %s", strings.Join(exprs, ", "), table.From, table.Order))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

func TestShapesWithoutAMapping(t *testing.T) {
	for _, tc := range []struct {
		name, docs string
		want       []string
		read       []string
		rows       []string
	}{
		{
			"plain values get the types of dynamic mapping",
			`{"n": 1, "d": 2.5, "b": true, "s": "x", "at": "2024-01-02T03:04:05.678Z"}`,
			[]string{"n bigint", "d double", "b boolean", "s string text", "at timestamp"},
			[]string{"n", "d", "b", "s", "s.keyword", "at"},
			[]string{"1|2.5|true|x|x|2024-01-02 03:04:05.678"},
		},
		{
			"nested objects and dotted keys are one path",
			"{\"a\": {\"b\": {\"c\": 1}}}\n{\"a.b\": {\"c\": 2}}\n{\"a.b.c\": 3}",
			[]string{"a.b.c bigint"},
			[]string{"a.b.c"},
			[]string{"1", "2", "3"},
		},
		{
			"a path may be leaf and prefix",
			"{\"a\": \"leaf\"}\n{\"a\": {\"b\": 2}}",
			[]string{"a string text", "a.b bigint"},
			[]string{"a", "a.b"},
			[]string{"leaf|null", "null|2"},
		},
		{
			"values that disagree widen the column",
			"{\"n\": 1, \"m\": 1, \"at\": \"2024-01-02\"}\n{\"n\": 1.5, \"m\": \"x\", \"at\": \"soon\"}",
			[]string{"n double", "m string text", "at string text"},
			[]string{"n", "m", "at"},
			[]string{"1.0|1|2024-01-02", "1.5|x|soon"},
		},
		{
			"arrays of plain values are lists, of objects JSON with a look into the first",
			`{"tags": ["a", "b"], "items": [{"id": 7, "n": "x"}, {"id": 8}]}` + "\n" + `{"tags": "c"}`,
			[]string{"tags array of string text", "items array of struct json"},
			[]string{"tags", "items.id", "items.n"},
			[]string{"[a, b]|7|x", "[c]|null|null"},
		},
		{
			"nanoseconds are kept when there are some",
			"{\"at\": \"2024-01-02T03:04:05Z\"}\n{\"at\": \"2024-01-02T03:04:05.123456789Z\"}",
			[]string{"at timestamp nanos"},
			[]string{"at"},
			[]string{"2024-01-02 03:04:05", "2024-01-02 03:04:05.123456789"},
		},
		{
			"nulls and empty arrays are missing values, escapes are undone",
			`{"a": null, "b": [], "s": "tab\t\u00e9\ud83d\ude00\"", "n": -12e3}`,
			[]string{"s string text", "n double"},
			[]string{"s", "n"},
			[]string{"tab\té😀\"|-12000.0"},
		},
		{
			"numbers beyond 64 bits are double, bare numbers in text are no dates",
			`{"big": 18446744073709551615, "year": "2024"}`,
			[]string{"big double", "year string text"},
			[]string{"big", "year"},
			[]string{"1.8446744073709552e+19|2024"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conn := connect(t)
			table := load(t, conn, "", tc.docs, doctable.Options{})
			if diff := cmp.Diff(tc.want, shape(table, false)); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.rows, cells(t, conn, table, tc.read...)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestShapesWithAMapping(t *testing.T) {
	mapping := `{"mappings": {"properties": {
		"i": {"type": "integer"}, "h": {"type": "half_float"}, "k": {"type": "keyword"},
		"t": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
		"o": {"properties": {"in": {"type": "long"}}}, "list": {"type": "nested", "properties": {"x": {"type": "integer"}}},
		"ip": {"type": "ip"}, "where": {"type": "geo_point"}, "other": {"type": "alias", "path": "i"},
		"day": {"type": "date", "format": "yyyy-MM-dd"}, "clock": {"type": "date", "format": "HH:mm:ss"},
		"sec": {"type": "date", "format": "epoch_second"}, "any": {"type": "date"}, "ns": {"type": "date_nanos"},
		"odd": {"type": "date", "format": "dd/MMM/yyyy hh:mm a||basic_week_date"}, "never": {"type": "short"}, "flat": {"type": "flat_object"}}}}`
	docs := `{"i": "7", "h": 1.5, "k": 12, "t": "some words", "o": {"in": 3}, "list": [{"x": 4}], "ip": "::1", "where": "40.71,74.00", "day": "2024-02-29", "clock": "13:14:15", "sec": 1700000000, "any": 1700000000123, "ns": "2024-01-01T00:00:00.000000001Z", "odd": "05/Mar/2021 01:02 PM", "flat": {"a": {"b": 1}}}
{"i": 8.9, "where": [74, 40], "list": {"x": 5}, "odd": "1984W154", "new": 1}`
	conn := connect(t)
	table := load(t, conn, mapping, docs, doctable.Options{})
	want := []string{
		"i int", "h float", "k string", "t string text", "o.in bigint", "list array of struct json", "ip ip", "where geo_point json",
		"day date", "clock time", "sec timestamp", "any timestamp", "ns timestamp nanos", "odd timestamp", "never smallint", "flat struct json", "new bigint",
	}
	if diff := cmp.Diff(want, shape(table, false)); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"t.raw string", "list.x int", "other int"}, shape(table, true)); diff != "" {
		t.Errorf("hidden columns (-want +got):\n%s", diff)
	}
	got := cells(t, conn, table, "i", "h", "k", "t.raw", "o.in", "list", "list.x", "where", "day", "clock", "sec", "any", "ns", "odd", "other", "never", "flat", "_index")
	rows := []string{
		`7|1.5|12|some words|3|[{"x": 4}]|4|{"lat":40.71,"lon":74.00}|2024-02-29|13:14:15|2023-11-14 22:13:20|2023-11-14 22:13:20.123|2024-01-01 00:00:00.000000001|2021-03-05 13:02:00|7|null|{"a": {"b": 1}}|t`,
		`8|null|null|null|null|[{"x": 5}]|5|{"lat":40,"lon":74}|null|null|null|null|null|1984-04-12 00:00:00|8|null|null|t`,
	}
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestColumnsThatComeAndWidenAfterTheFirstBatch(t *testing.T) {
	conn := connect(t)
	b, err := doctable.New(t.Context(), conn, "t", nil, doctable.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const n = 20000
	for i := range n {
		doc := fmt.Sprintf(`{"v": %d, "at": "2024-01-01T00:00:00Z", "l": "a"}`, i)
		if i == n-1 {
			doc = `{"v": "text", "at": "2024-01-01T00:00:00.000000001Z", "l": ["b", "c"], "late": {"x": 1}}`
		}
		if err := b.Add([]byte(doc)); err != nil {
			t.Fatal(err)
		}
	}
	table, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"v string text", "at timestamp nanos", "l array of string text", "late.x bigint"}
	if diff := cmp.Diff(want, shape(table, false)); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	got := cells(t, conn, table, "v", "at", "l", "late.x")
	if len(got) != n || got[0] != "0|2024-01-01 00:00:00|[a]|null" || got[n-1] != "text|2024-01-01 00:00:00.000000001|[b, c]|1" {
		t.Errorf("got %d rows, first %q, last %q", len(got), got[0], got[len(got)-1])
	}
}

func TestFieldsBeyondTheLimitShareOneColumn(t *testing.T) {
	conn := connect(t)
	table := load(t, conn, "", `{"a": 1, "b": 2, "c": {"d": "x", "e": [1, 2]}}`+"\n"+`{"a": 3, "c.d": "y"}`, doctable.Options{MaxColumns: 2})
	if diff := cmp.Diff([]string{"a bigint", "b bigint"}, shape(table, false)); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`1|2|{"c.d":"x","c.e":[1,2]}`, `3|null|{"c.d":"y"}`}, cells(t, conn, table, "a", "b", doctable.Overflow)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestABrokenDocumentIsAnErrorAndNoRow(t *testing.T) {
	conn := connect(t)
	b, err := doctable.New(t.Context(), conn, "t", nil, doctable.Options{})
	if err != nil {
		t.Fatal(err)
	}
	deep := strings.Repeat(`{"a":`, 2000) + "1" + strings.Repeat("}", 2000)
	for _, bad := range []string{``, `[]`, `7`, `{"a": }`, `{"a": 1`, `{"a": 1} x`, `{"a": "x`, `{"a": "\x"}`, `{"a": "\u12"}`, `{"a": 1-}`, `{"a" 1}`, `{"a": tru}`, `{"a": [1 2]}`, deep} {
		if err := b.Add([]byte(bad)); err == nil {
			t.Errorf("no error for %.40q", bad)
		}
	}
	if err := b.Add([]byte("{\"a\": 1, \"a\": 2, \"bad\": \"\xff\", \"..\": 3, \"x.\": 4}")); err != nil {
		t.Fatal(err)
	}
	table, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"2|\uFFFD"}, cells(t, conn, table, "a", "bad")); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestAnEmptyTableHasItsMappingsColumns(t *testing.T) {
	conn := connect(t)
	b, err := doctable.New(t.Context(), conn, "t", []byte(`{"properties": {"a": {"type": "long"}}}`), doctable.Options{Index: "logs-x"})
	if err != nil {
		t.Fatal(err)
	}
	table, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if got := cells(t, conn, table, "a", "_index"); len(got) != 0 || table.Name != "logs-x" {
		t.Errorf("got %v of %s", got, table.Name)
	}
}

func FuzzADocumentNeverPanics(f *testing.F) {
	for _, s := range []string{`{"a": [1, {"b": null}], "c": "2024-01-01"}`, `{"a.b": {"c": [[1], "x"]}}`, `{"": 1, "a..b": 2}`, `{"x": -1.5e300}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		conn := connect(t)
		b, err := doctable.New(t.Context(), conn, "t", nil, doctable.Options{MaxColumns: 8})
		if err != nil {
			t.Fatal(err)
		}
		_ = b.Add(doc)
		_ = b.Add([]byte(`{"a": 1, "c": "x", "x": "y"}`))
		if _, err := b.Finish(); err != nil {
			t.Fatalf("finish after %q: %v", doc, err)
		}
	})
}
