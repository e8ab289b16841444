package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

const (
	// topValues is how many of a field's most frequent values are listed.
	topValues = 10
	// fewDistinct is up to how many distinct values (about) a field is one whose values are worth listing: services, levels,
	// routes, versions, hosts; not ids and messages.
	fewDistinct = 1000
	// topSample bounds the rows that top values are counted in: beyond it every n-th vector of rows is looked at, and counts
	// are scaled up. The fill counts are exact.
	topSample = 1_000_000
)

// Fields lists the columns of a table with fill counts and top values. On tables of more than topSample rows the top values are
// counted in a sample and scaled up.
func (s *source) Fields(ctx context.Context, name string) ([]engine.Field, error) {
	snap, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.release(ctx)
	if known, ok := snap.fields.Load(name); ok {
		return slices.Clone(known.([]engine.Field)), nil
	}
	t, err := snap.Lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	conn, err := snap.inst.db.Conn()
	if err != nil {
		return nil, fault.WithCode(err, fault.Unavailable)
	}
	defer snap.inst.db.Release(conn)
	out, err := fields(ctx, conn, t)
	if err != nil {
		return nil, refused(ctx, err, 0)
	}
	snap.fields.Store(name, out)
	return slices.Clone(out), nil
}

func fields(ctx context.Context, conn *duck.Conn, t *catalog.Table) ([]engine.Field, error) {
	var cols []catalog.Column
	exprs := []string{"count(*)"}
	for _, c := range t.Columns {
		if c.Hidden {
			continue
		}
		cols = append(cols, c)
		exprs = append(exprs, "count("+c.SQL+")", "approx_count_distinct("+c.SQL+")")
	}
	counts, err := all(ctx, conn, "SELECT "+strings.Join(exprs, ", ")+" FROM "+t.From)
	if err != nil || len(counts) == 0 {
		return nil, err
	}
	total, _ := counts[0][0].(int64)
	out := make([]engine.Field, len(cols))
	var listed []int
	for i, c := range cols {
		filled, _ := counts[0][1+2*i].(int64)
		distinct, _ := counts[0][2+2*i].(int64)
		out[i] = engine.Field{Name: c.Name, Type: c.Type, Filled: filled}
		if filled > 0 && distinct <= fewDistinct && !c.JSON && c.Type != rows.Array && c.Type != rows.Struct && c.Type != rows.Timestamp {
			listed = append(listed, i)
		}
	}
	return out, top(ctx, conn, t, cols, listed, out, total)
}

// top counts the values of the listed columns in one pass and keeps the most frequent ones.
func top(ctx context.Context, conn *duck.Conn, t *catalog.Table, cols []catalog.Column, listed []int, out []engine.Field, total int64) error {
	if len(listed) == 0 {
		return nil
	}
	from, scale := t.From, 1.0
	if total > topSample {
		percent := 100 * float64(topSample) / float64(total)
		from, scale = fmt.Sprintf("%s TABLESAMPLE SYSTEM(%.4f PERCENT) REPEATABLE(1)", t.From, percent), 100/percent
	}
	var parts []string
	for _, i := range listed {
		parts = append(parts, "histogram(CAST("+cols[i].SQL+" AS VARCHAR))")
	}
	list, err := all(ctx, conn, "SELECT "+strings.Join(parts, ", ")+" FROM "+from)
	if err != nil || len(list) == 0 {
		return err
	}
	for k, i := range listed {
		counts, _ := list[0][k].(map[string]any)
		for v, c := range counts {
			n, _ := c.(int64)
			out[i].Top = append(out[i].Top, engine.ValueCount{Value: v, Count: int64(float64(n) * scale)})
		}
		slices.SortFunc(out[i].Top, func(a, b engine.ValueCount) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
		})
		out[i].Top = slices.Clip(out[i].Top[:min(len(out[i].Top), topValues)])
	}
	return nil
}

// all runs a query whose answer is small.
func all(ctx context.Context, conn *duck.Conn, sql string) ([][]any, error) {
	r, err := conn.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out [][]any
	for {
		row := make([]any, len(r.Names()))
		err := r.Next(row)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
}
