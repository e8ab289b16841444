package record

import (
	"bytes"
	"errors"
	"io"
)

// source is the text being read, seen through a buffer that grows to one line or value and never beyond the limit. It counts
// bytes and lines of what was consumed.
type source struct {
	r      io.Reader
	buf    []byte
	pos    int // next byte in buf
	max    int // longest line or value
	offset int64
	line   int64 // lines consumed
	ended  bool  // r has no more
	err    error // why r ended, if not by io.EOF
}

const readChunk = 256 << 10

func newSource(r io.Reader, opt Options) *source {
	limit := MaxLine
	if opt.MaxLine > 0 {
		limit = opt.MaxLine
	}
	return &source{r: r, max: limit, offset: opt.Offset, line: opt.Line, buf: make([]byte, 0, readChunk)}
}

// more reads on, keeping what is not consumed; false when there is nothing more. The buffer may move.
func (s *source) more() bool {
	if s.ended {
		return false
	}
	if s.pos > 0 {
		n := copy(s.buf, s.buf[s.pos:])
		s.buf, s.pos = s.buf[:n], 0
	}
	if cap(s.buf)-len(s.buf) < readChunk/2 {
		grown := make([]byte, len(s.buf), 2*cap(s.buf)+readChunk)
		copy(grown, s.buf)
		s.buf = grown
	}
	for range 100 { // readers may return nothing for a while, but not for ever
		n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		if err != nil {
			s.ended = true
			if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				s.err = err
			}
			return n > 0
		}
		if n > 0 {
			return true
		}
	}
	s.ended, s.err = true, io.ErrNoProgress
	return false
}

// rest is what is buffered and not consumed.
func (s *source) rest() []byte { return s.buf[s.pos:] }

// consume passes n buffered bytes, counting lines.
func (s *source) consume(n int) {
	s.line += int64(bytes.Count(s.buf[s.pos:s.pos+n], newline))
	s.offset += int64(n)
	s.pos += n
}

var newline = []byte{'\n'}

// textLine is one line as it stands in the file.
type textLine struct {
	text   []byte // without the line's end; the head only if long
	num    int64  // 1-based
	offset int64
	whole  bool // ended by a newline
	long   bool // longer than the limit and passed by
}

// next returns the next line; false at the end. The text is valid until the next call.
func (s *source) next() (textLine, bool) {
	seen := 0
	for {
		rest := s.rest()
		if i := bytes.IndexByte(rest[seen:], '\n'); i >= 0 && seen+i <= s.max {
			n := seen + i
			l := textLine{text: trimEnd(rest[:n]), num: s.line + 1, offset: s.offset, whole: true}
			s.pos += n + 1
			s.offset += int64(n + 1)
			s.line++
			return l, true
		} else if i >= 0 || len(rest) > s.max {
			return s.overlong(), true
		}
		seen = len(rest)
		if s.more() {
			continue
		}
		if rest = s.rest(); len(rest) == 0 {
			return textLine{}, false
		}
		l := textLine{text: trimEnd(rest), num: s.line + 1, offset: s.offset}
		s.pos += len(rest)
		s.offset += int64(len(rest))
		s.line++
		return l, true
	}
}

// overlong passes a line longer than the limit and keeps its head.
func (s *source) overlong() textLine {
	l := textLine{text: bytes.Clone(s.rest()[:min(MaxSkipText, len(s.rest()))]), num: s.line + 1, offset: s.offset, long: true}
	s.line++
	for {
		rest := s.rest()
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			s.pos += i + 1
			s.offset += int64(i + 1)
			l.whole = true
			return l
		}
		s.pos += len(rest)
		s.offset += int64(len(rest))
		if !s.more() {
			return l
		}
	}
}

func trimEnd(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\r' {
		return b[:n-1]
	}
	return b
}
