package command

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Patterns finds the patterns of messages and labels each with its own, or counts them.
type Patterns struct {
	node
	X         syntax.Expr
	By        []*syntax.Field
	Brain     bool
	Aggregate bool
	Samples   int64
	Numbered  bool
	Name      string
	Pattern   string
	PatternAt syntax.Span
	Variable  int64
	Frequency float64
}

const (
	// simplePattern is what simple_pattern takes for a variable.
	simplePattern = "[a-zA-Z0-9]+"
	// brainLimit bounds the different messages that brain learns from, the most frequent first: each is held in memory.
	brainLimit = 500_000
)

func patternsSpec() Spec {
	return Spec{
		Name: "patterns",
		Syntax: "patterns FIELD [by FIELD[, ..]] [method=simple_pattern|brain] [mode=label|aggregation] [max_sample_count=N] [show_numbered_token=BOOL]" +
			" [new_field=NAME] [pattern='REGEX'] [variable_count_threshold=N] [frequency_threshold_percentage=P]",
		Doc:   "Labels each message with its pattern, or counts the patterns: the variable parts are <*>.",
		Parse: parsePatterns,
	}
}

func parsePatterns(p *syntax.Parser, n node) Command {
	c := &Patterns{node: n, Samples: 10, Name: "patterns_field", Pattern: simplePattern, Variable: 5, Frequency: 0.3}
	for c.option(p) {
		continue
	}
	c.X = p.Value()
	for {
		if p.AcceptWord("by") {
			c.By = p.Fields()
			continue
		}
		if !c.option(p) {
			return c
		}
	}
}

func (c *Patterns) option(p *syntax.Parser) bool {
	at := p.PeekAt(2).Span()
	switch {
	case p.AcceptOption("method"):
		switch m := strings.ToLower(p.Word("simple_pattern or brain")); m {
		case "brain":
			c.Brain = true
		case "simple_pattern":
		default:
			p.Fail(at, "method is simple_pattern or brain, not %s", m)
		}
	case p.AcceptOption("mode"):
		switch m := strings.ToLower(p.Word("label or aggregation")); m {
		case "aggregation":
			c.Aggregate = true
		case "label":
		default:
			p.Fail(at, "mode is label or aggregation, not %s", m)
		}
	case p.AcceptOption("max_sample_count"):
		c.Samples = count(p, "max_sample_count")
	case p.AcceptOption("buffer_limit"):
		count(p, "buffer_limit")
	case p.AcceptOption("show_numbered_token"):
		c.Numbered = p.Bool("show_numbered_token")
	case p.AcceptOption("new_field"):
		c.Name = p.Word("a name")
	case p.AcceptOption("pattern"):
		c.PatternAt = at
		c.Pattern = p.Str("a regular expression")
	case p.AcceptOption("variable_count_threshold"):
		c.Variable = count(p, "variable_count_threshold")
	case p.AcceptOption("frequency_threshold_percentage"):
		if c.Frequency = p.Float("frequency_threshold_percentage"); c.Frequency < 0 || c.Frequency > 1 {
			p.Fail(at, "Threshold percentage must be between 0.0 and 1.0")
		}
	default:
		return false
	}
	return true
}

// String returns the command as PPL.
func (c *Patterns) String() string {
	var b strings.Builder
	b.WriteString("patterns " + syntax.Print(c.X))
	if len(c.By) > 0 {
		b.WriteString(" by " + names(c.By))
	}
	if c.Brain {
		b.WriteString(" method=brain")
	}
	if c.Aggregate {
		b.WriteString(" mode=aggregation")
	}
	fmt.Fprintf(&b, " max_sample_count=%d", c.Samples)
	if c.Numbered {
		b.WriteString(" show_numbered_token=true")
	}
	if c.Name != "patterns_field" {
		b.WriteString(" new_field=" + syntax.Quote(c.Name))
	}
	if c.Pattern != simplePattern {
		b.WriteString(" pattern=" + syntax.Quote(c.Pattern))
	}
	fmt.Fprintf(&b, " variable_count_threshold=%d frequency_threshold_percentage=%v", c.Variable, c.Frequency)
	return b.String()
}

// Compile labels the messages, then counts the labels in mode aggregation.
func (c *Patterns) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := c.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	in.Prepare(c.X)
	in.PrepareFields(c.By...)
	x, err := in.Compile(c.X)
	if err != nil {
		return nil, err
	}
	if x.Type != rows.String {
		return nil, syntax.Errorf(c.X.Span(), "patterns needs a text field, this one is of type %s", sqlWord(x.Type))
	}
	by := make([]plan.X, len(c.By))
	for i, f := range c.By {
		if by[i], err = in.Field(f); err != nil {
			return nil, err
		}
	}
	if c.Brain {
		in, x, by = c.brain(env, in, x, by)
	} else if err = c.simple(in, x); err != nil {
		return nil, err
	}
	if c.Aggregate {
		return c.count(in, x, by), nil
	}
	if c.Numbered {
		c.label(in, x)
	}
	return in, nil
}

// simple replaces what the expression matches.
func (c *Patterns) simple(in *plan.Rel, x plan.X) error {
	if c.Pattern == simplePattern {
		v := function.Value{SQL: "coalesce(ppl_simple_pattern(" + x.SQL + "), '')", Type: rows.String}
		in.Set(plan.NewCol(c.Name, plan.X{Value: v, Uses: x.Uses}))
		return nil
	}
	re, err := javaRegex(c.Pattern, c.PatternAt)
	if err != nil {
		return err
	}
	v := function.Value{SQL: "coalesce(" + re.Replace(x.SQL, "<*>", 0) + ", '')", Type: rows.String}
	in.Set(plan.NewCol(c.Name, plan.X{Value: v, Uses: x.Uses}))
	return nil
}

// simplePatternOf puts <*> in the place of each run of ASCII letters and digits: the standard expression, without an engine for it.
func simplePatternOf(args []any) (any, error) {
	s, _ := args[0].(string)
	out := make([]byte, 0, len(s))
	word := false
	for i := range len(s) {
		c := s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' {
			if !word {
				out = append(out, "<*>"...)
			}
			word = true
			continue
		}
		word = false
		out = append(out, c)
	}
	return string(out), nil
}

// brain learns the patterns of the different messages, weighted by how often they occur, and joins them to the rows.
func (c *Patterns) brain(env *plan.Env, in *plan.Rel, x plan.X, by []plan.X) (*plan.Rel, plan.X, []plan.X) {
	t := in.Temp(append([]plan.X{x}, by...)...)
	x, by = t[0], t[1:]
	distinct := in.Fork()
	keys := append([]plan.X{x}, by...)
	cols := make([]*plan.Col, 0, len(keys)+1)
	for i, k := range keys {
		cols = append(cols, plan.NewCol(fmt.Sprintf("k%d", i), k))
	}
	distinct.Where(plan.Cell(rows.Boolean, "%s <> ''", x))
	distinct.Group(keys, append(cols, plan.NewCol("n", plan.Cell(rows.BigInt, "count(*)"))))
	distinct.Sort([]plan.Key{{X: distinct.Col("n").X(), Desc: true, NullsLast: true}})
	distinct.Limit(brainLimit, 0)
	distinct.Flush()
	distinct.ForgetOrder()
	c.learn(distinct, len(by))
	return c.joinPatterns(env, in, distinct, x, by)
}

// learn turns (message, keys.., n) into (message, keys.., pattern): one call of the algorithm a group.
func (c *Patterns) learn(r *plan.Rel, by int) {
	m := r.Col("k0").X()
	var keys []plan.X
	var cols []*plan.Col
	for i := 1; i <= by; i++ {
		k := r.Col(fmt.Sprintf("k%d", i))
		keys, cols = append(keys, k.X()), append(cols, plan.NewCol(k.Name, k.X()))
	}
	list := plan.Cell(rows.Array, "list(%s)", m)
	call := plan.Cell(rows.Array, fmt.Sprintf("ppl_brain(list(%%s), list(%%s), %d, CAST(%v AS DOUBLE))", c.Variable, c.Frequency), m, r.Col("n").X())
	r.Group(keys, append(cols, plan.NewCol("k0", list), plan.NewCol("p", call)))
	cols = nil
	for _, col := range r.Cols() {
		y := col.X()
		if col.Type == rows.Array {
			y = plan.Cell(rows.String, "unnest(%s)", y)
		}
		cols = append(cols, plan.NewCol(col.Name, y))
	}
	r.SetCols(cols)
	r.ForgetOrder()
}

func (c *Patterns) joinPatterns(env *plan.Env, in, learnt *plan.Rel, x plan.X, by []plan.X) (*plan.Rel, plan.X, []plan.X) {
	hidden := append([]plan.X{x}, by...)
	on := make([]string, len(hidden))
	for i := range hidden {
		on[i] = "%s IS NOT DISTINCT FROM %s"
	}
	right := learnt.RefName()
	pairs := make([]plan.X, 0, 2*len(hidden))
	for i, h := range hidden {
		pairs = append(pairs, h, learnt.Col(fmt.Sprintf("k%d", i)).X())
	}
	cond := plan.Cell(rows.Boolean, strings.Join(on, " AND "), pairs...)
	in.Join("LEFT JOIN", right, cond)
	p := plan.Cell(rows.String, "coalesce(%s, '')", learnt.Col("p").X())
	in.Set(plan.NewCol(c.Name, p))
	_ = env
	return in, x, by
}

// label numbers the variables and adds what they stand for.
func (c *Patterns) label(in *plan.Rel, x plan.X) {
	p := in.Temp(in.Col(c.Name).X(), x)
	in.Put(plan.NewCol(c.Name, plan.Cell(rows.String, "ppl_pattern_number(%s)", p[0])))
	tokens := plan.Cell(rows.Struct, "ppl_pattern_tokens(%s, [%s])", p[0], p[1])
	tokens.JSON = true
	in.Set(plan.NewCol("tokens", tokens))
}

// count groups by pattern: how many messages, and the first ones as samples.
func (c *Patterns) count(in *plan.Rel, x plan.X, by []plan.X) *plan.Rel {
	t := in.Temp(append([]plan.X{in.Col(c.Name).X(), x}, by...)...)
	pos := in.PositionKeeping(t)
	p, x, by := t[0], t[1], t[2:]
	keys := append(append([]plan.X(nil), by...), p)
	var cols []*plan.Col
	for i, f := range c.By {
		cols = append(cols, plan.NewCol(f.Name, by[i]))
	}
	samples := plan.Cell(rows.Array, fmt.Sprintf("list(%%s)[1:%d]", c.Samples), x)
	if pos.SQL != "" && c.Samples > 0 {
		samples = plan.Cell(rows.Array, fmt.Sprintf("coalesce(arg_min(%%s, %%s, %d), [])", c.Samples), x, pos)
	}
	samples.Elem = rows.String
	cols = append(cols, plan.NewCol(c.Name, p), plan.NewCol("pattern_count", plan.Cell(rows.BigInt, "count(*)")), plan.NewCol("sample_logs", samples))
	in.Group(keys, cols)
	in.Sort([]plan.Key{{X: in.Col("pattern_count").X(), Desc: true, NullsLast: true}, {X: in.Col(c.Name).X()}})
	if c.Numbered {
		c.numberGroups(in)
	}
	return in
}

func (c *Patterns) numberGroups(in *plan.Rel) {
	p, s := in.Col(c.Name).X(), in.Col("sample_logs")
	tokens := plan.Cell(rows.Struct, "ppl_pattern_tokens(%s, %s)", p, s.X())
	tokens.JSON = true
	in.Put(plan.NewCol(c.Name, plan.Cell(rows.String, "ppl_pattern_number(%s)", p)))
	in.Drop("sample_logs")
	in.Set(plan.NewCol("tokens", tokens))
	in.Set(s)
}
