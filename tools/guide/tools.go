// Package guide is the toolset over what is written down: runbooks and the user's own documents. One file a tool.
package guide

import (
	"context"

	"github.com/plumbline-mcp/plumbline/internal/knowledge"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Library is the knowledge bases as the tools use them.
type Library interface {
	Search(ctx context.Context, query string, f knowledge.Filter, limit int) (hits []knowledge.Hit, notes []string, err error)
	Page(ctx context.Context, base, path string, start, end int) (knowledge.Page, error)
	Bases(ctx context.Context) ([]knowledge.Base, error)
}

// Deps is what the toolset needs.
type Deps struct {
	Library Library
}

// Tools lists the tools of the set.
func Tools(d Deps) []tools.Tool {
	return []tools.Tool{searchTool(d), readTool(d)}
}
