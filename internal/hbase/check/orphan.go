package check

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

// orphan is a region's folder without a row in hbase:meta.
type orphan struct {
	folder     *hbase.Folder
	name       string
	start, end []byte
	keys       string // how the keys are known, "" if they are not
	place      hbase.Place
}

// findOrphans lists folders that hold a region and have no row, where the scan would show the row.
func (r *run) findOrphans() {
	if !r.Usable(hbase.ArtefactMeta) {
		return
	}
	for _, f := range r.Listing.Folders {
		if f.Table == hbase.MetaTable || f.Leftover || r.Meta.Region(f.Encoded) != nil || r.Meta.MergedInto(f.Encoded) != nil || !r.known(f.Table) {
			continue
		}
		if f.Info <= 0 && len(f.Files) == 0 || r.inFlight(f) {
			continue
		}
		r.orphans = append(r.orphans, &orphan{folder: f})
	}
}

// inFlight reports whether the folder came to be between the scan and the listing: by a split, a merge or a new table that
// the master's log tells of while the scan still shows what was before.
func (r *run) inFlight(f *hbase.Folder) bool {
	for _, e := range r.Logs.By(hbase.SigSplit) {
		parent := r.Meta.Region(e.Region)
		if strings.Contains(e.Detail, f.Encoded) && e.State != "ROLLEDBACK" && parent != nil && !parent.SplitParent() {
			return true
		}
	}
	if parents := parentsOf(f); len(parents) > 0 {
		for _, e := range r.Logs.By(hbase.SigMerge) {
			if e.State != "ROLLEDBACK" && all(parents, func(p string) bool { return strings.Contains(e.Detail, p) && r.Meta.Region(p) != nil }) {
				return true
			}
		}
	}
	if len(r.Meta.Chain(f.Table)) == 0 && r.Meta.Tables[f.Table] == nil {
		for _, e := range r.Logs.By(hbase.SigTableProcedure) {
			if e.Table == f.Table && (e.Detail == "Create" || e.Detail == "CloneSnapshot") && !r.Meta.Newest.IsZero() && e.Last.After(r.Meta.Newest.Add(slack)) {
				return true
			}
		}
	}
	return false
}

func all(list []string, ok func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !ok(s) })
}

// parentsOf lists the regions that a folder's references lead to.
func parentsOf(f *hbase.Folder) []string {
	var out []string
	for i := range f.Files {
		if k := f.Files[i].Kind; k == hbase.Reference || k == hbase.LinkReference {
			name := f.Files[i].Name
			if p := name[len(name)-32:]; !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// describeOrphans finds the keys of folders without a row: their .regioninfo is not in the bundle, so that reports, logs and
// the chain around them have to tell.
func (r *run) describeOrphans(ctx context.Context) error {
	if len(r.orphans) == 0 {
		return nil
	}
	names := make([]string, len(r.orphans))
	for i, o := range r.orphans {
		names[i] = o.folder.Encoded
	}
	known, err := r.Describe(ctx, names)
	if err != nil {
		return err
	}
	byTable := map[string][]*orphan{}
	for _, o := range r.orphans {
		if k, ok := known[o.folder.Encoded]; ok && k.Table == o.folder.Table {
			o.name, o.start, o.end, o.keys, o.place = k.Name, k.Start, k.End, "as described there", k.Place
			continue
		}
		if d := r.Meta.DaughterOf(o.folder.Encoded); d != nil {
			o.fromParent(d)
		}
		if o.keys == "" {
			byTable[o.folder.Table] = append(byTable[o.folder.Table], o)
		}
	}
	budget := maxHashes
	for table, list := range byTable {
		r.solve(table, list, &budget)
	}
	return ctx.Err()
}

// fromParent reads the name in the parent's split cells: it tells the start; the end follows from which daughter it is.
func (o *orphan) fromParent(parent *hbase.Region) {
	for i, enc := range []string{parent.SplitA, parent.SplitB} {
		if enc == o.folder.Encoded && i == 0 {
			o.start, o.keys = parent.Start, "the split parent's start"
		}
		if enc == o.folder.Encoded && i == 1 {
			o.end = parent.End
		}
	}
	o.keys = "" // one end alone is no range: the chain may tell the other
}

const (
	// maxHashes bounds the MD5 sums that are tried for start keys: about a second of one core.
	maxHashes = 4_000_000
	// creation is how long before the time of its .regioninfo a region may have got its id, and after, as listings of HDFS
	// are exact to the minute.
	creationBefore, creationAfter = 20 * time.Second, 61 * time.Second
)

// solve finds the keys of a table's orphans by the gaps in its chain. The encoded name is the MD5 of table, start key and
// region id; the id is the time at which the region was made, in ms: that of its neighbours, of a table made at once, or
// near the time of the folder's .regioninfo. A sum that fits proves the start key; the gap then tells the end.
func (r *run) solve(table string, list []*orphan, budget *int) {
	gaps := gapsOf(r.Meta.Chain(table))
	if len(r.Meta.Chain(table)) == 0 {
		gaps = []gap{{}}
	}
	for _, o := range list {
		for i := range gaps {
			if g := &gaps[i]; r.proves(o, table, g, budget) {
				o.start, o.end, o.keys = g.start, g.end, "the MD5 of its start key fits its name; the end is the next region's start"
				break
			}
		}
	}
	var open []*orphan
	for _, o := range list {
		if o.keys == "" {
			open = append(open, o)
		}
	}
	gaps = slices.DeleteFunc(gaps, func(g gap) bool {
		return slices.ContainsFunc(list, func(o *orphan) bool { return o.keys != "" && bytes.Equal(o.start, g.start) })
	})
	if len(open) == 1 && len(gaps) == 1 && len(r.Meta.Chain(table)) > 0 {
		open[0].start, open[0].end, open[0].keys = gaps[0].start, gaps[0].end, "inferred: the only folder without a row, the only hole"
	}
}

// proves tries the ids that the region may have.
func (r *run) proves(o *orphan, table string, g *gap, budget *int) bool {
	try := func(id int64) bool {
		*budget--
		return hbase.Encode(table, g.start, strconv.FormatInt(id, 10)) == o.folder.Encoded
	}
	var ids []int64
	for _, n := range []*hbase.Region{g.left, g.right} {
		if n != nil {
			ids = append(ids, n.ID)
		}
	}
	for _, id := range ids {
		for d := int64(-8); d <= 8; d++ {
			if *budget > 0 && try(id+d) {
				return true
			}
		}
	}
	if len(ids) == 2 && ids[0] < ids[1] && ids[1]-ids[0] < 10_000 {
		for id := ids[0]; id < ids[1] && *budget > 0; id++ {
			if try(id) {
				return true
			}
		}
	}
	made, err := time.Parse("2006-01-02 15:04", o.folder.Modified[:min(len(o.folder.Modified), 16)])
	if err != nil {
		return false
	}
	for id := made.Add(-creationBefore).UnixMilli(); id < made.Add(creationAfter).UnixMilli() && *budget > 0; id++ {
		if try(id) {
			return true
		}
	}
	return false
}

// gap is a range that no region of a chain covers.
type gap struct {
	start, end  []byte
	left, right *hbase.Region // nil at the ends of the table
}

// gapsOf finds the holes of a chain that is sorted by start key.
func gapsOf(chain []*hbase.Region) []gap {
	var out []gap
	if len(chain) == 0 {
		return nil
	}
	if first := chain[0]; len(first.Start) > 0 {
		out = append(out, gap{end: first.Start, right: first})
	}
	reach := chain[0]
	for _, m := range chain[1:] {
		if backwards(m) {
			continue
		}
		if len(reach.End) > 0 && bytes.Compare(m.Start, reach.End) > 0 {
			out = append(out, gap{start: reach.End, end: m.Start, left: reach, right: m})
		}
		if hbase.CompareEnds(m.End, reach.End) > 0 {
			reach = m
		}
	}
	if len(reach.End) > 0 {
		out = append(out, gap{start: reach.End, left: reach})
	}
	return out
}

// backwards reports whether a region ends where or before it starts.
func backwards(m *hbase.Region) bool { return len(m.End) > 0 && bytes.Compare(m.End, m.Start) <= 0 }
