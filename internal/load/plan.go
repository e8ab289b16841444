package load

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Plan says what would be copied where.
type Plan struct {
	ID     string // names this very plan: source tables, rows, indices
	Tables []Copy
}

// Copy is one table and the index it goes to.
type Copy struct {
	Table string
	Kind  engine.Kind
	Rows  int64
	Index string

	timeField string
}

// Rows is the number of rows of all tables.
func (p *Plan) Rows() (n int64) {
	for _, c := range p.Tables {
		n += c.Rows
	}
	return n
}

// Make plans the copy of a source's tables, all or those named, into indices named PREFIX-TABLE. source names the source in the
// plan's id. Errors: a table that is not there, a prefix that is no index name, a source without rows.
func Make(ctx context.Context, from engine.Engine, source, prefix string, tables []string) (*Plan, error) {
	if err := indexName(prefix); err != nil {
		return nil, err
	}
	all, err := from.Tables(ctx)
	if err != nil {
		return nil, err
	}
	p := &Plan{}
	var known []string
	for _, t := range all {
		known = append(known, t.Name)
		if len(tables) > 0 && !slices.Contains(tables, t.Name) || t.Rows == 0 {
			continue
		}
		p.Tables = append(p.Tables, Copy{
			Table: t.Name, Kind: t.Kind, Rows: t.Rows, timeField: t.TimeField,
			Index: prefix + "-" + strings.ToLower(strings.NewReplacer("_", "-", ".", "-", " ", "-").Replace(t.Name)),
		})
	}
	for _, name := range tables {
		if !slices.Contains(known, name) {
			return nil, fault.WithHint(fault.New(fault.NotFound, "load: no table %q in this source", name), "The tables are: %s.", strings.Join(known, ", "))
		}
	}
	if len(p.Tables) == 0 {
		return nil, fault.New(fault.NotFound, "load: the source has no rows to copy")
	}
	h := sha256.New()
	fmt.Fprintln(h, source, prefix)
	for _, c := range p.Tables {
		fmt.Fprintln(h, c.Table, c.Rows, c.Index)
	}
	p.ID = "load-" + hex.EncodeToString(h.Sum(nil))[:12]
	return p, nil
}

// indexName checks a prefix by OpenSearch's rules for names of indices.
func indexName(name string) error {
	bad := name == "" || name != strings.ToLower(name) || strings.ContainsAny(name, ` "*\<|,>/?#:`) || strings.HasPrefix(name, "_") ||
		strings.HasPrefix(name, "-") || strings.HasPrefix(name, "+") || strings.HasPrefix(name, ".") || len(name) > 200
	if bad {
		return fault.WithHint(fault.New(fault.InvalidArgument, "load: %q cannot begin the names of indices", name),
			"Take lower-case letters, digits, - and _, as in: --to prod/shop.")
	}
	return nil
}
