package agents

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/agent"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/tools"
)

type runsInput struct {
	Source       string `json:"source,omitempty" jsonschema:"source or path; listen: what plumbline listen received"`
	Start        string `json:"start,omitempty" jsonschema:"RFC 3339 or offset (-1h)"`
	End          string `json:"end,omitempty" jsonschema:"as start"`
	Agent        string `json:"agent,omitempty" jsonschema:"agent or service, whole or a part"`
	Conversation string `json:"conversation,omitempty" jsonschema:"conversation or session id"`
	Model        string `json:"model,omitempty" jsonschema:"whole or a part"`
	Tool         string `json:"tool,omitempty" jsonschema:"runs that call this tool"`
	Errors       bool   `json:"errors,omitempty" jsonschema:"only runs in which something failed"`
	Sort         order  `json:"sort,omitempty" jsonschema:"newest (default), slowest, tokens, errors"`
	Limit        int    `json:"limit,omitempty" jsonschema:"runs listed, default 10, at most 200"`
}

// order is how runs are listed.
type order string

// Enum lists the orders.
func (order) Enum() []string { return []string{newest, slowest, byTokens, byErrors} }

const (
	newest   = "newest"
	slowest  = "slowest"
	byTokens = "tokens"
	byErrors = "errors"
)

// Bounds of a list of runs.
const (
	defaultRuns = 10
	maxRuns     = 200
	maxTools    = 8 // tools told; the ones that fail come first
)

// Validate refuses bounds that cannot be kept.
func (in runsInput) Validate() error {
	if in.Limit < 0 || in.Limit > maxRuns {
		return fault.New(fault.InvalidArgument, "limit %d is not between 1 and %d", in.Limit, maxRuns)
	}
	return nil
}

func (in runsInput) filter(d Deps) (agent.Filter, error) {
	r, err := timerange.Parse(in.Start, in.End, d.Now())
	return agent.Filter{Range: r, Agent: in.Agent, Conversation: in.Conversation, Model: in.Model, Tool: in.Tool, Errors: in.Errors}, err
}

type runsOutput struct {
	Total  agent.Totals     `json:"total"`
	Tools  []agent.ToolStat `json:"tools"` // the ones that fail most first
	Runs   []*agent.Run     `json:"runs"`
	Hidden int              `json:"hidden_runs,omitempty"`
	Prices string           `json:"prices_as_of"`
	Notes  []string         `json:"notes,omitempty"`
	more   int
}

func runsTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "agents_runs", Title: "List runs of AI agents", Toolset: toolset, Idempotent: true,
		Description: "AI agents' runs in traces (gen_ai, OpenInference, OpenLLMetry, Claude Code, MCP): status, latency, tokens, cost, turns, first failure; which tools fail, since when. Also Plumbline's own tool calls. Then agent_run.",
	}, func(ctx context.Context, in runsInput) (*runsOutput, error) {
		f, err := in.filter(d)
		if err != nil {
			return nil, err
		}
		eng, err := d.Sources.Open(ctx, in.Source)
		if err != nil {
			return nil, err
		}
		list, err := agent.Runs(ctx, eng, f, d.Prices)
		if err != nil {
			return nil, err
		}
		out := &runsOutput{Total: list.Total, Tools: list.Tools, Runs: list.Runs, Prices: d.Prices.AsOf, Notes: list.Notes}
		in.Sort.apply(out.Runs)
		if n := cmp.Or(in.Limit, defaultRuns); len(out.Runs) > n {
			out.Runs, out.Hidden = out.Runs[:n], len(out.Runs)-n
		}
		if len(out.Tools) > maxTools {
			out.Tools, out.more = out.Tools[:maxTools], len(out.Tools)-maxTools
		}
		if len(list.Runs) == 0 {
			out.Notes = append(out.Notes, emptyReason(ctx, eng, f, d.Prices)...)
		}
		return out, nil
	})
}

func (o order) apply(runs []*agent.Run) {
	slices.Reverse(runs)
	key := func(r *agent.Run) float64 {
		switch o {
		case slowest:
			return r.DurationMS
		case byTokens:
			return float64(r.Usage.Total())
		case byErrors:
			n := float64(r.ToolErrors + r.LLMErrors)
			if r.Status != "ok" {
				n += 1e6
			}
			return n
		}
		return 0
	}
	slices.SortStableFunc(runs, func(a, b *agent.Run) int { return cmp.Compare(key(b), key(a)) })
}

// WriteText writes what fails, then the runs.
func (o *runsOutput) WriteText(w io.Writer) {
	t := o.Total
	if t.Runs == 0 {
		fmt.Fprintf(w, "0 runs of agents\n")
		notes(w, o.Notes)
		return
	}
	fmt.Fprintf(w, "%s of %s, %s to %s: %d ended in an error, %d have a failure inside; p50 %s, p95 %s\n", plural(t.Runs, "run"),
		tools.Cut(joined(t.Agents, 5), 200), stamp(t.Start), stamp(t.End), t.Failed, t.WithErrors, short(t.P50MS), short(t.P95MS))
	fmt.Fprintf(w, "tokens %s; cost %s (prices of %s)\n", tokens(t.Usage), tools.Cut(t.Cost.String(), 160), o.Prices)
	o.writeTools(w)
	fmt.Fprintf(w, "runs:\n")
	for _, r := range o.Runs {
		writeRun(w, r)
		if m := unusual(r, t); m != "" {
			fmt.Fprintf(w, "  unusual: %s\n", m)
		}
	}
	if o.Hidden > 0 {
		fmt.Fprintf(w, "%d more runs: raise limit (at most %d), sort by errors, slowest or tokens, or narrow by agent, tool, errors, start and end\n", o.Hidden, maxRuns)
	}
	notes(w, o.Notes)
}

func (o *runsOutput) writeTools(w io.Writer) {
	if o.Total.ToolCalls == 0 {
		fmt.Fprintf(w, "no tool calls\n")
		return
	}
	fmt.Fprintf(w, "tool calls: %d, failed %d (%s)\n", o.Total.ToolCalls, o.Total.ToolErrors, percent(float64(o.Total.ToolErrors)/float64(o.Total.ToolCalls)))
	var fine []string
	for _, t := range o.Tools {
		if t.Errors == 0 {
			fine = append(fine, fmt.Sprintf("%s %d (p50 %s)", tools.Cut(t.Tool, 60), t.Calls, short(t.P50MS)))
			continue
		}
		fmt.Fprintf(w, "- %s: %d of %d calls failed (%s) in %s, mostly %s, first at %s in %s", tools.Cut(t.Tool, 80), t.Errors, t.Calls, percent(t.ErrorRate),
			plural(t.Runs, "run"), tools.Cut(t.ErrorType, 60), stamp(t.First), tools.Cut(t.FirstTrace, 80))
		if t.Identical > 0 {
			fmt.Fprintf(w, ", %d calls repeat an identical one", t.Identical)
		}
		fmt.Fprintf(w, "%s\n", quote(t.Message, 160))
	}
	if len(fine) > 0 {
		fmt.Fprintf(w, "- without failures: %s\n", strings.Join(fine, ", "))
	}
	if o.more > 0 {
		fmt.Fprintf(w, "- %d more tools: narrow by tool or agent\n", o.more)
	}
}

// writeRun writes one run in a line or two.
func writeRun(w io.Writer, r *agent.Run) {
	fmt.Fprintf(w, "%s %s %s", tools.Cut(r.ID, 120), stamp(r.Start), tools.Cut(r.Agent, 60))
	if r.Kind != agent.Agent {
		fmt.Fprintf(w, " (%s call, no agent span above)", r.Kind)
	}
	fmt.Fprintf(w, " %s", r.Status)
	if r.Status != "ok" {
		fmt.Fprintf(w, " (%s%s)", tools.Cut(r.ErrorType, 60), quote(r.Message, 120))
	}
	fmt.Fprintf(w, ", %s", short(r.DurationMS))
	if r.Turns > 0 || r.Usage.Total() > 0 {
		fmt.Fprintf(w, ", %s, %s, cost %s", plural(r.Turns, "turn"), tokens(r.Usage), tools.Cut(r.Cost.String(), 120))
	}
	if r.ToolCalls > 0 {
		fmt.Fprintf(w, ", %s", plural(r.ToolCalls, "tool call"))
		if r.ToolErrors > 0 {
			fmt.Fprintf(w, " (%d failed)", r.ToolErrors)
		}
	}
	if r.Identical > 0 {
		fmt.Fprintf(w, ", %d identical again", r.Identical)
	}
	if len(r.Models) > 0 {
		fmt.Fprintf(w, ", %s", tools.Cut(joined(r.Models, 3), 100))
	}
	if r.Conversation != "" {
		fmt.Fprintf(w, ", conversation %s", tools.Cut(r.Conversation, 60))
	}
	fmt.Fprintln(w)
	if r.FirstFailure != "" {
		fmt.Fprintf(w, "  first failure: data:%q\n", tools.Cut(r.FirstFailure, 220))
	}
}

// times is how far beyond the median of the runs listed a run is worth a word.
const times = 3

// unusual says what stands out of a run among the others.
func unusual(r *agent.Run, t agent.Totals) string {
	if t.Runs < 5 { // a median of fewer says nothing
		return ""
	}
	var out []string
	add := func(name string, v, median float64, text func(float64) string) {
		if median > 0 && v > times*median {
			out = append(out, fmt.Sprintf("%s %s, median %s", name, text(v), text(median)))
		}
	}
	whole := func(v float64) string { return fmt.Sprintf("%.0f", v) }
	add("latency", r.DurationMS, t.P50MS, short)
	add("tokens", float64(r.Usage.Total()), t.P50Tokens, whole)
	add("turns", float64(r.Turns), t.P50Turns, whole)
	add("first prompt", float64(r.FirstInput), t.P50First, func(v float64) string { return whole(v) + " tokens" })
	return strings.Join(out, "; ")
}
