package otlp_test

import (
	"bufio"
	"bytes"
	stdgz "compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	grpcgz "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/protobuf/proto"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/otlp"
)

func openStore(t *testing.T, cfg otlp.Config) *otlp.Store {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	cfg.Now = time.Now
	s, err := otlp.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// serve runs a receiver with gRPC without TLS, as plumbline listen does.
func serve(t *testing.T, s *otlp.Store) string {
	t.Helper()
	web := httptest.NewUnstartedServer(otlp.NewReceiver(s))
	web.Config.Protocols = &http.Protocols{}
	web.Config.Protocols.SetHTTP1(true)
	web.Config.Protocols.SetUnencryptedHTTP2(true)
	web.Start()
	t.Cleanup(web.Close)
	return web.Listener.Addr().String()
}

// query asks the store's directory as a source.
func query(t *testing.T, dir, ppl string) string {
	t.Helper()
	store, err := local.New(local.Config{CacheDir: t.TempDir(), Now: time.Now, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	eng, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	res, err := eng.Query(t.Context(), ppl, engine.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range res.Rows {
		out = append(out, strings.TrimSpace(fmt.Sprintln(r...)))
	}
	return strings.Join(out, "; ")
}

func str(k, v string) *common.KeyValue {
	return &common.KeyValue{Key: k, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}}
}

func export(from, n int) *coltrace.ExportTraceServiceRequest {
	ss := &trace.ScopeSpans{Scope: &common.InstrumentationScope{Name: "test"}}
	for i := from; i < from+n; i++ {
		ss.Spans = append(ss.Spans, &trace.Span{
			TraceId: fmt.Appendf(nil, "%016d", i), SpanId: fmt.Appendf(nil, "%08d", i), Name: "s", Kind: trace.Span_SPAN_KIND_CLIENT,
			StartTimeUnixNano: 1779904800000000000 + uint64(i), EndTimeUnixNano: 1779904801000000000 + uint64(i),
			Attributes: []*common.KeyValue{
				str("k", "a \"quoted\"\nline\x00 ü"),
				{Key: "n", Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: int64(i)}}},
				{Key: "list", Value: &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{{Value: &common.AnyValue_BoolValue{BoolValue: true}}}}}}},
			},
			Events: []*trace.Span_Event{{TimeUnixNano: 1779904800000000001, Name: "exception", Attributes: []*common.KeyValue{str("exception.type", "E")}}},
			Status: &trace.Status{Code: trace.Status_STATUS_CODE_ERROR, Message: "bad"},
		})
	}
	return &coltrace.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{str("service.name", "svc")}}, ScopeSpans: []*trace.ScopeSpans{ss},
	}}}
}

func post(t *testing.T, url, kind, encoding string, body []byte) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(raw)
}

func packed(data []byte) []byte {
	var b bytes.Buffer
	z := stdgz.NewWriter(&b)
	_, _ = z.Write(data)
	_ = z.Close()
	return b.Bytes()
}

func TestEveryWayInGivesTheSameSpan(t *testing.T) {
	req := export(7, 1)
	raw, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	asJSON := []byte(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"svc"}}]},"scopeSpans":[{"spans":[{"traceId":"30303030303030303030303030303037","spanId":"3030303030303037","name":"s","kind":3,"startTimeUnixNano":"1779904800000000007","endTimeUnixNano":"1779904801000000007","attributes":[{"key":"k","value":{"stringValue":"x"}},{"key":"n","value":{"intValue":7}}],"events":[{"name":"exception"}],"status":{"code":2,"message":"bad"},"unknown":1}]}]}]}`)
	for name, send := range map[string]func(addr string) error{
		"protobuf": func(a string) error {
			return want200(post(t, "http://"+a+"/v1/traces", "application/x-protobuf", "", raw))
		},
		"protobuf, gzip, a path before": func(a string) error {
			return want200(post(t, "http://"+a+"/opentelemetry/v1/traces", "application/x-protobuf", "gzip", packed(raw)))
		},
		"JSON": func(a string) error {
			return want200(post(t, "http://"+a+"/v1/traces", "application/json; charset=utf-8", "", asJSON))
		},
		"JSON, gzip": func(a string) error {
			return want200(post(t, "http://"+a+"/v1/traces", "application/json", "gzip", packed(asJSON)))
		},
		"gRPC":       func(a string) error { return byGRPC(t, a, req) },
		"gRPC, gzip": func(a string) error { return byGRPC(t, a, req, grpc.UseCompressor(grpcgz.Name)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, otlp.Config{})
			if err := send(serve(t, s)); err != nil {
				t.Fatal(err)
			}
			got := query(t, s.Dir(), "source=spans | fields traceId, spanId, name, kind, durationInNanos, `status.code`, `status.message`, serviceName, `attributes.n`")
			if got != "30303030303030303030303030303037 3030303030303037 s SPAN_KIND_CLIENT 1000000000 2 bad svc 7" {
				t.Error(got)
			}
			if st := s.Stats(); st.Spans != 1 || st.Exports != 1 {
				t.Errorf("%+v", st)
			}
		})
	}
}

func want200(status int, body string) error {
	if status != http.StatusOK {
		return fmt.Errorf("%d %s", status, body)
	}
	return nil
}

func byGRPC(t *testing.T, addr string, req *coltrace.ExportTraceServiceRequest, opts ...grpc.CallOption) error {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = coltrace.NewTraceServiceClient(conn).Export(t.Context(), req, opts...)
	return err
}

func TestLogsAndMetricsArrive(t *testing.T) {
	s := openStore(t, otlp.Config{})
	addr := serve(t, s)
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	res := &resource.Resource{Attributes: []*common.KeyValue{str("service.name", "svc")}}
	if _, err := collogs.NewLogsServiceClient(conn).Export(t.Context(), &collogs.ExportLogsServiceRequest{ResourceLogs: []*logs.ResourceLogs{{Resource: res, ScopeLogs: []*logs.ScopeLogs{{LogRecords: []*logs.LogRecord{{
		TimeUnixNano: 1779904800000000000, SeverityNumber: 17, SeverityText: "ERROR", Body: str("", "it broke").GetValue(), TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567"), EventName: "device.failed",
	}}}}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := colmetrics.NewMetricsServiceClient(conn).Export(t.Context(), &colmetrics.ExportMetricsServiceRequest{ResourceMetrics: []*metrics.ResourceMetrics{{Resource: res, ScopeMetrics: []*metrics.ScopeMetrics{{Metrics: []*metrics.Metric{{
		Name: "queue", Data: &metrics.Metric_Gauge{Gauge: &metrics.Gauge{DataPoints: []*metrics.NumberDataPoint{{
			TimeUnixNano: 1779904800000000000, Value: &metrics.NumberDataPoint_AsInt{AsInt: 42}, Exemplars: []*metrics.Exemplar{{TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567")}},
		}}}},
	}}}}}}}); err != nil {
		t.Fatal(err)
	}
	if got := query(t, s.Dir(), "source=logs | fields severityText, body, traceId, spanId, serviceName, eventName"); got != "ERROR it broke 30313233343536373839616263646566 3031323334353637 svc device.failed" {
		t.Error(got)
	}
	if got := query(t, s.Dir(), "source=metrics | fields name, value, serviceName"); got != "queue 42 svc" {
		t.Error(got)
	}
	files, _ := filepath.Glob(filepath.Join(s.Dir(), "*.jsonl"))
	raw, err := os.ReadFile(files[0])
	if err != nil || !bytes.Contains(raw, []byte("30313233343536373839616263646566\"")) {
		t.Errorf("ids are not in hexadecimal: %s", raw)
	}
}

func TestTheGoSDKSends(t *testing.T) {
	s := openStore(t, otlp.Config{})
	exp, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL("http://"+serve(t, s)+"/v1/traces"), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	if err != nil {
		t.Fatal(err)
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exp))
	_, span := p.Tracer("x").Start(t.Context(), "chat gpt-4o")
	span.SetAttributes(attribute.String("gen_ai.operation.name", "chat"), attribute.StringSlice("gen_ai.response.finish_reasons", []string{"stop"}))
	span.End()
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := query(t, s.Dir(), "source=spans | fields name, `attributes.gen_ai.operation.name`"); got != "chat gpt-4o chat" {
		t.Error(got)
	}
}

func TestWhatCannotBeReadIsRefusedForGood(t *testing.T) {
	addr := serve(t, openStore(t, otlp.Config{}))
	for name, c := range map[string]struct {
		path, kind, encoding, body string
		want                       int
	}{
		"no protobuf":      {"/v1/traces", "application/x-protobuf", "", "\xff\xff\xff", 400},
		"no JSON":          {"/v1/logs", "application/json", "", "{", 400},
		"another type":     {"/v1/logs", "text/plain", "", "hello", 415},
		"another encoding": {"/v1/traces", "application/json", "br", "{}", 415},
		"no gzip":          {"/v1/traces", "application/json", "gzip", "{}", 400},
		"another path":     {"/v2/traces", "application/json", "", "{}", 404},
		"too large":        {"/v1/traces", "application/json", "gzip", string(packed(bytes.Repeat([]byte(" "), 65<<20))), 413},
	} {
		if got, body := post(t, "http://"+addr+c.path, c.kind, c.encoding, []byte(c.body)); got != c.want {
			t.Errorf("%s: %d %s", name, got, body)
		}
	}
	big := export(1, 1)
	big.ResourceSpans[0].ScopeSpans[0].Spans[0].Name = strings.Repeat("x", 9<<20)
	raw, err := proto.Marshal(big)
	if err != nil {
		t.Fatal(err)
	}
	status, body := post(t, "http://"+addr+"/v1/traces", "application/x-protobuf", "", raw)
	var out coltrace.ExportTraceServiceResponse
	if err := proto.Unmarshal([]byte(body), &out); err != nil || status != http.StatusOK || out.GetPartialSuccess().GetRejectedSpans() != 1 {
		t.Errorf("a span over the bound: %d %v %v", status, &out, err)
	}
}

func TestABurstIsHeldBackAndNothingIsLost(t *testing.T) {
	s := openStore(t, otlp.Config{MaxQueued: 256 << 10, SegmentBytes: 4 << 20})
	addr := serve(t, s)
	const senders, exports, each = 24, 12, 200
	var retried sync.Map
	var wg sync.WaitGroup
	for n := range senders {
		wg.Go(func() {
			for e := range exports {
				raw, err := proto.Marshal(export((n*exports+e)*each, each))
				if err != nil {
					t.Error(err)
					return
				}
				for {
					req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/v1/traces", bytes.NewReader(raw))
					if err != nil {
						t.Error(err)
						return
					}
					req.Header.Set("Content-Type", "application/x-protobuf")
					res, err := http.DefaultClient.Do(req)
					if err != nil {
						t.Error(err)
						return
					}
					res.Body.Close()
					if res.StatusCode == http.StatusOK {
						break
					}
					if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
						t.Errorf("status %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
						return
					}
					retried.Store(n, true)
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
	wg.Wait()
	if got, want := query(t, s.Dir(), "source=spans | stats distinct_count(traceId) as n"), strconv.Itoa(senders*exports*each); got != want {
		t.Errorf("%s spans of %s", got, want)
	}
	if s.Stats().Refused == 0 {
		t.Error("nobody was told to wait")
	}
}

func TestTheOldestSegmentsGoAndItIsSaid(t *testing.T) {
	s := openStore(t, otlp.Config{MaxBytes: 200 << 10, SegmentBytes: 40 << 10})
	for i := range 30 {
		if _, err := s.Traces(t.Context(), export(i*50, 50)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var size int64
	files, _ := filepath.Glob(filepath.Join(s.Dir(), "*.jsonl"))
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > 260<<10 || s.Stats().Dropped == 0 {
		t.Errorf("%d bytes are left, %d segments dropped", size, s.Stats().Dropped)
	}
	if got := query(t, s.Dir(), "source=logs | where eventName = 'plumbline.listen.dropped' | stats count() as n"); got == "0" {
		t.Error("the store does not say what it dropped")
	}
	if got := query(t, s.Dir(), "source=spans | stats max(`attributes.n`) as n"); got != "1499" {
		t.Errorf("the newest span is %s", got)
	}
}

func TestOneProcessWritesAStore(t *testing.T) {
	s := openStore(t, otlp.Config{})
	if _, err := otlp.Open(otlp.Config{Dir: s.Dir(), Now: time.Now}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("%v", err)
	}
	if !otlp.IsStore(s.Dir()) || otlp.IsStore(t.TempDir()) {
		t.Error("a store is not told from another directory")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), []byte("x\n")); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a closed store takes more: %v", err)
	}
}

// TestMain lets this binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("OTLP_TEST_WRITE"); dir != "" {
		if err := writeForever(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// tornForm is what is said of a cut-off line: the kill may have cut one off as well.
var tornForm = regexp.MustCompile(`; [1-9]\d* bytes of an unfinished line were removed`)

func writeForever(dir string) error {
	s, err := otlp.Open(otlp.Config{Dir: dir, Now: time.Now, PID: os.Getpid()})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		if _, err := s.Traces(context.Background(), export(i*10, 10)); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

func TestKillingTheProcessLosesNothingAcknowledgedAndIsSaid(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "OTLP_TEST_WRITE="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := -1
	for sc := bufio.NewScanner(out); sc.Scan(); {
		if _, err := fmt.Sscan(sc.Text(), &acked); err != nil {
			t.Fatal(err)
		}
		if acked == 500 {
			if err := cmd.Process.Kill(); err != nil { // SIGKILL
				t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Fatalf("the process was not killed: %v", err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	f, err := os.OpenFile(files[len(files)-1], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString(`{"resourceSpans":[{"resource":{"attr`) // as a write that was cut off leaves it
	f.Close()
	if got, err := strconv.Atoi(query(t, dir, "source=spans | stats count() as n")); err != nil || got < 10*(acked+1) {
		t.Errorf("before the restart: %d spans, %d exports of 10 acknowledged, %v", got, acked+1, err)
	}
	s := openStore(t, otlp.Config{Dir: dir})
	if _, err := s.Traces(t.Context(), export(9_000_000, 1)); err != nil {
		t.Fatal(err)
	}
	if got := query(t, dir, fmt.Sprintf("source=spans | where `attributes.n` < %d | stats count() as n", 10*(acked+1))); got != strconv.Itoa(10*(acked+1)) {
		t.Errorf("%s spans, %d exports of 10 acknowledged", got, acked+1)
	}
	said := query(t, dir, "source=logs | where eventName = 'plumbline.listen.recovered' | fields body")
	if !strings.Contains(said, "was ended without closing") || !tornForm.MatchString(said) {
		t.Errorf("said: %s", said)
	}
}
