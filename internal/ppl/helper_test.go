package ppl_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// memory is a catalog over tables made in an in-memory DuckDB.
type memory map[string]*catalog.Table

func (m memory) Lookup(_ context.Context, name string) (*catalog.Table, error) {
	if t := m[name]; t != nil {
		return t, nil
	}
	return nil, fault.New(fault.NotFound, "no such index [%s]", name)
}

// load makes a table of JSON lines: nested objects become dotted columns, whole numbers bigint, others double, texts that look
// like a time timestamps. The first line may be {"#types": {column: PPL type}} to say otherwise.
func (m memory) load(t *testing.T, db *sql.DB, name, lines string) {
	t.Helper()
	var order []string
	types := map[string]rows.Type{}
	forced := map[string]rows.Type{}
	var docs []map[string]any
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		dec := json.NewDecoder(strings.NewReader(line))
		dec.UseNumber()
		var doc map[string]any
		if err := dec.Decode(&doc); err != nil {
			t.Fatalf("%s: %v: %s", name, err, line)
		}
		if f, ok := doc["#types"].(map[string]any); ok {
			for k, v := range f {
				forced[k] = rows.Type(fmt.Sprint(v))
				order = append(order, k)
			}
			slices.Sort(order)
			continue
		}
		flat := map[string]any{}
		flatten("", doc, flat)
		keys := make([]string, 0, len(flat))
		for k := range flat {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			if !slices.Contains(order, k) {
				order = append(order, k)
			}
			if t := typeOf(flat[k]); t != "" && (types[k] == "" || t == rows.Double) {
				types[k] = t
			}
		}
		docs = append(docs, flat)
	}
	table := &catalog.Table{Name: name, From: function.Ident(name), Order: "rowid"}
	var defs []string
	for _, k := range order {
		typ := types[k]
		if forced[k] != "" {
			typ = forced[k]
		}
		if typ == "" {
			typ = rows.String
		}
		table.Columns = append(table.Columns, catalog.Column{Name: k, Type: typ, SQL: function.Ident(k), Text: k == "body"})
		defs = append(defs, function.Ident(k)+" "+function.SQLType(typ))
		if k == "@timestamp" {
			table.TimeField = k
		}
	}
	exec(t, db, "CREATE TABLE "+function.Ident(name)+" ("+strings.Join(defs, ", ")+")")
	for _, d := range docs {
		vals := make([]string, len(order))
		for i, k := range order {
			vals[i] = "NULL"
			if v := d[k]; v != nil {
				vals[i] = function.Quote(strings.TrimSuffix(fmt.Sprint(v), "Z"))
			}
		}
		exec(t, db, "INSERT INTO "+function.Ident(name)+" VALUES ("+strings.Join(vals, ", ")+")")
	}
	m[name] = table
}

func exec(t *testing.T, db *sql.DB, q string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), q); err != nil {
		t.Fatalf("%v\n%s", err, q)
	}
}

func flatten(prefix string, v map[string]any, out map[string]any) {
	for k, x := range v {
		if m, ok := x.(map[string]any); ok {
			flatten(prefix+k+".", m, out)
			continue
		}
		out[prefix+k] = x
	}
}

func typeOf(v any) rows.Type {
	switch x := v.(type) {
	case bool:
		return rows.Boolean
	case json.Number:
		if _, err := x.Int64(); err == nil {
			return rows.BigInt
		}
		return rows.Double
	case string:
		if len(x) >= 19 && (x[10] == 'T' || x[10] == ' ') && x[4] == '-' && x[13] == ':' {
			return rows.Timestamp
		}
		return rows.String
	}
	return ""
}
