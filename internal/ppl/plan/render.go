package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// stage is a closed SELECT: a common table expression.
type stage struct {
	name   string
	rel    Rel
	inner  []*Col // order keys that are no visible columns
	shared bool   // read more than once: computed once
	raw    string // SQL instead of a SELECT; the columns it reads are marked when it is made
	reads  []string
}

// carry makes sure that x is selected by the stage and returns it as a use of that column.
func (s *stage) carry(x X, taken map[string]bool) X {
	for _, c := range slices.Concat(s.rel.cols, s.inner) {
		if c.SQL == x.SQL {
			return X{Value: x.Value, Uses: []*Col{c}}
		}
	}
	c := NewCol("_k", x)
	c.phys = physical("_k", taken)
	s.inner = append(s.inner, c)
	return X{Value: x.Value, Uses: []*Col{c}}
}

// Render returns the SQL of the whole query whose last relation is r, and its columns.
func (r *Rel) Render() (sql string, cols []rows.Column) {
	r.fold()
	kept := make([]*Col, 0, len(r.cols))
	for _, c := range r.cols {
		if !c.Hidden || r.Explicit {
			kept = append(kept, c)
		}
	}
	r.cols = kept
	taken := map[string]bool{}
	for _, c := range kept {
		c.phys = physical(c.Name, taken)
		c.used = true
		cols = append(cols, rows.Column{Name: c.Name, Type: shown(c)})
	}
	last := &stage{rel: *r}
	body := last.sql(true)
	return r.env.with() + body, cols
}

func shown(c *Col) rows.Type { return c.Type }

// with renders the stages that are used, last to first because use is known from behind.
func (e *Env) with() string {
	var parts []string
	for _, s := range slices.Backward(e.stages) {
		if !s.wanted() {
			continue
		}
		hint := " AS NOT MATERIALIZED ("
		if s.shared {
			hint = " AS MATERIALIZED ("
		}
		parts = append(parts, s.name+hint+s.sql(false)+")")
	}
	if len(parts) == 0 {
		return ""
	}
	slices.Reverse(parts)
	return "WITH " + strings.Join(parts, ",\n") + "\n"
}

// wanted reports whether a later SELECT reads the stage.
func (s *stage) wanted() bool { return s.rel.env.reads[s.name] }

func mark(cols []*Col) {
	for _, c := range cols {
		c.used = true
	}
}

// sql renders the SELECT and marks what it reads below. Only the last one must give its rows in order.
func (s *stage) sql(last bool) string {
	r := &s.rel
	r.env.read(r.from)
	if s.raw != "" {
		r.env.read(strings.Join(s.reads, " "))
		return s.raw
	}
	var list []string
	for _, c := range slices.Concat(r.cols, s.inner) {
		if c.used {
			mark(c.uses)
			list = append(list, alias(c))
		}
	}
	if len(list) == 0 {
		list = []string{"1 AS _"}
	}
	var b strings.Builder
	b.WriteString("SELECT ")
	if r.distinct != "" {
		b.WriteString("DISTINCT ON (" + r.distinct + ") ")
	}
	mark(r.extra)
	b.WriteString(strings.Join(list, ", "))
	b.WriteString(" FROM " + r.from)
	writeList(&b, " WHERE ", " AND ", r.where)
	if r.grouped {
		writeList(&b, " GROUP BY ", ", ", r.group)
	}
	if (last || r.limited || r.distinct != "") && len(r.order) > 0 && !r.inOrder {
		keys, uses := r.OrderBy()
		mark(uses)
		b.WriteString(" ORDER BY " + keys)
	}
	if r.limited {
		if r.limit >= 0 {
			b.WriteString(" LIMIT " + strconv.FormatInt(r.limit, 10))
		}
		if r.offset > 0 {
			b.WriteString(" OFFSET " + strconv.FormatInt(r.offset, 10))
		}
	}
	return b.String()
}

func alias(c *Col) string {
	id := function.Ident(c.phys)
	if c.SQL == id {
		return id
	}
	return c.SQL + " AS " + id
}

func writeList(b *strings.Builder, head, sep string, xs []X) {
	for i, x := range xs {
		if i == 0 {
			b.WriteString(head)
		} else {
			b.WriteString(sep)
		}
		if len(xs) > 1 && sep == " AND " {
			b.WriteString("(" + x.SQL + ")")
		} else {
			b.WriteString(x.SQL)
		}
		mark(x.Uses)
	}
}

// read notes that a FROM clause names stages.
func (e *Env) read(from string) {
	if e.reads == nil {
		e.reads = map[string]bool{}
	}
	outside := func(c rune) bool { return c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') }
	for name := range strings.FieldsFuncSeq(from, outside) {
		e.reads[name] = true
	}
}

// fold replaces the columns inside objects by the objects, unless a command named the columns.
func (r *Rel) fold() {
	if r.Explicit {
		return
	}
	var cols []*Col
	done := map[string]bool{}
	for _, c := range r.cols {
		root, _, nested := strings.Cut(c.Name, ".")
		switch {
		case !c.Nested || !nested || c.Hidden:
			cols = append(cols, c)
		case done[root] || r.Col(root) != nil:
		default:
			done[root] = true
			x := r.object(root)
			cols = append(cols, NewCol(root, x))
		}
	}
	r.cols = cols
}
