package investigate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/trace/tracetest"
)

var begin = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// The worlds of these tests last an hour; what goes wrong in them does from the fortieth minute to the end.
const (
	worldMinutes = 60
	perMinute    = 8
	faultFrom    = 40 * time.Minute
)

// world is a small system: web -> shop -> {bank database, outside carrier, topic of three partitions -> ledger}.
type world struct {
	spans, logs, metrics []map[string]any
	n                    int
	fault                func(r *request) // called for requests from faultFrom on
}

// request is one user's request with what a fault may change.
type request struct {
	w                            *world
	i                            int
	at                           time.Duration
	tenant, version              string
	query, wait, carrier         time.Duration
	shopErr, bankErr, carrierErr string
	noShop                       string // the call of shop fails without an answer
	held                         bool
	skew                         time.Duration
	tools                        int
	node                         string
	partition                    string
}

func (w *world) run() {
	for i := range worldMinutes * perMinute {
		r := &request{
			w: w, i: i, at: time.Duration(i) * time.Minute / perMinute, tenant: []string{"main", "outlet", "partner"}[i%3], version: "1.0.0",
			query: time.Duration(4+i%3) * time.Millisecond, carrier: time.Duration(40+i%9) * time.Millisecond, tools: 1,
			node: []string{"node-a", "node-b"}[i%2], partition: []string{"0", "1", "2"}[i%3],
		}
		if r.at >= faultFrom && w.fault != nil {
			w.fault(r)
		}
		r.play()
		w.log(r.at, "shop", "INFO", 9, fmt.Sprintf("order %d stored", i))
	}
}

func (w *world) log(at time.Duration, service, severity string, number int64, body string) {
	w.logs = append(w.logs, map[string]any{
		"@timestamp": begin.Add(at), "serviceName": service, "severityText": severity, "severityNumber": number, "body": body, "_file": "app.log", "_line": int64(len(w.logs) + 1),
	})
}

func (w *world) gauge(name string, labels map[string]any, value func(at time.Duration) float64) {
	for m := range worldMinutes {
		at := time.Duration(m) * time.Minute
		row := map[string]any{"@timestamp": begin.Add(at), "name": name, "value": value(at)}
		maps.Copy(row, labels)
		w.metrics = append(w.metrics, row)
	}
}

func (r *request) span(parent, service, name, kind string, from, dur time.Duration, fail string, attrs map[string]any) string {
	r.w.n++
	id := fmt.Sprintf("%016x", r.w.n)
	row := map[string]any{
		"traceId": fmt.Sprintf("%032x", r.i+1), "spanId": id, "parentSpanId": parent, "serviceName": service, "name": name, "kind": "SPAN_KIND_" + kind,
		"startTime": begin.Add(r.at + from), "durationInNanos": dur.Nanoseconds(), "status.code": int64(0), "status.message": "",
		"resource.attributes.service.version": "1.0.0", "resource.attributes.k8s.node.name": "node-" + service,
	}
	if service == "shop" {
		row["resource.attributes.service.version"], row["resource.attributes.k8s.node.name"] = r.version, r.node
		row["startTime"] = begin.Add(r.at + from + r.skew)
	}
	for k, v := range attrs {
		row["attributes."+k] = v
	}
	if fail != "" {
		row["status.code"], row["status.message"] = int64(2), fail
	}
	r.w.spans = append(r.w.spans, row)
	return id
}

// play writes the spans of the request.
func (r *request) play() {
	ms := time.Millisecond
	fail := ""
	for _, f := range []string{r.shopErr, r.bankErr, r.carrierErr, r.noShop} {
		if f != "" {
			fail = f
		}
	}
	inner := 3*ms + r.wait + r.query + 2*ms + r.carrier + 3*ms
	if r.noShop != "" {
		inner = 2 * ms
	}
	root := r.span("", "web", "POST /order", "SERVER", 0, inner+6*ms, fail, map[string]any{"app.tenant": r.tenant, "http.request.method": "POST"})
	call := r.span(root, "web", "Order", "CLIENT", 2*ms, inner+2*ms, fail, map[string]any{"server.address": "shop.local"})
	if r.noShop != "" {
		return
	}
	shop := r.span(call, "shop", "Order", "SERVER", 3*ms, inner, fail, nil)
	r.span(shop, "shop", "SELECT", "CLIENT", 6*ms+r.wait, r.query, r.bankErr, map[string]any{"db.system.name": "postgresql", "db.namespace": "bank", "server.address": "db.local"})
	r.span(shop, "shop", "POST", "CLIENT", 8*ms+r.wait+r.query, r.carrier, r.carrierErr, map[string]any{"server.address": "api.carrier.example"})
	pub := r.span(shop, "shop", "orders publish", "PRODUCER", 9*ms, ms, "", map[string]any{"messaging.destination.name": "orders", "messaging.destination.partition.id": r.partition})
	if !r.held {
		r.span(pub, "ledger", "orders process", "CONSUMER", 30*ms, 5*ms, "", map[string]any{"messaging.destination.partition.id": r.partition})
	}
	agent := r.span("", "helper", "invoke_agent helper", "INTERNAL", 0, time.Second, "", map[string]any{"gen_ai.operation.name": "invoke_agent"})
	for t := range r.tools {
		from := time.Duration(t) * 100 * ms
		r.span(agent, "helper", "execute_tool find", "INTERNAL", from, 20*ms, "", map[string]any{"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find"})
		r.span(agent, "helper", "chat m", "CLIENT", from+20*ms, 70*ms, "", map[string]any{"gen_ai.operation.name": "chat", "server.address": "llm.example", "gen_ai.usage.input_tokens": int64(500 * (t + 1))})
	}
}

func (w *world) engine() *tracetest.Memory {
	m := &tracetest.Memory{Data: map[string][]map[string]any{"spans": w.spans, "logs": w.logs}}
	if len(w.metrics) > 0 {
		m.Data["metrics"] = w.metrics
	}
	return m
}

func alerted() investigate.Request {
	return investigate.Request{Alert: investigate.Alert{Text: "orders are in trouble", Time: begin.Add(faultFrom + 6*time.Minute)}}
}

func TestRunNamesServiceComponentAndFamily(t *testing.T) {
	for name, c := range map[string]struct {
		fault              func(*request)
		extra              func(*world)
		service, component string
		family             investigate.Family
		attribute          string // key=value that must be told, "" for none
	}{
		"a new version that fails for one tenant": {
			fault: func(r *request) {
				if r.version = "1.1.0"; r.tenant == "outlet" {
					r.shopErr = "NullPointerException: basket is null"
				}
			},
			service: "shop", component: "version 1.1.0", family: investigate.BadRelease, attribute: "app.tenant=outlet",
		},
		"an outside provider that is slow and times out": {
			fault: func(r *request) {
				if r.carrier = 900 * time.Millisecond; r.i%4 == 0 {
					r.carrierErr = "request timed out after 900 ms"
				}
			},
			service: "shop", component: "api.carrier.example", family: investigate.SlowDependency, attribute: "server.address=api.carrier.example",
		},
		"a connection pool that runs dry": {
			fault: func(r *request) {
				if r.wait = 300 * time.Millisecond; r.i%3 == 0 {
					r.bankErr = "timeout: could not acquire connection from pool"
				}
			},
			extra: func(w *world) {
				w.gauge("db_connections_used", map[string]any{"attributes.pool_name": "bank", "attributes.service_name": "shop"}, func(at time.Duration) float64 { return map[bool]float64{true: 20, false: 4}[at >= faultFrom] })
				w.gauge("db_connections_max", map[string]any{"attributes.pool_name": "bank", "attributes.service_name": "shop"}, func(time.Duration) float64 { return 20 })
			},
			service: "shop", component: "connection pool bank", family: investigate.PoolExhausted, attribute: "db.namespace=bank",
		},
		"a certificate that ended: callers fail and the service falls silent": {
			fault:   func(r *request) { r.noShop = "x509: certificate has expired: shop.local" },
			service: "shop", component: "certificate shop.local", family: investigate.CredentialsExpired, attribute: "server.address=shop.local",
		},
		"a message that blocks one partition": {
			fault: func(r *request) { r.held = r.partition == "1" },
			extra: func(w *world) {
				for at := faultFrom; at < worldMinutes*time.Minute; at += 20 * time.Second {
					w.log(at, "ledger", "ERROR", 17, "cannot deserialize record partition=1 offset=4711")
				}
			},
			service: "ledger", component: "orders partition 1", family: investigate.PoisonMessage, attribute: "messaging.destination.partition.id=1",
		},
		"a clock that jumps on one node": {
			fault: func(r *request) {
				if r.node == "node-b" {
					r.skew = 9 * time.Second
				}
			},
			service: "shop", component: "node-b", family: investigate.ClockTrouble, attribute: "k8s.node.name=node-b",
		},
		"an agent that repeats a tool": {
			fault: func(r *request) { r.tools = 7 },
			extra: func(w *world) {
				w.log(faultFrom-5*time.Second, "helper", "INFO", 9, "prompt template activated name=main version=31")
			},
			service: "helper", component: "prompt version 31", family: investigate.AgentLoop, attribute: "gen_ai.tool.name=find",
		},
		"a flag that breaks one tenant": {
			fault: func(r *request) {
				if r.tenant == "partner" {
					r.shopErr = "no such index"
				}
			},
			extra: func(w *world) {
				w.log(faultFrom-4*time.Second, "shop", "INFO", 9, "flag reloaded name=fast-search enabled=true")
			},
			service: "shop", component: "flag fast-search", family: investigate.FeatureFlag, attribute: "app.tenant=partner",
		},
		"a slow database without any word of it": {
			fault:   func(r *request) { r.query = 400 * time.Millisecond },
			service: "shop", component: "database bank (db.local)", family: investigate.SlowDependency, attribute: "db.namespace=bank",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{fault: c.fault}
			w.run()
			if c.extra != nil {
				c.extra(w)
			}
			rep, err := investigate.Run(t.Context(), w.engine(), alerted())
			if err != nil {
				t.Fatal(err)
			}
			if len(rep.Suspects) == 0 {
				t.Fatalf("no suspects: %s", rep.Summary)
			}
			s := rep.Suspects[0]
			if s.Service != c.service || s.Component != c.component || s.Family != c.family {
				t.Errorf("first suspect %s, %s, %s; want %s, %s, %s\nreasons: %q", s.Service, s.Component, s.Family, c.service, c.component, c.family, s.Reasons)
			}
			if off := rep.Onset.Sub(begin.Add(faultFrom)).Abs(); off > 2*time.Minute {
				t.Errorf("onset is %s off", off)
			}
			told := slices.ContainsFunc(s.Attributes, func(a investigate.Attribute) bool { return a.Key+"="+a.Value == c.attribute })
			if !told {
				t.Errorf("attributes %v do not tell %s", s.Attributes, c.attribute)
			}
			if len(s.Evidence) == 0 || s.Evidence[0].Query == "" {
				t.Errorf("evidence %+v has no query", s.Evidence)
			}
		})
	}
}

func TestRunCallsQuietDataQuiet(t *testing.T) {
	for name, disturb := range map[string]func(*request){
		"nothing happens":                       nil,
		"a batch job slows a query by a little": func(r *request) { r.query += 3 * time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{fault: disturb}
			w.run()
			for _, req := range []investigate.Request{{}, alerted()} {
				rep, err := investigate.Run(t.Context(), w.engine(), req)
				if err != nil {
					t.Fatal(err)
				}
				if rep.Incident {
					t.Errorf("false alarm: %s", rep.Summary)
				}
			}
		})
	}
}

func TestRunRulesOutWhatIsInnocent(t *testing.T) {
	w := &world{fault: func(r *request) {
		if r.i%2 == 0 {
			r.carrierErr = "500 internal server error"
		}
	}}
	w.run()
	w.log(faultFrom-time.Minute, "ledger", "INFO", 9, "deployed version=7.2.1")
	rep, err := investigate.Run(t.Context(), w.engine(), alerted())
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Suspects) != 1 || rep.Suspects[0].Component != "api.carrier.example" {
		t.Errorf("suspects %+v, want the carrier alone", rep.Suspects)
	}
	if !slices.ContainsFunc(rep.RuledOut, func(r investigate.RuledOut) bool { return r.Kind == "rollout" && r.Subject == "ledger rollout 7.2.1" }) {
		t.Errorf("ruled out %+v, want the rollout of ledger", rep.RuledOut)
	}
}

func TestRunWorksWithTheWindowOrWithLogsAlone(t *testing.T) {
	w := &world{fault: func(r *request) { r.shopErr = "boom" }}
	w.run()
	rep, err := investigate.Run(t.Context(), w.engine(), investigate.Request{Start: begin.Add(faultFrom), End: begin.Add(faultFrom + 10*time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Suspects) == 0 || rep.Suspects[0].Service != "shop" {
		t.Errorf("with a window: %s", rep.Summary)
	}
	for at := faultFrom; at < worldMinutes*time.Minute; at += 5 * time.Second {
		w.log(at, "shop", "ERROR", 17, "out of memory: cannot allocate 4096 bytes")
	}
	only := &tracetest.Memory{Data: map[string][]map[string]any{"logs": w.logs}}
	rep, err = investigate.Run(t.Context(), only, alerted())
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Suspects) == 0 || rep.Suspects[0].Service != "shop" || rep.Suspects[0].Family != investigate.MemoryRestart {
		t.Errorf("with logs alone: %s %+v", rep.Summary, rep.Suspects)
	}
}

// recordings is where the shared recordings lie beside the repository.
const recordings = "../../../shared/fixtures/incidents"

func TestRunFindsTheRootOfTheSharedRecordings(t *testing.T) {
	if _, err := os.Stat(recordings); err != nil {
		if os.Getenv("REQUIRE_LIVE") == "1" {
			t.Fatalf("shared recordings: %v", err)
		}
		t.Skip("the shared recordings are not beside this repository; REQUIRE_LIVE=1 makes this a failure")
	}
	store, err := local.New(local.Config{CacheDir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, id := range []string{"shop-01", "shop-02", "shop-03", "shop-04"} {
		t.Run(id, func(t *testing.T) {
			var truth struct {
				Window    struct{ Start time.Time }
				RootCause struct{ Service, Component string } `json:"root_cause"`
			}
			read(t, filepath.Join(recordings, "truth", id+".json"), &truth)
			body, err := os.ReadFile(filepath.Join(recordings, id, "alert.json"))
			if err != nil {
				t.Fatal(err)
			}
			alert, err := investigate.ParseAlert(body)
			if err != nil {
				t.Fatal(err)
			}
			eng, err := store.Open(t.Context(), filepath.Join(recordings, id))
			if err != nil {
				t.Fatal(err)
			}
			rep, err := investigate.Run(t.Context(), eng, investigate.Request{Alert: alert})
			if err != nil {
				t.Fatal(err)
			}
			if len(rep.Suspects) == 0 || rep.Suspects[0].Service != truth.RootCause.Service || rep.Suspects[0].Component != truth.RootCause.Component {
				t.Fatalf("first suspect of %+v, want %+v", rep.Suspects, truth.RootCause)
			}
			if off := rep.Onset.Sub(truth.Window.Start).Abs(); off > 2*time.Minute {
				t.Errorf("onset is %s off", off)
			}
			for _, e := range rep.Suspects[0].Evidence {
				if e.Kind == finding.Span && (e.Source == "" || e.Line == 0) {
					t.Errorf("evidence %+v does not say where it was read", e)
				}
				if e.Query == "" {
					continue
				}
				res, err := eng.Query(t.Context(), e.Query, engine.Limits{})
				if err != nil || len(res.Rows) == 0 {
					t.Errorf("evidence query %s: %d rows, %v", e.Query, len(res.Rows), err)
				}
			}
		})
	}
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatal(err)
	}
}

func TestRunWorksWithMetricsAlone(t *testing.T) {
	late := func(at time.Duration) bool { return at >= faultFrom }
	w := &world{}
	for i, svc := range []string{"web", "shop", "ledger"} {
		labels := map[string]any{"attributes.service_name": svc}
		w.gauge("fault", labels, func(at time.Duration) float64 {
			if late(at) && svc == "shop" {
				return 12 + float64(at/time.Minute%3)
			}
			return float64(at / time.Minute % 2)
		})
		w.gauge("container_cpu_usage_ratio", labels, func(at time.Duration) float64 { return .2 + .01*float64((int(at/time.Minute)+i)%5) })
	}
	pool := map[string]any{"attributes.pool_name": "bank", "attributes.service_name": "shop"}
	w.gauge("db_connections_used", pool, func(at time.Duration) float64 { return map[bool]float64{true: 20, false: 4}[late(at)] })
	w.gauge("db_connections_max", pool, func(time.Duration) float64 { return 20 })
	only := &tracetest.Memory{Data: map[string][]map[string]any{"metrics": w.metrics}}
	rep, err := investigate.Run(t.Context(), only, alerted())
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Suspects) == 0 || rep.Suspects[0].Service != "shop" || rep.Suspects[0].Family != investigate.PoolExhausted {
		t.Fatalf("%s %+v, want the pool of shop", rep.Summary, rep.Suspects)
	}
	if off := rep.Onset.Sub(begin.Add(faultFrom)).Abs(); off > 2*time.Minute {
		t.Errorf("onset is %s off", off)
	}
	if !slices.ContainsFunc(rep.Notes, func(n string) bool { return strings.Contains(n, "no spans") }) {
		t.Errorf("notes %q do not say what could not be looked at", rep.Notes)
	}
}

func TestEveryStepAnswersATable(t *testing.T) {
	w := &world{fault: func(r *request) {
		if r.version = "1.1.0"; r.tenant == "outlet" {
			r.shopErr = "NullPointerException: basket is null"
		}
		r.held = r.partition == "1"
	}}
	w.run()
	w.log(faultFrom-3*time.Second, "shop", "INFO", 9, "deployed version=1.1.0")
	w.gauge("queue_depth", map[string]any{"attributes.service_name": "ledger"}, func(at time.Duration) float64 {
		return 1 + max(0, float64((at-faultFrom)/time.Minute))*20
	})
	rep, err := investigate.Run(t.Context(), w.engine(), investigate.Request{Alert: alerted().Alert, Detail: true})
	if err != nil {
		t.Fatal(err)
	}
	want := map[investigate.Step]string{ // a cell that the step must show
		investigate.StepWindows: "incident", investigate.StepRED: "errors", investigate.StepAbsence: "orders partition 1", investigate.StepRare: "deployed version=1.1.0",
		investigate.StepChanges: "blamed itself", investigate.StepBlame: "shop", investigate.StepAttributes: "app.tenant=outlet",
		investigate.StepMetrics: "lag grows", investigate.StepExemplars: "earliest", investigate.StepHypotheses: "bad_release", investigate.StepBlastRadius: "shop Order",
	}
	var got []string
	for _, tab := range rep.Tables {
		got = append(got, string(tab.Step))
		if tab.Method == "" || len(tab.Columns) == 0 {
			t.Errorf("%s says neither its method nor its columns", tab.Step)
		}
		has := slices.ContainsFunc(tab.Rows, func(r []string) bool { return slices.Contains(r, want[tab.Step]) })
		if want[tab.Step] != "" && !has {
			t.Errorf("%s does not show %q: %q", tab.Step, want[tab.Step], tab.Rows)
		}
		for _, r := range tab.Rows {
			if len(r) != len(tab.Columns) {
				t.Errorf("%s: %d cells for %d columns", tab.Step, len(r), len(tab.Columns))
			}
		}
	}
	if d := cmp.Diff(investigate.StepNames(), got); d != "" {
		t.Errorf("steps (-want +got):\n%s", d)
	}
	one, err := investigate.Run(t.Context(), w.engine(), investigate.Request{Alert: alerted().Alert, Step: investigate.StepBlame})
	if err != nil || len(one.Tables) != 1 || one.Tables[0].Step != investigate.StepBlame {
		t.Errorf("one step: %+v, %v", one.Tables, err)
	}
}
