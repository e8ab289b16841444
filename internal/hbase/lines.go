package hbase

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
)

const (
	// bufferBytes is read at a time: large enough that the calls cost nothing.
	bufferBytes = 256 << 10
	// maxLine is the longest line that is kept whole: a row key has at most 32 KiB, four times that when printed, and a cell of
	// hbase:meta shows it three times. The rest of a longer line is skipped.
	maxLine = 1 << 20
	// checkLines is how often a loop over lines asks whether it was cancelled.
	checkLines = 1 << 14
)

// lineReader hands out the lines of a file without copying them.
type lineReader struct {
	r      io.Reader
	buf    []byte
	start  int // of what is not handed out
	end    int
	offset int64 // of buf[start] in the file
	line   int   // number of the line handed out last
	at     At    // place of the line handed out last
	ended  bool  // the last line ended with a newline
	cut    int64 // lines that were too long
	err    error
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: r, buf: make([]byte, bufferBytes), ended: true}
}

// next returns the next line without its end; ok is false after the last one or a failure (err says which). The line is
// valid until the next call.
func (l *lineReader) next() (line []byte, ok bool) {
	for scanned := 0; ; {
		if i := bytes.IndexByte(l.buf[l.start+scanned:l.end], '\n'); i >= 0 {
			return l.take(scanned+i, 1), true
		}
		scanned = l.end - l.start
		if scanned > maxLine {
			return l.skip()
		}
		if l.err != nil {
			if scanned == 0 {
				return nil, false
			}
			l.ended = false
			return l.take(scanned, 0), true
		}
		l.fill()
	}
}

func (l *lineReader) take(n, end int) []byte {
	line := l.buf[l.start : l.start+n]
	l.line++
	l.at = At{Line: l.line, Offset: l.offset}
	l.start += n + end
	l.offset += int64(n + end)
	if n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

// fill reads more behind what is there.
func (l *lineReader) fill() {
	if l.start > 0 {
		copy(l.buf, l.buf[l.start:l.end])
		l.end -= l.start
		l.start = 0
	}
	if l.end == len(l.buf) {
		l.buf = append(l.buf, make([]byte, len(l.buf))...)
	}
	for range 100 {
		n, err := l.r.Read(l.buf[l.end:])
		l.end += n
		l.err = err
		if n > 0 || err != nil {
			return
		}
	}
	l.err = io.ErrNoProgress
}

// skip returns the head of a line that is too long, and leaves its rest out.
func (l *lineReader) skip() ([]byte, bool) {
	head := bytes.Clone(l.buf[l.start : l.start+maxLine])
	l.cut++
	l.line++
	l.at = At{Line: l.line, Offset: l.offset}
	for {
		if i := bytes.IndexByte(l.buf[l.start:l.end], '\n'); i >= 0 {
			l.start += i + 1
			l.offset += int64(i + 1)
			return head, true
		}
		l.offset += int64(l.end - l.start)
		l.start, l.end = 0, 0
		if l.err != nil {
			l.ended = false
			return head, true
		}
		l.fill()
	}
}

// failure is what ended the reading, nil for the end of the file.
func (l *lineReader) failure() error {
	if errors.Is(l.err, io.EOF) {
		return nil
	}
	return l.err
}

// isGzip reports whether a name says that a file is compressed.
func isGzip(name string) bool { return strings.HasSuffix(name, ".gz") }

// openLines opens a file of a bundle for reading lines, through gzip if its name says so.
func openLines(ctx context.Context, b Bundle, name string) (*lineReader, io.Closer, error) {
	f, err := b.Open(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if !isGzip(name) {
		return newLineReader(f), f, nil
	}
	in := &countReader{r: f}
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read %s: %w", name, err), f.Close())
	}
	return newLineReader(&bombReader{out: z, in: in, name: name}), f, nil
}

// bombReader ends compressed data that grows out of proportion.
type bombReader struct {
	out  io.Reader
	in   *countReader
	n    int64
	name string
}

func (b *bombReader) Read(p []byte) (int, error) {
	n, err := b.out.Read(p)
	b.n += int64(n)
	if grows(uint64(b.n), uint64(b.in.n)) {
		return 0, bomb(b.name, "the text")
	}
	return n, err
}

// bounded copies at most n bytes of a text, whole runes.
func bounded(text []byte, n int) string {
	if len(text) > n {
		text = text[:n]
	}
	return strings.ToValidUTF8(string(text), "")
}
