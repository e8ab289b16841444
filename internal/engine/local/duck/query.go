package duck

import (
	"context"
	"errors"
	"fmt"
	"io"

	bindings "github.com/duckdb/duckdb-go-bindings"
	"github.com/duckdb/duckdb-go/v2/mapping"
)

// ErrNotSelect refuses a statement that is not one SELECT: everything else could reach outside the attached data.
var ErrNotSelect = errors.New("only one SELECT statement is run")

// Rows streams the answer of a SELECT, a vector of rows at a time, so that a large answer never lies in memory whole.
// It is for one goroutine. Close it before the connection is used again.
type Rows struct {
	ctx     context.Context //nolint:containedctx // a cursor lives as long as the call that opened it
	stmt    mapping.PreparedStatement
	res     mapping.Result
	chunk   mapping.DataChunk
	stop    func()
	names   []string
	cols    []column
	size    int
	row     int
	hasRes  bool
	drained bool
}

// Query runs one SELECT (or EXPLAIN) statement. ErrNotSelect wraps the refusal of any other.
func (c *Conn) Query(ctx context.Context, sql string) (*Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &Rows{ctx: ctx, stop: c.watch(ctx)}
	if err := r.open(c, sql); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Rows) open(c *Conn, sql string) error {
	if err := r.prepare(c, sql); err != nil {
		return err
	}
	var pending mapping.PendingResult
	// Marked deprecated without a successor; without it DuckDB holds whole results in memory.
	if bindings.PendingPreparedStreaming(r.stmt, &pending) == mapping.StateError {
		err := cause(r.ctx, mapping.PendingError(pending))
		mapping.DestroyPending(&pending)
		return err
	}
	defer mapping.DestroyPending(&pending)
	state := mapping.ExecutePending(pending, &r.res)
	r.hasRes = true
	if state == mapping.StateError {
		return cause(r.ctx, mapping.ResultError(&r.res))
	}
	return r.describe()
}

func (r *Rows) prepare(c *Conn, sql string) error {
	var stmts mapping.ExtractedStatements
	n := mapping.ExtractStatements(c.conn, sql, &stmts)
	defer mapping.DestroyExtracted(&stmts)
	if n == 0 {
		if msg := mapping.ExtractStatementsError(stmts); msg != "" {
			return cause(r.ctx, msg)
		}
	}
	if n != 1 {
		return fmt.Errorf("%w, %d were given", ErrNotSelect, uint64(n))
	}
	if mapping.PrepareExtractedStatement(c.conn, stmts, 0, &r.stmt) == mapping.StateError {
		return cause(r.ctx, mapping.PrepareError(r.stmt))
	}
	if t := mapping.PreparedStatementType(r.stmt); t != mapping.StatementTypeSelect && t != mapping.StatementTypeExplain {
		return ErrNotSelect
	}
	return nil
}

func (r *Rows) describe() error {
	n := int(mapping.ColumnCount(&r.res))
	r.names = make([]string, n)
	r.cols = make([]column, n)
	for i := range n {
		r.names[i] = mapping.ColumnName(&r.res, mapping.IdxT(i))
		typ := mapping.ColumnLogicalType(&r.res, mapping.IdxT(i))
		r.cols[i] = newColumn(typ)
		mapping.DestroyLogicalType(&typ)
	}
	return nil
}

// Names returns the columns' names.
func (r *Rows) Names() []string { return r.names }

// Next fills row, one cell a column, or returns io.EOF after the last row. Cells are as package rows says; a DECIMAL or HUGEINT
// is an int64 where it is whole and fits, else a float64.
func (r *Rows) Next(row []any) error {
	for r.row >= r.size {
		if err := r.fetch(); err != nil {
			return err
		}
	}
	for i := range r.cols {
		row[i] = r.cols[i].cell(r.row)
	}
	r.row++
	return nil
}

func (r *Rows) fetch() error {
	if r.drained {
		return io.EOF
	}
	mapping.DestroyDataChunk(&r.chunk)
	r.chunk = mapping.FetchChunk(r.res)
	if r.chunk.Ptr == nil {
		r.drained = true
		if msg := mapping.ResultError(&r.res); msg != "" {
			return cause(r.ctx, msg)
		}
		if err := r.ctx.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	r.row, r.size = 0, int(mapping.DataChunkGetSize(r.chunk))
	if r.size == 0 {
		r.drained = true
		return io.EOF
	}
	for i := range r.cols {
		r.cols[i].bind(mapping.DataChunkGetVector(r.chunk, mapping.IdxT(i)))
	}
	return nil
}

// Close frees what the answer holds; rows not yet fetched are not computed.
func (r *Rows) Close() {
	r.stop()
	mapping.DestroyDataChunk(&r.chunk)
	if r.hasRes {
		mapping.DestroyResult(&r.res)
		r.hasRes = false
	}
	mapping.DestroyPrepare(&r.stmt)
	r.drained, r.row, r.size = true, 0, 0
}
