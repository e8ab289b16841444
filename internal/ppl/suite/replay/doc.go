// Package replay runs a directory of PPL cases against an engine and says which answers were right.
//
// Words: a case is a query with the answer wanted; a case directory holds cases_*.jsonl, the data sets (datasets.json and the
// NDJSON files it names) and perhaps verified-*.json, the verdicts of a real cluster. A case is comparable when a cluster gave
// the wanted answer (without verdicts: every case), unless it is volatile or needs a plugin. The format and the rules of
// comparison are those of the conformance suite's README; no case is ever treated by its id.
package replay
