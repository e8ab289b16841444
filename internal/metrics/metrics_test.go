package metrics_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/metrics"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ramp is a counter of sixty a minute, a gauge, a histogram of which one in ten takes 2 s, and sums of each minute.
func ramp() string {
	var e exposition
	e.add("calls_made_total", `calls_made_total{app="a",code="200"}`, 31, func(i int) float64 { return 54 * float64(i) })
	e.add("calls_made_total", `calls_made_total{app="a",code="500"}`, 31, func(i int) float64 { return 6 * float64(i) })
	e.add("calls_made_total", `calls_made_total{app="b",code="200"}`, 31, func(i int) float64 { return 30 * float64(i%16) }) // restarts
	for le, share := range map[string]float64{"0.1": .5, "1": .9, "5": 1, "+Inf": 1} {
		e.add("wait_seconds", fmt.Sprintf(`wait_seconds_bucket{app="a",le=%q}`, le), 31, func(i int) float64 { return 100 * share * float64(i) })
	}
	e.add("wait_seconds", `wait_seconds_count{app="a"}`, 31, func(i int) float64 { return 100 * float64(i) })
	e.add("wait_seconds", `wait_seconds_sum{app="a"}`, 31, func(i int) float64 { return 25 * float64(i) })
	e.add("level", `level{app="a"}`, 31, func(i int) float64 {
		if i >= 20 {
			return 90
		}
		return 10 + float64(i%3)
	})
	e.add("request", `request{namespace="span_derived",service="a"}`, 31, func(i int) float64 { return float64(40 + 10*(i%2)) })
	return e.String()
}

// value is the only value of an instant answer.
func value(t *testing.T, src metrics.Source, query string, at time.Time) float64 {
	t.Helper()
	r, err := metrics.Query(t.Context(), src, metrics.Request{Query: query, Mode: metrics.AtOnce, Range: timerange.Range{End: at}})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if len(r.Series) != 1 || r.Series[0].Last == nil {
		t.Fatalf("%s: %d series, %v, want one value", query, len(r.Series), r.Empty)
	}
	return *r.Series[0].Last
}

func TestNumbersAreThoseReckonedByHand(t *testing.T) {
	src := open(t, "m.prom", ramp())
	at := minutes(30)
	for query, want := range map[string]float64{
		`rate(calls_made_total{code="500"}[5m])`:                                                         .1,
		`sum(rate(calls_made_total{app="a",code="500"}[5m])) / sum(rate(calls_made_total{app="a"}[5m]))`: .1,
		`histogram_quantile(0.9, rate(wait_seconds_bucket[10m]))`:                                        1,
		`histogram_quantile(0.95, sum by (le) (rate(wait_seconds_bucket[10m])))`:                         3, // half way from 1 to 5 s
		`rate(wait_seconds_sum[10m]) / rate(wait_seconds_count[10m])`:                                    .25,
		`increase(calls_made_total{app="a",code="200"}[10m])`:                                            540,
		`increase(calls_made_total{app="b"}[10m])`:                                                       300, // over no restart
		`sum_over_time(request[4m])`:                                                                     180, // four samples: the left edge is out
		`level - level offset 15m`:                                                                       80,
		`max_over_time(level[30m])`:                                                                      90,
		`max(level) by (nosuch)`:                                                                         90,
		`level @ 1777636800`:                                                                             10, // 12:00
		`count(calls_made_total)`:                                                                        3,
		`topk(1, calls_made_total)`:                                                                      1620,
	} {
		if got := value(t, src, query, at); got < want-1e-9 || got > want+1e-9 {
			t.Errorf("%s = %v, want %v", query, got, want)
		}
	}
}

func TestASeriesIsReducedToWhatAReaderNeeds(t *testing.T) {
	src := open(t, "m.prom", ramp())
	r, err := metrics.Query(t.Context(), src, metrics.Request{Query: "level"})
	if err != nil {
		t.Fatal(err)
	}
	if r.Step != "1m" || !r.Start.Equal(zero) || !r.End.Equal(minutes(30)) || len(r.Series) != 1 {
		t.Fatalf("%s to %s by %s, %d series", r.Start, r.End, r.Step, len(r.Series))
	}
	s := r.Series[0]
	got := []any{*s.Last, *s.Min, *s.Max, s.Points, s.MaxAt.Format("15:04"), s.Change.Time.Format("15:04"), s.Change.After, s.Spark}
	want := []any{90.0, 10.0, 90.0, 31, "12:20", "12:20", 90.0, "▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁███████████"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSeriesAreOrderedBoundedAndTheirCommonLabelsToldOnce(t *testing.T) {
	var e exposition
	for i := range 30 {
		e.add("disk_used_bytes", fmt.Sprintf(`disk_used_bytes{cluster="c",disk="d%02d"}`, i), 5, func(int) float64 { return float64(i * i) })
	}
	src := open(t, "m.prom", e.String())
	for _, mode := range []metrics.Mode{metrics.OverTime, metrics.AtOnce} {
		r, err := metrics.Query(t.Context(), src, metrics.Request{Query: "disk_used_bytes", Limit: 3, Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		if r.Total != 30 || len(r.Series) != 3 || r.Series[0].Labels["disk"] != "d29" || *r.Series[2].Last != 27*27 || r.Unit != "bytes" {
			t.Errorf("%s: %d of %d series, first %v, unit %s", mode, len(r.Series), r.Total, r.Series[0].Labels, r.Unit)
		}
		if d := cmp.Diff(map[string]string{"__name__": "disk_used_bytes", "cluster": "c"}, r.Common); d != "" {
			t.Error(d)
		}
	}
	r, err := metrics.Query(t.Context(), src, metrics.Request{Query: "sort(disk_used_bytes)", Limit: 2, Mode: metrics.AtOnce})
	if err != nil || *r.Series[0].Last != 0 {
		t.Errorf("sort: %v, %v: the query's own order is kept", r.Series, err)
	}
}

func TestRawPointsAreBounded(t *testing.T) {
	var e exposition
	for i := range 40 {
		e.add("x", fmt.Sprintf(`x{i="%d"}`, i), 240, func(j int) float64 { return float64(j) })
	}
	r, err := metrics.Query(t.Context(), open(t, "m.prom", e.String()), metrics.Request{Query: "x", Raw: true, Limit: 40})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range r.Series {
		n += len(s.Values)
	}
	if n != 5000 || !strings.Contains(strings.Join(r.Notes, "\n"), "cut at 5000") {
		t.Errorf("%d raw points, notes %q", n, r.Notes)
	}
}

func TestErrorsShowThePlaceAndTheMending(t *testing.T) {
	src := open(t, "m.prom", ramp())
	for query, want := range map[string][2]string{
		`sum(rat(level[5m]))`:            {"unknown function with name \"rat\" (line 1, column 5)\n  sum(rat(level[5m]))\n      ^^^", "Did you mean rate?"},
		`rate(level)`:                    {"(line 1, column 6)\n  rate(level)\n       ^^^^^", "Give the selector a range"},
		"sum by (app) (\n  level[5m]\n)": {"(line 2, column 3)", "Take the range [..] off"},
		`level{app=a}`:                   {"(line 1, column 11)", ""},
		`level{app="a"`:                  {"(line 1, column 14)", "1 { and 0 }"},
		`sum(level[1x])`:                 {"(line 1, column", "Durations are"},
		`{}`:                             {"non-empty matcher", "Name a metric"},
		``:                               {"no query", "Write PromQL"},
		`level level`:                    {"(line 1, column 7)", "Between two terms"},
	} {
		_, err := metrics.Query(t.Context(), src, metrics.Request{Query: query})
		if fault.CodeOf(err) != fault.InvalidQuery || !strings.Contains(err.Error(), want[0]) || !strings.Contains(fault.HintOf(err), want[1]) {
			t.Errorf("%s: %v\nhint: %s\nwant %q, %q", query, err, fault.HintOf(err), want[0], want[1])
		}
	}
}

func TestHintsSayWhereAFunctionDoesNotFitTheSeries(t *testing.T) {
	src := open(t, "m.prom", ramp())
	for query, want := range map[string]string{
		`rate(request[5m])`:                             "it is no counter",
		`increase(request[5m])`:                         "use sum_over_time(request[5m])",
		`sum_over_time(calls_made_total[5m])`:           "use increase(calls_made_total[5m])",
		`sum(calls_made_total)`:                         "is a counter",
		`rate(calls_made_total[1m])`:                    "fewer than two samples",
		`sum by (ap) (level)`:                           "did you mean app?",
		`topk(1, level)`:                                "topk chooses anew",
		`rate(calls_made_total[5m])`:                    "",
		`sum_over_time(request[5m])`:                    "",
		`level`:                                         "",
		`sum by (app) (rate(wait_seconds_count[5m]))`:   "",
		`histogram_quantile(0.9, wait_seconds_bucket)`:  "",
		`label_replace(level, "x", "$1", "app", "(.)")`: "",
	} {
		r, err := metrics.Query(t.Context(), src, metrics.Request{Query: query})
		if err != nil {
			t.Fatal(err)
		}
		notes := strings.Join(r.Notes, "\n")
		if want == "" && notes != "" || !strings.Contains(notes, want) {
			t.Errorf("%s: notes %q, want %q", query, notes, want)
		}
	}
	r, err := metrics.Query(t.Context(), src, metrics.Request{Query: "rate(calls_made_total[5m])", Step: 20 * time.Minute})
	if err != nil || !strings.Contains(strings.Join(r.Notes, "\n"), "step 20m is longer than range 5m") {
		t.Errorf("%q, %v", r.Notes, err)
	}
}

func TestAnEvaluationThatFailsSaysHowToMendIt(t *testing.T) {
	_, err := metrics.Query(t.Context(), open(t, "m.prom", ramp()), metrics.Request{Query: `level / on(code) calls_made_total`})
	if fault.CodeOf(err) != fault.InvalidQuery || !strings.Contains(fault.HintOf(err), "group_left") {
		t.Errorf("%v, hint %q", err, fault.HintOf(err))
	}
}

func TestAnEmptyAnswerSaysWhy(t *testing.T) {
	src := open(t, "m.prom", ramp())
	for query, want := range map[string]string{
		`levl`:                                 "there is no metric levl; the nearest of 6 is level",
		`calls_total`:                          "the nearest of 6 is calls_made_total",
		`level{app="x"}`:                       `no series of level has app="x"; values: a`,
		`level{ap="a"}`:                        "level has no label ap; did you mean app?",
		`calls_made_total{app="b",code="500"}`: "no series has all of them",
		`level > 1000`:                         "the values there are 90 to 90",
		`level / ignoring(app) request`:        "no series with equal labels: left {app}, right {namespace, service}",
		`level offset 3h`:                      "the data runs from 2026-05-01T12:00:00Z to 2026-05-01T12:30:00Z",
		`sum(rate(calls_made_total{app="c"}[5m]))`: `no series of calls_made_total has app="c"`,
		`rate(level[1m])`:                          "needs two",
	} {
		r, err := metrics.Query(t.Context(), src, metrics.Request{Query: query})
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if got := strings.Join(r.Empty, "\n"); r.Total != 0 || !strings.Contains(got, want) {
			t.Errorf("%s: %d series, %q, want %q", query, r.Total, got, want)
		}
	}
	r, err := metrics.Query(t.Context(), src, metrics.Request{Query: "level", Range: timerange.Range{Start: minutes(300), End: minutes(400)}})
	if err != nil || !strings.Contains(strings.Join(r.Empty, ""), "level has no sample between 2026-05-01T16:55:00Z and 2026-05-01T18:40:00Z; the data runs from") {
		t.Errorf("%v, %v", r, err)
	}
}

// otlp is an export of two processes of one service: names with dots, a unit, a delta sum and a histogram.
const otlp = `{"resourceMetrics":[` +
	`{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"service.instance.id","value":{"stringValue":"i1"}}]},"scopeMetrics":[{"scope":{"name":"http"},"metrics":[` +
	`{"name":"http.server.requests","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"timeUnixNano":"1777636800000000000","asInt":"0","attributes":[{"key":"http.response.status_code","value":{"intValue":"200"}}]},{"timeUnixNano":"1777636860000000000","asInt":"60","attributes":[{"key":"http.response.status_code","value":{"intValue":"200"}}]},{"timeUnixNano":"1777636920000000000","asInt":"120","attributes":[{"key":"http.response.status_code","value":{"intValue":"200"}}]}]}},` +
	`{"name":"http.server.request.duration","unit":"s","histogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1777636800000000000","count":"0","sum":0,"bucketCounts":["0","0","0"],"explicitBounds":[0.1,1]},{"timeUnixNano":"1777636920000000000","count":"120","sum":30,"bucketCounts":["60","60","0"],"explicitBounds":[0.1,1]}]}}]}]},` +
	`{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"service.instance.id","value":{"stringValue":"i2"}}]},"scopeMetrics":[{"scope":{"name":"http"},"metrics":[` +
	`{"name":"http.server.requests","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"timeUnixNano":"1777636800000000000","asInt":"5","attributes":[{"key":"http.response.status_code","value":{"intValue":"200"}}]},{"timeUnixNano":"1777636920000000000","asInt":"125","attributes":[{"key":"http.response.status_code","value":{"intValue":"200"}}]}]}}]}]}]}` + "\n"

func TestNamesOfOpenTelemetryAreQueriedAsPrometheusSpellsThem(t *testing.T) {
	src := open(t, "metrics.otlp.json", otlp)
	at := minutes(2)
	// Two processes are two series; a want of 0 is extrapolated and checked to be about right.
	for _, c := range []struct {
		query string
		want  float64
	}{
		{`count(http_server_requests)`, 2},
		{`sum(increase(http_server_requests_total{http_response_status_code="200"}[150s]))`, 0},
		{`sum(http_server_requests{service_name="shop",service_instance_id="i2"})`, 125},
		{`sum({"http.server.requests"})`, 245},
		{`histogram_quantile(0.75, sum by (le) (http_server_request_duration_seconds_bucket))`, .55},
		{`http_server_request_duration_seconds_sum / http_server_request_duration_seconds_count`, .25},
		{`histogram_quantile(0.75, sum by (le, service_name) (http_server_request_duration_bucket))`, .55},
	} {
		query, want := c.query, c.want
		got := value(t, src, query, at)
		if want == 0 {
			if got < 200 || got > 320 {
				t.Errorf("%s = %v", query, got)
			}
			continue
		}
		if got < want-1e-9 || got > want+1e-9 {
			t.Errorf("%s = %v, want %v", query, got, want)
		}
	}
}

func TestSamplesFarApartStayCurrent(t *testing.T) {
	var b strings.Builder
	for i := range 24 {
		fmt.Fprintf(&b, "slow{x=\"1\"} %d %d\n", i, zero.Add(time.Duration(i)*time.Hour).Unix())
	}
	r, err := metrics.Query(t.Context(), open(t, "m.prom", "# TYPE slow gauge\n"+b.String()+"# EOF\n"), metrics.Request{Query: "slow"})
	if err != nil {
		t.Fatal(err)
	}
	if r.Step != "1h" || r.Series[0].Points != 24 || !strings.Contains(strings.Join(r.Notes, ""), "samples stand 1h apart") {
		t.Errorf("step %s, %d points, notes %q", r.Step, r.Series[0].Points, r.Notes)
	}
}

func TestFindDescribesMetricsByWords(t *testing.T) {
	src := open(t, "m.prom", ramp())
	f, err := metrics.Find(t.Context(), src, metrics.Search{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range f.Metrics {
		got = append(got, m.Name+" "+m.Kind+" "+m.Query)
	}
	want := []string{
		"calls_made_total counter sum by (app) (rate(calls_made_total[5m]))",
		"level gauge max (level)",
		"request delta sum (sum_over_time(request[5m]))",
		"wait_seconds histogram histogram_quantile(0.95, sum by (le) (rate(wait_seconds_bucket[5m])))",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for words, want := range map[string]string{"calls 500": "calls_made_total", "wait": "wait_seconds", "span_derived": "request", "APP code": "calls_made_total"} {
		f, err := metrics.Find(t.Context(), src, metrics.Search{Words: words})
		if err != nil || len(f.Metrics) != 1 || f.Metrics[0].Name != want {
			t.Errorf("%s: %v, %v, want %s", words, f, err, want)
		}
	}
	if f, err = metrics.Find(t.Context(), src, metrics.Search{Words: "waiting"}); err != nil || f.Matched != 0 || len(f.Near) == 0 || f.Near[0][:4] != "wait" {
		t.Errorf("%+v, %v: want the nearest names", f, err)
	}
	// Every proposed query answers.
	for _, m := range f.Metrics {
		if r, err := metrics.Query(t.Context(), src, metrics.Request{Query: m.Query}); err != nil || r.Total == 0 {
			t.Errorf("%s: %v, %v", m.Query, r, err)
		}
	}
}

func TestASourceWithoutMetricsSaysWhatItHas(t *testing.T) {
	src := open(t, "app.log", "2026-05-01 12:00:00 INFO started\n")
	_, err := metrics.Query(t.Context(), src, metrics.Request{Query: "up"})
	if fault.CodeOf(err) != fault.NotFound || !strings.Contains(fault.HintOf(err), "Its tables are: logs") {
		t.Errorf("%v, hint %q", err, fault.HintOf(err))
	}
}
