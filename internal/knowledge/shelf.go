package knowledge

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	_ "modernc.org/sqlite" // the driver named sqlite
	"modernc.org/sqlite/vfs"

	"github.com/plumbline-mcp/plumbline/internal/embed"
	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// schema of a shelf. The words are kept without their text: a chunk's text is lines of its document.
const schema = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bases (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, location TEXT NOT NULL, include TEXT NOT NULL,
  revision TEXT NOT NULL, model TEXT NOT NULL, dimension INTEGER NOT NULL, updated TEXT NOT NULL, complete INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS documents (id INTEGER PRIMARY KEY, base INTEGER NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL,
  title TEXT NOT NULL, hash TEXT NOT NULL, hidden INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE (base, path));
CREATE TABLE IF NOT EXISTS chunks (id INTEGER PRIMARY KEY, document INTEGER NOT NULL, start_line INTEGER NOT NULL,
  end_line INTEGER NOT NULL, heading TEXT NOT NULL, scale REAL NOT NULL, vector BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS chunks_of_document ON chunks (document);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (heading, body, content='', contentless_delete=1, tokenize='porter unicode61 remove_diacritics 2');
`

// schemaVersion is the value of meta's key "schema". A shelf of another version is refused, never guessed at.
const schemaVersion = "1"

// shelf is one SQLite file, opened at the first use.
type shelf struct {
	open func(ctx context.Context) (*sql.DB, error)

	lists Lists // nil = words and vectors are in the file

	mu      sync.Mutex
	version int64 // of the data the vectors were read from
	vectors *vectors
	db      *sql.DB
}

// vectors are all vectors of one shelf and model, in memory.
type vectors struct {
	dimension int
	index     *embed.Index
	chunk     []int64
	document  []int64
}

// fileShelf is the user's shelf. It is made by the first write; before that it has nothing.
func fileShelf(path string) *shelf {
	s := &shelf{}
	s.open = func(ctx context.Context) (*sql.DB, error) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, fmt.Errorf("make the data directory: %w", err)
		}
		u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_txlock=immediate"}
		db, err := sql.Open("sqlite", u.String())
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(1) // data_version and transactions belong to a connection
		if err := prepare(ctx, db); err != nil {
			return nil, errors.Join(err, db.Close())
		}
		return db, nil
	}
	return s
}

// embeddedShelf reads a shelf out of a file system, in place.
func embeddedShelf(files fs.FS, name string) *shelf {
	s := &shelf{}
	s.open = func(context.Context) (*sql.DB, error) {
		vfsName, _, err := vfs.New(files)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", name, err)
		}
		db, err := sql.Open("sqlite", "file:"+name+"?vfs="+vfsName+"&mode=ro&immutable=1")
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(1)
		return db, nil
	}
	return s
}

func prepare(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("make the tables: %w", err)
	}
	if _, err := db.ExecContext(ctx, "INSERT OR IGNORE INTO meta VALUES ('schema', ?)", schemaVersion); err != nil {
		return fmt.Errorf("make the tables: %w", err)
	}
	var v string
	if err := db.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'schema'").Scan(&v); err != nil {
		return fmt.Errorf("read the version: %w", err)
	}
	if v != schemaVersion {
		return fault.WithHint(fault.New(fault.Unsupported, "the knowledge base is of version %s, this program reads %s", v, schemaVersion), "Remove the file and add the bases anew.")
	}
	return nil
}

// handle opens the shelf once; a failure is tried again at the next use.
func (s *shelf) handle(ctx context.Context) (*sql.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		db, err := s.open(ctx)
		if err != nil {
			return nil, fmt.Errorf("open the knowledge base: %w", err)
		}
		s.db = db
	}
	return s.db, nil
}

func (s *shelf) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	db := s.db
	s.db, s.vectors = nil, nil
	return db.Close()
}

// changed makes the next search read the vectors anew.
func (s *shelf) changed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vectors = nil
}

// load returns the vectors of a dimension, read once and again when the file has changed. Bases of another model are left out by
// the caller's filter.
func (s *shelf) load(ctx context.Context, dimension int) (*vectors, error) {
	db, err := s.handle(ctx)
	if err != nil {
		return nil, err
	}
	var version int64
	if err := db.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version); err != nil {
		return nil, fmt.Errorf("read vectors: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.vectors != nil && s.version == version && s.vectors.dimension == dimension {
		return s.vectors, nil
	}
	v, err := readVectors(ctx, db, dimension)
	if err != nil {
		return nil, fmt.Errorf("read vectors: %w", err)
	}
	s.vectors, s.version = v, version
	return v, nil
}

func readVectors(ctx context.Context, db *sql.DB, dimension int) (*vectors, error) {
	var n int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM chunks").Scan(&n); err != nil {
		return nil, err
	}
	v := &vectors{dimension: dimension, index: embed.NewIndex(n, dimension), chunk: make([]int64, 0, n), document: make([]int64, 0, n)}
	rows, err := db.QueryContext(ctx, "SELECT id, document, scale, vector FROM chunks ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var raw sql.RawBytes
	var values []int8
	for rows.Next() {
		var id, document int64
		var scale float64
		if err := rows.Scan(&id, &document, &scale, &raw); err != nil {
			return nil, err
		}
		values = values[:0]
		for _, b := range raw {
			values = append(values, int8(b))
		}
		if v.index.Add(embed.Packed{Values: values, Scale: float32(scale)}) {
			v.chunk, v.document = append(v.chunk, id), append(v.document, document)
		}
	}
	return v, rows.Err()
}

func bytesOf(p embed.Packed) []byte {
	out := make([]byte, len(p.Values))
	for i, v := range p.Values {
		out[i] = byte(v)
	}
	return out
}

// listed is a chunk in one of the two lists of a search.
type listed struct {
	shelf *shelf
	chunk int64
	score float64
}

// lexical returns the n best chunks by BM25, the best first with positive scores. A word in a heading counts twice.
func (s *shelf) lexical(ctx context.Context, terms []string, f Filter, documents *documentSet, n int) ([]listed, error) {
	if len(terms) == 0 || documents.none() {
		return nil, nil
	}
	if s.lists != nil {
		found, err := s.lists.Words(ctx, terms, f, n)
		return s.from(found), err
	}
	match := matchOf(terms)
	db, err := s.handle(ctx)
	if err != nil {
		return nil, err
	}
	query, args := "SELECT rowid, rank FROM words WHERE words MATCH ? AND rank MATCH 'bm25(2.0, 1.0)' ORDER BY rank LIMIT ?", []any{match, n}
	if documents != nil {
		query = `SELECT words.rowid, rank FROM words CROSS JOIN chunks ON chunks.id = words.rowid WHERE words MATCH ? AND rank MATCH 'bm25(2.0, 1.0)'
			AND chunks.document IN (SELECT d.id FROM documents d JOIN bases b ON b.id = d.base WHERE ` + documents.condition + `) ORDER BY rank LIMIT ?`
		args = append(append([]any{match}, documents.args...), n)
	}
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("search words: %w", err)
	}
	defer rows.Close()
	var out []listed
	for rows.Next() {
		l := listed{shelf: s}
		if err := rows.Scan(&l.chunk, &l.score); err != nil {
			return nil, fmt.Errorf("search words: %w", err)
		}
		l.score = -l.score
		out = append(out, l)
	}
	return out, rows.Err()
}

// semantic returns the n nearest chunks by cosine.
func (s *shelf) semantic(ctx context.Context, query []float32, model string, f Filter, documents *documentSet, n int) ([]listed, error) {
	if documents.none() {
		return nil, nil
	}
	if s.lists != nil {
		found, err := s.lists.Near(ctx, query, model, f, n)
		return s.from(found), err
	}
	v, err := s.load(ctx, len(query))
	if err != nil {
		return nil, err
	}
	var keep func(int) bool
	if documents != nil {
		keep = func(i int) bool { return documents.ids[v.document[i]] }
	}
	var out []listed
	for _, m := range v.index.Nearest(query, n, keep) {
		out = append(out, listed{shelf: s, chunk: v.chunk[m.Index], score: m.Score})
	}
	return out, nil
}

// documentSet is the documents that a filter leaves, as a set and as the condition that chooses them; nil = all.
type documentSet struct {
	ids       map[int64]bool
	condition string
	args      []any
}

func (d *documentSet) none() bool { return d != nil && len(d.ids) == 0 }

// documents returns those that a filter leaves.
func (s *shelf) documents(ctx context.Context, f Filter, model string) (*documentSet, error) {
	db, err := s.handle(ctx)
	if err != nil {
		return nil, err
	}
	out := &documentSet{ids: map[int64]bool{}, condition: "1 = 1"}
	for _, c := range []struct{ value, condition string }{
		{f.Base, "b.name = ?"},
		{f.Kind, "d.kind = ?"},
		{glob(f.Path), "d.path GLOB ?"},
		{model, "b.model = ?"},
	} {
		if c.value != "" {
			out.condition, out.args = out.condition+" AND "+c.condition, append(out.args, c.value)
		}
	}
	rows, err := db.QueryContext(ctx, "SELECT d.id FROM documents d JOIN bases b ON b.id = d.base WHERE "+out.condition, out.args...) //nolint:gosec // the conditions are ours, the values are arguments
	if err != nil {
		return nil, fmt.Errorf("filter documents: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("filter documents: %w", err)
		}
		out.ids[id] = true
	}
	return out, rows.Err()
}

// mixed reports whether some base was made by another model.
func (s *shelf) mixed(ctx context.Context, model string) (bool, error) {
	db, err := s.handle(ctx)
	if err != nil {
		return false, err
	}
	var others int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM bases WHERE model <> ?", model).Scan(&others); err != nil {
		return false, fmt.Errorf("read bases: %w", err)
	}
	return others > 0, nil
}

// glob makes a pattern of a path: one without a star is a directory or a file.
func glob(p string) string {
	if p == "" || strings.ContainsAny(p, "*?[") {
		return p
	}
	return strings.TrimSuffix(p, "/") + "*"
}
