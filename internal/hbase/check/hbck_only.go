package check

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

// told makes findings of hbck's lines with a code that nothing else in a bundle shows.
func (r *run) told(t Type, sev finding.Severity, code string) []Finding {
	var out []Finding
	for _, e := range r.codes[code] {
		f := Finding{Type: t, Severity: sev, Table: e.Table, Region: e.Encoded, Name: e.Region, Server: e.Server, Bytes: -1, Rows: -1, Confidence: medium, Summary: "hbck says: " + e.Text}
		if m := r.Meta.Region(e.Encoded); m != nil {
			f = r.of(t, sev, m, f.Summary)
			f.Confidence = medium
		}
		if e.Server != "" {
			f.Servers = []string{e.Server}
		}
		f.Args.Path = e.Path
		f.hbck(r, e.At)
		out = append(out, f)
	}
	return out
}

func boundariesError() Rule {
	return Rule{
		ID: "boundaries-error", Type: BoundariesError,
		Doc:  "hbck -boundaries found store files with keys outside their region. Only its own line can tell: the bundle holds no store files.",
		find: func(r *run) []Finding { return r.told(BoundariesError, finding.High, "BOUNDARIES_ERROR") },
	}
}

func replicationQueue() Rule {
	return Rule{
		ID: "undeleted-replication-queue", Type: ReplicationQueue,
		Doc:  "hbck found a replication queue of a peer that is gone.",
		find: func(r *run) []Finding { return r.told(ReplicationQueue, finding.Low, "UNDELETED_REPLICATION_QUEUE") },
	}
}

func serverConnectionFailure() Rule {
	return Rule{
		ID: "rs-connect-failure", Type: ServerConnectionFailure,
		Doc: "hbck could not ask a region server for its regions: what it says of deployments is partial.",
		find: func(r *run) []Finding {
			out := r.told(ServerConnectionFailure, finding.Medium, "RS_CONNECT_FAILURE")
			for i := range out {
				out[i].Confidence = high
			}
			return out
		},
	}
}

func noVersionFile() Rule {
	return Rule{
		ID: "no-version-file", Type: NoVersionFile,
		Doc: "The root directory has hbase.id and no hbase.version, or hbck says so: the next start of a master fails.",
		find: func(r *run) []Finding {
			l := &r.Listing
			out := r.told(NoVersionFile, finding.Critical, "NO_VERSION_FILE")
			if len(out) == 0 && r.Whole(hbase.ArtefactPaths) && l.Hidden && l.ID.Line > 0 && !l.Version {
				out = []Finding{{Type: NoVersionFile, Severity: finding.Critical, Bytes: -1, Rows: -1, Confidence: high}}
			}
			for i := range out[:min(1, len(out))] {
				out[i].Summary = "the root directory " + r.RootDir + " has no hbase.version: a master does not start on it"
				out[i].DataLoss = "none"
				out[i].paths(r, l.ID) // stands beside the place where it should be
				out[i].Args.Path = strings.TrimRight(r.FullPath(l.Root), "/") + "/hbase.version"
			}
			return out[:min(1, len(out))]
		},
	}
}
