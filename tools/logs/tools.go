// Package logs is the toolset over logs: rows by PPL, patterns, volume over time. One file a tool.
package logs

import (
	"context"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/logs"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Sources opens what a call names: a configured source or a path.
type Sources interface {
	Open(ctx context.Context, source string) (engine.Engine, error)
}

// Deps is what the toolset needs.
type Deps struct {
	Sources Sources
	Now     func() time.Time
	// MaxScan is how many rows a query without a bound on time may read; 0 = logs.DefaultMaxScan.
	MaxScan int64
	Meaning Meaning // nil = patterns cannot be asked for by meaning
}

// Meaning says how near texts are to a question in meaning.
type Meaning interface {
	// Similarities returns a cosine for each text.
	Similarities(ctx context.Context, question string, texts []string) ([]float64, error)
}

// scopeInput says which lines a tool is to look at.
type scopeInput struct {
	Source   string `json:"source,omitempty" jsonschema:"source or path"`
	Start    string `json:"start,omitempty" jsonschema:"RFC 3339 or offset (-15m)"`
	End      string `json:"end,omitempty" jsonschema:"as start; exclusive"`
	Service  string `json:"service,omitempty" jsonschema:"service.name"`
	Severity string `json:"severity,omitempty" jsonschema:"e.g. ERROR"`
	Where    string `json:"where,omitempty" jsonschema:"further PPL condition"`
	Table    string `json:"table,omitempty" jsonschema:"default logs"`
}

// scope opens the source and resolves what is to be looked at.
func (d Deps) scope(ctx context.Context, in scopeInput) (engine.Engine, logs.Scope, error) {
	eng, r, err := d.open(ctx, in.Source, in.Start, in.End)
	return eng, logs.Scope{Table: in.Table, Service: in.Service, Severity: in.Severity, Where: in.Where, Range: r}, err
}

// open opens the source of a call and reads its range of time.
func (d Deps) open(ctx context.Context, source, start, end string) (engine.Engine, timerange.Range, error) {
	eng, err := d.Sources.Open(ctx, source)
	if err != nil {
		return nil, timerange.Range{}, err
	}
	r, err := timerange.Parse(start, end, d.Now())
	return eng, r, err
}

// Tools lists the tools of the set.
func Tools(d Deps) []tools.Tool {
	return []tools.Tool{queryTool(d), patternsTool(d), timelineTool(d)}
}
