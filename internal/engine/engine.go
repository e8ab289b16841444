// Package engine is the narrow waist of Plumbline: whatever holds logs, spans and metrics answers PPL through this interface,
// and every analysis speaks PPL to it. Package local answers over files with DuckDB; package remote over OpenSearch.
//
// Tables of an observability source have fixed names and one shape whatever the files held (OTel standard names):
//
//   - logs: @timestamp, observedTimestamp, severityText, severityNumber, body, traceId, spanId, flags, serviceName,
//     attributes.*, resource.attributes.*, instrumentationScope.name, and where the line came from: _file, _line
//   - spans: traceId, spanId, parentSpanId, name, kind (SPAN_KIND_*), startTime, endTime, durationInNanos, status.code (0 1 2),
//     status.message, serviceName, traceGroup, events and links (arrays), attributes.*, resource.attributes.*, _file, _line
//   - metrics: one row a sample: @timestamp, name, value, type (gauge, sum, histogram, unknown), serviceName where known,
//     attributes.* (the labels), resource.attributes.*, _file
//   - service_map: documents of otel-v1/v2-apm-service-map as they are
//
// serviceName of a log is a convenience (= resource.attributes.service.name). JSON of any other shape is a table named after its file.
package engine

import (
	"context"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Kind says what a table holds.
type Kind string

// The kinds of tables.
const (
	Logs       Kind = "logs"
	Spans      Kind = "spans"
	Metrics    Kind = "metrics"
	ServiceMap Kind = "service_map"
	Generic    Kind = "generic"
)

// Limits bounds one query. Zero values mean the engine's defaults.
type Limits struct {
	MaxRows  int           // rows returned
	MaxBytes int64         // bytes of cells kept
	Timeout  time.Duration // wall time
}

// Engine answers PPL over one source. All methods are safe for concurrent use and stop when ctx is done.
// Errors are fault errors: InvalidQuery for PPL that does not parse or fit the data (text underlines the span).
type Engine interface {
	// Tables lists the tables with their facts; it may read (ingest) the data to know them.
	Tables(ctx context.Context) ([]Table, error)
	// Fields lists the columns of a table with fill counts and top values.
	Fields(ctx context.Context, table string) ([]Field, error)
	// Query runs a PPL text and returns at most lim.MaxRows rows.
	Query(ctx context.Context, ppl string, lim Limits) (*rows.Result, error)
	// Stream runs a PPL text and hands over every row; lim.MaxRows 0 means all rows, without the PPL result cap.
	// The row slice is reused: copy what is kept. An error of each stops the stream and is returned.
	Stream(ctx context.Context, ppl string, lim Limits, each func(row []any) error) ([]rows.Column, error)
	// Explain says how a PPL text would run: the formatted query, the plan and the SQL or DSL.
	Explain(ctx context.Context, ppl string) (*Explanation, error)
}

// Table is one table of a source.
type Table struct {
	Name      string
	Kind      Kind
	Rows      int64
	TimeField string    // "@timestamp", "startTime" or ""
	Start     time.Time // earliest and latest TimeField, UTC; zero if none
	End       time.Time
	Files     []File   // what it was read from
	Notes     []string // what to know before trusting its numbers: rows that count once, files left out
}

// File is one file of a source and how reading it went.
type File struct {
	Path    string
	Format  string // "otel-json", "otlp-json", "log4j", "access-log", ...
	Bytes   int64
	Rows    int64
	Skipped int64  // lines that could not be read
	Example string // first skipped line's place and reason: "path:12: ..."
}

// Field is one column of a table.
type Field struct {
	Name   string
	Type   rows.Type
	Filled int64        // rows in which it is not null
	Top    []ValueCount // most frequent values, if it has few enough
}

// ValueCount is a value and how often it occurs.
type ValueCount struct {
	Value string
	Count int64
}

// Explanation says how a query runs.
type Explanation struct {
	Query string   // the query as formatted
	SQL   string   // SQL or DSL sent
	Plan  string   // the backend's own plan, if asked for and known
	Notes []string // what ran where, what was approximated
}

// WhyEmpty says why a source has no table: which of its files gave no rows, and what is wrong with them. An engine knows when
// it is asked for what is not there.
func WhyEmpty(ctx context.Context, e Engine) string {
	_, err := e.Query(ctx, "source=logs | head 1", Limits{MaxRows: 1})
	return fault.HintOf(err)
}
