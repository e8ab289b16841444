package clusterhealth

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
)

// Thresholds. Watermarks are OpenSearch's defaults, used where the settings could not be read.
const (
	lowWatermark   = "85%"
	highWatermark  = "90%"
	floodWatermark = "95%"

	heapHigh     = 85.0 // percent of the heap at one moment; G1 lets it rise to about 70 before it cleans up
	heapCritical = 95.0
	gcShare      = 0.10 // of the time since the node's start spent in stop-the-world collections
	breakerNear  = 0.90 // of a breaker's limit
	cpuHigh      = 95.0 // percent of all processors
)

const nodesPath = "_nodes/stats"

// ordered lists the nodes by name.
func (s *snapshot) ordered() []node {
	var out []node
	for _, id := range sortedKeys(s.nodes) {
		out = append(out, s.nodes[id])
	}
	slices.SortStableFunc(out, func(a, b node) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// mark is a watermark: a share of the disk in use, or bytes that must stay free.
type mark struct {
	share float64
	free  int64
}

// passed reports whether a disk is above the watermark.
func (m mark) passed(total, available int64) bool {
	if m.free > 0 {
		return available < m.free
	}
	return m.share > 0 && float64(total-available) > m.share*float64(total)
}

// parseMark reads a watermark: "85%", "0.85", or bytes such as "500gb" that must stay free.
func parseMark(text string) (mark, bool) {
	t := strings.ToLower(strings.TrimSpace(text))
	if p, ok := strings.CutSuffix(t, "%"); ok {
		v, err := strconv.ParseFloat(p, 64)
		return mark{share: v / 100}, err == nil
	}
	if v, err := strconv.ParseFloat(t, 64); err == nil && v <= 1 {
		return mark{share: v}, true
	}
	for i, unit := range []string{"kb", "mb", "gb", "tb", "pb"} {
		if p, ok := strings.CutSuffix(t, unit); ok {
			v, err := strconv.ParseFloat(p, 64)
			return mark{free: int64(v * math.Pow(1024, float64(i+1)))}, err == nil
		}
	}
	if p, ok := strings.CutSuffix(t, "b"); ok {
		v, err := strconv.ParseInt(p, 10, 64)
		return mark{free: v}, err == nil
	}
	return mark{}, false
}

func (s *snapshot) mark(name, otherwise string) (mark, string) {
	text := s.settings["cluster.routing.allocation.disk.watermark."+name]
	if m, ok := parseMark(text); ok {
		return m, text
	}
	m, _ := parseMark(otherwise)
	return m, otherwise
}

// diskWatermarks finds nodes above a watermark, the highest that each has passed.
func diskWatermarks(s *snapshot) []finding.Finding {
	flood, floodText := s.mark("flood_stage", floodWatermark)
	high, highText := s.mark("high", highWatermark)
	low, lowText := s.mark("low", lowWatermark)
	var out []finding.Finding
	for _, n := range s.ordered() {
		total, free := n.FS.Total.Total, n.FS.Total.Available
		if total <= 0 || !holdsData(n) {
			continue
		}
		f := finding.Finding{Subject: n.Name}
		switch {
		case flood.passed(total, free):
			f.Rule, f.Severity = "disk-flood-stage", finding.Critical
			f.Summary = fmt.Sprintf("its disk is above the flood stage (%s): indices with a shard here are blocked for writing", floodText)
		case high.passed(total, free):
			f.Rule, f.Severity = "disk-high-watermark", finding.High
			f.Summary = fmt.Sprintf("its disk is above the high watermark (%s): shards are moved away", highText)
		case low.passed(total, free):
			f.Rule, f.Severity = "disk-low-watermark", finding.Medium
			f.Summary = fmt.Sprintf("its disk is above the low watermark (%s): it takes no new shards", lowText)
		default:
			continue
		}
		f.Summary = fmt.Sprintf("%s: %.1f %% of %s in use, %s free; %s", n.Name, 100*float64(total-free)/float64(total), size(total), size(free), f.Summary)
		if s.settings["cluster.routing.allocation.disk.threshold_enabled"] == "false" {
			f.Summary += "; watermarks are switched off (disk.threshold_enabled), so only the full disk will stop it"
		}
		f.Evidence = []finding.Evidence{seen(nodesPath+"/fs", fmt.Sprintf("%s fs.total total %d B, available %d B", n.Name, total, free))}
		f.Remedy = &finding.Remedy{
			Action: "Free disk: delete or roll over old indices (cluster_get _cat/indices?s=store.size:desc), or add disk or a node.",
			Why:    "above the flood stage every index with a shard here becomes read-only", Risk: "raising the watermark only moves the day; deleted indices come back only from a snapshot",
			Verify: "cluster_get _cat/allocation",
		}
		out = append(out, f)
	}
	return out
}

// holdsData reports whether a node keeps shards; without roles it is taken for one that does.
func holdsData(n node) bool {
	if len(n.Roles) == 0 {
		return true
	}
	return slices.ContainsFunc(n.Roles, func(r string) bool {
		return r == "data" || strings.HasPrefix(r, "data_") || r == "search" || r == "warm"
	})
}

// writeBlocks finds indices that the flood stage has made read-only.
func writeBlocks(s *snapshot) []finding.Finding {
	var blocked []string
	for _, name := range sortedKeys(s.blocks) {
		if s.blocks[name].readOnlyAllowDelete {
			blocked = append(blocked, name)
		}
	}
	if len(blocked) == 0 {
		return nil
	}
	return []finding.Finding{{
		Rule: "index-write-block", Severity: finding.High, Subject: some(blocked, 3),
		Summary:  fmt.Sprintf("%s writing: index.blocks.read_only_allow_delete is set on %s", count(len(blocked), "index refuses", "indices refuse"), some(blocked, 5)),
		Evidence: []finding.Evidence{seen("_settings/index.blocks.*", blocked[0]+" index.blocks.read_only_allow_delete: true")},
		Remedy: &finding.Remedy{
			Action: fmt.Sprintf(`Free disk first; the block goes by itself once the node is below the high watermark, else PUT %s/_settings {"index.blocks.read_only_allow_delete":null}.`, some(blocked, 1)),
			Why:    "the flood stage sets it on every index with a shard on a full node", Risk: "removed on a full disk it comes back within a minute", Verify: "cluster_get _settings/index.blocks.*",
		},
	}}
}

// heap finds nodes that are short of heap.
func heap(s *snapshot) []finding.Finding {
	var out []finding.Finding
	for _, n := range s.ordered() {
		p := n.JVM.Mem.UsedPercent
		if p < heapHigh {
			continue
		}
		severity := finding.High
		if p >= heapCritical {
			severity = finding.Critical
		}
		out = append(out, finding.Finding{
			Rule: "jvm-heap", Severity: severity, Subject: n.Name,
			Summary:  fmt.Sprintf("%s: %.0f %% of its %s heap is in use at this moment", n.Name, p, size(n.JVM.Mem.Max)),
			Evidence: []finding.Evidence{seen(nodesPath+"/jvm", fmt.Sprintf("%s jvm.mem.heap_used_percent %.0f", n.Name, p))},
			Remedy: &finding.Remedy{
				Action: "Look for what holds it: cluster_get _cat/fielddata, _nodes/stats/breaker, _tasks?detailed; then fewer shards, smaller aggregations, or more heap (at most half the memory, below 32 GiB).",
				Why:    "near the limit collections stop the node and breakers refuse requests", Risk: "a restart hides the cause and moves shards", Verify: "cluster_get _nodes/stats/jvm, several times: it must fall after a collection",
			},
		})
	}
	return out
}

// garbage finds nodes that spend much of their time collecting.
func garbage(s *snapshot) []finding.Finding {
	var out []finding.Finding
	for _, n := range s.ordered() {
		var millis, times int64
		for name, c := range n.JVM.GC.Collectors {
			if strings.Contains(strings.ToLower(name), "concurrent") {
				continue // does not stop the world
			}
			millis, times = millis+c.Millis, times+c.Count
		}
		if n.JVM.Uptime < (10*time.Minute).Milliseconds() || float64(millis) < gcShare*float64(n.JVM.Uptime) {
			continue
		}
		share := 100 * float64(millis) / float64(n.JVM.Uptime)
		out = append(out, finding.Finding{
			Rule: "jvm-gc", Severity: finding.High, Subject: n.Name,
			Summary:  fmt.Sprintf("%s: spent %.0f %% of its time since start in %d collections of garbage", n.Name, share, times),
			Evidence: []finding.Evidence{seen(nodesPath+"/jvm", fmt.Sprintf("%s gc %d ms of %d ms uptime", n.Name, millis, n.JVM.Uptime))},
			Remedy:   &finding.Remedy{Action: "Treat it as a heap that is too small for the work: see jvm-heap.", Why: "the node answers nothing while it collects", Verify: "cluster_get _nodes/stats/jvm: collection_time_in_millis grows slowly"},
		})
	}
	return out
}

// breakers finds breakers that have refused requests or are about to.
func breakers(s *snapshot) []finding.Finding {
	var out []finding.Finding
	for _, n := range s.ordered() {
		for _, name := range sortedKeys(n.Breakers) {
			b := n.Breakers[name]
			near := b.Limit > 0 && float64(b.Estimated) > breakerNear*float64(b.Limit)
			if b.Tripped == 0 && !near {
				continue
			}
			f := finding.Finding{
				Rule: "breaker", Severity: finding.Medium, Subject: n.Name + " " + name,
				Summary:  fmt.Sprintf("%s: breaker %s has refused %s since the node's start; now at %s of %s", n.Name, name, count(int(b.Tripped), "request", "requests"), size(b.Estimated), size(b.Limit)),
				Evidence: []finding.Evidence{seen(nodesPath+"/breaker", fmt.Sprintf("%s %s tripped %d, estimated %d B, limit %d B", n.Name, name, b.Tripped, b.Estimated, b.Limit))},
				Remedy: &finding.Remedy{
					Action: "Ask about less at once: fewer buckets, no sort or aggregation on text (fielddata), smaller bulks; find the asker by cluster_get _tasks?detailed.",
					Why:    "a breaker refuses what would take more heap than there is", Risk: "raising the limit trades refusals for a node that runs out of memory", Verify: "cluster_get _nodes/stats/breaker: tripped stays the same",
				},
			}
			if near {
				f.Severity = finding.High
			}
			out = append(out, f)
		}
	}
	return out
}

// rejectedThreads finds thread pools that turn work away; whether they do so now shows in a second look.
func rejectedThreads(s *snapshot) []finding.Finding {
	var out []finding.Finding
	for id, n := range s.nodes {
		for _, name := range sortedKeys(n.Pools) {
			p := n.Pools[name]
			if p.Rejected == 0 {
				continue
			}
			out = append(out, rejected(n, name, p, s.before[id].Pools[name]))
		}
	}
	slices.SortFunc(out, func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(a.Severity.Rank(), b.Severity.Rank()), cmp.Compare(a.Subject, b.Subject))
	})
	return out
}

func rejected(n node, name string, p, before threadPool) finding.Finding {
	now := p.Rejected - before.Rejected
	f := finding.Finding{
		Rule: "threads-rejected", Severity: finding.Low, Subject: n.Name + " " + name,
		Summary: fmt.Sprintf("%s: pool %s has rejected %d of %d requests since the node's start, none in the last second", n.Name, name, p.Rejected, p.Rejected+p.Completed),
		Evidence: []finding.Evidence{seen(nodesPath+"/thread_pool", fmt.Sprintf("%s %s threads %d, active %d, queue %d, rejected %d, completed %d",
			n.Name, name, p.Threads, p.Active, p.Queue, p.Rejected, p.Completed))},
		Remedy: &finding.Remedy{
			Action: "Send less at once: fewer concurrent bulks or searches, and retry with growing waits on 429; then look for slow work by cluster_get _tasks?detailed and _nodes/hot_threads.",
			Why:    "a full queue turns requests away with 429", Risk: "a longer queue only hides it: requests wait and take heap", Verify: "cluster_get _cat/thread_pool/" + name + "?h=node_name,active,queue,rejected",
		},
	}
	if now > 0 {
		f.Severity = finding.High
		f.Summary = fmt.Sprintf("%s: pool %s is rejecting requests now: %d within a second, %d since the node's start; %d wait", n.Name, name, now, p.Rejected, p.Queue)
	}
	return f
}

// managerQuorum finds clusters of several nodes whose state hangs on one or two of them: with two, the loss of either stops it.
func managerQuorum(s *snapshot) []finding.Finding {
	var eligible []string
	for _, n := range s.ordered() {
		if len(n.Roles) == 0 {
			return nil // not told
		}
		if slices.Contains(n.Roles, "cluster_manager") || slices.Contains(n.Roles, "master") {
			eligible = append(eligible, n.Name)
		}
	}
	if len(s.nodes) < 2 || len(eligible) == 0 || len(eligible) > 2 {
		return nil
	}
	return []finding.Finding{{
		Rule: "manager-quorum", Severity: finding.Medium, Subject: some(eligible, 2),
		Summary:  fmt.Sprintf("of %d nodes only %s can be cluster manager: the loss of %s stops the cluster", len(s.nodes), some(eligible, 2), map[int]string{1: "it", 2: "either"}[len(eligible)]),
		Evidence: []finding.Evidence{seen(nodesPath, "roles with cluster_manager: "+strings.Join(eligible, ", "))},
		Remedy: &finding.Remedy{
			Action: "Make three nodes eligible (node.roles with cluster_manager), on three machines or zones.", Why: "a majority must be up to elect a manager",
			Risk: "take eligible nodes away one at a time, by _cluster/voting_config_exclusions", Verify: "cluster_get _cat/nodes?h=name,node.roles,cluster_manager",
		},
	}}
}

// processors finds nodes whose processors are busy.
func processors(s *snapshot) []finding.Finding {
	var out []finding.Finding
	for _, n := range s.ordered() {
		if n.OS.CPU.Percent < cpuHigh {
			continue
		}
		out = append(out, finding.Finding{
			Rule: "cpu", Severity: finding.Medium, Subject: n.Name,
			Summary:  fmt.Sprintf("%s: its processors are %.0f %% busy (load over five minutes %.1f)", n.Name, n.OS.CPU.Percent, n.OS.CPU.Load.Five),
			Evidence: []finding.Evidence{seen(nodesPath+"/os", fmt.Sprintf("%s os.cpu.percent %.0f", n.Name, n.OS.CPU.Percent))},
			Remedy:   &finding.Remedy{Action: "See what they do: cluster_get _nodes/hot_threads.", Why: "one moment says little: look several times", Verify: "cluster_get _nodes/stats/os"},
		})
	}
	return out
}
