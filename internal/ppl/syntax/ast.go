package syntax

// Expr is a node of an expression.
//
//sumtype:decl
type Expr interface {
	// Span returns where the expression stands in the query.
	Span() Span
	expr()
}

// Pipeline is a search followed by commands, as package command reads it: what stands in the brackets of a subquery.
type Pipeline interface {
	// String returns the pipeline as PPL.
	String() string
}

// Node holds what every expression has.
type Node struct{ At Span }

// Span returns where the expression stands in the query.
func (n Node) Span() Span { return n.At }

// Operators of Binary, spelled as printed.
const (
	Add       = "+"
	Sub       = "-"
	Mul       = "*"
	Div       = "/"
	Mod       = "%"
	Eq        = "="
	Ne        = "!="
	Lt        = "<"
	Le        = "<="
	Gt        = ">"
	Ge        = ">="
	Like      = "like"
	ILike     = "ilike"
	Contains  = "contains"
	Regexp    = "regexp"
	NotLike   = "not like"
	NotILike  = "not ilike"
	NotRegexp = "not regexp"
	NotHas    = "not contains"
)

// The operators of Logic.
const (
	And = "and"
	Or  = "or"
	Xor = "xor"
)

type (
	// Field is a name: parts joined by dots, backticks removed.
	Field struct {
		Node
		Name   string
		Quoted bool // written whole in backticks
	}
	// Literal is a constant: string, int64, float64, bool, or nil for null.
	Literal struct {
		Node
		Value any
		Text  string // a number as written
		Bare  bool   // a string written as a bare word, such as the unit in timestampadd(DAY, ..)
		Type  string // float, double or decimal as written with a suffix or point; "" otherwise
	}
	// Interval is `interval 5 month`.
	Interval struct {
		Node
		N    Expr
		Unit string // lower case
	}
	// SpanLen is a length with a unit: 1h, 30seconds.
	SpanLen struct {
		Node
		Text string // as written
	}
	// Unary is -x or +x.
	Unary struct {
		Node
		Op string
		X  Expr
	}
	// Not is `not x`.
	Not struct {
		Node
		X Expr
	}
	// Logic joins two or more conditions.
	Logic struct {
		Node
		Op string
		Xs []Expr
	}
	// Binary is an arithmetic or comparing operator.
	Binary struct {
		Node
		Op   string
		L, R Expr
	}
	// IsNull is `x is [not] null`.
	IsNull struct {
		Node
		X   Expr
		Neg bool
	}
	// In is `x [not] in (a, b)`.
	In struct {
		Node
		X    Expr
		List []Expr
		Neg  bool
	}
	// InQuery is `x [not] in [ pipeline ]`; more than one X stands for a tuple.
	InQuery struct {
		Node
		Xs    []Expr
		Query Pipeline
		Neg   bool
	}
	// Between is `x [not] between lo and hi`.
	Between struct {
		Node
		X, Lo, Hi Expr
		Neg       bool
	}
	// Exists is `exists [ pipeline ]`.
	Exists struct {
		Node
		Query Pipeline
	}
	// Scalar is `[ pipeline ]`: the one value it gives.
	Scalar struct {
		Node
		Query Pipeline
	}
	// Call is a function call.
	Call struct {
		Node
		Name     string // as written
		NameAt   Span
		Args     []Arg
		Distinct bool
	}
	// Arg is one argument, possibly named (`operator='and'`).
	Arg struct {
		Name string
		X    Expr
	}
	// Case is case(c, v, ... else e).
	Case struct {
		Node
		Whens []When
		Else  Expr // nil if absent
	}
	// When is one condition of a Case and its value.
	When struct{ Cond, Then Expr }
	// Cast is cast(x as type).
	Cast struct {
		Node
		X      Expr
		Type   string // lower case
		TypeAt Span
	}
	// Lambda is `(a, b) -> body`.
	Lambda struct {
		Node
		Params []string
		Body   Expr
	}
	// FieldSet is the `[a, 'b*' ^ 2]` of multi-field relevance functions.
	FieldSet struct {
		Node
		Fields  []string
		Weights []string // as written, "" if none
	}
)

func (*Field) expr()    {}
func (*Literal) expr()  {}
func (*Interval) expr() {}
func (*SpanLen) expr()  {}
func (*Unary) expr()    {}
func (*Not) expr()      {}
func (*Logic) expr()    {}
func (*Binary) expr()   {}
func (*IsNull) expr()   {}
func (*In) expr()       {}
func (*InQuery) expr()  {}
func (*Between) expr()  {}
func (*Exists) expr()   {}
func (*Scalar) expr()   {}
func (*Call) expr()     {}
func (*Case) expr()     {}
func (*Cast) expr()     {}
func (*Lambda) expr()   {}
func (*FieldSet) expr() {}
