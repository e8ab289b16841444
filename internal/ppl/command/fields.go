package command

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Fields keeps or removes columns.
type Fields struct {
	node
	Remove bool
	Names  []*syntax.Field // * stands for any characters
}

func fieldsSpec() Spec {
	return Spec{
		Name: "fields", Aliases: []string{"table"}, Syntax: "fields [+|-] FIELD[, FIELD..]",
		Doc: "Keeps the named columns in that order, or removes them with -; names may hold *.",
		Parse: func(p *syntax.Parser, n node) Command {
			f := &Fields{node: n}
			if p.Accept("-") {
				f.Remove = true
			} else {
				p.Accept("+")
			}
			f.Names = wildFields(p)
			return f
		},
	}
}

// wildFields reads names divided by commas or blanks.
func wildFields(p *syntax.Parser) []*syntax.Field {
	fs := []*syntax.Field{p.WildField()}
	for p.Accept(",") || p.IsName() || p.Is("*") {
		fs = append(fs, p.WildField())
	}
	return fs
}

// String returns the command as PPL.
func (f *Fields) String() string {
	if f.Remove {
		return "fields - " + names(f.Names)
	}
	return "fields " + names(f.Names)
}

// Compile narrows the columns.
func (f *Fields) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := f.needSource(in); err != nil {
		return nil, err
	}
	if f.Remove {
		return in, f.remove(in)
	}
	if len(f.Names) == 1 && f.Names[0].Name == "*" {
		return in, nil
	}
	in.PrepareFields(f.Names...)
	var cols []*plan.Col
	seen := map[string]bool{}
	add := func(c *plan.Col) {
		if !seen[c.Name] {
			seen[c.Name] = true
			cols = append(cols, c)
		}
	}
	for _, name := range f.Names {
		matched, err := pick(in, name)
		if err != nil {
			return nil, err
		}
		for _, c := range matched {
			add(c)
		}
	}
	in.SetCols(cols)
	in.Explicit = true
	return in, nil
}

// pick returns the columns a name or pattern stands for.
func pick(in *plan.Rel, f *syntax.Field) ([]*plan.Col, error) {
	if !strings.Contains(f.Name, "*") || in.Col(f.Name) != nil {
		if c := in.Column(f.Name); c != nil {
			n := *c
			n.Hidden = false
			return []*plan.Col{&n}, nil
		}
		x, err := in.Field(f)
		if err != nil {
			return nil, err
		}
		return []*plan.Col{plan.NewCol(f.Name, x)}, nil
	}
	var cols []*plan.Col
	for _, c := range in.Cols() {
		if !c.Hidden && plan.Wild(f.Name, c.Name) {
			cols = append(cols, c)
		}
	}
	if len(cols) == 0 {
		return nil, syntax.Errorf(f.At, "wildcard pattern [%s] matches no fields", f.Name).
			WithHint("The fields here are %s.", strings.Join(in.Names(), ", "))
	}
	return cols, nil
}

func (f *Fields) remove(in *plan.Rel) error {
	var cols []*plan.Col
	for _, name := range f.Names {
		if !strings.Contains(name.Name, "*") && !in.Has(name.Name) {
			return in.Unknown(name)
		}
	}
	for _, c := range in.Cols() {
		keep := true
		for _, name := range f.Names {
			if plan.Wild(name.Name, c.Name) || strings.HasPrefix(c.Name, name.Name+".") {
				keep = false
			}
		}
		if keep {
			cols = append(cols, c)
		}
	}
	in.SetCols(cols)
	return nil
}
