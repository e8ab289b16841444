package repair

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
	"time"
)

// preamble is the part of a script that is the same for every plan: its options and functions.
//
//go:embed preamble.sh
var preamble string

// WriteScript writes the plan as a bash script that runs it: each step is shown, prechecked, run and verified, steps that
// take something away are confirmed first, everything goes to a log as well, and the first surprise ends it.
func (p *Plan) WriteScript(w io.Writer) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "#!/usr/bin/env bash\n# Repair %s: HBase %s, root %s (%s), %d steps.\n", p.ID, orUnsaid(p.HBaseVersion), oneLine(p.RootDir), p.Storage, len(p.Steps))
	fmt.Fprintf(b, "# Written by plumbline from an evidence bundle. Read it before it is run; run it where hbase and hdfs work.\n")
	for _, l := range p.Warnings {
		fmt.Fprintf(b, "# Warning: %s\n", oneLine(l))
	}
	for _, l := range p.Avoid {
		fmt.Fprintf(b, "# Do not: %s\n", oneLine(l))
	}
	for _, l := range p.Left {
		fmt.Fprintf(b, "# Not repaired here: %s: %s %s\n", oneLine(l.Finding), oneLine(l.Why), oneLine(l.Next))
	}
	fmt.Fprintf(b, "set -euo pipefail\n\nPLAN=%s\nSTEPS=%d\n: \"${HBCK2:=%s}\"\n: \"${HBASE_SUDO=%s}\"\n\n", p.ID, len(p.Steps), shellDefault(p.options.Hbck2), shellDefault(p.options.Sudo))
	b.WriteString(preamble)
	for i := range p.Steps {
		p.Steps[i].script(b, p.options, p.done(&p.Steps[i]))
	}
	b.WriteString("\n# ---- What must hold after the last step\n")
	for i := range p.final {
		c := &p.final[i]
		fmt.Fprintf(b, "final %s %s\n", quote(c.About), checkWords(c))
	}
	b.WriteString("finish\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func orUnsaid(s string) string {
	if s == "" {
		return "of unknown version"
	}
	return oneLine(s)
}

// oneLine keeps text out of the data from ending a comment.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// shellDefault writes a value within "${X:=…}".
func shellDefault(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`", "}", `\}`).Replace(oneLine(s))
}

// script writes a step; it is passed over if one of the checks that make it needless holds.
func (s *Step) script(b *strings.Builder, o Options, done []*Check) {
	fmt.Fprintf(b, "\n# ---- Step %d: %s\n", s.N, oneLine(s.Why))
	for _, l := range []struct{ name, text string }{{"risk", s.Risk}, {"downtime", s.Downtime}, {"data loss", s.DataLoss}, {"wait", s.Wait}, {"undo", s.Undo}} {
		if l.text != none {
			fmt.Fprintf(b, "#   %s: %s\n", l.name, oneLine(l.text))
		}
	}
	for _, f := range s.Forks {
		fmt.Fprintf(b, "#   If %s (ask: %s): %s %s\n", oneLine(f.When), oneLine(f.Ask), oneLine(strings.Join(f.Commands, "; ")), oneLine(f.Why))
	}
	fmt.Fprintf(b, "step %d %s %s\n", s.N, quote(s.command.Line(o)), quote(oneLine(s.Why)))
	if len(done) > 0 {
		var none []string
		for _, c := range done {
			none = append(none, "! holds "+checkWords(c))
		}
		fmt.Fprintf(b, "if %s; then\n", strings.Join(none, " &&\n  "))
		s.body(b, "  ")
		fmt.Fprintf(b, "else\n  already\nfi\n")
		return
	}
	s.body(b, "")
}

// body writes what a step does: precheck, confirmation, command, verification.
func (s *Step) body(b *strings.Builder, indent string) {
	if s.precheck != nil {
		fmt.Fprintf(b, "%sprecheck %s %s\n", indent, quote(s.precheck.About), checkWords(s.precheck))
	}
	switch {
	case s.command.Tool == Hand:
		fmt.Fprintf(b, "%sby_hand %s\n", indent, quote(s.command.Line(Options{})))
	case s.Destroys:
		fmt.Fprintf(b, "%sconfirm %s\n", indent, quote(oneLine(s.DataLoss)))
		s.runWords(b, indent)
	case s.ReadOnly:
		fmt.Fprintf(b, "%slook %s\n", indent, toolWords(s.command))
	default:
		s.runWords(b, indent)
	}
	if s.verify != nil && !s.ReadOnly {
		fmt.Fprintf(b, "%sverify %d %s %s\n", indent, int(s.patience/time.Second), quote(s.verify.About), checkWords(s.verify))
	}
}

// runWords writes the command, and what to run in its place where the tool does not know it.
func (s *Step) runWords(b *strings.Builder, indent string) {
	if len(s.instead) == 0 {
		fmt.Fprintf(b, "%srun %s\n", indent, toolWords(s.command))
		return
	}
	fmt.Fprintf(b, "%sif ! known %s; then\n", indent, toolWords(s.command))
	for _, c := range s.instead {
		fmt.Fprintf(b, "%s  run %s\n", indent, toolWords(c))
	}
	fmt.Fprintf(b, "%sfi\n", indent)
}

// toolWords writes a command by the script's function of its tool.
func toolWords(c Command) string { return "p_" + string(c.Tool) + " " + words(c.Args) }

// checkWords writes a check: @seconds for its limit, +pattern must match, -pattern must not, then the command.
func checkWords(c *Check) string {
	var out []string
	if c.Limit > 0 {
		out = append(out, fmt.Sprintf("@%d", int(c.Limit/time.Second)))
	}
	for _, p := range c.Expect {
		out = append(out, quote("+"+p))
	}
	for _, p := range c.Absent {
		out = append(out, quote("-"+p))
	}
	return strings.Join(append(out, "--", toolWords(c.Command)), " ")
}
