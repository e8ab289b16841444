package replay

import (
	"context"
	"errors"
)

// Engine is what answers queries: the local engine or a cluster.
type Engine interface {
	// Load makes an index of the documents; one of the same name is replaced. mapping may be nil.
	Load(ctx context.Context, index string, mapping []byte, docs [][]byte) error
	// Drop removes an index; one that is not there is no error.
	Drop(ctx context.Context, index string) error
	// Query answers a query. An error that the query deserved is a *QueryError.
	Query(ctx context.Context, query string) (*Answer, error)
}

// Answer is what an engine says: columns with types, and cells as JSON has them (nil, bool, json.Number, string, []any,
// map[string]any), times as "yyyy-MM-dd HH:mm:ss[.f]".
type Answer struct {
	Columns []Column
	Rows    [][]any
}

// QueryError is a query refused.
type QueryError struct {
	Status int    // HTTP status, 400 for a query that is wrong
	Text   string // everything the engine said
}

// Error returns what the engine said.
func (e *QueryError) Error() string { return e.Text }

// asQueryError returns the refusal in err, nil if err is of another kind.
func asQueryError(err error) *QueryError {
	q, _ := errors.AsType[*QueryError](err)
	return q
}
