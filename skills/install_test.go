package skills_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/skills"
)

func TestTheValidatorAgreesWithTheReferenceOnMutatedSkills(t *testing.T) {
	raw, err := os.ReadFile("testdata/mutants.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		What      string `json:"what"`
		Directory string `json:"directory"`
		Text      string `json:"text"`
		Valid     bool   `json:"valid"`
	}
	if err := json.Unmarshal(raw, &cases); err != nil || len(cases) < 30 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		if got := skills.Validate([]byte(c.Text), c.Directory); (len(got) == 0) != c.Valid {
			t.Errorf("%s (in %s): got %v, the reference says valid=%v\n%s", c.What, c.Directory, got, c.Valid, c.Text)
		}
	}
}

func version(text string) fstest.MapFS {
	return fstest.MapFS{
		"x/a-skill/SKILL.md":        {Data: []byte("---\nname: a-skill\ndescription: Does one thing.\n---\n" + text)},
		"x/a-skill/references/r.md": {Data: []byte(text)},
		"x/b-skill/SKILL.md":        {Data: []byte("---\nname: b-skill\ndescription: Does another.\n---\nbody\n")},
	}
}

// install plans and installs a tree and returns the states before and what was kept.
func install(t *testing.T, tree fstest.MapFS, dir string, force bool) (states, kept []string) {
	t.Helper()
	plan, err := skills.Plan(tree, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	left, err := skills.Install(dir, "1", plan, force)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range plan {
		states = append(states, string(p.State)+" "+p.Path)
	}
	for _, k := range left {
		kept = append(kept, k.Path)
	}
	return states, kept
}

func TestInstalledSkillsFollowTheTreeAndEditsAreKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "skills")
	step := func(what string, states, wantStates, kept, wantKept []string) {
		t.Helper()
		if diff := cmp.Diff(wantStates, states) + cmp.Diff(wantKept, kept); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	files := func(a, r, b string) []string {
		return []string{a + " a-skill/SKILL.md", r + " a-skill/references/r.md", b + " b-skill/SKILL.md"}
	}
	states, kept := install(t, version("one\n"), dir, false)
	step("at first", states, files("missing", "missing", "missing"), kept, nil)
	states, kept = install(t, version("one\n"), dir, false)
	step("again", states, files("same", "same", "same"), kept, nil)
	edited := filepath.Join(dir, "a-skill", "references", "r.md")
	if err := os.WriteFile(edited, []byte("mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	states, kept = install(t, version("two\n"), dir, false)
	step("a new version over an edit", states, files("outdated", "edited", "same"), kept, []string{"a-skill/references/r.md"})
	if raw, err := os.ReadFile(edited); err != nil || string(raw) != "mine\n" {
		t.Errorf("the edit is %q, %v", raw, err)
	}
	removed, left, err := skills.Uninstall(dir, []string{"a-skill"}, false)
	if err != nil || !slices.Equal(removed, []string{"a-skill/SKILL.md"}) || !slices.Equal(left, []string{"a-skill/references/r.md"}) {
		t.Errorf("uninstall: removed %v, kept %v, %v", removed, left, err)
	}
	_, kept = install(t, version("two\n"), dir, true)
	if raw, err := os.ReadFile(edited); err != nil || string(raw) != "two\n" || len(kept) != 0 {
		t.Errorf("with force: %q, kept %v, %v", raw, kept, err)
	}
	smaller := version("two\n")
	delete(smaller, "x/b-skill/SKILL.md")
	if states, _ = install(t, smaller, dir, false); states[len(states)-1] != "gone b-skill/SKILL.md" {
		t.Errorf("a skill that left: %v", states)
	}
	if _, err := os.Stat(filepath.Join(dir, "b-skill")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its directory: %v", err)
	}
	if _, _, err := skills.Uninstall(dir, nil, false); err != nil {
		t.Fatal(err)
	}
	if rest, err := os.ReadDir(dir); err != nil || len(rest) != 0 {
		t.Errorf("left over: %v, %v", rest, err)
	}
}

func TestALockThatLeadsOutOfItsDirectoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".plumbline-skills.json"), []byte(`{"files":{"../x":"sha256:0"}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := skills.Uninstall(dir, nil, true); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("got %v", err)
	}
	if _, err := skills.Plan(version("x"), t.TempDir(), []string{"c-skill"}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("an unknown skill: %v", err)
	}
}
