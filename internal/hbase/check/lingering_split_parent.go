package check

import (
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func lingeringSplitParent() Rule {
	return Rule{
		ID: "lingering-split-parent", Type: LingeringSplitParent,
		Doc: "A split parent (SPLIT in info:regioninfo) of which a daughter has neither row nor folder, so that nobody serves its keys. A parent whose daughters are there waits for compaction and the janitor: no finding.",
		find: func(r *run) []Finding {
			var out []Finding
			for _, m := range r.Meta.Regions {
				if !m.Split || !r.known(m.Table) {
					continue
				}
				if lost := r.lostDaughters(m); len(lost) > 0 {
					out = append(out, r.lingering(m, lost))
				}
			}
			return out
		},
	}
}

// lostDaughters lists the daughters of which nothing is left, unless other regions cover the parent's keys by now.
func (r *run) lostDaughters(m *hbase.Region) []string {
	var lost []string
	for _, d := range []string{m.SplitA, m.SplitB} {
		if d != "" && r.Meta.Region(d) == nil && r.Listing.Folder(d) == nil && r.listed(m.Table) {
			lost = append(lost, d)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	for _, g := range gapsOf(r.Meta.Chain(m.Table)) {
		if meets(m.Start, m.End, g.start, g.end) {
			return lost
		}
	}
	return nil
}

func (r *run) lingering(m *hbase.Region, lost []string) Finding {
	f := r.of(LingeringSplitParent, finding.High, m, fmt.Sprintf("region %s of %s is a split parent, and of its daughters %v there is neither row nor folder", m.Encoded, m.Table, lost))
	f.Others = lost
	f.DataLoss = "none while the parent's folder is there"
	f.folder(r, r.Listing.Folder(m.Encoded))
	f.reports(r, "LINGERING_SPLIT_PARENT")
	f.events(r, hbase.SigSplit)
	return f
}
