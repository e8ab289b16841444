package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
)

const (
	// maxTables bounds the indices that are listed beside the well-known tables.
	maxTables = 200
	// topValues and fewDistinct are as for files: how many values are listed, of fields with at most how many distinct ones.
	topValues   = 10
	fewDistinct = 1000
)

// Tables lists the well-known tables with their facts and the other indices with their sizes.
func (e *Engine) Tables(ctx context.Context) ([]engine.Table, error) {
	var out []engine.Table
	covered := map[string]bool{}
	for _, kind := range []engine.Kind{engine.Logs, engine.Spans, engine.Metrics, engine.ServiceMap} {
		at, _, err := e.indices(ctx, kind)
		if err != nil {
			return nil, err
		}
		if at == "" {
			continue
		}
		t, err := e.table(ctx, string(kind))
		if fault.CodeOf(err) == fault.NotFound && err != nil {
			continue // configured, not yet there
		}
		if err != nil {
			return nil, err
		}
		for _, index := range t.mapping.indices {
			covered[index] = true
		}
		out = append(out, t.table())
	}
	others, err := e.others(ctx, covered)
	return append(out, others...), err
}

// table is what the engine tells of a well-known table.
func (t *table) table() engine.Table {
	et := engine.Table{Name: t.name, Kind: t.kind, TimeField: t.cat.TimeField, Notes: slices.Clone(t.notes)}
	et.Notes = append(et.Notes, fmt.Sprintf("%s in %s", t.form, t.target))
	if t.facts != nil {
		et.Rows, et.Start, et.End = t.facts.rows, t.facts.start, t.facts.end
	}
	return et
}

// others lists the indices that no well-known table covers, by size.
func (e *Engine) others(ctx context.Context, covered map[string]bool) ([]engine.Table, error) {
	r, err := e.search(ctx, "*,-.*", dsl{"size": 0, "track_total_hits": false, "aggs": dsl{
		"indices": dsl{"terms": dsl{"field": "_index", "size": maxTables}},
	}}, map[string][]string{"allow_no_indices": {"true"}})
	if err != nil {
		return nil, err
	}
	var a struct {
		Buckets []struct {
			Key   string `json:"key"`
			Count int64  `json:"doc_count"`
		} `json:"buckets"`
	}
	if raw := r.parts()["indices"]; raw != nil {
		if err := json.Unmarshal(raw, &a); err != nil {
			return nil, fault.WithCode(err, fault.Unavailable)
		}
	}
	var out []engine.Table
	for _, b := range a.Buckets {
		if !covered[b.Key] {
			out = append(out, engine.Table{Name: b.Key, Kind: engine.Generic, Rows: b.Count})
		}
	}
	return out, nil
}

// Fields lists the columns of a table with fill counts and top values: one search. Fill counts are exact; top values are the
// cluster's terms, whose counts may be off by documents of shards that rank a value lower.
func (e *Engine) Fields(ctx context.Context, name string) ([]engine.Field, error) {
	t, err := e.table(ctx, name)
	if err != nil {
		return nil, err
	}
	var out []engine.Field
	aggs := dsl{}
	for _, c := range t.cat.Columns {
		if c.Hidden {
			continue
		}
		f := t.fields[c.Name]
		n := strconv.Itoa(len(out))
		out = append(out, engine.Field{Name: c.Name, Type: c.Type})
		var has []dsl
		for _, l := range f.leaves {
			if q, ok := present(l); ok {
				has = append(has, q)
			}
		}
		if len(has) == 0 || len(has) < len(f.leaves) {
			has = t.anySource(c.Name)
		}
		if len(has) == 0 {
			continue
		}
		agg := dsl{"filter": anyOf(has)}
		if len(f.leaves) == 1 && countable(f.leaves[0]) {
			l := f.leaves[0].exact
			agg["aggs"] = dsl{
				"top":      dsl{"terms": dsl{"field": l, "size": topValues + 1}},
				"distinct": dsl{"cardinality": dsl{"field": l, "precision_threshold": fewDistinct}},
			}
		}
		aggs[n] = agg
	}
	if len(aggs) == 0 {
		return out, nil
	}
	r, err := e.search(ctx, t.target, dsl{"size": 0, "track_total_hits": true, "aggs": aggs}, nil)
	if err != nil {
		return nil, err
	}
	for n, raw := range r.parts() {
		i, err := strconv.Atoi(n)
		if err != nil {
			continue
		}
		if err := filled(&out[i], raw, t.words(out[i].Name)); err != nil {
			return nil, fault.WithCode(fmt.Errorf("describe %s: %w", name, err), fault.Unavailable)
		}
		if t.defaulted(out[i].Name) {
			out[i].Filled = r.Total.Value
		}
	}
	return out, nil
}

// defaulted reports whether a column has a value where the document has none.
func (t *table) defaulted(name string) bool {
	return !t.raw && spanDefault(t.kind, name) != nil
}

// anySource matches the documents that have one of the fields behind a column.
func (t *table) anySource(name string) []dsl {
	var has []dsl
	for _, raw := range t.sources()[name] {
		l := t.mapping.leaves[raw]
		if l == nil {
			continue
		}
		if q, ok := present(l); ok {
			has = append(has, q)
		} else if l.prop.Type == "nested" {
			has = append(has, dsl{"nested": dsl{"path": l.path, "query": dsl{"match_all": dsl{}}}})
		}
	}
	return has
}

// countable reports whether a field's values are worth listing: words, numbers, truth; not times and long texts.
func countable(l *leaf) bool {
	return l.exact != "" && (l.prop.Type == "keyword" || l.prop.Type == "boolean" || wholeNumber(l.prop.Type) || l.prop.Type == "ip")
}

// filled reads the facts of one field.
func filled(f *engine.Field, raw json.RawMessage, words map[string]string) error {
	var a struct {
		Count    int64 `json:"doc_count"`
		Distinct struct {
			Value int64 `json:"value"`
		} `json:"distinct"`
		Top struct {
			Buckets []struct {
				Key   any    `json:"key"`
				Text  string `json:"key_as_string"`
				Count int64  `json:"doc_count"`
			} `json:"buckets"`
		} `json:"top"`
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	f.Filled = a.Count
	if a.Distinct.Value > fewDistinct {
		return nil
	}
	counts := map[string]int64{}
	for _, b := range a.Top.Buckets {
		v := b.Text
		switch k := b.Key.(type) {
		case string:
			v = k
		case float64:
			if v == "" {
				v = strconv.FormatFloat(k, 'f', -1, 64)
			}
		}
		if w, ok := words[v]; ok {
			v = w
		}
		counts[v] += b.Count
	}
	values := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(values, func(a, b string) int { return int(counts[b] - counts[a]) })
	for _, v := range values[:min(len(values), topValues)] {
		f.Top = append(f.Top, engine.ValueCount{Value: v, Count: counts[v]})
	}
	return nil
}

// Explain says how a PPL text would run: the searches and, where they do not answer it alone, the SQL over their rows.
func (e *Engine) Explain(ctx context.Context, query string) (*engine.Explanation, error) {
	p, err := e.prepare(ctx, query, DefaultMaxRows, false)
	if err != nil {
		return nil, err
	}
	out := &engine.Explanation{Query: ppl.Format(p.q), Notes: slices.Concat(p.program.Notes, p.plan.notes())}
	for i, f := range p.plan.fetches {
		if f.unused {
			continue
		}
		if i > 0 && out.SQL != "" {
			out.SQL += "\n"
		}
		out.SQL += f.explain()
		out.Notes = append(out.Notes, f.says())
	}
	out.Plan = p.program.SQL
	return out, nil
}

// explain shows the search of a fetch.
func (f *fetch) explain() string {
	size := f.limit
	if size < 0 {
		size = firstPage
	}
	body := f.body(size)
	if f.agg != nil {
		body = dsl{"size": 0, "aggs": f.agg.request(nil)}
		if f.query != nil {
			body["query"] = f.query
		}
	}
	return "POST " + f.t.target + "/_search\n" + text(body, true)
}

// says tells what a fetch does and what is left of its pipeline.
func (f *fetch) says() string {
	did := "reads all documents"
	if len(f.pushed) > 0 {
		did = "does " + strings.Join(f.pushed, " | ")
	}
	rest := "nothing is left to do"
	if f.rest != nil && len(f.rest.Commands) > 0 {
		rest = "the rest runs here: " + f.rest.String()
	}
	return "the search of " + f.t.target + " " + did + "; " + rest
}
