package command

import "github.com/plumbline-mcp/plumbline/internal/ppl/syntax"

func rareSpec() Spec {
	return Spec{
		Name: "rare", Syntax: "rare [N] [countfield=NAME] [showcount=BOOL] [usenull=BOOL] FIELD[, ..] [by FIELD[, ..]]",
		Doc:   "The N least frequent values of the fields, 10 unless told, with their count.",
		Parse: func(p *syntax.Parser, n node) Command { return parseTop(p, n, true) },
	}
}
