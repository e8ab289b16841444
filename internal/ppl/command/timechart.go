package command

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Timechart aggregates over buckets of time, split by a field whose less weighty values become OTHER.
type Timechart struct {
	node
	TimeField string
	Width     plan.Span
	Split     split
	Aggs      []Agg
	By        *syntax.Field
}

// split says how a column of groups is cut to the weightiest.
type split struct {
	Limit    int64
	Bottom   bool
	UseOther bool
	UseNull  bool
	Other    string
	Null     string
}

// splitDefault is how many groups timechart and chart keep apart when they are not told.
const splitDefault = 10

func newSplit() split {
	return split{Limit: splitDefault, UseOther: true, UseNull: true, Other: "OTHER", Null: "NULL"}
}

func timechartSpec() Spec {
	return Spec{
		Name:   "timechart",
		Syntax: "timechart [timefield=FIELD] [span=WIDTH] [limit=N] [useother=BOOL] [usenull=BOOL] [nullstr=TEXT] AGGREGATE [by FIELD]",
		Doc:    "Aggregates over buckets of time, 1m unless told, split by a field; per_second(x) to per_day(x) are rates.",
		Parse:  parseTimechart,
	}
}

func parseTimechart(p *syntax.Parser, n node) Command {
	t := &Timechart{node: n, Width: plan.Span{N: 1, Unit: "minute", Text: "1m"}, Split: newSplit()}
	t.options(p)
	t.Aggs = aggs(p)
	t.options(p)
	if p.AcceptWord("by") {
		t.By = p.Field()
	}
	t.options(p)
	if t.By != nil && len(t.Aggs) > 1 {
		p.Fail(t.Aggs[1].At, "timechart by a field takes one aggregate")
	}
	return t
}

func (t *Timechart) options(p *syntax.Parser) {
	for {
		switch {
		case p.AcceptOption("timefield"):
			t.TimeField = p.Field().Name
		case p.AcceptOption("span"):
			t.Width = plan.ReadSpan(p)
			if t.Width.Unit == "" {
				p.Fail(t.Width.At, "a span over time needs a unit, such as 1h")
			}
		case t.Split.option(p):
		default:
			return
		}
	}
}

// option reads one of the options of a split.
func (s *split) option(p *syntax.Parser) bool {
	switch {
	case p.AcceptOption("limit"):
		s.readLimit(p)
	case p.AcceptOption("useother"):
		s.UseOther = p.Bool("useother")
	case p.AcceptOption("usenull"):
		s.UseNull = p.Bool("usenull")
	case p.AcceptOption("otherstr"):
		s.Other = p.Word("a text")
	case p.AcceptOption("nullstr"):
		s.Null = p.Word("a text")
	default:
		return false
	}
	return true
}

// readLimit reads N, topN or bottomN, the last two with or without a blank.
func (s *split) readLimit(p *syntax.Parser) {
	word := strings.ToLower(p.Text(p.Peek()))
	for _, side := range []string{"top", "bottom"} {
		if rest, ok := strings.CutPrefix(word, side); ok {
			s.Bottom = side == "bottom"
			at := p.Next().Span()
			if rest == "" {
				s.Limit = count(p, "how many groups to keep")
				return
			}
			n, err := strconv.ParseInt(rest, 10, 64)
			if err != nil {
				p.Fail(at, "limit is N, topN or bottomN")
			}
			s.Limit = n
			return
		}
	}
	s.Limit = count(p, "how many groups to keep")
}

// String returns the options that differ from the defaults, each with a blank before it.
func (s *split) String() string {
	d := newSplit()
	out := ""
	switch {
	case s.Bottom:
		out += fmt.Sprintf(" limit=bottom%d", s.Limit)
	case s.Limit != d.Limit:
		out += fmt.Sprintf(" limit=%d", s.Limit)
	}
	if !s.UseOther {
		out += " useother=false"
	}
	if !s.UseNull {
		out += " usenull=false"
	}
	if s.Other != d.Other {
		out += " otherstr=" + syntax.Quote(s.Other)
	}
	if s.Null != d.Null {
		out += " nullstr=" + syntax.Quote(s.Null)
	}
	return out
}

// String returns the command as PPL.
func (t *Timechart) String() string {
	out := "timechart"
	if t.TimeField != "" {
		out += " timefield=" + syntax.Name(t.TimeField)
	}
	out += " span=" + t.Width.Text + t.Split.String() + " " + printAggs(t.Aggs)
	if t.By != nil {
		out += " by " + syntax.Name(t.By.Name)
	}
	return out
}

// Compile groups by time and the split field, then folds the groups beyond the limit into one.
func (t *Timechart) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := t.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	field := t.TimeField
	if field == "" {
		field = timeField(in)
	}
	f := &syntax.Field{Node: syntax.Node{At: t.at}, Name: field}
	keys := []Key{{Field: f, Span: &t.Width, Name: field, At: t.at}}
	if t.By != nil {
		keys = append(keys, Key{Field: t.By, At: t.By.At})
	}
	prepare(in, t.Aggs, keys)
	as, rates := t.rates()
	xs, err := aggregates(env, in, as, nil)
	if err != nil {
		return nil, err
	}
	bucket, err := groupValue(in, keys[0])
	if err != nil {
		return nil, err
	}
	raw, err := in.Field(f)
	if err != nil {
		return nil, err
	}
	in.Where(plan.Cell(rows.Boolean, "%s IS NOT NULL", raw))
	group, cols := []plan.X{bucket}, []*plan.Col{plan.NewCol(field, bucket)}
	if t.By != nil {
		by, err := t.Split.key(in, t.By)
		if err != nil {
			return nil, err
		}
		group, cols = append(group, by), append(cols, plan.NewCol(t.By.Name, by))
	}
	for i, x := range xs {
		cols = append(cols, plan.NewCol(t.Aggs[i].name(), x))
	}
	in.Group(group, cols)
	t.perUnit(in, field, rates)
	sorted := []string{field}
	if t.By != nil {
		t.Split.fold(in, []string{field}, t.By.Name, t.Aggs[0])
		sorted = append(sorted, t.By.Name)
	}
	sortByKeys(in, sorted)
	in.TimeField = field
	return in, nil
}

// key compiles the split field as text; rows without it go when nulls are not used.
func (s *split) key(in *plan.Rel, f *syntax.Field) (plan.X, error) {
	x, err := in.Field(f)
	if err != nil {
		return x, err
	}
	if !s.UseNull {
		in.Where(plan.Cell(rows.Boolean, "%s IS NOT NULL", x))
	}
	return text(x), nil
}

// rates turns per_second(x) and its like into sums; the second result is the unit's seconds for each aggregate, 0 for others.
func (t *Timechart) rates() ([]Agg, []float64) {
	as := append([]Agg(nil), t.Aggs...)
	rates := make([]float64, len(as))
	for i, a := range as {
		c, ok := a.X.(*syntax.Call)
		if !ok {
			continue
		}
		unit := map[string]float64{"per_second": 1, "per_minute": 60, "per_hour": 3600, "per_day": 86400}[strings.ToLower(c.Name)]
		if unit > 0 {
			sum := *c
			sum.Name = "sum"
			as[i].X, rates[i] = &sum, unit
		}
	}
	return as, rates
}

// perUnit divides sums by the width of their bucket; months and years differ in width.
func (t *Timechart) perUnit(in *plan.Rel, field string, rates []float64) {
	for i, unit := range rates {
		if unit == 0 {
			continue
		}
		name := t.Aggs[i].name()
		v := in.Col(name).X()
		y := plan.Cell(rows.Double, "(CAST(%s AS DOUBLE) * "+num(unit)+" / (epoch(%s + "+plan.Interval(t.Width)+") - epoch(%s)))", v, in.Col(field).X(), in.Col(field).X())
		if us, ok := plan.Micros(t.Width); ok {
			y = plan.Cell(rows.Double, "(CAST(%s AS DOUBLE) * "+num(unit*1e6)+" / "+strconv.FormatInt(us, 10)+")", v)
		}
		in.Put(plan.NewCol(name, y))
	}
}

// fold keeps the groups of column by that weigh most over all rows (by the sum of the value) and joins the rest under one
// name. keys are the columns beside which the groups stand.
func (s *split) fold(in *plan.Rel, keys []string, by string, a Agg) {
	in.Flush()
	in.Materialize()
	label := plan.Cell(rows.String, "coalesce(%s, "+percent(function.Quote(s.Null))+")", in.Col(by).X())
	if s.Limit == 0 {
		in.Put(plan.NewCol(by, label))
		return
	}
	g := in.Col(by).X()
	weigh := in.Col(a.name()).X()
	if !weigh.Type.Numeric() {
		weigh = plan.Cell(rows.Double, "1")
	}
	total := in.Temp(in.Window("sum("+weigh.SQL+")", rows.Double, []plan.X{g}, false, "").Also(weigh))[0]
	g = in.Col(by).X()
	dir := "DESC NULLS LAST"
	if s.Bottom {
		dir = "ASC NULLS LAST"
	}
	rank := plan.Cell(rows.BigInt, "dense_rank() OVER (PARTITION BY %s IS NULL ORDER BY %s "+dir+", %s)", g, total, g)
	rank = in.Temp(rank)[0]
	g = in.Col(by).X()
	label = plan.Cell(rows.String, fmt.Sprintf("CASE WHEN %%s IS NULL THEN %s WHEN %%s <= %d THEN %%s ELSE %s END",
		percent(function.Quote(s.Null)), s.Limit, percent(function.Quote(s.Other))), g, rank, g)
	if !s.UseOther {
		in.Where(plan.Cell(rows.Boolean, fmt.Sprintf("(%%s <= %d OR %%s IS NULL)", s.Limit), rank, g))
	}
	s.join(in, keys, by, a, label)
}

// join aggregates the values of the groups that share a label: least of least, greatest of greatest, mean of means, else the sum.
func (s *split) join(in *plan.Rel, keys []string, by string, a Agg, label plan.X) {
	v := in.Col(a.name()).X()
	fn := "sum"
	if c, ok := a.X.(*syntax.Call); ok {
		switch strings.ToLower(c.Name) {
		case "min", "earliest":
			fn = "min"
		case "max", "latest":
			fn = "max"
		case "avg", "mean":
			fn = "avg"
		}
	}
	t := v.Type
	if !t.Numeric() {
		fn = "any_value"
	}
	var group []plan.X
	var cols []*plan.Col
	for _, k := range keys {
		x := in.Col(k).X()
		group, cols = append(group, x), append(cols, plan.NewCol(k, x))
	}
	group, cols = append(group, label), append(cols, plan.NewCol(by, label))
	sql := fn + "(%s)"
	if fn == "sum" && t.Integer() {
		sql = "CAST(" + sql + " AS " + function.SQLType(t) + ")"
	}
	x := plan.Cell(t, sql, v)
	x.Elem, x.Nanos, x.JSON = v.Elem, v.Nanos, v.JSON
	cols = append(cols, plan.NewCol(a.name(), x))
	in.Group(group, cols)
}
