package opensearch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Search is one POST _search.
type Search struct {
	Index    string // names, aliases, patterns, remote:names, by comma; "" = none named, as a search in a point in time
	Body     []byte // the query DSL
	Query    url.Values
	Timeout  time.Duration
	MaxBytes int64
}

// Hit is one document found.
type Hit struct {
	Index  string            `json:"_index"`
	ID     string            `json:"_id"`
	Score  *float64          `json:"_score"`
	Source json.RawMessage   `json:"_source"`
	Fields json.RawMessage   `json:"fields"`
	Sort   []json.RawMessage `json:"sort"`
}

// Found is the answer to a Search.
type Found struct {
	Took         int64 // milliseconds, by the cluster's clock
	TimedOut     bool  // the numbers are of what was done by then
	Shards       Shards
	Total        int64 // documents that match
	AtLeast      bool  // Total is a lower bound: track_total_hits was not true
	Hits         []Hit
	Aggregations json.RawMessage
	PIT          string // the point in time as it is called from now on
	Scroll       string
	Bytes        int64 // of the answer, unpacked
}

type foundBody struct {
	Took     int64  `json:"took"`
	TimedOut bool   `json:"timed_out"`
	Shards   Shards `json:"_shards"`
	PIT      string `json:"pit_id"`
	Scroll   string `json:"_scroll_id"`
	Hits     struct {
		Total *struct {
			Value    int64  `json:"value"`
			Relation string `json:"relation"`
		} `json:"total"`
		Hits []Hit `json:"hits"`
	} `json:"hits"`
	Aggregations json.RawMessage `json:"aggregations"`
}

// Search runs a search. Shards that failed are no error unless all did: look at Found.Shards and Found.TimedOut, and tell.
func (c *Client) Search(ctx context.Context, s Search) (*Found, error) {
	path := "/_search"
	if s.Index != "" {
		path = Path(s.Index, "_search")
	}
	res, err := c.Do(ctx, Request{Method: http.MethodPost, Path: path, Query: s.Query, Body: s.Body, Idempotent: true, Timeout: s.Timeout, MaxBytes: s.MaxBytes})
	if err != nil {
		return nil, err
	}
	return c.found(res.Body)
}

func (c *Client) found(body []byte) (*Found, error) {
	var b foundBody
	if err := c.Decode(body, &b); err != nil {
		return nil, err
	}
	out := &Found{
		Took: b.Took, TimedOut: b.TimedOut, Shards: b.Shards, Hits: b.Hits.Hits, Aggregations: b.Aggregations, PIT: b.PIT, Scroll: b.Scroll,
		Bytes: int64(len(body)),
	}
	if t := b.Hits.Total; t != nil {
		out.Total, out.AtLeast = t.Value, t.Relation == "gte"
	}
	return out, nil
}

// Decode reads the JSON of an answer; an error names the cluster.
func (c *Client) Decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return fault.WithHint(fault.New(fault.Unavailable, "cluster %s: read the answer: %w", c.Name(), err), "What answers at %s may be no OpenSearch, or a proxy changes its answers.", c.Address())
	}
	return nil
}

// Shards tells of how many shards an answer was made.
type Shards struct {
	Total      int            `json:"total"`
	Successful int            `json:"successful"`
	Skipped    int            `json:"skipped"` // could hold nothing that matches; counted as successful
	Failed     int            `json:"failed"`
	Failures   []ShardFailure `json:"failures"`
}

// ShardFailure is one shard that did not answer.
type ShardFailure struct {
	Index  string      `json:"index"`
	Shard  int         `json:"shard"`
	Node   string      `json:"node"`
	Reason errorDetail `json:"reason"`
}

// Text tells the failure on one line.
func (f ShardFailure) Text() string {
	kind, reason, _ := f.Reason.words()
	if kind != "" && reason != "" {
		kind += ": "
	}
	return fmt.Sprintf("%s[%d]: %s%s", f.Index, f.Shard, kind, reason)
}

// namedFailures bounds the failures that a note quotes: the others mostly have the same reason.
const namedFailures = 3

// Note says in one sentence what an answer lacks, or "" when it is whole. Every answer that rests on a search must carry it.
func (s Shards) Note(timedOut bool) string {
	var parts []string
	missing := max(s.Total-s.Successful, s.Failed)
	if missing > 0 {
		text := fmt.Sprintf("%d of %d shards did not answer, so counts are too low", missing, s.Total)
		var reasons []string
		for _, f := range s.Failures {
			if len(reasons) == namedFailures {
				break
			}
			reasons = append(reasons, f.Text())
		}
		if len(reasons) > 0 {
			text += " (" + strings.Join(reasons, "; ") + ")"
		}
		parts = append(parts, text)
	}
	if timedOut {
		parts = append(parts, "the search ran into its time limit, so counts are too low")
	}
	return strings.Join(parts, "; ")
}

// ShardsOf reads how whole a raw answer of _search, _count or another broadcast is.
func ShardsOf(body []byte) (s Shards, timedOut bool, err error) {
	var b struct {
		Shards   Shards `json:"_shards"`
		TimedOut bool   `json:"timed_out"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return Shards{}, false, fmt.Errorf("read _shards: %w", err)
	}
	return b.Shards, b.TimedOut, nil
}

// worse returns the less whole of two.
func (s Shards) worse(t Shards) Shards {
	if t.Total-t.Successful+t.Failed > s.Total-s.Successful+s.Failed {
		return t
	}
	return s
}
