package remote_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// script is a cluster that answers by the end of the path; what is asked is kept.
type script struct {
	t       *testing.T
	answers map[string]func(body map[string]any, query string) (status int, answer string)
	asked   []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	var body map[string]any
	_ = json.Unmarshal(raw, &body) // none at all for GET
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	for suffix, answer := range s.answers {
		if strings.HasSuffix(r.URL.Path, suffix) {
			status, text := answer(body, r.URL.RawQuery)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write([]byte(`{"error":{"type":"resource_not_found_exception","reason":"nothing here"},"status":404}`))
}

const numbers = `{"n":{"mappings":{"properties":{"id":{"type":"long"},"t":{"type":"text"}}}}}`

func always(status int, text string) func(map[string]any, string) (int, string) {
	return func(map[string]any, string) (int, string) { return status, text }
}

func scripted(t *testing.T, answers map[string]func(map[string]any, string) (int, string)) (*script, engine.Engine) {
	t.Helper()
	s := &script{t: t, answers: answers}
	if answers["/_mapping"] == nil {
		answers["/_mapping"] = always(http.StatusOK, numbers)
	}
	return s, never(t, fake(t, s.ServeHTTP))
}

func TestLostShardsAreTold(t *testing.T) {
	const partial = `{"timed_out":true,"_shards":{"total":5,"failed":2,"failures":[{"index":"n","reason":{"type":"circuit_breaking_exception","reason":"too large"}}]},` +
		`"hits":{"total":{"value":1,"relation":"eq"},"hits":[{"_index":"n","_id":"1","_source":{"id":7,"t":"x"}}]}}`
	_, eng := scripted(t, map[string]func(map[string]any, string) (int, string){"/_search": always(http.StatusOK, partial)})
	for _, q := range []string{"source=n | fields id, t", "source=n | eval a = id + 1 | fields a", "source=n | stats count()"} {
		res, err := eng.Query(t.Context(), q, engine.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		notes := strings.Join(res.Notes, "\n")
		for _, want := range []string{"2 of 5 shards of n failed", "circuit_breaking_exception: too large", "ran out of time"} {
			if !strings.Contains(notes, want) {
				t.Errorf("%s: the notes lack %q: %s", q, want, notes)
			}
		}
		if _, err := eng.Stream(t.Context(), q, engine.Limits{}, func([]any) error { return nil }); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("%s: a stream that lost shards ends with %v", q, err)
		}
	}
}

// page answers size documents from the one after a place on, of total.
func page(from, size, total int) string {
	var hits []string
	for i := from; i < min(from+size, total); i++ {
		hits = append(hits, fmt.Sprintf(`{"_index":"n","_id":"%d","_source":{"id":%d,"t":"x"},"sort":[%d]}`, i, i, i))
	}
	return fmt.Sprintf(`{"_scroll_id":"s","_shards":{"total":1,"failed":0},"hits":{"total":{"value":%d,"relation":"eq"},"hits":[%s]}}`, total, strings.Join(hits, ","))
}

// TestClustersWithoutPointsInTimeAreScrolled pages through a cluster before 2.4.
func TestClustersWithoutPointsInTimeAreScrolled(t *testing.T) {
	const total = 3_210
	at := 0
	answers := map[string]func(map[string]any, string) (int, string){
		"/_search/point_in_time": always(http.StatusBadRequest, `{"error":{"type":"illegal_argument_exception","reason":"no handler"},"status":400}`),
		"/_search/scroll":        nil,
		"/n/_search": func(body map[string]any, query string) (int, string) {
			size := int(body["size"].(float64))
			if strings.Contains(query, "scroll=") {
				at = size
			}
			return http.StatusOK, page(0, size, total)
		},
	}
	answers["/_search/scroll"] = func(body map[string]any, _ string) (int, string) {
		const size = 1_000
		from := at
		at += size
		return http.StatusOK, page(from, size, total)
	}
	s, eng := scripted(t, answers)
	n := 0
	if _, err := eng.Stream(t.Context(), "source=n | fields id, t", engine.Limits{}, func(row []any) error {
		if row[0] != int64(n) {
			return fmt.Errorf("row %d is %v", n, row[0])
		}
		n++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n != total {
		t.Errorf("%d rows, want %d", n, total)
	}
	if last := s.asked[len(s.asked)-1]; last != "DELETE /_search/scroll" {
		t.Errorf("the scroll was not given back: %v", s.asked)
	}
}

func TestFewRowsTakeOneRequest(t *testing.T) {
	s, eng := scripted(t, map[string]func(map[string]any, string) (int, string){
		"/_search": func(body map[string]any, _ string) (int, string) {
			return http.StatusOK, page(0, int(body["size"].(float64)), 40)
		},
	})
	for _, q := range []string{"source=n | fields id, t", "source=n | head 5", "source=n | where id > 3 | eval a = 1 | fields a", "source=n | stats count()"} {
		if _, err := eng.Query(t.Context(), q, engine.Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"GET /n/_mapping", "POST /n/_search", "POST /n/_search", "POST /n/_search", "POST /n/_search"}
	if diff := cmp.Diff(want, s.asked); diff != "" {
		t.Error("requests (-want +got):\n" + diff)
	}
}

func TestNamesThatAreNotThereGetTheNearest(t *testing.T) {
	_, eng := scripted(t, map[string]func(map[string]any, string) (int, string){
		"/_mapping":         always(http.StatusNotFound, `{"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [ordres]"}],"type":"index_not_found_exception","reason":"no such index [ordres]"},"status":404}`),
		"/_resolve/index/*": always(http.StatusOK, `{"indices":[{"name":"orders"},{"name":".hidden"}],"aliases":[{"name":"all-logs"}],"data_streams":[]}`),
	})
	_, err := eng.Query(t.Context(), "source=ordres | head 1", engine.Limits{})
	if fault.CodeOf(err) != fault.NotFound || fault.HintOf(err) != "Did you mean orders?" || !strings.Contains(err.Error(), "^^^^^^") {
		t.Errorf("%v (%s)", err, fault.HintOf(err))
	}
}

// TestMappingsThatAreRefusedAreMadeUpFor is a user who may search and see field capabilities, and no more.
func TestMappingsThatAreRefusedAreMadeUpFor(t *testing.T) {
	_, eng := scripted(t, map[string]func(map[string]any, string) (int, string){
		"/_mapping": always(http.StatusForbidden, `{"error":{"type":"security_exception","reason":"no permissions for [indices:admin/mappings/get]"},"status":403}`),
		"/_field_caps": always(http.StatusOK, `{"indices":["n"],"fields":{"id":{"long":{"type":"long","searchable":true,"aggregatable":true}},"t":{"text":{"type":"text","searchable":true,"aggregatable":false}},`+
			`"t.keyword":{"keyword":{"type":"keyword","searchable":true,"aggregatable":true}},"o":{"object":{"type":"object","searchable":false,"aggregatable":false}},"o.p":{"keyword":{"type":"keyword","searchable":true,"aggregatable":true}},"_id":{"_id":{"type":"_id","metadata_field":true}}}}`),
		"/_search": always(http.StatusOK, page(0, 2, 2)),
	})
	res, err := eng.Query(t.Context(), "source=n | where t = 'x' and `o.p` = 'y' | fields id, t", engine.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Rows) != 2 {
		t.Errorf("%d rows", len(res.Rows))
	}
	x, err := eng.Explain(t.Context(), "source=n | where t = 'x' and `o.p` = 'y' | fields id")
	if err != nil || !strings.Contains(x.SQL, `"t.keyword"`) || !strings.Contains(x.SQL, `"o.p"`) {
		t.Errorf("%v %+v", err, x)
	}
}

// TestTooManyGroupsAreAskedInPages makes a cluster hold more groups than one answer.
func TestTooManyGroupsAreAskedInPages(t *testing.T) {
	var ways []string
	_, eng := scripted(t, map[string]func(map[string]any, string) (int, string){
		"/_search": func(body map[string]any, _ string) (int, string) {
			aggs, _ := body["aggs"].(map[string]any)
			if aggs["groups"] == nil {
				ways = append(ways, "terms")
				return http.StatusOK, `{"_shards":{"total":1,"failed":0},"hits":{"total":{"value":9,"relation":"eq"},"hits":[]},"aggregations":{"n":{"doc_count":0},"k":{"doc_count_error_upper_bound":0,"sum_other_doc_count":3,"buckets":[{"key":1,"doc_count":6}]}}}`
			}
			ways = append(ways, "composite")
			return http.StatusOK, `{"_shards":{"total":1,"failed":0},"hits":{"total":{"value":9,"relation":"eq"},"hits":[]},"aggregations":{"groups":{"after_key":{"k0":2},"buckets":[{"key":{"k0":null},"doc_count":1},{"key":{"k0":1},"doc_count":6},{"key":{"k0":2},"doc_count":2}]}}}`
		},
	})
	res, err := eng.Query(t.Context(), "source=n | stats count() as c by id", engine.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"terms", "composite"}, ways); diff != "" {
		t.Error("ways (-want +got):\n" + diff)
	}
	if diff := cmp.Diff([][]any{{int64(1), nil}, {int64(6), int64(1)}, {int64(2), int64(2)}}, res.Rows); diff != "" {
		t.Error("rows (-want +got):\n" + diff)
	}
}

// TestWhatDoesNotFitTheMappingIsShownAllTheSame reads documents that hold lists and objects where the mapping says one value.
func TestWhatDoesNotFitTheMappingIsShownAllTheSame(t *testing.T) {
	_, eng := scripted(t, map[string]func(map[string]any, string) (int, string){
		"/_search": always(http.StatusOK, `{"_shards":{"total":1,"failed":0},"hits":{"total":{"value":3,"relation":"eq"},"hits":[`+
			`{"_index":"n","_id":"1","_source":{"id":1,"t":"a"}},{"_index":"n","_id":"2","_source":{"id":2,"t":["a","b"]}},{"_index":"n","_id":"3","_source":{"id":3}}]}}`),
	})
	res, err := eng.Query(t.Context(), "source=n | fields id, t", engine.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Rows) != 3 || res.Rows[2][1] != nil {
		t.Errorf("%v", res.Rows)
	}
}
