// Package record reads any file of observability data into normalised records: one shape of logs, one of spans, one of metric
// samples, whatever wrote the file. It knows formats and nothing else: no engine, no file system, no clock of its own.
//
// # Words
//
// A format is how a file is written (OpenSearch documents as JSON lines, OTLP JSON, log4j text ...); it is recognised by content
// with [Sniff], the name only breaks ties. A layout is the head of one line of a text log ("time [thread] LEVEL class - message").
// An entry is one log entry: its first line fits a layout, the lines of a stack trace below it belong to it. A record is what an
// entry, a span, a sample or a document becomes: a list of dotted names and values.
//
// # Names
//
// Records carry the names of the OpenTelemetry form of OpenSearch's indices:
//
//   - logs: @timestamp, observedTimestamp, severityText, severityNumber, body, traceId, spanId, flags, serviceName,
//     attributes.*, resource.attributes.*, instrumentationScope.*
//   - spans: traceId, spanId, parentSpanId ("" for a root), name, kind (SPAN_KIND_*), startTime, endTime, durationInNanos,
//     status.code (0 unset, 1 ok, 2 error), status.message, serviceName, traceGroup, traceGroupFields.*, events, links ([JSON]),
//     attributes.*, resource.attributes.*, instrumentationScope.*
//   - metrics: @timestamp, name, value, type (gauge, sum, histogram, summary, unknown), unit, serviceName, attributes.*,
//     resource.attributes.*; one record a sample, a histogram as NAME_bucket with attributes.le, NAME_sum and NAME_count
//   - service_map: the fields of otel-v1/v2-apm-service-map under their own names
//   - generic: JSON of any other shape, handed over as it stands in Raw
//
// Fields of a document that have no place in this list keep their own names; those of a JSON log of unknown make go below
// attributes. A field that is null or missing is not in the record. JSON that names a key twice keeps the last value, as
// OpenSearch's lenient readers do. A key written with dots and the same path written as objects are one field.
//
// # Times and severities
//
// Times are UTC. A time without a zone is read in Options.Location, one without a year takes the year that puts it closest before
// Options.Now. A line without a time of its own inside a log that has times (a health check between access lines) takes the
// time of the entry before it and says so with attributes.log.time.inferred = true. severityText is one of TRACE DEBUG INFO WARN
// ERROR FATAL, severityNumber its number in OpenTelemetry; a level spelt otherwise stays readable as attributes.log.level.
//
// # Bad input
//
// A broken line costs that line: it is counted, the first few are kept with line, offset and reason, reading goes on. Lines longer
// than [MaxLine] and JSON deeper than [MaxDepth] are skipped the same way. Memory is bounded by MaxLine whatever the file's size,
// compressed or not.
package record
