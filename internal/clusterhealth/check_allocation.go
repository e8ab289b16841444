package clusterhealth

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/finding"
)

const explainPath = "_cluster/allocation/explain"

// unassignedShards says which shards no node has and why, by the deciders that said no.
func unassignedShards(s *snapshot) []finding.Finding {
	missing := s.unassigned()
	if len(missing) == 0 {
		return s.colourAlone()
	}
	var out []finding.Finding
	for _, g := range groupUnassigned(missing, s.explains) {
		out = append(out, g.finding(s))
	}
	return out
}

// colourAlone judges by the health alone, when the shards could not be listed.
func (s *snapshot) colourAlone() []finding.Finding {
	h := s.health
	if h == nil || s.shards != nil || h.Unassigned == 0 {
		return nil
	}
	severity := finding.Medium
	if h.Status == "red" {
		severity = finding.Critical
	}
	return []finding.Finding{{
		Rule: "shards-unassigned", Severity: severity, Subject: h.Cluster,
		Summary:  fmt.Sprintf("the cluster is %s: %s no node; this user may not list them", h.Status, count(h.Unassigned, "shard has", "shards have")),
		Evidence: []finding.Evidence{seen("_cluster/health", fmt.Sprintf("status %s, unassigned_shards %d", h.Status, h.Unassigned))},
		Remedy:   &finding.Remedy{Action: "Ask cluster_get _cluster/allocation/explain with a user who has cluster_monitor."},
	}}
}

// lost is a group of unassigned shards that have one cause.
type lost struct {
	primary bool
	reason  string // unassigned.reason
	shards  []shard
	why     *explanation // of one of them; nil when none was explained
}

// groupUnassigned puts shards together that are unassigned for the same reason; with what was explained of each.
func groupUnassigned(all []shard, explains []explanation) []lost {
	cause := func(sh shard) (*explanation, string) {
		for i := range explains {
			e := &explains[i]
			if e.Index == sh.Index && e.Primary == sh.primary() {
				return e, strings.Join(e.refusing(), ",") + e.Allocate
			}
		}
		return nil, ""
	}
	groups := map[string]*lost{}
	var order []string
	var rest []shard
	for _, sh := range all {
		e, key := cause(sh)
		if e == nil {
			rest = append(rest, sh)
			continue
		}
		key = sh.Role + key
		if groups[key] == nil {
			groups[key] = &lost{primary: sh.primary(), reason: sh.Reason, why: e}
			order = append(order, key)
		}
		groups[key].shards = append(groups[key].shards, sh)
	}
	for _, sh := range rest { // of the same kind as an explained one, or alone
		key := sh.Role + " " + sh.Reason
		if groups[key] == nil {
			groups[key] = &lost{primary: sh.primary(), reason: sh.Reason}
			order = append(order, key)
		}
		groups[key].shards = append(groups[key].shards, sh)
	}
	out := make([]lost, 0, len(order))
	for _, k := range order {
		out = append(out, *groups[k])
	}
	slices.SortStableFunc(out, func(a, b lost) int { return cmp.Compare(len(b.shards), len(a.shards)) })
	return out
}

// refusing names the deciders that keep a shard from every node, the most decisive first: the one that the most nodes share.
func (e *explanation) refusing() []string {
	n := map[string]int{}
	for _, node := range e.Nodes {
		for _, d := range node.Deciders {
			if d.Decision == "NO" {
				n[d.Decider]++
			}
		}
	}
	names := sortedKeys(n)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(n[b], n[a]) })
	return names
}

// words returns what a decider said, by the first node that it refused.
func (e *explanation) words(decider string) string {
	for _, node := range e.Nodes {
		for _, d := range node.Deciders {
			if d.Decider == decider && d.Decision == "NO" {
				return fmt.Sprintf("%s: %s: %s", node.Name, decider, d.Explanation)
			}
		}
	}
	return ""
}

func (l lost) finding(s *snapshot) finding.Finding {
	kind, severity := "replica", finding.Medium
	rule := "replica-unassigned"
	if l.primary {
		kind, severity, rule = "primary", finding.Critical, "primary-unassigned"
	}
	indices := l.indices()
	why, remedy := l.verdict(s)
	if !l.primary && l.harmless() {
		severity = finding.Low
	}
	text := fmt.Sprintf("%s of %s unassigned: %s", count(len(l.shards), kind+" shard", kind+" shards"), some(indices, 3), why)
	out := finding.Finding{Rule: rule, Severity: severity, Subject: some(indices, 3), Summary: text, Remedy: remedy}
	out.Evidence = append(out.Evidence, l.evidence()...)
	return out
}

// harmless reports whether nothing but a second node is missing: a cluster of one node cannot hold replicas, which is how
// clusters for development are.
func (l lost) harmless() bool {
	return l.why != nil && len(l.why.Nodes) == 1 && slices.Equal(l.why.refusing(), []string{"same_shard"})
}

func (l lost) indices() []string {
	seen := map[string]bool{}
	for _, sh := range l.shards {
		seen[sh.Index] = true
	}
	return sortedKeys(seen)
}

func (l lost) evidence() []finding.Evidence {
	sh := l.shards[0]
	text := fmt.Sprintf("%s[%s] %s UNASSIGNED %s since %s", sh.Index, sh.Shard, sh.Role, sh.Reason, sh.At)
	if sh.Details != "" {
		text += ": " + cut(sh.Details, maxQuote)
	}
	out := []finding.Evidence{seen("_cat/shards/"+sh.Index, text)}
	if l.why == nil {
		return out
	}
	if l.why.Text != "" {
		out = append(out, seen(explainPath, fmt.Sprintf("can_allocate %s: %s", l.why.Allocate, cut(l.why.Text, maxQuote))))
	}
	for i, d := range l.why.refusing() {
		if i == maxDeciders {
			break
		}
		out = append(out, seen(explainPath, cut(l.why.words(d), maxQuote)))
	}
	return out
}

// Bounds of what is quoted.
const (
	maxQuote    = 300
	maxDeciders = 3
)

func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}

const verifyHealth = "cluster_get _cluster/health: unassigned_shards falls to 0"

// verdict says why, and the safe next step, by what can_allocate and the deciders say.
func (l lost) verdict(s *snapshot) (string, *finding.Remedy) {
	if l.why == nil {
		return "the reason given is " + l.reason, &finding.Remedy{
			Action: fmt.Sprintf(`cluster_get _cluster/allocation/explain with body {"index":%q,"shard":%s,"primary":%t}`, l.shards[0].Index, l.shards[0].Shard, l.primary),
			Why:    "it names the rule that keeps each node from taking the shard",
		}
	}
	switch l.why.Allocate {
	case "no_valid_shard_copy":
		return noCopy(l)
	case "allocation_delayed":
		return "a node left and OpenSearch waits for it to come back before it copies the shard", &finding.Remedy{
			Action: "Bring the node back, or wait for index.unassigned.node_left.delayed_timeout (1m unless set).", Why: "copying shards costs more than waiting for a restart", Verify: verifyHealth,
		}
	case "throttled", "awaiting_info":
		return "it will be placed: other recoveries are under way", &finding.Remedy{Action: "Wait.", Why: "recoveries to a node are done a few at a time", Verify: "cluster_get _cat/recovery?active_only"}
	}
	deciders := l.why.refusing()
	if len(deciders) == 0 {
		return "no node refuses it now", &finding.Remedy{Action: "Wait a minute and look again.", Verify: verifyHealth}
	}
	return byDecider(l, s, deciders)
}

func noCopy(l lost) (string, *finding.Remedy) {
	return fmt.Sprintf("no node holds a valid copy of its data (%s)", l.reason), &finding.Remedy{
		Action: "Bring back the node that held it; else restore the index from a snapshot.",
		Why:    "the data are on a node that is gone or a disk that failed: cluster_get INDEX/_shard_stores shows what is left",
		Risk:   "allocate_stale_primary and allocate_empty_primary of _cluster/reroute lose data for good: only when neither node nor snapshot exists",
		Verify: verifyHealth,
	}
}

// cure is what a decider's no means and what helps.
type cure struct {
	why    string
	remedy finding.Remedy
}

func byDecider(l lost, s *snapshot, deciders []string) (string, *finding.Remedy) {
	known := cures(l, s)
	// same_shard says no on the nodes that hold the other copy, whatever the real reason is on the others.
	for _, d := range slices.Concat(slices.DeleteFunc(slices.Clone(deciders), func(d string) bool { return d == "same_shard" }), deciders) {
		if c, ok := known[d]; ok {
			r := c.remedy
			if r.Verify == "" {
				r.Verify = verifyHealth
			}
			return c.why, &r
		}
	}
	return "every node refuses it by " + strings.Join(deciders, ", "), &finding.Remedy{Action: "Read the decider's words in the evidence and change what they name.", Verify: verifyHealth}
}

func cures(l lost, s *snapshot) map[string]cure {
	index := l.shards[0].Index
	holders := "each node that could take it holds a copy already"
	if s.health != nil && s.health.DataNodes == 1 {
		holders = "the only data node holds a copy already"
	}
	replicas := finding.Remedy{
		Action: fmt.Sprintf(`Add a node, or ask for fewer copies: PUT %s/_settings {"index.number_of_replicas":0} (or auto_expand_replicas 0-1).`, index),
		Why:    "two copies of a shard on one node would be lost together", Risk: "without replicas the loss of a node loses data until a snapshot is restored",
	}
	return map[string]cure{
		"same_shard": {holders, replicas},
		"disk_threshold": {"disks are above the watermark", finding.Remedy{
			Action: "Free disk: delete old indices, move them to a larger tier, or add a node.", Why: "a node above the low watermark takes no new shards",
			Risk: "raising cluster.routing.allocation.disk.watermark.* only buys time: at the flood stage writing stops",
		}},
		"filter": {"no node has the attributes that its allocation filter asks for", finding.Remedy{
			Action: fmt.Sprintf("Compare cluster_get %s/_settings?filter_path=*.settings.index.routing with cluster_get _cat/nodeattrs, then mend the filter or the node's attribute.", index),
			Why:    "index.routing.allocation.require, include or exclude names what no node has",
		}},
		"enable": {"allocation is switched off", finding.Remedy{
			Action: `PUT _cluster/settings {"persistent":{"cluster.routing.allocation.enable":null},"transient":{"cluster.routing.allocation.enable":null}}`,
			Why:    "it is switched off for a rolling restart and was not switched on again", Risk: "shards begin to move: wait if a restart is still under way",
		}},
		"max_retry": {fmt.Sprintf("it failed %d times and is not tried any more: %s", l.why.Info.Failed, cut(l.why.Info.Details, maxQuote)), finding.Remedy{
			Action: "Mend what the details name, then POST _cluster/reroute?retry_failed=true.", Why: "after five failures OpenSearch waits for someone to look", Risk: "retrying without mending fails again",
		}},
		"awareness": {"awareness asks for copies in other zones, and there are too few nodes there", finding.Remedy{
			Action: "Add nodes to the zones that lack them, or lower number_of_replicas.", Why: "cluster.routing.allocation.awareness spreads copies over zones",
		}},
		"shards_limit": {"the nodes have as many shards as total_shards_per_node lets them", finding.Remedy{
			Action: fmt.Sprintf("Raise index.routing.allocation.total_shards_per_node of %s, or add a node.", index), Why: "the limit is a setting of the index or the cluster",
		}},
		"node_version": {"its data were written by a newer version than the nodes that could take it", finding.Remedy{
			Action: "Finish the upgrade of the remaining nodes.", Why: "an older node cannot read what a newer one wrote",
		}},
		"replica_after_primary_active": {"its primary is not active: mend that first", finding.Remedy{Action: "See the finding about the primary.", Why: "a replica is copied from its primary"}},
		"throttling":                   {"other recoveries are under way", finding.Remedy{Action: "Wait.", Why: "recoveries to a node are done a few at a time", Verify: "cluster_get _cat/recovery?active_only"}},
		"snapshot_in_progress":         {"a snapshot of it is under way", finding.Remedy{Action: "Wait for the snapshot.", Verify: "cluster_get _snapshot/_status"}},
		"restore_in_progress":          {"its restore failed", finding.Remedy{Action: "Delete the index and restore the snapshot again.", Risk: "deleting loses what was written since", Why: "a failed restore is not tried again"}},
	}
}

// allocationDisabled finds allocation that was switched off and forgotten.
func allocationDisabled(s *snapshot) []finding.Finding {
	v := s.settings["cluster.routing.allocation.enable"]
	if v == "" || v == "all" {
		return nil
	}
	return []finding.Finding{{
		Rule: "allocation-disabled", Severity: finding.High, Subject: "cluster.routing.allocation.enable",
		Summary:  fmt.Sprintf("allocation of shards is set to %q: a node that fails now is not replaced, and new indices may stay red", v),
		Evidence: []finding.Evidence{seen("_cluster/settings", "cluster.routing.allocation.enable: "+v)},
		Remedy: &finding.Remedy{
			Action: `PUT _cluster/settings {"persistent":{"cluster.routing.allocation.enable":null},"transient":{"cluster.routing.allocation.enable":null}}`,
			Why:    "it is switched off for rolling restarts", Risk: "shards begin to move: wait if a restart is under way", Verify: "cluster_get _cluster/settings",
		},
	}}
}

// movingShards tells that shards are on their way, which explains load and a yellow state that mends itself.
func movingShards(s *snapshot) []finding.Finding {
	h := s.health
	if h.Relocating+h.Initializing == 0 {
		return nil
	}
	return []finding.Finding{{
		Rule: "shards-moving", Severity: finding.Info, Subject: h.Cluster,
		Summary:  fmt.Sprintf("%s relocating and %d initializing: disks and network are busy with copies", count(h.Relocating, "shard is", "shards are"), h.Initializing),
		Evidence: []finding.Evidence{seen("_cluster/health", fmt.Sprintf("relocating_shards %d, initializing_shards %d", h.Relocating, h.Initializing))},
	}}
}
