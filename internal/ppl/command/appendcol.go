package command

import (
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// AppendCol puts the columns of a sub-search beside the rows so far, row by row.
type AppendCol struct {
	node
	Override bool
	Sub      syntax.Pipeline
	first    *Search
}

func appendcolSpec() Spec {
	return Spec{
		Name: "appendcol", Syntax: "appendcol [override=BOOL] [COMMANDS]",
		Doc: "Runs commands over the same index and puts their columns beside the rows so far, row by row.",
		Parse: func(p *syntax.Parser, n node) Command {
			a := &AppendCol{node: n}
			if p.AcceptOption("override") {
				a.Override = p.Bool("override")
			}
			a.Sub = p.Sub()
			return a
		},
	}
}

// bindSource tells the appendcol commands of a pipeline which search it began with: their commands start from it again.
func (q *Pipeline) bindSource() {
	if len(q.Commands) == 0 {
		return
	}
	first, ok := q.Commands[0].(*Search)
	for _, c := range q.Commands {
		if a, is := c.(*AppendCol); is && ok {
			a.first = first
		}
	}
}

// String returns the command as PPL.
func (a *AppendCol) String() string {
	if a.Override {
		return "appendcol override=true [" + a.Sub.String() + "]"
	}
	return "appendcol [" + a.Sub.String() + "]"
}

// Compile numbers the rows of both sides and joins them by the number.
func (a *AppendCol) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := a.needSource(in); err != nil {
		return nil, err
	}
	if a.first == nil {
		return nil, syntax.Errorf(a.at, "appendcol needs a pipeline that begins with source=")
	}
	start, err := a.first.Compile(env, nil)
	if err != nil {
		return nil, err
	}
	more, err := env.Compile(env, a.Sub, start)
	if err != nil {
		return nil, err
	}
	more.CutFirst(env.Options.SubsearchLimit)
	in.Fold()
	more.Fold()
	l, r := in.Numbered(), more.Numbered()
	out := env.Beside(in, more, "FULL JOIN", plan.Cell(rows.Boolean, "%s = %s", l, r))
	var cols []*plan.Col
	for _, c := range in.Cols() {
		if a.Override && more.Col(c.Name) != nil {
			continue
		}
		cols = append(cols, c)
	}
	for _, c := range more.Cols() {
		if a.Override || in.Col(c.Name) == nil {
			cols = append(cols, c)
		}
	}
	out.SetCols(cols)
	out.Explicit = true
	out.Sort([]plan.Key{{X: plan.Cell(rows.BigInt, "coalesce(%s, %s)", l, r), Unique: true}})
	return out, nil
}
