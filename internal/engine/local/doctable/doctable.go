// Package doctable turns JSON documents of any shape into one DuckDB table, the way an OpenSearch index would hold them.
//
// Words: a document is one JSON object; a path is the dotted name of a field (a.b is the same whether b is nested in a or
// the key is written "a.b"); a leaf is a path with a value; a mapping is OpenSearch's description of the fields.
//
// Without a mapping the rules of dynamic mapping hold: whole numbers are bigint, others double, text is text with a hidden
// .keyword twin, text that is an ISO date from the first value on is a timestamp. A field whose values disagree is widened
// (bigint to double, anything to string) rather than dropped. A path may be a leaf in one document and a prefix in the next.
// Arrays of plain values become lists; arrays of objects, and fields mapped as nested, stay JSON text, and their inner
// fields are reached through hidden columns that look into the first element.
//
// Documents are read as a stream: rows wait in a bounded batch, and columns are added or widened when a batch is written.
package doctable

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
)

const (
	// DefaultMaxColumns is how many columns a table gets before further fields share one JSON column: OpenSearch's own
	// limit of fields in an index.
	DefaultMaxColumns = 1000
	// batchRows and batchBytes bound the rows that wait in memory for the next write.
	batchRows  = 8192
	batchBytes = 16 << 20
	// maxDepth is how deep objects are flattened; what lies deeper stays JSON text.
	maxDepth = 20
	// maxNesting bounds the depth of any JSON value, so that a hostile document cannot exhaust the stack.
	maxNesting = 512
	// Overflow is the hidden JSON column that holds the fields beyond the column limit, by path.
	Overflow = "_more"
)

// Options tune a builder. The zero value is right for an index of its own.
type Options struct {
	// Schema is the DuckDB schema of the table, "" for the current one.
	Schema string
	// Index is what _index shows; the table's name if empty.
	Index string
	// KeepDates leaves text that shows a date as text (date_detection: false). A mapping's own setting wins.
	KeepDates bool
	// ClusterOrder shows the columns in the order of a cluster instead of the order of the documents.
	ClusterOrder bool
	// MaxColumns is the column limit, DefaultMaxColumns if 0.
	MaxColumns int
}

// Builder fills one table. It is not safe for concurrent use.
type Builder struct {
	ctx     context.Context //nolint:containedctx // a builder lives within one load, whose context this is
	conn    *sql.Conn
	name    string
	opt     Options
	root    *node
	columns []*column
	aliases []alias
	rows    [][]any
	bytes   int
	row     []any  // the document being read
	more    []byte // its overflow object
	doc     []byte
	pos     int
	shadow  int // > 0 while looking at an element of an array for its types alone
	created bool
	// placeholder is set when the table was made before any field was seen.
	placeholder bool
	total       int64
}

// alias is a field that is another name for a path.
type alias struct{ name, path string }

// New prepares a builder for table name, which must not exist. mapping is OpenSearch's JSON ({"mappings": {...}} or
// {"properties": {...}}), or nil for dynamic mapping alone. ctx ends the load.
func New(ctx context.Context, conn *sql.Conn, name string, mapping []byte, opt Options) (*Builder, error) {
	if opt.MaxColumns <= 0 {
		opt.MaxColumns = DefaultMaxColumns
	}
	if opt.Index == "" {
		opt.Index = name
	}
	b := &Builder{ctx: ctx, conn: conn, name: name, opt: opt, root: &node{}}
	if len(mapping) > 0 {
		if err := b.readMapping(mapping); err != nil {
			return nil, fmt.Errorf("read mapping of %s: %w", name, err)
		}
	}
	return b, nil
}

// Add reads one document. A document that is no JSON object is an error and leaves no row; the builder stays usable.
func (b *Builder) Add(doc []byte) error {
	b.row, b.more = make([]any, len(b.columns)), b.more[:0]
	if err := b.readDocument(doc); err != nil {
		return err
	}
	if len(b.more) > 0 {
		c := b.overflowColumn()
		b.store(c, jsonText(append(b.more, '}')))
	}
	b.rows = append(b.rows, b.row)
	b.bytes += len(doc)
	b.total++
	if len(b.rows) >= batchRows || b.bytes >= batchBytes {
		return b.flush()
	}
	return nil
}

// Rows returns how many documents were added.
func (b *Builder) Rows() int64 { return b.total }

// Finish writes what waits and describes the table. The builder cannot be used after it.
func (b *Builder) Finish() (*catalog.Table, error) {
	if err := b.flush(); err != nil {
		return nil, err
	}
	if b.opt.ClusterOrder {
		b.arrange()
	}
	return b.describe(), nil
}
