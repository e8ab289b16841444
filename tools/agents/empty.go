package agents

import (
	"context"
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/agent"
	"github.com/plumbline-mcp/plumbline/internal/engine"
)

// emptyReason says why no run was found: the filters, the window, or the data.
func emptyReason(ctx context.Context, eng engine.Engine, f agent.Filter, p agent.Prices) []string {
	var out []string
	all, err := agent.Runs(ctx, eng, agent.Filter{}, p)
	if err == nil && len(all.Runs) > 0 {
		out = append(out, fmt.Sprintf("without filters and window there are %d runs, from %s to %s, of %s", all.Total.Runs, stamp(all.Total.Start), stamp(all.Total.End), joined(all.Total.Agents, 5)))
		if f.Tool != "" {
			var names []string
			for _, t := range all.Tools {
				names = append(names, t.Tool)
			}
			out = append(out, "their tools: "+joined(names, 12))
		}
		return out
	}
	tables, err := eng.Tables(ctx)
	if err != nil {
		return append(out, "the source could not be read: "+err.Error())
	}
	for _, t := range tables {
		if t.Kind == engine.Spans || t.Kind == engine.Logs {
			out = append(out, fmt.Sprintf("searched: %d rows of %s, from %s to %s; none is of a model, a tool or an agent", t.Rows, t.Name, stamp(t.Start), stamp(t.End)))
		}
	}
	if len(out) == 0 {
		out = append(out, "the source has neither spans nor logs")
	}
	return out
}
