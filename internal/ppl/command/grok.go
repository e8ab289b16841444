package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Grok takes the named parts of a text described by grok patterns.
type Grok struct {
	node
	X         syntax.Expr
	Pattern   string
	PatternAt syntax.Span
}

func grokSpec() Spec {
	return Spec{
		Name: "grok", Syntax: "grok FIELD '%{PATTERN:name} ..'",
		Doc: "Takes the named parts of a text described by grok patterns; where it does not match they are empty.",
		Parse: func(p *syntax.Parser, n node) Command {
			c := &Grok{node: n, X: p.Value()}
			c.PatternAt = p.Peek().Span()
			c.Pattern = p.Str("a grok pattern")
			return c
		},
	}
}

// String returns the command as PPL.
func (c *Grok) String() string {
	return "grok " + syntax.Print(c.X) + " " + syntax.Quote(c.Pattern)
}

// Compile adds a column for each named part.
func (c *Grok) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := c.needSource(in); err != nil {
		return nil, err
	}
	g := &grok{patterns: grokPatterns()}
	pattern, err := g.expand(c.Pattern, 0)
	if err != nil {
		return nil, syntax.Errorf(c.PatternAt, "%s", err.Error())
	}
	re, rerr := javaRegex(pattern, c.PatternAt)
	if rerr != nil {
		return nil, rerr
	}
	names := re.Groups()
	cols := make([]string, len(names))
	for i, n := range names {
		cols[i] = g.names[n]
	}
	return in, extract(in, c.X, re, cols, false, "coalesce(%s, '')")
}

// grok expands %{NAME:field} into groups with plain names and remembers which field each is.
type grok struct {
	patterns map[string]string
	names    map[string]string // group -> field
	size     int
}

const (
	grokDepth = 30      // patterns within patterns: deeper is a circle
	grokSize  = 1 << 16 // bytes of the expanded expression
)

func (g *grok) expand(s string, depth int) (string, error) {
	if depth > grokDepth {
		return "", errors.New("grok pattern is nested too deep")
	}
	if g.names == nil {
		g.names = map[string]string{}
	}
	var b strings.Builder
	for {
		i := strings.Index(s, "%{")
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		j := strings.IndexByte(s[i:], '}')
		if j < 0 {
			return "", errors.New("grok pattern has a %{ that is not closed")
		}
		name, field, _ := strings.Cut(s[i+2:i+j], ":")
		s = s[i+j+1:]
		body, ok := g.patterns[name]
		if !ok {
			return "", fmt.Errorf("No definition for key '%s' found, aborting", name) //nolint:staticcheck // upstream's words
		}
		inner, err := g.expand(body, depth+1)
		if err != nil {
			return "", err
		}
		field, _, _ = strings.Cut(field, ":")
		b.WriteString(g.group(name, field, inner))
		if g.size += len(inner); g.size > grokSize {
			return "", errors.New("grok pattern is too large when expanded")
		}
	}
	return b.String(), nil
}

// group wraps an expanded pattern. A part without a field is named after its pattern, as the upstream library does.
func (g *grok) group(name, field, inner string) string {
	if field == "" {
		field = name
	}
	group := fmt.Sprintf("g%d", len(g.names))
	g.names[group] = field
	return "(?<" + group + ">" + inner + ")"
}
