package check

import (
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func missingRegioninfo() Rule {
	return Rule{
		ID: "missing-regioninfo", Type: MissingRegioninfo,
		Doc: "A region's folder without .regioninfo, or with one of 0 bytes, while hbase:meta has its row. On S3 the folder must hold a family or a store file: markers alone are leftovers. Split and merge parents are left out.",
		find: func(r *run) []Finding {
			var out []Finding
			if !r.infos {
				return nil
			}
			for i, d := range r.Listing.Folders {
				m := r.Meta.Region(d.Encoded)
				if d.Info > 0 || m == nil || !r.wanted(m) || !r.Listing.DirEntries && len(d.Families) == 0 && len(d.Files) == 0 {
					continue
				}
				if i == len(r.Listing.Folders)-1 && !r.Whole(hbase.ArtefactPaths) {
					continue // the listing may have been cut before the file
				}
				out = append(out, r.withoutInfo(m, d))
			}
			return out
		},
	}
}

func (r *run) withoutInfo(m *hbase.Region, d *hbase.Folder) Finding {
	what := "has no .regioninfo"
	if d.Info == 0 {
		what = "has a .regioninfo of 0 bytes"
	}
	f := r.of(MissingRegioninfo, finding.Medium, m, fmt.Sprintf("the folder of region %s of %s %s; hbase:meta has the row", m.Encoded, m.Table, what))
	f.DataLoss = "none: the next open writes it again from hbase:meta"
	f.folder(r, d)
	f.paths(r, d.InfoAt)
	f.reports(r, "ORPHAN_HDFS_REGION")
	f.events(r, hbase.SigInfoMissing)
	return f
}
