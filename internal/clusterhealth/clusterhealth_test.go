package clusterhealth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/clusterhealth"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

// stand is a cluster that answers as told: path -> body, or a status. A list of bodies is given one after the other.
type stand struct {
	mu      sync.Mutex
	answers map[string]any
	asked   []string
	bodies  []string
}

func (s *stand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, _ := io.ReadAll(r.Body)
	s.asked = append(s.asked, r.Method+" "+r.URL.EscapedPath()+"?"+r.URL.RawQuery)
	s.bodies = append(s.bodies, string(raw))
	w.Header().Set("Content-Type", "application/json")
	switch v := s.answers[r.URL.Path].(type) {
	case string:
		fmt.Fprint(w, v)
	case []string:
		fmt.Fprint(w, v[0])
		if len(v) > 1 {
			s.answers[r.URL.Path] = v[1:]
		}
	case int:
		w.WriteHeader(v)
		fmt.Fprintf(w, `{"error":{"type":"security_exception","reason":"no permissions for [%s]"},"status":%d}`, r.URL.Path, v)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":"no handler found"}`)
	}
}

const statsPath = "/_nodes/stats/jvm,breaker,fs,os,thread_pool"

// sound is a cluster in which nothing is wrong.
func sound() map[string]any {
	return map[string]any{
		"/":                            `{"cluster_name":"c","version":{"number":"3.6.0","distribution":"opensearch"}}`,
		"/_cat/plugins":                `[{"component":"opensearch-index-management"}]`,
		"/_cluster/health":             `{"cluster_name":"c","status":"green","number_of_nodes":3,"number_of_data_nodes":3,"active_shards":4}`,
		"/_cat/shards":                 `[{"index":"logs","shard":"0","prirep":"p","state":"STARTED","store":"1000","node":"n1"}]`,
		statsPath:                      stats(`"jvm":{"uptime_in_millis":3600000,"mem":{"heap_used_percent":40,"heap_max_in_bytes":1073741824}},"fs":{"total":{"total_in_bytes":1000,"available_in_bytes":500}}`),
		"/_cluster/settings":           `{"defaults":{"cluster.routing.allocation.enable":"all"},"persistent":{},"transient":{}}`,
		"/_settings/index.blocks.*":    `{}`,
		"/_tasks":                      `{"nodes":{}}`,
		"/_cluster/pending_tasks":      `{"tasks":[]}`,
		"/_plugins/_ism/explain/*":     `{"total_managed_indices":0}`,
		"/_cluster/allocation/explain": 400,
	}
}

func stats(node string) string {
	return `{"nodes":{"id1":{"name":"n1","roles":["data"],` + node + `}}}`
}

func with(changes map[string]any) map[string]any {
	out := sound()
	maps.Copy(out, changes)
	return out
}

func client(t *testing.T, answers map[string]any) (*opensearch.Client, *stand) {
	t.Helper()
	s := &stand{answers: answers}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	c, err := opensearch.New(opensearch.Config{Name: "prod", URLs: []string{srv.URL}, Retries: -1, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, s
}

func diagnose(t *testing.T, answers map[string]any) *clusterhealth.Diagnosis {
	t.Helper()
	c, _ := client(t, answers)
	got, err := clusterhealth.Diagnose(t.Context(), c, clusterhealth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestASoundClusterHasNoFinding(t *testing.T) {
	got := diagnose(t, sound())
	if len(got.Findings) != 0 || got.Status != "green" || got.Nodes != 3 || got.Version != "3.6.0" {
		t.Errorf("%+v", got)
	}
	if len(got.Checked) != 17 {
		t.Errorf("%d rules looked: %v", len(got.Checked), got.Checked)
	}
}

// unassigned are the answers of a cluster with one shard that no node takes, by the deciders given.
func unassigned(role, allocate, info string, nodes ...string) map[string]any {
	return map[string]any{
		"/_cat/shards": `[{"index":"logs-1","shard":"2","prirep":"` + role + `","state":"UNASSIGNED","unassigned.reason":"NODE_LEFT","unassigned.at":"2026-05-12T09:00:00Z"}]`,
		"/_cluster/allocation/explain": `{"index":"logs-1","shard":2,"primary":` + strconv.FormatBool(role == "p") + `,"can_allocate":"` + allocate + `","allocate_explanation":"because","unassigned_info":{` + info +
			`},"node_allocation_decisions":[` + strings.Join(nodes, ",") + `]}`,
	}
}

func no(node, decider string) string {
	return `{"node_name":"` + node + `","node_decision":"no","deciders":[{"decider":"` + decider + `","decision":"NO","explanation":"says ` + decider + `"}]}`
}

func TestEachRuleFiresWhereItShould(t *testing.T) {
	for _, c := range []struct {
		name     string
		change   map[string]any
		rule     string
		severity finding.Severity
		says     string // in summary
		next     string // in the remedy
	}{
		{"a primary whose data are gone", unassigned("p", "no_valid_shard_copy", ``), "primary-unassigned", finding.Critical, "1 primary shard of logs-1 unassigned: no node holds a valid copy", "Bring back the node"},
		{"a replica on a cluster of one node", unassigned("r", "no", ``, no("n1", "same_shard")), "replica-unassigned", finding.Low, "holds a copy already", "number_of_replicas"},
		{"a replica that full disks keep away", unassigned("r", "no", ``, no("n1", "same_shard"), no("n2", "disk_threshold"), no("n3", "disk_threshold")), "replica-unassigned", finding.Medium, "above the watermark", "Free disk"},
		{"a primary that a filter keeps away", unassigned("p", "no", ``, no("n1", "filter"), no("n2", "filter")), "primary-unassigned", finding.Critical, "allocation filter", "_cat/nodeattrs"},
		{"a primary that failed too often", unassigned("p", "no", `"failed_allocation_attempts":5,"details":"analyzer [x] not found"`, no("n1", "max_retry")), "primary-unassigned", finding.Critical, "failed 5 times and is not tried any more: analyzer [x] not found", "retry_failed"},
		{"a replica in a zone without nodes", unassigned("r", "no", ``, no("n1", "awareness")), "replica-unassigned", finding.Medium, "other zones", "Add nodes to the zones"},
		{"a replica that waits for its node", unassigned("r", "allocation_delayed", ``), "replica-unassigned", finding.Medium, "waits for it to come back", "delayed_timeout"},
		{"a decider nobody has heard of", unassigned("r", "no", ``, no("n1", "moon_phase")), "replica-unassigned", finding.Medium, "moon_phase", "decider's words"},
		{"a shard that nothing explains", map[string]any{"/_cat/shards": `[{"index":"a","shard":"0","prirep":"p","state":"UNASSIGNED","unassigned.reason":"INDEX_CREATED"}]`}, "primary-unassigned", finding.Critical, "the reason given is INDEX_CREATED", "allocation/explain"},
		{"the health alone, red", map[string]any{"/_cat/shards": 403, "/_cluster/health": `{"cluster_name":"c","status":"red","unassigned_shards":7}`}, "shards-unassigned", finding.Critical, "red: 7 shards have no node", "allocation/explain"},
		{"allocation switched off", map[string]any{"/_cluster/settings": `{"defaults":{"cluster.routing.allocation.enable":"all"},"persistent":{"cluster.routing.allocation.enable":"primaries"}}`}, "allocation-disabled", finding.High, `"primaries"`, "_cluster/settings"},
		{"a disk above the flood stage", map[string]any{statsPath: stats(`"fs":{"total":{"total_in_bytes":1000,"available_in_bytes":40}}`)}, "disk-flood-stage", finding.Critical, "96.0 % of 1000 B in use", "Free disk"},
		{"a disk above the high watermark", map[string]any{statsPath: stats(`"fs":{"total":{"total_in_bytes":1000,"available_in_bytes":80}}`)}, "disk-high-watermark", finding.High, "high watermark (90%)", "Free disk"},
		{"a disk above the low watermark", map[string]any{statsPath: stats(`"fs":{"total":{"total_in_bytes":1000,"available_in_bytes":130}}`)}, "disk-low-watermark", finding.Medium, "low watermark", "Free disk"},
		{"a watermark in bytes that must stay free", map[string]any{
			statsPath:            stats(`"fs":{"total":{"total_in_bytes":4398046511104,"available_in_bytes":42949672960}}`),
			"/_cluster/settings": `{"persistent":{"cluster.routing.allocation.disk.watermark.flood_stage":"50gb","cluster.routing.allocation.disk.watermark.high":"100gb"}}`,
		}, "disk-flood-stage", finding.Critical, "flood stage (50gb)", "Free disk"},
		{"an index blocked for writing", map[string]any{"/_settings/index.blocks.*": `{"logs-1":{"settings":{"index.blocks.read_only_allow_delete":"true"}},"logs-2":{"settings":{"index.blocks.write":"true"}}}`}, "index-write-block", finding.High, "1 index refuses writing", "logs-1/_settings"},
		{"a full heap", map[string]any{statsPath: stats(`"jvm":{"mem":{"heap_used_percent":97,"heap_max_in_bytes":1073741824}}`)}, "jvm-heap", finding.Critical, "97 % of its 1.0 GiB heap", "fielddata"},
		{"much garbage", map[string]any{statsPath: stats(`"jvm":{"uptime_in_millis":1000000,"gc":{"collectors":{"old":{"collection_count":50,"collection_time_in_millis":200000},"G1 Concurrent GC":{"collection_time_in_millis":900000}}}}`)}, "jvm-gc", finding.High, "20 % of its time since start in 50 collections", "jvm-heap"},
		{"a tripped breaker", map[string]any{statsPath: stats(`"breakers":{"request":{"tripped":3,"estimated_size_in_bytes":10,"limit_size_in_bytes":1000}}`)}, "breaker", finding.Medium, "refused 3 requests", "fewer buckets"},
		{"a breaker about to trip", map[string]any{statsPath: stats(`"breakers":{"parent":{"tripped":0,"estimated_size_in_bytes":950,"limit_size_in_bytes":1000}}`)}, "breaker", finding.High, "now at 950 B of 1000 B", "fewer buckets"},
		{"threads that were rejected once", map[string]any{statsPath: stats(`"thread_pool":{"write":{"rejected":5,"completed":95}}`)}, "threads-rejected", finding.Low, "rejected 5 of 100 requests since the node's start, none in the last second", "_cat/thread_pool"},
		{"threads that are being rejected", map[string]any{statsPath: []string{stats(`"thread_pool":{"write":{"rejected":5,"completed":95}}`), stats(`"thread_pool":{"write":{"rejected":25,"completed":95,"queue":200}}`)}}, "threads-rejected", finding.High, "rejecting requests now: 20 within a second, 25 since", "_cat/thread_pool"},
		{"busy processors", map[string]any{statsPath: stats(`"os":{"cpu":{"percent":99,"load_average":{"5m":12.5}}}`)}, "cpu", finding.Medium, "99 % busy", "hot_threads"},
		{"two nodes that can be manager", map[string]any{statsPath: `{"nodes":{"a":{"name":"n1","roles":["cluster_manager","data"]},"b":{"name":"n2","roles":["master","data"]},"c":{"name":"n3","roles":["data"]}}}`}, "manager-quorum", finding.Medium, "of 3 nodes only n1, n2 can be cluster manager: the loss of either", "three nodes eligible"},
		{"a search that runs for long", map[string]any{"/_tasks": `{"nodes":{"x":{"name":"n1","tasks":{"x:7":{"id":7,"action":"indices:data/read/search","description":"indices[logs], source[...]","running_time_in_nanos":125000000000,"cancellable":true,"headers":{"X-Opaque-Id":"dashboards"}}}}}}`}, "task-long", finding.Medium, "has run for 2m5s on n1, asked by dashboards", "POST _tasks/x:7/_cancel"},
		{"a manager that does not keep up", map[string]any{"/_cluster/pending_tasks": `{"tasks":[{"priority":"HIGH","source":"put-mapping","time_in_queue_millis":45000}]}`}, "manager-backlog", finding.High, "1 task waits for the cluster manager, the oldest for 45s", "new fields"},
		{"a shard of 120 GiB", map[string]any{"/_cat/shards": `[{"index":"big","shard":"0","prirep":"p","state":"STARTED","store":"128849018880","node":"n1"},{"index":"big","shard":"0","prirep":"r","state":"STARTED","store":"128849018880","node":"n2"}]`}, "shard-too-large", finding.Medium, "1 primary shard is over 50.0 GiB; the largest, big[0], has 120.0 GiB", "min_primary_shard_size"},
		{"a policy that stopped", map[string]any{"/_plugins/_ism/explain/*": `{"logs-1":{"policy_id":"keep30","state":{"name":"hot"},"action":{"name":"rollover","failed":true},"info":{"message":"missing alias"}},"logs-2":{"index.plugins.index_state_management.policy_id":null},"total_managed_indices":1}`}, "ism-failed", finding.High, "policy keep30 stopped at rollover on 1 index: logs-1", "_plugins/_ism/retry/logs-1"},
		{"shards that move", map[string]any{"/_cluster/health": `{"cluster_name":"c","status":"green","relocating_shards":2}`}, "shards-moving", finding.Info, "2 shards are relocating", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := diagnose(t, with(c.change))
			i := slices.IndexFunc(got.Findings, func(f finding.Finding) bool { return f.Rule == c.rule })
			if i < 0 {
				t.Fatalf("no finding of %s in %+v", c.rule, got.Findings)
			}
			f := got.Findings[i]
			if f.Severity != c.severity || !strings.Contains(f.Summary, c.says) {
				t.Errorf("[%s] %s, want [%s] with %q", f.Severity, f.Summary, c.severity, c.says)
			}
			if len(f.Evidence) == 0 || f.Evidence[0].Source == "" || f.Evidence[0].Text == "" {
				t.Errorf("no evidence: %+v", f)
			}
			if c.next != "" && (f.Remedy == nil || !strings.Contains(f.Remedy.Action+f.Remedy.Verify, c.next)) {
				t.Errorf("next step %+v, want %q", f.Remedy, c.next)
			}
			if n := len(got.Findings); n > 2 {
				t.Errorf("%d findings for one fault: %+v", n, got.Findings)
			}
		})
	}
}

func TestManySmallShardsAndTooManyOnANode(t *testing.T) {
	var lines []string
	for i := range 950 {
		lines = append(lines, fmt.Sprintf(`{"index":"logs-2026.05.%02d","shard":"%d","prirep":"p","state":"STARTED","store":"1000","node":"n1"}`, i%28+1, i))
	}
	got := diagnose(t, with(map[string]any{"/_cat/shards": "[" + strings.Join(lines, ",") + "]"}))
	var said []string
	for _, f := range got.Findings {
		said = append(said, f.Rule+": "+f.Summary)
	}
	want := []string{
		"shards-per-node: n1: 950 shards of at most 1000 (cluster.max_shards_per_node): new indices will be refused",
		"shards-too-small: 950 of 950 shards are below 1.0 GiB; most are of logs-* (950)",
	}
	if !slices.Equal(said, want) {
		t.Errorf("got %q\nwant %q", said, want)
	}
}

func TestWhatMayNotBeAskedIsToldAndTheRestIsJudged(t *testing.T) {
	got := diagnose(t, with(map[string]any{
		"/": 403, "/_cat/plugins": 403, "/_plugins/_ppl": 403, "/_resolve/index/*": `{}`, "/_cluster/health": 403, statsPath: 403, "/_cluster/settings": 403, "/_tasks": 403, "/_cluster/pending_tasks": 403,
		"/_plugins/_ism/explain/*": 403, "/_settings/index.blocks.*": `{"logs-1":{"settings":{"index.blocks.read_only_allow_delete":"true"}}}`,
	}))
	if got.Status != "" || got.Version != "unknown" {
		t.Errorf("status %q, version %q", got.Status, got.Version)
	}
	rules := map[string]int{}
	for _, f := range got.Findings {
		rules[f.Rule]++
	}
	if rules["index-write-block"] != 1 || rules["not-looked-at"] != 6 {
		t.Errorf("%v", rules)
	}
	last := got.Findings[len(got.Findings)-1]
	if !strings.Contains(last.Summary, "this user may not ask (403)") {
		t.Errorf("%q", last.Summary)
	}
}

func TestAUserWithoutAnyRightIsToldWhatToGrant(t *testing.T) {
	all := sound()
	for k := range all {
		all[k] = 403
	}
	c, _ := client(t, all)
	_, err := clusterhealth.Diagnose(t.Context(), c, clusterhealth.Options{})
	if fault.CodeOf(err) != fault.PermissionDenied || !strings.Contains(fault.HintOf(err), "cluster_monitor") {
		t.Errorf("%v", err)
	}
}

func TestAnUnreachableClusterIsAnError(t *testing.T) {
	c, err := opensearch.New(opensearch.Config{Name: "prod", URLs: []string{"http://127.0.0.1:1"}, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = clusterhealth.Diagnose(t.Context(), c, clusterhealth.Options{})
	if fault.CodeOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "cluster prod") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = clusterhealth.Diagnose(ctx, c, clusterhealth.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestTheIndexOfADiagnosisGoesIntoItsQuestions(t *testing.T) {
	c, s := client(t, with(map[string]any{"/_cluster/health/logs-*": `{"status":"green"}`, "/_cat/shards/logs-*": `[]`}))
	if _, err := clusterhealth.Diagnose(t.Context(), c, clusterhealth.Options{Index: "logs-*"}); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(s.asked, "\n")
	for _, want := range []string{"GET /_cluster/health/logs-*", "GET /_cat/shards/logs-*", "GET /logs-*/_settings/index.blocks.*", "GET /_plugins/_ism/explain/logs-*"} {
		if !strings.Contains(all, want) {
			t.Errorf("%s was not asked:\n%s", want, all)
		}
	}
}
