package verify_test

import (
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
	"github.com/plumbline-mcp/plumbline/internal/hbase/verify"
)

func snapshot(meta, paths, hbck hbase.Completeness) *hbase.Snapshot {
	return &hbase.Snapshot{Artefacts: []hbase.Artefact{{Name: hbase.ArtefactMeta, Verdict: meta}, {Name: hbase.ArtefactPaths, Verdict: paths}, {Name: hbase.ArtefactHbck, Verdict: hbck}}}
}

func TestWhatIsNotSeenAnyMoreIsFixedOnlyIfItWouldBeSeen(t *testing.T) {
	region := check.Finding{Type: check.MissingRegioninfo, Table: "t", Region: "a"}
	hole := check.Finding{Type: check.Hole, Table: "t", Start: "d", End: "h"}
	other := check.Finding{Type: check.Hole, Table: "t", Start: "m", End: "t"}
	twice := check.Finding{Type: check.MultiDeployed, Table: "t", Region: "a"}
	server := check.Finding{Type: check.UnknownServer, Server: "x,1,1"}
	server2 := check.Finding{Type: check.UnknownServer, Server: "y,1,1"}
	whole, noListing := snapshot("complete", "complete", "complete"), snapshot("complete", "partial", "complete")
	for name, c := range map[string]struct {
		before, after                  []check.Finding
		later                          *hbase.Snapshot
		fixed, unchanged, new, unclear int
		clean                          bool
	}{
		"nothing then and now":                {nil, nil, whole, 0, 0, 0, 0, true},
		"all fixed":                           {[]check.Finding{region, hole}, nil, whole, 2, 0, 0, 0, true},
		"one left":                            {[]check.Finding{region, hole}, []check.Finding{hole}, whole, 1, 1, 0, 0, false},
		"another hole of the table is new":    {[]check.Finding{hole}, []check.Finding{other}, whole, 1, 0, 1, 0, false},
		"the listing is cut":                  {[]check.Finding{region, hole}, nil, noListing, 1, 0, 0, 1, false},
		"hbck's report is missing":            {[]check.Finding{twice}, nil, snapshot("complete", "complete", "absent"), 0, 0, 0, 1, false},
		"a silent scan proves nothing":        {[]check.Finding{hole}, nil, snapshot("absent", "complete", "complete"), 0, 0, 0, 1, false},
		"nothing found in nothing is no news": {nil, nil, snapshot("absent", "complete", "complete"), 0, 0, 0, 0, false},
		"servers are told apart":              {[]check.Finding{server}, []check.Finding{server2}, whole, 1, 0, 1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := verify.Compare(&check.Report{Findings: c.before}, &check.Report{Findings: c.after}, c.later)
			if len(got.Fixed) != c.fixed || len(got.Unchanged) != c.unchanged || len(got.New) != c.new || len(got.Unproven) != c.unclear || got.Clean != c.clean {
				t.Errorf("%+v", got)
			}
		})
	}
}
