package remote

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/doctable"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/udf"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
)

// spillLimit bounds the rows of one runaway query on disk; then it fails.
const spillLimit = "10GB"

// database returns the DuckDB instance that the rest of queries runs in; it is opened by the first one.
func (e *Engine) database(ctx context.Context) (*duck.DB, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return nil, fault.New(fault.Unavailable, "the source is closed")
	case e.db != nil:
		return e.db, nil
	}
	settings := []duck.Setting{
		{Name: "autoinstall_known_extensions", Value: "false"},
		{Name: "autoload_known_extensions", Value: "false"},
		{Name: "TimeZone", Value: "'UTC'"},
		{Name: "threads", Value: strconv.Itoa(e.config.Threads)},
		{Name: "memory_limit", Value: duck.Literal(strconv.FormatInt(e.config.MemoryLimitBytes, 10) + "B")},
		{Name: "temp_directory", Value: duck.Literal(e.config.TempDir)},
	}
	if e.config.TempDir != "" {
		settings = append(settings, duck.Setting{Name: "max_temp_directory_size", Value: duck.Literal(spillLimit)})
	}
	settings = append(settings, duck.Setting{Name: "allow_community_extensions", Value: "false"},
		duck.Setting{Name: "enable_external_access", Value: "false"}, duck.Setting{Name: "lock_configuration", Value: "true"})
	db, err := duck.Open(context.WithoutCancel(ctx), settings, func(ctx context.Context, c *sql.Conn) error {
		return udf.Register(ctx, c, ppl.UDFs())
	})
	if err != nil {
		return nil, fault.WithCode(err, fault.Internal)
	}
	e.db = db
	return db, nil
}

// session holds the tables of one query in DuckDB.
type session struct {
	e      *Engine
	db     *duck.DB
	conn   *sql.Conn
	schema string
	tables int
}

func (e *Engine) session(ctx context.Context) (*session, error) {
	db, err := e.database(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := db.SQL(ctx)
	if err != nil {
		return nil, fault.WithCode(fmt.Errorf("open session: %w", err), fault.Unavailable)
	}
	s := &session{e: e, db: db, conn: conn, schema: "q" + strconv.FormatInt(e.serial.Add(1), 10)}
	if _, err := conn.ExecContext(ctx, "CREATE SCHEMA "+s.schema); err != nil {
		return nil, errors.Join(fmt.Errorf("open session: %w", err), conn.Close())
	}
	return s, nil
}

func (s *session) close(ctx context.Context) {
	_, err := s.conn.ExecContext(context.WithoutCancel(ctx), "DROP SCHEMA "+s.schema+" CASCADE")
	if err = errors.Join(err, s.conn.Close()); err != nil {
		s.e.log.Warn("session not closed", errAttr(err))
	}
}

// builder starts a table for the documents of a fetch.
func (s *session) builder(ctx context.Context, f *fetch) (*doctable.Builder, error) {
	s.tables++
	return doctable.New(ctx, s.conn, "t"+strconv.Itoa(s.tables), f.mapping(), f.t.options(s.schema))
}

// mapping is the part of the table's mapping that the wanted fields need.
func (f *fetch) mapping() []byte {
	if f.t.convert {
		return convertedMapping(f.t)
	}
	if f.every {
		return f.t.mapping.json(nil)
	}
	wanted := map[string]bool{}
	for _, p := range f.paths {
		wanted[p] = true
		for parent, _, ok := cutLast(p); ok; parent, _, ok = cutLast(parent) {
			if l := f.t.mapping.leaves[parent]; l != nil { // a path within an opaque object
				wanted[parent] = true
			}
		}
	}
	return f.t.mapping.json(wanted)
}

// load fetches the documents into a table. It stops with fault.TooLarge beyond the engine's bound of rows.
func (s *session) load(ctx context.Context, f *fetch, w *trouble) (*catalog.Table, int64, error) {
	b, err := s.builder(ctx, f)
	if err != nil {
		return nil, 0, fault.WithCode(err, fault.Internal)
	}
	var bytes int64
	add, end := s.adder(ctx, f, b)
	err = s.e.documents(ctx, f, w, func(h *hit) error {
		if bytes += int64(len(h.Source)); bytes > s.e.config.MaxFetchBytes {
			return fault.WithHint(fault.New(fault.TooLarge, "query: the rest of the pipeline needs more than %d MB of documents of %s", s.e.config.MaxFetchBytes>>20, f.t.target),
				"Narrow the time range, filter by a keyword field, or aggregate with stats first: explain shows what the cluster does itself.")
		}
		return add(h)
	})
	if err == nil {
		err = end()
	}
	if err != nil {
		return nil, 0, err
	}
	t, err := s.finish(f, b)
	return t, b.Rows(), err
}

// adder puts hits into the builder.
func (s *session) adder(ctx context.Context, f *fetch, b *doctable.Builder) (add func(h *hit) error, end func() error) {
	if f.t.convert {
		return convert(ctx, f, b)
	}
	var doc []byte
	add = func(h *hit) error {
		if f.meta {
			doc = h.withMeta(doc[:0])
			return b.Add(doc)
		}
		if len(h.Source) == 0 {
			return b.Add([]byte("{}"))
		}
		return b.Add(h.Source)
	}
	return add, func() error { return nil }
}

// withMeta writes the document with its id and index as fields.
func (h *hit) withMeta(b []byte) []byte {
	b = append(b, `{"_id":`...)
	b = strconv.AppendQuote(b, h.ID)
	b = append(b, `,"_index":`...)
	b = strconv.AppendQuote(b, h.Index)
	if source := strings.TrimSpace(string(h.Source)); len(source) > 2 {
		b = append(b, ',')
		return append(b, source[1:]...)
	}
	return append(b, '}')
}

// finish closes the builder and shows its table as the fetch's: the same columns in the same order.
func (s *session) finish(f *fetch, b *doctable.Builder) (*catalog.Table, error) {
	docs, err := b.Finish()
	if err != nil {
		return nil, fault.WithCode(err, fault.Internal)
	}
	t := f.t.present(docs)
	f.t.arrange(t)
	return t, nil
}

// write makes a table of rows that are here already.
func (s *session) write(ctx context.Context, t *catalog.Table, list [][]any) (*catalog.Table, error) {
	s.tables++
	name := "t" + strconv.Itoa(s.tables)
	t.From = s.schema + "." + name
	defs := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		t.Columns[i].SQL = "c" + strconv.Itoa(i) // names may differ by case alone
		defs[i] = t.Columns[i].SQL + " " + storage(c)
	}
	if _, err := s.conn.ExecContext(ctx, "CREATE TABLE "+t.From+" ("+strings.Join(defs, ", ")+")"); err != nil {
		return nil, fault.WithCode(fmt.Errorf("write groups: %w", err), fault.Internal)
	}
	err := s.conn.Raw(func(conn any) (err error) {
		driverConn, ok := conn.(driver.Conn)
		if !ok {
			return errors.New("not a connection to DuckDB")
		}
		app, err := duckdb.NewAppenderFromConn(driverConn, s.schema, name)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, app.Close()) }()
		args := make([]driver.Value, len(t.Columns))
		for _, row := range list {
			for i := range args {
				args[i] = row[i]
			}
			if err := app.AppendRow(args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fault.WithCode(fmt.Errorf("write groups: %w", err), fault.Internal)
	}
	return t, nil
}
