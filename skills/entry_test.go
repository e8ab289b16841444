package skills_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/skills"
)

func TestAnEntryListsEveryFileAsItIsServed(t *testing.T) {
	tree := fstest.MapFS{
		"x/a-skill/SKILL.md":        {Data: []byte("---\nname: a-skill\ndescription: Does one thing.\nmetadata:\n  version: \"1.0\"\n---\n# Body\n")},
		"x/a-skill/references/ü.md": {Data: []byte("text\n")},
	}
	got, err := skills.Entries(tree)
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	want := skills.Entry{
		URI:         "skill://x/a-skill/SKILL.md",
		Frontmatter: map[string]any{"name": "a-skill", "description": "Does one thing.", "metadata": map[string]any{"version": "1.0"}},
	}
	for _, f := range []string{"x/a-skill/SKILL.md", "x/a-skill/references/ü.md"} {
		raw := tree[f].Data
		want.Resources = append(want.Resources, skills.Resource{URI: "skill://" + f, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(raw)), Size: len(raw)})
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}
	children, err := skills.Children(tree, "skill://x/a-skill/")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]skills.Child{
		{URI: "skill://x/a-skill/SKILL.md", Name: "SKILL.md", MIMEType: "text/markdown", Size: want.Resources[0].Size},
		{URI: "skill://x/a-skill/references", Name: "references", MIMEType: "inode/directory"},
	}, children); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"skill://x/a-skill/SKILL.md", "skill://nowhere", "skill://../x", "skill://", "file:///x", ""} {
		if _, err := skills.Children(tree, bad); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%q: %v, want invalid_argument", bad, err)
		}
	}
}

func TestEveryEntryOfTheTreeKeepsTheLimitsOfTheExtension(t *testing.T) {
	all, err := skills.Entries(skills.Tree())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		total := 0
		for _, r := range e.Resources {
			total += r.Size
		}
		if len(e.Resources) > 512 || total > 16<<20 || e.Resources[0].URI != e.URI {
			t.Errorf("%s: %d files of %d bytes, the first %s", e.URI, len(e.Resources), total, e.Resources[0].URI)
		}
	}
}
