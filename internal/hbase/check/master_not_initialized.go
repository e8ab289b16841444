package check

import (
	"fmt"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func masterNotInitialized() Rule {
	return Rule{
		ID: "master-not-initialized", Type: MasterNotInitialized,
		Doc: "The master holds until hbase:meta or hbase:namespace is online, by its log and without a later \"Master has completed initialization\"; or hbck finds hbase:meta on no region server. Speaks from logs and reports alone: the scan cannot run then.",
		find: func(r *run) []Finding {
			holding, done := r.holding()
			switch {
			case holding != nil && !holding.Last.Before(done):
				return []Finding{r.held(holding)}
			case len(r.codes["NO_META_REGION"]) > 0 || len(r.codes["NULL_META_REGION"]) > 0:
				return []Finding{r.metaOffline("hbck finds hbase:meta on no region server", high)}
			case done.IsZero() && !r.Usable(hbase.ArtefactMeta) && r.refused():
				return []Finding{r.metaOffline("the master answers that it is initialising, and no log shows that it ended", medium)}
			}
			return nil
		},
	}
}

// holding returns the latest line of a master that waits, and the latest time a master became initialised.
func (r *run) holding() (e *hbase.Event, done time.Time) {
	for _, h := range r.Logs.By(hbase.SigHolding) {
		if e == nil || h.Last.After(e.Last) {
			e = h
		}
	}
	for _, i := range r.Logs.By(hbase.SigInitialized) {
		done = latest(done, i.Last)
	}
	return e, done
}

// refused reports whether the commands were told to hold.
func (r *run) refused() bool {
	for _, name := range []string{hbase.ArtefactMeta, hbase.ArtefactHbck} {
		why := r.Artefact(name).Why
		if strings.Contains(why, "PleaseHold") || strings.Contains(why, "initializing") || strings.Contains(why, "hbase:meta,,1 is not online") {
			return true
		}
	}
	return len(r.Logs.By(hbase.SigInitializing)) > 0
}

func (r *run) metaOffline(summary, confidence string) Finding {
	f := Finding{
		Type: MasterNotInitialized, Cause: "META_NOT_ONLINE", Severity: finding.Critical, Table: hbase.MetaTable, Region: hbase.MetaEncoded, Name: "hbase:meta,,1." + hbase.MetaEncoded,
		Bytes: -1, Rows: -1, Confidence: confidence, Summary: "the master is not initialised: " + summary, DataLoss: "edits that were only in lost WALs",
	}
	for _, code := range []string{"NO_META_REGION", "NULL_META_REGION"} {
		for _, e := range r.codes[code] {
			f.hbck(r, e.At)
		}
	}
	if a := r.Artefact(hbase.ArtefactMeta); a.At.Line > 0 {
		f.add(a.Name, a.Files[0], a.At)
	}
	for _, e := range r.Logs.By(hbase.SigInitializing) {
		f.event(e)
	}
	return f
}

func (r *run) held(e *hbase.Event) Finding {
	table, cause := hbase.MetaTable, "META_NOT_ONLINE"
	if e.Region != hbase.MetaEncoded {
		table, cause = hbase.NamespaceTable, "NAMESPACE_NOT_ONLINE"
		if t, _, ok := hbase.SplitName(e.Name); ok && t != "" {
			table = t
		}
	}
	f := Finding{
		Type: MasterNotInitialized, Cause: cause, Severity: finding.Critical, Table: table, Region: e.Region, Name: e.Name, State: e.State, Server: e.Server, Bytes: -1, Rows: -1, Confidence: high,
		Summary:  fmt.Sprintf("the master waits for %s, which is not online (state %s on %s, %s): %d lines, the last at %s", table, e.State, e.Server, e.Detail, e.Count, e.Last.Format(time.RFC3339)),
		DataLoss: "edits that were only in lost WALs",
	}
	if e.Server != "" {
		f.Servers = []string{e.Server}
	}
	f.add(hbase.ArtefactLogs, e.File, e.FirstAt)
	f.event(e)
	if a := r.Artefact(hbase.ArtefactMeta); a.At.Line > 0 {
		f.add(a.Name, a.Files[0], a.At)
	}
	if a := r.Artefact(hbase.ArtefactHbck); a.At.Line > 0 {
		f.add(a.Name, a.Files[0], a.At)
	}
	if d := r.Listing.Folder(e.Region); d != nil {
		f.paths(r, d.At)
	}
	return f
}
