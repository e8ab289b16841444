package load_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/load"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

// shelf is a cluster that keeps documents by index and id.
type shelf struct {
	mu        sync.Mutex
	docs      map[string]map[string]string
	templates map[string]string
	bulks     int
	fail      func(bulk int) error                    // of a whole request
	item      func(bulk int, id string) (int, string) // status and reason of a document
}

func newShelf() *shelf {
	return &shelf{docs: map[string]map[string]string{}, templates: map[string]string{}}
}

// Do implements load.Target.
func (s *shelf) Do(_ context.Context, r opensearch.Request) (*opensearch.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := strings.Split(strings.Trim(r.Path, "/"), "/")
	switch {
	case parts[0] == "_index_template":
		s.templates[parts[1]] = string(r.Body)
	case parts[1] == "_bulk":
		return s.bulk(parts[0], r.Body)
	case parts[1] == "_search":
		if s.docs[parts[0]] == nil {
			return nil, fmt.Errorf("search: %w", &opensearch.ResponseError{Status: http.StatusNotFound})
		}
		return &opensearch.Response{Body: fmt.Appendf(nil, `{"hits":{"total":{"value":%d}}}`, len(s.docs[parts[0]]))}, nil
	}
	return &opensearch.Response{Body: []byte("{}")}, nil
}

func (s *shelf) bulk(index string, body []byte) (*opensearch.Response, error) {
	s.bulks++
	if s.fail != nil {
		if err := s.fail(s.bulks); err != nil {
			return nil, err
		}
	}
	if s.docs[index] == nil {
		s.docs[index] = map[string]string{}
	}
	var items []string
	bad := false
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var head struct {
			Index struct {
				ID string `json:"_id"`
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
			return nil, err
		}
		lines.Scan()
		status, reason := 201, ""
		if s.item != nil {
			status, reason = s.item(s.bulks, head.Index.ID)
		}
		if status >= 300 {
			bad = true
			items = append(items, fmt.Sprintf(`{"index":{"status":%d,"error":{"type":"mapper_parsing_exception","reason":%q}}}`, status, reason))
			continue
		}
		s.docs[index][head.Index.ID] = lines.Text()
		items = append(items, `{"index":{"status":201}}`)
	}
	return &opensearch.Response{Body: fmt.Appendf(nil, `{"errors":%t,"items":[%s]}`, bad, strings.Join(items, ","))}, nil
}

// source is n logs and one span in files.
func source(t *testing.T, n int) engine.Engine {
	t.Helper()
	dir := t.TempDir()
	var logs strings.Builder
	for i := range n {
		fmt.Fprintf(&logs, `{"@timestamp":"2026-05-01T12:00:00.%09dZ","severityText":"INFO","body":"line %d","traceId":"t","resource":{"attributes":{"service.name":"web"}},"attributes":{"empty":null,"tags":["a","b"]}}`+"\n", i, i)
	}
	span := `{"traceId":"t","spanId":"s","parentSpanId":"","name":"GET","kind":"SPAN_KIND_SERVER","serviceName":"web","startTime":"2026-05-01T12:00:00.1Z","endTime":"2026-05-01T12:00:00.2Z","durationInNanos":100000000,"status":{"code":0},"traceGroupFields":{"endTime":"2026-05-01T12:00:00.2Z","durationInNanos":1,"statusCode":0},"attributes":{},"resource":{"attributes":{}},"events":[{"name":"e","time":"2026-05-01T12:00:00.15Z","attributes":{}}]}` + "\n"
	for name, text := range map[string]string{"logs.jsonl": logs.String(), "spans.jsonl": span} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store, err := local.New(local.Config{CacheDir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	eng, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return eng
}

func plan(t *testing.T, eng engine.Engine, tables ...string) *load.Plan {
	t.Helper()
	p, err := load.Make(t.Context(), eng, "here", "demo", tables)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func noSleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func TestTablesBecomeDocumentsOfTheStandardForm(t *testing.T) {
	eng, s := source(t, 3), newShelf()
	res, err := load.Run(t.Context(), plan(t, eng), load.Config{From: eng, Target: s, Sleep: noSleep})
	if err != nil || res.Rows != 4 || res.Rejected != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	var log, span map[string]any
	if err := errors.Join(json.Unmarshal([]byte(s.docs["demo-logs"]["logs-1"]), &log), json.Unmarshal([]byte(s.docs["demo-spans"]["spans-0"]), &span)); err != nil {
		t.Fatal(err)
	}
	if log["@timestamp"] != "2026-05-01T12:00:00.000000001Z" || log["body"] != "line 1" {
		t.Errorf("log: %v", log)
	}
	group, _ := span["traceGroupFields"].(map[string]any)
	if span["startTime"] != "2026-05-01T12:00:00.1Z" || group["endTime"] != "2026-05-01T12:00:00.2Z" {
		t.Errorf("span: %v", span)
	}
	if !strings.Contains(s.templates["demo-spans"], `"startTime":{"type":"date_nanos"}`) {
		t.Errorf("template: %s", s.templates["demo-spans"])
	}
}

func TestARunThatBrokeGoesOnWhereItStopped(t *testing.T) {
	const n = 12_000
	eng, s := source(t, n), newShelf()
	p := plan(t, eng, "logs")
	journal := load.Files{Dir: t.TempDir()}
	s.fail = func(bulk int) error {
		if bulk == 2 {
			return fault.New(fault.Unavailable, "the line is cut")
		}
		return nil
	}
	config := load.Config{From: eng, Target: s, Journal: journal, Sleep: noSleep}
	if _, err := load.Run(t.Context(), p, config); err == nil {
		t.Fatal("no error")
	}
	s.fail = nil
	res, err := load.Run(t.Context(), p, config)
	if err != nil {
		t.Fatal(err)
	}
	if res.Rows+res.Skipped != n || res.Skipped == 0 || len(s.docs["demo-logs"]) != n {
		t.Errorf("%+v, %d documents", res, len(s.docs["demo-logs"]))
	}
	delete(s.docs, "demo-logs") // the truth is in the cluster
	if res, err = load.Run(t.Context(), p, config); err != nil || res.Rows != n || len(s.docs["demo-logs"]) != n {
		t.Errorf("after the index was deleted: %+v, %v, %d documents", res, err, len(s.docs["demo-logs"]))
	}
}

func TestDocumentsWithoutRoomAreSentAgainAndRefusedOnesCounted(t *testing.T) {
	eng, s := source(t, 100), newShelf()
	s.item = func(bulk int, id string) (int, string) {
		switch {
		case strings.HasSuffix(id, "-7"):
			return http.StatusBadRequest, "no"
		case bulk < 3 && strings.HasSuffix(id, "9"):
			return http.StatusTooManyRequests, "full"
		}
		return http.StatusCreated, ""
	}
	res, err := load.Run(t.Context(), plan(t, eng, "logs"), load.Config{From: eng, Target: s, Sleep: noSleep})
	if err != nil || res.Rows != 99 || res.Rejected != 1 || len(s.docs["demo-logs"]) != 99 {
		t.Fatalf("%+v, %v", res, err)
	}
	if e := res.Examples[0]; e.Table != "logs" || e.Row != 7 || !strings.Contains(e.Reason, "mapper_parsing_exception: no") {
		t.Errorf("%+v", e)
	}
}

func TestARefusalOfEverythingEndsTheRun(t *testing.T) {
	eng, s := source(t, 10), newShelf()
	s.item = func(int, string) (int, string) { return http.StatusBadRequest, "another form" }
	_, err := load.Run(t.Context(), plan(t, eng, "logs"), load.Config{From: eng, Target: s, Sleep: noSleep})
	if err == nil || !strings.Contains(err.Error(), "another form") || fault.HintOf(err) == "" {
		t.Errorf("%v", err)
	}
	s.item = func(int, string) (int, string) { return http.StatusTooManyRequests, "full" }
	if _, err = load.Run(t.Context(), plan(t, eng, "logs"), load.Config{From: eng, Target: s, Sleep: noSleep}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("%v", err)
	}
}

func TestAPlanNeedsNamesThatCanBe(t *testing.T) {
	eng := source(t, 1)
	for name, c := range map[string]struct {
		prefix string
		tables []string
	}{
		"an upper-case index":  {"Demo", nil},
		"an index with a star": {"de*", nil},
		"a hidden index":       {"_demo", nil},
		"a table not there":    {"demo", []string{"nothing"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := load.Make(t.Context(), eng, "here", c.prefix, c.tables); err == nil || fault.HintOf(err) == "" {
				t.Errorf("got %v", err)
			}
		})
	}
}
