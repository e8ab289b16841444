package skills_test

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/skills"
)

func TestEverySkillOfTheTreeIsValidAndListed(t *testing.T) {
	all, err := skills.List(skills.Tree())
	if err != nil {
		t.Fatal(err)
	}
	dirs := map[string]bool{}
	err = fs.WalkDir(skills.Tree(), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.Count(p, "/") == 1 && d.IsDir() {
			dirs[p] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		delete(dirs, path.Dir(s.Path))
	}
	if len(all) == 0 || len(dirs) != 0 {
		t.Errorf("%d skills listed; directories without one: %v", len(all), dirs)
	}
}

var link = regexp.MustCompile(`\]\(([^)]+)\)`)

func TestEveryLinkReachesAFileOfItsSkillAndEveryReferenceIsLinked(t *testing.T) {
	all, err := skills.List(skills.Tree())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		raw, err := skills.Read(skills.Tree(), s.Path)
		if err != nil {
			t.Fatal(err)
		}
		linked := map[string]bool{s.Path: true}
		for _, m := range link.FindAllStringSubmatch(skills.Body(raw), -1) {
			linked[path.Join(path.Dir(s.Path), m[1])] = true
		}
		for _, f := range s.Files {
			if !linked[f] {
				t.Errorf("%s is not linked from %s", f, s.Path)
			}
			delete(linked, f)
		}
		for f := range linked {
			t.Errorf("%s links to %s, which is not there", s.Path, f)
		}
	}
}

func TestASkillThatBreaksARuleIsRefusedByFileAndRule(t *testing.T) {
	const good = "---\nname: a-skill\ndescription: Does one thing.\n---\n# Body\n"
	for name, c := range map[string]struct{ text, want string }{
		"no front matter":      {"# Body\n", "front matter"},
		"an unknown key":       {strings.Replace(good, "---\n#", "colour: red\n---\n#", 1), "colour"},
		"another name":         {strings.Replace(good, "a-skill", "b-skill", 1), "directory"},
		"upper case":           {strings.Replace(good, "a-skill", "A-skill", 1), "hyphens"},
		"two hyphens together": {strings.Replace(good, "a-skill", "a--skill", 1), "hyphens"},
		"no description":       {strings.Replace(good, "Does one thing.", `""`, 1), "description"},
		"a long description":   {strings.Replace(good, "Does one thing.", strings.Repeat("x", 1025), 1), "description"},
		"a long body":          {good + strings.Repeat("line\n", 400), "body"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := skills.List(fstest.MapFS{"x/a-skill/SKILL.md": {Data: []byte(c.text)}})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "x/a-skill/SKILL.md") {
				t.Errorf("got error %v, want one that names the file and %q", err, c.want)
			}
		})
	}
	if _, err := skills.List(fstest.MapFS{"x/a-skill/SKILL.md": {Data: []byte(good)}}); err != nil {
		t.Errorf("the good skill: %v", err)
	}
}

func TestAnUnknownSkillIsNotFoundAndTheHintListsTheNames(t *testing.T) {
	_, err := skills.Find(skills.Tree(), "log-analyse")
	if fault.CodeOf(err) != fault.NotFound || !strings.Contains(fault.HintOf(err), "log-analysis") {
		t.Errorf("got %v (%s), hint %q", err, fault.CodeOf(err), fault.HintOf(err))
	}
}
