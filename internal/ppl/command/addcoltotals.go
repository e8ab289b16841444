package command

import "github.com/plumbline-mcp/plumbline/internal/ppl/syntax"

func addcoltotalsSpec() Spec {
	return Spec{
		Name: "addcoltotals", Syntax: "addcoltotals [FIELD[, ..]] [label=TEXT] [labelfield=NAME]", Doc: "Adds the sum of each column of numbers as a row.",
		Parse: func(p *syntax.Parser, n node) Command { return parseTotals(p, n, true) },
	}
}
