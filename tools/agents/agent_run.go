package agents

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/agent"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/tools"
)

type runInput struct {
	Source   string `json:"source,omitempty" jsonschema:"source or path; listen: what plumbline listen received"`
	Run      string `json:"run,omitempty" jsonschema:"run, trace, session or conversation id; default the newest run"`
	Agent    string `json:"agent,omitempty" jsonschema:"without run: newest of this agent or service"`
	Tool     string `json:"tool,omitempty" jsonschema:"without run: newest that calls this tool"`
	Errors   bool   `json:"errors,omitempty" jsonschema:"without run: newest with a failure"`
	Messages bool   `json:"messages,omitempty" jsonschema:"show recorded messages, arguments and results, redacted"`
	Limit    int    `json:"limit,omitempty" jsonschema:"steps shown, default 40, at most 400; failures come first"`
}

// Bounds of a run shown.
const (
	defaultSteps = 40
	maxStepsText = 400
	maxTurnsText = 12
	maxListed    = 3 // failures, loops and repeats told in full
)

// Validate refuses bounds that cannot be kept.
func (in runInput) Validate() error {
	if in.Limit < 0 || in.Limit > maxStepsText {
		return fault.New(fault.InvalidArgument, "limit %d is not between 1 and %d", in.Limit, maxStepsText)
	}
	return nil
}

type runOutput struct {
	Run      *agent.Run      `json:"run"`
	Runs     int             `json:"runs"` // of a conversation
	Verdict  []string        `json:"verdict"`
	Failures []agent.Failure `json:"failures"`
	Loops    []agent.Loop    `json:"loops"`
	Repeats  []agent.Repeat  `json:"repeats"`
	Context  agent.Context   `json:"context"`
	Turns    []agent.Turn    `json:"turns"`
	Slowest  []agent.Slow    `json:"slowest"`
	Peers    *agent.Peers    `json:"peers,omitempty"`
	Scores   []agent.Score   `json:"scores,omitempty"`
	Tree     []agent.Node    `json:"tree"`
	Hidden   int             `json:"hidden_steps,omitempty"`
	Notes    []string        `json:"notes,omitempty"`
	messages bool
	source   string
}

func runTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "agent_run", Title: "Show a run of an AI agent", Toolset: toolset, Idempotent: true,
		Description: "One agent run: what failed first and what the agent did next, loops, identical tool calls, prompt growth per turn, cache use, cost, slowest step, the chain as a tree. Without run: the newest, e.g. why the last tool call was slow.",
	}, func(ctx context.Context, in runInput) (*runOutput, error) {
		eng, err := d.Sources.Open(ctx, in.Source)
		if err != nil {
			return nil, err
		}
		sel := agent.Selection{ID: in.Run, Messages: in.Messages, Filter: agent.Filter{Agent: in.Agent, Tool: in.Tool, Errors: in.Errors}}
		det, err := agent.Show(ctx, eng, sel, d.Prices)
		if err != nil {
			return nil, err
		}
		out := &runOutput{
			Run: det.Run, Runs: det.Runs, Failures: det.Failures, Loops: det.Loops, Repeats: det.Repeats, Context: det.Context, Turns: det.Turns,
			Slowest: det.Slowest, Peers: det.Peers, Scores: det.Scores, Notes: det.Notes, messages: in.Messages, source: in.Source, Verdict: det.Verdict(),
		}
		out.pick(det.Tree, cmp.Or(in.Limit, defaultSteps))
		return out, nil
	})
}

// pick keeps the steps that tell most when there are more than limit: the root, failures, what came right after one, the slowest and
// the largest, then in order.
func (o *runOutput) pick(tree []agent.Node, limit int) {
	if len(tree) <= limit {
		o.Tree = tree
		return
	}
	keep := make([]bool, len(tree))
	left := limit
	mark := func(want func(i int) bool) {
		for i := range tree {
			if left > 0 && !keep[i] && want(i) {
				keep[i] = true
				left--
			}
		}
	}
	slow := map[string]bool{}
	for _, s := range o.Slowest {
		slow[s.SpanID] = true
	}
	first := len(tree)
	for i, n := range tree {
		if n.Error != "" && n.Category != agent.Agent {
			first = i
			break
		}
	}
	mark(func(i int) bool { return i == 0 || i == first })
	mark(func(i int) bool { return i > first && i <= first+nextShown })
	mark(func(i int) bool { return slow[tree[i].SpanID] })
	mark(func(i int) bool { return tree[i].Error != "" && i < first+limit/2 })
	mark(func(i int) bool { return tree[i].N > 0 })
	mark(func(int) bool { return true })
	for i, n := range tree {
		if keep[i] {
			o.Tree = append(o.Tree, n)
		}
	}
	o.Hidden = len(tree) - len(o.Tree)
}

// nextShown is how many steps after the first failure are always shown.
const nextShown = 4

// WriteText writes the verdict, then the figures, then the tree.
func (o *runOutput) WriteText(w io.Writer) {
	writeRunHead(w, o.Run, o.Runs)
	for _, v := range o.Verdict {
		fmt.Fprintf(w, "- %s\n", tools.Cut(v, 400))
	}
	o.writeMore(w)
	o.writeContext(w)
	o.writeSlow(w)
	for _, s := range o.Scores[:min(len(o.Scores), maxTurnsText)] {
		fmt.Fprintf(w, "score: %s", tools.Cut(s.Name, 80))
		if s.Value != nil {
			fmt.Fprintf(w, " %g", *s.Value)
		}
		fmt.Fprintf(w, "%s%s\n", quote(s.Label, 60), quote(s.Explanation, 200))
	}
	fmt.Fprintf(w, "steps (+offset, duration; self = nothing below ran):\n")
	for _, n := range o.Tree {
		writeNode(w, n, o.messages)
	}
	if o.Hidden > 0 {
		fmt.Fprintf(w, "%d steps hidden: raise limit (at most %d)\n", o.Hidden, maxStepsText)
	}
	notes(w, o.Notes)
	if o.Run.TraceID != "" && !strings.Contains(o.Run.TraceID, "#") {
		fmt.Fprintf(w, "all spans and logs: trace_show trace_id %s\n", tools.Cut(o.Run.TraceID, 64))
	}
}

func writeRunHead(w io.Writer, r *agent.Run, runs int) {
	if runs > 1 {
		fmt.Fprintf(w, "%d runs together: ", runs)
	}
	writeRunLine(w, r)
}

// writeRunLine writes the run without its first failure, which the verdict tells in full.
func writeRunLine(w io.Writer, r *agent.Run) {
	c := *r
	c.FirstFailure = ""
	writeRun(w, &c)
}

// writeMore writes failures beyond the first, loops and repeats.
func (o *runOutput) writeMore(w io.Writer) {
	if n := len(o.Failures); n > 1 {
		fmt.Fprintf(w, "failures in order (%d):\n", n)
		for _, g := range grouped(o.Failures) {
			fmt.Fprintf(w, "  %s\n", g)
		}
	}
	for _, r := range o.Repeats[:min(len(o.Repeats), maxListed)] {
		fmt.Fprintf(w, "identical: %s %d times (same %s), %d failed, %s in all\n", tools.Cut(r.Tool, 80), r.Times, r.By, r.Failed, short(r.MS))
	}
}

// grouped joins failures alike that follow each other.
func grouped(list []agent.Failure) []string {
	var out []string
	for i := 0; i < len(list); {
		f := list[i]
		j := i
		for j < len(list) && list[j].Step == f.Step && list[j].ErrorType == f.ErrorType && list[j].Message == f.Message {
			j++
		}
		line := fmt.Sprintf("+%s %s %s%s span %s", short(f.AfterMS), tools.Cut(f.Step, 80), tools.Cut(f.ErrorType, 60), quote(f.Message, 120), tools.Cut(f.SpanID, 32))
		if j-i > 1 {
			line += fmt.Sprintf(" ×%d until +%s", j-i, short(list[j-1].AfterMS))
		}
		out = append(out, line)
		i = j
		if len(out) == 2*maxListed && i < len(list) {
			return append(out, fmt.Sprintf("… %d more", len(list)-i))
		}
	}
	return out
}

func (o *runOutput) writeContext(w io.Writer) {
	c := o.Context
	if len(o.Turns) == 0 || c.Max == 0 {
		return
	}
	fmt.Fprintf(w, "context: input %d tokens in the first turn, %d in the last, at most %d", c.First, c.Last, c.Max)
	if len(o.Turns) > 1 {
		fmt.Fprintf(w, "; %+.0f a turn", c.PerTurn)
	}
	if c.Jump > 0 {
		fmt.Fprintf(w, "; largest jump %+d in turn %d after %s", c.Jump, c.JumpTurn, tools.Cut(c.JumpAfter, 80))
	}
	if c.CacheShare > 0 {
		fmt.Fprintf(w, "; %s of input from cache", percent(c.CacheShare))
	} else {
		fmt.Fprintf(w, "; no cache use recorded")
	}
	if c.CacheLost > 0 {
		fmt.Fprintf(w, ", lost in %s", plural(c.CacheLost, "turn"))
	}
	fmt.Fprintln(w)
	if len(o.Turns) > 1 {
		var parts []string
		for _, t := range o.Turns[:min(len(o.Turns), maxTurnsText)] {
			parts = append(parts, fmt.Sprintf("%d→%d", t.Input, t.Output))
		}
		if n := len(o.Turns) - len(parts); n > 0 {
			parts = append(parts, fmt.Sprintf("… %d more", n))
		}
		fmt.Fprintf(w, "turns (in→out): %s\n", strings.Join(parts, " "))
	}
}

func (o *runOutput) writeSlow(w io.Writer) {
	if len(o.Slowest) == 0 {
		return
	}
	var parts []string
	for _, s := range o.Slowest[:min(len(o.Slowest), maxListed)] {
		parts = append(parts, fmt.Sprintf("%s %s (%s)", tools.Cut(s.Name, 80), short(s.SelfMS), percent(s.Share)))
	}
	fmt.Fprintf(w, "time went to: %s\n", strings.Join(parts, ", "))
}

// writeNode writes one step.
func writeNode(w io.Writer, n agent.Node, messages bool) {
	number := "   "
	if n.N > 0 {
		number = fmt.Sprintf("%3d", n.N)
	}
	fmt.Fprintf(w, "%s %s[%s] %s +%s %s", number, strings.Repeat("  ", min(n.Depth, 12)), n.Category, tools.Cut(n.Name, 90), short(n.OffsetMS), short(n.DurationMS))
	if n.SelfMS < n.DurationMS*0.99 {
		fmt.Fprintf(w, " self %s", short(n.SelfMS))
	}
	if n.Model != "" && !strings.Contains(n.Name, n.Model) {
		fmt.Fprintf(w, " %s", tools.Cut(n.Model, 60))
	}
	if n.Tokens != nil && n.Category != agent.Agent {
		if n.Tokens.Embedded > 0 {
			fmt.Fprintf(w, " %d tokens", n.Tokens.Embedded)
		} else {
			fmt.Fprintf(w, " %d→%d", n.Tokens.Input, n.Tokens.Output)
		}
	}
	if n.Finish != "" {
		fmt.Fprintf(w, " %s", tools.Cut(n.Finish, 30))
	}
	if n.ArgsHash != "" {
		fmt.Fprintf(w, " args#%s", n.ArgsHash[:min(6, len(n.ArgsHash))])
	}
	if n.Category == agent.Other && n.Target != "" {
		fmt.Fprintf(w, " %s", tools.Cut(n.Target, 80))
	}
	if n.Error != "" {
		fmt.Fprintf(w, " FAILED %s%s", tools.Cut(n.Error, 60), quote(n.Message, 120))
	}
	if n.Error != "" || n.N > 0 {
		fmt.Fprintf(w, " span %s", tools.Cut(n.SpanID, 32))
	}
	fmt.Fprintln(w)
	if !messages {
		return
	}
	for _, m := range n.Messages {
		label := n.SpanID + " " + m.Role
		if m.Cut > 0 {
			label += fmt.Sprintf(", %d bytes cut", m.Cut)
		}
		tools.Fence(w, label, m.Text)
	}
}
