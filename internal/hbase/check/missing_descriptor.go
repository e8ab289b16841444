package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func missingDescriptor() Rule {
	return Rule{
		ID: "missing-table-descriptor", Type: MissingDescriptor,
		Doc: "A table's directory with regions and without .tabledesc/.tableinfo.*, with or without the size in its name. hbck of HBase 2.6 does not notice: the listing is the only evidence. Not hbase:meta, not tables in the making under .tmp.",
		find: func(r *run) []Finding {
			var out []Finding
			if !r.descs || !r.Usable(hbase.ArtefactPaths) {
				return nil
			}
			for _, name := range slices.Sorted(maps.Keys(r.Listing.TableDirs)) {
				t := r.Listing.TableDirs[name]
				if len(t.Descriptors) > 0 || t.Temporary || name == hbase.MetaTable || t.Regions == 0 && r.Meta.Tables[name] == nil || !r.listed(name) && t.Regions == 0 {
					continue
				}
				if r.onlyLeftovers(name) {
					continue
				}
				out = append(out, r.withoutDescriptor(t))
			}
			return out
		},
	}
}

// onlyLeftovers reports whether nothing of a table is left but marker objects and empty folders, and no row: a dropped one.
func (r *run) onlyLeftovers(table string) bool {
	if r.Meta.Tables[table] != nil || len(r.Meta.Chain(table)) > 0 {
		return false
	}
	for _, f := range r.Listing.Folders {
		if f.Table == table && !f.Leftover {
			return false
		}
	}
	return true
}

func (r *run) withoutDescriptor(t *hbase.TableDir) Finding {
	f := Finding{
		Type: MissingDescriptor, Severity: finding.High, Table: t.Table, Bytes: -1, Rows: -1, Confidence: high,
		Summary:  fmt.Sprintf("the directory of table %s has %d regions and no .tabledesc/.tableinfo file", t.Table, t.Regions),
		DataLoss: "the table's settings, if the master restarts before the file is written again; no rows",
		Args:     Args{Path: r.FullPath(t.Path)},
	}
	f.paths(r, t.At)
	if s := r.Meta.Tables[t.Table]; s != nil {
		f.Args.TableState = s.State
		f.meta(r, s.At)
	}
	for _, e := range r.codes["NO_TABLEINFO_FILE"] {
		if e.Table == t.Table || strings.HasSuffix(strings.TrimRight(e.Path, "/"), "/"+strings.ReplaceAll(t.Table, ":", "/")) {
			f.hbck(r, e.At)
		}
	}
	return f
}
