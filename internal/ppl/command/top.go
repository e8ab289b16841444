package command

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Top counts the combinations of fields and keeps the most frequent, or, as rare, the least frequent.
type Top struct {
	node
	Rare      bool
	N         int64
	CountName string
	ShowCount bool
	UseNull   *bool
	Fields    []*syntax.Field
	By        []*syntax.Field
}

// topDefault is how many values top and rare keep when they are not told.
const topDefault = 10

func topSpec() Spec {
	return Spec{
		Name: "top", Syntax: "top [N] [countfield=NAME] [showcount=BOOL] [usenull=BOOL] FIELD[, ..] [by FIELD[, ..]]",
		Doc:   "The N most frequent values of the fields, 10 unless told, with their count.",
		Parse: func(p *syntax.Parser, n node) Command { return parseTop(p, n, false) },
	}
}

func parseTop(p *syntax.Parser, n node, rare bool) Command {
	t := &Top{node: n, Rare: rare, N: topDefault, CountName: "count", ShowCount: true}
	t.options(p)
	if p.Peek().Kind == syntax.Number || p.Is("-") {
		t.N = count(p, "how many values to keep")
	}
	t.options(p)
	t.Fields = p.Fields()
	if p.AcceptWord("by") {
		t.By = p.Fields()
	}
	t.options(p)
	return t
}

func (t *Top) options(p *syntax.Parser) {
	for {
		switch {
		case p.AcceptOption("countfield"):
			t.CountName = p.Word("the name of the count")
		case p.AcceptOption("showcount"):
			t.ShowCount = p.Bool("showcount")
		case p.AcceptOption("usenull"):
			b := p.Bool("usenull")
			t.UseNull = &b
		case p.AcceptOption("limit"):
			t.N = count(p, "how many values to keep")
		default:
			return
		}
	}
}

// String returns the command as PPL.
func (t *Top) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", map[bool]string{false: "top", true: "rare"}[t.Rare], t.N)
	if t.CountName != "count" {
		b.WriteString(" countfield=" + syntax.Quote(t.CountName))
	}
	if !t.ShowCount {
		b.WriteString(" showcount=false")
	}
	if t.UseNull != nil {
		fmt.Fprintf(&b, " usenull=%t", *t.UseNull)
	}
	b.WriteString(" " + names(t.Fields))
	if len(t.By) > 0 {
		b.WriteString(" by " + names(t.By))
	}
	return b.String()
}

// Compile groups, counts, and keeps the first of each by-group in the order of the count.
func (t *Top) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := t.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	fields := append(append([]*syntax.Field(nil), t.By...), t.Fields...)
	in.PrepareFields(fields...)
	useNull := !env.Options.Settings.ModernSyntax
	if t.UseNull != nil {
		useNull = *t.UseNull
	}
	keys := make([]plan.X, len(fields))
	cols := make([]*plan.Col, len(fields))
	for i, f := range fields {
		x, err := in.Field(f)
		if err != nil {
			return nil, err
		}
		if !useNull {
			in.Where(plan.Cell(rows.Boolean, "%s IS NOT NULL", x))
		}
		keys[i], cols[i] = x, plan.NewCol(f.Name, x)
	}
	n := plan.NewCol(t.CountName, plan.Cell(rows.BigInt, "count(*)"))
	in.Group(keys, append(cols, n))
	t.rank(in, fields)
	if !t.ShowCount {
		in.Drop(t.CountName)
	}
	return in, nil
}

func (t *Top) rank(in *plan.Rel, fields []*syntax.Field) {
	order := []plan.Key{{X: in.Col(t.CountName).X(), Desc: !t.Rare, NullsLast: true}}
	for _, f := range fields {
		order = append(order, plan.Key{X: in.Col(f.Name).X()})
	}
	in.Sort(order)
	if len(t.By) == 0 {
		in.Limit(t.N, 0)
		return
	}
	by := make([]plan.X, len(t.By))
	for i, f := range t.By {
		by[i] = in.Col(f.Name).X()
	}
	rn := in.Temp(in.Window("row_number()", rows.BigInt, by, true, ""))
	in.Where(plan.Cell(rows.Boolean, fmt.Sprintf("%%s <= %d", t.N), rn[0]))
}
