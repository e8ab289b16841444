package agent

import (
	"cmp"
	"slices"
	"strings"
)

// Loop is a stretch of a run in which the same sequence of steps comes again and again.
type Loop struct {
	Pattern  []string `json:"pattern"` // labels of one round
	Rounds   int      `json:"rounds"`
	From     int      `json:"from"` // number of its first step in the run, from 1
	To       int      `json:"to"`
	SpanID   string   `json:"span_id"`          // of its first step
	Same     bool     `json:"same,omitempty"`   // its tool calls have the same arguments in every round
	Failing  bool     `json:"failing"`          // a tool call of every round fails
	Tokens   int64    `json:"tokens,omitempty"` // used within
	MS       float64  `json:"ms"`
	Progress bool     `json:"progress,omitempty"` // arguments change and nothing fails: an agent at work rather than stuck
}

// Bounds of the search for loops.
const (
	maxPeriod  = 8     // steps of one round
	minRounds  = 3     // fewer are a retry
	maxLooked  = 5_000 // steps of a run looked at
	maxLoops   = 5
	workRounds = 6 // rounds from which a pattern that makes progress is told as well
)

// loops finds tandem repeats in the sequence of the steps' labels: for each period the longest stretch in which every step equals the
// one a period before it. Stretches are taken greedily by the steps they cover; a pattern needs a tool or a further agent in it, since
// models are called in every round of anything.
func (r *Run) loops(steps []*Step) []Loop {
	steps = steps[:min(len(steps), maxLooked)]
	labels := make([]string, len(steps))
	for i, s := range steps {
		labels[i] = s.label()
	}
	var found []Loop
	for p := 1; p <= maxPeriod && p*minRounds <= len(labels); p++ {
		for i := p; i < len(labels); i++ {
			if labels[i] != labels[i-p] {
				continue
			}
			from := i - p
			for i < len(labels) && labels[i] == labels[i-p] {
				i++
			}
			if rounds := (i - from) / p; rounds >= minRounds && calls(labels[from:from+p]) && !periodic(labels[from:from+p]) {
				found = append(found, r.loop(steps, labels, from, p, rounds))
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Loop) int {
		return cmp.Or(cmp.Compare(b.To-b.From, a.To-a.From), cmp.Compare(len(a.Pattern), len(b.Pattern)))
	})
	var out []Loop
	for _, l := range found {
		overlaps := slices.ContainsFunc(out, func(o Loop) bool { return l.From <= o.To && o.From <= l.To })
		if !overlaps && len(out) < maxLoops && (!l.Progress || l.Rounds >= workRounds) {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b Loop) int { return a.From - b.From })
	return out
}

func calls(labels []string) bool {
	return slices.ContainsFunc(labels, func(l string) bool { return strings.HasPrefix(l, "tool ") || strings.HasPrefix(l, "agent ") })
}

// periodic reports whether a pattern is a shorter one repeated, which the shorter period finds itself.
func periodic(labels []string) bool {
	for p := 1; p <= len(labels)/2; p++ {
		if len(labels)%p == 0 && slices.Equal(labels[p:], labels[:len(labels)-p]) {
			return true
		}
	}
	return false
}

func (r *Run) loop(steps []*Step, labels []string, from, p, rounds int) Loop {
	l := Loop{Pattern: labels[from : from+p], Rounds: rounds, From: from + 1, To: from + p*rounds, SpanID: steps[from].SpanID, Same: true, Failing: true}
	part := steps[from : from+p*rounds]
	compared := false
	for i, s := range part {
		if s.Category == LLM {
			l.Tokens += s.Usage.Total()
		}
		if i >= p && s.call() {
			a, b := s.sameness(), part[i-p].sameness()
			compared = compared || a != "" && b != ""
			l.Same = l.Same && a != "" && a == b
		}
	}
	l.Same = l.Same && compared
	for k := range rounds {
		bad := slices.ContainsFunc(part[k*p:(k+1)*p], func(s *Step) bool { return s.call() && r.f.failedStep(s) })
		l.Failing = l.Failing && bad
	}
	l.Progress = !l.Same && !l.Failing
	l.MS = ms(part[len(part)-1].End().Sub(part[0].Start))
	return l
}

// Repeat is one tool call made several times over.
type Repeat struct {
	Tool     string   `json:"tool"`
	Times    int      `json:"times"`
	Failed   int      `json:"failed"`
	By       string   `json:"by"` // what is the same: arguments, or result size where no arguments were recorded
	ArgsHash string   `json:"args_hash,omitempty"`
	Spans    []string `json:"spans"` // at most a few
	MS       float64  `json:"ms"`    // spent in all of them
}

// maxSpansShown bounds the span ids of one repeat.
const maxSpansShown = 5

// repeats lists the tool calls made more than once, most often first.
func (r *Run) repeats(steps []*Step) []Repeat {
	at := map[string]int{}
	var out []Repeat
	for _, s := range steps {
		key := s.sameness()
		if key == "" {
			continue
		}
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			by := "arguments"
			if s.ArgsHash == "" {
				by = "result size"
			}
			out = append(out, Repeat{Tool: s.ToolName, By: by, ArgsHash: s.ArgsHash})
		}
		e := &out[i]
		e.Times++
		e.MS += ms(s.Dur)
		if r.f.failedStep(s) {
			e.Failed++
		}
		if len(e.Spans) < maxSpansShown {
			e.Spans = append(e.Spans, s.SpanID)
		}
	}
	out = slices.DeleteFunc(out, func(e Repeat) bool { return e.Times < 2 })
	slices.SortStableFunc(out, func(a, b Repeat) int { return cmp.Compare(b.Times, a.Times) })
	return out
}
