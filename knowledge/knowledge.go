// Package knowledge is the set of runbooks that Plumbline carries: what an engineer looks up while he works, each page short,
// each statement with its source.
//
// Words: a page is one Markdown file <area>/<name>.md; its title is its first heading. The pages are embedded; paths are
// slash-separated and relative to the tree.
package knowledge

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

//go:embed */*.md
var tree embed.FS

// index is the search index of the tree, made by go generate and read in place. A test holds it to the pages.
//
//go:generate go run ../internal/knowledge/cmd/bundle index.db
//go:embed index.db
var index embed.FS

// Page is one runbook.
type Page struct {
	Path  string // area/name.md
	Area  string // "observability", ...
	Title string // the first heading
}

// Index returns the file system with the search index of the pages, index.db.
func Index() fs.FS { return index }

// Tree returns the embedded pages.
func Tree() fs.FS { return tree }

// List returns the pages of a tree, by path. A page without a heading on its first line is an error that names it.
func List(tree fs.FS) ([]Page, error) {
	files, err := fs.Glob(tree, "*/*.md")
	if err != nil {
		return nil, fmt.Errorf("list pages: %w", err)
	}
	slices.Sort(files)
	out := make([]Page, 0, len(files))
	for _, f := range files {
		raw, err := fs.ReadFile(tree, f)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", f, err)
		}
		first, _, _ := strings.Cut(string(raw), "\n")
		title, ok := strings.CutPrefix(strings.TrimSpace(first), "# ")
		if !ok {
			return nil, fault.New(fault.InvalidArgument, "%s:1: a page begins with its title, \"# ...\"", f)
		}
		out = append(out, Page{Path: f, Area: path.Dir(f), Title: title})
	}
	return out, nil
}

// Read returns a page as it is stored, for instance "observability/choosing-windows.md".
func Read(tree fs.FS, page string) ([]byte, error) {
	b, err := fs.ReadFile(tree, path.Clean(page))
	if err != nil {
		return nil, fault.WithHint(fault.New(fault.NotFound, "read page %q: %w", page, err), "List the pages to see their paths.")
	}
	return b, nil
}
