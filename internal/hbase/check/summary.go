package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

// count compares the rows of hbase:meta with the .regioninfo files, after leaving out on both sides what has one without
// the other by design.
func (r *run) count() Count {
	c := Count{Known: r.Whole(hbase.ArtefactMeta) && r.Whole(hbase.ArtefactPaths)}
	for _, m := range r.Meta.Regions {
		c.MetaRows++
		switch {
		case !m.HasInfo:
			c.Unreadable++
		case m.SplitParent():
			c.SplitParents++
		case m.Replica != 0:
			c.Replicas++
		}
	}
	for _, f := range r.Listing.Folders {
		if f.Info < 0 {
			continue
		}
		c.Regioninfos++
		m := r.Meta.Region(f.Encoded)
		switch {
		case f.Encoded == hbase.MetaEncoded:
			c.MetaFolder++
		case r.Meta.MergedInto(f.Encoded) != nil && m == nil:
			c.MergeFolders++
		case m != nil && m.SplitParent():
			c.SplitFolders++
		}
	}
	if r.Listing.MasterData {
		c.MasterStore = 1
	}
	c.Rows = c.MetaRows - c.Unreadable - c.SplitParents - c.Replicas
	c.Files = c.Regioninfos - c.MetaFolder - c.SplitFolders - c.MergeFolders
	c.Difference = c.Rows - c.Files
	c.Text = fmt.Sprintf("%d rows of regions in hbase:meta, less %d split parents, %d unreadable and %d of replicas = %d; %d .regioninfo files under data/, less %d of hbase:meta, %d of split parents and %d of merge parents = %d (the master's store is under MasterData/ and not counted)",
		c.MetaRows, c.SplitParents, c.Unreadable, c.Replicas, c.Rows, c.Regioninfos, c.MetaFolder, c.SplitFolders, c.MergeFolders, c.Files)
	if !c.Known {
		c.Text += "; not to be compared: one of the sources is not complete"
	}
	return c
}

// missing lists what could not be used.
func (r *run) missing() []Missing {
	means := map[string]string{
		hbase.ArtefactMeta:      "no row can be called missing; chains, states and servers are unknown",
		hbase.ArtefactPaths:     "no folder, .regioninfo, descriptor or store file can be called missing",
		hbase.ArtefactHbck:      "who really holds a region, and which servers live, is known from logs and WALs alone",
		hbase.ArtefactPage:      "the master's own view is not compared",
		hbase.ArtefactLogs:      "causes, failed opens and moves under way are unknown",
		hbase.ArtefactProcesses: "whether the processes run on the collecting host is unknown",
		hbase.ArtefactManifest:  "the time of collection and what was collected are unknown",
	}
	out := []Missing{}
	for _, a := range r.Artefacts {
		if a.Verdict == hbase.Complete || a.Name == hbase.ArtefactWALs && a.Verdict == hbase.Absent && (r.Storage != hbase.S3 || len(a.Files) == 0) {
			continue
		}
		out = append(out, Missing{Artefact: a.Name, Verdict: a.Verdict, Why: a.Why, Means: means[a.Name]})
	}
	return out
}

// confidence says how far "nothing else is wrong" can be trusted.
func (r *run) confidence(out *Report) (level, reason string) {
	var broken, lacking []string
	for _, m := range out.Missing {
		switch m.Artefact {
		case hbase.ArtefactMeta, hbase.ArtefactPaths:
			broken = append(broken, m.Artefact+" is "+string(m.Verdict))
		case hbase.ArtefactHbck, hbase.ArtefactLogs:
			lacking = append(lacking, m.Artefact+" is "+string(m.Verdict))
		}
	}
	switch {
	case len(broken) > 0:
		return low, strings.Join(append(broken, lacking...), ", ") + ": faults that only it shows are not found"
	case len(lacking) > 0:
		return medium, strings.Join(lacking, ", ") + ": rows and folders are compared whole, deployments and causes only in part"
	case out.Count.Difference != r.explained(out):
		return medium, "the count of rows and .regioninfo files differs by more than the findings explain"
	}
	return high, "hbase:meta and the listing are whole, hbck and logs are there, and the counts agree with the findings"
}

// explained is the difference of the counts that the findings account for.
func (r *run) explained(out *Report) int {
	n := 0
	for i := range out.Findings {
		f := &out.Findings[i]
		d := r.Listing.Folder(f.Region)
		switch f.Type {
		case MissingRegioninfo:
			if d != nil && d.Info < 0 {
				n++
			}
		case RegionDirMissing:
			n++
		case RegionNotInMeta, EmptyRegioninfoCell:
			if d != nil && d.Info >= 0 {
				n--
			}
		default:
		}
	}
	return n
}

// meanings says what the signatures mean. Those without a meaning are steps of ordinary life and no signals.
func meanings() map[hbase.Signature]string {
	return map[hbase.Signature]string{
		hbase.SigHolding:        "the master waits for hbase:meta or hbase:namespace",
		hbase.SigWaitServers:    "the master waits for region servers",
		hbase.SigNotActive:      "a master failed to become active",
		hbase.SigStuckRIT:       "a region is stuck in transition",
		hbase.SigSuspended:      "a transition is suspended until its cause is gone",
		hbase.SigFailedOpen:     "a region server failed to open a region",
		hbase.SigInfoMissing:    "a region server found no .regioninfo, and wrote it again",
		hbase.SigDirMissing:     "a region's folder does not exist",
		hbase.SigServerMismatch: "a region server reports a region that the master places elsewhere",
		hbase.SigStateMismatch:  "a region server reports a region in another state than the master has",
		hbase.SigNoNode:         "a region server reports a region that the master does not know",
		hbase.SigBadState:       "a state cell in hbase:meta cannot be read",
		hbase.SigJanitor:        "the catalog janitor found an inconsistency of hbase:meta",
		hbase.SigSCP:            "a region server crashed and is being recovered",
		hbase.SigSCPRetry:       "the recovery of a crashed region server fails and is retried",
		hbase.SigDeadServer:     "a server that the master holds for dead reports",
		hbase.SigWALSplit:       "splitting a WAL failed",
		hbase.SigWorkerStuck:    "a procedure worker of the master is stuck",
		hbase.SigZKExpired:      "a ZooKeeper session expired",
		hbase.SigPause:          "the JVM or the host paused",
		hbase.SigTooBusy:        "a region refuses writes: its memstore is over its limit",
		hbase.SigAbort:          "a server aborted",
		hbase.SigHDFS:           "HDFS failed a read or write",
		hbase.SigCorruptHFile:   "a store file cannot be read",
		hbase.SigS3:             "S3 answered with an error",
		hbase.SigMVCC:           "a write is stuck in a region",
	}
}

// maxSignalQuotes bounds the lines of a signal.
const maxSignalQuotes = 3

// signals gathers the signatures that were seen.
func (r *run) signals(found []Finding) []Signal {
	out := []Signal{}
	about := meanings()
	for sig, means := range about {
		events := r.Logs.By(sig)
		if len(events) == 0 {
			continue
		}
		s := Signal{Signature: sig, Meaning: means}
		regions := map[string]bool{}
		for _, e := range events {
			s.Count += e.Count
			if first := e.First; s.First == nil || first.Before(*s.First) {
				s.First = &first
			}
			if last := e.Last; s.Last == nil || last.After(*s.Last) {
				s.Last = &last
			}
			if e.Host != "" && !slices.Contains(s.Hosts, e.Host) && len(s.Hosts) < maxListed {
				s.Hosts = append(s.Hosts, e.Host)
			}
			if len(s.Evidence) < maxSignalQuotes {
				s.Evidence = append(s.Evidence, Evidence{Artefact: hbase.ArtefactLogs, File: e.File, Line: e.LastAt.Line, at: e.LastAt})
			}
			regions[e.Region] = true
		}
		for i := range found {
			if found[i].Region != "" && regions[found[i].Region] && len(s.Findings) < maxListed {
				s.Findings = append(s.Findings, found[i].ID)
			}
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Signal) int { return strings.Compare(string(a.Signature), string(b.Signature)) })
	return out
}
