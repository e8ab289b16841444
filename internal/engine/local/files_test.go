package local_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// logLine is a log document of OpenSearch's OTel form.
func logLine(i int, service, body string) string {
	at := time.Date(2026, 5, 27, 18, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Second).Format(time.RFC3339Nano)
	return fmt.Sprintf(`{"@timestamp":%q,"severityText":"INFO","severityNumber":9,"body":%q,"traceId":"","spanId":"","attributes":{"n":%d},"resource":{"attributes":{"service.name":%q}}}`,
		at, body, i, service) + "\n"
}

// spanLine is a span document of OpenSearch's OTel form.
func spanLine(trace, span, parent, service string, at time.Time, status int) string {
	return fmt.Sprintf(`{"traceId":%q,"spanId":%q,"parentSpanId":%q,"name":"op","kind":"SPAN_KIND_SERVER","serviceName":%q,"startTime":%q,"endTime":%q,"durationInNanos":1000000,"status":{"code":%d},"attributes":{"http.route":"/x"},"resource":{"attributes":{"service.name":%q}},"events":[],"links":[]}`,
		trace, span, parent, service, at.Format(time.RFC3339Nano), at.Add(time.Millisecond).Format(time.RFC3339Nano), status, service) + "\n"
}

func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

func appendTo(tb testing.TB, path, text string) {
	tb.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
}

func gz(tb testing.TB, text string) string {
	tb.Helper()
	var b strings.Builder
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// count returns the number of rows of a table.
func count(tb testing.TB, e engine.Engine, table string) int64 {
	tb.Helper()
	r := query(tb, e, "source="+table+" | stats count() as n")
	n, ok := r.Rows[0][0].(int64)
	if !ok {
		tb.Fatalf("count is %v", r.Rows)
	}
	return n
}

func lines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(logLine(i, "cart", fmt.Sprintf("line %d", i)))
	}
	return b.String()
}

func TestAFileThatChangesIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.jsonl")
	write(t, path, lines(0, 3))
	e := openSource(t, newStore(t, t.TempDir()), path)
	if got := count(t, e, "logs"); got != 3 {
		t.Fatalf("%d rows", got)
	}
	write(t, path, lines(100, 102))
	if err := os.Chtimes(path, time.Now(), time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	r := query(t, e, "source=logs | fields body")
	if diff := cmp.Diff([][]any{{"line 100"}, {"line 101"}}, r.Rows); diff != "" {
		t.Error(diff)
	}
}

func TestAFileThatGrowsIsFollowed(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "a.jsonl")
	write(t, path, lines(0, 500))
	s := newStore(t, cache)
	e := openSource(t, s, path)
	want := int64(500)
	if got := count(t, e, "logs"); got != want {
		t.Fatalf("%d rows, want %d", got, want)
	}
	for i := range 40 {
		n := 1 + i%7
		appendTo(t, path, lines(int(want), int(want)+n))
		want += int64(n)
		if got := count(t, e, "logs"); got != want {
			t.Fatalf("after step %d: %d rows, want %d", i, got, want)
		}
	}
	r := query(t, e, "source=logs | fields attributes.n, _line, _file")
	for i, row := range r.Rows {
		if diff := cmp.Diff([]any{int64(i), int64(i + 1), "a.jsonl"}, row); diff != "" {
			t.Fatal(diff)
		}
	}
	again := openSource(t, newStore(t, cache), path)
	if got := count(t, again, "logs"); got != want {
		t.Errorf("another store on the cache sees %d rows, want %d", got, want)
	}
}

func TestALineThatIsStillBeingWrittenIsReadWhenItIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	whole := logLine(3, "cart", "the last line")
	write(t, path, lines(0, 3)+whole[:40])
	e := openSource(t, newStore(t, t.TempDir()), path)
	if got := count(t, e, "logs"); got != 3 {
		t.Fatalf("%d rows", got)
	}
	appendTo(t, path, whole[40:])
	if got := count(t, e, "logs"); got != 4 {
		t.Errorf("%d rows", got)
	}
	tables, err := e.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := tables[0].Files[0]
	if f.Skipped != 0 || f.Rows != 4 {
		t.Errorf("got %+v", f)
	}
}

func TestAFileThatVanishesIsSaidAndOtherQueriesGoOn(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.jsonl"), lines(0, 3))
	write(t, filepath.Join(dir, "b.jsonl"), lines(3, 5))
	s := newStore(t, t.TempDir())
	all, one := openSource(t, s, dir), openSource(t, s, filepath.Join(dir, "b.jsonl"))
	if a, b := count(t, all, "logs"), count(t, one, "logs"); a != 5 || b != 2 {
		t.Fatal(a, b)
	}
	if err := os.Remove(filepath.Join(dir, "b.jsonl")); err != nil {
		t.Fatal(err)
	}
	if got := count(t, all, "logs"); got != 3 {
		t.Errorf("%d rows are left", got)
	}
	_, err := one.Query(t.Context(), "source=logs", engine.Limits{})
	if fault.CodeOf(err) != fault.NotFound || !strings.Contains(err.Error(), "gone") {
		t.Errorf("got %v", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := all.Tables(t.Context()); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestNamesOfSources(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "logs.jsonl"), lines(0, 2))
	write(t, filepath.Join(dir, "sub", "more.jsonl.gz"), gz(t, lines(2, 5)))
	write(t, filepath.Join(dir, "README.md"), "# not data\n")
	write(t, filepath.Join(dir, ".hidden", "x.jsonl"), lines(0, 9))
	s := newStore(t, t.TempDir())
	for name, want := range map[string]int64{dir: 5, filepath.Join(dir, "logs.jsonl"): 2, filepath.Join(dir, "*", "*.gz"): 3, dir + "/sub/": 3} {
		if got := count(t, openSource(t, s, name), "logs"); got != want {
			t.Errorf("%s: %d rows, want %d", name, got, want)
		}
	}
	bad := []struct{ name, hint string }{
		{filepath.Join(dir, "log.jsonl"), "logs.jsonl"},
		{filepath.Join(dir, "sbu", "more.jsonl.gz"), "sub"},
		{filepath.Join(dir, "*.parquet"), "logs.jsonl"},
	}
	for _, b := range bad {
		_, err := s.Open(t.Context(), b.name)
		if fault.CodeOf(err) != fault.NotFound || !strings.Contains(fault.HintOf(err), b.hint) {
			t.Errorf("%s: %v (%s)", b.name, err, fault.HintOf(err))
		}
	}
	for _, name := range []string{"", "/dev/null", filepath.Join(dir, "[a")} {
		if _, err := s.Open(t.Context(), name); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAttributeTypesWidenWhereValuesDisagree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	doc := func(attrs string) string {
		return `{"@timestamp":"2026-05-27T18:00:00Z","body":"x","attributes":{` + attrs + `},"resource":{"attributes":{"service.name":"a"}}}` + "\n"
	}
	write(t, path, doc(`"i":1,"f":1,"s":1,"b":true,"l":[1,2]`)+doc(`"i":2,"f":2.5,"s":"two","b":"no","l":["x"]`)+doc(`"new":"late"`)+doc(`"i":null,"s":2.5`))
	e := openSource(t, newStore(t, t.TempDir()), path)
	r := query(t, e, "source=logs | fields attributes.i, attributes.f, attributes.s, attributes.b, attributes.l, attributes.new")
	types := []string{}
	for _, c := range r.Columns {
		types = append(types, string(c.Type))
	}
	if diff := cmp.Diff([]string{"bigint", "double", "string", "string", "array", "string"}, types); diff != "" {
		t.Error(diff)
	}
	want := [][]any{
		{int64(1), 1.0, "1", "true", []any{int64(1), int64(2)}, nil},
		{int64(2), 2.5, "two", "no", []any{"x"}, nil},
		{nil, nil, nil, nil, nil, "late"},
		{nil, nil, "2.5", nil, nil, nil},
	}
	if diff := cmp.Diff(want, r.Rows); diff != "" {
		t.Error(diff)
	}
}

func TestTypesAlsoWidenBetweenFilesAndBatches(t *testing.T) {
	dir := t.TempDir()
	doc := func(v string) string {
		return `{"@timestamp":"2026-05-27T18:00:00Z","body":"x","attributes":{"v":` + v + `},"resource":{"attributes":{"service.name":"a"}}}` + "\n"
	}
	var b strings.Builder
	for range 70_000 { // more than one batch
		b.WriteString(doc("7"))
	}
	write(t, filepath.Join(dir, "a.jsonl"), b.String()+doc(`7.5`)+doc(`"text"`))
	write(t, filepath.Join(dir, "b.jsonl"), doc("true"))
	e := openSource(t, newStore(t, t.TempDir()), dir)
	r := query(t, e, "source=logs | stats count() as n by attributes.v | sort attributes.v")
	want := [][]any{{int64(70_000), "7"}, {int64(1), "7.5"}, {int64(1), "text"}, {int64(1), "true"}}
	if diff := cmp.Diff(want, r.Rows); diff != "" {
		t.Error(diff)
	}
}

func TestNamesBeyondTheColumnLimitStayReachable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	var attrs []string
	for i := range 700 {
		attrs = append(attrs, fmt.Sprintf(`"k%03d":"v%d"`, i, i))
	}
	write(t, path, `{"@timestamp":"2026-05-27T18:00:00Z","body":"x","attributes":{`+strings.Join(attrs, ",")+`},"resource":{"attributes":{"service.name":"a"}}}`+"\n")
	e := openSource(t, newStore(t, t.TempDir()), path)
	r := query(t, e, "source=logs | fields attributes.k000, attributes.k699 | where attributes.k699 = 'v699'")
	if diff := cmp.Diff([][]any{{"v0", "v699"}}, r.Rows); diff != "" {
		t.Error(diff)
	}
	fields, err := e.Fields(t.Context(), "logs")
	if err != nil || len(fields) > 530 {
		t.Errorf("%d fields, %v", len(fields), err)
	}
}

func TestNanosecondsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	at := time.Date(2026, 5, 27, 18, 0, 0, 123456789, time.UTC)
	write(t, path, spanLine("t1", "s1", "", "a", at, 0)+spanLine("t1", "s2", "s1", "a", at.Truncate(time.Second), 2))
	e := openSource(t, newStore(t, t.TempDir()), path)
	r := query(t, e, "source=spans | fields startTime")
	if diff := cmp.Diff([][]any{{at}, {at.Truncate(time.Second)}}, r.Rows); diff != "" {
		t.Error(diff)
	}
}

func TestSpansInTwoFilesCountOnce(t *testing.T) {
	at := time.Date(2026, 5, 27, 18, 0, 0, 0, time.UTC)
	var full, subset, mixed strings.Builder
	for i := range 100 {
		l := spanLine(fmt.Sprintf("t%d", i/10), fmt.Sprintf("s%d", i), "", "a", at.Add(time.Duration(i)*time.Second), 0)
		full.WriteString(l)
		if i%5 == 0 {
			subset.WriteString(l)
			mixed.WriteString(l)
		}
	}
	mixed.WriteString(spanLine("t99", "new", "", "a", at, 0))
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.jsonl"), full.String())
	write(t, filepath.Join(dir, "b.jsonl"), subset.String())
	e := openSource(t, newStore(t, t.TempDir()), dir)
	if got := count(t, e, "spans"); got != 100 {
		t.Errorf("%d spans", got)
	}
	r := query(t, e, "source=spans | head 1")
	if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "all 20 spans of b.jsonl") }) {
		t.Errorf("notes %q", r.Notes)
	}
	write(t, filepath.Join(dir, "c.jsonl"), mixed.String())
	if got := count(t, e, "spans"); got != 101 {
		t.Errorf("%d spans", got)
	}
	tables, err := e.Tables(t.Context())
	if err != nil || tables[0].Rows != 101 {
		t.Errorf("%+v %v", tables, err)
	}
}

func TestManyReadersAndTwoStoresOnOneCache(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	for i := range 6 {
		write(t, filepath.Join(dir, fmt.Sprintf("f%d.jsonl", i)), lines(i*100, i*100+100))
	}
	stores := []*local.Store{newStore(t, cache), newStore(t, cache)}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			e, err := stores[i%2].Open(t.Context(), dir)
			if err != nil {
				t.Error(err)
				return
			}
			r, err := e.Query(t.Context(), "source=logs | stats count() as n, dc(attributes.n) as d", engine.Limits{})
			if err != nil {
				t.Error(err)
				return
			}
			if diff := cmp.Diff([][]any{{int64(600), int64(600)}}, r.Rows); diff != "" {
				t.Error(diff)
			}
		})
	}
	wg.Wait()
}

func TestAProcessKilledWhileReadingLeavesNoHarm(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	write(t, filepath.Join(dir, "a.jsonl"), lines(0, 10))
	s := newStore(t, cache)
	count(t, openSource(t, s, dir), "logs")
	info, err := s.CacheInfo()
	if err != nil || len(info.Entries) != 1 {
		t.Fatal(info, err)
	}
	// What a kill leaves: a file in tmp, data without a manifest, a manifest without data, a torn manifest.
	old := time.Now().Add(-3 * time.Hour)
	left := filepath.Join(cache, "tmp", "dead.duckdb")
	write(t, left, "half a segment")
	if err := os.Chtimes(left, old, old); err != nil {
		t.Fatal(err)
	}
	seg := filepath.Join(cache, "segments", info.Entries[0].Key)
	write(t, seg+".duckdb", "damaged")
	t.Run("a damaged segment is dropped and read anew", func(t *testing.T) {
		e := openSource(t, newStore(t, cache), dir)
		_, err := e.Query(t.Context(), "source=logs", engine.Limits{})
		if err == nil {
			t.Log("recovered at once")
		}
		if got := count(t, e, "logs"); got != 10 {
			t.Errorf("%d rows", got)
		}
		if _, err := os.Stat(left); err == nil {
			t.Error("the leftover is still there")
		}
	})
	t.Run("a torn manifest is read anew", func(t *testing.T) {
		write(t, seg+".json", `{"version":"1","fi`)
		if got := count(t, openSource(t, newStore(t, cache), dir), "logs"); got != 10 {
			t.Errorf("%d rows", got)
		}
	})
	t.Run("a manifest without data is read anew", func(t *testing.T) {
		if err := os.Remove(seg + ".duckdb"); err != nil {
			t.Fatal(err)
		}
		if got := count(t, openSource(t, newStore(t, cache), dir), "logs"); got != 10 {
			t.Errorf("%d rows", got)
		}
	})
}

func TestTheCacheKeepsItsLimit(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	clock := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	newClocked := func(limit int64) *local.Store {
		s, err := local.New(local.Config{CacheDir: cache, CacheLimitBytes: limit, Now: func() time.Time { clock = clock.Add(time.Hour); return clock }})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := newClocked(0)
	var first string
	for i := range 4 {
		path := filepath.Join(dir, fmt.Sprintf("f%d.jsonl", i))
		write(t, path, lines(i*50, i*50+50))
		count(t, openSource(t, s, path), "logs")
		if i == 0 {
			info, err := s.CacheInfo()
			if err != nil {
				t.Fatal(err)
			}
			first = info.Entries[0].Key
		}
	}
	info, err := s.CacheInfo()
	if err != nil || len(info.Entries) != 4 || info.Bytes <= 0 {
		t.Fatal(info, err)
	}
	if freed, err := s.CacheClear(); err != nil || freed != 0 {
		t.Errorf("freed %d bytes of what is open, %v", freed, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = newClocked(0)
	defer s.Close()
	freed, err := s.CachePrune(info.Bytes - 1)
	if err != nil || freed <= 0 {
		t.Fatal(freed, err)
	}
	after, err := s.CacheInfo()
	if err != nil || len(after.Entries) != 3 || slices.ContainsFunc(after.Entries, func(e local.CacheEntry) bool { return e.Key == first }) {
		t.Errorf("the one used longest ago stays: %+v %v", after, err)
	}
	if got := count(t, openSource(t, s, filepath.Join(dir, "f0.jsonl")), "logs"); got != 50 {
		t.Errorf("%d rows after eviction", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CacheClear(); err != nil {
		t.Fatal(err)
	}
	if info, err := s.CacheInfo(); err != nil || len(info.Entries) != 0 {
		t.Errorf("after clearing: %+v %v", info, err)
	}
}

func TestReadingEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	write(t, path, "{}\n")
	cache := t.TempDir()
	s, err := local.New(local.Config{CacheDir: cache, Now: time.Now, Read: manyLogs(100_000_000)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e := openSource(t, s, path)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err = e.Query(ctx, "source=logs", engine.Limits{})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 10*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
	if left, err := os.ReadDir(filepath.Join(cache, "tmp")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestUnreadableFilesAreSaidNotFatal(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ok.jsonl"), lines(0, 3))
	write(t, filepath.Join(dir, "broken.jsonl"), lines(3, 5)+"{not json\n"+lines(5, 6))
	write(t, filepath.Join(dir, "secret.jsonl"), lines(6, 7))
	if err := os.Chmod(filepath.Join(dir, "secret.jsonl"), 0); err != nil {
		t.Fatal(err)
	}
	e := openSource(t, newStore(t, t.TempDir()), dir)
	want := int64(6)
	if os.Geteuid() == 0 { // root reads everything
		want = 7
	}
	if got := count(t, e, "logs"); got != want {
		t.Errorf("%d rows", got)
	}
	r := query(t, e, "source=_skipped | fields file, line")
	if diff := cmp.Diff([][]any{{"broken.jsonl", int64(3)}}, r.Rows); diff != "" {
		t.Error(diff)
	}
}

func TestATextLogIsFollowedIntoItsStackTrace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	entry := func(i int) string {
		return fmt.Sprintf("2026-05-27 18:00:%02d,000 ERROR [main] shop.Cart - failure %d\n", i, i)
	}
	write(t, path, entry(1)+entry(2))
	e := openSource(t, newStore(t, t.TempDir()), path)
	if got := count(t, e, "logs"); got != 2 {
		t.Fatalf("%d rows", got)
	}
	appendTo(t, path, "java.lang.IllegalStateException: broken\n\tat shop.Cart.add(Cart.java:7)\n")
	r := query(t, e, "source=logs | where body like '%failure 2%' | fields body, _line")
	if len(r.Rows) != 1 || r.Rows[0][1] != int64(2) {
		t.Fatalf("got %v", r.Rows)
	}
	appendTo(t, path, entry(3))
	r = query(t, e, "source=logs | stats count() as n, dc(_line) as d")
	if diff := cmp.Diff([][]any{{int64(3), int64(3)}}, r.Rows); diff != "" {
		t.Error(diff)
	}
}

func TestANewMappingTypesTheDocumentsAnew(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "things.ndjson"), `{"id":7}`+"\n")
	s := newStore(t, t.TempDir())
	for _, name := range []string{dir, filepath.Join(dir, "things.ndjson"), filepath.Join(dir, "*.ndjson")} {
		mapping := filepath.Join(dir, "things.mapping.json")
		_ = os.Remove(mapping)
		e := openSource(t, s, name)
		if r := query(t, e, "source=things | fields id"); r.Columns[0].Type != "bigint" {
			t.Errorf("%s: %+v", name, r.Columns)
		}
		write(t, mapping, `{"mappings":{"properties":{"id":{"type":"keyword"}}}}`)
		if r := query(t, e, "source=things | fields id"); r.Columns[0].Type != "string" || r.Rows[0][0] != "7" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestClosingTheStoreUnderRunningQueries(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	write(t, path, lines(0, 2000))
	s, err := local.New(local.Config{CacheDir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	e := openSource(t, s, path)
	count(t, e, "logs")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if _, err := e.Query(context.Background(), "source=logs | stats count() by attributes.n", engine.Limits{}); err != nil {
					return // closed
				}
			}
		})
	}
	time.Sleep(10 * time.Millisecond)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if _, err := e.Query(t.Context(), "source=logs", engine.Limits{}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestACacheThatCannotBeWrittenIsSaid(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.jsonl"), lines(0, 2))
	write(t, filepath.Join(dir, "occupied"), "a file, not a directory")
	e := openSource(t, newStore(t, filepath.Join(dir, "occupied")), filepath.Join(dir, "a.jsonl"))
	_, err := e.Query(t.Context(), "source=logs", engine.Limits{})
	if fault.CodeOf(err) != fault.PermissionDenied || fault.HintOf(err) == "" {
		t.Errorf("got %v", err)
	}
}

func TestManySmallFilesAreReadTogether(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	old := time.Now().Add(-time.Hour)
	for i := range 300 {
		path := filepath.Join(dir, fmt.Sprintf("node-%03d", i), "app.jsonl")
		write(t, path, lines(i*3, i*3+3))
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	s := newStore(t, cache)
	e := openSource(t, s, dir)
	if got := count(t, e, "logs"); got != 900 {
		t.Fatalf("%d rows", got)
	}
	before, err := s.CacheInfo()
	if err != nil || len(before.Entries) > 30 {
		t.Fatalf("%d segments, %v", len(before.Entries), err)
	}
	r := query(t, e, "source=logs | where attributes.n = 451 | fields _file, _line")
	if diff := cmp.Diff([][]any{{"node-150/app.jsonl", int64(2)}}, r.Rows); diff != "" {
		t.Error(diff)
	}
	write(t, filepath.Join(dir, "node-150", "app.jsonl"), lines(5000, 5001))
	r = query(t, e, "source=logs | stats count() as n, max(attributes.n) as m")
	if diff := cmp.Diff([][]any{{int64(898), int64(5000)}}, r.Rows); diff != "" {
		t.Error(diff)
	}
	after, err := s.CacheInfo()
	if err != nil || len(after.Entries) > len(before.Entries)+2 {
		t.Errorf("one changed file made %d segments of %d, %v", len(after.Entries), len(before.Entries), err)
	}
}
