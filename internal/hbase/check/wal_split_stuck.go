package check

import (
	"fmt"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func walSplitStuck() Rule {
	return Rule{
		ID: "wal-split-stuck", Type: WALSplitStuck,
		Doc: "WALs/<server>-splitting with files that nothing has touched for ten minutes before the collection, or with failed splits in the logs, and no end of the server's crash procedure.",
		find: func(r *run) []Finding {
			var out []Finding
			for _, w := range r.Listing.WALs {
				if !w.Splitting || w.Files == 0 || r.recovered(w.Server) {
					continue
				}
				failed := r.failedSplits(w.Server)
				age := r.age(w.Modified)
				if len(failed) == 0 && age < recoveryTime {
					continue
				}
				f := Finding{
					Type: WALSplitStuck, Severity: finding.Critical, Server: w.Server, Servers: []string{w.Server}, Bytes: w.Bytes, Rows: -1, Confidence: high,
					Summary: fmt.Sprintf("the WALs of %s wait for splitting: %d files, %d bytes, last touched %s", w.Server, w.Files, w.Bytes, w.Modified), DataLoss: "none while the files are there",
					Args: Args{WALs: []string{w.Server + "-splitting"}},
				}
				f.add(hbase.ArtefactPaths, w.File, w.At)
				for _, e := range failed {
					f.event(e)
				}
				out = append(out, f)
			}
			return out
		},
	}
}

func (r *run) recovered(sn string) bool {
	for _, e := range r.Logs.By(hbase.SigSCPDone) {
		if e.Server == sn {
			return true
		}
	}
	return false
}

func (r *run) failedSplits(sn string) []*hbase.Event {
	var out []*hbase.Event
	for _, sig := range []hbase.Signature{hbase.SigWALSplit, hbase.SigSCPRetry} {
		for _, e := range r.Logs.By(sig) {
			if e.Server == sn {
				out = append(out, e)
			}
		}
	}
	return out
}

// age is how long before the collection a time of a listing was. Listings print the local time of their host: without a
// zone in the manifest the logs' end, in the same local time, is the measure.
func (r *run) age(modified string) time.Duration {
	layout := "2006-01-02 15:04"
	if len(modified) > len(layout) {
		layout = "2006-01-02 15:04:05"
	}
	t, err := time.Parse(layout, modified)
	if err != nil {
		return 0
	}
	now := r.Logs.Last
	if now.IsZero() {
		now = r.CollectedAt
	}
	if now.IsZero() {
		return 0
	}
	return now.Sub(t)
}
