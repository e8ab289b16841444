package knn_test

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/embed/minilm"
	"github.com/plumbline-mcp/plumbline/internal/knowledge"
	"github.com/plumbline-mcp/plumbline/internal/knowledge/knn"
	"github.com/plumbline-mcp/plumbline/internal/live"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

// prefix of the indices of this test.
const prefix = "plumbline-test-knowledge"

func TestLiveABaseInAClusterAnswersAsOneInAFile(t *testing.T) {
	c, err := opensearch.New(opensearch.Config{Name: "live", URLs: []string{live.Need(t, live.OpenSearchURL)}})
	if err != nil {
		t.Fatal(err)
	}
	remove := func(ctx context.Context) {
		if _, err := c.Do(ctx, opensearch.Request{Method: http.MethodDelete, Path: opensearch.Path(prefix + "-384"), Query: url.Values{"ignore_unavailable": {"true"}}}); err != nil {
			t.Log(err)
		}
	}
	remove(t.Context())
	t.Cleanup(func() {
		remove(context.Background())
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	docs := filepath.Join(dir, "docs")
	for name, text := range map[string]string{
		"disk.md": "# Disks\n\nWhen the volume is full, delete old indices.", "pay.md": "# Payments\n\nThe vendor throttles us: lower the batch size.",
		"code/x.go": "package x\n\n// Retry waits and tries again.\nfunc Retry() {}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(docs, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(docs, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e := minilm.New(minilm.Config{})
	inFile := knowledge.Config{File: filepath.Join(dir, "file.db"), Embedder: e, Carried: e, Count: e.Count, Now: time.Now}
	inCluster := inFile
	inCluster.File, inCluster.Lists = filepath.Join(dir, "cluster.db"), knn.New(func() (knn.Cluster, error) { return c, nil }, prefix)
	a, b := knowledge.New(inFile), knowledge.New(inCluster)
	defer a.Close()
	defer b.Close()
	src := knowledge.Source{Name: "ours", Kind: knowledge.KindPath, Location: docs}
	for _, s := range []*knowledge.Store{a, b} {
		if r, err := s.Update(t.Context(), src); err != nil || r.Changed != 3 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	same := func(query string, f knowledge.Filter) {
		t.Helper()
		want, got := found(t, a, query, f), found(t, b, query, f)
		if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
			t.Errorf("%s %+v: file and cluster differ:\n%s", query, f, diff)
		}
	}
	same("no space left", knowledge.Filter{})
	same("the supplier limits our requests", knowledge.Filter{})
	same("waits", knowledge.Filter{Kind: "code"})
	same("batch", knowledge.Filter{Base: "ours", Path: "pay*"})
	// What leaves the directory leaves the cluster, and so does the base.
	if err := os.Remove(filepath.Join(docs, "pay.md")); err != nil {
		t.Fatal(err)
	}
	if r, err := b.Update(t.Context(), src); err != nil || r.Removed != 1 || r.Unchanged != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if n := count(t, c); n != 2 {
		t.Errorf("%d chunks in the cluster, want 2", n)
	}
	if err := b.Remove(t.Context(), "ours"); err != nil {
		t.Fatal(err)
	}
	if n := count(t, c); n != 0 {
		t.Errorf("%d chunks left in the cluster", n)
	}
}

func found(t *testing.T, s *knowledge.Store, query string, f knowledge.Filter) []string {
	t.Helper()
	hits, notes, err := s.Search(t.Context(), query, f, 1)
	if err != nil || len(notes) > 0 {
		t.Fatal(notes, err)
	}
	var out []string
	for _, h := range hits {
		out = append(out, h.Path)
	}
	return out
}

func count(t *testing.T, c *opensearch.Client) int64 {
	t.Helper()
	got, err := c.Search(t.Context(), opensearch.Search{Index: prefix + "-*", Body: []byte(`{"size":0,"track_total_hits":true}`)})
	if err != nil {
		t.Fatal(err)
	}
	return got.Total
}
