package command

import (
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Show lists the data sources: on files there is one, the files.
type Show struct{ node }

func showSpec() Spec {
	return Spec{
		Name: "show", Source: true, Syntax: "show datasources", Doc: "Lists the data sources; on files there is the one that is queried.",
		Parse: func(p *syntax.Parser, n node) Command {
			p.ExpectWord("datasources")
			return &Show{n}
		},
	}
}

// String returns the command as PPL.
func (*Show) String() string { return "show datasources" }

// Compile makes a table of constants.
func (*Show) Compile(env *plan.Env, _ *plan.Rel) (*plan.Rel, error) {
	return env.Values([]string{"DATASOURCE_NAME", "CONNECTOR_TYPE"}, [][]any{{"local", "FILES"}}), nil
}
