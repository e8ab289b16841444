package command

import (
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Head keeps the first rows.
type Head struct {
	node
	N, From int64
}

// headDefault is how many rows head keeps when it is not told.
const headDefault = 10

func headSpec() Spec {
	return Spec{
		Name: "head", Syntax: "head [N] [from OFFSET]", Doc: "Keeps the first N rows, 10 unless told.",
		Parse: func(p *syntax.Parser, n node) Command {
			h := &Head{node: n, N: headDefault}
			p.AcceptOption("limit")
			if k := p.Peek().Kind; k == syntax.Number || p.Is("-") {
				h.N = count(p, "how many rows to keep")
			}
			if p.AcceptWord("from") {
				h.From = count(p, "how many rows to skip")
			}
			return h
		},
	}
}

// count reads a whole number that is not negative.
func count(p *syntax.Parser, what string) int64 {
	t := p.Peek()
	n := p.Int(what)
	if n < 0 {
		p.Fail(t.Span(), "%s cannot be negative", what)
	}
	return n
}

// String returns the command as PPL.
func (h *Head) String() string {
	if h.From > 0 {
		return fmt.Sprintf("head %d from %d", h.N, h.From)
	}
	return fmt.Sprintf("head %d", h.N)
}

// Compile limits the SELECT.
func (h *Head) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := h.needSource(in); err != nil {
		return nil, err
	}
	in.Limit(h.N, h.From)
	return in, nil
}
