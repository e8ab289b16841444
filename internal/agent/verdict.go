package agent

import (
	"cmp"
	"fmt"
	"strings"
)

// Bounds from which something is worth a sentence.
const (
	grownTimes  = 3.0   // last turn's input against the first's
	grownTokens = 4_000 // and at least so many tokens more
	peerTimes   = 2.5   // against the median of other runs
	slowShare   = 0.5   // of the run's time in one step
	slowFrom    = 100   // ms by itself: nobody waits for less
)

// Verdict says in sentences what is wrong with the run, the first failure first; one sentence says so when nothing is.
func (d *Detail) Verdict() []string {
	var out []string
	if len(d.Failures) > 0 {
		out = append(out, d.Failures[0].sentence(d.Run))
	}
	for _, l := range d.Loops {
		out = append(out, l.sentence())
	}
	if s := d.repeated(); s != "" {
		out = append(out, s)
	}
	out = append(out, d.grown()...)
	if s := d.slow(); s != "" {
		out = append(out, s)
	}
	if len(out) == 0 {
		out = append(out, fmt.Sprintf("nothing failed, no loop, no identical calls in %d steps", len(d.Run.ordered())))
	}
	return out
}

func (f *Failure) sentence(r *Run) string {
	s := fmt.Sprintf("first failure: %s (span %s) after %s: %s", f.Step, f.SpanID, seconds(f.AfterMS), f.ErrorType)
	if f.Message != "" {
		s += fmt.Sprintf(" data:%q", oneLine(f.Message, 160))
	}
	same := ""
	if f.AgainSame > 0 {
		same = fmt.Sprintf(" (%d identical)", f.AgainSame)
	}
	switch {
	case f.Again > 0 && f.Recovered:
		s += fmt.Sprintf("; next: it tried again %s%s and one worked", count(f.Again, "time"), same)
	case f.Again > 0:
		s += fmt.Sprintf("; next: it tried again %s%s, %s", count(f.Again, "time"), same, all(f.AgainFailed))
	case len(f.Next) > 0:
		s += "; next: " + strings.Join(f.Next, ", ")
	default:
		s += "; nothing followed"
	}
	if r.Status == "ok" {
		return s + "; the run still ended ok"
	}
	return s + "; the run ended in an error"
}

func all(n int) string {
	if n == 1 {
		return "which failed too"
	}
	return "all of which failed too"
}

func count(n int, word string) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func oneLine(text string, n int) string { return cut(strings.Join(strings.Fields(text), " "), n) }

func (l *Loop) sentence() string {
	kind := "loop"
	switch {
	case l.Failing && l.Same:
		kind = "stuck loop (identical calls that fail every round)"
	case l.Failing:
		kind = "failing loop (a call fails every round)"
	case l.Same:
		kind = "loop of identical calls"
	case l.Progress:
		kind = "repeating pattern (arguments differ or were not recorded, nothing fails)"
	}
	s := fmt.Sprintf("%s: %s, %d rounds, steps %d to %d, %s", kind, strings.Join(l.Pattern, " → "), l.Rounds, l.From, l.To, seconds(l.MS))
	if l.Tokens > 0 {
		s += fmt.Sprintf(", %d tokens", l.Tokens)
	}
	return s
}

// repeated says which call was made again without need, unless a loop tells it already.
func (d *Detail) repeated() string {
	if len(d.Repeats) == 0 || len(d.Loops) > 0 && (d.Loops[0].Same || d.Loops[0].Failing) {
		return ""
	}
	r := d.Repeats[0]
	if r.By != "arguments" && r.Times < minRounds {
		return "" // results of the same size come about by chance
	}
	return fmt.Sprintf("%s was called %d times with the same %s, %d failed", r.Tool, r.Times, r.By, r.Failed)
}

// grown says whether the prompt grew: within the run, or against other runs of the agent.
func (d *Detail) grown() []string {
	var out []string
	c := d.Context
	if c.Growth >= grownTimes && c.Last-c.First >= grownTokens {
		s := fmt.Sprintf("context grew from %d to %d input tokens over %d turns", c.First, c.Last, len(d.Turns))
		if c.Jump > (c.Last-c.First)/2 {
			s += fmt.Sprintf(", %d of it in turn %d after %s", c.Jump, c.JumpTurn, c.JumpAfter)
		}
		out = append(out, s)
	}
	p := d.Peers
	if p == nil {
		return out
	}
	if p.P50First > 0 && float64(d.Run.FirstInput) > peerTimes*p.P50First {
		out = append(out, fmt.Sprintf("the first prompt has %d tokens, the median of %d other runs is %.0f: the prompt itself is larger", d.Run.FirstInput, p.Runs, p.P50First))
	}
	if tokens := float64(d.Run.Usage.Total()); p.P50Tokens > 0 && tokens > peerTimes*p.P50Tokens {
		out = append(out, fmt.Sprintf("tokens %.0f against a median of %.0f in %d other runs; turns %d against %.0f", tokens, p.P50Tokens, p.Runs, d.Run.Turns, p.P50Turns))
	}
	return out
}

// slow names the step that took most of the time, when it is one and it matters.
func (d *Detail) slow() string {
	if len(d.Slowest) == 0 || d.Slowest[0].SelfMS < slowFrom || d.Slowest[0].Share < slowShare && (d.Peers == nil || d.Run.DurationMS < peerTimes*d.Peers.P50MS) {
		return ""
	}
	s := d.Slowest[0]
	out := fmt.Sprintf("slowest: %s, %s by itself, %.0f %% of the run (span %s)", cmp.Or(s.Name, s.Label), seconds(s.SelfMS), 100*s.Share, s.SpanID)
	if d.Peers != nil && d.Peers.P50MS > 0 {
		out += fmt.Sprintf("; the run took %s, the median of %d others is %s", seconds(d.Run.DurationMS), d.Peers.Runs, seconds(d.Peers.P50MS))
	}
	return out
}
