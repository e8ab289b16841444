// Package prompt is the interactive PPL prompt and the runner of PPL scripts.
//
// Words: a session asks one source; a statement is a PPL query, or a command that begins with a backslash; completion offers
// what may stand at the cursor: commands, tables, fields, functions, frequent values.
package prompt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/logs"
)

// Session runs statements against a source. Out gets answers, Err what is said beside them.
type Session struct {
	Engine engine.Engine
	Source string
	Out    io.Writer
	Err    io.Writer
	// Open changes the source.
	Open func(ctx context.Context, source string) (engine.Engine, error)
	// Parquet writes lines of JSON with the named columns as a Parquet file.
	Parquet func(ctx context.Context, jsonLines, out string, a *Answer) error
	Now     func() time.Time
	MaxScan int64

	Format string // table, csv, json; table if empty
	Limit  int    // rows shown; defaultLimit if 0
	Plan   bool   // show how a query runs instead of running it
	Timing bool
	Target string // file that the next answer goes to

	tables []engine.Table
	fields map[string][]engine.Field
}

// The bounds of what is shown.
const (
	defaultLimit = 100
	maxLimit     = 10_000 // PPL's own limit of a result
)

// ErrQuit is the answer to \quit.
var ErrQuit = errors.New("quit")

// Run runs one statement. Its error is about the statement; ErrQuit asks to end.
func (s *Session) Run(ctx context.Context, statement string) error {
	text := strings.TrimSuffix(strings.TrimSpace(statement), ";")
	switch {
	case text == "":
		return nil
	case strings.HasPrefix(text, `\`):
		return s.command(ctx, text[1:])
	case s.Target != "":
		target := s.Target
		s.Target = ""
		return s.export(ctx, text, target)
	case s.Plan:
		return s.explain(ctx, text)
	}
	start := s.Now()
	p, err := logs.Query(ctx, s.Engine, logs.Request{Query: text, Limit: s.limit(), MaxScan: s.MaxScan})
	if err != nil {
		return err
	}
	if err := s.show(&Answer{Columns: p.Result.Columns, Rows: p.Result.Rows}); err != nil {
		return err
	}
	s.after(p, s.Now().Sub(start))
	return nil
}

func (s *Session) limit() int {
	if s.Limit == 0 {
		return defaultLimit
	}
	return s.Limit
}

// after says what the rows do not: how many more there are, why there are none, what to know, how long it took.
func (s *Session) after(p *logs.Page, took time.Duration) {
	if len(p.Result.Rows) == 0 && p.Empty != nil && p.Empty.Table != "" {
		fmt.Fprintf(s.Err, "0 of %d rows of %s matched", p.Empty.Rows, p.Empty.Table)
		if p.Empty.EmptiedBy != "" {
			fmt.Fprintf(s.Err, "; %q let none of %d through", p.Empty.EmptiedBy, p.Empty.RowsBefore)
		}
		fmt.Fprintln(s.Err)
		if m := p.Empty.Meant; m != nil {
			fmt.Fprintf(s.Err, "perhaps meant (%s), which has %d rows: %s\n", m.Change, m.Rows, m.Query)
		}
	}
	if p.Total < 0 {
		fmt.Fprintf(s.Err, "more than these %d rows: \\limit N shows more, \\out FILE writes all\n", len(p.Result.Rows))
	}
	for _, n := range p.Result.Notes {
		fmt.Fprintf(s.Err, "note: %s\n", n)
	}
	if s.Timing {
		fmt.Fprintf(s.Err, "%d rows in %s\n", len(p.Result.Rows), took.Round(time.Millisecond/10))
	}
}

func (s *Session) explain(ctx context.Context, text string) error {
	e, err := s.Engine.Explain(ctx, text)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%s\n\n%s\n", e.Query, e.SQL)
	if e.Plan != "" {
		fmt.Fprintf(s.Out, "\n%s\n", e.Plan)
	}
	for _, n := range e.Notes {
		fmt.Fprintf(s.Err, "note: %s\n", n)
	}
	return nil
}

const help = `\tables            the tables of the source      \fields TABLE   its fields with their values
\source NAME|PATH  ask another source             \plan           show plans instead of rows, or rows again
\limit N           rows shown                     \timing         say how long a query took
\format F          table, csv or json             \out FILE       write the next answer whole: .csv, .json, .jsonl, .parquet
\quit              or Ctrl-D                      a line that ends with | or \ goes on in the next
`

func (s *Session) command(ctx context.Context, text string) error {
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "q", "quit", "exit":
		return ErrQuit
	case "?", "h", "help":
		_, err := io.WriteString(s.Out, help)
		return err
	case "t", "tables":
		return s.listTables(ctx)
	case "f", "fields":
		return s.listFields(ctx, rest)
	case "plan":
		s.Plan = !s.Plan
		fmt.Fprintf(s.Err, "plans are %s\n", onOff(s.Plan))
	case "timing":
		s.Timing = !s.Timing
		fmt.Fprintf(s.Err, "timing is %s\n", onOff(s.Timing))
	case "source":
		return s.change(ctx, rest)
	case "format":
		return s.setFormat(rest)
	case "limit":
		n, err := strconv.Atoi(rest)
		if err != nil || n < 1 || n > maxLimit {
			return fault.New(fault.InvalidArgument, `\limit takes 1 to %d, not %q`, maxLimit, rest)
		}
		s.Limit = n
	case "out", "o":
		return s.setTarget(rest)
	default:
		return fault.WithHint(fault.New(fault.InvalidArgument, `no command \%s`, word), `\help lists them.`)
	}
	return nil
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

func (s *Session) setFormat(f string) error {
	if f != "table" && f != "csv" && f != "json" {
		return fault.New(fault.InvalidArgument, `\format takes table, csv or json, not %q`, f)
	}
	s.Format = f
	return nil
}

func (s *Session) change(ctx context.Context, source string) error {
	if source == "" {
		fmt.Fprintln(s.Out, s.Source)
		return nil
	}
	eng, err := s.Open(ctx, source)
	if err != nil {
		return err
	}
	s.Engine, s.Source, s.tables, s.fields = eng, source, nil, nil
	return nil
}

func (s *Session) listTables(ctx context.Context) error {
	tables, err := s.Engine.Tables(ctx)
	if err != nil {
		return err
	}
	s.tables = tables
	for _, t := range tables {
		fmt.Fprintf(s.Out, "%-20s %12d rows", t.Name, t.Rows)
		if !t.Start.IsZero() {
			fmt.Fprintf(s.Out, "  %s to %s by %s", t.Start.UTC().Format(time.RFC3339), t.End.UTC().Format(time.RFC3339), t.TimeField)
		}
		fmt.Fprintln(s.Out)
	}
	return nil
}

func (s *Session) listFields(ctx context.Context, table string) error {
	if table == "" {
		return fault.New(fault.InvalidArgument, `\fields takes the name of a table`)
	}
	fields, err := s.fieldsOf(ctx, table)
	if err != nil {
		return err
	}
	for _, f := range fields {
		var values []string
		for _, v := range f.Top {
			values = append(values, fmt.Sprintf("%s (%d)", cut(v.Value, maxShown), v.Count))
		}
		fmt.Fprintf(s.Out, "%-44s %-10s %10d  %s\n", f.Name, f.Type, f.Filled, strings.Join(values[:min(len(values), maxValues)], ", "))
	}
	return nil
}

// What a list of fields shows of their values.
const (
	maxValues = 4
	maxShown  = 30
)

// fieldsOf asks for the fields of a table once.
func (s *Session) fieldsOf(ctx context.Context, table string) ([]engine.Field, error) {
	if f, ok := s.fields[table]; ok {
		return f, nil
	}
	f, err := s.Engine.Fields(ctx, table)
	if err != nil {
		return nil, err
	}
	if s.fields == nil {
		s.fields = map[string][]engine.Field{}
	}
	s.fields[table] = f
	return f, nil
}
