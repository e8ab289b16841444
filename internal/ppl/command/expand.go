package command

import (
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Expand makes a row of each element of an array.
type Expand struct {
	node
	Multi bool // mvexpand
	Field *syntax.Field
	As    string
	Limit int64
}

func expandSpec() Spec {
	return Spec{
		Name: "expand", Syntax: "expand FIELD [as NAME]", Doc: "Makes a row of each element of an array.",
		Parse: func(p *syntax.Parser, n node) Command { return parseExpand(p, n, false) },
	}
}

func parseExpand(p *syntax.Parser, n node, multi bool) Command {
	e := &Expand{node: n, Multi: multi, Field: p.Field()}
	if p.AcceptWord("as") {
		e.As = p.Field().Name
	}
	if p.AcceptOption("limit") {
		e.Limit = count(p, "how many elements to keep")
	}
	return e
}

// String returns the command as PPL.
func (e *Expand) String() string {
	out := map[bool]string{false: "expand ", true: "mvexpand "}[e.Multi] + syntax.Name(e.Field.Name)
	if e.As != "" {
		out += " as " + syntax.Name(e.As)
	}
	if e.Limit > 0 {
		out += fmt.Sprintf(" limit=%d", e.Limit)
	}
	return out
}

// Compile unnests the array. Rows whose array is null or empty go.
func (e *Expand) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := e.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	in.PrepareFields(e.Field)
	x, err := in.Field(e.Field)
	if err != nil {
		if e.Multi {
			return nil, syntax.Errorf(e.Field.At, "Field '%s' not found in the schema", e.Field.Name)
		}
		return nil, err
	}
	name := e.As
	if name == "" {
		name = e.Field.Name
	}
	if x.Type != rows.Array {
		if !e.Multi {
			return nil, syntax.Errorf(e.Field.At, "Cannot expand field '%s': expected ARRAY type but found %s", e.Field.Name, sqlWord(x.Type))
		}
		in.Where(plan.Cell(rows.Boolean, "%s IS NOT NULL", x))
		return in, nil
	}
	elem := x.Elem
	if elem == "" {
		elem = rows.Undefined
	}
	list := x
	if x.JSON {
		list, elem = plan.Cell(rows.Array, "CAST(%s AS JSON[])", x), rows.Struct
	}
	if e.Limit > 0 {
		list = plan.Cell(rows.Array, fmt.Sprintf("(%%s)[1:%d]", e.Limit), list)
	}
	pos := in.Temp(append([]plan.X{list}, in.RowNumber())...)
	in.Pin(pos[1])
	y := plan.Cell(elem, "unnest(%s)", pos[0])
	if x.JSON {
		y = plan.Cell(elem, "CAST(unnest(%s) AS VARCHAR)", pos[0])
		y.JSON = true
	}
	if name != e.Field.Name {
		in.Drop(e.Field.Name)
	}
	dropInside(in, name)
	in.Set(plan.NewCol(name, y))
	in.Flush()
	return in, nil
}

// dropInside removes the columns that looked into an object or array under the name.
func dropInside(in *plan.Rel, name string) {
	for _, c := range in.Cols() {
		if len(c.Name) > len(name) && c.Name[:len(name)+1] == name+"." {
			in.Drop(c.Name)
		}
	}
}
