package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// shop writes a small source: structured logs of cart and pay, a text log of cart (a copy) and one of a service of its own, spans,
// documents with a mapping.
func shop(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	at := time.Date(2026, 5, 27, 18, 0, 0, 0, time.UTC)
	var logs, spans, plain, own strings.Builder
	for i := range 20 {
		service := []string{"cart", "pay"}[i%2]
		logs.WriteString(logLine(i, service, fmt.Sprintf("handled request %d", i)))
		spans.WriteString(spanLine(fmt.Sprintf("t%d", i/2), fmt.Sprintf("s%d", i), "", service, at.Add(time.Duration(i)*time.Second), i%10/9*2))
		stamp := at.Add(time.Duration(i) * time.Second).Format("2006-01-02 15:04:05,000")
		fmt.Fprintf(&plain, "%s INFO [main] shop.Cart - handled request %d\n", stamp, i)
		fmt.Fprintf(&own, "%s WARN [main] db.Pool - waited %d ms\n", stamp, i)
	}
	write(t, filepath.Join(dir, "logs.jsonl.gz"), gz(t, logs.String()))
	write(t, filepath.Join(dir, "spans.jsonl"), spans.String())
	write(t, filepath.Join(dir, "cart.log"), plain.String())
	write(t, filepath.Join(dir, "database.log"), own.String())
	write(t, filepath.Join(dir, "orders.ndjson"), `{"id":"7","when":1779904800000,"total":12.5,"items":[{"sku":"a"}]}`+"\n"+`{"id":"8","when":1779904860000,"total":3}`+"\n")
	write(t, filepath.Join(dir, "orders.mapping.json"), `{"mappings":{"properties":{"id":{"type":"keyword"},"when":{"type":"date"},"total":{"type":"double"}}}}`)
	return dir
}

func TestTablesSayWhatASourceHolds(t *testing.T) {
	e := openSource(t, newStore(t, t.TempDir()), shop(t))
	tables, err := e.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, tb := range tables {
		got[tb.Name] = tb.Rows
	}
	if diff := cmp.Diff(map[string]int64{"logs": 40, "spans": 20, "plain_logs": 20, "orders": 2}, got); diff != "" {
		t.Error(diff)
	}
	at := time.Date(2026, 5, 27, 18, 0, 0, 0, time.UTC)
	if l := tables[0]; l.Name != "logs" || !l.Start.Equal(at) || !l.End.Equal(at.Add(19*time.Second)) || l.TimeField != "@timestamp" {
		t.Errorf("%+v", l)
	}
	r := query(t, e, "source=logs | stats count() as n by _file | sort _file")
	if diff := cmp.Diff([][]any{{int64(20), "database.log"}, {int64(20), "logs.jsonl.gz"}}, r.Rows); diff != "" {
		t.Error(diff)
	}
	r = query(t, e, "source=orders | fields id, when, total | sort id")
	want := [][]any{{"7", at, 12.5}, {"8", at.Add(time.Minute), 3.0}}
	if diff := cmp.Diff(want, r.Rows); diff != "" {
		t.Error(diff)
	}
}

func TestNamesOfAClusterFindTheTables(t *testing.T) {
	e := openSource(t, newStore(t, t.TempDir()), shop(t))
	for name, want := range map[string]int64{
		"logs": 40, "logs-otel-v1-*": 40, "ss4o_logs-*": 40, "otel-logs*": 40, "prod:logs-otel-v1-000001": 40, "`logs-otel-v1*`": 40, "log*": 40,
		"spans": 20, "otel-v1-apm-span-*": 20, "otel-v1-apm-span-000001": 20, "*span*": 20, "jaeger-span-2026-05-27": 20, "ss4o_traces-*": 20,
		"logs,plain_logs": 60, "plain*": 20, "order*": 2,
	} {
		if got := count(t, e, name); got != want {
			t.Errorf("%s: %d rows, want %d", name, got, want)
		}
	}
	for name, hint := range map[string]string{"lgos": "logs", "order": "orders", "span_summary": "spans", "metrics": "logs, spans", "service_map": "logs", "_skipped": "logs"} {
		_, err := e.Query(t.Context(), "source="+name, engine.Limits{})
		if fault.CodeOf(err) != fault.NotFound || !strings.Contains(fault.HintOf(err), hint) {
			t.Errorf("%s: %v (%s)", name, err, fault.HintOf(err))
		}
	}
}

func TestOtherSpellingsOfAFieldReachIt(t *testing.T) {
	e := openSource(t, newStore(t, t.TempDir()), shop(t))
	for _, q := range []string{
		"source=logs | where `resource.attributes.service@name` = 'cart' | stats count()",
		"source=logs | where resource.attributes.service.name = 'cart' | stats count()",
		"source=logs | where serviceName = 'cart' and severity.text = 'INFO' and severity.number = 9 | stats count()",
		"source=logs | where serviceName = 'cart' and `log.attributes.n` >= 0 | stats count()",
		"source=spans | where serviceName = 'cart' and `span.attributes.http@route` = '/x' | stats count()",
		"source=spans | where serviceName = 'cart' and attributes.http.route = '/x' and `@timestamp` > '2026-05-27 17:00:00' | stats count()",
	} {
		r := query(t, e, q)
		if r.Rows[0][0] != int64(10) {
			t.Errorf("%s: %v", q, r.Rows)
		}
	}
	r := query(t, e, "source=logs | head 1")
	for _, c := range r.Columns {
		if c.Name == "_file" || c.Name == "_ord" || strings.Contains(c.Name, "@name") {
			t.Errorf("%s is shown without being asked for", c.Name)
		}
	}
}

func TestFieldsCountAndListValues(t *testing.T) {
	e := openSource(t, newStore(t, t.TempDir()), shop(t))
	fields, err := e.Fields(t.Context(), "logs")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]engine.Field{}
	for _, f := range fields {
		got[f.Name] = f
	}
	want := engine.Field{Name: "severityText", Type: rows.String, Filled: 40, Top: []engine.ValueCount{{Value: "INFO", Count: 20}, {Value: "WARN", Count: 20}}}
	if diff := cmp.Diff(want, got["severityText"]); diff != "" {
		t.Error(diff)
	}
	if f := got["attributes.n"]; f.Type != rows.BigInt || f.Filled != 20 || len(f.Top) != 10 || f.Top[0] != (engine.ValueCount{Value: "0", Count: 1}) {
		t.Errorf("%+v", f)
	}
	if f := got["traceId"]; f.Name == "" {
		t.Error("a core field is missing where no file has it")
	}
	if _, err := e.Fields(t.Context(), "nope"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestAnAnswerThatFillsTheDefaultLimitIsCutOnlyWhenThereIsMore(t *testing.T) {
	for _, n := range []int{9_999, 10_000, 10_001} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "n.jsonl"), strings.Repeat("{\"colour\":\"red\"}\n", n))
		r, err := openSource(t, newStore(t, t.TempDir()), dir).Query(t.Context(), "source=n | fields colour", engine.Limits{})
		if err != nil || len(r.Rows) != min(n, 10_000) || r.Truncated != (n > 10_000) {
			t.Errorf("%d rows there: %d came, truncated %v, %v", n, len(r.Rows), r.Truncated, err)
		}
	}
}

func TestAnswersAreCutAtTheirLimits(t *testing.T) {
	e := openSource(t, newStore(t, t.TempDir()), shop(t))
	r, err := e.Query(t.Context(), "source=logs | fields body", engine.Limits{MaxRows: 7})
	if err != nil || len(r.Rows) != 7 || !r.Truncated || r.Limit != "7 rows" {
		t.Errorf("%d rows, %+v, %v", len(r.Rows), r, err)
	}
	r, err = e.Query(t.Context(), "source=logs | fields body", engine.Limits{MaxRows: 40})
	if err != nil || len(r.Rows) != 40 || r.Truncated {
		t.Errorf("%d rows, truncated %v, %v", len(r.Rows), r.Truncated, err)
	}
	r, err = e.Query(t.Context(), "source=logs | fields body", engine.Limits{MaxBytes: 100})
	if err != nil || len(r.Rows) == 0 || len(r.Rows) > 5 || !r.Truncated {
		t.Errorf("%d rows, %+v, %v", len(r.Rows), r, err)
	}
	n := 0
	cols, err := e.Stream(t.Context(), "source=logs | fields body, @timestamp", engine.Limits{}, func(row []any) error {
		n += len(row)
		return nil
	})
	if err != nil || n != 80 || len(cols) != 2 || cols[1].Type != rows.Timestamp {
		t.Errorf("%d cells, %v, %v", n, cols, err)
	}
	n = 0
	if _, err := e.Stream(t.Context(), "source=logs", engine.Limits{MaxRows: 3}, func([]any) error { n++; return nil }); err != nil || n != 3 {
		t.Errorf("%d rows, %v", n, err)
	}
	stop := errors.New("stop")
	if _, err := e.Stream(t.Context(), "source=logs", engine.Limits{}, func([]any) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestExplainShowsQuerySQLAndPlan(t *testing.T) {
	e := openSource(t, newStore(t, t.TempDir()), shop(t))
	x, err := e.Explain(t.Context(), "source=logs|where severityText='WARN'|stats count() by serviceName")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(x.Query, "| where") || !strings.Contains(x.SQL, "SELECT") || !strings.Contains(x.Plan, "SCAN") {
		t.Errorf("%+v", x)
	}
}

func TestQueriesThatAreWrongOrTooMuch(t *testing.T) {
	e := openSource(t, newStore(t, t.TempDir()), shop(t))
	cases := []struct {
		name, q string
		code    fault.Code
	}{
		{"a field that is not there", "source=logs | where svrityText = 'x'", fault.InvalidQuery},
		{"a command that is not there", "source=logs | wher x = 1", fault.InvalidQuery},
		{"a megabyte of text", "source=logs | where body = '" + strings.Repeat("x", 1<<20) + "'", fault.TooLarge},
		{"nothing", "", fault.InvalidQuery},
		{"a deep expression", "source=logs | eval x = " + strings.Repeat("(", 20_000) + "1" + strings.Repeat(")", 20_000), fault.InvalidQuery},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := e.Query(t.Context(), c.q, engine.Limits{})
			if fault.CodeOf(err) != c.code {
				t.Errorf("code %s: %.300v", fault.CodeOf(err), err)
			}
		})
	}
	t.Run("a time limit that passes", func(t *testing.T) {
		_, err := e.Query(t.Context(), "source=logs | fields body", engine.Limits{Timeout: time.Nanosecond})
		if fault.CodeOf(err) != fault.Timeout {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a caller who went away", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := e.Query(ctx, "source=logs | fields body", engine.Limits{})
		if fault.CodeOf(err) != fault.Canceled {
			t.Errorf("got %v", err)
		}
	})
	if got := count(t, e, "logs"); got != 40 {
		t.Errorf("%d rows afterwards", got)
	}
}

func TestARegexBombEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	write(t, path, logLine(0, "cart", strings.Repeat("a", 2000)+"!"))
	e := openSource(t, newStore(t, t.TempDir()), path)
	start := time.Now()
	_, err := e.Query(t.Context(), `source=logs | regex body='(a+)+$' | fields body`, engine.Limits{Timeout: 2 * time.Second})
	if time.Since(start) > 15*time.Second {
		t.Errorf("took %s: %v", time.Since(start), err)
	}
	if got := count(t, e, "logs"); got != 1 {
		t.Errorf("%d rows afterwards", got)
	}
}

func TestFilesThatAreNoDataOrDamaged(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ok.jsonl"), lines(0, 3))
	write(t, filepath.Join(dir, "empty.log"), "")
	write(t, filepath.Join(dir, "blank.log"), "\n\n  \n")
	write(t, filepath.Join(dir, "binary.log"), "\x7fELF\x02\x01\x00\x00"+strings.Repeat("\x00\xff\x13", 5000))
	whole := gz(t, lines(10, 500))
	write(t, filepath.Join(dir, "cut.jsonl.gz"), whole[:len(whole)/2])
	write(t, filepath.Join(dir, "notgzip.jsonl.gz"), "this is not gzip at all\n")
	write(t, filepath.Join(dir, "utf8.jsonl"), strings.ReplaceAll(logLine(600, "cart", "bad X byte"), "X", "\xff"))
	write(t, filepath.Join(dir, "twice.jsonl"), `{"@timestamp":"2026-05-27T18:30:00Z","body":"first","body":"second","resource":{"attributes":{"service.name":"cart"}}}`+"\n")
	write(t, filepath.Join(dir, "deep.jsonl"), strings.Repeat(`{"a":`, 50_000)+"1"+strings.Repeat("}", 50_000)+"\n"+lines(700, 702))
	write(t, filepath.Join(dir, "long.jsonl"), lines(800, 801)+`{"body":"`+strings.Repeat("x", 20<<20)+"\"}\n"+lines(801, 803))
	e := openSource(t, newStore(t, t.TempDir()), dir)
	tables, err := e.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(tables, func(tb engine.Table) bool { return tb.Name == "logs" })
	by := map[string]engine.File{}
	for _, f := range tables[i].Files {
		by[f.Path] = f
	}
	if f := by["ok.jsonl"]; f.Rows != 3 || f.Skipped != 0 {
		t.Errorf("%+v", f)
	}
	if f := by["cut.jsonl.gz"]; f.Rows < 10 || f.Rows >= 490 || f.Example == "" {
		t.Errorf("%+v", f)
	}
	if f := by["deep.jsonl"]; f.Rows != 2 || f.Skipped != 1 {
		t.Errorf("%+v", f)
	}
	if f := by["long.jsonl"]; f.Rows != 3 || f.Skipped != 1 {
		t.Errorf("%+v", f)
	}
	r := query(t, e, "source=logs | where _file = 'twice.jsonl' or _file = 'utf8.jsonl' | fields body")
	if diff := cmp.Diff([][]any{{"second"}, {"bad \uFFFD byte"}}, r.Rows); diff != "" {
		t.Error(diff)
	}
	r = query(t, e, "source=_skipped | stats count() as n by file | sort file")
	if len(r.Rows) < 2 {
		t.Errorf("skipped: %v", r.Rows)
	}
}

func TestASourceWithoutDataAnswersWithFacts(t *testing.T) {
	dir := t.TempDir()
	e := openSource(t, newStore(t, t.TempDir()), dir)
	tables, err := e.Tables(t.Context())
	if err != nil || len(tables) != 0 {
		t.Errorf("%v %v", tables, err)
	}
	if _, err := e.Query(t.Context(), "source=logs", engine.Limits{}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
	write(t, filepath.Join(dir, "new.jsonl"), lines(0, 2))
	if got := count(t, e, "logs"); got != 2 {
		t.Errorf("%d rows of a file that came later", got)
	}
}

func TestAStoreTouchesNothingBeforeItsFirstQuery(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	s, err := local.New(local.Config{CacheDir: cache, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	openSource(t, s, t.TempDir())
	if info, err := s.CacheInfo(); err != nil || len(info.Entries) != 0 {
		t.Error(info, err)
	}
	if _, err := os.Stat(cache); err == nil {
		t.Error("the cache directory was made")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), t.TempDir()); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	for _, bad := range []local.Config{{}, {CacheDir: cache}, {CacheDir: cache, Now: time.Now, Threads: -1}} {
		if _, err := local.New(bad); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestNamesThatDuckDBWouldMixUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	doc := func(attrs, more string) string {
		return `{"@timestamp":"2026-05-27T18:00:00Z","body":"x","attributes":{` + attrs + `},"resource":{"attributes":{"service.name":"a"}}` + more + "}\n"
	}
	write(t, path, doc(`"User":"upper","user":"lower","USER":3`, ``)+
		doc(`"user":"second","":"nameless","quo\"te":"q","semi;colon":"s","rowid":"r"`, `,"_line":"mine","_file":7,"rowid":"row","_ord":true`)+
		doc(`"USER":4`, ``))
	e := openSource(t, newStore(t, t.TempDir()), path)
	r := query(t, e, "source=logs | fields attributes.User, _line, _file")
	if diff := cmp.Diff([][]any{{"upper", int64(1), "a.jsonl"}, {nil, int64(2), "a.jsonl"}, {nil, int64(3), "a.jsonl"}}, r.Rows); diff != "" {
		t.Error(diff)
	}
	for field, want := range map[string][]any{
		"attributes.user": {"lower", "second", nil}, "attributes.USER": {int64(3), nil, int64(4)}, "`attributes.quo\"te`": {nil, "q", nil},
		"`attributes.semi;colon`": {nil, "s", nil},
	} {
		r := query(t, e, "source=logs | fields "+field)
		got := []any{r.Rows[0][0], r.Rows[1][0], r.Rows[2][0]}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(field, diff)
		}
	}
	if r := query(t, e, "source=logs"); len(r.Rows) != 3 {
		t.Errorf("%d rows", len(r.Rows))
	}
	if _, err := e.Fields(t.Context(), "logs"); err != nil {
		t.Error(err)
	}
}

func TestACacheSmallerThanTheSourceStillServes(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.jsonl"), lines(0, 2000))
	write(t, filepath.Join(dir, "b.jsonl"), lines(2000, 4000))
	s, err := local.New(local.Config{CacheDir: t.TempDir(), CacheLimitBytes: 1, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e := openSource(t, s, dir)
	for range 3 {
		if got := count(t, e, "logs"); got != 4000 {
			t.Fatalf("%d rows", got)
		}
	}
}

func TestFilesThatGaveNothingAreSaid(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "binary.log"), "\x7fELF"+strings.Repeat("\x00\x01\xff", 1000))
	write(t, filepath.Join(dir, "empty.log"), "")
	e := openSource(t, newStore(t, t.TempDir()), dir)
	_, err := e.Query(t.Context(), "source=logs", engine.Limits{})
	if fault.CodeOf(err) != fault.NotFound || !strings.Contains(fault.HintOf(err), "binary.log") || !strings.Contains(fault.HintOf(err), "empty.log") {
		t.Errorf("%v (%s)", err, fault.HintOf(err))
	}
	write(t, filepath.Join(dir, "ok.jsonl"), lines(0, 1))
	tables, err := e.Tables(t.Context())
	if err != nil || len(tables) != 1 || !slices.ContainsFunc(tables[0].Notes, func(n string) bool { return strings.Contains(n, "binary.log") }) {
		t.Errorf("%+v %v", tables, err)
	}
}

func TestDocumentsAreNamedAfterTheirFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one/alert.json", "two/alert.json", "two/deep/alert.json", "orders.ndjson", "logs.json", "odd name (1).json"} {
		write(t, filepath.Join(dir, name), `{"file":"`+name+`"}`+"\n")
	}
	e := openSource(t, newStore(t, t.TempDir()), dir)
	tables, err := e.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tb := range tables {
		got = append(got, tb.Name)
	}
	want := []string{"logs_docs", "odd_name__1_", "one_alert", "orders", "two_alert", "two_deep_alert"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	r := query(t, e, "source=two_deep_alert | fields file")
	if diff := cmp.Diff([][]any{{"two/deep/alert.json"}}, r.Rows); diff != "" {
		t.Error(diff)
	}
}
