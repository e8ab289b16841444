package collect_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/hbase/collect"
)

// A host: commands that answer as HBase's do, a configuration and logs.
type machine struct {
	root, bin string
	now       time.Time
}

const (
	metaText = "HBase Shell\nVersion 2.6.4-hadoop3, r67f414c, Mon Nov  3 20:44:58 PST 2025\nhbase:001:0> scan 'hbase:meta'\nROW  COLUMN+CELL\n t,,1.0123456789abcdef0123456789abcdef. column=info:state, timestamp=2026-11-22T23:19:32.458, value=OPEN\n1 row(s)\nTook 0.2 seconds\n"
	hbckText = "Summary:\n1 inconsistencies detected.\nStatus: INCONSISTENT\n"
	listText = "drwxr-xr-x   - hbase hbase          0 2026-11-22 23:40 /hbase/data\n"
)

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{root: t.TempDir(), now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	m.bin = filepath.Join(m.root, "bin")
	m.command(t, "hbase", `case "$1 $2" in "hbck -details") cat <<'X'
`+hbckText+`X
echo "WARN something" >&2; exit 255;; shell*) read -r line; [ "$line" = "scan 'hbase:meta'" ] || exit 9; cat <<'X'
`+metaText+`X
;; esac`)
	m.command(t, "hdfs", `[ "$*" = "dfs -ls -R /hbase" ] || exit 3; cat <<'X'
`+listText+`X`)
	m.command(t, "ps", `echo "hbase 1 0 java -Dkeystore.password=hunter2 org.apache.hadoop.hbase.master.HMaster start"; echo "root 2 0 sshd"; echo "hbase 3 0 java org.apache.hadoop.hbase.util.HBaseFsck -details"`)
	t.Setenv("PATH", m.bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	m.file(t, "etc/hbase/conf/hbase-site.xml", `<configuration><property><name>hbase.rootdir</name><value>hdfs://nn:8020/hbase</value></property></configuration>`)
	m.file(t, "var/log/hbase/hbase-hbase-master-ip-10-0-0-1.log", strings.Join([]string{
		"2026-11-23T03:00:00,000 INFO  [main] old.Line: before the lookback",
		"2026-11-23T08:00:01,000 ERROR [main] a.B: first kept",
		"java.io.IOException: continued",
		"\tat a.B.c(B.java:1)",
		"2026-11-23T09:00:00,000 INFO  [main] util.ServerCommandLine: env:AWS_SECRET_ACCESS_KEY=abc",
		"2026-11-23T09:00:01,000 INFO  [main] a.B: ssl.password=hunter2, next",
		"",
	}, "\n"))
	return m
}

func (m *machine) command(t *testing.T, name, script string) {
	t.Helper()
	m.file(t, "bin/"+name, "#!/bin/sh\n"+script+"\n")
	if err := os.Chmod(filepath.Join(m.bin, name), 0o700); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) file(t *testing.T, name, text string) {
	t.Helper()
	p := filepath.Join(m.root, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(p, m.now, m.now); err != nil && !m.now.IsZero() {
		t.Fatal(err)
	}
}

func (m *machine) config(t *testing.T) collect.Config {
	t.Helper()
	return collect.Config{
		ClusterID: "j-TEST", Out: filepath.Join(t.TempDir(), "bundle"), Root: m.root, As: []string{}, Location: time.UTC,
		Now: func() time.Time { return m.now }, Timeout: 10 * time.Second,
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(name, ".gz") {
		return string(raw)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestABundleHoldsEverySourceUnderItsName(t *testing.T) {
	m := newMachine(t)
	c := m.config(t)
	got, err := collect.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"diagnostics/hbck_report.txt":         hbckText + "WARN something\n",
		"diagnostics/hbase_meta.txt":          metaText,
		"diagnostics/hbase_rootdir_paths.txt": listText,
		"diagnostics/hbase_processes.txt":     "hbase 1 0 java -Dkeystore.password=*** org.apache.hadoop.hbase.master.HMaster start\n",
		"logs/nodes/ip-10-0-0-1/applications/hbase/hbase-hbase-master-ip-10-0-0-1.log.gz": "2026-11-23T08:00:01,000 ERROR [main] a.B: first kept\njava.io.IOException: continued\n\tat a.B.c(B.java:1)\n" +
			"2026-11-23T09:00:01,000 INFO  [main] a.B: ssl.password=***, next\n",
	}
	for name, text := range want {
		if diff := cmp.Diff(text, read(t, c.Out, name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if !got.Complete || got.HBaseVersion != "2.6.4" || got.RootDir != "hdfs://nn:8020/hbase" || got.JobFlowID != "j-TEST" || len(got.Nodes) != 1 {
		t.Errorf("manifest %+v", got)
	}
	if got.Commands[0].ExitCode != 255 || got.Commands[0].Stderr != "WARN something\n" {
		t.Errorf("hbck is recorded as %+v", got.Commands[0])
	}
	var onDisk collect.Manifest
	if err := json.Unmarshal([]byte(read(t, c.Out, "diagnostics/manifest.json")), &onDisk); err != nil || len(onDisk.Files) != 6 {
		t.Errorf("%d files in the manifest, %v", len(onDisk.Files), err)
	}
	summary := read(t, c.Out, "diagnostics/log_copy_summary.txt")
	for _, line := range []string{"COPIED ip-10-0-0-1 ip-10-0-0-1 ", "lines=4", "COMMAND hbck exit=255", "COMMAND meta exit=0"} {
		if !strings.Contains(summary, line) {
			t.Errorf("log_copy_summary.txt lacks %q:\n%s", line, summary)
		}
	}
}

func TestAFailingSourceIsRecordedAndTheRunGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*testing.T, *machine)
		command string
		problem string
	}{
		"a scan that breaks off": {func(t *testing.T, m *machine) {
			t.Helper()
			m.command(t, "hbase", `[ "$1" = hbck ] && { echo "Status: OK"; exit 0; }; echo "ERROR: PleaseHoldException: Master is initializing"`)
		}, "meta", "does not end as a whole one does"},
		"a listing that is refused": {func(t *testing.T, m *machine) {
			t.Helper()
			m.command(t, "hdfs", `echo "ls: Permission denied" >&2; exit 1`)
		}, "paths", "exit code 1"},
		"a command that hangs": {func(t *testing.T, m *machine) {
			t.Helper()
			m.command(t, "hdfs", `sleep 60 & wait`)
		}, "paths", "ended after"},
		"no configuration": {func(t *testing.T, m *machine) {
			t.Helper()
			if err := os.Remove(filepath.Join(m.root, "etc/hbase/conf/hbase-site.xml")); err != nil {
				t.Fatal(err)
			}
		}, "paths", "hbase.rootdir"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			c.change(t, m)
			cfg := m.config(t)
			cfg.Timeout = time.Second
			got, err := collect.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			for _, rec := range got.Commands {
				if (rec.Name == c.command) == rec.Complete {
					t.Errorf("%s: complete %t, %s", rec.Name, rec.Complete, rec.Problem)
				}
				if rec.Name == c.command && !strings.Contains(rec.Problem, c.problem) {
					t.Errorf("%s: problem %q, want %q", rec.Name, rec.Problem, c.problem)
				}
			}
			if got.Complete {
				t.Error("the manifest says complete")
			}
			if s := read(t, cfg.Out, "diagnostics/log_copy_summary.txt"); !strings.Contains(s, "complete=false") {
				t.Errorf("the summary does not tell:\n%s", s)
			}
		})
	}
}

func TestABundleNeverGrowsOverItsLimit(t *testing.T) {
	m := newMachine(t)
	var log strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&log, "2026-11-23T11:00:00,%03d INFO  [main] a.B: %d %x\n", i%1000, i, i*7919)
	}
	m.file(t, "var/log/hbase/hbase-hbase-regionserver-ip-10-0-0-2.log", log.String())
	m.file(t, "var/log/hbase/hbase-hbase-regionserver-ip-10-0-0-3.log", log.String())
	c := m.config(t)
	c.MaxBytes = 100_000
	got, err := collect.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	for _, f := range got.Files {
		total += f.Bytes
	}
	if total > c.MaxBytes+10_000 { // the summary and the manifest themselves
		t.Errorf("%d bytes with a limit of %d", total, c.MaxBytes)
	}
	states := map[string]int{}
	for _, l := range got.Logs {
		states[l.Status]++
	}
	if states["partial"] != 1 || states["skipped"] == 0 || got.Complete {
		t.Errorf("logs %v, complete %t", states, got.Complete)
	}
}

func TestLogsAreCutByTheirOwnTimesInEitherForm(t *testing.T) {
	m := newMachine(t)
	m.file(t, "var/log/hbase/hbase-hbase-master-ip-10-0-0-1.log", "2026-11-23 07:59:59,999 INFO  old\n2026-11-23 08:00:00,000 INFO  kept\n\tat x\n")
	m.file(t, "var/log/hbase/hbase-hbase-master-ip-10-0-0-1.out", "not a log")
	m.file(t, "var/log/hbase/SecurityAuth.audit", "not a log")
	old := filepath.Join(m.root, "var/log/hbase/hbase-hbase-master-ip-10-0-0-1.log.2026-11-22-10")
	m.file(t, "var/log/hbase/hbase-hbase-master-ip-10-0-0-1.log.2026-11-22-10", "2026-11-22 10:00:00,000 INFO  yesterday\n")
	if err := os.Chtimes(old, m.now.Add(-20*time.Hour), m.now.Add(-20*time.Hour)); err != nil {
		t.Fatal(err)
	}
	c := m.config(t)
	got, err := collect.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Logs) != 2 || got.Logs[0].Status != "copied" || got.Logs[1].Status != "skipped" {
		t.Fatalf("logs %+v", got.Logs)
	}
	if diff := cmp.Diff("2026-11-23 08:00:00,000 INFO  kept\n\tat x\n", read(t, c.Out, got.Logs[0].File)); diff != "" {
		t.Error(diff)
	}
}

func TestARunRefusesADirectoryThatHoldsSomething(t *testing.T) {
	m := newMachine(t)
	c := m.config(t)
	if _, err := collect.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := collect.Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("second run: %v", err)
	}
}

func TestTheMastersPagesAreAddedFromALiveCluster(t *testing.T) {
	m := newMachine(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hbck.jsp":
			if r.URL.Query().Get("cache") != "true" {
				t.Error("the page is opened without its cache: that runs the inspections")
			}
			_, _ = io.WriteString(w, "<html></html>\n")
		case "/hbck/hbck-metrics":
			w.WriteHeader(http.StatusInternalServerError)
		case "/rits.jsp":
			_, _ = io.WriteString(w, "\n\n{\"rits\":[]}\n\n")
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer srv.Close()
	c := m.config(t)
	c.Live = srv.URL + "/"
	got, err := collect.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("{\"rits\":[]}\n", read(t, c.Out, "diagnostics/rits.json")); diff != "" {
		t.Error(diff)
	}
	states := map[string]string{}
	for _, rec := range got.Commands {
		states[rec.Name] = rec.Problem
	}
	if states["hbck_page"] != "" || states["rits"] != "" || !strings.Contains(states["hbck_metrics"], "before the first run") || states["tables"] != "status 404" {
		t.Errorf("pages %v", states)
	}
}

func TestAnEMRNodeTellsItsClusterAndInstance(t *testing.T) {
	m := newMachine(t)
	m.file(t, "mnt/var/lib/info/job-flow.json", `{"jobFlowId":"j-2ABC","masterInstanceId":"i-1","logUri":"s3n://logs/emr/"}`)
	m.file(t, "var/lib/cloud/data/instance-id", "i-0123456789abcdef0\n")
	m.file(t, "usr/lib/hbase-operator-tools/hbase-hbck2-1.2.0.jar", "")
	c := m.config(t)
	c.ClusterID = ""
	h := collect.Discover(c)
	if h.JobFlow != "j-2ABC" || h.Instance != "i-0123456789abcdef0" || h.LogURI != "s3://logs/emr/" || h.Hbck2 != "/usr/lib/hbase-operator-tools/hbase-hbck2-1.2.0.jar" {
		t.Errorf("%+v", h)
	}
}
