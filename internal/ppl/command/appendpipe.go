package command

import (
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// AppendPipe runs commands over the rows so far and puts what they give behind them.
type AppendPipe struct {
	node
	Sub syntax.Pipeline
}

func appendpipeSpec() Spec {
	return Spec{
		Name: "appendpipe", Syntax: "appendpipe [COMMANDS]", Doc: "Runs commands over the rows so far and puts what they give behind them.",
		Parse: func(p *syntax.Parser, n node) Command { return &AppendPipe{n, p.Sub()} },
	}
}

// String returns the command as PPL.
func (a *AppendPipe) String() string { return "appendpipe [" + a.Sub.String() + "]" }

// Compile makes a union of the rows with themselves, one side piped on.
func (a *AppendPipe) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := a.needSource(in); err != nil {
		return nil, err
	}
	twin := in.Fork()
	more, err := env.Compile(env, a.Sub, twin)
	if err != nil {
		return nil, err
	}
	return env.Union(a.at, in, more)
}
