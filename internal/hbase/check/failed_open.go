package check

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func failedOpen() Rule {
	return Rule{
		ID: "failed-open", Type: FailedOpen,
		Doc: "A region whose open fails by the logs of its region servers or of the master's retries, later than any success, and which hbase:meta does not show OPEN; or state FAILED_OPEN. The stack trace tells the cause.",
		find: func(r *run) []Finding {
			var out []Finding
			for _, enc := range r.failing() {
				m := r.Meta.Region(enc)
				if m == nil && r.Whole(hbase.ArtefactMeta) || m != nil && (!r.wanted(m) || m.State == "OPEN") {
					continue
				}
				if f, ok := r.failed(enc, m); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// failing lists the regions that the logs or hbase:meta call failed.
func (r *run) failing() []string {
	var out []string
	for _, sig := range []hbase.Signature{hbase.SigFailedOpen, hbase.SigRetry, hbase.SigSuspended} {
		for _, e := range r.Logs.By(sig) {
			out = append(out, e.Region)
		}
	}
	for _, m := range r.Meta.Regions {
		if m.State == "FAILED_OPEN" {
			out = append(out, m.Encoded)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (r *run) failed(enc string, m *hbase.Region) (Finding, bool) {
	var failure, success time.Time
	var fails int64
	var causes []string
	opens := false
	for _, e := range r.Logs.Of(enc) {
		switch e.Signature {
		case hbase.SigFailedOpen:
			opens = true
			fails += e.Count
			causes = append(causes, e.Cause)
			failure = latest(failure, e.Last)
		case hbase.SigRetry, hbase.SigSuspended:
			opens = opens || strings.Contains(e.Text, "ASSIGN") && !strings.Contains(e.Text, "UNASSIGN")
			failure = latest(failure, e.Last)
		case hbase.SigOpened:
			success = latest(success, e.Last)
		case hbase.SigMetaUpdate:
			if e.State == "OPEN" {
				success = latest(success, e.Last)
			}
		default:
		}
	}
	given := m != nil && m.State == "FAILED_OPEN"
	if !given && (!opens || !failure.After(success)) {
		return Finding{}, false
	}
	f := Finding{Type: FailedOpen, Severity: finding.High, Region: enc, Bytes: -1, Rows: -1, Confidence: high}
	if m != nil {
		f = r.of(FailedOpen, finding.High, m, "")
		f.meta(r, m.StateAt)
	} else if !f.named(r, enc) {
		return Finding{}, false
	}
	f.FirstSeen = nil
	r.failedCause(&f, strings.Join(causes, "\n"))
	f.Summary = fmt.Sprintf("region %s of %s cannot be opened (%d failures in the logs): %s", enc, f.Table, fails, f.Summary)
	f.events(r, hbase.SigFailedOpen, hbase.SigRetry, hbase.SigSuspended, hbase.SigStuckRIT)
	f.reports(r, "NOT_DEPLOYED")
	if d := r.Listing.Folder(enc); d != nil {
		f.folder(r, d)
		for i := range d.Files {
			if slices.Contains(f.Args.HFiles, d.Files[i].Name) {
				f.paths(r, d.Files[i].At)
				f.Args.Family = d.Files[i].Family
			}
		}
	}
	return f, true
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// named fills in a region that only the logs know.
func (f *Finding) named(r *run, enc string) bool {
	for _, e := range r.Logs.Of(enc) {
		if e.Table != "" {
			f.Table = e.Table
		}
		if e.Name != "" {
			f.Name = e.Name
		}
	}
	if k, ok := r.Known[enc]; ok {
		f.Table, f.Name = k.Table, k.Name
		f.keys(k.Start, k.End)
	}
	return f.Table != ""
}

// openCauses maps what stack traces say to the cause of a failed open. The first that fits counts: the more particular
// texts come first.
func openCauses() []struct{ text, cause, means string } {
	return []struct{ text, cause, means string }{
		{"CorruptHFileException", "CORRUPT_HFILE", "a store file cannot be read"},
		{"Problem reading HFile Trailer", "CORRUPT_HFILE", "a store file cannot be read"},
		{"Region directory does not exist", "REGION_DIR_MISSING", "the region's folder is missing"},
		{"BlockMissingException", "BLOCK_MISSING", "blocks of a file are missing in HDFS"},
		{"TableInfoMissingException", "MISSING_TABLE_DESCRIPTOR", "the table's descriptor is missing"},
		{"TableDescriptor is null", "MISSING_TABLE_DESCRIPTOR", "the table's descriptor is missing"},
		{"FileNotFoundException", "FILE_NOT_FOUND", "a file that the region refers to is gone"},
		{"AccessControlException", "PERMISSION_DENIED", "the file system refuses access"},
		{"AccessDenied", "PERMISSION_DENIED", "the storage refuses access"},
		{"Status Code: 403", "PERMISSION_DENIED", "S3 refuses access"},
		{"SlowDown", "S3_THROTTLING", "S3 throttles requests"},
		{"Status Code: 503", "S3_THROTTLING", "S3 throttles requests"},
		{"S3Exception", "S3_ERROR", "S3 answers with an error"},
		{"ClassNotFoundException", "MISSING_CLASS", "a class that the table names is missing"},
		{"NoClassDefFoundError", "MISSING_CLASS", "a class that the table names is missing"},
		{"oprocessor", "MISSING_COPROCESSOR", "a coprocessor of the table cannot be loaded"},
		{"codec", "MISSING_CODEC", "a compression codec cannot be loaded"},
		{"OutOfMemoryError", "OUT_OF_MEMORY", "the region server is out of memory"},
	}
}

func (r *run) failedCause(f *Finding, text string) {
	f.Cause, f.Summary = "UNKNOWN", "the logs do not tell why"
	for _, c := range openCauses() {
		if strings.Contains(text, c.text) {
			f.Cause, f.Summary = c.cause, c.means
			break
		}
	}
	switch f.Cause {
	case "CORRUPT_HFILE", "FILE_NOT_FOUND", "BLOCK_MISSING":
		f.DataLoss = "the cells of the file; sidelined, it is not deleted"
		for _, p := range filesIn(text, f.Region) {
			f.Args.Files = append(f.Args.Files, p)
			if name := path.Base(p); !slices.Contains(f.Args.HFiles, name) {
				f.Args.HFiles = append(f.Args.HFiles, name)
			}
			f.Args.Family = path.Base(path.Dir(p))
		}
	case "REGION_DIR_MISSING":
		f.DataLoss = "the rows of the range"
	case "UNKNOWN":
		f.Confidence = medium
	default:
		f.DataLoss = "none"
	}
}

// filesIn finds the paths of store files in a stack trace: those of the region first, else any.
func filesIn(text, region string) []string {
	var own, rest []string
	for _, w := range strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(" \n\t,;()[]", c) }) {
		w = strings.TrimRight(w, ".:")
		if !strings.Contains(w, "/data/") || strings.Count(w, "/") < 6 {
			continue
		}
		if strings.Contains(w, "/"+region+"/") && !slices.Contains(own, w) {
			own = append(own, w)
		} else if !slices.Contains(rest, w) {
			rest = append(rest, w)
		}
	}
	if len(own) > 0 {
		rest = own
	}
	return rest[:min(len(rest), maxListed)]
}
