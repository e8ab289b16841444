package command

import (
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// ParseText takes the named groups of a regular expression that must match the whole of a field.
type ParseText struct {
	node
	X         syntax.Expr
	Pattern   string
	PatternAt syntax.Span
}

func parseSpec() Spec {
	return Spec{
		Name: "parse", Syntax: "parse FIELD 'REGEX with (?<name>..)'",
		Doc: "Takes the named groups of a regular expression that matches the whole field; where it does not they are empty.",
		Parse: func(p *syntax.Parser, n node) Command {
			c := &ParseText{node: n, X: p.Value()}
			c.PatternAt = p.Peek().Span()
			c.Pattern = p.Str("a regular expression")
			return c
		},
	}
}

// String returns the command as PPL.
func (c *ParseText) String() string {
	return "parse " + syntax.Print(c.X) + " " + syntax.Quote(c.Pattern)
}

// Compile adds a column for each named group.
func (c *ParseText) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := c.needSource(in); err != nil {
		return nil, err
	}
	re, err := javaRegex(c.Pattern, c.PatternAt)
	if err != nil {
		return nil, err
	}
	return in, extract(in, c.X, re, re.Groups(), true, "coalesce(%s, '')")
}

// extract adds a column for each named group of re in the text x; wrap puts SQL around a group's text, which is null where
// the expression does not match.
func extract(in *plan.Rel, e syntax.Expr, re *function.Regex, names []string, full bool, wrap string) error {
	in.Settle()
	in.Prepare(e)
	x, err := in.Compile(e)
	if err != nil {
		return err
	}
	x = text(x)
	var cols []*plan.Col
	for i, name := range names {
		if name == "" {
			continue
		}
		g := plan.X{Value: function.Value{SQL: re.Extract(x.SQL, i, full), Type: rows.String}, Uses: x.Uses}
		cols = append(cols, plan.NewCol(name, plan.Cell(rows.String, wrap, g)))
	}
	for _, c := range cols {
		in.Set(c)
	}
	return nil
}

// text returns x as a string.
func text(x plan.X) plan.X {
	if x.Type == rows.String {
		return x
	}
	return plan.Cell(rows.String, "CAST(%s AS VARCHAR)", x)
}
