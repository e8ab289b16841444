// Package rows holds what an engine answers: typed columns and cells.
//
// A cell is one of: nil, bool, int64, float64, string, time.Time (UTC; types timestamp and date), []any (array),
// map[string]any (struct), and for type time, interval and ip a string. Nothing else reaches a reader of this package.
package rows

// Type is a PPL type, spelled as OpenSearch's PPL endpoint spells it in "schema".
type Type string

// The types of PPL.
const (
	String    Type = "string"
	Boolean   Type = "boolean"
	TinyInt   Type = "tinyint"
	SmallInt  Type = "smallint"
	Int       Type = "int"
	BigInt    Type = "bigint"
	Float     Type = "float"
	Double    Type = "double"
	Timestamp Type = "timestamp"
	Date      Type = "date"
	Time      Type = "time"
	Interval  Type = "interval"
	IP        Type = "ip"
	GeoPoint  Type = "geo_point"
	Binary    Type = "binary"
	Array     Type = "array"
	Struct    Type = "struct"
	Undefined Type = "undefined" // the type of a bare null
)

// Integer reports whether t is one of the integer types.
func (t Type) Integer() bool { return t == TinyInt || t == SmallInt || t == Int || t == BigInt }

// Numeric reports whether t is an integer or floating-point type.
func (t Type) Numeric() bool { return t.Integer() || t == Float || t == Double }

// Temporal reports whether t is timestamp, date or time.
func (t Type) Temporal() bool { return t == Timestamp || t == Date || t == Time }

// Column names one column of an answer.
type Column struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
}

// Result is an answer: columns, the rows kept, and what was cut.
type Result struct {
	Columns []Column
	Rows    [][]any // each as long as Columns
	// Truncated says that more rows exist than Rows holds; Limit says which limit cut them.
	Truncated bool
	Limit     string
	Stats     Stats
	// Notes are facts the reader must know to trust the numbers: approximations, caps that applied, skipped lines.
	Notes []string
}

// Stats says what an answer cost.
type Stats struct {
	RowsScanned int64   // rows of the tables read, as far as known; -1 = not known
	ElapsedMS   float64 // wall time in the engine, milliseconds
}

// Index returns the position of the named column, or -1.
func (r *Result) Index(name string) int {
	for i, c := range r.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}
