package plan

import (
	"context"
	"fmt"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Options bound and steer a compilation.
type Options struct {
	Settings function.Settings
	// SizeLimit caps the rows of the answer (plugins.query.size_limit); 0 = no cap.
	SizeLimit int
	// SubsearchLimit caps the rows of a subquery in an expression, and of append-like commands; 0 = no cap.
	SubsearchLimit int
	// JoinLimit caps the rows of a join's right side; 0 = no cap.
	JoinLimit int
	// Plain makes each command a SELECT of its own: the form that a query is checked against, never faster.
	Plain bool
	// Probe runs SQL while a query is compiled and returns the first column of its rows: timewrap names its columns by what
	// the data holds. nil where nothing can be run.
	Probe func(ctx context.Context, sql string) ([]any, error)
	// Head, if not nil, is asked for every pipeline that has a source of its own, the query's first.
	Head Head
	// Log, if not nil, is told what is read of each table.
	Log *ScanLog
}

// Env is one compilation: what all relations of a query share.
type Env struct {
	Ctx     context.Context //nolint:containedctx // an Env lives for one call of Compile and is never stored
	Catalog catalog.Catalog
	Options Options
	Lib     *function.Library
	// Compile compiles the pipeline of a sub-search; package command sets it. in is nil where the pipeline has its own source.
	Compile func(env *Env, q syntax.Pipeline, in *Rel) (*Rel, error)

	Notes  []string
	Tables []string

	stages []*stage
	names  *int
	reads  map[string]bool
	scopes []*Rel // relations around a correlated subquery, outermost first
}

// Fresh returns an empty compilation of the same query, for a part of it that is run on its own.
func (e *Env) Fresh() *Env {
	return &Env{Ctx: e.Ctx, Catalog: e.Catalog, Options: e.Options, Lib: e.Lib, Compile: e.Compile}
}

// Note adds a fact the reader of the answer must know, once.
func (e *Env) Note(format string, args ...any) {
	n := fmt.Sprintf(format, args...)
	if !slices.Contains(e.Notes, n) {
		e.Notes = append(e.Notes, n)
	}
}

// maxStages bounds the common table expressions of one query: DuckDB binds them recursively.
const maxStages = 400

// Name returns a fresh SQL name with the prefix.
func (e *Env) Name(prefix string) string {
	if e.names == nil {
		e.names = new(int)
	}
	*e.names++
	return fmt.Sprintf("%s%d", prefix, *e.names)
}

// Scan returns the relation of an index name as written after source=.
func (e *Env) Scan(name string, at syntax.Span) (*Rel, error) {
	t, err := e.Catalog.Lookup(e.Ctx, name)
	if err != nil {
		se := syntax.Errorf(at, "%s", err.Error())
		se.Hint = fault.HintOf(err)
		return nil, fault.WithCode(se, fault.CodeOf(err))
	}
	if !slices.Contains(e.Tables, t.Name) {
		e.Tables = append(e.Tables, t.Name)
	}
	return e.Read(t, name), nil
}

// Derived returns a relation over other relations: from is a FROM clause that mentions them by the names RefName gave.
func (e *Env) Derived(from string, cols []*Col) *Rel {
	return &Rel{env: e, from: from, cols: cols, derived: true}
}
