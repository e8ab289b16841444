// Package remote answers PPL over an OpenSearch cluster: it is engine.Engine on the cluster's search API.
//
//	eng := remote.New(remote.Config{Cluster: client, Now: time.Now})
//	res, err := eng.Query(ctx, "source=logs | stats count() by severityText", engine.Limits{})
//
// # Words
//
// A query goes one of two ways. By the plugin: the cluster has the SQL plugin and it is new enough for the commands; the text is
// sent to _plugins/_ppl. By search: the head of the pipeline becomes query DSL (a fetch), the rows that come back become a table of
// DuckDB, and the rest of the pipeline runs there, compiled as for files. Both ways give the same answers.
//
// A fetch is one search of one index expression: a query, the fields wanted, an order, a limit, or aggregations instead of
// documents. What of a condition can be said in DSL is either exact (the condition is then done) or a superset (the condition is
// checked again on the rows that came). Fields of which the mapping promises too little are left to DuckDB.
//
// A table is an index expression as PPL sees it. The tables logs, spans, metrics and service_map have the names and columns of
// package engine whatever the form of the documents; other names are those of indices, patterns, aliases and data streams,
// with the columns that their mappings say.
//
// # What is told
//
// Explain shows the DSL and what is left of the pipeline. An answer that lost shards or ran out of time on the cluster, and
// every number that is approximate, is told in the notes of the answer.
package remote
