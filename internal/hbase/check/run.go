package check

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

// run is one application of the rules, with the look-ups that several of them need.
type run struct {
	*hbase.Snapshot

	errors  map[string][]*hbase.HbckError // of hbck, by encoded name
	codes   map[string][]*hbase.HbckError // of hbck, by code
	pages   map[string][]*hbase.PageEntry // of the master's report, by encoded name
	live    map[string]bool               // servers that hbck calls live
	newest  map[string]int64              // newest start code of a host and port
	orphans []*orphan
	states  bool // the scan shows states at all
	infos   bool // the listing shows .regioninfo files at all
	descs   bool // and table descriptors
}

func newRun(s *hbase.Snapshot) *run {
	r := &run{
		Snapshot: s, errors: map[string][]*hbase.HbckError{}, codes: map[string][]*hbase.HbckError{}, pages: map[string][]*hbase.PageEntry{},
		live: map[string]bool{}, newest: map[string]int64{},
	}
	if s.Hbck != nil {
		for i := range s.Hbck.Errors {
			e := &s.Hbck.Errors[i]
			r.codes[e.Code] = append(r.codes[e.Code], e)
			if e.Encoded != "" {
				r.errors[e.Encoded] = append(r.errors[e.Encoded], e)
			}
		}
		for _, sn := range s.Hbck.Live {
			r.live[sn] = true
			r.seenServer(sn)
		}
	}
	if s.Page != nil {
		for i := range s.Page.Entries {
			e := &s.Page.Entries[i]
			for _, name := range []string{e.Region, e.Other} {
				if enc := hbase.EncodedOf(name); enc != "" {
					r.pages[enc] = append(r.pages[enc], e)
				}
			}
		}
	}
	for _, w := range s.Listing.WALs {
		if !w.Splitting {
			r.seenServer(w.Server)
		}
	}
	r.scanShapes()
	r.findOrphans()
	return r
}

// scanShapes finds out what the scan and the listing show at all: filtered ones prove nothing by what they lack.
func (r *run) scanShapes() {
	for _, m := range r.Meta.Regions {
		r.states = r.states || m.State != ""
		if m.State == "OPEN" {
			r.seenServer(m.Location())
		}
	}
	for _, f := range r.Listing.Folders {
		if r.infos = r.infos || f.Info > 0; r.infos {
			break
		}
	}
	r.infos = r.infos || len(r.Listing.Folders) < 3
	for _, t := range r.Listing.TableDirs {
		r.descs = r.descs || len(t.Descriptors) > 0
	}
	r.descs = r.descs || len(r.Listing.TableDirs) < 2
}

func (r *run) seenServer(sn string) {
	if hostPort, code, ok := splitServer(sn); ok {
		r.newest[hostPort] = max(r.newest[hostPort], code)
	}
}

// splitServer parts host,port,startcode.
func splitServer(sn string) (hostPort string, code int64, ok bool) {
	i := strings.LastIndexByte(sn, ',')
	if i <= 0 {
		return "", 0, false
	}
	for _, c := range sn[i+1:] {
		if c < '0' || c > '9' {
			return "", 0, false
		}
		code = code*10 + int64(c-'0')
	}
	return sn[:i], code, code > 0
}

// known reports whether the rows of a table are all in the scan: all of them in a whole scan, those before the end in one
// that was cut.
func (r *run) known(table string) bool {
	switch {
	case r.Whole(hbase.ArtefactMeta):
		return true
	case !r.Usable(hbase.ArtefactMeta) || r.Meta.Limited != "" || r.Meta.Count >= 0 || len(r.Meta.Regions) == 0:
		return false
	}
	return table+"," < r.Meta.Regions[len(r.Meta.Regions)-1].Table+","
}

// listed reports likewise whether all folders of a table are in the listing.
func (r *run) listed(table string) bool {
	switch {
	case r.Whole(hbase.ArtefactPaths):
		return true
	case !r.Usable(hbase.ArtefactPaths) || r.Listing.TableDirs[table] == nil || len(r.Listing.Folders) == 0:
		return false
	}
	// A cut listing holds every folder of the tables before the last one; one with errors in the middle proves nothing.
	return r.Artefact(hbase.ArtefactPaths).At.Line == 0 && r.Listing.Folders[len(r.Listing.Folders)-1].Table != table
}

// serving reports whether a table's regions ought to be open.
func (r *run) serving(table string) bool {
	t := r.Meta.Tables[table]
	return t == nil || t.State == "" || t.State == "ENABLED" || t.State == "ENABLING"
}

// wanted reports whether a row is of a region that ought to have a folder and be open: no split parent, no merge parent,
// not hbase:meta.
func (r *run) wanted(m *hbase.Region) bool {
	return m.HasInfo && m.Replica == 0 && !m.SplitParent() && m.State != "MERGED" && m.Encoded != hbase.MetaEncoded && r.Meta.MergedInto(m.Encoded) == nil
}

// slack is how far the clocks of the shell's host and the master may be apart.
const slack = 2 * time.Second

// movedOn reports whether the master's log shows that a region reached a state after what the scan shows of it: the sources
// are taken at different moments.
func (r *run) movedOn(m *hbase.Region, states ...string) bool {
	for _, e := range r.Logs.Of(m.Encoded) {
		if e.Signature == hbase.SigMetaUpdate && slices.Contains(states, e.State) && e.Last.After(m.StateTime.Add(slack)) && !m.StateTime.IsZero() {
			return true
		}
	}
	return false
}

// of makes a finding about a row of hbase:meta.
func (r *run) of(t Type, sev finding.Severity, m *hbase.Region, summary string) Finding {
	f := Finding{
		Type: t, Severity: sev, Table: m.Table, Region: m.Encoded, Name: m.Name, State: m.State, Server: m.Location(), Summary: summary,
		Bytes: -1, Rows: -1, Confidence: high, Args: Args{Row: m.Row, Path: r.FolderPath(m.Table, m.Encoded)},
	}
	f.keys(m.Start, m.End)
	if m.Location() != "" {
		f.Servers = []string{m.Location()}
	}
	if t := r.Meta.Tables[m.Table]; t != nil {
		f.Args.TableState = t.State
	}
	f.meta(r, m.At)
	return f
}

// The words for confidence.
const (
	high   = "high"
	medium = "medium"
	low    = "low"
)

func (f *Finding) keys(start, end []byte) {
	f.Start, f.End = hbase.FormatBinary(start), hbase.FormatBinary(end)
	f.StartHex, f.EndHex = hex.EncodeToString(start), hex.EncodeToString(end)
	f.start, f.end = start, end
}

func (f *Finding) add(artefact, file string, at hbase.At) {
	if file == "" || at.Line == 0 || len(f.Evidence) >= maxEvidence ||
		slices.ContainsFunc(f.Evidence, func(e Evidence) bool { return e.File == file && e.Line == at.Line }) {
		return
	}
	f.Evidence = append(f.Evidence, Evidence{Artefact: artefact, File: file, Line: at.Line, at: at})
}

// maxEvidence bounds the lines of one finding.
const maxEvidence = 12

func (f *Finding) meta(r *run, at hbase.At)  { f.add(hbase.ArtefactMeta, r.Meta.File, at) }
func (f *Finding) paths(r *run, at hbase.At) { f.add(hbase.ArtefactPaths, r.Listing.File, at) }
func (f *Finding) event(e *hbase.Event)      { f.add(hbase.ArtefactLogs, e.File, e.LastAt); f.seen(e.First) }
func (f *Finding) hbck(r *run, at hbase.At)  { f.add(hbase.ArtefactHbck, r.Hbck.File, at) }
func (f *Finding) page(r *run, at hbase.At)  { f.add(hbase.ArtefactPage, r.Page.File, at) }
func (f *Finding) seen(t time.Time) {
	if !t.IsZero() && (f.FirstSeen == nil || t.Before(*f.FirstSeen)) {
		f.FirstSeen = &t
	}
}

// events adds what the logs say of the finding's region with one of the signatures.
func (f *Finding) events(r *run, sigs ...hbase.Signature) (found []*hbase.Event) {
	for _, e := range r.Logs.Of(f.Region) {
		if slices.Contains(sigs, e.Signature) {
			f.event(e)
			found = append(found, e)
			if e.Pid > 0 && !slices.Contains(f.Args.Pids, e.Pid) && (e.Signature == hbase.SigRetry || e.Signature == hbase.SigSuspended) {
				f.Args.Pids = append(f.Args.Pids, e.Pid)
			}
		}
	}
	return found
}

// folderOf adds a region's folder: its size, its line.
func (f *Finding) folder(r *run, d *hbase.Folder) {
	if d == nil {
		return
	}
	f.Bytes = d.Bytes
	if d.Bytes == 0 && d.Edits == 0 {
		f.Rows = 0
	}
	f.Args.Path = r.FullPath(d.Path)
	f.paths(r, d.At)
}

// order sorts roots by severity, table and key; consequences stand behind their root.
func order(all []Finding) {
	rank := map[string]int{}
	slices.SortStableFunc(all, func(a, b Finding) int { return bySeverity(&a, &b) })
	for i := range all {
		if all[i].Root() {
			rank[all[i].ID] = i
		}
	}
	place := func(f *Finding) int {
		if f.Root() {
			return 2 * rank[f.ID]
		}
		if p, ok := rank[f.RootID]; ok {
			return 2*p + 1
		}
		return 2 * len(all)
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(place(&a), place(&b)) })
}

func bySeverity(a, b *Finding) int {
	return cmp.Or(cmp.Compare(a.Severity.Rank(), b.Severity.Rank()), strings.Compare(string(a.Type), string(b.Type)),
		strings.Compare(a.Table, b.Table), bytes.Compare(a.start, b.start), strings.Compare(a.Region, b.Region), strings.Compare(a.Server, b.Server))
}
