package otlp

import (
	"context"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
)

// tooLarge says why records were refused for good.
const tooLarge = "records over 8 MiB are not kept"

// Traces writes an export of spans.
func (s *Store) Traces(ctx context.Context, req *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	data, kept, rejected := encodeTraces(req.GetResourceSpans())
	if err := s.Append(ctx, data); err != nil {
		return nil, err
	}
	s.stats.spans.Add(int64(kept))
	s.stats.rejected.Add(int64(rejected))
	out := &coltrace.ExportTraceServiceResponse{}
	if rejected > 0 {
		out.PartialSuccess = &coltrace.ExportTracePartialSuccess{RejectedSpans: int64(rejected), ErrorMessage: tooLarge}
	}
	return out, nil
}

// Logs writes an export of log records.
func (s *Store) Logs(ctx context.Context, req *collogs.ExportLogsServiceRequest) (*collogs.ExportLogsServiceResponse, error) {
	data, kept, rejected := encodeLogs(req.GetResourceLogs())
	if err := s.Append(ctx, data); err != nil {
		return nil, err
	}
	s.stats.logs.Add(int64(kept))
	s.stats.rejected.Add(int64(rejected))
	out := &collogs.ExportLogsServiceResponse{}
	if rejected > 0 {
		out.PartialSuccess = &collogs.ExportLogsPartialSuccess{RejectedLogRecords: int64(rejected), ErrorMessage: tooLarge}
	}
	return out, nil
}

// Metrics writes an export of metrics.
func (s *Store) Metrics(ctx context.Context, req *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	data, kept, rejected, err := encodeMetrics(req.GetResourceMetrics())
	if err != nil {
		return nil, err
	}
	if err := s.Append(ctx, data); err != nil {
		return nil, err
	}
	s.stats.points.Add(int64(kept))
	s.stats.rejected.Add(int64(rejected))
	out := &colmetrics.ExportMetricsServiceResponse{}
	if rejected > 0 {
		out.PartialSuccess = &colmetrics.ExportMetricsPartialSuccess{RejectedDataPoints: int64(rejected), ErrorMessage: tooLarge}
	}
	return out, nil
}
