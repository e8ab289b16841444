package check

import (
	"fmt"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func notInMetaHDFS() Rule {
	return Rule{
		ID: "not-in-meta-hdfs", Type: NotInMetaHDFS,
		Doc: "A region that a server holds open and that has neither row nor folder: by hbck's line, the master's page (Orphan Regions on RegionServer) or its log (No RegionStateNode for …).",
		find: func(r *run) []Finding {
			if !r.Usable(hbase.ArtefactMeta) || !r.Usable(hbase.ArtefactPaths) {
				return nil
			}
			var out []Finding
			for _, enc := range r.ghosts() {
				if r.Meta.Region(enc) == nil && r.Listing.Folder(enc) == nil && r.Meta.MergedInto(enc) == nil && r.Meta.DaughterOf(enc) == nil {
					out = append(out, r.ghost(enc))
				}
			}
			return out
		},
	}
}

func (r *run) ghosts() []string {
	var out []string
	for _, e := range r.codes["NOT_IN_META_HDFS"] {
		out = append(out, e.Encoded)
	}
	if r.Page != nil {
		for i := range r.Page.Entries {
			if e := &r.Page.Entries[i]; e.Section == hbase.PageOrphanRS {
				out = append(out, hbase.EncodedOf(e.Region))
			}
		}
	}
	for _, e := range r.Logs.By(hbase.SigNoNode) {
		// The master closes such a region at once: it counts if nothing tells of its end.
		if !slices.ContainsFunc(r.Logs.Of(e.Region), func(c *hbase.Event) bool { return c.Signature == hbase.SigClosed && c.Last.After(e.Last) }) && r.Hbck == nil && r.Page == nil {
			out = append(out, e.Region)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(s string) bool { return s == "" || s == hbase.MetaEncoded })
}

func (r *run) ghost(enc string) Finding {
	f := Finding{Type: NotInMetaHDFS, Severity: finding.High, Region: enc, Bytes: 0, Rows: -1, Confidence: high, DataLoss: "what was written to it and never flushed"}
	for _, e := range r.errors[enc] {
		f.Table, f.Name = e.Table, e.Region
		f.Servers = append(f.Servers, e.Deployed...)
		if len(f.Servers) == 0 && e.Server != "" {
			f.Servers = append(f.Servers, e.Server)
		}
	}
	for _, e := range r.pages[enc] {
		if e.Server != "" && !slices.Contains(f.Servers, e.Server) {
			f.Servers = append(f.Servers, e.Server)
		}
		if f.Name == "" {
			f.Name = e.Region
		}
	}
	f.named(r, enc)
	if k, ok := r.Known[enc]; !ok && f.Name != "" {
		f.fromName(f.Name)
	} else if ok {
		f.keys(k.Start, k.End)
	}
	f.reports(r, "NOT_IN_META_HDFS")
	f.events(r, hbase.SigNoNode)
	if len(f.Servers) > 0 {
		f.Server = f.Servers[0]
	}
	f.Summary = fmt.Sprintf("region %s of %s is open on %s and has neither a row in hbase:meta nor a folder", enc, f.Table, f.Server)
	return f
}

// fromName fills in table and start key from a full region name.
func (f *Finding) fromName(name string) {
	if table, start, ok := hbase.SplitName(name); ok {
		f.Table = table
		f.keys(start, nil)
	}
}
