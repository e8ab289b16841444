package record

import (
	"bytes"
)

// trail follows stack traces, so that lines which look like nothing by themselves find their entry.
type trail struct {
	python bool // inside a Traceback whose last line is still to come
	golang bool // inside a goroutine's frames
}

// see looks at a line that became part of the entry.
func (t *trail) see(line []byte) {
	if len(line) == 0 {
		return
	}
	switch {
	case line[0] == 'T' && bytes.HasPrefix(line, []byte("Traceback (most recent call last)")), line[len(line)-1] == ':' && bytes.HasSuffix(line, []byte("Traceback (most recent call last):")):
		t.python = true
	case t.python && line[0] != ' ' && line[0] != '\t':
		t.python = false
	}
	if c := line[0]; c != 'g' && c != 'p' && c != 'f' {
		return
	}
	if isGoroutine(line) || bytes.HasPrefix(line, []byte("panic: ")) || bytes.HasPrefix(line, []byte("fatal error: ")) {
		t.golang = true
	}
}

// isGoroutine knows "goroutine 17 [running]:".
func isGoroutine(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("goroutine "))
	n := digitRun(rest)
	return ok && n > 0 && n+1 < len(rest) && rest[n+1] == '['
}

// fits reports that the open entry may take another line.
func (t *textReader) fits(line []byte) bool {
	return t.lines+t.blanks < MaxEntryLines && len(t.body)+t.blanks+len(line) < MaxEntryBytes
}

// continues reports that a line without a head belongs to the open entry.
func (t *textReader) continues(line []byte) bool {
	if line[0] == ' ' || line[0] == '\t' {
		return true
	}
	if t.multi && !t.loose {
		return true
	}
	if t.trail.python || isTraceLine(line) {
		return true
	}
	return t.trail.golang && (line[len(line)-1] == ')' || bytes.HasPrefix(line, []byte("created by ")) || bytes.HasPrefix(line, []byte("[signal ")) ||
		bytes.HasPrefix(line, []byte("exit status ")) || isGoroutine(line))
}

// isTraceLine knows lines of stack traces that are not indented.
func isTraceLine(line []byte) bool {
	for _, p := range [...]string{
		"Caused by: ", "Suppressed: ", "Traceback (most recent call last)", "During handling of the above exception",
		"The above exception was the direct cause", "--- End of ", "---> ", "... ", "at ",
	} {
		if bytes.HasPrefix(line, []byte(p)) {
			return true
		}
	}
	return isGoroutine(line) || isException(line)
}

// isException knows the first line of an exception: a dotted class that ends as exceptions do, alone or before a colon.
func isException(line []byte) bool {
	end := 0
	for end < len(line) && (isWord(line[end]) || line[end] == '.' || line[end] == '$') {
		end++
	}
	if end == 0 || end < len(line) && line[end] != ':' || bytes.IndexByte(line[:end], '.') <= 0 {
		return false
	}
	return exceptionWord(line[:end])
}

func exceptionWord(b []byte) bool {
	for _, s := range [...]string{"Exception", "Error", "Throwable", "Failure", "Fault", "Interrupt"} {
		if bytes.HasSuffix(b, []byte(s)) {
			return true
		}
	}
	return false
}

// startsTrace gives a line without head that begins a crash the level it deserves.
func (t *textReader) startsTrace(line []byte) {
	switch {
	case bytes.HasPrefix(line, []byte("panic: ")), bytes.HasPrefix(line, []byte("fatal error: ")), isGoroutine(line):
		t.e.level = level{"FATAL", 21}
	case bytes.HasPrefix(line, []byte("Exception in thread ")), bytes.HasPrefix(line, []byte("Traceback (most recent call last)")),
		bytes.HasPrefix(line, []byte("Unhandled exception")), isException(line):
		t.e.level = level{"ERROR", 17}
	}
}

// setException takes type, message and stack trace out of an entry of several lines.
func setException(b *builder, w *wellKnown, body []byte) {
	head, from := exceptionHead(body)
	if from < 0 {
		return
	}
	b.setFresh(w.excStack, body[from:])
	typ, msg, ok := bytes.Cut(head, []byte(": "))
	if !ok {
		typ, msg = bytes.TrimSuffix(head, []byte{':'}), nil
	}
	if len(typ) > 0 && len(typ) <= 200 && bytes.IndexByte(typ, ' ') < 0 {
		b.setText(w.excType, typ)
		if len(msg) > 0 {
			b.setFresh(w.excMessage, msg)
		}
	} else if len(head) > 0 {
		b.setFresh(w.excMessage, head)
	}
}

// exceptionHead finds the line that names the exception and where the stack trace begins; -1 when there is none.
func exceptionHead(body []byte) (head []byte, from int) {
	if i := bytes.Index(body, []byte("Traceback (most recent call last)")); i >= 0 {
		return pythonHead(body, i), i
	}
	if i := bytes.Index(body, []byte("panic: ")); i >= 0 && (i == 0 || body[i-1] == '\n') {
		line, _, _ := bytes.Cut(body[i:], newline)
		return line, i
	}
	start := 0
	for start < len(body) {
		end := bytes.IndexByte(body[start:], '\n')
		if end < 0 {
			return nil, -1
		}
		line, next := body[start:start+end], body[start+end+1:]
		if trimmed := bytes.TrimLeft(next, " \t"); bytes.HasPrefix(trimmed, []byte("at ")) && (len(trimmed) < len(next) || exceptionIn(line) != nil) {
			if head := exceptionIn(line); head != nil {
				return head, start + bytes.Index(line, head)
			}
			return nil, start + end + 1
		}
		if isGoroutine(next) {
			return nil, start + end + 1
		}
		start += end + 1
	}
	return nil, -1
}

// pythonHead returns the last line of a traceback.
func pythonHead(body []byte, i int) []byte {
	rest := body[i:]
	for {
		_, after, ok := bytes.Cut(rest, newline)
		if !ok {
			return nil
		}
		rest = after
		line, _, _ := bytes.Cut(rest, newline)
		if len(line) > 0 && line[0] != ' ' && line[0] != '\t' {
			return line
		}
	}
}

// exceptionIn finds "a.b.SomeException: message" in a line that may say other things before it.
func exceptionIn(line []byte) []byte {
	for at := 0; at < len(line); {
		end := at
		for end < len(line) && (isWord(line[end]) || line[end] == '.' || line[end] == '$' || line[end] == '`') {
			end++
		}
		if end > at && exceptionWord(line[at:end]) && (end == len(line) || line[end] == ':') {
			return line[at:]
		}
		at = end + 1
	}
	return nil
}

// findTrace looks for trace=, trace_id:, "traceId":"..." and traceparent in a message. Ids that are 0 or empty are none.
func findTrace(body, span []byte) (traceID, spanID []byte) {
	for at := 0; ; {
		i := bytes.Index(body[at:], []byte("race"))
		if i < 0 {
			return nil, span
		}
		at += i + 4
		if at < 5 || body[at-5]|0x20 != 't' {
			continue
		}
		rest := body[at:]
		if after, ok := bytes.CutPrefix(rest, []byte("parent")); ok {
			if v := idAfter(after); len(v) == 55 && v[2] == '-' && v[35] == '-' && !noID(v[3:35]) {
				return v[3:35], v[36:52]
			}
			continue
		}
		for _, suffix := range [...]string{"_id", "Id", "ID", ".id", "-id", "id"} {
			if after, ok := bytes.CutPrefix(rest, []byte(suffix)); ok {
				rest = after
				break
			}
		}
		if v := idAfter(rest); (len(v) == 32 || len(v) == 16) && isHex(v) && !noID(v) {
			return v, orFirst(span, findSpan(body))
		}
	}
}

func findSpan(body []byte) []byte {
	_, rest, ok := bytes.Cut(body, []byte("span"))
	if !ok {
		return nil
	}
	for _, suffix := range [...]string{"_id", "Id", "ID", ".id", "-id", "id"} {
		if after, ok := bytes.CutPrefix(rest, []byte(suffix)); ok {
			rest = after
			break
		}
	}
	if v := idAfter(rest); len(v) == 16 && isHex(v) && !noID(v) {
		return v
	}
	return nil
}

// idAfter reads the word behind '=' or ':', quotes and blanks around it left out.
func idAfter(b []byte) []byte {
	b = bytes.TrimLeft(b, `"' `)
	if len(b) == 0 || b[0] != '=' && b[0] != ':' {
		return nil
	}
	b = bytes.TrimLeft(b[1:], `"' `)
	end := 0
	for end < len(b) && end < 60 && (isWord(b[end]) || b[end] == '-') {
		end++
	}
	return b[:end]
}
