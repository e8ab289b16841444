package record

import (
	"bytes"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// access reads the common and combined log format: [vhost] host ident user [27/May/2026:17:40:02 +0000] "GET / HTTP/1.1" 200 12
// "referer" "agent" ...
func (t *textReader) access(line []byte, e *entry) bool {
	open := bytes.Index(line[:min(len(line), 256)], []byte(" ["))
	if open < 3 || len(line) < open+24 || line[open+4] != '/' || line[open+8] != '/' {
		return false
	}
	s, ok := t.clk.scan(line[open+2:])
	if !ok || open+2+s.n >= len(line) || line[open+2+s.n] != ']' {
		return false
	}
	words := bytes.Fields(line[:open])
	if len(words) < 3 {
		return false
	}
	e.at, e.hasTime, e.layout = s.t, true, FormatAccess
	if len(words) > 3 && bytes.IndexByte(words[0], ':') > 0 { // other_vhosts_access.log
		e.addText("attributes.server.address", withoutPort(words[0]))
		words = words[1:]
	}
	e.addText("attributes.client.address", words[0])
	if user := words[len(words)-1]; len(user) > 1 {
		e.addText("attributes.user.name", user)
	}
	rest := trimSpace(line[open+3+s.n:])
	e.body = rest
	if t.request(rest, e) {
		t.accessTail(e)
	}
	return true
}

// request reads "GET /path?query HTTP/1.1" 200 and leaves what follows in e.body's tail (found again by restOf).
func (t *textReader) request(b []byte, e *entry) bool {
	val, rest, ok := quoted(b)
	if !ok {
		return false
	}
	rest = trimSpace(rest)
	run := digitRun(rest)
	if run != 3 && (run != 1 || rest[0] != '0') || run < len(rest) && rest[run] != ' ' {
		return false
	}
	status := int64(num(rest[:run]))
	method, target, found := bytes.Cut(val, []byte{' '})
	if found && upperWord(method) {
		e.addText("attributes.http.request.method", method)
		target, proto, _ := bytes.Cut(target, []byte{' '})
		path, query, _ := bytes.Cut(target, []byte{'?'})
		e.addText("attributes.url.path", path)
		e.addText("attributes.url.query", query)
		e.addText("attributes.network.protocol.version", bytes.TrimPrefix(proto, []byte("HTTP/")))
	}
	e.addInt("attributes.http.response.status_code", status)
	e.level = levelOfStatus(status)
	e.body = b
	return true
}

func upperWord(b []byte) bool {
	for _, c := range b {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(b) >= 3 && len(b) <= 10
}

// behind returns the words behind the request and status of an access line: quoted strings keep their quotes' content.
type accessWord struct {
	text   []byte
	quoted bool
}

// maxAccessWords bounds the fields behind the status that are looked at.
const maxAccessWords = 16

func accessWords(body []byte, to []accessWord) []accessWord {
	_, rest, ok := quoted(body)
	if !ok {
		return to
	}
	for rest = trimSpace(rest); len(rest) > 0 && len(to) < maxAccessWords; rest = trimSpace(rest) {
		if rest[0] == '"' {
			if val, next, ok := quoted(rest); ok {
				to = append(to, accessWord{val, true})
				rest = next
				continue
			}
		}
		end := bytes.IndexByte(rest, ' ')
		if end < 0 {
			end = len(rest)
		}
		to = append(to, accessWord{rest[:end], false})
		rest = rest[end:]
	}
	return to
}

// accessTail reads size, referer and agent of the common and combined format.
func (t *textReader) accessTail(e *entry) {
	var space [maxAccessWords]accessWord
	words := accessWords(e.body, space[:0])
	if len(words) < 2 {
		return
	}
	if n, ok := jsonscan.ParseInt(words[1].text); ok {
		e.addInt("attributes.http.response.body.size", n)
	}
	names := []string{"attributes.http.request.header.referer", "attributes.user_agent.original"}
	for _, w := range words[2:] {
		if w.quoted && len(names) > 0 {
			if len(w.text) > 1 {
				e.addText(names[0], w.text)
			}
			names = names[1:]
		}
	}
}

// envoyTail reads what Envoy writes behind the status: flags, bytes received and sent, duration, upstream time, then quoted
// forwarded-for, agent, request id, authority, upstream; or, in short forms, flags, bytes, duration, agent.
func (t *textReader) envoyTail(e *entry) {
	var space [maxAccessWords]accessWord
	words := accessWords(e.body, space[:0])
	if len(words) < 2 {
		return
	}
	words = words[1:]
	if !words[0].quoted && !allDigits(words[0].text) {
		if len(words[0].text) > 1 {
			e.addText("attributes.envoy.response_flags", words[0].text)
		}
		words = words[1:]
	}
	numbers := 0
	for numbers < len(words) && !words[numbers].quoted && (allDigits(words[numbers].text) || string(words[numbers].text) == "-") {
		numbers++
	}
	envoyNumbers(words[:numbers], e)
	texts := words[numbers:]
	quotedN := 0
	for _, w := range texts {
		if w.quoted {
			quotedN++
		} else if isPod(w.text) {
			e.pod = w.text
		}
	}
	envoyTexts(texts, quotedN, e)
}

func envoyNumbers(words []accessWord, e *entry) {
	names := [...]string{"attributes.http.request.body.size", "attributes.http.response.body.size", "attributes.http.server.duration_ms", "attributes.envoy.upstream_time_ms"}
	use := names[:]
	if len(words) < 3 {
		use = names[1:]
	}
	for i, w := range words[:min(len(words), len(use))] {
		if n, ok := jsonscan.ParseInt(w.text); ok {
			e.addInt(use[i], n)
		}
	}
}

func envoyTexts(words []accessWord, quotedN int, e *entry) {
	names := []string{"attributes.client.address", "attributes.user_agent.original", "attributes.http.request.header.x-request-id", "attributes.server.address", "attributes.network.peer.address"}
	if quotedN < 3 {
		names = names[1:2]
	}
	for _, w := range words {
		if !w.quoted || len(names) == 0 {
			continue
		}
		if len(w.text) > 1 {
			e.addText(names[0], w.text)
		}
		names = names[1:]
	}
}
