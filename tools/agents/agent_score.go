package agents

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/plumbline-mcp/plumbline/internal/agent"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/tools"
)

type scoreInput struct {
	Source      string   `json:"source,omitempty" jsonschema:"source or path"`
	Run         string   `json:"run" jsonschema:"run to score (id of agents_runs)"`
	SpanID      string   `json:"span_id,omitempty" jsonschema:"one step of it; default its root"`
	Name        string   `json:"name" jsonschema:"what is judged, e.g. answer_correct"`
	Value       *float64 `json:"value,omitempty" jsonschema:"number"`
	Label       string   `json:"label,omitempty" jsonschema:"word, e.g. pass"`
	Explanation string   `json:"explanation,omitempty" jsonschema:"why, at most 500 bytes"`
	Plan        string   `json:"plan,omitempty" jsonschema:"id of the plan shown; without it nothing is written"`
}

// Validate asks for a verdict.
func (in scoreInput) Validate() error {
	switch {
	case in.Name == "":
		return fault.New(fault.InvalidArgument, "agent_score: name is empty")
	case in.Value == nil && in.Label == "":
		return fault.WithHint(fault.New(fault.InvalidArgument, "agent_score: neither value nor label is given"), "Give value (a number), label (a word), or both.")
	case in.Value != nil && (math.IsNaN(*in.Value) || math.IsInf(*in.Value, 0)):
		return fault.New(fault.InvalidArgument, "agent_score: value is no finite number")
	}
	return nil
}

type scoreOutput struct {
	Plan    string      `json:"plan"`
	Written bool        `json:"written"`
	TraceID string      `json:"trace_id"`
	SpanID  string      `json:"span_id"`
	Score   agent.Score `json:"score"`
	Target  string      `json:"target"`
	Verify  string      `json:"verify"`
}

func scoreTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "agent_score", Title: "Score a run of an AI agent", Toolset: toolset, Writes: true, Idempotent: true, OpenWorld: true,
		Description: "Write an evaluation (span with gen_ai.evaluation.*) of an agent run or one of its steps to the OTLP endpoint or the listen store. Shows the plan first; call again with its id to write.",
	}, func(ctx context.Context, in scoreInput) (*scoreOutput, error) {
		eng, err := d.Sources.Open(ctx, in.Source)
		if err != nil {
			return nil, err
		}
		det, err := agent.Show(ctx, eng, agent.Selection{ID: in.Run}, d.Prices)
		if err != nil {
			return nil, err
		}
		j := agent.Judgement{
			TraceID: det.Run.TraceID, SpanID: det.Run.RootSpan, Conversation: det.Run.Conversation, Time: d.Now(),
			Score: agent.Score{Name: in.Name, Value: in.Value, Label: in.Label, Explanation: in.Explanation},
		}
		if in.SpanID != "" {
			if !det.Run.HasSpan(in.SpanID) {
				return nil, fault.WithHint(fault.New(fault.NotFound, "agent_score: run %s has no span %s", in.Run, in.SpanID), "agent_run lists its steps with their spans.")
			}
			j.SpanID = in.SpanID
		}
		if err := j.Check(); err != nil {
			return nil, err
		}
		return d.score(ctx, in, &j)
	})
}

// score shows the plan, or carries it out when its id was given.
func (d Deps) score(ctx context.Context, in scoreInput, j *agent.Judgement) (*scoreOutput, error) {
	target, err := d.Scores.Target(in.Source)
	if err != nil {
		return nil, err
	}
	out := &scoreOutput{
		Plan: j.ID(), TraceID: j.TraceID, SpanID: j.SpanID, Score: j.Score, Target: target,
		Verify: fmt.Sprintf("agent_run run %s shows the score; the same score written twice is one span", in.Run),
	}
	if in.Plan == "" {
		return out, nil
	}
	if in.Plan != out.Plan {
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "agent_score: plan %s is not of these arguments", in.Plan), "Call without plan, read what would be written, and give its id.")
	}
	body, err := j.Export()
	if err != nil {
		return nil, err
	}
	if err := d.Scores.Write(ctx, in.Source, body); err != nil {
		return nil, err
	}
	out.Written = true
	return out, nil
}

// WriteText writes what would be or was written.
func (o *scoreOutput) WriteText(w io.Writer) {
	if o.Written {
		fmt.Fprintf(w, "written to %s: ", tools.Cut(o.Target, 200))
	} else {
		fmt.Fprintf(w, "nothing was written; plan %s writes to %s: ", o.Plan, tools.Cut(o.Target, 200))
	}
	fmt.Fprintf(w, "evaluation %s", tools.Cut(o.Score.Name, 80))
	if o.Score.Value != nil {
		fmt.Fprintf(w, " value %g", *o.Score.Value)
	}
	if o.Score.Label != "" {
		fmt.Fprintf(w, " label %s", tools.Cut(o.Score.Label, 60))
	}
	fmt.Fprintf(w, " on span %s of trace %s\n", o.SpanID, o.TraceID)
	fmt.Fprintf(w, "risk: one more span in the trace; it cannot be taken back by Plumbline\nverify: %s\n", o.Verify)
	if !o.Written {
		fmt.Fprintf(w, "to write: call again with plan %s\n", o.Plan)
	}
}
