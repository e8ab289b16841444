// Package ppl is the Piped Processing Language: Parse reads a query, Format prints it, Check and Compile hold it against a
// catalog of tables and give one DuckDB query with OpenSearch's semantics.
//
// Words: a query is a search followed by commands; a program is the compiled query: SQL, the columns it gives, and notes for
// the reader of the answer. Errors carry the code invalid_query, show the line of the query with the place underlined, and
// have a hint where the next step is known.
//
// The parts: package syntax reads text, package command holds the commands, package function the functions, package plan
// builds the SQL, package catalog says what the data holds.
package ppl

import (
	"context"
	"errors"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/ppl/command"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Query is a query that was read.
type Query struct {
	Text     string
	Pipeline *command.Pipeline
}

// Options steer Compile. Zero limits mean no limit; DefaultOptions has the limits of a cluster.
type Options = plan.Options

// The limits a cluster has by default.
const (
	DefaultSizeLimit      = 10_000
	DefaultSubsearchLimit = 10_000
	DefaultJoinLimit      = 50_000
)

// DefaultOptions returns a cluster's default settings and limits. now is the query's clock, as Settings.Now.
func DefaultOptions(now string) Options { return Dialect{}.Options(now) }

// Program is a compiled query.
type Program struct {
	SQL     string
	Columns []rows.Column
	Notes   []string
	Tables  []string // the tables read, by the catalog's names
}

// Compiler compiles queries. It is immutable and safe for concurrent use; building one indexes the function library.
type Compiler struct{ lib *function.Library }

// NewCompiler returns a compiler.
func NewCompiler() *Compiler { return &Compiler{lib: function.NewLibrary()} }

// Parse reads a query. The error is a fault.Error of code invalid_query.
func Parse(text string) (*Query, error) {
	p, err := command.Parse(text)
	if err != nil {
		return nil, explain(text, err)
	}
	return &Query{Text: text, Pipeline: p}, nil
}

// Format prints a query in one form: one command after the other with single blanks.
func Format(q *Query) string { return q.Pipeline.String() }

// Check reports what is wrong with a query for these tables, or nil.
func (c *Compiler) Check(ctx context.Context, q *Query, cat catalog.Catalog, opt Options) error {
	_, err := c.Compile(ctx, q, cat, opt)
	return err
}

// Compile compiles a query for the tables of the catalog.
func (c *Compiler) Compile(ctx context.Context, q *Query, cat catalog.Catalog, opt Options) (*Program, error) {
	env := &plan.Env{Ctx: ctx, Catalog: cat, Options: opt, Lib: c.lib, Compile: command.Compile}
	r, err := command.Compile(env, q.Pipeline, nil)
	if err != nil {
		return nil, explain(q.Text, err)
	}
	if opt.SizeLimit > 0 {
		r.CutFirst(opt.SizeLimit)
	}
	sql, cols := r.Render()
	return &Program{SQL: sql, Columns: cols, Notes: env.Notes, Tables: env.Tables}, nil
}

// Compile is Compiler.Compile for callers that compile once.
func Compile(ctx context.Context, q *Query, cat catalog.Catalog, opt Options) (*Program, error) {
	return NewCompiler().Compile(ctx, q, cat, opt)
}

// Check is Compiler.Check for callers that check once.
func Check(ctx context.Context, q *Query, cat catalog.Catalog, opt Options) error {
	return NewCompiler().Check(ctx, q, cat, opt)
}

// explain gives a syntax error the text it points into, a code and its hint.
func explain(text string, err error) error {
	var e *syntax.Error
	if !errors.As(err, &e) {
		return err
	}
	shown := *e
	if shown.Query == "" {
		shown.Query = text
	}
	code := fault.InvalidQuery
	var f *fault.Error
	if errors.As(err, &f) && f.Code != "" {
		code = f.Code
	}
	if len(text) > syntax.MaxQueryBytes {
		code = fault.TooLarge
	}
	return &fault.Error{Code: code, Hint: e.Hint, Err: &shown}
}

// UDFs returns the Go functions that compiled queries call. An engine registers them with DuckDB before it runs one.
func UDFs() []function.UDF { return slices.Concat(function.UDFs(), command.UDFs()) }
