package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/remote"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Remote answers with the engine over a cluster's search API, whether or not the cluster has the PPL plugin.
type Remote struct {
	*Cluster

	client *opensearch.Client
	engine *remote.Engine
	prefix string
}

// prefixed is a cluster whose indices have a prefix that its users do not see.
type prefixed struct {
	*opensearch.Client

	prefix string
}

// Do puts the prefix before the indices of the path and takes it out of the answer.
func (p prefixed) Do(ctx context.Context, r opensearch.Request) (*opensearch.Response, error) {
	if p.prefix == "" {
		return p.Client.Do(ctx, r)
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/")
	if !strings.HasPrefix(first, "_") {
		parts := strings.Split(first, ",")
		for i, name := range parts {
			if minus, ok := strings.CutPrefix(name, "-"); ok {
				parts[i] = "-" + p.prefix + minus
				continue
			}
			parts[i] = p.prefix + name
		}
		r.Path = "/" + strings.Join(parts, ",") + "/" + rest
	}
	res, err := p.Client.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	res.Body = bytes.ReplaceAll(res.Body, []byte(`"`+p.prefix), []byte(`"`))
	return res, nil
}

// NewRemote returns an engine for the cluster at base; now is its clock. The indices of the cases are named with prefix before
// them, so that a cluster may hold others'. Close it after use.
func NewRemote(base, prefix string, client *http.Client, use remote.PluginUse, now func() time.Time) (*Remote, error) {
	c, err := opensearch.New(opensearch.Config{Name: "suite", URLs: []string{base}})
	if err != nil {
		return nil, err
	}
	e, err := remote.New(remote.Config{Cluster: prefixed{c, prefix}, Plugin: use, Now: now})
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &Remote{Cluster: NewCluster(base, client), client: c, engine: e, prefix: prefix}, nil
}

// Close ends the engine.
func (r *Remote) Close() error { return errors.Join(r.engine.Close(), r.client.Close()) }

// Load makes the index and drops what the engine knew of one of its name.
func (r *Remote) Load(ctx context.Context, index string, mapping []byte, docs [][]byte) error {
	r.engine.Forget()
	return r.Cluster.Load(ctx, r.prefix+index, mapping, docs)
}

// Drop deletes the index.
func (r *Remote) Drop(ctx context.Context, index string) error {
	return r.Cluster.Drop(ctx, r.prefix+index)
}

// Query answers a query by the engine.
func (r *Remote) Query(ctx context.Context, query string) (*Answer, error) {
	return ask(ctx, r.engine, query)
}

// ask asks an engine and gives its answer the form of a case.
func ask(ctx context.Context, e engine.Engine, query string) (*Answer, error) {
	res, err := e.Query(ctx, query, engine.Limits{})
	if err != nil {
		if code := fault.CodeOf(err); code == fault.Internal || code == fault.Unavailable {
			return nil, fmt.Errorf("%s: %w", code, err)
		}
		return nil, refused(err)
	}
	a := &Answer{}
	for _, c := range res.Columns {
		a.Columns = append(a.Columns, Column{Name: c.Name, Type: string(c.Type)})
	}
	for _, row := range res.Rows {
		for i := range row {
			row[i] = wire(row[i], res.Columns[i].Type)
		}
		a.Rows = append(a.Rows, row)
	}
	return a, nil
}

// wire turns a cell of an engine into what JSON has.
func wire(v any, t rows.Type) any {
	switch x := v.(type) {
	case int64, float64:
		b, err := json.Marshal(x)
		if err != nil {
			return nil
		}
		return json.Number(b)
	case time.Time:
		if t == rows.Date {
			return x.Format(time.DateOnly)
		}
		s := x.UTC().Format("2006-01-02 15:04:05.000000000")
		return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	case []any:
		for i := range x {
			x[i] = wire(x[i], "")
		}
	case map[string]any:
		for k := range x {
			x[k] = wire(x[k], "")
		}
	}
	return v
}

// Asked answers queries by an engine whose indices others load.
type Asked struct{ engine engine.Engine }

// NewRemoteOf returns what asks the engine.
func NewRemoteOf(e engine.Engine) *Asked { return &Asked{e} }

// Query answers a query by the engine.
func (a *Asked) Query(ctx context.Context, query string) (*Answer, error) {
	return ask(ctx, a.engine, query)
}
