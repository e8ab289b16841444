package agent

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// Filter says which runs are meant. Empty members do not narrow.
type Filter struct {
	Range        timerange.Range // by the run's start
	Agent        string          // agent or service, whole or a part
	Conversation string
	Model        string // whole or a part
	Tool         string // runs that call it
	Errors       bool   // runs with a failure: of the run itself, a tool or a model
}

// List is the runs of a source with what they have in common.
type List struct {
	Runs  []*Run
	Tools []ToolStat
	Total Totals
	Notes []string
}

// Totals sums up runs.
type Totals struct {
	Runs       int       `json:"runs"`
	Agents     []string  `json:"agents"`
	Failed     int       `json:"failed"`         // runs whose own status is an error
	WithErrors int       `json:"with_errors"`    // runs in which anything failed
	Usage      Usage     `json:"tokens"`         // of all runs
	Cost       Cost      `json:"cost"`           // of all runs
	ToolCalls  int       `json:"tool_calls"`     //
	ToolErrors int       `json:"tool_errors"`    //
	P50MS      float64   `json:"p50_ms"`         // of a run
	P95MS      float64   `json:"p95_ms"`         //
	P50Tokens  float64   `json:"p50_tokens"`     // of a run
	P50Turns   float64   `json:"p50_turns"`      // of a run
	P50First   float64   `json:"p50_first"`      // input tokens of the first turn
	Start      time.Time `json:"start,omitzero"` // of the first run
	End        time.Time `json:"end,omitzero"`   // start of the last run
}

// ToolStat is one tool over all runs.
type ToolStat struct {
	Tool       string    `json:"tool"`
	Calls      int       `json:"calls"`
	Errors     int       `json:"errors"`
	ErrorRate  float64   `json:"error_rate"`
	Runs       int       `json:"runs"`       // that call it
	Identical  int       `json:"identical"`  // calls that repeat an earlier one of the same run
	ErrorType  string    `json:"error_type"` // most frequent
	Message    string    `json:"message"`    // of the first failure
	First      time.Time `json:"first_failure,omitzero"`
	FirstTrace string    `json:"first_failure_trace,omitempty"`
	P50MS      float64   `json:"p50_ms"`

	durs  []float64
	types map[string]int
}

// Runs finds the runs of a source, oldest first.
func Runs(ctx context.Context, eng engine.Engine, f Filter, p Prices) (*List, error) {
	l := newLoader(eng, false)
	runs, err := l.runs(ctx, widen(f.Range), "", p)
	if err != nil {
		return nil, err
	}
	runs = slices.DeleteFunc(runs, func(r *Run) bool { return !f.fits(r) })
	out := &List{Runs: runs, Notes: l.notes}
	out.Total = total(runs)
	out.Tools = toolStats(runs)
	return out, nil
}

// widen lets runs at the edges of a window be read whole.
func widen(r timerange.Range) timerange.Range {
	if !r.Start.IsZero() {
		r.Start = r.Start.Add(-slack)
	}
	if !r.End.IsZero() {
		r.End = r.End.Add(slack)
	}
	return r
}

// runs reads the steps that fulfil a further condition out of spans and events, and groups them.
func (l *loader) runs(ctx context.Context, r timerange.Range, where string, p Prices) ([]*Run, error) {
	fields, err := l.columns(ctx, trace.Table)
	if err != nil {
		return nil, err
	}
	var out []*Run
	spanned := map[string]bool{}
	if cond := l.markers(fields); cond != "" {
		if where != "" {
			cond += " and " + where
		}
		steps, err := l.spans(ctx, r, cond, false)
		if err != nil {
			return nil, err
		}
		above, err := l.above(ctx, steps, r)
		if err != nil {
			return nil, err
		}
		for i := range steps {
			spanned[steps[i].Conversation] = true
		}
		out = grow(steps, above).runs(p)
	}
	events, err := l.events(ctx, r, "")
	if err != nil {
		return nil, err
	}
	// An agent that sends spans and events tells the same story twice.
	events = slices.DeleteFunc(events, func(s Step) bool { return spanned[s.Conversation] })
	out = append(out, grow(events, nil).runs(p)...)
	slices.SortStableFunc(out, func(a, b *Run) int { return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.ID, b.ID)) })
	return out, nil
}

func (f Filter) fits(r *Run) bool {
	if !f.Range.Contains(r.Start) || f.Conversation != "" && !r.holds(func(s *Step) bool { return s.Conversation == f.Conversation }) {
		return false
	}
	if f.Agent != "" && !contains(r.Agent, f.Agent) && !contains(r.Service, f.Agent) && !r.holds(func(s *Step) bool { return s.Category == Agent && contains(s.Agent, f.Agent) }) {
		return false
	}
	if f.Model != "" && !slices.ContainsFunc(r.Models, func(m string) bool { return contains(m, f.Model) }) {
		return false
	}
	if f.Tool != "" && !r.holds(func(s *Step) bool { return s.call() && s.ToolName == f.Tool }) {
		return false
	}
	return !f.Errors || r.troubled()
}

func (r *Run) troubled() bool {
	return r.Status != "ok" || r.ToolErrors > 0 || r.LLMErrors > 0 || r.FirstFailure != ""
}

func (r *Run) holds(want func(*Step) bool) bool {
	found := false
	r.each(func(i, _ int) { found = found || want(&r.f.steps[i]) })
	return found
}

func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

func total(runs []*Run) Totals {
	t := Totals{Runs: len(runs), Agents: []string{}, Cost: Cost{Known: len(runs) > 0, Reported: len(runs) > 0}}
	var durs, tokens, turns, first []float64
	for _, r := range runs {
		if !slices.Contains(t.Agents, r.Agent) {
			t.Agents = append(t.Agents, r.Agent)
		}
		if r.Status != "ok" {
			t.Failed++
		}
		if r.troubled() {
			t.WithErrors++
		}
		t.Usage = t.Usage.plus(r.Usage)
		t.Cost.add(r.Cost, r.Usage)
		t.ToolCalls, t.ToolErrors = t.ToolCalls+r.ToolCalls, t.ToolErrors+r.ToolErrors
		durs, tokens, turns = append(durs, r.DurationMS), append(tokens, float64(r.Usage.Total())), append(turns, float64(r.Turns))
		if r.FirstInput > 0 {
			first = append(first, float64(r.FirstInput))
		}
	}
	slices.Sort(t.Agents)
	slices.Sort(t.Cost.Unpriced)
	t.Cost.USD = round(t.Cost.USD, 6)
	t.P50MS, t.P95MS, t.P50Tokens, t.P50Turns, t.P50First = quantile(durs, .5), quantile(durs, .95), quantile(tokens, .5), quantile(turns, .5), quantile(first, .5)
	if len(runs) > 0 {
		t.Start, t.End = runs[0].Start, runs[len(runs)-1].Start
	}
	return t
}

// add adds a run's cost to a sum: the sum is known when all that used tokens are.
func (c *Cost) add(o Cost, u Usage) {
	c.USD += o.USD
	c.Known = c.Known && (o.Known || u.zero())
	c.Reported = c.Reported && (o.Reported || u.zero())
	for _, m := range o.Unpriced {
		if !slices.Contains(c.Unpriced, m) {
			c.Unpriced = append(c.Unpriced, m)
		}
	}
}

// toolStats sums up tools over runs, the ones that fail most first.
func toolStats(runs []*Run) []ToolStat {
	at := map[string]*ToolStat{}
	for _, r := range runs {
		seen, same := map[string]bool{}, map[string]bool{}
		for _, s := range r.ordered() {
			if !s.call() {
				continue
			}
			t := at[s.ToolName]
			if t == nil {
				t = &ToolStat{Tool: s.ToolName, types: map[string]int{}}
				at[s.ToolName] = t
			}
			t.add(r, s)
			if !seen[s.ToolName] {
				seen[s.ToolName] = true
				t.Runs++
			}
			if key := s.sameness(); key != "" {
				if same[key] {
					t.Identical++
				}
				same[key] = true
			}
		}
	}
	out := make([]ToolStat, 0, len(at))
	for _, t := range at {
		t.ErrorRate, t.P50MS = round(float64(t.Errors)/float64(t.Calls), 3), quantile(t.durs, .5)
		for typ, n := range t.types {
			if n > t.types[t.ErrorType] || n == t.types[t.ErrorType] && typ < t.ErrorType {
				t.ErrorType = typ
			}
		}
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b ToolStat) int {
		return cmp.Or(cmp.Compare(b.Errors, a.Errors), cmp.Compare(b.Calls, a.Calls), strings.Compare(a.Tool, b.Tool))
	})
	return out
}

func (t *ToolStat) add(r *Run, s *Step) {
	t.Calls++
	t.durs = append(t.durs, ms(s.Dur))
	if !r.f.failedStep(s) {
		return
	}
	t.Errors++
	why := r.f.reason(s.index)
	t.types[cmp.Or(why.ErrorType, "error")]++
	if t.First.IsZero() || s.End().Before(t.First) {
		t.First, t.FirstTrace, t.Message = s.End(), cmp.Or(r.ID, s.TraceID), why.Message
	}
}
