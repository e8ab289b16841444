package clusterhealth

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/finding"
)

// Options bounds a diagnosis.
type Options struct {
	Index string // only shards, policies and blocks of these names and patterns, by comma; "" = all
	// Sleep waits between two looks at what may still be going on; nil = not at all.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Diagnosis says how a cluster is.
type Diagnosis struct {
	Cluster  string // as the configuration calls it
	Status   string // green, yellow, red; "" where the user may not ask
	Version  string
	Nodes    int
	Data     int // data nodes
	Shards   int // started
	Findings []finding.Finding
	Checked  []string // rules whose data was there and that found nothing
}

// rule is one thing that can be wrong.
type rule struct {
	id   string
	find func(*snapshot) []finding.Finding
	able func(*snapshot) bool // whether the data it needs was there
}

// rules lists what is looked at, in the order of the text.
func rules() []rule {
	haveShards := func(s *snapshot) bool { return s.shards != nil }
	haveNodes := func(s *snapshot) bool { return s.nodes != nil }
	return []rule{
		{"shards-unassigned", unassignedShards, func(s *snapshot) bool { return s.shards != nil || s.health != nil }},
		{"allocation-disabled", allocationDisabled, func(s *snapshot) bool { return s.settings != nil }},
		{"disk-watermark", diskWatermarks, haveNodes},
		{"index-write-block", writeBlocks, func(s *snapshot) bool { return s.blocks != nil }},
		{"jvm-heap", heap, haveNodes},
		{"jvm-gc", garbage, haveNodes},
		{"breaker", breakers, haveNodes},
		{"threads-rejected", rejectedThreads, haveNodes},
		{"cpu", processors, haveNodes},
		{"task-long", longTasks, func(s *snapshot) bool { return s.tasks != nil }},
		{"manager-quorum", managerQuorum, haveNodes},
		{"manager-backlog", managerBacklog, func(s *snapshot) bool { return s.pending != nil }},
		{"shard-too-large", largeShards, haveShards},
		{"shards-too-small", smallShards, haveShards},
		{"shards-per-node", shardsPerNode, func(s *snapshot) bool { return s.shards != nil && s.nodes != nil }},
		{"ism-failed", failedPolicies, func(s *snapshot) bool { return s.ism != nil }},
		{"shards-moving", movingShards, func(s *snapshot) bool { return s.health != nil }},
	}
}

// Diagnose asks a cluster how it is and judges the answers, the worst first. It changes nothing. What it may not ask is told
// as findings of rule not-looked-at.
func Diagnose(ctx context.Context, c Cluster, o Options) (*Diagnosis, error) {
	if o.Sleep == nil {
		o.Sleep = func(context.Context, time.Duration) error { return nil }
	}
	caps, err := c.Capabilities(ctx)
	if err != nil {
		return nil, err
	}
	if caps.Serverless {
		return nil, fault.WithHint(fault.New(fault.Unsupported, "cluster %s is Serverless: it has no cluster API, its health is Amazon's", c.Name()),
			"Its capacity and errors are metrics of CloudWatch, namespace AWS/AOSS.")
	}
	s, err := collect(ctx, c, o)
	if err != nil {
		return nil, err
	}
	out := s.judge()
	out.Cluster, out.Version = c.Name(), caps.Version.String()
	return out, nil
}

func (s *snapshot) judge() *Diagnosis {
	out := &Diagnosis{}
	if h := s.health; h != nil {
		out.Status, out.Nodes, out.Data, out.Shards = h.Status, h.Nodes, h.DataNodes, h.Active
	}
	for _, r := range rules() {
		if !r.able(s) {
			continue
		}
		found := r.find(s)
		if len(found) == 0 {
			out.Checked = append(out.Checked, r.id)
		}
		out.Findings = append(out.Findings, found...)
	}
	slices.SortStableFunc(out.Findings, func(a, b finding.Finding) int { return cmp.Compare(a.Severity.Rank(), b.Severity.Rank()) })
	out.Findings = append(out.Findings, s.gaps()...)
	return out
}

// gaps tells what was not looked at.
func (s *snapshot) gaps() []finding.Finding {
	slices.SortFunc(s.missing, func(a, b gap) int { return cmp.Compare(a.path, b.path) })
	var out []finding.Finding
	for i, g := range s.missing {
		if i > 0 && s.missing[i-1].path == g.path {
			continue
		}
		out = append(out, finding.Finding{
			Rule: "not-looked-at", Severity: finding.Info, Subject: g.path, Summary: fmt.Sprintf("not looked at: %s, since %s: %s", g.loss, g.path, g.why),
		})
	}
	return out
}

// seen is evidence out of an endpoint.
func seen(path, text string) finding.Evidence {
	return finding.Evidence{Kind: finding.Endpoint, Source: path, Text: text}
}

// some writes the first few of many names.
func some(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}

// size writes bytes with a binary unit.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
