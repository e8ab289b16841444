package opensearch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

// doc is a document of the stand-in; docs of several shards share their place.
type doc struct{ ts, place, n int }

// shelf is a stand-in of an index that can be paged, by the ways it is told to know.
type shelf struct {
	docs     []doc
	pit      bool
	weight   int
	open     int
	requests int
	at       int // of the scroll
	size     int
	failing  bool // one shard of the second page fails
}

func newShelf(shards, each int) *shelf {
	s := &shelf{weight: 20}
	for shard := range shards {
		for i := range each {
			s.docs = append(s.docs, doc{ts: i / 10, place: i, n: shard*each + i})
		}
	}
	rand.Shuffle(len(s.docs), func(i, j int) { s.docs[i], s.docs[j] = s.docs[j], s.docs[i] })
	return s
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	raw, _ := io.ReadAll(r.Body)
	var b struct {
		Size  int              `json:"size"`
		Sort  []any            `json:"sort"`
		After []int            `json:"search_after"`
		PIT   *json.RawMessage `json:"pit"`
	}
	_ = json.Unmarshal(raw, &b)
	switch {
	case strings.HasSuffix(r.URL.Path, "/point_in_time"):
		if !s.pit {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"no handler found"}`)
			return
		}
		if r.Method == http.MethodDelete {
			s.open--
			fmt.Fprint(w, `{}`)
			return
		}
		s.open++
		fmt.Fprint(w, `{"pit_id":"p1"}`)
	case r.URL.Path == "/_search/scroll" && r.Method == http.MethodDelete:
		s.open--
		fmt.Fprint(w, `{}`)
	case r.URL.Path == "/_search/scroll":
		s.write(w, s.docs[s.at:min(s.at+s.size, len(s.docs))])
		s.at = min(s.at+s.size, len(s.docs))
	case r.URL.Query().Has("scroll"):
		s.open++
		s.size, s.at = b.Size, min(b.Size, len(s.docs))
		s.write(w, s.docs[:s.at])
	default:
		s.search(w, len(b.Sort), b.Size, b.After)
	}
}

// key of a document in the order asked for: by ts and place, or by place alone.
func (d doc) key(n int) []int {
	if n == 1 {
		return []int{d.place}
	}
	return []int{d.ts, d.place}
}

func (s *shelf) search(w io.Writer, sort, size int, after []int) {
	docs := slices.Clone(s.docs)
	slices.SortStableFunc(docs, func(a, b doc) int { return slices.Compare(a.key(sort), b.key(sort)) })
	docs = slices.DeleteFunc(docs, func(d doc) bool { return after != nil && slices.Compare(d.key(sort), after) <= 0 })
	docs = docs[:min(size, len(docs))]
	var keys [][]int
	for _, d := range docs {
		keys = append(keys, d.key(sort))
	}
	s.writeKeys(w, docs, keys)
}

func (s *shelf) write(w io.Writer, docs []doc) { s.writeKeys(w, docs, make([][]int, len(docs))) }

func (s *shelf) writeKeys(w io.Writer, docs []doc, keys [][]int) {
	s.requests++
	failed := ""
	if s.failing && s.requests == 2 {
		failed = `,"failures":[{"index":"logs","shard":1,"reason":{"type":"io","reason":"disk"}}]`
	}
	ok := 2
	if failed != "" {
		ok = 1
	}
	fmt.Fprintf(w, `{"_scroll_id":"s","_shards":{"total":2,"successful":%d,"failed":%d%s},"hits":{"total":{"value":%d,"relation":"eq"},"hits":[`, ok, 2-ok, failed, len(s.docs))
	for i, d := range docs {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		key, _ := json.Marshal(keys[i])
		fmt.Fprintf(w, `{"_id":"%d","_source":{"n":%d,"pad":%q},"sort":%s}`, d.n, d.n, strings.Repeat("x", s.weight), key)
	}
	fmt.Fprint(w, `]}}`)
}

func collect(t *testing.T, c *opensearch.Client, p opensearch.Pages) (map[string]int, *opensearch.Paged) {
	t.Helper()
	seen := map[string]int{}
	out, err := c.Pages(t.Context(), p, func(h opensearch.Hit) error { seen[h.ID]++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return seen, out
}

func TestEveryDocumentIsReadOnceByAnyWay(t *testing.T) {
	sorted := []any{map[string]any{"ts": "asc"}}
	for _, c := range []struct {
		name  string
		shelf *shelf
		aoss  bool
		sort  []any
		way   opensearch.PageWay
	}{
		{"a point in time, many shards with the same places", &shelf{pit: true}, false, nil, opensearch.ByPIT},
		{"a point in time, sorted", &shelf{pit: true}, false, sorted, opensearch.ByPIT},
		{"a scroll where there is no point in time", &shelf{}, false, sorted, opensearch.ByScroll},
		{"search_after on Serverless", &shelf{}, true, sorted, opensearch.BySearchAfter},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShelf(30, 300)
			s.pit = c.shelf.pit
			srv := httptest.NewServer(s)
			defer srv.Close()
			client, _ := newClient(t, srv.URL, func(conf *opensearch.Config) {
				if c.aoss {
					isolate(t)
					t.Setenv("AWS_ACCESS_KEY_ID", "K")
					t.Setenv("AWS_SECRET_ACCESS_KEY", "S")
					conf.Auth = opensearch.Auth{AWS: &opensearch.AWS{Service: "aoss"}}
				}
			})
			seen, out := collect(t, client, opensearch.Pages{Index: "logs", Sort: c.sort})
			if len(seen) != 9000 || out.Hits != 9000 || out.Total != 9000 || out.Way != c.way {
				t.Errorf("%d documents, %+v", len(seen), out)
			}
			if s.open != 0 {
				t.Errorf("%d points in time or scrolls left open", s.open)
			}
		})
	}
}

func TestMoreShardsThanAPageIsLong(t *testing.T) {
	s := newShelf(1500, 3) // 1,500 documents with the same place
	s.pit = true
	srv := httptest.NewServer(s)
	defer srv.Close()
	client, _ := newClient(t, srv.URL, nil)
	if seen, _ := collect(t, client, opensearch.Pages{Index: "logs"}); len(seen) != 4500 {
		t.Errorf("%d documents, want 4500", len(seen))
	}
}

func TestHeavyDocumentsComeInSmallPages(t *testing.T) {
	s := newShelf(2, 400)
	s.pit, s.weight = true, 4000
	srv := httptest.NewServer(s)
	defer srv.Close()
	client, _ := newClient(t, srv.URL, func(c *opensearch.Config) { c.MaxBytes = 1 << 20 })
	seen, out := collect(t, client, opensearch.Pages{Index: "logs"})
	if len(seen) != 800 || out.Requests < 4 {
		t.Errorf("%d documents by %d requests", len(seen), out.Requests)
	}
}

func TestPagingStopsAtItsBoundAndAtAnError(t *testing.T) {
	s := newShelf(4, 1000)
	s.pit = true
	srv := httptest.NewServer(s)
	defer srv.Close()
	client, _ := newClient(t, srv.URL, nil)
	seen, out := collect(t, client, opensearch.Pages{Index: "logs", Max: 1234})
	if len(seen) != 1234 || !out.More || out.Total != 4000 {
		t.Errorf("%d documents, %+v", len(seen), out)
	}
	full := errors.New("full")
	if _, err := client.Pages(t.Context(), opensearch.Pages{Index: "logs"}, func(opensearch.Hit) error { return full }); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := client.Pages(ctx, opensearch.Pages{Index: "logs"}, func(opensearch.Hit) error { cancel(); return nil })
	if fault.CodeOf(err) != fault.Canceled {
		t.Errorf("%v", err)
	}
	if s.open != 0 {
		t.Errorf("%d points in time left open", s.open)
	}
}

func TestAFailedShardOfAnyPageIsTold(t *testing.T) {
	s := newShelf(2, 2000)
	s.pit, s.failing = true, true
	srv := httptest.NewServer(s)
	defer srv.Close()
	client, _ := newClient(t, srv.URL, nil)
	_, out := collect(t, client, opensearch.Pages{Index: "logs"})
	if got, want := out.Note(), "1 of 2 shards did not answer, so counts are too low (logs[1]: io: disk)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnIndexThatIsNotThereIsNoReasonToScroll(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":{"type":"index_not_found_exception","reason":"no such index [logs]"},"status":404}`)
	}))
	defer srv.Close()
	client, _ := newClient(t, srv.URL, nil)
	_, err := client.Pages(t.Context(), opensearch.Pages{Index: "logs"}, func(opensearch.Hit) error { return nil })
	if fault.CodeOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}
