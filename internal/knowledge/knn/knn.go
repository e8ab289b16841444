// Package knn keeps the chunks of knowledge bases in an OpenSearch index: words by BM25, vectors by an HNSW graph of the lucene
// engine. It is for bases beyond what one file answers quickly. One index holds one dimension, which it takes from the first
// vectors; the name of the index ends in it, so that another model gets another index.
package knn

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/knowledge"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

// Cluster is the client as it is used here.
type Cluster interface {
	Do(ctx context.Context, r opensearch.Request) (*opensearch.Response, error)
	Search(ctx context.Context, s opensearch.Search) (*opensearch.Found, error)
}

// Index is a store of chunks in a cluster. The index is made at the first Put.
type Index struct {
	cluster func() (Cluster, error)
	prefix  string

	mu   sync.Mutex
	made map[int]bool // by dimension
}

var _ knowledge.Lists = (*Index)(nil)

// New returns a store whose indices are named prefix-DIMENSION. The cluster is asked for at the first use.
func New(cluster func() (Cluster, error), prefix string) *Index {
	return &Index{cluster: cluster, prefix: prefix, made: map[int]bool{}}
}

func (x *Index) name(dimension int) string { return fmt.Sprintf("%s-%d", x.prefix, dimension) }

// mapping of an index. Words are stemmed as the file's are.
func mapping(dimension int) map[string]any {
	keyword := map[string]any{"type": "keyword"}
	text := map[string]any{"type": "text", "analyzer": "english"}
	return map[string]any{
		"settings": map[string]any{"index": map[string]any{"knn": true}},
		"mappings": map[string]any{"dynamic": "strict", "properties": map[string]any{
			"base": keyword, "path": keyword, "kind": keyword, "model": keyword, "heading": text, "text": text,
			"vector": map[string]any{"type": "knn_vector", "dimension": dimension, "method": map[string]any{
				"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil",
			}},
		}},
	}
}

// make creates the index unless it is there.
func (x *Index) make(ctx context.Context, c Cluster, dimension int) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.made[dimension] {
		return nil
	}
	body, err := json.Marshal(mapping(dimension))
	if err != nil {
		return err
	}
	_, err = c.Do(ctx, opensearch.Request{Method: http.MethodPut, Path: opensearch.Path(x.name(dimension)), Body: body})
	if err != nil && !strings.Contains(err.Error(), "resource_already_exists_exception") {
		return fmt.Errorf("make index %s: %w", x.name(dimension), err)
	}
	x.made[dimension] = true
	return nil
}

// Put implements knowledge.Lists. All vectors of a call have one dimension.
func (x *Index) Put(ctx context.Context, chunks []knowledge.Listed) error {
	if len(chunks) == 0 {
		return nil
	}
	c, err := x.cluster()
	if err != nil {
		return err
	}
	dimension := len(chunks[0].Vector)
	if err := x.make(ctx, c, dimension); err != nil {
		return err
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	for _, l := range chunks {
		action := map[string]any{"index": map[string]any{"_index": x.name(dimension), "_id": strconv.FormatInt(l.ID, 10)}}
		if err := enc.Encode(action); err != nil {
			return err
		}
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	return bulk(ctx, c, body.Bytes())
}

// Delete implements knowledge.Lists. It asks every index of the prefix, since the dimension may have changed.
func (x *Index) Delete(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	c, err := x.cluster()
	if err != nil {
		return err
	}
	values := make([]string, len(ids))
	for i, id := range ids {
		values[i] = strconv.FormatInt(id, 10)
	}
	body, err := json.Marshal(map[string]any{"query": map[string]any{"ids": map[string]any{"values": values}}})
	if err != nil {
		return err
	}
	_, err = c.Do(ctx, opensearch.Request{
		Method: http.MethodPost, Path: opensearch.Path(x.prefix+"-*", "_delete_by_query"), Body: body,
		Query: url.Values{"refresh": {"true"}, "conflicts": {"proceed"}, "allow_no_indices": {"true"}, "ignore_unavailable": {"true"}},
	})
	if err != nil {
		return fmt.Errorf("delete %d chunks: %w", len(ids), err)
	}
	return nil
}

// bulk sends a bulk request and fails when any item does.
func bulk(ctx context.Context, c Cluster, body []byte) error {
	res, err := c.Do(ctx, opensearch.Request{
		Method: http.MethodPost, Path: "/_bulk", Body: body, ContentType: "application/x-ndjson", Query: url.Values{"refresh": {"true"}}, Idempotent: true,
	})
	if err != nil {
		return fmt.Errorf("write chunks: %w", err)
	}
	var reply struct {
		Errors bool `json:"errors"`
		Items  []map[string]struct {
			Error *struct {
				Type   string `json:"type"`
				Reason string `json:"reason"`
			} `json:"error"`
		} `json:"items"`
	}
	if err := json.Unmarshal(res.Body, &reply); err != nil {
		return fault.New(fault.Unavailable, "write chunks: read the reply: %w", err)
	}
	for _, item := range reply.Items {
		for _, r := range item {
			if r.Error != nil {
				return fault.New(fault.Unavailable, "write chunks: %s: %s", r.Error.Type, r.Error.Reason)
			}
		}
	}
	return nil
}

// Words implements knowledge.Lists. A word in a heading counts twice, as in the file.
func (x *Index) Words(ctx context.Context, terms []string, f knowledge.Filter, n int) ([]knowledge.Ranked, error) {
	match := map[string]any{"multi_match": map[string]any{"query": strings.Join(terms, " "), "fields": []string{"heading^2", "text"}, "type": "most_fields"}}
	return x.search(ctx, x.prefix+"-*", map[string]any{"bool": map[string]any{"must": match, "filter": filters(f, "")}}, n, func(s float64) float64 { return s })
}

// Near implements knowledge.Lists. The filter is applied while the graph is searched.
func (x *Index) Near(ctx context.Context, vector []float32, model string, f knowledge.Filter, n int) ([]knowledge.Ranked, error) {
	near := map[string]any{"vector": vector, "k": n, "filter": map[string]any{"bool": map[string]any{"filter": filters(f, model)}}}
	// Lucene scores a cosine as (1 + cosine) / 2.
	return x.search(ctx, x.name(len(vector)), map[string]any{"knn": map[string]any{"vector": near}}, n, func(s float64) float64 { return 2*s - 1 })
}

func filters(f knowledge.Filter, model string) []any {
	out := []any{}
	term := func(field, value string) {
		if value != "" {
			out = append(out, map[string]any{"term": map[string]any{field: value}})
		}
	}
	term("base", f.Base)
	term("kind", f.Kind)
	term("model", model)
	if f.Path != "" {
		pattern := f.Path
		if !strings.ContainsAny(pattern, "*?") {
			pattern = strings.TrimSuffix(pattern, "/") + "*"
		}
		out = append(out, map[string]any{"wildcard": map[string]any{"path": map[string]any{"value": pattern}}})
	}
	return out
}

func (x *Index) search(ctx context.Context, index string, query map[string]any, n int, score func(float64) float64) ([]knowledge.Ranked, error) {
	c, err := x.cluster()
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{"size": n, "_source": false, "track_total_hits": false, "query": query})
	if err != nil {
		return nil, err
	}
	found, err := c.Search(ctx, opensearch.Search{Index: index, Body: body, Query: url.Values{"ignore_unavailable": {"true"}, "allow_no_indices": {"true"}}})
	if err != nil {
		return nil, fmt.Errorf("search %s: %w", index, err)
	}
	out := make([]knowledge.Ranked, 0, len(found.Hits))
	for _, h := range found.Hits {
		id, err := strconv.ParseInt(h.ID, 10, 64)
		if err != nil || h.Score == nil {
			continue // not ours
		}
		out = append(out, knowledge.Ranked{ID: id, Score: score(*h.Score)})
	}
	return out, nil
}
