package repair_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
	"github.com/plumbline-mcp/plumbline/internal/hbase/collect"
	"github.com/plumbline-mcp/plumbline/internal/hbase/repair"
)

// liveCluster is the HBase of test/servers/hbase.
type liveCluster struct {
	*testing.T

	home   string
	master string // URL of its pages
}

// start starts a new, empty cluster.
func start(t *testing.T) *liveCluster {
	t.Helper()
	home := os.Getenv("HBASE_HOME")
	if home == "" {
		if os.Getenv("REQUIRE_LIVE") == "1" {
			t.Fatal("HBASE_HOME is not set")
		}
		t.Skip(`HBASE_HOME is not set: eval "$(test/servers/live start hbase)"`)
	}
	port := 26000
	if p, err := strconv.Atoi(os.Getenv("LAB_PORT")); err == nil {
		port = p
	}
	t.Setenv("PATH", filepath.Join(home, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	c := &liveCluster{t, home, fmt.Sprintf("http://127.0.0.1:%d", port+10)}
	c.server("stop")
	c.server("wipe")
	c.server("start")
	return c
}

// command runs a program of the cluster and returns what it prints.
func (c *liveCluster) command(name string, args ...string) string {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(c.home, "bin", name), args...).CombinedOutput()
	if err != nil {
		c.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (c *liveCluster) server(args ...string) { c.Helper(); c.command("server", args...) }

// lab runs commands of java/lab/Lab.java in one JVM and returns what it prints, a line each.
func (c *liveCluster) lab(commands ...string) []string {
	c.Helper()
	return strings.Split(strings.TrimSpace(c.command("lab", strings.Fields(strings.Join(commands, " -- "))...)), "\n")
}

// counts counts the rows of tables.
func (c *liveCluster) counts(tables ...string) map[string]int {
	c.Helper()
	out := map[string]int{}
	for _, line := range c.lab("count " + strings.Join(tables, " ")) {
		name, n, _ := strings.Cut(line, " ")
		out[name], _ = strconv.Atoi(n)
	}
	return out
}

// collect collects a bundle and examines it.
func (c *liveCluster) collect(timeout time.Duration) (string, *collect.Manifest, *hbase.Snapshot, *check.Report) {
	c.Helper()
	dir := filepath.Join(c.TempDir(), "bundle")
	cfg := collect.Config{
		ClusterID: "j-LIVE", Out: dir, ConfDir: filepath.Join(c.home, "conf"), LogDirs: []string{filepath.Join(c.home, "logs")}, Live: c.master, Inspect: timeout == 0,
		Timeout: timeout, Now: time.Now, HTTP: &http.Client{},
	}
	m, err := collect.Run(c.Context(), cfg)
	if err != nil {
		c.Fatal(err)
	}
	snap, report, err := examine(c.Context(), dir)
	if err != nil {
		c.Fatal(err)
	}
	return dir, m, snap, report
}

// run runs a plan's script as an operator would.
func (c *liveCluster) run(p *repair.Plan) {
	c.Helper()
	dir := c.TempDir()
	var script bytes.Buffer
	if err := p.WriteScript(&script); err != nil {
		c.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "plan.sh"), script.Bytes(), 0o600); err != nil {
		c.Fatal(err)
	}
	began := time.Now()
	cmd := exec.CommandContext(c.Context(), "bash", "plan.sh", "--yes")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "MASTER_RESTART="+filepath.Join(c.home, "bin/server")+" stop master; "+filepath.Join(c.home, "bin/server")+" start", "PLAN_LOG="+filepath.Join(dir, "log"))
	out, err := cmd.CombinedOutput()
	c.Logf("%s: %d steps in %s\n%s", p.ID, len(p.Steps), time.Since(began).Round(time.Second), out)
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		c.Fatalf("%v\n%s", err, log)
	}
}

// roots lists what a report found, without what follows from it.
func roots(r *check.Report) []string {
	var out []string
	for i := range r.Findings {
		f := &r.Findings[i]
		if !f.Root() || f.Type == check.EvidenceIncomplete {
			continue
		}
		who := f.Region
		if who == "" || f.Type == check.Hole {
			who = "[" + f.Start + "," + f.End + ")"
		}
		if f.Type == check.MissingDescriptor || f.Type == check.TableStateStuck {
			who = ""
		}
		if f.Type == check.UnknownServer {
			who = f.Server
		}
		table := f.Table
		if f.Type == check.UnknownServer {
			table = ""
		}
		out = append(out, strings.Join(strings.Fields(string(f.Type)+" "+table+" "+who), " "))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// well fails the test unless the cluster is: no finding, hbck content, the master's report empty.
func (c *liveCluster) well() {
	c.Helper()
	dir, m, _, report := c.collect(0)
	if got := named(report); len(got) > 0 || !m.Complete {
		c.Errorf("after the repair: complete %t, findings %q", m.Complete, got)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "diagnostics/hbck_metrics.json"))
	if err != nil {
		c.Fatal(err)
	}
	var page struct{ Data map[string]any }
	if err := json.Unmarshal(raw, &page); err != nil {
		c.Fatalf("%s: %v", raw, err)
	}
	for name, v := range page.Data {
		if list, ok := v.([]any); ok && len(list) > 0 {
			c.Errorf("the master's report: %s is %v", name, list)
		}
	}
	if out := c.command("hbase", "hbck", "-details", "-timelag", "0"); !strings.Contains(out, "\n0 inconsistencies detected.\nStatus: OK") {
		c.Errorf("hbck: %s", out)
	}
}

func (c *liveCluster) plan(report *check.Report, snap *hbase.Snapshot) *repair.Plan {
	c.Helper()
	p, err := repair.New(report, snap, repair.Options{})
	if err != nil {
		c.Fatal(err)
	}
	return p
}

// fault is one way to break a table, and what must be found and left.
type fault struct {
	table string
	steps []string // %s is the table
	want  string   // %t the table, %r the region that the last step printed
	rows  int      // afterwards
}

// faults lists what is broken before the restart of the master that it needs, each on a table of its own of 60 rows in [,d) [d,m) [m,).
func faults(server string) []fault {
	return []fault{
		{"live:info", []string{"rm-regioninfo %s@d"}, "MISSING_REGIONINFO %t %r", 60},
		{"live:row", []string{"unassign %s@d", "meta-delete %s@d"}, "REGION_NOT_IN_META %t %r", 60},
		{"live:folder", []string{"unassign %s@d", "rm-dir %s@d"}, "REGION_DIR_MISSING %t %r", 40},
		{"live:hole", []string{"unassign %s@d", "rm-dir %s@d", "meta-delete %s@d"}, "HOLE_IN_REGION_CHAIN %t [d,m)", 40},
		{"live:overlap", []string{"add %s b f"}, "OVERLAP_IN_REGION_CHAIN %t %r", 60},
		{"live:server", []string{"unassign %s@d", "meta-state %s@d OPEN gone.lab.internal,26020,1600000000000"}, "REGION_ON_UNKNOWN_SERVER gone.lab.internal,26020,1600000000000", 60},
		{"live:closed", []string{"unassign %s@d"}, "REGION_NOT_DEPLOYED %t %r", 60},
		{"live:stuck", []string{"unassign %s@d", "meta-state %s@d OPENING " + server}, "REGION_IN_TRANSITION_STUCK %t %r", 60},
		{"live:cell", []string{"unassign %s@d", "meta-forget %s@d"}, "EMPTY_REGIONINFO_CELL %t %r", 60},
	}
}

func TestEveryFaultOfARealClusterIsFoundRepairedAndProven(t *testing.T) {
	c := start(t)
	server := c.lab("servers")[0]
	list := faults(server)
	var create, broken []string
	for _, f := range list {
		create = append(create, "create "+f.table+" d,m 20")
		for _, s := range f.steps {
			broken = append(broken, fmt.Sprintf(s, f.table))
		}
	}
	create = append(create, "create live:corrupt d,m 20", "create live:descriptor d,m 20")
	c.lab(create...)
	printed := c.lab(broken...)
	corrupt := c.lab("unassign live:corrupt@d", "corrupt live:corrupt@d")[0]
	c.server("stop", "master") // its memory of hbase:meta must not hide what was changed
	c.server("start")
	c.lab("rm-descriptor live:descriptor")
	c.command("hbase", "hbck", "-j", "any.jar", "assigns", corrupt)
	time.Sleep(15 * time.Second) // the open must fail a few times to be logged as failing

	want, rows, tables := expected(list, printed)
	want = append(want, "FAILED_OPEN live:corrupt "+corrupt, "MISSING_TABLE_DESCRIPTOR live:descriptor")
	slices.Sort(want)
	rows["live:corrupt"], rows["live:descriptor"] = 40, 60
	_, _, snap, report := c.collect(0)
	if diff := cmp.Diff(want, roots(report)); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	c.run(c.plan(report, snap))
	c.well()
	if diff := cmp.Diff(rows, c.counts(append(tables, "live:corrupt", "live:descriptor")...)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	c.stepByStep()
	c.masterDown()
}

// expected matches what the breaking printed, one line for each step that names a region, with the faults.
func expected(list []fault, printed []string) (want []string, rows map[string]int, tables []string) {
	rows = map[string]int{}
	at := 0
	for _, f := range list {
		at += len(f.steps)
		want = append(want, strings.NewReplacer("%t", f.table, "%r", printed[at-1]).Replace(f.want))
		rows[f.table] = f.rows
		tables = append(tables, f.table)
	}
	return want, rows, tables
}

// stepByStep repairs by single applied steps what the script repaired before.
func (c *liveCluster) stepByStep() {
	c.Helper()
	region := c.lab("unassign live:closed@d")[0]
	c.lab("rm-descriptor live:closed")
	_, _, snap, report := c.collect(0)
	if diff := cmp.Diff([]string{"MISSING_TABLE_DESCRIPTOR live:closed", "REGION_NOT_DEPLOYED live:closed " + region}, roots(report)); diff != "" {
		c.Errorf("found (-want +got):\n%s", diff)
	}
	p := c.plan(report, snap)
	clock := repair.Clock{Now: time.Now, Sleep: func(ctx context.Context, d time.Duration) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	}}
	local := repair.Local{Options: p.Options()}
	if _, err := p.Apply(c.Context(), len(p.Steps), local, clock); err == nil {
		c.Error("the last step was run before the first")
	}
	for n := range p.Steps {
		out, err := p.Apply(c.Context(), n+1, local, clock)
		if err != nil || out.State != repair.StateDone {
			c.Fatalf("step %d: %+v, %v", n+1, out, err)
		}
	}
	if out, err := p.Apply(c.Context(), len(p.Steps), local, clock); err != nil || out.State != repair.StateAlready {
		c.Errorf("the last step again: %+v, %v", out, err)
	}
	c.well()
}

// masterDown breaks the cluster so that its master waits for hbase:meta, and repairs it from the logs alone.
func (c *liveCluster) masterDown() {
	c.Helper()
	tables := []string{"live:closed", "live:overlap"}
	rows := c.counts(tables...)
	c.lab("flush hbase:meta", "flush live:closed", "flush live:overlap")
	c.server("kill", "master", "rs1", "rs2")
	c.lab("forget-servers")
	c.server("start", "master", "rs1", "rs2")
	log := filepath.Join(c.home, "logs/hbase-hbase-master-master.lab.internal.log")
	began := time.Now()
	for {
		raw, err := os.ReadFile(log)
		if err == nil && bytes.Contains(raw, []byte("in holding-pattern until region onlined")) {
			break
		}
		if time.Since(began) > 2*time.Minute {
			c.Fatal("the master does not wait for hbase:meta")
		}
		time.Sleep(time.Second)
	}
	_, m, snap, report := c.collect(20 * time.Second)
	if diff := cmp.Diff([]string{"MASTER_NOT_INITIALIZED hbase:meta 1588230740"}, roots(report)); diff != "" {
		c.Errorf("found (-want +got):\n%s", diff)
	}
	if m.Complete {
		c.Error("the manifest calls a bundle complete whose scan failed")
	}
	c.run(c.plan(report, snap))
	c.well()
	if diff := cmp.Diff(rows, c.counts(tables...)); diff != "" {
		c.Errorf("rows (-want +got):\n%s", diff)
	}
}
