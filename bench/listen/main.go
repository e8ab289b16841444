// Command listen measures the receiver of OTLP: spans a second by gRPC or HTTP through the whole server into the store, what
// senders were told to send again, and what is lost.
//
//	go run ./bench/listen -spans 1000000 -senders 8
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/plumbline-mcp/plumbline/internal/otlp"
)

// batch is what SDKs send at once.
const batch = 512

func main() {
	spans := flag.Int("spans", 500_000, "spans to send")
	senders := flag.Int("senders", 8, "connections")
	protocol := flag.String("protocol", "grpc", "grpc or http")
	flag.Parse()
	if err := run(*spans, *senders, *protocol); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(spans, senders int, protocol string) (err error) {
	dir, err := os.MkdirTemp("", "listen-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store, err := otlp.Open(otlp.Config{Dir: dir, MaxBytes: 64 << 30, Now: time.Now})
	if err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: otlp.NewReceiver(store), Protocols: &http.Protocols{}}
	web.Protocols.SetHTTP1(true)
	web.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = web.Serve(ln) }()
	var retried atomic.Int64
	began := time.Now()
	if err := send(ln.Addr().String(), spans, senders, protocol, &retried); err != nil {
		return err
	}
	took := time.Since(began)
	if err := errors.Join(web.Close(), store.Close()); err != nil {
		return err
	}
	kept, size, err := count(dir)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d spans of 10 attributes in %.1f s: %.0f spans/s, %.1f MB/s written; told to come again %d times; lost %d\n", protocol, spans, took.Seconds(),
		float64(spans)/took.Seconds(), float64(size)/1e6/took.Seconds(), retried.Load(), spans-kept)
	return nil
}

func send(addr string, spans, senders int, protocol string, retried *atomic.Int64) error {
	var wg sync.WaitGroup
	errs := make(chan error, senders)
	share := (spans + senders - 1) / senders
	for n := range senders {
		wg.Go(func() {
			from, to := n*share, min((n+1)*share, spans)
			one, done, err := sender(addr, protocol)
			if err != nil {
				errs <- err
				return
			}
			defer done()
			for from < to {
				k := min(batch, to-from)
				for {
					again, err := one(export(from, k))
					if err != nil {
						errs <- err
						return
					}
					if !again {
						break
					}
					retried.Add(1)
					time.Sleep(50 * time.Millisecond)
				}
				from += k
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

type sendFunc func(*coltrace.ExportTraceServiceRequest) (again bool, err error)

func sender(addr, protocol string) (sendFunc, func(), error) {
	if protocol == "http" {
		return func(req *coltrace.ExportTraceServiceRequest) (bool, error) {
			raw, err := proto.Marshal(req)
			if err != nil {
				return false, err
			}
			post, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+addr+"/v1/traces", bytes.NewReader(raw))
			if err != nil {
				return false, err
			}
			post.Header.Set("Content-Type", "application/x-protobuf")
			res, err := http.DefaultClient.Do(post)
			if err != nil {
				return false, err
			}
			if err := res.Body.Close(); err != nil {
				return false, err
			}
			if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusTooManyRequests {
				return false, fmt.Errorf("answer %s", res.Status)
			}
			return res.StatusCode == http.StatusTooManyRequests, nil
		}, func() {}, nil
	}
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, nil, err
	}
	client := coltrace.NewTraceServiceClient(conn)
	return func(req *coltrace.ExportTraceServiceRequest) (bool, error) {
		_, err := client.Export(context.Background(), req)
		if status.Code(err) == codes.ResourceExhausted {
			return true, nil
		}
		return false, err
	}, func() { _ = conn.Close() }, nil
}

func attribute(k, v string) *common.KeyValue {
	return &common.KeyValue{Key: k, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}}
}

func number(k string, v int64) *common.KeyValue {
	return &common.KeyValue{Key: k, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v}}}
}

func export(from, n int) *coltrace.ExportTraceServiceRequest {
	ss := &trace.ScopeSpans{Scope: &common.InstrumentationScope{Name: "bench"}}
	now := uint64(time.Now().UnixNano())
	for i := from; i < from+n; i++ {
		ss.Spans = append(ss.Spans, &trace.Span{
			TraceId: fmt.Appendf(nil, "%016d", i/8), SpanId: fmt.Appendf(nil, "%08d", i), Name: "chat gpt-4o", Kind: trace.Span_SPAN_KIND_CLIENT,
			StartTimeUnixNano: now, EndTimeUnixNano: now + 1_000_000,
			Attributes: []*common.KeyValue{
				attribute("gen_ai.operation.name", "chat"), attribute("gen_ai.request.model", "gpt-4o"), attribute("gen_ai.response.model", "gpt-4o-2024-08-06"),
				attribute("gen_ai.provider.name", "openai"), attribute("gen_ai.conversation.id", "conversation-1"), number("gen_ai.usage.input_tokens", int64(i)),
				number("gen_ai.usage.output_tokens", 100), attribute("server.address", "api.openai.com"), number("server.port", 443), attribute("error.type", "none"),
			},
		})
	}
	return &coltrace.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{attribute("service.name", "bench")}}, ScopeSpans: []*trace.ScopeSpans{ss},
	}}}
}

// count counts the spans that are in the segments.
func count(dir string) (spans int, size int64, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return 0, 0, err
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return 0, 0, err
		}
		size += int64(len(raw))
		spans += bytes.Count(raw, []byte(`"spanId":`))
	}
	return spans, size, nil
}
