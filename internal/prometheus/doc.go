// Package prometheus talks to servers of Prometheus' HTTP API: Prometheus itself, Thanos, Mimir, VictoriaMetrics, and Amazon Managed
// Service for Prometheus (signed for the service aps).
//
// Words: a source is what one Config names; a query is evaluated at one time or at steps of a range; a selector chooses series;
// a secret is a password or token: it is asked for when a request needs it and never appears in an error.
//
// Every request reads, so every one may be sent again: after 429 and 5xx, and after a broken connection. Answers are bounded. Every
// failure is a fault error that names the source and says what to check; a query that the server refuses is InvalidQuery.
package prometheus
