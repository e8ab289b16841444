package local

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// view is a table as PPL sees it, and the SQL that makes it.
type view struct {
	catalog.Table
	sql string
}

// core lists the columns that a kind always has, whatever the files held, in display order.
func core(kind engine.Kind) []storedColumn {
	text := func(names ...string) (out []storedColumn) {
		for _, n := range names {
			out = append(out, storedColumn{Name: n, Type: "VARCHAR"})
		}
		return out
	}
	is := func(name, typ string) storedColumn { return storedColumn{Name: name, Type: typ} }
	switch kind {
	case engine.Logs:
		return slices.Concat([]storedColumn{is("@timestamp", "TIMESTAMP")}, text("severityText"), []storedColumn{is("severityNumber", "BIGINT")},
			text("serviceName", "body", "traceId", "spanId"), []storedColumn{is("observedTimestamp", "TIMESTAMP"), is("flags", "BIGINT")},
			text("instrumentationScope.name", "resource.attributes.service.name"))
	case engine.Spans:
		return slices.Concat([]storedColumn{is("startTime", "TIMESTAMP"), is("endTime", "TIMESTAMP"), is("durationInNanos", "BIGINT")},
			text("serviceName", "name", "kind"), []storedColumn{is("status.code", "BIGINT")}, text("status.message", "traceId", "spanId", "parentSpanId", "traceGroup"),
			[]storedColumn{{Name: "events", Type: "VARCHAR", JSON: true}, {Name: "links", Type: "VARCHAR", JSON: true}}, text("resource.attributes.service.name"))
	case engine.Metrics:
		return slices.Concat([]storedColumn{is("@timestamp", "TIMESTAMP")}, text("name"), []storedColumn{is("value", "DOUBLE")}, text("type", "serviceName"))
	default:
		return nil
	}
}

// table describes one table of the snapshot over its members.
func (s *snapshot) table(name string, members []member) *table {
	kind := members[0].stored.Kind
	t := &table{Table: engine.Table{Name: name, Kind: kind, TimeField: timeField(kind)}, members: members}
	t.cat.Table = catalog.Table{Name: name, From: s.schema + "." + duck.Ident(name)}
	if members[0].stored.Generic != nil {
		s.describeGeneric(t)
	} else {
		describe(t)
	}
	for _, m := range members {
		for _, f := range m.stats {
			i := slices.IndexFunc(s.report, func(r engine.File) bool { return r.Path == f.name })
			if i >= 0 && !slices.ContainsFunc(t.Files, func(r engine.File) bool { return r.Path == f.name }) {
				t.Files = append(t.Files, s.report[i])
			}
		}
	}
	return t
}

// describeGeneric takes over what the typing package says; such a table is one segment's and needs no view.
func (s *snapshot) describeGeneric(t *table) {
	m := &t.members[0]
	g := m.stored.Generic
	t.cat.From = m.from
	t.cat.Order = g.Order
	t.cat.Columns = g.Columns
	t.cat.TimeField = g.TimeField
	t.TimeField = g.TimeField
	for i, c := range t.cat.Columns {
		if c.Name == "_index" {
			t.cat.Columns = slices.Clone(g.Columns)
			t.cat.Columns[i].SQL = duck.Literal(t.Name)
		}
	}
}

// describe merges the columns of the members and writes the view.
func describe(t *table) {
	cols := merge(t.Kind, t.members)
	t.cat.Order = orderName
	t.cat.TimeField = t.TimeField
	var selects []string
	for i := range t.members {
		selects = append(selects, t.members[i].query(cols))
	}
	t.cat.sql = strings.Join(selects, "\nUNION ALL\n")
	for _, c := range cols {
		t.cat.Columns = append(t.cat.Columns, pplColumn(t.Kind, c))
	}
	t.cat.Columns = append(t.cat.Columns,
		catalog.Column{Name: fileName, Type: rows.String, SQL: duck.Ident(fileName), Hidden: true},
		catalog.Column{Name: lineName, Type: rows.BigInt, SQL: duck.Ident(lineName), Hidden: true})
	t.cat.Columns = append(t.cat.Columns, overflowed(t.members, t.cat.Columns)...)
	t.cat.Columns = append(t.cat.Columns, aliases(t.Kind, t.cat.Columns)...)
}

// merge unites the members' columns: the core ones first, then the rest by name. A type is the widest of the members'.
func merge(kind engine.Kind, members []member) []storedColumn {
	out := core(kind)
	at := map[string]int{}
	given := map[string]bool{} // by data, not only by the core list
	for i, c := range out {
		at[c.Name] = i
	}
	fixed := len(out)
	for _, m := range members {
		for _, c := range m.stored.Columns {
			if c.Name == fileName || c.Name == lineName {
				continue
			}
			i, ok := at[c.Name]
			switch {
			case !ok:
				at[c.Name] = len(out)
				out = append(out, c)
			case !given[c.Name]:
				out[i].Type, out[i].JSON = c.Type, c.JSON
			default:
				out[i].Type = widestSQL(out[i].Type, c.Type)
				out[i].JSON = out[i].JSON && c.JSON
			}
			given[c.Name] = true
		}
	}
	slices.SortStableFunc(out[fixed:], func(a, b storedColumn) int { return strings.Compare(sortName(a.Name), sortName(b.Name)) })
	spell(out)
	return out
}

// spell gives columns whose names differ only by case names of their own in the view. PPL tells them apart, DuckDB does not: the
// second spelling is found by name but not shown.
func spell(cols []storedColumn) {
	taken := map[string]int{}
	for i, c := range cols {
		lower := strings.ToLower(strings.ReplaceAll(c.Name, "\x00", ""))
		taken[lower]++
		if n := taken[lower]; n > 1 || lower == "" {
			cols[i].view = lower + variantMark + strconv.Itoa(n)
		}
	}
}

func (c *storedColumn) viewName() string { return cmp.Or(c.view, c.Name) }

// sql reaches the value in the stored table.
func (c *storedColumn) sql() string {
	return cmp.Or(c.expr, duck.Ident(cmp.Or(c.Stored, c.Name)))
}

// sortName puts plain fields before attributes and those before the resource's.
func sortName(name string) string {
	switch {
	case strings.HasPrefix(name, "resource."):
		return "3" + name
	case strings.HasPrefix(name, "attributes."):
		return "2" + name
	default:
		return "1" + name
	}
}

func widestSQL(a, b string) string {
	if a == b {
		return a
	}
	return widest(typeOf(a), typeOf(b)).String()
}

func typeOf(sql string) duck.Type {
	for _, t := range []duck.Type{duck.Boolean, duck.BigInt, duck.Double, duck.Timestamp, duck.TimestampNS} {
		if t.String() == sql {
			return t
		}
	}
	return duck.Varchar
}

// query selects a member's rows with the given columns.
func (m *member) query(cols []storedColumn) string {
	var list []string
	for _, c := range cols {
		list = append(list, m.column(c)+" AS "+duck.Ident(c.viewName()))
	}
	file := duck.Ident(fileName)
	if m.file != "" {
		file = duck.Literal(m.file) + " AS " + file
	}
	row, line := "rowid", duck.Ident(lineName)
	if m.stored.foreign {
		row, line = "file_row_number", "file_row_number + 1 AS "+line
	}
	list = append(list, file, line, fmt.Sprintf("%d + %s AS %s", int64(m.ord)<<orderShift, row, orderName))
	sql := "SELECT " + strings.Join(list, ", ") + " FROM " + m.from
	if conds := m.conditions(); len(conds) > 0 {
		sql += " WHERE " + strings.Join(conds, " AND ")
	}
	return sql
}

func (m *member) conditions() []string {
	var conds []string
	if m.upTo > 0 {
		conds = append(conds, fmt.Sprintf("%s <= %d", duck.Ident(lineName), m.upTo))
	}
	if m.only != nil {
		var names []string
		for _, n := range m.only {
			names = append(names, duck.Literal(n))
		}
		conds = append(conds, duck.Ident(fileName)+" IN ("+strings.Join(names, ",")+")")
	}
	if m.drop != "" {
		conds = append(conds, m.drop)
	}
	return conds
}

func (m *member) column(c storedColumn) string {
	i := slices.IndexFunc(m.stored.Columns, func(o storedColumn) bool { return o.Name == c.Name })
	expr := duck.Ident(c.Name)
	if i >= 0 {
		expr = m.stored.Columns[i].sql()
	}
	switch {
	case i >= 0 && m.stored.Columns[i].Type == c.Type:
		return expr
	case i >= 0:
		return "CAST(" + expr + " AS " + c.Type + ")"
	case slices.Contains(m.stored.Overflow, c.Name):
		return "TRY_CAST(" + overflowValue(c.Name) + " AS " + c.Type + ")"
	default:
		return "CAST(NULL AS " + c.Type + ")"
	}
}

// overflowValue is SQL for a key of the overflow column.
func overflowValue(name string) string {
	path := `$."` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	return "json_extract_string(" + duck.Ident(overflowName) + ", " + duck.Literal(path) + ")"
}

// overflowed lists the names that have no column in any member, as hidden text columns.
func overflowed(members []member, have []catalog.Column) []catalog.Column {
	known := map[string]bool{}
	for _, c := range have {
		known[c.Name] = true
	}
	var out []catalog.Column
	for _, m := range members {
		for _, name := range m.stored.Overflow {
			if !known[name] {
				known[name] = true
				out = append(out, catalog.Column{Name: name, Type: rows.String, SQL: overflowValue(name), Hidden: true})
			}
		}
	}
	return out
}

// pplColumn describes a stored column to PPL.
func pplColumn(kind engine.Kind, c storedColumn) catalog.Column {
	out := catalog.Column{Name: c.Name, SQL: duck.Ident(c.viewName()), Hidden: c.view != "", Text: kind == engine.Logs && c.Name == "body"}
	switch typeOf(c.Type) {
	case duck.Boolean:
		out.Type = rows.Boolean
	case duck.BigInt:
		out.Type = rows.BigInt
	case duck.Double:
		out.Type = rows.Double
	case duck.Timestamp:
		out.Type = rows.Timestamp
	case duck.TimestampNS:
		out.Type, out.Nanos = rows.Timestamp, true
	default:
		out.Type = rows.String
	}
	if c.JSON {
		out.Type, out.Elem, out.JSON = rows.Array, rows.String, true
		if c.Name == "events" || c.Name == "links" {
			out.Elem = rows.Struct
		}
	}
	if c.Name == overflowName {
		out.Type, out.Elem, out.Hidden = rows.Struct, "", true
	}
	return out
}

// skippedView describes the table of skipped lines.
func skippedView(schema string, n int64) *table {
	t := &table{Table: engine.Table{Name: skippedTable, Kind: engine.Generic, Rows: n}}
	t.cat.Table = catalog.Table{Name: skippedTable, From: schema + "." + duck.Ident(skippedTable), Order: "rowid"}
	for _, c := range []catalog.Column{{Name: "file", Type: rows.String}, {Name: "line", Type: rows.BigInt}, {Name: "reason", Type: rows.String}, {Name: "text", Type: rows.String}} {
		c.SQL = duck.Ident(c.Name)
		t.cat.Columns = append(t.cat.Columns, c)
	}
	return t
}

// measure finds rows and time range of each table: from the manifests where all rows count, else by asking.
func (s *snapshot) measure(ctx context.Context, conn *duck.Conn) error {
	for _, t := range s.tables {
		if t.Name == skippedTable || t.exact() {
			continue
		}
		sql := "SELECT count(*), NULL, NULL FROM " + t.cat.From
		i := slices.IndexFunc(t.cat.Columns, func(c catalog.Column) bool { return c.Name == t.TimeField && c.Type == rows.Timestamp })
		if i >= 0 {
			sql = fmt.Sprintf("SELECT count(*), min(%[1]s), max(%[1]s) FROM %[2]s", t.cat.Columns[i].SQL, t.cat.From)
		}
		r, err := conn.Query(ctx, sql)
		if err != nil {
			return fmt.Errorf("open source: table %s: %w", t.Name, err)
		}
		row := make([]any, 3)
		err = r.Next(row)
		r.Close()
		if err != nil && err != io.EOF { //nolint:errorlint // Next returns io.EOF itself
			return fmt.Errorf("open source: table %s: %w", t.Name, err)
		}
		t.Rows, _ = row[0].(int64)
		t.Start, _ = row[1].(time.Time)
		t.End, _ = row[2].(time.Time)
	}
	return nil
}

// exact fills in the facts from the manifests if they hold.
func (t *table) exact() bool {
	for _, m := range t.members {
		if len(m.conditions()) > 0 || (t.Kind == engine.Generic && t.TimeField != "") || m.stored.foreign {
			return false
		}
	}
	for _, m := range t.members {
		t.Rows += m.stored.Rows
		for _, f := range m.stats {
			if f.Start.IsZero() {
				continue
			}
			if t.Start.IsZero() || f.Start.Before(t.Start) {
				t.Start = f.Start
			}
			if f.End.After(t.End) {
				t.End = f.End
			}
		}
	}
	return true
}
