package main

import (
	"cmp"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/plumbline-mcp/plumbline/tools"
	"github.com/plumbline-mcp/plumbline/tools/data"
	"github.com/plumbline-mcp/plumbline/tools/logs"
	"github.com/plumbline-mcp/plumbline/tools/traces"
)

// toolsets lists the tools of every toolset.
func (p *process) toolsets() []tools.Tool {
	configured := p.config.describeSources()
	byDefault := p.config.Source
	if byDefault == "" && len(configured) == 1 {
		byDefault = configured[0].Name
	}
	return slices.Concat(
		data.Tools(data.Deps{Sources: p.sources, Names: configured, Default: byDefault, Now: p.host.now}),
		logs.Tools(logs.Deps{Sources: p.sources, Now: p.host.now}),
		traces.Tools(traces.Deps{Sources: p.sources, Now: p.host.now, ReadFile: readSmall}),
	)
}

// describeSources lists the configured sources, by name.
func (c config) describeSources() []data.Source {
	out := []data.Source{}
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		s := c.Sources[name]
		out = append(out, data.Source{Name: name, Kind: s.Kind, Location: cmp.Or(s.Path, s.URL), About: s.About})
	}
	return out
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
