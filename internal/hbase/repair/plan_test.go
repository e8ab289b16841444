package repair_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
	"github.com/plumbline-mcp/plumbline/internal/hbase/repair"
)

// Encoded names of the cases.
const (
	encA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	encB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	encC = "cccccccccccccccccccccccccccccccc"
	encN = "dddddddddddddddddddddddddddddddd"
)

// cluster is a snapshot of a table t with regions [,m) and [m,) on HDFS, as far as plans look.
func cluster(change ...func(*hbase.Snapshot)) *hbase.Snapshot {
	row := func(table, enc, start, end string) *hbase.Region {
		return &hbase.Region{
			Row: table + "," + start + ",1700000000000." + enc + ".", Encoded: enc, Table: table, Start: []byte(start), End: []byte(end), ID: 1700000000000,
			HasInfo: true, State: "OPEN", SN: "rs1,16020,1",
		}
	}
	folder := func(table, enc string) *hbase.Folder {
		return &hbase.Folder{Table: table, Encoded: enc, Info: 43, Files: []hbase.HFile{{Family: "cf", Name: "x"}}}
	}
	s := &hbase.Snapshot{
		Version: "2.6.4", RootDir: "hdfs://nn:8020/hbase", Storage: hbase.HDFS,
		Artefacts: []hbase.Artefact{{Name: hbase.ArtefactMeta, Verdict: hbase.Complete}, {Name: hbase.ArtefactPaths, Verdict: hbase.Complete}},
		Meta: hbase.Meta{
			Regions: []*hbase.Region{row("hbase:namespace", encN, "", ""), row("t", encA, "", "m"), row("t", encB, "m", "")},
			Tables:  map[string]*hbase.TableState{"t": {Table: "t", State: "ENABLED"}},
		},
		Listing: hbase.Listing{
			Root: "/hbase", Folders: []*hbase.Folder{folder("hbase:namespace", encN), folder("t", encA), folder("t", encB)},
			TableDirs: map[string]*hbase.TableDir{"t": {Table: "t", Descriptors: []string{".tableinfo.0000000001.345"}}},
		},
	}
	for _, c := range change {
		c(s)
	}
	return s
}

func find(s *hbase.Snapshot, enc string) *hbase.Region {
	for _, r := range s.Meta.Regions {
		if r.Encoded == enc {
			return r
		}
	}
	return nil
}

func state(enc, to string) func(*hbase.Snapshot) {
	return func(s *hbase.Snapshot) { find(s, enc).State = to }
}

// withoutRow takes the row of the first region away.
func withoutRow(s *hbase.Snapshot) {
	s.Meta.Regions = slices.DeleteFunc(s.Meta.Regions, func(r *hbase.Region) bool { return r.Encoded == encA })
}

func withoutFolder(enc string) func(*hbase.Snapshot) {
	return func(s *hbase.Snapshot) {
		s.Listing.Folders = slices.DeleteFunc(s.Listing.Folders, func(f *hbase.Folder) bool { return f.Encoded == enc })
	}
}

func version(v string) func(*hbase.Snapshot) { return func(s *hbase.Snapshot) { s.Version = v } }

func onS3(s *hbase.Snapshot) { s.Storage, s.RootDir = hbase.S3, "s3://bucket/hb" }

// extra adds a CLOSED region [f,p) to t.
func extra(s *hbase.Snapshot) {
	s.Meta.Regions = append(s.Meta.Regions, &hbase.Region{Row: "t,f,2." + encC + ".", Encoded: encC, Table: "t", Start: []byte("f"), End: []byte("p"), ID: 2, HasInfo: true, State: "CLOSED"})
	s.Listing.Folders = append(s.Listing.Folders, &hbase.Folder{Table: "t", Encoded: encC, Info: 40})
}

const (
	hb  = "sudo -u hbase hbase "
	h2  = hb + "hbck -j /usr/lib/hbase-operator-tools/hbase-hbck2.jar "
	dfs = "sudo -u hbase hdfs dfs "
	hsh = " | " + hb + "shell -n"
)

func TestEachRootIsRepairedByTheCommandsThatWereSeenToWork(t *testing.T) {
	region := func(typ check.Type, enc string) check.Finding {
		return check.Finding{Type: typ, Table: "t", Region: enc}
	}
	hole := check.Finding{Type: check.Hole, Table: "t", Start: "d", End: "m"}
	overlap := check.Finding{Type: check.Overlap, Table: "t", Region: encC, Others: []string{encA, encB}}
	janitor := `echo "catalogjanitor_run"` + hsh
	for name, c := range map[string]struct {
		snap     *hbase.Snapshot
		findings []check.Finding
		want     []string
	}{
		"nothing found": {cluster(), nil, nil},
		"a lost .regioninfo comes back by closing and opening": {
			cluster(),
			[]check.Finding{region(check.MissingRegioninfo, encA)},
			[]string{`echo "unassign '` + encA + `'"` + hsh, `echo "assign '` + encA + `'"` + hsh},
		},
		"a lost .regioninfo of a closed region needs the opening only": {
			cluster(state(encA, "CLOSED")), []check.Finding{region(check.MissingRegioninfo, encA)}, []string{`echo "assign '` + encA + `'"` + hsh},
		},
		"a lost .regioninfo of a disabled table": {
			cluster(state(encA, "CLOSED"), func(s *hbase.Snapshot) { s.Meta.Tables["t"].State = "DISABLED" }),
			[]check.Finding{region(check.MissingRegioninfo, encA)},
			[]string{`echo "enable 't'"` + hsh, `echo "disable 't'"` + hsh},
		},
		"an orphan's row comes back before anything else, and its hole is its consequence": {
			cluster(withoutRow),
			[]check.Finding{{Type: check.RegionNotInMeta, Table: "t", Region: encA, End: "m"}, {Type: check.Hole, Table: "t", End: "m", ConsequenceOf: "REGION_NOT_IN_META"}},
			[]string{h2 + "reportMissingRegionsInMeta default:t", h2 + "addFsRegionsMissingInMeta default:t", h2 + "assigns " + encA},
		},
		"a hole wider than its orphan is plugged where the orphan ends": {
			cluster(withoutRow),
			[]check.Finding{{Type: check.RegionNotInMeta, Table: "t", Region: encA, Start: "d", End: "h"}, {Type: check.Hole, Table: "t", Start: "", End: "m", ConsequenceOf: "REGION_NOT_IN_META"}},
			[]string{h2 + "reportMissingRegionsInMeta default:t", h2 + "addFsRegionsMissingInMeta default:t", h2 + "assigns " + encA, janitor, h2 + "fixMeta"},
		},
		"before 2.3 the master must be restarted to see the row": {
			cluster(withoutRow, version("2.2.6")),
			[]check.Finding{region(check.RegionNotInMeta, encA)},
			[]string{h2 + "reportMissingRegionsInMeta default:t", h2 + "addFsRegionsMissingInMeta default:t", "sudo systemctl restart hbase-master", h2 + "assigns " + encA},
		},
		"an orphan whose range is held gives its files away": {
			cluster(withoutRow),
			[]check.Finding{{Type: check.RegionNotInMeta, Table: "t", Region: encA, Args: check.Args{Covered: []string{encB}}}},
			[]string{hb + "completebulkload /hbase/data/default/t/" + encA + " default:t", dfs + "-mkdir -p /hbase/.hbck/plumbline/t", dfs + "-mv /hbase/data/default/t/" + encA + " /hbase/.hbck/plumbline/t/" + encA},
		},
		"a hole without a folder is plugged": {cluster(), []check.Finding{hole}, []string{janitor, h2 + "fixMeta"}},
		"a closed overlapping region is opened, then merged": {
			cluster(extra), []check.Finding{overlap}, []string{h2 + "assigns " + encC, janitor, h2 + "fixMeta", janitor},
		},
		"an overlapping row without a folder goes first": {
			cluster(extra, withoutFolder(encC)),
			[]check.Finding{overlap},
			[]string{h2 + "extraRegionsInMeta -f default:t", "sudo systemctl restart hbase-master", janitor, h2 + "fixMeta", janitor},
		},
		"the descriptor is written before a restart takes the master's memory": {
			cluster(extra, withoutFolder(encC)),
			[]check.Finding{overlap, {Type: check.MissingDescriptor, Table: "ns:u"}},
			[]string{h2 + "generateMissingTableDescriptorFile ns:u", h2 + "extraRegionsInMeta -f default:t", "sudo systemctl restart hbase-master", janitor, h2 + "fixMeta", janitor},
		},
		"a row without a folder gets one, then is assigned": {
			cluster(withoutFolder(encB), state(encB, "CLOSED")),
			[]check.Finding{region(check.RegionDirMissing, encB)},
			[]string{h2 + "extraRegionsInMeta default:t", dfs + "-mkdir -p /hbase/data/default/t/" + encB, h2 + "assigns " + encB},
		},
		"on S3 the folder is a URI": {
			cluster(onS3, withoutFolder(encB), state(encB, "CLOSED")),
			[]check.Finding{region(check.RegionDirMissing, encB)},
			[]string{h2 + "extraRegionsInMeta default:t", dfs + "-mkdir -p s3://bucket/hb/data/default/t/" + encB, h2 + "assigns " + encB},
		},
		"a region looping in its open is taken over once it has a folder": {
			cluster(withoutFolder(encB), state(encB, "OPENING")),
			[]check.Finding{region(check.RegionDirMissing, encB)},
			[]string{h2 + "extraRegionsInMeta default:t", dfs + "-mkdir -p /hbase/data/default/t/" + encB, h2 + "assigns -o " + encB},
		},
		"unknown servers are recovered": {
			cluster(), []check.Finding{{Type: check.UnknownServer, Table: "t", Server: "old,16020,1"}}, []string{h2 + "recoverUnknown"},
		},
		"where recoverUnknown is not known yet they are named": {
			cluster(version("2.4.2")),
			[]check.Finding{{Type: check.UnknownServer, Server: "old,16020,1"}, {Type: check.UnknownServer, Server: "old,16020,2"}, {Type: check.UnknownServer, Server: "old,16020,1"}},
			[]string{h2 + "scheduleRecoveries old,16020,1 old,16020,2"},
		},
		"where a row names no server, on which recoverUnknown fails, they are named too": {
			cluster(func(s *hbase.Snapshot) { find(s, encB).SN = "" }), []check.Finding{{Type: check.UnknownServer, Table: "t", Server: "old,16020,1"}}, []string{h2 + "scheduleRecoveries old,16020,1"},
		},
		"closed regions of all tables are assigned at once": {
			cluster(state(encA, "CLOSED"), state(encB, "CLOSED")), []check.Finding{region(check.NotDeployed, encA), region(check.NotDeployed, encB)}, []string{h2 + "assigns " + encA + " " + encB},
		},
		"a region that is neither CLOSED nor OFFLINE is taken over": {
			cluster(state(encA, "ABNORMALLY_CLOSED")), []check.Finding{region(check.NotDeployed, encA)}, []string{h2 + "assigns -o " + encA},
		},
		"a stuck region is taken over whatever its state": {
			cluster(state(encA, "OPENING")), []check.Finding{region(check.TransitionStuck, encA)}, []string{h2 + "assigns -o " + encA},
		},
		"a corrupt store file is set aside": {
			cluster(state(encA, "OPENING")), []check.Finding{{Type: check.FailedOpen, Cause: "CORRUPT_HFILE", Table: "t", Region: encA}}, []string{h2 + "filesystem -f t"},
		},
		"a lost descriptor is written from the master's memory": {
			cluster(), []check.Finding{{Type: check.MissingDescriptor, Table: "t"}}, []string{h2 + "generateMissingTableDescriptorFile t"},
		},
		"a row without its region info is dropped and written anew": {
			cluster(func(s *hbase.Snapshot) { find(s, encA).HasInfo = false }),
			[]check.Finding{region(check.EmptyRegioninfoCell, encA)},
			[]string{`echo "deleteall 'hbase:meta', \"t,,1700000000000.` + encA + `.\""` + hsh, h2 + "reportMissingRegionsInMeta default:t", h2 + "addFsRegionsMissingInMeta default:t", h2 + "assigns " + encA},
		},
		"a table that stays ENABLING": {
			cluster(state(encB, "CLOSED")), []check.Finding{{Type: check.TableStateStuck, Table: "t"}}, []string{h2 + "setTableState t ENABLED", h2 + "assigns " + encB},
		},
		"a master that waits for hbase:meta": {
			cluster(),
			[]check.Finding{{Type: check.MasterNotInitialized, Cause: "META_NOT_ONLINE", Table: "hbase:meta", Region: "1588230740"}},
			[]string{h2 + "-s assigns -o 1588230740", h2 + "-s assigns -o " + encN, h2 + "recoverUnknown"},
		},
		"many faults are repaired in one order": {
			cluster(extra, state(encA, "CLOSED")),
			[]check.Finding{region(check.NotDeployed, encA), hole, overlap, {Type: check.UnknownServer, Server: "old,16020,1"}, {Type: check.MissingDescriptor, Table: "t"}, {Type: check.RegionNotInMeta, Table: "u", Region: strings.Repeat("e", 32)}},
			[]string{
				h2 + "scheduleRecoveries old,16020,1", h2 + "reportMissingRegionsInMeta default:u", h2 + "addFsRegionsMissingInMeta default:u", h2 + "assigns " + encC + " " + encA + " " + strings.Repeat("e", 32),
				janitor, h2 + "fixMeta", janitor, h2 + "generateMissingTableDescriptorFile t",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := repair.New(&check.Report{Findings: c.findings}, c.snap, repair.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range p.Steps {
				got = append(got, s.Command)
				if s.Why == "" || s.Risk == "" || s.Downtime == "" || s.DataLoss == "" || s.Wait == "" || s.Undo == "" {
					t.Errorf("step %d is not told in full: %+v", s.N, s)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPlanIsNamedByItsContent(t *testing.T) {
	of := func(o repair.Options, f check.Finding) string {
		p, err := repair.New(&check.Report{Findings: []check.Finding{f}}, cluster(), o)
		if err != nil {
			t.Fatal(err)
		}
		return p.ID
	}
	f := check.Finding{Type: check.NotDeployed, Table: "t", Region: encA}
	one := of(repair.Options{}, f)
	if two := of(repair.Options{}, f); one != two || !strings.HasPrefix(one, "plan-") {
		t.Errorf("%s and %s for the same evidence", one, two)
	}
	if other := of(repair.Options{Hbck2: "/x.jar"}, f); other == one {
		t.Error("another jar gives the same id")
	}
	if other := of(repair.Options{}, check.Finding{Type: check.NotDeployed, Table: "t", Region: encB}); other == one {
		t.Error("another region gives the same id")
	}
}

func TestWhatHbck2CannotRepairIsRefusedOrLeft(t *testing.T) {
	for _, v := range []string{"1.4.13", "2.0.2", "2.1.0"} {
		if _, err := repair.New(&check.Report{}, cluster(version(v)), repair.Options{}); err == nil || !strings.Contains(err.Error(), v) {
			t.Errorf("%s: %v", v, err)
		}
	}
	for name, f := range map[string]check.Finding{
		"an open that fails for a missing class": {Type: check.FailedOpen, Cause: "MISSING_CLASS", Table: "t", Region: encA},
		"a type without a command":               {Type: check.BoundariesError, Table: "t", Region: encA},
		"an orphan that tells no keys":           {Type: check.MissingRegioninfo, Table: "t", Region: strings.Repeat("e", 32)},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := repair.New(&check.Report{Findings: []check.Finding{f}}, cluster(), repair.Options{})
			if err != nil || len(p.Steps) != 0 || len(p.Left) != 1 || p.Left[0].Next == "" {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
	p, err := repair.New(&check.Report{Findings: []check.Finding{{Type: check.Hole, Table: "t", Start: "d", End: "m"}}}, cluster(version("2.0.5")), repair.Options{})
	if err != nil || len(p.Steps) != 0 || len(p.Left) != 1 {
		t.Errorf("fixMeta on 2.0.5: %+v, %v", p, err)
	}
}

func TestOnlyCommandsOnTheListAreAllowed(t *testing.T) {
	for _, c := range []repair.Command{
		{Tool: repair.Shell, Args: []string{"drop 't'"}},
		{Tool: repair.Shell, Args: []string{"assign '" + encA + "'\ndrop 't'"}},
		{Tool: repair.Shell, Args: []string{"scan 'hbase:meta', {LIMIT => `x`}"}},
		{Tool: repair.Shell, Args: []string{`deleteall 'hbase:meta', "#{x}"`}},
		{Tool: repair.Hbck2, Args: []string{"setRegionState", encA, "CLOSED"}},
		{Tool: repair.Hbck2},
		{Tool: repair.Hbck1, Args: []string{"-fixMeta"}},
		{Tool: repair.HDFS, Args: []string{"-rm", "-r", "/hbase"}},
		{Tool: repair.AWS, Args: []string{"rm", "s3://b"}},
		{Tool: repair.HBase, Args: []string{"shell"}},
		{Tool: "bash", Args: []string{"-c", "x"}},
	} {
		if err := repair.Allowed(c); err == nil {
			t.Errorf("%s %q is allowed", c.Tool, c.Args)
		}
	}
}
