package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// scope names the instrumentation in spans and metrics.
const scope = "github.com/plumbline-mcp/plumbline/telemetry"

const (
	// fileFlush is how long a span may wait before it stands in the trace file: short, since the file is read while it grows.
	fileFlush = time.Second
	// exportTimeout bounds one export, so that a dead collector never holds up the end of the process.
	exportTimeout = 5 * time.Second
)

// Config says where telemetry goes. The zero value records nothing.
type Config struct {
	Service, Version string // service.name and service.version of the resource
	// Endpoint is the URL for traces as written; "" = the environment's order (see Endpoints).
	Endpoint string
	// Env reads the environment: OTEL_EXPORTER_OTLP_* and OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT.
	Env func(string) string
	// TraceFile is a path to append OTLP JSON lines to; "" = none.
	TraceFile string
	// SigningService signs every export with AWS SigV4 for this service ("osis" for an ingestion pipeline); "" = unsigned.
	SigningService, SigningRegion string
	// Credentials are asked for at the first export, never before. They are required with SigningService.
	Credentials aws.CredentialsProvider
	Now         func() time.Time
	Logger      *slog.Logger
}

// Telemetry holds the providers of one process.
type Telemetry struct {
	tracer   trace.Tracer
	tracing  bool // spans go somewhere
	duration metric.Float64Histogram
	session  metric.Float64Histogram
	capture  bool
	now      func() time.Time
	sessions sessions
	stop     []func(context.Context) error
}

// Endpoints returns the URLs for traces and metrics in the conventions' order: the argument, the signal's own variable, the
// common variable with the signal's path added. Empty = do not export.
func Endpoints(argument string, env func(string) string) (traces, metrics string) {
	base := strings.TrimRight(env("OTEL_EXPORTER_OTLP_ENDPOINT"), "/")
	pick := func(variable, path string) string {
		switch v := env(variable); {
		case v != "":
			return v
		case base != "":
			return base + path
		}
		return ""
	}
	metrics = pick("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "/v1/metrics")
	if argument != "" {
		return argument, metrics
	}
	return pick("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "/v1/traces"), metrics
}

// Setup builds the providers. It opens the trace file but makes no connection. Errors: the trace file cannot be opened, or
// signing lacks a region or credentials.
func Setup(ctx context.Context, cfg Config) (*Telemetry, error) {
	t := &Telemetry{
		tracer: nooptrace.NewTracerProvider().Tracer(scope), now: cfg.Now,
		capture: strings.EqualFold(cfg.Env("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"), "true"),
	}
	client, err := exportClient(cfg)
	if err != nil {
		return nil, err
	}
	res, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(keyServiceName.String(cfg.Service), keyServiceVersion.String(cfg.Version)),
		resource.WithFromEnv()) // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word
	if err != nil {
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "set up telemetry: %w", err), "Check OTEL_RESOURCE_ATTRIBUTES: key=value pairs by comma.")
	}
	traces, metrics := Endpoints(cfg.Endpoint, cfg.Env)
	if err := t.setupTraces(ctx, cfg, res, client, traces); err != nil {
		return nil, err
	}
	return t, t.setupMetrics(ctx, res, client, metrics)
}

// Client returns the HTTP client that exports go out with: bounded in time, signed where that is configured.
func Client(cfg Config) (*http.Client, error) { return exportClient(cfg) }

func exportClient(cfg Config) (*http.Client, error) {
	c := &http.Client{Timeout: exportTimeout}
	if cfg.SigningService == "" {
		return c, nil
	}
	if cfg.SigningRegion == "" || cfg.Credentials == nil {
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "set up telemetry: signing for %s lacks a region or credentials", cfg.SigningService),
			"Set AWS_REGION and the usual AWS credentials, or leave the signing service out.")
	}
	c.Transport = &signer{next: http.DefaultTransport, service: cfg.SigningService, region: cfg.SigningRegion, credentials: cfg.Credentials, now: cfg.Now}
	return c, nil
}

func (t *Telemetry) setupTraces(ctx context.Context, cfg Config, res *resource.Resource, client *http.Client, url string) error {
	opts := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	if url != "" {
		e, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(url), otlptracehttp.WithHTTPClient(client))
		if err != nil {
			return fmt.Errorf("set up traces to %s: %w", url, err)
		}
		opts = append(opts, sdktrace.WithBatcher(e, sdktrace.WithExportTimeout(exportTimeout)))
	}
	if cfg.TraceFile != "" {
		f, err := openTraceFile(cfg.TraceFile, cfg.Logger)
		if err != nil {
			return err
		}
		e, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL("http://trace-file.invalid/v1/traces"),
			otlptracehttp.WithEncoding(otlptracehttp.EncodingJSON), otlptracehttp.WithCompression(otlptracehttp.NoCompression),
			otlptracehttp.WithHTTPClient(&http.Client{Transport: f}))
		if err != nil {
			return errors.Join(fmt.Errorf("set up the trace file: %w", err), f.Close())
		}
		opts = append(opts, sdktrace.WithBatcher(e, sdktrace.WithBatchTimeout(fileFlush)))
		t.stop = append(t.stop, func(context.Context) error { return f.Close() })
	}
	if len(opts) == 1 {
		return nil
	}
	p := sdktrace.NewTracerProvider(opts...)
	t.tracer, t.tracing = p.Tracer(scope), true
	t.stop = append(t.stop, p.Shutdown)
	return nil
}

func (t *Telemetry) setupMetrics(ctx context.Context, res *resource.Resource, client *http.Client, url string) error {
	var meter metric.Meter = noopmetric.Meter{}
	if url != "" {
		e, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(url), otlpmetrichttp.WithHTTPClient(client))
		if err != nil {
			return fmt.Errorf("set up metrics to %s: %w", url, err)
		}
		p := sdkmetric.NewMeterProvider(sdkmetric.WithResource(res), sdkmetric.WithReader(sdkmetric.NewPeriodicReader(e)))
		t.stop = append(t.stop, p.Shutdown)
		meter = p.Meter(scope)
	}
	var err1, err2 error
	t.duration, err1 = meter.Float64Histogram(metricOperation, metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(durationBuckets...),
		metric.WithDescription("Duration of one MCP request as the server saw it."))
	t.session, err2 = meter.Float64Histogram(metricSession, metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(durationBuckets...),
		metric.WithDescription("Duration of one MCP session; over stdio, the life of the process."))
	return errors.Join(err1, err2)
}

// Tracing reports whether spans go anywhere: what is computed for them alone need not be otherwise.
func (t *Telemetry) Tracing() bool { return t.tracing }

// Shutdown sends what is waiting and stops, the last provider first. It never takes longer than ctx allows.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var errs []error
	for _, stop := range slices.Backward(t.stop) {
		errs = append(errs, stop(ctx))
	}
	t.stop = nil
	return errors.Join(errs...)
}
