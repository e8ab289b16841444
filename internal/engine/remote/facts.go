package remote

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/record"
)

// facts are what the documents of a well-known table say that its mapping does not.
type facts struct {
	rows       int64
	start, end time.Time
	always     map[string]bool              // names that every document has
	best       map[string]string            // name -> the one of its fields that every document has
	words      map[string]map[string]string // name -> spelling in the index -> spelling of records, where they differ
	aliasOf    map[string]string            // other spellings of names
	none       map[string]bool              // times that the mapping names and no document has
}

// maxWords bounds the spellings of levels, kinds and states that are looked at; a field with more is no such field.
const maxWords = 100

// learn asks the documents: one search.
func (e *Engine) learn(ctx context.Context, t *table) (*facts, error) {
	f := &facts{always: map[string]bool{}, best: map[string]string{}, words: map[string]map[string]string{}, none: map[string]bool{}}
	sources := t.sources()
	aggs := dsl{}
	times := map[string]bool{}
	for _, p := range t.form.Place(t.mapping.names()) {
		times[p.Name] = times[p.Name] || p.Time
	}
	for name, raws := range sources {
		matters := spanDefault(t.kind, name) != nil || t.kind == engine.Logs && (name == "severityText" || name == "severityNumber") || times[name]
		if len(raws) < 2 && !matters {
			continue
		}
		for i, raw := range raws {
			if has, ok := present(t.mapping.leaves[raw]); ok {
				aggs["has "+strconv.Itoa(i)+" "+name] = dsl{"filter": has}
			}
		}
	}
	for _, p := range t.form.Place(t.mapping.names()) {
		if l := t.mapping.leaves[p.Raw]; p.Words && l.exact != "" && !wholeNumber(l.prop.Type) {
			aggs["word "+p.Name] = dsl{"terms": dsl{"field": l.exact, "size": maxWords}}
		}
	}
	ends := map[string]*measure{}
	if l := t.timeLeaf(); l != nil {
		for _, name := range []string{"start", "end"} {
			m := &measure{what: "time", leaf: l, desc: name == "end"}
			aggs[name], ends[name] = m.request(), m
		}
	}
	body := dsl{"size": 0, "track_total_hits": true}
	if len(aggs) > 0 {
		body["aggs"] = aggs
	}
	r, err := e.search(ctx, t.target, body, url.Values{})
	if err != nil {
		return nil, err
	}
	f.rows = r.Total.Value
	groups, err := r.groups()
	if err != nil {
		return nil, badAnswer(err)
	}
	for name, raw := range r.parts() {
		if m := ends[name]; m != nil {
			m.under = name
			v, err := m.value(groups, f.rows)
			at, ok := v.(time.Time)
			switch {
			case err != nil || !ok: // a time that is written in a way of its own: the table's range stays unknown
			case name == "start":
				f.start = at
			default:
				f.end = at
			}
			continue
		}
		if err := f.take(name, raw, sources); err != nil {
			return nil, err
		}
	}
	t.facts = f
	f.aliasOf = aliases(t)
	return f, nil
}

// take reads one aggregation of learn.
func (f *facts) take(name string, raw json.RawMessage, sources map[string][]string) error {
	var a struct {
		Count   int64 `json:"doc_count"`
		Buckets []struct {
			Key   any   `json:"key"`
			Count int64 `json:"doc_count"`
		} `json:"buckets"`
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	what, of, _ := strings.Cut(name, " ")
	switch what {
	case "has":
		place, column, _ := strings.Cut(of, " ")
		i, err := strconv.Atoi(place)
		if err == nil && a.Count == 0 && f.rows > 0 && len(sources[column]) == 1 {
			f.none[column] = true
		}
		if err != nil || a.Count < f.rows {
			return err
		}
		f.always[column] = true
		if have := f.best[column]; have == "" || slices.Index(sources[column], have) > i {
			f.best[column] = sources[column][i]
		}
	case "word":
		words, differ := map[string]string{}, false
		for _, b := range a.Buckets {
			if s, ok := b.Key.(string); ok {
				words[s] = record.Word(of, s)
				differ = differ || words[s] != s
			}
		}
		if differ {
			f.words[of] = words
		}
	}
	return nil
}

// aliases maps the other spellings of a table's columns to the names of records.
func aliases(t *table) map[string]string {
	cols := local.Core(t.kind)
	known := map[string]bool{}
	for i := range cols {
		cols[i].SQL = cols[i].Name
		known[cols[i].Name] = true
	}
	for name := range t.sources() {
		if !known[name] {
			cols = append(cols, catalog.Column{Name: name, SQL: name})
		}
	}
	out := map[string]string{}
	for _, c := range local.Aliases(t.kind, cols) {
		out[c.Name] = c.SQL
	}
	return out
}

// timeLeaf is the index's field that holds the table's time, nil if the index cannot be asked for it.
func (t *table) timeLeaf() *leaf {
	name := local.TimeField(t.kind)
	if t.kind == engine.Generic || name == "" {
		return nil
	}
	var ls []*leaf
	if t.convert {
		ls = t.convertLeaves(name)
	} else {
		for _, raw := range t.sources()[name] {
			ls = append(ls, t.mapping.leaves[raw])
		}
	}
	for _, l := range ls {
		if l != nil && l.exact != "" && (l.prop.Type == "date" || l.prop.Type == "date_nanos") {
			return l
		}
	}
	return nil
}
