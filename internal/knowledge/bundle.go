package knowledge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/embed"
)

// Bundle writes the shelf that the program carries: the pages of a tree as base Bundled, in one file at out. It replaces what is
// there.
func Bundle(ctx context.Context, tree fs.FS, out string, e embed.Embedder, count Counter) (Report, error) {
	if err := os.RemoveAll(out); err != nil {
		return Report{}, err
	}
	// A fixed time: the same pages give the same file.
	s := New(Config{File: out, Embedder: e, Count: count, Now: func() time.Time { return time.Unix(0, 0) }})
	report, err := s.bundle(ctx, tree)
	if err != nil {
		return report, fmt.Errorf("bundle: %w", err)
	}
	return report, s.Close()
}

func (s *Store) bundle(ctx context.Context, tree fs.FS) (Report, error) {
	db, err := s.own.handle(ctx)
	if err != nil {
		return Report{}, err
	}
	w := &writer{store: s, db: db, report: Report{Base: Bundled, Skipped: map[string]int{}}}
	if err := w.begin(ctx, Source{Name: Bundled, Kind: kindBundled, Location: "built in"}); err != nil {
		return w.report, err
	}
	pages, err := fs.Glob(tree, "*/*.md")
	if err != nil {
		return w.report, err
	}
	for _, p := range pages {
		raw, err := fs.ReadFile(tree, p)
		if err != nil {
			return w.report, err
		}
		d, err := Read(p, raw)
		if err != nil {
			return w.report, err
		}
		chunks := d.Chunks(s.c.Count)
		w.queue, w.queued = append(w.queue, pending{d, chunks}), w.queued+len(chunks)
		w.report.Files++
	}
	if err := w.flush(ctx); err != nil {
		return w.report, err
	}
	digest, err := Digest(tree, s.c.Embedder.Model())
	if err != nil {
		return w.report, err
	}
	if err := w.end(ctx, digest); err != nil {
		return w.report, err
	}
	// One file without a journal, which can be read in place.
	for _, q := range []string{"INSERT INTO words (words) VALUES ('optimize')", "PRAGMA journal_mode = DELETE", "VACUUM"} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return w.report, err
		}
	}
	return w.report, nil
}

// Digest stands for the pages of a tree and for how they are cut and embedded. It is the revision of the bundled base: a test
// compares it, so that the committed file is never older than its pages.
func Digest(tree fs.FS, m embed.Model) (string, error) {
	pages, err := fs.Glob(tree, "*/*.md")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %s %d\n", schemaVersion, chunkerVersion, m.Name, m.Dimension)
	for _, p := range pages {
		raw, err := fs.ReadFile(tree, p)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s\n", p, len(raw), raw)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
