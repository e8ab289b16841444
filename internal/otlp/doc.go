// Package otlp receives OpenTelemetry data (OTLP over gRPC and HTTP, protobuf and JSON, traces, logs and metrics) into a bounded
// directory of files that the local engine reads as any other source, while it is being written.
//
// Words: a Store is the directory; a segment is one of its files, OTLP/JSON with an export a line; a Receiver is the server in front
// of it.
//
// # What is promised
//
// An export is acknowledged when its lines were handed to the operating system: the end of the process, by kill -9 too, loses
// nothing that was acknowledged. Once a second the newest segment is forced to the disk: the end of the machine loses at most the
// last second. A line that was cut off by the end is removed at the next start, which says so in the log and in the store itself.
//
// Beyond the size or age set, the oldest segments go, which is said in the same two places. When more comes in than can be written,
// senders are told to try again later (429 with Retry-After, RESOURCE_EXHAUSTED with RetryInfo); nothing is dropped silently.
package otlp
