package traces

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Bounds of the text: about two thousand tokens.
const (
	firstReasons = 6
	otherReasons = 2
	firstProof   = 7
	quoteBytes   = 150
)

// WriteText writes the verdict, the suspects, what was ruled out and what to do.
func (r *Report) WriteText(w io.Writer) {
	if r.Markdown != "" {
		r.reportText(w)
		return
	}
	if !r.Incident {
		fmt.Fprintln(w, r.Summary)
		r.facts(w)
		r.ruledOut(w)
		fmt.Fprintf(w, "next: %s\n", r.NextStep)
		r.tables(w)
		r.written(w)
		return
	}
	fmt.Fprintf(w, "%d suspects. %s\n", len(r.Suspects), tools.Line(r.Summary))
	fmt.Fprintf(w, "onset %s, window to %s, baseline from %s\n", r.Onset.Format(timeFormat), r.Window.End.Format(timeFormat), r.Baseline.Start.Format(timeFormat))
	fmt.Fprintf(w, "confidence %s (%.2f): %s\n", r.Confidence.Level, r.Confidence.Value, r.Confidence.Reason)
	for i := range r.Suspects {
		writeSuspect(w, &r.Suspects[i])
	}
	r.ruledOut(w)
	b := r.BlastRadius
	fmt.Fprintf(w, "blast radius: %d requests (%.1f %%), services %s; operations %s", b.Requests, 100*b.Share, strings.Join(b.Services, ", "), tools.Cut(strings.Join(b.Operations, ", "), 200))
	if len(b.Regions) > 0 {
		fmt.Fprintf(w, "; regions %s", strings.Join(b.Regions, ", "))
	}
	if b.Users > 0 {
		fmt.Fprintf(w, "; %d users", b.Users)
	}
	fmt.Fprintf(w, "\nnext: %s\nrefute: %s\n", tools.Line(r.NextStep), tools.Line(r.Refute))
	r.facts(w)
	r.tables(w)
	r.written(w)
	if len(r.Tables) == 0 {
		fmt.Fprintf(w, "more: step=NAME shows one step's table (%s), detail=true a digest of all, report=html|md a report\n", strings.Join(investigate.StepNames(), ", "))
	}
}

// reportText answers a report in Markdown: it is the text itself, made for a chat.
func (r *Report) reportText(w io.Writer) {
	text := r.Markdown
	if len(text) > maxReportText {
		text = cutLines(text, maxReportText)
	}
	fmt.Fprintln(w, strings.TrimRight(text, "\n"))
	r.written(w)
}

// maxReportText leaves room in one answer for where the report was written.
const maxReportText = 15_000

func (r *Report) written(w io.Writer) {
	if r.File != "" {
		fmt.Fprintf(w, "report written: %s\n", r.File)
	}
}

// tables writes the tables that were asked for, each fenced as data.
func (r *Report) tables(w io.Writer) {
	for i := range r.Tables {
		t := &r.Tables[i]
		var b strings.Builder
		b.WriteString(strings.Join(t.Columns, " | ") + "\n")
		for _, row := range t.Rows {
			cells := make([]string, len(row))
			for j, c := range row {
				cells[j] = tools.Line(c)
			}
			b.WriteString(strings.Join(cells, " | ") + "\n")
		}
		fmt.Fprintf(w, "step %s, %d rows (%s)\n", t.Step, len(t.Rows), t.Method)
		if len(t.Rows) > 0 {
			tools.Block(w, string(t.Step), b.String())
		}
		if t.Cut > 0 {
			more := "the weakest are cut"
			if r.step == "" {
				more = "step=" + string(t.Step) + " shows more"
			}
			fmt.Fprintf(w, "%d more rows: %s\n", t.Cut, more)
		}
	}
}

const timeFormat = "2006-01-02T15:04:05Z"

func writeSuspect(w io.Writer, s *investigate.Suspect) {
	fmt.Fprintf(w, "%d. %s: %s [%s] score %.2f", s.Rank, tools.Cut(s.Service, 60), tools.Cut(s.Component, 100), s.Family, s.Score)
	if s.Affected > 0 {
		fmt.Fprintf(w, ", %d requests", s.Affected)
	}
	fmt.Fprintln(w)
	if len(s.Attributes) > 0 {
		fmt.Fprint(w, "   attributes:")
		for _, a := range s.Attributes {
			fmt.Fprintf(w, " %s=%s", a.Key, tools.Cut(a.Value, 80))
		}
		fmt.Fprintln(w)
	}
	n := otherReasons
	if s.Rank == 1 {
		n = firstReasons
	}
	for _, t := range s.Reasons[:min(n, len(s.Reasons))] {
		fmt.Fprintf(w, "   - %s\n", tools.Cut(t, 220))
	}
	if s.Rank > 1 {
		return
	}
	var quotes strings.Builder
	for _, e := range s.Evidence[:min(firstProof, len(s.Evidence))] {
		writeEvidence(w, &quotes, e)
	}
	if quotes.Len() > 0 {
		tools.Fence(w, "log lines and messages", quotes.String())
	}
}

// writeEvidence writes our words to w and the quoted data, with its place, to quotes.
func writeEvidence(w io.Writer, quotes *strings.Builder, e finding.Evidence) {
	place := ""
	if e.Source != "" {
		place = fmt.Sprintf("%s:%d ", e.Source, e.Line)
	}
	switch e.Kind {
	case finding.Query:
		fmt.Fprintf(w, "   query (%s): %s\n", e.Summary, tools.Line(e.Query))
	case finding.Span:
		fmt.Fprintf(w, "   trace %s span %s: %s\n", e.TraceID, e.SpanID, tools.Cut(e.Summary, 260))
		if e.Text != "" {
			fmt.Fprintf(quotes, "span %s: %s\n", e.SpanID, tools.Cut(e.Text, quoteBytes))
		}
	case finding.Log, finding.File:
		fmt.Fprintf(quotes, "%s%s (%s)\n", place, tools.Cut(e.Text, quoteBytes), e.Summary)
	case finding.Metric:
		fmt.Fprintf(w, "   metric %s %s\n", tools.Cut(e.Text, 200), e.Summary)
	case finding.Endpoint: // an investigation asks none
	}
}

func (r *Report) ruledOut(w io.Writer) {
	for _, o := range r.RuledOut {
		fmt.Fprintf(w, "ruled out: %s: %s\n", tools.Cut(cmp.Or(o.Subject, o.Kind), 100), tools.Cut(o.Reason, 160))
	}
}

func (r *Report) facts(w io.Writer) {
	f := r.Facts
	fmt.Fprintf(w, "searched: %d spans in %d traces, %d log lines, %d metric series of %d services, %s to %s\n", f.Spans, f.Traces, f.Logs, f.Series, f.Services, f.Start.Format(timeFormat), f.End.Format(timeFormat))
	for _, n := range r.Notes {
		fmt.Fprintf(w, "note: %s\n", tools.Cut(n, 200))
	}
}

// cutLines keeps whole lines of a text up to n bytes and says that it was cut.
func cutLines(text string, n int) string {
	i := strings.LastIndexByte(text[:n], '\n')
	return text[:max(i, 0)] + "\n… cut; the file has all"
}
