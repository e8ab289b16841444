package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

// Target is the cluster written to: *opensearch.Client is one.
type Target interface {
	Do(ctx context.Context, r opensearch.Request) (*opensearch.Response, error)
}

// Config configures a run. From, Target and Sleep are required.
type Config struct {
	From   engine.Engine
	Target Target
	// Journal remembers what was acknowledged; nil remembers nothing.
	Journal Journal
	// Progress is told after each batch; nil tells nobody. It is called from one goroutine at a time.
	Progress func(Progress)
	// Sleep waits, or ends with the context.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Progress is how far a run is.
type Progress struct {
	Table    string
	Done     int64 // rows of the table that the cluster has acknowledged, with those of earlier runs
	Rows     int64 // rows of the table
	Rejected int64
}

// Journal holds, for a plan, how many rows of each table were acknowledged.
type Journal interface {
	Acknowledged(plan string) (map[string]int64, error)
	Acknowledge(plan string, rows map[string]int64) error
}

// Result is what a run did.
type Result struct {
	Rows     int64 // sent by this run
	Skipped  int64 // acknowledged by earlier runs
	Rejected int64
	Examples []Rejected // the first of them
}

// The bounds of a run.
const (
	batchBytes  = 5 << 20 // of documents in a _bulk: OpenSearch's own advice is 5 to 15 MiB
	batchDocs   = 5000
	senders     = 2  // _bulk requests at a time: one is worked on while the next is made
	maxExamples = 10 // rejected documents shown
	// readTimeout bounds reading one table, which waits for the cluster all the while.
	readTimeout = 24 * time.Hour
)

type run struct {
	Config

	plan *Plan
	mu   sync.Mutex
	res  Result
}

// Run copies what the plan lists. It ends at the first failure of the cluster; running it again goes on from there. Documents
// that the cluster refuses for good (a mapping conflict) do not end it: they are counted and the first are in the result.
func Run(ctx context.Context, plan *Plan, config Config) (*Result, error) {
	r := &run{Config: config, plan: plan}
	if r.Progress == nil {
		r.Progress = func(Progress) {}
	}
	acknowledged := map[string]int64{}
	if r.Journal != nil {
		var err error
		if acknowledged, err = r.Journal.Acknowledged(plan.ID); err != nil {
			return nil, err
		}
	}
	for _, c := range plan.Tables {
		if err := r.template(ctx, c); err != nil {
			return &r.res, err
		}
		if err := r.table(ctx, c, acknowledged); err != nil {
			return &r.res, err
		}
	}
	return &r.res, r.refresh(ctx)
}

// template puts the index template of the table's shape, under the index's own name.
func (r *run) template(ctx context.Context, c Copy) error {
	body, err := json.Marshal(map[string]any{
		"index_patterns": []string{c.Index, c.Index + "-*"}, "priority": 500,
		"template": map[string]any{
			"settings": map[string]any{"index.mapping.total_fields.limit": maxFields},
			"mappings": mapping(c.Kind, c.timeField),
		},
	})
	if err != nil {
		return fmt.Errorf("load %s: template: %w", c.Table, err)
	}
	_, err = r.Target.Do(ctx, opensearch.Request{Method: http.MethodPut, Path: opensearch.Path("_index_template", c.Index), Body: body, Idempotent: true})
	if err != nil {
		return fmt.Errorf("load %s: put the index template: %w", c.Table, err)
	}
	return nil
}

// refresh makes the documents visible. Serverless has no such call and refreshes by itself.
func (r *run) refresh(ctx context.Context) error {
	for _, c := range r.plan.Tables {
		_, err := r.Target.Do(ctx, opensearch.Request{Method: http.MethodPost, Path: opensearch.Path(c.Index, "_refresh"), Idempotent: true})
		if e, ok := errors.AsType[*opensearch.ResponseError](err); ok && (e.Status == http.StatusNotFound || e.Status == http.StatusForbidden || e.Status == http.StatusMethodNotAllowed) {
			continue
		}
		if err != nil {
			return fmt.Errorf("load %s: refresh: %w", c.Table, err)
		}
	}
	return nil
}

// table streams the rows of a table into batches that the senders take.
func (r *run) table(ctx context.Context, c Copy, acknowledged map[string]int64) error {
	skip := min(acknowledged[c.Table], c.Rows)
	if skip > 0 {
		there, err := r.there(ctx, c)
		if err != nil {
			return err
		}
		if !there {
			skip = 0
		}
	}
	r.res.Skipped += skip
	if skip == c.Rows {
		r.Progress(Progress{c.Table, c.Rows, c.Rows, 0})
		return nil
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	batches := make(chan *batch)
	w := &watermark{run: r, copy: c, acknowledged: acknowledged, done: skip, ready: map[int]*batch{}}
	var senderGroup sync.WaitGroup
	for range senders {
		senderGroup.Go(func() {
			for b := range batches {
				refused, err := r.send(ctx, c, b)
				if err == nil {
					err = w.acknowledge(b, refused)
				}
				if err != nil {
					stop(err)
					return
				}
			}
		})
	}
	err := r.stream(ctx, c, skip, batches)
	close(batches)
	senderGroup.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// there reports whether the index has documents: the truth is in the cluster, and somebody may have deleted the index.
func (r *run) there(ctx context.Context, c Copy) (bool, error) {
	body := []byte(`{"size":0,"terminate_after":1,"track_total_hits":true}`)
	res, err := r.Target.Do(ctx, opensearch.Request{Method: http.MethodPost, Path: opensearch.Path(c.Index, "_search"), Body: body, Idempotent: true})
	if e, ok := errors.AsType[*opensearch.ResponseError](err); ok && e.Status == http.StatusNotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("load %s: look for the documents of the earlier run: %w", c.Table, err)
	}
	var found struct {
		Hits struct {
			Total struct {
				Value int64 `json:"value"`
			} `json:"total"`
		} `json:"hits"`
	}
	if err := json.Unmarshal(res.Body, &found); err != nil {
		return false, fault.New(fault.Unavailable, "load %s: read the answer to _search: %w", c.Table, err)
	}
	return found.Hits.Total.Value > 0, nil
}

// stream makes batches of the rows behind the first skip.
func (r *run) stream(ctx context.Context, c Copy, skip int64, out chan<- *batch) error {
	b := &batch{}
	var row int64
	flush := func() error {
		if len(b.docs) == 0 {
			return nil
		}
		b.end = row
		select {
		case out <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
		b = &batch{number: b.number + 1}
		return nil
	}
	w := writer{dates: dates(mapping(c.Kind, c.timeField))}
	each := func(cells []any) error {
		at := row
		row++
		if at < skip {
			return nil
		}
		body, err := w.document(cells)
		if err != nil {
			return fmt.Errorf("load %s: row %d: %w", c.Table, at, err)
		}
		b.add(id(c.Table, at), body)
		if b.bytes >= batchBytes || len(b.docs) == batchDocs {
			return flush()
		}
		return nil
	}
	query := "source=`" + c.Table + "`"
	first, err := r.From.Query(ctx, query+" | head 1", engine.Limits{MaxRows: 1})
	if err != nil {
		return fmt.Errorf("load %s: %w", c.Table, err)
	}
	w.cols = first.Columns
	if _, err := r.From.Stream(ctx, query, engine.Limits{Timeout: readTimeout}, each); err != nil {
		return fmt.Errorf("load %s: %w", c.Table, err)
	}
	return flush()
}

// watermark keeps how many rows from the beginning are acknowledged without a gap.
type watermark struct {
	*run

	copy         Copy
	acknowledged map[string]int64
	next         int // the batch that the mark waits for
	ready        map[int]*batch
	done         int64
}

func (w *watermark) acknowledge(b *batch, refused []Rejected) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.res.Rows += int64(len(b.docs) - len(refused))
	w.res.Rejected += int64(len(refused))
	if len(refused) == len(b.docs) && w.done == 0 {
		return fault.WithHint(fault.New(fault.InvalidArgument, "load %s: the cluster refused all of the first %d documents: %s", w.copy.Table, len(refused), refused[0].Reason),
			"An index or a template of another form is in the way of %s: take another name in --to, or delete it.", w.copy.Index)
	}
	w.res.Examples = append(w.res.Examples, refused[:min(len(refused), max(maxExamples-len(w.res.Examples), 0))]...)
	w.ready[b.number] = b
	for w.ready[w.next] != nil {
		w.done = w.ready[w.next].end
		delete(w.ready, w.next)
		w.next++
	}
	w.acknowledged[w.copy.Table] = w.done
	w.Progress(Progress{w.copy.Table, w.done, w.copy.Rows, w.res.Rejected})
	if w.Journal == nil {
		return nil
	}
	if err := w.Journal.Acknowledge(w.plan.ID, w.acknowledged); err != nil {
		return fault.WithCode(err, fault.Internal)
	}
	return nil
}
