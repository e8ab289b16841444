package repair

import (
	"path"
	"strings"
)

// The regions that are no user's: hbase:meta itself, and the master's own store.
const metaRegion = "1588230740"

// region is what the evidence says of a region, as far as plans need it.
type region struct {
	Table, Encoded, Row string // Row is the full name, the key of its row
	ID                  int64  // region id: when it was made, ms since 1970
	RawStart, RawEnd    string // bytes
	State, Server       string // of hbase:meta; Server is host,port,startcode
	InMeta, Folder      bool
	RegionInfo          bool // the folder holds a .regioninfo that is not empty
	Parent              bool // a split or merge parent
	Archived            int  // files of it under archive/
}

// table is what the evidence says of a table.
type table struct {
	Name       string
	State      string // ENABLED, DISABLED, …; "" not told
	Descriptor bool
	Regions    []*region // of hbase:meta and of folders
}

// view is the evidence as plans look at it.
type view struct {
	version  version
	text     string // the version as told
	root     string // hbase.rootdir
	s3       bool
	metaRead bool // the scan of hbase:meta is whole
	listed   bool // so is the listing
	regions  map[string]*region
	tables   map[string]*table
	wals     map[string]bool // servers with a folder under WALs
	system   string          // encoded name of hbase:namespace's region, "" if there is none
}

// dir writes a directory below the root for the tool that looks at it: a path on HDFS, a URI on S3.
func (v *view) dir(parts ...string) string {
	base := v.root
	if !v.s3 {
		if _, rest, ok := strings.Cut(base, "://"); ok {
			_, p, _ := strings.Cut(rest, "/")
			base = "/" + p
		}
	}
	return strings.TrimRight(base, "/") + "/" + path.Join(parts...)
}

// tableDir is the directory of a table: data/NAMESPACE/NAME.
func (v *view) tableDir(name string) string {
	space, plain := split(name)
	return v.dir("data", space, plain)
}

func (v *view) regionDir(r *region) string { return v.tableDir(r.Table) + "/" + r.Encoded }

// split parts a table's name into namespace and qualifier.
func split(name string) (namespace, qualifier string) {
	if space, plain, ok := strings.Cut(name, ":"); ok {
		return space, plain
	}
	return "default", name
}

// full writes a table's name with its namespace: HBCK2's commands on hbase:meta read a bare word as a namespace.
func full(name string) string {
	space, plain := split(name)
	return space + ":" + plain
}

// homeless reports whether a row of hbase:meta names no server: recoverUnknown of HBase 2.6.4 was seen to fail on such a one.
func (v *view) homeless() bool {
	for _, r := range v.regions {
		if r.InMeta && !r.Parent && r.Server == "" {
			return true
		}
	}
	return false
}

// list is the check that looks into a directory with the storage's own command.
func (v *view) list(dir string) Command {
	if v.s3 {
		return Command{AWS, []string{"ls", strings.Replace(dir, "s3a://", "s3://", 1) + "/"}}
	}
	return hdfs("-ls", dir)
}

// overlaps lists the regions of hbase:meta whose range shares keys with r's; parents are no regions of the table any more.
func (v *view) overlaps(r *region) []*region {
	t := v.tables[r.Table]
	if t == nil {
		return nil
	}
	var out []*region
	for _, o := range t.Regions {
		if o == r || !r.InMeta || !o.InMeta || o.Parent || o.Encoded == r.Encoded {
			continue
		}
		if (r.RawEnd == "" || o.RawStart < r.RawEnd) && (o.RawEnd == "" || r.RawStart < o.RawEnd) {
			out = append(out, o)
		}
	}
	return out
}
