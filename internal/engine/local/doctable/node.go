package doctable

import (
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// kind is how a column stores its values.
type kind int

// The kinds, from narrow to wide within a family.
const (
	none kind = iota // no value seen
	boolean
	int8s
	int16s
	int32s
	int64s
	floats
	doubles
	dates
	times
	stamps // microseconds
	nanos
	text
	document // JSON text
)

// sqlType is the DuckDB type of a kind.
func (k kind) sqlType() string {
	switch k {
	case boolean:
		return "BOOLEAN"
	case int8s:
		return "TINYINT"
	case int16s:
		return "SMALLINT"
	case int32s:
		return "INTEGER"
	case int64s:
		return "BIGINT"
	case floats:
		return "FLOAT"
	case doubles:
		return "DOUBLE"
	case dates:
		return "DATE"
	case times:
		return "TIME"
	case stamps:
		return "TIMESTAMP"
	case nanos:
		return "TIMESTAMP_NS"
	default:
		return "VARCHAR"
	}
}

// pplType is the PPL type of a kind.
func (k kind) pplType() rows.Type {
	switch k {
	case boolean:
		return rows.Boolean
	case int8s:
		return rows.TinyInt
	case int16s:
		return rows.SmallInt
	case int32s:
		return rows.Int
	case int64s:
		return rows.BigInt
	case floats:
		return rows.Float
	case doubles:
		return rows.Double
	case dates:
		return rows.Date
	case times:
		return rows.Time
	case stamps, nanos:
		return rows.Timestamp
	default:
		return rows.String
	}
}

func (k kind) integer() bool  { return k >= int8s && k <= int64s }
func (k kind) numeric() bool  { return k >= int8s && k <= doubles }
func (k kind) temporal() bool { return k >= dates && k <= nanos }

// wider is the narrowest kind that holds values of both.
func wider(a, b kind) kind {
	if a > b {
		a, b = b, a
	}
	switch {
	case a == none || a == b:
		return b
	case b == document:
		return document
	case a.integer() && b.integer():
		return b
	case a.numeric() && b.numeric():
		return doubles
	case a.temporal() && b.temporal():
		if b == dates || b == times {
			return stamps
		}
		return b
	}
	return text
}

// node is a path.
type node struct {
	path     string
	depth    int
	children map[string]*node
	order    []*node
	column   *column
	field    *field // from the mapping, nil if dynamic
	parent   *node
	alias    bool // another name for a path: holds nothing itself
	isArray  bool // has held an array of objects, or is mapped as nested
	// peek is what the first element of an array of objects holds at this path; none if the path is in no array.
	peek kind
}

// field is what the mapping says of a path.
type field struct {
	kind   kind
	ppl    rows.Type // "" = by kind
	text   bool      // analysed
	opaque bool      // objects and arrays stay JSON text: nested, flat_object, enabled: false
	nested bool
	point  bool
	dates  []dateFormat
	subs   []string // names of multi-fields
}

// column is a stored leaf.
type column struct {
	node  *node
	name  string
	kind  kind
	list  bool
	fixed bool // kind comes from a mapping
	// empties is set while every value was an empty object.
	empties bool
	// noNanos is set once a value lies outside the years that TIMESTAMP_NS can hold.
	noNanos bool
	// what the table has already, as of the last write
	written     bool
	writtenKind kind
	writtenList bool
	index       int
}

// child returns the node below n for one part of a path, made if needed.
func (n *node) child(part []byte) *node {
	if c, ok := n.children[string(part)]; ok {
		return c
	}
	path := string(part)
	if n.path != "" {
		path = n.path + "." + path
	}
	c := &node{path: path, depth: n.depth + 1, parent: n}
	if n.children == nil {
		n.children = map[string]*node{}
	}
	n.children[string(part)] = c
	n.order = append(n.order, c)
	return c
}
