package clusterhealth_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/clusterhealth"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

func TestReadsAreToldFromWritesByTheEndpoint(t *testing.T) {
	c, s := client(t, map[string]any{})
	for _, path := range []string{
		"_cluster/reroute", "_cluster/reroute?dry_run", "POST _cluster/reroute", "_cluster/voting_config_exclusions", "_cluster/settings/x", "_tasks/x:1/_cancel", "_tasks/_cancel",
		"logs/_doc", "logs/_delete_by_query", "logs/_update/1", "logs/_close", "logs/_refresh", "logs/_forcemerge", "_bulk", "logs/_bulk", "_reindex", "_aliases", "_flush", "_cache/clear", "logs/_cache/clear",
		"_plugins/_security/api/internalusers", "_plugins/_ism/retry/logs", "_plugins/_ism/policies/a/b", "_plugins/_sql", "_plugins/_ml/models/_search", "_plugins/_ml/connectors/_search", "_search/scroll",
		"logs/_search?scroll=1m", "_search?source=%7B%7D&source_content_type=application/json", "_msearch", "_snapshot/r/s/_restore", "_snapshot/r/_cleanup", "logs/_rollover", "logs/_split/x", "_data_stream/_promote/x",
		"_cluster/../logs/_doc", "_cluster/%2e%2e/logs", "logs%2f_delete_by_query", "//evil/_cluster/health/x/y/z", "http://other:9200/_cluster/health", "_cluster/health\\..", "_cat/health/../../_bulk", "_dangling", "_scripts/a/b/c",
		".plugins-ml-config/_search", "logs,.opendistro_security/_search", ".opendistro_security/_doc/1", "east:.kibana/_count",
	} {
		_, err := clusterhealth.Get(t.Context(), c, clusterhealth.Ask{Path: path})
		if code := fault.CodeOf(err); code != fault.PermissionDenied && code != fault.InvalidArgument || fault.HintOf(err) == "" {
			t.Errorf("%s: %v (%s)", path, err, fault.HintOf(err))
		}
	}
	if len(s.asked) != 0 {
		t.Errorf("asked %q", s.asked)
	}
	if _, err := clusterhealth.Get(t.Context(), c, clusterhealth.Ask{Path: "logs/_mapping", Body: []byte(`{"properties":{}}`)}); fault.CodeOf(err) != fault.InvalidArgument || len(s.asked) != 0 {
		t.Errorf("a body for a mapping: %v", err)
	}
}

func TestWhatIsSent(t *testing.T) {
	for _, c := range []struct{ path, body, want string }{
		{"_cluster/health", "", "GET /_cluster/health?"},
		{"/_cluster/health/logs-*?level=indices", "", "GET /_cluster/health/logs-*?level=indices"},
		{"GET _cat/shards/logs-*?s=store:desc&format=json", "", "GET /_cat/shards/logs-*?s=store%3Adesc&v=true"},
		{"_nodes/_local/stats/jvm,os", "", "GET /_nodes/_local/stats/jvm,os?"},
		{"_nodes/stats/indices/search", "", "GET /_nodes/stats/indices/search?"},
		{"%3Clogs-%7Bnow%2Fd%7D%3E/_mapping", "", "GET /%3Clogs-%7Bnow%2Fd%7D%3E/_mapping?"},
		{"_cluster/allocation/explain", `{"index":"a","shard":0,"primary":true}`, "POST /_cluster/allocation/explain?"},
		{"east:logs/_count", `{}`, "POST /east:logs/_count?"},
		{".ds-logs-000001/_search", "", "GET /.ds-logs-000001/_search?"},
		{"/", "", "GET /?"},
	} {
		cl, s := client(t, map[string]any{})
		_, _ = clusterhealth.Get(t.Context(), cl, clusterhealth.Ask{Path: c.path, Body: []byte(c.body)})
		if len(s.asked) != 1 || !strings.HasPrefix(s.asked[0], c.want) && !strings.Contains(c.want, "_search") || c.body != "" && s.bodies[0] != c.body {
			t.Errorf("%s: asked %q %q, want %q", c.path, s.asked, s.bodies, c.want)
		}
	}
}

func TestASearchOverEverythingLeavesSystemIndicesOut(t *testing.T) {
	c, s := client(t, map[string]any{})
	for _, path := range []string{"_search", "_all/_count", "*/_search"} {
		_, _ = clusterhealth.Get(t.Context(), c, clusterhealth.Ask{Path: path})
	}
	for _, a := range s.asked {
		if !strings.HasPrefix(a, "GET /*,-.plugins-*,-.opendistro*,") {
			t.Errorf("asked %s", a)
		}
	}
}

func TestLongAnswersAreTrimmedAndItIsSaid(t *testing.T) {
	var hits, lines []string
	for i := range 2000 {
		hits = append(hits, fmt.Sprintf(`{"index":"logs-%d","long":%q,"n":%d}`, i, strings.Repeat("x", 50), i))
		lines = append(lines, fmt.Sprintf("logs-%d 1 p STARTED", i))
	}
	c, _ := client(t, map[string]any{
		"/_stats": `{"all":[` + strings.Join(hits, ",") + `]}`, "/_cat/shards": strings.Join(lines, "\n"), "/_cluster/stats": `{"status":"green"}`,
	})
	got, err := clusterhealth.Get(t.Context(), c, clusterhealth.Ask{Path: "_stats?filter_path=*"})
	if err != nil || len(got.Text) > 12_000 || !got.JSON || !strings.Contains(got.Text, `"… 1950 more"`) || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "filter_path") {
		t.Errorf("%d bytes, %q, %v", len(got.Text), got.Notes, err)
	}
	got, err = clusterhealth.Get(t.Context(), c, clusterhealth.Ask{Path: "_cat/shards"})
	if err != nil || strings.Count(got.Text, "\n") != 149 || got.JSON || !strings.Contains(got.Notes[0], "the first 150 of 2000 lines") {
		t.Errorf("%d lines, %q, %v", strings.Count(got.Text, "\n"), got.Notes, err)
	}
	got, err = clusterhealth.Get(t.Context(), c, clusterhealth.Ask{Path: "_cluster/stats"})
	if err != nil || got.Text != `{"status":"green"}` || !strings.Contains(got.Notes[0], "give filter_path") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestASearchIsBounded(t *testing.T) {
	c, s := client(t, map[string]any{"/logs/_search": `{"hits":{}}`})
	got, err := clusterhealth.Get(t.Context(), c, clusterhealth.Ask{Path: "logs/_search", Body: []byte(`{"size":9000,"query":{"match_all":{}}}`)})
	if err != nil || !strings.Contains(s.bodies[0], `"size":50`) || len(got.Notes) != 1 {
		t.Errorf("sent %q, %+v, %v", s.bodies, got, err)
	}
}

// FuzzOnlyReadsAreAsked holds that no text leads to an endpoint that writes: whatever is asked is a GET, or a POST of one of the
// few endpoints that read by POST.
func FuzzOnlyReadsAreAsked(f *testing.F) {
	for _, s := range []string{"_cluster/health", "logs/_search?size=1", "POST _bulk", "logs/_search/../_doc", "_nodes/a,b/stats/jvm", "%5fbulk", "<x-{now/d}>/_count", "_cat/shards?h=a&h=b#x", "a/_explain/1", "_tasks/x:1/_cancel"} {
		f.Add(s)
	}
	reads := map[string]bool{"_search": true, "_count": true, "_explain": true, "_analyze": true, "query": true, "explain": true, "_field_caps": true}
	f.Fuzz(func(t *testing.T, path string) {
		for _, body := range []string{"", "{}"} {
			r := &only{}
			_, _ = clusterhealth.Get(t.Context(), r, clusterhealth.Ask{Path: path, Body: []byte(body)})
			for _, q := range r.asked {
				if q.Method != "" && q.Method != http.MethodGet {
					segments := strings.Split(q.Path, "/")
					last := segments[len(segments)-1]
					if !reads[last] && (len(segments) < 2 || segments[len(segments)-2] != "_explain") {
						t.Errorf("%q: %s %s", path, q.Method, q.Path)
					}
				}
				if q.Query.Has("scroll") || strings.Contains(q.Path, "..") && strings.Contains(q.Path, "/../") || !strings.HasPrefix(q.Path, "/") || strings.HasPrefix(q.Path, "//") || strings.Contains(q.Path, "?") {
					t.Errorf("%q: %s?%s", path, q.Path, q.Query.Encode())
				}
			}
		}
	})
}

// only is a cluster that notes what it is asked.
type only struct{ asked []opensearch.Request }

func (*only) Name() string { return "only" }

func (*only) Capabilities(context.Context) (opensearch.Capabilities, error) {
	return opensearch.Capabilities{}, nil
}

func (o *only) Do(_ context.Context, r opensearch.Request) (*opensearch.Response, error) {
	o.asked = append(o.asked, r)
	return &opensearch.Response{Status: 200, Body: []byte(`{}`)}, nil
}
