package check

import (
	"fmt"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func transitionStuck() Rule {
	return Rule{
		ID: "region-in-transition-stuck", Type: TransitionStuck,
		Doc: "A region whose state in hbase:meta is on the way (OPENING, CLOSING, SPLITTING, MERGING, FAILED_CLOSE, …). Not one that the master's log shows to have arrived after the scan, nor a move that began within the last minute and has not failed. A STUCK line is no condition: the master writes it only for regions that a procedure moves.",
		find: func(r *run) []Finding {
			var out []Finding
			for _, m := range r.Meta.Regions {
				if !r.wanted(m) || !underway(m.State) || r.movedOn(m, "OPEN", "CLOSED", "SPLIT", "MERGED") || r.young(m) || r.disabled(m) {
					continue
				}
				out = append(out, r.stuck(m))
			}
			return out
		},
	}
}

func underway(state string) bool {
	switch state {
	case "OPENING", "CLOSING", "SPLITTING", "MERGING", "SPLITTING_NEW", "MERGING_NEW", "FAILED_CLOSE", "PENDING_OPEN", "PENDING_CLOSE":
		return true
	}
	return false
}

// disabled reports whether a closing region is of a table that is being disabled by a procedure at work.
func (r *run) disabled(m *hbase.Region) bool {
	t := r.Meta.Tables[m.Table]
	return t != nil && t.State == "DISABLING" && r.tableProcedure(m.Table, "Disable")
}

// moveTime is how long a move of a region may take before it counts as stuck: the master calls one stuck after 60 s
// (hbase.master.assignment.rit.stuck.region.threshold).
const moveTime = time.Minute

// young reports whether the log shows a procedure that began to move the region less than moveTime before the end of the
// logs and has not failed.
func (r *run) young(m *hbase.Region) bool {
	moving := false
	for _, e := range r.Logs.Of(m.Encoded) {
		switch e.Signature {
		case hbase.SigStuckRIT, hbase.SigRetry, hbase.SigSuspended, hbase.SigFailedOpen:
			if !m.StateTime.IsZero() && e.Last.Before(m.StateTime.Add(-slack)) {
				continue // of an earlier move
			}
			return false
		case hbase.SigMetaUpdate:
			moving = moving || e.State == m.State && near(e.Last, m.StateTime)
		case hbase.SigSplit:
			moving = moving || e.State == "RUNNING"
		default:
		}
	}
	return moving && r.Logs.Last.Sub(m.StateTime) < moveTime
}

func near(a, b time.Time) bool {
	d := a.Sub(b)
	return d < slack && d > -slack
}

func (r *run) stuck(m *hbase.Region) Finding {
	f := r.of(TransitionStuck, finding.High, m, fmt.Sprintf("region %s of %s is %s and does not get on", m.Encoded, m.Table, m.State))
	f.DataLoss = "none"
	f.meta(r, m.StateAt)
	f.meta(r, m.SNAt)
	if d := r.Listing.Folder(m.Encoded); d != nil {
		f.Bytes = d.Bytes
	}
	f.reports(r, "NOT_DEPLOYED")
	events := f.events(r, hbase.SigStuckRIT, hbase.SigRetry, hbase.SigSuspended)
	if len(events) == 0 {
		f.Cause = "NO_PROCEDURE"
		f.Summary += "; no procedure of the logs moves it"
		f.seen(m.StateTime)
		if !r.Usable(hbase.ArtefactLogs) {
			f.Cause, f.Confidence = "", medium
			f.Summary = fmt.Sprintf("region %s of %s is %s; without logs a move under way cannot be told from one that is stuck", m.Encoded, m.Table, m.State)
		}
	}
	return f
}
