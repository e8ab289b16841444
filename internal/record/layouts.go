package record

import (
	"bytes"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// rds reads PostgreSQL's prefix on Amazon RDS: TIME:HOST(PORT):USER@DATABASE:[PID]:LEVEL: text.
func (t *textReader) rds(rest []byte, e *entry) bool {
	head, text, ok := bytes.Cut(rest, []byte("]:"))
	where, pid, has := bytes.Cut(head, []byte(":["))
	n, isNumber := jsonscan.ParseInt(pid)
	if !ok || !has || !isNumber || bytes.IndexByte(where, ' ') >= 0 {
		return false
	}
	e.layout = FormatDatabase
	e.setPid(n)
	host, user, _ := bytes.Cut(where, []byte{':'})
	if i := bytes.IndexByte(host, '('); i > 0 {
		e.addText("attributes.client.address", host[:i])
	}
	name, db, _ := bytes.Cut(user, []byte{'@'})
	e.addText("attributes.db.user", name)
	e.addText("attributes.db.namespace", db)
	t.fields(text, e)
	return true
}

// isoSyslog reads what rsyslog writes with precise times: TIME HOST TAG[PID]: text. The process id, or the numeric zone that it
// always writes, tells it from other text.
func (t *textReader) isoSyslog(line []byte, s stampAt, e *entry) {
	rest := line[s.n:]
	before := *e
	e.extra = e.extra[:0]
	if t.syslogTail(rest, e) && (e.hasPid || line[s.n-1] != 'Z' && bytes.ContainsAny(line[19:s.n], "+-")) {
		e.layout, e.multi = FormatSyslog, false
		return
	}
	*e = before
}

// webClient finds the client's address in a line of nginx' error log.
func (e *entry) webClient() {
	if _, after, ok := bytes.Cut(e.body, []byte(", client: ")); ok {
		addr, _, _ := bytes.Cut(after, []byte{','})
		e.addText("attributes.client.address", addr)
	}
}

// piped reads |logger|process|text.
func piped(rest []byte, e *entry) {
	for range 3 {
		field, after, ok := bytes.Cut(rest, []byte{'|'})
		field = trimSpace(field)
		if !ok || bytes.IndexByte(field, ' ') >= 0 {
			break
		}
		if l := levelOf(field); l.text != "" {
			e.setLevel(l, field)
		} else if n, isNumber := jsonscan.ParseInt(field); isNumber {
			e.setPid(n)
		} else if identifier(field) && e.logger == nil {
			e.logger = field
		} else {
			break
		}
		rest = after
	}
	e.body = trimSpace(rest)
}

// compose reads what docker compose puts before every line: "web-1  | ".
func (t *textReader) compose(line []byte, e *entry) bool {
	bar := bytes.IndexByte(line[:min(len(line), 64)], '|')
	if bar < 3 || bar+2 >= len(line) || line[bar-1] != ' ' || line[bar+1] != ' ' {
		return false
	}
	name := trimSpace(line[:bar])
	n := len(name)
	for n > 0 && isDigit(name[n-1]) {
		n--
	}
	if n < 2 || n == len(name) || name[n-1] != '-' && name[n-1] != '_' || !identifier(name) {
		return false
	}
	rest := trimSpace(line[bar+1:])
	if !t.head(rest, e, true) {
		e.reset()
		e.layout, e.body = FormatText, rest
	}
	if e.service == nil {
		e.service = name[:n-1]
	}
	return true
}

func (t *textReader) redis(line []byte, run int, e *entry) bool {
	s, ok := t.clk.scan(line[run+3:])
	if !ok {
		return false
	}
	rest := trimSpace(line[run+3+s.n:])
	if len(rest) < 2 || rest[1] != ' ' {
		return false
	}
	e.at, e.hasTime, e.layout, e.multi = s.t, true, FormatDatabase, true
	pid, _ := jsonscan.ParseInt(line[:run])
	e.setPid(pid)
	switch rest[0] {
	case '.':
		e.level = level{"DEBUG", 5}
	case '#':
		e.level = level{"WARN", 13}
	default:
		e.level = level{"INFO", 9}
	}
	e.body = rest[2:]
	return true
}

func isKlog(line []byte) bool {
	if len(line) < 21 || digitRun(line[1:]) != 4 || line[5] != ' ' || line[8] != ':' {
		return false
	}
	switch line[0] {
	case 'I', 'W', 'E', 'F', 'D':
		return true
	}
	return false
}

// klog reads I0527 17:40:02.123456   12345 file.go:12] text.
func (t *textReader) klog(line []byte, e *entry) bool {
	v := civil{year: -1, month: num(line[1:3]), day: num(line[3:5])}
	n := v.time(line[6:])
	if n == 0 {
		return false
	}
	at, ok := t.clk.resolve(&v)
	if !ok {
		return false
	}
	e.at, e.hasTime, e.multi, e.layout = at, true, true, FormatKlog
	e.level = levelOf(line[:1])
	rest := trimSpace(line[6+n:])
	where, body, ok := bytes.Cut(rest, []byte{']'})
	if !ok {
		e.body = rest
		return true
	}
	words := bytes.Fields(where)
	if len(words) > 0 && allDigits(words[0]) {
		pid, _ := jsonscan.ParseInt(words[0])
		e.setPid(pid)
		words = words[1:]
	}
	if len(words) > 0 {
		e.location(words[len(words)-1])
	}
	e.body = trimSpace(body)
	return true
}

// location reads file.go:12.
func (e *entry) location(b []byte) bool {
	i := bytes.IndexByte(b, ':')
	if i <= 0 {
		return false
	}
	n, ok := jsonscan.ParseInt(bytes.TrimSuffix(b[i+1:], []byte{':'}))
	if !ok {
		return false
	}
	e.addText("attributes.code.file.path", b[:i])
	e.addInt("attributes.code.line.number", n)
	return true
}

// ruby reads Ruby's Logger: I, [2026-05-27T17:40:02.550123 #17]  INFO -- name: text.
func (t *textReader) ruby(line []byte, e *entry) bool {
	s, ok := t.clk.scan(line[4:])
	end := bytes.IndexByte(line, ']')
	if !ok || end < 0 || 4+s.n > end {
		return false
	}
	e.at, e.hasTime, e.multi, e.layout = s.t, true, true, FormatBracketed
	if pid, ok := jsonscan.ParseInt(bytes.TrimLeft(line[4+s.n:end], " #")); ok {
		e.setPid(pid)
	}
	t.fields(line[end+1:], e)
	if e.level.text == "" {
		e.setLevel(levelOf(line[:1]), nil)
	}
	if rest, ok := bytes.CutPrefix(e.body, []byte("- ")); ok {
		e.body = rest
	}
	if name, body, ok := bytes.Cut(e.body, []byte(": ")); ok && (len(name) == 0 || identifier(name)) && e.logger == nil {
		e.body = body
		if len(name) > 0 {
			e.logger = name
		}
	}
	e.body = bytes.TrimPrefix(e.body, []byte(": "))
	return true
}
