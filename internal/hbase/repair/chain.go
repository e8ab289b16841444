package repair

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
)

// hole gathers a gap in a table's chain: fixMeta closes all of them at once.
func (b *builder) hole(f *check.Finding) { b.holes = append(b.holes, *f) }

// restOfHole gathers what is left of a hole when the rows of its orphan folders are back: a hole may be wider than they are.
func (b *builder) restOfHole(report *check.Report, hole *check.Finding) {
	at, end := string(hbase.ParseBinary([]byte(hole.Start))), string(hbase.ParseBinary([]byte(hole.End)))
	var orphans [][2]string
	for i := range report.Findings {
		if f := &report.Findings[i]; f.Type == check.RegionNotInMeta && f.Table == hole.Table {
			if f.Start == "" && f.End == "" {
				return // its keys are not known: only its return shows what it covers
			}
			orphans = append(orphans, [2]string{string(hbase.ParseBinary([]byte(f.Start))), string(hbase.ParseBinary([]byte(f.End)))})
		}
	}
	slices.SortFunc(orphans, func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) })
	for _, o := range orphans {
		if o[0] < at || (end != "" && o[0] >= end) {
			continue
		}
		if o[0] > at {
			b.gap(hole, at, o[0])
		}
		if at = o[1]; at == "" {
			return
		}
	}
	if at != end {
		b.gap(hole, at, end)
	}
}

// gap gathers a part of a hole.
func (b *builder) gap(hole *check.Finding, start, end string) {
	part := *hole
	part.Start, part.End = hbase.FormatBinary([]byte(start)), hbase.FormatBinary([]byte(end))
	b.holes = append(b.holes, part)
}

// overlap gathers an overlap; the merge that fixMeta orders needs its members open and with a folder.
func (b *builder) overlap(f *check.Finding) {
	if f.Cause == "DEGENERATE_REGION" || f.Cause == "REGION_CYCLE" {
		b.left(f, "The region's end key is not after its start key: no key belongs to it, and no merge with it was seen to work.",
			"Unassign it, move its folder out of the data directory, then "+hbck2("extraRegionsInMeta", "-f", full(f.Table)).Line(b.plan.options)+"; its rows, if any, are loaded again with completebulkload.")
		return
	}
	b.overlaps = append(b.overlaps, *f)
	for _, r := range b.members(f) {
		switch {
		case b.view.listed && !r.Folder && r.InMeta:
			b.extras[r.Table] = append(b.extras[r.Table], r)
		case r.State != "OPEN":
			b.assign(r, true, ref(f))
		}
	}
}

// members lists the regions of an overlap: the one the finding names and those it shares keys with.
func (b *builder) members(f *check.Finding) []*region {
	var out []*region
	for _, encoded := range append([]string{f.Region}, f.Others...) {
		if r := b.view.regions[encoded]; r != nil {
			out = append(out, r)
		}
	}
	return out
}

// chainCheck is the scan whose lines show a table's rows with their keys.
func chainCheck(table, about string) *Check {
	return &Check{Command: rowsOf(table, "info:regioninfo"), About: about}
}

// flushChain writes janitor, fixMeta and janitor again. fixMeta takes no table: it works on the janitor's last report.
func (b *builder) flushChain() {
	if len(b.holes)+len(b.overlaps) == 0 {
		return
	}
	var fixes []string
	for _, list := range [][]check.Finding{b.holes, b.overlaps} {
		for i := range list {
			fixes = append(fixes, ref(&list[i]))
		}
	}
	if !gateFixMeta.allows(b.view.version) {
		for _, list := range [][]check.Finding{b.holes, b.overlaps} {
			for i := range list {
				b.left(&list[i], "HBase "+b.view.text+" has no fixMeta (2.0.6, 2.1.6, 2.2.1, 2.3.0 and later have it).", "Upgrade to a release that has it; hbck1's -fix options must not be used on HBase 2.")
			}
		}
		return
	}
	b.step(b.janitor(phaseJanitor, fixes, "fixMeta works on the janitor's last report: it must know of everything that was changed before."))
	b.step(b.fixMeta(fixes))
	if len(b.overlaps) > 0 {
		b.step(b.janitor(phaseJanitorAgain, fixes, "Lets the janitor clean up after the merge; until then the parents may still be shown on the HBCK page."))
	}
	b.avoid("fixMeta before the rows of orphan regions are back in hbase:meta (addFsRegionsMissingInMeta): it plugs the hole with an empty region, and the old one then overlaps it.")
	b.avoid("OfflineMetaRepair and hbck1's -fix… options: they are of HBase 1.")
}

func (b *builder) janitor(p phase, fixes []string, why string) Step {
	return Step{
		command: shell("catalogjanitor_run"), Why: why, phase: p, Fixes: fixes, Wait: "until it returns; where it cannot be run, one interval of the janitor: " + janitorInterval,
		precheck: &Check{Command: shell("list_namespace"), Expect: []string{`row\(s\)`}, About: "the master is initialised"},
	}
}

func (b *builder) fixMeta(fixes []string) Step {
	s := Step{
		command: hbck2("fixMeta"), phase: phaseFixMeta, Fixes: fixes, patience: mergePatience, Wait: "about 10 s for a hole, longer for merges; the regions open by themselves",
		Why: "Closes holes with new empty regions and merges overlapping ones.", Undo: "a new empty region can be merged away; a merge is undone by a split only",
		Risk:     "Works on the whole of hbase:meta: every hole and overlap that the janitor reports is treated, of other tables too.",
		Downtime: "the ranges of holes answer nothing until the new region is open; merged regions are closed for seconds",
	}
	s.DataLoss = none
	if len(b.holes) > 0 {
		s.DataLoss = "none more; the rows of a hole are not brought back: look into archive/ and snapshots first"
	}
	check := chainCheck("", "")
	check.Command = shell("scan 'hbase:meta', {COLUMN => 'info:regioninfo'}")
	check.About = "each hole has its new region"
	if only, ok := oneTable(b.holes, b.overlaps); ok {
		check.Command = chainCheck(only, "").Command
	}
	before := &Check{Command: check.Command, About: "the chain is as the evidence says"}
	for i := range b.holes {
		f := &b.holes[i]
		check.Expect = append(check.Expect, fmt.Sprintf(" %s.*STARTKEY => '%s', ENDKEY => '%s'", literal(f.Table+","), literal(f.Start), literal(f.End)))
	}
	for i := range b.overlaps {
		f := &b.overlaps[i]
		s.Regions = append(s.Regions, names(b.members(f))...)
		if f.Region != "" {
			row := "ENCODED => " + literal(f.Region)
			check.Absent = append(check.Absent, row)
			if r := b.view.regions[f.Region]; r == nil || !r.InMeta || r.Folder || !b.view.listed { // a member without a folder is gone before
				before.Expect = append(before.Expect, row)
			}
			check.About = "holes have their new region, overlapping ones are merged away"
		}
	}
	s.verify = check
	if len(before.Expect) > 0 {
		s.precheck = before
	}
	s.Regions = unique(s.Regions)
	if len(s.Regions) > maxMerge {
		s.Wait += fmt.Sprintf("; more than %d regions overlap: run janitor and fixMeta again until the janitor reports none", maxMerge)
	}
	return s
}

// maxMerge is hbase.master.metafixer.max.merge.count: what one fixMeta merges at most.
const maxMerge = 64

func oneTable(lists ...[]check.Finding) (string, bool) {
	seen := map[string]bool{}
	name := ""
	for _, list := range lists {
		for _, f := range list {
			seen[f.Table], name = true, f.Table
		}
	}
	return name, len(seen) == 1
}
