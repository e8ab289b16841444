package knowledge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Kind is what sort of file a document is.
type Kind string

// The kinds. They are part of the contract for scripts.
const (
	Markdown Kind = "markdown"
	HTML     Kind = "html"
	PDF      Kind = "pdf"
	Code     Kind = "code"
	Text     Kind = "text"
)

// Kinds lists the kinds.
func Kinds() []string {
	return []string{string(Markdown), string(HTML), string(PDF), string(Code), string(Text)}
}

// Document is one file as text.
type Document struct {
	Path   string // slash-separated, relative to its base
	Kind   Kind
	Title  string
	Hash   string   // of the file's bytes
	Lines  []string // line i+1 of the file, or of a PDF's text
	Hidden int      // hidden characters and hidden passages that were taken out
}

// Bounds of one file, in bytes.
const (
	maxFile = 2 << 20  // source and prose are smaller; larger ones are data
	maxPDF  = 32 << 20 // mostly pictures and fonts
)

// extensions says the kind of the files that are read.
var extensions = map[string]Kind{
	".md": Markdown, ".markdown": Markdown, ".mdx": Markdown, ".html": HTML, ".htm": HTML, ".xhtml": HTML, ".pdf": PDF,
	".txt": Text, ".rst": Text, ".adoc": Text, ".asciidoc": Text, ".org": Text, ".tex": Text,
	".go": Code, ".java": Code, ".py": Code, ".rb": Code, ".rs": Code, ".c": Code, ".h": Code, ".cc": Code, ".cpp": Code, ".hpp": Code,
	".cs": Code, ".js": Code, ".mjs": Code, ".ts": Code, ".tsx": Code, ".jsx": Code, ".kt": Code, ".scala": Code, ".groovy": Code,
	".sh": Code, ".bash": Code, ".sql": Code, ".php": Code, ".swift": Code, ".lua": Code, ".pl": Code, ".r": Code, ".ps1": Code,
	".proto": Code, ".thrift": Code, ".tf": Code, ".hcl": Code, ".yaml": Text, ".yml": Text, ".toml": Text, ".ini": Text, ".conf": Text,
	".cfg": Text, ".properties": Text, ".xml": Text, ".json": Text, ".gradle": Code, ".cmake": Code, ".ppl": Code, ".promql": Code,
}

// KindOf says the kind of a file by its name; false for one that is not read.
func KindOf(name string) (Kind, bool) {
	ext := strings.ToLower(path.Ext(name))
	if ext == "" { // README, LICENSE, Makefile, Dockerfile
		return Text, true
	}
	k, ok := extensions[ext]
	return k, ok
}

// Read makes a document of a file. A binary or too large one is a fault.Unsupported or fault.TooLarge.
func Read(name string, raw []byte) (Document, error) {
	kind, ok := KindOf(name)
	if !ok {
		return Document{}, fault.New(fault.Unsupported, "read %s: no reader for this kind of file", name)
	}
	if limit := limitOf(kind); len(raw) > limit {
		return Document{}, fault.New(fault.TooLarge, "read %s: over %d bytes", name, limit)
	}
	sum := sha256.Sum256(raw)
	d := Document{Path: name, Kind: kind, Hash: hex.EncodeToString(sum[:16])}
	if kind == PDF {
		text, err := pdfText(raw)
		if err != nil {
			return Document{}, fmt.Errorf("read %s: %w", name, err)
		}
		raw = []byte(text)
	}
	if bytes.IndexByte(raw[:min(len(raw), 8000)], 0) >= 0 || !utf8.Valid(raw) && invalid(raw) > len(raw)/100 {
		return Document{}, fault.New(fault.Unsupported, "read %s: not text", name)
	}
	text, hidden := clean(strings.ToValidUTF8(string(raw), "�"))
	d.Hidden = hidden
	if kind == HTML {
		text, hidden = htmlText(text)
		d.Hidden += hidden
	}
	d.Lines = strings.Split(strings.TrimRight(text, "\n"), "\n")
	if kind == Markdown {
		d.Hidden += blankComments(d.Lines)
	}
	d.Title = title(d)
	return d, nil
}

func limitOf(k Kind) int {
	if k == PDF {
		return maxPDF
	}
	return maxFile
}

// invalid counts bytes that are no UTF-8.
func invalid(raw []byte) int {
	n := 0
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		if r == utf8.RuneError && size == 1 {
			n++
		}
		raw = raw[size:]
	}
	return n
}

// clean takes out characters that a reader does not see: zero-width characters, marks of direction, tags, variation selectors
// beyond the first sixteen, control characters. It returns how many; line ends become \n and are not counted.
func clean(text string) (string, int) {
	hidden := 0
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\uFEFF"), "\r\n", "\n")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\f' || r == '\v' || r == '\u0085' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || 0xE0000 <= r && r <= 0xE0FFF || r == '\u115F' || r == '\u1160' || r == '\u3164' || r == '\uFFA0' || r == '\u034F':
			hidden++
			return -1
		}
		return r
	}, text)
	return text, hidden
}

// blankComments empties HTML comments of Markdown outside code: a reader of the page does not see them. It returns how many.
func blankComments(lines []string) int {
	n, inside, fence := 0, false, ""
	for i, line := range lines {
		if f := fenceOf(line); !inside && f != "" {
			switch {
			case fence == "":
				fence = f
			case strings.HasPrefix(f, fence):
				fence = ""
			}
			continue
		}
		if fence == "" {
			lines[i], inside, n = blank(line, inside, n)
		}
	}
	return n
}

func blank(line string, inside bool, n int) (string, bool, int) {
	var out strings.Builder
	for line != "" {
		if inside {
			_, rest, ok := strings.Cut(line, "-->")
			if !ok {
				return out.String(), true, n
			}
			line, inside = rest, false
			continue
		}
		before, rest, ok := strings.Cut(line, "<!--")
		if strings.Count(before, "`")%2 == 1 { // in a code span
			out.WriteString(line)
			return out.String(), false, n
		}
		out.WriteString(before)
		if !ok {
			break
		}
		line, inside = rest, true
		n++
	}
	return out.String(), inside, n
}

// fenceOf returns the mark of a line that begins or ends a code block, or "".
func fenceOf(line string) string {
	s := strings.TrimLeft(line, " ")
	for _, mark := range []string{"`", "~"} {
		if n := len(s) - len(strings.TrimLeft(s, mark)); n >= 3 {
			return s[:n]
		}
	}
	return ""
}

// title is the first heading, else the file's name.
func title(d Document) string {
	if d.Kind == Markdown || d.Kind == HTML {
		i := slices.IndexFunc(d.Lines, func(l string) bool { h, _ := heading(l); return h > 0 })
		if i >= 0 {
			_, text := heading(d.Lines[i])
			return text
		}
	}
	return path.Base(d.Path)
}

// heading returns the depth and the text of a Markdown heading, 0 for another line.
func heading(line string) (int, string) {
	depth := len(line) - len(strings.TrimLeft(line, "#"))
	if depth == 0 || depth > 6 || len(line) == depth || line[depth] != ' ' {
		return 0, ""
	}
	return depth, strings.TrimSpace(strings.TrimRight(strings.TrimSpace(line[depth:]), "#"))
}
