package command

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// FillNull puts values in the place of nulls.
type FillNull struct {
	node
	Using  []Assign // using a=.., b=..
	Value  syntax.Expr
	Fields []*syntax.Field // none = all
}

func fillnullSpec() Spec {
	return Spec{
		Name: "fillnull", Syntax: "fillnull with VALUE [in FIELD[, ..]] | fillnull using FIELD=VALUE[, ..] | fillnull value=VALUE [FIELD ..]",
		Doc: "Puts values in the place of nulls.", Parse: parseFillNull,
	}
}

func parseFillNull(p *syntax.Parser, n node) Command {
	f := &FillNull{node: n}
	switch {
	case p.AcceptWord("using"):
		f.Using = assigns(p)
	case p.AcceptOption("value"):
		f.Value = p.Value()
		for p.IsName() {
			f.Fields = append(f.Fields, p.Field())
			p.Accept(",")
		}
	default:
		p.ExpectWord("with")
		f.Value = p.Value()
		if p.AcceptWord("in") {
			f.Fields = p.Fields()
		}
	}
	return f
}

// String returns the command as PPL.
func (f *FillNull) String() string {
	if f.Using != nil {
		parts := make([]string, len(f.Using))
		for i, a := range f.Using {
			parts[i] = syntax.Name(a.Field.Name) + " = " + syntax.Print(a.X)
		}
		return "fillnull using " + strings.Join(parts, ", ")
	}
	out := "fillnull with " + syntax.Print(f.Value)
	if len(f.Fields) > 0 {
		out += " in " + names(f.Fields)
	}
	return out
}

// Compile replaces the columns where they stand.
func (f *FillNull) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := f.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	sets := f.Using
	fields := f.Fields
	if sets == nil && len(fields) == 0 {
		for _, c := range in.Cols() {
			if !c.Hidden {
				fields = append(fields, &syntax.Field{Node: syntax.Node{At: f.at}, Name: c.Name})
			}
		}
	}
	for _, fl := range fields {
		sets = append(sets, Assign{fl, f.Value})
	}
	in.PrepareFields(fields...)
	for _, a := range sets {
		in.Prepare(a.X, a.Field)
	}
	var cols []*plan.Col
	for _, a := range sets {
		c, err := fillColumn(in, a)
		if err != nil {
			return nil, err
		}
		cols = append(cols, c)
	}
	for _, c := range cols {
		in.Put(c)
	}
	return in, nil
}

func fillColumn(in *plan.Rel, a Assign) (*plan.Col, error) {
	x, err := in.Field(a.Field)
	if err != nil {
		return nil, err
	}
	v, err := in.Compile(a.X)
	if err != nil {
		return nil, err
	}
	t, ok := function.Common(x.Type, v.Type)
	if textual := x.Type == rows.String; !ok || textual != (v.Type == rows.String) {
		return nil, syntax.Errorf(a.X.Span(),
			"fillnull failed: replacement value type %s is not compatible with field '%s' (type: %s). The replacement value type must match the field type.",
			sqlWord(v.Type), a.Field.Name, sqlWord(x.Type))
	}
	y := plan.Cell(t, "coalesce(%s, %s)", x, v)
	y.Nanos = x.Nanos
	return plan.NewCol(a.Field.Name, y), nil
}

// sqlWord names a type as upstream's messages do.
func sqlWord(t rows.Type) string {
	switch t {
	case rows.String:
		return "VARCHAR"
	case rows.Int:
		return "INTEGER"
	default:
		return strings.ToUpper(string(t))
	}
}
