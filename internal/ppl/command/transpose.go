package command

import (
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Transpose makes rows of the columns and columns of the first rows.
type Transpose struct {
	node
	N    int64
	Name string
}

const (
	transposeDefault = 5
	// transposeMax bounds the columns: each is an aggregate of the SQL.
	transposeMax = 1000
)

func transposeSpec() Spec {
	return Spec{
		Name: "transpose", Syntax: "transpose [N] [column_name=NAME]", Doc: "Makes a row of each column and a column of each of the first N rows, 5 unless told.",
		Parse: func(p *syntax.Parser, n node) Command {
			t := &Transpose{node: n, N: transposeDefault, Name: "column"}
			for {
				at := p.Peek().Span()
				switch {
				case p.AcceptOption("column_name"):
					t.Name = p.Word("a name")
				case p.Peek().Kind == syntax.Number || p.Is("-"):
					if t.N = p.Int("how many rows"); t.N <= 0 || t.N > transposeMax {
						p.Fail(at, "transpose takes 1 to %d rows", transposeMax)
					}
				default:
					return t
				}
			}
		},
	}
}

// String returns the command as PPL.
func (t *Transpose) String() string {
	return fmt.Sprintf("transpose %d column_name=%s", t.N, syntax.Quote(t.Name))
}

// Compile gathers the first rows of each column into a list and spreads the lists over columns.
func (t *Transpose) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := t.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	in.Fold()
	in.Limit(t.N, 0)
	pos := in.Numbered()
	var branches []*plan.Rel
	names := make([]string, 0, len(in.Cols()))
	for _, c := range in.Cols() {
		names = append(names, c.Name)
	}
	for _, name := range names {
		r := in.Fork()
		c := r.Col(name)
		list := plan.Cell(rows.Array, "list(%s ORDER BY %s)", plan.Display(c.X()), pos)
		cols := []*plan.Col{plan.NewCol(t.Name, plan.Cell(rows.String, percent(function.Quote(name))))}
		for i := range t.N {
			cols = append(cols, plan.NewCol(fmt.Sprintf("row %d", i+1), plan.Cell(rows.String, fmt.Sprintf("(%%s)[%d]", i+1), list)))
		}
		r.Group(nil, cols)
		branches = append(branches, r)
	}
	if len(branches) == 0 {
		return nil, syntax.Errorf(t.at, "there is no column to transpose")
	}
	return env.Union(t.at, branches...)
}
