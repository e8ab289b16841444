package local

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/record"
)

const (
	// maxColumns bounds the columns of one table of one segment. An instrumented shop has about a hundred attribute keys; keys made
	// of ids would otherwise make a column each. What lies beyond goes into the JSON column overflowName and stays reachable.
	maxColumns = 512
	// maxOverflowNames bounds the overflowed names that are remembered so that they can be asked for.
	maxOverflowNames = 4096
	// batchRows and batchBytes end a batch: half of DuckDB's row group, and what two workers may hold beside the engine.
	batchRows  = 61_440
	batchBytes = 24 << 20

	overflowName = "_overflow"
	lineName     = "_line"
	fileName     = "_file"
)

// column gathers the values of one name. Its type is that of the values seen; it only ever widens: BIGINT to DOUBLE, TIMESTAMP to
// TIMESTAMP_NS, anything else that disagrees to VARCHAR.
type column struct {
	duck.Column        // its Name is unique without regard to case, as DuckDB wants it
	name        string // as the records say
	json        bool   // every value was JSON text
	coarse      bool   // holds a time that nanoseconds since 1970 cannot express
	rows        int
}

// batch gathers rows of one table.
type batch struct {
	cols     []*column
	index    map[string]int
	taken    map[string]int // stored names, lower case, and how often they were wanted
	names    []string       // those of the record before, with their columns: records of one kind of line repeat them
	at       []int
	rows     int
	bytes    int
	overflow map[string]struct{}
	object   []byte
}

func newBatch() *batch {
	b := &batch{index: map[string]int{}, taken: map[string]int{}, overflow: map[string]struct{}{}}
	b.column(lineName).Type = duck.BigInt
	return b
}

// column returns the column of a name, a new one if need be, nil beyond maxColumns.
func (b *batch) column(name string) *column {
	i, ok := b.index[name]
	if ok {
		return b.cols[i]
	}
	if len(b.cols) >= maxColumns && name != overflowName && name != fileName {
		return nil
	}
	c := &column{Column: duck.Column{Name: b.storedName(name)}, name: name}
	b.index[name] = len(b.cols)
	b.cols = append(b.cols, c)
	return c
}

// storedName makes a name one that DuckDB takes: not empty, without NUL, not equal to another but for case.
func (b *batch) storedName(name string) string {
	name = strings.ReplaceAll(name, "\x00", "")
	lower := strings.ToLower(name)
	b.taken[lower]++
	if n := b.taken[lower]; n > 1 || name == "" {
		return name + variantMark + strconv.Itoa(n)
	}
	return name
}

// variantMark parts the stored name of a second spelling from its number.
const variantMark = "~"

// ours reports whether a name belongs to the store: a field that is called so keeps its value below attributes.
func ours(name string) bool {
	switch name {
	case lineName, fileName, overflowName, orderName, "rowid", "file_row_number":
		return true
	}
	return false
}

// add appends one record; file is its _file, "" for none.
func (b *batch) add(r *record.Record, file string) {
	b.cols[0].setInt(b.rows, duck.BigInt, r.Line)
	b.object = b.object[:0]
	for i, name := range r.Names {
		if ours(name) {
			name = "attributes." + name
		}
		c := b.find(i, name)
		if c == nil {
			b.spill(name, r.Values[i])
			continue
		}
		if c.rows > b.rows {
			continue // the record has the name twice
		}
		b.bytes += c.set(b.rows, r.Values[i])
	}
	if file != "" {
		b.bytes += b.column(fileName).setText(b.rows, file)
	}
	if len(b.object) > 0 {
		c := b.column(overflowName)
		c.json = true
		b.bytes += c.putText(b.rows, string(append(b.object, '}')))
	}
	b.rows++
}

// find returns the column of the i-th name of a record.
func (b *batch) find(i int, name string) *column {
	if i < len(b.names) && b.names[i] == name {
		if b.at[i] < 0 {
			return nil
		}
		return b.cols[b.at[i]]
	}
	c := b.column(name)
	at := -1
	if c != nil {
		at = b.index[name]
	}
	if i < len(b.names) {
		b.names[i], b.at[i] = name, at
	} else if i == len(b.names) {
		b.names, b.at = append(b.names, name), append(b.at, at)
	}
	return c
}

// spill puts a value into the row's overflow object.
func (b *batch) spill(name string, v any) {
	if len(b.overflow) < maxOverflowNames {
		b.overflow[name] = struct{}{}
	}
	sep := byte(',')
	if len(b.object) == 0 {
		sep = '{'
	}
	b.object = append(b.object, sep)
	b.object = appendJSON(b.object, name)
	b.object = append(b.object, ':')
	b.object = appendJSON(b.object, v)
}

// full reports whether the batch should be written.
func (b *batch) full() bool { return b.rows >= batchRows || b.bytes >= batchBytes }

// seal pads all columns to the batch's length and returns those that hold values.
func (b *batch) seal() []duck.Column {
	out := make([]duck.Column, 0, len(b.cols))
	for _, c := range b.cols {
		if c.rows == 0 {
			continue
		}
		c.pad(b.rows)
		out = append(out, c.Column)
	}
	return out
}

// reset empties the batch; columns keep their types.
func (b *batch) reset() {
	for _, c := range b.cols {
		c.rows = 0
		c.Valid, c.Ints, c.Doubles, c.Text, c.Ends = c.Valid[:0], c.Ints[:0], c.Doubles[:0], c.Text[:0], c.Ends[:0]
	}
	b.rows, b.bytes = 0, 0
}

// set writes a value at row and returns the bytes it takes.
func (c *column) set(row int, v any) int {
	switch x := v.(type) {
	case string:
		return c.setText(row, x)
	case int64:
		return c.setInt(row, duck.BigInt, x)
	case float64:
		return c.setDouble(row, x)
	case bool:
		n := int64(0)
		if x {
			n = 1
		}
		return c.setInt(row, duck.Boolean, n)
	case time.Time:
		return c.setTime(row, x)
	case record.JSON:
		c.json = c.json || c.Type == 0
		return c.putText(row, string(x))
	default:
		return 0
	}
}

// begin pads the column to row and marks the row as filled; the value is appended by the caller.
func (c *column) begin(row int) {
	c.pad(row)
	c.rows++
	for len(c.Valid) <= row/64 {
		c.Valid = append(c.Valid, 0)
	}
	c.Valid[row/64] |= 1 << (row % 64)
}

// pad appends nulls up to row.
func (c *column) pad(row int) {
	n := row - c.rows
	if n <= 0 {
		return
	}
	for len(c.Valid) < (row+63)/64 {
		c.Valid = append(c.Valid, 0)
	}
	switch c.Type {
	case duck.Varchar:
		end := len(c.Text)
		c.Ends = slices.Grow(c.Ends, n)
		for range n {
			c.Ends = append(c.Ends, end)
		}
	case duck.Double:
		c.Doubles = append(c.Doubles, make([]float64, n)...)
	default:
		c.Ints = append(c.Ints, make([]int64, n)...)
	}
	c.rows = row
}

// setText stores a text; what was said to be JSON is JSON no longer.
func (c *column) setText(row int, s string) int {
	c.json = false
	return c.putText(row, s)
}

func (c *column) putText(row int, s string) int {
	c.widen(duck.Varchar)
	c.begin(row)
	if !utf8.ValidString(s) {
		s = string([]rune(s)) // each broken byte becomes U+FFFD
	}
	c.Text = append(c.Text, s...)
	c.Ends = append(c.Ends, len(c.Text))
	return len(s) + 8
}

func (c *column) setInt(row int, typ duck.Type, n int64) int {
	c.widen(typ)
	switch c.Type {
	case typ:
	case duck.Double:
		return c.setDouble(row, float64(n))
	case duck.TimestampNS:
		n *= 1000
	default:
		return c.setText(row, intText(typ, n))
	}
	c.begin(row)
	c.Ints = append(c.Ints, n)
	return 8
}

func (c *column) setDouble(row int, f float64) int {
	if math.IsNaN(f) {
		return 0 // no value, as in JSON
	}
	c.widen(duck.Double)
	if c.Type != duck.Double {
		return c.setText(row, strconv.FormatFloat(f, 'g', -1, 64))
	}
	c.begin(row)
	c.Doubles = append(c.Doubles, f)
	return 8
}

// The first and last second that nanoseconds since 1970 in an int64 can express, rounded inwards.
const (
	firstNanoSecond = math.MinInt64/1_000_000_000 + 1
	lastNanoSecond  = math.MaxInt64/1_000_000_000 - 1
)

func (c *column) setTime(row int, t time.Time) int {
	typ, n := duck.Timestamp, t.UnixMicro()
	switch {
	case t.Unix() < firstNanoSecond || t.Unix() > lastNanoSecond:
		if c.Type == duck.TimestampNS {
			c.convert(duck.Timestamp)
		}
		c.coarse = true
	case c.Type == duck.TimestampNS || (t.Nanosecond()%1000 != 0 && !c.coarse):
		typ, n = duck.TimestampNS, t.UnixNano()
	}
	return c.setInt(row, typ, n)
}

func intText(typ duck.Type, n int64) string {
	switch typ {
	case duck.Boolean:
		return strconv.FormatBool(n != 0)
	case duck.Timestamp:
		return timeText(time.UnixMicro(n))
	case duck.TimestampNS:
		return timeText(time.Unix(0, n))
	default:
		return strconv.FormatInt(n, 10)
	}
}

func timeText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999999999") }

// widen changes the column's type so that it can hold typ.
func (c *column) widen(typ duck.Type) {
	to := widest(c.Type, typ)
	if to != c.Type {
		c.convert(to)
	}
}

// widest returns the type that holds both.
func widest(a, b duck.Type) duck.Type {
	switch {
	case a == b || b == 0:
		return a
	case a == 0:
		return b
	case a == duck.BigInt && b == duck.Double, a == duck.Double && b == duck.BigInt:
		return duck.Double
	case a == duck.Timestamp && b == duck.TimestampNS, a == duck.TimestampNS && b == duck.Timestamp:
		return duck.TimestampNS
	default:
		return duck.Varchar
	}
}

// convert rewrites the values gathered so far.
func (c *column) convert(to duck.Type) {
	from := c.Type
	c.Type = to
	if c.rows == 0 {
		return
	}
	switch to {
	case duck.Varchar:
		c.convertToText(from)
	case duck.Double:
		for _, n := range c.Ints {
			c.Doubles = append(c.Doubles, float64(n))
		}
		c.Ints = c.Ints[:0]
	case duck.TimestampNS: // from Timestamp
		for i := range c.Ints {
			c.Ints[i] *= 1000
		}
	case duck.Timestamp: // from TimestampNS
		for i := range c.Ints {
			c.Ints[i] /= 1000
		}
	default: // nothing widens to the others
	}
}

func (c *column) convertToText(from duck.Type) {
	for i := range c.rows {
		if c.Valid[i/64]&(1<<(i%64)) != 0 {
			if from == duck.Double {
				c.Text = strconv.AppendFloat(c.Text, c.Doubles[i], 'g', -1, 64)
			} else {
				c.Text = append(c.Text, intText(from, c.Ints[i])...)
			}
		}
		c.Ends = append(c.Ends, len(c.Text))
	}
	c.Ints, c.Doubles = c.Ints[:0], c.Doubles[:0]
}
