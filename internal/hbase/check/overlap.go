package check

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func overlap() Rule {
	return Rule{
		ID: "overlap-in-region-chain", Type: Overlap,
		Doc: "A region that starts before the regions before it have ended. Of the regions that share keys, those that form the best whole chain are kept (contiguous first, then open and with a folder), and the others are the finding. Also a region that ends where or before it starts.",
		find: func(r *run) []Finding {
			var out []Finding
			for _, table := range r.tables() {
				chain := r.Meta.Chain(table)
				for from := 0; from < len(chain); {
					to := groupEnd(chain, from)
					if to-from > 1 {
						out = append(out, r.overlaps(chain[from:to])...)
					}
					from = to
				}
				for _, m := range chain {
					if backwards(m) {
						out = append(out, r.backwardsFinding(m))
					}
				}
			}
			return out
		},
	}
}

// groupEnd returns the end of the group of regions that share keys with one another, from the one at from.
func groupEnd(chain []*hbase.Region, from int) int {
	reach := chain[from].End
	to := from + 1
	for to < len(chain) && (len(reach) == 0 || bytes.Compare(chain[to].Start, reach) < 0) {
		if !backwards(chain[to]) && hbase.CompareEnds(chain[to].End, reach) > 0 {
			reach = chain[to].End
		}
		to++
	}
	return to
}

// maxGroup bounds the quadratic search for the best chain in a group.
const maxGroup = 3000

func (r *run) overlaps(group []*hbase.Region) []Finding {
	keep := map[*hbase.Region]bool{}
	if len(group) <= maxGroup {
		for _, m := range r.bestChain(group) {
			keep[m] = true
		}
	} else {
		keep[group[0]] = true
	}
	var out []Finding
	for _, m := range group {
		if keep[m] || backwards(m) {
			continue
		}
		f := r.of(Overlap, finding.High, m, "")
		f.DataLoss = "none: fixMeta merges the regions"
		f.meta(r, m.StateAt)
		same := false
		for _, o := range group {
			if o == m || backwards(o) || !meets(o.Start, o.End, m.Start, m.End) {
				continue
			}
			same = same || bytes.Equal(o.Start, m.Start) && bytes.Equal(o.End, m.End)
			if len(f.Others) < maxListed {
				f.Others = append(f.Others, o.Encoded)
				f.meta(r, o.At)
			}
		}
		if same {
			f.Cause = "DUPE_STARTKEYS"
		}
		f.Summary = fmt.Sprintf("region %s of %s (%q to %q, state %s) shares keys with %s", m.Encoded, m.Table, f.Start, f.End, state(m), strings.Join(f.Others[:min(len(f.Others), 4)], ", "))
		r.overlapReports(&f, m)
		out = append(out, f)
	}
	return out
}

func (r *run) overlapReports(f *Finding, m *hbase.Region) {
	f.folder(r, r.Listing.Folder(m.Encoded))
	f.reports(r, "OVERLAP_IN_REGION_CHAIN", "DUPE_STARTKEYS", "DUPE_ENDKEYS")
	for _, e := range r.pages[m.Encoded] {
		if e.Section == hbase.PageOverlaps {
			f.Args.Merging = f.Args.Merging || e.Merged
			f.page(r, e.At)
		}
	}
	for _, e := range r.Logs.By(hbase.SigJanitor) {
		if e.Detail == "overlap" && (e.Region == m.Encoded || hbase.EncodedOf(e.Path) == m.Encoded) {
			f.event(e)
		}
	}
	for _, enc := range append([]string{m.Encoded}, f.Others...) {
		if o := r.Meta.Region(enc); o != nil && len(o.Merges) > 0 {
			f.Args.Merging = true
		}
	}
}

// bestChain picks regions of a group that share no keys: with the fewest gaps, then the best of them.
func (r *run) bestChain(group []*hbase.Region) []*hbase.Region {
	const gapCost = 1 << 20
	n := len(group)
	score, prev := make([]int, n), make([]int, n)
	best, reach := -1, group[0].End
	for _, m := range group {
		if hbase.CompareEnds(m.End, reach) > 0 {
			reach = m.End
		}
	}
	final := 0
	for i, m := range group {
		if backwards(m) {
			score[i] = -gapCost * n
			continue
		}
		score[i], prev[i] = r.worth(m), -1
		if !bytes.Equal(m.Start, group[0].Start) {
			score[i] -= gapCost
		}
		for j := range i {
			o := group[j]
			if backwards(o) || len(o.End) == 0 || bytes.Compare(o.End, m.Start) > 0 {
				continue
			}
			s := score[j] + r.worth(m)
			if !bytes.Equal(o.End, m.Start) {
				s -= gapCost
			}
			if s > score[i] {
				score[i], prev[i] = s, j
			}
		}
		total := score[i]
		if !bytes.Equal(m.End, reach) {
			total -= gapCost
		}
		if best < 0 || total > final {
			best, final = i, total
		}
	}
	var out []*hbase.Region
	for i := best; i >= 0; i = prev[i] {
		out = append(out, group[i])
	}
	return out
}

// worth says how much speaks for keeping a region in the chain.
func (r *run) worth(m *hbase.Region) int {
	w := 1
	if m.State == "OPEN" {
		w += 80
	}
	if m.Location() != "" {
		w += 20
	}
	switch d := r.Listing.Folder(m.Encoded); {
	case d == nil:
	case len(d.Files) > 0:
		w += 60
	default:
		w += 40
	}
	if r.Hbck != nil && len(r.Hbck.Deployed(m.Encoded)) > 0 {
		w += 40
	}
	return w
}

func (r *run) backwardsFinding(m *hbase.Region) Finding {
	f := r.of(Overlap, finding.High, m, fmt.Sprintf("region %s of %s ends (%q) where or before it starts (%q)", m.Encoded, m.Table, hbase.FormatBinary(m.End), hbase.FormatBinary(m.Start)))
	f.Cause = "REGION_CYCLE"
	if bytes.Equal(m.Start, m.End) {
		f.Cause = "DEGENERATE_REGION"
	}
	f.folder(r, r.Listing.Folder(m.Encoded))
	f.reports(r, "DEGENERATE_REGION", "REGION_CYCLE")
	return f
}
