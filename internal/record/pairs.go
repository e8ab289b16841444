package record

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// keyEnd returns the length of the key that b begins with, 0 if what follows is not '='.
func keyEnd(b []byte) int {
	for i, c := range b[:min(len(b), 64)] {
		if c == '=' {
			return i
		}
		if !isWord(c) && c != '.' && c != '-' && c != '@' && c != '/' {
			return 0
		}
	}
	return 0
}

// isPair reports that b begins with key=.
func isPair(b []byte) bool { return keyEnd(b) > 0 && !isDigit(b[0]) }

// pair reads key=value or key="value with \"quotes\"" and returns what is behind it.
func pair(b []byte) (key, val, rest []byte, ok bool) {
	n := keyEnd(b)
	if n == 0 {
		return nil, nil, b, false
	}
	key, b = b[:n], b[n+1:]
	if len(b) > 0 && b[0] == '"' {
		if val, rest, ok = quoted(b); ok {
			return key, val, rest, true
		}
	}
	end := 0
	for end < len(b) && b[end] != ' ' && b[end] != '\t' {
		end++
	}
	return key, b[:end], b[end:], true
}

// quoted reads a string in double quotes with backslash escapes.
func quoted(b []byte) (val, rest []byte, ok bool) {
	escaped := false
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			val = b[1:i]
			if escaped {
				val = unescape(val)
			}
			return val, b[i+1:], true
		}
	}
	return nil, b, false
}

// unescape undoes \" \\ \n \t; other escapes stay as they are.
func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 >= len(b) {
			out = append(out, b[i])
			continue
		}
		i++
		switch b[i] {
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case '"', '\\', '\'':
			out = append(out, b[i])
		default:
			out = append(out, '\\', b[i])
		}
	}
	return out
}

// contextKey reports the keys that belong to a head: they say where the line comes from, not what it says.
func contextKey(key []byte) bool {
	return contextRole(key) != ""
}

// contextRole names what a context key means.
func contextRole(key []byte) string {
	var low [32]byte
	if len(key) > len(low) {
		return ""
	}
	for i, c := range key {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		low[i] = c
	}
	switch string(low[:len(key)]) {
	case "time", "ts", "timestamp", "t", "@timestamp", "datetime", "asctime":
		return "time"
	case "level", "lvl", "severity", "loglevel", "levelname", "log.level", "at":
		return "level"
	case "msg", "message":
		return "message"
	case "trace", "trace_id", "traceid", "trace.id", "dd.trace_id", "oteltraceid", "x-b3-traceid":
		return "trace"
	case "span", "span_id", "spanid", "span.id", "dd.span_id", "otelspanid", "x-b3-spanid":
		return "span"
	case "service", "service.name", "service_name", "servicename", "app", "resource.service.name", "dd.service":
		return "service"
	case "pod", "pod_name", "podname", "k8s.pod.name":
		return "pod"
	case "host", "hostname", "host.name":
		return "host"
	case "thread", "thread.name", "thread_name":
		return "thread"
	case "logger", "logger_name", "logger.name", "log.logger":
		return "logger"
	case "pid", "process.pid":
		return "pid"
	case "caller", "source":
		return "caller"
	case "trace_flags", "trace_sampled", "dd.env", "dd.version":
		return "other"
	}
	return ""
}

// contextPair places a pair of a head, or keeps it as an attribute.
func (e *entry) contextPair(key, val []byte) {
	switch contextRole(key) {
	case "level":
		if l := levelOf(val); l.text != "" {
			e.setLevel(l, val)
		} else {
			e.pairAttribute(key, val)
		}
	case "trace":
		e.setTrace(val)
	case "span":
		e.setSpan(val)
	case "service":
		e.service = orFirst(e.service, val)
	case "pod":
		e.pod = orFirst(e.pod, val)
	case "host":
		e.host = orFirst(e.host, val)
	case "thread":
		e.setThread(val)
	case "logger":
		e.logger = orFirst(e.logger, val)
	case "pid":
		if n, ok := jsonscan.ParseInt(val); ok {
			e.setPid(n)
		}
	case "caller":
		if !e.location(val) {
			e.pairAttribute(key, val)
		}
	default:
		e.pairAttribute(key, val)
	}
}

func orFirst(a, b []byte) []byte {
	if len(a) > 0 {
		return a
	}
	return b
}

// pairAttribute keeps a pair as an attribute, typed by what it looks like. Numbers with leading zeros stay text: they are ids.
func (e *entry) pairAttribute(key, val []byte) {
	if len(val) == 0 {
		return
	}
	x := extra{name: "attributes.", key: key, text: val, kind: 't'}
	switch c := val[0]; {
	case isDigit(c) || c == '-' && len(val) > 1:
		x.number(val)
	case string(val) == "true":
		x.kind = 'b'
	case string(val) == "false":
		x.kind = 'o'
	}
	e.add(x)
}

func (x *extra) number(val []byte) {
	digits := bytes.TrimPrefix(val, []byte{'-'})
	if len(digits) > 1 && digits[0] == '0' && digits[1] != '.' {
		return
	}
	if n, ok := jsonscan.ParseInt(val); ok {
		x.kind, x.num = 'n', n
		return
	}
	for _, c := range digits {
		if !isDigit(c) && c != '.' {
			return
		}
	}
	if f, err := strconv.ParseFloat(string(val), 64); err == nil {
		x.kind, x.float = 'f', f
	}
}

// logfmt reads a line of pairs. It must hold a time, a level or a message among its first pairs. The message is msg=, or the rest
// behind the head's pairs, which is how loggers that only write a head in pairs go on.
func (t *textReader) logfmt(line []byte, e *entry) bool {
	rest := line
	known := false
	for range 8 {
		key, val, next, ok := pair(rest)
		if !ok {
			break
		}
		role := contextRole(key)
		known = known || role == "time" || role == "level" && levelOf(val).text != "" || role == "message"
		if role == "message" || !contextKey(key) {
			break
		}
		if role == "time" && !e.hasTime {
			if at, ok := t.clk.stamp(val); ok {
				e.at, e.hasTime = at, true
			} else if s, ok := t.clk.scan(rest[len(key)+1:]); ok { // time=2026-05-27 17:40:02 without quotes
				e.at, e.hasTime = s.t, true
				next = rest[len(key)+1+s.n:]
			}
		} else {
			e.contextPair(key, val)
		}
		rest = bytes.TrimLeft(next, " \t,")
	}
	if !known {
		return t.logfmtLater(line, e)
	}
	e.layout = FormatLogfmt
	e.body = rest
	t.pairs(rest, e)
	return true
}

// logfmtLater accepts a line whose head pairs come late (caller=x.go:1 ts=... level=...), all of it being pairs.
func (t *textReader) logfmtLater(line []byte, e *entry) bool {
	n := 0
	found := false
	for rest := line; len(rest) > 0; n++ {
		key, val, next, ok := pair(rest)
		if !ok {
			return false
		}
		switch contextRole(key) {
		case "time":
			if at, ok := t.clk.stamp(val); ok {
				e.at, e.hasTime, found = at, true, true
			}
		case "level":
			found = found || levelOf(val).text != ""
		}
		rest = bytes.TrimLeft(next, " \t,")
	}
	if !found || n < 3 {
		e.at, e.hasTime = time.Time{}, false
		return false
	}
	e.layout, e.body = FormatLogfmt, line
	t.pairs(line, e)
	return true
}

// pairs takes the pairs of a whole logfmt text as attributes; msg becomes the body. Text between pairs is left where it is.
func (t *textReader) pairs(text []byte, e *entry) {
	for rest := text; len(rest) > 0; {
		if isPair(rest) {
			key, val, next, ok := pair(rest)
			if ok {
				switch contextRole(key) {
				case "message":
					e.body = val
				case "time":
				default:
					e.contextPair(key, val)
				}
				rest = bytes.TrimLeft(next, " \t,")
				continue
			}
		}
		i := bytes.IndexByte(rest, ' ')
		if i < 0 {
			return
		}
		rest = bytes.TrimLeft(rest[i:], " \t")
	}
}

// webKeys are the pairs of request logs under their OpenTelemetry names.
func webKey(key string) string {
	switch strings.ToLower(key) {
	case "method":
		return "attributes.http.request.method"
	case "path", "uri":
		return "attributes.url.path"
	case "status", "status_code":
		return "attributes.http.response.status_code"
	}
	return ""
}
