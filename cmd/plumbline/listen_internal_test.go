package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

var receivingForm = regexp.MustCompile(`receiving OTLP \(gRPC and HTTP\) on (\S+)`)

// listenForTest runs `plumbline listen DIR` on a free port and returns its address.
func listenForTest(t *testing.T, env map[string]string, dir string, args ...string) (addr string, stop func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, w := io.Pipe()
	done := make(chan int, 1)
	go func() {
		h := host{in: strings.NewReader(""), out: w, err: io.Discard, env: func(k string) string { return env[k] }, now: time.Now}
		done <- execute(ctx, h, append([]string{"listen", dir, "--otlp", "127.0.0.1:0"}, args...))
		_ = w.Close()
	}()
	var text strings.Builder
	found := make(chan string, 1)
	var read sync.WaitGroup
	read.Go(func() {
		for sc := bufio.NewScanner(out); sc.Scan(); {
			text.WriteString(sc.Text() + "\n")
			if m := receivingForm.FindStringSubmatch(sc.Text()); m != nil {
				found <- m[1]
			}
		}
		close(found)
	})
	stop = sync.OnceValue(func() string {
		cancel()
		if code := <-done; code != exitOK {
			t.Errorf("listen ended with %d", code)
		}
		read.Wait()
		return text.String()
	})
	t.Cleanup(func() { stop() })
	addr, ok := <-found
	if !ok {
		t.Fatal("listen did not start")
	}
	return addr, stop
}

// callForTest runs `plumbline call` and returns what it prints.
func callForTest(t *testing.T, cache string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	h := host{in: strings.NewReader(""), out: &out, err: &out, env: func(string) string { return "" }, now: time.Now}
	if code := execute(t.Context(), h, append([]string{"--cache-dir", cache, "call"}, args...)); code != exitOK {
		t.Fatalf("%v: %d\n%s", args, code, out.String())
	}
	return out.String()
}

// sendRun sends a run of an agent by the Go SDK.
func sendRun(t *testing.T, addr, agent string, opts ...otlptracehttp.Option) error {
	t.Helper()
	exp, err := otlptracehttp.New(t.Context(), append([]otlptracehttp.Option{
		otlptracehttp.WithEndpointURL("http://" + addr + "/v1/traces"), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	p := sdktrace.NewTracerProvider()
	ctx, root := p.Tracer("x").Start(t.Context(), "invoke_agent "+agent)
	root.SetAttributes(attribute.String("gen_ai.operation.name", "invoke_agent"), attribute.String("gen_ai.agent.name", agent))
	_, chat := p.Tracer("x").Start(ctx, "chat gpt-4o")
	chat.SetAttributes(attribute.String("gen_ai.operation.name", "chat"), attribute.String("gen_ai.request.model", "gpt-4o"), attribute.Int("gen_ai.usage.input_tokens", 1000), attribute.Int("gen_ai.usage.output_tokens", 100))
	chat.End()
	root.End()
	return exp.ExportSpans(t.Context(), []sdktrace.ReadOnlySpan{root.(sdktrace.ReadOnlySpan), chat.(sdktrace.ReadOnlySpan)})
}

func TestWhatIsReceivedCanBeAskedAtOnce(t *testing.T) {
	dir, cache := filepath.Join(t.TempDir(), "store"), t.TempDir()
	addr, stop := listenForTest(t, nil, dir)
	for i := range 3 { // each question sees what came before it
		if err := sendRun(t, addr, fmt.Sprintf("agent-%d", i)); err != nil {
			t.Fatal(err)
		}
		got := callForTest(t, cache, "agents_runs", "--source", dir)
		if want := fmt.Sprintf("%d runs of", i+1); i > 0 && !strings.HasPrefix(got, want) || !strings.Contains(got, fmt.Sprintf("agent-%d ok", i)) {
			t.Errorf("after run %d:\n%s", i, got)
		}
	}
	said := stop()
	if !strings.Contains(said, "received 6 spans, 0 log records, 0 metric points in 3 exports") {
		t.Error(said)
	}
}

func TestListeningAsksForTheTokenAndRefusesStrangers(t *testing.T) {
	addr, _ := listenForTest(t, map[string]string{"PLUMBLINE_TOKEN": "s3cret"}, t.TempDir())
	if err := sendRun(t, addr, "a"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without a token: %v", err)
	}
	if err := sendRun(t, addr, "a", otlptracehttp.WithHeaders(map[string]string{"Authorization": "Bearer s3cret"})); err != nil {
		t.Error(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/v1/traces", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "evil.example"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("a forged host: %s", res.Status)
	}
	var out bytes.Buffer
	h := host{in: strings.NewReader(""), out: &out, err: &out, env: func(string) string { return "" }, now: time.Now}
	if code := execute(t.Context(), h, []string{"listen", t.TempDir(), "--otlp", "0.0.0.0:0"}); code != exitUsage || !strings.Contains(out.String(), "off loopback a bearer token is required") {
		t.Errorf("%d %s", code, out.String())
	}
}

// TestThePythonSDKSends runs the real SDKs of Python: those of the interpreter in OTEL_PYTHON, else installed into a directory of
// the test with pip, which only REQUIRE_LIVE=1 asks for.
func TestThePythonSDKSends(t *testing.T) {
	python := os.Getenv("OTEL_PYTHON")
	if python == "" {
		if os.Getenv("REQUIRE_LIVE") != "1" {
			t.Skip("OTEL_PYTHON is not set: a Python with opentelemetry-sdk and opentelemetry-exporter-otlp")
		}
		python = installSDKs(t)
	}
	dir, cache := filepath.Join(t.TempDir(), "store"), t.TempDir()
	addr, _ := listenForTest(t, nil, dir)
	out, err := exec.CommandContext(t.Context(), python, "testdata/listen_client.py", addr).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := callForTest(t, cache, "agents_runs", "--source", dir)
	for _, want := range []string{
		"py-http ok", "py-grpc ok", "3 turns, 4500 in, 150 out", "find_order: 4 of 4 calls failed (100.0 %) in 2 runs, mostly LookupError", "2 calls repeat an identical one",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing:\n%s", want, got)
		}
	}
	if got := callForTest(t, cache, "logs_query", "--source", dir, "--query", "source=logs | fields serviceName, severityText, body"); !strings.Contains(got, "order 7 not found") {
		t.Error(got)
	}
	if got := callForTest(t, cache, "logs_query", "--source", dir, "--query", "source=metrics | where name = 'orders' | fields value"); !strings.Contains(got, "3") {
		t.Error(got)
	}
	if !strings.Contains(string(out), "with genai sdk") {
		t.Log("genai-observability-sdk-py is not installed")
		return
	}
	if got := callForTest(t, cache, "agent_run", "--source", dir, "--run", "conv-genai"); !strings.Contains(got, "first failure: tool lookup") || !strings.Contains(got, `score: helpful 0.25 data:"bad"`) {
		t.Error(got)
	}
}

func installSDKs(t *testing.T) string {
	t.Helper()
	env := filepath.Join(t.TempDir(), "venv")
	python := filepath.Join(env, "bin", "python")
	for _, args := range [][]string{
		{"python3", "-m", "venv", env}, {python, "-m", "pip", "-q", "install", "opentelemetry-sdk", "opentelemetry-exporter-otlp"},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	if out, err := exec.CommandContext(t.Context(), python, "-m", "pip", "-q", "install", "opensearch-genai-observability-sdk-py").CombinedOutput(); err != nil {
		t.Logf("genai-observability-sdk-py: %v\n%s", err, out)
	}
	return python
}
