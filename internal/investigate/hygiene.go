package investigate

import (
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// skews are the nodes whose clocks differ in the incident and did not in the baseline.
func (q *inquiry) skews() []trace.Skew {
	now := q.spans.Skews(q.win.from, q.win.to)
	was := q.spans.Skews(q.win.baseFrom, q.win.baseTo)
	return slices.DeleteFunc(now, func(s trace.Skew) bool {
		return slices.ContainsFunc(was, func(o trace.Skew) bool { return o.Node == s.Node && (o.Offset-s.Offset).Abs() < time.Second })
	})
}

// retries counts further tries of failed calls by caller and target.
type retries struct {
	caller, target trace.Sym
	inc, base      int // calls that repeat a failed one
	calls          int // first calls in the incident that were repeated
}

// maxRetryTraces bounds the traces searched for retries in each window.
const maxRetryTraces = 4000

// retryGroups counts repeated calls in the traces of both windows that hold a failure.
func (q *inquiry) retryGroups() []retries {
	type key struct{ caller, target trace.Sym }
	by := map[key]*retries{}
	var nInc, nBase int
	for _, t := range q.spans.Traces {
		start := q.spans.Spans[t.Root].Start
		inc := q.win.incident(start)
		if !inc && !q.win.baseline(start) || !q.anyFailure(t) {
			continue
		}
		if inc {
			nInc++
		} else {
			nBase++
		}
		if inc && nInc > maxRetryTraces || !inc && nBase > maxRetryTraces {
			continue
		}
		for _, r := range q.spans.Retries(t) {
			sp := &q.spans.Spans[r.Calls[0]]
			k := key{sp.Service, sp.Target}
			x := by[k]
			if x == nil {
				x = &retries{caller: k.caller, target: k.target}
				by[k] = x
			}
			if inc {
				x.inc += len(r.Calls) - 1
				x.calls++
			} else {
				x.base += len(r.Calls) - 1
			}
		}
	}
	var out []retries
	for _, x := range by {
		if float64(x.inc) > 3*float64(x.base)*q.win.ratio() && x.inc >= 2*minAffected {
			out = append(out, *x)
		}
	}
	slices.SortFunc(out, func(a, b retries) int { return b.inc - a.inc })
	return out
}

func (q *inquiry) anyFailure(t trace.Trace) bool {
	for i := t.Lo; i < t.Hi; i++ {
		if q.spans.Spans[i].Error || q.spans.Spans[i].Soft {
			return true
		}
	}
	return false
}

// agentUse is how an AI agent works: per run, in baseline and incident.
type agentUse struct {
	service       trace.Sym
	runs, runsWas int
	tokens, was   float64               // input tokens a run, mean
	chats, chat0  float64               // model calls a run
	tools         map[string][2]float64 // calls a run by tool, retrieval or embedding: incident, baseline
}

// agents measures each service that has gen_ai spans.
func (q *inquiry) agents() []agentUse {
	op, hasOp := q.spans.Key("gen_ai.operation.name")
	tok, _ := q.spans.Key("gen_ai.usage.input_tokens")
	old, _ := q.spans.Key("gen_ai.usage.prompt_tokens")
	if !hasOp {
		return nil
	}
	type counts struct {
		runs   map[int32]bool
		tokens float64
		chats  float64
		tools  map[string]float64
	}
	by := map[trace.Sym]*[2]counts{}
	for i := range q.spans.Spans {
		sp := &q.spans.Spans[i]
		w := 0
		switch {
		case q.win.incident(sp.Start):
		case q.win.baseline(sp.Start):
			w = 1
		default:
			continue
		}
		name := q.spans.Attr(sp, op)
		if name == "" {
			continue
		}
		c := by[sp.Service]
		if c == nil {
			c = &[2]counts{{runs: map[int32]bool{}, tools: map[string]float64{}}, {runs: map[int32]bool{}, tools: map[string]float64{}}}
			by[sp.Service] = c
		}
		c[w].runs[sp.Trace] = true
		switch name {
		case "chat", "text_completion", "generate_content":
			c[w].chats++
			for _, a := range q.spans.Attrs(sp) {
				if a.Key == tok || a.Key == old {
					c[w].tokens += a.Float()
				}
			}
		case "embeddings", "retrieval":
			c[w].tools[q.text(sp.Name)]++
		case "execute_tool":
			if !strings.HasPrefix(q.text(sp.Name), "tools/call") {
				c[w].tools[q.text(sp.Target)]++
			}
		}
	}
	var out []agentUse
	for _, y := range sortedSyms(by) {
		c := by[y]
		n, m := float64(len(c[0].runs)), float64(len(c[1].runs))
		if n < minAffected || m < minAffected {
			continue
		}
		u := agentUse{
			service: y, runs: len(c[0].runs), runsWas: len(c[1].runs), tokens: c[0].tokens / n, was: c[1].tokens / m,
			chats: c[0].chats / n, chat0: c[1].chats / m, tools: map[string][2]float64{},
		}
		for t, x := range c[0].tools {
			u.tools[t] = [2]float64{x / n, c[1].tools[t] / m}
		}
		out = append(out, u)
	}
	return out
}

// repeated is the tool whose calls a run rose most, with the factor; "" when none doubled.
func (u agentUse) repeated() (tool string, times float64) {
	for _, t := range sortedKeys(u.tools) {
		x := u.tools[t]
		if f := x[0] / max(x[1], .05); f > max(times, agentFactor) && x[0] > x[1]+.5 {
			tool, times = t, f
		}
	}
	return tool, times
}

// agentFactor is how many times as often a tool must be called, or how many times the tokens, to be told.
const agentFactor = 1.8

// surge is how many times as many requests a minute the incident has as the baseline, 0 without traces.
func (q *inquiry) surge() float64 {
	var inc, base float64
	for i := range q.spans.Traces {
		at := q.spans.Spans[q.spans.Traces[i].Root].Start
		inc += boolTo(q.win.incident(at))
		base += boolTo(q.win.baseline(at))
	}
	return ratio(inc, base*q.win.ratio())
}

// surgeFactor is from how many times the usual traffic on it is called a surge.
const surgeFactor = 1.7

// mixDrift is which attributes the additional requests carry: the roots of the incident against those of the baseline.
func (q *inquiry) mixDrift() []attrDiff {
	var inc, base []int32
	for i := range q.spans.Traces {
		r := q.spans.Traces[i].Root
		switch at := q.spans.Spans[r].Start; {
		case q.win.incident(at) && len(inc) < maxDriftSample:
			inc = append(inc, r)
		case q.win.baseline(at) && len(base) < maxDriftSample:
			base = append(base, r)
		}
	}
	var out []attrDiff
	for _, a := range q.attributeDiff(inc, base, true) {
		if a.cover()-ratio(a.ref, a.refN) >= driftGap && !placeKey(a.key) && a.key != "service.version" {
			out = append(out, a)
		}
	}
	return out
}
