package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// Node is one step of a run's tree, depth first in order of time.
type Node struct {
	N          int       `json:"n,omitempty"` // number of the step in the run, from 1; spans of no agent and legs have none
	Depth      int       `json:"depth"`
	Category   Category  `json:"category"`
	Label      string    `json:"label"`
	Name       string    `json:"name"`
	SpanID     string    `json:"span_id"`
	Service    string    `json:"service,omitempty"`
	OffsetMS   float64   `json:"offset_ms"`
	DurationMS float64   `json:"duration_ms"`
	SelfMS     float64   `json:"self_ms"` // no child ran
	Model      string    `json:"model,omitempty"`
	Tokens     *Usage    `json:"tokens,omitempty"`
	Finish     string    `json:"finish,omitempty"`
	Error      string    `json:"error,omitempty"`
	Message    string    `json:"message,omitempty"`
	ArgsHash   string    `json:"args_hash,omitempty"`
	Target     string    `json:"target,omitempty"`
	Leg        bool      `json:"leg,omitempty"` // a further span of the call above
	Messages   []Message `json:"messages,omitempty"`
	Scores     []Score   `json:"scores,omitempty"`
	File       string    `json:"file,omitempty"`
	Line       int64     `json:"line,omitempty"`
}

// Slow is where time went.
type Slow struct {
	Label  string  `json:"label"`
	Name   string  `json:"name"`
	SpanID string  `json:"span_id"`
	SelfMS float64 `json:"self_ms"` // no step below ran
	Share  float64 `json:"share"`   // of the run
}

// Peers is how the other runs of the same agent are, by their medians.
type Peers struct {
	Runs      int     `json:"runs"`
	P50MS     float64 `json:"p50_ms"`
	P50Tokens float64 `json:"p50_tokens"`
	P50Turns  float64 `json:"p50_turns"`
	P50First  float64 `json:"p50_first"` // input tokens of the first turn
}

// Detail is one run, analysed.
type Detail struct {
	Run      *Run
	Runs     int // how many runs a conversation has; 1 for a run
	Tree     []Node
	Failures []Failure
	Loops    []Loop
	Repeats  []Repeat
	Turns    []Turn
	Context  Context
	Slowest  []Slow
	Scores   []Score
	Peers    *Peers
	Notes    []string
}

// Selection says which run is meant.
type Selection struct {
	// ID is a trace id, TRACE/SPAN, a conversation, or SESSION#N of events; empty means the newest run that fits Filter.
	ID       string
	Filter   Filter
	Messages bool // read contents too
}

// Show reads and analyses one run, or all runs of a conversation as one sequence.
func Show(ctx context.Context, eng engine.Engine, sel Selection, p Prices) (*Detail, error) {
	found, notes, err := Find(ctx, eng, sel, p)
	if err != nil {
		return nil, err
	}
	d := &Detail{Run: found.run, Runs: found.runs, Notes: notes}
	d.fill()
	if err := d.peers(ctx, eng, p); err != nil {
		return nil, err
	}
	return d, nil
}

// found is a run with its whole trace.
type found struct {
	run  *Run
	runs int
}

// Find reads the run that a selection means, with the spans of no agent below its steps.
func Find(ctx context.Context, eng engine.Engine, sel Selection, p Prices) (*found, []string, error) { //nolint:revive // only this package looks into it
	l := newLoader(eng, sel.Messages)
	id := sel.ID
	if id == "" {
		list, err := Runs(ctx, eng, sel.Filter, p)
		if err != nil {
			return nil, nil, err
		}
		if len(list.Runs) == 0 {
			return nil, nil, fault.WithHint(fault.New(fault.NotFound, "no run of an agent fits"), "agents_runs lists the runs; widen start and end, or leave filters out.")
		}
		id = list.Runs[len(list.Runs)-1].ID
		if len(list.Runs) > 1 {
			l.note("the newest of %d runs that fit", len(list.Runs))
		}
	}
	f, err := l.find(ctx, id, p)
	return f, l.notes, err
}

// find tries what an id may be, the most exact first.
func (l *loader) find(ctx context.Context, id string, p Prices) (*found, error) {
	traceID, span, _ := strings.Cut(id, "/")
	steps, err := l.spans(ctx, timerange.Range{}, quoted("traceId")+" = "+ppl.Quote(traceID), true)
	if err != nil {
		return nil, err
	}
	if len(steps) > 0 {
		return l.inTrace(ctx, steps, id, span, p)
	}
	if f, err := l.inEvents(ctx, id, p); f != nil || err != nil {
		return f, err
	}
	return l.conversation(ctx, id, p)
}

// inTrace picks the run out of a trace.
func (l *loader) inTrace(ctx context.Context, steps []Step, id, span string, p Prices) (*found, error) {
	if err := l.scores(ctx, steps); err != nil {
		return nil, err
	}
	runs := grow(steps, nil).runs(p)
	if span != "" {
		runs = slices.DeleteFunc(runs, func(r *Run) bool { return !r.holds(func(s *Step) bool { return s.SpanID == span }) })
	}
	switch len(runs) {
	case 0:
		return nil, fault.WithHint(fault.New(fault.NotFound, "no run of an agent in %s: %d spans, none of a model, a tool or an agent", id, len(steps)), "Call trace_show for its spans.")
	case 1:
		return &found{runs[0], 1}, nil
	}
	l.note("the trace holds %d runs, all shown together; one of them: %s", len(runs), runs[0].TraceID+"/"+runs[0].RootSpan)
	return &found{together(runs, p), len(runs)}, nil
}

// together makes one run of several of one forest.
func together(runs []*Run, p Prices) *Run {
	all := &Run{f: runs[0].f}
	for _, r := range runs {
		all.tops = append(all.tops, r.tops...)
	}
	all.sum(p)
	all.ID = all.TraceID
	for _, r := range runs {
		if r.Status != "ok" {
			all.Status, all.ErrorType, all.Message = r.Status, r.ErrorType, r.Message
		}
	}
	return all
}

// inEvents reads a session's events: SESSION#N, or the session's id.
func (l *loader) inEvents(ctx context.Context, id string, p Prices) (*found, error) {
	session, _, numbered := strings.Cut(id, "#")
	fields, err := l.columns(ctx, logs)
	if err != nil || len(fields) == 0 {
		return nil, err
	}
	var terms []string
	for _, f := range fields {
		if k := attribute(f.Name); f.Filled > 0 && (k == "session.id" || k == "conversation.id") {
			terms = append(terms, quoted(f.Name)+" = "+ppl.Quote(session))
		}
	}
	if len(terms) == 0 {
		return nil, nil //nolint:nilnil // nothing found is no error; the next reading is tried
	}
	steps, err := l.events(ctx, timerange.Range{}, "("+strings.Join(terms, " or ")+")")
	if err != nil || len(steps) == 0 {
		return nil, err
	}
	if !numbered { // spans of the same session say more
		spans, err := l.columns(ctx, trace.Table)
		if err != nil {
			return nil, err
		}
		if cond := l.sessions(spans, id); cond != "" {
			if s, err := l.spans(ctx, timerange.Range{}, cond, false); err != nil || len(s) > 0 {
				return nil, err
			}
		}
	}
	runs := grow(steps, nil).runs(p)
	if numbered {
		runs = slices.DeleteFunc(runs, func(r *Run) bool { return r.TraceID != id })
	}
	if len(runs) == 0 {
		return nil, nil //nolint:nilnil // as above
	}
	if len(runs) == 1 {
		return &found{runs[0], 1}, nil
	}
	all := together(runs, p)
	all.ID = session
	return &found{all, len(runs)}, nil
}

// conversation reads all traces of a conversation as one sequence.
func (l *loader) conversation(ctx context.Context, id string, p Prices) (*found, error) {
	fields, err := l.columns(ctx, trace.Table)
	if err != nil {
		return nil, err
	}
	missing := fault.WithHint(fault.New(fault.NotFound, "no trace, run, session or conversation %q", cut(id, 100)), "agents_runs lists the runs with their ids.")
	cond := l.sessions(fields, id)
	if cond == "" {
		return nil, missing
	}
	named, err := l.spans(ctx, timerange.Range{}, cond, false)
	if err != nil {
		return nil, err
	}
	var ids []string
	for i := range named {
		if t := named[i].TraceID; !slices.Contains(ids, t) && len(ids) < idsAtOnce {
			ids = append(ids, t)
		}
	}
	if len(ids) == 0 {
		return nil, missing
	}
	if len(ids) == idsAtOnce {
		l.note("only the first %d traces of the conversation were read", idsAtOnce)
	}
	steps, err := l.spans(ctx, timerange.Range{}, inList("traceId", ids), true)
	if err != nil {
		return nil, err
	}
	if err := l.scores(ctx, steps); err != nil {
		return nil, err
	}
	runs := grow(steps, nil).runs(p)
	if len(runs) == 0 {
		return nil, missing
	}
	all := together(runs, p)
	all.ID = id
	return &found{all, len(runs)}, nil
}

// scores joins evaluations that are log events to the steps they judge.
func (l *loader) scores(ctx context.Context, steps []Step) error {
	fields, err := l.columns(ctx, logs)
	if err != nil || !slices.ContainsFunc(fields, func(f engine.Field) bool {
		return f.Name == "attributes.gen_ai.evaluation.name" && f.Filled > 0
	}) {
		return err
	}
	at := map[string]int{}
	var traces []string
	for i := range steps {
		at[steps[i].key()] = i
		if t := steps[i].TraceID; !slices.Contains(traces, t) {
			traces = append(traces, t)
		}
	}
	d := l.decoder(ctx, fields, logs, []string{"traceId", "spanId"}, false)
	query := "source=" + logs + " | where isnotnull(`attributes.gen_ai.evaluation.name`) and " + inList("traceId", traces) + " | fields " + quoteAll(d.names)
	_, err = l.eng.Stream(ctx, query, engine.Limits{MaxRows: maxSteps}, func(row []any) error {
		i, ok := at[d.text(row, "traceId")+"/"+d.text(row, "spanId")]
		if !ok {
			i = 0
		}
		steps[i].addScore(scoreOf(d.attributes(row)))
		return nil
	})
	if err != nil {
		return fmt.Errorf("read evaluations: %w", err)
	}
	return nil
}

// Bounds of an analysis's lists.
const (
	maxSlow     = 5
	maxFailures = 200
)

// fill analyses the run.
func (d *Detail) fill() {
	r := d.Run
	steps := r.ordered()
	d.Failures = r.failures()
	if len(d.Failures) > maxFailures {
		d.Notes = append(d.Notes, fmt.Sprintf("only the first %d of %d failures are listed", maxFailures, len(d.Failures)))
		d.Failures = d.Failures[:maxFailures]
	}
	d.Loops = r.loops(steps)
	d.Repeats = r.repeats(steps)
	d.Turns, d.Context = r.turns(steps)
	number := map[*Step]int{}
	for i, s := range steps {
		number[s] = i + 1
	}
	var slow []Slow
	r.each(func(i, depth int) {
		s := &r.f.steps[i]
		n := r.node(i, depth)
		n.N = number[s]
		d.Tree = append(d.Tree, n)
		d.Scores = append(d.Scores, s.Scores...)
		if n.SelfMS > 0 {
			slow = append(slow, Slow{Label: n.Label, Name: s.Name, SpanID: s.SpanID, SelfMS: n.SelfMS, Share: round(n.SelfMS/max(r.DurationMS, n.SelfMS), 3)})
		}
	})
	slices.SortStableFunc(slow, func(a, b Slow) int { return cmp.Compare(b.SelfMS, a.SelfMS) })
	d.Slowest = slow[:min(len(slow), maxSlow)]
	d.Notes = append(d.Notes, r.Notes...)
}

func (r *Run) node(i, depth int) Node {
	s := &r.f.steps[i]
	n := Node{
		Depth: depth, Category: s.Category, Label: s.label(), Name: s.Name, SpanID: s.SpanID, Service: s.Service, OffsetMS: ms(s.Start.Sub(r.Start)),
		DurationMS: ms(s.Dur), SelfMS: ms(r.f.self(i)), Model: s.Model, Finish: s.Finish, ArgsHash: s.ArgsHash, Target: s.Target, Leg: s.leg,
		Messages: s.Messages, Scores: s.Scores, File: s.File, Line: s.Line,
	}
	if len(n.Messages) > maxMessages {
		n.Messages = n.Messages[len(n.Messages)-maxMessages:]
	}
	if !s.known() {
		n.Label = s.Name
	}
	if !s.Usage.zero() {
		u := s.Usage
		n.Tokens = &u
	}
	if s.Error || s.Category == Tool && r.f.failed(i) {
		why := r.f.reason(i)
		n.Error, n.Message = cmp.Or(why.ErrorType, "error"), why.Message
	}
	return n
}

// self is the time of step i during which nothing below it ran.
func (f *forest) self(i int) time.Duration {
	s := &f.steps[i]
	own, at := s.Dur, s.Start
	for _, c := range s.children { // by start
		ch := &f.steps[c]
		from, to := later(ch.Start, at), ch.End()
		if to.After(s.End()) {
			to = s.End()
		}
		if to.After(from) {
			own -= to.Sub(from)
			at = to
		}
	}
	return max(0, own)
}

// peerWindow is how far around a run its peers are looked for.
const peerWindow = 24 * time.Hour

// peers compares with the other runs of the same agent in the day before and after.
func (d *Detail) peers(ctx context.Context, eng engine.Engine, p Prices) error {
	if d.Runs > 1 || d.Run.Agent == "" {
		return nil
	}
	around := timerange.Range{Start: d.Run.Start.Add(-peerWindow), End: d.Run.Start.Add(peerWindow)}
	list, err := Runs(ctx, eng, Filter{Range: around}, p)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(list.Runs, func(r *Run) bool { return r.ID == d.Run.ID || r.Agent != d.Run.Agent || r.Kind != d.Run.Kind })
	if len(others) < minPeers {
		return nil
	}
	t := total(others)
	d.Peers = &Peers{Runs: len(others), P50MS: t.P50MS, P50Tokens: t.P50Tokens, P50Turns: t.P50Turns, P50First: t.P50First}
	return nil
}

// minPeers is how many other runs a median needs to say anything.
const minPeers = 3
