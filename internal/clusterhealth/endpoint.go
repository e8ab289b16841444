package clusterhealth

import (
	"net/url"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

// endpoint is one endpoint that only reads. Its form has a segment each: a word that begins with an underscore is itself,
// {x} is any one name, a last "..." is up to three more names (metrics, indices).
type endpoint struct {
	form  string
	body  bool   // takes a body, and is then sent by POST; it reads all the same
	trim  string // filter_path unless the caller gives one: the parts that tell how a cluster is
	about string
}

// Trims of endpoints whose whole answers run to megabytes.
const (
	trimNodesStats = "_nodes.failed,nodes.*.name,nodes.*.roles,nodes.*.jvm.uptime_in_millis,nodes.*.jvm.mem.heap_used_percent,nodes.*.jvm.mem.heap_max_in_bytes," +
		"nodes.*.jvm.gc.collectors.*.collection_*,nodes.*.breakers.*.limit_size_in_bytes,nodes.*.breakers.*.estimated_size_in_bytes,nodes.*.breakers.*.tripped," +
		"nodes.*.fs.total,nodes.*.os.cpu.percent,nodes.*.os.mem.used_percent,nodes.*.thread_pool.search,nodes.*.thread_pool.write,nodes.*.indices.docs,nodes.*.indices.store"
	trimNodes        = "nodes.*.name,nodes.*.version,nodes.*.ip,nodes.*.roles,nodes.*.attributes,nodes.*.jvm.version,nodes.*.jvm.mem,nodes.*.plugins.name"
	trimIndicesStats = "_shards,_all.total.docs,_all.total.store,_all.total.indexing.index_total,_all.total.search.query_total,indices.*.health,indices.*.primaries.docs,indices.*.total.store"
	trimClusterStats = "status,indices.count,indices.shards.total,indices.docs,indices.store,nodes.count,nodes.versions,nodes.jvm.mem,nodes.fs,nodes.os.mem"
)

// endpoints lists what Get may ask. Whether an endpoint reads is told by this list, never by its verb: _cluster/reroute changes
// a cluster by POST, _search reads by POST, and a GET of _plugins/_security tells password hashes.
func endpoints() []endpoint {
	return []endpoint{
		{form: "_cluster/health", about: "status, shards that are not started"},
		{form: "_cluster/health/{index}"},
		{form: "_cluster/allocation/explain", body: true, about: "why a shard is where it is or is not: body {index, shard, primary}"},
		{form: "_cluster/stats", trim: trimClusterStats},
		{form: "_cluster/settings"},
		{form: "_cluster/pending_tasks"},
		{form: "_cluster/state/{metric}/..."},
		{form: "_nodes", trim: trimNodes},
		{form: "_nodes/stats", trim: trimNodesStats},
		{form: "_nodes/stats/{metric}/..."},
		{form: "_nodes/hot_threads", about: "what threads do"},
		{form: "_nodes/{node}/hot_threads"},
		{form: "_nodes/{node}/stats", trim: trimNodesStats},
		{form: "_nodes/{node}/stats/{metric}/..."},
		{form: "_nodes/usage"},
		{form: "_nodes/{node}"},
		{form: "_nodes/{node}/{metric}"},
		{form: "_stats", trim: trimIndicesStats},
		{form: "_stats/{metric}"},
		{form: "{index}/_stats"},
		{form: "{index}/_stats/{metric}"},
		{form: "_tasks", about: "running tasks; ?detailed"},
		{form: "_tasks/{task}"},
		{form: "_cat/{table}", about: "tables: indices, shards, nodes, allocation, thread_pool, recovery, segments, ..."},
		{form: "_cat/{table}/{name}"},
		{form: "_cat/snapshots/{name}"},
		{form: "_list/indices"},
		{form: "_list/indices/{index}"},
		{form: "_list/shards"},
		{form: "_list/shards/{index}"},
		{form: "_mapping"},
		{form: "{index}/_mapping"},
		{form: "{index}/_mapping/field/{field}"},
		{form: "_settings"},
		{form: "{index}/_settings"},
		{form: "{index}/_settings/{name}"},
		{form: "{index}"},
		{form: "_alias"},
		{form: "_alias/{name}"},
		{form: "{index}/_alias"},
		{form: "{index}/_alias/{name}"},
		{form: "_data_stream"},
		{form: "_data_stream/{name}"},
		{form: "_data_stream/_stats"},
		{form: "_data_stream/{name}/_stats"},
		{form: "_resolve/index/{name}"},
		{form: "_field_caps", body: true},
		{form: "{index}/_field_caps", body: true},
		{form: "_index_template"},
		{form: "_index_template/{name}"},
		{form: "_component_template"},
		{form: "_component_template/{name}"},
		{form: "_template"},
		{form: "_template/{name}"},
		{form: "_ingest/pipeline"},
		{form: "_ingest/pipeline/{name}"},
		{form: "_search/pipeline"},
		{form: "_search/pipeline/{name}"},
		{form: "_scripts/{name}"},
		{form: "_recovery"},
		{form: "{index}/_recovery"},
		{form: "_segments"},
		{form: "{index}/_segments"},
		{form: "{index}/_shard_stores"},
		{form: "_shard_stores"},
		{form: "{index}/_search_shards"},
		{form: "_remote/info"},
		{form: "_remotestore/stats/{index}"},
		{form: "_snapshot"},
		{form: "_snapshot/{repository}"},
		{form: "_snapshot/{repository}/{snapshot}"},
		{form: "_snapshot/_status"},
		{form: "_snapshot/{repository}/_status"},
		{form: "_plugins/_ism/explain"},
		{form: "_plugins/_ism/explain/{index}", about: "what the index policy did last"},
		{form: "_plugins/_ism/policies"},
		{form: "_plugins/_ism/policies/{name}"},
		{form: "_plugins/_knn/stats"},
		{form: "_plugins/_ml/stats"},
		{form: "_plugins/_ml/models/{name}"},
		{form: "_plugins/_replication/{index}/_status"},
		{form: "_plugins/_replication/autofollow_stats"},
		{form: "_search", body: true},
		{form: "{index}/_search", body: true},
		{form: "_count", body: true},
		{form: "{index}/_count", body: true},
		{form: "{index}/_doc/{id}"},
		{form: "{index}/_explain/{id}", body: true},
		{form: "{index}/_termvectors/{id}"},
		{form: "_analyze", body: true},
		{form: "{index}/_analyze", body: true},
		{form: "_validate/query", body: true},
		{form: "{index}/_validate/query", body: true},
		{form: "_search/point_in_time/_all"},
		{form: ""},
	}
}

// catTables lists the tables of _cat: a name that is none of them might be an endpoint of a plugin.
func catTables() []string {
	return []string{
		"aliases", "allocation", "cluster_manager", "count", "fielddata", "health", "indices", "master", "nodeattrs", "nodes", "pending_tasks", "pit_segments", "plugins",
		"recovery", "repositories", "segment_replication", "segments", "shards", "snapshots", "tasks", "templates", "thread_pool",
	}
}

// refusedParameters would make a read leave something behind in the cluster, or name another endpoint.
func refusedParameters() []string { return []string{"scroll", "method", "source"} }

// Ask is one question to Get.
type Ask struct {
	Path string // "_cluster/health", "logs-*/_mapping?filter_path=...", "_cat/shards/logs-*?s=store:desc"
	Body []byte // JSON, for the endpoints that take one
}

// question is a checked Ask.
type question struct {
	form     endpoint
	asked    string   // the path as the caller wrote it
	segments []string // as it is sent
	query    url.Values
	body     []byte
}

// parse checks an Ask against the list. The path that is asked is built anew out of its names, so that nothing hidden in the
// text (encoded slashes, dots, a second question mark) reaches the cluster.
func parse(a Ask) (question, error) {
	text := strings.TrimSpace(a.Path)
	for _, verb := range []string{"GET ", "POST "} {
		text = strings.TrimSpace(strings.TrimPrefix(text, verb))
	}
	path, raw, _ := strings.Cut(text, "?")
	if strings.Contains(path, "://") || strings.ContainsAny(path, "\\#\x00\r\n") {
		return question{}, badPath("%q is no path of a cluster", text)
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return question{}, badPath("the parameters of %q do not parse", text)
	}
	for _, p := range refusedParameters() {
		if query.Has(p) {
			return question{}, badPath("parameter %s is refused: it does more than read", p)
		}
	}
	segments, err := split(path)
	if err != nil {
		return question{}, err
	}
	e, ok := match(segments)
	if !ok {
		return question{}, unknownEndpoint(path, segments)
	}
	if len(a.Body) > 0 && !e.body {
		return question{}, badPath("%s takes no body", e.form)
	}
	if segments, err = withoutSystem(e, segments); err != nil {
		return question{}, err
	}
	return question{form: e, asked: strings.Trim(path, "/"), segments: segments, query: query, body: a.Body}, nil
}

func badPath(format string, args ...any) error {
	return fault.WithHint(fault.New(fault.InvalidArgument, format, args...), "Write a path such as _cluster/health, _cat/shards/logs-*?s=store:desc, or logs-*/_mapping.")
}

// systemIndices lists the prefixes of indices that hold keys, users and jobs.
func systemIndices() []string {
	return []string{".plugins-", ".opendistro", ".opensearch", ".kibana", ".tasks", ".ql-", ".security", ".replication-", ".scheduler", ".transform", ".async-search", ".geospatial"}
}

// withoutSystem keeps the endpoints that read documents from system indices: ML Commons keeps its master key in one. The
// indices behind data streams (.ds-) are like any other.
func withoutSystem(e endpoint, segments []string) ([]string, error) {
	if !readsDocuments(e.form) {
		return segments, nil
	}
	index := "*"
	if strings.HasPrefix(e.form, "{index}") {
		index = segments[0]
	} else {
		segments = append([]string{""}, segments...)
	}
	wild := index == "_all"
	for name := range strings.SplitSeq(index, ",") {
		if _, after, remote := strings.Cut(name, ":"); remote {
			name = after
		}
		if strings.HasPrefix(name, ".") && !strings.HasPrefix(name, ".ds-") {
			return nil, fault.WithHint(fault.New(fault.PermissionDenied, "documents of system index %s are not shown", name), "It holds settings, users or keys of the cluster, no data.")
		}
		wild = wild || strings.Contains(name, "*")
	}
	if wild {
		if index == "_all" {
			index = "*"
		}
		index += ",-" + strings.Join(systemIndices(), "*,-") + "*"
	}
	return append([]string{index}, segments[1:]...), nil
}

func readsDocuments(form string) bool {
	last := form[strings.LastIndexByte(form, '/')+1:]
	return last == "_search" || last == "_count" || strings.HasPrefix(form, "{index}/_doc/") || strings.HasPrefix(form, "{index}/_explain/") || strings.HasPrefix(form, "{index}/_termvectors/")
}

// split takes a path apart into decoded names.
func split(path string) ([]string, error) {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil, nil
	}
	var out []string
	for s := range strings.SplitSeq(path, "/") {
		name, err := url.PathUnescape(s)
		switch {
		case err != nil:
			return nil, badPath("%q is not encoded as a path is", path)
		case name == "" || name == "." || name == ".." || strings.Contains(name, "/") && !strings.HasPrefix(name, "<"):
			return nil, badPath("%q has an empty or relative part", path)
		}
		out = append(out, name)
	}
	return out, nil
}

func match(segments []string) (endpoint, bool) {
	for _, e := range endpoints() {
		if fits(e.form, segments) {
			return e, true
		}
	}
	return endpoint{}, false
}

// moreNames bounds what "..." stands for.
const moreNames = 3

func fits(form string, segments []string) bool {
	var want []string
	if form != "" {
		want = strings.Split(form, "/")
	}
	open := len(want) > 0 && want[len(want)-1] == "..."
	if open {
		want = want[:len(want)-1]
		if len(segments) > len(want)+moreNames {
			return false
		}
	} else if len(segments) != len(want) {
		return false
	}
	if len(segments) < len(want) {
		return false
	}
	for i, s := range segments {
		switch {
		case i >= len(want):
			if !isName(s) {
				return false
			}
		case want[i] == "{table}":
			if !slices.Contains(catTables(), s) {
				return false
			}
		case strings.HasPrefix(want[i], "{"):
			if !isName(s) {
				return false
			}
		case want[i] != s:
			return false
		}
	}
	return true
}

// isName reports whether a segment can be the name of an index, node or the like, and not of an endpoint.
func isName(s string) bool {
	return !strings.HasPrefix(s, "_") || s == "_all" || s == "_local" || s == "_cluster_manager" || s == "_master"
}

func unknownEndpoint(path string, segments []string) error {
	err := fault.New(fault.PermissionDenied, "%q is not among the endpoints that only read", path)
	first := ""
	if len(segments) > 0 {
		first = segments[0]
	}
	var near, all []string
	for _, e := range endpoints() {
		if e.form != "" && first != "" && strings.HasPrefix(e.form, first+"/") {
			near = append(near, e.form)
		}
		if e.about != "" {
			all = append(all, e.form)
		}
	}
	if len(near) == 0 {
		near = slices.Concat(all, []string{"_nodes/stats", "{index}/_mapping", "{index}/_settings"})
	}
	return fault.WithHint(err, "Such as: %s.", strings.Join(near[:min(len(near), 8)], ", "))
}

// request builds what is sent.
func (q *question) request(limit int64) opensearch.Request {
	r := opensearch.Request{Path: "/", Query: q.query, Idempotent: true, MaxBytes: limit}
	if len(q.segments) > 0 {
		r.Path = opensearch.Path(q.segments...)
	}
	if len(q.body) > 0 {
		r.Method, r.Body = "POST", q.body
	}
	return r
}
