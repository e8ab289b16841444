// Package trace holds spans in memory and does the arithmetic of traces: trees, exclusive times, the critical path,
// clock skew, retries, service maps.
//
// Words: a Set is the spans of one window, grouped by trace; a symbol is an interned string; a resource is the set of
// resource attributes a process reports (service, version, pod, node, region); the target of a span is what it calls,
// by the coalesce list of the application-performance view (server.address, peer.service, db.namespace, ...); an entry span
// is one without a known parent in its service (the server side of a call); an origin is an error span none of whose
// children failed.
//
// A Set is filled by a Builder, which Load feeds from an engine by PPL. It is read-only afterwards and safe to share.
// One million spans with eight attributes each take about 250 MB.
package trace
