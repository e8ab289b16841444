// Package data is the toolset over sources: what they hold.
package data

import (
	"context"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Sources opens what a call names: a configured source or a path.
type Sources interface {
	Open(ctx context.Context, source string) (engine.Engine, error)
}

// Source is one configured source.
type Source struct {
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Location string `json:"location"`
	About    string `json:"about,omitempty"`
}

// Deps is what the toolset needs.
type Deps struct {
	Sources Sources
	Names   []Source // the configured sources
	Default string   // the source a call without one means, "" for none
	Now     func() time.Time
}

// Tools lists the tools of the set.
func Tools(d Deps) []tools.Tool {
	return []tools.Tool{describeTool(d)}
}
