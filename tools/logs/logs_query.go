package logs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/logs"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/rows"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Bounds of an answer: what a model reads at once, and what it may ask for.
const (
	defaultRows = 50
	maxRows     = 10_000 // PPL's own limit of a result
)

// format is how the rows are written in the text.
type format string

const (
	formatTable format = "table"
	formatCSV   format = "csv"
	formatJSON  format = "json"
)

// Enum lists the formats.
func (format) Enum() []string {
	return []string{string(formatTable), string(formatCSV), string(formatJSON)}
}

type queryInput struct {
	Source  string `json:"source,omitempty" jsonschema:"source or path"`
	Query   string `json:"query" jsonschema:"PPL, e.g. source=logs | where severityText = 'ERROR' | stats count() by serviceName. Tables: logs, spans, metrics (see data_describe)"`
	Start   string `json:"start,omitempty" jsonschema:"RFC 3339 or offset (-15m); filters the table's time field"`
	End     string `json:"end,omitempty" jsonschema:"as start; exclusive"`
	Limit   int    `json:"limit,omitempty" jsonschema:"rows, default 50, at most 10000"`
	Offset  int    `json:"offset,omitempty" jsonschema:"rows to skip"`
	Format  format `json:"format,omitempty" jsonschema:"default table"`
	Explain bool   `json:"explain,omitempty" jsonschema:"show the plan and SQL, do not run"`
	Repair  bool   `json:"repair,omitempty" jsonschema:"if the query does not run, run the corrected one"`
}

// Validate checks the bounds.
func (in queryInput) Validate() error {
	if in.Limit < 0 || in.Limit > maxRows || in.Offset < 0 || in.Offset > maxRows {
		return fault.WithHint(fault.New(fault.InvalidArgument, "limit %d, offset %d: want 0 to %d", in.Limit, in.Offset, maxRows), "Aggregate in the query, or narrow it.")
	}
	return nil
}

type queryOutput struct {
	Query     string          `json:"query"`
	Columns   []rows.Column   `json:"columns"`
	Rows      [][]any         `json:"rows"`
	Offset    int             `json:"offset"`
	Total     int64           `json:"total"` // -1: more than shown, not counted
	More      bool            `json:"more"`
	Repaired  []string        `json:"repaired,omitempty"` // what was changed in the query that was asked
	Notes     []string        `json:"notes,omitempty"`
	Empty     *logs.Emptiness `json:"empty,omitempty"`
	SQL       string          `json:"sql,omitempty"`
	Plan      string          `json:"plan,omitempty"`
	ElapsedMS float64         `json:"elapsed_ms"`

	format format
}

func queryTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "logs_query", Title: "Run a PPL query", Toolset: "logs",
		Description: "Run OpenSearch PPL over logs, spans, metrics or any JSON of a source. Answers typed rows; says what was cut. An empty answer says which stage emptied it. Prefer stats to reading rows.",
	}, func(ctx context.Context, in queryInput) (*queryOutput, error) {
		eng, r, err := d.open(ctx, in.Source, in.Start, in.End)
		if err != nil {
			return nil, err
		}
		if query, ok := ppl.Explained(in.Query); ok || in.Explain {
			return explain(ctx, eng, query, r)
		}
		limit := in.Limit
		if limit == 0 {
			limit = defaultRows
		}
		p, err := logs.Query(ctx, eng, logs.Request{
			Query: in.Query, Range: r, Offset: in.Offset, Limit: limit, Repair: in.Repair, MaxScan: cmp.Or(d.MaxScan, logs.DefaultMaxScan),
		})
		if err != nil {
			return nil, err
		}
		return output(p, in.Format), nil
	})
}

func explain(ctx context.Context, eng engine.Engine, query string, r timerange.Range) (*queryOutput, error) {
	query, err := logs.Within(ctx, eng, query, r)
	if err != nil {
		return nil, err
	}
	e, err := eng.Explain(ctx, query)
	if err != nil {
		return nil, err
	}
	return &queryOutput{Query: e.Query, SQL: e.SQL, Plan: e.Plan, Notes: e.Notes}, nil
}

func output(p *logs.Page, f format) *queryOutput {
	out := &queryOutput{
		Query: p.Query, Columns: p.Result.Columns, Rows: make([][]any, len(p.Result.Rows)), Offset: p.Offset, Total: p.Total,
		More: p.Total < 0, Repaired: p.Repaired, Notes: p.Result.Notes, Empty: p.Empty, ElapsedMS: p.Result.Stats.ElapsedMS, format: f,
	}
	for i, row := range p.Result.Rows {
		out.Rows[i] = make([]any, len(row))
		for j, cell := range row {
			out.Rows[i][j] = plain(p.Result.Columns[j].Type, cell)
		}
	}
	return out
}

// plain makes a cell JSON: times as RFC 3339 in UTC, dates as dates, and null for what is no number in JSON.
func plain(t rows.Type, cell any) any {
	switch v := cell.(type) {
	case time.Time:
		if t == rows.Date {
			return v.UTC().Format(time.DateOnly)
		}
		return v.UTC().Format(time.RFC3339Nano)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = plain("", x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = plain("", x)
		}
		return out
	}
	return cell
}

// WriteText writes the count, the rows in the format asked for, and how to get the rest.
func (o *queryOutput) WriteText(w io.Writer) {
	if o.SQL != "" {
		fmt.Fprintf(w, "query: %s\nsql: %s\n%s\n", o.Query, o.SQL, o.Plan)
		o.notes(w)
		return
	}
	if len(o.Repaired) > 0 {
		fmt.Fprintf(w, "repaired (%s): %s\n", strings.Join(o.Repaired, "; "), tools.Line(o.Query))
	}
	o.head(w)
	shown := 0
	if len(o.Rows) > 0 {
		shown = o.writeRows(w)
	}
	next := o.Offset + shown
	switch {
	case shown < len(o.Rows):
		fmt.Fprintf(w, "… %d of these %d rows do not fit: call again with offset=%d, fewer fields, or an aggregation.\n", len(o.Rows)-shown, len(o.Rows), next)
	case o.More && shown > 0:
		fmt.Fprintf(w, "… more rows: call again with offset=%d, or narrow the query.\n", next)
	}
	o.notes(w)
}

func (o *queryOutput) head(w io.Writer) {
	switch {
	case len(o.Rows) == 0 && o.Empty != nil:
		writeEmpty(w, o.Empty)
	case len(o.Rows) == 0 && o.Offset > 0:
		fmt.Fprintf(w, "0 rows from offset %d on; the answer has %d\n", o.Offset, o.Total)
	case o.More:
		fmt.Fprintf(w, "rows %d to %d of more\n", o.Offset+1, o.Offset+len(o.Rows))
	case o.Offset > 0:
		fmt.Fprintf(w, "rows %d to %d of %d\n", o.Offset+1, o.Offset+len(o.Rows), o.Total)
	default:
		fmt.Fprintf(w, "%d rows\n", len(o.Rows))
	}
}

// writeEmpty says why there is nothing: rows searched, their time, and the stage that let none through.
func writeEmpty(w io.Writer, e *logs.Emptiness) {
	if e.Table == "" {
		fmt.Fprintln(w, "0 rows")
		return
	}
	fmt.Fprintf(w, "0 of %d rows of %s matched", e.Rows, tools.Line(e.Table))
	if !e.Start.IsZero() {
		fmt.Fprintf(w, "; its data runs from %s to %s", stamp(e.Start), stamp(e.End))
	}
	if e.EmptiedBy != "" {
		fmt.Fprintf(w, "; `%s` let none of %d rows through", tools.Cut(e.EmptiedBy, maxCell), e.RowsBefore)
	}
	fmt.Fprintln(w)
	if m := e.Meant; m != nil {
		fmt.Fprintf(w, "Perhaps meant (%s), which has %d rows: %s\n", m.Change, m.Rows, tools.Line(m.Query))
	}
}

func (o *queryOutput) notes(w io.Writer) {
	for _, n := range o.Notes {
		fmt.Fprintf(w, "note: %s\n", tools.Line(n))
	}
}
