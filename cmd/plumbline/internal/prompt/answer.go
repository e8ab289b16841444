package prompt

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Answer is columns and rows.
type Answer struct {
	Columns []rows.Column
	Rows    [][]any
}

// maxCell bounds a cell of a table, in characters; CSV and JSON have cells whole.
const maxCell = 80

// show writes an answer in the session's format.
func (s *Session) show(a *Answer) error {
	switch s.Format {
	case "csv":
		return a.csv(s.Out)
	case "json":
		return a.json(s.Out)
	}
	a.table(s.Out)
	return nil
}

// table writes columns side by side, numbers to the right.
func (a *Answer) table(w io.Writer) {
	width := make([]int, len(a.Columns))
	for i, c := range a.Columns {
		width[i] = utf8.RuneCountInString(c.Name)
	}
	cells := make([][]string, len(a.Rows))
	for r, row := range a.Rows {
		cells[r] = make([]string, len(row))
		for i, v := range row {
			cells[r][i] = cut(text(v), maxCell)
			width[i] = max(width[i], utf8.RuneCountInString(cells[r][i]))
		}
	}
	line := func(get func(int) string) {
		var b strings.Builder
		for i, c := range a.Columns {
			if i > 0 {
				b.WriteString("  ")
			}
			cell := get(i)
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if c.Type.Numeric() {
				b.WriteString(pad + cell)
			} else {
				b.WriteString(cell + pad)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
	line(func(i int) string { return a.Columns[i].Name })
	line(func(i int) string { return strings.Repeat("-", width[i]) })
	for _, row := range cells {
		line(func(i int) string { return row[i] })
	}
}

// text writes a cell for people.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case map[string]any, []any:
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		return string(b)
	}
	return fmt.Sprint(v)
}

// cut makes a text one line of at most n characters.
func cut(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x9b {
			return ' '
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

func (a *Answer) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	head := make([]string, len(a.Columns))
	for i, c := range a.Columns {
		head[i] = c.Name
	}
	if err := out.Write(head); err != nil {
		return err
	}
	for _, row := range a.Rows {
		if err := out.Write(record(row)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func record(row []any) []string {
	out := make([]string, len(row))
	for i, v := range row {
		if v != nil {
			out[i] = text(v)
		}
	}
	return out
}

// json writes one object a line, its members in the order of the columns.
func (a *Answer) json(w io.Writer) error {
	for _, row := range a.Rows {
		if err := writeObject(w, a.Columns, row); err != nil {
			return err
		}
	}
	return nil
}

func writeObject(w io.Writer, cols []rows.Column, row []any) error {
	var b strings.Builder
	b.WriteByte('{')
	for i, c := range cols {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(c.Name)
		if err != nil {
			return err
		}
		value, err := json.Marshal(row[i])
		if err != nil { // what is no number in JSON
			value = []byte("null")
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// The forms an answer is written to a file in, by the ending of its name.
const (
	asCSV     = ".csv"
	asJSON    = ".json"
	asLines   = ".jsonl"
	asParquet = ".parquet"
)

func (s *Session) setTarget(file string) error {
	switch filepath.Ext(file) {
	case asCSV, asJSON, asLines, asParquet:
		s.Target = file
		return nil
	}
	return fault.New(fault.InvalidArgument, `\out takes a file that ends in .csv, .json, .jsonl or .parquet, not %q`, file)
}

// exportTimeout bounds writing all rows of a query to a file.
const exportTimeout = 6 * time.Hour

// export writes all rows of a query to a file, which is made beside and renamed.
func (s *Session) export(ctx context.Context, query, file string) (err error) {
	beside := file + ".part"
	f, err := os.Create(beside)
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	defer os.Remove(beside)
	n, cols, err := s.stream(ctx, query, f, filepath.Ext(file))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if filepath.Ext(file) == asParquet {
		err = s.Parquet(ctx, beside, file, &Answer{Columns: cols})
	} else {
		err = os.Rename(beside, file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	fmt.Fprintf(s.Err, "%d rows written to %s\n", n, file)
	return nil
}

// stream writes the rows of a query as they come. A Parquet file is made of lines of JSON afterwards.
func (s *Session) stream(ctx context.Context, query string, w io.Writer, form string) (n int64, cols []rows.Column, err error) {
	e, err := s.Engine.Query(ctx, query+" | head 1", engine.Limits{MaxRows: 1})
	if err != nil {
		return 0, nil, err
	}
	cols = e.Columns
	out := csv.NewWriter(w)
	if form == asCSV {
		if err := (&Answer{Columns: cols}).csv(w); err != nil {
			return 0, nil, err
		}
	}
	_, err = s.Engine.Stream(ctx, query, engine.Limits{Timeout: exportTimeout}, func(row []any) error {
		n++
		if form == asCSV {
			return out.Write(record(row))
		}
		return writeObject(w, cols, row)
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return n, cols, err
}
