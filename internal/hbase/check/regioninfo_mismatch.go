package check

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func regioninfoMismatch() Rule {
	return Rule{
		ID: "regioninfo-mismatch", Type: RegioninfoMismatch,
		Doc: "The encoded name in a row is not the MD5 of table, start key and region id, or info:regioninfo describes another region than its row (HBASE-23328 with replicas). Not hbase:meta, whose encoded name is no MD5.",
		find: func(r *run) []Finding {
			var out []Finding
			for _, m := range r.Meta.Regions {
				if m.Encoded == hbase.MetaEncoded || !m.HasInfo {
					continue
				}
				if why := mismatched(m); why != "" {
					f := r.of(RegioninfoMismatch, finding.Low, m, fmt.Sprintf("row %s of %s: %s", m.Encoded, m.Table, why))
					f.DataLoss = "none"
					out = append(out, f)
				}
			}
			return out
		},
	}
}

func mismatched(m *hbase.Region) string {
	_, start, ok := hbase.SplitName(m.Row)
	end := strings.LastIndexByte(strings.TrimSuffix(m.Row, "."), '.')
	comma := strings.LastIndexByte(m.Row, ',')
	switch {
	case m.Cell != "":
		return "info:regioninfo has ENCODED => " + m.Cell
	case m.Name != m.Row:
		return "info:regioninfo has NAME => " + m.Name
	case m.Replica != 0:
		return fmt.Sprintf("info:regioninfo is of replica %d", m.Replica)
	case !ok || end < comma:
		return ""
	}
	if want := hbase.Encode(m.Table, start, m.Row[comma+1:end]); want != m.Encoded {
		return "its encoded name should be " + want
	}
	return ""
}
