package metrics_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/plumbline-mcp/plumbline/internal/metrics"
	"github.com/plumbline-mcp/plumbline/internal/prometheus"
)

// server starts a real Prometheus over OpenMetrics text, or skips the test where there is none (Debian: apt-get install prometheus).
func server(t *testing.T, text string) *metrics.Server {
	t.Helper()
	for _, name := range []string{"prometheus", "promtool"} {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("REQUIRE_LIVE") == "1" {
				t.Fatalf("%s is not installed and REQUIRE_LIVE=1: apt-get install prometheus", name)
			}
			t.Skipf("%s is not installed: apt-get install prometheus", name)
		}
	}
	dir := t.TempDir()
	in, data, conf := filepath.Join(dir, "in.txt"), filepath.Join(dir, "data"), filepath.Join(dir, "prometheus.yml")
	write(t, in, text)
	write(t, conf, "scrape_configs: []\n")
	if out, err := exec.CommandContext(t.Context(), "promtool", "tsdb", "create-blocks-from", "openmetrics", in, data).CombinedOutput(); err != nil {
		t.Fatalf("back-fill: %v\n%s", err, out)
	}
	addr := freePort(t)
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, "prometheus", "--config.file="+conf, "--storage.tsdb.path="+data, "--storage.tsdb.retention.time=20y", "--web.listen-address="+addr, "--log.level=error")
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 10 * time.Second
	if err := c.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = c.Wait() })
	for range 200 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/-/ready", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	client, err := prometheus.New(prometheus.Config{Name: "real", URL: "http://" + addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return metrics.NewServer(client)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// same reports where two answers differ; numbers may differ by the order in which they were added.
func same(local, other *metrics.Answer) string {
	sortSeries(local)
	sortSeries(other)
	if local.Type != other.Type || len(local.Series) != len(other.Series) {
		return fmt.Sprintf("%d series of %s, the server has %d of %s", len(local.Series), local.Type, len(other.Series), other.Type)
	}
	for i, l := range local.Series {
		r := other.Series[i]
		if !labels.Equal(l.Labels, r.Labels) || len(l.Points) != len(r.Points) {
			return fmt.Sprintf("%s with %d points, the server has %s with %d", l.Labels, len(l.Points), r.Labels, len(r.Points))
		}
		for j, p := range l.Points {
			q := r.Points[j]
			near := p.V == q.V || math.IsNaN(p.V) && math.IsNaN(q.V) || math.Abs(p.V-q.V) <= 1e-9*math.Max(1, math.Abs(q.V))
			if p.At != q.At || !near {
				return fmt.Sprintf("%s: %v at %d, the server has %v at %d", l.Labels, p.V, p.At, q.V, q.At)
			}
		}
	}
	return ""
}

func sortSeries(a *metrics.Answer) {
	slices.SortFunc(a.Series, func(x, y metrics.Series) int { return labels.Compare(x.Labels, y.Labels) })
}

// TestLocalAnswersAsARealPrometheus asks both the same. The times lie between samples: PromQL 3, which Local follows, leaves the left
// edge of a range out, PromQL 2 of Debian's package does not.
func TestLocalAnswersAsARealPrometheus(t *testing.T) {
	text := shopText()
	src, prom := open(t, "m.txt", text), server(t, text)
	compare(t, src, prom, minutes(45.5), []string{
		`up`, `http_requests_total`, `http_requests_total{service="pay"}`, `http_requests_total{service=~"p.*|web"}`, `http_requests_total{code!="200"}`,
		`http_requests_total{code!~"2.."}`, `{__name__=~"pool_.*"}`, `{__name__=~"pool_used|pool_max",service="web"}`, `pool_used{absent=""}`, `pool_used{node=""}`,
		`rate(http_requests_total[5m])`, `irate(http_requests_total[5m])`, `increase(http_requests_total[10m])`, `sum by (service) (rate(http_requests_total[5m]))`,
		`sum(rate(http_requests_total{code=~"5.."}[5m])) by (service) / sum(rate(http_requests_total[5m])) by (service)`,
		`sum(rate(http_requests_total{code="500"}[5m])) / sum(rate(http_requests_total[5m])) > 0.05`,
		`histogram_quantile(0.5, sum by (service, le) (rate(http_duration_seconds_bucket[5m])))`, `histogram_quantile(0.99, sum by (le) (rate(http_duration_seconds_bucket[10m])))`,
		`rate(http_duration_seconds_sum[5m]) / rate(http_duration_seconds_count[5m])`,
		`topk(2, predict_linear(pool_used[20m], 60))`, `bottomk(1, pool_used)`, `quantile(0.5, pool_used)`, `count by (node) (pool_used)`, `stddev(pool_used)`,
		`pool_used / on(service) pool_max`, `pool_used / on(service) group_left pool_max * 100`, `pool_used > 3 and on(service) http_requests_total{code="500"} > 0`,
		`pool_used unless on(service) fault > 0`, `sum_over_time(request[5m])`, `avg_over_time(pool_used[10m])`, `max_over_time(pool_used[15m])`, `min_over_time(pool_used[15m])`,
		`quantile_over_time(0.9, pool_used[20m])`, `stddev_over_time(pool_used[20m])`, `count_over_time(pool_used[20m])`, `last_over_time(pool_used[20m])`, `present_over_time(pool_used[5m])`,
		`changes(pool_used[10m])`, `resets(http_requests_total[30m])`, `delta(pool_used[10m])`, `deriv(pool_used[10m])`, `predict_linear(pool_used[10m], 600)`, `idelta(pool_used[5m])`,
		`http_requests_total offset 10m`, `rate(http_requests_total[5m] offset 15m)`, `rate(http_requests_total[5m]) - rate(http_requests_total[5m] offset 20m)`,
		fmt.Sprintf(`pool_used @ %d`, minutes(12.5).Unix()), `max_over_time(rate(http_requests_total[270s])[20m:1m])`, `sum_over_time((pool_used > 5)[30m:1m])`,
		`absent(nosuch)`, `absent(pool_used)`, `label_replace(pool_used, "s", "$1", "service", "(..).*")`, `label_join(pool_used, "x", "-", "service", "node")`,
		`clamp_max(pool_used, 4)`, `round(pool_used / 3, 0.1)`, `abs(pool_used - 5)`, `ceil(pool_used / 4)`, `sgn(pool_used - 5)`, `sqrt(pool_used)`, `ln(pool_used + 1)`,
		`time()`, `vector(1)`, `scalar(sum(pool_used))`, `1 + 2 * 3`, `pool_used ^ 2 % 7`, `-pool_used`, `pool_used == bool 3`, `count_values("v", pool_used)`,
		`sort_desc(pool_used)`, `hour()`, `day_of_week(vector(time()))`, `timestamp(pool_used)`, `group(pool_used) by (node)`, `sum without (service) (pool_used)`,
		`histogram_quantile(0.9, http_duration_seconds_bucket)`, `sum(sum_over_time(fault[30m])) / sum(sum_over_time(request[30m]))`, `pool_used{service="nosuch"}`, `avg by (nosuch) (pool_used)`,
	})
}

// compare asks both for each query, at one time and over the time before it.
func compare(t *testing.T, src, prom metrics.Source, at time.Time, queries []string) {
	t.Helper()
	for _, q := range queries {
		l, err := src.Instant(t.Context(), q, at)
		if err != nil {
			t.Errorf("%s: %v", q, err)
			continue
		}
		r, err := prom.Instant(t.Context(), q, at)
		if err != nil {
			t.Errorf("%s: the server: %v", q, err)
			continue
		}
		if d := same(l, r); d != "" {
			t.Errorf("%s at once: %s", q, d)
		}
		if l, err = src.Range(t.Context(), q, at.Add(-40*time.Minute), at.Add(10*time.Minute), 70*time.Second+time.Millisecond); err != nil {
			t.Errorf("%s over time: %v", q, err)
			continue
		}
		if r, err = prom.Range(t.Context(), q, at.Add(-40*time.Minute), at.Add(10*time.Minute), 70*time.Second+time.Millisecond); err != nil {
			t.Errorf("%s over time: the server: %v", q, err)
			continue
		}
		if d := same(l, r); d != "" {
			t.Errorf("%s over time: %s", q, d)
		}
	}
}

// recordings are the shared ones; a clone alone has none.
const recordings = "../../../shared/fixtures/incidents"

// TestTheRecordingsAnswerAsARealPrometheus holds the metrics of the shared recordings against a server that was filled with them.
func TestTheRecordingsAnswerAsARealPrometheus(t *testing.T) {
	for _, name := range []string{"shop-01", "shop-02"} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(recordings, name, "metrics.jsonl.gz")
			if _, err := os.Stat(file); err != nil {
				if os.Getenv("REQUIRE_LIVE") == "1" {
					t.Fatal(err)
				}
				t.Skip("the shared recordings are not beside this repository; REQUIRE_LIVE=1 makes this a failure")
			}
			text, last := openMetrics(t, file)
			src, prom := openPath(t, file), server(t, text)
			compare(t, src, prom, last.Add(-20*time.Minute-30*time.Second), []string{
				`sum by (service) (sum_over_time(request[5m]))`, `sum by (service) (sum_over_time(fault[10m])) / sum by (service) (sum_over_time(request[10m]))`,
				`topk(4, sum by (service_name) (rate(server_request_duration_seconds_sum[10m])))`,
				`histogram_quantile(0.95, sum by (service_name, le) (rate(server_request_duration_seconds_bucket[5m])))`,
				`histogram_quantile(0.5, sum by (le) (rate(server_request_duration_seconds_bucket{cloud_region="eu-west-1"}[10m])))`,
				`sum by (cache) (rate(redis_keyspace_hits_total[5m])) / (sum by (cache) (rate(redis_keyspace_hits_total[5m])) + sum by (cache) (rate(redis_keyspace_misses_total[5m])))`,
				`db_client_connections_usage / ignoring(state) db_client_connections_max`, `max by (topic, partition) (kafka_consumergroup_lag)`,
				`increase(kube_pod_container_status_restarts_total[1h]) > 0`, `probe_ssl_earliest_cert_expiry - time()`, `count({__name__=~".+"}) by (__name__)`,
				`sum(rate(gen_ai_client_token_usage_sum[10m])) by (gen_ai_token_type)`, `avg_over_time(node_cpu_utilization_ratio[10m]) > 0.5`, `request{service="cart"}`,
				`max_over_time(container_memory_working_set_mib{service_name="checkout"}[30m])`, `sum(rate(server_request_duration_seconds_sum[5m])) by (service_name) / sum(rate(server_request_duration_seconds_count[5m])) by (service_name)`,
			})
		})
	}
}

// openMetrics writes a recording as text for a back-fill, and returns the time of its last sample.
func openMetrics(t *testing.T, file string) (text string, last time.Time) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]*strings.Builder{}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s struct {
			Metric     map[string]string
			Values     []float64
			Timestamps []int64
		}
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		set := labels.FromMap(s.Metric)
		name := set.Get("__name__")
		b := families[name]
		if b == nil {
			b = &strings.Builder{}
			families[name] = b
			fmt.Fprintf(b, "# TYPE %s unknown\n", name)
		}
		for i, v := range s.Values {
			fmt.Fprintf(b, "%s%s %v %.3f\n", name, labels.NewBuilder(set).Del("__name__").Labels().StringNoSpace(), v, float64(s.Timestamps[i])/1000)
			if at := time.UnixMilli(s.Timestamps[i]).UTC(); at.After(last) {
				last = at
			}
		}
	}
	var out strings.Builder
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for n := range families {
			if !yield(n) {
				return
			}
		}
	}) {
		out.WriteString(families[name].String())
	}
	return out.String() + "# EOF\n", last
}
