package clusterhealth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
)

// snapshot is what was collected of a cluster. A part that could not be asked is nil or empty and stands in missing.
type snapshot struct {
	health   *health
	shards   []shard
	nodes    map[string]node // by id
	before   map[string]node // the same a second earlier, when threads had been rejected
	settings map[string]string
	blocks   map[string]indexBlocks
	tasks    []task
	pending  []pendingTask
	ism      []ismState
	explains []explanation
	index    string // pattern looked at, "" = all

	mu      sync.Mutex
	missing []gap
	asked   int
}

// gap is a question that was not answered.
type gap struct {
	path string
	why  string
	loss string // what cannot be told without it
}

type health struct {
	Cluster      string  `json:"cluster_name"`
	Status       string  `json:"status"`
	TimedOut     bool    `json:"timed_out"`
	Nodes        int     `json:"number_of_nodes"`
	DataNodes    int     `json:"number_of_data_nodes"`
	Primaries    int     `json:"active_primary_shards"`
	Active       int     `json:"active_shards"`
	Relocating   int     `json:"relocating_shards"`
	Initializing int     `json:"initializing_shards"`
	Unassigned   int     `json:"unassigned_shards"`
	Delayed      int     `json:"delayed_unassigned_shards"`
	PendingTasks int     `json:"number_of_pending_tasks"`
	ActivePct    float64 `json:"active_shards_percent_as_number"`
}

// shard is a line of _cat/shards.
type shard struct {
	Index   string `json:"index"`
	Shard   string `json:"shard"`
	Role    string `json:"prirep"` // p or r
	State   string `json:"state"`
	Docs    string `json:"docs"`
	Store   string `json:"store"` // bytes
	Node    string `json:"node"`
	Reason  string `json:"unassigned.reason"`
	Details string `json:"unassigned.details"`
	At      string `json:"unassigned.at"`
}

func (s shard) primary() bool { return s.Role == "p" }

func (s shard) bytes() int64 {
	n, err := strconv.ParseInt(s.Store, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

type node struct {
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
	JVM   struct {
		Uptime int64 `json:"uptime_in_millis"`
		Mem    struct {
			UsedPercent float64 `json:"heap_used_percent"`
			Max         int64   `json:"heap_max_in_bytes"`
		} `json:"mem"`
		GC struct {
			Collectors map[string]struct {
				Count  int64 `json:"collection_count"`
				Millis int64 `json:"collection_time_in_millis"`
			} `json:"collectors"`
		} `json:"gc"`
	} `json:"jvm"`
	Breakers map[string]struct {
		Limit     int64 `json:"limit_size_in_bytes"`
		Estimated int64 `json:"estimated_size_in_bytes"`
		Tripped   int64 `json:"tripped"`
	} `json:"breakers"`
	FS struct {
		Total struct {
			Total     int64 `json:"total_in_bytes"`
			Available int64 `json:"available_in_bytes"`
		} `json:"total"`
	} `json:"fs"`
	OS struct {
		CPU struct {
			Percent float64 `json:"percent"`
			Load    struct {
				Five float64 `json:"5m"`
			} `json:"load_average"`
		} `json:"cpu"`
	} `json:"os"`
	Pools map[string]threadPool `json:"thread_pool"`
}

type threadPool struct {
	Threads   int64 `json:"threads"`
	Queue     int64 `json:"queue"`
	Active    int64 `json:"active"`
	Rejected  int64 `json:"rejected"`
	Completed int64 `json:"completed"`
}

type indexBlocks struct {
	readOnlyAllowDelete bool
}

type task struct {
	ID          string            `json:"-"` // node:number
	Node        string            `json:"node"`
	Action      string            `json:"action"`
	Description string            `json:"description"`
	Nanos       int64             `json:"running_time_in_nanos"`
	Cancellable bool              `json:"cancellable"`
	Cancelled   bool              `json:"cancelled"`
	Headers     map[string]string `json:"headers"`
}

type pendingTask struct {
	Priority string `json:"priority"`
	Source   string `json:"source"`
	Millis   int64  `json:"time_in_queue_millis"`
}

type ismState struct {
	index, policy, state, action, message string
	failed                                bool
}

// explanation is an answer of _cluster/allocation/explain.
type explanation struct {
	Index    string `json:"index"`
	Shard    int    `json:"shard"`
	Primary  bool   `json:"primary"`
	State    string `json:"current_state"`
	Allocate string `json:"can_allocate"`
	Text     string `json:"allocate_explanation"`
	Info     struct {
		Reason  string `json:"reason"`
		At      string `json:"at"`
		Details string `json:"details"`
		Failed  int    `json:"failed_allocation_attempts"`
		Last    string `json:"last_allocation_status"`
	} `json:"unassigned_info"`
	Nodes []struct {
		Name     string `json:"node_name"`
		Decision string `json:"node_decision"`
		Deciders []struct {
			Decider     string `json:"decider"`
			Decision    string `json:"decision"`
			Explanation string `json:"explanation"`
		} `json:"deciders"`
	} `json:"node_allocation_decisions"`
}

// Bounds of collecting.
const (
	asking      = 4                // questions under way at once: a troubled cluster is asked gently
	askTimeout  = 20 * time.Second // of one question; nodes stats of a node that collects garbage takes that long
	maxExplains = 5                // shards whose allocation is explained, each of another kind
	resample    = time.Second      // between two looks at rejected threads
)

// collect asks everything, a few questions at a time. It fails only when nothing at all was answered.
func collect(ctx context.Context, c Cluster, o Options) (*snapshot, error) {
	s := &snapshot{index: o.Index}
	parts := []func(context.Context) error{
		func(ctx context.Context) error { return s.askHealth(ctx, c) },
		func(ctx context.Context) error { return s.askShards(ctx, c) },
		func(ctx context.Context) error { return s.askNodes(ctx, c, o) },
		func(ctx context.Context) error { return s.askSettings(ctx, c) },
		func(ctx context.Context) error { return s.askBlocks(ctx, c) },
		func(ctx context.Context) error { return s.askTasks(ctx, c) },
		func(ctx context.Context) error { return s.askPending(ctx, c) },
		func(ctx context.Context) error { return s.askISM(ctx, c) },
	}
	errs := make([]error, len(parts))
	var wait sync.WaitGroup
	gate := make(chan struct{}, asking)
	for i, part := range parts {
		wait.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			errs[i] = part(ctx)
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if s.asked == 0 {
		return nil, fault.WithHint(fault.New(fault.PermissionDenied, "cluster %s: this user may ask none of the endpoints that tell how it is", c.Name()),
			"Grant cluster_monitor and, for indices, indices:monitor/* and indices:admin/settings/get.")
	}
	s.explain(ctx, c)
	return s, ctx.Err()
}

// ask reads an endpoint. A refusal is noted with what is lost by it; a cluster that cannot be reached is an error.
func (s *snapshot) ask(ctx context.Context, c Cluster, path string, q url.Values, body []byte, loss string, into any) (bool, error) {
	r := opensearch.Request{Path: path, Query: q, Idempotent: true, Timeout: askTimeout, MaxBytes: maxRead}
	if body != nil {
		r.Method, r.Body = http.MethodPost, body
	}
	res, err := c.Do(ctx, r)
	why := ""
	switch {
	case err != nil:
		if why = tolerable(ctx, err); why == "" {
			return false, err
		}
	case json.Unmarshal(res.Body, into) != nil:
		why = "an answer of another form than this version knows"
	}
	if why != "" {
		s.miss(path, why, loss)
		return false, nil
	}
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	return true, nil
}

// tolerable tells a failure of one question that leaves the others worth asking; "" for the rest.
func tolerable(ctx context.Context, err error) string {
	code := fault.CodeOf(err)
	bad, ok := asResponse(err)
	switch {
	case ok && bad.Status != http.StatusUnauthorized:
		return whyNot(bad)
	case code == fault.TooLarge || code == fault.Timeout && ctx.Err() == nil:
		return string(code)
	}
	return ""
}

func asResponse(err error) (*opensearch.ResponseError, bool) {
	return errors.AsType[*opensearch.ResponseError](err)
}

func whyNot(e *opensearch.ResponseError) string {
	switch e.Status {
	case http.StatusForbidden:
		return "this user may not ask (403)"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return "not there (" + strconv.Itoa(e.Status) + ")"
	}
	return e.Error()
}

func (s *snapshot) miss(path, why, loss string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missing = append(s.missing, gap{strings.TrimPrefix(path, "/"), why, loss})
}

func (s *snapshot) askHealth(ctx context.Context, c Cluster) error {
	var h health
	ok, err := s.ask(ctx, c, s.path("_cluster/health"), nil, nil, "the cluster's colour", &h)
	if ok {
		s.health = &h
	}
	return err
}

// path puts the pattern at the end of an endpoint that takes one there.
func (s *snapshot) path(endpoint string) string {
	segments := strings.Split(endpoint, "/")
	if s.index != "" {
		segments = append(segments, s.index)
	}
	return opensearch.Path(segments...)
}

func (s *snapshot) askShards(ctx context.Context, c Cluster) error {
	q := url.Values{"format": {"json"}, "bytes": {"b"}, "h": {"index,shard,prirep,state,docs,store,node,unassigned.reason,unassigned.details,unassigned.at"}}
	_, err := s.ask(ctx, c, s.path("_cat/shards"), q, nil, "which shards are missing, and their sizes", &s.shards)
	return err
}

const nodesFilter = "nodes.*.name,nodes.*.roles,nodes.*.jvm.uptime_in_millis,nodes.*.jvm.mem.heap_used_percent,nodes.*.jvm.mem.heap_max_in_bytes,nodes.*.jvm.gc.collectors," +
	"nodes.*.breakers,nodes.*.fs.total,nodes.*.os.cpu,nodes.*.thread_pool"

func (s *snapshot) askNodes(ctx context.Context, c Cluster, o Options) error {
	path := "/_nodes/stats/jvm,breaker,fs,os,thread_pool"
	q := url.Values{"filter_path": {nodesFilter}}
	var b struct {
		Nodes map[string]node `json:"nodes"`
	}
	ok, err := s.ask(ctx, c, path, q, nil, "heap, breakers, disks, processors and rejected threads", &b)
	if !ok || err != nil {
		return err
	}
	s.nodes = b.Nodes
	if !anyRejected(s.nodes) {
		return nil
	}
	if err := o.Sleep(ctx, resample); err != nil {
		return err
	}
	var again struct {
		Nodes map[string]node `json:"nodes"`
	}
	if ok, err := s.ask(ctx, c, path, q, nil, "whether threads are being rejected now", &again); !ok || err != nil {
		return err
	}
	s.before, s.nodes = s.nodes, again.Nodes
	return nil
}

func anyRejected(nodes map[string]node) bool {
	for _, n := range nodes {
		for _, p := range n.Pools {
			if p.Rejected > 0 {
				return true
			}
		}
	}
	return false
}

// askSettings reads the settings that decide where shards may go, whoever set them.
func (s *snapshot) askSettings(ctx context.Context, c Cluster) error {
	var b map[string]map[string]any
	q := url.Values{
		"include_defaults": {"true"}, "flat_settings": {"true"},
		"filter_path": {"*.cluster.routing.allocation*,*.cluster.max_shards_per_node,*.cluster.blocks*"},
	}
	ok, err := s.ask(ctx, c, "/_cluster/settings", q, nil, "watermarks and allocation settings (the defaults are taken)", &b)
	if !ok || err != nil {
		return err
	}
	s.settings = map[string]string{}
	for _, layer := range []string{"defaults", "persistent", "transient"} { // the later wins
		for k, v := range b[layer] {
			s.settings[k] = fmt.Sprint(v)
		}
	}
	return nil
}

func (s *snapshot) askBlocks(ctx context.Context, c Cluster) error {
	path := "/_settings/index.blocks.*"
	if s.index != "" {
		path = opensearch.Path(s.index, "_settings", "index.blocks.*")
	}
	var b map[string]struct {
		Settings map[string]any `json:"settings"`
	}
	ok, err := s.ask(ctx, c, path, url.Values{"flat_settings": {"true"}}, nil, "which indices are blocked for writing", &b)
	if !ok || err != nil {
		return err
	}
	s.blocks = map[string]indexBlocks{}
	for name, v := range b {
		s.blocks[name] = indexBlocks{readOnlyAllowDelete: fmt.Sprint(v.Settings["index.blocks.read_only_allow_delete"]) == "true"}
	}
	return nil
}

func (s *snapshot) askTasks(ctx context.Context, c Cluster) error {
	var b struct {
		Nodes map[string]struct {
			Name  string          `json:"name"`
			Tasks map[string]task `json:"tasks"`
		} `json:"nodes"`
	}
	ok, err := s.ask(ctx, c, "/_tasks", url.Values{"detailed": {"true"}}, nil, "tasks that run for long", &b)
	if !ok || err != nil {
		return err
	}
	s.tasks = []task{}
	for _, n := range b.Nodes {
		for id, t := range n.Tasks {
			t.ID, t.Node = id, n.Name
			s.tasks = append(s.tasks, t)
		}
	}
	return nil
}

func (s *snapshot) askPending(ctx context.Context, c Cluster) error {
	var b struct {
		Tasks []pendingTask `json:"tasks"`
	}
	_, err := s.ask(ctx, c, "/_cluster/pending_tasks", nil, nil, "what waits for the cluster manager", &b)
	s.pending = b.Tasks
	return err
}

// askISM reads what index policies did last. A cluster without the plugin has no policies, which is no gap.
func (s *snapshot) askISM(ctx context.Context, c Cluster) error {
	caps, err := c.Capabilities(ctx)
	if err != nil {
		return err
	}
	root := "_plugins"
	switch {
	case caps.Plugins == nil || caps.Has("opensearch-index-management"):
	case caps.Has("opendistro-index-management") || caps.Has("opendistro_index_management"): // Elasticsearch 7 on Amazon and Open Distro
		root = "_opendistro"
	default:
		return nil
	}
	index := s.index
	if index == "" {
		index = "*"
	}
	var b map[string]json.RawMessage
	ok, err := s.ask(ctx, c, opensearch.Path(root, "_ism", "explain", index), nil, nil, "index policies that failed", &b)
	if !ok || err != nil {
		return err
	}
	s.ism = []ismState{}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if st, ok := readISM(name, b[name]); ok {
			s.ism = append(s.ism, st)
		}
	}
	return nil
}

func readISM(name string, raw json.RawMessage) (ismState, bool) {
	var v struct {
		Policy string `json:"policy_id"`
		State  struct {
			Name string `json:"name"`
		} `json:"state"`
		Action struct {
			Name   string `json:"name"`
			Failed bool   `json:"failed"`
		} `json:"action"`
		Step struct {
			Status string `json:"step_status"`
		} `json:"step"`
		Retry struct {
			Failed bool `json:"failed"`
		} `json:"retry_info"`
		Info struct {
			Message string `json:"message"`
			Cause   string `json:"cause"`
		} `json:"info"`
	}
	if json.Unmarshal(raw, &v) != nil || v.Policy == "" {
		return ismState{}, false
	}
	message := v.Info.Message
	if v.Info.Cause != "" {
		message += ": " + v.Info.Cause
	}
	return ismState{index: name, policy: v.Policy, state: v.State.Name, action: v.Action.Name, message: message, failed: v.Action.Failed || v.Retry.Failed || v.Step.Status == "failed"}, true
}

// explain asks why shards are unassigned, one of each kind (primary or not, reason), primaries first.
func (s *snapshot) explain(ctx context.Context, c Cluster) {
	asked := map[string]bool{}
	for _, sh := range s.unassigned() {
		kind := sh.Role + sh.Reason
		if len(s.explains) == maxExplains || asked[kind+sh.Index] {
			continue
		}
		if n := countPrefix(asked, kind); n >= 2 { // the third of a kind tells nothing new
			continue
		}
		asked[kind+sh.Index] = true
		n, err := strconv.Atoi(sh.Shard)
		if err != nil {
			continue
		}
		body, err := json.Marshal(map[string]any{"index": sh.Index, "shard": n, "primary": sh.primary()})
		if err != nil {
			continue
		}
		var e explanation
		ok, err := s.ask(ctx, c, "/_cluster/allocation/explain", nil, body, "why shards are unassigned", &e)
		if err != nil || !ok {
			return
		}
		s.explains = append(s.explains, e)
	}
}

func countPrefix(m map[string]bool, prefix string) int {
	n := 0
	for k := range m {
		if strings.HasPrefix(k, prefix) {
			n++
		}
	}
	return n
}

// unassigned lists the shards that no node has, primaries first.
func (s *snapshot) unassigned() []shard {
	var out []shard
	for _, sh := range s.shards {
		if sh.State == "UNASSIGNED" {
			out = append(out, sh)
		}
	}
	slices.SortStableFunc(out, func(a, b shard) int { return strings.Compare(a.Role, b.Role) })
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
