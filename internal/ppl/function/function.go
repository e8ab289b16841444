// Package function is PPL's function library: what each function accepts, what type it gives, and the DuckDB SQL (or the
// Go implementation, registered as a user-defined function) that computes it with OpenSearch's semantics.
//
// One file a function family; each family is a list in All. A value is a compiled expression: SQL text with its PPL type.
//
// What the compiler hands over, so that every function can be an ordinary call:
//
//   - The SQL types behind the PPL types: string, ip and binary VARCHAR; timestamp TIMESTAMP (TIMESTAMP_NS when Nanos); date
//     DATE; time TIME; interval INTERVAL; boolean BOOLEAN; tinyint .. bigint TINYINT .. BIGINT; float FLOAT; double DOUBLE;
//     array LIST (JSON text when JSON); struct STRUCT (JSON text when JSON). A bare null is `NULL` of type undefined.
//   - Keywords in argument place (units of timestampadd, extract and get_format, the type of cast) are string literals:
//     cast(x as int) is Call{Name: "cast", Args: [x, 'int']}; extract(YEAR from x) is ['YEAR', x]; position(a in b) is [a, b];
//     trim and interval have their own forms: interval 1 day is Interval(n, "DAY").
//   - case(c, v, ... else w) is Call{Name: "case"} with the arguments c, v, ..., and w last when the count is odd.
//   - mvmap's second argument, an expression over the field of the first, is a Lambda with one parameter.
//   - Named options of the relevance functions come as Options, never as Args.
//   - An aggregate's SQL holds the marker Over where FILTER and OVER clauses belong; Value.Aggregate fills it.
package function

import (
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Value is a compiled expression.
type Value struct {
	SQL  string
	Type rows.Type
	Elem rows.Type // element type of an Array, "" if not known
	// Literal holds the constant if the expression is one: string, int64, float64, bool; nil for SQL null when IsLiteral.
	Literal   any
	IsLiteral bool
	// Nanos marks a Timestamp whose SQL type is TIMESTAMP_NS; others are TIMESTAMP.
	Nanos bool
	// JSON marks a struct or array held as JSON text.
	JSON bool
	// Text marks an analysed text field, for the relevance functions.
	Text bool
	// Lambda is set when the argument is `x -> body`; SQL is empty then.
	Lambda *Lambda
}

// Lambda is a function argument such as `x -> x + 1`.
type Lambda struct {
	Params []string
	// Body compiles the body with the parameters bound to values of the given SQL and types.
	Body func(params []Value) (Value, error)
}

// Settings are the cluster settings that change semantics, with the cluster's defaults as zero values where possible.
type Settings struct {
	// ModernSyntax is plugins.ppl.syntax.legacy.preferred=false: float division, case-sensitive like, bucket_nullable off.
	ModernSyntax bool
	// Now is the query's clock as SQL timestamp literal text "2026-05-27 18:20:00.000000" (UTC).
	Now string
	// ValuesLimit is plugins.ppl.values.max.limit: the most values() keeps, 0 = all.
	ValuesLimit int
}

// Call is one use of a function.
type Call struct {
	Name     string // as written, lower case
	Args     []Value
	Distinct bool // count(distinct x)
	Settings *Settings
	// Order is SQL that rises in input order and is unique (the compiler's row number), for first, last, take and list; "" if none is kept.
	Order string
	// Time is the table's time field (@timestamp), for earliest and latest without a second argument; nil if there is none.
	Time *Value
	// Options are the named options of a relevance function, lower case.
	Options map[string]string
}

// Class says where a function may stand.
type Class int

// The classes.
const (
	Scalar    Class = iota
	Aggregate       // stats, timechart, ... : SQL is an aggregate that may take FILTER and OVER
)

// Func is one function.
type Func struct {
	Name    string   // canonical, lower case
	Aliases []string // other spellings
	Class   Class
	Args    string // signature for people: "substring(str, start[, length])"
	Doc     string // one sentence
	Min     int    // fewest arguments
	Max     int    // most arguments, -1 = any
	// Compile returns the SQL. Errors say which argument and which type was expected; the caller adds the position.
	Compile func(c *Call) (Value, error)
}

// UDF is a scalar function in Go that the local engine registers with DuckDB under Name. SQL types are DuckDB's
// ("VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "VARCHAR[]", ...). Fn gets one value an argument (string, int64,
// float64, bool, time.Time, []any or nil) and returns the same or nil; it must be pure and safe for concurrent use. The
// slice and its strings are lent for the call: what is kept must be cloned.
type UDF struct {
	Name     string
	In       []string
	Variadic string // SQL type of further arguments, "" if none
	Out      string
	NullsIn  bool // call Fn with nil arguments too; otherwise a nil argument gives null
	Volatile bool
	Fn       func(args []any) (any, error)
}
