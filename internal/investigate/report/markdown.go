package report

import (
	"fmt"
	"io"
	"strings"
)

// Bounds of the Markdown form: it is read in a chat.
const (
	maxEvidence = 6
	maxRuledOut = 8
)

// Markdown writes the report for a chat: the verdict, suspects with their evidence, what changed, what was ruled out.
func Markdown(w io.Writer, d *Data) error {
	v := d.Verdict
	var b strings.Builder
	if len(v.Suspects) == 0 {
		fmt.Fprintf(&b, "# No incident found\n\n%s\n", v.Summary)
	} else {
		fmt.Fprintf(&b, "# %s: %s\n\n%s\n\n", plain(v.Suspects[0].Service), plain(v.Suspects[0].Component), v.Summary)
		fmt.Fprintf(&b, "**Next:** %s %s\n", v.NextStep, v.Refute)
	}
	if d.Alert != "" {
		fmt.Fprintf(&b, "\nAlert, as received: %s\n", code(d.Alert))
	}
	plot, of := d.Served, "calls of "+plain(d.Focus)
	if len(plot) == 0 {
		plot, of = d.Requests, "requests"
	}
	if line := sparkline(plot); line != "" {
		fmt.Fprintf(&b, "\nFailed %s, %s to %s:\n\n`%s`\n", of, instant(plot[0].Start), instant(plot[len(plot)-1].Start), line)
	}
	for _, s := range v.Suspects {
		fmt.Fprintf(&b, "\n## %d. %s — %s (%s, score %.2f)\n\n", s.Rank, plain(s.Service), plain(s.Component), strings.ReplaceAll(string(s.Family), "_", " "), s.Score)
		for _, r := range s.Reasons {
			fmt.Fprintf(&b, "- %s\n", plain(r))
		}
		for _, a := range s.Attributes {
			fmt.Fprintf(&b, "- attribute %s\n", code(a.Key+"="+a.Value))
		}
		if s.Rank > 1 {
			continue
		}
		for _, e := range s.Evidence[:min(len(s.Evidence), maxEvidence)] {
			fmt.Fprintf(&b, "- evidence: %s", plain(e.Summary))
			for _, t := range []string{e.Query, e.Text, place(e)} {
				if t != "" {
					b.WriteString(" " + code(t))
				}
			}
			b.WriteString("\n")
		}
	}
	if len(v.RuledOut) > 0 {
		b.WriteString("\n## Ruled out\n\n")
		for _, r := range v.RuledOut[:min(len(v.RuledOut), maxRuledOut)] {
			fmt.Fprintf(&b, "- %s (%s): %s\n", plain(r.Subject), r.Kind, plain(r.Reason))
		}
	}
	fmt.Fprintf(&b, "\nLooked at %d spans, %d log lines, %d series. Source: %s\n", v.Facts.Spans, v.Facts.Logs, v.Facts.Series, code(d.Source))
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// code quotes data as a code span whatever backticks it holds.
func code(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		s = " " + s + " "
	}
	return fence + s + fence
}

var markup = strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "&lt;", ">", "&gt;", "#", "\\#", "|", "\\|", "\n", " ")

// plain escapes what Markdown would take for markup.
func plain(s string) string { return markup.Replace(s) }

// sparkline draws the failed requests of each bucket.
func sparkline(b []Bucket) string {
	most := 0
	for _, k := range b {
		most = max(most, k.Failed)
	}
	if most == 0 {
		return ""
	}
	levels := []rune(" ▁▂▃▄▅▆▇█")
	var out strings.Builder
	for _, k := range b {
		out.WriteRune(levels[(k.Failed*(len(levels)-1)+most-1)/most])
	}
	return out.String()
}
