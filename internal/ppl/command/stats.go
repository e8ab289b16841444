package command

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Stats groups rows and aggregates each group.
type Stats struct {
	node
	Options []string // as written, for the formatter
	// Nullable says whether rows with a null key form a group; nil means by the settings.
	Nullable *bool
	Aggs     []Agg
	By       []Key
}

// Agg is one aggregate with its name.
type Agg struct {
	X    syntax.Expr
	Text string // as written: the column's name when Name is empty
	Name string
	At   syntax.Span
}

// Key is a key of groups: a field, or a field in buckets.
type Key struct {
	Field *syntax.Field // nil: the time field
	Span  *plan.Span
	Name  string // after `as`
	Text  string // the default name of a span: as written without blanks
	At    syntax.Span
}

func statsSpec() Spec {
	return Spec{
		Name: "stats", Syntax: "stats [bucket_nullable=BOOL] AGGREGATE[ as NAME][, ..] [by [span(FIELD, WIDTH)[ as NAME],] FIELD[, ..]]",
		Doc:   "Aggregates all rows, or each group of rows equal in the fields after by.",
		Parse: func(p *syntax.Parser, n node) Command { s := &Stats{node: n}; s.parse(p); return s },
	}
}

func (s *Stats) parse(p *syntax.Parser) {
	for p.IsOption("bucket_nullable", "partitions", "allnum", "delim") {
		start := p.Peek().Span()
		if p.AcceptOption("bucket_nullable") {
			b := p.Bool("bucket_nullable")
			s.Nullable = &b
		} else {
			p.Next()
			p.Next()
			p.Word("a value")
		}
		s.Options = append(s.Options, p.Slice(syntax.Span{Start: start.Start, End: p.LastEnd()}))
	}
	s.Aggs = aggs(p)
	s.By = byClause(p)
	if p.AcceptOption("dedup_splitvalues") {
		p.Bool("dedup_splitvalues")
	}
}

// aggs reads aggregates with commas between them.
func aggs(p *syntax.Parser) []Agg {
	var as []Agg
	for {
		as = append(as, agg(p))
		if !p.Accept(",") {
			return as
		}
	}
}

func agg(p *syntax.Parser) Agg {
	start := p.Peek()
	x := p.Value()
	a := Agg{X: x, At: syntax.Span{Start: int(start.Start), End: p.LastEnd()}}
	if p.Err() != nil {
		return a
	}
	a.Text = p.Slice(a.At)
	if f, ok := x.(*syntax.Field); ok { // `count` without parentheses
		a.X = &syntax.Call{Node: f.Node, Name: f.Name, NameAt: f.At}
	}
	if p.AcceptWord("as") {
		a.Name = asName(p)
	}
	return a
}

// asName reads the name after `as`: a field name or a quoted text.
func asName(p *syntax.Parser) string {
	if p.Peek().Kind == syntax.String {
		return p.Str("a name")
	}
	return p.WildField().Name
}

func (a Agg) name() string {
	if a.Name != "" {
		return a.Name
	}
	return a.Text
}

func byClause(p *syntax.Parser) []Key {
	if !p.AcceptWord("by") {
		return nil
	}
	var keys []Key
	for {
		keys = append(keys, groupKey(p))
		if !p.Accept(",") {
			return keys
		}
	}
}

func groupKey(p *syntax.Parser) Key {
	start := p.Peek()
	var k Key
	if p.IsWord("span") && p.Text(p.PeekAt(1)) == "(" {
		k = spanKey(p)
	} else {
		k.Field = p.Field()
	}
	k.At = syntax.Span{Start: int(start.Start), End: p.LastEnd()}
	if k.Span != nil && p.Err() == nil {
		k.Text = strings.Join(strings.Fields(p.Slice(k.At)), "")
	}
	if p.AcceptWord("as") {
		k.Name = asName(p)
	}
	return k
}

// spanKey reads span([field,] width).
func spanKey(p *syntax.Parser) Key {
	k := Key{}
	p.Next()
	p.Expect("(")
	if p.IsName() {
		k.Field = p.Field()
		p.Expect(",")
	}
	w := plan.ReadSpan(p)
	k.Span = &w
	p.Expect(")")
	return k
}

func (k Key) name(in *plan.Rel) string {
	switch {
	case k.Name != "":
		return k.Name
	case k.Span == nil:
		return k.Field.Name
	}
	if k.Field == nil && in != nil {
		return fmt.Sprintf("span(%s,%s)", timeField(in), k.Span.Text)
	}
	return k.Text
}

func timeField(in *plan.Rel) string {
	if in.TimeField != "" {
		return in.TimeField
	}
	return "@timestamp"
}

// String returns the key as PPL.
func (k Key) String() string {
	var out string
	switch {
	case k.Span == nil:
		out = syntax.Name(k.Field.Name)
	case k.Field == nil:
		out = "span(" + k.Span.Text + ")"
	default:
		out = k.Text
	}
	if k.Name != "" {
		out += " as " + pattern(k.Name)
	}
	return out
}

// String returns the aggregate as PPL, as it was written because that is its name.
func (a Agg) String() string {
	if a.Name != "" {
		return a.Text + " as " + pattern(a.Name)
	}
	return a.Text
}

func printAggs(as []Agg) string {
	parts := make([]string, len(as))
	for i, a := range as {
		parts[i] = a.String()
	}
	return strings.Join(parts, ", ")
}

func printBy(keys []Key) string {
	if len(keys) == 0 {
		return ""
	}
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = k.String()
	}
	return " by " + strings.Join(parts, ", ")
}

// String returns the command as PPL.
func (s *Stats) String() string {
	return strings.Join(append([]string{"stats"}, s.Options...), " ") + " " + printAggs(s.Aggs) + printBy(s.By)
}

// Compile makes the SELECT an aggregation: aggregates first, then the span, then the other keys.
func (s *Stats) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := s.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	prepare(in, s.Aggs, s.By)
	xs, err := aggregates(env, in, s.Aggs, nil)
	if err != nil {
		return nil, err
	}
	keys, names, err := groupKeys(in, s.By, s.nullable(env))
	if err != nil {
		return nil, err
	}
	cols := make([]*plan.Col, 0, len(xs)+len(keys))
	seen := map[string]bool{}
	add := func(name string, x plan.X) {
		if !seen[name] {
			seen[name] = true
			cols = append(cols, plan.NewCol(name, x))
		}
	}
	for i, x := range xs {
		add(s.Aggs[i].name(), x)
	}
	for i, k := range keys {
		add(names[i], k)
	}
	in.Group(keys, cols)
	sortByKeys(in, names)
	return in, nil
}

func (s *Stats) nullable(env *plan.Env) bool {
	if s.Nullable != nil {
		return *s.Nullable
	}
	return !env.Options.Settings.ModernSyntax
}

// sortByKeys gives groups a stable order: the same question gets the same answer.
func sortByKeys(in *plan.Rel, names []string) {
	var keys []plan.Key
	for _, n := range names {
		if c := in.Col(n); c != nil && c.Type != rows.Struct && c.Type != rows.Array {
			keys = append(keys, plan.Key{X: c.X()})
		}
	}
	in.Sort(keys)
}

// prepare closes the SELECT when the aggregates or keys mention computed columns.
func prepare(in *plan.Rel, as []Agg, keys []Key) {
	var xs []syntax.Expr
	for _, a := range as {
		xs = append(xs, a.X)
	}
	for _, k := range keys {
		if k.Field != nil {
			xs = append(xs, k.Field)
		} else {
			xs = append(xs, &syntax.Field{Name: timeField(in)})
		}
	}
	in.Prepare(xs...)
}

func aggregates(env *plan.Env, in *plan.Rel, as []Agg, over func() (plan.X, error)) ([]plan.X, error) {
	xs := make([]syntax.Expr, len(as))
	for i, a := range as {
		if err := checkAgg(env, a); err != nil {
			return nil, err
		}
		xs[i] = a.X
	}
	return in.Aggregates(xs, over)
}

func checkAgg(env *plan.Env, a Agg) error {
	if a.Name != "" && metadata(&syntax.Field{Name: a.Name}) != nil {
		return syntax.Errorf(a.At, "Cannot use metadata field [%s] as the alias.", a.Name)
	}
	found := false
	syntax.Walk(a.X, func(x syntax.Expr) {
		if c, ok := x.(*syntax.Call); ok && env.IsAggregate(c.Name) {
			found = true
		}
	})
	if found {
		return nil
	}
	e := syntax.Errorf(a.At, "%s is no aggregate", a.Text)
	if c, ok := a.X.(*syntax.Call); ok {
		e = syntax.Errorf(c.NameAt, "unsupported aggregate function: %s", c.Name)
		if n := env.NearestAggregate(c.Name); n != "" {
			return e.WithHint("Did you mean %s?", n)
		}
	}
	return e
}

// groupKeys compiles the keys, the span first, and drops the rows whose key may not be null.
func groupKeys(in *plan.Rel, by []Key, nullable bool) (keys []plan.X, names []string, err error) {
	for pass := range 2 {
		for _, k := range by {
			if (k.Span != nil) != (pass == 0) {
				continue
			}
			x, err := groupValue(in, k)
			if err != nil {
				return nil, nil, err
			}
			if !nullable || k.Span != nil && x.Type.Temporal() {
				dropNull(in, k, x)
			}
			keys, names = append(keys, x), append(names, k.name(in))
		}
	}
	return keys, names, nil
}

// dropNull drops the rows whose key is null: by the field itself where that tells, it is cheaper than the bucket.
func dropNull(in *plan.Rel, k Key, x plan.X) {
	if raw, err := groupValue(in, Key{Field: k.Field, At: k.At}); err == nil && k.Span != nil && raw.Type.Temporal() {
		x = raw
	}
	in.Where(plan.Cell(rows.Boolean, "%s IS NOT NULL", x))
}

func groupValue(in *plan.Rel, k Key) (plan.X, error) {
	f := k.Field
	if f == nil {
		f = &syntax.Field{Node: syntax.Node{At: k.At}, Name: timeField(in)}
	}
	x, err := in.Field(f)
	if err != nil || k.Span == nil {
		return x, err
	}
	return plan.Bucket(x, *k.Span)
}
