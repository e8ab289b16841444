package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func lingeringReference() Rule {
	return Rule{
		ID: "lingering-reference", Type: LingeringReference,
		Doc:  "A reference file (<hfile>.<parent region>) of a region in hbase:meta whose store file is not in the parent's folder any more. Needs a whole listing. A parent that waits for the janitor still has its files: no finding.",
		find: func(r *run) []Finding { return r.dangling(LingeringReference, r.lostReference) },
	}
}

func lingeringLink() Rule {
	return Rule{
		ID: "lingering-hfilelink", Type: LingeringHFileLink,
		Doc:  "An HFileLink (<table>=<region>-<hfile>) whose store file is neither in the region's folder nor under archive/. Needs a whole listing that shows archive/.",
		find: func(r *run) []Finding { return r.dangling(LingeringHFileLink, r.lostLink) },
	}
}

// dangling gathers the files of each region that lead nowhere: where says where they lead, "" if that is there.
func (r *run) dangling(t Type, where func(*hbase.Folder, *hbase.HFile) string) []Finding {
	if !r.Whole(hbase.ArtefactPaths) {
		return nil
	}
	var out []Finding
	for _, d := range r.Listing.Folders {
		m := r.Meta.Region(d.Encoded)
		if r.Usable(hbase.ArtefactMeta) && (m == nil || m.SplitParent()) || r.Meta.MergedInto(d.Encoded) != nil {
			continue
		}
		var lost []*hbase.HFile
		var gone []string
		for i := range d.Files {
			if target := where(d, &d.Files[i]); target != "" {
				lost, gone = append(lost, &d.Files[i]), append(gone, target)
			}
		}
		if len(lost) > 0 {
			out = append(out, r.danglingFinding(t, d, m, lost, gone))
		}
	}
	return out
}

// lostReference returns the store file that a reference leads to, if it is gone.
func (r *run) lostReference(d *hbase.Folder, h *hbase.HFile) string {
	if h.Kind != hbase.Reference && h.Kind != hbase.LinkReference {
		return ""
	}
	dot := strings.LastIndexByte(h.Name, '.')
	file, parent := h.Name[:dot], h.Name[dot+1:]
	if holds(r.Listing.Folder(parent), h.Family, file) {
		return ""
	}
	return strings.TrimSuffix(d.Path, d.Encoded) + parent + "/" + h.Family + "/" + file
}

// lostLink returns the store file that a link leads to, if it is in neither place.
func (r *run) lostLink(_ *hbase.Folder, h *hbase.HFile) string {
	if h.Kind != hbase.Link || !r.Listing.Hidden {
		return ""
	}
	eq := strings.LastIndexByte(h.Name, '=')
	region, file := h.Name[eq+1:eq+33], h.Name[eq+34:]
	if holds(r.Listing.Folder(region), h.Family, file) || holds(r.Listing.Archived[region], h.Family, file) {
		return ""
	}
	return strings.ReplaceAll(h.Name[:eq], "=", "/") + "/" + region + "/" + h.Family + "/" + file
}

func holds(d *hbase.Folder, family, file string) bool {
	return d != nil && slices.ContainsFunc(d.Files, func(h hbase.HFile) bool { return h.Family == family && h.Name == file })
}

func (r *run) danglingFinding(t Type, d *hbase.Folder, m *hbase.Region, lost []*hbase.HFile, gone []string) Finding {
	f := Finding{Type: t, Severity: finding.High, Table: d.Table, Region: d.Encoded, Bytes: -1, Rows: -1}
	if m != nil {
		f = r.of(t, finding.High, m, "")
	}
	f.Confidence, f.DataLoss = high, "the cells of the files that are gone, if they are in no archive or snapshot"
	f.Summary = fmt.Sprintf("region %s of %s refers to %d store files that are gone, such as %s", d.Encoded, d.Table, len(lost), gone[0])
	f.folder(r, d)
	for i, h := range lost {
		if i >= maxListed {
			break
		}
		f.Args.HFiles, f.Args.Family = append(f.Args.HFiles, h.Name), h.Family
		f.Args.Files = append(f.Args.Files, r.FullPath(d.Path+"/"+h.Family+"/"+h.Name))
		f.paths(r, h.At)
		if k := strings.LastIndexByte(h.Name, '.'); t == LingeringReference {
			if a := r.Listing.Archived[h.Name[k+1:]]; holds(a, h.Family, h.Name[:k]) {
				f.Args.Archived = r.FullPath(a.Path)
				f.paths(r, a.At)
			}
		}
	}
	for _, code := range []string{"LINGERING_REFERENCE_HFILE", "LINGERING_HFILELINK"} {
		for _, e := range r.codes[code] {
			if strings.Contains(e.Text, d.Encoded) {
				f.hbck(r, e.At)
			}
		}
	}
	f.events(r, hbase.SigFailedOpen)
	return f
}
