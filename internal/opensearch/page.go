package opensearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Bounds of paging. A page is asked to be about pageBytes long, so that memory stays the same whatever a document weighs.
const (
	maxPage     = 10_000 // index.max_result_window
	firstPage   = 1_000  // until the weight of a document is known
	minPage     = 50     // below that the requests cost more than the documents
	pageBytes   = 4 << 20
	keepAlive   = "180s"          // of a point in time or scroll between two pages: what is done with a page may be slow
	closeBudget = 5 * time.Second // to give it back when the work is done or given up
)

// Pages says which documents to read, all of them, in order.
type Pages struct {
	Index string
	Body  map[string]any // the DSL without sort, size, from and search_after: query, _source, fields, ...
	Sort  []any          // as in DSL; nil = the order that costs least
	Max   int64          // documents at most; 0 = all
	// Timeout is of one page.
	Timeout time.Duration
}

// PageWay says how pages were read.
type PageWay string

// The ways of paging.
const (
	ByPIT         PageWay = "point in time" // one state of the index, whatever is written meanwhile
	ByScroll      PageWay = "scroll"        // the same, for clusters and users without points in time
	BySearchAfter PageWay = "search_after"  // what is written meanwhile may show or not: Serverless has neither of the others
)

// Paged tells how paging went.
type Paged struct {
	Way      PageWay
	Hits     int64
	Total    int64 // documents that match, by the first page
	Requests int
	Shards   Shards // of the least whole page
	TimedOut bool
	More     bool // Max cut it
}

// Note says what is not whole, or "".
func (p *Paged) Note() string { return p.Shards.Note(p.TimedOut) }

// Pages reads every document that matches and hands it over, a page in memory at a time. It opens a point in time and closes it
// at the end; without one it scrolls, and on Serverless it goes by search_after. An error of each stops it and is returned.
//
// In a point in time the order is Sort and then _doc, the place in the shard. Documents of different shards may share such a
// key, so a page gives up its last group of equal keys to the next page: no document is lost or read twice.
func (c *Client) Pages(ctx context.Context, p Pages, each func(Hit) error) (*Paged, error) {
	r := &pager{c: c, p: p, each: each, size: firstPage, out: &Paged{}}
	err := r.run(ctx)
	return r.out, err
}

type pager struct {
	c    *Client
	p    Pages
	each func(Hit) error
	size int
	out  *Paged
	pit  string
}

func (r *pager) run(ctx context.Context) error {
	if r.c.Serverless() {
		return r.searchAfter(ctx)
	}
	pit, err := r.c.openPIT(ctx, r.p.Index)
	switch {
	case err == nil:
		r.pit = pit
		defer func() { r.c.closePIT(ctx, r.pit) }()
		return r.pages(ctx)
	case noPIT(err):
		return r.scroll(ctx)
	}
	return err
}

// noPIT reports whether points in time are not to be had here, as opposed to an index or cluster that is not there.
func noPIT(err error) bool {
	bad, ok := errors.AsType[*ResponseError](err)
	return ok && (bad.Status == http.StatusBadRequest || bad.Status == http.StatusForbidden || bad.Status == http.StatusMethodNotAllowed || bad.Status == http.StatusNotImplemented)
}

func (c *Client) openPIT(ctx context.Context, index string) (string, error) {
	res, err := c.Do(ctx, Request{
		Method: http.MethodPost, Path: Path(index, "_search", "point_in_time"),
		Query: url.Values{"keep_alive": {keepAlive}},
	})
	if err != nil {
		return "", err
	}
	var b struct {
		ID string `json:"pit_id"`
	}
	if err := c.Decode(res.Body, &b); err != nil {
		return "", err
	}
	if b.ID == "" {
		return "", fault.New(fault.Unsupported, "cluster %s: opened a point in time without an id", c.Name())
	}
	return b.ID, nil
}

// closePIT gives a point in time back, also when the caller has gone: it holds files on every node until then.
func (c *Client) closePIT(ctx context.Context, id string) {
	body, err := json.Marshal(map[string]any{"pit_id": []string{id}})
	if err != nil {
		return
	}
	// What fails here is freed by its keep_alive.
	_, _ = c.Do(context.WithoutCancel(ctx), Request{Method: http.MethodDelete, Path: "/_search/point_in_time", Body: body, Idempotent: true, Timeout: closeBudget})
}

// pages reads by point in time.
func (r *pager) pages(ctx context.Context) error {
	r.out.Way = ByPIT
	return r.walk(ctx, append(slices.Clone(r.p.Sort), map[string]any{"_doc": "asc"}), "", func(body map[string]any) {
		body["pit"] = map[string]any{"id": r.pit, "keep_alive": keepAlive}
	})
}

// searchAfter reads without a kept state, in the order of Sort and then _id.
func (r *pager) searchAfter(ctx context.Context) error {
	r.out.Way = BySearchAfter
	return r.walk(ctx, append(slices.Clone(r.p.Sort), map[string]any{"_id": "asc"}), r.p.Index, func(map[string]any) {})
}

// walk asks page after page by search_after.
func (r *pager) walk(ctx context.Context, sort []any, index string, complete func(map[string]any)) error {
	var after []json.RawMessage
	for {
		body := r.body(sort)
		if after != nil {
			// The count stays on: without it OpenSearch 3 answers a range by its first documents alone, and pages miss the others.
			body["search_after"] = after
		}
		complete(body)
		found, err := r.ask(ctx, index, body, nil)
		if err != nil {
			return err
		}
		if found.PIT != "" {
			r.pit = found.PIT
		}
		hits, last := found.Hits, len(found.Hits) < r.asked(body)
		if !last {
			if hits = withoutLastKey(found.Hits); hits == nil {
				if r.size == maxPage {
					return fault.New(fault.Unsupported, "cluster %s: %d documents with one sort key", r.c.Name(), len(found.Hits))
				}
				r.size = min(4*r.size, maxPage) // as many shards as that share the key: ask for more at once
				continue
			}
		}
		done, err := r.hand(ctx, hits)
		if err != nil || done || last {
			return err
		}
		after = hits[len(hits)-1].Sort
		r.resize(found)
	}
}

// scroll reads by scroll.
func (r *pager) scroll(ctx context.Context) error {
	r.out.Way = ByScroll
	sort := r.p.Sort
	if len(sort) == 0 {
		sort = []any{"_doc"}
	}
	found, err := r.ask(ctx, r.p.Index, r.body(sort), url.Values{"scroll": {keepAlive}})
	if err != nil {
		return err
	}
	id := found.Scroll
	defer func() { r.c.clearScroll(ctx, id) }()
	for len(found.Hits) > 0 {
		if done, err := r.hand(ctx, found.Hits); err != nil || done {
			return err
		}
		body, err := json.Marshal(map[string]any{"scroll": keepAlive, "scroll_id": id})
		if err != nil {
			return fmt.Errorf("write the scroll: %w", err)
		}
		// Not idempotent: a scroll that is asked twice skips a page.
		res, err := r.c.Do(ctx, Request{Method: http.MethodPost, Path: "/_search/scroll", Body: body, Timeout: r.p.Timeout})
		if err != nil {
			return err
		}
		if found, err = r.c.found(res.Body); err != nil {
			return err
		}
		if found.Scroll != "" {
			id = found.Scroll
		}
		r.note(found)
	}
	return nil
}

func (c *Client) clearScroll(ctx context.Context, id string) {
	body, err := json.Marshal(map[string]any{"scroll_id": []string{id}})
	if err != nil {
		return
	}
	_, _ = c.Do(context.WithoutCancel(ctx), Request{Method: http.MethodDelete, Path: "/_search/scroll", Body: body, Idempotent: true, Timeout: closeBudget})
}

func (r *pager) body(sort []any) map[string]any {
	body := maps.Clone(r.p.Body)
	if body == nil {
		body = map[string]any{}
	}
	body["sort"], body["size"], body["track_total_hits"] = sort, r.size, true
	return body
}

func (r *pager) asked(body map[string]any) int {
	n, _ := body["size"].(int)
	return n
}

// ask searches; a page that is too large is asked again at half its size.
func (r *pager) ask(ctx context.Context, index string, body map[string]any, query url.Values) (*Found, error) {
	for {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("write the search: %w", err)
		}
		found, err := r.c.Search(ctx, Search{Index: index, Body: raw, Query: query, Timeout: r.p.Timeout})
		if fault.CodeOf(err) == fault.TooLarge && r.size > minPage {
			r.size = max(r.size/2, minPage)
			body["size"] = r.size
			continue
		}
		if err != nil {
			return nil, err
		}
		r.note(found)
		return found, nil
	}
}

func (r *pager) note(f *Found) {
	if r.out.Requests == 0 {
		r.out.Total = f.Total
	}
	r.out.Requests++
	r.out.Shards = r.out.Shards.worse(f.Shards)
	if r.out.Shards.Total == 0 {
		r.out.Shards = f.Shards
	}
	r.out.TimedOut = r.out.TimedOut || f.TimedOut
}

// hand gives the documents of a page to the caller. done means enough.
func (r *pager) hand(ctx context.Context, hits []Hit) (done bool, err error) {
	for _, h := range hits {
		if r.p.Max > 0 && r.out.Hits >= r.p.Max {
			r.out.More = true
			return true, nil
		}
		if err := r.each(h); err != nil {
			return true, err
		}
		r.out.Hits++
	}
	return false, ctx.Err()
}

// resize makes the next page about pageBytes long.
func (r *pager) resize(f *Found) {
	if len(f.Hits) > 0 {
		weight := max(f.Bytes/int64(len(f.Hits)), 1)
		r.size = int(min(max(pageBytes/weight, minPage), maxPage))
	}
	if r.p.Max > 0 {
		r.size = int(min(int64(r.size), max(r.p.Max-r.out.Hits+1, minPage)))
	}
}

// withoutLastKey returns the hits up to the last group of equal sort keys, nil when there is only one group.
func withoutLastKey(hits []Hit) []Hit {
	last := hits[len(hits)-1].Sort
	for n := len(hits) - 1; n > 0; n-- {
		if !slices.EqualFunc(hits[n-1].Sort, last, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
			return hits[:n]
		}
	}
	return nil
}
