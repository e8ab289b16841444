package command

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Dedup keeps the first rows of those equal in the fields.
type Dedup struct {
	node
	N           int64
	Fields      []*syntax.Field
	KeepEmpty   bool
	Consecutive bool
}

func dedupSpec() Spec {
	return Spec{
		Name: "dedup", Syntax: "dedup [N] FIELD[, ..] [keepempty=BOOL] [consecutive=BOOL]",
		Doc:   "Keeps the first N rows, 1 unless told, of those equal in the fields; rows with a null among them go unless keepempty.",
		Parse: parseDedup,
	}
}

func parseDedup(p *syntax.Parser, n node) Command {
	d := &Dedup{node: n, N: 1}
	options := func() {
		for {
			switch {
			case p.AcceptOption("keepempty"):
				d.KeepEmpty = p.Bool("keepempty")
			case p.AcceptOption("consecutive"):
				d.Consecutive = p.Bool("consecutive")
			default:
				return
			}
		}
	}
	if p.Peek().Kind == syntax.Number || p.Is("-") {
		t := p.Peek()
		if d.N = p.Int("how many rows to keep of each"); d.N <= 0 {
			p.Fail(t.Span(), "Number of duplicate events must be greater than 0")
		}
	}
	options()
	for {
		d.Fields = append(d.Fields, p.Field())
		if !p.Accept(",") && (!p.IsName() || p.IsOption("keepempty", "consecutive")) {
			break
		}
	}
	options()
	return d
}

// String returns the command as PPL.
func (d *Dedup) String() string {
	out := fmt.Sprintf("dedup %d %s", d.N, names(d.Fields))
	if d.KeepEmpty {
		out += " keepempty=true"
	}
	if d.Consecutive {
		out += " consecutive=true"
	}
	return out
}

// Compile numbers the rows of each key and keeps the first ones.
func (d *Dedup) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := d.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	in.PrepareFields(d.Fields...)
	keys := make([]plan.X, len(d.Fields))
	nulls := make([]string, len(d.Fields))
	for i, f := range d.Fields {
		x, err := in.Field(f)
		if err != nil {
			return nil, err
		}
		keys[i], nulls[i] = x, "%s IS NULL"
	}
	empty := plan.Cell(rows.Boolean, "("+strings.Join(nulls, " OR ")+")", keys...)
	if !d.KeepEmpty {
		in.Where(plan.Cell(rows.Boolean, "NOT %s", empty))
	}
	switch {
	case d.Consecutive:
		d.consecutive(in, keys, empty)
	case d.N == 1 && !d.KeepEmpty:
		in.First(keys)
	default:
		t := in.Temp(in.Window("row_number()", rows.BigInt, keys, true, ""), empty)
		in.Where(plan.Cell(rows.Boolean, fmt.Sprintf("(%%s <= %d OR %%s)", d.N), t[0], t[1]))
	}
	return in, nil
}

// consecutive keeps the first N rows of each run of equal neighbours: runs are numbered by counting their beginnings.
func (d *Dedup) consecutive(in *plan.Rel, keys []plan.X, empty plan.X) {
	tuple := plan.Cell(rows.Struct, "ROW("+strings.Repeat("%s, ", len(keys)-1)+"%s)", keys...)
	before := in.Window("lag("+tuple.SQL+")", rows.Struct, nil, true, "").Also(tuple)
	t := in.Temp(plan.Cell(rows.Int, "CASE WHEN %s IS DISTINCT FROM %s THEN 1 ELSE 0 END", tuple, before), empty)
	if d.N == 1 {
		in.Where(plan.Cell(rows.Boolean, "(%s = 1 OR %s)", t[0], t[1]))
		return
	}
	t = in.Temp(in.Window("sum("+t[0].SQL+")", rows.BigInt, nil, true, "ROWS UNBOUNDED PRECEDING").Also(t[0]), t[1])
	t = in.Temp(in.Window("row_number()", rows.BigInt, t[:1], true, ""), t[1])
	in.Where(plan.Cell(rows.Boolean, fmt.Sprintf("(%%s <= %d OR %%s)", d.N), t[0], t[1]))
}
