package logs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
	"github.com/plumbline-mcp/plumbline/internal/hbase/logs"
)

const region = "704f5d82eaf51bd39222635131e5debf"

func snapshot(t *testing.T, files map[string]string) *hbase.Snapshot {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := hbase.Open(t.Context(), dir, hbase.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	s, err := hbase.Read(t.Context(), b, hbase.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEntriesOfOneTemplateAreOneGroupOverHosts(t *testing.T) {
	var a, b strings.Builder
	for _, id := range []string{"11", "12", "13"} {
		a.WriteString("2026-11-22T23:35:" + id + ",240 WARN  [RS_OPEN] handler.AssignRegionHandler: Failed to open region t,," + id + "." + region + "., will report to master\njava.io.IOException: x\n\tat a.b\nCaused by: java.io.FileNotFoundException: y\n")
		b.WriteString("2026-11-22 23:36:" + id + ",240 WARN  [RS_OPEN] handler.AssignRegionHandler: Failed to open region u,," + id + "." + region + "., will report to master\n2026-11-22 23:36:" + id + ",240 INFO  [x] a.B: fine\n")
	}
	s := snapshot(t, map[string]string{"hbase-hbase-regionserver-h1.log": a.String(), "hbase-hbase-regionserver-h2.log": b.String()})
	p, err := logs.Find(t.Context(), s, logs.Query{}, []check.Finding{{ID: "failed-open-1", Region: region}})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Groups) != 1 || p.Entries != 6 || p.Lines != 18 {
		t.Fatalf("%+v", p)
	}
	g := p.Groups[0]
	if diff := cmp.Diff(map[string]int64{"regionserver h1": 3, "regionserver h2": 3}, g.Hosts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"FileNotFoundException", "IOException"}, g.Exceptions); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"failed-open-1"}, g.Findings); diff != "" {
		t.Error(diff)
	}
	if g.Count != 6 || g.First.Format("15:04:05") != "23:35:11" || g.Last.Format("15:04:05") != "23:36:13" || g.Hours["2026-11-22T23:00:00Z"] != 6 || g.Line != 1 {
		t.Errorf("%+v", g)
	}
	for _, q := range []logs.Query{{Level: "ERROR"}, {Host: "h3"}, {Region: "00000000000000000000000000000000"}, {Text: "none"}, {Start: g.Last.AddDate(0, 0, 1)}} {
		if p, err := logs.Find(t.Context(), s, q, nil); err != nil || len(p.Groups) != 0 {
			t.Errorf("%+v: %v %v", q, p, err)
		}
	}
}

func TestAQuestionFindsWordsOfTheSameMeaning(t *testing.T) {
	p := &logs.Patterns{Groups: []logs.Group{
		{Template: "RpcServer: connection refused by <IP>"},
		{Template: "JvmPauseMonitor: Detected pause in JVM or host machine (eg GC): pause of approximately <DUR>"},
		{Template: "HFileReader: Problem reading HFile Trailer", Exceptions: []string{"CorruptHFileException"}},
	}}
	for question, want := range map[string]string{"region server memory pressure": "JvmPause", "damaged files": "HFileReader", "network trouble": "RpcServer"} {
		if err := p.Rank(t.Context(), logs.Lexical{}, question); err != nil || len(p.Groups) == 0 || !strings.HasPrefix(p.Groups[0].Template, want) {
			t.Errorf("%s: %v %v", question, p.Groups, err)
		}
		p.Groups = []logs.Group{
			{Template: "RpcServer: connection refused by <IP>"},
			{Template: "JvmPauseMonitor: Detected pause in JVM or host machine (eg GC): pause of approximately <DUR>"},
			{Template: "HFileReader: Problem reading HFile Trailer", Exceptions: []string{"CorruptHFileException"}},
		}
	}
}

func TestATimelineIsInOrderOverServers(t *testing.T) {
	s := snapshot(t, map[string]string{
		"hbase-hbase-master-m.log":        "2026-11-22T23:35:01,000 INFO  [x] assignment.RegionStateStore: pid=9 updating hbase:meta row=" + region + ", regionState=OPENING\n2026-11-22T23:35:03,000 INFO  [x] assignment.RegionStateStore: pid=9 updating hbase:meta row=" + region + ", regionState=OPEN\n",
		"hbase-hbase-regionserver-r.log":  "2026-11-22T23:35:02,000 INFO  [x] regionserver.HRegion: Opened " + region + "; next sequenceid=2\n2026-11-22T23:35:02,100 INFO  [x] regionserver.HStore: Created cacheConfig for " + region + "\n",
		"hbase-hbase-regionserver-r2.log": "2026-11-22T23:34:00,000 INFO  [x] regionserver.HRegion: Closed t,,1." + region + ".\n",
	})
	tl, err := logs.Of(t.Context(), s, region, false)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range tl.Moments {
		got = append(got, m.Host+" "+m.Kind)
	}
	if diff := cmp.Diff([]string{"r2 close", "m state", "r open", "m state"}, got); diff != "" {
		t.Error(diff)
	}
	if all, err := logs.Of(t.Context(), s, region, true); err != nil || all.Total != 5 {
		t.Errorf("%v %v", all, err)
	}
}
