package command

import (
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// NoMV joins the elements of an array to one text.
type NoMV struct {
	node
	Field *syntax.Field
}

func nomvSpec() Spec {
	return Spec{
		Name: "nomv", Syntax: "nomv FIELD", Doc: "Joins the elements of an array to one text with line breaks between them.",
		Parse: func(p *syntax.Parser, n node) Command { return &NoMV{n, p.Field()} },
	}
}

// String returns the command as PPL.
func (c *NoMV) String() string { return "nomv " + syntax.Name(c.Field.Name) }

// Compile replaces the column.
func (c *NoMV) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := c.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	in.PrepareFields(c.Field)
	x, err := in.Field(c.Field)
	if err != nil {
		return nil, err
	}
	if x.Type != rows.Array {
		return nil, syntax.Errorf(c.Field.At, "nomv needs an array, field '%s' is of type %s", c.Field.Name, sqlWord(x.Type))
	}
	list := "CAST(%s AS VARCHAR[])"
	if x.JSON {
		list = "from_json(%s, '[\"VARCHAR\"]')"
	}
	y := plan.Cell(rows.String, "coalesce(array_to_string(list_filter("+list+", lambda v: v IS NOT NULL), chr(10)), '')", x)
	in.Put(plan.NewCol(c.Field.Name, y))
	return in, nil
}
