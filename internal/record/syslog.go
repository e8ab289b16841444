package record

import (
	"bytes"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// syslogPRI reads <PRI> and what follows: RFC 5424 if a version 1 does, else RFC 3164.
func (t *textReader) syslogPRI(line []byte, e *entry) bool {
	run := digitRun(line[1:])
	if run < 1 || run > 3 || len(line) < run+3 || line[run+1] != '>' {
		return false
	}
	pri := int64(num(line[1 : 1+run]))
	if pri > 191 {
		return false
	}
	rest := line[run+2:]
	ok := false
	if len(rest) > 2 && rest[0] == '1' && rest[1] == ' ' {
		ok = t.syslog5424(rest[2:], e)
	} else if s, timed := t.clk.scan(rest); timed {
		e.at, e.hasTime = s.t, true
		ok = t.syslogTail(rest[s.n:], e)
	}
	if !ok {
		e.body = trimSpace(rest)
	}
	e.layout, e.multi = FormatSyslog, false
	e.level = levelOfSyslog(pri & 7)
	e.addInt("attributes.syslog.facility.code", pri>>3)
	return true
}

// syslog5424 reads TIME HOST APP PROCID MSGID [data] text, "-" standing for nothing.
func (t *textReader) syslog5424(b []byte, e *entry) bool {
	var words [5][]byte
	for i := range words {
		sp := bytes.IndexByte(b, ' ')
		if sp < 0 {
			return false
		}
		words[i], b = b[:sp], b[sp+1:]
		if len(words[i]) == 1 && words[i][0] == '-' {
			words[i] = nil
		}
	}
	if at, ok := t.clk.stamp(words[0]); ok && words[0] != nil {
		e.at, e.hasTime = at, true
	}
	e.host, e.service = words[1], words[2]
	e.procID(words[3])
	e.addText("attributes.syslog.msg.id", words[4])
	b = e.structured(b)
	e.body = trimSpace(bytes.TrimPrefix(trimSpace(b), []byte("\uFEFF")))
	return true
}

func (e *entry) procID(b []byte) {
	if n, ok := jsonscan.ParseInt(b); ok {
		e.setPid(n)
		return
	}
	e.addText("attributes.syslog.procid", b)
}

// structured reads [id name="value" ...] elements and returns what is behind them.
func (e *entry) structured(b []byte) []byte {
	if len(b) > 0 && b[0] == '-' {
		return b[1:]
	}
	for len(b) > 2 && b[0] == '[' {
		b = b[1:]
		id := 0
		for id < len(b) && b[id] != ' ' && b[id] != ']' {
			id++
		}
		name := b[:id]
		b = b[id:]
		for len(b) > 0 && b[0] == ' ' {
			key, val, rest, ok := pair(b[1:])
			if !ok {
				return b
			}
			if contextRole(key) != "" && contextRole(key) != "message" && contextRole(key) != "time" {
				e.contextPair(key, val)
			} else {
				e.addKeyed("attributes.syslog.", name, key, val)
			}
			b = rest
		}
		if len(b) == 0 || b[0] != ']' {
			return b
		}
		b = b[1:]
	}
	return b
}

func (e *entry) addKeyed(prefix string, id, key, val []byte) {
	full := append(append(append(make([]byte, 0, len(id)+len(key)+1), id...), '.'), key...)
	if len(val) > 0 {
		e.add(extra{name: prefix, key: full, text: val, kind: 't'})
	}
}

// named reads what begins with a month or weekday: syslog without priority, java.util.logging, or a plain time.
func (t *textReader) named(line []byte, s stampAt, e *entry) bool {
	e.at, e.hasTime = s.t, true
	rest := line[s.n:]
	if yearless := monthName(line) > 0 && line[s.n-1] != 'M' && line[s.n-1] != 'm'; yearless && t.syslogTail(rest, e) {
		e.layout = FormatSyslog
		return true
	}
	e.multi, e.layout = true, FormatTimed
	if last := line[s.n-1]; last == 'M' || last == 'm' { // May 27, 2026 5:40:02 PM class method
		class, method, ok := bytes.Cut(trimSpace(rest), []byte{' '})
		if ok && identifier(class) {
			e.layout, e.pending, e.logger = FormatJUL, true, class
			e.addText("attributes.code.function.name", trimSpace(method))
			return true
		}
	}
	t.fields(rest, e)
	return true
}

// syslogTail reads HOST TAG[PID]: text.
func (t *textReader) syslogTail(b []byte, e *entry) bool {
	if len(b) < 4 || b[0] != ' ' {
		return false
	}
	b = b[1:]
	sp := bytes.IndexByte(b, ' ')
	if sp <= 0 || levelOf(b[:sp]).text != "" || b[0] == '[' {
		return false
	}
	host, rest := b[:sp], b[sp+1:]
	tag := 0
	for tag < len(rest) && tag < 64 && rest[tag] != ' ' && rest[tag] != '[' && (rest[tag] != ':' || tag+1 < len(rest) && rest[tag+1] != ' ') {
		tag++
	}
	if tag == 0 || tag >= len(rest) || rest[tag] == ' ' && host[len(host)-1] != ':' {
		return false
	}
	if host[len(host)-1] == ':' { // no host: TAG: text
		e.service, e.body = host[:len(host)-1], trimSpace(rest)
		return true
	}
	name := rest[:tag]
	after := rest[tag:]
	if after[0] == '[' {
		end := bytes.IndexByte(after, ']')
		if end < 0 || end > 40 {
			return false
		}
		e.procID(after[1:end])
		after = after[end+1:]
	}
	after = bytes.TrimPrefix(after, []byte{':'})
	e.host, e.service, e.body = host, name, trimSpace(after)
	return true
}

// cri reads Kubernetes' container log files behind the time: " stdout F text". P marks a part of a line.
func (t *textReader) cri(rest []byte, e *entry) bool {
	e.layout, e.multi = FormatCRI, false
	e.addText("attributes.log.iostream", rest[1:7])
	e.container, e.word = true, rest[8:9]
	text := rest[9:]
	if len(text) > 0 && text[0] == ' ' {
		text = text[1:]
	}
	e.body = text
	return true
}
