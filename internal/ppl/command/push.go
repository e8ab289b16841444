package command

import (
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Terms keeps what matches the terms of a search: what is left of one whose index an engine has read.
type Terms struct {
	node
	X syntax.Search
}

// NewTerms returns the terms of a search as a command of their own.
func NewTerms(s *Search) *Terms { return &Terms{node: s.node, X: s.Terms} }

// String returns the terms as PPL writes them.
func (t *Terms) String() string { return syntax.PrintSearch(t.X) }

// Compile adds the condition of the terms to the SELECT.
func (t *Terms) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := t.needSource(in); err != nil {
		return nil, err
	}
	return in, in.Search(t.X)
}

// NewWhere returns a condition as a command that stands where another one stood.
func NewWhere(at Command, cond syntax.Expr) *Where { return &Where{node{at.Span()}, cond} }
