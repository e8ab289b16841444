package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/agent"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/tools"
	"github.com/plumbline-mcp/plumbline/tools/agents"
	"github.com/plumbline-mcp/plumbline/tools/cluster"
	"github.com/plumbline-mcp/plumbline/tools/data"
	"github.com/plumbline-mcp/plumbline/tools/guide"
	"github.com/plumbline-mcp/plumbline/tools/hbase"
	"github.com/plumbline-mcp/plumbline/tools/logs"
	"github.com/plumbline-mcp/plumbline/tools/metrics"
	"github.com/plumbline-mcp/plumbline/tools/traces"
)

// toolsets lists the tools of every toolset.
func (p *process) toolsets() []tools.Tool {
	now := p.host.now
	return slices.Concat(
		data.Tools(data.Deps{Sources: p.sources, Names: p.config.named(), Default: p.sources.fallback(), Now: now}),
		logs.Tools(logs.Deps{Sources: p.sources, Now: now, Meaning: meaning{p.embedder}}),
		cluster.Tools(cluster.Deps{Clusters: p.clusters, Sleep: pause}),
		traces.Tools(traces.Deps{Sources: p.sources, Now: now, ReadFile: readAlert, WriteReport: p.keepReport}),
		guide.Tools(guide.Deps{Library: p.knowledge}),
		metrics.Tools(metrics.Deps{Sources: p.metrics, Now: now}),
		agents.Tools(agents.Deps{Sources: p.sources, Prices: agent.NewPrices(p.config.Prices), Scores: p.scores(), Now: now}),
		hbase.Tools(p.hbaseDeps()),
		hbase.RepairTools(p.host.hbaseRepair()),
	)
}

// named lists the configured sources for data_describe.
func (c *config) named() []data.Source {
	var out []data.Source
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		s := c.Sources[name]
		out = append(out, data.Source{Name: name, Kind: s.Kind, Location: s.location(), About: s.About})
	}
	return out
}

// maxAlert bounds an alert file: webhook bodies are a few kilobytes, one of many alerts a few hundred.
const maxAlert = 8 << 20

func readAlert(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxAlert+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(b) > maxAlert {
		return nil, fault.New(fault.TooLarge, "read %s: over %d bytes", name, maxAlert)
	}
	return b, nil
}
