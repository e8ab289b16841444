// Package catalog is what PPL must know of the data to be checked and compiled: tables, their columns with types, and the
// SQL that reaches them. Engines implement Catalog; package command compiles against it.
package catalog

import (
	"context"

	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Catalog finds tables by the name written after source=.
type Catalog interface {
	// Lookup returns the table for a name as written: one name, a wildcard pattern or a comma list (merged columns).
	// A name that is not there is a fault.NotFound whose hint lists near names.
	Lookup(ctx context.Context, name string) (*Table, error)
}

// Table is a relation of the SQL engine seen as a PPL index.
type Table struct {
	Name string
	// From is a SQL from-item, quoted: a table, a view or a parenthesised select.
	From string
	// Order is a SQL expression over From that is unique and rises in index order, or "" when the engine keeps none.
	Order string
	// Columns in display order. Nested objects are flattened to dotted names; the compiler builds the struct for a prefix on demand.
	Columns []Column
	// TimeField is the column that span and earliest/latest use when none is named ("@timestamp" where it exists), or "".
	TimeField string
}

// Column is one column of a table.
type Column struct {
	Name string
	Type rows.Type
	// Elem is the element type when Type is Array.
	Elem rows.Type
	// SQL reaches the value within From, quoted.
	SQL string
	// Text marks an analysed text field: a search term matches a token of it, not the whole value.
	Text bool
	// Hidden columns are found by name but not shown by a query that names no fields (metadata such as _id, aliases).
	Hidden bool
	// Nanos marks a timestamp stored with nanoseconds (DuckDB TIMESTAMP_NS); other timestamps are TIMESTAMP (microseconds).
	Nanos bool
	// JSON marks a struct or array that is stored as JSON text rather than as a DuckDB STRUCT or LIST.
	JSON bool
}
