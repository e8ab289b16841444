package command

import (
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Sort orders the rows.
type Sort struct {
	node
	N    int64 // rows kept, 0 = all
	Keys []SortKey
}

// SortKey is one key of Sort.
type SortKey struct {
	Field *syntax.Field
	Desc  bool
	As    string // auto, str, num, ip or ""
}

func sortSpec() Spec {
	return Spec{
		Name: "sort", Syntax: "sort [N] [+|-]FIELD[ asc|desc][, ..]",
		Doc:   "Orders the rows, nulls first when ascending and last when descending; auto(), str(), num(), ip() say how to compare.",
		Parse: parseSort,
	}
}

func parseSort(p *syntax.Parser, n node) Command {
	s := &Sort{node: n}
	if p.Peek().Kind == syntax.Number {
		s.N = count(p, "how many rows to keep")
	}
	for {
		s.Keys = append(s.Keys, parseSortKey(p))
		if !p.Accept(",") {
			break
		}
	}
	return s
}

func parseSortKey(p *syntax.Parser) SortKey {
	k := SortKey{}
	sign := p.Peek()
	if p.Accept("-") {
		k.Desc = true
	} else {
		p.Accept("+")
	}
	if p.IsWord("auto", "str", "num", "ip") && p.Text(p.PeekAt(1)) == "(" {
		k.As = strings.ToLower(p.Text(p.Next()))
		p.Expect("(")
		k.Field = p.Field()
		p.Expect(")")
	} else {
		k.Field = p.Field()
	}
	if p.IsWord("asc", "desc", "a", "d") {
		if sign.Kind == syntax.Mark {
			p.Fail(p.Peek().Span(), "Cannot mix prefix (+/-) and suffix (asc/desc) sort direction syntax on one field")
		}
		k.Desc = p.IsWord("desc", "d")
		p.Next()
	}
	return k
}

// String returns the command as PPL.
func (s *Sort) String() string {
	out := "sort "
	if s.N > 0 {
		out += strconv.FormatInt(s.N, 10) + " "
	}
	parts := make([]string, len(s.Keys))
	for i, k := range s.Keys {
		parts[i] = k.String()
	}
	return out + strings.Join(parts, ", ")
}

// String returns the key as PPL.
func (k SortKey) String() string {
	name := syntax.Name(k.Field.Name)
	if k.As != "" {
		name = k.As + "(" + name + ")"
	}
	if k.Desc {
		return "- " + name
	}
	return name
}

// Compile sets the order of the relation.
func (s *Sort) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := s.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	keys, err := sortKeys(in, s.Keys)
	if err != nil {
		return nil, err
	}
	in.Sort(keys)
	if s.N > 0 {
		in.Limit(s.N, 0)
	}
	return in, nil
}

func sortKeys(in *plan.Rel, ks []SortKey) ([]plan.Key, error) {
	fs := make([]*syntax.Field, len(ks))
	for i, k := range ks {
		fs[i] = k.Field
	}
	in.PrepareFields(fs...)
	keys := make([]plan.Key, len(ks))
	for i, k := range ks {
		x, err := in.Field(k.Field)
		if err != nil {
			return nil, err
		}
		switch {
		case k.As == "str" && x.Type != rows.String:
			x = plan.Cell(rows.String, "CAST(%s AS VARCHAR)", x)
		case k.As == "num" && !x.Type.Numeric():
			x = plan.Cell(rows.Double, "TRY_CAST(%s AS DOUBLE)", x)
		}
		keys[i] = plan.Key{X: x, Desc: k.Desc, NullsLast: k.Desc}
	}
	return keys, nil
}
