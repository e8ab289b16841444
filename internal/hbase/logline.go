package hbase

import (
	"bytes"
	"time"
)

// logLine is a line of HBase's log in parts:
//
//	2026-11-22T23:35:05,240 WARN  [THREAD] logger.Short: message     log4j 2, HBase 2.5 on
//	2026-11-22 23:35:05,240 WARN  [THREAD] logger.Short: message     log4j 1
//
// A thread's name may hold colons, commas and equal signs.
type logLine struct {
	stamp   []byte
	level   []byte
	class   []byte // the logger's last word
	message []byte
}

// stampLen is the length of a time with milliseconds.
const stampLen = len("2026-11-22T23:35:05,240")

// parseLogLine reads the head of an entry; ok is false for continuation lines.
func parseLogLine(b []byte) (l logLine, ok bool) {
	if len(b) < stampLen+4 || b[4] != '-' || b[13] != ':' || b[0] < '0' || b[0] > '9' || b[19] != ',' && b[19] != '.' {
		return l, false
	}
	l.stamp = b[:stampLen]
	rest := b[stampLen:]
	if rest[0] == 'Z' {
		rest = rest[1:]
	}
	rest = bytes.TrimLeft(rest, " ")
	i := bytes.IndexByte(rest, ' ')
	if i <= 0 || i > 8 {
		return l, false
	}
	l.level = rest[:i]
	rest = bytes.TrimLeft(rest[i:], " ")
	if len(rest) > 0 && rest[0] == '[' {
		if i = bytes.Index(rest, []byte("] ")); i < 0 {
			return l, false
		}
		rest = rest[i+2:]
	}
	i = bytes.Index(rest, []byte(": "))
	if i < 0 {
		l.message = rest
		return l, true
	}
	logger := rest[:i]
	if j := bytes.IndexByte(logger, '('); j > 0 { // logger(line): some patterns print where the line was written
		logger = logger[:j]
	}
	l.class, l.message = logger[bytes.LastIndexByte(logger, '.')+1:], rest[i+2:]
	return l, true
}

func (l *logLine) time() time.Time {
	t, _ := parseStamp(l.stamp)
	return t
}

// after returns what follows mark, up to the first byte of stop or the end.
func after(b []byte, mark, stop string) []byte {
	i := bytes.Index(b, []byte(mark))
	if i < 0 {
		return nil
	}
	b = b[i+len(mark):]
	if stop == "" {
		return b
	}
	if j := bytes.IndexAny(b, stop); j >= 0 {
		return b[:j]
	}
	return b
}

// serverIn returns the first server name in a text.
func serverIn(b []byte) string { return string(hbckServers.Find(b)) }

// regionAt reads the full region name at the head of a text: keys may hold spaces, so the encoded name's end decides.
func regionAt(b []byte) string {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], '.')
		if i < 0 {
			return ""
		}
		i += from
		from = i + 1
		if len(b) > i+1+encodedLen && isEncodedBytes(b[i+1:i+1+encodedLen]) && b[i+1+encodedLen] == '.' {
			return string(b[:i+2+encodedLen])
		}
		if bytes.HasPrefix(b[i+1:], []byte(MetaEncoded)) && bytes.HasPrefix(b, []byte(MetaTable)) {
			return string(b[:i+1+len(MetaEncoded)])
		}
	}
}

// encodedAt reads the encoded name at the head of a text.
func encodedAt(b []byte) string {
	if len(b) >= encodedLen && isEncodedBytes(b[:encodedLen]) {
		return string(b[:encodedLen])
	}
	if bytes.HasPrefix(b, []byte(MetaEncoded)) {
		return MetaEncoded
	}
	return ""
}
