package knowledge

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/embed"
	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Bundled is the name of the base that the program carries.
const Bundled = "plumbline"

// Counter says how many tokens the embedder reads in a text.
type Counter func(text string) int

// Config of a Store.
type Config struct {
	File        string         // the user's shelf; made by the first write
	Repos       string         // directory for clones of git repositories
	Bundled     fs.FS          // holds index.db; nil = nothing is bundled
	Embedder    embed.Embedder // of the user's bases
	Carried     embed.Embedder // of the bundled base; may be the same
	Count       Counter
	Now         func() time.Time
	Lists       Lists // where the words and vectors of the user's bases are; nil = in the file
	LexicalOnly bool  // no vectors are asked for: for tests and for measuring
}

// Store is every base of one user. It is safe for concurrent use; nothing is opened before the first call.
type Store struct {
	c       Config
	own     *shelf
	bundled *shelf
}

// New returns a store; it touches no file.
func New(c Config) *Store {
	s := &Store{c: c, own: fileShelf(c.File)}
	s.own.lists = c.Lists
	if c.Bundled != nil {
		s.bundled = embeddedShelf(c.Bundled, "index.db")
	}
	return s
}

// Close closes what was opened.
func (s *Store) Close() error {
	err := s.own.close()
	if s.bundled != nil {
		err = errors.Join(err, s.bundled.close())
	}
	return err
}

// shelves returns those that exist.
func (s *Store) shelves() []*shelf {
	var out []*shelf
	if s.bundled != nil {
		out = append(out, s.bundled)
	}
	if _, err := os.Stat(s.c.File); err == nil {
		out = append(out, s.own)
	}
	return out
}

// Base describes one base.
type Base struct {
	Name      string    `json:"name"`
	Kind      string    `json:"kind"`     // bundled, path or git
	Location  string    `json:"location"` // directory or URL
	Include   []string  `json:"include,omitempty"`
	Revision  string    `json:"revision,omitempty"`
	Model     string    `json:"model"` // that made its vectors
	Dimension int       `json:"dimension"`
	Documents int       `json:"documents"`
	Chunks    int       `json:"chunks"`
	Hidden    int       `json:"hidden"`   // hidden characters and passages taken out
	Complete  bool      `json:"complete"` // false while the first update has not ended
	Updated   time.Time `json:"updated"`
}

// Bases lists the bases, the bundled one first.
func (s *Store) Bases(ctx context.Context) ([]Base, error) {
	var out []Base
	for _, sh := range s.shelves() {
		db, err := sh.handle(ctx)
		if err != nil {
			return nil, err
		}
		bases, err := listBases(ctx, db)
		if err != nil {
			return nil, fmt.Errorf("list bases: %w", err)
		}
		out = append(out, bases...)
	}
	return out, nil
}

func listBases(ctx context.Context, db *sql.DB) ([]Base, error) {
	rows, err := db.QueryContext(ctx, `SELECT name, kind, location, include, revision, model, dimension, updated, complete,
		(SELECT count(*) FROM documents WHERE base = bases.id), (SELECT coalesce(sum(hidden), 0) FROM documents WHERE base = bases.id),
		(SELECT count(*) FROM chunks WHERE document IN (SELECT id FROM documents WHERE base = bases.id)) FROM bases ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Base
	for rows.Next() {
		var b Base
		var updated, include string
		if err := rows.Scan(&b.Name, &b.Kind, &b.Location, &include, &b.Revision, &b.Model, &b.Dimension, &updated, &b.Complete, &b.Documents, &b.Hidden, &b.Chunks); err != nil {
			return nil, err
		}
		b.Include = strings.FieldsFunc(include, func(r rune) bool { return r == '\n' })
		if b.Updated, err = time.Parse(time.RFC3339, updated); err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, rows.Err()
}

// Base returns the base of a name. An unknown name is a fault.NotFound that lists the names.
func (s *Store) Base(ctx context.Context, name string) (Base, error) {
	all, err := s.Bases(ctx)
	if err != nil {
		return Base{}, err
	}
	names := make([]string, 0, len(all))
	for _, b := range all {
		if b.Name == name {
			return b, nil
		}
		names = append(names, b.Name)
	}
	return Base{}, fault.WithHint(fault.New(fault.NotFound, "no knowledge base %q", name), "The bases are: %s.", strings.Join(names, ", "))
}

// Entry is one document of a base, without its text.
type Entry struct {
	Path   string `json:"path"`
	Kind   Kind   `json:"kind"`
	Title  string `json:"title"`
	Lines  int    `json:"lines"`
	Hidden int    `json:"hidden,omitempty"`
}

// Entries lists the documents of a base by path.
func (s *Store) Entries(ctx context.Context, base string) ([]Entry, error) {
	var out []Entry
	for _, sh := range s.shelves() {
		db, err := sh.handle(ctx)
		if err != nil {
			return nil, err
		}
		rows, err := db.QueryContext(ctx, `SELECT path, d.kind, title, length(text) - length(replace(text, char(10), '')) + 1, hidden FROM documents d
			JOIN bases b ON b.id = d.base WHERE b.name = ? ORDER BY path`, base)
		if err != nil {
			return nil, fmt.Errorf("list documents: %w", err)
		}
		for rows.Next() {
			var e Entry
			if err := rows.Scan(&e.Path, &e.Kind, &e.Title, &e.Lines, &e.Hidden); err != nil {
				return nil, errors.Join(err, rows.Close())
			}
			out = append(out, e)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, fmt.Errorf("list documents: %w", err)
		}
	}
	return out, nil
}

// Page is the text of a document, or some of its lines.
type Page struct {
	Base   string
	Path   string
	Title  string
	Kind   Kind
	Start  int // first line, from 1
	End    int // last line
	Total  int // lines of the document
	Hidden int
	Lines  []string
}

// Page returns lines start to end of a document; 0 = from the first, to the last. base may be empty if only one base has the path.
func (s *Store) Page(ctx context.Context, base, path string, start, end int) (Page, error) {
	if base == "" { // a citation names the base before the path
		if b, rest, ok := strings.Cut(path, ":"); ok && rest != "" {
			base, path = b, rest
		}
	}
	var found []Page
	for _, sh := range s.shelves() {
		pages, err := readPages(ctx, sh, base, path)
		if err != nil {
			return Page{}, fmt.Errorf("read %s: %w", path, err)
		}
		found = append(found, pages...)
	}
	switch {
	case len(found) == 0:
		return Page{}, fault.WithHint(fault.New(fault.NotFound, "no page %q in %s", path, named(base)), "Take base and path from knowledge_search; `plumbline knowledge show BASE` lists the pages.")
	case len(found) > 1:
		var names []string
		for _, p := range found {
			names = append(names, p.Base)
		}
		return Page{}, fault.WithHint(fault.New(fault.InvalidArgument, "page %q is in several bases", path), "Give base: one of %s.", strings.Join(names, ", "))
	}
	p := found[0]
	p.Total = len(p.Lines)
	p.Start, p.End = max(start, 1), p.Total
	if end > 0 {
		p.End = min(end, p.Total)
	}
	if p.Start > p.End {
		return Page{}, fault.New(fault.InvalidArgument, "lines %d to %d: %s has %d", p.Start, p.End, path, p.Total)
	}
	p.Lines = p.Lines[p.Start-1 : p.End]
	return p, nil
}

func named(base string) string {
	if base == "" {
		return "any base"
	}
	return "base " + base
}

func readPages(ctx context.Context, sh *shelf, base, path string) ([]Page, error) {
	db, err := sh.handle(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, `SELECT b.name, path, title, d.kind, hidden, text FROM documents d JOIN bases b ON b.id = d.base WHERE path = ? AND (? = '' OR b.name = ?)`, path, base, base)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Page
	for rows.Next() {
		var p Page
		var text string
		if err := rows.Scan(&p.Base, &p.Path, &p.Title, &p.Kind, &p.Hidden, &text); err != nil {
			return nil, err
		}
		p.Lines = strings.Split(text, "\n")
		out = append(out, p)
	}
	return out, rows.Err()
}

// Remove takes a base away. A clone of its repository goes with it.
func (s *Store) Remove(ctx context.Context, name string) error {
	if name == Bundled {
		return fault.New(fault.InvalidArgument, "base %s is part of the program", name)
	}
	if _, err := s.Base(ctx, name); err != nil {
		return err
	}
	db, err := s.own.handle(ctx)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	var base int64
	var gone []int64
	err = tx.QueryRowContext(ctx, "SELECT id FROM bases WHERE name = ?", name).Scan(&base)
	if err == nil {
		gone, err = empty(ctx, tx, base)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, "DELETE FROM bases WHERE id = ?", base)
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, errors.Join(err, tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	s.own.changed()
	if err := s.own.forget(ctx, gone); err != nil {
		return err
	}
	return os.RemoveAll(s.clone(name))
}

// sortedKeys keeps reports in one order.
func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Reasons lists the reasons of a report's skipped files in order.
func Reasons(skipped map[string]int) []string { return sortedKeys(skipped) }
