package command

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Lookup adds fields of another index, found by keys.
type Lookup struct {
	node
	Index   string
	IndexAt syntax.Span
	Keys    []Renaming // field of the index as field of the rows
	Append  bool       // only where the rows' own value is null
	Output  []Renaming // none = all fields of the index
}

func lookupSpec() Spec {
	return Spec{
		Name: "lookup", Syntax: "lookup INDEX KEY[ as FIELD][, ..] [replace|append|output FIELD[ as NAME][, ..]]",
		Doc:   "Adds fields of another index, found by keys; append fills nulls alone.",
		Parse: parseLookup,
	}
}

func parseLookup(p *syntax.Parser, n node) Command {
	l := &Lookup{node: n}
	l.Index, l.IndexAt = p.IndexName()
	l.Keys = pairs(p)
	switch {
	case p.AcceptWord("replace", "output", "outputnew"):
		l.Output = pairs(p)
	case p.AcceptWord("append"):
		l.Append = true
		l.Output = pairs(p)
	}
	return l
}

// pairs reads a [as b], ...
func pairs(p *syntax.Parser) []Renaming {
	var out []Renaming
	for {
		r := Renaming{Old: p.Field()}
		r.New = r.Old
		if p.AcceptWord("as") {
			r.New = p.Field()
		}
		out = append(out, r)
		if !p.Accept(",") {
			return out
		}
	}
}

func printPairs(rs []Renaming) string {
	parts := make([]string, len(rs))
	for i, r := range rs {
		parts[i] = syntax.Name(r.Old.Name)
		if r.New.Name != r.Old.Name {
			parts[i] += " as " + syntax.Name(r.New.Name)
		}
	}
	return strings.Join(parts, ", ")
}

// String returns the command as PPL.
func (l *Lookup) String() string {
	out := "lookup " + indexName(l.Index) + " " + printPairs(l.Keys)
	if len(l.Output) > 0 {
		out += map[bool]string{false: " replace ", true: " append "}[l.Append] + printPairs(l.Output)
	}
	return out
}

// Compile joins the index to the left.
func (l *Lookup) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := l.needSource(in); err != nil {
		return nil, err
	}
	table, err := env.Scan(l.Index, l.IndexAt)
	if err != nil {
		return nil, err
	}
	in.Visible("")
	table.Visible("")
	var uses []plan.X
	parts := make([]string, len(l.Keys))
	key := map[string]bool{}
	for i, k := range l.Keys {
		r, err := table.Field(k.Old)
		if err != nil {
			return nil, err
		}
		own, err := in.Field(k.New)
		if err != nil {
			return nil, err
		}
		v, err := plan.Compare(syntax.Eq, own.Value, r.Value, k.Old.At)
		if err != nil {
			return nil, err
		}
		parts[i], uses = v.SQL, append(uses, own, r)
		key[k.Old.Name] = k.Old.Name == k.New.Name
	}
	on := plan.X{}.Also(uses...)
	on.SQL = strings.Join(parts, " AND ")
	out := env.Beside(in, table, "LEFT JOIN", on)
	out.Pins(in)
	out.SetCols(append([]*plan.Col(nil), in.Cols()...))
	return out, l.output(out, table, key)
}

// output adds the wanted fields, or all of the index but the keys that the rows have under the same name.
func (l *Lookup) output(out, table *plan.Rel, key map[string]bool) error {
	wanted := l.Output
	if len(wanted) == 0 {
		for _, c := range table.Cols() {
			if !key[c.Name] {
				f := &syntax.Field{Name: c.Name}
				wanted = append(wanted, Renaming{f, f})
			}
		}
	}
	for _, w := range wanted {
		x, err := table.Field(w.Old)
		if err != nil {
			return err
		}
		if own := out.Col(w.New.Name); own != nil && l.Append {
			t, ok := function.Common(own.Type, x.Type)
			if !ok {
				return syntax.Errorf(w.New.At, "lookup append: %s and %s differ in type", w.New.Name, w.Old.Name)
			}
			x = plan.Cell(t, "coalesce(%s, %s)", own.X(), x)
		}
		c := plan.NewCol(w.New.Name, x)
		out.Set(c)
	}
	return nil
}
