package command

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// MultiSearch puts the rows of several sub-searches together, the newest first where all have the time.
type MultiSearch struct {
	node
	Subs []syntax.Pipeline
	// Union keeps the order of the branches and may stand behind other commands.
	Union bool
	Max   int64
}

func multisearchSpec() Spec {
	return Spec{
		Name: "multisearch", Source: true, Syntax: "multisearch [SUB-SEARCH] [SUB-SEARCH] ..",
		Doc: "Puts the rows of two or more sub-searches together, columns matched by name, the newest first where all have @timestamp.",
		Parse: func(p *syntax.Parser, n node) Command {
			m := &MultiSearch{node: n}
			m.parse(p)
			if len(m.Subs) < 2 {
				p.Fail(n.at, "Multisearch command requires at least two subsearches. Provided: %d", len(m.Subs))
			}
			return m
		},
	}
}

func (m *MultiSearch) parse(p *syntax.Parser) {
	for p.Is("[") {
		m.Subs = append(m.Subs, p.Sub())
		p.Accept(",")
	}
}

// String returns the command as PPL.
func (m *MultiSearch) String() string {
	name := map[bool]string{false: "multisearch", true: "union"}[m.Union]
	parts := make([]string, len(m.Subs))
	for i, s := range m.Subs {
		parts[i] = " [" + s.String() + "]"
	}
	return name + strings.Join(parts, "")
}

// Compile makes the union.
func (m *MultiSearch) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	var rels []*plan.Rel
	if in != nil {
		rels = append(rels, in)
	}
	timed := !m.Union
	for _, s := range m.Subs {
		r, err := env.Compile(env, s, nil)
		if err != nil {
			return nil, err
		}
		r.CutFirst(env.Options.SubsearchLimit)
		c := r.Col("@timestamp")
		timed = timed && c != nil && c.Type == rows.Timestamp
		rels = append(rels, r)
	}
	out, err := env.Union(m.at, rels...)
	if err != nil || !timed {
		return out, err
	}
	out.Sort([]plan.Key{{X: out.Col("@timestamp").X(), Desc: true, NullsLast: true}})
	return out, nil
}
