package command

import (
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Chart aggregates by one or two fields; less weighty values of the second become OTHER.
type Chart struct {
	node
	Split split
	Agg   Agg
	Row   *Key
	Col   *Key
}

func chartSpec() Spec {
	return Spec{
		Name:   "chart",
		Syntax: "chart [limit=[top|bottom]N] [useother=BOOL] [usenull=BOOL] [otherstr=TEXT] [nullstr=TEXT] AGGREGATE [over FIELD[ span=WIDTH]] [by FIELD[ span=WIDTH]]",
		Doc:    "Aggregates by a row field and a column field; column values beyond the limit become OTHER.",
		Parse:  parseChart,
	}
}

func parseChart(p *syntax.Parser, n node) Command {
	c := &Chart{node: n, Split: newSplit()}
	options := func() {
		for c.Split.option(p) {
			continue
		}
	}
	options()
	c.Agg = agg(p)
	options()
	if p.AcceptWord("over") {
		c.Row = chartKey(p)
		options()
	}
	if p.AcceptWord("by") {
		k := chartKey(p)
		p.Accept(",")
		switch {
		case c.Row != nil:
			c.Col = k
		case p.IsName() && !p.IsOption("limit", "useother", "usenull", "otherstr", "nullstr"):
			c.Row, c.Col = k, chartKey(p)
		default:
			c.Row = k
		}
	}
	options()
	return c
}

// chartKey reads FIELD [span=WIDTH]; the column is named as the field is written.
func chartKey(p *syntax.Parser) *Key {
	k := &Key{}
	if p.IsWord("span") && p.Text(p.PeekAt(1)) == "(" {
		*k = spanKey(p)
	} else {
		k.Field = p.Field()
	}
	k.At = k.Field.At
	k.Name = p.Slice(k.At)
	if p.AcceptOption("span") {
		w := plan.ReadSpan(p)
		k.Span = &w
	}
	return k
}

// String returns the command as PPL.
func (c *Chart) String() string {
	key := func(k *Key) string {
		out := k.Name
		if k.Span != nil {
			out += " span=" + k.Span.Text
		}
		return out
	}
	out := "chart" + c.Split.String() + " " + c.Agg.String()
	if c.Row != nil {
		out += " over " + key(c.Row)
	}
	if c.Col != nil {
		out += " by " + key(c.Col)
	}
	return out
}

// Compile groups by the keys and folds the columns beyond the limit.
func (c *Chart) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := c.needSource(in); err != nil {
		return nil, err
	}
	var by []Key
	for _, k := range []*Key{c.Row, c.Col} {
		if k != nil {
			by = append(by, *k)
		}
	}
	in.Settle()
	prepare(in, []Agg{c.Agg}, by)
	xs, err := aggregates(env, in, []Agg{c.Agg}, nil)
	if err != nil {
		return nil, err
	}
	var keys []plan.X
	var cols []*plan.Col
	for i, k := range by {
		x, err := groupValue(in, k)
		if err != nil {
			return nil, err
		}
		if i == 0 || !c.Split.UseNull {
			in.Where(plan.Cell(rows.Boolean, "%s IS NOT NULL", x))
		}
		if i == 1 {
			x = plan.Display(x)
		}
		keys, cols = append(keys, x), append(cols, plan.NewCol(k.Name, x))
	}
	if len(by) > 0 && c.Agg.argument() != nil { // rows without a value to aggregate make no group
		if x, err := in.Compile(c.Agg.argument()); err == nil {
			in.Where(plan.Cell(rows.Boolean, "%s IS NOT NULL", x))
		}
	}
	in.Group(keys, append(cols, plan.NewCol(c.Agg.name(), xs[0])))
	if c.Col != nil {
		c.Split.fold(in, []string{c.Row.Name}, c.Col.Name, c.Agg)
	}
	names := make([]string, len(by))
	for i, k := range by {
		names[i] = k.Name
	}
	sortByKeys(in, names)
	return in, nil
}

// argument returns what the aggregate is taken of, if it is a plain field.
func (a Agg) argument() syntax.Expr {
	c, ok := a.X.(*syntax.Call)
	if !ok || len(c.Args) == 0 {
		return nil
	}
	if f, ok := c.Args[0].X.(*syntax.Field); ok && f.Name != "*" {
		return f
	}
	return nil
}
