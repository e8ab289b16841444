package knowledge

import (
	"fmt"
	"strings"

	"golang.org/x/net/html"
)

// htmlText returns the text of a page that a reader sees, headings marked as in Markdown, each word on its line of the source, and
// how many hidden passages were left out (comments, hidden elements). Scripts, styles and templates are no text.
func htmlText(source string) (string, int) {
	z := html.NewTokenizer(strings.NewReader(source))
	w := &htmlWriter{}
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		raw := string(z.Raw())
		w.token(kind, z.Token(), raw)
		w.line += strings.Count(raw, "\n")
	}
	return w.text(), w.hidden
}

type htmlWriter struct {
	lines  []strings.Builder
	line   int      // of the source, from 0
	skip   []string // open elements without text, the outermost first
	pre    bool
	hidden int
}

// silent are elements whose content is no prose.
var silent = map[string]bool{"script": true, "style": true, "template": true, "noscript": true, "svg": true, "head": true, "nav": true}

// void are elements that never close.
var void = map[string]bool{"br": true, "hr": true, "img": true, "input": true, "meta": true, "link": true, "col": true, "wbr": true, "area": true, "base": true, "source": true, "track": true, "embed": true}

func (w *htmlWriter) token(kind html.TokenType, t html.Token, raw string) {
	switch kind {
	case html.CommentToken:
		w.hidden++
	case html.StartTagToken:
		w.open(t)
	case html.EndTagToken:
		w.close(t.Data)
	case html.TextToken:
		if len(w.skip) == 0 {
			w.write(t.Data, raw)
		}
	case html.SelfClosingTagToken, html.DoctypeToken, html.ErrorToken:
	}
}

func (w *htmlWriter) open(t html.Token) {
	if void[t.Data] {
		return
	}
	switch {
	case len(w.skip) > 0:
		if t.Data == w.skip[0] { // only the like of the outermost can close it early
			w.skip = append(w.skip, t.Data)
		}
	case silent[t.Data]:
		w.skip = []string{t.Data}
	case isHidden(t):
		w.hidden++
		w.skip = []string{t.Data}
	case len(t.Data) == 2 && t.Data[0] == 'h' && '1' <= t.Data[1] && t.Data[1] <= '6':
		w.put("\x00" + strings.Repeat("#", int(t.Data[1]-'0')) + " ")
	case t.Data == "li":
		w.put("- ")
	case t.Data == "td" || t.Data == "th":
		w.put(" | ")
	}
	w.pre = w.pre || t.Data == "pre"
}

func (w *htmlWriter) close(name string) {
	if n := len(w.skip); n > 0 && w.skip[0] == name {
		w.skip = w.skip[:n-1]
	}
	if name == "pre" {
		w.pre = false
	}
}

func isHidden(t html.Token) bool {
	for _, a := range t.Attr {
		v := strings.ReplaceAll(strings.ToLower(a.Val), " ", "")
		switch {
		case a.Key == "hidden":
			return true
		case a.Key == "style" && (strings.Contains(v, "display:none") || strings.Contains(v, "visibility:hidden") || strings.Contains(v, "font-size:0")):
			return true
		}
	}
	return false
}

// write puts text on the lines it stands on in the source. Entities never hold a newline, so text and source have the same lines
// unless one is written as an entity; those become blanks.
func (w *htmlWriter) write(text, raw string) {
	parts := strings.Split(text, "\n")
	if len(parts) != strings.Count(raw, "\n")+1 {
		parts = []string{strings.Join(parts, " ")}
	}
	at := w.line
	for i, p := range parts {
		w.line = at + i
		if !w.pre {
			p = spaced(p)
		}
		w.put(p)
	}
	w.line = at
}

// spaced folds white space to single blanks and keeps one at either end.
func spaced(s string) string {
	out := strings.Join(strings.Fields(s), " ")
	switch {
	case s == "":
		return ""
	case out == "":
		return " "
	}
	if strings.ContainsAny(s[:1], " \t") {
		out = " " + out
	}
	if strings.ContainsAny(s[len(s)-1:], " \t") {
		out += " "
	}
	return out
}

func (w *htmlWriter) put(s string) {
	for len(w.lines) <= w.line {
		w.lines = append(w.lines, strings.Builder{})
	}
	fmt.Fprint(&w.lines[w.line], s)
}

// text joins the lines; a heading's mark counts only where its line begins with it.
func (w *htmlWriter) text() string {
	out := make([]string, len(w.lines))
	for i := range w.lines {
		line := strings.TrimRight(w.lines[i].String(), " ")
		if at := strings.Index(line, "\x00"); at >= 0 && strings.TrimSpace(line[:at]) == "" {
			line = line[at+1:]
		}
		if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "#") {
			line = trimmed
		}
		marks := strings.Split(line, "\x00")
		for k := 1; k < len(marks); k++ {
			marks[k] = strings.TrimLeft(marks[k], "# ")
		}
		out[i] = strings.Join(marks, " ")
	}
	return strings.Join(out, "\n")
}
