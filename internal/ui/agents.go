package ui

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/agent"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// Bounds of the pages of agents.
const (
	listedRuns = 200
	maxSteps   = 800
)

// agentsContent is the runs of agents.
type agentsContent struct {
	*agent.List

	Agent, Model, Tool string
	Errors             bool
	Shown              []*agent.Run
	Cut                int
}

func (s *server) agents(ctx context.Context, v *view) (any, error) {
	r, err := v.span(s.Now())
	if err != nil {
		return nil, err
	}
	eng, err := s.Sources.Open(ctx, v.Source)
	if err != nil {
		return nil, err
	}
	out := &agentsContent{Agent: v.get("agent"), Model: v.get("model"), Tool: v.get("tool"), Errors: v.get("errors") != ""}
	f := agent.Filter{Range: r, Agent: out.Agent, Model: out.Model, Tool: out.Tool, Errors: out.Errors}
	if out.List, err = agent.Runs(ctx, eng, f, s.Prices); err != nil {
		return nil, err
	}
	out.Shown = slices.Clone(out.Runs)
	slices.Reverse(out.Shown) // newest first
	if len(out.Shown) > listedRuns {
		out.Cut, out.Shown = len(out.Shown)-listedRuns, out.Shown[:listedRuns]
	}
	return out, nil
}

// agentContent is one run: its tree of reasoning, its map, and what was found in it.
type agentContent struct {
	*agent.Detail

	ID    string
	Steps []stepRow
	Ticks []tick
	Map   *drawing
	Bars  []turnBar
	Cut   int
}

// stepRow is a step of the tree.
type stepRow struct {
	agent.Node

	Indent int
	X, W   float64 // of 1000
	Class  string  // colour of its category
	Link   string
}

// turnBar is the input of a turn, of 1000 by 100.
type turnBar struct {
	X, W, Y, H, CachedY, CachedH float64
	Title                        string
}

func (s *server) agentRun(ctx context.Context, v *view) (any, error) {
	eng, err := s.Sources.Open(ctx, v.Source)
	if err != nil {
		return nil, err
	}
	d, err := agent.Show(ctx, eng, agent.Selection{ID: v.get("id")}, s.Prices)
	if err != nil {
		return nil, err
	}
	out := &agentContent{Detail: d, ID: d.Run.ID, Ticks: ticks(int64(d.Run.Duration)), Map: agentMap(d)}
	total := max(d.Run.DurationMS, .001)
	for _, n := range d.Tree {
		total = max(total, n.OffsetMS+n.DurationMS)
	}
	out.Ticks = ticks(int64(total * 1e6))
	for _, n := range d.Tree {
		if len(out.Steps) == maxSteps {
			out.Cut = len(d.Tree) - maxSteps
			break
		}
		row := stepRow{Node: n, Indent: min(n.Depth, maxIndent), X: tenth(scale * n.OffsetMS / total), W: max(tenth(scale*n.DurationMS/total), 2), Class: "k-" + string(n.Category)}
		if d.Run.TraceID != "" && n.SpanID != "" {
			row.Link = link(v, "trace", "id", d.Run.TraceID, "span", n.SpanID) + "#picked"
		}
		out.Steps = append(out.Steps, row)
	}
	out.Bars = turnBars(d.Turns)
	return out, nil
}

func tenth(v float64) float64 { return math.Round(10*v) / 10 }

// turnBars draws how the input of the turns grows, what came from a cache lighter.
func turnBars(turns []agent.Turn) []turnBar {
	const width, height = 1000, 100
	peak := int64(1)
	for _, t := range turns {
		peak = max(peak, t.Input)
	}
	var out []turnBar
	for i, t := range turns {
		w := width / float64(max(len(turns), 12))
		h, c := height*float64(t.Input)/float64(peak), height*float64(t.Cached)/float64(peak)
		out = append(out, turnBar{
			X: tenth(float64(i) * w), W: tenth(w * .86), Y: tenth(height - h), H: tenth(h), CachedY: tenth(height - c), CachedH: tenth(c),
			Title: fmt.Sprintf("turn %d, %s: %s tokens in (%s from a cache), %s out, %s", t.N, t.Model, grouped(t.Input), grouped(t.Cached), grouped(t.Output), milliseconds(t.MS)),
		})
	}
	return out
}

// agentMap draws who called what in a run: agents, models, tools, and what tools reached.
func agentMap(d *agent.Detail) *drawing {
	type key struct{ from, to string }
	kinds := map[string]string{}
	calls := map[key]*edgeRow{}
	var order []key
	var stack []string
	for _, n := range d.Tree {
		stack = stack[:min(n.Depth, len(stack))]
		name := nodeName(n)
		if n.Leg || n.Category == agent.Other || name == "" {
			stack = append(stack, last(stack, d.Run.Agent))
			continue
		}
		kinds[name] = string(n.Category)
		if from := last(stack, ""); from != "" && from != name {
			k := key{from, name}
			if calls[k] == nil {
				calls[k] = &edgeRow{Edge: trace.Edge{Caller: from, Callee: name, Type: string(n.Category)}}
				order = append(order, k)
			}
			count(calls[k], n)
		}
		stack = append(stack, name)
	}
	var edges []edgeRow
	for _, k := range order {
		e := calls[k]
		e.ErrorPct = 100 * e.ErrorRate()
		e.P50 /= float64(max(e.Calls, 1))
		if e.Errors > 0 {
			e.Class = "bad"
		}
		edges = append(edges, *e)
	}
	m := draw(edges, nil)
	if m == nil {
		return nil
	}
	for _, b := range m.Nodes {
		if kind := kinds[b.Name]; kind != "" {
			b.Type = kind
		} else {
			b.Type = string(agent.Agent)
		}
		b.Class = "k-" + b.Type
		b.Note = b.Type
		if b.calls > 0 {
			b.Note = fmt.Sprintf("%s · %d", b.Type, b.calls)
		}
		if b.bad > 0 {
			b.Note += fmt.Sprintf(" · %d failed", b.bad)
		}
	}
	for i := range m.Lines {
		e := edges[i]
		m.Lines[i].Title = fmt.Sprintf("%s → %s: %d calls, %d failed, %s on average", e.Caller, e.Callee, e.Calls, e.Errors, milliseconds(e.P50))
	}
	return m
}

// count adds a call to an edge; P50 holds the sum until the mean is made of it.
func count(e *edgeRow, n agent.Node) {
	e.Calls++
	e.PerMinute++
	e.P50 += n.DurationMS
	if n.Error != "" {
		e.Errors++
	}
}

func last(stack []string, otherwise string) string {
	if len(stack) == 0 {
		return otherwise
	}
	return stack[len(stack)-1]
}

// nodeName is what a step is drawn as: calls of one model or one tool are one node.
func nodeName(n agent.Node) string {
	if n.Category == agent.LLM && n.Model != "" {
		return n.Model
	}
	if name := strings.TrimPrefix(n.Label, string(n.Category)+" "); name != "" {
		return name
	}
	return n.Name
}
