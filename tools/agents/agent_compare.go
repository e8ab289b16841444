package agents

import (
	"context"
	"fmt"
	"io"

	"github.com/plumbline-mcp/plumbline/internal/agent"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/tools"
)

type compareInput struct {
	Source    string `json:"source,omitempty" jsonschema:"source or path"`
	A         string `json:"a,omitempty" jsonschema:"run or conversation before"`
	B         string `json:"b,omitempty" jsonschema:"run or conversation after"`
	BaseStart string `json:"base_start,omitempty" jsonschema:"or two windows: start of the one before; default start of the data"`
	BaseEnd   string `json:"base_end,omitempty" jsonschema:"its end; default start"`
	Start     string `json:"start,omitempty" jsonschema:"start of the window after"`
	End       string `json:"end,omitempty" jsonschema:"its end; default end of the data"`
	Agent     string `json:"agent,omitempty" jsonschema:"of windows: only this agent or service"`
}

// Validate asks for two runs or a window.
func (in compareInput) Validate() error {
	hint := "Give a and b (ids of agents_runs), or start (and base_start, base_end, end) for two windows."
	switch {
	case (in.A == "") != (in.B == ""):
		return fault.WithHint(fault.New(fault.InvalidArgument, "agent_compare: only one of a and b is given"), "%s", hint)
	case in.A == "" && in.Start == "":
		return fault.WithHint(fault.New(fault.InvalidArgument, "agent_compare: nothing to compare"), "%s", hint)
	case in.A != "" && in.Start+in.End+in.BaseStart+in.BaseEnd != "":
		return fault.WithHint(fault.New(fault.InvalidArgument, "agent_compare: two runs and a window are given"), "%s", hint)
	}
	return nil
}

type compareOutput struct {
	A          agent.Side         `json:"a"`
	B          agent.Side         `json:"b"`
	Distance   int                `json:"distance"` // edits between the trajectories
	Relative   float64            `json:"relative_distance"`
	StepsA     int                `json:"steps_a"`
	StepsB     int                `json:"steps_b"`
	NewErrors  []agent.ErrorCount `json:"new_errors"`
	Tools      []agent.ToolChange `json:"tools"`
	Trajectory []agent.Edit       `json:"trajectory"`
	Hidden     int                `json:"hidden_edits,omitempty"`
	Notes      []string           `json:"notes,omitempty"`
}

// maxEdits bounds the trajectory shown.
const maxEdits = 60

func compareTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "agent_compare", Title: "Compare runs of AI agents", Toolset: toolset, Idempotent: true,
		Description: "Two agent runs, or two windows of runs: new errors, tools that changed, latency, tokens, first prompt, cost, and where the aligned trajectories differ. No model judges: edit distance over steps.",
	}, func(ctx context.Context, in compareInput) (*compareOutput, error) {
		eng, err := d.Sources.Open(ctx, in.Source)
		if err != nil {
			return nil, err
		}
		var c *agent.Comparison
		if in.A != "" {
			c, err = agent.CompareRuns(ctx, eng, in.A, in.B, d.Prices)
		} else {
			var before, after timerange.Range
			if before, after, err = in.windows(d); err == nil {
				c, err = agent.CompareWindows(ctx, eng, agent.Filter{Range: before, Agent: in.Agent}, agent.Filter{Range: after, Agent: in.Agent}, d.Prices)
			}
		}
		if err != nil {
			return nil, err
		}
		out := &compareOutput{
			A: c.A, B: c.B, Distance: c.Distance, Relative: c.Relative, StepsA: c.StepsA, StepsB: c.StepsB, NewErrors: c.NewErrors, Tools: c.Tools,
			Trajectory: c.Edits, Notes: c.Notes,
		}
		if len(out.Trajectory) > maxEdits {
			out.Trajectory, out.Hidden = out.Trajectory[:maxEdits], len(out.Trajectory)-maxEdits
		}
		return out, nil
	})
}

func (in compareInput) windows(d Deps) (before, after timerange.Range, err error) {
	if after, err = timerange.Parse(in.Start, in.End, d.Now()); err != nil {
		return before, after, err
	}
	end := in.BaseEnd
	if end == "" {
		end = in.Start
	}
	before, err = timerange.Parse(in.BaseStart, end, d.Now())
	return before, after, err
}

// WriteText writes new errors first, then the figures, then the trajectories.
func (o *compareOutput) WriteText(w io.Writer) {
	a, b := o.A, o.B
	fmt.Fprintf(w, "a: %s of %s (%s); b: %s of %s (%s)\n", plural(a.Runs, "run"), tools.Cut(joined(a.Agents, 3), 100), tools.Cut(a.ID, 100),
		plural(b.Runs, "run"), tools.Cut(joined(b.Agents, 3), 100), tools.Cut(b.ID, 100))
	if len(o.NewErrors) == 0 {
		fmt.Fprintf(w, "no new kind of failure in b\n")
	}
	for i, e := range o.NewErrors {
		if i == maxTools {
			fmt.Fprintf(w, "… %d more kinds\n", len(o.NewErrors)-i)
			break
		}
		fmt.Fprintf(w, "new failure: %s %s: %d in a, %d in b%s, for instance %s\n", tools.Cut(e.Step, 80), tools.Cut(e.ErrorType, 60), e.A, e.B, quote(e.Message, 140), tools.Cut(e.Example, 80))
	}
	median := "" // of one run it is the run's own
	if a.Runs > 1 || b.Runs > 1 {
		median = " (medians of a run)"
	}
	fmt.Fprintf(w, "latency %s → %s%s%s\n", short(a.DurationMS), short(b.DurationMS), ratio(a.DurationMS, b.DurationMS), median)
	fmt.Fprintf(w, "tokens in %.0f → %.0f%s, out %.0f → %.0f%s; first prompt %.0f → %.0f%s; largest %.0f → %.0f\n", a.Input, b.Input, ratio(a.Input, b.Input),
		a.Output, b.Output, ratio(a.Output, b.Output), a.FirstInput, b.FirstInput, ratio(a.FirstInput, b.FirstInput), a.MaxInput, b.MaxInput)
	fmt.Fprintf(w, "turns %.0f → %.0f; tool calls %.0f → %.0f, identical %.0f → %.0f; from cache %s → %s; %s\n", a.Turns, b.Turns, a.ToolCalls, b.ToolCalls, a.Identical, b.Identical,
		percent(a.CacheShare), percent(b.CacheShare), cost(a, b))
	fmt.Fprintf(w, "tool errors %d (%s) → %d (%s); runs ended in an error %d of %d → %d of %d\n", a.ToolErrors, percent(a.ErrorRate), b.ToolErrors, percent(b.ErrorRate), a.Failed, a.Runs, b.Failed, b.Runs)
	if m := joined(b.Models, 4); m != joined(a.Models, 4) {
		fmt.Fprintf(w, "models: %s → %s\n", tools.Cut(joined(a.Models, 4), 120), tools.Cut(m, 120))
	}
	o.writeTools(w)
	o.writeTrajectory(w)
	notes(w, o.Notes)
}

func (o *compareOutput) writeTools(w io.Writer) {
	for i, t := range o.Tools {
		if i == maxTools {
			fmt.Fprintf(w, "… %d more tools\n", len(o.Tools)-i)
			return
		}
		fmt.Fprintf(w, "tool %s: %d → %d calls (%.2g → %.2g a run), failed %s → %s, p50 %s → %s\n", tools.Cut(t.Tool, 80), t.CallsA, t.CallsB, t.PerRunA, t.PerRunB,
			percent(t.ErrorRateA), percent(t.ErrorRateB), short(t.P50A), short(t.P50B))
	}
}

func (o *compareOutput) writeTrajectory(w io.Writer) {
	fmt.Fprintf(w, "trajectory: %d steps → %d, %d edits (%s)\n", o.StepsA, o.StepsB, o.Distance, percent(o.Relative))
	signs := map[string]string{"same": " ", "added": "+", "removed": "-", "changed": "~"}
	for _, e := range o.Trajectory {
		fmt.Fprintf(w, "%s %s", signs[e.Op], tools.Cut(e.Label, 90))
		if e.To != "" {
			fmt.Fprintf(w, " → %s", tools.Cut(e.To, 90))
		}
		if e.Count > 1 {
			fmt.Fprintf(w, " ×%d", e.Count)
		}
		if e.Note != "" {
			fmt.Fprintf(w, " (%s)", tools.Cut(e.Note, 100))
		}
		fmt.Fprintln(w)
	}
	if o.Hidden > 0 {
		fmt.Fprintf(w, "… %d more lines\n", o.Hidden)
	}
}

// ratio writes how many times b is of a, when that says something.
func ratio(a, b float64) string {
	if a <= 0 || b <= 0 || b/a > 0.9 && b/a < 1.1 {
		return ""
	}
	return fmt.Sprintf(" (×%.2g)", b/a)
}

func cost(a, b agent.Side) string {
	if !a.CostKnown || !b.CostKnown {
		return "cost unknown (a model has no price)"
	}
	return fmt.Sprintf("cost $%.4f → $%.4f%s", a.CostUSD, b.CostUSD, ratio(a.CostUSD, b.CostUSD))
}
