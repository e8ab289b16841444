package command

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Timewrap puts the periods of a timechart side by side: a column a period.
type Timewrap struct {
	node
	N     int64
	Unit  string // second, minute, hour, day, week
	Now   bool   // periods are counted from the time of the query, not from the end of the search
	Short bool   // columns are named s0, s1, .. instead of 1day_before
	chart *Timechart
	until syntax.Expr // upper bound of the search's time, nil if none
	head  []Command   // what stands before
}

// timewrapMax bounds the periods: each is a column of each aggregate.
const timewrapMax = 500

func timewrapSpec() Spec {
	return Spec{
		Name: "timewrap", Syntax: "timewrap [N]UNIT [align=end|now] [series=relative|short]",
		Doc: "Puts the periods of a timechart before it side by side, such as day over day: a column a period, oldest first.", Parse: parseTimewrap,
	}
}

// timewrapUnits are the spellings of the units; months and longer ones have no fixed length.
func timewrapUnits() map[string]string {
	out := map[string]string{"m": "minute", "M": "month"}
	for unit, words := range map[string]string{
		"second": "s sec secs second seconds", "minute": "min mins minute minutes", "hour": "h hr hrs hour hours",
		"day": "d day days", "week": "w week weeks", "month": "mon month months", "quarter": "q qtr qtrs quarter quarters", "year": "y yr yrs year years",
	} {
		for w := range strings.FieldsSeq(words) {
			out[w] = unit
		}
	}
	return out
}

func parseTimewrap(p *syntax.Parser, n node) Command {
	t := &Timewrap{node: n, N: 1}
	at := p.Peek().Span()
	word := p.Word("a period such as 1day")
	digits := word[:len(word)-len(strings.TrimLeft(word, "0123456789"))]
	if digits != "" {
		t.N, _ = strconv.ParseInt(digits, 10, 32) // digits only; one too big is refused by parsing to its bound below
		if word = word[len(digits):]; word == "" {
			word = p.Word("a unit of time")
		}
	}
	unit, ok := timewrapUnits()[word]
	if !ok {
		unit, ok = timewrapUnits()[strings.ToLower(word)]
	}
	switch t.Unit = unit; {
	case p.Err() != nil:
	case !ok || t.N <= 0:
		p.Fail(at, "timewrap takes a period such as 1day").WithHint("The units are s, m, h, d and w.")
	case unit == "month" || unit == "quarter" || unit == "year":
		p.Fail(at, "timewrap takes units of a fixed length, not %s", unit).WithHint("The units are s, m, h, d and w.")
	}
	t.options(p)
	return t
}

func (t *Timewrap) options(p *syntax.Parser) {
	for {
		at := p.PeekAt(2).Span()
		switch {
		case p.AcceptOption("align"):
			word := strings.ToLower(p.Word("end or now"))
			if t.Now = word == "now"; !t.Now && word != "end" {
				p.Fail(at, "align is end or now")
			}
		case p.AcceptOption("series"):
			word := strings.ToLower(p.Word("relative or short"))
			if t.Short = word == "short" || word == "exact"; !t.Short && word != "relative" {
				p.Fail(at, "series is relative or short")
			}
		default:
			return
		}
	}
}

// String returns the command as PPL.
func (t *Timewrap) String() string {
	out := fmt.Sprintf("timewrap %d%s", t.N, t.Unit)
	if t.Now {
		out += " align=now"
	}
	if t.Short {
		out += " series=short"
	}
	return out
}

// follow tells the command what stands before it. It must be a timechart that is not split by a field.
func (t *Timewrap) follow(head []Command, in *plan.Rel) error {
	var chart *Timechart
	if len(head) > 0 {
		chart, _ = head[len(head)-1].(*Timechart)
	}
	switch {
	case chart == nil || in != nil:
		return syntax.Errorf(t.at, "timewrap must follow timechart").WithHint("Write: source=INDEX | timechart span=1h AGGREGATE | timewrap 1day")
	case chart.By != nil:
		return syntax.Errorf(t.at, "timewrap needs a timechart that is not split by a field").WithHint("Leave out: by %s", syntax.Name(chart.By.Name))
	}
	t.chart, t.head = chart, head
	for _, c := range head {
		if w, ok := c.(*Where); ok {
			t.bound(w.Cond)
		}
	}
	return nil
}

// bound looks for the upper bound of the time in a condition all parts of which must hold.
func (t *Timewrap) bound(e syntax.Expr) {
	field := t.chart.TimeField
	if field == "" {
		field = "@timestamp"
	}
	isTime := func(e syntax.Expr) bool {
		f, ok := e.(*syntax.Field)
		return ok && f.Name == field
	}
	if l, ok := e.(*syntax.Logic); ok && l.Op == syntax.And {
		for _, x := range l.Xs {
			t.bound(x)
		}
	}
	if b, ok := e.(*syntax.Between); ok && isTime(b.X) && !b.Neg {
		t.until = b.Hi
	}
	b, ok := e.(*syntax.Binary)
	switch {
	case !ok:
	case isTime(b.L) && (b.Op == syntax.Lt || b.Op == syntax.Le || b.Op == syntax.Eq):
		t.until = b.R
	case isTime(b.R) && (b.Op == syntax.Gt || b.Op == syntax.Ge || b.Op == syntax.Eq):
		t.until = b.L
	}
}

// Compile asks the data which periods it has, then makes a column of each. The periods are counted back from the last bucket,
// so that the latest one is whole; rows are shown at their place in the latest period of the clock.
func (t *Timewrap) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := t.needSource(in); err != nil {
		return nil, err
	}
	times, ref, err := t.times(env)
	if err != nil {
		return nil, err
	}
	in.Settle()
	in.Flush()
	clock := in.Cols()[0]
	shown, width := clock.X(), t.seconds()
	var last, behind int64
	if len(times) > 0 {
		last = slices.Max(times)
		behind = floorDiv(ref-last, width)
		shown = plan.Cell(rows.Timestamp, fmt.Sprintf("make_timestamp((%d + CAST(floor(epoch(%%s)) AS BIGINT) %%%% %d) * 1000000)", floorDiv(last, width)*width, width), shown)
	}
	cols := []*plan.Col{plan.NewCol(clock.Name, shown)}
	var periods []int64
	for _, at := range times {
		periods = append(periods, (last-at)/width)
	}
	slices.Sort(periods)
	periods = slices.Compact(periods)
	if len(periods) > timewrapMax {
		return nil, syntax.Errorf(t.at, "timewrap would make %d columns, the limit is %d", len(periods), timewrapMax).
			WithHint("Narrow the time range or take a longer period.")
	}
	period := plan.Cell(rows.BigInt, fmt.Sprintf("((%d - CAST(floor(epoch(%%s)) AS BIGINT)) // %d)", last, width), clock.X())
	for _, p := range slices.Backward(periods) {
		for _, c := range in.Cols()[1:] {
			v := plan.Cell(c.Type, fmt.Sprintf("any_value(%%s) FILTER (WHERE %%s = %d)", p), c.X(), period)
			v.Elem, v.Nanos, v.JSON = c.Elem, c.Nanos, c.JSON
			cols = append(cols, plan.NewCol(c.Name+"_"+t.name(behind+p), v))
		}
	}
	in.Group([]plan.X{shown}, cols)
	sortByKeys(in, []string{clock.Name})
	in.TimeField = clock.Name
	return in, nil
}

func floorDiv(a, b int64) int64 {
	if q := a / b; a%b >= 0 {
		return q
	}
	return a/b - 1
}

func (t *Timewrap) seconds() int64 {
	return t.N * map[string]int64{"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}[t.Unit]
}

// times runs the timechart for the times of its buckets, and the time the periods are named from, in seconds since 1970.
func (t *Timewrap) times(env *plan.Env) (found []int64, ref int64, err error) {
	if env.Options.Probe == nil {
		return nil, 0, syntax.Errorf(t.at, "timewrap names its columns by the data, which is not at hand here")
	}
	r, err := env.Compile(env.Fresh(), &Pipeline{Commands: t.head, at: t.at}, nil)
	if err != nil {
		return nil, 0, err
	}
	r.Settle()
	r.Flush()
	end := plan.Cell(rows.Timestamp, "CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)")
	if now := env.Options.Settings.Now; now != "" {
		end = plan.Cell(rows.Timestamp, "TIMESTAMP "+percent(function.Quote(now)))
	}
	if t.until != nil && !t.Now {
		if end, err = r.Compile(&syntax.Cast{Node: syntax.Node{At: t.until.Span()}, X: t.until, Type: "timestamp"}); err != nil {
			return nil, 0, err
		}
	}
	both := plan.Cell(rows.String, "concat(CAST(floor(epoch(%s)) AS BIGINT), ' ', CAST(floor(epoch(%s)) AS BIGINT))", r.Cols()[0].X(), end)
	r.Group([]plan.X{both}, []*plan.Col{plan.NewCol("p", both)})
	sql, _ := r.Render()
	values, err := env.Options.Probe(env.Ctx, sql)
	if err != nil {
		return nil, 0, fmt.Errorf("timewrap: %w", err)
	}
	for _, v := range values {
		var n int64
		if _, err := fmt.Sscan(fmt.Sprint(v), &n, &ref); err == nil {
			found = append(found, n)
		}
	}
	return found, ref, nil
}

// name is the suffix of the columns of a period that lies back periods before the reference.
func (t *Timewrap) name(back int64) string {
	n := back * t.N
	unit := t.Unit
	if n != 1 && n != -1 {
		unit += "s"
	}
	switch {
	case t.Short:
		return fmt.Sprintf("s%d", n)
	case n == 0:
		return "latest_" + t.Unit
	case n > 0:
		return fmt.Sprintf("%d%s_before", n, unit)
	}
	return fmt.Sprintf("%d%s_after", -n, unit)
}
