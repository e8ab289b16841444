package command

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Search reads an index and keeps what matches the terms.
type Search struct {
	node
	Index   string // as written; a comma list is one name
	IndexAt syntax.Span
	Alias   string
	Terms   syntax.Search // nil if there are none
	Sub     syntax.Pipeline
}

func searchSpec() Spec {
	return Spec{
		Name: "search", Source: true,
		Syntax: "[search] source=INDEX[,INDEX..] [TERMS]",
		Doc:    "Reads an index; terms are words, \"phrases\", field=value, field IN (..) with AND, OR, NOT, * and ?, earliest= and latest=.",
		Parse:  parseSearch,
	}
}

func parseSearch(p *syntax.Parser, n node) Command {
	s := &Search{node: n}
	if !p.SearchEnd() {
		s.Terms = p.Search()
	}
	if !p.AcceptOption("source", "index") {
		noSource(p, n)
		return s
	}
	if p.Is("[") {
		s.Sub = p.Sub()
	} else {
		s.Index, s.IndexAt = p.IndexName()
	}
	if p.AcceptWord("as") {
		s.Alias = p.Field().Name
	}
	if !p.SearchEnd() {
		more := p.Search()
		if s.Terms != nil {
			more = &syntax.SearchLogic{Op: syntax.And, Xs: []syntax.Search{s.Terms, more}}
		}
		s.Terms = more
	}
	if p.IsOption("source", "index") {
		p.Fail(p.Peek().Span(), "a search has one source=").WithHint("Write several indices as source=a,b.")
	}
	s.at = syntax.Span{Start: n.at.Start, End: p.LastEnd()}
	return s
}

func noSource(p *syntax.Parser, n node) {
	e := p.Fail(n.at, "the query names no source")
	switch word := strings.ToLower(p.Slice(n.at)); word {
	case "select":
		e.WithHint("This is SQL. In PPL it reads: source=INDEX | where CONDITION | fields A, B | head 10")
	case "from":
		e.WithHint("Write source=INDEX instead of from INDEX.")
	default:
		e.WithHint("Begin with source=INDEX, then commands after |.")
	}
}

// String returns the search as PPL.
func (s *Search) String() string {
	out := "source=" + indexName(s.Index)
	if s.Sub != nil {
		out = "source=[" + s.Sub.String() + "]"
	}
	if s.Alias != "" {
		out += " as " + syntax.Name(s.Alias)
	}
	if s.Terms != nil {
		out += " " + syntax.PrintSearch(s.Terms)
	}
	return out
}

// indexName prints an index name, in backticks where it is not plain.
func indexName(name string) string {
	plain := name != ""
	for _, r := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.*", r) {
			plain = false
		}
	}
	if plain && name[0] != '-' {
		return name
	}
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

// Compile scans the index.
func (s *Search) Compile(env *plan.Env, _ *plan.Rel) (*plan.Rel, error) {
	var r *plan.Rel
	var err error
	if s.Sub != nil {
		r, err = env.Compile(env, s.Sub, nil)
	} else {
		r, err = env.Scan(s.Index, s.IndexAt)
	}
	if err != nil {
		return nil, err
	}
	if s.Alias != "" {
		r.Source = s.Alias
	}
	if s.Terms != nil {
		err = r.Search(s.Terms)
	}
	return r, err
}
