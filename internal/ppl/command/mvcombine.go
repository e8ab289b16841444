package command

import (
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// MVCombine joins rows that are equal but for one field and makes an array of its values.
type MVCombine struct {
	node
	Field *syntax.Field
	Delim string
}

func mvcombineSpec() Spec {
	return Spec{
		Name: "mvcombine", Syntax: "mvcombine FIELD", Doc: "Joins rows that are equal in all fields but one and makes an array of that one's values.",
		Parse: func(p *syntax.Parser, n node) Command {
			c := &MVCombine{node: n}
			if p.AcceptOption("delim") {
				c.Delim = p.Str("a delimiter")
			}
			c.Field = p.Field()
			return c
		},
	}
}

// String returns the command as PPL.
func (c *MVCombine) String() string { return "mvcombine " + syntax.Name(c.Field.Name) }

// Compile groups by all other columns.
func (c *MVCombine) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := c.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	in.Fold()
	pos := in.Numbered()
	target := in.Col(c.Field.Name)
	if target == nil {
		return nil, in.Unknown(c.Field)
	}
	var keys []plan.X
	var cols []*plan.Col
	for _, o := range in.Cols() {
		if o == target {
			y := plan.Cell(rows.Array, "coalesce(list(%s ORDER BY %s) FILTER (WHERE %s IS NOT NULL), [])", target.X(), pos, target.X())
			y.Elem = target.Type
			cols = append(cols, plan.NewCol(o.Name, y))
			continue
		}
		keys, cols = append(keys, o.X()), append(cols, plan.NewCol(o.Name, o.X()))
	}
	first := plan.NewCol("_first", plan.Cell(rows.BigInt, "min(%s)", pos))
	in.Group(keys, append(cols, first))
	in.Sort([]plan.Key{{X: in.Col("_first").X(), Unique: true}})
	in.Drop("_first")
	return in, nil
}
