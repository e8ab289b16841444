package otlp

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Bounds of one export.
const (
	maxBody    = 64 << 20  // bytes, unpacked: an SDK's batch is 512 spans, with long prompts some tens of megabytes
	maxRunning = 64        // exports decoded at once
	maxHeld    = 128 << 20 // bytes of their bodies together; decoded they take several times as much
	retryAfter = 1         // seconds
)

// Receiver serves OTLP over HTTP (POST .../v1/traces, /v1/logs, /v1/metrics) and gRPC on one address, into a Store.
type Receiver struct {
	store   *Store
	grpc    *grpc.Server
	running chan struct{}
	held    atomic.Int64 // bytes of bodies being decoded
}

// NewReceiver returns the handler in front of a store.
func NewReceiver(s *Store) *Receiver {
	r := &Receiver{store: s, running: make(chan struct{}, maxRunning)}
	r.grpc = newGRPC(r)
	return r
}

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.ProtoMajor == 2 && strings.HasPrefix(req.Header.Get("Content-Type"), "application/grpc") {
		r.grpc.ServeHTTP(w, req)
		return
	}
	switch {
	case strings.HasSuffix(req.URL.Path, "/v1/traces"):
		serve(r, w, req, &coltrace.ExportTraceServiceRequest{}, mendTraces, r.store.Traces)
	case strings.HasSuffix(req.URL.Path, "/v1/logs"):
		serve(r, w, req, &collogs.ExportLogsServiceRequest{}, mendLogs, r.store.Logs)
	case strings.HasSuffix(req.URL.Path, "/v1/metrics"):
		serve(r, w, req, &colmetrics.ExportMetricsServiceRequest{}, mendMetrics, r.store.Metrics)
	case req.URL.Path == "/healthz":
		_, _ = io.WriteString(w, "ok\n")
	case req.URL.Path == "/stats":
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(r.store.Stats()) // a client that went away needs no answer
	default:
		http.Error(w, "OTLP is received at /v1/traces, /v1/logs, /v1/metrics, and by gRPC on this address", http.StatusNotFound)
	}
}

// serve reads one export, writes it and answers.
func serve[Q, A proto.Message](r *Receiver, w http.ResponseWriter, req *http.Request, in Q, mend func(Q), write func(context.Context, Q) (A, error)) {
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	isJSON := kind == "application/json"
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, isJSON, http.StatusMethodNotAllowed, codes.Unimplemented, "exports are sent by POST")
		return
	}
	if !isJSON && kind != "application/x-protobuf" {
		refuse(w, isJSON, http.StatusUnsupportedMediaType, codes.InvalidArgument, "Content-Type must be application/x-protobuf or application/json")
		return
	}
	select {
	case r.running <- struct{}{}:
		defer func() { <-r.running }()
	default:
		r.store.stats.refused.Add(1)
		busy(w, isJSON)
		return
	}
	body, status, err := r.body(w, req)
	defer r.held.Add(-int64(len(body)))
	if r.held.Add(int64(len(body))) > maxHeld {
		r.store.stats.refused.Add(1)
		busy(w, isJSON)
		return
	}
	if err == nil && isJSON {
		status = http.StatusBadRequest
		if err = unmarshalJSON(body, in); err == nil {
			mend(in)
		}
	} else if err == nil {
		status = http.StatusBadRequest
		err = proto.Unmarshal(body, in)
	}
	if err != nil {
		refuse(w, isJSON, status, codes.InvalidArgument, err.Error())
		return
	}
	out, err := write(req.Context(), in)
	switch {
	case errors.Is(err, ErrBusy):
		busy(w, isJSON)
	case err != nil:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		refuse(w, isJSON, http.StatusServiceUnavailable, codes.Unavailable, err.Error())
	default:
		answer(w, isJSON, http.StatusOK, out)
	}
}

// body reads and unpacks a request's body.
func (r *Receiver) body(w http.ResponseWriter, req *http.Request) (data []byte, status int, err error) {
	src := io.Reader(http.MaxBytesReader(w, req.Body, maxBody))
	switch strings.ToLower(req.Header.Get("Content-Encoding")) {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(src)
		if err != nil {
			return nil, http.StatusBadRequest, fmt.Errorf("read the export: %w", err)
		}
		src = z
	default:
		return nil, http.StatusUnsupportedMediaType, fmt.Errorf("content encoding %q is not known; gzip is", req.Header.Get("Content-Encoding"))
	}
	data, err = io.ReadAll(io.LimitReader(src, maxBody+1))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large) || len(data) > maxBody:
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("export over %d bytes", maxBody)
	case err != nil:
		return nil, http.StatusBadRequest, fmt.Errorf("read the export: %w", err)
	}
	return data, 0, nil
}

// busy tells a sender to come again.
func busy(w http.ResponseWriter, isJSON bool) {
	w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	refuse(w, isJSON, http.StatusTooManyRequests, codes.ResourceExhausted, ErrBusy.Error())
}

// refuse answers with a google.rpc.Status, as OTLP/HTTP wants.
func refuse(w http.ResponseWriter, isJSON bool, status int, code codes.Code, message string) {
	answer(w, isJSON, status, &rpcstatus.Status{Code: int32(code), Message: message})
}

func answer(w http.ResponseWriter, isJSON bool, status int, m proto.Message) {
	kind, write := "application/x-protobuf", proto.Marshal
	if isJSON {
		kind, write = "application/json", protojson.Marshal
	}
	body, err := write(m)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away needs no answer
}

func mendTraces(in *coltrace.ExportTraceServiceRequest) {
	for _, r := range in.GetResourceSpans() {
		for _, s := range r.GetScopeSpans() {
			for _, sp := range s.GetSpans() {
				sp.TraceId, sp.SpanId, sp.ParentSpanId = toID(sp.GetTraceId()), toID(sp.GetSpanId()), toID(sp.GetParentSpanId())
				for _, k := range sp.GetLinks() {
					k.TraceId, k.SpanId = toID(k.GetTraceId()), toID(k.GetSpanId())
				}
			}
		}
	}
}

func mendLogs(in *collogs.ExportLogsServiceRequest) {
	for _, r := range in.GetResourceLogs() {
		for _, s := range r.GetScopeLogs() {
			for _, rec := range s.GetLogRecords() {
				rec.TraceId, rec.SpanId = toID(rec.GetTraceId()), toID(rec.GetSpanId())
			}
		}
	}
}

func mendMetrics(in *colmetrics.ExportMetricsServiceRequest) {
	for _, r := range in.GetResourceMetrics() {
		for _, s := range r.GetScopeMetrics() {
			eachExemplar(s, toID)
		}
	}
}
