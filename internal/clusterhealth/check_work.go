package clusterhealth

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
)

// Thresholds of work and of shards. Sizes follow OpenSearch's guidance: 10 to 50 GiB a shard for logs, about 25 shards a GiB of
// heap at most, 1,000 a node unless cluster.max_shards_per_node says otherwise.
const (
	longTask      = time.Minute
	longManaged   = 30 * time.Second // a task of the cluster manager takes milliseconds
	manyPending   = 100
	largeShard    = 50 << 30
	hugeShard     = 100 << 30
	smallShard    = 1 << 30
	manySmall     = 100 // shards: fewer do no harm
	shardsPerGiB  = 25
	nodeShards    = 1000
	limitNear     = 0.9
	quotedTasks   = 5
	maxTaskQuoted = 160
)

// longTasks finds work that has run for over a minute. Work that is meant to run for long is left out.
func longTasks(s *snapshot) []finding.Finding {
	var long []task
	for _, t := range s.tasks {
		if time.Duration(t.Nanos) >= longTask && !standing(t.Action) {
			long = append(long, t)
		}
	}
	slices.SortFunc(long, func(a, b task) int { return cmp.Or(cmp.Compare(b.Nanos, a.Nanos), cmp.Compare(a.ID, b.ID)) })
	var out []finding.Finding
	for _, t := range long[:min(len(long), quotedTasks)] {
		age := time.Duration(t.Nanos).Round(time.Second)
		f := finding.Finding{
			Rule: "task-long", Severity: finding.Medium, Subject: t.ID,
			Summary:  fmt.Sprintf("%s has run for %s on %s", t.Action, age, t.Node),
			Evidence: []finding.Evidence{seen("_tasks/"+t.ID, cut(t.Description, maxTaskQuoted))},
			Remedy: &finding.Remedy{
				Action: "Find who asked (X-Opaque-Id in the task's headers) and let it end.", Why: "a search nobody waits for still takes threads and heap",
				Verify: "cluster_get _tasks/" + t.ID,
			},
		}
		if id := t.Headers["X-Opaque-Id"]; id != "" {
			f.Summary += ", asked by " + cut(id, maxTaskQuoted)
		}
		if t.Cancellable && !t.Cancelled {
			f.Remedy.Action = "Find who asked (X-Opaque-Id in the task's headers); if nobody waits for it: POST _tasks/" + t.ID + "/_cancel."
			f.Remedy.Risk = "a cancelled reindex or delete-by-query has done a part of its work"
		}
		out = append(out, f)
	}
	if n := len(long) - len(out); n > 0 {
		out = append(out, finding.Finding{Rule: "task-long", Severity: finding.Info, Subject: "_tasks", Summary: fmt.Sprintf("%d more tasks have run for over %s", n, longTask)})
	}
	return out
}

// standing reports whether an action runs as long as the cluster: persistent tasks, replication, jobs of plugins.
func standing(action string) bool {
	for _, part := range []string{"persistent", "[c]", "cross_cluster", "replication", "sweep", "ingest-processor", "cluster:admin/persistent", "indices:admin/plugins/replication"} {
		if strings.Contains(action, part) {
			return true
		}
	}
	return false
}

// managerBacklog finds a cluster manager that does not keep up.
func managerBacklog(s *snapshot) []finding.Finding {
	var oldest pendingTask
	for _, p := range s.pending {
		if p.Millis > oldest.Millis {
			oldest = p
		}
	}
	if len(s.pending) < manyPending && oldest.Millis < longManaged.Milliseconds() {
		return nil
	}
	return []finding.Finding{{
		Rule: "manager-backlog", Severity: finding.High, Subject: "cluster manager",
		Summary: fmt.Sprintf("%s for the cluster manager, the oldest for %s", count(len(s.pending), "task waits", "tasks wait"),
			(time.Duration(oldest.Millis) * time.Millisecond).Round(time.Second)),
		Evidence: []finding.Evidence{seen("_cluster/pending_tasks", fmt.Sprintf("%s %s", oldest.Priority, cut(oldest.Source, maxQuote)))},
		Remedy: &finding.Remedy{
			Action: "Stop what changes the cluster often (new indices, mapping updates by new fields, settings), and look at the manager's load by cluster_get _nodes/_cluster_manager/hot_threads.",
			Why:    "every change of the cluster's state goes through one node, one after the other", Risk: "restarting the manager under load elects another that has the same work", Verify: "cluster_get _cluster/pending_tasks",
		},
	}}
}

// largeShards finds primaries over 50 GiB: they recover and move slowly.
func largeShards(s *snapshot) []finding.Finding {
	var large []shard
	for _, sh := range s.shards {
		if sh.primary() && sh.bytes() > largeShard {
			large = append(large, sh)
		}
	}
	if len(large) == 0 {
		return nil
	}
	slices.SortFunc(large, func(a, b shard) int { return cmp.Compare(b.bytes(), a.bytes()) })
	severity := finding.Low
	if large[0].bytes() > hugeShard {
		severity = finding.Medium
	}
	return []finding.Finding{{
		Rule: "shard-too-large", Severity: severity, Subject: large[0].Index,
		Summary:  fmt.Sprintf("%s over %s; the largest, %s[%s], has %s", count(len(large), "primary shard is", "primary shards are"), size(largeShard), large[0].Index, large[0].Shard, size(large[0].bytes())),
		Evidence: []finding.Evidence{seen("_cat/shards/"+large[0].Index, fmt.Sprintf("%s[%s] store %d B", large[0].Index, large[0].Shard, large[0].bytes()))},
		Remedy: &finding.Remedy{
			Action: "Roll over earlier (ISM rollover min_primary_shard_size 50gb), or use more primary shards in the index template; existing ones by _split or _reindex.",
			Why:    "shards of 10 to 50 GiB recover within minutes and search evenly", Risk: "_split needs the index to be read-only and twice its disk for a while", Verify: "cluster_get _cat/shards?s=store:desc&bytes=gb",
		},
	}}
}

// smallShards finds clusters cut into too many small pieces.
func smallShards(s *snapshot) []finding.Finding {
	var small, all int
	families := map[string]int{}
	for _, sh := range s.shards {
		if sh.State != "STARTED" || strings.HasPrefix(sh.Index, ".") {
			continue
		}
		all++
		if sh.bytes() < smallShard {
			small++
			families[family(sh.Index)]++
		}
	}
	if small < manySmall || small*2 < all {
		return nil
	}
	names := sortedKeys(families)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(families[b], families[a]) })
	return []finding.Finding{{
		Rule: "shards-too-small", Severity: finding.Low, Subject: names[0],
		Summary:  fmt.Sprintf("%d of %d shards are below %s; most are of %s (%d)", small, all, size(smallShard), names[0], families[names[0]]),
		Evidence: []finding.Evidence{seen("_cat/shards", fmt.Sprintf("%d shards below %d B", small, int64(smallShard)))},
		Remedy: &finding.Remedy{
			Action: "One primary shard in the index template, and rollover by size instead of an index a day; old ones by _shrink or _reindex into months.",
			Why:    "each shard takes heap and is asked by every search over its pattern", Risk: "_shrink needs the index to be read-only", Verify: "cluster_get _cat/shards?s=store&bytes=mb",
		},
	}}
}

// family is the name of an index without its date or number: logs-2026.05.12 is logs-*.
func family(index string) string {
	short := strings.TrimRight(index, "0123456789.-_")
	if short == index || short == "" {
		return index
	}
	return short + "-*"
}

// shardsPerNode finds nodes with more shards than their heap or the cluster's limit bears.
func shardsPerNode(s *snapshot) []finding.Finding {
	n := map[string]int{}
	for _, sh := range s.shards {
		if sh.State != "UNASSIGNED" {
			name, _, _ := strings.Cut(sh.Node, " ") // "a -> 10.0.0.2 id b" while it moves
			n[name]++
		}
	}
	limit := nodeShards
	if v, err := strconv.Atoi(s.settings["cluster.max_shards_per_node"]); err == nil && v > 0 {
		limit = v
	}
	var out []finding.Finding
	for _, node := range s.ordered() {
		have, heapGiB := n[node.Name], float64(node.JVM.Mem.Max)/(1<<30)
		f := finding.Finding{
			Rule: "shards-per-node", Subject: node.Name, Evidence: []finding.Evidence{seen("_cat/shards", fmt.Sprintf("%s holds %d shards", node.Name, have))},
			Remedy: &finding.Remedy{
				Action: "Fewer shards: delete, shrink or roll over by size; or more nodes.", Why: "each shard takes heap, and no index can be made at the limit",
				Risk: "raising cluster.max_shards_per_node buys time and takes heap", Verify: "cluster_get _cat/allocation",
			},
		}
		switch {
		case float64(have) >= limitNear*float64(limit):
			f.Severity, f.Summary = finding.High, fmt.Sprintf("%s: %d shards of at most %d (cluster.max_shards_per_node): new indices will be refused", node.Name, have, limit)
		case heapGiB > 0 && float64(have) > shardsPerGiB*heapGiB && have > manySmall:
			f.Severity, f.Summary = finding.Medium, fmt.Sprintf("%s: %d shards on %.1f GiB of heap, over %d a GiB", node.Name, have, heapGiB, shardsPerGiB)
		default:
			continue
		}
		out = append(out, f)
	}
	return out
}

// failedPolicies finds index policies that stopped.
func failedPolicies(s *snapshot) []finding.Finding {
	type kind struct{ policy, action string }
	groups := map[kind][]ismState{}
	var order []kind
	for _, st := range s.ism {
		if !st.failed {
			continue
		}
		k := kind{st.policy, st.action}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], st)
	}
	var out []finding.Finding
	for _, k := range order {
		g := groups[k]
		var names []string
		for _, st := range g {
			names = append(names, st.index)
		}
		out = append(out, finding.Finding{
			Rule: "ism-failed", Severity: finding.High, Subject: k.policy,
			Summary:  fmt.Sprintf("policy %s stopped at %s on %s: %s", k.policy, cmp.Or(k.action, "a step"), count(len(g), "index", "indices"), some(names, 3)),
			Evidence: []finding.Evidence{seen("_plugins/_ism/explain/"+g[0].index, cut(fmt.Sprintf("state %s: %s", g[0].state, g[0].message), maxQuote))},
			Remedy: &finding.Remedy{
				Action: "Mend what the message names, then POST _plugins/_ism/retry/" + g[0].index + ".", Why: "a policy that failed waits for a retry: indices are neither rolled over nor deleted, and disks fill",
				Risk: "a retried delete or rollover happens at once", Verify: "cluster_get _plugins/_ism/explain/" + g[0].index,
			},
		})
	}
	return out
}
