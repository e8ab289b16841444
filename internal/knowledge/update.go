package knowledge

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/embed"
	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Source is where a base comes from.
type Source struct {
	Name     string
	Kind     string   // path or git
	Location string   // directory, file or URL
	Include  []string // patterns of paths to take; empty = all
}

// The kinds of sources.
const (
	KindPath    = "path"
	KindGit     = "git"
	kindBundled = "bundled"
)

// Report says what an update did.
type Report struct {
	Base      string         `json:"base"`
	Files     int            `json:"files"`     // that have a reader
	Changed   int            `json:"changed"`   // read and indexed
	Unchanged int            `json:"unchanged"` // same content as before
	Removed   int            `json:"removed"`
	Chunks    int            `json:"chunks"` // written
	Hidden    int            `json:"hidden"` // hidden characters and passages taken out of what changed
	Skipped   map[string]int `json:"skipped,omitempty"`
	Failed    []string       `json:"failed,omitempty"` // the first files that could not be read, with the reason
	Revision  string         `json:"revision,omitempty"`
}

// Bounds of a base.
const (
	maxFiles    = 50_000
	maxFailures = 20
	// MaxChunks is how many chunks one shelf holds: beyond, a look at every vector takes longer than a person waits.
	MaxChunks = 200_000
	// batchChunks is how many chunks one transaction writes: the work that a killed update loses.
	batchChunks = 64
)

var baseName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// Update reads a source and makes its base equal to it. Files whose content is known are not read again. It may be killed at any
// time: what was written stays, and the next call goes on.
func (s *Store) Update(ctx context.Context, src Source) (Report, error) {
	if !baseName.MatchString(src.Name) || src.Name == Bundled {
		return Report{}, fault.WithHint(fault.New(fault.InvalidArgument, "base name %q", src.Name), "A name has letters, digits, dots, hyphens and underscores, and is not %s.", Bundled)
	}
	files, revision, err := s.collect(ctx, src)
	if err != nil {
		return Report{}, fmt.Errorf("update %s: %w", src.Name, err)
	}
	defer files.close()
	report, err := s.write(ctx, src, files, revision)
	if err != nil {
		return report, fmt.Errorf("update %s: %w", src.Name, err)
	}
	return report, nil
}

// writer is one update on its way.
type writer struct {
	store  *Store
	db     *sql.DB
	base   int64
	known  map[string]string // path -> hash, what is left is gone from the source
	report Report
	queue  []pending
	queued int
	total  int      // chunks on the shelf
	listed []Listed // of the open transaction, for Lists
	gone   []int64  // chunks that left with it
}

// pending is a document whose chunks wait for their vectors.
type pending struct {
	document Document
	chunks   []Chunk
}

func (s *Store) write(ctx context.Context, src Source, files *fileSet, revision string) (Report, error) {
	db, err := s.own.handle(ctx)
	if err != nil {
		return Report{}, err
	}
	defer s.own.changed()
	w := &writer{store: s, db: db, report: Report{Base: src.Name, Files: len(files.paths), Skipped: files.skipped, Revision: revision}}
	if err := w.begin(ctx, src); err != nil {
		return w.report, err
	}
	for _, p := range files.paths {
		if err := ctx.Err(); err != nil {
			return w.report, err
		}
		if err := w.file(ctx, files, p); err != nil {
			return w.report, err
		}
	}
	if err := w.flush(ctx); err != nil {
		return w.report, err
	}
	return w.report, w.end(ctx, revision)
}

// begin makes or finds the base. One of another model or chunker is emptied: its vectors do not compare.
func (w *writer) begin(ctx context.Context, src Source) error {
	model := w.store.c.Embedder.Model()
	now := w.store.c.Now().UTC().Format(time.RFC3339)
	_, err := w.db.ExecContext(ctx, `INSERT INTO bases (name, kind, location, include, revision, model, dimension, updated, complete) VALUES (?, ?, ?, ?, '', ?, ?, ?, 0)
		ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, location = excluded.location, include = excluded.include`,
		src.Name, src.Kind, src.Location, strings.Join(src.Include, "\n"), model.Name, model.Dimension, now)
	if err != nil {
		return err
	}
	var before string
	if err := w.db.QueryRowContext(ctx, "SELECT id, model FROM bases WHERE name = ?", src.Name).Scan(&w.base, &before); err != nil {
		return err
	}
	if err := w.db.QueryRowContext(ctx, "SELECT count(*) FROM chunks").Scan(&w.total); err != nil {
		return err
	}
	if before != model.Name {
		if err := w.restart(ctx, model); err != nil {
			return err
		}
	}
	w.known = map[string]string{}
	rows, err := w.db.QueryContext(ctx, "SELECT path, hash FROM documents WHERE base = ?", w.base)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var path, hash string
		if err := rows.Scan(&path, &hash); err != nil {
			return err
		}
		w.known[path] = hash
	}
	return rows.Err()
}

// restart empties a base whose vectors another model made, at once: a base never holds vectors of two.
func (w *writer) restart(ctx context.Context, model embed.Model) error {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	gone, err := empty(ctx, tx, w.base)
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if _, err := tx.ExecContext(ctx, "UPDATE bases SET model = ?, dimension = ?, complete = 0 WHERE id = ?", model.Name, model.Dimension, w.base); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return w.store.own.forget(ctx, gone)
}

// column returns the numbers that a query gives.
func column(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]int64, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// forget takes from Lists what the last transaction took from the shelf.
func (w *writer) forget(ctx context.Context) error {
	written := map[int64]bool{}
	for _, l := range w.listed {
		written[l.ID] = true // an id may be used again at once
	}
	gone := slices.DeleteFunc(w.gone, func(id int64) bool { return written[id] })
	w.listed, w.gone = nil, nil
	return w.store.own.forget(ctx, gone)
}

// empty takes every document of a base away and returns the chunks that went.
func empty(ctx context.Context, tx *sql.Tx, base int64) ([]int64, error) {
	const documents = "SELECT id FROM documents WHERE base = ?"
	gone, err := column(ctx, tx, "SELECT id FROM chunks WHERE document IN ("+documents+")", base)
	if err != nil {
		return nil, err
	}
	for _, q := range []string{
		"DELETE FROM words WHERE rowid IN (SELECT id FROM chunks WHERE document IN (" + documents + "))",
		"DELETE FROM chunks WHERE document IN (" + documents + ")", "DELETE FROM documents WHERE base = ?",
	} {
		if _, err := tx.ExecContext(ctx, q, base); err != nil {
			return nil, err
		}
	}
	return gone, nil
}

// versioned is the hash that is stored: the content's and how it was cut.
func versioned(d Document) string { return chunkerVersion + ":" + d.Hash }

func (w *writer) file(ctx context.Context, files *fileSet, path string) error {
	raw, err := files.read(path)
	var d Document
	if err == nil {
		if sum := sha256.Sum256(raw); w.known[path] == versioned(Document{Hash: hex.EncodeToString(sum[:16])}) {
			delete(w.known, path)
			w.report.Unchanged++
			return nil
		}
		d, err = Read(path, raw)
	}
	if err != nil { // one file never stops the others
		if len(w.report.Failed) < maxFailures {
			w.report.Failed = append(w.report.Failed, err.Error())
		}
		w.report.Skipped[string(fault.CodeOf(err))]++
		return nil
	}
	p := pending{document: d, chunks: d.Chunks(w.store.c.Count)}
	if w.total += len(p.chunks); w.total > MaxChunks && w.store.c.Lists == nil {
		return fault.WithHint(fault.New(fault.TooLarge, "over %d chunks", MaxChunks), "Narrow the base with include patterns, or keep it in an OpenSearch index (knowledge.store in the configuration).")
	}
	delete(w.known, path)
	w.queue, w.queued = append(w.queue, p), w.queued+len(p.chunks)
	if w.queued >= batchChunks {
		return w.flush(ctx)
	}
	return nil
}

// flush embeds what waits and writes it in one transaction.
func (w *writer) flush(ctx context.Context) error {
	var texts []string
	for _, p := range w.queue {
		for _, c := range p.chunks {
			texts = append(texts, c.embedded())
		}
	}
	vectors, err := w.vectors(ctx, texts)
	if err != nil {
		return err
	}
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, p := range w.queue {
		if err := w.put(ctx, tx, p, vectors[:len(p.chunks)]); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		vectors = vectors[len(p.chunks):]
	}
	if w.store.c.Lists != nil { // before the commit: what the shelf knows can be found
		if err := w.store.c.Lists.Put(ctx, w.listed); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	if err := w.forget(ctx); err != nil {
		return err
	}
	for _, p := range w.queue {
		w.report.Changed++
		w.report.Chunks += len(p.chunks)
		w.report.Hidden += p.document.Hidden
	}
	w.queue, w.queued = nil, 0
	return nil
}

func (w *writer) vectors(ctx context.Context, texts []string) ([][]float32, error) {
	if w.store.c.LexicalOnly || len(texts) == 0 {
		return make([][]float32, len(texts)), nil
	}
	return w.store.c.Embedder.Embed(ctx, texts)
}

// embedded is the text whose meaning stands for a chunk: what it is under, then itself.
func (c Chunk) embedded() string {
	if c.Heading == "" {
		return c.Text
	}
	return c.Heading + "\n" + c.Text
}

func (w *writer) put(ctx context.Context, tx *sql.Tx, p pending, vectors [][]float32) error {
	if err := w.drop(ctx, tx, p.document.Path); err != nil {
		return err
	}
	d := p.document
	res, err := tx.ExecContext(ctx, "INSERT INTO documents (base, path, kind, title, hash, hidden, text) VALUES (?, ?, ?, ?, ?, ?, ?)",
		w.base, d.Path, d.Kind, d.Title, versioned(d), d.Hidden, strings.Join(d.Lines, "\n"))
	if err != nil {
		return err
	}
	document, err := res.LastInsertId()
	if err != nil {
		return err
	}
	for i, c := range p.chunks {
		packed := embed.Pack(vectors[i])
		if w.store.c.Lists != nil {
			packed = embed.Packed{Values: []int8{}}
		}
		res, err := tx.ExecContext(ctx, "INSERT INTO chunks (document, start_line, end_line, heading, scale, vector) VALUES (?, ?, ?, ?, ?, ?)",
			document, c.Start, c.End, c.Heading, packed.Scale, bytesOf(packed))
		if err != nil {
			return err
		}
		id, err := res.LastInsertId()
		if err != nil {
			return err
		}
		if w.store.c.Lists != nil {
			w.listed = append(w.listed, Listed{
				ID: id, Base: w.report.Base, Path: d.Path, Kind: d.Kind, Model: w.store.c.Embedder.Model().Name, Heading: d.Title + " " + c.Heading, Text: c.Text, Vector: vectors[i],
			})
			continue
		}
		// The title is part of the heading: pages are asked for by it.
		if _, err := tx.ExecContext(ctx, "INSERT INTO words (rowid, heading, body) VALUES (?, ?, ?)", id, d.Title+" "+c.Heading, c.Text); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) drop(ctx context.Context, tx *sql.Tx, path string) error {
	const chunks = "SELECT c.id FROM chunks c JOIN documents d ON d.id = c.document WHERE d.base = ? AND d.path = ?"
	ids, err := column(ctx, tx, chunks, w.base, path)
	if err != nil {
		return err
	}
	w.gone = append(w.gone, ids...)
	for _, q := range []string{
		"DELETE FROM words WHERE rowid IN (" + chunks + ")", "DELETE FROM chunks WHERE id IN (" + chunks + ")",
		"DELETE FROM documents WHERE base = ? AND path = ?",
	} {
		if _, err := tx.ExecContext(ctx, q, w.base, path); err != nil {
			return err
		}
	}
	return nil
}

// end removes what the source has no more and marks the base complete.
func (w *writer) end(ctx context.Context, revision string) error {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, path := range sortedKeys(w.known) {
		if err := w.drop(ctx, tx, path); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		w.report.Removed++
	}
	model := w.store.c.Embedder.Model()
	if _, err := tx.ExecContext(ctx, "UPDATE bases SET revision = ?, model = ?, dimension = ?, updated = ?, complete = 1 WHERE id = ?",
		revision, model.Name, model.Dimension, w.store.c.Now().UTC().Format(time.RFC3339), w.base); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return w.forget(ctx)
}
