package doctable

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// describe lists the table's columns: the mapping's fields first, then the others as they came.
func (b *Builder) describe() *catalog.Table {
	t := &catalog.Table{Name: b.opt.Index, From: b.table(), Order: "rowid"}
	d := &describer{seen: map[string]int{}, table: t}
	d.node(b.root)
	for _, a := range b.aliases {
		d.alias(a)
	}
	d.metadata(b.opt.Index)
	if i, ok := d.seen["@timestamp"]; ok && t.Columns[i].Type == rows.Timestamp {
		t.TimeField = "@timestamp"
	}
	return t
}

type describer struct {
	seen  map[string]int
	table *catalog.Table
}

func (d *describer) add(c catalog.Column) {
	if _, dup := d.seen[c.Name]; dup {
		return
	}
	d.seen[c.Name] = len(d.table.Columns)
	d.table.Columns = append(d.table.Columns, c)
}

func (d *describer) node(n *node) {
	switch {
	case n.alias, n.column != nil && n.column.empties && len(n.order) > 0: // the members show the object
	case n.column != nil:
		d.stored(n)
	case n.outerArray() != nil:
		d.peeked(n)
	case n.field != nil:
		d.empty(n)
	}
	for _, c := range n.order {
		d.node(c)
	}
}

// stored describes a column of the table.
func (d *describer) stored(n *node) {
	c := n.column
	col := catalog.Column{Name: c.name, Type: c.kind.pplType(), SQL: ident(c.name), Nanos: c.kind == nanos, Hidden: c.name == Overflow}
	f := n.field
	if f != nil && f.ppl != "" && c.kind == f.kind {
		col.Type = f.ppl
	}
	switch {
	case c.kind == document:
		col.JSON = true
		switch {
		case c.empties:
			col.Type = rows.Struct
		case f == nil || f.ppl == "":
			col.Type, col.Elem = rows.Array, rows.Struct
		}
		if f != nil && f.nested {
			col.Elem = rows.Struct
		}
		if c.name == Overflow {
			col.Type = rows.Struct
		}
	case c.list:
		col.Elem, col.Type = col.Type, rows.Array
	}
	col.Text = c.kind == text && (f == nil || f.text)
	d.add(col)
	d.twins(n, col)
}

// twins adds the hidden other names of a text field: its multi-fields, .keyword for dynamic text.
func (d *describer) twins(n *node, col catalog.Column) {
	subs := []string{}
	switch {
	case n.field != nil:
		subs = n.field.subs
	case col.Text:
		subs = []string{"keyword"}
	}
	for _, s := range subs {
		twin := col
		twin.Name, twin.Hidden, twin.Text = n.path+"."+s, true, false
		d.add(twin)
	}
}

// empty describes a field that the mapping names and no document has.
func (d *describer) empty(n *node) {
	f := n.field
	col := catalog.Column{Name: n.path, Type: f.kind.pplType(), SQL: "CAST(NULL AS " + f.kind.sqlType() + ")", Nanos: f.kind == nanos, Text: f.text, JSON: f.kind == document}
	if f.ppl != "" {
		col.Type = f.ppl
	}
	if f.ppl == rows.Struct {
		if len(n.order) > 0 {
			return
		}
		col.JSON = true
	}
	d.add(col)
	d.twins(n, col)
}

// outerArray is the outermost array of objects that n lies in, nil if none.
func (n *node) outerArray() *node {
	var found *node
	for p := n.parent; p != nil; p = p.parent {
		if p.isArray {
			found = p
		}
	}
	return found
}

// peeked describes a path inside an array of objects: what the first element holds there.
func (d *describer) peeked(n *node) {
	k := n.peek
	if n.field != nil && n.field.kind != none {
		k = n.field.kind
	}
	if k == none {
		return
	}
	array := n.outerArray()
	col := catalog.Column{Name: n.path, Type: k.pplType(), Hidden: true, Nanos: k == nanos, JSON: k == document}
	if k == document {
		col.Type = rows.Array
	}
	if n.field != nil {
		col.Text = n.field.text
		if n.field.ppl != "" {
			col.Type = n.field.ppl
		}
	}
	switch {
	case array.column == nil:
		col.SQL = "CAST(NULL AS " + k.sqlType() + ")"
	case k == document:
		col.SQL = "CAST(json_extract(" + ident(array.column.name) + ", " + literal(n.jsonPath(array)) + ") AS VARCHAR)"
	default:
		col.SQL = "TRY_CAST(json_extract_string(" + ident(array.column.name) + ", " + literal(n.jsonPath(array)) + ") AS " + k.sqlType() + ")"
	}
	d.add(col)
	d.twins(n, col)
}

// jsonPath is n's path within array's first element, for DuckDB's JSON functions.
func (n *node) jsonPath(array *node) string {
	path := ""
	for p := n; p != array; p = p.parent {
		part := p.path[len(p.parent.path):]
		step := `."` + strings.ReplaceAll(strings.TrimPrefix(part, "."), `"`, `\"`) + `"`
		if p.isArray && p != n {
			step += "[0]"
		}
		path = step + path
	}
	return "$[0]" + path
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// alias adds another name for a column and for what lies below it.
func (d *describer) alias(a alias) {
	if i, ok := d.seen[a.path]; ok {
		col := d.table.Columns[i]
		col.Name, col.Hidden = a.name, true
		d.add(col)
	}
}

// metadata adds the fields that every index has.
func (d *describer) metadata(index string) {
	d.add(catalog.Column{Name: "_id", Type: rows.String, SQL: "CAST(rowid + 1 AS VARCHAR)", Hidden: true})
	d.add(catalog.Column{Name: "_index", Type: rows.String, SQL: literal(index), Hidden: true})
	for _, name := range []string{"_score", "_maxscore"} {
		d.add(catalog.Column{Name: name, Type: rows.Float, SQL: "CAST(NULL AS FLOAT)", Hidden: true})
	}
	d.add(catalog.Column{Name: "_sort", Type: rows.BigInt, SQL: "CAST(NULL AS BIGINT)", Hidden: true})
	d.add(catalog.Column{Name: "_routing", Type: rows.String, SQL: "CAST(NULL AS VARCHAR)", Hidden: true})
}
