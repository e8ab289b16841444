package command

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Describe lists the fields of an index with their types.
type Describe struct {
	node
	Index   string
	IndexAt syntax.Span
}

func describeSpec() Spec {
	return Spec{
		Name: "describe", Source: true, Syntax: "describe INDEX", Doc: "Lists the fields of an index with their types.",
		Parse: func(p *syntax.Parser, n node) Command {
			d := &Describe{node: n}
			p.AcceptOption("source", "index")
			d.Index, d.IndexAt = p.IndexName()
			return d
		},
	}
}

// String returns the command as PPL.
func (d *Describe) String() string { return "describe " + indexName(d.Index) }

// Compile makes a table of constants.
func (d *Describe) Compile(env *plan.Env, _ *plan.Rel) (*plan.Rel, error) {
	t, err := env.Scan(d.Index, d.IndexAt)
	if err != nil {
		return nil, err
	}
	t.Fold()
	names := []string{"TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "ORDINAL_POSITION", "IS_NULLABLE"}
	var values [][]any
	for _, c := range t.Cols() {
		if !c.Hidden {
			values = append(values, []any{"local", nil, strings.Trim(d.Index, "`"), c.Name, nil, string(c.Type), int64(len(values)), ""})
		}
	}
	return env.Values(names, values), nil
}
