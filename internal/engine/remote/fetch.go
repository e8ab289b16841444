package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/ppl/command"
)

// fetch is one search of a table: what a scan of a query becomes.
type fetch struct {
	t      *table
	cat    *catalog.Table // of its own, so that its use can be told from that of another scan
	source string         // what fields may be qualified with
	rest   *command.Pipeline
	query  dsl   // nil = all documents
	sort   []dsl // nil = index order
	limit  int64 // documents wanted, -1 = all
	paths  []string
	values []string // of paths, all, when the index's columns are read instead of the documents
	every  bool     // all fields are wanted
	meta   bool     // _id and _index too
	unused bool     // the query looks at the table's columns alone
	agg    *aggregation
	pushed []string // the commands that the search answers, for people
}

// Paging. A page is what one request answers: large enough that the round trip does not count, small enough that memory is bounded.
const (
	firstPage = 1_000
	maxPage   = 10_000  // index.max_result_window
	pageBytes = 4 << 20 // of documents aimed at
	// maxReply bounds one answer: pages are aimed far below it, one document may have 100 MB at most (http.max_content_length).
	maxReply  = 128 << 20
	keepAlive = "2m" // of a point in time between two pages
	// serverTime is how much earlier than we the cluster gives up, so that its partial answer still arrives.
	serverTime = 500 * time.Millisecond
)

// body is the search request of a fetch for size documents.
func (f *fetch) body(size int64) dsl {
	out := dsl{"size": size}
	if f.query != nil {
		out["query"] = f.query
	}
	if len(f.sort) > 1 {
		out["sort"] = f.sort[:len(f.sort)-1] // equal documents come in the index's order anyway
	} else if size > 0 {
		out["sort"] = []any{"_doc"}
	}
	switch {
	case f.every:
	case size > 0 && len(f.values) > 0:
		out["_source"], out["stored_fields"] = false, "_none_"
		fields := make([]any, len(f.values))
		for i, p := range f.values {
			fields[i] = p
			if f.t.mapping.leaves[p].prop.Type == "date_nanos" {
				fields[i] = dsl{"field": p, "format": "strict_date_optional_time_nanos"}
			}
		}
		out["docvalue_fields"] = fields
	case len(f.paths) == 0:
		out["_source"] = false
	default:
		out["_source"] = f.paths
	}
	return out
}

// trouble collects what makes an answer less than complete, and what is estimated in it.
type trouble struct{ notes, estimates []string }

func (w *trouble) note(text string) {
	if !slices.Contains(w.estimates, text) {
		w.estimates = append(w.estimates, text)
	}
}

func (w *trouble) add(note string) {
	if !slices.Contains(w.notes, note) {
		w.notes = append(w.notes, note)
	}
}

// look notes shards that failed and time that ran out.
func (w *trouble) look(r *reply, target string) {
	if r.TimedOut {
		w.add(fmt.Sprintf("the cluster ran out of time on %s: the answer counts only what was looked at till then", target))
	}
	if r.Shards.Failed == 0 {
		return
	}
	why := ""
	if fs := r.Shards.Failures; len(fs) > 0 {
		why = fmt.Sprintf(" (%s: %s: %s)", fs[0].Index, fs[0].Reason.Type, fs[0].Reason.Reason)
	}
	w.add(fmt.Sprintf("%d of %d shards of %s failed and are missing from the answer%s", r.Shards.Failed, r.Shards.Total, target, clip(why, 300)))
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}

// search sends one search. extra are parameters of the URL.
func (e *Engine) search(ctx context.Context, target string, body dsl, extra url.Values) (*reply, error) {
	path := "/_search"
	if target != "" {
		path = opensearch.Path(target, "_search")
	}
	query := url.Values{}
	if target != "" {
		query.Set("ignore_unavailable", "true")
	}
	maps.Copy(query, extra)
	timeout := e.timeout(ctx)
	if inner := timeout - serverTime; inner > 0 {
		body["timeout"] = strconv.FormatInt(inner.Milliseconds(), 10) + "ms"
	}
	res, err := e.cluster.Do(ctx, opensearch.Request{
		Method: http.MethodPost, Path: path, Query: query, Body: []byte(text(body, false)), Idempotent: true, MaxBytes: maxReply, Timeout: timeout,
	})
	if err != nil {
		return nil, err
	}
	return e.parse(res.Body)
}

func (e *Engine) parse(body []byte) (*reply, error) {
	r, err := parseReply(body)
	if err != nil {
		return nil, fault.WithCode(fmt.Errorf("read answer of %s: %w", e.cluster.Name(), err), fault.Unavailable)
	}
	return r, nil
}

// timeout is the time a request has: what is left of the caller's, at most DefaultTimeout.
func (e *Engine) timeout(ctx context.Context) time.Duration {
	d := DefaultTimeout
	if at, ok := ctx.Deadline(); ok {
		d = min(d, time.Until(at))
	}
	return max(d, time.Millisecond)
}

// documents hands over the documents of a fetch in order: one request if they are few, else pages of a point in time.
func (e *Engine) documents(ctx context.Context, f *fetch, w *trouble, each func(h *hit) error) error {
	size := int64(firstPage)
	if f.limit >= 0 && f.limit <= maxPage {
		size = f.limit
	}
	size = f.t.page(size)
	body := f.body(size)
	// The count stays on where there is a condition: without it OpenSearch 3 may answer a range by the first documents it meets,
	// in no order, and further pages then miss others.
	body["track_total_hits"] = f.query != nil || f.limit < 0 || f.limit > size
	r, err := e.search(ctx, f.t.target, body, nil)
	if window := windowOf(err); window > 0 && window < size {
		f.t.window.Store(window)
		return e.documents(ctx, f, w, each)
	}
	if err != nil {
		return err
	}
	if again, err := f.checkValues(r); again || err != nil {
		if err != nil {
			return err
		}
		return e.documents(ctx, f, w, each)
	}
	w.look(r, f.t.target)
	n := int64(len(r.Hits))
	if n < size || n == f.limit || r.Total.Relation == "eq" && r.Total.Value <= n {
		return handOver(ctx, r.Hits, each)
	}
	return e.pages(ctx, f, f.t.page(pageOf(r.Hits)), w, each)
}

// checkValues makes documents of the columns of a page. again is true if they do not say what the documents do: the page must be
// read from these.
func (f *fetch) checkValues(r *reply) (again bool, err error) {
	if len(f.values) == 0 {
		return false, nil
	}
	err = single(r.Hits)
	if err == nil {
		return false, nil
	}
	if !errors.Is(err, errLists) {
		return false, badAnswer(err)
	}
	for _, p := range f.values {
		f.t.taint(p)
	}
	f.values = nil
	return true, nil
}

// page bounds the size of a page by what the table's indices answer at once.
func (t *table) page(size int64) int64 {
	if w := t.window.Load(); w > 0 {
		return min(size, w)
	}
	return size
}

// resultWindow finds the limit in the refusal of a page that is too large.
var resultWindow = regexp.MustCompile(`from \+ size must be less than or equal to: \[(\d+)\]`)

func windowOf(err error) int64 {
	var refused *opensearch.ResponseError
	if err == nil || !errors.As(err, &refused) {
		return 0
	}
	m := resultWindow.FindStringSubmatch(refused.Reason)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func handOver(ctx context.Context, hits []hit, each func(h *hit) error) error {
	for i := range hits {
		if i%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := each(&hits[i]); err != nil {
			return err
		}
	}
	return nil
}

// pageOf is how many documents like these make a page.
func pageOf(hits []hit) int64 {
	total := 0
	for i := range hits {
		total += len(hits[i].Source) + len(hits[i].ID) + 100
	}
	if total == 0 {
		return firstPage
	}
	return max(100, min(maxPage, int64(pageBytes*len(hits)/total)))
}

// pages reads all documents of a fetch from a point in time, so that what is written meanwhile changes nothing.
func (e *Engine) pages(ctx context.Context, f *fetch, size int64, w *trouble, each func(h *hit) error) error {
	if e.noPIT.Load() {
		return e.scroll(ctx, f, size, w, each)
	}
	pit, err := e.openPIT(ctx, f.t.target)
	if err != nil {
		if !noPIT(err) {
			return err
		}
		e.noPIT.Store(true)
		return e.scroll(ctx, f, size, w, each)
	}
	defer func() { e.closePIT(context.WithoutCancel(ctx), pit) }()
	body := f.body(size)
	// Ties are broken by the place in the shard, which is unique among all of them; _doc is not.
	body["sort"] = append(slices.Clone(f.sort[:max(0, len(f.sort)-1)]), dsl{"_shard_doc": dsl{"order": "asc"}})
	// Without the count OpenSearch 3 answers a range by its first documents in the order of the values, and pages of them miss
	// the others: seen on 3.6, 16,896 of 59,452 documents.
	body["track_total_hits"] = true
	left, first := f.limit, true
	var handed, total int64
	for ; ; first = false {
		if left >= 0 && left < size {
			size = left
		}
		body["size"] = size
		body["pit"] = dsl{"id": pit, "keep_alive": keepAlive}
		r, err := e.search(ctx, "", body, nil)
		if err != nil && first && noShardDoc(err) {
			e.noPIT.Store(true)
			return e.scroll(ctx, f, size, w, each)
		}
		if err != nil {
			return err
		}
		if r.PIT != "" {
			pit = r.PIT
		}
		if again, err := f.checkValues(r); again || err != nil {
			if err != nil {
				return err
			}
			for _, k := range []string{"stored_fields", "docvalue_fields"} {
				delete(body, k)
			}
			body["_source"] = f.paths
			continue // the same page, from the documents
		}
		w.look(r, f.t.target)
		hits := r.Hits
		if first {
			total = r.Total.Value
		}
		if err := handOver(ctx, hits, each); err != nil {
			return err
		}
		handed += int64(len(hits))
		if left >= 0 {
			left -= int64(len(hits))
		}
		if int64(len(hits)) < size || left == 0 {
			if left != 0 && handed < total {
				w.add(fmt.Sprintf("only %d of %d documents of %s came", handed, total, f.t.target))
			}
			return nil
		}
		body["search_after"] = hits[len(hits)-1].Sort
		size = f.t.page(pageOf(hits))
	}
}

func (e *Engine) openPIT(ctx context.Context, target string) (string, error) {
	res, err := e.cluster.Do(ctx, opensearch.Request{
		Method: http.MethodPost, Path: opensearch.Path(target, "_search", "point_in_time"), Query: url.Values{"keep_alive": {keepAlive}},
		Idempotent: true, Timeout: e.timeout(ctx),
	})
	if err != nil {
		return "", err
	}
	var out struct {
		ID string `json:"pit_id"`
	}
	if err := json.Unmarshal(res.Body, &out); err != nil || out.ID == "" {
		return "", fault.New(fault.Unavailable, "cluster %s: opened no point in time", e.cluster.Name())
	}
	return out.ID, nil
}

func (e *Engine) closePIT(ctx context.Context, id string) {
	_, err := e.cluster.Do(ctx, opensearch.Request{
		Method: http.MethodDelete, Path: "/_search/point_in_time", Body: []byte(text(dsl{"pit_id": []string{id}}, false)), Idempotent: true, Timeout: closeTimeout,
	})
	if err != nil {
		e.log.Debug("point in time stays open until it expires", errAttr(err))
	}
}

// closeTimeout bounds giving up what the cluster holds for a query; it expires by itself.
const closeTimeout = 5 * time.Second

// noShardDoc reports a cluster that cannot order by the place in the shard: before 3.3.
func noShardDoc(err error) bool {
	var refused *opensearch.ResponseError
	return errors.As(err, &refused) && refused.Status == http.StatusBadRequest && contains(refused.Reason+refused.Details, "_shard_doc")
}

func contains(s, part string) bool { return strings.Contains(s, part) }

// noPIT reports a cluster that has no points in time: before 2.4.
func noPIT(err error) bool {
	var refused *opensearch.ResponseError
	return errors.As(err, &refused) && (refused.Status == http.StatusBadRequest || refused.Status == http.StatusMethodNotAllowed ||
		refused.Status == http.StatusNotFound && refused.Type != "index_not_found_exception" || refused.Status == http.StatusForbidden)
}

// scroll is pages for clusters without points in time.
func (e *Engine) scroll(ctx context.Context, f *fetch, size int64, w *trouble, each func(h *hit) error) error {
	r, err := e.search(ctx, f.t.target, f.body(size), url.Values{"scroll": {keepAlive}})
	if err != nil {
		return err
	}
	id := r.Scroll
	defer func() {
		_, err := e.cluster.Do(context.WithoutCancel(ctx), opensearch.Request{
			Method: http.MethodDelete, Path: "/_search/scroll", Body: []byte(text(dsl{"scroll_id": []string{id}}, false)), Idempotent: true, Timeout: closeTimeout,
		})
		if err != nil {
			e.log.Debug("scroll stays open until it expires", errAttr(err))
		}
	}()
	left := f.limit
	for {
		if again, err := f.checkValues(r); again || err != nil {
			if err != nil {
				return err
			}
			return fault.New(fault.Unsupported, "query: fields of %s hold lists in some documents, which this cluster cannot page", f.t.target)
		}
		w.look(r, f.t.target)
		hits := r.Hits
		if left >= 0 && int64(len(hits)) > left {
			hits = hits[:left]
		}
		if err := handOver(ctx, hits, each); err != nil {
			return err
		}
		if left >= 0 {
			left -= int64(len(hits))
		}
		if len(hits) == 0 || left == 0 {
			return nil
		}
		res, err := e.cluster.Do(ctx, opensearch.Request{
			Method: http.MethodPost, Path: "/_search/scroll", Body: []byte(text(dsl{"scroll": keepAlive, "scroll_id": id}, false)), MaxBytes: maxReply, Timeout: e.timeout(ctx),
		})
		if err != nil {
			return err
		}
		if r, err = e.parse(res.Body); err != nil {
			return err
		}
		if r.Scroll != "" {
			id = r.Scroll
		}
	}
}
