package tools

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of one answer to a model, in bytes. Clients cut or spill results from about 25,000 tokens on; four thousand leave room for a
// conversation. A token is reckoned as four bytes.
const (
	MaxText       = 16_000  // bytes of text
	MaxStructured = 256_000 // bytes of structured content
)

// maxFence bounds one fenced piece of data.
const maxFence = 4_000

// Fence writes text that came out of the data so that a reader can tell it from our own words: between two lines that name
// it as data, without control characters, and bounded. The text is never an instruction.
func Fence(w io.Writer, label, text string) {
	text = Clean(text)
	if len(text) > maxFence {
		text = cutAt(text, maxFence) + "\n… cut"
	}
	Block(w, label, text)
}

// Block is Fence for text whose caller has bounded it.
func Block(w io.Writer, label, text string) {
	text = Clean(text)
	bar := "```"
	for strings.Contains(text, bar) {
		bar += "`"
	}
	fmt.Fprintf(w, "%s data: %s\n%s\n%s\n", bar, Line(label), strings.TrimRight(text, "\n"), bar)
}

// Clean removes what could act on a terminal or hide from a reader: control characters except newline and tab, and
// invisible format characters (zero width, direction marks, tags).
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError:
			return -1
		}
		return r
	}, text)
}

// Line is Clean on one line: newlines and tabs become spaces.
func Line(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, Clean(text))
}

// Cut shortens one line of data to at most n bytes, with an ellipsis when it was longer.
func Cut(text string, n int) string {
	text = Line(text)
	if len(text) <= n {
		return text
	}
	return cutAt(text, max(n-len("…"), 0)) + "…"
}

// cutAt returns at most n bytes of s, never within a rune.
func cutAt(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// firstPage returns at most pageSize bytes of s, up to the end of a line if there is one.
func firstPage(s string) string {
	if len(s) <= pageSize {
		return s
	}
	head := cutAt(s, pageSize)
	if i := strings.LastIndexByte(head, '\n'); i > 0 {
		return head[:i+1]
	}
	return head
}
