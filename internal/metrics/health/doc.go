// Package health lists services with their requests, errors and durations (RED), compared with a baseline and held against an
// objective.
//
// Words: a request is a call that a service answers (spans of kind server and consumer, and roots); a fault is a request that failed
// by the service's doing (span status error, HTTP 5xx); an error one that failed by the caller's (HTTP 4xx). Availability is the share
// of requests without fault; the burn rate is the share of faults over the share that the objective allows: at 1 the error budget
// lasts exactly its period.
//
// Where metrics derived from spans exist they are used, since they count every request even where spans are sampled: the sums of
// Data Prepper (request, error, fault), or the calls of OpenTelemetry's and Tempo's span metrics. Else the spans are counted. A source
// with neither, a plain Prometheus, is read by its servers' duration histograms. Report.From says what was used.
package health
