package command

import (
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Terms keeps what matches the terms of a search: what is left of one whose index an engine has read.
type Terms struct {
	node
	X syntax.Search
}

// NewTerms returns the terms of a search as a command of their own.
func NewTerms(s *Search) *Terms { return &Terms{node: s.node, X: s.Terms} }

// String returns the terms as PPL writes them.
func (t *Terms) String() string { return syntax.PrintSearch(t.X) }

// Compile adds the condition of the terms to the SELECT.
func (t *Terms) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := t.needSource(in); err != nil {
		return nil, err
	}
	return in, in.Search(t.X)
}

// NewWhere returns a condition as a command that stands where another one stood.
func NewWhere(at Command, cond syntax.Expr) *Where { return &Where{node{at.Span()}, cond} }

// NewFields returns a projection to columns of exactly these names, standing where another command stood.
func NewFields(at Command, names ...string) *Fields {
	f := &Fields{node: node{at.Span()}}
	for _, n := range names {
		f.Names = append(f.Names, &syntax.Field{Node: syntax.Node{At: at.Span()}, Name: n})
	}
	return f
}

// Grouping is an aggregation by keys that an engine may do itself: the groups' keys and aggregates, and what is left to do with
// one row a group.
type Grouping struct {
	Aggs []Agg
	Keys []Key
	// Nullable says of each key whether a null makes a group; otherwise such rows are dropped.
	Nullable []bool
	// Columns are the names of the table of groups: of the aggregates, then of the keys. Shown is the order in which the command
	// shows them, nil where Then does.
	AggNames, KeyNames []string
	Shown              []string
	// Weighed drops groups in which no row has a value to count.
	Weighed bool
	// Then are the commands left for the table of groups.
	Then []Command
}

// GroupingOf returns the aggregation that c is; ok is false where it is none that can be done apart from its pipeline. field is
// the time field of the table.
func GroupingOf(c Command, field string, modern bool) (g *Grouping, ok bool) {
	switch c := c.(type) {
	case *Stats:
		for _, a := range c.Aggs {
			if a.Name != "" && metadata(&syntax.Field{Name: a.Name}) != nil { // an error, which Compile tells
				return nil, false
			}
		}
		return c.grouping(field, modern), true
	case *Timechart:
		return c.grouping(field), true
	case *Chart:
		return c.grouping()
	case *Top:
		return c.grouping(modern)
	}
	return nil, false
}

func (s *Stats) grouping(field string, modern bool) *Grouping {
	g := &Grouping{Aggs: s.Aggs}
	for _, a := range s.Aggs {
		g.AggNames = append(g.AggNames, a.name())
	}
	nullable := !modern
	if s.Nullable != nil {
		nullable = *s.Nullable
	}
	for pass := range 2 {
		for _, k := range s.By {
			if (k.Span != nil) != (pass == 0) {
				continue
			}
			name := k.name(nil)
			if k.Field == nil {
				if k.Name == "" {
					name = "span(" + field + "," + k.Span.Text + ")"
				}
				k.Field = &syntax.Field{Node: syntax.Node{At: k.At}, Name: field}
			}
			g.Keys, g.Nullable, g.KeyNames = append(g.Keys, k), append(g.Nullable, nullable), append(g.KeyNames, name)
		}
	}
	seen := map[string]bool{}
	for _, n := range append(append([]string(nil), g.AggNames...), g.KeyNames...) {
		if !seen[n] {
			seen[n] = true
			g.Shown = append(g.Shown, n)
		}
	}
	return g
}

// passed is the aggregate that hands on the one value of a group, and joins the values of several as split.join does.
func (a Agg) passed(column string) Agg {
	name := "sum"
	if c, ok := a.X.(*syntax.Call); ok {
		switch f := strings.ToLower(c.Name); f {
		case "min", "max", "avg", "per_second", "per_minute", "per_hour", "per_day":
			name = f
		case "mean":
			name = "avg"
		}
	}
	field := &syntax.Field{Node: syntax.Node{At: a.At}, Name: column}
	call := &syntax.Call{Node: syntax.Node{At: a.At}, Name: name, NameAt: a.At, Args: []syntax.Arg{{X: field}}}
	return Agg{X: call, Text: a.Text, Name: a.Name, At: a.At}
}

func (t *Timechart) grouping(field string) *Grouping {
	if t.TimeField != "" {
		field = t.TimeField
	}
	f := &syntax.Field{Node: syntax.Node{At: t.at}, Name: field}
	aggs, _ := t.rates()
	g := &Grouping{
		Aggs: aggs, Keys: []Key{{Field: f, Span: &t.Width, Name: field, At: t.at}}, Nullable: []bool{false}, KeyNames: []string{field},
	}
	if t.By != nil {
		g.Keys, g.Nullable = append(g.Keys, Key{Field: t.By, At: t.By.At}), append(g.Nullable, t.Split.UseNull)
		g.KeyNames = append(g.KeyNames, t.By.Name)
	}
	again := *t
	again.TimeField, again.Aggs = field, nil
	for i, a := range t.Aggs {
		name := valueName(i)
		g.AggNames = append(g.AggNames, name)
		again.Aggs = append(again.Aggs, a.passed(name))
	}
	g.Then = []Command{&again}
	return g
}

// valueName is what the i-th aggregate is called in a table of groups; no field of an index is called so.
func valueName(i int) string { return "\x01value" + strconv.Itoa(i) }

func (c *Chart) grouping() (*Grouping, bool) {
	g := &Grouping{Aggs: []Agg{c.Agg}, AggNames: []string{valueName(0)}, Weighed: c.Agg.argument() != nil && c.Row != nil}
	again := *c
	again.Agg = c.Agg.passed(valueName(0))
	for i, k := range []*Key{c.Row, c.Col} {
		if k == nil {
			continue
		}
		if k.Field == nil || k.Span != nil && k.Span.Unit == "" {
			return nil, false
		}
		g.Keys, g.Nullable, g.KeyNames = append(g.Keys, *k), append(g.Nullable, i == 1 && c.Split.UseNull), append(g.KeyNames, k.Field.Name)
	}
	g.Then = []Command{&again}
	return g, len(g.Keys) > 0
}

func (t *Top) grouping(modern bool) (*Grouping, bool) {
	if len(t.By) > 0 {
		return nil, false
	}
	useNull := !modern
	if t.UseNull != nil {
		useNull = *t.UseNull
	}
	at := syntax.Node{At: t.at}
	g := &Grouping{Aggs: []Agg{{X: &syntax.Call{Node: at, Name: "count", NameAt: t.at}, Name: t.CountName, At: t.at}}, AggNames: []string{t.CountName}}
	order := &Sort{node: t.node, Keys: []SortKey{{Field: &syntax.Field{Node: at, Name: t.CountName}, Desc: !t.Rare}}}
	var names []string
	for _, f := range t.Fields {
		if f.Name == t.CountName {
			return nil, false
		}
		g.Keys, g.Nullable, g.KeyNames = append(g.Keys, Key{Field: f, At: f.At}), append(g.Nullable, useNull), append(g.KeyNames, f.Name)
		order.Keys = append(order.Keys, SortKey{Field: f})
		names = append(names, f.Name)
	}
	if t.ShowCount {
		names = append(names, t.CountName)
	}
	g.Then = []Command{order, &Head{node: t.node, N: t.N}, NewFields(t, names...)}
	return g, true
}

// Stats returns the aggregation as a command, with the names given.
func (g *Grouping) Stats(at Command) *Stats {
	yes := true
	s := &Stats{node: node{at.Span()}, Nullable: &yes}
	for i, a := range g.Aggs {
		a.Name = "\x01agg" + strconv.Itoa(i)
		s.Aggs = append(s.Aggs, a)
	}
	for i, k := range g.Keys {
		k.Name = "\x01key" + strconv.Itoa(i)
		s.By = append(s.By, k)
	}
	return s
}
