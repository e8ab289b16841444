package hbase

import (
	"context"
	"fmt"
	"io"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/hbase/repair"
	"github.com/plumbline-mcp/plumbline/tools"
)

type applyInput struct {
	planInput

	Plan    string `json:"plan" jsonschema:"id that hbase_plan gave for this bundle"`
	Step    int    `json:"step" jsonschema:"number of the step"`
	Execute bool   `json:"execute,omitempty" jsonschema:"run it; without this it is only shown"`
}

type applyOutput struct {
	repair.Outcome

	step *repair.Step
}

func applyTool(d RepairDeps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "hbase_apply", Title: "Apply one step of a repair plan", Toolset: "hbase", Writes: true, Destructive: true, Idempotent: true, OpenWorld: true,
		Description: "Run one step of a plan of hbase_plan on the cluster this host belongs to: earlier steps must stand, the precheck hold, the verification follow; any surprise stops it. Only shows the step unless execute is true. Destructive steps: ask the user first.",
	}, func(ctx context.Context, in applyInput) (*applyOutput, error) {
		p, err := d.plan(ctx, in.Bundle, in.options())
		if err != nil {
			return nil, err
		}
		if p.ID != in.Plan {
			return nil, fault.WithHint(fault.New(fault.InvalidArgument, "hbase_apply: the bundle gives %s, not %s", p.ID, in.Plan), "Call hbase_plan with the same bundle and options, read the plan, and give its id.")
		}
		step := p.Step(in.Step)
		if step == nil {
			return nil, fault.WithHint(fault.New(fault.InvalidArgument, "hbase_apply: %s has no step %d", p.ID, in.Step), "It has steps 1 to %d.", len(p.Steps))
		}
		if !in.Execute {
			return &applyOutput{repair.Outcome{Plan: p.ID, Step: step.N, Command: step.Command, State: repair.StateShown}, step}, nil
		}
		out, err := p.Apply(ctx, in.Step, d.Runner(p.Options()), d.Clock)
		if err != nil {
			return nil, err
		}
		return &applyOutput{*out, step}, nil
	})
}

// WriteText writes what was done, or the step that would be.
func (o *applyOutput) WriteText(w io.Writer) {
	switch o.State {
	case repair.StateShown:
		fmt.Fprintf(w, "nothing was run; execute true runs this step of %s:\n", o.Plan)
		writeStep(w, o.step)
		return
	case repair.StateAlready:
		fmt.Fprintf(w, "step %d of %s: nothing to do, its result is there already (%s)\n", o.Step, o.Plan, tools.Line(o.Verified))
	default:
		fmt.Fprintf(w, "step %d of %s done in %.1f s: %s\n", o.Step, o.Plan, o.Seconds, tools.Cut(o.Command, 1000))
		if o.Precheck != "" {
			fmt.Fprintf(w, "before: %s\n", tools.Line(o.Precheck))
		}
		if o.Verified != "" {
			fmt.Fprintf(w, "verified: %s\n", tools.Line(o.Verified))
		}
		if o.Output != "" {
			tools.Fence(w, "output", o.Output)
		}
	}
	if o.Next > 0 {
		fmt.Fprintf(w, "next: step %d\n", o.Next)
	} else {
		fmt.Fprintf(w, "that was the last step: collect again and compare with hbase_verify\n")
	}
}
