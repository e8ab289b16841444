package remote_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/remote"
	"github.com/plumbline-mcp/plumbline/internal/live"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/internal/ppl/suite/replay"
)

// mapped is the mapping of the documents below: a field of each type that conditions are pushed down for, and some that are not.
const mapped = `{"settings":{"number_of_shards":3,"number_of_replicas":0},"mappings":{"properties":{
 "id":{"type":"long"},"k":{"type":"keyword"},"short":{"type":"keyword","ignore_above":5},"t":{"type":"text"},"tk":{"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":12}}},
 "i":{"type":"integer"},"l":{"type":"long"},"d":{"type":"double"},"f":{"type":"float"},"b":{"type":"boolean"},"ms":{"type":"date"},"ns":{"type":"date_nanos"},"ip":{"type":"ip"},
 "o":{"properties":{"p":{"type":"keyword"},"n":{"type":"integer"}}}}}}`

// word is a text out of few, so that equal ones occur: empty, long, with capitals, marks and letters beyond ASCII.
func word(r *rand.Rand) string {
	return []string{"", "a", "b", "ab", "AB", "Ab c", "a*b", "a_b", "failed", "Payment failed", "payment failed twice", "zürich", "été", "longer than any limit", "x-y", "10"}[r.IntN(16)]
}

func instant(r *rand.Rand, nanos bool) time.Time {
	base := time.Date(2024, 1, 15, 10, 30, 0, 0, time.UTC)
	at := base.Add(time.Duration(r.IntN(8)) * time.Second).Add(time.Duration(r.IntN(3)) * 500 * time.Millisecond)
	if nanos {
		at = at.Add([]time.Duration{0, 0, time.Nanosecond, 999_999, 123_456_789}[r.IntN(5)])
	}
	return at
}

// document makes a document; each field is missing now and then.
func document(r *rand.Rand, id int) []byte {
	d := map[string]any{"id": id}
	put := func(name string, v any) {
		switch r.IntN(8) {
		case 0:
		case 1:
			d[name] = nil
		default:
			d[name] = v
		}
	}
	for _, name := range []string{"k", "short", "t", "tk"} {
		put(name, word(r))
	}
	put("i", r.IntN(12)-3)
	put("l", []int64{0, 1, -1, 7, 1 << 40, 1<<53 - 1, 5_000_000_000}[r.IntN(7)])
	put("d", []float64{0, 1, 1.5, -2.25, 1e6, 3}[r.IntN(6)])
	put("f", []float64{0, 1, 1.5, 0.1}[r.IntN(4)])
	put("b", r.IntN(2) == 0)
	put("ms", instant(r, false).Format("2006-01-02T15:04:05.000Z"))
	put("ns", instant(r, true).Format("2006-01-02T15:04:05.999999999Z"))
	put("ip", []string{"10.0.0.1", "10.0.1.2", "192.168.0.9", "::1", "2001:db8::5"}[r.IntN(5)])
	if r.IntN(4) > 0 {
		o := map[string]any{}
		if r.IntN(4) > 0 {
			o["p"] = word(r)
		}
		if r.IntN(4) > 0 {
			o["n"] = r.IntN(4)
		}
		d["o"] = o
	}
	out, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return out
}

func lit(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(s) + "'" }

// condition makes a condition: a comparison of a field, or several joined.
func condition(r *rand.Rand, depth int) string {
	if depth > 0 && r.IntN(3) == 0 {
		a, b := condition(r, depth-1), condition(r, depth-1)
		switch r.IntN(3) {
		case 0:
			return "(" + a + " and " + b + ")"
		case 1:
			return "(" + a + " or " + b + ")"
		default:
			return "not (" + a + ")"
		}
	}
	op := []string{"=", "!=", "<", "<=", ">", ">="}[r.IntN(6)]
	text := []string{"k", "short", "t", "tk", "o.p"}[r.IntN(5)]
	switch r.IntN(13) {
	case 0:
		return fmt.Sprintf("%s %s %s", text, op, lit(word(r)))
	case 1:
		return fmt.Sprintf("%s in (%s, %s)", text, lit(word(r)), lit(word(r)))
	case 2:
		return fmt.Sprintf("%s not in (%s)", text, lit(word(r)))
	case 3:
		return fmt.Sprintf("%s like %s", text, lit([]string{"a%", "%b", "%fail%", "_b", "A_", "%", "", "%ment f%", "a\\_b", "%ü%"}[r.IntN(10)]))
	case 4:
		return fmt.Sprintf("i %s %d", op, r.IntN(12)-3)
	case 5:
		return fmt.Sprintf("l %s %s", op, []string{"0", "1", "5000000000", "7.5", "9007199254740991", "-1"}[r.IntN(6)])
	case 6:
		return fmt.Sprintf("d %s %s", op, []string{"0", "1.5", "-2.25", "3"}[r.IntN(4)])
	case 7:
		return []string{"b = true", "b = false", "b != true", "not b = true", "f > 0.5", "f = 1.5", "o.n = 2", "o.n >= 1"}[r.IntN(8)]
	case 8:
		return fmt.Sprintf("ms %s '%s'", op, instant(r, r.IntN(4) == 0).Format("2006-01-02 15:04:05.999999"))
	case 9:
		return fmt.Sprintf("ns %s '%s'", op, instant(r, true).Format("2006-01-02 15:04:05.999999999"))
	case 10:
		return []string{"isnull", "isnotnull"}[r.IntN(2)] + "(" + []string{"k", "short", "t", "tk", "i", "d", "b", "ms", "ns", "ip", "o.p"}[r.IntN(11)] + ")"
	case 11:
		return []string{"ip = '10.0.0.1'", "ip != '::1'", "cidrmatch(ip, '10.0.0.0/16')", "ip in ('10.0.1.2', '2001:db8::5')"}[r.IntN(4)]
	default:
		return fmt.Sprintf("i between %d and %d", r.IntN(4)-2, r.IntN(6))
	}
}

// aggregation makes what stands behind the condition.
func aggregation(r *rand.Rand) string {
	pick := func(from []string, n int) []string {
		from = slices.Clone(from)
		r.Shuffle(len(from), func(i, j int) { from[i], from[j] = from[j], from[i] })
		return from[:n]
	}
	aggs := strings.Join(pick([]string{
		"count()", "count(k)", "count(short)", "sum(i)", "sum(l)", "avg(d)", "avg(i)", "min(i)", "max(l)", "max(d)", "dc(k)", "dc(i)", "min(ns)", "max(ns)", "percentile(i, 50)",
		"count(eval(i > 2))", "min(k)", "count(tk)", "count(o.p)",
	}, 1+r.IntN(3)), ", ")
	keys := pick([]string{"k", "short", "tk", "i", "b", "ip", "o.p", "o.n", "span(i, 3)", "span(ms, 1s)", "span(ns, 2s)"}, r.IntN(3))
	spans := 0
	keys = slices.DeleteFunc(keys, func(k string) bool {
		if strings.HasPrefix(k, "span") {
			spans++
			return spans > 1
		}
		return false
	})
	switch r.IntN(8) {
	case 0:
		return " | top 3 " + []string{"k", "i", "short", "b"}[r.IntN(4)]
	case 1:
		return " | rare usenull=false " + []string{"k", "i", "o.p"}[r.IntN(3)]
	case 2:
		return " | chart limit=2 " + []string{"count()", "sum(i)", "avg(d)"}[r.IntN(3)] + " over b by " + []string{"k", "i", "short"}[r.IntN(3)]
	case 3:
		return " | timechart timefield=ns span=1s " + []string{"count()", "max(i)", "avg(d)"}[r.IntN(3)] + []string{"", " by k", " by b"}[r.IntN(3)]
	case 4:
		return " | eval big = if(i > 3, 1, 0) | stats sum(big) as big, count() by k"
	}
	if len(keys) == 0 {
		return " | stats " + aggs
	}
	out := " | stats " + aggs + " by " + strings.Join(keys, ", ")
	if spans == 0 && r.IntN(3) == 0 {
		out += " | sort - " + keys[0] + " | head 3"
	}
	return out
}

// TestLiveSearchMeansTheSame puts random documents into the cluster and into DuckDB and asks random queries of both: what is pushed
// down must not show in the answers.
func TestLiveSearchMeansTheSame(t *testing.T) {
	const seed = 7
	base := live.Need(t, live.OpenSearchURL)
	const index, docs, queries = "os_b_agree", 600, 500
	r := rand.New(rand.NewPCG(seed, 11))
	list := make([][]byte, docs)
	for i := range list {
		list[i] = document(r, i)
	}
	client := dial(t, base)
	fill(t, client, index, mapped, list)
	here, err := replay.NewLocal(t.Context(), func() string { return "2024-02-01 10:00:00.000000" })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = here.Close() })
	if err := here.Load(t.Context(), index, []byte(mapped), list); err != nil {
		t.Fatal(err)
	}
	eng := never(t, client)
	there := replay.NewRemoteOf(eng)
	pushed := 0
	for range queries {
		q := "source=" + index + " | where " + condition(r, 2)
		if r.IntN(2) == 0 {
			q += aggregation(r)
		} else {
			q += []string{" | sort id | fields id", " | fields id, k, i, d, b, ns", " | sort - i, id | head 7 | fields id, i", " | sort k, id | head 5 | fields id, k", " | fields id, tk, o.p, ms, ip"}[r.IntN(5)]
		}
		want, err := here.Query(t.Context(), q)
		if err != nil {
			t.Fatalf("%s\nhere: %v", q, err)
		}
		got, err := there.Query(t.Context(), q)
		if err != nil {
			t.Errorf("%s\nthere: %v", q, err)
			continue
		}
		c := replay.Case{Columns: want.Columns, Rows: want.Rows, RowOrder: "bag"}
		if strings.Contains(q, "| sort id") || strings.Contains(q, ", id | head") {
			c.RowOrder = "ordered"
		}
		if strings.Contains(q, "| head 3") { // equal keys may be cut differently
			c.Rows = nil
		} else {
			c.ExpectRows()
		}
		if diff := c.Check(got, nil); diff != "" {
			t.Errorf("%s\n%s", q, diff)
		}
		if x, err := eng.Explain(t.Context(), q); err == nil && strings.Contains(x.SQL, `"query"`) {
			pushed++
		}
	}
	if pushed < queries/2 {
		t.Errorf("only %d of %d conditions reached the cluster", pushed, queries)
	}
}

func never(t *testing.T, c remote.Cluster) *remote.Engine {
	t.Helper()
	e, err := remote.New(remote.Config{Cluster: c, Plugin: remote.PluginNever, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// fill makes an index of the documents and removes it at the end.
func fill(t *testing.T, c *opensearch.Client, index, mapping string, docs [][]byte) {
	t.Helper()
	do := func(ctx context.Context, r opensearch.Request) {
		t.Helper()
		r.Timeout = time.Minute
		if _, err := c.Do(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	remove := opensearch.Request{Method: http.MethodDelete, Path: opensearch.Path(index), Query: url.Values{"ignore_unavailable": {"true"}}, Idempotent: true}
	do(t.Context(), remove)
	do(t.Context(), opensearch.Request{Method: http.MethodPut, Path: opensearch.Path(index), Body: []byte(mapping)})
	t.Cleanup(func() { do(context.WithoutCancel(t.Context()), remove) })
	for chunk := range slices.Chunk(docs, 5_000) {
		var b bytes.Buffer
		for _, d := range chunk {
			b.WriteString("{\"index\":{}}\n")
			b.Write(d)
			b.WriteByte('\n')
		}
		do(t.Context(), opensearch.Request{
			Method: http.MethodPost, Path: opensearch.Path(index, "_bulk"), Query: url.Values{"refresh": {"true"}, "filter_path": {"errors"}}, Body: b.Bytes(), ContentType: "application/x-ndjson",
		})
	}
}

// TestLivePagesAreWhole streams more documents than one page holds: each once, in the order asked for.
func TestLivePagesAreWhole(t *testing.T) {
	base := live.Need(t, live.OpenSearchURL)
	const index, docs = "os_b_pages", 12_500
	list := make([][]byte, docs)
	for i := range list {
		list[i] = fmt.Appendf(nil, `{"id":%d,"k":"k%d","t":"text %d"}`, i, i%3, i)
	}
	client := dial(t, base)
	fill(t, client, index, mapped, list)
	eng := never(t, client)
	for name, q := range map[string]string{
		"from the index's columns":             "source=" + index + " | fields id",
		"from the documents":                   "source=" + index + " | fields id, t",
		"a range alone":                        "source=" + index + " | where id >= 0 | fields id",
		"through DuckDB":                       "source=" + index + " | eval n = id + 1 | fields id, n",
		"by a key with many ties":              "source=" + index + " | sort k | fields id, k",
		"a limit beyond a page":                "source=" + index + " | head 12400 | fields id",
		"checked here once more":               "source=" + index + " | where length(t) > 1 | fields id",
		"an aggregation with a group for each": "source=" + index + " | stats count() by id | fields id",
	} {
		t.Run(name, func(t *testing.T) {
			seen := map[any]bool{}
			_, err := eng.Stream(t.Context(), q, engine.Limits{}, func(row []any) error {
				if seen[row[0]] {
					return fmt.Errorf("id %v came twice", row[0])
				}
				seen[row[0]] = true
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			want := docs
			if strings.Contains(q, "head 12400") {
				want = 12_400
			}
			if len(seen) != want {
				t.Errorf("%d rows, want %d", len(seen), want)
			}
		})
	}
}
