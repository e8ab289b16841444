package agent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Run is what an agent did for one question, summed up.
type Run struct {
	ID            string        `json:"id"` // give it to agent_run
	TraceID       string        `json:"trace_id,omitempty"`
	RootSpan      string        `json:"root_span,omitempty"`
	Kind          Category      `json:"kind"` // of the root: agent; llm or tool where no agent span is above
	Agent         string        `json:"agent"`
	Service       string        `json:"service,omitempty"`
	Conversation  string        `json:"conversation,omitempty"`
	Models        []string      `json:"models"`
	Status        string        `json:"status"` // ok or error, as the root says
	ErrorType     string        `json:"error_type,omitempty"`
	Message       string        `json:"message,omitempty"`
	Start         time.Time     `json:"start"`
	Duration      time.Duration `json:"-"`
	DurationMS    float64       `json:"duration_ms"`
	Turns         int           `json:"turns"` // calls of models
	Usage         Usage         `json:"tokens"`
	Cost          Cost          `json:"cost"`
	ToolCalls     int           `json:"tool_calls"`
	ToolErrors    int           `json:"tool_errors"`
	ToolErrorRate float64       `json:"tool_error_rate"`
	LLMErrors     int           `json:"llm_errors,omitempty"`
	Identical     int           `json:"identical_calls,omitempty"` // tool calls beyond the first with the same arguments
	FirstInput    int64         `json:"first_input,omitempty"`     // input tokens of the first turn
	MaxInput      int64         `json:"max_input,omitempty"`       // largest input of one turn
	FirstFailure  string        `json:"first_failure,omitempty"`   // what failed first, in one line
	Conventions   []string      `json:"conventions"`
	Notes         []string      `json:"notes,omitempty"`

	f    *forest
	tops []int // topmost steps, usually one
}

// runs groups the topmost steps of a forest into runs: each agent is one; what has no agent above makes one run for each trace,
// or for each session of events.
func (f *forest) runs(p Prices) []*Run {
	var out []*Run
	loose := map[string]*Run{}
	judged := map[string][]Score{}
	for _, t := range f.tops {
		s := &f.steps[t]
		if s.Category == Evaluation { // its parent is not there: SDKs that judge a whole trace make one up
			judged[s.TraceID] = append(judged[s.TraceID], s.Scores...)
		}
		if s.Category == Agent && s.Operation != "create_agent" {
			out = append(out, &Run{f: f, tops: []int{t}})
			continue
		}
		if !starts(s) {
			continue
		}
		key := s.TraceID
		if r := loose[key]; r != nil && key != "" {
			r.tops = append(r.tops, t)
			continue
		}
		r := &Run{f: f, tops: []int{t}}
		loose[key] = r
		out = append(out, r)
	}
	inTrace := map[string]int{}
	for _, r := range out {
		inTrace[f.steps[r.tops[0]].TraceID]++
	}
	for _, r := range out {
		r.sum(p)
		for _, score := range judged[r.TraceID] {
			f.steps[r.tops[0]].addScore(score)
		}
		delete(judged, r.TraceID)
		r.ID = cmp.Or(r.TraceID, r.RootSpan)
		if inTrace[r.TraceID] > 1 {
			r.ID = r.TraceID + "/" + r.RootSpan
		}
	}
	slices.SortStableFunc(out, func(a, b *Run) int { return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.ID, b.ID)) })
	return out
}

// starts reports whether a step without an agent above can stand for a run: a call of a model or a tool, not a listing of tools.
func starts(s *Step) bool {
	switch s.Category {
	case LLM, Tool, Embeddings, Retrieval:
		return true
	default:
		return false
	}
}

// each visits the steps of the run in order of time within the tree.
func (r *Run) each(visit func(i, depth int)) {
	for _, t := range r.tops {
		r.f.walk(t, 0, visit)
	}
}

// ordered lists the known steps of the run by the time they began, legs left out.
func (r *Run) ordered() []*Step {
	var out []*Step
	r.each(func(i, _ int) {
		if s := &r.f.steps[i]; s.known() && !s.leg && s.Category != Evaluation {
			out = append(out, s)
		}
	})
	slices.SortStableFunc(out, func(a, b *Step) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(b.Dur, a.Dur), cmp.Compare(a.seq, b.seq))
	})
	return out
}

// sum fills the run's figures.
func (r *Run) sum(p Prices) {
	root := &r.f.steps[r.tops[0]]
	r.TraceID, r.RootSpan, r.Kind, r.Service, r.Start = root.TraceID, root.SpanID, root.Category, root.Service, root.Start
	r.Status, r.Models, r.Conventions = "ok", []string{}, []string{}
	end := root.End()
	for _, t := range r.tops {
		s := &r.f.steps[t]
		end = later(end, s.End())
		if s.Error && r.Status == "ok" && s.Category == Agent || s.Error && t == r.tops[len(r.tops)-1] {
			r.Status, r.ErrorType, r.Message = "error", s.ErrorType, s.Message
		}
	}
	r.each(func(i, _ int) { r.count(&r.f.steps[i], i) })
	r.Agent = cmp.Or(r.Agent, root.ToolName, r.Service)
	if len(r.Models) == 0 && root.Model != "" {
		r.Models = append(r.Models, root.Model)
	}
	r.Duration = end.Sub(r.Start)
	r.DurationMS = ms(r.Duration)
	r.Usage = Usage{}
	bill := bill{prices: p}
	for _, t := range r.tops {
		u, incomplete := r.f.usage(t, &bill)
		r.Usage = r.Usage.plus(u)
		if incomplete {
			r.Notes = append(r.Notes, "the agent's own token count is larger than the sum of the calls recorded; it was taken")
		}
	}
	r.Cost = bill.total()
	if r.ToolCalls > 0 {
		r.ToolErrorRate = round(float64(r.ToolErrors)/float64(r.ToolCalls), 3)
	}
	r.Identical = identical(r.ordered())
	if f := r.failures(); len(f) > 0 {
		r.FirstFailure = f[0].line()
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// count adds one step to the run's figures.
func (r *Run) count(s *Step, i int) {
	if !s.known() || s.leg {
		return
	}
	if s.Category == Agent || r.Agent == "" {
		fill(&r.Agent, s.Agent)
	}
	fill(&r.Conversation, s.Conversation)
	if c := s.Convention; c != "" && !slices.Contains(r.Conventions, c) {
		r.Conventions = append(r.Conventions, c)
	}
	switch s.Category {
	case LLM:
		if !r.f.holdsLLM(i) {
			r.Turns++
			if r.FirstInput == 0 {
				r.FirstInput = s.Usage.Input
			}
			r.MaxInput = max(r.MaxInput, s.Usage.Input)
			if s.Error {
				r.LLMErrors++
			}
		}
		if s.Model != "" && !slices.Contains(r.Models, s.Model) {
			r.Models = append(r.Models, s.Model)
		}
	case Tool:
		r.ToolCalls++
		if r.f.failed(i) {
			r.ToolErrors++
		}
	default:
	}
}

// holdsLLM reports whether a call of a model is only the wrapper of another: two libraries often trace the same call.
func (f *forest) holdsLLM(i int) bool {
	for _, c := range f.steps[i].children {
		if f.steps[c].Category == LLM || !f.steps[c].known() && f.holdsLLM(c) {
			return true
		}
	}
	return false
}

// failed reports whether a tool call failed: itself, or the further spans of the same call.
func (f *forest) failed(i int) bool {
	if f.steps[i].Error {
		return true
	}
	for _, c := range f.steps[i].children {
		s := &f.steps[c]
		if s.leg && f.failed(c) {
			return true
		}
	}
	return false
}

// bill adds up what steps cost.
type bill struct {
	prices   Prices
	usd      float64
	priced   int
	reported int
	unpriced []string
}

func (b *bill) add(s *Step, u Usage) {
	if s.HasReported {
		b.usd += s.Reported
		b.reported++
		b.priced++
		return
	}
	price, ok := b.prices.Of(s.Model)
	if !ok {
		if m := cmp.Or(s.Model, "an unnamed model"); !slices.Contains(b.unpriced, m) {
			b.unpriced = append(b.unpriced, m)
		}
		return
	}
	b.usd += price.cost(u)
	b.priced++
}

func (b *bill) total() Cost {
	slices.Sort(b.unpriced)
	return Cost{USD: round(b.usd, 8), Known: b.priced > 0 && len(b.unpriced) == 0, Reported: b.reported > 0 && b.reported == b.priced, Unpriced: b.unpriced}
}

// usage sums the tokens at and below a step. Wrappers and agents repeat the sums of what they hold, so the deepest figures count; a
// step's own larger figure counts when some call below recorded none.
func (f *forest) usage(i int, b *bill) (u Usage, incomplete bool) {
	s := &f.steps[i]
	below := bill{prices: b.prices}
	silent, counted := false, false
	for _, c := range s.children {
		v, inc := f.usage(c, &below)
		u, incomplete = u.plus(v), incomplete || inc
		if v.Total() > 0 {
			counted = true
		}
		silent = silent || f.steps[c].Category == LLM && v.zero() && !f.steps[c].Error
	}
	own := s.Usage
	switch {
	case own.zero() && !s.HasReported, counted && (!silent || own.Total() <= u.Total()):
		b.merge(&below)
		return u, incomplete
	default:
		b.add(s, own)
		own.Embedded += u.Embedded
		return own, incomplete || counted
	}
}

func (b *bill) merge(o *bill) {
	b.usd += o.usd
	b.priced += o.priced
	b.reported += o.reported
	for _, m := range o.unpriced {
		if !slices.Contains(b.unpriced, m) {
			b.unpriced = append(b.unpriced, m)
		}
	}
}

// identical counts the tool calls that repeat an earlier one.
func identical(steps []*Step) int {
	seen := map[string]bool{}
	n := 0
	for _, s := range steps {
		key := s.sameness()
		if key == "" {
			continue
		}
		if seen[key] {
			n++
		}
		seen[key] = true
	}
	return n
}

// sameness is equal for tool calls that are the same: same tool and arguments, or, where no arguments were recorded, same tool and
// size of the result. It is empty where neither was.
func (s *Step) sameness() string {
	switch {
	case !s.call():
		return ""
	case s.ArgsHash != "":
		return s.ToolName + " args " + s.ArgsHash
	case s.ResultSize > 0:
		return fmt.Sprintf("%s result %d", s.ToolName, s.ResultSize)
	}
	return ""
}

// label names a step in a trajectory.
func (s *Step) label() string {
	switch s.Category {
	case Tool:
		return "tool " + s.ToolName
	case Agent:
		return "agent " + cmp.Or(s.Agent, s.Name)
	default:
		return string(s.Category)
	}
}
