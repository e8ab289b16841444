package check

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func regionNotInMeta() Rule {
	return Rule{
		ID: "region-not-in-meta", Type: RegionNotInMeta,
		Doc: "A region's folder with its .regioninfo or store files and no row in hbase:meta. Not the master's store, not hbase:meta's own folder, not merge parents named in info:merge*, not archive/ or marker objects, not what a split, merge or new table made between scan and listing.",
		find: func(r *run) []Finding {
			var out []Finding
			for _, o := range r.orphans {
				out = append(out, r.notInMeta(o))
			}
			return out
		},
	}
}

func (r *run) notInMeta(o *orphan) Finding {
	d := o.folder
	f := Finding{
		Type: RegionNotInMeta, Severity: finding.Critical, Table: d.Table, Region: d.Encoded, Name: o.name, Bytes: d.Bytes, Rows: -1, Confidence: high,
		Summary:  fmt.Sprintf("the folder of region %s of %s holds %d store files (%d bytes), and hbase:meta has no row of it", d.Encoded, d.Table, len(d.Files), d.Bytes),
		DataLoss: "none if the folder is adopted again; fixMeta first would put an empty region over the range",
	}
	f.folder(r, d)
	f.paths(r, d.InfoAt)
	switch {
	case o.keys != "":
		f.keys(o.start, o.end)
		f.Summary += "; keys: " + o.keys
		f.Args.Row = o.name
		f.add(artefactOf(r, o.place.File), o.place.File, o.place.At)
		f.Args.Covered = r.covering(d.Table, o.start, o.end)
	default:
		f.Confidence = medium
		f.Summary += "; its keys are in its .regioninfo, which is not in the bundle"
	}
	if d.Info <= 0 {
		f.Cause = "NO_REGIONINFO"
		f.Summary += "; it has no .regioninfo either"
	}
	for _, h := range d.Files {
		f.Args.HFiles = append(f.Args.HFiles, h.Name)
		if len(f.Args.HFiles) >= maxListed {
			break
		}
	}
	f.reports(r, "NOT_IN_META_OR_DEPLOYED", "NOT_IN_META", "ORPHAN_HDFS_REGION")
	if r.Hbck != nil {
		f.Servers = r.Hbck.Deployed(d.Encoded)
	}
	f.events(r, hbase.SigNoNode)
	return f
}

// maxListed bounds lists of names in a finding.
const maxListed = 50

// artefactOf names the artefact that a file is of.
func artefactOf(r *run, file string) string {
	for _, a := range r.Artefacts {
		if slices.Contains(a.Files, file) {
			return a.Name
		}
	}
	return ""
}

// covering lists the regions of a chain that share keys with a range.
func (r *run) covering(table string, start, end []byte) []string {
	var out []string
	for _, m := range r.Meta.Chain(table) {
		if meets(m.Start, m.End, start, end) && len(out) < maxListed {
			out = append(out, m.Encoded)
		}
	}
	return out
}

// meets reports whether two ranges share keys; an empty end is open.
func meets(s1, e1, s2, e2 []byte) bool {
	return (len(e2) == 0 || bytes.Compare(s1, e2) < 0) && (len(e1) == 0 || bytes.Compare(s2, e1) < 0)
}
