package record

import (
	"bytes"
)

// head reads the head of a line into e; false when the line fits no layout. inside says that an entry is open whose following
// lines may be anything, so that only clear heads count.
func (t *textReader) head(line []byte, e *entry, inside bool) bool {
	if len(line) == 0 || line[0] == ' ' || line[0] == '\t' {
		return false
	}
	switch c := line[0]; {
	case c == '<':
		if t.syslogPRI(line, e) {
			return true
		}
	case c == ':': // ::1 - - [time]
		if t.access(line, e) {
			return true
		}
	case c == '[':
		if t.bracketed(line, e) {
			return true
		}
	case isDigit(c):
		if t.digitFirst(line, e) {
			return true
		}
	case isLetter(c) || c == '_' || c == '@':
		if t.compose(line, e) || t.letterFirst(line, e) {
			return true
		}
	case c == '#' && bytes.HasPrefix(line, []byte("# Time: ")): // MySQL's slow query log
		if s, ok := t.clk.scan(line[8:]); ok {
			e.layout, e.at, e.hasTime, e.multi = FormatDatabase, s.t, true, true
			e.body = trimSpace(line[8+s.n:])
			return true
		}
	}
	return (!inside || t.prefix) && t.prefixed(line, e)
}

// digitFirst reads lines that begin with a digit: a time, an address, a process id.
func (t *textReader) digitFirst(line []byte, e *entry) bool {
	if s, ok := t.clk.scan(line); ok && (s.n == len(line) || !isWord(line[s.n])) {
		return t.timed(line, s, e)
	}
	if t.access(line, e) {
		return true
	}
	run := digitRun(line)
	rest := line[run:]
	switch {
	case len(rest) > 4 && rest[0] == ':' && rest[2] == ' ' && isLetter(rest[1]): // Redis: 1:M 27 May 2026 17:40:02.550 * text
		return t.redis(line, run, e)
	case len(rest) > 2 && rest[0] == ' ': // log4j's TTCC layout: milliseconds since the start
		if r := trimSpace(rest); run <= 10 && r[0] == '[' {
			e.layout, e.multi = FormatLog4j, true
			t.fields(r, e)
			return e.level.text != ""
		}
	}
	return false
}

// timed goes on behind a time at the head of a line.
func (t *textReader) timed(line []byte, s stampAt, e *entry) bool {
	e.at, e.hasTime, e.multi, e.layout = s.t, true, true, FormatTimed
	rest := line[s.n:]
	if len(rest) > 10 && (bytes.HasPrefix(rest, []byte(" stdout ")) || bytes.HasPrefix(rest, []byte(" stderr "))) && (rest[8] == 'F' || rest[8] == 'P') {
		return t.cri(rest, e)
	}
	if len(rest) > 1 && rest[0] == '|' && rest[1] != ' ' {
		piped(rest[1:], e)
		return true
	}
	if len(rest) > 1 && rest[0] == ':' && t.rds(rest[1:], e) {
		return true
	}
	t.fields(rest, e)
	if e.level.text == "" && s.n > 19 && line[10] == 'T' {
		t.isoSyslog(line, s, e)
	}
	if e.layout == FormatErrorLog {
		e.webClient()
	}
	t.label(line, s, e)
	return true
}

// label names the format a timed line is in.
func (t *textReader) label(line []byte, s stampAt, e *entry) {
	if e.layout != FormatTimed {
		return
	}
	comma := s.n > 20 && line[19] == ','
	switch {
	case line[0] >= '0' && line[0] <= '9' && s.n >= 19 && line[4] == '/' && e.level.text == "":
		e.layout = FormatGoLog
	case e.level.text == "":
	case e.logger != nil && e.thread == nil && comma && bytes.IndexByte(e.logger, '.') < 0:
		e.layout = FormatPython
	case e.logger != nil || e.thread != nil || comma:
		e.layout = FormatLog4j
	}
}

// letterFirst reads lines that begin with a letter.
func (t *textReader) letterFirst(line []byte, e *entry) bool {
	if isKlog(line) {
		return t.klog(line, e)
	}
	if s, ok := t.clk.scan(line); ok {
		return t.named(line, s, e)
	}
	if len(line) > 12 && line[1] == ',' && line[2] == ' ' && line[3] == '[' { // Ruby: I, [2026-05-27T17:40:02.550123 #17]  INFO -- name: text
		return t.ruby(line, e)
	}
	if isPair(line) {
		return t.logfmt(line, e)
	}
	if i := bytes.IndexByte(line[:min(len(line), 12)], ':'); i > 3 && levelOf(line[:i]).text != "" {
		return t.leveled(line, e)
	}
	if t.access(line, e) {
		return true
	}
	return t.leveled(line, e)
}

// bracketed reads lines that begin with a bracket: a time, a level, or Apache's error log.
func (t *textReader) bracketed(line []byte, e *entry) bool {
	if s, ok := t.clk.scan(line[1:]); ok {
		rest := line[1+s.n:]
		if len(rest) == 0 {
			return false
		}
		e.at, e.hasTime, e.layout = s.t, true, FormatBracketed
		if rest[0] == ']' {
			rest = rest[1:]
			if len(rest) > 2 && rest[0] == ' ' && rest[1] == '"' && t.request(rest[1:], e) {
				e.layout = FormatAccess
				t.envoyTail(e)
				return true
			}
			e.multi = true
			t.fields(rest, e)
			if line[1] >= 'A' && e.level.text != "" {
				e.layout, e.multi = FormatErrorLog, false
			}
			return true
		}
		if rest[0] == ' ' || rest[0] == ',' || rest[0] == '|' || rest[0] == '-' || rest[0] == ':' { // [time LEVEL ...] text
			e.multi = true
			if end := bytes.IndexByte(rest, ']'); end > 0 && end < 80 {
				t.fields(rest[:end], e)
				left := e.body
				e.body = nil
				t.fields(rest[end+1:], e)
				if left = bytes.Trim(left, "/ "); len(left) > 0 {
					e.setThread(left)
				}
				return true
			}
		}
		return false
	}
	end := bytes.IndexByte(line, ']')
	if end < 3 || end > 12 {
		return false
	}
	word := trimSpace(line[1:end])
	l := levelOf(word)
	if l.text == "" || len(word) < 3 {
		return false
	}
	e.layout = FormatLeveled
	e.setLevel(l, word)
	t.fields(line[end+1:], e)
	return true
}

// leveled reads LEVEL text, LEVEL: text, LEVEL:logger:text and LEVEL [thread] class - text, which have no time. Only levels in
// capitals count.
func (t *textReader) leveled(line []byte, e *entry) bool {
	n := 0
	for n < len(line) && line[n] >= 'A' && line[n] <= 'Z' {
		n++
	}
	if n < 4 || n >= len(line) || line[n] != ':' && line[n] != ' ' && line[n] != '\t' {
		return false
	}
	l := levelOf(line[:n])
	if l.text == "" {
		return false
	}
	e.layout, e.multi = FormatLeveled, true
	e.setLevel(l, line[:n])
	rest := line[n:]
	if rest[0] == ':' { // Python's basicConfig
		if end := bytes.IndexByte(rest[1:], ':'); end > 0 && identifier(rest[1:1+end]) {
			body := trimSpace(rest[2+end:])
			if len(body) == 0 || !t.access(body, e) { // Werkzeug logs requests this way
				e.body = body
			}
			e.level, e.word, e.logger, e.layout = l, line[:n], rest[1:1+end], FormatPython
			return true
		}
	}
	t.fields(rest, e)
	return true
}

// prefixed looks for a time behind up to four words: file names, node names, alert flags that collectors put in front.
func (t *textReader) prefixed(line []byte, e *entry) bool {
	at := 0
	for range 4 {
		sp := bytes.IndexByte(line[at:min(len(line), at+64)], ' ')
		if sp < 0 {
			return false
		}
		at += sp + 1
		for at < len(line) && line[at] == ' ' {
			at++
		}
		if at >= len(line) || !isDigit(line[at]) && monthName(line[at:]) == 0 {
			continue
		}
		s, ok := t.clk.scan(line[at:])
		if !ok || s.n < 13 {
			continue
		}
		if isDigit(line[at]) {
			ok = t.timed(line[at:], s, e)
		} else {
			ok = t.named(line[at:], s, e)
		}
		e.addText("attributes.log.prefix", trimSpace(line[:at]))
		e.prefix = true
		return ok
	}
	return false
}

// identifier reports a name of letters, digits and the punctuation of class, module and host names.
func identifier(b []byte) bool {
	if len(b) == 0 || len(b) > 120 {
		return false
	}
	for _, c := range b {
		if !isWord(c) && c != '.' && c != '$' && c != '-' && c != '/' && c != '@' && c != '#' && c != '*' && c != '<' && c != '>' {
			return false
		}
	}
	return isLetter(b[0]) || b[0] == '_'
}
