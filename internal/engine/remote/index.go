package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/record"
)

// mappingAge is how long a mapping is believed. One that misses a field that a query names is read again at once.
const mappingAge = time.Minute

// kindOf returns the kind that one of the four well-known table names stands for.
func kindOf(name string) (engine.Kind, bool) {
	switch k := engine.Kind(name); k {
	case engine.Logs, engine.Spans, engine.Metrics, engine.ServiceMap:
		return k, true
	default:
		return engine.Generic, false
	}
}

// table returns the table for a name after source=: one of the well-known ones, or an index expression.
func (e *Engine) table(ctx context.Context, name string) (*table, error) {
	e.mu.Lock()
	t := e.tables[name]
	e.mu.Unlock()
	if t != nil && e.now().Sub(t.known) < mappingAge {
		return t, nil
	}
	t, err := e.open(ctx, name)
	if err != nil {
		return nil, err
	}
	e.keep(t)
	return t, nil
}

func (e *Engine) keep(t *table) {
	e.mu.Lock()
	defer e.mu.Unlock()
	const most = 1000 // a bound for names that queries make up
	if len(e.tables) >= most {
		clear(e.tables)
	}
	e.tables[t.name] = t
}

// open reads what the cluster knows of a table.
func (e *Engine) open(ctx context.Context, name string) (*table, error) {
	t := &table{name: name, target: target(name), raw: true, kind: engine.Generic, known: e.now()}
	kind, wellKnown := kindOf(name)
	if wellKnown {
		at, notes, err := e.indices(ctx, kind)
		if err != nil {
			return nil, err
		}
		if at != "" {
			t.target, t.raw, t.kind, t.notes = target(at), false, kind, notes
		}
	}
	m, err := e.mappings(ctx, t.target)
	if err != nil {
		return nil, e.missing(ctx, err, name)
	}
	t.mapping, t.form = m, record.FormOf(m.names())
	var samples [][]byte
	if t.raw {
		t.kind = engine.Kind(t.form.Kind())
		return t, t.describe(ctx, nil)
	}
	if engine.Kind(t.form.Kind()) != t.kind { // documents of a form that is not known, under a name that is
		t.form = record.Form{}
	}
	t.convert = !t.form.Renames()
	if t.convert {
		if samples, err = e.samples(ctx, t); err != nil {
			return nil, err
		}
	}
	if t.facts, err = e.learn(ctx, t); err != nil {
		return nil, err
	}
	return t, t.describe(ctx, samples)
}

// target is an index expression as a URL has it: names with commas between them, without blanks.
func target(name string) string {
	parts := strings.Split(name, ",")
	for i, p := range parts {
		parts[i] = strings.TrimSpace(p)
	}
	return strings.Join(parts, ",")
}

// mappings reads the mappings of an index expression; where that is refused, or the indices are another cluster's, what the field
// capabilities say of them.
func (e *Engine) mappings(ctx context.Context, target string) (*mapping, error) {
	if strings.Contains(target, ":") {
		return e.capable(ctx, target)
	}
	res, err := e.cluster.Do(ctx, opensearch.Request{Path: opensearch.Path(target, "_mapping"), Idempotent: true, Timeout: e.timeout(ctx), MaxBytes: maxReply})
	if err != nil {
		var refused *opensearch.ResponseError
		if errors.As(err, &refused) && refused.Status == http.StatusForbidden {
			if m, err := e.capable(ctx, target); err == nil {
				return m, nil
			}
		}
		return nil, err
	}
	m, err := parseMappings(res.Body)
	if err != nil {
		return nil, fault.WithCode(fmt.Errorf("cluster %s: %w", e.cluster.Name(), err), fault.Unavailable)
	}
	if len(m.indices) == 0 {
		return nil, errNoIndex
	}
	return m, nil
}

// errNoIndex says that an index expression matches nothing.
var errNoIndex = fault.New(fault.NotFound, "no index matches")

// capability is what GET _field_caps says of a field as one type.
type capability struct {
	Type         string   `json:"type"`
	Searchable   bool     `json:"searchable"`
	Aggregatable bool     `json:"aggregatable"`
	Metadata     bool     `json:"metadata_field"`
	Indices      []string `json:"indices"`
}

type capabilities struct {
	Indices []string                         `json:"indices"`
	Fields  map[string]map[string]capability `json:"fields"`
}

func (e *Engine) fieldCaps(ctx context.Context, target string, query url.Values) (*capabilities, error) {
	res, err := e.cluster.Do(ctx, opensearch.Request{
		Path: opensearch.Path(target, "_field_caps"), Query: query, Idempotent: true, Timeout: e.timeout(ctx), MaxBytes: maxReply,
	})
	if err != nil {
		return nil, err
	}
	var out capabilities
	if err := json.Unmarshal(res.Body, &out); err != nil {
		return nil, fault.WithCode(fmt.Errorf("cluster %s: read field capabilities: %w", e.cluster.Name(), err), fault.Unavailable)
	}
	return &out, nil
}

// capable makes a mapping of the field capabilities. They do not tell formats and limits, so little is promised.
func (e *Engine) capable(ctx context.Context, target string) (*mapping, error) {
	caps, err := e.fieldCaps(ctx, target, url.Values{"fields": {"*"}})
	if err != nil {
		return nil, err
	}
	if len(caps.Indices) == 0 {
		return nil, errNoIndex
	}
	m := &mapping{indices: caps.Indices}
	m.top.Properties = map[string]*property{}
	for _, name := range slices.Sorted(maps.Keys(caps.Fields)) {
		caps.put(&m.top.property, name)
	}
	m.index()
	return m, nil
}

// put adds a field to the tree of properties; parents come before their members.
func (c *capabilities) put(top *property, name string) {
	p := &property{}
	no := false
	for _, typ := range slices.Sorted(maps.Keys(c.Fields[name])) {
		f := c.Fields[name][typ]
		switch {
		case f.Metadata || typ == "unmapped" || strings.HasPrefix(name, "_"):
			return
		case p.Type != "" && p.Type != typ:
			p.Type, p.conflict = wider(p.Type, typ), true
		default:
			p.Type = typ
		}
		if !f.Searchable {
			p.Index = &no
		}
		if !f.Aggregatable {
			p.DocValues = &no
		}
	}
	const unknownLimit = 256 // what dynamic mapping gives to keywords
	switch p.Type {
	case "keyword":
		p.IgnoreAbove = unknownLimit
	case "object", "nested":
		p.Index, p.DocValues = nil, nil
	case "text":
		p.DocValues = nil
	}
	at := top
	parts := strings.Split(name, ".")
	for i, part := range parts {
		last := i == len(parts)-1
		if at.Type != "" && at.Type != "object" && at.Type != "nested" { // a multi-field
			if at.Fields == nil {
				at.Fields = map[string]*property{}
			}
			at.Fields[strings.Join(parts[i:], ".")] = p
			return
		}
		if at.Properties == nil {
			at.Properties = map[string]*property{}
		}
		next := at.Properties[part]
		switch {
		case last && next != nil && next.Type == "" && p.Type != "":
			next.Type = p.Type
		case last:
			at.Properties[part] = p
		case next == nil:
			next = &property{}
			at.Properties[part] = next
		}
		at = next
	}
}

// missing turns the refusal of an index that is not there into one that names those that are.
func (e *Engine) missing(ctx context.Context, err error, name string) error {
	var refused *opensearch.ResponseError
	if !errors.Is(err, errNoIndex) && (!errors.As(err, &refused) || refused.Status != http.StatusNotFound) {
		return err
	}
	names := e.names(ctx)
	err = fault.New(fault.NotFound, "no such index %q on cluster %s", name, e.cluster.Name())
	const show = 12
	switch near := syntax.Nearest(name, names); {
	case len(names) == 0:
		return fault.WithHint(err, "The cluster shows this user no index.")
	case near != "":
		return fault.WithHint(err, "Did you mean %s?", near)
	case len(names) > show:
		return fault.WithHint(err, "The indices are %s and %d more.", strings.Join(names[:show], ", "), len(names)-show)
	default:
		return fault.WithHint(err, "The indices are %s.", strings.Join(names, ", "))
	}
}

// names lists the indices, aliases and data streams that this user may see, without hidden ones; nil when that cannot be known.
func (e *Engine) names(ctx context.Context) []string {
	res, err := e.cluster.Do(ctx, opensearch.Request{Path: "/_resolve/index/*", Idempotent: true, Timeout: e.timeout(ctx)})
	if err != nil {
		return nil
	}
	type named struct {
		Name string `json:"name"`
	}
	var out struct{ Indices, Aliases, DataStreams []named }
	var wire struct {
		Indices     []named `json:"indices"`
		Aliases     []named `json:"aliases"`
		DataStreams []named `json:"data_streams"`
	}
	if json.Unmarshal(res.Body, &wire) != nil {
		return nil
	}
	out.Indices, out.Aliases, out.DataStreams = wire.Indices, wire.Aliases, wire.DataStreams
	var names []string
	for _, n := range slices.Concat(out.Indices, out.Aliases, out.DataStreams) {
		if !strings.HasPrefix(n.Name, ".") {
			names = append(names, n.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// at gives an error about an index its place in the query.
func (e *Engine) at(err error, span syntax.Span) error { return plan.SourceError(err, span) }

// sampleSize is how many documents show what mappings do not say.
const sampleSize = 200

// samples reads some documents of a table, converted if it needs that.
func (e *Engine) samples(ctx context.Context, t *table) ([][]byte, error) {
	r, err := e.search(ctx, t.target, dsl{"size": sampleSize, "track_total_hits": false}, nil)
	if err != nil {
		return nil, err
	}
	var docs [][]byte
	if !t.convert {
		for i := range r.Hits {
			docs = append(docs, r.Hits[i].Source)
		}
		return docs, nil
	}
	c := &converter{t: t, add: func(doc []byte) error { docs = append(docs, slices.Clone(doc)); return nil }}
	for i := range r.Hits {
		if err := c.put(ctx, &r.Hits[i]); err != nil {
			return nil, err
		}
	}
	return docs, c.flush(ctx)
}

// look learns more of the tables of a query that did not fit them: newer mappings, and what samples show. It reports whether
// anything was learned that may make a difference.
func (e *Engine) look(ctx context.Context, p *planner) (bool, error) {
	done := map[string]bool{}
	learned := false
	for _, f := range p.fetches {
		name := f.t.name
		if done[name] || f.t.sampled && e.now().Sub(f.t.known) < time.Second {
			continue
		}
		done[name] = true
		t, err := e.open(ctx, name)
		if err != nil {
			return false, err
		}
		docs, err := e.samples(ctx, t)
		if err != nil {
			return false, err
		}
		if err := t.describe(ctx, docs); err != nil {
			return false, err
		}
		t.sampled = true
		e.keep(t)
		learned = true
	}
	return learned, nil
}

// notes are what the reader of an answer must know of the tables it was read from.
func (p *planner) notes() []string {
	var out []string
	for _, f := range p.fetches {
		for _, n := range f.t.notes {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	return out
}
