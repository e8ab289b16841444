package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxReply bounds what is read of one reply of a cluster.
const maxReply = 64 << 20

// Cluster answers with the PPL plugin of an OpenSearch cluster.
type Cluster struct {
	base   string
	client *http.Client
}

// NewCluster returns an engine for the cluster at base, e.g. http://localhost:9200.
func NewCluster(base string, client *http.Client) *Cluster {
	return &Cluster{base: strings.TrimRight(base, "/"), client: client}
}

// do sends a request and returns the status and the reply.
func (c *Cluster) do(ctx context.Context, method, path, contentType string, body []byte) (status int, reply []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	reply, err = io.ReadAll(io.LimitReader(resp.Body, maxReply))
	return resp.StatusCode, reply, err
}

// must is do for requests that have to succeed.
func (c *Cluster) must(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	status, reply, err := c.do(ctx, method, path, contentType, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if status >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("%s %s: status %d: %s", method, path, status, oneLine(string(reply)))
	}
	return reply, nil
}

// Load creates the index and fills it by _bulk.
func (c *Cluster) Load(ctx context.Context, index string, mapping []byte, docs [][]byte) error {
	if err := c.Drop(ctx, index); err != nil {
		return err
	}
	if len(mapping) == 0 {
		mapping = []byte("{}")
	}
	path := "/" + url.PathEscape(index)
	if _, err := c.must(ctx, http.MethodPut, path, "application/json", mapping); err != nil {
		return err
	}
	if len(docs) == 0 {
		return nil
	}
	var body bytes.Buffer
	for i, d := range docs {
		fmt.Fprintf(&body, "{\"index\":{\"_id\":\"%d\"}}\n", i+1)
		body.Write(d)
		body.WriteByte('\n')
	}
	reply, err := c.must(ctx, http.MethodPost, path+"/_bulk?refresh=true", "application/x-ndjson", body.Bytes())
	if err != nil {
		return err
	}
	var done struct {
		Errors bool `json:"errors"`
	}
	if err := json.Unmarshal(reply, &done); err != nil {
		return fmt.Errorf("read reply of _bulk: %w", err)
	}
	if done.Errors {
		return errors.New("_bulk refused documents: " + oneLine(string(reply)))
	}
	return nil
}

// Drop deletes the index.
func (c *Cluster) Drop(ctx context.Context, index string) error {
	status, reply, err := c.do(ctx, http.MethodDelete, "/"+url.PathEscape(index), "application/json", nil)
	if err != nil {
		return fmt.Errorf("delete index %s: %w", index, err)
	}
	if status >= http.StatusMultipleChoices && status != http.StatusNotFound {
		return fmt.Errorf("delete index %s: status %d: %s", index, status, oneLine(string(reply)))
	}
	return nil
}

// Query posts the query to the plugin.
func (c *Cluster) Query(ctx context.Context, query string) (*Answer, error) {
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	status, reply, err := c.do(ctx, http.MethodPost, "/_plugins/_ppl", "application/json", body)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	if status >= http.StatusMultipleChoices {
		return nil, &QueryError{Status: status, Text: fmt.Sprintf("%d %s: %s", status, http.StatusText(status), reply)}
	}
	var answer struct {
		Schema   []Column `json:"schema"`
		Datarows [][]any  `json:"datarows"`
	}
	dec := json.NewDecoder(bytes.NewReader(reply))
	dec.UseNumber()
	if err := dec.Decode(&answer); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return &Answer{Columns: answer.Schema, Rows: answer.Datarows}, nil
}
