package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/doctable"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/record"
)

const (
	// textLogs is the table of a segment that holds logs read from text; snapshots decide which view shows them.
	textLogs = "text_logs"
	// maxServices bounds the service names kept of one file.
	maxServices = 64
)

// timeField returns the time column of a kind.
func timeField(kind engine.Kind) string {
	switch kind {
	case engine.Spans:
		return "startTime"
	case engine.Logs, engine.Metrics:
		return "@timestamp"
	case engine.ServiceMap:
		return "timestamp"
	default:
		return ""
	}
}

func errAttr(err error) slog.Attr { return slog.Any("error", err) }

// tableWriter writes one table of a segment: it fills one batch while the pipe writes another.
type tableWriter struct {
	w      *segmentWriter
	name   string
	kind   engine.Kind
	batch  *batch
	free   chan *batch
	rows   int64
	stats  fileStats
	seen   int // rows of the batch already in stats
	minMax [2]int64
	unit   duck.Type // of minMax

	// The table as created; only the pipe touches these until it is waited for.
	types    map[string]*tableColumn // by the records' names
	order    []string
	names    batch // hands out stored names
	overflow map[string]struct{}
}

// tableColumn is a column of the table as created.
type tableColumn struct {
	name   string // as stored
	typ    duck.Type
	json   bool
	coarse bool
}

func newTableWriter(w *segmentWriter, name string, kind record.Kind) *tableWriter {
	t := &tableWriter{
		w: w, name: name, kind: engine.Kind(kind), batch: newBatch(), free: make(chan *batch, 2), // both, when reading ended early
		types: map[string]*tableColumn{}, names: batch{taken: map[string]int{}}, overflow: map[string]struct{}{},
	}
	t.free <- newBatch()
	t.account()
	return t
}

// flush hands the batch to the pipe and goes on with the other one once that is free.
func (t *tableWriter) flush(ctx context.Context) error {
	if t.batch.rows == 0 {
		return nil
	}
	t.count()
	full := t.batch
	t.rows += int64(full.rows)
	t.batch, t.seen = nil, 0
	err := t.w.pipe.submit(func() error {
		defer func() {
			full.reset()
			t.free <- full
		}()
		if t.w.pipe.failed() != nil {
			return nil
		}
		return t.write(ctx, full)
	})
	select {
	case t.batch = <-t.free:
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	if t.batch == nil {
		t.batch = newBatch() // reading ends; the pipe still holds both others
	}
	if err != nil {
		return err
	}
	return t.w.pipe.failed()
}

// write appends a batch; columns are added or widened first where the batch needs it.
func (t *tableWriter) write(ctx context.Context, b *batch) error {
	if err := t.prepare(ctx, b); err != nil {
		return err
	}
	cols := b.seal()
	if err := t.w.conn.Append(ctx, t.w.catalog, t.name, cols, b.rows); err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	t.w.pending += b.rows
	for name := range b.overflow {
		t.overflow[name] = struct{}{}
	}
	return nil
}

// prepare creates or alters the table for the columns of a batch.
func (t *tableWriter) prepare(ctx context.Context, b *batch) error {
	if err := t.w.attach(ctx); err != nil {
		return err
	}
	table := duck.Ident(t.w.catalog) + "." + duck.Ident(t.name)
	var defs, stmts []string
	created := len(t.order) > 0
	for _, c := range b.cols {
		if c.rows == 0 {
			continue
		}
		have := t.types[c.name]
		if have == nil {
			stored := t.names.storedName(c.name)
			t.types[c.name] = &tableColumn{name: stored, typ: c.Type, json: c.json, coarse: c.coarse}
			t.order = append(t.order, c.name)
			defs = append(defs, duck.Ident(stored)+" "+c.Type.String())
			c.Name = stored
			continue
		}
		c.Name = have.name // the two batches may have met spellings in another order
		have.json, have.coarse = have.json && c.json, have.coarse || c.coarse
		typ := widest(have.typ, c.Type)
		if typ == duck.TimestampNS && have.coarse {
			typ = duck.Timestamp
		}
		if typ != have.typ {
			have.typ = typ
			stmts = append(stmts, "ALTER TABLE "+table+" ALTER COLUMN "+duck.Ident(c.Name)+" TYPE "+typ.String())
		}
	}
	switch {
	case !created:
		stmts = append(stmts, "CREATE TABLE "+table+" ("+strings.Join(defs, ", ")+")")
	default:
		for _, d := range defs {
			stmts = append(stmts, "ALTER TABLE "+table+" ADD COLUMN "+d)
		}
	}
	if len(stmts) == 0 {
		return nil
	}
	if err := t.w.settle(ctx); err != nil {
		return err
	}
	if err := t.w.conn.Exec(ctx, strings.Join(stmts, "; ")); err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	return nil
}

// count adds the rows of the batch that are not yet in the file's statistics.
func (t *tableWriter) count() {
	t.stats.Rows += int64(t.batch.rows - t.seen)
	if c := t.filled(timeField(t.kind)); c != nil && (c.Type == duck.Timestamp || c.Type == duck.TimestampNS) {
		if t.unit != c.Type && t.unit != 0 {
			t.rescale(c.Type)
		}
		t.unit = c.Type
		for i := t.seen; i < c.rows; i++ {
			if c.Valid[i/64]&(1<<(i%64)) != 0 {
				t.minMax[0], t.minMax[1] = min(t.minMax[0], c.Ints[i]), max(t.minMax[1], c.Ints[i])
			}
		}
	}
	if c := t.filled("serviceName"); c != nil && c.Type == duck.Varchar {
		t.countServices(c)
	}
	t.seen = t.batch.rows
}

func (t *tableWriter) filled(name string) *column {
	i, ok := t.batch.index[name]
	if !ok || t.batch.cols[i].rows == 0 {
		return nil
	}
	return t.batch.cols[i]
}

// rescale brings minMax to the unit of the column, which has changed.
func (t *tableWriter) rescale(to duck.Type) {
	for i, n := range t.minMax {
		switch {
		case n == math.MinInt64 || n == math.MaxInt64:
		case to == duck.TimestampNS:
			t.minMax[i] = n * 1000
		default:
			t.minMax[i] = n / 1000
		}
	}
}

func (t *tableWriter) countServices(c *column) {
	begin := 0
	if t.seen > 0 {
		begin = c.Ends[min(t.seen, c.rows)-1]
	}
	for i := t.seen; i < c.rows; i++ {
		s := c.Text[begin:c.Ends[i]]
		begin = c.Ends[i]
		if len(s) == 0 || len(t.stats.Services) >= maxServices {
			continue
		}
		if n := len(t.stats.Services); n > 0 && t.stats.Services[n-1] == string(s) {
			continue
		}
		if !slices.Contains(t.stats.Services, string(s)) {
			t.stats.Services = append(t.stats.Services, string(s))
		}
	}
}

// account returns the statistics of the file that was read last and begins the next one's.
func (t *tableWriter) account() fileStats {
	t.count()
	st := t.stats
	if t.minMax[0] <= t.minMax[1] && t.unit != 0 {
		st.Start, st.End = instant(t.unit, t.minMax[0]), instant(t.unit, t.minMax[1])
	}
	t.stats = fileStats{Table: t.name}
	t.minMax = [2]int64{math.MaxInt64, math.MinInt64}
	return st
}

func instant(unit duck.Type, n int64) time.Time {
	if unit == duck.TimestampNS {
		return time.Unix(0, n).UTC()
	}
	return time.UnixMicro(n).UTC()
}

// finish writes what is left and describes the table.
func (t *tableWriter) finish(ctx context.Context) (*storedTable, error) {
	if err := t.flush(ctx); err != nil {
		return nil, err
	}
	if err := t.w.pipe.wait(); err != nil {
		return nil, err
	}
	out := &storedTable{Name: t.name, Kind: t.kind, Rows: t.rows}
	for _, name := range t.order {
		c := t.types[name]
		col := storedColumn{Name: name, Type: c.typ.String(), JSON: c.json && c.typ == duck.Varchar}
		if c.name != name {
			col.Stored = c.name
		}
		out.Columns = append(out.Columns, col)
	}
	out.Overflow = slices.Sorted(maps.Keys(t.overflow))
	return out, nil
}

// genericWriter writes the documents of one file that are no telemetry into a table of their own.
type genericWriter struct {
	name    string
	conn    *sql.Conn
	builder *doctable.Builder
	rows    int64
	refused []record.Skip
}

func newGenericWriter(ctx context.Context, w *segmentWriter, f *partFile) (*genericWriter, error) {
	err := w.pipe.submit(func() error { return w.attach(ctx) })
	if err == nil {
		err = w.pipe.wait()
	}
	if err != nil {
		return nil, err
	}
	conn, err := w.db.SQL(ctx)
	if err != nil {
		return nil, fmt.Errorf("write segment: %w", err)
	}
	g := &genericWriter{conn: conn, name: tableName(f.path)}
	for i := 2; slices.ContainsFunc(w.generic, func(o *genericWriter) bool { return o.name == g.name }); i++ {
		g.name = fmt.Sprintf("%s_%d", tableName(f.path), i)
	}
	if _, err := conn.ExecContext(ctx, "USE "+duck.Ident(w.catalog)); err != nil {
		g.abandon(ctx)
		return nil, fmt.Errorf("write segment: %w", err)
	}
	g.builder, err = doctable.New(ctx, conn, g.name, mappingOf(f.path), doctable.Options{MaxColumns: maxColumns})
	if err != nil {
		g.abandon(ctx)
		return nil, fmt.Errorf("write segment: %w", err)
	}
	return g, nil
}

// mappingOf returns the mapping beside a file, nil if there is none.
func mappingOf(file string) []byte {
	data, err := os.ReadFile(stem(file) + mappingSuffix)
	if err != nil || len(data) > record.MaxLine {
		return nil
	}
	return data
}

// stem returns a path without compression and format extensions.
func stem(file string) string {
	for {
		ext := path.Ext(file)
		switch strings.ToLower(ext) {
		case ".gz", ".zst", ".zstd", ".json", ".jsonl", ".ndjson", ".jsonlines", ".log", ".txt", ".parquet":
			file = strings.TrimSuffix(file, ext)
		default:
			return file
		}
	}
}

// tableName makes a table's name of a file's: letters, digits, _ and -.
func tableName(file string) string {
	base := path.Base(strings.ReplaceAll(stem(file), `\`, "/"))
	name := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || (r >= '0' && r <= '9') || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') {
			return r
		}
		return '_'
	}, base)
	if name == "" || reserved(name) {
		return name + "_docs"
	}
	return name
}

// reserved reports whether a name belongs to a table of records.
func reserved(name string) bool {
	switch name {
	case string(engine.Logs), string(engine.Spans), string(engine.Metrics), string(engine.ServiceMap), plainLogs, textLogs, skippedTable:
		return true
	}
	return false
}

// add appends a document; one that the table cannot hold, such as a bare number, is set aside.
func (g *genericWriter) add(r *record.Record) error {
	err := g.builder.Add(r.Raw)
	if err == nil {
		g.rows++
		return nil
	}
	if g.builder.Rows() == g.rows { // the document was refused; else it was taken and writing failed
		text := strings.ToValidUTF8(string(r.Raw[:min(len(r.Raw), record.MaxSkipText)]), "")
		g.refused = append(g.refused, record.Skip{Line: r.Line, Reason: err.Error(), Text: text})
		return nil
	}
	return fmt.Errorf("write segment: %w", err)
}

func (g *genericWriter) finish(ctx context.Context) (*storedTable, error) {
	t, err := g.builder.Finish()
	if err != nil {
		return nil, fmt.Errorf("write segment: %w", err)
	}
	g.abandon(ctx)
	return &storedTable{Name: g.name, Kind: engine.Generic, Rows: g.rows, Generic: t}, nil
}

// abandon gives the connection back, off the segment.
func (g *genericWriter) abandon(ctx context.Context) {
	if g.conn == nil {
		return
	}
	_, _ = g.conn.ExecContext(context.WithoutCancel(ctx), "USE memory") // a connection that cannot is closed with the instance
	_ = g.conn.Close()
	g.conn = nil
}
