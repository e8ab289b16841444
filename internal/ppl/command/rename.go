package command

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// Rename gives columns other names.
type Rename struct {
	node
	Pairs []Renaming
}

// Renaming is old as new; * stands for the same characters in both.
type Renaming struct{ Old, New *syntax.Field }

func renameSpec() Spec {
	return Spec{
		Name: "rename", Syntax: "rename FIELD as NAME[, ..]", Doc: "Gives columns other names; * stands for the same characters in both.",
		Parse: func(p *syntax.Parser, n node) Command {
			r := &Rename{node: n}
			for {
				old := p.WildField()
				p.ExpectWord("as")
				r.Pairs = append(r.Pairs, Renaming{old, p.WildField()})
				if !p.Accept(",") && (!p.IsName() && !p.Is("*")) {
					return r
				}
			}
		},
	}
}

// String returns the command as PPL.
func (r *Rename) String() string {
	parts := make([]string, len(r.Pairs))
	for i, p := range r.Pairs {
		parts[i] = pattern(p.Old.Name) + " as " + pattern(p.New.Name)
	}
	return "rename " + strings.Join(parts, ", ")
}

// Compile renames in the schema alone: no SELECT is needed for it.
func (r *Rename) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := r.needSource(in); err != nil {
		return nil, err
	}
	for _, p := range r.Pairs {
		if strings.Count(p.Old.Name, "*") != strings.Count(p.New.Name, "*") {
			return nil, syntax.Errorf(p.Old.At.Join(p.New.At), "Source and target patterns have different wildcard counts")
		}
		if err := p.apply(in); err != nil {
			return nil, err
		}
	}
	return in, nil
}

func (p Renaming) apply(in *plan.Rel) error {
	if !strings.Contains(p.Old.Name, "*") {
		return p.one(in)
	}
	renamed := map[string]string{}
	for _, c := range in.Cols() {
		if parts, ok := wildParts(p.Old.Name, c.Name); ok && !c.Hidden {
			renamed[c.Name] = fill(p.New.Name, parts)
		}
	}
	var cols []*plan.Col
	taken := map[string]bool{}
	for _, n := range renamed {
		taken[n] = true
	}
	for _, c := range in.Cols() {
		switch to, ok := renamed[c.Name]; {
		case ok:
			n := *c
			n.Name, n.Nested = to, false
			cols = append(cols, &n)
		case !taken[c.Name]:
			cols = append(cols, c)
		}
	}
	in.SetCols(cols)
	return nil
}

func (p Renaming) one(in *plan.Rel) error {
	if p.Old.Name == p.New.Name {
		return nil
	}
	c := in.Col(p.Old.Name)
	if c == nil {
		if in.Has(p.Old.Name) {
			x, err := in.Field(p.Old)
			if err != nil {
				return err
			}
			in.Set(plan.NewCol(p.New.Name, x))
			return nil
		}
		in.Drop(p.New.Name) // upstream's rule: a field that is not there takes the target with it
		return nil
	}
	n := *c
	n.Name, n.Nested, n.Hidden = p.New.Name, false, false
	var cols []*plan.Col
	for _, o := range in.Cols() {
		switch o.Name {
		case p.Old.Name:
			cols = append(cols, &n)
		case p.New.Name:
		default:
			cols = append(cols, o)
		}
	}
	in.SetCols(cols)
	return nil
}

// wildParts returns what each * of the pattern stands for in name.
func wildParts(pattern, name string) ([]string, bool) {
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(name, parts[0]) {
		return nil, false
	}
	name = name[len(parts[0]):]
	var found []string
	for i, p := range parts[1:] {
		at := strings.Index(name, p)
		if i == len(parts)-2 {
			at = len(name) - len(p)
			if at < 0 || name[at:] != p {
				return nil, false
			}
		}
		if at < 0 {
			return nil, false
		}
		found = append(found, name[:at])
		name = name[at+len(p):]
	}
	return found, name == ""
}

func fill(pattern string, parts []string) string {
	var b strings.Builder
	i := 0
	for _, r := range pattern {
		if r == '*' && i < len(parts) {
			b.WriteString(parts[i])
			i++
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
