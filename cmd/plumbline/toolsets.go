package main

import (
	"github.com/plumbline-mcp/plumbline/tools"
)

// toolsets lists the tools of every toolset.
func (p *process) toolsets() []tools.Tool { return nil }
