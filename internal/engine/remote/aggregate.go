package remote

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/ppl/command"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// aggregation is what a fetch asks instead of documents: groups by keys, each with measures.
type aggregation struct {
	keys     []groupKey
	measures []measure
	columns  []catalog.Column // of the table of groups: measures first, then keys
	shown    []int            // which of them are columns of the table, in its order
	guard    []*leaf          // texts whose long values must not occur: their keywords do not have them
	weighed  bool             // groups whose first measure is null or zero are dropped
	paged    bool             // ask for pages of composite buckets: there are too many for one answer
}

// groupKey is one key of the groups.
type groupKey struct {
	leaf     *leaf
	span     *plan.Span
	typ      rows.Type
	nullable bool
}

// measure is one number of a group.
type measure struct {
	what  string // count, present, filter, sum, avg, min, max, time, dc, percentile
	leaf  *leaf
	has   dsl // present, filter: the documents counted
	pct   float64
	typ   rows.Type
	desc  bool // time: the latest
	under string
}

// maxNested is how many keys are asked as one nested aggregation; more are asked in pages.
const maxNested = 3

// bucketsAtOnce bounds the buckets of one level of an answer; beyond it the groups are asked for in pages.
const bucketsAtOnce = 2_000

// compositePage is how many groups one page has: with a few measures each far below search.max_buckets (65,535).
const compositePage = 5_000

// exactPercentiles is up to how many documents a percentile is worked out here, exactly, instead of by the cluster's digest.
const exactPercentiles = 100_000

// digest is the compression of the cluster's digest for larger sets: five times its default.
const digest = 500

// errInexact says that an aggregation cannot be had exactly: the documents must be read.
var errInexact = errors.New("the index cannot answer this exactly")

// table is the table of groups.
func (a *aggregation) table() *catalog.Table {
	t := &catalog.Table{Name: "groups", Order: "rowid"}
	for _, i := range a.shown {
		t.Columns = append(t.Columns, a.columns[i])
	}
	return t
}

// aggregate pushes the aggregation that stands at cmds[n], if the index can do it. It returns how many commands are then done.
func (b *beginning) aggregate(ctx context.Context, cmds []command.Command, n int, p *planner, s *command.Search) int {
	t := b.cond.t
	if n >= len(cmds) || t.convert {
		return n
	}
	evals, ok := flags(b.kept)
	if !ok {
		return n
	}
	field := t.cat.TimeField
	if field == "" {
		field = "@timestamp"
	}
	g, ok := command.GroupingOf(cmds[n], field, p.e.config.Dialect.Modern)
	if !ok {
		return n
	}
	a, ok := b.grouped(ctx, g, evals, p, s, cmds[n])
	if !ok {
		return n
	}
	b.f.agg = a
	what := cmds[n].String()
	if g.Shown == nil {
		what = "the groups of " + what
	}
	b.f.pushed = append(b.f.pushed, what)
	b.kept = g.Then
	if g.Shown != nil {
		b.kept = []command.Command{command.NewFields(cmds[n], g.Shown...)}
	}
	return n + 1
}

// flags returns the columns that are 1 where a condition holds and 0 elsewhere; ok is false if anything else was kept.
func flags(kept []command.Command) (map[string]syntax.Expr, bool) {
	out := map[string]syntax.Expr{}
	for _, c := range kept {
		e, ok := c.(*command.Eval)
		if !ok {
			return nil, false
		}
		for _, s := range e.Sets {
			call, ok := s.X.(*syntax.Call)
			if !ok || !strings.EqualFold(call.Name, "if") || len(call.Args) != 3 || !isInt(call.Args[1].X, 1) || !isInt(call.Args[2].X, 0) || out[s.Field.Name] != nil {
				return nil, false
			}
			out[s.Field.Name] = call.Args[0].X
		}
	}
	return out, true
}

func isInt(e syntax.Expr, n int64) bool {
	l, ok := e.(*syntax.Literal)
	return ok && l.Value == n
}

// grouped plans the aggregation of a grouping.
func (b *beginning) grouped(ctx context.Context, g *command.Grouping, evals map[string]syntax.Expr, p *planner, s *command.Search, at command.Command) (*aggregation, bool) {
	types, ok := b.types(ctx, g, p, s, at)
	if !ok || len(types) != len(g.Aggs)+len(g.Keys) {
		return nil, false
	}
	a := &aggregation{weighed: g.Weighed, paged: len(g.Keys) > maxNested}
	for i, agg := range g.Aggs {
		m, ok := b.measure(agg.X, evals, types[i])
		if !ok {
			return nil, false
		}
		m.under = "m" + strconv.Itoa(i)
		a.measures = append(a.measures, m)
		a.columns = append(a.columns, column(g.AggNames[i], types[i]))
	}
	for i, k := range g.Keys {
		typ := types[len(g.Aggs)+i]
		gk, ok := b.key(k, typ, g.Nullable[i])
		if !ok || evals[k.Field.Name] != nil {
			return nil, false
		}
		if gk.leaf.above > 0 && gk.leaf.exact != gk.leaf.path {
			a.guard = append(a.guard, gk.leaf)
		}
		a.keys = append(a.keys, gk)
		a.columns = append(a.columns, column(g.KeyNames[i], typ))
	}
	a.arrange(g)
	return a, true
}

func column(name string, t rows.Type) catalog.Column {
	return catalog.Column{Name: name, Type: t, SQL: `"` + strings.ReplaceAll(name, `"`, `""`) + `"`, Nanos: false}
}

// arrange fixes the columns of the table of groups: each name once.
func (a *aggregation) arrange(g *command.Grouping) {
	seen := map[string]bool{}
	for i, c := range a.columns {
		if !seen[c.Name] {
			seen[c.Name] = true
			a.shown = append(a.shown, i)
		}
	}
	_ = g
}

// types compiles the grouping over an empty table: what is wrong with it is found there, and the types are the language's own.
func (b *beginning) types(ctx context.Context, g *command.Grouping, p *planner, s *command.Search, at command.Command) ([]rows.Type, bool) {
	bare := *s
	bare.Terms = nil
	cmds := []command.Command{&bare}
	cmds = append(cmds, b.kept...)
	q := &ppl.Query{Pipeline: &command.Pipeline{Commands: append(cmds, g.Stats(at))}}
	cat := *b.cond.t.cat
	prog, err := p.e.compiler().Compile(ctx, q, lone{&cat}, p.e.options(0))
	if err != nil {
		return nil, false
	}
	var out []rows.Type
	for _, c := range prog.Columns {
		out = append(out, c.Type)
	}
	return out, true
}

// lone is a catalog of one table, under any name.
type lone struct{ t *catalog.Table }

// Lookup returns the table.
func (s lone) Lookup(context.Context, string) (*catalog.Table, error) { return s.t, nil }

// leaf returns the one field of the index that an expression names, if the index can be asked for its values.
func (b *beginning) leaf(e syntax.Expr) *leaf {
	f := b.cond.field(e)
	if f == nil || len(f.leaves) != 1 || f.words != nil || (f.absent != nil || f.twin != nil) {
		return nil
	}
	l := f.leaves[0]
	if l.inner || l.prop.conflict || l.exact == "" || b.cond.t.isTainted(l.exact) || !b.cond.complete(f) {
		return nil
	}
	return l
}

// key plans one key.
func (b *beginning) key(k command.Key, typ rows.Type, nullable bool) (groupKey, bool) {
	l := b.leaf(k.Field)
	if l == nil {
		return groupKey{}, false
	}
	out := groupKey{leaf: l, span: k.Span, typ: typ, nullable: nullable}
	t := l.prop.Type
	switch {
	case k.Span == nil:
		return out, (t == "keyword" || isText(t) || wholeNumber(t) || t == "boolean" || t == "ip") && typ != rows.Array
	case k.Span.Unit == "":
		return out, wholeNumber(t) && k.Span.N == float64(int64(k.Span.N))
	case typ == rows.Timestamp && (t == "date" || t == "date_nanos"):
		out.nullable = false // rows without a time make no group
		_, ok := interval(k.Span)
		return out, ok
	}
	return out, false
}

// interval is a width of time buckets as the cluster cuts them like DuckDB: from 1970 on, weeks from Monday.
func interval(s *plan.Span) (dsl, bool) {
	if s.N != float64(int64(s.N)) || s.N < 1 {
		return nil, false
	}
	n := strconv.FormatInt(int64(s.N), 10)
	fixed := map[string]string{"millisecond": "ms", "second": "s", "minute": "m", "hour": "h", "day": "d"}
	calendar := map[string]string{"week": "1w", "month": "1M", "quarter": "1q", "year": "1y"}
	switch {
	case fixed[s.Unit] != "":
		return dsl{"fixed_interval": n + fixed[s.Unit]}, true
	case calendar[s.Unit] != "" && s.N == 1:
		return dsl{"calendar_interval": calendar[s.Unit]}, true
	}
	return nil, false
}

// measure plans one aggregate.
func (b *beginning) measure(e syntax.Expr, evals map[string]syntax.Expr, typ rows.Type) (measure, bool) {
	c, ok := e.(*syntax.Call)
	if !ok {
		return measure{}, false
	}
	name := strings.ToLower(c.Name)
	m := measure{typ: typ}
	var args []syntax.Expr
	for _, a := range c.Args {
		if f, isField := a.X.(*syntax.Field); a.Name != "" || isField && f.Name == "*" {
			continue
		}
		args = append(args, a.X)
	}
	if name == "count" || name == "c" {
		return b.count(c, args, evals, m)
	}
	if len(args) == 0 {
		return m, false
	}
	if f, isField := args[0].(*syntax.Field); isField && name == "sum" && evals[f.Name] != nil {
		m.what = "flag"
		return b.filtered(evals[f.Name], m)
	}
	if m.leaf = b.leaf(args[0]); m.leaf == nil {
		return m, false
	}
	t := m.leaf.prop.Type
	number := wholeNumber(t) || t == "double"
	switch name {
	case "sum", "avg", "mean":
		m.what = map[string]string{"sum": "sum", "avg": "avg", "mean": "avg"}[name]
		return m, number && len(args) == 1
	case "min", "max":
		m.what, m.desc = name, name == "max"
		if t == "date" || t == "date_nanos" {
			m.what = "time"
			return m, typ == rows.Timestamp && len(args) == 1
		}
		return m, number && len(args) == 1
	case "distinct_count", "dc", "distinct_count_approx", "estdc":
		m.what = "dc"
		return m, len(args) == 1 && (number || m.leaf.above == 0) && (number || t == "keyword" || t == "ip" || t == "boolean")
	}
	m.what = "percentile"
	m.pct, ok = percent(name, args)
	return m, ok && number
}

// percent reads which percentile a call wants.
func percent(name string, args []syntax.Expr) (float64, bool) {
	switch name {
	case "median":
		return 50, len(args) == 1
	case "percentile", "percentile_approx":
		if len(args) < 2 {
			return 0, false
		}
		v, ok := constant(args[1])
		switch x := v.(type) {
		case int64:
			return float64(x), ok && x >= 0 && x <= 100
		case float64:
			return x, ok && x >= 0 && x <= 100
		}
		return 0, false
	}
	for _, prefix := range []string{"perc", "p"} {
		if digits, ok := strings.CutPrefix(name, prefix); ok && len(args) == 1 {
			if p, err := strconv.ParseFloat(digits, 64); err == nil {
				return p, p >= 0 && p <= 100
			}
		}
	}
	return 0, false
}

// count plans count(), count(x) and count(eval(condition)).
func (b *beginning) count(c *syntax.Call, args []syntax.Expr, evals map[string]syntax.Expr, m measure) (measure, bool) {
	m.what = "count"
	switch {
	case c.Distinct || len(args) > 1:
		return m, false
	case len(args) == 0:
		return m, true
	}
	if inner, ok := args[0].(*syntax.Call); ok && strings.EqualFold(inner.Name, "eval") && len(inner.Args) == 1 {
		m.what = "filter"
		return b.filtered(inner.Args[0].X, m)
	}
	f, ok := args[0].(*syntax.Field)
	if !ok || evals[f.Name] != nil {
		return m, false
	}
	q, ok := b.cond.null(f, false)
	m.what, m.has = "filter", q.q
	return m, ok && q.exact
}

// filtered counts the documents of a condition that the index can judge.
func (b *beginning) filtered(cond syntax.Expr, m measure) (measure, bool) {
	q, ok := b.cond.isTrue(cond)
	m.has = q.q
	return m, ok && q.exact
}

// request is the aggregations of the search; after continues composite pages.
func (a *aggregation) request(after any) dsl {
	leafs := dsl{}
	for _, m := range a.measures {
		if q := m.request(); q != nil {
			leafs[m.under] = q
		}
	}
	out := leafs
	switch {
	case len(a.keys) == 0:
	case a.paged:
		out = dsl{"groups": a.composite(leafs, after)}
	default:
		for i := len(a.keys) - 1; i >= 0; i-- {
			out = a.keys[i].request(out)
		}
	}
	if len(a.guard) > 0 {
		var long []dsl
		for _, l := range a.guard {
			long = append(long, tooLong(l))
		}
		top := dsl{"guard": dsl{"filter": anyOf(long)}}
		maps.Copy(top, out)
		return top
	}
	return out
}

// request is a level of buckets with what lies in each.
func (k *groupKey) request(inner dsl) dsl {
	b := dsl{}
	switch {
	case k.span == nil:
		terms := dsl{"field": k.leaf.exact, "size": bucketsAtOnce, "order": dsl{"_key": "asc"}}
		if k.marked() {
			terms["missing"] = nullKey
		}
		b["terms"] = terms
	case k.span.Unit == "":
		b["histogram"] = dsl{"field": k.leaf.exact, "interval": k.span.N, "min_doc_count": 1}
	default:
		h, _ := interval(k.span)
		h["field"], h["min_doc_count"] = k.leaf.exact, 1
		b["date_histogram"] = h
	}
	out := dsl{"k": b}
	if k.nullable && !k.marked() {
		out["n"] = dsl{"missing": dsl{"field": k.leaf.exact}}
	}
	if len(inner) > 0 {
		for _, v := range out {
			v.(dsl)["aggs"] = inner //nolint:forcetypeassert // made above
		}
	}
	return out
}

// nullKey stands for the documents without a value among the groups of a keyword: one aggregation instead of two.
const nullKey = "\x01null"

// marked reports whether the group of nulls is one of the key's buckets.
func (k *groupKey) marked() bool {
	return k.nullable && k.span == nil && (k.leaf.prop.Type == "keyword" || isText(k.leaf.prop.Type))
}

// composite is a page of groups in the order of their keys.
func (a *aggregation) composite(leafs dsl, after any) dsl {
	var sources []dsl
	for i, k := range a.keys {
		s := dsl{"field": k.leaf.exact, "order": "asc"}
		kind := "terms"
		switch {
		case k.span == nil:
		case k.span.Unit == "":
			kind, s["interval"] = "histogram", k.span.N
		default:
			kind = "date_histogram"
			h, _ := interval(k.span)
			maps.Copy(s, h)
		}
		if k.nullable {
			s["missing_bucket"], s["missing_order"] = true, "first"
		}
		sources = append(sources, dsl{"k" + strconv.Itoa(i): dsl{kind: s}})
	}
	c := dsl{"size": compositePage, "sources": sources}
	if after != nil {
		c["after"] = after
	}
	out := dsl{"composite": c}
	if len(leafs) > 0 {
		out["aggs"] = leafs
	}
	return out
}

// request is the aggregation of a measure, nil where the bucket itself says it.
func (m *measure) request() dsl {
	switch m.what {
	case "filter", "flag":
		return dsl{"filter": m.has}
	case "sum":
		return dsl{"stats": dsl{"field": m.leaf.exact}} // the sum of nothing is null, which sum alone does not tell
	case "avg", "min", "max":
		return dsl{m.what: dsl{"field": m.leaf.exact}}
	case "time":
		order := "asc"
		if m.desc {
			order = "desc"
		}
		return dsl{"top_hits": dsl{
			"size": 1, "_source": []string{m.leaf.path}, "sort": []dsl{{m.leaf.exact: dsl{"order": order, "missing": "_last"}}},
		}}
	case "dc":
		return dsl{"cardinality": dsl{"field": m.leaf.exact, "precision_threshold": 40_000}}
	case "percentile":
		return dsl{"percentiles": dsl{"field": m.leaf.exact, "percents": []float64{m.pct}, "keyed": false, "tdigest": dsl{"compression": digest}}}
	}
	return nil
}

// notes tells which numbers are estimates.
func (a *aggregation) notes(w *trouble, out [][]any) {
	for i, m := range a.measures {
		switch m.what {
		case "percentile":
			w.note(fmt.Sprintf("%s is the cluster's estimate (t-digest, compression %d): its rank is right to about %.1f %%", title(a.columns[i].Name), digest, 100.0/digest))
		case "dc":
			const few = 1_000
			if slices.ContainsFunc(out, func(row []any) bool { n, ok := row[i].(int64); return ok && n > few }) {
				w.note(title(a.columns[i].Name) + " is the cluster's estimate (HyperLogLog++): near exact up to 40,000 different values, within about 1 % beyond")
			}
		}
	}
}

func title(column string) string {
	if strings.HasPrefix(column, "\x01") {
		return "the value"
	}
	return column
}
