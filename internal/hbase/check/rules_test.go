package check_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
)

// Every rule has testdata/ID.txtar: clusters in which it fires, each with what must be found, and clusters in which nothing
// may be found. Each is written in every form that a bundle may have.
func TestRulesFireAndStayQuiet(t *testing.T) {
	t.Parallel()
	for _, rule := range check.Rules() {
		t.Run(rule.ID, func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile("testdata/" + rule.ID + ".txtar")
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]string{}
			fired, quiet := false, false
			for _, f := range archive.Files {
				parts[f.Name] = string(f.Data)
			}
			for _, f := range archive.Files {
				kind, name, _ := strings.Cut(f.Name, ": ")
				if kind != "fires" && kind != "quiet" {
					continue
				}
				want := lines(parts["want: "+name])
				fired = fired || kind == "fires" && slices.ContainsFunc(want, func(l string) bool { return strings.HasPrefix(l, string(rule.Type)+" ") })
				quiet = quiet || kind == "quiet"
				if kind == "quiet" {
					want = nil
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					inEveryForm(t, string(f.Data), want)
				})
			}
			if !fired || !quiet {
				t.Errorf("needs a case where it fires and one where it stays quiet: %v %v", fired, quiet)
			}
		})
	}
}

func inEveryForm(t *testing.T, text string, want []string) {
	t.Helper()
	for _, f := range flavours() {
		if strings.Contains(text, "# only HDFS") && f.s3 {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			c := parseCluster(t, text)
			report := checkDir(t, c.write(f))
			if diff := cmp.Diff(want, c.found(report)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
				for _, x := range report.Findings {
					t.Log(x.ID, x.Summary)
				}
			}
			for _, x := range report.Findings {
				if x.Type != check.EvidenceIncomplete && len(x.Evidence) == 0 {
					t.Errorf("%s has no evidence", x.ID)
				}
				for _, e := range x.Evidence {
					if e.Text == "" {
						t.Errorf("%s: no text at %s:%d", x.ID, e.File, e.Line)
					}
				}
			}
		})
	}
}

// found writes findings as lines: type, table, label of the region, keys, type of the root.
func (c *cluster) found(r *check.Report) []string {
	var out []string
	for _, f := range r.Findings {
		label := "-"
		for _, b := range c.regions {
			if b.encoded == f.Region {
				label = b.label
			}
		}
		if label == "-" && f.Region != "" {
			label = f.Region
		}
		line := strings.Join([]string{string(f.Type), orDash(f.Table), label, "[" + f.Start + "," + f.End + ")"}, " ")
		if !f.Root() {
			line += " < " + f.ConsequenceOf
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func lines(s string) []string {
	var out []string
	for l := range strings.SplitSeq(s, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	slices.Sort(out)
	return out
}

func TestEveryRuleHasItsFileAndItsDoc(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var have, want []string
	for _, f := range files {
		have = append(have, strings.TrimSuffix(filepath.Base(f), ".txtar"))
	}
	types := map[check.Type]bool{}
	for _, r := range check.Rules() {
		want = append(want, r.ID)
		if len(r.Doc) < 40 || types[r.Type] {
			t.Errorf("%s: doc %q, type %s", r.ID, r.Doc, r.Type)
		}
		types[r.Type] = true
		if got := strings.ToLower(strings.ReplaceAll(string(r.Type), "_", "-")); got != r.ID {
			t.Errorf("rule %s is of type %s", r.ID, r.Type)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("rules and their files (-rules +files):\n%s", diff)
	}
	if _, err := os.Stat("testdata"); err != nil {
		t.Fatal(err)
	}
}
