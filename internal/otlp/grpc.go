package otlp

import (
	"context"
	"errors"
	"time"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // senders may compress
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// newGRPC registers the three services.
func newGRPC(r *Receiver) *grpc.Server {
	g := grpc.NewServer(grpc.MaxRecvMsgSize(maxBody))
	coltrace.RegisterTraceServiceServer(g, traceService{r: r})
	collogs.RegisterLogsServiceServer(g, logsService{r: r})
	colmetrics.RegisterMetricsServiceServer(g, metricsService{r: r})
	return g
}

// call runs one export within the bound of those that run at once.
func call[Q, A any](ctx context.Context, r *Receiver, req Q, write func(context.Context, Q) (A, error)) (A, error) {
	var none A
	select {
	case r.running <- struct{}{}:
		defer func() { <-r.running }()
	default:
		r.store.stats.refused.Add(1)
		return none, exhausted()
	}
	out, err := write(ctx, req)
	switch {
	case errors.Is(err, ErrBusy):
		return none, exhausted()
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return none, status.FromContextError(err).Err()
	case err != nil:
		return none, status.Error(codes.Unavailable, err.Error())
	}
	return out, nil
}

// exhausted tells a sender to come again: without RetryInfo SDKs drop what was refused.
func exhausted() error {
	st := status.New(codes.ResourceExhausted, ErrBusy.Error())
	if with, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter * time.Second)}); err == nil {
		st = with
	}
	return st.Err()
}

type traceService struct {
	coltrace.UnimplementedTraceServiceServer

	r *Receiver
}

// Export implements the OTLP service.
func (t traceService) Export(ctx context.Context, req *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	return call(ctx, t.r, req, t.r.store.Traces)
}

type logsService struct {
	collogs.UnimplementedLogsServiceServer

	r *Receiver
}

// Export implements the OTLP service.
func (l logsService) Export(ctx context.Context, req *collogs.ExportLogsServiceRequest) (*collogs.ExportLogsServiceResponse, error) {
	return call(ctx, l.r, req, l.r.store.Logs)
}

type metricsService struct {
	colmetrics.UnimplementedMetricsServiceServer

	r *Receiver
}

// Export implements the OTLP service.
func (m metricsService) Export(ctx context.Context, req *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	return call(ctx, m.r, req, m.r.store.Metrics)
}
