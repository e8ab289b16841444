package command

import (
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Reverse turns the order of the rows around.
type Reverse struct{ node }

func reverseSpec() Spec {
	return Spec{
		Name: "reverse", Syntax: "reverse", Doc: "Turns the order of the rows around.",
		Parse: func(_ *syntax.Parser, n node) Command { return &Reverse{n} },
	}
}

// String returns the command as PPL.
func (r *Reverse) String() string { return "reverse" }

// Compile turns every key of the order around.
func (r *Reverse) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := r.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	keys := make([]plan.Key, 0, len(in.Order()))
	for _, k := range in.Order() {
		k.Desc, k.NullsLast = !k.Desc, !k.NullsLast
		keys = append(keys, k)
	}
	in.Sort(keys)
	return in, nil
}
