package record

import (
	"bytes"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// bracket reads [level], [thread], [pid], [key=value ...], [ids].
func (t *textReader) bracket(b []byte, e *entry) ([]byte, bool) {
	end := closing(b)
	if end < 0 {
		return b, false
	}
	in := trimSpace(b[1:end])
	rest := b[end+1:]
	if len(in) == 0 {
		return rest, true
	}
	if l := levelOf(in); l.text != "" && e.level.text == "" && (len(in) > 1 || in[0] < 'a') {
		e.setLevel(l, in)
		return rest, true
	}
	if e.context(in) {
		return rest, true
	}
	if e.unknown++; e.unknown > 2 || len(rest) == 0 {
		return b, false
	}
	switch {
	case e.level.text != "" && e.logger == nil && t.classFollows(rest) || isPod(in): // the last bracket before the class is the thread
		if e.thread != nil && bytes.ContainsAny(in, " =") {
			e.addText("attributes.log.context", in)
			return rest, true
		}
		if e.thread != nil && !isPod(in) {
			e.addText("attributes.log.context", e.thread)
			e.thread = nil
		}
		e.setThread(in)
	case e.level.text == "" || e.logger != nil:
		if e.thread != nil || bytes.IndexByte(in, ' ') >= 0 && e.level.text != "" {
			return b, false
		}
		e.setThread(in)
	case identifier(in):
		e.logger = in
	case e.thread != nil:
		e.addText("attributes.log.context", in)
	default:
		e.setThread(in)
	}
	return rest, true
}

// closing finds the bracket that closes the first one; heads are short.
func closing(b []byte) int {
	depth := 0
	for i, c := range b[:min(len(b), 200)] {
		switch c {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// context reads what a bracket says by itself: ids, pairs, Apache's fields. False when it says nothing known.
func (e *entry) context(in []byte) bool {
	switch {
	case allDigits(in) && len(in) < 12:
		n, _ := jsonscan.ParseInt(in)
		e.setPid(n)
	case in[0] == '-' && len(in) == 1:
	case isHex(in) && anyDigit(in) && (len(in) == 32 || len(in) == 16):
		if e.trace == nil && !noID(in) {
			e.trace = in
		} else if len(in) == 16 {
			e.span = in
		}
	case bytes.HasPrefix(in, []byte("pid ")):
		e.apachePid(in[4:])
	case bytes.HasPrefix(in, []byte("client ")):
		e.addText("attributes.client.address", withoutPort(in[7:]))
	case bytes.HasPrefix(in, []byte("req-")):
		e.addText("attributes.request.id", in)
	case bytes.HasPrefix(in, []byte("MY-")) && allDigits(in[3:]):
		e.layout = FormatDatabase
		e.addText("attributes.db.response.status_code", in)
	case bytes.IndexByte(in, '=') > 0 && pairsOfHead(in):
		for p := in; len(p) > 0; {
			key, val, next, ok := pair(p)
			if !ok {
				break
			}
			e.contextPair(key, val)
			p = bytes.TrimLeft(next, " ,;")
		}
	default:
		return e.shortContext(in)
	}
	return true
}

// pairsOfHead reports that a bracket's pairs say where a line comes from. Threads may be named like pairs: HBase's
// RpcServer.default.FPBQ.Fifo.handler=4,queue=0,port=16000.
func pairsOfHead(in []byte) bool {
	for len(in) > 0 {
		key, _, next, ok := pair(in)
		if !ok {
			return false
		}
		if contextKey(key) {
			return true
		}
		in = bytes.TrimLeft(next, " ,;")
	}
	return false
}

// shortContext reads Apache's module:level, Sleuth's [app,trace,span], and file.py:12.
func (e *entry) shortContext(in []byte) bool {
	if i := bytes.IndexByte(in, ':'); i > 0 && e.level.text == "" {
		if l := levelOf(in[i+1:]); l.text != "" && len(in[i+1:]) > 3 {
			e.setLevel(l, in[i+1:])
			e.logger = in[:i]
			return true
		}
	}
	if parts := bytes.Split(in, []byte{','}); len(parts) >= 3 && len(parts) <= 4 {
		trace, span := trimSpace(parts[1]), trimSpace(parts[2])
		if (isHex(trace) || len(trace) == 0) && (isHex(span) || len(span) == 0) {
			e.service = parts[0]
			e.setTrace(trace)
			e.setSpan(span)
			return true
		}
	}
	return bytes.IndexByte(in, '.') > 0 && bytes.IndexByte(in, ' ') < 0 && e.location(in)
}

func (e *entry) setTrace(id []byte) {
	if e.trace == nil && !noID(id) && len(id) >= 8 && len(id) <= 36 {
		e.trace = id
	}
}

func (e *entry) setSpan(id []byte) {
	if e.span == nil && !noID(id) && len(id) >= 8 && len(id) <= 36 {
		e.span = id
	}
}

// apachePid reads 123 or 123:tid 456.
func (e *entry) apachePid(b []byte) {
	n, ok := jsonscan.ParseInt(b[:digitRun(b)])
	if !ok {
		return
	}
	e.setPid(n)
	if i := bytes.Index(b, []byte("tid ")); i > 0 {
		if n, ok := jsonscan.ParseInt(b[i+4:]); ok {
			e.setPid(n)
		}
	}
}

// withoutPort drops the port of 10.0.0.1:8080.
func withoutPort(b []byte) []byte {
	if i := bytes.LastIndexByte(b, ':'); i > 0 && bytes.IndexByte(b, ':') == i {
		return b[:i]
	}
	return b
}

// classFollows reports that behind a bracket comes a class and its separator, so that the bracket holds a thread.
func (t *textReader) classFollows(b []byte) bool {
	b = bytes.TrimLeft(b, " ")
	for range 3 {
		if len(b) == 0 || b[0] != '[' {
			break
		}
		end := closing(b)
		if end < 0 {
			return false
		}
		b = bytes.TrimLeft(b[end+1:], " ")
	}
	if len(b) > 0 && b[0] == '-' {
		return false
	}
	_, _, ok := loggerToken(b)
	return ok
}

// paren reads (thread) behind the level, as Solr and Python write it.
func paren(b []byte, e *entry) ([]byte, bool) {
	end := bytes.IndexByte(b, ')')
	if end < 2 || end > 80 || e.level.text == "" || e.thread != nil || bytes.IndexByte(b[:end], ' ') >= 0 || e.logger != nil {
		return b, false
	}
	if !e.location(b[1:end]) {
		e.thread = b[1:end]
	}
	return b[end+1:], true
}
