package remote_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/remote"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

const recordedReplies = "../../../../shared/fixtures/ppl-wire/replies.jsonl"

// exchange is one recorded request with its answer.
type exchange struct {
	ID       string          `json:"id"`
	Query    string          `json:"query"`
	Status   int             `json:"status"`
	Response json.RawMessage `json:"response"`
}

func recorded(t *testing.T) []exchange {
	t.Helper()
	f, err := os.Open(recordedReplies)
	if err != nil {
		if os.Getenv("REQUIRE_LIVE") == "1" {
			t.Fatalf("no recorded replies: %v", err)
		}
		t.Skip("no recorded replies: " + recordedReplies)
	}
	defer f.Close()
	var out []exchange
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var x exchange
		if err := json.Unmarshal(sc.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}

// TestRecordedAnswers holds the reader of the plugin's answers against all recorded ones: every cell is of its column's type.
func TestRecordedAnswers(t *testing.T) {
	good := 0
	for _, x := range recorded(t) {
		if x.Status != http.StatusOK {
			continue
		}
		good++
		cols, list, err := remote.ParseAnswer(x.Response)
		if err != nil {
			t.Errorf("%s: %v", x.ID, err)
			continue
		}
		for n, row := range list {
			for i, v := range row {
				if v != nil && !fits(v, cols[i].Type) {
					t.Errorf("%s: row %d: %s is %T (%v), the column is %s", x.ID, n, cols[i].Name, v, v, cols[i].Type)
				}
			}
		}
	}
	if good < 100 {
		t.Errorf("only %d good answers were looked at", good)
	}
}

func fits(v any, t rows.Type) bool {
	switch v.(type) {
	case bool:
		return t == rows.Boolean
	case int64:
		return t.Integer() || t == rows.Undefined
	case float64:
		return t == rows.Float || t == rows.Double
	case string:
		return t == rows.String || t == rows.Time || t == rows.IP || t == rows.Interval || t == rows.Binary || t == rows.Undefined
	case time.Time:
		return t == rows.Timestamp || t == rows.Date
	case []any:
		return t == rows.Array || t == rows.Struct || t == rows.String
	case map[string]any:
		return t == rows.Struct || t == rows.GeoPoint || t == rows.Array
	}
	return false
}

// TestRecordedRefusals holds our errors against all recorded refusals: a code to branch on, the cluster's reason in one line.
func TestRecordedRefusals(t *testing.T) {
	codes := map[fault.Code]int{}
	for _, x := range recorded(t) {
		if x.Status == http.StatusOK {
			continue
		}
		c := fake(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(x.Status)
			_, _ = w.Write(x.Response)
		})
		_, err := c.Do(t.Context(), opensearch.Request{Method: http.MethodPost, Path: "/_plugins/_ppl", Body: []byte("{}"), Timeout: 2 * time.Second})
		got := remote.PluginError(err)
		code := fault.CodeOf(got)
		codes[code]++
		var wire struct {
			Error struct{ Details, Reason string }
		}
		if err := json.Unmarshal(x.Response, &wire); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(got.Error(), "\n\r") || len(got.Error()) > 800 {
			t.Errorf("%s: not one short line: %q", x.ID, got)
		}
		first := strings.Join(strings.Fields(wire.Error.Details), " ")
		if n := 60; len(first) > n {
			first = first[:n]
		}
		if !strings.Contains(got.Error(), first) {
			t.Errorf("%s: the error %q does not say %q", x.ID, got, first)
		}
		if x.Status == http.StatusBadRequest && code != fault.InvalidQuery && code != fault.Unsupported && code != fault.NotFound {
			t.Errorf("%s: status 400 has the code %s: %v", x.ID, code, got)
		}
		if code == fault.Internal {
			t.Errorf("%s: the code is internal: %v", x.ID, got)
		}
	}
	if codes[fault.InvalidQuery] == 0 {
		t.Error("no refusal was an invalid query", codes)
	}
}

// TestQueryGoesToThePlugin follows queries over a cluster that answers PPL.
func TestQueryGoesToThePlugin(t *testing.T) {
	var asked []string
	status, reply := http.StatusOK, `{"schema":[{"name":"n","type":"bigint"},{"name":"at","type":"timestamp"},{"name":"o","type":"struct"}],`+
		`"datarows":[[9007199254740993,"2024-01-15 10:30:00.123456",{"a":1.5}]],"total":1,"size":1}`
	client := fake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "_plugins/_ppl") {
			var q struct{ Query string }
			_ = json.NewDecoder(r.Body).Decode(&q)
			asked = append(asked, q.Query)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(reply))
			return
		}
		_, _ = w.Write([]byte(`{"orders":{"mappings":{"properties":{"n":{"type":"long"},"at":{"type":"date"}}}},"hits":{"total":{"value":0,"relation":"eq"},"hits":[]},"_shards":{"total":1,"failed":0}}`))
	})
	eng := newEngine(t, withSQL{client}, nil)
	res, err := eng.Query(t.Context(), "source=orders | fields n, at", engine.Limits{MaxRows: 50})
	if err != nil {
		t.Fatal(err)
	}
	if want := "source=orders | fields n, at | head 51"; asked[0] != want {
		t.Errorf("asked %q, want %q", asked[0], want)
	}
	want := [][]any{{int64(9007199254740993), time.Date(2024, 1, 15, 10, 30, 0, 123456000, time.UTC), map[string]any{"a": 1.5}}}
	if diff := cmp.Diff(want, res.Rows); diff != "" {
		t.Error("rows (-want +got):\n" + diff)
	}
	status, reply = http.StatusInternalServerError, `{"error":{"reason":"There was internal problem at backend","details":"boom","type":"RuntimeException"},"status":500}`
	res, err = eng.Query(t.Context(), "source=orders | fields n", engine.Limits{MaxRows: 50})
	if err != nil {
		t.Fatal("a refusal of the plugin ended a query that search answers:", err)
	}
	if len(res.Notes) == 0 || !strings.Contains(res.Notes[len(res.Notes)-1], "boom") {
		t.Errorf("the notes do not tell the refusal: %q", res.Notes)
	}
	status, reply = http.StatusBadRequest, `{"error":{"reason":"Invalid Query","details":"no such thing","type":"SemanticCheckException"},"status":400}`
	if _, err = eng.Query(t.Context(), "source=orders | ml action='predict' modelid='m1'", engine.Limits{}); fault.CodeOf(err) != fault.InvalidQuery || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("a command that only the cluster can run: %v", err)
	}
}

// TestCutIsSaid makes sure that an answer as long as the plugin's own limit is not taken for the whole.
func TestCutIsSaid(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"schema":[{"name":"n","type":"bigint"}],"datarows":[[0]`)
	b.WriteString(strings.Repeat(",[1]", 9_999))
	b.WriteString(`],"total":10000,"size":10000}`)
	client := fake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "_plugins/_ppl") {
			_, _ = w.Write([]byte(b.String()))
			return
		}
		_, _ = w.Write([]byte(`{"orders":{"mappings":{"properties":{"n":{"type":"long"}}}}}`))
	})
	res, err := newEngine(t, withSQL{client}, nil).Query(t.Context(), "source=orders | fields n", engine.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if !res.Truncated || len(res.Rows) != 10_000 {
		t.Errorf("%d rows, truncated %v", len(res.Rows), res.Truncated)
	}
}

// withSQL is a cluster that has the plugin.
type withSQL struct{ *opensearch.Client }

func (withSQL) Capabilities(context.Context) (opensearch.Capabilities, error) {
	return opensearch.Capabilities{Version: opensearch.Version{Major: 3, Minor: 6}, SQL: true, PIT: true}, nil
}
