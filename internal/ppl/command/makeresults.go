package command

import (
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// MakeResults makes rows out of nothing: each has the time of the query.
type MakeResults struct {
	node
	Count int64
}

// makeResultsMax bounds the rows, as upstream's.
const makeResultsMax = 5000

func makeresultsSpec() Spec {
	return Spec{
		Name: "makeresults", Source: true, Syntax: "makeresults [count=N]", Doc: "Makes rows that have the time of the query as @timestamp.",
		Parse: func(p *syntax.Parser, n node) Command {
			m := &MakeResults{n, 1}
			if p.AcceptOption("count") {
				at := p.Peek().Span()
				if m.Count = max(p.Int("how many rows"), 0); m.Count > makeResultsMax {
					p.Fail(at, "makeresults makes at most %d rows", makeResultsMax)
				}
			}
			if p.IsOption("format", "data") {
				p.Fail(p.Peek().Span(), "makeresults with data is not supported yet")
			}
			return m
		},
	}
}

// String returns the command as PPL.
func (m *MakeResults) String() string { return fmt.Sprintf("makeresults count=%d", m.Count) }

// Compile makes the rows.
func (m *MakeResults) Compile(env *plan.Env, _ *plan.Rel) (*plan.Rel, error) {
	return env.Clock(m.Count), nil
}
