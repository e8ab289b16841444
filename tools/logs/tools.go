// Package logs is the toolset over logs: rows by PPL, patterns, volume over time. One file a tool.
package logs

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

// Deps is what the toolset needs.
type Deps struct {
	Sources Sources
	Now     func() time.Time
}

// Tools lists the tools of the set.
func Tools(d Deps) []tools.Tool {
	return []tools.Tool{queryTool(d), patternsTool(d), timelineTool(d)}
}
