package agent

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Failure is a step that failed by itself, not because of a step below it, and what the agent did next.
type Failure struct {
	SpanID    string    `json:"span_id"`
	Step      string    `json:"step"` // label
	Service   string    `json:"service,omitempty"`
	Time      time.Time `json:"time"` // of its end: when the agent knew
	AfterMS   float64   `json:"after_ms"`
	ErrorType string    `json:"error_type"`
	Message   string    `json:"message,omitempty"`
	Target    string    `json:"target,omitempty"`
	Next      []string  `json:"next"` // the steps that followed, at most nextSteps
	// Again counts later calls of the same tool (or of a model), AgainSame those with the same arguments, AgainFailed the failed
	// ones; Recovered says whether one of them worked.
	Again       int    `json:"again"`
	AgainSame   int    `json:"again_same,omitempty"`
	AgainFailed int    `json:"again_failed"`
	Recovered   bool   `json:"recovered"`
	File        string `json:"file,omitempty"`
	Line        int64  `json:"line,omitempty"`

	step *Step
}

// nextSteps is how many steps after a failure are told.
const nextSteps = 3

// line is the failure in one line.
func (f *Failure) line() string {
	l := fmt.Sprintf("%s failed %s after the start: %s", f.Step, seconds(f.AfterMS), f.ErrorType)
	if f.Message != "" {
		l += ": " + cut(f.Message, 160)
	}
	return l
}

func seconds(v float64) string {
	if v < 1000 {
		return fmt.Sprintf("%.0f ms", v)
	}
	return fmt.Sprintf("%.1f s", v/1000)
}

// failures lists the steps that failed by themselves in the order in which the agent learned of them. An agent's or a wrapper's
// failure that a failed step below explains is left out.
func (r *Run) failures() []Failure {
	var out []Failure
	steps := r.ordered()
	r.each(func(i, _ int) {
		s := &r.f.steps[i]
		if !s.known() || s.leg || s.Category == Evaluation || !r.f.origin(i) {
			return
		}
		e := r.f.reason(i)
		out = append(out, Failure{
			SpanID: s.SpanID, Step: s.label(), Service: s.Service, Time: s.End(), AfterMS: ms(s.End().Sub(r.Start)), ErrorType: cmp.Or(e.ErrorType, "error"),
			Message: e.Message, Target: e.Target, File: s.File, Line: s.Line, step: s, Next: []string{},
		})
	})
	slices.SortStableFunc(out, func(a, b Failure) int { return a.Time.Compare(b.Time) })
	for i := range out {
		out[i].follow(r, steps)
	}
	return out
}

// origin reports whether step i failed and no known step below that is not a leg of it explains it.
func (f *forest) origin(i int) bool {
	s := &f.steps[i]
	if s.Category == Tool {
		return f.failed(i) && !f.failedInside(i)
	}
	return s.Error && !f.explained(i)
}

// explained reports whether a step below accounts for the failure of step i: the last thing an agent did failed, or a failed step has
// the same words. An earlier failure that the agent got over does not account for its own.
func (f *forest) explained(i int) bool {
	s := &f.steps[i]
	if s.Category != Agent {
		return f.failedInside(i)
	}
	var last *Step
	same := false
	f.walk(i, 0, func(j, depth int) {
		o := &f.steps[j]
		if depth == 0 || !o.known() || o.leg || o.Category == Evaluation {
			return
		}
		if o.Error && (o.Message != "" && o.Message == s.Message || s.Message == "" && o.ErrorType == s.ErrorType) {
			same = true
		}
		if last == nil || o.End().After(last.End()) {
			last = o
		}
	})
	return same || last != nil && f.failedStep(last)
}

// failedInside reports whether a known step below i, legs aside, failed.
func (f *forest) failedInside(i int) bool {
	found := false
	for _, c := range f.steps[i].children {
		s := &f.steps[c]
		switch {
		case s.leg || !s.known():
			found = found || f.failedInside(c)
		case s.Error:
			found = true
		}
	}
	return found
}

// reason returns the step that says most about a failure: the deepest failed one below that the agent's step waited for.
func (f *forest) reason(i int) *Step {
	best := &f.steps[i]
	if best.Error && best.Message != "" {
		return best
	}
	for _, c := range best.children {
		s := &f.steps[c]
		if !s.leg && (s.known() || !s.Error) || !s.Error && !f.failed(c) {
			continue
		}
		deep := *f.reason(c)
		if best.ErrorType != "" && best.ErrorType != "error" {
			deep.ErrorType = best.ErrorType
		}
		if deep.Message != "" || !best.Error {
			return &deep
		}
	}
	return best
}

// follow fills what came after the failure.
func (f *Failure) follow(r *Run, steps []*Step) {
	s := f.step
	for _, o := range steps {
		if o == s || o.Start.Before(s.End()) && (s.seq == 0 || o.seq <= s.seq) {
			continue
		}
		if len(f.Next) < nextSteps {
			f.Next = append(f.Next, o.label())
		}
		if o.Category != s.Category || o.Category == Tool && o.ToolName != s.ToolName || o.Category == Agent && o.Agent != s.Agent {
			continue
		}
		f.Again++
		if key := s.sameness(); key != "" && o.sameness() == key {
			f.AgainSame++
		}
		if r.f.failedStep(o) {
			f.AgainFailed++
		} else {
			f.Recovered = true
		}
	}
}

func (f *forest) failedStep(s *Step) bool {
	if s.Error || s.Category != Tool {
		return s.Error
	}
	for _, c := range s.children {
		if f.steps[c].leg && f.failed(c) {
			return true
		}
	}
	return false
}
