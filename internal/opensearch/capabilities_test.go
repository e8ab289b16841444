package opensearch_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

// routes answers paths as told: "403", "401", "400 text" or a body; what is not told is 404.
type routes struct {
	mu    sync.Mutex
	paths map[string]string
	asked []string
}

func (r *routes) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, req.Method+" "+req.URL.Path)
	w.Header().Set("Content-Type", "application/json")
	body, ok := r.paths[req.Method+" "+req.URL.Path]
	var status int
	if n, err := fmt.Sscanf(body, "%d", &status); n == 1 && err == nil {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":{"type":"security_exception","reason":%q},"status":%d}`, strings.TrimSpace(body[3:]), status)
		return
	}
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		body = `{"error":{"type":"not_found","reason":"not found"},"status":404}`
	}
	fmt.Fprint(w, body)
}

func root(version, distribution string) string {
	if distribution != "" {
		distribution = `"distribution":"` + distribution + `",`
	}
	return `{"name":"n","cluster_name":"c1","version":{` + distribution + `"number":"` + version + `"}}`
}

func TestWhatAClusterIsAndCan(t *testing.T) {
	for _, c := range []struct {
		name  string
		paths map[string]string
		want  opensearch.Capabilities
	}{
		{
			"OpenSearch 3 with the SQL plugin",
			map[string]string{"GET /": root("3.6.0", "opensearch"), "GET /_cat/plugins": `[{"component":"opensearch-sql"},{"component":"opensearch-knn"},{"component":"opensearch-sql"}]`},
			opensearch.Capabilities{Version: opensearch.Version{Major: 3, Minor: 6}, Distribution: "opensearch", ClusterName: "c1", Plugins: []string{"opensearch-knn", "opensearch-sql"}, SQL: true, PIT: true, ClusterAPI: true},
		},
		{
			"OpenSearch 2.3 without plugins or points in time",
			map[string]string{"GET /": root("2.3.0", "opensearch"), "GET /_cat/plugins": `[]`},
			opensearch.Capabilities{Version: opensearch.Version{Major: 2, Minor: 3}, Distribution: "opensearch", ClusterName: "c1", Plugins: []string{}, ClusterAPI: true},
		},
		{
			"Elasticsearch 7.10 of Open Distro",
			map[string]string{"GET /": root("7.10.2", ""), "GET /_cat/plugins": `[{"component":"opendistro_sql"}]`},
			opensearch.Capabilities{Version: opensearch.Version{Major: 7, Minor: 10, Patch: 2}, Distribution: "elasticsearch", ClusterName: "c1", Plugins: []string{"opendistro_sql"}, LegacySQL: true, ClusterAPI: true},
		},
		{
			"a user who may only read indices, with PPL",
			map[string]string{"GET /": "403 no permissions for [cluster:monitor/main]", "GET /_resolve/index/*": `{"indices":[]}`, "GET /_cat/plugins": "403 no", "POST /_plugins/_ppl": "400 Query cannot be empty"},
			opensearch.Capabilities{PIT: true, SQL: true, Unknown: []string{"the version: this user may not ask (cluster:monitor/main)", "the plugins: this user may not ask"}},
		},
		{
			"a user who may only read indices, without the plugin",
			map[string]string{"GET /": "403 no", "GET /_resolve/index/*": "403 no", "GET /_cat/plugins": "403 no", "POST /_plugins/_ppl": "400 no handler found for uri [/_plugins/_ppl] and method [POST]"},
			opensearch.Capabilities{PIT: true, Unknown: []string{"the version: this user may not ask (cluster:monitor/main)", "the plugins: this user may not ask"}},
		},
		{
			"a user who may not use PPL",
			map[string]string{"GET /": root("3.6.0", "opensearch"), "GET /_cat/plugins": "403 no", "POST /_plugins/_ppl": "403 no"},
			opensearch.Capabilities{
				Version: opensearch.Version{Major: 3, Minor: 6}, Distribution: "opensearch", ClusterName: "c1", PIT: true,
				Unknown: []string{"the plugins: this user may not ask", "PPL: this user may not use it (cluster:admin/opensearch/ppl)"},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &routes{paths: c.paths}
			srv := httptest.NewServer(r)
			defer srv.Close()
			client, _ := newClient(t, srv.URL, nil)
			var wait sync.WaitGroup
			for range 4 {
				wait.Go(func() {
					got, err := client.Capabilities(t.Context())
					if err != nil {
						t.Error(err)
					}
					if diff := cmp.Diff(c.want, got); diff != "" {
						t.Errorf("-want +got\n%s", diff)
					}
				})
			}
			wait.Wait()
			if n := strings.Count(strings.Join(r.asked, "\n")+"\n", "GET /\n"); n != 1 {
				t.Errorf("asked GET / %d times", n)
			}
		})
	}
}

func TestServerlessIsNotAskedForWhatItHasNot(t *testing.T) {
	isolate(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "K")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "S")
	r := &routes{paths: map[string]string{"GET /_cat/indices": `[]`}}
	srv := httptest.NewServer(r)
	defer srv.Close()
	client, _ := newClient(t, srv.URL, func(c *opensearch.Config) {
		c.Auth = opensearch.Auth{AWS: &opensearch.AWS{Service: "aoss"}}
	})
	got, err := client.Capabilities(t.Context())
	if err != nil || !got.Serverless || got.Version.Known() || got.SQL {
		t.Errorf("%+v, %v", got, err)
	}
	if diff := cmp.Diff([]string{"GET /_cat/indices"}, r.asked); diff != "" {
		t.Error(diff)
	}
}

func TestAFailedProbeIsMadeAgain(t *testing.T) {
	r := &routes{paths: map[string]string{"GET /": "401 no"}}
	srv := httptest.NewServer(r)
	defer srv.Close()
	client, _ := newClient(t, srv.URL, nil)
	if _, err := client.Capabilities(t.Context()); fault.CodeOf(err) != fault.PermissionDenied {
		t.Errorf("%v", err)
	}
	r.mu.Lock()
	r.paths = map[string]string{"GET /": root("3.6.0", "opensearch"), "GET /_cat/plugins": `[]`}
	r.mu.Unlock()
	if got, err := client.Capabilities(t.Context()); err != nil || !got.Version.AtLeast(3, 6) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAClusterInTroubleIsProbedAgainAndAnyClusterAfterAnHour(t *testing.T) {
	r := &routes{paths: map[string]string{"GET /": root("3.6.0", "opensearch"), "GET /_cat/plugins": "500 busy", "POST /_plugins/_ppl": "400 empty"}}
	srv := httptest.NewServer(r)
	defer srv.Close()
	now := time.Now()
	client, _ := newClient(t, srv.URL, func(c *opensearch.Config) { c.Clock = func() time.Time { return now }; c.Retries = -1 })
	plugins := func(want int) {
		t.Helper()
		got, err := client.Capabilities(t.Context())
		if err != nil || len(got.Plugins) != want {
			t.Errorf("%+v, %v: want %d plugins", got, err, want)
		}
	}
	set := func(list string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.paths["GET /_cat/plugins"] = list
	}
	plugins(0)
	set(`[{"component":"a"}]`)
	plugins(1)
	set(`[{"component":"a"},{"component":"b"}]`)
	plugins(1)
	now = now.Add(61 * time.Minute)
	plugins(2)
}

func TestDashboardsIsNoCluster(t *testing.T) {
	srv := httptest.NewServer(&routes{paths: map[string]string{"GET /": `{"status":"ok"}`}})
	defer srv.Close()
	client, _ := newClient(t, srv.URL, nil)
	if _, err := client.Capabilities(t.Context()); err == nil || !strings.Contains(err.Error(), "no OpenSearch") {
		t.Errorf("%v", err)
	}
}

func TestATimeLimitGoesAlongWithEverySearchUnlessTheClusterDoesNotKnowIt(t *testing.T) {
	var queries []string
	old := false
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		queries = append(queries, r.URL.Query().Get("cancel_after_time_interval"))
		if old && r.URL.Query().Has("cancel_after_time_interval") {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":{"type":"illegal_argument_exception","reason":"request [/logs/_search] contains unrecognized parameter: [cancel_after_time_interval]"},"status":400}`)
			return
		}
		cluster().ServeHTTP(w, r)
	}))
	defer srv.Close()
	client, _ := newClient(t, srv.URL, nil)
	if err := search(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	old = true
	for range 2 {
		if err := search(t.Context(), client); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"2000ms", "2000ms", "", ""}, queries); diff != "" {
		t.Error(diff)
	}
}

func TestOperationsAreNamedWithoutValues(t *testing.T) {
	for path, want := range map[string]string{
		"/": "info", "/logs-2026.01.01/_search": "search", "/_search/point_in_time": "search", "/logs/_doc/secret-id": "doc", "/_cluster/health/logs": "cluster.health.logs",
		"/_cat/indices/logs-*": "cat.indices", "/_plugins/_ppl": "plugins.ppl", "/_plugins/_ism/explain/x": "plugins.ism.explain", "/logs": "index", "/_nodes/hot_threads": "nodes.hot_threads",
	} {
		if got := opensearch.Operation(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestPathsAreEscaped(t *testing.T) {
	for _, c := range []struct {
		want     string
		segments []string
	}{
		{"/logs-*,east:logs/_search", []string{"logs-*,east:logs", "_search"}},
		{"/%3Clogs-%7Bnow%2Fd%7D%3E/_mapping", []string{"<logs-{now/d}>", "_mapping"}},
	} {
		if got := opensearch.Path(c.segments...); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
