package check

import (
	"fmt"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func hole() Rule {
	return Rule{
		ID: "hole-in-region-chain", Type: Hole,
		Doc: "Sorted by start key, the regions of a table must lead from the empty key to the empty key: where one ends and the next starts later, keys have no region. Split parents, merge parents and replicas are no part of the chain. What hbck calls a hole because a region is merely closed is none.",
		find: func(r *run) []Finding {
			var out []Finding
			if r.Meta.Limited != "" || r.Meta.Count >= 0 && !r.Whole(hbase.ArtefactMeta) {
				return nil // rows are missing anywhere
			}
			for _, table := range r.tables() {
				for _, g := range gapsOf(r.Meta.Chain(table)) {
					if g.right == nil && !r.known(table) {
						continue // the scan was cut before the table's end
					}
					out = append(out, r.gapFinding(table, &g))
				}
			}
			return out
		},
	}
}

// tables lists the tables with a chain, by name.
func (r *run) tables() []string {
	var out []string
	for _, m := range r.Meta.Regions {
		if n := len(out); n > 0 && out[n-1] == m.Table {
			continue
		}
		if len(r.Meta.Chain(m.Table)) > 0 && m.Table != hbase.MetaTable {
			out = append(out, m.Table)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (r *run) gapFinding(table string, g *gap) Finding {
	f := Finding{
		Type: Hole, Severity: finding.Critical, Table: table, Bytes: -1, Rows: -1, Confidence: high,
		DataLoss: "the range takes no writes and answers nothing; fixMeta makes it writable again, it brings no rows back",
	}
	f.keys(g.start, g.end)
	switch {
	case g.left == nil:
		f.Cause = "FIRST_REGION_STARTKEY_NOT_EMPTY"
		f.Summary = fmt.Sprintf("no region of %s covers the keys before %q: its first region is %s", table, f.End, g.right.Encoded)
	case g.right == nil:
		f.Cause = "LAST_REGION_ENDKEY_NOT_EMPTY"
		f.Summary = fmt.Sprintf("no region of %s covers the keys from %q on: its last region is %s", table, f.Start, g.left.Encoded)
	default:
		f.Summary = fmt.Sprintf("no region of %s covers the keys from %q to %q, between %s and %s", table, f.Start, f.End, g.left.Encoded, g.right.Encoded)
	}
	for _, n := range []*hbase.Region{g.left, g.right} {
		if n != nil {
			f.Others = append(f.Others, n.Encoded)
			f.meta(r, n.At)
		}
	}
	r.holeReports(&f, g)
	return f
}

// holeReports adds what hbck, the master's page and the janitor say of a gap.
func (r *run) holeReports(f *Finding, g *gap) {
	for _, e := range r.codes["HOLE_IN_REGION_CHAIN"] {
		if e.Start == f.Start && e.End == f.End {
			f.hbck(r, e.At)
		}
	}
	if g.left == nil {
		return
	}
	for _, e := range r.pages[g.left.Encoded] {
		if e.Section == hbase.PageHoles && hbase.EncodedOf(e.Region) == g.left.Encoded {
			f.page(r, e.At)
		}
	}
	for _, e := range r.Logs.Of(g.left.Encoded) {
		if e.Signature == hbase.SigJanitor && e.Detail == "hole" {
			f.event(e)
		}
	}
}
