package ppl

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// Quote writes a text as a PPL literal.
func Quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(text) + "'"
}

// Instant writes a point in time as a PPL literal in UTC, to the nanosecond.
func Instant(t time.Time) string { return Quote(t.UTC().Format("2006-01-02 15:04:05.999999999")) }

// Within writes the condition that a time field lies in [start, end) and that further conditions hold; "" if nothing is asked.
// Empty conditions are left out.
func Within(field string, r timerange.Range, further ...string) string {
	var parts []string
	if !r.Start.IsZero() {
		parts = append(parts, fmt.Sprintf("`%s` >= %s", field, Instant(r.Start)))
	}
	if !r.End.IsZero() {
		parts = append(parts, fmt.Sprintf("`%s` < %s", field, Instant(r.End)))
	}
	for _, f := range further {
		if f != "" {
			parts = append(parts, f)
		}
	}
	return strings.Join(parts, " and ")
}

// Words names a query by the first word of each command, without a value out of it: "source=logs where stats". Of a text that
// is no query it says nothing.
func Words(text string) []string {
	q, err := Parse(text)
	if err != nil {
		return nil
	}
	words := make([]string, 0, len(q.Pipeline.Commands))
	for _, c := range q.Pipeline.Commands {
		word, _, _ := strings.Cut(c.String(), " ")
		words = append(words, word)
	}
	return words
}

// Explained cuts the word explain, and a mode behind it, off a text that begins with them.
func Explained(text string) (query string, ok bool) {
	m := explainWord.FindString(text)
	return text[len(m):], m != ""
}

// explainWord is the explain command. A source named explain would be explain=, so a blank and more must follow.
var explainWord = regexp.MustCompile(`(?i)^\s*explain\s+(?:(?:simple|standard|cost|extended)\s+)?`)
