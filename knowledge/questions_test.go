package knowledge_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/embed/minilm"
	store "github.com/plumbline-mcp/plumbline/internal/knowledge"
	"github.com/plumbline-mcp/plumbline/knowledge"
)

func bundled(t *testing.T) *store.Store {
	t.Helper()
	e := minilm.New(minilm.Config{})
	s := store.New(store.Config{File: filepath.Join(t.TempDir(), "none.db"), Bundled: knowledge.Index(), Embedder: e, Carried: e, Count: e.Count, Now: time.Now})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestTheIndexIsAsNewAsThePages(t *testing.T) {
	want, err := store.Digest(knowledge.Tree(), minilm.New(minilm.Config{}).Model())
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundled(t).Base(t.Context(), store.Bundled)
	if err != nil {
		t.Fatal(err)
	}
	pages, err := knowledge.List(knowledge.Tree())
	if err != nil {
		t.Fatal(err)
	}
	if b.Revision != want || b.Documents != len(pages) || b.Chunks < b.Documents {
		t.Errorf("the index has %d pages of digest %s; there are %d pages of %s: run go generate ./knowledge", b.Documents, b.Revision, len(pages), want)
	}
}

func TestOperationsQuestionsFindTheirPageAmongTheFirstThree(t *testing.T) {
	raw, err := os.ReadFile("testdata/questions.tsv")
	if err != nil {
		t.Fatal(err)
	}
	s := bundled(t)
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	first, three := 0, 0
	for _, line := range lines {
		question, pages, ok := strings.Cut(line, "\t")
		if !ok {
			t.Fatalf("no page: %q", line)
		}
		hits, _, err := s.Search(t.Context(), question, store.Filter{}, 3)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(pages, ",")
		at := slices.IndexFunc(hits, func(h store.Hit) bool { return slices.Contains(want, h.Path) })
		switch {
		case at == 0:
			first++
			three++
		case at > 0:
			three++
		default:
			var got []string
			for _, h := range hits {
				got = append(got, h.Path)
			}
			t.Logf("missed: %q wants %v, got %v", question, want, got)
		}
	}
	t.Logf("%d questions: %d first, %d among three", len(lines), first, three)
	if len(lines) < 60 || three*100 < 95*len(lines) {
		t.Errorf("%d of %d questions found their page among the first three, want 95 %% of 60 or more", three, len(lines))
	}
}
