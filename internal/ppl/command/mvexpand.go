package command

import "github.com/plumbline-mcp/plumbline/internal/ppl/syntax"

func mvexpandSpec() Spec {
	return Spec{
		Name: "mvexpand", Syntax: "mvexpand FIELD [limit=N]", Doc: "Makes a row of each of the first N elements of an array; other values stay as they are.",
		Parse: func(p *syntax.Parser, n node) Command { return parseExpand(p, n, true) },
	}
}
