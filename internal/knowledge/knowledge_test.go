package knowledge_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/embed"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/knowledge"
)

// bag embeds a text as its words, each a direction of 64: near enough to meaning for these tests, and quick.
type bag struct {
	name string
	left int // calls before it fails; negative = never
}

func (b *bag) Model() embed.Model { return embed.Model{Name: b.name, Dimension: 64} }

var errGone = errors.New("the service is gone")

func (b *bag) Embed(_ context.Context, texts []string) ([][]float32, error) {
	if b.left == 0 {
		return nil, errGone
	}
	b.left--
	out := make([][]float32, len(texts))
	for i, t := range texts {
		v, square := make([]float32, 64), 0.0
		for _, w := range append(strings.Fields(strings.ToLower(t)), "the") {
			h := fnv.New32a()
			h.Write([]byte(w))
			v[h.Sum32()%64]++
		}
		for _, x := range v {
			square += float64(x * x)
		}
		for k := range v {
			v[k] /= float32(math.Sqrt(square))
		}
		out[i] = v
	}
	return out, nil
}

func words(s string) int { return len(strings.Fields(s)) }

func store(t *testing.T, dir string, e embed.Embedder) *knowledge.Store {
	t.Helper()
	s := knowledge.New(knowledge.Config{
		File: filepath.Join(dir, "data", "knowledge.db"), Repos: filepath.Join(dir, "repos"), Embedder: e, Carried: e, Count: words,
		Now: func() time.Time { return time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC) },
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func update(t *testing.T, s *knowledge.Store, name, location string) knowledge.Report {
	t.Helper()
	r, err := s.Update(t.Context(), knowledge.Source{Name: name, Kind: knowledge.KindPath, Location: location})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func paths(t *testing.T, s *knowledge.Store, query string, f knowledge.Filter) []string {
	t.Helper()
	hits, notes, err := s.Search(t.Context(), query, f, 5)
	if err != nil || len(notes) > 0 {
		t.Fatal(notes, err)
	}
	var out []string
	for _, h := range hits {
		out = append(out, h.Base+":"+h.Path)
	}
	return out
}

func TestABaseFollowsItsDirectoryByContent(t *testing.T) {
	dir := t.TempDir()
	docs := filepath.Join(dir, "docs")
	write(t, docs, map[string]string{"a.md": "# Kettles\n\nboil water", "sub/b.txt": "ropes and knots", "c.bin": "x", ".hidden.md": "no", "node_modules/m.md": "no"})
	s := store(t, dir, &bag{"one", -1})
	r := update(t, s, "mine", docs)
	if r.Files != 2 || r.Changed != 2 || r.Skipped["no reader for .bin"] != 1 {
		t.Errorf("first update: %+v", r)
	}
	if r := update(t, s, "mine", docs); r.Unchanged != 2 || r.Changed != 0 {
		t.Errorf("second update: %+v", r)
	}
	write(t, docs, map[string]string{"a.md": "# Kettles\n\nwhistle loudly"})
	if err := os.Remove(filepath.Join(docs, "sub/b.txt")); err != nil {
		t.Fatal(err)
	}
	if r := update(t, s, "mine", docs); r.Changed != 1 || r.Removed != 1 {
		t.Errorf("third update: %+v", r)
	}
	if got := paths(t, s, "whistle", knowledge.Filter{}); !slices.Equal(got, []string{"mine:a.md"}) {
		t.Errorf("whistle: %v", got)
	}
	b, err := s.Base(t.Context(), "mine")
	if err != nil || b.Documents != 1 || b.Chunks != 1 || !b.Complete || b.Dimension != 64 {
		t.Errorf("%+v, %v", b, err)
	}
	if err := s.Remove(t.Context(), "mine"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Base(t.Context(), "mine"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("after removal: %v", err)
	}
}

func many(n int) map[string]string {
	out := map[string]string{}
	for i := range n {
		out[fmt.Sprintf("p%03d.md", i)] = fmt.Sprintf("# Page %d\n\nnumber n%d is here\n", i, i)
	}
	return out
}

func TestAnUpdateThatBreaksOffGoesOnWhereItWas(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "docs"), many(300))
	src := knowledge.Source{Name: "mine", Kind: knowledge.KindPath, Location: filepath.Join(dir, "docs")}
	e := &bag{"one", 2}
	if _, err := store(t, dir, e).Update(t.Context(), src); !errors.Is(err, errGone) {
		t.Fatalf("got %v, want the service's failure", err)
	}
	s := store(t, dir, &bag{"one", -1}) // as after a restart
	b, err := s.Base(t.Context(), "mine")
	if err != nil || b.Complete || b.Documents == 0 || b.Documents == 300 {
		t.Errorf("in between: %+v, %v", b, err)
	}
	r, err := s.Update(t.Context(), src)
	if err != nil || r.Unchanged != b.Documents || r.Changed != 300-b.Documents {
		t.Errorf("going on: %+v, %v", r, err)
	}
	if b, err := s.Base(t.Context(), "mine"); err != nil || !b.Complete || b.Documents != 300 || b.Chunks != 300 {
		t.Errorf("at the end: %+v, %v", b, err)
	}
	if got := paths(t, s, "n217", knowledge.Filter{}); got[0] != "mine:p217.md" {
		t.Errorf("found %v", got)
	}
}

func TestVectorsOfAnotherModelAreMadeAnewNeverMixed(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "docs"), many(200))
	update(t, store(t, dir, &bag{"one", -1}), "mine", filepath.Join(dir, "docs"))
	src := knowledge.Source{Name: "mine", Kind: knowledge.KindPath, Location: filepath.Join(dir, "docs")}
	if _, err := store(t, dir, &bag{"two", 1}).Update(t.Context(), src); err == nil {
		t.Fatal("the update should break off")
	}
	s := store(t, dir, &bag{"two", -1})
	if b, err := s.Base(t.Context(), "mine"); err != nil || b.Model != "two" || b.Documents > 100 {
		t.Errorf("in between: %+v, %v", b, err)
	}
	if r := update(t, s, "mine", filepath.Join(dir, "docs")); r.Changed+r.Unchanged != 200 {
		t.Errorf("%+v", r)
	}
	// The first model again: its vectors are gone, the words still answer.
	hits, _, err := store(t, dir, &bag{"one", -1}).Search(t.Context(), "n7", knowledge.Filter{}, 3)
	if err != nil || len(hits) == 0 || hits[0].Path != "p007.md" || hits[0].Parts.CosineRank != 0 {
		t.Errorf("%+v, %v", hits, err)
	}
}

func TestWordsAnswerWhenTheEmbedderIsGone(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "docs"), map[string]string{"a.md": "# A\n\nkettle"})
	update(t, store(t, dir, &bag{"one", -1}), "mine", filepath.Join(dir, "docs"))
	hits, notes, err := store(t, dir, &bag{"one", 0}).Search(t.Context(), "kettle", knowledge.Filter{}, 3)
	if err != nil || len(hits) != 1 || len(notes) != 1 || !strings.Contains(notes[0], "words alone") {
		t.Errorf("%v, notes %v, error %v", hits, notes, err)
	}
}

func TestFiltersAndCitations(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x"), map[string]string{
		"ops/kettle.md": "# Kettle\n\nfirst\n\n## Descaling\n\nuse vinegar on the kettle\n", "src/kettle.go": "package kettle\n\n// Boil heats.\nfunc Boil() {}\n",
	})
	write(t, filepath.Join(dir, "y"), map[string]string{"kettle.txt": "kettle notes"})
	s := store(t, dir, &bag{"one", -1})
	update(t, s, "x", filepath.Join(dir, "x"))
	update(t, s, "y", filepath.Join(dir, "y"))
	for _, c := range []struct {
		f    knowledge.Filter
		want []string
	}{
		{knowledge.Filter{Base: "y"}, []string{"y:kettle.txt"}},
		{knowledge.Filter{Path: "ops"}, []string{"x:ops/kettle.md"}},
		{knowledge.Filter{Path: "*.go"}, []string{"x:src/kettle.go"}},
		{knowledge.Filter{Kind: "code"}, []string{"x:src/kettle.go"}},
		{knowledge.Filter{Base: "y", Kind: "code"}, nil},
	} {
		if diff := cmp.Diff(c.want, paths(t, s, "kettle", c.f)); diff != "" {
			t.Errorf("%+v: %s", c.f, diff)
		}
	}
	hits, _, err := s.Search(t.Context(), "vinegar", knowledge.Filter{}, 1)
	if err != nil || len(hits) != 1 {
		t.Fatal(hits, err)
	}
	p, err := s.Page(t.Context(), hits[0].Base, hits[0].Path, hits[0].Start, hits[0].End)
	if err != nil || !strings.Contains(strings.Join(p.Lines, "\n"), "vinegar") || !strings.Contains(hits[0].Snippet, "vinegar") || hits[0].Parts.BM25Rank != 1 {
		t.Errorf("hit %+v, page %+v, %v", hits[0], p, err)
	}
	if _, _, err := s.Search(t.Context(), "kettle", knowledge.Filter{Base: "z"}, 1); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("unknown base: %v", err)
	}
	for _, odd := range []string{`"`, `a" OR "b`, "NEAR(", "*", "-", "heading:x", "日本語", strings.Repeat("word ", 500)} {
		if _, _, err := s.Search(t.Context(), odd, knowledge.Filter{}, 3); err != nil {
			t.Errorf("query %.20q: %v", odd, err)
		}
	}
}

func TestPagesAreReadByRangeAndByCitation(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x"), map[string]string{"a.md": "# A\n\none\ntwo\nthree"})
	write(t, filepath.Join(dir, "y"), map[string]string{"a.md": "# A\n\nother"})
	s := store(t, dir, &bag{"one", -1})
	update(t, s, "x", filepath.Join(dir, "x"))
	update(t, s, "y", filepath.Join(dir, "y"))
	p, err := s.Page(t.Context(), "", "x:a.md", 3, 4)
	if err != nil || !slices.Equal(p.Lines, []string{"one", "two"}) || p.Total != 5 {
		t.Errorf("%+v, %v", p, err)
	}
	for path, code := range map[string]fault.Code{"a.md": fault.InvalidArgument, "b.md": fault.NotFound} {
		if _, err := s.Page(t.Context(), "", path, 0, 0); fault.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", path, err, code)
		}
	}
	if _, err := s.Page(t.Context(), "x", "a.md", 9, 0); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("beyond the end: %v", err)
	}
}

func TestALinkOutOfTheDirectoryIsNotFollowed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"secret.txt": "password", "docs/a.md": "# A"})
	if err := os.Symlink(filepath.Join(dir, "secret.txt"), filepath.Join(dir, "docs", "link.txt")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	git(t, filepath.Join(dir, "docs"), "init", "-q") // git lists links too
	s := store(t, dir, &bag{"one", -1})
	r := update(t, s, "mine", filepath.Join(dir, "docs"))
	if r.Changed != 1 || len(r.Failed) != 1 {
		t.Errorf("%+v", r)
	}
	if got := paths(t, s, "password", knowledge.Filter{}); slices.Contains(got, "mine:link.txt") {
		t.Errorf("found %v", got)
	}
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=n", "-c", "user.email=e@example.org"}, args...)...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func TestAGitRepositoryIsClonedAndFollowed(t *testing.T) {
	dir := t.TempDir()
	repo := filepath.Join(dir, "repo")
	write(t, repo, map[string]string{"a.md": "# A\n\nfirst kettle", ".gitignore": "out.md\n", "out.md": "# built"})
	git(t, repo, "init", "-q")
	git(t, repo, "add", "-A")
	git(t, repo, "commit", "-q", "-m", "one")
	s := store(t, dir, &bag{"one", -1})
	src := knowledge.Source{Name: "repo", Kind: knowledge.KindGit, Location: "file://" + repo}
	first, err := s.Update(t.Context(), src)
	if err != nil || first.Changed != 1 || len(first.Revision) != 40 {
		t.Fatalf("%+v, %v", first, err)
	}
	write(t, repo, map[string]string{"b.md": "# B\n\nsecond teapot"})
	git(t, repo, "add", "-A")
	git(t, repo, "commit", "-q", "-m", "two")
	second, err := s.Update(t.Context(), src)
	if err != nil || second.Changed != 1 || second.Unchanged != 1 || second.Revision == first.Revision {
		t.Errorf("%+v, %v", second, err)
	}
	if got := paths(t, s, "teapot", knowledge.Filter{}); got[0] != "repo:b.md" {
		t.Errorf("found %v", got)
	}
	for _, bad := range []string{"ext::sh -c id", "--upload-pack=id", "file:///nowhere"} {
		if _, err := s.Update(t.Context(), knowledge.Source{Name: "bad", Kind: knowledge.KindGit, Location: bad}); err == nil {
			t.Errorf("%s was cloned", bad)
		}
	}
}

func TestTheBundleIsReadInPlaceBesideTheUsersBases(t *testing.T) {
	dir := t.TempDir()
	e := &bag{"one", -1}
	out := filepath.Join(dir, "index.db")
	pages := fstest.MapFS{"area/k.md": {Data: []byte("# Kettle\n\nboil the kettle")}}
	if _, err := knowledge.Bundle(t.Context(), pages, out, e, words); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	s := knowledge.New(knowledge.Config{
		File: filepath.Join(dir, "own.db"), Bundled: fstest.MapFS{"index.db": {Data: raw}}, Embedder: e, Carried: e, Count: words, Now: time.Now,
	})
	defer s.Close()
	if got := paths(t, s, "kettle", knowledge.Filter{}); !slices.Equal(got, []string{"plumbline:area/k.md"}) {
		t.Errorf("bundled: %v", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "own.db")); err == nil {
		t.Error("a search made the user's file")
	}
	write(t, filepath.Join(dir, "docs"), map[string]string{"a.md": "# Own\n\nmy kettle"})
	update(t, s, "mine", filepath.Join(dir, "docs"))
	if got := paths(t, s, "kettle", knowledge.Filter{}); len(got) != 2 {
		t.Errorf("both: %v", got)
	}
	if err := s.Remove(t.Context(), knowledge.Bundled); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("removing what is built in: %v", err)
	}
}

func TestNamesAndPlacesThatAreWrongAreRefused(t *testing.T) {
	s := store(t, t.TempDir(), &bag{"one", -1})
	for _, src := range []knowledge.Source{
		{Name: "../x", Kind: knowledge.KindPath, Location: "."},
		{Name: "plumbline", Kind: knowledge.KindPath, Location: "."},
		{Name: "x", Kind: knowledge.KindPath, Location: "/nowhere/at/all"},
	} {
		if _, err := s.Update(t.Context(), src); err == nil {
			t.Errorf("%+v was taken", src)
		}
	}
}
