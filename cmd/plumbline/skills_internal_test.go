package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/knowledge"
	"github.com/plumbline-mcp/plumbline/skills"
	"github.com/plumbline-mcp/plumbline/tools"
)

// snippet is a call as prose shows it: `tool {"argument": ...}`.
var snippet = regexp.MustCompile("`(?:plumbline call )?([a-z]+_[a-z_]+)(?: --json)? '?(\\{[^`]*\\})'?`")

// argument is the name of one of its arguments, and the value if that is a text.
var argument = regexp.MustCompile(`[{,]\s*"([^"]+)"\s*:\s*(?:"([^"]*)")?`)

// documents returns the Markdown that the binary carries, by place.
func documents(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for root, tree := range map[string]fs.FS{"skills": skills.Tree(), "knowledge": knowledge.Tree()} {
		err := fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(p, ".md") {
				return err
			}
			raw, err := fs.ReadFile(tree, p)
			out[path.Join(root, p)] = string(raw)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// plumb is the process of the tests here, over the demo's recording.
func plumb(t *testing.T) *process {
	t.Helper()
	c := defaults()
	c.Cache.Dir = t.TempDir()
	var complaints bytes.Buffer
	p, err := newProcessOf(t.Context(), host{err: &complaints, env: func(string) string { return "" }, now: time.Now}, c, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.close(); err != nil || complaints.Len() > 0 {
			t.Errorf("%v: %s", err, complaints.String())
		}
	})
	return p
}

func TestEveryCallInSkillsNamesAToolAndItsArguments(t *testing.T) {
	p := plumb(t)
	calls := 0
	for place, text := range documents(t) {
		for _, m := range snippet.FindAllStringSubmatch(text, -1) {
			calls++
			tool, err := p.catalogue.Find(m[1])
			if err != nil {
				t.Errorf("%s: %v", place, err)
				continue
			}
			for _, a := range argument.FindAllStringSubmatch(m[2], -1) {
				all := tool.Arguments()
				i := slices.IndexFunc(all, func(x tools.Argument) bool { return x.Name == a[1] })
				if i < 0 {
					t.Errorf("%s: %s has no argument %q; they are %v", place, m[1], a[1], all)
				} else if e := all[i].Enum; len(e) > 0 && !slices.Contains(e, a[2]) {
					t.Errorf("%s: %s: %s=%q is none of %v", place, m[1], a[1], a[2], e)
				}
			}
		}
	}
	if calls < 10 {
		t.Errorf("only %d calls were found: has their form changed?", calls)
	}
}

// word is a tool's name in prose, in code.
var word = regexp.MustCompile("`([a-z]+_[a-z_]+)`")

func TestEveryToolNamedInSkillsExists(t *testing.T) {
	p := plumb(t)
	prefixes := map[string]bool{}
	for _, tool := range p.catalogue.Tools() {
		prefixes[strings.SplitN(tool.Name, "_", 2)[0]] = true
	}
	for place, text := range documents(t) {
		for _, m := range word.FindAllStringSubmatch(text, -1) {
			if _, err := p.catalogue.Find(m[1]); err != nil && prefixes[strings.SplitN(m[1], "_", 2)[0]] {
				t.Errorf("%s names %s: %s", place, m[1], fault.HintOf(err))
			}
		}
	}
}

// Queries stand in blocks and, in tables, between backticks with the bar escaped.
var (
	block  = regexp.MustCompile("(?s)```ppl\n(.*?)```")
	inline = regexp.MustCompile("`(source=[^`]*)`")
)

// bundleDir is a bundle of an HBase cluster beside the checkout, for queries over its tables.
const bundleDir = "../../../shared/fixtures/hbase/healthy"

func TestEveryQueryInSkillsRunsOnTheDemosRecording(t *testing.T) {
	p := plumb(t)
	tool, err := p.catalogue.Find("logs_query")
	if err != nil {
		t.Fatal(err)
	}
	queries := 0
	for place, text := range documents(t) {
		var all []string
		for _, m := range block.FindAllStringSubmatch(text, -1) {
			all = append(all, strings.TrimSpace(m[1]))
		}
		for _, m := range inline.FindAllStringSubmatch(text, -1) {
			all = append(all, strings.ReplaceAll(m[1], `\|`, "|"))
		}
		for _, q := range all {
			queries++
			source := "recording/shop"
			if strings.HasPrefix(q, "source=hbase_") {
				source = bundleDir
				if _, err := os.Stat(source); err != nil {
					if _, err := ppl.Parse(q); err != nil {
						t.Errorf("%s: %s: %v", place, q, err)
					}
					continue // a clone alone has no bundle of a cluster
				}
			}
			raw, err := json.Marshal(map[string]any{"source": source, "query": q})
			if err != nil {
				t.Fatal(err)
			}
			if a := tool.Call(t.Context(), raw); a.Err != nil {
				t.Errorf("%s: %s\n%s", place, q, a.Text)
			}
		}
	}
	if queries < 5 {
		t.Errorf("only %d queries were found: has their form changed?", queries)
	}
}
