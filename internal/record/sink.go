package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"unicode/utf8"
)

// sink counts what is handed over and what is skipped.
type sink struct {
	ctx  context.Context //nolint:containedctx // one reading is one call: the sink lives as long as Read
	emit func(*Record) error
	rep  *Report
	hold bool  // Options.HoldTail
	tail bool  // what comes now lies beyond EndOffset
	kept int64 // rows before EndOffset
	n    int
	err  error // of emit or ctx: ends the reading
}

// errStop unwinds the readers after sink.err was set.
var errStop = errors.New("stopped")

// checkEvery is how many records pass between looks at the context.
const checkEvery = 1024

// put hands over one record.
func (s *sink) put(r *Record) error {
	if s.tail && s.hold {
		return nil
	}
	if err := s.emit(r); err != nil {
		s.err = err
		return errStop
	}
	s.rep.Rows++
	s.rep.Kinds[r.Kind]++
	return s.tick()
}

// tick looks at the context now and then.
func (s *sink) tick() error {
	if s.n++; s.n%checkEvery != 0 {
		return nil
	}
	if err := s.ctx.Err(); err != nil {
		s.err = fmt.Errorf("read records: %w", err)
		return errStop
	}
	return nil
}

// skip counts something that could not be read.
func (s *sink) skip(line, offset int64, reason string, text []byte) {
	if s.tail && s.hold {
		return
	}
	s.rep.Skipped++
	if len(s.rep.Examples) >= MaxExamples {
		return
	}
	text = bytes.TrimSpace(text[:min(len(text), MaxSkipText)])
	s.rep.Examples = append(s.rep.Examples, Skip{line, offset, reason, string(bytes.ToValidUTF8(text, replacement))})
}

// done marks everything up to here as read for good.
func (s *sink) done(offset, line int64) {
	s.rep.EndOffset, s.rep.EndLine, s.kept = offset, line, s.rep.Rows
}

var replacement = []byte("\uFFFD")

// mend replaces invalid UTF-8 and NUL bytes, counting the lines it had to touch.
func (s *sink) mend(line []byte) []byte {
	if bytes.IndexByte(line, 0) < 0 && utf8.Valid(line) {
		return line
	}
	s.rep.Mended++
	return bytes.ReplaceAll(bytes.ToValidUTF8(line, replacement), []byte{0}, replacement)
}
