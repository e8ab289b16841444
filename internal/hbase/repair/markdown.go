package repair

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the plan as a runbook.
func (p *Plan) WriteMarkdown(w io.Writer) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "# Repair %s\n\nHBase %s, root directory `%s` (%s). %d steps, in this order; stop at the first surprise and collect again.\n", p.ID, orUnsaid(p.HBaseVersion), oneLine(p.RootDir), p.Storage, len(p.Steps))
	section(b, "Mind", p.Warnings)
	section(b, "Do not", p.Avoid)
	for i := range p.Steps {
		p.Steps[i].markdown(b)
	}
	if len(p.Final) > 0 {
		fmt.Fprintf(b, "\n## At the end\n\n```sh\n%s\n```\n", strings.Join(p.Final, "\n"))
	}
	var left []string
	for _, l := range p.Left {
		left = append(left, fmt.Sprintf("%s: %s %s", l.Finding, l.Why, l.Next))
	}
	section(b, "Not repaired by a step", left)
	section(b, "Goes with its root", p.Follow)
	_, err := io.WriteString(w, b.String())
	return err
}

func section(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n", title)
	for _, l := range lines {
		fmt.Fprintf(b, "- %s\n", oneLine(l))
	}
}

func (s *Step) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n## Step %d\n\n%s\n\n```sh\n%s\n```\n\n", s.N, oneLine(s.Why), s.Command)
	rows := []struct{ name, text string }{
		{"for", strings.Join(s.Fixes, "; ")}, {"risk", s.Risk}, {"downtime", s.Downtime}, {"data loss", s.DataLoss}, {"before", code(s.Precheck)}, {"after", code(s.Verify)}, {"wait", s.Wait}, {"undo", s.Undo},
	}
	fmt.Fprintf(b, "| | |\n|---|---|\n")
	for _, r := range rows {
		if r.text != "" {
			fmt.Fprintf(b, "| %s | %s |\n", r.name, strings.ReplaceAll(oneLine(r.text), "|", `\|`))
		}
	}
	for _, f := range s.Forks {
		fmt.Fprintf(b, "\nIf %s (`%s`): %s %s\n", oneLine(f.When), oneLine(f.Ask), code(strings.Join(f.Commands, "; ")), oneLine(f.Why))
	}
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + oneLine(s) + "`"
}
