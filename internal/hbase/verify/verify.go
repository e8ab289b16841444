// Package verify compares what a check found before a repair with what it finds after: what is fixed, what is unchanged, what
// is new. A verdict needs evidence on both sides: where the later bundle lacks the artefact that showed a finding, its
// absence proves nothing and the finding is unproven.
package verify

import (
	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
)

// Comparison is what a repair changed.
type Comparison struct {
	Clean     bool            `json:"clean"` // nothing is left and nothing new, and the evidence is whole
	Fixed     []check.Finding `json:"fixed"`
	Unchanged []check.Finding `json:"unchanged"`
	New       []check.Finding `json:"new"`
	Unproven  []Unproven      `json:"unproven"` // not seen any more, but the evidence for that is missing
	Missing   []check.Missing `json:"missing"`  // of the later bundle
}

// Unproven is a finding of before whose end the later evidence cannot show.
type Unproven struct {
	check.Finding

	Why string `json:"why"`
}

// Compare compares two reports. The later one's snapshot tells how far its silence can be trusted.
func Compare(before, after *check.Report, later *hbase.Snapshot) *Comparison {
	c := &Comparison{Missing: after.Missing}
	now := map[string]bool{}
	for i := range after.Findings {
		now[key(&after.Findings[i])] = true
	}
	then := map[string]bool{}
	for i := range before.Findings {
		f := &before.Findings[i]
		then[key(f)] = true
		switch why := blind(f, later); {
		case f.Type == check.EvidenceIncomplete:
		case now[key(f)]:
			c.Unchanged = append(c.Unchanged, *f)
		case why != "":
			c.Unproven = append(c.Unproven, Unproven{*f, why})
		default:
			c.Fixed = append(c.Fixed, *f)
		}
	}
	for i := range after.Findings {
		if f := &after.Findings[i]; !then[key(f)] && f.Type != check.EvidenceIncomplete {
			c.New = append(c.New, *f)
		}
	}
	c.Clean = len(c.Unchanged)+len(c.New)+len(c.Unproven) == 0 && !blindAtAll(later)
	return c
}

// key names a fault the same in both bundles.
func key(f *check.Finding) string {
	k := string(f.Type) + "\x00" + f.Table + "\x00" + f.Region
	if f.Region == "" {
		k += "\x00" + f.Start + "\x00" + f.End
	}
	if f.Region == "" && f.Start == "" && f.End == "" {
		k += "\x00" + f.Server
	}
	return k
}

// blind says which artefact the end of a finding would show in and is not whole, "" if none.
func blind(f *check.Finding, later *hbase.Snapshot) string {
	need := []string{hbase.ArtefactMeta}
	switch f.Type {
	case check.MissingRegioninfo, check.RegionDirMissing, check.MissingDescriptor, check.RegionNotInMeta, check.LingeringReference, check.LingeringHFileLink, check.NoVersionFile:
		need = append(need, hbase.ArtefactPaths)
	case check.MultiDeployed, check.ServerMismatch, check.NotInMetaHDFS, check.ReplicationQueue:
		need = []string{hbase.ArtefactHbck}
	default: // seen in hbase:meta
	}
	for _, name := range need {
		if a := later.Artefact(name); a.Verdict != hbase.Complete {
			return name + " of the later bundle is " + string(a.Verdict)
		}
	}
	return ""
}

func blindAtAll(later *hbase.Snapshot) bool {
	return !later.Whole(hbase.ArtefactMeta) || !later.Whole(hbase.ArtefactPaths)
}
