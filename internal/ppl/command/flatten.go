package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Flatten makes columns of the members of an object.
type Flatten struct {
	node
	Field *syntax.Field
	Names []string
}

func flattenSpec() Spec {
	return Spec{
		Name: "flatten", Syntax: "flatten FIELD [as (NAME, ..)]", Doc: "Makes columns of the members of an object, in the order of their names.",
		Parse: func(p *syntax.Parser, n node) Command {
			f := &Flatten{node: n, Field: p.Field()}
			if !p.AcceptWord("as") {
				return f
			}
			open := p.Accept("(")
			for {
				f.Names = append(f.Names, p.Field().Name)
				if !p.Accept(",") {
					break
				}
			}
			if open {
				p.Expect(")")
			}
			return f
		},
	}
}

// String returns the command as PPL.
func (f *Flatten) String() string {
	out := "flatten " + syntax.Name(f.Field.Name)
	if len(f.Names) > 0 {
		parts := make([]string, len(f.Names))
		for i, n := range f.Names {
			parts[i] = syntax.Name(n)
		}
		out += " as (" + strings.Join(parts, ", ") + ")"
	}
	return out
}

// Compile adds a column for each member directly inside the object.
func (f *Flatten) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := f.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	prefix := f.Field.Name + "."
	var members []string
	for _, c := range in.Cols() {
		if rest, ok := strings.CutPrefix(c.Name, prefix); ok && !twin(in, f.Field.Name) {
			first, _, _ := strings.Cut(rest, ".")
			if !slices.Contains(members, first) {
				members = append(members, first)
			}
		}
	}
	slices.Sort(members)
	if len(members) == 0 {
		if !in.Has(f.Field.Name) {
			return nil, in.Unknown(f.Field)
		}
		return nil, syntax.Errorf(f.Field.At, "flatten needs an object whose members are known, %s is none", f.Field.Name).
			WithHint("Use spath to read members out of JSON text.")
	}
	if len(f.Names) > 0 && len(f.Names) != len(members) {
		full := make([]string, len(members))
		for i, m := range members {
			full[i] = prefix + m
		}
		return nil, syntax.Errorf(f.at, "The number of aliases has to match the number of flattened fields. Expected %d (%s), got %d (%s)",
			len(members), strings.Join(full, ", "), len(f.Names), strings.Join(f.Names, ", "))
	}
	return in, f.add(in, members)
}

// twin reports whether the field is a plain text, whose only "member" is its hidden keyword twin.
func twin(in *plan.Rel, name string) bool {
	c := in.Col(name)
	return c != nil && c.Type == rows.String
}

func (f *Flatten) add(in *plan.Rel, members []string) error {
	cols := make([]*plan.Col, len(members))
	for i, m := range members {
		fl := &syntax.Field{Node: f.Field.Node, Name: fmt.Sprintf("%s.%s", f.Field.Name, m)}
		x, err := in.Field(fl)
		if err != nil {
			return err
		}
		name := m
		if len(f.Names) > 0 {
			name = f.Names[i]
		}
		cols[i] = plan.NewCol(name, x)
	}
	for _, c := range cols {
		in.Set(c)
	}
	return nil
}
