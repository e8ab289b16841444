package check

import (
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func evidenceIncomplete() Rule {
	return Rule{
		ID: "evidence-incomplete", Type: EvidenceIncomplete,
		Doc: "The scan of hbase:meta or the listing of the root directory is absent, failed or was cut: rows and folders that it does not show are no findings.",
		find: func(r *run) []Finding {
			var out []Finding
			for _, name := range []string{hbase.ArtefactMeta, hbase.ArtefactPaths} {
				a := r.Artefact(name)
				if a.Verdict == hbase.Complete {
					continue
				}
				f := Finding{
					Type: EvidenceIncomplete, Cause: name, Severity: finding.High, Bytes: -1, Rows: -1, Confidence: high,
					Summary: fmt.Sprintf("%s is %s: %s", name, a.Verdict, a.Why), DataLoss: "none",
				}
				if a.Verdict == hbase.Partial {
					f.Severity = finding.Medium
				}
				if len(a.Files) > 0 {
					at := a.At
					if at.Line == 0 && a.Bytes > 0 {
						at = hbase.At{Line: 1}
					}
					f.add(name, a.Files[0], at)
				}
				out = append(out, f)
			}
			return out
		},
	}
}
