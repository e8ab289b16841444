package hbase

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Bounds of what is told.
const (
	defaultFindings = 100
	maxFindings     = 2000
	textEvidence    = 4 // lines of a finding in the text
	textChars       = 260
)

type checkInput struct {
	Bundle string `json:"bundle" jsonschema:"directory, .tar.gz, .zip or s3:// of a bundle"`
	Table  string `json:"table,omitempty" jsonschema:"only this table (ns:table)"`
	Limit  int    `json:"limit,omitempty" jsonschema:"findings, default 100"`
}

// Validate checks the bounds.
func (in checkInput) Validate() error {
	if in.Limit < 0 || in.Limit > maxFindings {
		return fault.WithHint(fault.New(fault.InvalidArgument, "limit %d: want 0 to %d", in.Limit, maxFindings), "Narrow by table.")
	}
	return nil
}

type checkOutput struct {
	check.Report

	Bundle      string            `json:"bundle"`
	Version     string            `json:"hbase_version"`
	Storage     hbase.StorageKind `json:"storage"`
	RootDir     string            `json:"root_dir"`
	CollectedAt *time.Time        `json:"collected_at,omitempty"`
	Roots       int               `json:"roots"`
	Total       int               `json:"total"`   // findings, consequences counted
	ByType      map[string]int    `json:"by_type"` // roots
	Artefacts   []hbase.Artefact  `json:"artefacts"`
}

func checkTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "hbase_check", Title: "Check an HBase cluster", Toolset: "hbase",
		Description: "Every inconsistency of an HBase cluster that its bundle proves: holes, overlaps, orphan or missing regions, unknown servers, stuck transitions, failed opens, descriptors. Root causes first, with file:line evidence, what is missing and how sure it is. Next: hbase_region, hbase_plan.",
	}, func(ctx context.Context, in checkInput) (*checkOutput, error) {
		var out *checkOutput
		err := d.checked(ctx, in.Bundle, hbase.ReadOptions{}, func(s *hbase.Snapshot, r *check.Report) error {
			out = newCheckOutput(s, r, in)
			return nil
		})
		return out, err
	})
}

func newCheckOutput(s *hbase.Snapshot, r *check.Report, in checkInput) *checkOutput {
	out := &checkOutput{Report: *r, Bundle: s.Source, Version: s.Version, Storage: s.Storage, RootDir: s.RootDir, ByType: map[string]int{}, Artefacts: s.Artefacts}
	if !s.CollectedAt.IsZero() {
		out.CollectedAt = &s.CollectedAt
	}
	if in.Table != "" {
		want := strings.TrimPrefix(in.Table, "default:")
		out.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f check.Finding) bool { return f.Table != want && f.Table != "" })
	}
	for i := range out.Findings {
		if out.Findings[i].Root() {
			out.Roots++
			out.ByType[string(out.Findings[i].Type)]++
		}
	}
	out.Total = len(out.Findings)
	limit := in.Limit
	if limit == 0 {
		limit = defaultFindings
	}
	out.Findings = out.Findings[:min(limit, out.Total)]
	return out
}

// WriteText writes the count, what is missing, then the roots with their consequences, the worst first.
func (o *checkOutput) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%d root causes, %d consequences; HBase %s, root %s; confidence %s: %s\n", o.Roots, o.Total-o.Roots, tools.Cut(orUnknown(o.Version), 60), tools.Cut(orUnknown(o.RootDir), 120), o.Confidence, o.Reason)
	for _, t := range slices.Sorted(maps.Keys(o.ByType)) {
		fmt.Fprintf(w, "  %d %s\n", o.ByType[t], t)
	}
	for _, m := range o.Missing {
		fmt.Fprintf(w, "%s %s: %s. %s.\n", m.Artefact, m.Verdict, tools.Cut(m.Why, textChars), m.Means)
	}
	for i := range o.Findings {
		writeFinding(w, &o.Findings[i])
	}
	if n := o.Total - len(o.Findings); n > 0 {
		fmt.Fprintf(w, "… %d more findings: call with table=… or limit=%d\n", n, min(o.Total, maxFindings))
	}
	fmt.Fprintf(w, "count: %s\n", o.Count.Text)
	for _, s := range o.Signals {
		fmt.Fprintf(w, "log signature %s: %d lines, %s; last %s\n", s.Signature, s.Count, s.Meaning, stamp(s.Last))
	}
	if o.Roots > 0 {
		fmt.Fprintln(w, "next: hbase_plan with the same bundle")
	}
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func stamp(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format(time.RFC3339)
}

// writeFinding writes a finding and the lines that show it.
func writeFinding(w io.Writer, f *check.Finding) {
	indent := ""
	if !f.Root() {
		indent = "  "
	}
	cause := ""
	if f.Cause != "" {
		cause = " (" + f.Cause + ")"
	}
	fmt.Fprintf(w, "%s%s %s%s %s: %s\n", indent, f.Severity, f.Type, cause, f.ID, tools.Cut(f.Summary, 2*textChars))
	if !f.Root() {
		fmt.Fprintf(w, "%s  follows from %s %s\n", indent, f.ConsequenceOf, f.RootID)
		return
	}
	if f.FirstSeen != nil {
		fmt.Fprintf(w, "  first seen %s\n", stamp(f.FirstSeen))
	}
	if f.DataLoss != "" && f.DataLoss != "none" {
		fmt.Fprintf(w, "  data: %s\n", f.DataLoss)
	}
	var b strings.Builder
	for _, e := range f.Evidence[:min(len(f.Evidence), textEvidence)] {
		fmt.Fprintf(&b, "%s:%d %s\n", e.File, e.Line, tools.Cut(e.Text, textChars))
	}
	if b.Len() > 0 {
		tools.Block(w, "evidence", b.String())
	}
	for _, s := range f.Says {
		if s.Verdict == check.Contradict || s.Verdict == check.Silent && s.Text != "" {
			fmt.Fprintf(w, "  %s is %s: %s\n", s.Artefact, says(s.Verdict), tools.Cut(s.Text, textChars))
		}
	}
}

func says(v check.Verdict) string {
	if v == check.Contradict {
		return "against it"
	}
	return string(v)
}
