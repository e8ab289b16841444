package opensearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Version is a version of a cluster; the zero value is unknown.
type Version struct{ Major, Minor, Patch int }

// Known reports whether the cluster told its version.
func (v Version) Known() bool { return v != Version{} }

// AtLeast reports whether v is known and not older than major.minor.
func (v Version) AtLeast(major, minor int) bool {
	return v.Known() && (v.Major > major || v.Major == major && v.Minor >= minor)
}

// String writes 3.6.0, or "unknown".
func (v Version) String() string {
	if !v.Known() {
		return "unknown"
	}
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
}

func parseVersion(text string) Version {
	var n [3]int
	head, _, _ := strings.Cut(text, "-") // 3.6.0-SNAPSHOT
	for i, part := range strings.SplitN(head, ".", 3) {
		v, err := strconv.Atoi(part)
		if err != nil {
			return Version{}
		}
		n[i] = v
	}
	return Version{n[0], n[1], n[2]}
}

// Capabilities is what a cluster is and can. What could not be asked is told in Unknown, and then taken as not there.
type Capabilities struct {
	Version      Version
	Distribution string // "opensearch", "elasticsearch" (7.10 and before), "" unknown
	ClusterName  string // as the cluster calls itself
	Serverless   bool
	Plugins      []string // component names, sorted; nil when unknown
	SQL          bool     // POST /_plugins/_ppl works
	LegacySQL    bool     // it works under /_opendistro/_ppl only
	PIT          bool     // points in time can be opened
	ClusterAPI   bool     // this user may read the cluster's state (cluster:monitor)
	Unknown      []string // what could not be found out, and why
}

// Has reports whether a plugin is there.
func (c Capabilities) Has(plugin string) bool { return slices.Contains(c.Plugins, plugin) }

// probeTimeout bounds one question of the probe: they are small.
const probeTimeout = 10 * time.Second

// factsTTL is how long a probe is believed: clusters are upgraded and get plugins while servers run.
const factsTTL = time.Hour

// facts is one probe, for one caller. A probe that failed, or met a cluster in trouble, is made again.
type facts struct {
	mu   sync.Mutex
	done bool
	at   time.Time
	caps Capabilities
}

// Capabilities asks a cluster what it is and remembers it for an hour. It fails only where the cluster cannot be reached or does not
// accept the credentials: a user without rights on the cluster gets what can be found out without them.
func (c *Client) Capabilities(ctx context.Context) (Capabilities, error) {
	f := c.factsOf(c.Caller(ctx))
	f.mu.Lock()
	defer f.mu.Unlock()
	now := c.secrets.now()
	if f.done && now.Sub(f.at) < factsTTL {
		return f.caps, nil
	}
	caps, sure, err := c.probe(ctx)
	if err != nil {
		return Capabilities{}, err
	}
	f.caps, f.done, f.at = caps, sure, now
	return caps, nil
}

// maxCallers bounds the callers remembered: tokens are rotated, so a busy server meets ever new ones.
const maxCallers = 256

func (c *Client) factsOf(caller string) *facts {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.known[caller]
	if f == nil {
		if c.known == nil || len(c.known) >= maxCallers {
			c.known = map[string]*facts{}
		}
		f = &facts{}
		c.known[caller] = f
	}
	return f
}

// probe asks. It is not sure when something failed that may work the next time.
func (c *Client) probe(ctx context.Context) (_ Capabilities, sure bool, _ error) {
	if c.Serverless() {
		// Serverless has neither GET / nor cluster APIs, and no PPL over the public endpoint of a collection.
		return Capabilities{Distribution: "opensearch", Serverless: true}, true, c.reach(ctx)
	}
	var out Capabilities
	if err := c.probeRoot(ctx, &out); err != nil {
		return Capabilities{}, false, err
	}
	sure = c.probePlugins(ctx, &out)
	if err := c.probePPL(ctx, &out); err != nil {
		return Capabilities{}, false, err
	}
	out.PIT = out.Distribution != "elasticsearch" && (!out.Version.Known() || out.Version.AtLeast(2, 4))
	return out, sure, nil
}

// probeRoot asks GET /. A user without cluster:monitor/main is refused there, which is no failure.
func (c *Client) probeRoot(ctx context.Context, out *Capabilities) error {
	res, err := c.Do(ctx, Request{Path: "/", Idempotent: true, Timeout: probeTimeout})
	if err != nil {
		if !refused(err, http.StatusForbidden) && !refused(err, http.StatusNotFound) {
			return err
		}
		out.Unknown = append(out.Unknown, "the version: this user may not ask (cluster:monitor/main)")
		return c.reach(ctx)
	}
	var root struct {
		ClusterName string `json:"cluster_name"`
		Version     struct {
			Number       string `json:"number"`
			Distribution string `json:"distribution"`
		} `json:"version"`
	}
	if err := json.Unmarshal(res.Body, &root); err != nil || root.Version.Number == "" {
		return fault.WithHint(fault.New(fault.Unavailable, "cluster %s: what answers at %s is no OpenSearch", c.Name(), c.Address()), "Check the URL; OpenSearch Dashboards listens on 5601, nodes on 9200.")
	}
	out.ClusterName, out.Version, out.Distribution = root.ClusterName, parseVersion(root.Version.Number), root.Version.Distribution
	if out.Distribution == "" {
		out.Distribution = "elasticsearch"
	}
	return nil
}

// reach asks something that every user who may read anything may ask.
func (c *Client) reach(ctx context.Context) error {
	var err error
	if c.Serverless() {
		_, err = c.Do(ctx, Request{Path: "/_cat/indices", Query: url.Values{"format": {"json"}, "h": {"index"}}, Idempotent: true, Timeout: probeTimeout})
	} else {
		_, err = c.Do(ctx, Request{Path: Path("_resolve", "index", "*"), Idempotent: true, Timeout: probeTimeout})
	}
	if refused(err, http.StatusForbidden) || refused(err, http.StatusNotFound) {
		return nil // reached, and known: what may be read shows when it is read
	}
	return err
}

// probePlugins lists the plugins. It reports whether the answer, or the refusal, is for good.
func (c *Client) probePlugins(ctx context.Context, out *Capabilities) (sure bool) {
	res, err := c.Do(ctx, Request{Path: "/_cat/plugins", Query: url.Values{"format": {"json"}, "h": {"component"}}, Idempotent: true, Timeout: probeTimeout})
	if err != nil {
		out.Unknown = append(out.Unknown, "the plugins: "+why(err))
		return refused(err, http.StatusForbidden) || refused(err, http.StatusNotFound)
	}
	out.ClusterAPI = true
	var list []struct {
		Component string `json:"component"`
	}
	if err := json.Unmarshal(res.Body, &list); err != nil {
		out.Unknown = append(out.Unknown, "the plugins: the list is no JSON")
		return false
	}
	out.Plugins = []string{}
	for _, p := range list {
		out.Plugins = append(out.Plugins, p.Component)
	}
	slices.Sort(out.Plugins)
	out.Plugins = slices.Compact(out.Plugins)
	return true
}

// probePPL finds out whether the SQL plugin answers: by the list of plugins, else by asking it something that it must refuse.
func (c *Client) probePPL(ctx context.Context, out *Capabilities) error {
	if out.Plugins != nil {
		out.SQL, out.LegacySQL = out.Has("opensearch-sql"), out.Has("opendistro_sql")
		return nil
	}
	_, err := c.Do(ctx, Request{Method: http.MethodPost, Path: "/_plugins/_ppl", Body: []byte(`{"query":""}`), Idempotent: true, Timeout: probeTimeout})
	bad, ok := errors.AsType[*ResponseError](err)
	switch {
	case err == nil:
		out.SQL = true
	case !ok:
		return err
	case bad.Status == http.StatusForbidden:
		out.Unknown = append(out.Unknown, "PPL: this user may not use it (cluster:admin/opensearch/ppl)")
	case bad.Status == http.StatusBadRequest && !noHandler(bad):
		out.SQL = true // it complained about the query
	}
	return nil
}

// noHandler reports whether the cluster does not know the endpoint.
func noHandler(e *ResponseError) bool {
	return strings.Contains(e.Reason, "no handler found") || strings.Contains(e.Reason, "invalid_index_name") || strings.Contains(e.Type, "invalid_index_name") ||
		e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotFound
}

// why tells a failure in a few words.
func why(err error) string {
	if bad, ok := errors.AsType[*ResponseError](err); ok {
		switch bad.Status {
		case http.StatusForbidden:
			return "this user may not ask"
		case http.StatusNotFound:
			return "the endpoint is not there"
		}
		return bad.Error()
	}
	return string(fault.CodeOf(err))
}
