package command

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Trendline adds moving averages.
type Trendline struct {
	node
	Sort  *SortKey
	Lines []Line
}

// Line is one moving average, simple or weighted.
type Line struct {
	Weighted bool
	N        int64
	Field    *syntax.Field
	Name     string
}

func trendlineSpec() Spec {
	return Spec{
		Name: "trendline", Syntax: "trendline [sort [+|-]FIELD] sma|wma(N, FIELD)[ as NAME] ..",
		Doc:   "Adds moving averages over the last N rows, simple or with linear weights; rows without a value go.",
		Parse: parseTrendline,
	}
}

// maxTrend bounds the points of a weighted average: each is a term of the SQL.
const maxTrend = 1000

func parseTrendline(p *syntax.Parser, n node) Command {
	t := &Trendline{node: n}
	if p.AcceptWord("sort") {
		k := parseSortKey(p)
		t.Sort = &k
	}
	for p.IsWord("sma", "wma") {
		l := Line{Weighted: p.IsWord("wma")}
		p.Next()
		p.Expect("(")
		at := p.Peek().Span()
		l.N = p.Int("how many rows to average")
		if l.N <= 0 || l.N > maxTrend {
			p.Fail(at, "Number of data-points must be between 1 and %d, got %d", maxTrend, l.N)
		}
		p.Expect(",")
		l.Field = p.Field()
		p.Expect(")")
		l.Name = l.Field.Name + "_trendline"
		if p.AcceptWord("as") {
			l.Name = p.Field().Name
		}
		t.Lines = append(t.Lines, l)
		p.Accept(",")
	}
	if len(t.Lines) == 0 {
		p.FailExpect("sma(N, FIELD) or wma(N, FIELD)")
	}
	return t
}

// String returns the command as PPL.
func (t *Trendline) String() string {
	out := "trendline"
	if t.Sort != nil {
		out += " sort " + t.Sort.String()
	}
	var b strings.Builder
	b.WriteString(out)
	for _, l := range t.Lines {
		fmt.Fprintf(&b, " %s(%d, %s) as %s", map[bool]string{false: "sma", true: "wma"}[l.Weighted], l.N, syntax.Name(l.Field.Name), syntax.Name(l.Name))
	}
	return b.String()
}

// Compile adds windows over the rows before.
func (t *Trendline) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := t.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	if t.Sort != nil {
		keys, err := sortKeys(in, []SortKey{*t.Sort})
		if err != nil {
			return nil, err
		}
		in.Sort(keys)
	}
	fs := make([]*syntax.Field, len(t.Lines))
	for i, l := range t.Lines {
		fs[i] = l.Field
	}
	in.PrepareFields(fs...)
	for _, l := range t.Lines {
		x, err := in.Field(l.Field)
		if err != nil {
			return nil, err
		}
		in.Where(plan.Cell(rows.Boolean, "%s IS NOT NULL", x))
	}
	in.Flush()
	for _, l := range t.Lines {
		x, err := in.Field(l.Field)
		if err != nil {
			return nil, err
		}
		in.Set(plan.NewCol(l.Name, l.average(in, x)))
	}
	in.Flush()
	return in, nil
}

func (l Line) average(in *plan.Rel, x plan.X) plan.X {
	frame := fmt.Sprintf("ROWS BETWEEN %d PRECEDING AND CURRENT ROW", l.N-1)
	n := in.Window("count(*)", rows.BigInt, nil, true, frame)
	v := "CAST(" + x.SQL + " AS DOUBLE)"
	avg := in.Window("avg("+v+")", rows.Double, nil, true, frame)
	if l.Weighted {
		var terms []string
		for i := range l.N {
			w := in.Window(fmt.Sprintf("lag(%s, %d)", v, i), rows.Double, nil, true, "")
			terms = append(terms, fmt.Sprintf("%d * %s", l.N-i, w.SQL))
		}
		avg.SQL = fmt.Sprintf("(%s) / %d", strings.Join(terms, " + "), l.N*(l.N+1)/2)
	}
	return plan.Cell(rows.Double, fmt.Sprintf("CASE WHEN %%s >= %d THEN %%s END", l.N), n, avg).Also(x)
}
