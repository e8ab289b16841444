package command

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Eval computes columns, left to right; later ones see earlier ones.
type Eval struct {
	node
	Sets []Assign
}

// Assign is name = expression.
type Assign struct {
	Field *syntax.Field
	X     syntax.Expr
}

func evalSpec() Spec {
	return Spec{
		Name: "eval", Syntax: "eval FIELD=EXPRESSION[, ..]", Doc: "Computes columns; later ones see earlier ones.",
		Parse: func(p *syntax.Parser, n node) Command { return &Eval{n, assigns(p)} },
	}
}

func assigns(p *syntax.Parser) []Assign {
	var as []Assign
	for {
		a := Assign{Field: p.Field()}
		p.Expect("=")
		a.X = p.Expr()
		as = append(as, a)
		if !p.Accept(",") {
			return as
		}
	}
}

// String returns the command as PPL.
func (e *Eval) String() string {
	parts := make([]string, len(e.Sets))
	for i, a := range e.Sets {
		parts[i] = syntax.Name(a.Field.Name) + " = " + syntax.Print(a.X)
	}
	return "eval " + strings.Join(parts, ", ")
}

// Compile adds the columns.
func (e *Eval) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := e.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	for _, a := range e.Sets {
		if err := metadata(a.Field); err != nil {
			return nil, err
		}
		in.Prepare(a.X)
		x, err := in.Compile(a.X)
		if err != nil {
			return nil, err
		}
		if x.Lambda != nil {
			return nil, syntax.Errorf(a.X.Span(), "a lambda can only be an argument of a function")
		}
		in.Set(plan.NewCol(a.Field.Name, x))
	}
	return in, nil
}

// metadata refuses the names of an index's own fields.
func metadata(f *syntax.Field) error {
	switch f.Name {
	case "_id", "_index", "_score", "_maxscore", "_sort", "_routing":
		return syntax.Errorf(f.At, "Cannot use metadata field [%s] as the eval field.", f.Name)
	}
	return nil
}
