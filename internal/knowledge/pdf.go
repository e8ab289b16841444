package knowledge

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/ledongthuc/pdf"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// maxPages bounds a PDF: a manual has hundreds.
const maxPages = 3000

// pdfText returns the text of a PDF, a heading "# Page N" before each page. A file without text (a scan) is a fault.Unsupported.
func pdfText(raw []byte) (text string, err error) {
	defer func() {
		if p := recover(); p != nil { // the reader panics on broken files
			err = fault.New(fault.Unsupported, "the PDF is broken: %v", p)
		}
	}()
	r, err := pdf.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return "", fault.New(fault.Unsupported, "open PDF: %w", err)
	}
	var b strings.Builder
	words := 0
	for n := 1; n <= min(r.NumPage(), maxPages); n++ {
		fmt.Fprintf(&b, "# Page %d\n", n)
		for _, line := range pageLines(r.Page(n)) {
			words += len(strings.Fields(line))
			b.WriteString(line + "\n")
		}
	}
	if words == 0 {
		return "", fault.New(fault.Unsupported, "the PDF has no text, perhaps only pictures of it")
	}
	return b.String(), nil
}

// pageLines returns the lines of a page from top to bottom. A page that cannot be read gives none.
func pageLines(p pdf.Page) []string {
	if p.V.IsNull() {
		return nil
	}
	rows, err := p.GetTextByRow()
	if err != nil {
		return nil
	}
	var out []string
	for _, row := range rows {
		var b strings.Builder
		for _, word := range row.Content {
			b.WriteString(word.S)
		}
		if s := strings.TrimSpace(b.String()); s != "" {
			out = append(out, s)
		}
	}
	return out
}
