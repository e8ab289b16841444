package command

import (
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Append puts the rows of a sub-search behind the rows so far.
type Append struct {
	node
	Sub syntax.Pipeline
}

func appendSpec() Spec {
	return Spec{
		Name: "append", Syntax: "append [SUB-SEARCH]", Doc: "Puts the rows of a sub-search behind the rows so far, columns matched by name.",
		Parse: func(p *syntax.Parser, n node) Command { return &Append{n, p.Sub()} },
	}
}

// String returns the command as PPL.
func (a *Append) String() string { return "append [" + a.Sub.String() + "]" }

// Compile makes a union.
func (a *Append) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := a.needSource(in); err != nil {
		return nil, err
	}
	more, err := env.Compile(env, a.Sub, nil)
	if err != nil {
		return nil, err
	}
	more.CutFirst(env.Options.SubsearchLimit)
	return env.Union(a.at, in, more)
}
