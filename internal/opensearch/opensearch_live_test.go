package opensearch_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/live"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

// liveClient is a client of the real server without security.
func liveClient(t *testing.T) *opensearch.Client {
	t.Helper()
	url := live.Need(t, live.OpenSearchURL)
	c, _ := newClient(t, url, func(c *opensearch.Config) { c.Auth, c.Timeout, c.Sleep = opensearch.Auth{}, time.Minute, nil })
	return c
}

// fill makes an index of n documents over four shards and removes it at the end.
func fill(t *testing.T, c *opensearch.Client, index string, n int) {
	t.Helper()
	do := func(r opensearch.Request) {
		if _, err := c.Do(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	remove := opensearch.Request{Method: http.MethodDelete, Path: opensearch.Path(index), Query: url.Values{"ignore_unavailable": {"true"}}, Idempotent: true}
	do(remove)
	t.Cleanup(func() {
		req, err := http.NewRequest(http.MethodDelete, "http://"+c.Address()+"/"+index, http.NoBody) //nolint:noctx // after the test's context
		if err == nil {
			if res, err := http.DefaultClient.Do(req); err == nil {
				res.Body.Close()
			}
		}
	})
	do(opensearch.Request{Method: http.MethodPut, Path: opensearch.Path(index), Body: []byte(`{"settings":{"number_of_shards":4,"number_of_replicas":0},"mappings":{"properties":{"@timestamp":{"type":"date_nanos"}}}}`)})
	var b bytes.Buffer
	for i := range n {
		sparse := ""
		if i%3 == 0 {
			sparse = fmt.Sprintf(`"word":"w%d","f":%d.5,`, i%11, i%13)
		}
		fmt.Fprintf(&b, "{\"index\":{}}\n{%s\"n\":%d,\"k\":%d,\"@timestamp\":%q}\n", sparse, i, i%7, time.Unix(1_700_000_000+int64(i/50), 0).UTC().Format(time.RFC3339))
	}
	do(opensearch.Request{Method: http.MethodPost, Path: opensearch.Path(index, "_bulk"), Query: url.Values{"refresh": {"true"}}, Body: b.Bytes(), ContentType: "application/x-ndjson"})
}

func TestLiveCapabilities(t *testing.T) {
	got, err := liveClient(t).Capabilities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !got.Version.AtLeast(3, 0) || got.Distribution != "opensearch" || got.SQL || !got.PIT || !got.ClusterAPI || !got.Has("opensearch-knn") {
		t.Errorf("%+v", got)
	}
}

func TestLivePagingReadsEveryDocumentOnce(t *testing.T) {
	c := liveClient(t)
	const index, n = "os_a_paging", 12_345
	fill(t, c, index, n)
	for name, sort := range map[string][]any{
		"in no order":                             nil,
		"by time, with many ties":                 {map[string]any{"@timestamp": "asc"}},
		"by number, the last first":               {map[string]any{"n": "desc"}},
		"by a word that most lack":                {map[string]any{"word.keyword": "asc"}},
		"by a number that most lack, those first": {map[string]any{"f": map[string]any{"order": "desc", "missing": "_first"}}},
	} {
		t.Run(name, func(t *testing.T) {
			seen := map[int]bool{}
			last := ""
			out, err := c.Pages(t.Context(), opensearch.Pages{Index: index, Sort: sort, Body: map[string]any{"_source": []string{"n", "@timestamp"}}}, func(h opensearch.Hit) error {
				var d struct {
					N  int    `json:"n"`
					TS string `json:"@timestamp"`
				}
				if err := json.Unmarshal(h.Source, &d); err != nil {
					return err
				}
				if seen[d.N] {
					t.Errorf("%d twice", d.N)
				}
				seen[d.N] = true
				if name == "by time, with many ties" && d.TS < last {
					t.Errorf("%s after %s", d.TS, last)
				}
				last = d.TS
				return nil
			})
			if err != nil || len(seen) != n || out.Total != n || out.Way != opensearch.ByPIT || out.Note() != "" {
				t.Errorf("%d documents, %+v, %v", len(seen), out, err)
			}
		})
	}
	res, err := c.Do(t.Context(), opensearch.Request{Path: "/_search/point_in_time/_all", Idempotent: true})
	if err == nil && strings.Contains(string(res.Body), "os_a_paging") {
		t.Errorf("points in time left open: %s", res.Body)
	}
}

func TestLiveErrorsAreTheClustersOwnWords(t *testing.T) {
	c := liveClient(t)
	_, err := c.Search(t.Context(), opensearch.Search{Index: "os_a_nosuch", Body: []byte(`{}`)})
	if fault.CodeOf(err) != fault.NotFound || !strings.Contains(err.Error(), "index_not_found_exception: no such index [os_a_nosuch]") {
		t.Errorf("%v", err)
	}
	_, err = c.Search(t.Context(), opensearch.Search{Body: []byte(`{"query":{"mach":{}}}`)})
	if fault.CodeOf(err) != fault.InvalidArgument || !strings.Contains(err.Error(), "unknown query [mach]") {
		t.Errorf("%v", err)
	}
}

// secureClient is a client of the real server with the security plugin.
func secureClient(t *testing.T, change func(c *opensearch.Config, dir string)) *opensearch.Client {
	t.Helper()
	u, dir := live.Need(t, live.OpenSearchSecureURL), live.Need(t, live.OpenSearchSecureDir)
	c, _ := newClient(t, u, func(c *opensearch.Config) {
		c.Timeout, c.Sleep, c.ConnectTimeout = time.Minute, nil, 5*time.Second
		c.TLS.CAFile = filepath.Join(dir, "ca.pem")
		change(c, dir)
	})
	return c
}

func TestLiveSecurity(t *testing.T) {
	basic := func(user, pass string) func(*opensearch.Config, string) {
		return func(c *opensearch.Config, _ string) {
			c.Auth = opensearch.Auth{Username: user, Password: secret(pass)}
		}
	}
	t.Run("the administrator", func(t *testing.T) {
		got, err := secureClient(t, basic("admin", "admin")).Capabilities(t.Context())
		if err != nil || !got.ClusterAPI || !got.Has("opensearch-security") {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("a client certificate alone", func(t *testing.T) {
		c := secureClient(t, func(c *opensearch.Config, dir string) {
			c.Auth = opensearch.Auth{}
			c.TLS.CertFile, c.TLS.KeyFile = filepath.Join(dir, "admin.pem"), filepath.Join(dir, "admin.key")
		})
		if got, err := c.Capabilities(t.Context()); err != nil || !got.ClusterAPI {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("the caller's own credentials", func(t *testing.T) {
		c := secureClient(t, func(c *opensearch.Config, _ string) { c.Auth = opensearch.Auth{PassThrough: true} })
		if _, err := c.Capabilities(opensearch.WithCaller(t.Context(), "prod", "Basic YWRtaW46YWRtaW4=")); err != nil {
			t.Error(err)
		}
		if _, err := c.Capabilities(opensearch.WithCaller(t.Context(), "prod", "Basic YWRtaW46d3Jvbmc=")); fault.CodeOf(err) != fault.PermissionDenied {
			t.Errorf("a wrong password: %v", err)
		}
	})
	t.Run("a wrong password", func(t *testing.T) {
		_, err := secureClient(t, basic("admin", "wrong-password")).Capabilities(t.Context())
		if fault.CodeOf(err) != fault.PermissionDenied || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error()+fault.HintOf(err), "wrong-password") {
			t.Errorf("%v", err)
		}
	})
	t.Run("an authority that is not named", func(t *testing.T) {
		_, err := secureClient(t, func(c *opensearch.Config, _ string) { c.TLS.CAFile = "" }).Capabilities(t.Context())
		if err == nil || !strings.Contains(err.Error(), "not trusted") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a user who may only read one index", func(t *testing.T) { leastPrivilege(t, secureClient(t, basic("admin", "admin")), basic) })
}

// leastPrivilege makes a user without any right on the cluster.
func leastPrivilege(t *testing.T, admin *opensearch.Client, basic func(user, pass string) func(*opensearch.Config, string)) {
	t.Helper()
	const pass = "only-for-Local-tests-43"
	put := func(path, body string) {
		t.Helper()
		if _, err := admin.Do(t.Context(), opensearch.Request{Method: http.MethodPut, Path: path, Body: []byte(body), Query: query(path)}); err != nil {
			t.Fatal(err)
		}
	}
	put("/_plugins/_security/api/roles/os_a_reader", `{"index_permissions":[{"index_patterns":["os_a_open"],"allowed_actions":["read","indices:admin/mappings/get"]}]}`)
	put("/_plugins/_security/api/internalusers/os_a_user", `{"password":"`+pass+`","opendistro_security_roles":["os_a_reader"]}`)
	put("/os_a_open/_doc/1", `{"n":1}`)
	put("/os_a_closed/_doc/1", `{"n":1}`)
	user := secureClient(t, basic("os_a_user", pass))
	got, err := user.Capabilities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Version.Known() || got.ClusterAPI || len(got.Unknown) < 2 {
		t.Errorf("%+v", got)
	}
	n := 0
	out, err := user.Pages(t.Context(), opensearch.Pages{Index: "os_a_open"}, func(opensearch.Hit) error { n++; return nil })
	if err != nil || n != 1 {
		t.Errorf("%d documents by %s, %v", n, out.Way, err)
	}
	_, err = user.Search(t.Context(), opensearch.Search{Index: "os_a_closed", Body: []byte(`{}`)})
	if fault.CodeOf(err) != fault.PermissionDenied || !strings.Contains(err.Error(), "indices:data/read/search") {
		t.Errorf("%v", err)
	}
}

// query makes a document seen at once.
func query(path string) url.Values {
	if strings.Contains(path, "/_doc/") {
		return url.Values{"refresh": {"true"}}
	}
	return nil
}
