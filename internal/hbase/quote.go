package hbase

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// maxQuote bounds a quoted line.
const maxQuote = 600

// Quote reads the lines at places again, in their order. A place without a line, or a snapshot without a bundle, quotes "".
func (s *Snapshot) Quote(ctx context.Context, places []Place) ([]string, error) {
	out := make([]string, len(places))
	byFile := map[string][]int{}
	for i, p := range places {
		if p.File != "" && p.Line > 0 {
			byFile[p.File] = append(byFile[p.File], i)
		}
	}
	if s.bundle == nil {
		return out, nil
	}
	for file, at := range byFile {
		slices.SortFunc(at, func(a, b int) int { return cmp.Compare(places[a].Line, places[b].Line) })
		if err := s.quoteFile(ctx, file, places, at, out); err != nil {
			return nil, fmt.Errorf("quote %s: %w", file, err)
		}
	}
	return out, nil
}

func (s *Snapshot) quoteFile(ctx context.Context, file string, places []Place, at []int, out []string) error {
	if !isGzip(file) {
		f, err := s.bundle.Open(ctx, file)
		if err != nil {
			return err
		}
		if seeker, ok := f.(io.Seeker); ok {
			return closed(f, quoteSeeking(f, seeker, places, at, out))
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	l, c, err := openLines(ctx, s.bundle, file)
	if err != nil {
		return err
	}
	for len(at) > 0 {
		line, ok := l.next()
		if !ok {
			break
		}
		if l.line%checkLines == 0 && ctx.Err() != nil {
			return closed(c, ctx.Err())
		}
		for len(at) > 0 && places[at[0]].Line == l.line {
			out[at[0]] = bounded(line, maxQuote)
			at = at[1:]
		}
	}
	return c.Close() // damage behind the last line was seen when the file was read
}

func quoteSeeking(r io.Reader, seeker io.Seeker, places []Place, at []int, out []string) error {
	buf := make([]byte, maxQuote+1)
	for _, i := range at {
		if _, err := seeker.Seek(places[i].Offset, io.SeekStart); err != nil {
			return err
		}
		n, err := io.ReadFull(r, buf)
		if n == 0 && err != nil {
			return err
		}
		line, _, _ := bytes.Cut(buf[:n], []byte("\n"))
		out[i] = bounded(bytes.TrimSuffix(line, []byte("\r")), maxQuote)
	}
	return nil
}

// Lines calls each for the lines of the logs that hold a text, file after file, until it returns false.
func (s *Snapshot) Lines(ctx context.Context, text string, each func(f *LogFile, at At, line []byte) bool) error {
	if s.bundle == nil || text == "" {
		return nil
	}
	needle := []byte(text)
	for i := range s.Logs.Files {
		f := &s.Logs.Files[i]
		on := true
		err := s.Scan(ctx, f, func(at At, line []byte) bool {
			if bytes.Contains(line, needle) {
				on = each(f, at, line)
			}
			return on
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && f.Damage == "":
			return err
		case !on:
			return nil
		}
	}
	return nil
}

// Describe looks for regions in hbck's report and the master's page, which print keys beside names: for folders without a
// row, whose keys nothing else in the bundle tells.
func (s *Snapshot) Describe(ctx context.Context, encoded []string) (map[string]KnownRegion, error) {
	out := map[string]KnownRegion{}
	want := map[string]bool{}
	for _, e := range encoded {
		if k, ok := s.Known[e]; ok {
			out[e] = k
		} else {
			want[e] = true
		}
	}
	if len(want) == 0 || s.bundle == nil {
		return out, nil
	}
	for _, name := range []string{ArtefactHbck, ArtefactPage} {
		a := s.Artefact(name)
		if a.Verdict == Absent || len(a.Files) == 0 {
			continue
		}
		l, c, err := openLines(ctx, s.bundle, a.Files[0])
		if err != nil {
			return nil, err
		}
		for {
			b, ok := l.next()
			if !ok {
				break
			}
			describe(b, Place{File: a.Files[0], At: l.at}, want, out)
		}
		if err := c.Close(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// describe reads one line: "NAME id: … encoded_name: E start: S end: T" of hbck, or a region info.
func describe(b []byte, at Place, want map[string]bool, out map[string]KnownRegion) {
	if i := bytes.Index(b, []byte(" encoded_name: ")); i >= 0 {
		encoded := encodedAt(b[i+len(" encoded_name: "):])
		name := regionAt(bytes.TrimLeft(b, " "))
		n, ok := parseRegionName([]byte(name))
		if !want[encoded] || !ok {
			return
		}
		head := append([]byte(" start: "), n.start...)
		if _, end, ok := bytes.Cut(b[i:], append(head, " end: "...)); ok {
			out[encoded] = KnownRegion{Name: name, Table: string(n.table), Start: ParseBinary(n.start), End: ParseBinary(end), Place: at}
		}
		return
	}
	for {
		i := bytes.Index(b, []byte("{ENCODED => "))
		if i < 0 {
			return
		}
		b = b[i:]
		if encoded := encodedAt(b[len("{ENCODED => "):]); want[encoded] {
			for end := bytes.IndexByte(b, '}'); end >= 0 && end < maxLine; {
				if t, ok := parseRegionInfo(b[:end+1], nil); ok {
					if k, ok := t.known(at); ok {
						out[encoded] = k
					}
					break
				}
				next := bytes.IndexByte(b[end+1:], '}')
				if next < 0 {
					break
				}
				end += 1 + next
			}
		}
		b = b[1:]
	}
}

// LogEntry is a line of a log in parts. Its texts are valid until the next line.
type LogEntry struct {
	Time    time.Time // the host's local time, read as UTC
	Level   []byte
	Class   []byte // the logger's last word
	Message []byte
}

// ParseLog reads the head of an entry in either form of log4j; ok is false for the lines below one.
func ParseLog(line []byte) (e LogEntry, ok bool) {
	l, ok := parseLogLine(line)
	if !ok {
		return e, false
	}
	return LogEntry{Time: l.time(), Level: l.level, Class: l.class, Message: l.message}, true
}

// Scan calls each for every line of a log file, until it returns false.
func (s *Snapshot) Scan(ctx context.Context, f *LogFile, each func(at At, line []byte) bool) error {
	if s.bundle == nil {
		return nil
	}
	l, c, err := openLines(ctx, s.bundle, f.Path)
	if err != nil {
		return err
	}
	for on := true; on; {
		line, ok := l.next()
		if !ok {
			break
		}
		if l.line%checkLines == 0 && ctx.Err() != nil {
			return closed(c, ctx.Err())
		}
		on = each(l.at, line)
	}
	return c.Close() // damage behind was seen when the file was read
}
