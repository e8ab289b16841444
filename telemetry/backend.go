package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Request names one request to a backend, for its CLIENT span.
type Request struct {
	System    string // db.system.name: "duckdb", "opensearch", "prometheus"
	Operation string // db.operation.name: "query", "describe", ...
	Summary   string // db.query.summary: low cardinality, no values: "stats logs"
	Address   string // server.address; "" for a backend in the process
}

// Backend opens the CLIENT span of a backend request under the current one. Call done once with the request's error; its
// fault code becomes error.type.
func (t *Telemetry) Backend(ctx context.Context, r Request) (_ context.Context, done func(error)) {
	name := r.Summary
	if name == "" {
		name = r.Operation
	}
	attrs := []attribute.KeyValue{keyDBSystem.String(r.System), keyDBOperation.String(r.Operation)}
	if r.Summary != "" {
		attrs = append(attrs, keyDBSummary.String(r.Summary))
	}
	if r.Address != "" {
		attrs = append(attrs, keyServerAddress.String(r.Address))
	}
	//nolint:spancheck // done ends it
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(t.now()), trace.WithAttributes(attrs...))
	return ctx, func(err error) { //nolint:spancheck // this is done
		if err != nil {
			span.SetAttributes(keyErrorType.String(string(fault.CodeOf(err))))
			span.SetStatus(codes.Error, err.Error())
		}
		span.End(trace.WithTimestamp(t.now()))
	}
}
