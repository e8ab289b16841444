package hbase

import (
	"bytes"
	"context"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The bounds of what is kept of logs. Events are kept once for each signature and subject of a file, so that they grow with
// the regions, not with the lines.
const (
	maxEvents  = 400_000
	maxText    = 1_000
	maxCause   = 1_200
	maxCauses  = 60 // lines below an entry that are looked at for its cause
	maxEntries = 5_000
	maxInfos   = 50_000
)

type eventKey struct {
	sig             Signature
	subject, detail string
}

// logScan reads one file of logs.
type logScan struct {
	file    *LogFile
	events  map[eventKey]*Event
	order   []*Event
	infos   map[string]KnownRegion
	dropped int64
	current *Event // the event of the entry that is being read, if its cause is wanted
	lines   int    // continuation lines of it
}

// KnownRegion is a region as a report or a log line describes it.
type KnownRegion struct {
	Name  string
	Table string
	Start []byte
	End   []byte
	Place Place
}

func newLogScan(f *LogFile) *logScan {
	return &logScan{file: f, events: map[eventKey]*Event{}, infos: map[string]KnownRegion{}}
}

func (s *logScan) read(ctx context.Context, l *lineReader) error {
	var first, last []byte
	for {
		b, ok := l.next()
		if !ok {
			break
		}
		if l.line%checkLines == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		line, ok := parseLogLine(b)
		if !ok {
			s.continuation(b)
			continue
		}
		if first == nil {
			first = bytes.Clone(line.stamp)
		}
		last = append(last[:0], line.stamp...)
		s.current = nil
		s.entry(&line, b, l.at)
	}
	s.file.Lines, s.file.Bytes = int64(l.line), l.offset
	s.file.First, _ = parseStamp(first)
	s.file.Last, _ = parseStamp(last)
	return l.failure()
}

func (s *logScan) entry(line *logLine, b []byte, at At) {
	if string(line.class) == "CatalogJanitor" {
		s.janitor(line, at)
		return
	}
	if i := bytes.Index(line.message, []byte("{ENCODED => ")); i >= 0 {
		s.info(line.message[i:], at)
	}
	m, ok := signatureOf(line, s.file.Role)
	if !ok {
		return
	}
	e := s.add(&m, line, b, at)
	if m.wantsCause {
		s.current, s.lines = e, 0
	}
}

// info remembers a region that a line describes.
func (s *logScan) info(text []byte, at At) {
	end := bytes.IndexByte(text, '}')
	for end >= 0 && len(s.infos) < maxInfos {
		if t, ok := parseRegionInfo(text[:end+1], nil); ok {
			if k, ok := t.known(Place{File: s.file.Path, At: at}); ok {
				s.infos[string(t.encoded)] = k
			}
			return
		}
		next := bytes.IndexByte(text[end+1:], '}')
		if next < 0 || end > maxText {
			return
		}
		end += 1 + next
	}
}

// known is a region info as a KnownRegion, if its name says the same as its keys.
func (t *infoText) known(p Place) (KnownRegion, bool) {
	n, ok := parseRegionName(t.name)
	if !ok || !bytes.Equal(n.encoded, t.encoded) || !bytes.Equal(n.start, t.start) {
		return KnownRegion{}, false
	}
	return KnownRegion{Name: string(t.name), Table: string(n.table), Start: ParseBinary(t.start), End: ParseBinary(t.end), Place: p}, true
}

func (s *logScan) add(m *mark, line *logLine, b []byte, at At) *Event {
	key := eventKey{m.Signature, m.Region, m.Server}
	switch m.Signature {
	case SigMetaUpdate, SigRetry, SigSuspended, SigStuckRIT, SigOpened, SigClosed, SigHolding, SigServerMismatch, SigStateMismatch:
		key.detail = "" // one event a region, whichever servers it met
	case SigTableProcedure:
		key.subject, key.detail = m.Table, m.Detail
	case SigSplit, SigMerge, SigJanitor:
		key.detail = m.Detail + m.Path
	default:
		if key.subject == "" && key.detail == "" {
			key.detail = m.Path
		}
	}
	e := s.events[key]
	if e == nil {
		if len(s.order) >= maxEvents {
			s.dropped++
			return nil
		}
		e = &Event{}
		*e = m.Event
		e.File, e.Host, e.Role = s.file.Path, s.file.Host, s.file.Role
		e.First, e.FirstAt = line.time(), at
		if m.keepText {
			e.Text = bounded(b, maxText)
		}
		s.events[key] = e
		s.order = append(s.order, e)
	} else {
		s.again(e, m, b)
	}
	e.Count++
	e.Last, e.LastAt = line.time(), at
	return e
}

// again takes over what the newest line of an event says.
func (s *logScan) again(e *Event, m *mark, b []byte) {
	if m.State != "" {
		e.State = m.State
	}
	if m.Server != "" || m.Signature == SigMetaUpdate {
		e.Server = m.Server
	}
	if m.Pid != 0 {
		e.Pid = m.Pid
	}
	if m.Signature == SigPause {
		e.Number = max(e.Number, m.Number)
	} else if m.Number != 0 {
		e.Number = m.Number
	}
	if m.wantsCause {
		e.Cause = ""
	}
	if m.Name != "" {
		e.Name = m.Name
	}
	if m.keepText {
		e.Text = bounded(b, maxText)
	}
}

// continuation reads a line below an entry: the cause of a failure.
func (s *logScan) continuation(b []byte) {
	e := s.current
	if e == nil || len(b) == 0 {
		return
	}
	if s.lines++; s.lines > maxCauses {
		return
	}
	if e.Signature == SigPause {
		if bytes.HasPrefix(b, []byte("GC pool")) || bytes.HasPrefix(b, []byte("No GCs")) {
			e.Cause = bounded(b, 200)
		}
		return
	}
	if b[0] == '\t' || b[0] == ' ' || !has(b, "xception") && !has(b, "rror") {
		return
	}
	if len(e.Cause) < maxCause {
		if e.Cause != "" {
			e.Cause += "\n"
		}
		e.Cause += bounded(b, 400)
	}
	if e.Path == "" {
		e.Path = hfileIn(b)
	}
}

var hfilePath = regexp.MustCompile(`(?:[a-z0-9]+://[^\s,;)]+|/[^\s,;)]+)/data/[^\s,;)]+`)

func hfileIn(b []byte) string { return strings.TrimRight(string(hfilePath.Find(b)), ":.") }

var janitorMark = regexp.MustCompile(`(?:^|, )(hole|overlap|empty|unknown_server)=`)

// janitor reads the line in which the catalog janitor reports, an event for each of its entries:
//
//	hole=A/B, overlap=A/B, empty=ROW, unknown_server=SN/REGION
func (s *logScan) janitor(line *logLine, at At) {
	marks := janitorMark.FindAllSubmatchIndex(line.message, -1)
	if len(marks) == 0 || marks[0][0] != 0 {
		return
	}
	for i, m := range marks[:min(len(marks), maxEntries)] {
		end := len(line.message)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		kind, value := string(line.message[m[2]:m[3]]), line.message[m[1]:end]
		e := mark{Event: Event{Signature: SigJanitor, Detail: kind}}
		switch kind {
		case "unknown_server":
			sn, region, _ := bytes.Cut(value, []byte("/"))
			e.Server, e.Name = string(sn), string(region)
		case "empty":
			e.Name = bounded(value, maxText)
		default:
			if left := regionAt(value); left != "" {
				e.Name, e.Path = left, string(bytes.TrimPrefix(value[len(left):], []byte("/")))
			} else {
				left, right, _ := bytes.Cut(value, []byte("/"))
				e.Name, e.Path = bounded(left, maxText), bounded(right, maxText)
			}
		}
		e.Region = EncodedOf(e.Name)
		s.add(&e, line, value, at)
	}
}

var logFileName = regexp.MustCompile(`^(?:hbase|zookeeper)-[^-]+-(master|regionserver|rest|thrift|thrift2|zookeeper|server)-(.+?)\.(?:log|out)`)

// logFileOf tells what the path of a log says: instance, role, host.
func logFileOf(p string) *LogFile {
	f := &LogFile{Path: p}
	base := path.Base(p)
	if m := logFileName.FindStringSubmatch(base); m != nil {
		f.Role, f.Host = m[1], m[2]
	} else {
		for _, role := range []string{"regionserver", "master"} {
			if strings.Contains(strings.ToLower(base), role) {
				f.Role = role
				break
			}
		}
	}
	parts := strings.Split(p, "/")
	for i, part := range parts {
		if (part == "nodes" || part == "node") && i+2 < len(parts) {
			f.Instance = parts[i+1]
		}
	}
	return f
}

// isLog reports whether a file of a bundle is a log.
func isLog(p string) bool {
	base := strings.ToLower(path.Base(p))
	if strings.HasSuffix(base, ".json") || strings.HasSuffix(base, ".html") || strings.Contains(base, "log_copy_summary") || strings.Contains(base, "gc.log") {
		return false
	}
	return strings.Contains(base, ".log") || strings.Contains(base, ".out")
}

// gather joins the scans of all files.
func (l *Logs) gather(scans []*logScan) map[string]KnownRegion {
	l.regions, l.kinds = map[string][]*Event{}, map[Signature][]*Event{}
	infos := map[string]KnownRegion{}
	for _, s := range scans {
		l.Files = append(l.Files, *s.file)
		l.Events = append(l.Events, s.order...)
		l.Dropped += s.dropped
		if !s.file.First.IsZero() && (l.First.IsZero() || s.file.First.Before(l.First)) {
			l.First = s.file.First
		}
		if s.file.Last.After(l.Last) {
			l.Last = s.file.Last
		}
		maps.Copy(infos, s.infos)
	}
	slices.SortStableFunc(l.Events, func(a, b *Event) int { return a.First.Compare(b.First) })
	for _, e := range l.Events {
		if e.Region != "" {
			l.regions[e.Region] = append(l.regions[e.Region], e)
		}
		l.kinds[e.Signature] = append(l.kinds[e.Signature], e)
	}
	return infos
}
