package remote

import (
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/ppl/command"
)

// aggregation is what a fetch asks instead of documents.
type aggregation struct {
	cat *catalog.Table
}

func (a *aggregation) table() *catalog.Table { return a.cat }

// aggregate pushes the aggregation that stands at cmds[n], if the index can do it. It returns how many commands are then done.
func (b *beginning) aggregate(cmds []command.Command, n int, p *planner) int {
	return n
}
