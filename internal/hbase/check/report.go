// Package check finds the inconsistencies of a cluster in a Snapshot. A rule is one file; Rules lists them. Each finding is of
// a type of the catalogue, carries the lines that prove it and what the other artefacts say of it, and is either a root
// cause or the consequence of one.
//
// Rules claim only what the evidence allows: where a scan failed or a listing was cut, a missing row or folder is no
// finding. What HBase itself clears away (split parents, merge parents, moves under way) is none either.
package check

import (
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

// Type is a kind of inconsistency, spelled as in the catalogue.
type Type string

// The types.
const (
	MissingRegioninfo       Type = "MISSING_REGIONINFO"
	RegionNotInMeta         Type = "REGION_NOT_IN_META"
	RegionDirMissing        Type = "REGION_DIR_MISSING"
	Hole                    Type = "HOLE_IN_REGION_CHAIN"
	Overlap                 Type = "OVERLAP_IN_REGION_CHAIN"
	UnknownServer           Type = "REGION_ON_UNKNOWN_SERVER"
	NotDeployed             Type = "REGION_NOT_DEPLOYED"
	TransitionStuck         Type = "REGION_IN_TRANSITION_STUCK"
	FailedOpen              Type = "FAILED_OPEN"
	MissingDescriptor       Type = "MISSING_TABLE_DESCRIPTOR"
	EmptyRegioninfoCell     Type = "EMPTY_REGIONINFO_CELL"
	MultiDeployed           Type = "MULTI_DEPLOYED"
	ServerMismatch          Type = "SERVER_DOES_NOT_MATCH_META"
	NotInMetaHDFS           Type = "NOT_IN_META_HDFS"
	LingeringSplitParent    Type = "LINGERING_SPLIT_PARENT"
	LingeringReference      Type = "LINGERING_REFERENCE"
	LingeringHFileLink      Type = "LINGERING_HFILELINK"
	BoundariesError         Type = "BOUNDARIES_ERROR"
	TableStateStuck         Type = "TABLE_STATE_STUCK"
	OrphanTableState        Type = "ORPHAN_TABLE_STATE"
	NoTableState            Type = "NO_TABLE_STATE"
	NoVersionFile           Type = "NO_VERSION_FILE"
	MasterNotInitialized    Type = "MASTER_NOT_INITIALIZED"
	ReplicationQueue        Type = "UNDELETED_REPLICATION_QUEUE"
	RegioninfoMismatch      Type = "REGIONINFO_MISMATCH"
	ServerConnectionFailure Type = "RS_CONNECT_FAILURE"
	WALSplitStuck           Type = "WAL_SPLIT_STUCK"
	EvidenceIncomplete      Type = "EVIDENCE_INCOMPLETE"
)

// Verdict is what an artefact says of a finding.
type Verdict string

// The verdicts.
const (
	Agree      Verdict = "agree"
	Silent     Verdict = "silent"
	Contradict Verdict = "contradict"
	Unread     Verdict = "absent" // the artefact is not there or could not be used
)

// Evidence is a line of the bundle.
type Evidence struct {
	Artefact string `json:"artefact"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Text     string `json:"text,omitempty"`

	at hbase.At
}

// Says is what one artefact says of a finding.
type Says struct {
	Artefact string  `json:"artefact"`
	Verdict  Verdict `json:"verdict"`
	Text     string  `json:"text,omitempty"`
}

// Finding is one inconsistency.
type Finding struct {
	ID            string           `json:"id"`   // type and subject: the same fault has the same id in every bundle
	Type          Type             `json:"type"` // of the catalogue
	Cause         string           `json:"cause,omitempty"`
	Severity      finding.Severity `json:"severity"`
	Table         string           `json:"table"`  // ns:table, the namespace default left out
	Region        string           `json:"region"` // encoded name
	Name          string           `json:"name,omitempty"`
	Start         string           `json:"start"` // printable (Bytes.toStringBinary)
	End           string           `json:"end"`
	StartHex      string           `json:"start_hex,omitempty"`
	EndHex        string           `json:"end_hex,omitempty"`
	State         string           `json:"state,omitempty"`
	Server        string           `json:"server,omitempty"` // the one the finding is about
	Servers       []string         `json:"servers,omitempty"`
	Others        []string         `json:"others,omitempty"` // encoded names: overlapped regions, neighbours of a hole
	Summary       string           `json:"summary"`
	DataLoss      string           `json:"data_loss,omitempty"`
	Evidence      []Evidence       `json:"evidence"`
	Says          []Says           `json:"says,omitempty"`
	FirstSeen     *time.Time       `json:"first_seen,omitempty"`
	ConsequenceOf string           `json:"consequence_of,omitempty"` // the root's type
	RootID        string           `json:"root_id,omitempty"`        // the root's id
	Bytes         int64            `json:"bytes"`                    // of the files concerned, -1 unknown
	Rows          int64            `json:"rows"`                     // estimate, -1 unknown
	Confidence    string           `json:"confidence"`               // high, medium, low
	Args          Args             `json:"args"`

	start, end []byte
}

// Root reports whether the finding is a root cause.
func (f *Finding) Root() bool { return f.ConsequenceOf == "" }

// Args are the facts a repair needs.
type Args struct {
	Path       string   `json:"path,omitempty"`     // the region's or table's folder, as a full path
	Archived   string   `json:"archived,omitempty"` // the folder under archive/, if it is there
	HFiles     []string `json:"hfiles,omitempty"`   // names of the files concerned
	Family     string   `json:"family,omitempty"`
	Files      []string `json:"files,omitempty"` // paths of the files concerned
	Pids       []int64  `json:"pids,omitempty"`  // procedures that own the region
	Row        string   `json:"row,omitempty"`   // row key in hbase:meta, printable
	TableState string   `json:"table_state,omitempty"`
	WALs       []string `json:"wals,omitempty"`    // WAL directories of the server
	Covered    []string `json:"covered,omitempty"` // live regions whose range the folder overlaps
	Merging    bool     `json:"merging,omitempty"` // fixMeta must wait for the janitor
}

// Count is the counting rule: rows of hbase:meta against .regioninfo files, with what is left out on either side.
type Count struct {
	Known        bool   `json:"known"` // both sources are complete
	MetaRows     int    `json:"meta_rows"`
	SplitParents int    `json:"split_parent_rows"`
	Unreadable   int    `json:"unreadable_rows"` // without info:regioninfo
	Replicas     int    `json:"replica_rows"`
	Rows         int    `json:"rows_compared"`
	Regioninfos  int    `json:"regioninfo_files"`
	MetaFolder   int    `json:"hbase_meta_folder"`
	MasterStore  int    `json:"master_store_folder"`
	SplitFolders int    `json:"split_parent_folders"`
	MergeFolders int    `json:"merge_parent_folders"`
	Files        int    `json:"files_compared"`
	Difference   int    `json:"difference"` // rows less files
	Text         string `json:"text"`
}

// Missing is a part of the bundle that could not be used, wholly or in part.
type Missing struct {
	Artefact string             `json:"artefact"`
	Verdict  hbase.Completeness `json:"verdict"`
	Why      string             `json:"why"`
	Means    string             `json:"means"` // what cannot be said without it
}

// Signal is a log signature that was seen: no inconsistency by itself.
type Signal struct {
	Signature hbase.Signature `json:"signature"`
	Meaning   string          `json:"meaning"`
	Count     int64           `json:"count"`
	First     *time.Time      `json:"first,omitempty"`
	Last      *time.Time      `json:"last,omitempty"`
	Hosts     []string        `json:"hosts,omitempty"`
	Evidence  []Evidence      `json:"evidence"`
	Findings  []string        `json:"findings,omitempty"` // ids of findings it belongs to
}

// Report is what the rules found.
type Report struct {
	Findings   []Finding `json:"findings"`   // roots first, the worst first; consequences after their root
	Confidence string    `json:"confidence"` // high, medium, low: how far "nothing else" can be trusted
	Reason     string    `json:"reason"`
	Missing    []Missing `json:"missing"`
	Count      Count     `json:"count"`
	Signals    []Signal  `json:"signals,omitempty"`
}

// Consequences returns the findings that follow from the root of an id.
func (r *Report) Consequences(id string) []Finding {
	var out []Finding
	for _, f := range r.Findings {
		if f.RootID == id {
			out = append(out, f)
		}
	}
	return out
}
