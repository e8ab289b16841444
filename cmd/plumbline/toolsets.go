package main

import (
	"io"
	"os"

	"github.com/plumbline-mcp/plumbline/tools"
	"github.com/plumbline-mcp/plumbline/tools/traces"
)

// toolsets lists the tools of every toolset.
func (p *process) toolsets() []tools.Tool {
	return traces.Tools(traces.Deps{Sources: p.sources, Now: p.host.now, ReadFile: readSmall})
}

// maxSmallFile bounds the files that a call may name beside its source: alerts are some kilobytes.
const maxSmallFile = 2 << 20

// readSmall reads a file, at most maxSmallFile bytes of it.
func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the user of the tool names the file
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	return io.ReadAll(io.LimitReader(f, maxSmallFile))
}
