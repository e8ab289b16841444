package record

import (
	"bytes"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// maxHeadFields bounds the parts of a head that are looked at before the rest is the message.
const maxHeadFields = 10

// fields reads what stands between the time and the message: level, thread, logger, process id, context in brackets or as
// key=value, in any order that log4j, logback, Spring Boot, Python, Elasticsearch, PostgreSQL and their like write them.
func (t *textReader) fields(rest []byte, e *entry) {
	numbers := rest // where numbers began: without a level behind them they belong to the message
	numbered := false
	for range maxHeadFields {
		rest = separators(rest)
		if len(rest) == 0 {
			break
		}
		next, ok := rest, false
		switch c := rest[0]; {
		case c == '[':
			next, ok = t.bracket(rest, e)
		case c == '(':
			next, ok = paren(rest, e)
		case isDigit(c):
			if !numbered {
				numbers, numbered = rest, true
			}
			next, ok = number(rest, e)
		case isLetter(c) || c == '_':
			next, ok = t.word(rest, e)
		}
		if !ok {
			break
		}
		rest = next
	}
	if numbered && e.level.text == "" {
		rest = numbers
		e.hasPid = false
	}
	e.body = trimSpace(rest)
	e.tail()
}

// separators passes blanks and the marks between fields.
func separators(b []byte) []byte {
	for {
		switch {
		case len(b) == 0:
			return b
		case b[0] == ' ' || b[0] == '\t' || b[0] == '|':
			b = b[1:]
		case (b[0] == '-' || b[0] == ':' || b[0] == ',') && len(b) > 1 && b[1] == ' ':
			b = b[2:]
		case len(b) > 3 && string(b[:3]) == "---": // Spring Boot
			b = b[3:]
		case len(b) > 3 && string(b[:3]) == "-- ":
			b = b[3:]
		default:
			return b
		}
	}
}

// number reads a process or thread id, or nginx's 31#31: and *connection.
func number(b []byte, e *entry) ([]byte, bool) {
	run := digitRun(b)
	rest := b[run:]
	n, ok := jsonscan.ParseInt(b[:run])
	switch {
	case !ok || len(rest) == 0 || run > 10:
		return b, false
	case rest[0] == '#':
		tid := digitRun(rest[1:])
		if tid == 0 || len(rest) < tid+3 || rest[tid+1] != ':' || e.level.text == "" {
			return b, false
		}
		e.setPid(n)
		e.setPid(int64(num(rest[1 : 1+min(tid, 9)])))
		e.layout = FormatErrorLog
		e.multi = false
		rest = trimSpace(rest[tid+2:])
		if len(rest) > 2 && rest[0] == '*' {
			if k := digitRun(rest[1:]); k > 0 && k+1 < len(rest) && rest[k+1] == ' ' {
				rest = rest[k+2:]
			}
		}
		return rest, true
	case rest[0] != ' ' && rest[0] != '\t' && rest[0] != '|':
		return b, false
	case e.level.text != "" && !bytes.HasPrefix(trimSpace(rest), []byte("--- ")):
		return b, false
	}
	e.setPid(n)
	return rest, true
}

// word reads a level, a logger or a context pair that stands without brackets.
func (t *textReader) word(b []byte, e *entry) ([]byte, bool) {
	n := 0
	for n < len(b) && isLetter(b[n]) {
		n++
	}
	if e.level.text == "" && n <= 11 {
		if l := levelOf(b[:n]); l.text != "" && levelEnds(b, n) {
			e.setLevel(l, b[:n])
			e.tabbed = n < len(b) && b[n] == '\t'
			return bytes.TrimPrefix(b[n:], []byte{':'}), true
		} else if l.text != "" && n > 3 && n < len(b) && b[n] == ' ' && b[0] >= 'a' { // error opening file: a level, and a word of the message
			e.setLevel(l, b[:n])
			return b, false
		}
	}
	if isPair(b) {
		if key, val, next, ok := pair(b); ok && e.logger == nil && contextKey(key) { // behind the logger it is the message's: HBase's pid= is a procedure
			e.contextPair(key, val)
			return next, true
		}
		return b, false
	}
	if e.logger != nil {
		return b, false
	}
	name, next, ok := loggerToken(b)
	if i := bytes.IndexByte(b, '\t'); !ok && e.tabbed && i > 0 && loggerName(b[:i]) { // zap's console: level, logger, caller, text
		name, next, ok = b[:i], b[i+1:], true
	}
	if !ok {
		return t.beforeLevel(b, e)
	}
	if e.level.text == "" && !t.levelAhead(next) && !classLike(name) {
		return b, false
	}
	if e.level.text == "" && bytes.IndexByte(name, '@') > 0 { // PostgreSQL: user@database
		e.layout = FormatDatabase
		user, db, _ := bytes.Cut(name, []byte{'@'})
		e.addText("attributes.db.user", user)
		e.addText("attributes.db.namespace", db)
		return next, true
	}
	if e.location(name) {
		return next, true
	}
	e.logger = name
	return next, true
}

// beforeLevel takes a word that is no word of a sentence (host-1, TID-abc, main.cc:12) before a level.
func (t *textReader) beforeLevel(b []byte, e *entry) ([]byte, bool) {
	end := bytes.IndexByte(b, ' ')
	if end <= 0 || e.level.text != "" || !loggerName(b[:end]) || !bytes.ContainsAny(b[:end], "0123456789.-:") || !t.levelAhead(b[end:]) {
		return b, false
	}
	if !e.location(b[:end]) {
		e.setThread(b[:end])
	}
	return b[end:], true
}

// levelEnds says whether a word at the head of b is a level and not the beginning of the message: in capitals before a separator,
// or in any case before a clear one.
func levelEnds(b []byte, n int) bool {
	if n == len(b) {
		return n > 1 && b[n-1] >= 'A' && b[n-1] <= 'Z'
	}
	c := b[n]
	next := byte(0)
	if n+1 < len(b) {
		next = b[n+1]
	}
	upper := b[n-1] >= 'A' && b[n-1] <= 'Z'
	switch {
	case n == 1: // D WindowManager: text; E | text
		return upper && (c == ' ' || c == '|' || c == '\t') && (next >= 'A' && next <= 'Z' || next == '[' || next == '|' || next == ' ')
	case upper:
		return c == '/' && isLetter(next) || c == ' ' || c == ':' || c == '\t' || c == '|' || c == ',' || c == '['
	}
	switch string(b[:n]) {
	case "info", "debug", "trace", "fatal", "warn":
		if c == ' ' {
			return true
		}
	}
	return c == ':' && next == ' ' || c == '\t' || c == '|' || c == ' ' && (next == ' ' || next == '[' || next == '|' || next == '-')
}

// levelAhead reports that b goes on with a level.
func (t *textReader) levelAhead(b []byte) bool {
	b = separators(b)
	if len(b) > 0 && b[0] == '[' {
		b = b[1:]
	}
	n := 0
	for n < len(b) && isLetter(b[n]) {
		n++
	}
	return n > 2 && n < 12 && n < len(b) && levelOf(b[:n]).text != "" && b[n-1] < 'a'
}

// loggerToken reads a name and the separator that makes it a logger: "a.b.Class: ", "name - ", "a.b.Class  : ", "name | ".
func loggerToken(b []byte) (name, rest []byte, ok bool) {
	end := 0
	for end < len(b) && end < 120 && b[end] != ' ' && b[end] != '\t' && b[end] != '|' && b[end] != '=' && b[end] != '"' {
		end++
	}
	if end == 0 || end >= len(b) {
		return nil, b, false
	}
	name, rest = b[:end], b[end:]
	if b[end-1] == ':' {
		name = b[:end-1]
		return name, rest, classLike(name) || bytes.IndexByte(name, ':') > 0 && name[0] != '/'
	}
	after := bytes.TrimLeft(rest, " ")
	switch {
	case len(after) > 1 && (after[0] == '-' || after[0] == '|') && after[1] == ' ':
		return name, after[2:], loggerName(name)
	case len(after) > 1 && after[0] == ':' && after[1] == ' ':
		return name, after[2:], loggerName(name)
	case bytes.IndexByte(name, '@') > 0 && loggerName(name):
		return name, rest, true
	case len(after) > 1 && after[0] == '[' && bytes.IndexByte(name, '.') > 0 && identifier(name): // OpenStack: a.b.c [context] text
		return name, after, true
	case len(after) > 0 && dottedClass(name): // Tomcat, Solr: a.b.Class.method text
		return name, after, true
	}
	return nil, b, false
}

// dottedClass reports a name of three or more parts of which one is written like a class: nothing else looks like that.
func dottedClass(b []byte) bool {
	dots, capital := 0, false
	for i, c := range b {
		switch {
		case c == '.':
			dots++
			capital = capital || i+1 < len(b) && b[i+1] >= 'A' && b[i+1] <= 'Z'
		case !isWord(c) && c != '$' && c != '-':
			return false
		}
	}
	return dots >= 2 && capital && isLetter(b[0]) && b[len(b)-1] != '.'
}

// loggerName reports a name as loggers, classes and code locations have them.
func loggerName(b []byte) bool {
	for _, c := range b {
		if !isWord(c) && c != '.' && c != '$' && c != '-' && c != '/' && c != '@' && c != ':' && c != '#' && c != '<' && c != '>' && c != '[' && c != ']' && c != '(' && c != ')' {
			return false
		}
	}
	return len(b) > 0
}

// classLike reports a name that can hardly be the first word of a message: dotted, nested or in camel case.
func classLike(b []byte) bool {
	if !loggerName(b) || !isLetter(b[0]) && b[0] != '_' {
		return false
	}
	for i, c := range b[1:] {
		switch {
		case c == '$', c == '.' && i+2 < len(b), c == ':':
			return true
		case c >= 'A' && c <= 'Z' && b[i] >= 'a' && b[i] <= 'z':
			return true
		}
	}
	return false
}

// tail finds the logger that Kafka writes behind the message: text (kafka.server.Broker).
func (e *entry) tail() {
	n := len(e.body)
	if e.logger != nil || n < 6 || e.body[n-1] != ')' || e.level.text == "" {
		return
	}
	i := bytes.LastIndexByte(e.body, '(')
	if i < 1 || e.body[i-1] != ' ' {
		return
	}
	name := e.body[i+1 : n-1]
	if bytes.Count(name, []byte{'.'}) >= 2 && identifier(name) {
		e.logger, e.body = name, trimSpace(e.body[:i])
	}
}
