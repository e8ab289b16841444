package hbase

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
	"github.com/plumbline-mcp/plumbline/internal/hbase/verify"
	"github.com/plumbline-mcp/plumbline/tools"
)

type verifyInput struct {
	Before string `json:"before" jsonschema:"bundle from before the repair"`
	After  string `json:"after,omitempty" jsonschema:"bundle from after it; empty: collect on this host now"`
	Live   string `json:"from_live,omitempty" jsonschema:"URL of the master's pages, read when collecting"`
}

type verifyOutput struct {
	*verify.Comparison
}

func verifyTool(d RepairDeps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "hbase_verify", Title: "Prove that a repair worked", Toolset: "hbase", OpenWorld: true,
		Description: "Compare a bundle from before a repair with one from after it, or with the cluster this host belongs to (collected now, reading only): what is fixed, unchanged, new, and what the later evidence cannot show.",
	}, func(ctx context.Context, in verifyInput) (*verifyOutput, error) {
		_, before, err := d.Check(ctx, in.Before)
		if err != nil {
			return nil, fault.WithHint(err, "before must be the bundle that the plan was made of.")
		}
		after := in.After
		if after == "" {
			dir, remove, err := d.Collect(ctx, in.Live)
			if err != nil {
				return nil, err
			}
			defer remove()
			after = dir
		}
		snap, report, err := d.Check(ctx, after)
		if err != nil {
			return nil, err
		}
		return &verifyOutput{verify.Compare(before, report, snap)}, nil
	})
}

// WriteText writes the verdict, then what is left.
func (o *verifyOutput) WriteText(w io.Writer) {
	verdict := "NOT CLEAN"
	if o.Clean {
		verdict = "clean"
	}
	fmt.Fprintf(w, "%s: %d fixed, %d unchanged, %d new, %d unproven\n", verdict, len(o.Fixed), len(o.Unchanged), len(o.New), len(o.Unproven))
	writeFindings(w, "new", o.New)
	writeFindings(w, "unchanged", o.Unchanged)
	for i, f := range o.Unproven {
		if i == maxListed {
			fmt.Fprintf(w, "… %d more unproven\n", len(o.Unproven)-i)
			break
		}
		fmt.Fprintf(w, "unproven  %s: %s\n", subject(&f.Finding), tools.Line(f.Why))
	}
	writeFindings(w, "fixed", o.Fixed)
	for _, m := range o.Missing {
		if m.Artefact != hbase.ArtefactMeta && m.Artefact != hbase.ArtefactPaths && m.Artefact != hbase.ArtefactHbck {
			continue // without the others a repair is proven all the same
		}
		fmt.Fprintf(w, "missing afterwards: %s is %s (%s)\n", m.Artefact, m.Verdict, tools.Line(m.Why))
	}
}

// maxListed bounds the findings listed of one kind.
const maxListed = 25

func writeFindings(w io.Writer, kind string, list []check.Finding) {
	for i := range list {
		if i == maxListed {
			fmt.Fprintf(w, "… %d more %s: see the structured content\n", len(list)-i, kind)
			return
		}
		fmt.Fprintf(w, "%-9s %s\n", kind, subject(&list[i]))
	}
}

// subject names a finding on one line.
func subject(f *check.Finding) string {
	parts := slices.DeleteFunc([]string{string(f.Type), f.Table, f.Region, f.Server}, func(p string) bool { return p == "" })
	s := strings.Join(parts, " ")
	if f.Region == "" && (f.Start != "" || f.End != "") {
		s += fmt.Sprintf(" [%s, %s)", f.Start, f.End)
	}
	return tools.Cut(s, 300)
}
