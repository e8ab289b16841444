package check

import (
	"bytes"
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func emptyRegioninfoCell() Rule {
	return Rule{
		ID: "empty-regioninfo-cell", Type: EmptyRegioninfoCell,
		Doc: "A row of a region with cells of info: and no info:regioninfo that can be read. Not in a scan that leaves columns out, not the last row of one that was cut.",
		find: func(r *run) []Finding {
			var out []Finding
			shown := false
			for _, m := range r.Meta.Regions {
				shown = shown || m.HasInfo
			}
			if !shown || r.Meta.Limited != "" {
				return nil
			}
			for i, m := range r.Meta.Regions {
				if m.HasInfo || m.Encoded == hbase.MetaEncoded || i == len(r.Meta.Regions)-1 && !r.Whole(hbase.ArtefactMeta) {
					continue
				}
				out = append(out, r.emptyCell(m))
			}
			return out
		},
	}
}

func (r *run) emptyCell(m *hbase.Region) Finding {
	f := r.of(EmptyRegioninfoCell, finding.Critical, m, fmt.Sprintf("the row of region %s of %s has no info:regioninfo: HBase cannot use it", m.Encoded, m.Table))
	f.DataLoss = "none if the folder is there: it is added again from its .regioninfo"
	for _, g := range gapsOf(r.Meta.Chain(m.Table)) {
		if bytes.Equal(g.start, m.Start) {
			f.keys(m.Start, g.end)
		}
	}
	f.meta(r, m.StateAt)
	f.folder(r, r.Listing.Folder(m.Encoded))
	f.reports(r, "EMPTY_META_CELL", "NOT_IN_META", "NOT_IN_META_OR_DEPLOYED")
	for _, e := range r.codes["EMPTY_META_CELL"] {
		f.hbck(r, e.At)
	}
	for _, e := range r.Logs.By(hbase.SigJanitor) {
		if e.Detail == "empty" && (e.Name == m.Row || e.Region == m.Encoded) {
			f.event(e)
		}
	}
	return f
}
