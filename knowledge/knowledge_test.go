package knowledge_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/knowledge"
)

func TestEveryPageHasATitleAndNamesItsSources(t *testing.T) {
	pages, err := knowledge.List(knowledge.Tree())
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d pages, error %v", len(pages), err)
	}
	for _, p := range pages {
		raw, err := knowledge.Read(knowledge.Tree(), p.Path)
		if err != nil {
			t.Fatal(err)
		}
		if p.Title == "" || !strings.Contains(string(raw), "\nSources: ") {
			t.Errorf("%s: title %q; want a title and a line that begins with Sources:", p.Path, p.Title)
		}
	}
}

func TestAPageWithoutATitleIsRefused(t *testing.T) {
	_, err := knowledge.List(fstest.MapFS{"a/b.md": {Data: []byte("text\n")}})
	if err == nil || !strings.Contains(err.Error(), "a/b.md:1") {
		t.Errorf("got %v, want an error at a/b.md:1", err)
	}
}

func TestAnUnknownPageIsNotFound(t *testing.T) {
	if _, err := knowledge.Read(knowledge.Tree(), "no/page.md"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("got %v, want not_found", err)
	}
}
