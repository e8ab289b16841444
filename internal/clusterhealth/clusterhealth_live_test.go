package clusterhealth_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/clusterhealth"
	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/live"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

func liveClient(t *testing.T) *opensearch.Client {
	t.Helper()
	c, err := opensearch.New(opensearch.Config{Name: "live", URLs: []string{live.Need(t, live.OpenSearchURL)}, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// index makes an index and removes it at the end.
func index(t *testing.T, c *opensearch.Client, name, settings string) {
	t.Helper()
	remove := func() {
		req, err := http.NewRequest(http.MethodDelete, "http://"+c.Address()+"/"+name+"?ignore_unavailable=true", http.NoBody) //nolint:noctx // also after the test's context
		if err != nil {
			t.Fatal(err)
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
		}
	}
	remove()
	t.Cleanup(remove)
	put(t, c, opensearch.Path(name), `{"settings":`+settings+`}`)
}

func put(t *testing.T, c *opensearch.Client, path, body string) {
	t.Helper()
	q := url.Values{}
	if !strings.HasSuffix(path, "_settings") {
		q.Set("wait_for_active_shards", "0") // one of the indices never gets any
	}
	if _, err := c.Do(t.Context(), opensearch.Request{Method: http.MethodPut, Path: path, Body: []byte(body), Query: q}); err != nil {
		t.Fatal(err)
	}
}

func TestLiveVerdictsOnRealShards(t *testing.T) {
	c := liveClient(t)
	index(t, c, "os_a_red", `{"number_of_replicas":0,"index.routing.allocation.require.rack":"nowhere"}`)
	index(t, c, "os_a_yellow", `{"number_of_replicas":1}`)
	index(t, c, "os_a_blocked", `{"number_of_replicas":0}`)
	put(t, c, "/os_a_blocked/_settings", `{"index.blocks.read_only_allow_delete":true}`)
	got, err := clusterhealth.Diagnose(t.Context(), c, clusterhealth.Options{Index: "os_a_red,os_a_yellow,os_a_blocked"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		rule, says string
		severity   finding.Severity
	}{
		{"primary-unassigned", "os_a_red unassigned: no node has the attributes that its allocation filter asks for", finding.Critical},
		{"replica-unassigned", "os_a_yellow unassigned: the only data node holds a copy already", finding.Low},
		{"index-write-block", "os_a_blocked", finding.High},
	} {
		i := slices.IndexFunc(got.Findings, func(f finding.Finding) bool { return f.Rule == want.rule })
		if i < 0 {
			t.Errorf("no %s in %+v", want.rule, got.Findings)
			continue
		}
		if f := got.Findings[i]; !strings.Contains(f.Summary, want.says) || f.Severity != want.severity {
			t.Errorf("[%s] %s, want [%s] %s", f.Severity, f.Summary, want.severity, want.says)
		}
	}
	if got.Status != "red" || slices.ContainsFunc(got.Findings, func(f finding.Finding) bool { return f.Rule == "not-looked-at" }) {
		t.Errorf("status %s, %+v", got.Status, got.Findings)
	}
}

func TestLiveEveryEndpointOfTheListIsOne(t *testing.T) {
	c := liveClient(t)
	index(t, c, "os_a_get", `{"number_of_replicas":0}`)
	for _, path := range []string{
		"/", "_cluster/health", "_cluster/health/os_a_get", "_cluster/stats", "_cluster/settings", "_cluster/pending_tasks", "_cluster/state/nodes/os_a_get", "_nodes", "_nodes/stats", "_nodes/stats/jvm,os",
		"_nodes/hot_threads", "_nodes/_local/stats/indices/search", "_nodes/usage", "_stats", "_stats/docs", "os_a_get/_stats", "_tasks", "_tasks?detailed", "_cat/indices", "_cat/shards/os_a_get", "_cat/nodes", "_cat/allocation",
		"_cat/thread_pool/search", "_cat/recovery/os_a_get", "_cat/segments", "_cat/plugins", "_cat/templates", "_cat/aliases", "_cat/fielddata", "_cat/cluster_manager", "_cat/nodeattrs", "_cat/pending_tasks", "_cat/count/os_a_get",
		"_list/indices", "_list/shards", "_mapping", "os_a_get/_mapping", "os_a_get/_mapping/field/x", "os_a_get/_settings", "os_a_get/_settings/index.uuid", "os_a_get", "_alias", "_data_stream", "_resolve/index/os_a_*", "_field_caps?fields=*",
		"_index_template", "_component_template", "_template", "_ingest/pipeline", "_search/pipeline", "_recovery", "os_a_get/_recovery", "_segments", "os_a_get/_shard_stores", "os_a_get/_search_shards", "_remote/info", "_snapshot", "_snapshot/_status",
		"_search", "os_a_get/_search?q=a", "os_a_get/_count", "_validate/query?q=a", "_search/point_in_time/_all", "_plugins/_knn/stats",
	} {
		a, err := clusterhealth.Get(t.Context(), c, clusterhealth.Ask{Path: path})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if len(a.Text) > 12_100 {
			t.Errorf("%s: %d bytes", path, len(a.Text))
		}
	}
	for path, body := range map[string]string{
		"_cluster/allocation/explain": `{"index":"os_a_get","shard":0,"primary":true}`, "_analyze": `{"analyzer":"standard","text":"a b"}`,
		"os_a_get/_search": `{"size":1,"query":{"match_all":{}}}`, "os_a_get/_count": `{"query":{"match_all":{}}}`,
	} {
		if _, err := clusterhealth.Get(t.Context(), c, clusterhealth.Ask{Path: path, Body: []byte(body)}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
