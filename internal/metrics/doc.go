// Package metrics reads metrics for people and agents: it finds them, queries them by PromQL and reduces each answer to what a
// reader needs.
package metrics
