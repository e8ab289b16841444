package hbase

import "time"

// Hbck is the text report of hbase hbck -details.
type Hbck struct {
	File         string
	Version      string
	Live         []string // server names
	Dead         []string
	Master       string
	Transitions  int // "Number of regions in transition", -1 without
	EmptyCells   int // "Number of empty REGIONINFO_QUALIFIER rows", -1 without
	InFlux       int // "Number of Tables in flux": their regions were skipped
	Errors       []HbckError
	Inconsistent int    // "N inconsistencies detected", -1 without
	Status       string // OK, INCONSISTENT, "" cut

	deployed map[string][]string // encoded name: servers that hold it
}

// HbckError is an ERROR line of the report. Hbck prints no code; the code here follows from the text.
type HbckError struct {
	Code     string // HBaseFsck's ERROR_CODE, "" unknown
	Text     string // without "ERROR: ", bounded
	Table    string
	Region   string // full name, "" where it names none
	Encoded  string
	Path     string   // hdfs => …, "" for null
	Deployed []string // servers in it
	Server   string   // the server that hbase:meta or the line names
	Start    string   // keys of a hole, printable
	End      string
	At       At
}

// Deployed returns the servers that report a region as open, in the order of the report.
func (h *Hbck) Deployed(encoded string) []string {
	if h == nil {
		return nil
	}
	return h.deployed[encoded]
}

// Page is the master's HBCK report: its page, or the JSON of /hbck/hbck-metrics.
type Page struct {
	File    string
	Chore   time.Time // when the HBCK chore last ran; zero unknown
	Janitor time.Time // when the catalog janitor last ran; zero unknown
	Entries []PageEntry
}

// Sections of the master's report.
const (
	PageInconsistent = "Inconsistent Regions"
	PageOrphanRS     = "Orphan Regions on RegionServer"
	PageOrphanFS     = "Orphan Regions on FileSystem"
	PageHoles        = "Holes"
	PageOverlaps     = "Overlaps"
	PageUnknown      = "Unknown Servers"
	PageEmpty        = "Empty info:regioninfo"
)

// PageEntry is one row of a section.
type PageEntry struct {
	Section string
	Region  string   // full or encoded name; of a hole or overlap the left one
	Other   string   // the right one of a hole or overlap
	Path    string   // folder of an orphan
	Server  string   // in hbase:meta, or the unknown one
	Servers []string // that report it open
	Merged  bool     // marked as recently merged: fixMeta must wait
	At      At
}
