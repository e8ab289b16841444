package command

import (
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Regex keeps the rows in which a field matches a Java regular expression somewhere, or does not.
type Regex struct {
	node
	Field     *syntax.Field
	Pattern   string
	PatternAt syntax.Span
	Neg       bool
}

func regexSpec() Spec {
	return Spec{
		Name: "regex", Syntax: "regex FIELD=|!='REGEX'", Doc: "Keeps the rows in which the field matches the regular expression somewhere, or does not.",
		Parse: func(p *syntax.Parser, n node) Command {
			r := &Regex{node: n, Field: p.Field()}
			if p.Accept("!=") {
				r.Neg = true
			} else if !p.Accept("==") {
				p.Expect("=")
			}
			r.PatternAt = p.Peek().Span()
			r.Pattern = p.Str("a regular expression")
			return r
		},
	}
}

// String returns the command as PPL.
func (r *Regex) String() string {
	op := "="
	if r.Neg {
		op = "!="
	}
	return "regex " + syntax.Name(r.Field.Name) + op + syntax.Quote(r.Pattern)
}

// Compile adds the condition.
func (r *Regex) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := r.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	in.PrepareFields(r.Field)
	x, err := in.Field(r.Field)
	if err != nil {
		return nil, err
	}
	if x.Type != rows.String {
		return nil, syntax.Errorf(r.Field.At, "Regex command requires field of string type, but got %s for field '%s'", sqlWord(x.Type), r.Field.Name)
	}
	re, err := javaRegex(r.Pattern, r.PatternAt)
	if err != nil {
		return nil, err
	}
	cond := plan.X{Value: function.Value{SQL: re.Match(x.SQL, false), Type: rows.Boolean}, Uses: x.Uses}
	if r.Neg {
		cond.SQL = "(NOT " + cond.SQL + ")"
	}
	in.Where(cond)
	return in, nil
}

// javaRegex reads a Java regular expression of the query.
func javaRegex(pattern string, at syntax.Span) (*function.Regex, error) {
	re, err := function.ParseRegex(pattern)
	if err != nil {
		return nil, syntax.Errorf(at, "%s", err.Error())
	}
	return re, nil
}
