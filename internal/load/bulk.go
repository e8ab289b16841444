package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// batch is one _bulk request: documents of one table.
type batch struct {
	number int   // of the batch in its table, from 0
	end    int64 // rows of the table up to and with this batch
	docs   []doc
	bytes  int
}

type doc struct {
	id   string
	body []byte
}

func (b *batch) add(id string, body []byte) {
	b.docs = append(b.docs, doc{id, body})
	b.bytes += len(body) + len(id) + 40
}

// writer writes rows as the JSON of documents: no nulls, times in RFC 3339 with nanoseconds.
type writer struct {
	cols  []rows.Column
	dates map[string]bool // dotted names that the mapping has as dates
}

func (w writer) document(row []any) ([]byte, error) {
	m := make(map[string]any, len(w.cols))
	for i, c := range w.cols {
		if v := w.value(c.Name, row[i]); v != nil {
			m[c.Name] = v
		}
	}
	return json.Marshal(m)
}

// timeOfPPL is how a time inside an object is answered.
const timeOfPPL = "2006-01-02 15:04:05"

// value takes nulls out of a cell; what is then empty is nil.
func (w writer) value(name string, v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case string:
		if w.dates[name] {
			if t, err := time.Parse(timeOfPPL, v); err == nil {
				return t.Format(time.RFC3339Nano)
			}
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			if x := w.value(name+"."+k, x); x != nil {
				out[k] = x
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, x := range v {
			if x := w.value(name, x); x != nil {
				out = append(out, x)
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	}
	return v
}

// Rejected is a document that the cluster did not take.
type Rejected struct {
	Table  string
	Row    int64 // of the table, from 0
	Reason string
}

// bulkAnswer is the part of a _bulk answer that is looked at.
type bulkAnswer struct {
	Errors bool                  `json:"errors"`
	Items  []map[string]bulkItem `json:"items"`
}

type bulkItem struct {
	Status int `json:"status"`
	Error  *struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
		Caused struct {
			Reason string `json:"reason"`
		} `json:"caused_by"`
	} `json:"error"`
}

// The bounds of sending one batch.
const (
	maxTries    = 8 // with waits that double from a quarter of a second: about a minute of a busy cluster
	firstWait   = 250 * time.Millisecond
	bulkTimeout = 2 * time.Minute
	maxReason   = 300
)

// send sends a batch until each document is taken or refused for good. Documents that the cluster had no room for are sent again.
func (r *run) send(ctx context.Context, c Copy, b *batch) ([]Rejected, error) {
	var refused []Rejected
	docs, wait := b.docs, firstWait
	for try := 1; len(docs) > 0; try++ {
		again, bad, err := r.once(ctx, c, docs)
		if err != nil {
			return nil, err
		}
		refused = append(refused, bad...)
		if len(again) > 0 && try == maxTries {
			return nil, fault.WithHint(fault.New(fault.Unavailable, "load: the cluster had no room for %d documents after %d tries", len(again), try),
				"It is overloaded or blocked for writes. Run the same command again later: it goes on where it stopped.")
		}
		if docs = again; len(docs) > 0 {
			if err := r.Sleep(ctx, wait); err != nil {
				return nil, err
			}
			wait *= 2
		}
	}
	return refused, nil
}

func (r *run) once(ctx context.Context, c Copy, docs []doc) (again []doc, refused []Rejected, err error) {
	var body bytes.Buffer
	for _, d := range docs {
		fmt.Fprintf(&body, "{\"index\":{\"_id\":%q}}\n", d.id)
		body.Write(d.body)
		body.WriteByte('\n')
	}
	res, err := r.Target.Do(ctx, opensearch.Request{
		Method: http.MethodPost, Path: opensearch.Path(c.Index, "_bulk"), Body: body.Bytes(), ContentType: "application/x-ndjson",
		Idempotent: true, Timeout: bulkTimeout, // the ids make it so
	})
	if err != nil {
		return nil, nil, fmt.Errorf("load %s: %w", c.Table, err)
	}
	var answer bulkAnswer
	if err := json.Unmarshal(res.Body, &answer); err != nil {
		return nil, nil, fault.New(fault.Unavailable, "load %s: read the answer to _bulk: %w", c.Table, err)
	}
	if !answer.Errors {
		return nil, nil, nil
	}
	for i, item := range answer.Items {
		got := item["index"]
		switch {
		case got.Error == nil || i >= len(docs):
		case got.Status == http.StatusTooManyRequests || got.Status >= http.StatusInternalServerError:
			again = append(again, docs[i])
		default:
			reason := got.Error.Type + ": " + got.Error.Reason
			if got.Error.Caused.Reason != "" {
				reason += ": " + got.Error.Caused.Reason
			}
			refused = append(refused, Rejected{c.Table, rowOf(docs[i].id), reason[:min(len(reason), maxReason)]})
		}
	}
	return again, refused, nil
}

// id names a document by its table and row.
func id(table string, row int64) string { return table + "-" + strconv.FormatInt(row, 10) }

func rowOf(id string) int64 {
	n, err := strconv.ParseInt(id[strings.LastIndexByte(id, '-')+1:], 10, 64)
	if err != nil {
		return -1
	}
	return n
}
