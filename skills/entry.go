package skills

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Scheme begins the URI of every file of a skill: skill://CATEGORY/NAME/FILE.
const Scheme = "skill://"

// Entry is a skill as the Skills extension of the protocol lists it (SEP-2640): what a host needs to fetch every file and to
// check that it got what was listed.
type Entry struct {
	URI         string         `json:"uri"` // of SKILL.md
	Frontmatter map[string]any `json:"frontmatter"`
	Resources   []Resource     `json:"resources"` // every file, SKILL.md first
}

// Resource is one file of a skill.
type Resource struct {
	URI    string `json:"uri"`
	Digest string `json:"digest"` // sha256: and 64 hexadecimal digits, of the bytes as served
	Size   int    `json:"size"`   // bytes
}

// Child is what stands directly in a directory of the tree.
type Child struct {
	URI      string `json:"uri"`
	Name     string `json:"name"`
	MIMEType string `json:"mimeType"`
	Size     int    `json:"size,omitempty"`
}

// The media types of children.
const (
	directoryType = "inode/directory"
	markdownType  = "text/markdown"
)

// Entries lists the skills of a tree as entries, in the order of List.
func Entries(tree fs.FS) ([]Entry, error) {
	all, err := List(tree)
	if err != nil {
		return nil, err
	}
	out := make([]Entry, 0, len(all))
	for _, s := range all {
		e, err := entryOf(tree, s)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func entryOf(tree fs.FS, s Skill) (Entry, error) {
	e := Entry{URI: Scheme + s.Path}
	for _, f := range s.Files {
		raw, err := Read(tree, f)
		if err != nil {
			return e, err
		}
		if f == s.Path {
			head, _, _ := split(raw)
			if err := yaml.Unmarshal(head, &e.Frontmatter); err != nil {
				return e, fmt.Errorf("%s: front matter: %w", f, err)
			}
		}
		sum := sha256.Sum256(raw)
		e.Resources = append(e.Resources, Resource{URI: Scheme + f, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: len(raw)})
	}
	return e, nil
}

// Children lists what stands directly in the directory of a URI: of a category, a skill or a folder within one. A URI that names
// no directory is a fault.InvalidArgument.
func Children(tree fs.FS, uri string) ([]Child, error) {
	dir, ok := strings.CutPrefix(strings.TrimSuffix(uri, "/"), Scheme)
	if !ok || !fs.ValidPath(dir) || dir == "." {
		return nil, fault.New(fault.InvalidArgument, "%q is no directory of a skill", uri)
	}
	entries, err := fs.ReadDir(tree, dir)
	if err != nil {
		return nil, fault.New(fault.InvalidArgument, "%q is no directory of a skill", uri)
	}
	out := make([]Child, 0, len(entries))
	for _, e := range entries {
		c := Child{URI: Scheme + path.Join(dir, e.Name()), Name: e.Name(), MIMEType: markdownType}
		if e.IsDir() {
			c.MIMEType = directoryType
		} else if info, err := e.Info(); err == nil {
			c.Size = int(info.Size())
		}
		out = append(out, c)
	}
	return out, nil
}
