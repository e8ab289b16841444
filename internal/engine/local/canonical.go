package local

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
)

// Core lists the columns that a kind of table always has, whatever its data held, in display order: other engines show the same.
func Core(kind engine.Kind) []catalog.Column {
	stored := core(kind)
	out := make([]catalog.Column, len(stored))
	for i, c := range stored {
		out[i] = pplColumn(kind, c)
	}
	return out
}

// Arrange puts columns beyond the core ones in display order: plain fields, then attributes, then those of the resource.
func Arrange(cols []catalog.Column) {
	slices.SortStableFunc(cols, func(a, b catalog.Column) int { return strings.Compare(sortName(a.Name), sortName(b.Name)) })
}

// Aliases returns hidden columns for the other spellings of a table's columns, as index forms and logging libraries write them.
func Aliases(kind engine.Kind, cols []catalog.Column) []catalog.Column { return aliases(kind, cols) }

// IndexKind returns the kind of table that an index name of a cluster stands for by custom, "" if none.
func IndexKind(name string) engine.Kind { return engine.Kind(indexTable(name)) }

// TimeField returns the time field of a kind of table, "" if it has none.
func TimeField(kind engine.Kind) string { return timeField(kind) }

// CellBytes is about how many bytes a row's cells take.
func CellBytes(row []any) int64 { return size(row) }

// Refused gives an error of DuckDB, or of a query that took longer than the limit, a code and a next step.
func Refused(ctx context.Context, err error, limit time.Duration) error {
	return refused(ctx, err, limit)
}
