// Package tracetest is an engine over rows in memory for tests: it answers the PPL that packages trace and investigate write
// (source, where with comparisons joined by and, fields) and nothing else.
package tracetest

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Memory is an engine.Engine over rows held as maps from dotted column names to cells.
type Memory struct {
	Data map[string][]map[string]any
}

// Open reads a recording directory: spans.jsonl, logs.jsonl and metrics.jsonl, each also as .gz.
func Open(dir string) (*Memory, error) {
	m := &Memory{Data: map[string][]map[string]any{}}
	for _, table := range []string{"spans", "logs", "metrics"} {
		for _, name := range []string{table + ".jsonl", table + ".jsonl.gz"} {
			if err := m.read(table, filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
				return nil, fmt.Errorf("open %s: %w", name, err)
			}
		}
	}
	return m, nil
}

func (m *Memory) read(table, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return err
		}
		sc = bufio.NewScanner(z)
	}
	sc.Buffer(nil, 1<<24)
	for line := int64(1); sc.Scan(); line++ {
		var doc map[string]any
		if err := json.Unmarshal(sc.Bytes(), &doc); err != nil {
			return err
		}
		m.add(table, filepath.Base(path), line, doc)
	}
	return sc.Err()
}

func (m *Memory) add(table, file string, line int64, doc map[string]any) {
	if table == "metrics" {
		m.addSeries(file, doc)
		return
	}
	row := map[string]any{"_file": file, "_line": line}
	flatten("", doc, row)
	if _, ok := row["serviceName"]; !ok {
		row["serviceName"] = row["resource.attributes.service.name"]
	}
	m.Data[table] = append(m.Data[table], row)
}

func (m *Memory) addSeries(file string, doc map[string]any) {
	labels, _ := doc["metric"].(map[string]any)
	values, _ := doc["values"].([]any)
	times, _ := doc["timestamps"].([]any)
	for i, v := range values {
		ms, _ := times[i].(float64)
		row := map[string]any{"_file": file, "@timestamp": time.UnixMilli(int64(ms)).UTC(), "value": v}
		for k, l := range labels {
			if k == "__name__" {
				row["name"] = l
			} else {
				row["attributes."+k] = l
			}
		}
		m.Data["metrics"] = append(m.Data["metrics"], row)
	}
}

func flatten(prefix string, in, out map[string]any) {
	for k, v := range in {
		name := prefix + k
		switch x := v.(type) {
		case map[string]any:
			flatten(name+".", x, out)
		case string:
			if t, err := time.Parse(time.RFC3339Nano, x); err == nil && strings.Contains(strings.ToLower(k), "time") {
				out[name] = t
			} else {
				out[name] = x
			}
		case float64:
			if x == float64(int64(x)) {
				out[name] = int64(x)
			} else {
				out[name] = x
			}
		default:
			out[name] = v
		}
	}
}

// Tables lists the tables with their row counts and bounds.
func (m *Memory) Tables(context.Context) ([]engine.Table, error) {
	var out []engine.Table
	for _, n := range []string{"logs", "metrics", "spans"} {
		data, ok := m.Data[n]
		if !ok {
			continue
		}
		t := engine.Table{Name: n, Kind: engine.Kind(n), Rows: int64(len(data)), TimeField: "@timestamp"}
		if n == "spans" {
			t.TimeField = "startTime"
		}
		for _, r := range data {
			if at, ok := r[t.TimeField].(time.Time); ok {
				if t.Start.IsZero() || at.Before(t.Start) {
					t.Start = at
				}
				if at.After(t.End) {
					t.End = at
				}
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// Fields lists the columns of a table.
func (m *Memory) Fields(_ context.Context, table string) ([]engine.Field, error) {
	data, ok := m.Data[table]
	if !ok {
		return nil, fault.New(fault.NotFound, "no table %q", table)
	}
	filled, same := map[string]int64{}, map[string]any{}
	for _, r := range data {
		for k, v := range r {
			if v == nil {
				continue
			}
			if filled[k]++; filled[k] == 1 {
				same[k] = v
			} else if s, ok := v.(string); !ok || same[k] != s {
				same[k] = nil
			}
		}
	}
	var out []engine.Field
	for k, n := range filled {
		f := engine.Field{Name: k, Type: rows.String, Filled: n}
		if s, ok := same[k].(string); ok {
			f.Top = []engine.ValueCount{{Value: s, Count: n}}
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b engine.Field) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Query runs a PPL text of the forms above.
func (m *Memory) Query(ctx context.Context, ppl string, lim engine.Limits) (*rows.Result, error) {
	res := &rows.Result{}
	cols, err := m.Stream(ctx, ppl, lim, func(row []any) error {
		res.Rows = append(res.Rows, slices.Clone(row))
		return nil
	})
	res.Columns = cols
	return res, err
}

// Stream runs a PPL text of the forms above.
func (m *Memory) Stream(ctx context.Context, ppl string, lim engine.Limits, each func(row []any) error) ([]rows.Column, error) {
	q, err := parse(ppl)
	if err != nil {
		return nil, err
	}
	data, ok := m.Data[q.table]
	if !ok {
		return nil, fault.New(fault.NotFound, "no table %q", q.table)
	}
	row, n := make([]any, len(q.fields)), 0
	for _, r := range data {
		if !q.match(r) {
			continue
		}
		for i, f := range q.fields {
			row[i] = r[f]
		}
		if err := each(row); err != nil {
			return nil, err
		}
		if n++; lim.MaxRows > 0 && n >= lim.MaxRows {
			break
		}
	}
	cols := make([]rows.Column, len(q.fields))
	for i, f := range q.fields {
		cols[i] = rows.Column{Name: f}
	}
	return cols, ctx.Err()
}

// Explain is not known to this engine.
func (m *Memory) Explain(context.Context, string) (*engine.Explanation, error) {
	return nil, fault.New(fault.Unsupported, "explain in memory")
}

type query struct {
	table  string
	conds  []cond
	fields []string
}

type cond struct{ field, op, value string }

var condition = regexp.MustCompile("^`?([^`=<>! ]+)`? *(>=|<=|=|!=|<|>|in) *(.+)$")

func parse(ppl string) (*query, error) {
	q := &query{}
	for st := range strings.SplitSeq(ppl, "|") {
		st = strings.TrimSpace(st)
		switch word, rest, _ := strings.Cut(st, " "); {
		case strings.HasPrefix(st, "source="):
			q.table = strings.TrimPrefix(st, "source=")
		case word == "where":
			for c := range strings.SplitSeq(rest, " and ") {
				m := condition.FindStringSubmatch(strings.TrimSpace(c))
				if m == nil {
					return nil, fault.New(fault.Unsupported, "condition %q in memory", c)
				}
				q.conds = append(q.conds, cond{m[1], m[2], strings.Trim(m[3], "'")})
			}
		case word == "head":
		case word == "fields":
			for f := range strings.SplitSeq(rest, ",") {
				q.fields = append(q.fields, strings.Trim(strings.TrimSpace(f), "`"))
			}
		default:
			return nil, fault.New(fault.Unsupported, "command %q in memory", word)
		}
	}
	return q, nil
}

func (q *query) match(r map[string]any) bool {
	for _, c := range q.conds {
		if !c.holds(r[c.field]) {
			return false
		}
	}
	return true
}

func (c cond) holds(v any) bool {
	if c.op == "in" {
		return strings.Contains(c.value, "'"+fmt.Sprint(v)+"'")
	}
	var d int
	switch x := v.(type) {
	case nil:
		return false
	case time.Time:
		t, err := time.Parse("2006-01-02 15:04:05.999999", c.value)
		if err != nil {
			return false
		}
		d = x.Compare(t)
	case int64:
		f, _ := strconv.ParseFloat(c.value, 64)
		d = int(x - int64(f))
	default:
		d = strings.Compare(fmt.Sprint(x), c.value)
	}
	switch c.op {
	case "=":
		return d == 0
	case "!=":
		return d != 0
	case "<":
		return d < 0
	case "<=":
		return d <= 0
	case ">":
		return d > 0
	}
	return d >= 0
}
