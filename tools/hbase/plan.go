package hbase

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
	"github.com/plumbline-mcp/plumbline/internal/hbase/repair"
	"github.com/plumbline-mcp/plumbline/tools"
)

// RepairDeps is what the tools that plan, apply and verify a repair need.
type RepairDeps struct {
	// Check reads a bundle and runs every rule on it.
	Check func(ctx context.Context, bundle string) (*hbase.Snapshot, *check.Report, error)
	// Collect gathers a bundle of the cluster this host belongs to into a new directory, with the master's pages if their
	// URL is given. Remove takes it away.
	Collect func(ctx context.Context, live string) (dir string, remove func(), err error)
	// Runner runs commands on the cluster this host belongs to.
	Runner func(repair.Options) repair.Runner
	Clock  repair.Clock
	// WriteFile writes a file the user named; nil where the caller is not the user at a command line.
	WriteFile func(name string, content []byte) error
}

// RepairTools lists the tools that plan, apply and verify a repair.
func RepairTools(d RepairDeps) []tools.Tool {
	return []tools.Tool{planTool(d), applyTool(d), verifyTool(d)}
}

// planFormat says how a plan is written as text.
type planFormat string

// Enum lists the formats.
func (planFormat) Enum() []string { return []string{"steps", "runbook", "script"} }

type planInput struct {
	Bundle  string     `json:"bundle" jsonschema:"directory, .tar.gz, .zip or s3:// of a bundle"`
	Format  planFormat `json:"format,omitempty" jsonschema:"text: steps, Markdown runbook or bash script"`
	Script  string     `json:"script,omitempty" jsonschema:"file to write the script to; at the command line only"`
	Hbck2   string     `json:"hbck2_jar,omitempty" jsonschema:"path of the hbck2 jar on the cluster"`
	Sudo    string     `json:"sudo,omitempty" jsonschema:"before commands; default sudo -u hbase, - for none"`
	Version string     `json:"hbase_version,omitempty" jsonschema:"if the bundle lacks it"`
}

func (in planInput) options() repair.Options {
	return repair.Options{Hbck2: in.Hbck2, Sudo: in.Sudo, Version: in.Version}
}

type planOutput struct {
	*repair.Plan

	Written string `json:"written,omitempty"`

	format planFormat
}

func planTool(d RepairDeps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "hbase_plan", Title: "Plan the repair of an HBase cluster", Toolset: "hbase",
		Description: "Ordered steps that repair what hbase_check finds in a bundle: exact commands, why, risk, downtime, data loss, wait, precheck, verify, undo, what not to do. Changes nothing. Run one by one with hbase_apply, or as a script; prove with hbase_verify.",
	}, func(ctx context.Context, in planInput) (*planOutput, error) {
		p, err := d.plan(ctx, in.Bundle, in.options())
		if err != nil {
			return nil, err
		}
		out := &planOutput{Plan: p, format: in.Format}
		if in.Script == "" {
			return out, nil
		}
		if d.WriteFile == nil {
			return nil, fault.WithHint(fault.New(fault.PermissionDenied, "hbase_plan: files are written at the command line only"), `Ask with format "script" and write its text yourself.`)
		}
		var script bytes.Buffer
		if err := p.WriteScript(&script); err != nil {
			return nil, err
		}
		out.Written = in.Script
		return out, d.WriteFile(in.Script, script.Bytes())
	})
}

func (d RepairDeps) plan(ctx context.Context, bundle string, o repair.Options) (*repair.Plan, error) {
	snap, report, err := d.Check(ctx, bundle)
	if err != nil {
		return nil, err
	}
	return repair.New(report, snap, o)
}

// WriteText writes the plan in the form asked for.
func (o *planOutput) WriteText(w io.Writer) {
	var b strings.Builder
	switch o.format {
	case "runbook":
		_ = o.Plan.WriteMarkdown(&b) // a builder takes everything
		tools.Block(w, "runbook "+o.ID, b.String())
	case "script":
		_ = o.Plan.WriteScript(&b) // likewise
		tools.Block(w, "bash script of "+o.ID, b.String())
	default:
		o.steps(w)
	}
	if o.Written != "" {
		fmt.Fprintf(w, "script written to %s: read it, then run bash %s (--dry-run shows, --yes confirms)\n", tools.Line(o.Written), tools.Line(o.Written))
	}
}

func (o *planOutput) steps(w io.Writer) {
	fmt.Fprintf(w, "%s: %d steps for HBase %s, root %s\n", o.ID, len(o.Steps), told(o.HBaseVersion), tools.Line(o.RootDir))
	for _, l := range o.Warnings {
		fmt.Fprintf(w, "mind: %s\n", tools.Line(l))
	}
	for i := range o.Steps {
		writeStep(w, &o.Steps[i])
	}
	if len(o.Final) > 0 {
		fmt.Fprintf(w, "at the end, then collect again and compare with hbase_verify:\n")
		for _, l := range o.Final {
			fmt.Fprintf(w, "    %s\n", tools.Line(l))
		}
	}
	for _, l := range o.Avoid {
		fmt.Fprintf(w, "do not: %s\n", tools.Line(l))
	}
	for _, l := range o.Left {
		fmt.Fprintf(w, "not repaired: %s: %s %s\n", tools.Line(l.Finding), tools.Line(l.Why), tools.Line(l.Next))
	}
	if n := len(o.Follow); n > 0 {
		fmt.Fprintf(w, "%d findings are consequences and go with their root\n", n)
	}
}

func told(v string) string {
	if v == "" {
		return "of unknown version"
	}
	return tools.Line(v)
}

// maxNamed bounds the findings named of one step.
const maxNamed = 5

func writeStep(w io.Writer, s *repair.Step) {
	fmt.Fprintf(w, "%d. %s\n   %s\n", s.N, tools.Cut(s.Command, 1000), tools.Line(s.Why))
	for _, l := range []struct{ name, text string }{
		{"risk", s.Risk}, {"downtime", s.Downtime}, {"data loss", s.DataLoss}, {"before", s.Precheck}, {"after", s.Verify}, {"wait", s.Wait}, {"undo", s.Undo},
	} {
		if l.text != "" && l.text != "none" {
			fmt.Fprintf(w, "   %s: %s\n", l.name, tools.Cut(l.text, 600))
		}
	}
	named := s.Fixes[:min(len(s.Fixes), maxNamed)]
	if len(named) > 0 {
		fmt.Fprintf(w, "   for: %s", tools.Line(strings.Join(named, "; ")))
		if more := len(s.Fixes) - len(named); more > 0 {
			fmt.Fprintf(w, " and %d more", more)
		}
		fmt.Fprintln(w)
	}
	for _, f := range s.Forks {
		fmt.Fprintf(w, "   if %s (ask: %s): %s %s\n", tools.Line(f.When), tools.Cut(f.Ask, 400), tools.Cut(strings.Join(f.Commands, "; "), 600), tools.Line(f.Why))
	}
}
