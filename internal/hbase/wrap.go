package hbase

import (
	"bytes"
	"context"
)

// cellLine is a cell put together from the lines it was wrapped into.
type cellLine struct {
	text []byte // "ROW column=…"
	at   At
	// chunks are the lines behind the one with the column, as they came: the last ones may be the head of the next row.
	chunks [][]byte
}

// readWrapped reads a scan whose cells are wrapped: by the shell into two columns at the width of a terminal, or by
// something else that went on in the next line after a space.
func (p *metaParser) readWrapped(ctx context.Context, l *lineReader) error {
	var cur cellLine
	column := 0
	flush := func() {
		if len(cur.text) > 0 {
			p.line(cur.whole(), cur.at)
		}
		cur = cellLine{}
	}
	var two twoColumns
	for {
		line, ok := l.next()
		if !ok {
			break
		}
		if l.line%checkLines == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if len(line) < 2 || line[0] != ' ' {
			if c := p.outside(line, l.at); c > 0 {
				column = c
				two = twoColumns{at: column, width: len(line) - c, p: p}
			}
			continue
		}
		if column > narrowColumn {
			two.add(line, l.at)
			continue
		}
		cur.add(line[1:], l.at, flush)
	}
	flush()
	two.flush()
	p.endRow()
	p.torn = p.torn || !l.ended && p.meta.Count < 0
	return l.failure()
}

// whole joins the cell's lines.
func (c *cellLine) whole() []byte {
	out := bytes.Clone(c.text)
	for _, k := range c.chunks {
		out = append(out, k...)
	}
	return out
}

// maxChunks bounds the lines of a cell.
const maxChunks = 1 << 14

// add takes the next line. A line with a column begins a cell; if its row is not whole, the lines before it were its head.
func (c *cellLine) add(line []byte, at At, flush func()) {
	i := bytes.Index(line, columnMark)
	if i < 0 || i == 0 {
		if trimmed := bytes.TrimLeft(line, " "); len(trimmed) < len(line) {
			line = trimmed
		}
		if len(c.text) > 0 && len(c.chunks) < maxChunks || len(c.text) == 0 {
			c.chunks = append(c.chunks, bytes.Clone(line))
		}
		return
	}
	head := 0 // chunks that belong to the new row
	row := bytes.Clone(line[:i])
	for !plausibleRow(row) && head < min(len(c.chunks), 8) {
		head++
		row = append(bytes.Clone(c.chunks[len(c.chunks)-head]), row...)
	}
	if !plausibleRow(row) {
		head, row = 0, line[:i]
	}
	text := append(bytes.Clone(row), line[i:]...)
	c.chunks = c.chunks[:len(c.chunks)-head]
	flush()
	c.text, c.at = text, at
}

// twoColumns puts together what the shell wrapped on a terminal: the row in a first column, the cell in a second.
type twoColumns struct {
	p        *metaParser
	at       int // where the second column stands
	width    int // of the second column
	row      []byte
	cell     []byte
	rowLast  int // length of the last chunk of the row
	cellLast int
	place    At
}

func (t *twoColumns) add(line []byte, at At) {
	first, second := line[1:], []byte(nil)
	if len(line) > t.at {
		first, second = line[1:t.at-1], line[t.at:]
	}
	first, second = bytes.TrimRight(first, " "), bytes.TrimRight(second, " ")
	if bytes.HasPrefix(second, []byte("column=")) {
		t.flush()
		t.row, t.cell, t.place = bytes.Clone(first), bytes.Clone(second), at
		t.rowLast, t.cellLast = len(first), len(second)
		return
	}
	if len(t.cell) == 0 || len(t.cell)+len(t.row) > maxLine {
		return
	}
	// A chunk that goes on was as wide as its column: spaces at its end were cut by us or by whoever copied it.
	if len(first) > 0 {
		t.row = pad(t.row, t.at-2-t.rowLast)
		t.row, t.rowLast = append(t.row, first...), len(first)
	}
	if len(second) > 0 {
		t.width = max(t.width, t.cellLast, len(second))
		t.cell = pad(t.cell, t.width-t.cellLast)
		t.cell, t.cellLast = append(t.cell, second...), len(second)
	}
}

func pad(b []byte, n int) []byte {
	if n <= 0 || n > 1000 {
		return b
	}
	return append(b, bytes.Repeat([]byte(" "), n)...)
}

func (t *twoColumns) flush() {
	if len(t.cell) > 0 {
		t.p.line(append(append(bytes.Clone(t.row), ' '), t.cell...), t.place)
	}
	t.row, t.cell = nil, nil
}
