package command

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Rex takes the named groups of a regular expression found in a field, or edits the field as sed does.
type Rex struct {
	node
	Field     *syntax.Field
	Sed       bool
	Pattern   string
	PatternAt syntax.Span
	MaxMatch  int64
	Offset    string
}

// rexMaxMatch is plugins.ppl.rex.max_match.limit: the most matches kept of one value.
const rexMaxMatch = 10

func rexSpec() Spec {
	return Spec{
		Name: "rex", Syntax: "rex field=FIELD [mode=extract|sed] 'REGEX' [max_match=N] [offset_field=NAME]",
		Doc:   "Takes the named groups of the first match of a regular expression, null where there is none; mode=sed edits with s/re/with/g or y/abc/xyz/.",
		Parse: parseRex,
	}
}

func parseRex(p *syntax.Parser, n node) Command {
	r := &Rex{node: n, MaxMatch: 1}
	r.options(p)
	if r.Field == nil && p.IsName() {
		r.Field = p.Field()
		r.options(p)
	}
	r.PatternAt = p.Peek().Span()
	r.Pattern = p.Str("a regular expression")
	r.options(p)
	if r.Field == nil {
		p.Fail(n.at, "rex needs field=FIELD")
	}
	return r
}

func (r *Rex) options(p *syntax.Parser) {
	for {
		switch {
		case p.AcceptOption("field"):
			r.Field = p.Field()
		case p.AcceptOption("mode"):
			at := p.Peek().Span()
			switch m := strings.ToLower(p.Word("extract or sed")); m {
			case "sed":
				r.Sed = true
			case "extract":
			default:
				p.Fail(at, "mode is extract or sed, not %s", m)
			}
		case p.AcceptOption("max_match"):
			at := p.Peek().Span()
			r.MaxMatch = count(p, "max_match")
			if r.MaxMatch > rexMaxMatch {
				p.Fail(at, "Rex command max_match value (%d) exceeds the configured limit (%d). Consider using a smaller max_match value or adjust the plugins.ppl.rex.max_match.limit setting.", r.MaxMatch, rexMaxMatch)
			}
		case p.AcceptOption("offset_field"):
			r.Offset = p.Field().Name
		default:
			return
		}
	}
}

// String returns the command as PPL.
func (r *Rex) String() string {
	out := "rex field=" + syntax.Name(r.Field.Name)
	if r.Sed {
		out += " mode=sed"
	}
	out += " " + syntax.Quote(r.Pattern)
	if r.MaxMatch != 1 {
		out += fmt.Sprintf(" max_match=%d", r.MaxMatch)
	}
	if r.Offset != "" {
		out += " offset_field=" + syntax.Name(r.Offset)
	}
	return out
}

// Compile adds the groups as columns, or replaces the field.
func (r *Rex) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := r.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	in.PrepareFields(r.Field)
	x, err := in.Field(r.Field)
	if err != nil {
		return nil, err
	}
	x = text(x)
	if r.Sed {
		return in, r.sed(in, x)
	}
	return in, r.groups(in, x)
}

func (r *Rex) groups(in *plan.Rel, x plan.X) error {
	re, err := javaRegex(r.Pattern, r.PatternAt)
	if err != nil {
		return err
	}
	var cols []*plan.Col
	for i, name := range re.Groups() {
		if name == "" {
			continue
		}
		v := function.Value{SQL: re.Extract(x.SQL, i, false), Type: rows.String}
		if r.MaxMatch != 1 {
			n := int(r.MaxMatch)
			if n == 0 {
				n = rexMaxMatch
			}
			v = function.Value{SQL: "nullif(" + re.ExtractAll(x.SQL, i, n) + ", [])", Type: rows.Array, Elem: rows.String}
		}
		cols = append(cols, plan.NewCol(name, plan.X{Value: v, Uses: x.Uses}))
	}
	if len(cols) == 0 {
		return syntax.Errorf(r.PatternAt, "Rex pattern must contain at least one named capture group").
			WithHint("Name a group: (?<name>...).")
	}
	if r.Offset != "" {
		v := function.Value{SQL: re.Offsets(x.SQL), Type: rows.String}
		cols = append(cols, plan.NewCol(r.Offset, plan.X{Value: v, Uses: x.Uses}))
	}
	for _, c := range cols {
		in.Set(c)
	}
	return nil
}

// sed compiles s/re/with/flags and y/abc/xyz/.
func (r *Rex) sed(in *plan.Rel, x plan.X) error {
	parts, ok := sedParts(r.Pattern)
	if !ok {
		return syntax.Errorf(r.PatternAt, "Invalid sed pattern: %s", r.Pattern).WithHint("Write s/regex/replacement/ with flags g or a number, or y/abc/xyz/.")
	}
	if r.Pattern[0] == 'y' {
		if len([]rune(parts[0])) != len([]rune(parts[1])) {
			return syntax.Errorf(r.PatternAt, "Invalid sed pattern: y/from/to/ needs as many characters in both")
		}
		y := plan.Cell(rows.String, "translate(%s, "+percent(function.Quote(parts[0]))+", "+percent(function.Quote(parts[1]))+")", x)
		in.Put(plan.NewCol(r.Field.Name, y))
		return nil
	}
	pattern, nth := parts[0], -1
	for _, f := range strings.ToLower(parts[2]) {
		switch f {
		case 'g':
			nth = 0
		case 'i':
			pattern = "(?i)" + pattern
		}
	}
	if n, err := strconv.Atoi(strings.Trim(parts[2], "giGI")); err == nil && n > 0 {
		nth = n
	}
	re, err := javaRegex(pattern, r.PatternAt)
	if err != nil {
		return err
	}
	v := function.Value{SQL: re.Replace(x.SQL, parts[1], nth), Type: rows.String}
	in.Put(plan.NewCol(r.Field.Name, plan.X{Value: v, Uses: x.Uses}))
	return nil
}

// sedParts splits s/a/b/flags at its delimiter, which a backslash hides.
func sedParts(s string) ([]string, bool) {
	if len(s) < 4 || s[0] != 's' && s[0] != 'y' {
		return nil, false
	}
	delim := s[1]
	parts := []string{""}
	for i := 2; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == delim:
			i++
			parts[len(parts)-1] += string(delim)
		case s[i] == '\\' && i+1 < len(s):
			parts[len(parts)-1] += s[i : i+2]
			i++
		case s[i] == delim:
			parts = append(parts, "")
		default:
			parts[len(parts)-1] += string(s[i])
		}
	}
	return parts, len(parts) == 3
}

// percent makes SQL safe for a format string.
func percent(s string) string { return strings.ReplaceAll(s, "%", "%%") }
