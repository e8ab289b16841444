package check

import (
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func notDeployed() Rule {
	return Rule{
		ID: "region-not-deployed", Type: NotDeployed,
		Doc: "A region of an enabled table that is CLOSED, OFFLINE or ABNORMALLY_CLOSED in hbase:meta, or OPEN without a server, or OPEN on a live server while hbck found it nowhere. Not split or merge parents, not regions that the master's log shows opened after the scan.",
		find: func(r *run) []Finding {
			var out []Finding
			for _, m := range r.Meta.Regions {
				if !r.wanted(m) || !r.serving(m.Table) || !r.states {
					continue
				}
				if why := r.closed(m); why != "" && !r.movedOn(m, "OPEN", "OPENING") {
					out = append(out, r.undeployed(m, why))
				}
			}
			return out
		},
	}
}

// closed says how a region is seen not to be served, "" if it may be.
func (r *run) closed(m *hbase.Region) string {
	switch m.State {
	case "CLOSED", "OFFLINE", "ABNORMALLY_CLOSED":
		return "its state is " + m.State
	case "":
		return "it has no state"
	case "OPEN":
		if m.Location() == "" {
			return "it is OPEN on no server"
		}
		for _, e := range r.errors[m.Encoded] {
			if e.Code == "NOT_DEPLOYED" && len(e.Deployed) == 0 && r.live[m.Location()] && len(r.codes["RS_CONNECT_FAILURE"]) == 0 {
				return "it is OPEN on " + m.Location() + ", which does not report it"
			}
		}
	}
	return ""
}

func (r *run) undeployed(m *hbase.Region, why string) Finding {
	f := r.of(NotDeployed, finding.Critical, m, fmt.Sprintf("region %s of %s serves nothing: %s, and the table is not disabled", m.Encoded, m.Table, why))
	f.DataLoss = "none"
	f.meta(r, m.StateAt)
	if t := r.Meta.Tables[m.Table]; t != nil {
		f.meta(r, t.At)
	}
	if d := r.Listing.Folder(m.Encoded); d != nil {
		f.folder(r, d)
	}
	f.reports(r, "NOT_DEPLOYED")
	for _, e := range r.Logs.Of(m.Encoded) {
		if e.Signature == hbase.SigClosed || e.Signature == hbase.SigMetaUpdate && e.State == m.State {
			f.event(e)
			f.FirstSeen = nil
			f.seen(e.Last)
		}
	}
	return f
}
