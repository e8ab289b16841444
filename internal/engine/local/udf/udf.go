// Package udf registers Go functions with DuckDB as scalar functions.
//
// A function runs a chunk of rows at a time; text arguments are lent, not copied. What it returns as an error becomes the
// error of the query; a panic in it does too, so one bad row can never take the server down.
package udf

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
)

// cancelEvery is how many rows a function computes before it looks whether the query was cancelled: rare enough to cost
// nothing, often enough for slow functions.
const cancelEvery = 64

// Register makes the functions callable from SQL in every connection of conn's database. It fails on the first function
// that DuckDB refuses and names it.
func Register(_ context.Context, conn *sql.Conn, list []function.UDF) error {
	for i := range list {
		f, err := newScalar(&list[i])
		if err == nil {
			err = duckdb.RegisterScalarUDF(conn, list[i].Name, f)
		}
		if err != nil {
			return fmt.Errorf("register function %s: %w", list[i].Name, err)
		}
	}
	return nil
}

// scalar is one function as DuckDB sees it.
type scalar struct {
	udf    *function.UDF
	config duckdb.ScalarFuncConfig
}

func newScalar(u *function.UDF) (*scalar, error) {
	s := &scalar{udf: u}
	for _, t := range u.In {
		info, err := typeInfo(t)
		if err != nil {
			return nil, err
		}
		s.config.InputTypeInfos = append(s.config.InputTypeInfos, info)
	}
	if u.Variadic != "" {
		info, err := typeInfo(u.Variadic)
		if err != nil {
			return nil, err
		}
		s.config.VariadicTypeInfo = info
	}
	out, err := typeInfo(u.Out)
	if err != nil {
		return nil, err
	}
	s.config.ResultTypeInfo = out
	s.config.Volatile = u.Volatile
	s.config.SpecialNullHandling = u.NullsIn
	return s, nil
}

// Config returns the signature.
func (s *scalar) Config() duckdb.ScalarFuncConfig { return s.config }

// Executor returns the function that fills a chunk.
func (s *scalar) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{ChunkContextExecutor: s.run}
}

// run computes one chunk.
func (s *scalar) run(ctx context.Context, state *duckdb.ChunkIteratorState) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("function %s failed: %v", s.udf.Name, r)
		}
	}()
	if s.udf.Out == "VARCHAR" {
		return s.runText(ctx, state)
	}
	row := 0
	for r, err := range state.Rows() {
		if err != nil {
			return err
		}
		if row++; row%cancelEvery == 0 && ctx != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		args := make([]any, r.ColumnCount())
		for i := range args {
			args[i] = widen(*r.GetValuePtr(i))
		}
		v, err := s.udf.Fn(args)
		if err != nil {
			return err
		}
		if err := r.SetResult(v); err != nil {
			return fmt.Errorf("function %s: %w", s.udf.Name, err)
		}
	}
	return nil
}

// runText computes a chunk of text without copying what goes in.
func (s *scalar) runText(ctx context.Context, state *duckdb.ChunkIteratorState) error {
	chunk := state.GetInputChunk()
	columns, err := readers(chunk)
	if err != nil {
		return err
	}
	out, err := duckdb.GetVectorWriter[string](state.GetResultVector())
	if err != nil {
		return err
	}
	args := make([]any, len(columns))
	for row := range chunk.GetSize() {
		if row%cancelEvery == 0 && ctx != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		null := false
		for i, read := range columns {
			if args[i], err = read(row); err != nil {
				return err
			}
			null = null || args[i] == nil
		}
		if null && !s.udf.NullsIn {
			continue // DuckDB sets null where an argument is null
		}
		v, err := s.udf.Fn(args)
		if err != nil {
			return err
		}
		if err := writeText(out, row, v); err != nil {
			return fmt.Errorf("function %s: %w", s.udf.Name, err)
		}
	}
	return nil
}

func writeText(out duckdb.VectorWriter[string], row int, v any) error {
	switch x := v.(type) {
	case nil:
		return out.SetNull(row)
	case string:
		return out.Set(row, strings.ToValidUTF8(x, "\uFFFD"))
	default:
		return fmt.Errorf("result is %T, want a string", v)
	}
}

// readers returns for each column how to read a row of it: text is borrowed from DuckDB, whole numbers become int64.
func readers(chunk *duckdb.DataChunk) ([]func(row int) (any, error), error) {
	out := make([]func(int) (any, error), chunk.ColumnCount())
	for i := range out {
		vec, err := chunk.GetVector(i)
		if err != nil {
			return nil, err
		}
		if view, err := duckdb.GetVectorView[string](vec); err == nil {
			out[i] = func(row int) (any, error) {
				s, ok, err := view.GetValueBorrowed(row)
				if err != nil || !ok {
					return nil, err
				}
				return s, nil
			}
			continue
		}
		out[i] = func(row int) (any, error) {
			v, err := chunk.GetValue(i, row)
			if err != nil {
				return nil, err
			}
			return widen(v), nil
		}
	}
	return out, nil
}

// widen brings numbers to the two kinds functions know.
func widen(v driver.Value) any {
	switch x := v.(type) {
	case int8:
		return int64(x)
	case int16:
		return int64(x)
	case int32:
		return int64(x)
	case float32:
		return float64(x)
	}
	return v
}
