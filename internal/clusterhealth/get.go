package clusterhealth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

// Cluster is what this package asks of a client. *opensearch.Client is one.
type Cluster interface {
	Name() string
	Do(ctx context.Context, r opensearch.Request) (*opensearch.Response, error)
	Capabilities(ctx context.Context) (opensearch.Capabilities, error)
}

// Bounds of an answer.
const (
	maxRead   = 32 << 20 // of the cluster's: nodes stats of a thousand nodes
	maxAnswer = 12_000   // bytes given on; what is longer is cut and told
	maxLines  = 150      // of a table
	maxHits   = 50       // documents of a search without a size of its own is 10; more belongs into logs_query
)

// Answer is a trimmed answer of an endpoint.
type Answer struct {
	Path  string   // as asked
	JSON  bool     // else a table or text
	Text  string   // compact JSON, or lines
	Notes []string // what was trimmed and how to see it
}

// Get asks an endpoint that only reads and trims what comes back.
func Get(ctx context.Context, c Cluster, a Ask) (*Answer, error) {
	q, err := parse(a)
	if err != nil {
		return nil, err
	}
	out := &Answer{Path: q.asked}
	if enc := q.query.Encode(); enc != "" {
		out.Path += "?" + enc
	}
	q.prepare(out)
	r := q.request(maxRead)
	if q.isText() {
		r.Accept = "text/plain"
	}
	res, err := c.Do(ctx, r)
	if bad, ok := asResponse(err); ok && bad.Status == http.StatusNotFound && bad.Type == "" && bad.Reason == "" {
		out.fill([]byte("{}")) // how lists of pipelines and templates say that there is none
		return out, nil
	}
	if err != nil {
		return nil, q.explain(err)
	}
	out.fill(res.Body)
	return out, nil
}

// isText reports whether the endpoint answers lines for people.
func (q *question) isText() bool {
	last := ""
	if len(q.segments) > 0 {
		last = q.segments[len(q.segments)-1]
	}
	return strings.HasPrefix(q.form.form, "_cat/") || strings.HasPrefix(q.form.form, "_list/") || last == "hot_threads"
}

// prepare sets the parameters that make answers short.
func (q *question) prepare(out *Answer) {
	switch {
	case strings.HasPrefix(q.form.form, "_cat/"):
		if !q.query.Has("v") {
			q.query.Set("v", "true")
		}
		q.query.Del("format") // a table is the shortest form
	case q.form.trim != "" && !q.query.Has("filter_path"):
		q.query.Set("filter_path", q.form.trim)
		out.Notes = append(out.Notes, "trimmed to what tells how the cluster is: give filter_path to see other parts")
	case strings.HasSuffix(q.form.form, "_search") && q.query.Get("size") == "":
		var body map[string]any
		if json.Unmarshal(q.body, &body) == nil {
			if n, ok := body["size"].(float64); ok && n > maxHits {
				body["size"] = maxHits
				if raw, err := json.Marshal(body); err == nil {
					q.body = raw
					out.Notes = append(out.Notes, fmt.Sprintf("size %d instead of %.0f: read rows by logs_query", maxHits, n))
				}
			}
		}
	}
}

// explain adds what is known about an endpoint's refusals.
func (q *question) explain(err error) error {
	bad, ok := asResponse(err)
	if ok && bad.Status == http.StatusBadRequest && q.form.form == "_cluster/allocation/explain" && len(q.body) == 0 {
		return fault.WithHint(err, "Without a body it explains an unassigned shard, and there is none: give body {\"index\": NAME, \"shard\": 0, \"primary\": true}.")
	}
	return err
}

func (a *Answer) fill(raw []byte) {
	var tree any
	if json.Unmarshal(raw, &tree) != nil {
		a.lines(string(raw))
		return
	}
	a.JSON = true
	text, cut := trimJSON(tree, maxAnswer)
	a.Text = text
	if cut {
		a.Notes = append(a.Notes, fmt.Sprintf("cut from %d bytes: name an index, or give filter_path", len(raw)))
	}
}

func (a *Answer) lines(text string) {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	kept := all[:min(len(all), maxLines)]
	size := 0
	for i, l := range kept {
		if size += len(l) + 1; size > maxAnswer {
			kept = kept[:i]
			break
		}
	}
	a.Text = strings.Join(kept, "\n")
	if len(kept) < len(all) {
		a.Notes = append(a.Notes, fmt.Sprintf("the first %d of %d lines: name an index, choose columns by h=, sort by s=", len(kept), len(all)))
	}
}

// levels are the bounds tried one after the other until an answer is short enough: elements of a list, members of an object,
// bytes of a text, depth.
type levels struct{ list, object, text, depth int }

func trimLevels() []levels {
	return []levels{{1000, 2000, 2000, 40}, {50, 300, 500, 20}, {20, 80, 200, 12}, {8, 40, 120, 9}, {4, 20, 80, 7}, {2, 12, 60, 5}, {1, 8, 40, 4}}
}

// trimJSON writes a tree within limit bytes, by the mildest bounds that do it.
func trimJSON(tree any, limit int) (text string, cut bool) {
	for _, l := range trimLevels() {
		short, trimmed := l.trim(tree, 0)
		raw, err := json.Marshal(short)
		if err != nil {
			return "", true
		}
		if len(raw) <= limit {
			return string(raw), trimmed
		}
		text = string(raw)
	}
	return text[:limit] + "…", true
}

func (l levels) trim(v any, depth int) (any, bool) {
	switch v := v.(type) {
	case string:
		if len(v) > l.text {
			return strings.ToValidUTF8(v[:l.text], "") + "…", true
		}
	case []any:
		return l.trimList(v, depth)
	case map[string]any:
		return l.trimObject(v, depth)
	}
	return v, false
}

func (l levels) trimList(v []any, depth int) (any, bool) {
	if depth >= l.depth {
		return fmt.Sprintf("… %d elements", len(v)), true
	}
	cut := len(v) > l.list
	out := make([]any, 0, min(len(v), l.list)+1)
	for _, e := range v[:min(len(v), l.list)] {
		short, c := l.trim(e, depth+1)
		out, cut = append(out, short), cut || c
	}
	if len(v) > l.list {
		out = append(out, fmt.Sprintf("… %d more", len(v)-l.list))
	}
	return out, cut
}

func (l levels) trimObject(v map[string]any, depth int) (any, bool) {
	if depth >= l.depth {
		return fmt.Sprintf("… %d members", len(v)), true
	}
	keys := sortedKeys(v)
	cut := len(keys) > l.object
	out := make(map[string]any, len(keys))
	for _, k := range keys[:min(len(keys), l.object)] {
		short, c := l.trim(v[k], depth+1)
		out[k], cut = short, cut || c
	}
	if len(keys) > l.object {
		out["…"] = fmt.Sprintf("%d more", len(keys)-l.object)
	}
	return out, cut
}
