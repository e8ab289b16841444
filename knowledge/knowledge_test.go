package knowledge_test

import (
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/knowledge"
)

// mark is the number of a source behind a statement.
var mark = regexp.MustCompile(`\[(\d)\]`)

func TestEveryPageHasATitleAndEveryStatementNamesItsSource(t *testing.T) {
	pages, err := knowledge.List(knowledge.Tree())
	if err != nil || len(pages) < 50 {
		t.Fatalf("%d pages, error %v", len(pages), err)
	}
	for _, p := range pages {
		raw, err := knowledge.Read(knowledge.Tree(), p.Path)
		if err != nil {
			t.Fatal(err)
		}
		body, sources, ok := strings.Cut(string(raw), "\nSources: ")
		if !ok || p.Title == "" {
			t.Errorf("%s: title %q; want a title and a line that begins with Sources:", p.Path, p.Title)
		}
		used := map[string]bool{}
		for i, line := range strings.Split(body, "\n") {
			if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
				continue
			}
			marks := mark.FindAllStringSubmatch(line, -1)
			if len(marks) == 0 && !strings.HasSuffix(line, ":") {
				t.Errorf("%s:%d: a statement without its source: %s", p.Path, i+1, line)
			}
			for _, m := range marks {
				used[m[0]] = true
			}
		}
		for m := range used {
			if !strings.Contains(sources, m) {
				t.Errorf("%s: %s is no source of the page", p.Path, m)
			}
		}
		for _, m := range mark.FindAllString(sources, -1) {
			if !used[m] {
				t.Errorf("%s: source %s stands behind nothing", p.Path, m)
			}
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
