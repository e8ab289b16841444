package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/plumbline-mcp/plumbline/internal/clusterhealth"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/tools"
)

type getInput struct {
	Path   string `json:"path" jsonschema:"_cluster/health, _cat/shards/logs-*?s=store:desc, logs-*/_mapping, _nodes/hot_threads"`
	Body   any    `json:"body,omitempty" jsonschema:"JSON body, for _search, _count, _analyze, _cluster/allocation/explain"`
	Source string `json:"source,omitempty" jsonschema:"configured cluster; may be left out if there is one"`
}

type getOutput struct {
	Cluster string   `json:"cluster"`
	Path    string   `json:"path"`
	Format  string   `json:"format"` // json or text
	Answer  string   `json:"answer"`
	Notes   []string `json:"notes,omitempty"`
}

func getTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "cluster_get", Title: "Ask a cluster", Toolset: toolset, Idempotent: true,
		Description: "Read an endpoint of an OpenSearch cluster: health, allocation explain, node and index stats, hot threads, tasks, mappings, settings, templates, " +
			"ISM explain, _cat tables, _search. Only endpoints that read are let through; answers are trimmed. What is wrong: cluster_diagnose.",
	}, func(ctx context.Context, in getInput) (*getOutput, error) {
		c, err := d.Clusters.Cluster(ctx, in.Source)
		if err != nil {
			return nil, err
		}
		body, err := in.body()
		if err != nil {
			return nil, err
		}
		a, err := clusterhealth.Get(ctx, c, clusterhealth.Ask{Path: in.Path, Body: body})
		if err != nil {
			return nil, err
		}
		out := &getOutput{Cluster: c.Name(), Path: a.Path, Format: "text", Answer: a.Text, Notes: a.Notes}
		if a.JSON {
			out.Format = "json"
		}
		return out, nil
	})
}

// body returns the JSON of the body: an object as it came, or its text.
func (in getInput) body() ([]byte, error) {
	switch b := in.Body.(type) {
	case nil:
		return nil, nil
	case string:
		if !json.Valid([]byte(b)) {
			return nil, fault.New(fault.InvalidArgument, "body is no JSON")
		}
		return []byte(b), nil
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			return nil, fmt.Errorf("write the body: %w", err)
		}
		return raw, nil
	}
}

// WriteText writes the answer as data.
func (o *getOutput) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%s %s: %d bytes\n", o.Cluster, tools.Cut(o.Path, 300), len(o.Answer))
	tools.Block(w, o.Format, o.Answer)
	for _, n := range o.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
}
