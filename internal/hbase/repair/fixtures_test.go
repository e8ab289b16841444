package repair_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/hbase/repair"
)

// truth is what a fixture says was really run on the cluster it came from.
type truth struct {
	Repair []struct {
		Tool, Command, Output string
		Args                  []string
	}
	Findings []struct{ Type string }
}

// ran lists the commands of a truth that changed something: looks, and the ones that were shown not to work, are left out.
func (tr truth) ran() []string {
	var out []string
	for _, r := range tr.Repair {
		looks := strings.Contains(r.Command, " dfs -ls ") || slices.Contains(r.Args, "reportMissingRegionsInMeta") ||
			slices.Contains(r.Args, "extraRegionsInMeta") && !slices.Contains(r.Args, "-f")
		if r.Tool == "check" || looks || r.Output == "[-1]" {
			continue
		}
		out = append(out, canonical(r.Command))
	}
	return out
}

// canonical writes the names of an assigns in one order.
func canonical(command string) string {
	head, tail, ok := strings.Cut(command, " assigns ")
	if !ok {
		return command
	}
	names := strings.Fields(tail)
	slices.Sort(names)
	return head + " assigns " + strings.Join(names, " ")
}

func TestThePlanOfARealBundleIsWhatRepairedItsCluster(t *testing.T) {
	cases, err := filepath.Glob("../../../../shared/fixtures/hbase/*/truth.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		if os.Getenv("REQUIRE_LIVE") == "1" {
			t.Fatal("../shared/fixtures/hbase is not there")
		}
		t.Skip("../shared/fixtures/hbase is not there")
	}
	for _, name := range cases {
		t.Run(filepath.Base(filepath.Dir(name)), func(t *testing.T) {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var want truth
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			snap, report, err := examine(t.Context(), filepath.Dir(name))
			if err != nil {
				t.Fatal(err)
			}
			p, err := repair.New(report, snap, repair.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range p.Steps {
				// The janitor that cleans up after a merge is ours: the truth's runs let it come by itself.
				if !s.ReadOnly && (s.N < len(p.Steps) || !strings.Contains(s.Command, "catalogjanitor_run")) {
					got = append(got, canonical(s.Command))
				}
			}
			if diff := cmp.Diff(want.ran(), got); diff != "" {
				t.Errorf("(-truth +plan):\n%s", diff)
			}
			if len(want.Findings) == 0 && len(p.Steps) > 0 {
				t.Errorf("a plan of %d steps for a cluster that is well", len(p.Steps))
			}
		})
	}
}
