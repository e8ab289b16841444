package check_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
)

// fixtures is where the bundles of a real cluster lie, beside the repository.
const fixtures = "../../../../shared/fixtures/hbase"

// truth is what a fixture says was broken.
type truth struct {
	Findings []struct {
		Type        string  `json:"type"`
		Table       string  `json:"table"`
		Encoded     string  `json:"encoded"`
		Region      string  `json:"region"`
		Start       *string `json:"start"`
		End         *string `json:"end"`
		Server      string  `json:"server"`
		Cause       string  `json:"cause"`
		Severity    string  `json:"severity"`
		Consequence string  `json:"consequence_of"`
		Overlaps    []string
		HFiles      []string
		Regions     []struct{ Table, Encoded, Start, End string }
	} `json:"findings"`
	Acceptable []struct{ Type, Encoded string } `json:"acceptable"`
}

// wanted lists the findings that must be reported: type, table, region, keys, the type of the root.
func (t *truth) wanted() (must, may []string) {
	for _, f := range t.Findings {
		if len(f.Regions) > 0 {
			for _, r := range f.Regions {
				must = append(must, key(f.Type, r.Table, r.Encoded, r.Start, r.End, f.Consequence))
			}
			continue
		}
		start, end := "", ""
		if f.Start != nil {
			start = *f.Start
		}
		if f.End != nil {
			end = *f.End
		}
		must = append(must, key(f.Type, f.Table, f.Encoded+f.Region, start, end, f.Consequence))
	}
	for _, a := range t.Acceptable {
		may = append(may, a.Type+" "+a.Encoded)
	}
	return must, may
}

func key(typ, table, region, start, end, root string) string {
	if typ == "HOLE_IN_REGION_CHAIN" {
		region = "" // a hole is of no region; some truths name the one that is gone
	}
	return fmt.Sprintf("%s %s %s [%s,%s) %s", typ, table, region, start, end, root)
}

func TestRealBundlesMeetTheirTruth(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob(fixtures + "/*/truth.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) == 0 {
		if os.Getenv("REQUIRE_LIVE") == "1" {
			t.Fatal("no fixtures at " + fixtures)
		}
		t.Skip("needs the fixtures at " + fixtures)
	}
	for _, d := range dirs {
		t.Run(filepath.Base(filepath.Dir(d)), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(d)
			if err != nil {
				t.Fatal(err)
			}
			var want truth
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			report := checkDir(t, filepath.Dir(d))
			must, may := want.wanted()
			for _, f := range report.Findings {
				k := key(string(f.Type), f.Table, f.Region, f.Start, f.End, f.ConsequenceOf)
				if i := slices.Index(must, k); i >= 0 {
					must = slices.Delete(must, i, i+1)
				} else if f.Root() || !slices.Contains(may, string(f.Type)+" "+f.Region) && !slices.Contains(may, string(f.Type)+" *") {
					t.Errorf("reported and not true: %s: %s", k, f.Summary)
				}
				for _, e := range f.Evidence {
					if e.Text == "" || e.Line == 0 || e.File == "" {
						t.Errorf("%s: evidence without text: %+v", k, e)
					}
				}
				if len(f.Evidence) == 0 {
					t.Errorf("%s: no evidence", k)
				}
			}
			if len(must) > 0 {
				t.Errorf("not found:\n%s", strings.Join(must, "\n"))
			}
		})
	}
}

func checkDir(t *testing.T, dir string) *check.Report {
	t.Helper()
	b, err := hbase.Open(t.Context(), dir, hbase.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := hbase.Read(t.Context(), b, hbase.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := check.Run(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
