package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func unknownServer() Rule {
	return Rule{
		ID: "region-on-unknown-server", Type: UnknownServer,
		Doc: "A row whose server is neither live nor being recovered: by hbck's list of live servers, the master's page, the janitor's line, a newer start of the same host and port, or a root directory whose WALs/ has folders of other servers and none of it. Not closed regions, split parents or disabled tables.",
		find: func(r *run) []Finding {
			var out []Finding
			why := map[string]string{}
			for _, m := range r.Meta.Regions {
				sn := m.Location()
				if sn == "" || !r.wanted(m) || !r.serving(m.Table) || m.State == "CLOSED" || m.State == "OFFLINE" {
					continue
				}
				reason, seen := why[sn]
				if !seen {
					reason = r.unknown(sn)
					why[sn] = reason
				}
				if reason != "" && !r.movedOn(m, "OPEN", "OPENING") {
					out = append(out, r.onUnknown(m, reason))
				}
			}
			return out
		},
	}
}

// unknown says why a server is not one of the cluster's, "" if it may be.
func (r *run) unknown(sn string) string {
	hostPort, code, ok := splitServer(sn)
	if !ok || r.live[sn] || r.recovering(sn) {
		return ""
	}
	wal := r.walDirs(sn)
	newer := r.newest[hostPort] > code
	if len(r.live) > 0 {
		if len(wal) > 0 && !newer && r.newerThanLive(code) {
			return "" // started after hbck ran
		}
		if slices.Contains(r.Hbck.Dead, sn) {
			return "hbck lists it as dead and no recovery of it is in the logs"
		}
		return fmt.Sprintf("it is not one of the %d live servers of hbck", len(r.live))
	}
	if r.Page != nil {
		for _, e := range r.Page.Entries {
			if e.Section == hbase.PageUnknown && e.Server == sn {
				return "the master's page lists it as unknown"
			}
		}
	}
	if len(wal) > 0 {
		return ""
	}
	for _, e := range r.Logs.By(hbase.SigJanitor) {
		if e.Detail == "unknown_server" && e.Server == sn {
			return "the catalog janitor reports it as unknown"
		}
	}
	switch {
	case newer:
		return "a newer start of the same host and port is seen"
	case len(r.Listing.WALs) > 0:
		return "WALs/ has folders of other servers and none of it"
	}
	return ""
}

func (r *run) newerThanLive(code int64) bool {
	for sn := range r.live {
		if _, c, _ := splitServer(sn); c >= code {
			return false
		}
	}
	return true
}

// recoveryTime is how long a crash procedure may take before it counts as stuck.
const recoveryTime = 10 * time.Minute

// recovering reports whether the master's log shows a crash procedure of a server that began and has not ended.
func (r *run) recovering(sn string) bool {
	var begun, ended time.Time
	for _, e := range r.Logs.By(hbase.SigSCP) {
		if e.Server == sn && e.Last.After(begun) {
			begun = e.Last
		}
	}
	for _, e := range r.Logs.By(hbase.SigSCPDone) {
		if e.Server == sn && e.Last.After(ended) {
			ended = e.Last
		}
	}
	return begun.After(ended) && r.Logs.Last.Sub(begun) < recoveryTime
}

// walDirs lists the WAL directories of a server.
func (r *run) walDirs(sn string) []*hbase.WALDir {
	var out []*hbase.WALDir
	for _, w := range r.Listing.WALs {
		if w.Server == sn {
			out = append(out, w)
		}
	}
	return out
}

func (r *run) onUnknown(m *hbase.Region, why string) Finding {
	sn := m.Location()
	f := r.of(UnknownServer, finding.Critical, m, fmt.Sprintf("region %s of %s is %s on %s: %s", m.Encoded, m.Table, state(m), sn, why))
	f.meta(r, m.SNAt)
	f.DataLoss = "edits that were only in the server's WALs, as those are gone"
	for _, w := range r.walDirs(sn) {
		f.DataLoss = "none: the server's WALs are there and are replayed"
		f.Args.WALs = append(f.Args.WALs, w.Server)
		f.add(hbase.ArtefactPaths, w.File, w.At)
	}
	for _, e := range r.codes["UNKNOWN_SERVER"] {
		if strings.Contains(e.Text, sn) {
			f.hbck(r, e.At)
		}
	}
	f.reports(r, "NOT_DEPLOYED")
	for _, e := range r.Logs.Of(m.Encoded) {
		if e.Signature == hbase.SigJanitor && e.Detail == "unknown_server" && e.Server == sn {
			f.event(e)
		}
	}
	if d := r.Listing.Folder(m.Encoded); d != nil {
		f.Bytes = d.Bytes
	}
	return f
}
