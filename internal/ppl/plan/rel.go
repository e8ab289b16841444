package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// X is a compiled expression with the columns below that it mentions.
type X struct {
	function.Value
	Uses []*Col
}

// Col is one column of a relation.
type Col struct {
	Name  string
	SQL   string // within the relation's FROM
	Type  rows.Type
	Elem  rows.Type
	Nanos bool
	JSON  bool
	Text  bool
	// Hidden columns are found by name but not part of an answer that names no fields.
	Hidden bool
	// Nested columns came from inside an object of the document: an answer that names no fields shows the object instead.
	Nested bool
	// Flat marks a map held as JSON whose keys are whole dotted names.
	Flat bool
	// Simple columns are bare references or constants: their SQL may be repeated freely.
	Simple bool
	// Qualifier is the alias of a join side that `alias.name` addresses.
	Qualifier string

	uses []*Col // columns of the stage below
	used bool
	phys string // SQL alias within its stage
}

// Value returns the column as an expression.
func (c *Col) Value() function.Value {
	return function.Value{SQL: c.SQL, Type: c.Type, Elem: c.Elem, Nanos: c.Nanos, JSON: c.JSON, Text: c.Text}
}

// X returns the column as an expression with its uses.
func (c *Col) X() X { return X{Value: c.Value(), Uses: c.uses} }

// NewCol returns a column of the name that holds x.
func NewCol(name string, x X) *Col {
	return &Col{
		Name: name, SQL: x.SQL, Type: x.Type, Elem: x.Elem, Nanos: x.Nanos, JSON: x.JSON, Text: x.Text,
		Simple: x.IsLiteral, uses: x.Uses,
	}
}

// Key is one key of an order.
type Key struct {
	X
	Desc bool
	// NullsLast puts nulls behind; otherwise they come first.
	NullsLast bool
	// Unique says that no two rows have the same value.
	Unique bool
}

func (k Key) sql() string {
	s := k.SQL
	if k.Desc {
		s += " DESC"
	}
	if k.NullsLast {
		return s + " NULLS LAST"
	}
	return s + " NULLS FIRST"
}

// Rel is a relation: a SELECT being written.
type Rel struct {
	env   *Env
	from  string
	stage *stage // what from names, if that is one stage
	cols  []*Col
	// TimeField is the field that span and earliest use when none is named.
	TimeField string
	// Source is the index name as written, which may qualify a field.
	Source string
	// Explicit says that a command named the columns: objects are not folded at the end.
	Explicit bool

	derived  bool // FROM names stages: references are qualified already
	where    []X
	group    []X
	grouped  bool
	distinct string // DISTINCT ON keys
	extra    []*Col // what distinct and from mention
	limit    int64  // -1 = none
	offset   int64
	limited  bool
	order    []Key // the logical order of the rows; empty = none known
	inOrder  bool  // the rows come in that order without ORDER BY
}

// Env returns the compilation r belongs to.
func (r *Rel) Env() *Env { return r.env }

// Cols returns the columns, hidden ones too.
func (r *Rel) Cols() []*Col { return r.cols }

// SetCols replaces the columns; the caller made them from this relation's columns and expressions.
func (r *Rel) SetCols(cols []*Col) { r.cols = cols }

// Col returns the column of the name, or nil.
func (r *Rel) Col(name string) *Col {
	for _, c := range r.cols {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Names returns the names of the columns that are not hidden.
func (r *Rel) Names() []string {
	names := make([]string, 0, len(r.cols))
	for _, c := range r.cols {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}

// Set adds a column, or puts it in the place of one of the same name at the end, as eval does.
func (r *Rel) Set(c *Col) {
	r.Drop(c.Name)
	r.open(c.Name)
	r.cols = append(r.cols, c)
}

// open shows the members of an object of the documents as columns of their own once one of them is computed.
func (r *Rel) open(name string) {
	root, _, inside := strings.Cut(name, ".")
	if !inside {
		return
	}
	for i, c := range r.cols {
		if c.Nested && strings.HasPrefix(c.Name, root+".") {
			n := *c
			n.Nested = false
			r.cols[i] = &n
		}
	}
}

// Put replaces the column of the name where it stands, or adds it.
func (r *Rel) Put(c *Col) {
	for i, o := range r.cols {
		if o.Name == c.Name {
			cols := append([]*Col(nil), r.cols...)
			cols[i] = c
			r.cols = cols
			return
		}
	}
	r.cols = append(r.cols, c)
}

// Drop removes the column of the name and, for an object, what is inside it.
func (r *Rel) Drop(name string) {
	kept := make([]*Col, 0, len(r.cols)+1)
	for _, c := range r.cols {
		if c.Name != name {
			kept = append(kept, c)
		}
	}
	r.cols = kept
}

// Where adds a condition. Compile it with Filter, which closes the SELECT first where that is needed.
func (r *Rel) Where(x X) { r.where = append(r.where, x) }

// Filter compiles the condition and adds it.
func (r *Rel) Filter(e syntax.Expr) error {
	r.Settle()
	r.Prepare(e)
	x, err := r.Condition(e)
	if err != nil {
		return err
	}
	r.Where(x)
	return nil
}

// Settle closes the SELECT if rows are cut or grouped in it, so that what follows sees the rows that are left.
func (r *Rel) Settle() {
	if r.limited || r.grouped || r.distinct != "" {
		r.Flush()
	}
}

// Limit keeps n rows after skipping offset.
func (r *Rel) Limit(n, offset int64) {
	if r.limited {
		if offset == 0 && r.limit >= 0 && n <= r.limit {
			r.limit = n
			return
		}
		r.Flush()
	}
	r.limited, r.limit, r.offset = true, n, offset
}

// Sort makes keys the order of the rows; the order before decides between equals.
func (r *Rel) Sort(keys []Key) {
	r.Settle()
	order := append([]Key(nil), keys...)
	for _, k := range r.order {
		dup := false
		for _, o := range order {
			dup = dup || o.SQL == k.SQL
		}
		if !dup {
			order = append(order, k)
		}
	}
	r.order, r.inOrder = order, false
}

// Order returns the keys that order the rows.
func (r *Rel) Order() []Key { return r.order }

// ForgetOrder says that the rows have no order any more.
func (r *Rel) ForgetOrder() { r.order, r.inOrder = nil, false }

// Shuffled says that the rows may come in another order than the logical one, so that ORDER BY must restore it.
func (r *Rel) Shuffled() { r.inOrder = false }

// OrderBy returns the ORDER BY list of the logical order with the columns it mentions, or "".
func (r *Rel) OrderBy() (string, []*Col) {
	parts := make([]string, len(r.order))
	var uses []*Col
	for i, k := range r.order {
		parts[i] = k.sql()
		uses = append(uses, k.Uses...)
	}
	return strings.Join(parts, ", "), uses
}

// RowNumber returns an expression that numbers the rows in their order from 1.
func (r *Rel) RowNumber() X {
	keys, uses := r.OrderBy()
	if keys != "" {
		keys = "ORDER BY " + keys
	}
	return X{Value: function.Value{SQL: "row_number() OVER (" + keys + ")", Type: rows.BigInt}, Uses: uses}
}

// Position returns one SQL expression that is unique and rises in the order of the rows, or "" when none is known: what
// first, last and take go by. It may add a column and close the SELECT.
func (r *Rel) Position() X {
	if len(r.order) == 0 {
		return X{}
	}
	if k := r.order[0]; len(r.order) == 1 && !k.Desc && k.Unique {
		return k.X
	}
	return r.Temp(r.RowNumber())[0]
}

// Temp computes expressions in the running SELECT, closes it, and returns references to the results.
func (r *Rel) Temp(xs ...X) []X {
	cols := make([]*Col, len(xs))
	for i, x := range xs {
		cols[i] = NewCol(r.env.Name("_t"), x)
		cols[i].Hidden = true
		r.cols = append(slices.Clip(r.cols), cols[i])
	}
	r.Flush()
	out := make([]X, len(xs))
	for i, c := range cols {
		out[i] = r.Col(c.Name).X()
		r.Drop(c.Name)
	}
	return out
}

// Window returns an OVER clause: partitioned by keys, ordered as the rows are when ordered is set, with a frame or "".
func (r *Rel) Window(fn string, t rows.Type, keys []X, ordered bool, frame string) X {
	x := X{Value: function.Value{Type: t}}
	var parts []string
	if len(keys) > 0 {
		list := make([]string, len(keys))
		for i, k := range keys {
			list[i] = k.SQL
			x.Uses = append(x.Uses, k.Uses...)
		}
		parts = append(parts, "PARTITION BY "+strings.Join(list, ", "))
	}
	if order, uses := r.OrderBy(); ordered && order != "" {
		parts = append(parts, "ORDER BY "+order)
		x.Uses = append(x.Uses, uses...)
	}
	if frame != "" {
		parts = append(parts, frame)
	}
	x.SQL = fn + " OVER (" + strings.Join(parts, " ") + ")"
	r.inOrder = false
	return x
}

// Group makes the SELECT an aggregation: keys are grouped by, cols are the new columns.
func (r *Rel) Group(keys []X, cols []*Col) {
	r.group, r.grouped, r.cols, r.Explicit = keys, true, cols, true
	r.order, r.inOrder = nil, false
	r.TimeField = ""
	for _, c := range cols {
		c.Simple = false
	}
	r.Flush()
}

// First keeps the first row, in the order of the rows, of those equal in keys. Where one key orders the rows this is an
// aggregation: the values at the least position. It spares the sort that DISTINCT ON needs.
func (r *Rel) First(keys []X) {
	r.Settle()
	if len(r.order) != 1 || r.order[0].Desc || !r.order[0].Unique {
		r.DistinctOn(keys)
		return
	}
	pos := r.order[0].X
	cols := make([]*Col, 0, len(r.cols))
	for _, c := range r.cols {
		n := *c
		if !isKey(keys, c.SQL) {
			n.SQL = "arg_min_null(" + c.SQL + ", " + pos.SQL + ")"
			n.uses = c.X().Also(pos).Uses
		}
		cols = append(cols, &n)
	}
	first := NewCol(r.env.Name("_t"), Cell(rows.BigInt, "min(%s)", pos))
	first.Hidden = true
	explicit, field := r.Explicit, r.TimeField
	r.Group(keys, append(cols, first))
	r.Explicit, r.TimeField = explicit, field
	r.order = []Key{{X: r.Col(first.Name).X(), Unique: true}}
	r.Drop(first.Name)
}

func isKey(keys []X, sql string) bool {
	for _, k := range keys {
		if k.SQL == sql {
			return true
		}
	}
	return false
}

// DistinctOn keeps the first row, in the order of the rows, of those equal in keys.
func (r *Rel) DistinctOn(keys []X) {
	r.Settle()
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = k.SQL
		r.extra = append(r.extra, k.Uses...)
	}
	r.distinct = strings.Join(parts, ", ")
	r.inOrder = false
	r.Flush()
}

// Unnest replaces FROM by a cross join with what sql gives for each row.
func (r *Rel) Unnest(sql string, uses []*Col) {
	r.Settle()
	r.from += ", " + sql
	r.extra = append(r.extra, uses...)
}

// Flush closes the running SELECT as a stage and starts one that reads from it.
func (r *Rel) Flush() {
	s := &stage{name: r.env.Name("_s"), rel: *r}
	s.rel.cols = append([]*Col(nil), r.cols...)
	taken := map[string]bool{}
	for _, c := range s.rel.cols {
		c.phys = physical(c.Name, taken)
	}
	order := make([]Key, len(r.order))
	for i, k := range r.order {
		order[i] = Key{X: s.carry(k.X, taken).below(s.name), Desc: k.Desc, NullsLast: k.NullsLast, Unique: k.Unique}
	}
	cols := make([]*Col, len(r.cols))
	for i, c := range r.cols {
		n := *c
		n.SQL, n.Simple, n.uses, n.used, n.phys = s.name+"."+function.Ident(c.phys), true, []*Col{c}, false, ""
		cols[i] = &n
	}
	r.env.stages = append(r.env.stages, s)
	inOrder := r.inOrder && !r.grouped && r.distinct == ""
	*r = Rel{
		env: r.env, from: s.name, cols: cols, order: order, inOrder: inOrder, TimeField: r.TimeField, Source: r.Source,
		Explicit: r.Explicit, derived: true, stage: s,
	}
}

// physical returns a SQL alias for a column: its name, made unique because SQL ignores case.
func physical(name string, taken map[string]bool) string {
	p := name
	for n := 2; taken[strings.ToLower(p)]; n++ {
		p = name + "#" + strconv.Itoa(n)
	}
	taken[strings.ToLower(p)] = true
	return p
}

// pristine reports whether r reads one stage as it is.
func (r *Rel) pristine() bool {
	if r.stage == nil || r.from != r.stage.name || len(r.where)+len(r.extra) > 0 || r.limited || r.grouped || r.distinct != "" {
		return false
	}
	for _, c := range r.cols {
		if !c.Simple {
			return false
		}
	}
	return true
}

// Fork returns a second relation over the same rows; r is flushed first unless it is just that, as after Temp.
func (r *Rel) Fork() *Rel {
	if !r.pristine() {
		r.Flush()
	}
	n := *r
	n.cols = make([]*Col, len(r.cols))
	for i, c := range r.cols {
		d := *c
		n.cols[i] = &d
	}
	n.order = append([]Key(nil), r.order...)
	r.stage.shared = true
	return &n
}

// RefName flushes the relation and returns the name of its stage, for use in the FROM of another relation.
func (r *Rel) RefName() string {
	r.Flush()
	return r.from
}

// CutFirst flushes with LIMIT n so that a side relation stays small. n 0 means no limit.
func (r *Rel) CutFirst(n int) {
	if n > 0 && (!r.limited || r.limit < 0 || r.limit > int64(n)) {
		r.Limit(int64(n), 0)
	}
}

// TooManyStages is the error for a pipeline that would give a query too deep for the engine, or nil.
func (e *Env) TooManyStages(at syntax.Span) error {
	if len(e.stages) > maxStages {
		return syntax.Errorf(at, "the pipeline is too long: more than %d stages", maxStages)
	}
	return nil
}

func (x X) below(name string) X {
	c := x.Uses[0]
	return X{Value: function.Value{SQL: name + "." + function.Ident(c.phys), Type: x.Type, Nanos: x.Nanos}, Uses: []*Col{c}}
}

// Cell formats a SQL fragment with the values' SQL in place of %s and joins their uses.
func Cell(t rows.Type, format string, xs ...X) X {
	args := make([]any, len(xs))
	x := X{Value: function.Value{Type: t}}
	for i, a := range xs {
		args[i] = a.SQL
		x.Uses = append(x.Uses, a.Uses...)
	}
	x.SQL = fmt.Sprintf(format, args...)
	return x
}

// Also adds the uses of further expressions that x's SQL mentions.
func (x X) Also(more ...X) X {
	uses := append([]*Col(nil), x.Uses...)
	for _, m := range more {
		uses = append(uses, m.Uses...)
	}
	x.Uses = uses
	return x
}

// Join joins another relation's stage, which RefName named, to the running SELECT: how is "JOIN", "LEFT JOIN", ...
func (r *Rel) Join(how, stage string, on X) {
	r.from += " " + how + " " + stage
	if on.SQL != "" {
		r.from += " ON " + on.SQL
	}
	r.extra = append(r.extra, on.Uses...)
	r.derived, r.inOrder = true, false
}

// PositionKeeping is Position for a caller that holds references: should the SELECT be closed, they are updated in place.
func (r *Rel) PositionKeeping(refs []X) X {
	if len(r.order) == 0 {
		return X{}
	}
	if k := r.order[0]; len(r.order) == 1 && !k.Desc && k.Unique {
		return k.X
	}
	out := r.Temp(append([]X{r.RowNumber()}, refs...)...)
	copy(refs, out[1:])
	return out[0]
}

// Pin makes a unique, rising number of the rows their order.
func (r *Rel) Pin(pos X) {
	r.order = []Key{{X: pos, Unique: true}}
}

// Fold puts the objects of the documents in the place of their members, as the answer would show them.
func (r *Rel) Fold() { r.fold() }

// Numbered closes the SELECT and returns the number of each row, from 1, in their order.
func (r *Rel) Numbered() X {
	r.dropHidden()
	return r.Temp(r.RowNumber())[0]
}

func (r *Rel) dropHidden() {
	var cols []*Col
	for _, c := range r.cols {
		if !c.Hidden {
			cols = append(cols, c)
		}
	}
	r.cols = cols
}

// Beside returns the relation of two joined ones. Both must have been closed; the caller sets its columns from theirs.
func (e *Env) Beside(l, r *Rel, how string, on X) *Rel {
	out := &Rel{env: e, from: l.from + " " + how + " " + r.from, derived: true, TimeField: l.TimeField, Source: l.Source, Explicit: l.Explicit && r.Explicit}
	if on.SQL != "" {
		out.from += " ON " + on.SQL
	}
	out.extra = append(out.extra, on.Uses...)
	return out
}

// Visible closes the SELECT without hidden columns, as one side of a join that the alias qualifies.
func (r *Rel) Visible(alias string) {
	r.dropHidden()
	r.Flush()
	if alias == "" {
		return
	}
	for _, c := range r.cols {
		c.Qualifier = alias
	}
	r.Source = alias
}

// Pins gives r the order of the relation it was joined from.
func (r *Rel) Pins(from *Rel) {
	r.order = append([]Key(nil), from.order...)
	for i := range r.order {
		r.order[i].Unique = false // a join may repeat rows
	}
}

// On adds a join condition to FROM.
func (r *Rel) On(x X) {
	r.from += " ON " + x.SQL
	r.extra = append(r.extra, x.Uses...)
}

// Materialize computes the stage below once, apart from the rest of the query: for a small result that windows then read
// this spares DuckDB a plan in which the windows wait for the scan.
func (r *Rel) Materialize() {
	if r.stage != nil {
		r.stage.shared = true
	}
}
