package replay

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/doctable"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/udf"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
)

// Local answers with the language compiled to DuckDB, over tables in memory.
type Local struct {
	db     *sql.DB
	conn   *sql.Conn
	tables map[string]*catalog.Table
	comp   *ppl.Compiler
	now    func() string
	serial int
}

// NewLocal opens an engine in memory; now gives the queries' clock as "2006-01-02 15:04:05.000000" in UTC. Close it after use.
func NewLocal(ctx context.Context, now func() string) (*Local, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, fmt.Errorf("open engine: %w", err)
	}
	l := &Local{db: db, tables: map[string]*catalog.Table{}, comp: ppl.NewCompiler(), now: now}
	if l.conn, err = db.Conn(ctx); err == nil {
		err = udf.Register(ctx, l.conn, ppl.UDFs())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open engine: %w", err), l.Close())
	}
	return l, nil
}

// Close ends the engine.
func (l *Local) Close() error {
	var err error
	if l.conn != nil {
		err = l.conn.Close()
	}
	return errors.Join(err, l.db.Close())
}

// Load makes an index.
func (l *Local) Load(ctx context.Context, index string, mapping []byte, docs [][]byte) error {
	if err := l.Drop(ctx, index); err != nil {
		return err
	}
	l.serial++
	b, err := doctable.New(ctx, l.conn, fmt.Sprintf("index_%d", l.serial), mapping, doctable.Options{Index: index, ClusterOrder: true})
	if err != nil {
		return err
	}
	for i, d := range docs {
		if err := b.Add(d); err != nil {
			return fmt.Errorf("document %d: %w", i+1, err)
		}
	}
	t, err := b.Finish()
	if err != nil {
		return err
	}
	l.tables[index] = t
	return nil
}

// Drop removes an index.
func (l *Local) Drop(ctx context.Context, index string) error {
	t := l.tables[index]
	if t == nil {
		return nil
	}
	delete(l.tables, index)
	_, err := l.conn.ExecContext(ctx, "DROP TABLE "+t.From)
	return err
}

// Lookup finds a table by name, comma list or pattern.
func (l *Local) Lookup(_ context.Context, name string) (*catalog.Table, error) {
	var found []*catalog.Table
	for part := range strings.SplitSeq(name, ",") {
		part = strings.TrimSpace(part)
		matches := l.match(part)
		if len(matches) == 0 {
			return nil, fault.New(fault.NotFound, "no such index [%s]", part)
		}
		found = append(found, matches...)
	}
	return doctable.Merge(name, found), nil
}

// match returns the tables a name or pattern stands for, in order of name.
func (l *Local) match(pattern string) []*catalog.Table {
	if t := l.tables[pattern]; t != nil {
		return []*catalog.Table{t}
	}
	if !strings.Contains(pattern, "*") {
		return nil
	}
	var out []*catalog.Table
	for name, t := range l.tables {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b *catalog.Table) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Query compiles and runs a query.
func (l *Local) Query(ctx context.Context, query string) (*Answer, error) {
	q, err := ppl.Parse(query)
	if err != nil {
		return nil, refused(err)
	}
	opt := ppl.DefaultOptions(l.now())
	opt.Probe = l.probe
	p, err := l.comp.Compile(ctx, q, l, opt)
	if err != nil {
		return nil, refused(err)
	}
	rows, err := l.conn.QueryContext(ctx, p.SQL)
	if err != nil {
		return nil, l.failed(err, p.SQL)
	}
	defer func() { _ = rows.Close() }()
	a := &Answer{}
	for _, c := range p.Columns {
		a.Columns = append(a.Columns, Column{Name: c.Name, Type: string(c.Type)})
	}
	for rows.Next() {
		cells := make([]any, len(p.Columns))
		into := make([]any, len(cells))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("read answer: %w", err)
		}
		for i, c := range p.Columns {
			cells[i] = cell(cells[i], c.Type)
		}
		a.Rows = append(a.Rows, cells)
	}
	if err := rows.Err(); err != nil {
		return nil, l.failed(err, p.SQL)
	}
	return a, nil
}

// probe returns the first column of what SQL answers.
func (l *Local) probe(ctx context.Context, sql string) (out []any, err error) {
	rows, err := l.conn.QueryContext(ctx, sql)
	if err != nil {
		return nil, l.failed(err, sql)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var v any
		if err := rows.Scan(&v); err != nil {
			return nil, fmt.Errorf("read answer: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// refused makes an error of the language what a cluster's HTTP client would show.
func refused(err error) error {
	e := &QueryError{Status: 400, Text: "400 Bad Request: " + err.Error()}
	switch fault.CodeOf(err) {
	case fault.NotFound:
		e.Status, e.Text = 404, "404 Not Found: "+err.Error()
	case fault.Internal:
		e.Status, e.Text = 500, "500 Internal Server Error: "+err.Error()
	default:
	}
	if hint := fault.HintOf(err); hint != "" {
		e.Text += " (" + hint + ")"
	}
	return e
}

// failed tells an error of the running query, which the query deserved, from SQL that DuckDB cannot bind, which is ours.
func (l *Local) failed(err error, query string) error {
	if d, ok := errors.AsType[*duckdb.Error](err); ok {
		switch d.Type {
		case duckdb.ErrorTypeBinder, duckdb.ErrorTypeParser, duckdb.ErrorTypeCatalog, duckdb.ErrorTypeInternal, duckdb.ErrorTypeSyntax:
			return fmt.Errorf("bad SQL: %w in %s", err, query)
		default:
		}
		return &QueryError{Status: 400, Text: "400 Bad Request: " + err.Error()}
	}
	return err
}
