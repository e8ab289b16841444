package command

import "github.com/plumbline-mcp/plumbline/internal/ppl/syntax"

// FieldFormat sets how a field is shown; as upstream's it computes the field like eval.
type FieldFormat struct{ Eval }

func fieldformatSpec() Spec {
	return Spec{
		Name: "fieldformat", Syntax: "fieldformat FIELD=EXPRESSION[, ..]", Doc: "Computes how fields are shown, as eval does.",
		Parse: func(p *syntax.Parser, n node) Command { return &FieldFormat{Eval{n, assigns(p)}} },
	}
}

// String returns the command as PPL.
func (f *FieldFormat) String() string { return "fieldformat" + f.Eval.String()[len("eval"):] }
