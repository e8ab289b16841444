package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// AddTotals adds the sum of each row as a column, and the sum of each column as a row.
type AddTotals struct {
	node
	ColsOnly   bool // addcoltotals
	Fields     []*syntax.Field
	Row, Col   bool
	Name       string
	Label      string
	LabelField string
}

func addtotalsSpec() Spec {
	return Spec{
		Name: "addtotals", Syntax: "addtotals [FIELD[, ..]] [row=BOOL] [col=BOOL] [fieldname=NAME] [label=TEXT] [labelfield=NAME]",
		Doc:   "Adds the sum of each row's numbers as a column, and with col=true the sum of each column as a row.",
		Parse: func(p *syntax.Parser, n node) Command { return parseTotals(p, n, false) },
	}
}

func parseTotals(p *syntax.Parser, n node, colsOnly bool) Command {
	a := &AddTotals{node: n, ColsOnly: colsOnly, Row: !colsOnly, Col: colsOnly, Name: "Total", Label: "Total"}
	for {
		switch {
		case p.AcceptOption("row"):
			a.Row = p.Bool("row") && !colsOnly
		case p.AcceptOption("col"):
			a.Col = p.Bool("col")
		case p.AcceptOption("fieldname"):
			a.Name = p.Word("a name")
		case p.AcceptOption("label"):
			a.Label = p.Word("a text")
		case p.AcceptOption("labelfield"):
			a.LabelField = p.Word("a name")
		case p.IsName():
			a.Fields = append(a.Fields, p.Field())
			p.Accept(",")
		default:
			return a
		}
	}
}

// String returns the command as PPL.
func (a *AddTotals) String() string {
	out := map[bool]string{false: "addtotals", true: "addcoltotals"}[a.ColsOnly]
	if len(a.Fields) > 0 {
		out += " " + names(a.Fields)
	}
	if !a.ColsOnly {
		out += fmt.Sprintf(" row=%t col=%t fieldname=%s", a.Row, a.Col, syntax.Quote(a.Name))
	}
	out += " label=" + syntax.Quote(a.Label)
	if a.LabelField != "" {
		out += " labelfield=" + syntax.Quote(a.LabelField)
	}
	return out
}

// Compile adds the sum column, then a union with the row of sums.
func (a *AddTotals) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := a.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	in.Fold()
	numbers, err := a.numbers(in)
	if err != nil {
		return nil, err
	}
	if a.Row {
		in.Flush()
		in.Set(plan.NewCol(a.Name, a.sum(in, numbers)))
	}
	if !a.Col {
		return in, nil
	}
	if a.LabelField != "" && in.Col(a.LabelField) == nil {
		in.Set(plan.NewCol(a.LabelField, plan.Cell(rows.String, "CAST(NULL AS VARCHAR)")))
	}
	sums := in.Fork()
	a.sums(sums, numbers)
	return env.Union(a.at, in, sums)
}

// numbers returns the names of the columns to add: the numeric ones among those named, or all.
func (a *AddTotals) numbers(in *plan.Rel) ([]string, error) {
	for _, f := range a.Fields {
		if in.Col(f.Name) == nil {
			return nil, in.Unknown(f)
		}
	}
	var out []string
	for _, c := range in.Cols() {
		named := slices.ContainsFunc(a.Fields, func(f *syntax.Field) bool { return f.Name == c.Name })
		if c.Type.Numeric() && !c.Hidden && (named || len(a.Fields) == 0) {
			out = append(out, c.Name)
		}
	}
	return out, nil
}

func (a *AddTotals) sum(in *plan.Rel, numbers []string) plan.X {
	t := rows.BigInt
	parts := make([]string, 0, len(numbers)+1)
	xs := make([]plan.X, 0, len(numbers))
	for _, n := range numbers {
		c := in.Col(n)
		if !c.Type.Integer() {
			t = rows.Double
		}
		parts, xs = append(parts, "coalesce(%s, 0)"), append(xs, c.X())
	}
	if len(parts) == 0 {
		parts = append(parts, "0")
	}
	return plan.Cell(t, "CAST("+strings.Join(parts, " + ")+" AS "+function.SQLType(t)+")", xs...)
}

// sums makes r the row of sums, all other columns null but for the label.
func (a *AddTotals) sums(r *plan.Rel, numbers []string) {
	var cols []*plan.Col
	for _, c := range r.Cols() {
		switch {
		case c.Hidden:
		case c.Name == a.LabelField && c.Type == rows.String:
			cols = append(cols, plan.NewCol(c.Name, plan.Cell(rows.String, percent(function.Quote(a.Label)))))
		case slices.Contains(numbers, c.Name):
			cols = append(cols, plan.NewCol(c.Name, plan.Cell(c.Type, "CAST(sum(%s) AS "+function.SQLType(c.Type)+")", c.X())))
		default:
			null := plan.NewCol(c.Name, plan.Cell(c.Type, "NULL"))
			null.Elem, null.Nanos, null.JSON = c.Elem, c.Nanos, c.JSON
			cols = append(cols, null)
		}
	}
	r.Group(nil, cols)
}
