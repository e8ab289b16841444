package check

import (
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func regionDirMissing() Rule {
	return Rule{
		ID: "region-dir-missing", Type: RegionDirMissing,
		Doc: "A row of hbase:meta that is no split or merge parent and has no folder in a listing that would show it. SPLIT in info:regioninfo decides on parents, not info:state: their folder may go to archive/ between scan and listing.",
		find: func(r *run) []Finding {
			var out []Finding
			for _, m := range r.Meta.Regions {
				if !r.wanted(m) || !r.listed(m.Table) {
					continue
				}
				d := r.Listing.Folder(m.Encoded)
				marker := d != nil && d.Leftover && !r.Listing.DirEntries && len(d.Families) == 0 // markers alone, on S3
				if d != nil && !marker || r.dropped(m) {
					continue
				}
				out = append(out, r.withoutDir(m, d))
			}
			return out
		},
	}
}

// dropped reports whether the table was dropped between scan and listing.
func (r *run) dropped(m *hbase.Region) bool {
	if r.Listing.TableDirs[m.Table] != nil {
		return false
	}
	for _, e := range r.Logs.By(hbase.SigTableProcedure) {
		if e.Table == m.Table && (e.Detail == "Delete" || e.Detail == "Truncate") && e.Last.After(m.StateTime.Add(slack)) && !m.StateTime.IsZero() {
			return true
		}
	}
	return false
}

func (r *run) withoutDir(m *hbase.Region, d *hbase.Folder) Finding {
	f := r.of(RegionDirMissing, finding.Critical, m, fmt.Sprintf("hbase:meta has the row of region %s of %s (state %s), and there is no folder of it", m.Encoded, m.Table, state(m)))
	f.DataLoss = "the rows of the range are gone from the root directory: look in archive/ and in snapshots before assigning"
	f.meta(r, m.StateAt)
	if d != nil {
		f.Summary += " but marker objects"
		f.paths(r, d.At)
	} else if t := r.Listing.TableDirs[m.Table]; t != nil {
		f.paths(r, t.At) // where the folder would stand
	}
	if a := r.Listing.Archived[m.Encoded]; a != nil {
		f.Args.Archived = r.FullPath(a.Path)
		f.paths(r, a.At)
		f.Summary += fmt.Sprintf("; archive/ still has %d files of it", len(a.Files))
	}
	f.Args.Covered = r.others(m)
	f.reports(r, "NOT_IN_HDFS_OR_DEPLOYED", "NOT_IN_HDFS")
	f.events(r, hbase.SigDirMissing)
	return f
}

// others lists the other regions of the chain that share keys with a region.
func (r *run) others(m *hbase.Region) []string {
	var out []string
	for _, o := range r.Meta.Chain(m.Table) {
		if o != m && meets(o.Start, o.End, m.Start, m.End) && len(out) < maxListed {
			out = append(out, o.Encoded)
		}
	}
	return out
}

func state(m *hbase.Region) string {
	if m.State == "" {
		return "none"
	}
	return m.State
}
