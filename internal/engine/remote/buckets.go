package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
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
		aggs, err := r.groups()
		if err != nil {
			return nil, 0, badAnswer(err)
		}
		if err := a.admit(aggs, f.t, total); err != nil {
			return nil, 0, err
		}
		p := &groupReader{a: &a}
		next, err := p.read(aggs, total)
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
func (a *aggregation) admit(aggs bucket, t *table, total int64) error {
	if g, ok := aggs["guard"].(bucket); ok && g.count() > 0 {
		for _, l := range a.guard {
			t.taint(l.exact)
		}
		return errInexact
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

func (b bucket) count() int64 { n, _ := b["doc_count"].(int64); return n }

// number returns a member that is a number.
func (b bucket) number(name string) (float64, bool) {
	switch x := b[name].(type) {
	case int64:
		return float64(x), true
	case float64:
		return x, true
	}
	return 0, false
}

// list returns a member that is a list of objects.
func (b bucket) list(name string) []any { out, _ := b[name].([]any); return out }

// read reads an answer; next continues composite pages, nil after the last.
func (p *groupReader) read(aggs bucket, total int64) (next any, err error) {
	switch {
	case len(p.a.keys) == 0:
		return nil, p.row(aggs, total)
	case p.a.paged:
		groups, ok := aggs["groups"].(bucket)
		if !ok {
			return nil, errNoBuckets
		}
		return p.composite(groups)
	}
	return nil, p.level(aggs, 0)
}

// errNoBuckets says that an answer lacks what was asked for.
var errNoBuckets = fault.New(fault.Unavailable, "read aggregations: the answer lacks the buckets asked for")

// level reads the buckets of one key: the group of nulls first.
func (p *groupReader) level(aggs bucket, depth int) error {
	k := &p.a.keys[depth]
	if b, ok := aggs["n"].(bucket); ok && b.count() > 0 {
		if err := p.enter(b, nil, depth); err != nil {
			return err
		}
	}
	list, ok := aggs["k"].(bucket)
	if !ok {
		return errNoBuckets
	}
	others, _ := list.number("sum_other_doc_count")
	wrong, _ := list.number("doc_count_error_upper_bound")
	if others > 0 || wrong > 0 {
		return errTooMany
	}
	buckets := list.list("buckets")
	for _, item := range buckets { // the group of nulls stands behind the empty text
		if b, ok := item.(bucket); ok && k.marked() && b["key"] == nullKey {
			if err := p.enter(b, nil, depth); err != nil {
				return err
			}
		}
	}
	for _, item := range buckets {
		b, ok := item.(bucket)
		if !ok {
			return errNoBuckets
		}
		if k.marked() && b["key"] == nullKey {
			continue
		}
		if err := p.enter(b, k.value(b["key"]), depth); err != nil {
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

func (p *groupReader) composite(groups bucket) (next any, err error) {
	list := groups.list("buckets")
	for _, item := range list {
		b, ok := item.(bucket)
		keys, isKeys := b["key"].(bucket)
		if !ok || !isKeys {
			return nil, errNoBuckets
		}
		p.key = p.key[:0]
		for i := range p.a.keys {
			p.key = append(p.key, p.a.keys[i].value(keys["k"+strconv.Itoa(i)]))
		}
		if err := p.row(b, b.count()); err != nil {
			return nil, err
		}
	}
	if len(list) < compositePage {
		return nil, nil
	}
	return groups["after_key"], nil
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
func (k *groupKey) value(v any) any {
	switch x := v.(type) {
	case int64:
		switch {
		case k.typ == rows.Timestamp:
			return time.UnixMilli(x).UTC()
		case k.typ == rows.Boolean:
			return x != 0
		case !k.typ.Integer():
			return float64(x)
		}
	case float64:
		switch {
		case k.typ == rows.Timestamp:
			return time.UnixMilli(int64(x)).UTC()
		case k.typ == rows.Boolean:
			return x != 0
		case k.typ.Integer():
			return int64(x)
		}
	case string:
		if k.typ == rows.Boolean {
			return x == "true"
		}
	}
	return v
}

// safeInteger is the largest whole number up to which doubles hold all: the cluster's aggregations are doubles.
const safeInteger = 1 << 53

// value reads a measure of a bucket as a cell of its column.
func (m *measure) value(b bucket, docs int64) (any, error) {
	if m.what == "count" {
		return docs, nil
	}
	a, ok := b[m.under].(bucket)
	if !ok {
		return nil, errNoBuckets
	}
	switch m.what {
	case "filter":
		return a.count(), nil
	case "flag":
		if docs == 0 {
			return nil, nil
		}
		return a.count(), nil
	case "sum":
		if n, _ := a.number("count"); n == 0 {
			return nil, nil
		}
		return m.member(a, "sum")
	case "percentile":
		list := a.list("values")
		if len(list) == 0 {
			return nil, nil
		}
		p, _ := list[0].(bucket)
		return m.member(p, "value")
	case "time":
		top, _ := a["hits"].(bucket)
		list := top.list("hits")
		if len(list) == 0 {
			return nil, nil
		}
		h, _ := list[0].(bucket)
		source, _ := h["_source"].(bucket)
		return m.time(source)
	}
	return m.member(a, "value")
}

// member reads a number of an aggregation, null where there was nothing to aggregate.
func (m *measure) member(a bucket, name string) (any, error) {
	f, ok := a.number(name)
	if !ok {
		return nil, nil
	}
	return m.number(f)
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
func (m *measure) time(source bucket) (any, error) {
	v, ok := descend(source, m.leaf.path)
	if !ok {
		return nil, nil
	}
	switch x := v.(type) {
	case string:
		if t, ok := plan.ParseTime(x); ok {
			return t, nil
		}
	case int64:
		if m.leaf.prop.Format == "" {
			return time.UnixMilli(x).UTC(), nil
		}
	}
	return nil, errInexact
}

// lookIn finds the value of a dotted path in a document, be it nested or written with dots.
func lookIn(source json.RawMessage, path string) (any, bool) {
	var s jsonscan.Scanner
	s.Reset(source, maxDepth)
	v, err := tree(&s)
	doc, ok := v.(bucket)
	if err != nil || !ok {
		return nil, false
	}
	return descend(doc, path)
}

func descend(doc bucket, path string) (any, bool) {
	if v, ok := doc[path]; ok {
		return v, v != nil
	}
	for i := strings.LastIndexByte(path, '.'); i > 0; i = strings.LastIndexByte(path[:i], '.') {
		switch inner := doc[path[:i]].(type) {
		case bucket:
			return descend(inner, path[i+1:])
		case []any: // the first of the objects that has one
			for _, x := range inner {
				if b, ok := x.(bucket); ok {
					if v, ok := descend(b, path[i+1:]); ok {
						return v, true
					}
				}
			}
			return nil, false
		}
	}
	return nil, false
}
