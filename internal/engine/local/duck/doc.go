// Package duck is DuckDB as the local engine needs it: an instance that is locked down once it is set up, queries whose rows
// stream out vector by vector, and a columnar way in that is an order of magnitude cheaper than row-wise appending.
//
// It stands on the C API as duckdb-go's package mapping exposes it, because database/sql materialises every result before its
// first row and boxes every cell twice. Functions written in Go are registered through duckdb-go itself; both see one instance.
//
// Words: an instance is one DuckDB with its memory limit and threads ([DB]); a connection runs one statement at a time ([Conn]);
// a batch is a set of equally long typed columns ([Batch]) appended at once; a cell is what package rows says.
//
// All use of unsafe is in this package, in files vector.go, decode.go and batch.go: it reads and writes DuckDB's vectors as laid
// out in duckdb.h (duckdb_string_t, duckdb_list_entry, validity masks).
package duck
