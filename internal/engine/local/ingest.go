package local

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/record"
)

const (
	// ingestMemory bounds what DuckDB holds while segments are written: the row groups of two writers. It is apart from the
	// limit for queries and given back when the writing ends.
	ingestMemory = 512 << 20
	readBuffer   = 256 << 10
)

// ingester writes segments with an instance of its own, so that nothing that answers queries can write.
type ingester struct {
	store *Store
	db    *duck.DB
}

func (s *Store) newIngester(ctx context.Context) (*ingester, error) {
	if err := s.cache.make(); err != nil {
		return nil, err
	}
	settings := append(s.common(ingestMemory),
		duck.Setting{Name: "temp_directory", Value: duck.Literal(s.cache.spill())},
		duck.Setting{Name: "preserve_insertion_order", Value: "true"})
	db, err := duck.Open(ctx, settings, nil)
	if err != nil {
		return nil, fault.WithCode(err, fault.Internal)
	}
	return &ingester{store: s, db: db}, nil
}

// close gives the instance's memory back.
func (g *ingester) close() error { return g.db.Close() }

// write reads the files of a part into a new segment and puts it into the cache.
func (g *ingester) write(ctx context.Context, p *part) (*manifest, error) {
	w := &segmentWriter{ingester: g, path: g.store.cache.tmpName(dataExt), tables: map[string]*tableWriter{}, pipe: newPipe()}
	w.catalog = "w_" + strings.TrimSuffix(filepath.Base(w.path), dataExt)
	m, err := w.run(ctx, p)
	err = errors.Join(err, w.pipe.close())
	if err == nil {
		err = w.commit(ctx)
	}
	if w.conn != nil {
		w.db.Release(w.conn)
	}
	if err != nil {
		return nil, errors.Join(err, w.abandon(ctx))
	}
	data := ""
	if w.attached {
		data = w.path
	}
	if err := g.store.cache.publish(p.key, data, m); err != nil {
		return nil, errors.Join(fault.WithCode(err, fault.Internal), w.abandon(ctx))
	}
	return m, nil
}

// pipe runs the statements of one segment in their order, beside the reading: one may run and one may wait.
type pipe struct {
	work  chan func() error // nil: answer the next mark
	marks chan chan struct{}
	done  chan struct{}
	err   atomic.Pointer[error] // the first
}

func newPipe() *pipe {
	p := &pipe{work: make(chan func() error, 1), marks: make(chan chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for f := range p.work {
			if f == nil {
				close(<-p.marks)
				continue
			}
			if err := f(); err != nil {
				p.err.CompareAndSwap(nil, &err)
			}
		}
	}()
	return p
}

func (p *pipe) failed() error {
	if err := p.err.Load(); err != nil {
		return *err
	}
	return nil
}

// submit hands over work; the error is that of work done before.
func (p *pipe) submit(f func() error) error {
	p.work <- f
	return p.failed()
}

// wait returns when all work handed over is done.
func (p *pipe) wait() error {
	reached := make(chan struct{})
	p.marks <- reached
	p.work <- nil
	<-reached
	return p.failed()
}

// close ends the pipe when its work is done.
func (p *pipe) close() error {
	close(p.work)
	<-p.done
	return p.failed()
}

// segmentWriter writes one segment.
type segmentWriter struct {
	*ingester
	pipe     *pipe
	path     string
	catalog  string // the segment's name in the instance
	conn     *duck.Conn
	attached bool
	pending  int // rows written since the transaction began
	tables   map[string]*tableWriter
	order    []*tableWriter
	generic  []*genericWriter
}

func (w *segmentWriter) run(ctx context.Context, p *part) (*manifest, error) {
	conn, err := w.db.Conn()
	if err != nil {
		return nil, fault.WithCode(err, fault.Internal)
	}
	w.conn = conn
	m := &manifest{Version: formatVersion}
	for i := range p.files {
		f, err := w.file(ctx, &p.files[i], len(p.files) > 1)
		if err != nil {
			return nil, err
		}
		m.Files = append(m.Files, *f)
	}
	for _, t := range w.order {
		stored, err := t.finish(ctx)
		if err != nil {
			return nil, err
		}
		m.Tables = append(m.Tables, *stored)
	}
	for _, g := range w.generic {
		stored, err := g.finish(ctx)
		if err != nil {
			return nil, err
		}
		m.Tables = append(m.Tables, *stored)
	}
	return m, nil
}

// attach opens the segment's file when its first rows come; it runs in the pipe.
func (w *segmentWriter) attach(ctx context.Context) error {
	if w.attached {
		return nil
	}
	err := w.conn.Exec(ctx, "ATTACH "+duck.Literal(w.path)+" AS "+duck.Ident(w.catalog)+" (STORAGE_VERSION 'latest'); BEGIN TRANSACTION")
	if err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	w.attached = true
	return nil
}

// pendingAlter is how many rows a transaction may hold when a table is altered. DuckDB writes the full row groups of a large
// transaction early, and appending to a table altered after that fails ("row group prev allocated size is larger than currently
// allocated size", 1.5.x); a row group has 122,880 rows.
const pendingAlter = 100_000

// settle commits what was written so far when that is much: the file is no segment before it is renamed, so nobody sees half of it.
func (w *segmentWriter) settle(ctx context.Context) error {
	if w.pending < pendingAlter {
		return nil
	}
	if err := w.conn.Exec(ctx, "COMMIT; BEGIN TRANSACTION"); err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	w.pending = 0
	return nil
}

// commit ends the segment: detaching writes what is still in memory.
func (w *segmentWriter) commit(ctx context.Context) error {
	if !w.attached {
		return nil
	}
	if err := w.conn.Exec(ctx, "COMMIT; DETACH "+duck.Ident(w.catalog)); err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	return nil
}

// abandon removes what was written so far.
func (w *segmentWriter) abandon(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx) // what was written must go although the caller is gone
	for _, g := range w.generic {
		g.abandon(ctx)
	}
	if w.attached {
		conn, err := w.db.Conn()
		if err == nil {
			err = conn.Exec(ctx, "DETACH "+duck.Ident(w.catalog))
			w.db.Release(conn)
		}
		if err != nil {
			w.store.log.Debug("segment not detached", errAttr(err))
		}
	}
	for _, p := range []string{w.path, w.path + ".wal"} {
		if err := os.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove unfinished segment: %w", err)
		}
	}
	return nil
}

// file reads one file; several says that rows must carry its name.
func (w *segmentWriter) file(ctx context.Context, f *partFile, several bool) (*segmentFile, error) {
	out := &segmentFile{Path: f.path, Name: f.name, Offset: f.offset}
	src, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("read source: %w", err)
	}
	defer src.Close()
	format := f.format
	in := io.Reader(bufio.NewReaderSize(src, readBuffer))
	if f.offset > 0 {
		// A tail ends where the file ended when it was listed: what is written meanwhile belongs to the next part.
		in = bufio.NewReaderSize(io.NewSectionReader(src, f.offset, f.size-f.offset), readBuffer)
	} else {
		in = io.LimitReader(in, f.size)
		head := make([]byte, record.SniffBytes)
		n, rerr := io.ReadFull(in, head)
		if rerr != nil && !errors.Is(rerr, io.EOF) && !errors.Is(rerr, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("read source: %w", rerr)
		}
		if format == record.FormatUnknown {
			format = record.Sniff(head[:n], filepath.Base(f.path))
		}
		in = io.MultiReader(bytes.NewReader(head[:n]), in)
	}
	if f.walked && format == record.FormatText && !logName(f.name) {
		out.Report.Format = format
		out.Error = "left out: text without times or levels; name the file itself to read it"
		return out, nil
	}
	sink := &sink{w: w, ctx: ctx, file: f, text: textFormat(format), several: several}
	opt := record.Options{Name: f.path, Format: format, Offset: f.offset, Line: f.line, Now: f.mtime}
	out.Report, err = w.store.cfg.Read(ctx, in, opt, sink.add)
	out.Report.Format = firstFormat(out.Report.Format, format)
	out.Stats = sink.account()
	sink.refused(&out.Report)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case sink.err != nil:
		return nil, sink.err
	case fault.CodeOf(err) == fault.Unsupported:
		out.Error = err.Error()
	default:
		return nil, fmt.Errorf("read %s: %w", f.name, err)
	}
	return out, nil
}

func firstFormat(a, b record.Format) record.Format {
	if a != record.FormatUnknown {
		return a
	}
	return b
}

// textFormat reports whether a format is a text log: its rows may repeat what structured logs of the same source say.
func textFormat(f record.Format) bool {
	switch f {
	case record.FormatDocuments, record.FormatOTLP, record.FormatSeries, record.FormatJSONLog, record.FormatJSON,
		record.FormatOpenMetrics, record.FormatEmpty, record.FormatBinary, record.FormatParquet, record.FormatUnknown:
		return false
	default:
		return true
	}
}

// logName reports whether a file's name says that it is a log.
func logName(name string) bool {
	base := strings.ToLower(filepath.Base(name))
	ext := filepath.Ext(strings.TrimSuffix(strings.TrimSuffix(base, ".gz"), ".zst"))
	switch ext {
	case "", ".log", ".txt", ".out", ".err":
		return true
	}
	return strings.Contains(base, ".log") || strings.Contains(base, ".out")
}

// sink takes the records of one file.
type sink struct {
	w       *segmentWriter
	ctx     context.Context //nolint:containedctx // a sink lives as long as the reading of one file
	file    *partFile
	text    bool
	several bool
	generic *genericWriter
	err     error
}

func (s *sink) add(r *record.Record) error {
	s.err = s.put(r)
	return s.err
}

func (s *sink) put(r *record.Record) error {
	if r.Kind == record.Generic {
		return s.document(r)
	}
	name := string(r.Kind)
	if r.Kind == record.Logs && s.text {
		name = textLogs
	}
	t := s.w.tables[name]
	if t == nil {
		t = newTableWriter(s.w, name, r.Kind)
		s.w.tables[name] = t
		s.w.order = append(s.w.order, t)
	}
	file := ""
	if s.several {
		file = s.file.name
	}
	t.batch.add(r, file)
	if !t.batch.full() {
		return nil
	}
	return t.flush(s.ctx)
}

func (s *sink) document(r *record.Record) error {
	if s.generic == nil {
		g, err := newGenericWriter(s.ctx, s.w, s.file)
		if err != nil {
			return err
		}
		s.generic = g
		s.w.generic = append(s.w.generic, g)
	}
	return s.generic.add(r)
}

// refused adds the documents that no table could hold to the report.
func (s *sink) refused(rep *record.Report) {
	if s.generic == nil {
		return
	}
	n := int64(len(s.generic.refused))
	rep.Rows -= n
	rep.Skipped += n
	rep.Kinds[record.Generic] -= n
	rep.Examples = append(rep.Examples, s.generic.refused[:min(int(n), max(0, record.MaxExamples-len(rep.Examples)))]...)
}

// account returns what the file gave to each table and begins the next file's count.
func (s *sink) account() []fileStats {
	var out []fileStats
	for _, t := range s.w.order {
		if st := t.account(); st.Rows > 0 {
			out = append(out, st)
		}
	}
	if s.generic != nil {
		out = append(out, fileStats{Table: s.generic.name, Rows: s.generic.rows})
	}
	return out
}
