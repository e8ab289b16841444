package remote

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// conditions turns PPL conditions into DSL for one table. PPL's logic has three values: a condition keeps the rows for which it is
// true, and its negation those for which it is false, which a null makes neither.
type conditions struct {
	t         *table
	sensitive bool             // like tells capitals apart
	whole     func(*leaf) bool // whether a keyword's index has all values
	hidden    map[string]bool  // names that no longer mean the index's field
}

// maxValues bounds the values of one list that is sent; the cluster's own limit is index.max_terms_count, 65,536.
const maxValues = 10_000

// isTrue returns the documents for which e is true, or nothing where DSL cannot say.
func (c *conditions) isTrue(e syntax.Expr) (clause, bool) {
	switch e := e.(type) {
	case *syntax.Logic:
		switch e.Op {
		case syntax.And:
			return c.conjunction(e.Xs, c.isTrue)
		case syntax.Or:
			return c.disjunction(e.Xs, c.isTrue)
		}
	case *syntax.Not:
		if b, ok := e.X.(*syntax.Binary); ok && equalsTrue(b) { // "is not true": what is null too
			if x, ok := c.isTrue(e.X); ok && x.exact {
				return clause{not(x.q), true}, true
			}
			return clause{}, false
		}
		return c.isFalse(e.X)
	case *syntax.Binary:
		return c.binary(e, false)
	case *syntax.IsNull:
		return c.null(e.X, !e.Neg)
	case *syntax.In:
		return c.in(e, e.Neg)
	case *syntax.Between:
		return c.between(e, e.Neg)
	case *syntax.Call:
		return c.call(e, false)
	case *syntax.Case, *syntax.Cast, *syntax.Exists, *syntax.Field, *syntax.FieldSet, *syntax.InQuery, *syntax.Interval, *syntax.Lambda,
		*syntax.Literal, *syntax.Scalar, *syntax.SpanLen, *syntax.Unary: // values, or questions to other indices
	}
	return clause{}, false
}

// isFalse returns the documents for which e is false.
func (c *conditions) isFalse(e syntax.Expr) (clause, bool) {
	switch e := e.(type) {
	case *syntax.Logic:
		switch e.Op {
		case syntax.And:
			return c.disjunction(e.Xs, c.isFalse)
		case syntax.Or:
			return c.conjunction(e.Xs, c.isFalse)
		}
	case *syntax.Not:
		if b, ok := e.X.(*syntax.Binary); ok && equalsTrue(b) {
			return c.isTrue(e.X)
		}
		return c.isTrue(e.X)
	case *syntax.Binary:
		return c.binary(e, true)
	case *syntax.IsNull:
		return c.null(e.X, e.Neg)
	case *syntax.In:
		return c.in(e, !e.Neg)
	case *syntax.Between:
		return c.between(e, !e.Neg)
	case *syntax.Call:
		return c.call(e, true)
	case *syntax.Case, *syntax.Cast, *syntax.Exists, *syntax.Field, *syntax.FieldSet, *syntax.InQuery, *syntax.Interval, *syntax.Lambda,
		*syntax.Literal, *syntax.Scalar, *syntax.SpanLen, *syntax.Unary:
	}
	return clause{}, false
}

func equalsTrue(b *syntax.Binary) bool {
	l, ok := b.R.(*syntax.Literal)
	return ok && b.Op == syntax.Eq && l.Value == true
}

// conjunction joins what can be said of the parts; what cannot be said is left out, and the whole is then a superset.
func (c *conditions) conjunction(xs []syntax.Expr, part func(syntax.Expr) (clause, bool)) (clause, bool) {
	out := clause{exact: true}
	var qs []dsl
	for _, x := range xs {
		p, ok := part(x)
		out.exact = out.exact && ok && p.exact
		if ok {
			qs = append(qs, p.q)
		}
	}
	out.q = all(qs)
	return out, len(qs) > 0
}

func (c *conditions) disjunction(xs []syntax.Expr, part func(syntax.Expr) (clause, bool)) (clause, bool) {
	out := clause{exact: true}
	var qs []dsl
	for _, x := range xs {
		p, ok := part(x)
		if !ok {
			return clause{}, false
		}
		out.exact = out.exact && p.exact
		qs = append(qs, p.q)
	}
	out.q = anyOf(qs)
	return out, true
}

// field returns the index's field that an expression names.
func (c *conditions) field(e syntax.Expr) *field {
	f, ok := e.(*syntax.Field)
	if !ok || c.hidden[f.Name] {
		return nil
	}
	return c.t.field(f.Name)
}

// constant returns the value of a literal.
func constant(e syntax.Expr) (any, bool) {
	switch e := e.(type) {
	case *syntax.Literal:
		if e.Type == "float" {
			return nil, false // rounded to 32 bits, which the index does not do
		}
		return e.Value, e.Value != nil && !e.Bare
	case *syntax.Unary:
		v, ok := constant(e.X)
		switch n := v.(type) {
		case int64:
			if ok && e.Op == "-" && n != math.MinInt64 {
				return -n, true
			}
		case float64:
			if ok && e.Op == "-" {
				return -n, true
			}
		}
	case *syntax.Call:
		name := strings.ToLower(e.Name)
		if len(e.Args) == 1 && (name == "timestamp" || name == "date") {
			v, ok := constant(e.Args[0].X)
			s, isText := v.(string)
			t, isTime := plan.ParseTime(s)
			if !ok || !isText || !isTime || name == "date" && !t.Equal(t.Truncate(24*time.Hour)) {
				return nil, false
			}
			return t, true
		}
	case *syntax.Between, *syntax.Binary, *syntax.Case, *syntax.Cast, *syntax.Exists, *syntax.Field, *syntax.FieldSet, *syntax.In, *syntax.InQuery,
		*syntax.Interval, *syntax.IsNull, *syntax.Lambda, *syntax.Logic, *syntax.Not, *syntax.Scalar, *syntax.SpanLen: // no constant
	}
	return nil, false
}

// negated is the comparison that is true where op is false.
func negated(op string) string {
	return map[string]string{
		syntax.Eq: syntax.Ne, syntax.Ne: syntax.Eq, syntax.Lt: syntax.Ge, syntax.Ge: syntax.Lt, syntax.Gt: syntax.Le, syntax.Le: syntax.Gt,
		syntax.Like: syntax.NotLike, syntax.NotLike: syntax.Like, syntax.ILike: syntax.NotILike, syntax.NotILike: syntax.ILike,
		syntax.Contains: syntax.NotHas, syntax.NotHas: syntax.Contains,
	}[op]
}

func (c *conditions) binary(e *syntax.Binary, negate bool) (clause, bool) {
	op, l, r := e.Op, e.L, e.R
	if negate {
		op = negated(op)
	}
	if _, isField := r.(*syntax.Field); isField {
		turned := map[string]string{syntax.Eq: syntax.Eq, syntax.Ne: syntax.Ne, syntax.Lt: syntax.Gt, syntax.Gt: syntax.Lt, syntax.Le: syntax.Ge, syntax.Ge: syntax.Le}
		if _, both := l.(*syntax.Field); both {
			return clause{}, false
		}
		op, l, r = turned[op], r, l
	}
	f := c.field(l)
	v, ok := constant(r)
	if f == nil || !ok {
		return clause{}, false
	}
	switch op {
	case syntax.Eq, syntax.Ne, syntax.Lt, syntax.Le, syntax.Gt, syntax.Ge:
		if c.t.convert && op == syntax.Ne || op != syntax.Eq && !c.complete(f) {
			return clause{}, false
		}
		return c.checked(f.compared(op, v))
	case syntax.Like, syntax.NotLike, syntax.ILike, syntax.NotILike, syntax.Contains, syntax.NotHas:
		s, isText := v.(string)
		if !isText || c.t.convert {
			return clause{}, false
		}
		not := strings.HasPrefix(op, "not ")
		sensitive := c.sensitive && (op == syntax.Like || op == syntax.NotLike)
		if f.absent != nil || f.twin != nil || !c.complete(f) {
			return clause{}, false
		}
		p := likePattern(s)
		if op == syntax.Contains || op == syntax.NotHas {
			p = containing(s)
		}
		return f.each(func(l *leaf) (clause, bool) { return like(l, f, p, sensitive, not) })
	}
	return clause{}, false
}

// checked weakens a condition on a table whose values are understood only once they are read here.
func (c *conditions) checked(q clause, ok bool) (clause, bool) {
	q.exact = q.exact && !c.t.convert
	return q, ok
}

// null returns the documents in which a field has no value, or has one.
func (c *conditions) null(e syntax.Expr, isNull bool) (clause, bool) {
	f := c.field(e)
	if f == nil || len(f.leaves) == 0 || c.t.convert || f.absent != nil || f.twin != nil || !c.complete(f) {
		return clause{}, false
	}
	var qs []dsl
	for _, l := range f.leaves {
		has, ok := present(l)
		if !ok {
			return clause{}, false
		}
		qs = append(qs, has)
	}
	if isNull {
		return clause{not(qs...), true}, true
	}
	return clause{anyOf(qs), true}, true
}

// present matches the documents that have a value in the field, or, of a keyword, one that is not too long for the index.
func present(l *leaf) (dsl, bool) {
	p := l.prop
	switch {
	case l.inner || p.conflict || p.NullValue != nil || p.Type == "binary" || p.Type == "flat_object" || p.Type == "geo_point":
		return nil, false
	case isText(p.Type):
		return exists(l.path), !off(p.Index)
	case l.exact == "":
		return nil, false
	}
	return exists(l.exact), true
}

// compare returns the documents in which the field compares so with the value.
func compare(l *leaf, f *field, op string, v any) (clause, bool) {
	if !l.inner && l.prop.mixed != "" && f.words == nil {
		return compareMixed(l, f, op, v)
	}
	if l.inner || l.prop.conflict {
		return clause{}, false
	}
	if f.words != nil {
		return compareWords(l, f, op, v)
	}
	switch t := l.prop.Type; {
	case wholeNumber(t) || t == "double":
		return compareNumber(l, op, v)
	case t == "boolean":
		b, ok := v.(bool)
		if !ok || l.exact == "" || op != syntax.Eq && op != syntax.Ne {
			return clause{}, false
		}
		return equality(l, op, term(l.exact, b))
	case t == "date" || t == "date_nanos":
		return compareTime(l, f, op, v)
	case t == "ip":
		s, ok := v.(string)
		a, err := netip.ParseAddr(s)
		if !ok || err != nil || l.exact == "" || op != syntax.Eq && op != syntax.Ne {
			return clause{}, false
		}
		return equality(l, op, term(l.exact, a.String()))
	case t == "keyword" || isText(t):
		s, ok := v.(string)
		if !ok {
			return clause{}, false
		}
		return compareText(l, op, s)
	}
	return clause{}, false
}

// compareMixed compares a field that some indices hold in one way and some in another: more than fits is found.
func compareMixed(l *leaf, f *field, op string, v any) (clause, bool) {
	if l.prop.mixed == "text" {
		s, ok := v.(string)
		if !ok || op != syntax.Eq {
			return clause{}, false
		}
		return clause{anyOf([]dsl{term(l.path, s), term(l.path+".keyword", s)}), false}, true
	}
	at, ok := v.(time.Time)
	if s, isText := v.(string); isText {
		at, ok = plan.ParseTime(s)
	}
	if !ok || op == syntax.Ne || f.col.Type != rows.Timestamp {
		return clause{}, false
	}
	whole := *l
	whole.exact = l.path
	q, ok := timeRange(&whole, f, op, at)
	if at.Nanosecond()%1_000_000 != 0 { // one of the two is indexed to the millisecond
		wide := map[string]string{syntax.Gt: syntax.Ge, syntax.Lt: syntax.Le}
		if w := wide[op]; w != "" {
			q, ok = timeRange(&whole, f, w, at)
		}
		q.exact = false
	}
	return q, ok
}

// equality is = or != by a query that matches the equal ones.
func equality(l *leaf, op string, equal dsl) (clause, bool) {
	if op == syntax.Eq {
		return clause{equal, true}, true
	}
	has, ok := present(l)
	if !ok {
		return clause{}, false
	}
	return clause{all([]dsl{has, not(equal)}), true}, true
}

// compareWords compares the spelling of records with whatever spellings the index has.
func compareWords(l *leaf, f *field, op string, v any) (clause, bool) {
	want, ok := v.(string)
	if !ok || l.exact == "" || op != syntax.Eq && op != syntax.Ne {
		return clause{}, false
	}
	var raw []string
	for from, to := range f.words {
		if to == want {
			raw = append(raw, from)
		}
	}
	if _, known := f.words[want]; !known && !slices.Contains(raw, want) {
		raw = append(raw, want)
	}
	slices.Sort(raw)
	return equality(l, op, dsl{"terms": dsl{l.exact: raw}})
}

func bound(op string) string {
	return map[string]string{syntax.Lt: "lt", syntax.Le: "lte", syntax.Gt: "gt", syntax.Ge: "gte"}[op]
}

func compareNumber(l *leaf, op string, v any) (clause, bool) {
	if s, ok := v.(string); ok { // a text that is a number compares as one
		if i, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
			v = i
		} else if x, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil {
			v = x
		}
	}
	if l.exact == "" || !fits(cmp.Or(l.prop.narrow, l.prop.Type), v) {
		return clause{}, false
	}
	if op == syntax.Eq || op == syntax.Ne {
		return equality(l, op, term(l.exact, v))
	}
	return clause{dsl{"range": dsl{l.exact: dsl{bound(op): v}}}, true}, true
}

// fits reports whether the index can compare its numbers with v without refusing it.
func fits(typ string, v any) bool {
	limit := map[string]float64{"byte": math.MaxInt8, "short": math.MaxInt16, "integer": math.MaxInt32, "long": 1 << 62, "double": math.MaxFloat64}[typ]
	switch n := v.(type) {
	case int64:
		return math.Abs(float64(n)) <= limit && (typ != "double" || n > -1<<53 && n < 1<<53)
	case float64:
		// A number with a fraction never equals a whole one, and ranges round as they should.
		return math.Abs(n) <= limit && !math.IsNaN(n)
	}
	return false
}

// compareTime compares with a point in time. A date is indexed to the millisecond.
func compareTime(l *leaf, f *field, op string, v any) (clause, bool) {
	t, ok := v.(time.Time)
	if s, isText := v.(string); isText {
		t, ok = plan.ParseTime(s)
	}
	midnight := t.Equal(t.Truncate(24 * time.Hour))
	if !ok || l.exact == "" || f.col.Type != rows.Timestamp && (f.col.Type != rows.Date || !midnight) {
		return clause{}, false
	}
	return timeRange(l, f, op, t)
}

func timeRange(l *leaf, f *field, op string, t time.Time) (clause, bool) {
	exact := true
	widen := func() bool {
		exact = false
		switch op {
		case syntax.Gt:
			op = syntax.Ge
		case syntax.Lt:
			op = syntax.Le
		}
		return op != syntax.Ne
	}
	if f.coarse && !widen() {
		return clause{}, false
	}
	var value any
	r := dsl{}
	if l.prop.Type == "date_nanos" {
		if t.Year() < 1970 || t.Year() > 2261 { // what the type can hold
			return clause{}, false
		}
		// All nine digits: a time with fewer stands for the end of its second or millisecond after gt and lte.
		value, r["format"] = t.UTC().Format("2006-01-02T15:04:05.000000000Z07:00"), "strict_date_optional_time_nanos"
	} else {
		value, r["format"] = strconv.FormatInt(t.UnixMilli(), 10), "epoch_millis"
		if t.Nanosecond()%1_000_000 != 0 && !widen() { // rows within the millisecond are told apart by their documents
			return clause{}, false
		}
	}
	if op == syntax.Eq || op == syntax.Ne {
		r["gte"], r["lte"] = value, value
		q, ok := equality(l, op, dsl{"range": dsl{l.exact: r}})
		q.exact = q.exact && exact
		return q, ok
	}
	r[bound(op)] = value
	return clause{dsl{"range": dsl{l.exact: r}}, exact}, true
}

func compareText(l *leaf, op, s string) (clause, bool) {
	if l.exact == "" {
		if op == syntax.Eq && ownWords(l) { // all its words occur: more than equal ones
			return clause{dsl{"match": dsl{l.path: dsl{"query": s, "operator": "and", "zero_terms_query": "all"}}}, false}, true
		}
		return clause{}, false
	}
	if op == syntax.Eq || op == syntax.Ne {
		if l.above > 0 && len(utf16.Encode([]rune(s))) > l.above {
			return clause{}, false
		}
		return equality(l, op, term(l.exact, s))
	}
	return unlessLong(l, dsl{"range": dsl{l.exact: dsl{bound(op): s}}})
}

// unlessLong adds the documents whose value was too long for the index, which are then looked at here. Those of a text are the
// ones that its keyword does not have; of a keyword alone the caller knows that there are none.
func unlessLong(l *leaf, q dsl) (clause, bool) {
	if l.above > 0 && l.exact != l.path {
		return clause{anyOf([]dsl{q, tooLong(l)}), false}, true
	}
	return clause{q, true}, true
}

// tooLong matches the documents whose text has no keyword.
func tooLong(l *leaf) dsl { return all([]dsl{exists(l.path), not(exists(l.exact))}) }

// complete reports whether the index has all values of a field: a keyword leaves out those longer than ignore_above, and nothing
// in the index tells that it did.
func (c *conditions) complete(f *field) bool {
	for _, l := range f.leaves {
		if l.above > 0 && l.exact == l.path && (c.whole == nil || !c.whole(l)) {
			return false
		}
	}
	return true
}

// ownWords reports whether the text is cut into words as the standard analyzer does.
func ownWords(l *leaf) bool {
	return isText(l.prop.Type) && l.prop.Type != "annotated_text" && !off(l.prop.Index) && (l.prop.Analyzer == "" || l.prop.Analyzer == "standard")
}

// in is x in (a, b), or what makes it false.
func (c *conditions) in(e *syntax.In, negate bool) (clause, bool) {
	f := c.field(e.X)
	if f == nil || len(e.List) > maxValues || negate && (c.t.convert || !c.complete(f)) {
		return clause{}, false
	}
	if (f.absent != nil || f.twin != nil) && !slices.ContainsFunc(e.List, func(x syntax.Expr) bool { _, ok := constant(x); return !ok }) {
		return c.inDefaulted(e, f, negate)
	}
	return c.checked(f.each(func(l *leaf) (clause, bool) {
		var values []any
		var others []dsl
		for _, item := range e.List {
			v, ok := constant(item)
			if !ok {
				return clause{}, false
			}
			q, ok := compare(l, f, syntax.Eq, v)
			if !ok || !q.exact {
				return clause{}, false
			}
			if t, isTerm := q.q["term"].(dsl); isTerm {
				if of, here := t[l.exact].(dsl); here {
					values = append(values, of["value"])
					continue
				}
			}
			others = append(others, q.q)
		}
		if len(values) > 0 {
			others = append(others, dsl{"terms": dsl{l.exact: values}})
		}
		op := syntax.Eq
		if negate {
			op = syntax.Ne
		}
		return equality(l, op, anyOf(others))
	}))
}

// inDefaulted is in for a field that stands for a value where it is missing.
func (c *conditions) inDefaulted(e *syntax.In, f *field, negate bool) (clause, bool) {
	op, join := syntax.Eq, c.disjunction
	if negate {
		op, join = syntax.Ne, c.conjunction
	}
	return join(e.List, func(x syntax.Expr) (clause, bool) {
		v, _ := constant(x)
		return f.compared(op, v)
	})
}

// compared is a comparison of the field with a value.
func (f *field) compared(op string, v any) (clause, bool) {
	q, ok := f.each(func(l *leaf) (clause, bool) { return compare(l, f, op, v) })
	switch {
	case ok && f.twin != nil:
		return f.orTwin(q, op, v)
	case !ok || f.absent == nil:
		return q, ok
	}
	holds, known := holdsFor(f.absent, op, v)
	has, can := present(f.leaves[0])
	if !known || !can || len(f.leaves) != 1 {
		return clause{}, false
	}
	if holds {
		q.q = anyOf([]dsl{q.q, not(has)})
	}
	return q, true
}

// orTwin adds the documents that say their level in the other way alone.
func (f *field) orTwin(q clause, op string, v any) (clause, bool) {
	if len(f.leaves) != 1 || len(f.twin.leaves) != 1 || !q.exact {
		return clause{}, false
	}
	has, ok := present(f.leaves[0])
	if !ok {
		return clause{}, false
	}
	other := f.twin.leaves[0]
	var fit []dsl
	for n, level := range levels() {
		lowest := int64(4*n + 1)
		if wholeNumber(f.leaves[0].prop.Type) {
			if holds, known := holdsFor(lowest, op, v); !known {
				return clause{}, false
			} else if holds {
				same, ok := compareText(other, syntax.Eq, level)
				if f.twin.words != nil {
					same, ok = compareWords(other, f.twin, syntax.Eq, level)
				}
				if !ok || !same.exact {
					return clause{}, false
				}
				fit = append(fit, same.q)
			}
			continue
		}
		if holds, known := holdsFor(level, op, v); !known || !wholeNumber(other.prop.Type) || other.exact == "" {
			return clause{}, false
		} else if holds {
			fit = append(fit, dsl{"range": dsl{other.exact: dsl{"gte": lowest, "lte": lowest + 3}}})
		}
	}
	if len(fit) > 0 {
		q.q = anyOf([]dsl{q.q, all([]dsl{not(has), anyOf(fit)})})
	}
	return q, true
}

// holdsFor judges a comparison of two constants.
func holdsFor(a any, op string, b any) (holds, known bool) {
	var c int
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		if !ok {
			return false, false
		}
		c = strings.Compare(x, y)
	case int64:
		y, ok := b.(int64)
		if !ok {
			return false, false
		}
		c = cmp.Compare(x, y)
	default:
		return false, false
	}
	switch op {
	case syntax.Eq:
		return c == 0, true
	case syntax.Ne:
		return c != 0, true
	case syntax.Lt:
		return c < 0, true
	case syntax.Le:
		return c <= 0, true
	case syntax.Gt:
		return c > 0, true
	case syntax.Ge:
		return c >= 0, true
	}
	return false, false
}

func (c *conditions) between(e *syntax.Between, negate bool) (clause, bool) {
	lo := &syntax.Binary{Node: e.Node, Op: syntax.Ge, L: e.X, R: e.Lo}
	hi := &syntax.Binary{Node: e.Node, Op: syntax.Le, L: e.X, R: e.Hi}
	both := &syntax.Logic{Node: e.Node, Op: syntax.And, Xs: []syntax.Expr{lo, hi}}
	if negate {
		return c.isFalse(both)
	}
	return c.isTrue(both)
}

func (c *conditions) call(e *syntax.Call, negate bool) (clause, bool) {
	name := strings.ToLower(e.Name)
	if c.t.convert {
		return clause{}, false
	}
	switch name {
	case "isnull", "isnotnull", "ispresent":
		if len(e.Args) == 1 {
			return c.null(e.Args[0].X, (name == "isnull") != negate)
		}
	case "like", "ilike", "contains":
		if len(e.Args) == 2 {
			op := name
			return c.binary(&syntax.Binary{Node: e.Node, Op: op, L: e.Args[0].X, R: e.Args[1].X}, negate)
		}
	case "cidrmatch":
		return c.cidr(e, negate)
	}
	if q, ok := c.relevance(name, e); ok {
		if negate {
			q.q = not(q.q)
		}
		return q, true
	}
	return clause{}, false
}

func (c *conditions) cidr(e *syntax.Call, negate bool) (clause, bool) {
	if len(e.Args) != 2 {
		return clause{}, false
	}
	f := c.field(e.Args[0].X)
	v, ok := constant(e.Args[1].X)
	s, isText := v.(string)
	if f == nil || !ok || !isText {
		return clause{}, false
	}
	if _, err := netip.ParsePrefix(s); err != nil {
		return clause{}, false
	}
	op := syntax.Eq
	if negate {
		op = syntax.Ne
	}
	return f.each(func(l *leaf) (clause, bool) {
		if l.prop.Type != "ip" || l.exact == "" {
			return clause{}, false
		}
		return equality(l, op, term(l.exact, s))
	})
}
