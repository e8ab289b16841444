// Package skills is the tree of SKILL.md documents that Plumbline carries: how to do a job with its tools, step by step,
// for any agent that can read Markdown.
//
// Words: a skill is a directory <category>/<name>/ with a SKILL.md (front matter and body) and optionally references/*.md,
// one level deep; the front matter follows the Agent Skills specification (agentskills.io). The tree is embedded; paths are
// slash-separated and relative to it.
package skills

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

//go:embed */*/SKILL.md */*/references/*.md
var tree embed.FS

// Limits of the Agent Skills specification, and of the tool budgets: a body is read whole into an agent's context.
const (
	maxName        = 64
	maxDescription = 1024
	maxBodyLines   = 300
	maxBodyBytes   = 14_000 // about 3,500 tokens
)

// entry is the file that makes a directory a skill.
const entry = "SKILL.md"

// Skill is one skill of the tree.
type Skill struct {
	Name        string   // equals the directory's name
	Category    string   // the directory above it
	Description string   // what it does and when to use it, from the front matter
	Path        string   // category/name/SKILL.md
	Files       []string // every file of the skill, SKILL.md first
}

// frontMatter holds the keys that the specification allows; anything else is an error.
type frontMatter struct {
	Name          string            `yaml:"name"`
	Description   string            `yaml:"description"`
	License       string            `yaml:"license"`
	Compatibility string            `yaml:"compatibility"`
	AllowedTools  string            `yaml:"allowed-tools"`
	Metadata      map[string]string `yaml:"metadata"`
}

// Tree returns the embedded tree.
func Tree() fs.FS { return tree }

// List returns the skills of a tree, by path. A skill that breaks a rule of the specification is an error that names the
// file and the rule.
func List(tree fs.FS) ([]Skill, error) {
	entries, err := fs.Glob(tree, "*/*/"+entry)
	if err != nil {
		return nil, fmt.Errorf("list skills: %w", err)
	}
	slices.Sort(entries)
	out := make([]Skill, 0, len(entries))
	for _, p := range entries {
		s, err := load(tree, p)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// Find returns the skill of a name. An unknown name is a fault.NotFound whose hint lists the names.
func Find(tree fs.FS, name string) (Skill, error) {
	all, err := List(tree)
	if err != nil {
		return Skill{}, err
	}
	names := make([]string, 0, len(all))
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Skill{}, fault.WithHint(fault.New(fault.NotFound, "no skill %q", name), "The skills are: %s.", strings.Join(names, ", "))
}

// Read returns a file of the tree as it is stored, for instance "observability/log-analysis/SKILL.md".
func Read(tree fs.FS, file string) ([]byte, error) {
	b, err := fs.ReadFile(tree, path.Clean(file))
	if err != nil {
		return nil, fault.WithHint(fault.New(fault.NotFound, "read skill file %q: %w", file, err), "List the skills to see their files.")
	}
	return b, nil
}

// Body returns the text of SKILL.md below the front matter.
func Body(skill []byte) string {
	_, body, _ := split(skill)
	return strings.TrimSpace(body)
}

func load(tree fs.FS, file string) (Skill, error) {
	raw, err := fs.ReadFile(tree, file)
	if err != nil {
		return Skill{}, fmt.Errorf("read %s: %w", file, err)
	}
	dir := path.Dir(file)
	fm, err := parse(raw, path.Base(dir))
	if err != nil {
		return Skill{}, fmt.Errorf("%s: %w", file, err)
	}
	refs, err := fs.Glob(tree, dir+"/references/*.md")
	if err != nil {
		return Skill{}, fmt.Errorf("list references of %s: %w", dir, err)
	}
	return Skill{
		Name: fm.Name, Category: path.Dir(dir), Description: fm.Description, Path: file,
		Files: append([]string{file}, refs...),
	}, nil
}

func parse(raw []byte, dir string) (frontMatter, error) {
	var fm frontMatter
	head, body, ok := split(raw)
	if !ok {
		return fm, fault.New(fault.InvalidArgument, "no front matter between two lines of ---")
	}
	if err := yaml.NewDecoder(bytes.NewReader(head), yaml.Strict()).Decode(&fm); err != nil {
		return fm, fmt.Errorf("front matter: %w", err)
	}
	return fm, check(fm, body, dir)
}

var nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func check(fm frontMatter, body, dir string) error {
	switch {
	case !nameForm.MatchString(fm.Name) || len(fm.Name) > maxName:
		return fault.New(fault.InvalidArgument, "name %q: want 1 to %d of a-z, 0-9 and single hyphens inside", fm.Name, maxName)
	case fm.Name != dir:
		return fault.New(fault.InvalidArgument, "name %q is not its directory's name %q", fm.Name, dir)
	case fm.Description == "" || utf8.RuneCountInString(fm.Description) > maxDescription:
		return fault.New(fault.InvalidArgument, "description: want 1 to %d characters", maxDescription)
	case strings.Count(body, "\n") > maxBodyLines || len(body) > maxBodyBytes:
		return fault.New(fault.TooLarge, "body: want at most %d lines and %d bytes", maxBodyLines, maxBodyBytes)
	}
	return nil
}

// split cuts front matter and body at the lines of three hyphens.
func split(raw []byte) (head []byte, body string, ok bool) {
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	rest, ok := strings.CutPrefix(text, "---\n")
	if !ok {
		return nil, text, false
	}
	h, b, ok := strings.Cut(rest, "\n---\n")
	return []byte(h), b, ok
}
