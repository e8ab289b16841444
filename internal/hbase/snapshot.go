package hbase

import "time"

// Names of artefacts: what Says, Missing and Evidence call the parts of a bundle.
const (
	ArtefactMeta      = "hbase_meta"  // scan 'hbase:meta'
	ArtefactPaths     = "hbase_paths" // recursive listing of the root directory
	ArtefactWALs      = "hbase_wals"  // listing of hbase.wal.dir where it is elsewhere
	ArtefactHbck      = "hbck_report" // hbase hbck -details
	ArtefactPage      = "hbck_page"   // the master's HBCK Report page, or its JSON
	ArtefactProcesses = "processes"
	ArtefactManifest  = "manifest"
	ArtefactLogs      = "logs"
)

// Completeness is the verdict on an artefact.
type Completeness string

// The verdicts.
const (
	Complete Completeness = "complete"
	Partial  Completeness = "partial" // cut, or with errors: what it shows is true, what it does not show may be
	Absent   Completeness = "absent"  // not there, empty, or the command failed
)

// Artefact is a part of a bundle and how far it can be trusted.
type Artefact struct {
	Name    string       `json:"name"`
	Files   []string     `json:"files,omitempty"`
	Verdict Completeness `json:"verdict"`
	Why     string       `json:"why,omitempty"` // of partial and absent
	Lines   int64        `json:"lines,omitempty"`
	Bytes   int64        `json:"bytes,omitempty"` // uncompressed
	At      At           `json:"-"`               // the line that shows why, if one does
}

// At is a place in a file of an artefact. The zero value is no place.
type At struct {
	Line   int   // 1-based
	Offset int64 // of the line's first byte in the uncompressed file
}

// Place is At with the file's name in the bundle.
type Place struct {
	File string
	At
}

// StorageKind says what holds the root directory.
type StorageKind string

// The kinds of storage.
const (
	HDFS           StorageKind = "hdfs"
	S3             StorageKind = "s3"
	UnknownStorage StorageKind = ""
)

// Well-known regions: hbase:meta, and the master's own store, which is never in hbase:meta.
const (
	MetaEncoded        = "1588230740"
	MasterStoreEncoded = "1595e783b53d99cd5eef43b6debb2682"
	MetaTable          = "hbase:meta"
	NamespaceTable     = "hbase:namespace"
)

// Snapshot is what a bundle says, as read.
type Snapshot struct {
	Source      string      // what was opened
	Version     string      // of HBase, "" unknown
	RootDir     string      // hbase.rootdir as a URI or path, "" unknown
	Storage     StorageKind // of the root directory
	CollectedAt time.Time   // UTC; zero unknown
	Artefacts   []Artefact  // every known one, absent ones too
	Meta        Meta
	Listing     Listing
	Hbck        *Hbck // nil: absent
	Page        *Page // nil: absent
	Processes   []Process
	Manifest    *Manifest // nil: absent
	Logs        Logs
	Known       map[string]KnownRegion // regions that log lines describe, by encoded name

	bundle Bundle
}

// Artefact returns the verdict on a part; an unknown name is absent.
func (s *Snapshot) Artefact(name string) Artefact {
	for _, a := range s.Artefacts {
		if a.Name == name {
			return a
		}
	}
	return Artefact{Name: name, Verdict: Absent}
}

// Whole reports whether an artefact is complete.
func (s *Snapshot) Whole(name string) bool { return s.Artefact(name).Verdict == Complete }

// Usable reports whether an artefact says anything at all.
func (s *Snapshot) Usable(name string) bool { return s.Artefact(name).Verdict != Absent }

// Meta is the scan of hbase:meta.
type Meta struct {
	File    string
	Regions []*Region              // in row order
	Tables  map[string]*TableState // rows with table:state, by table
	Others  []string               // row keys that are neither
	Limited string                 // options of the scan that leave rows or columns out, "" for none
	Count   int64                  // rows that the shell says it printed, -1 without such a line
	Newest  time.Time              // of the cells' timestamps, as printed: local time of the shell without zone, read as UTC
	byName  map[string]*Region     // encoded name
	byTable map[string][]*Region   // in chain order
	merged  map[string]*Region     // encoded name of a merge parent: the merged region
	splits  map[string]*Region     // encoded name of a daughter: the split parent
}

// Region is a row of hbase:meta.
type Region struct {
	Row     string // row key as printed (Bytes.toStringBinary)
	Name    string // NAME of the info:regioninfo cell, or Row where the cell is missing
	Encoded string // of the row's name; 32 hex digits or 1588230740
	Cell    string // ENCODED of the info:regioninfo cell, if it differs from Encoded, else ""
	Table   string // ns:table, the namespace default left out
	Start   []byte
	End     []byte
	ID      int64 // region id, ms since 1970
	Replica int   // of the row's own region info: 0 is the primary
	HasInfo bool  // has an info:regioninfo cell that can be read
	Split   bool  // SPLIT => true
	Offline bool  // OFFLINE => true

	State      string // info:state, "" missing
	StateTime  time.Time
	Server     string // info:server and info:serverstartcode as host,port,startcode: last opened on
	SN         string // info:sn: the target or holder
	SplitA     string // encoded names of the daughters, of a split parent
	SplitB     string
	Merges     []string      // encoded names of merge parents, of a merged region
	MergeNames []string      // their full names
	Replicas   []ReplicaCell // cells of the other replicas (info:state_0001, …)

	At      At // info:regioninfo, or the row's first cell
	StateAt At // info:state
	SNAt    At // info:sn, else info:server
}

// ReplicaCell is what the row says of a replica other than the primary.
type ReplicaCell struct {
	ID     int
	State  string
	Server string
	SN     string
}

// Location is the server the row names: info:sn, else info:server with its start code.
func (r *Region) Location() string {
	if r.SN != "" {
		return r.SN
	}
	return r.Server
}

// SplitParent reports whether the region was split and waits for the janitor. The flags of the region info decide: the
// state cell may still say CLOSED.
func (r *Region) SplitParent() bool { return r.Split || r.State == "SPLIT" }

// TableState is a row of a table.
type TableState struct {
	Table string
	State string // ENABLED, DISABLED, DISABLING, ENABLING, or "" unreadable
	Time  time.Time
	At    At
}

// Region returns the row of an encoded name, nil if there is none.
func (m *Meta) Region(encoded string) *Region { return m.byName[encoded] }

// Chain returns the regions of a table that make up its chain, by start key: primaries with a region info that are neither
// split parents nor merged away.
func (m *Meta) Chain(table string) []*Region { return m.byTable[table] }

// MergedInto returns the region that names an encoded name as its merge parent, nil if none does.
func (m *Meta) MergedInto(encoded string) *Region { return m.merged[encoded] }

// DaughterOf returns the split parent that names an encoded name as its daughter, nil if none does.
func (m *Meta) DaughterOf(encoded string) *Region { return m.splits[encoded] }

// Listing is what is below the root directory.
type Listing struct {
	File       string
	Root       string // path or key prefix of the root directory as it stands in the lines, without slash at the end: /hbase, user/hbase
	Folders    []*Folder
	TableDirs  map[string]*TableDir // by table
	Archived   map[string]*Folder   // folders under archive/data, by encoded name
	Quarantine []string             // paths under corrupt/ or .hbck/ (bounded)
	WALs       []*WALDir
	Version    bool // hbase.version is there
	ID         At   // the line of hbase.id
	MasterData bool
	Hidden     bool // sees entries outside data/: only then a missing hbase.version means anything
	DirEntries bool // the listing has lines of directories (HDFS)
	byName     map[string]*Folder
}

// Folder is a region's directory.
type Folder struct {
	Table    string
	Encoded  string
	Path     string // as listed, without slash at the end
	Modified string // the listing's own words, without zone, "" where S3 has no entry of it
	Info     int64  // bytes of .regioninfo, -1 without
	Families []string
	Files    []HFile
	Bytes    int64 // of all files
	Splits   bool  // has .splits with content
	Merges   bool  // has .merges with content
	Edits    int   // files under recovered.edits that are no .seqid
	Leftover bool  // only seen through marker objects, .tmp or recovered.edits: nothing that makes it a region
	At       At    // its own line, or the first below it
	InfoAt   At    // the line of .regioninfo
}

// FileKind tells what an HFile's name says.
type FileKind uint8

// The kinds of store files.
const (
	StoreFile     FileKind = iota
	Reference              // <hfile>.<parent region>, left by a split or merge
	Link                   // <table>=<region>-<hfile>
	LinkReference          // a reference to a link: <table>=<region>-<hfile>.<parent region>
	OtherFile              // anything else in a family
)

// HFile is a file in a family's directory.
type HFile struct {
	Family string
	Name   string
	Size   int64
	Kind   FileKind
	At     At
}

// TableDir is a table's directory.
type TableDir struct {
	Table       string
	Path        string
	Descriptors []string // .tabledesc/.tableinfo.*
	Temporary   bool     // only its .tmp or marker is there
	Regions     int      // region folders below it
	At          At
}

// WALDir is a directory below WALs/.
type WALDir struct {
	Server    string // host,port,startcode
	Splitting bool   // ends in -splitting
	Files     int
	Bytes     int64
	Modified  string // the newest time of a line of it, as listed
	File      string // the listing that shows it
	At        At
}

// Folder returns the folder of an encoded name under data/, nil if there is none.
func (l *Listing) Folder(encoded string) *Folder { return l.byName[encoded] }

// Process is a line of the process list.
type Process struct {
	Role    string // master, regionserver, ...
	Host    string
	Port    int
	Started time.Time // as printed, read as UTC
	At      At
}

// Manifest is what the collector wrote of itself. Unknown members are left out.
type Manifest struct {
	JobFlowID    string    `json:"job_flow_id"`
	CollectedAt  time.Time `json:"collected_at"`
	HBaseVersion string    `json:"hbase_version"`
	RootDir      string    `json:"hbase_root_dir"`
	TimeZone     string    `json:"time_zone"`
	Nodes        []struct {
		InstanceID string `json:"instance_id"`
		Host       string `json:"host"`
		Role       string `json:"role"`
		Log        string `json:"log"`
	} `json:"nodes"`
	Commands []struct {
		Name     string `json:"name"`
		Command  string `json:"command"`
		File     string `json:"file"`
		ExitCode int    `json:"exit_code"`
		Complete bool   `json:"complete"`
		TimedOut bool   `json:"timed_out"`
		Problem  string `json:"problem"`
	} `json:"commands"`
	Files []struct {
		Path  string `json:"path"`
		Bytes int64  `json:"bytes"`
	} `json:"files"`
}
