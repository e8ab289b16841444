package ppl_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// FuzzParse holds that no text makes the parser panic or hang, and that what it reads it prints so that it reads the same.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, a := range ar.Files {
			if strings.HasSuffix(a.Name, ".ppl") {
				f.Add(string(a.Data))
			}
		}
	}
	for _, s := range []string{
		"", "|", "source=", "source=a | where a = -(-5)", "source=a | eval x = 1 - -1", "source=a `b` \"c\"", "source=a-* b:c",
		"source=a | where not not a | where (a, b) in [source=c]", "source=a | stats p99.5(x), count by span(1h) as s",
		"source=a | eval x = (a, b) -> a + b", "source=a | where match([a, 'b*' ^ 2], \"x\", operator='and')",
		"source=a | eval x=1d, y=1.5f, z=2e3", "source=a // c\n| head /* x */ 3", "source=a | rex field=x mode=sed 's/a/b/'",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		start := time.Now()
		defer func() {
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%d bytes took %v", len(text), took)
			}
		}()
		q, err := ppl.Parse(text)
		if err != nil {
			return
		}
		once := ppl.Format(q)
		q2, err := ppl.Parse(once)
		if err != nil {
			t.Fatalf("%q is printed as %q, which does not parse: %v", text, once, err)
		}
		if diff := cmp.Diff(shape(q.Pipeline), shape(q2.Pipeline)); diff != "" {
			t.Fatalf("%q is printed as %q, which reads otherwise (-first +second)\n%s", text, once, diff)
		}
	})
}

// shape is a tree without what does not count: places in the text, the spelling of numbers and quotes.
func shape(v any) any { return shapeOf(reflect.ValueOf(v)) }

func shapeOf(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return shapeOf(v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[syntax.Span]() {
			return nil
		}
		out := map[string]any{"": v.Type().Name()}
		for i := range v.NumField() {
			switch name := v.Type().Field(i).Name; name {
			case "Text", "Quoted", "At", "at", "node", "Node", "first", "Options", "Name":
				if name != "Name" || v.Type().Name() != "Field" {
					continue
				}
				out[name] = v.Field(i).String()
			default:
				out[name] = shapeOf(v.Field(i))
			}
		}
		return out
	case reflect.Slice:
		var out []any
		for i := range v.Len() {
			out = append(out, shapeOf(v.Index(i)))
		}
		return out
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int64:
		return v.Int()
	case reflect.Float64:
		return v.Float()
	default:
		return v.Kind().String()
	}
}

// Names and texts of the user never become SQL: whatever they hold, the query answers or fails in PPL's own words.
func TestNoNameOrTextBecomesSQL(t *testing.T) {
	m := newMemory(t)
	m.load(t, "people", nil, []byte(`{"name":"Ada","age":36}`))
	hostile := rapid.SampledFrom([]string{
		"'", "''", `"`, `""`, ";", "--", "/*", "*/", "%s", "%d", "%", `\`, "$1", "${x}", "(", ")", "[", "]", "?", "\n", "\x00", "é", "DROP TABLE t1", "SELECT", "::", "{", "}", "|", "#2", "/*over*/", "_s1", ".", "a",
	})
	rapid.Check(t, func(rt *rapid.T) {
		s := strings.Join(rapid.SliceOfN(hostile, 1, 6).Draw(rt, "parts"), "")
		name := "`" + strings.ReplaceAll(s, "`", "``") + "`"
		text := syntax.Quote(s)
		queries := []string{
			"source=people | where name = " + text,
			"source=people " + text,
			"source=people name=" + text,
			"source=people | eval " + name + " = 1 | fields " + name + " | sort - " + name,
			"source=people | eval x = " + text + " | stats count() as " + name + ", max(age) by x",
			"source=people | rename name as " + name + " | dedup " + name + " | top " + name,
			"source=people | replace " + text + " with " + text + " in name",
			"source=people | fillnull using name = " + text,
			"source=people | eval t = " + text + " | chart otherstr=" + text + " nullstr=" + text + " limit=1 count() over age by t",
			"source=people | patterns name new_field=" + text,
			"source=people | eval " + name + " = name | streamstats count() by " + name + " | transpose column_name=" + text,
		}
		for range 3 {
			q := rapid.SampledFrom(queries).Draw(rt, "query")
			if got := m.run(rt2{rt, t}, q); strings.HasPrefix(got, "run error") && !strings.Contains(got, "Invalid Input Error") {
				rt.Fatalf("%q\n%s", q, got)
			}
		}
	})
	if got := m.run(t, "source=people | fields name"); got != "name:string\n[\"Ada\"]\n" {
		t.Fatalf("the table is not what it was: %s", got)
	}
}

// rt2 is the testing.TB of a rapid check: failures go to rapid, the rest to the test.
type rt2 struct {
	rt *rapid.T
	testing.TB
}

func (r rt2) Fatal(args ...any)                 { r.rt.Fatal(args...) }
func (r rt2) Fatalf(format string, args ...any) { r.rt.Fatalf(format, args...) }
func (r rt2) Helper()                           {}

// Every comparable case of the conformance suite must at least print to what reads the same.
func TestSharedCasesPrintToTheSameTree(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "fixtures", "ppl")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("REQUIRE_LIVE") != "" {
			t.Fatalf("shared/fixtures/ppl: %v", err)
		}
		t.Skip("shared/fixtures/ppl is not there")
	}
	n := 0
	for _, q := range sharedQueries(t, dir) {
		if _, err := ppl.Parse(q); err != nil {
			continue
		}
		n++
		again(t, q)
	}
	if n < 1000 {
		t.Errorf("only %d queries parse", n)
	}
}
