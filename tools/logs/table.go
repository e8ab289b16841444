package logs

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/tools"
)

// Bounds of the rows in a text: with what stands around them they stay below tools.MaxText, so that the fence is closed.
const (
	maxRowsText = 12_000 // bytes of rows
	maxCell     = 200    // bytes of one cell of a table
	maxRawCell  = 2_000  // bytes of one cell of CSV or JSON
	wide        = 16     // columns from which rows are written one below the other, without what is null
)

// writeRows writes as many rows as fit inside a fence, cells are data, and returns how many.
func (o *queryOutput) writeRows(w io.Writer) int {
	b := &bounded{left: maxRowsText}
	var shown int
	label := "rows"
	switch {
	case o.format == formatCSV:
		label = "csv"
		shown = o.csv(b)
	case o.format == formatJSON:
		label = "json"
		shown = o.json(b)
	case len(o.Columns) >= wide:
		shown = o.list(b)
	default:
		shown = o.table(b)
	}
	tools.Block(w, label, b.String())
	return shown
}

// bounded takes pieces of text until they are too many.
type bounded struct {
	text strings.Builder
	left int
}

func (b *bounded) String() string { return b.text.String() }

// add takes a piece if it fits; one that must be there is cut instead.
func (b *bounded) add(piece string, must bool) bool {
	if len(piece) > b.left {
		if !must {
			return false
		}
		piece = tools.Cut(strings.TrimSuffix(piece, "\n"), max(b.left, maxCell)) + "\n"
	}
	b.left -= len(piece)
	b.text.WriteString(piece)
	return true
}

// head takes the line of the columns' names, at most half of what there is room for.
func (b *bounded) head(line string) {
	if len(line) > b.left/2 {
		line = tools.Cut(strings.TrimSuffix(line, "\n"), b.left/2) + "\n"
	}
	b.add(line, true)
}

// table writes aligned columns.
func (o *queryOutput) table(b *bounded) int {
	cells := [][]string{make([]string, len(o.Columns))}
	for i, c := range o.Columns {
		cells[0][i] = tools.Cut(c.Name, maxCell)
	}
	for _, row := range o.Rows {
		line := make([]string, len(row))
		for i, c := range row {
			line[i] = tools.Cut(text(c), maxCell)
		}
		cells = append(cells, line)
	}
	width := make([]int, len(o.Columns))
	for _, line := range cells {
		for i, c := range line {
			width[i] = max(width[i], len([]rune(c)))
		}
	}
	b.head(aligned(cells[0], width))
	for n, line := range cells[1:] {
		if !b.add(aligned(line, width), n == 0) {
			return n
		}
	}
	return len(o.Rows)
}

func aligned(line []string, width []int) string {
	var b strings.Builder
	for i, c := range line {
		if i > 0 {
			b.WriteString("  ")
		}
		b.WriteString(c)
		if i < len(line)-1 {
			b.WriteString(strings.Repeat(" ", width[i]-len([]rune(c))))
		}
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// list writes each row as lines of name and value, without nulls.
func (o *queryOutput) list(b *bounded) int {
	for n, row := range o.Rows {
		var r strings.Builder
		fmt.Fprintf(&r, "row %d\n", o.Offset+n+1)
		for i, c := range row {
			if c != nil {
				fmt.Fprintf(&r, "  %s = %s\n", tools.Cut(o.Columns[i].Name, maxCell), tools.Cut(text(c), maxCell))
			}
		}
		if n == 0 && r.Len() > b.left { // one row beyond the bound: its first members, a line each
			for line := range strings.Lines(r.String()) {
				if !b.add(line, false) {
					b.text.WriteString("  …\n")
					break
				}
			}
			return 1
		}
		if !b.add(r.String(), false) {
			return n
		}
	}
	return len(o.Rows)
}

func (o *queryOutput) csv(b *bounded) int {
	head := make([]string, len(o.Columns))
	for i, k := range o.Columns {
		head[i] = tools.Cut(k.Name, maxCell)
	}
	b.head(record(head))
	for n, row := range o.Rows {
		line := make([]string, len(row))
		for i, cell := range row {
			line[i] = shorten(tools.Clean(text(cell)), maxRawCell)
		}
		if !b.add(record(line), n == 0) {
			return n
		}
	}
	return len(o.Rows)
}

// record is one line of CSV.
func record(cells []string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.Write(cells); err != nil {
		return "error: write csv: " + err.Error() + "\n"
	}
	w.Flush()
	return b.String()
}

// json writes an object a line, its members in the order of the columns; in wide rows those that are null are left out.
func (o *queryOutput) json(b *bounded) int {
	for n, row := range o.Rows {
		var members []string
		for i, cell := range row {
			switch v := cell.(type) {
			case string:
				cell = shorten(tools.Clean(v), maxRawCell)
			case map[string]any:
				cell = bare(v)
			}
			if cell != nil || len(row) < wide {
				members = append(members, encode(o.Columns[i].Name)+":"+encode(cell))
			}
		}
		if !b.add("{"+strings.Join(members, ",")+"}\n", n == 0) {
			return n
		}
	}
	return len(o.Rows)
}

func encode(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return strconv.Quote("error: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// shorten cuts text to n bytes; unlike tools.Cut it keeps lines.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// text writes a cell for people: null as null, numbers without exponents where they are whole.
func text(cell any) string {
	switch v := cell.(type) {
	case nil:
		return "null"
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'g', 10, 64)
	case []any:
		return encode(v)
	case map[string]any:
		return encode(bare(v))
	}
	return fmt.Sprint(cell)
}

// bare leaves out members without a value: an object has every member that any row's object has.
func bare(m map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		if inner, ok := v.(map[string]any); ok {
			inner = bare(inner)
			if len(inner) == 0 {
				continue
			}
			v = inner
		}
		if v != nil {
			out[k] = v
		}
	}
	return out
}
