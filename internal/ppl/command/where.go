package command

import (
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Where keeps the rows for which a condition is true.
type Where struct {
	node
	Cond syntax.Expr
}

func whereSpec() Spec {
	return Spec{
		Name: "where", Syntax: "where CONDITION", Doc: "Keeps the rows for which the condition is true.",
		Parse: func(p *syntax.Parser, n node) Command { return &Where{n, p.Expr()} },
	}
}

// String returns the command as PPL.
func (w *Where) String() string { return "where " + syntax.Print(w.Cond) }

// Compile adds the condition to the SELECT.
func (w *Where) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := w.needSource(in); err != nil {
		return nil, err
	}
	return in, in.Filter(w.Cond)
}
