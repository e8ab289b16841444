package remote

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/ppl/command"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// planner answers the scans of one query with fetches. It is asked twice: once over empty tables, to check the query and learn
// which fields it reads, and once over the rows that came, in the same order.
type planner struct {
	e       *Engine
	cut     int // the answer's own limit of rows, 0 = none
	fetches []*fetch
	loaded  []*catalog.Table // set for the second time
	next    int
	main    bool // the first pipeline was seen
	plain   bool // leave aggregations to DuckDB
}

// replay makes the planner answer with the loaded tables.
func (p *planner) replay(tables []*catalog.Table) { p.loaded, p.next = tables, 0 }

// add takes a fetch into the plan, or, the second time, returns the table that was loaded for it.
func (p *planner) add(plan func() (*fetch, error)) (*fetch, *catalog.Table, error) {
	if p.loaded != nil {
		if p.next >= len(p.fetches) {
			return nil, nil, errReplay
		}
		f, t := p.fetches[p.next], p.loaded[p.next]
		p.next++
		return f, t, nil
	}
	f, err := plan()
	if err != nil {
		return nil, nil, err
	}
	cat := *f.t.cat
	if f.agg != nil {
		cat = *f.agg.table()
	}
	cat.From = "_fetch" + strconv.Itoa(len(p.fetches))
	cat.Columns = slices.Clone(cat.Columns)
	for i := range cat.Columns { // each its own: columns of one SQL would pass for each other
		cat.Columns[i].SQL = function.Ident(cat.Columns[i].Name)
	}
	f.cat = &cat
	p.fetches = append(p.fetches, f)
	return f, f.cat, nil
}

// Lookup answers a scan of a whole index.
func (p *planner) Lookup(ctx context.Context, name string) (*catalog.Table, error) {
	_, t, err := p.add(func() (*fetch, error) {
		t, err := p.e.table(ctx, name)
		if err != nil {
			return nil, err
		}
		return &fetch{t: t, limit: -1}, nil
	})
	return t, err
}

// head answers the beginning of a pipeline. It is a plan.Head.
func (p *planner) head(ctx context.Context, q syntax.Pipeline) (*catalog.Table, string, syntax.Pipeline, error) {
	main := !p.main
	p.main = true
	pipe, ok := q.(*command.Pipeline)
	if !ok {
		return nil, "", q, nil
	}
	s, ok := pipe.Commands[0].(*command.Search)
	if !ok || s.Sub != nil || slices.ContainsFunc(pipe.Commands, needsWhole) {
		return nil, "", q, nil
	}
	f, t, err := p.add(func() (*fetch, error) {
		t, err := p.e.table(ctx, s.Index)
		if err != nil {
			return nil, err
		}
		return p.begin(ctx, t, s, pipe, main), nil
	})
	if err != nil {
		if p.loaded != nil {
			return nil, "", q, err
		}
		return nil, "", q, p.e.at(err, s.IndexAt)
	}
	return t, f.source, f.rest, nil
}

// needsWhole names the commands that look at the pipeline before them.
func needsWhole(c command.Command) bool {
	_, ok := c.(*command.Timewrap)
	return ok
}

// begin decides what of a pipeline the search does.
func (p *planner) begin(ctx context.Context, t *table, s *command.Search, pipe *command.Pipeline, main bool) *fetch {
	f := &fetch{t: t, limit: -1, source: s.Index}
	if s.Alias != "" {
		f.source = s.Alias
	}
	b := &beginning{f: f, exact: true, cond: &conditions{
		t: t, sensitive: p.e.config.Dialect.Modern, hidden: map[string]bool{},
		whole: func(l *leaf) bool { return p.e.whole(ctx, t, l) },
	}}
	if s.Alias != "" {
		b.cond.hidden[s.Alias] = true
	}
	if s.Terms != nil {
		b.terms(s)
	}
	rest := pipe.Commands[1:]
	n := b.filters(rest)
	limit := -1
	if main && p.cut > 0 {
		limit = p.cut
	}
	if b.exact {
		done := n
		if !p.plain {
			n = b.aggregate(ctx, rest, n, p, s)
		}
		if n == done {
			b.order(rest, n, limit)
		}
	}
	f.query = all(b.qs)
	if f.agg == nil && len(f.sort) == 0 && ordered(append(b.kept, rest[n:]...)) {
		f.byTime()
	}
	f.rest = &command.Pipeline{Commands: append(b.kept, rest[n:]...)}
	return f
}

// ordered reports whether the order of the rows may show in what the commands make of them.
func ordered(cmds []command.Command) bool {
	for _, c := range cmds {
		switch c := c.(type) {
		case *command.Fields, *command.Eval, *command.Where, *command.Terms:
		case *command.Stats:
			xs := make([]syntax.Expr, len(c.Aggs))
			for i, a := range c.Aggs {
				xs[i] = a.X
			}
			return plan.NeedsPosition(xs)
		default:
			return true
		}
	}
	return true
}

// byTime reads a well-known table in the order of its time, which is that of the files such data comes from; the index's own
// order changes as it merges.
func (f *fetch) byTime() {
	l := f.t.timeLeaf()
	if f.t.raw || l == nil || l.inner || l.prop.conflict {
		return
	}
	f.sort = []dsl{{l.exact: dsl{"order": "asc", "missing": "_last"}}, {"_doc": dsl{"order": "asc"}}}
}

// beginning is the head of a pipeline while it is turned into a search.
type beginning struct {
	f     *fetch
	cond  *conditions
	qs    []dsl
	kept  []command.Command // what is still to be done here, in order
	exact bool              // all conditions so far are the search's alone
}

func (b *beginning) terms(s *command.Search) {
	q, ok := b.cond.search(s.Terms)
	if ok {
		b.qs = append(b.qs, q.q)
		b.f.pushed = append(b.f.pushed, syntax.PrintSearch(s.Terms))
	}
	if !ok || !q.exact {
		b.kept = append(b.kept, command.NewTerms(s))
		b.exact = false
	}
}

// filters pushes the conditions at the beginning; it returns how many commands were looked at. Projections and computed fields may
// stand between conditions: what comes after them is narrowed but checked again.
func (b *beginning) filters(cmds []command.Command) int {
	for i, c := range cmds {
		switch c := c.(type) {
		case *command.Where:
			b.where(c)
		case *command.Fields:
			b.kept = append(b.kept, c)
		case *command.Eval:
			for _, s := range c.Sets {
				b.cond.hidden[s.Field.Name] = true
			}
			b.kept = append(b.kept, c)
		default:
			return i
		}
	}
	return len(cmds)
}

func (b *beginning) where(w *command.Where) {
	var left []syntax.Expr
	for _, part := range conjuncts(w.Cond) {
		q, ok := b.cond.isTrue(part)
		if ok {
			b.qs = append(b.qs, q.q)
			b.f.pushed = append(b.f.pushed, syntax.Print(part))
		}
		if !ok || !q.exact {
			left = append(left, part)
		}
	}
	switch {
	case len(b.kept) > 0: // checked again where it stands, for what it may not see any more
		b.kept = append(b.kept, w)
		b.exact = b.exact && len(left) == 0
	case len(left) > 0:
		b.kept = append(b.kept, command.NewWhere(w, joinAnd(left)))
		b.exact = false
	}
}

func conjuncts(e syntax.Expr) []syntax.Expr {
	l, ok := e.(*syntax.Logic)
	if !ok || l.Op != syntax.And {
		return []syntax.Expr{e}
	}
	var out []syntax.Expr
	for _, x := range l.Xs {
		out = append(out, conjuncts(x)...)
	}
	return out
}

func joinAnd(xs []syntax.Expr) syntax.Expr {
	if len(xs) == 1 {
		return xs[0]
	}
	return &syntax.Logic{Node: syntax.Node{At: xs[0].Span().Join(xs[len(xs)-1].Span())}, Op: syntax.And, Xs: xs}
}

// order pushes a sort and a limit that only projections and computed fields stand before. Both stay in the pipeline: they cost
// nothing on the few rows that come.
func (b *beginning) order(cmds []command.Command, n, cut int) {
	var by *command.Sort
	for _, c := range cmds[n:] {
		switch c := c.(type) {
		case *command.Fields:
			continue
		case *command.Eval:
			for _, s := range c.Sets {
				b.cond.hidden[s.Field.Name] = true
			}
			continue
		case *command.Sort:
			if by != nil {
				return
			}
			by = c
			if c.N > 0 {
				b.limited(by, c.N)
				return
			}
			continue
		case *command.Head:
			b.limited(by, c.N+c.From)
			return
		}
		return
	}
	if cut > 0 {
		b.limited(by, int64(cut))
	}
}

// limited sets the limit of the search, ordered by the sort if there is one that the index can do.
func (b *beginning) limited(by *command.Sort, n int64) {
	if by == nil {
		b.f.limit = n
		b.f.pushed = append(b.f.pushed, "head "+strconv.FormatInt(n, 10))
		return
	}
	var keys []dsl
	for _, k := range by.Keys {
		f := b.cond.field(k.Field)
		if f == nil || k.As != "" && k.As != "auto" || len(f.leaves) != 1 || f.words != nil || (f.absent != nil || f.twin != nil) || b.cond.t.convert {
			return
		}
		l := f.leaves[0]
		if !sortable(l) || b.cond.t.isTainted(l.exact) {
			return
		}
		order, missing := "asc", "_first"
		if k.Desc {
			order, missing = "desc", "_last"
		}
		keys = append(keys, dsl{l.exact: dsl{"order": order, "missing": missing}})
	}
	keys = append(keys, dsl{"_doc": dsl{"order": "asc"}})
	b.f.sort, b.f.limit = keys, n
	b.f.pushed = append(b.f.pushed, by.String(), "head "+strconv.FormatInt(n, 10))
}

// sortable reports whether the index orders the field's values as PPL does.
func sortable(l *leaf) bool {
	if l.inner || l.prop.conflict || l.exact == "" || l.above > 0 || l.prop.Format != "" && !strings.Contains(l.prop.Format, "date") {
		return false
	}
	switch t := l.prop.Type; {
	case wholeNumber(t), t == "double", t == "boolean", t == "date", t == "date_nanos", t == "keyword":
		return true
	}
	return false
}

var _ plan.Head = (*planner)(nil).head
