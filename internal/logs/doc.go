// Package logs asks questions of logs by PPL: rows of a query bounded in time, patterns with their counts and differences,
// and volume over time with its change points.
//
// Every number can be shown again: each answer carries the PPL that gives it.
package logs
