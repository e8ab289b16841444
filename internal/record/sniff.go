package record

import (
	"bytes"
	"unicode/utf8"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// Sniff recognises the format of a file by its first bytes (SniffBytes are plenty), looking into gzip, zstd and UTF-16. Only where
// the content leaves it open does the name decide. What cannot be read for damage is FormatBinary.
func Sniff(head []byte, name string) Format {
	o, err := open(bytes.NewReader(head))
	if err != nil {
		return FormatBinary
	}
	defer o.close()
	if len(o.head) == 0 && o.damage != nil && o.damage.err != nil {
		return FormatBinary
	}
	return sniffText(o.head, name)
}

// sniffText recognises what is left when compression is off.
func sniffText(head []byte, name string) Format {
	text := trimSpace(stripBOM(head))
	switch {
	case len(text) == 0:
		return FormatEmpty
	case bytes.HasPrefix(head, []byte("PAR1")):
		return FormatParquet
	case binaryReason(head) != "":
		return FormatBinary
	}
	if beginsJSON(text) {
		return sniffJSON(text)
	}
	lines := sniffLines(text, len(head) >= SniffBytes)
	if exposition(lines) {
		return FormatOpenMetrics
	}
	if f, ok := sniffHBase(lines); ok {
		return f
	}
	return voteText(lines, name)
}

// beginsJSON tells JSON from text that begins with a bracket, as [2026-05-27 ...] and [info] do.
func beginsJSON(text []byte) bool {
	rest := trimSpace(text[1:])
	switch text[0] {
	case '{':
		return len(rest) == 0 || rest[0] == '"' || rest[0] == '}'
	case '[':
		return len(rest) == 0 || rest[0] == '{' || rest[0] == ']' || rest[0] == '['
	}
	return false
}

// sniffJSON looks at the first documents; one that goes on beyond the head is judged by what is there.
func sniffJSON(text []byte) Format {
	if f, ok := formatOfDocument(text); ok && f != FormatJSON {
		return f
	}
	for i, line := range bytes.SplitN(text, newline, maxSniffDocs+1) {
		if i == maxSniffDocs {
			break
		}
		line = trimSpace(bytes.TrimSuffix(trimSpace(line), []byte{','}))
		if len(line) < 2 || line[0] != '{' {
			continue
		}
		if f, ok := formatOfDocument(line); ok && f != FormatJSON {
			return f
		}
	}
	return FormatJSON
}

// maxSniffDocs is how many lines are looked at before a file is generic JSON.
const maxSniffDocs = 50

// formatOfDocument judges the document at the head of text; false when there is none or it is an action line.
func formatOfDocument(text []byte) (Format, bool) {
	for len(text) > 0 && text[0] == '[' {
		text = trimSpace(text[1:])
	}
	if len(text) < 2 || text[0] != '{' {
		return FormatUnknown, false
	}
	if looksOTLP(text) {
		return FormatOTLP, true
	}
	d := newDocuments(clock{})
	_ = d.parse(text) // the document may end beyond the head: what was seen counts
	return formatOfShape(d, text)
}

func formatOfShape(d *documents, text []byte) (Format, bool) {
	switch d.classify() {
	case shapeSpan, shapeJaeger, shapeZipkin, shapeLog, shapeMap, shapeMetric, shapeTrace:
		return FormatDocuments, true
	case shapeJSONLog:
		return FormatJSONLog, true
	case shapeSeries:
		return FormatSeries, true
	case shapeOTLP:
		return FormatOTLP, true
	case shapeAction:
		return FormatUnknown, false
	default:
		if d.marks.any(markWrapper) {
			if inner := firstInner(text); inner != nil {
				return formatOfDocument(inner)
			}
		}
		return FormatJSON, true
	}
}

// sniffLines cuts the head into lines; the last one may be cut off and is left out.
func sniffLines(text []byte, cut bool) [][]byte {
	lines := bytes.SplitN(text, newline, maxSniffLines+1)
	if len(lines) > maxSniffLines || cut && len(lines) > 1 {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// maxSniffLines is how many lines vote on the layout of a text.
const maxSniffLines = 200

// exposition reports Prometheus' text: comments of its kind, else nothing but samples.
func exposition(lines [][]byte) bool {
	samples, comments, others := 0, 0, 0
	for _, l := range lines {
		l = trimEnd(l)
		switch {
		case len(l) == 0:
		case bytes.HasPrefix(l, []byte("# HELP ")), bytes.HasPrefix(l, []byte("# TYPE ")), bytes.HasPrefix(l, []byte("# UNIT ")), bytes.Equal(l, []byte("# EOF")):
			comments++
		case l[0] == '#':
		case isSample(l):
			samples++
		default:
			others++
		}
	}
	return comments > 0 && samples+comments > others*4 || samples > 0 && others == 0
}

// voteText finds the layout most lines are in.
func voteText(lines [][]byte, name string) Format {
	t := &textReader{clk: clock{}, file: parseName(name)}
	votes := make(map[Format]int)
	heads, bare := 0, 0
	var e entry
	for _, l := range lines {
		l = trimEnd(l)
		if len(l) == 0 || l[0] == ' ' || l[0] == '\t' || isTraceLine(l) {
			continue
		}
		e.reset()
		switch {
		case l[0] == '{' && beginsJSON(l):
			votes[FormatJSONLog]++
			heads++
		case t.head(l, &e, false):
			votes[e.layout]++
			heads++
		default:
			bare++
		}
	}
	if heads*3 < heads+bare || heads == 0 {
		return FormatText
	}
	best := FormatText
	for f, n := range votes {
		if n > votes[best] || n == votes[best] && f < best {
			best = f
		}
	}
	return best
}

// binaryReason says why bytes are no text, "" if they may be.
func binaryReason(head []byte) string {
	for _, m := range [...]struct{ magic, what string }{
		{"\x7fELF", "an executable (ELF)"},
		{"\x89PNG", "a PNG image"},
		{"PK\x03\x04", "a zip archive: unpack it"},
		{"%PDF", "a PDF document"},
		{"SQLite format 3", "an SQLite database"},
		{"BZh", "bzip2 data: unpack it, or use gzip or zstd"},
		{"\xfd7zXZ", "xz data: unpack it, or use gzip or zstd"},
		{"7z\xbc\xaf", "a 7z archive: unpack it"},
		{"\xca\xfe\xba\xbe", "a Java class"},
		{"ORC", "an ORC file"},
		{"Obj\x01", "an Avro file"},
		{"\x04\x22\x4d\x18", "lz4 data: unpack it, or use gzip or zstd"},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.what
		}
	}
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return "a tar archive: unpack it"
	}
	return garbage(head)
}

// garbage counts what text does not hold: NUL bytes, control characters, bytes that are no UTF-8. Some are borne with: Latin-1
// umlauts, colour escapes, the NULs a truncated log leaves.
func garbage(head []byte) string {
	nuls, controls, invalid := 0, 0, 0
	for i := 0; i < len(head); {
		c := head[i]
		if c < utf8.RuneSelf {
			switch {
			case c == 0:
				nuls++
			case c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != 0x1b && c != '\f' && c != '\b' && c != 0x1e, c == 0x7f:
				controls++
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(head[i:])
		if r == utf8.RuneError && n == 1 && len(head)-i >= utf8.UTFMax {
			invalid++
		}
		i += n
	}
	switch n := max(len(head), 1); {
	case nuls*10 > n:
		return "binary data (NUL bytes)"
	case controls*20 > n:
		return "binary data (control characters)"
	case invalid*4 > n:
		return "binary data (not UTF-8)"
	}
	return ""
}

// isLines reports that JSON comes one document a line: a line of the head is a whole object.
func isLines(head []byte) bool {
	text := stripBOM(head)
	if t := trimSpace(text); len(t) == 0 || t[0] == '[' {
		return false
	}
	var sc jsonscan.Scanner
	for i, line := range bytes.SplitN(text, newline, maxSniffDocs+1) {
		if i == maxSniffDocs {
			break
		}
		if len(line) == 0 || line[0] != '{' {
			continue
		}
		sc.Reset(line, MaxDepth)
		if sc.Skip() == nil && sc.Next() == 0 {
			return true
		}
	}
	return false
}
