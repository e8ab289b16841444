package ppl_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/doctable"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/udf"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/ppl/command"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// clock is what now is in all tests.
const clock = "2024-02-01 10:00:00.000000"

// memory is an engine for tests: tables of JSON documents in an in-memory DuckDB.
type memory struct {
	conn   *sql.Conn
	tables map[string]*catalog.Table
}

func newMemory(tb testing.TB) *memory {
	tb.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		tb.Fatal(err)
	}
	conn, err := db.Conn(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = conn.Close()
		_ = db.Close()
	})
	if err := udf.Register(tb.Context(), conn, ppl.UDFs()); err != nil {
		tb.Fatal(err)
	}
	return &memory{conn, map[string]*catalog.Table{}}
}

func (m *memory) Lookup(_ context.Context, name string) (*catalog.Table, error) {
	if t := m.tables[name]; t != nil {
		return t, nil
	}
	return nil, fault.New(fault.NotFound, "no such index [%s]", name)
}

func (m *memory) load(tb testing.TB, name string, mapping, lines []byte) {
	tb.Helper()
	b, err := doctable.New(tb.Context(), m.conn, name, mapping, doctable.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if err := b.Add([]byte(line)); err != nil {
			tb.Fatalf("%s: %v", line, err)
		}
	}
	if m.tables[name], err = b.Finish(); err != nil {
		tb.Fatal(err)
	}
}

func (m *memory) probe(ctx context.Context, sql string) (out []any, err error) {
	rs, err := m.conn.QueryContext(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rs.Close() }()
	for rs.Next() {
		var v any
		if err := rs.Scan(&v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rs.Err()
}

// shared is an engine with the tables that all scripts share.
func shared(tb testing.TB) *memory {
	tb.Helper()
	ar, err := txtar.ParseFile("testdata/data.tables")
	if err != nil {
		tb.Fatal(err)
	}
	m := newMemory(tb)
	for _, f := range ar.Files {
		m.load(tb, strings.TrimSuffix(f.Name, ".ndjson"), nil, f.Data)
	}
	return m
}

// run answers a query as text: a line of columns with types, then a line of JSON for each row; or the error.
func (m *memory) run(tb testing.TB, text string) string {
	tb.Helper()
	return m.answer(tb, text, false)
}

// answer is run with each command as a SELECT of its own, if plain.
func (m *memory) answer(tb testing.TB, text string, plain bool) string {
	tb.Helper()
	q, err := ppl.Parse(text)
	if err != nil {
		return failure(err)
	}
	opt := ppl.DefaultOptions(clock)
	opt.Probe, opt.Plain = m.probe, plain
	p, err := ppl.Compile(tb.Context(), q, m, opt)
	if err != nil {
		return failure(err)
	}
	rs, err := m.conn.QueryContext(tb.Context(), p.SQL)
	if err != nil {
		return "run error: " + err.Error() + "\n" + p.SQL + "\n"
	}
	defer func() { _ = rs.Close() }()
	var b strings.Builder
	for i, c := range p.Columns {
		if i > 0 {
			b.WriteString(" | ")
		}
		b.WriteString(c.Name + ":" + string(c.Type))
	}
	b.WriteByte('\n')
	for rs.Next() {
		cells := make([]any, len(p.Columns))
		ptrs := make([]any, len(cells))
		for i := range cells {
			ptrs[i] = &cells[i]
		}
		if err := rs.Scan(ptrs...); err != nil {
			return "run error: " + err.Error() + "\n"
		}
		for i := range cells {
			cells[i] = cell(cells[i], p.Columns[i].Type)
		}
		j, err := json.Marshal(cells)
		if err != nil {
			tb.Fatal(err)
		}
		b.Write(j)
		b.WriteByte('\n')
	}
	if err := rs.Err(); err != nil {
		return "run error: " + err.Error() + "\n"
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(b.String())
}

func failure(err error) string {
	out := "error " + string(fault.CodeOf(err)) + ": " + err.Error() + "\n"
	if h := fault.HintOf(err); h != "" {
		out += "hint: " + h + "\n"
	}
	return out
}

func cell(v any, typ rows.Type) any {
	switch x := v.(type) {
	case time.Time:
		switch typ {
		case rows.Date:
			return x.Format(time.DateOnly)
		case rows.Time:
			return x.Format("15:04:05.999999")
		default:
			return x.Format("2006-01-02 15:04:05.999999999")
		}
	case string:
		var j any
		if (typ == rows.Struct || typ == rows.Array) && json.Unmarshal([]byte(x), &j) == nil {
			return j
		}
	}
	return v
}

// Each script holds tables (NAME.ndjson, with NAME.mapping.json where it has one) and pairs of files N.ppl and N.want.
// UPDATE=1 writes what is answered as what is wanted: read the difference before it is committed.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { script(t, file) })
	}
}

func script(t *testing.T, file string) {
	t.Helper()
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if common, err := txtar.ParseFile("testdata/data.tables"); err == nil {
		ar.Files = append(ar.Files, common.Files...)
	}
	m := newMemory(t)
	byName := map[string][]byte{}
	for _, f := range ar.Files {
		byName[f.Name] = f.Data
	}
	for _, f := range ar.Files {
		if name, ok := strings.CutSuffix(f.Name, ".ndjson"); ok {
			m.load(t, name, byName[name+".mapping.json"], f.Data)
		}
	}
	var out []txtar.File
	queries := 0
	for _, f := range ar.Files {
		name, ok := strings.CutSuffix(f.Name, ".ppl")
		if !ok {
			continue
		}
		queries++
		got := m.run(t, strings.TrimSuffix(string(f.Data), "\n"))
		out = append(out, f, txtar.File{Name: name + ".want", Data: []byte(got)})
		if os.Getenv("UPDATE") == "" {
			if diff := cmp.Diff(string(byName[name+".want"]), got); diff != "" {
				t.Errorf("%s %s\n%s(-want +got)\n%s", file, name, f.Data, diff)
			}
		}
		again(t, string(f.Data))
	}
	if queries == 0 {
		t.Error("the script has no query")
	}
	if os.Getenv("UPDATE") != "" {
		update(t, file, out)
	}
}

// again holds that a query printed and read again prints the same.
func again(t *testing.T, text string) {
	t.Helper()
	q, err := ppl.Parse(text)
	if err != nil {
		return
	}
	once := ppl.Format(q)
	q2, err := ppl.Parse(once)
	if err != nil {
		t.Errorf("%s\nis printed as\n%s\nwhich does not parse: %v", text, once, err)
		return
	}
	if twice := ppl.Format(q2); twice != once {
		t.Errorf("printed twice it differs:\n%s\n%s", once, twice)
	}
}

func update(t *testing.T, file string, out []txtar.File) {
	t.Helper()
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var kept []txtar.File
	for _, f := range ar.Files {
		if !strings.HasSuffix(f.Name, ".ppl") && !strings.HasSuffix(f.Name, ".want") {
			kept = append(kept, f)
		}
	}
	ar.Files = slices.Concat(kept, out)
	if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEveryCommandHasAFileAndAScript(t *testing.T) {
	helpers := []string{"all.go", "command.go", "doc.go", "push.go", "udf.go", "grok_patterns.go"}
	var named []string
	for _, s := range command.All() {
		named = append(named, s.Name+".go")
		if _, err := os.Stat("testdata/" + s.Name + ".txtar"); err != nil {
			t.Errorf("the command %s has no script: %v", s.Name, err)
		}
		if s.Syntax == "" || s.Doc == "" || s.Parse == nil {
			t.Errorf("the command %s is not described", s.Name)
		}
	}
	files, err := filepath.Glob("command/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		base := filepath.Base(f)
		if !slices.Contains(helpers, base) && !slices.Contains(named, base) && !strings.HasSuffix(base, "_test.go") {
			t.Errorf("%s is no command of All and no known helper", f)
		}
	}
	for _, n := range named {
		if !slices.Contains(files, filepath.Join("command", n)) {
			t.Errorf("the command in All has no file command/%s", n)
		}
	}
}

func TestAMegabyteOfPPL(t *testing.T) {
	tests := map[string]string{
		"a megabyte of nested parentheses": "source=a | where " + strings.Repeat("(", 1<<19),
		"a megabyte of nested not":         "source=a | where " + strings.Repeat("not ", 1<<18) + "x",
		"a megabyte of sub-searches":       strings.Repeat("source=[", 1<<16),
		"a megabyte of pipes":              "source=a " + strings.Repeat("| head 1 ", 1<<16),
		"a megabyte of sums":               "source=a | eval x=1" + strings.Repeat("+1", 1<<18),
		"a megabyte of minus signs":        "source=a | eval x=" + strings.Repeat("- ", 1<<18) + "1",
		"an open quote":                    "source=a | where x='" + strings.Repeat("a", 1<<19),
		"more than a megabyte":             "source=a | where x='" + strings.Repeat("a", 1<<20) + "'",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := ppl.Parse(text)
			if err == nil {
				t.Fatal("no error")
			}
			if code := fault.CodeOf(err); code != fault.InvalidQuery && code != fault.TooLarge {
				t.Errorf("code %s", code)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
	t.Run("a long list of values is answered", func(t *testing.T) {
		m := newMemory(t)
		m.load(t, "a", nil, []byte(`{"x":1}`))
		var b strings.Builder
		for i := range 100_000 {
			fmt.Fprintf(&b, "%d,", i)
		}
		if got := m.run(t, "source=a | where x in ("+b.String()+"0) | stats count() as n"); got != "n:bigint\n[1]\n" {
			t.Errorf("got %.200s", got)
		}
	})
}

// sharedQueries returns the queries of the conformance suite.
func sharedQueries(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "cases_*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			var c struct {
				Query string `json:"query"`
			}
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				t.Fatal(err)
			}
			out = append(out, c.Query)
		}
	}
	return out
}
