"""Sends what an instrumented agent sends, by the real OpenTelemetry SDKs: python listen_client.py ADDRESS.

Spans by HTTP (protobuf, gzip) and by gRPC, logs, metrics, and a run by genai-observability-sdk-py when it is installed.
"""

import logging
import sys

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

base = "http://" + sys.argv[1]


def agent(service, exporter):
    """One run: a model, a tool that fails twice with the same arguments, the model again."""
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("client")
    with tracer.start_as_current_span("POST /ask", kind=SpanKind.SERVER, attributes={"http.request.method": "POST"}):
        with tracer.start_as_current_span("invoke_agent " + service, attributes={
                "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": service, "gen_ai.provider.name": "openai"}):
            for turn in range(3):
                with tracer.start_as_current_span("chat gpt-4o", kind=SpanKind.CLIENT, attributes={
                        "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.provider.name": "openai",
                        "gen_ai.usage.input_tokens": 1000 + 500 * turn, "gen_ai.usage.output_tokens": 50,
                        "gen_ai.response.finish_reasons": ["tool_calls" if turn < 2 else "stop"]}):
                    pass
                if turn == 2:
                    break
                with tracer.start_as_current_span("execute_tool find_order", attributes={
                        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find_order",
                        "gen_ai.tool.call.arguments": '{"id": 7, "deep": true}'}) as span:
                    span.record_exception(LookupError("no order 7"))
                    span.set_attribute("error.type", "LookupError")
                    span.set_status(Status(StatusCode.ERROR, "no order 7"))
    provider.shutdown()


agent("py-http", HttpSpans(endpoint=base + "/v1/traces", compression=Compression.Gzip))
agent("py-grpc", GrpcSpans(endpoint=base, insecure=True))

logs = LoggerProvider(resource=Resource.create({"service.name": "py-logs"}))
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=base + "/v1/logs")))
logger = logging.getLogger("client")
logger.addHandler(LoggingHandler(logger_provider=logs))
logger.warning("order %s not found", 7)
logs.shutdown()

reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=base + "/v1/metrics"))
meters = MeterProvider(resource=Resource.create({"service.name": "py-metrics"}), metric_readers=[reader])
metrics.set_meter_provider(meters)
meter = meters.get_meter("client")
meter.create_counter("orders").add(3, {"state": "lost"})
meter.create_histogram("latency", unit="ms").record(12.5)
meters.shutdown()

try:
    from opensearch_genai_observability_sdk_py import Op, enrich, observe, register, score
except ImportError:
    print("without genai sdk")
    sys.exit(0)

register(endpoint=base + "/v1/traces", service_name="py-genai", batch=False, auto_instrument=False)


@observe(name="lookup", op=Op.EXECUTE_TOOL)
def lookup(order):
    raise LookupError("no order %d" % order)


@observe(name="answer", op=Op.INVOKE_AGENT)
def answer(question):
    enrich(model="gpt-4o", provider="openai", input_tokens=120, output_tokens=30, session_id="conv-genai")
    try:
        lookup(9)
    except LookupError:
        pass
    score(name="helpful", value=0.25, label="bad", explanation="did not find the order",
          trace_id=format(trace.get_current_span().get_span_context().trace_id, "032x"))
    return "sorry"


answer("where is 9?")
trace.get_tracer_provider().force_flush()
print("with genai sdk")
