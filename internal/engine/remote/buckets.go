package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// maxGroups bounds the groups of one aggregation that are brought here.
const maxGroups = 2_000_000

// groups runs the aggregation of a fetch. The rows have the columns of aggregation.columns, in the order of the keys.
func (e *Engine) groups(ctx context.Context, f *fetch, w *trouble) ([][]any, int64, error) {
	a := *f.agg
	var out [][]any
	var after any
	for {
		body := dsl{"size": 0, "track_total_hits": after == nil}
		if f.query != nil {
			body["query"] = f.query
		}
		if aggs := a.request(after); len(aggs) > 0 {
			body["aggs"] = aggs
		}
		r, err := e.search(ctx, f.t.target, body, nil)
		if err != nil {
			if !a.paged && len(a.keys) > 0 && tooManyBuckets(err) {
				a.paged = true
				continue
			}
			return nil, 0, err
		}
		w.look(r, f.t.target)
		total := r.Total.Value
		if err := a.admit(r, f.t, total); err != nil {
			return nil, 0, err
		}
		p := &groupReader{a: &a}
		next, err := p.read(r, total)
		if errors.Is(err, errTooMany) {
			a.paged = true
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		out = append(out, p.rows...)
		if len(out) > maxGroups {
			return nil, 0, fault.WithHint(fault.New(fault.TooLarge, "query: more than %d groups", maxGroups), "Group by fewer or coarser fields, or narrow the time range.")
		}
		if next == nil {
			f.agg.notes(w, out)
			return f.agg.visible(out), total, nil
		}
		after = next
	}
}

// admit refuses an answer that is not exact where it can be had exactly: values that are not in the index, and percentiles of sets
// small enough to be looked at whole.
func (a *aggregation) admit(r *reply, t *table, total int64) error {
	if raw := r.Aggregations["guard"]; raw != nil {
		var g struct {
			Count int64 `json:"doc_count"`
		}
		if err := json.Unmarshal(raw, &g); err != nil {
			return err
		}
		if g.Count > 0 {
			for _, l := range a.guard {
				t.taint(l.exact)
			}
			return errInexact
		}
	}
	for _, m := range a.measures {
		if m.what == "percentile" && total <= exactPercentiles {
			return errInexact
		}
	}
	return nil
}

// visible picks the columns of the table of groups and drops groups without weight.
func (a *aggregation) visible(all [][]any) [][]any {
	out := make([][]any, 0, len(all))
	for _, row := range all {
		if a.weighed && (row[0] == nil || row[0] == int64(0) && a.measures[0].what == "filter") {
			continue
		}
		shown := make([]any, len(a.shown))
		for i, n := range a.shown {
			shown[i] = row[n]
		}
		out = append(out, shown)
	}
	return out
}

func tooManyBuckets(err error) bool {
	var refused *opensearch.ResponseError
	return errors.As(err, &refused) && (refused.Status == http.StatusServiceUnavailable || refused.Status == http.StatusBadRequest) &&
		strings.Contains(refused.Type+refused.Reason, "too_many_buckets")
}

// errTooMany says that one answer does not hold all groups.
var errTooMany = errors.New("more groups than one answer holds")

// groupReader reads buckets into rows.
type groupReader struct {
	a    *aggregation
	key  []any
	rows [][]any
}

type bucket map[string]json.RawMessage

func (b bucket) count() int64 {
	var n int64
	_ = json.Unmarshal(b["doc_count"], &n) // always a number
	return n
}

// read reads an answer; next continues composite pages, nil after the last.
func (p *groupReader) read(r *reply, total int64) (next any, err error) {
	switch {
	case len(p.a.keys) == 0:
		b := bucket(r.Aggregations)
		return nil, p.row(b, total)
	case p.a.paged:
		return p.composite(r.Aggregations["groups"])
	}
	return nil, p.level(r.Aggregations, 0)
}

// level reads the buckets of one key: the group of nulls first.
func (p *groupReader) level(aggs bucket, depth int) error {
	if raw := aggs["n"]; raw != nil {
		var b bucket
		if err := json.Unmarshal(raw, &b); err != nil {
			return badAnswer(err)
		}
		if b.count() > 0 {
			if err := p.enter(b, nil, depth); err != nil {
				return err
			}
		}
	}
	var list struct {
		Others  int64    `json:"sum_other_doc_count"`
		Wrong   int64    `json:"doc_count_error_upper_bound"`
		Buckets []bucket `json:"buckets"`
	}
	if err := json.Unmarshal(aggs["k"], &list); err != nil {
		return badAnswer(err)
	}
	if list.Others > 0 || list.Wrong > 0 {
		return errTooMany
	}
	for _, b := range list.Buckets {
		v, err := p.a.keys[depth].value(b["key"])
		if err != nil {
			return err
		}
		if err := p.enter(b, v, depth); err != nil {
			return err
		}
	}
	return nil
}

func badAnswer(err error) error {
	return fault.WithCode(fmt.Errorf("read aggregations: %w", err), fault.Unavailable)
}

// enter reads what lies in a bucket.
func (p *groupReader) enter(b bucket, v any, depth int) error {
	p.key = append(p.key, v)
	defer func() { p.key = p.key[:len(p.key)-1] }()
	if depth == len(p.a.keys)-1 {
		return p.row(b, b.count())
	}
	return p.level(b, depth+1)
}

func (p *groupReader) composite(raw json.RawMessage) (next any, err error) {
	var page struct {
		After   any      `json:"after_key"`
		Buckets []bucket `json:"buckets"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&page); err != nil {
		return nil, badAnswer(err)
	}
	for _, b := range page.Buckets {
		var keys bucket
		if err := json.Unmarshal(b["key"], &keys); err != nil {
			return nil, badAnswer(err)
		}
		p.key = p.key[:0]
		for i := range p.a.keys {
			v, err := p.a.keys[i].value(keys[fmt.Sprintf("k%d", i)])
			if err != nil {
				return nil, err
			}
			p.key = append(p.key, v)
		}
		if err := p.row(b, b.count()); err != nil {
			return nil, err
		}
	}
	if len(page.Buckets) < compositePage {
		return nil, nil
	}
	return page.After, nil
}

// row adds the row of a group.
func (p *groupReader) row(b bucket, docs int64) error {
	row := make([]any, 0, len(p.a.columns))
	for i := range p.a.measures {
		v, err := p.a.measures[i].value(b, docs)
		if err != nil {
			return err
		}
		row = append(row, v)
	}
	p.rows = append(p.rows, append(row, p.key...))
	return nil
}

// value reads a key of a bucket as a cell of its column.
func (k *groupKey) value(raw json.RawMessage) (any, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, badAnswer(err)
	}
	switch x := v.(type) {
	case json.Number:
		f, err := x.Float64()
		if err != nil {
			return nil, badAnswer(err)
		}
		switch {
		case k.typ == rows.Timestamp:
			return time.UnixMilli(int64(f)).UTC(), nil
		case k.typ == rows.Boolean:
			return f != 0, nil
		case k.typ.Integer():
			if n, err := x.Int64(); err == nil {
				return n, nil
			}
			return int64(f), nil
		}
		return f, nil
	case string:
		if k.typ == rows.Boolean {
			return x == "true", nil
		}
		return x, nil
	}
	return v, nil
}

// safeInteger is the largest whole number up to which doubles hold all: the cluster's aggregations are doubles.
const safeInteger = 1 << 53

// value reads a measure of a bucket as a cell of its column.
func (m *measure) value(b bucket, docs int64) (any, error) {
	if m.what == "count" {
		return docs, nil
	}
	var a struct {
		Docs   int64    `json:"doc_count"`
		Count  int64    `json:"count"`
		Value  *float64 `json:"value"`
		Sum    float64  `json:"sum"`
		Values []struct {
			Value *float64 `json:"value"`
		} `json:"values"`
		Hits struct {
			Hits []struct {
				Source json.RawMessage `json:"_source"`
			} `json:"hits"`
		} `json:"hits"`
	}
	if err := json.Unmarshal(b[m.under], &a); err != nil {
		return nil, badAnswer(err)
	}
	switch m.what {
	case "filter":
		return a.Docs, nil
	case "flag":
		if docs == 0 {
			return nil, nil
		}
		return a.Docs, nil
	case "sum":
		if a.Count == 0 {
			return nil, nil
		}
		return m.number(a.Sum)
	case "avg", "min", "max", "dc":
		if a.Value == nil {
			return nil, nil
		}
		return m.number(*a.Value)
	case "percentile":
		if len(a.Values) == 0 || a.Values[0].Value == nil {
			return nil, nil
		}
		return m.number(math.Round(*a.Values[0].Value*1e6) / 1e6)
	case "time":
		if len(a.Hits.Hits) == 0 {
			return nil, nil
		}
		return m.time(a.Hits.Hits[0].Source)
	}
	return nil, nil
}

func (m *measure) number(f float64) (any, error) {
	if !m.typ.Integer() {
		return f, nil
	}
	if math.Abs(f) >= safeInteger {
		return nil, errInexact
	}
	return int64(math.Round(f)), nil
}

// time reads the point in time of a document.
func (m *measure) time(source json.RawMessage) (any, error) {
	v, ok := lookIn(source, m.leaf.path)
	if !ok {
		return nil, nil
	}
	switch x := v.(type) {
	case string:
		if t, ok := plan.ParseTime(x); ok {
			return t, nil
		}
	case json.Number:
		if n, err := x.Int64(); err == nil && m.leaf.prop.Format == "" {
			return time.UnixMilli(n).UTC(), nil
		}
	}
	return nil, errInexact
}

// lookIn finds the value of a dotted path in a document, be it nested or written with dots.
func lookIn(source json.RawMessage, path string) (any, bool) {
	var doc map[string]any
	dec := json.NewDecoder(bytes.NewReader(source))
	dec.UseNumber()
	if dec.Decode(&doc) != nil {
		return nil, false
	}
	return descend(doc, path)
}

func descend(doc map[string]any, path string) (any, bool) {
	if v, ok := doc[path]; ok {
		return v, v != nil
	}
	for i := strings.LastIndexByte(path, '.'); i > 0; i = strings.LastIndexByte(path[:i], '.') {
		if inner, ok := doc[path[:i]].(map[string]any); ok {
			return descend(inner, path[i+1:])
		}
	}
	return nil, false
}
