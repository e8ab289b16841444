package check

import (
	"context"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

// Rule finds one type of inconsistency.
type Rule struct {
	ID   string // kebab-case, never changes
	Type Type
	Doc  string // what it looks at, when it fires, when it must not
	find func(*run) []Finding
}

// Rules lists the rules in the order of the catalogue.
func Rules() []Rule {
	return []Rule{
		missingRegioninfo(), regionNotInMeta(), regionDirMissing(), hole(), overlap(), unknownServer(), notDeployed(), transitionStuck(),
		failedOpen(), missingDescriptor(), emptyRegioninfoCell(), multiDeployed(), serverMismatch(), notInMetaHDFS(), lingeringSplitParent(),
		lingeringReference(), lingeringLink(), boundariesError(), tableStateStuck(), orphanTableState(), noTableState(), noVersionFile(),
		masterNotInitialized(), replicationQueue(), regioninfoMismatch(), serverConnectionFailure(), walSplitStuck(), evidenceIncomplete(),
	}
}

// Run applies every rule to a snapshot, tells roots from consequences and quotes the evidence. An error is a failure to read
// the bundle again, never a finding.
func Run(ctx context.Context, s *hbase.Snapshot) (*Report, error) {
	r := newRun(s)
	if err := r.describeOrphans(ctx); err != nil {
		return nil, err
	}
	out := &Report{Findings: []Finding{}, Missing: []Missing{}}
	for _, rule := range Rules() {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		out.Findings = append(out.Findings, rule.find(r)...)
	}
	relate(r, out.Findings)
	order(out.Findings)
	for i := range out.Findings {
		r.finish(&out.Findings[i])
	}
	out.Count = r.count()
	out.Missing = r.missing()
	out.Signals = r.signals(out.Findings)
	out.Confidence, out.Reason = r.confidence(out)
	return out, quote(ctx, s, out)
}
