// Package metrics reads metrics for people and agents: it finds them, queries them by PromQL and reduces each answer to what a
// reader needs.
//
// Words, as Prometheus uses them: a metric is a name; a series is a name with one set of labels; a sample is a value at a time.
// A Source answers PromQL: Local runs the Prometheus engine over the metrics table of an [engine.Engine] (files or OpenSearch), a
// client of package prometheus asks a server. Both see the same names, labels and numbers.
//
// A counter only climbs and restarts at zero; a delta is the count of each interval by itself, which rate() misreads; a gauge is a
// level. What a series is shows in its type where the source tells it, in its name, and in its values: Facts counts how often it
// falls.
//
// Local follows PromQL of Prometheus 3: ranges and the lookback exclude their left edge. Names and labels that PromQL cannot spell
// (http.server.duration) are queried with underscores, with or without the suffixes that Prometheus adds for unit and type.
package metrics
