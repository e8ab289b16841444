package command

import "github.com/plumbline-mcp/plumbline/internal/ppl/syntax"

func unionSpec() Spec {
	return Spec{
		Name: "union", Source: true, Syntax: "union [SUB-SEARCH] [SUB-SEARCH] .. | union INDEX, INDEX",
		Doc: "Puts the rows of sub-searches or indices one behind the other, columns matched by name.",
		Parse: func(p *syntax.Parser, n node) Command {
			m := &MultiSearch{node: n, Union: true}
			for p.IsOption("maxout") {
				p.AcceptOption("maxout")
				m.Max = count(p, "maxout")
			}
			for p.Is("[") || p.IsName() {
				if p.Is("[") {
					m.Subs = append(m.Subs, p.Sub())
				} else {
					at := p.Peek().Span()
					f := p.WildField()
					m.Subs = append(m.Subs, &Pipeline{Commands: []Command{&Search{node: node{at}, Index: f.Name, IndexAt: at}}, at: at})
				}
				p.Accept(",")
			}
			if len(m.Subs) == 0 {
				p.FailExpect("a sub-search in brackets")
			}
			return m
		},
	}
}
