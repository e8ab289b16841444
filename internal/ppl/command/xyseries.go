package command

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// XYSeries makes a column of each of some values of a field, a row of each value of another.
type XYSeries struct {
	node
	X, Y   *syntax.Field
	Values []string
	Data   []*syntax.Field
	Sep    string
	Format string
}

func xyseriesSpec() Spec {
	return Spec{
		Name: "xyseries", Syntax: "xyseries [sep=TEXT] [format=TEXT] X-FIELD Y-FIELD in ('VALUE', ..) DATA-FIELD[, ..]",
		Doc: "Makes a column of each listed value of the y field and a row of each value of the x field.", Parse: parseXYSeries,
	}
}

func parseXYSeries(p *syntax.Parser, n node) Command {
	x := &XYSeries{node: n, Sep: ": "}
	for p.IsOption("sep", "format") {
		if p.AcceptOption("sep") {
			x.Sep = p.Str("a separator")
		}
		if p.AcceptOption("format") {
			x.Format = p.Str("a format")
		}
	}
	x.X, x.Y = p.Field(), p.Field()
	p.ExpectWord("in")
	p.Expect("(")
	for {
		x.Values = append(x.Values, p.Str("a value"))
		if !p.Accept(",") {
			break
		}
	}
	p.Expect(")")
	x.Data = p.Fields()
	return x
}

// String returns the command as PPL.
func (x *XYSeries) String() string {
	out := "xyseries sep=" + syntax.Quote(x.Sep)
	if x.Format != "" {
		out += " format=" + syntax.Quote(x.Format)
	}
	vals := make([]string, len(x.Values))
	for i, v := range x.Values {
		vals[i] = syntax.Quote(v)
	}
	return out + " " + syntax.Name(x.X.Name) + " " + syntax.Name(x.Y.Name) + " in (" + strings.Join(vals, ", ") + ") " + names(x.Data)
}

func (x *XYSeries) name(data, value string) string {
	if x.Format != "" {
		return strings.NewReplacer("$AGG$", data, "$VAL$", value).Replace(x.Format)
	}
	return data + x.Sep + value
}

// Compile groups by the x field; each cell is the value of its y.
func (x *XYSeries) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := x.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	in.PrepareFields(append([]*syntax.Field{x.X, x.Y}, x.Data...)...)
	key, err := in.Field(x.X)
	if err != nil {
		return nil, err
	}
	y, err := in.Field(x.Y)
	if err != nil {
		return nil, err
	}
	y = plan.Display(y)
	cols := []*plan.Col{plan.NewCol(x.X.Name, key)}
	for _, d := range x.Data {
		v, err := in.Field(d)
		if err != nil {
			return nil, err
		}
		for _, val := range x.Values {
			c := plan.Cell(v.Type, "max(%s) FILTER (WHERE %s = "+percent(function.Quote(val))+")", v, y)
			cols = append(cols, plan.NewCol(x.name(d.Name, val), c))
		}
	}
	in.Where(plan.Cell(rows.Boolean, "%s IS NOT NULL", key))
	in.Group([]plan.X{key}, cols)
	sortByKeys(in, []string{x.X.Name})
	return in, nil
}
