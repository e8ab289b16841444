package command

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Replace replaces texts in fields; * stands for any characters, which the replacement may keep.
type Replace struct {
	node
	Pairs  []Replacing
	Fields []*syntax.Field
}

// Replacing is pattern with replacement.
type Replacing struct {
	From, To string
	At       syntax.Span
}

func replaceSpec() Spec {
	return Spec{
		Name: "replace", Syntax: "replace 'TEXT' with 'TEXT'[, ..] in FIELD[, ..]",
		Doc: "Replaces texts in fields; a pattern with * must match the whole value.",
		Parse: func(p *syntax.Parser, n node) Command {
			r := &Replace{node: n}
			for {
				at := p.Peek().Span()
				from := p.Str("a text")
				p.ExpectWord("with")
				to := p.Str("a text")
				r.Pairs = append(r.Pairs, Replacing{from, to, at})
				if !p.Accept(",") {
					break
				}
			}
			p.ExpectWord("in")
			r.Fields = p.Fields()
			return r
		},
	}
}

// String returns the command as PPL.
func (r *Replace) String() string {
	parts := make([]string, len(r.Pairs))
	for i, p := range r.Pairs {
		parts[i] = syntax.Quote(p.From) + " with " + syntax.Quote(p.To)
	}
	return "replace " + strings.Join(parts, ", ") + " in " + names(r.Fields)
}

// Compile replaces the columns where they stand.
func (r *Replace) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := r.needSource(in); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, f := range r.Fields {
		if seen[f.Name] {
			return nil, syntax.Errorf(f.At, "Duplicate fields [%s] in Replace command", f.Name)
		}
		seen[f.Name] = true
	}
	in.Settle()
	in.PrepareFields(r.Fields...)
	for _, f := range r.Fields {
		x, err := in.Field(f)
		if err != nil {
			return nil, err
		}
		x = text(x)
		for _, p := range r.Pairs {
			if x, err = p.apply(x); err != nil {
				return nil, err
			}
		}
		in.Put(plan.NewCol(f.Name, x))
	}
	return in, nil
}

func (p Replacing) apply(x plan.X) (plan.X, error) {
	from, stars := wildText(p.From)
	to, keeps := wildText(p.To)
	if keeps > 0 && keeps != stars {
		return x, syntax.Errorf(p.At, "Error in 'replace' command: Wildcard count mismatch - pattern has %d wildcard(s), replacement has %d. Replacement must have same number of wildcards or none.", stars, keeps)
	}
	if stars == 0 {
		return plan.Cell(rows.String, "replace(%s, "+percent(function.Quote(strings.Join(from, "")))+", "+percent(function.Quote(strings.Join(to, "")))+")", x), nil
	}
	var re, with strings.Builder
	for i, part := range from {
		if i > 0 {
			re.WriteString(map[bool]string{true: "(.*)", false: "(.*?)"}[i == len(from)-1])
		}
		re.WriteString(regexp.QuoteMeta(part))
	}
	for i, part := range to {
		if i > 0 {
			fmt.Fprintf(&with, `\%d`, i)
		}
		with.WriteString(strings.ReplaceAll(part, `\`, `\\`))
	}
	pattern := percent(function.Quote("(?s)^" + re.String() + "$"))
	return plan.Cell(rows.String, "regexp_replace(%s, "+pattern+", "+percent(function.Quote(with.String()))+")", x), nil
}

// wildText splits a text at its stars; \* and \\ stand for the characters themselves.
func wildText(s string) (parts []string, stars int) {
	parts = []string{""}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '*' || s[i+1] == '\\'):
			i++
			parts[len(parts)-1] += string(s[i])
		case s[i] == '*':
			parts = append(parts, "")
		default:
			parts[len(parts)-1] += string(s[i])
		}
	}
	return parts, len(parts) - 1
}
