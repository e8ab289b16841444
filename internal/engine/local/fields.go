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
	filledSQL, distinctSQL := []string{"count(*)"}, []string{}
	for _, c := range t.Columns {
		if c.Hidden {
			continue
		}
		cols = append(cols, c)
		filledSQL = append(filledSQL, "count("+c.SQL+")")
		distinctSQL = append(distinctSQL, "approx_count_distinct("+c.SQL+")")
	}
	counts, err := all(ctx, conn, "SELECT "+strings.Join(filledSQL, ", ")+" FROM "+t.From)
	if err != nil || len(counts) == 0 || len(cols) == 0 {
		return nil, err
	}
	total, _ := counts[0][0].(int64)
	from, scale := sampled(t.From, total)
	distincts, err := all(ctx, conn, "SELECT "+strings.Join(distinctSQL, ", ")+" FROM "+from)
	if err != nil || len(distincts) == 0 {
		return nil, err
	}
	out := make([]engine.Field, len(cols))
	var listed []int
	for i, c := range cols {
		filled, _ := counts[0][1+i].(int64)
		distinct, _ := distincts[0][i].(int64)
		out[i] = engine.Field{Name: c.Name, Type: c.Type, Filled: filled}
		if filled > 0 && distinct <= fewDistinct && !c.JSON && c.Type != rows.Array && c.Type != rows.Struct && c.Type != rows.Timestamp {
			listed = append(listed, i)
		}
	}
	return out, top(ctx, conn, from, scale, cols, listed, out)
}

// sampled returns what to read instead of all rows of a large table, and how many rows each row read stands for.
func sampled(from string, total int64) (sample string, scale float64) {
	if total <= topSample {
		return from, 1
	}
	percent := 100 * float64(topSample) / float64(total)
	return fmt.Sprintf("%s TABLESAMPLE SYSTEM(%.4f PERCENT) REPEATABLE(1)", from, percent), 100 / percent
}

// top counts the values of the listed columns in one pass and keeps the most frequent ones.
func top(ctx context.Context, conn *duck.Conn, from string, scale float64, cols []catalog.Column, listed []int, out []engine.Field) error {
	if len(listed) == 0 {
		return nil
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
