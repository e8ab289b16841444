package load_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/engine/remote"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/live"
	"github.com/plumbline-mcp/plumbline/internal/load"
	"github.com/plumbline-mcp/plumbline/internal/logs"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// recordings are the incidents beside the checkout, and the one of the demo that every clone has.
func recordings(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{"demo": "../../cmd/plumbline/recording/shop"}
	shared, err := filepath.Glob("../../../shared/fixtures/incidents/shop-*")
	if err != nil || len(shared) == 0 {
		if os.Getenv("REQUIRE_LIVE") == "1" {
			t.Fatalf("no recordings in ../shared/fixtures/incidents: %v", err)
		}
		t.Log("no recordings in ../shared/fixtures/incidents: the demo's alone is compared")
	}
	for _, dir := range shared {
		out[filepath.Base(dir)] = dir
	}
	return out
}

// TestAClusterAndFilesGiveTheSameVerdict loads each recording into a real server and compares what the analyses count and judge
// there with what they do on the files: every number and the order of the suspects. Places of evidence and examples differ.
func TestAClusterAndFilesGiveTheSameVerdict(t *testing.T) {
	end := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) // behind all of them
	url := live.Need(t, "OPENSEARCH_URL")
	client, err := opensearch.New(opensearch.Config{Name: "live", URLs: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	store, err := local.New(local.Config{CacheDir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	for name, dir := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			here, err := store.Open(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			there := loaded(t, client, here, "agree-"+name)
			same(t, "patterns of the logs", here, there, func(eng engine.Engine) (any, error) {
				p, err := logs.FindPatterns(t.Context(), eng, logs.Scope{}, nil)
				if err != nil {
					return nil, err
				}
				var lines []string
				for _, x := range p.List {
					lines = append(lines, fmt.Sprintf("%d %s %v %s %s", x.Count, x.Template, x.Severities, x.First, x.Last))
				}
				return lines, nil
			})
			same(t, "logs over time", here, there, func(eng engine.Engine) (any, error) {
				return logs.FindTimeline(t.Context(), eng, logs.Scope{}, "", "1m")
			})
			same(t, "service map", here, there, func(eng engine.Engine) (any, error) {
				set, err := trace.Load(t.Context(), eng, trace.Options{})
				if err != nil {
					return nil, err
				}
				return set.ServiceMap(0, end.UnixNano(), 0), nil
			})
			same(t, "verdict", here, there, func(eng engine.Engine) (any, error) { return verdict(t, eng, dir) })
		})
	}
}

// loaded copies the tables of a source into the cluster and opens them there.
func loaded(t *testing.T, client *opensearch.Client, from engine.Engine, prefix string) engine.Engine {
	t.Helper()
	p, err := load.Make(t.Context(), from, prefix, prefix, nil)
	if err != nil {
		t.Fatal(err)
	}
	indices := map[engine.Kind]string{}
	for _, c := range p.Tables {
		if c.Kind != engine.Generic && indices[c.Kind] == "" {
			indices[c.Kind] = c.Index
		}
		drop(t, client, c.Index)
		t.Cleanup(func() { drop(t, client, c.Index) })
	}
	res, err := load.Run(t.Context(), p, load.Config{From: from, Target: client, Sleep: noSleep})
	if err != nil || res.Rejected > 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	eng, err := remote.New(remote.Config{Cluster: client, Now: time.Now, Indices: indices})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = eng.Close() })
	return eng
}

// drop removes an index and its template; neither needs to be there.
func drop(t *testing.T, client *opensearch.Client, index string) {
	t.Helper()
	for _, path := range []string{opensearch.Path(index), opensearch.Path("_index_template", index)} {
		_, _ = client.Do(t.Context(), opensearch.Request{Method: http.MethodDelete, Path: path})
	}
}

func same(t *testing.T, what string, here, there engine.Engine, ask func(engine.Engine) (any, error)) {
	t.Helper()
	want, err := ask(here)
	if err != nil {
		t.Fatalf("%s on files: %v", what, err)
	}
	got, err := ask(there)
	if err != nil {
		t.Fatalf("%s on the cluster: %v", what, err)
	}
	if d := cmp.Diff(plain(t, want), plain(t, got)); d != "" {
		t.Errorf("%s: files (-) and cluster (+) differ:\n%s", what, d)
	}
}

// plain is a value as JSON holds it.
func plain(t *testing.T, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// verdict is what an investigation says, without the places and the examples of its evidence.
func verdict(t *testing.T, eng engine.Engine, dir string) (any, error) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "alert.json"))
	if err != nil {
		return nil, err
	}
	alert, err := investigate.ParseAlert(raw)
	if err != nil {
		return nil, err
	}
	r, err := investigate.Run(t.Context(), eng, investigate.Request{Alert: alert})
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, s := range r.Suspects {
		lines = append(lines, fmt.Sprintf("%d %s %s %s %.6f %v %d %v", s.Rank, s.Service, s.Component, s.Family, s.Score, s.Onset, s.Affected, s.Attributes))
	}
	for _, o := range r.RuledOut {
		lines = append(lines, fmt.Sprintf("ruled out %+v", o))
	}
	return []any{r.Incident, r.Onset, r.Window, r.Baseline, lines, r.BlastRadius, strings.TrimSpace(r.Summary)}, nil
}
