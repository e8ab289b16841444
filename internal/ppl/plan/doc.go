// Package plan turns the stages of a PPL pipeline into one DuckDB query.
//
// Words: an Env is one compilation; a Rel is the relation so far, a SELECT still being written, with its typed columns and the
// order its rows have; Flush closes the SELECT as a common table expression and starts the next one on top of it. Commands
// extend the running SELECT as long as the meaning allows it, so that a filter, a projection and a limit become one SELECT.
//
// Columns are pruned when the query is rendered: every expression knows the columns of the SELECT below that it mentions, and
// what nothing mentions is not selected. Identifiers and constants of the user are always quoted.
package plan
