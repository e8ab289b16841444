package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Join joins the rows with those of another index or a sub-search.
type Join struct {
	node
	Kind      string // inner, left, right, full, cross, semi, anti
	LeftName  string
	RightName string
	Cond      syntax.Expr     // on ...; nil when Fields are given
	Fields    []*syntax.Field // fields that must be equal
	KeepLeft  bool            // overwrite=false: of fields in both the left one stays
	Max       int64           // rows of the right side for each key, 0 = all
	Right     syntax.Pipeline
}

func joinSpec() Spec {
	return Spec{
		Name: "join", Aliases: []string{"inner", "left", "right", "full", "outer", "cross", "semi", "anti"},
		Syntax: "[inner|left|right|full|cross|left semi|left anti] join [left=NAME] [right=NAME] [type=KIND] [max=N] [overwrite=BOOL] on CONDITION|FIELDS INDEX|[SUB-SEARCH]",
		Doc:    "Joins the rows with those of another index or a sub-search, by a condition or by fields of equal name.",
		Parse:  parseJoin,
	}
}

func parseJoin(p *syntax.Parser, n node) Command {
	j := &Join{node: n, Kind: "inner"}
	j.kinds(p, strings.ToLower(p.Slice(n.at)))
	for j.option(p) {
		p.Accept(",")
	}
	if p.AcceptWord("on", "where") {
		j.condition(p)
	} else if !p.Is("[") {
		j.criteria(p)
	}
	j.right(p)
	if j.Cond == nil && len(j.Fields) == 0 && j.Kind != "cross" {
		p.Fail(n.at, "join needs a condition").WithHint("Write: join left=l right=r on l.a = r.b INDEX, or: join FIELD INDEX.")
	}
	return j
}

// condition reads what follows on: a condition, or fields that must be equal.
func (j *Join) condition(p *syntax.Parser) {
	j.Cond = p.Expr()
	f, ok := j.Cond.(*syntax.Field)
	if !ok {
		return
	}
	j.Cond, j.Fields = nil, []*syntax.Field{f}
	for p.Accept(",") {
		j.Fields = append(j.Fields, p.Field())
	}
}

// kinds reads the words before and with join; the first one was passed.
func (j *Join) kinds(p *syntax.Parser, word string) {
	for word != "join" {
		switch word {
		case "outer":
		case "inner", "left", "right", "full", "cross", "semi", "anti":
			j.Kind = word
		default:
			p.FailExpect("join")
			return
		}
		if p.AtEnd() {
			p.FailExpect("join")
			return
		}
		word = strings.ToLower(p.Text(p.Next()))
	}
}

func (j *Join) option(p *syntax.Parser) bool {
	switch {
	case p.AcceptOption("left"):
		j.LeftName = p.Field().Name
	case p.AcceptOption("right"):
		j.RightName = p.Field().Name
	case p.AcceptOption("type"):
		at := p.Peek().Span()
		if j.Kind = strings.ToLower(p.Word("a kind of join")); j.Kind == "outer" {
			j.Kind = "left"
		}
		if !slices.Contains([]string{"inner", "left", "right", "full", "cross", "semi", "anti"}, j.Kind) {
			p.Fail(at, "type is inner, left, right, full, cross, semi or anti, not %s", j.Kind)
		}
	case p.AcceptOption("overwrite"):
		j.KeepLeft = !p.Bool("overwrite")
	case p.AcceptOption("max"):
		j.Max = count(p, "max")
	default:
		return false
	}
	return true
}

// criteria reads the fields that must be equal: all names but the last, which is the index, unless a sub-search follows.
func (j *Join) criteria(p *syntax.Parser) {
	for p.IsName() {
		start := p.Mark()
		f := p.Field()
		if !p.Is(",") && !p.Is("[") && !p.IsName() {
			p.Reset(start)
			return
		}
		j.Fields = append(j.Fields, f)
		p.Accept(",")
	}
}

func (j *Join) right(p *syntax.Parser) {
	if p.Is("[") {
		j.Right = p.Sub()
	} else {
		name, at := p.IndexName()
		j.Right = &Pipeline{Commands: []Command{&Search{node: node{at}, Index: name, IndexAt: at}}, at: at}
	}
	if p.AcceptWord("as") {
		name := p.Field().Name
		if j.RightName == "" {
			j.RightName = name
		}
	}
}

// String returns the command as PPL.
func (j *Join) String() string {
	out := "join"
	if j.LeftName != "" {
		out += " left=" + syntax.Name(j.LeftName)
	}
	if j.RightName != "" {
		out += " right=" + syntax.Name(j.RightName)
	}
	if j.Kind != "inner" {
		out += " type=" + j.Kind
	}
	if j.KeepLeft {
		out += " overwrite=false"
	}
	if j.Max > 0 {
		out += fmt.Sprintf(" max=%d", j.Max)
	}
	if j.Cond != nil {
		out += " on " + syntax.Print(j.Cond)
	} else if len(j.Fields) > 0 {
		out += " " + names(j.Fields)
	}
	return out + " [" + j.Right.String() + "]"
}

// Compile joins the stages of both sides.
func (j *Join) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := j.needSource(in); err != nil {
		return nil, err
	}
	right, err := env.Compile(env, j.Right, nil)
	if err != nil {
		return nil, err
	}
	right.CutFirst(env.Options.JoinLimit)
	if j.Max > 0 {
		if err := j.firstOfEach(right); err != nil {
			return nil, err
		}
	}
	in.Visible(j.LeftName)
	right.Visible(j.rightName(right))
	if len(j.Fields) > 0 {
		return j.byFields(env, in, right)
	}
	return j.byCondition(env, in, right)
}

func (j *Join) rightName(right *plan.Rel) string {
	if j.RightName != "" {
		return j.RightName
	}
	return right.Source
}

// firstOfEach keeps Max rows of the right side for each value of the fields.
func (j *Join) firstOfEach(right *plan.Rel) error {
	fs := j.Fields
	if len(fs) == 0 {
		return nil
	}
	right.Settle()
	right.PrepareFields(fs...)
	keys := make([]plan.X, len(fs))
	for i, f := range fs {
		x, err := right.Field(f)
		if err != nil {
			return err
		}
		keys[i] = x
	}
	n := right.Temp(right.Window("row_number()", rows.BigInt, keys, true, ""))
	right.Where(plan.Cell(rows.Boolean, fmt.Sprintf("%%s <= %d", j.Max), n[0]))
	return nil
}

func (j *Join) how() string {
	return map[string]string{
		"inner": "JOIN", "left": "LEFT JOIN", "right": "RIGHT JOIN", "full": "FULL JOIN", "cross": "CROSS JOIN",
		"semi": "SEMI JOIN", "anti": "ANTI JOIN",
	}[j.Kind]
}

func (j *Join) oneSided() bool { return j.Kind == "semi" || j.Kind == "anti" }

func (j *Join) byFields(env *plan.Env, in, right *plan.Rel) (*plan.Rel, error) {
	var pairs []plan.X
	parts := make([]string, len(j.Fields))
	for i, f := range j.Fields {
		l, err := in.Field(f)
		if err != nil {
			return nil, err
		}
		r, err := right.Field(f)
		if err != nil {
			return nil, err
		}
		v, err := plan.Compare(syntax.Eq, l.Value, r.Value, f.At)
		if err != nil {
			return nil, err
		}
		parts[i] = v.SQL
		pairs = append(pairs, l, r)
	}
	on := plan.X{}.Also(pairs...)
	on.SQL = strings.Join(parts, " AND ")
	out := env.Beside(in, right, j.how(), on)
	out.Pins(in)
	var cols []*plan.Col
	for _, c := range in.Cols() {
		if j.oneSided() || j.KeepLeft || right.Col(c.Name) == nil {
			cols = append(cols, c)
		}
	}
	for _, c := range right.Cols() {
		if !j.oneSided() && (!j.KeepLeft || in.Col(c.Name) == nil) {
			cols = append(cols, c)
		}
	}
	out.SetCols(cols)
	return out, nil
}

func (j *Join) byCondition(env *plan.Env, in, right *plan.Rel) (*plan.Rel, error) {
	cols := append([]*plan.Col(nil), in.Cols()...)
	for _, c := range right.Cols() {
		n := *c
		if in.Col(c.Name) != nil {
			n.Name = j.rightName(right) + "." + c.Name
		}
		cols = append(cols, &n)
	}
	out := env.Beside(in, right, j.how(), plan.X{})
	out.Pins(in)
	out.SetCols(cols)
	if j.Cond != nil {
		on, err := out.Condition(j.Cond)
		if err != nil {
			return nil, err
		}
		out.On(on)
	}
	if j.oneSided() {
		out.SetCols(in.Cols())
		return out, nil
	}
	if j.rightName(right) == "" { // without an alias the right one of two equal names cannot be reached
		out.SetCols(slices.DeleteFunc(cols, func(c *plan.Col) bool { return strings.HasPrefix(c.Name, ".") }))
	}
	return out, nil
}
