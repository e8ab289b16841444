package doctable

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// order is the hidden column of a merged table that keeps the order of the parts and of the rows in each.
const order = "_order"

// Merge makes one table of several, as a pattern or a comma list names them: columns of one name become one column, of a
// type that holds both; a column that a part lacks is null there. One table comes back as it is.
func Merge(name string, tables []*catalog.Table) *catalog.Table {
	if len(tables) == 1 {
		return tables[0]
	}
	cols := mergedColumns(tables)
	parts := make([]string, len(tables))
	for i, t := range tables {
		byName := map[string]catalog.Column{}
		for _, c := range t.Columns {
			byName[c.Name] = c
		}
		var exprs []string
		for _, c := range cols {
			exprs = append(exprs, mergedExpr(byName, c)+" AS "+ident(c.Name))
		}
		at := "row_number() OVER ()"
		if t.Order != "" {
			at = t.Order
		}
		exprs = append(exprs, fmt.Sprintf("{'part': %d, 'row': %s} AS %s", i, at, ident(order)))
		parts[i] = "SELECT " + strings.Join(exprs, ", ") + " FROM " + t.From
	}
	out := &catalog.Table{Name: name, From: "(" + strings.Join(parts, " UNION ALL ") + ")", Order: ident(order), TimeField: tables[0].TimeField}
	for _, c := range cols {
		c.SQL = ident(c.Name)
		out.Columns = append(out.Columns, c)
	}
	return out
}

// mergedColumns are the columns of all tables, in order of first appearance, with their common types.
func mergedColumns(tables []*catalog.Table) []catalog.Column {
	var cols []catalog.Column
	index := map[string]int{}
	for _, t := range tables {
		for _, c := range t.Columns {
			i, seen := index[c.Name]
			if !seen {
				index[c.Name] = len(cols)
				cols = append(cols, c)
				continue
			}
			m := &cols[i]
			m.Hidden = m.Hidden && c.Hidden
			m.Text = m.Text || c.Text
			m.Nanos = m.Nanos || c.Nanos
			if m.Type == c.Type && m.Elem == c.Elem && m.JSON == c.JSON {
				continue
			}
			common, ok := function.Common(m.Type, c.Type)
			if !ok || m.Type == c.Type {
				common = rows.String
			}
			m.Type, m.Elem, m.JSON = common, "", false
			m.Nanos = m.Nanos && common == rows.Timestamp
		}
	}
	return cols
}

// mergedExpr is the SQL that gives a part's value for a merged column.
func mergedExpr(byName map[string]catalog.Column, want catalog.Column) string {
	c, ok := byName[want.Name]
	if !ok {
		if want.Type == rows.Array && !want.JSON {
			return "CAST(NULL AS " + function.SQLType(want.Elem) + "[])"
		}
		return "CAST(NULL AS " + sqlTypeOf(want) + ")"
	}
	if c.Type == want.Type && c.JSON == want.JSON && c.Nanos == want.Nanos {
		return c.SQL
	}
	v := function.Cast(function.Value{SQL: c.SQL, Type: c.Type, Elem: c.Elem, Nanos: c.Nanos, JSON: c.JSON}, want.Type)
	return "CAST(" + v.SQL + " AS " + sqlTypeOf(want) + ")"
}

func sqlTypeOf(c catalog.Column) string {
	if c.Nanos {
		return "TIMESTAMP_NS"
	}
	return function.SQLType(c.Type)
}
