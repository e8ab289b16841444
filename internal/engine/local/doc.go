// Package local answers PPL over files: it is engine.Engine on DuckDB, and the store of what was read.
//
//	store, err := local.New(local.Config{CacheDir: dir, Now: time.Now})
//	src, err := store.Open(ctx, "incidents/shop-01")
//	res, err := src.Query(ctx, "source=logs | stats count() by severityText", engine.Limits{})
//
// # Words
//
// A source is a directory, a file or a pattern. A segment is what its files hold as tables of one DuckDB file in the cache: one
// large file, the tail of a file that grew, or a pack of small ones. A segment never changes; it is found again by the path, size,
// modification time and both ends of its files. A snapshot is a source at one moment: views that unite the tables of its
// segments. Each call looks whether the files changed (a stat each) and takes a new snapshot if they did.
//
// # Reading
//
// A file is read once, by package record. Each name of a record becomes a column of its own (attributes.http.route), typed by its
// values: BIGINT widens to DOUBLE, what disagrees becomes text; times are microseconds unless a value has nanoseconds. Beyond
// 512 columns a name goes into the JSON column _overflow and stays reachable by name. Segments are native DuckDB files: for the
// columns of logs and spans they cost as much to write as Parquet and half as much to ask, and a scan needs no footers. They are
// written by an instance of its own under a name of their own and renamed, so processes may share a cache directory; queries see
// them attached read-only. A plain file that grew is read on from its last complete entry; stretches are merged geometrically.
// Parquet files are not copied but scanned where they lie.
//
// # What counts once
//
// Recordings often hold the same story twice. Spans with one traceId and spanId in two files count once: OpenSearch documents go
// before OTLP exports, else the first file stays. A text log whose service also has structured logs at the same time is seen as
// the table plain_logs; all other text logs are in logs. Both are said in the notes of every answer.
//
// Lines that could not be read are counted in engine.File, and the first few of each file are rows of the table _skipped.
//
// # Safety
//
// DuckDB answers only single SELECT statements; its instance has no extensions, no network and no files but the cache's segments,
// and its configuration is locked. Memory, threads and spilled bytes are bounded; every statement ends with its context.
package local
