package investigate

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// repeatedWork is a call that one piece of work makes again and again.
type repeatedWork struct {
	caller, what string
	inc, base    float64 // jobs that make it at least twice
	calls        float64 // calls in such a job of the incident, mean
	was          float64 // the same in the baseline
	same         bool    // with the same arguments, as far as the spans say
}

// argumentKeys are attributes that say what a call was asked: two calls that agree in all of them did the same work.
var argumentKeys = []string{
	"gen_ai.tool.call.arguments", "db.query.text", "db.statement", "db.query.summary", "url.full", "http.url", "rpc.method", "messaging.message.id", "gen_ai.tool.name",
}

// repeats finds work done twice: calls with one name and target below one span, more than one of them successful, that happen in
// many more jobs or more often than before (N+1 queries, a loop, an agent that calls a tool with the same arguments).
func (q *inquiry) repeats() []repeatedWork {
	type key struct {
		unit int32
		same bool
	}
	by := map[key]*repeatedWork{}
	calls := map[key][2]float64{}
	keys := q.argumentIDs()
	for _, t := range q.spans.Traces {
		start := q.spans.Spans[t.Root].Start
		inc := q.win.incident(start)
		if !inc && !q.win.baseline(start) {
			continue
		}
		for u, n := range q.repeatedIn(t, keys) {
			k := key{u, n.same}
			r := by[k]
			if r == nil {
				r = &repeatedWork{caller: q.text(q.units[u].service), what: strings.TrimSpace(q.text(q.units[u].name) + " " + q.text(q.units[u].target)), same: n.same}
				by[k] = r
			}
			c := calls[k]
			if inc {
				r.inc++
				c[0] += float64(n.calls)
			} else {
				r.base++
				c[1] += float64(n.calls)
			}
			calls[k] = c
		}
	}
	var out []repeatedWork
	for k, r := range by {
		r.calls, r.was = ratio(calls[k][0], r.inc), ratio(calls[k][1], r.base)
		if r.inc < minAffected || r.inc < 2*r.base*q.win.ratio() && r.calls < 1.5*r.was {
			continue
		}
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b repeatedWork) int {
		return cmp.Or(cmp.Compare(b.inc*b.calls, a.inc*a.calls), cmp.Compare(a.caller+a.what, b.caller+b.what))
	})
	return out
}

type repeatCount struct {
	calls int
	same  bool
}

// repeatedIn counts, for each unit of a trace, the most calls that one span made of it, if at least two of them did not fail.
func (q *inquiry) repeatedIn(t trace.Trace, keys []trace.KeyID) map[int32]repeatCount {
	type group struct {
		parent, unit int32
	}
	n := map[group]int{}
	ok := map[group]int{}
	args := map[group]map[uint64]bool{}
	for i := t.Lo; i < t.Hi; i++ {
		sp := &q.spans.Spans[i]
		if sp.Parent < 0 || !sp.Kind.Outgoing() && sp.Target == 0 {
			continue
		}
		g := group{sp.Parent, q.unitOf[i]}
		if n[g]++; !sp.Error && !sp.Soft {
			ok[g]++
		}
		if args[g] == nil {
			args[g] = map[uint64]bool{}
		}
		args[g][q.argumentBits(sp, keys)] = true
	}
	out := map[int32]repeatCount{}
	for g, c := range n {
		if c > out[g.unit].calls && ok[g] >= 2 {
			out[g.unit] = repeatCount{c, len(args[g]) < c}
		}
	}
	return out
}

func (q *inquiry) argumentIDs() []trace.KeyID {
	var out []trace.KeyID
	for _, name := range argumentKeys {
		if k, ok := q.spans.Key(name); ok && !q.spans.HighCardinality(k) {
			out = append(out, k)
		}
	}
	return out
}

// argumentBits folds what a call was asked into one number.
func (q *inquiry) argumentBits(sp *trace.Span, keys []trace.KeyID) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, a := range q.spans.Attrs(sp) {
		if slices.Contains(keys, a.Key) {
			h = (h ^ a.Bits()) * 1099511628211
		}
	}
	return h
}

// orphans counts spans that name a parent which is not in the data, by service, in both windows.
func (q *inquiry) orphans() map[trace.Sym]*excess {
	out := map[trace.Sym]*excess{}
	for i := range q.spans.Spans {
		sp := &q.spans.Spans[i]
		inc := q.win.incident(sp.Start)
		if !inc && !q.win.baseline(sp.Start) {
			continue
		}
		e := out[sp.Service]
		if e == nil {
			e = &excess{}
			out[sp.Service] = e
		}
		switch {
		case inc:
			e.nInc++
			e.inc += boolTo(sp.Orphan)
		default:
			e.nBase++
			e.base += boolTo(sp.Orphan)
		}
	}
	return out
}

func (q *inquiry) hygieneTable(cl *clues) Table {
	t := Table{
		Method:  "clock offset of a node = median distance of the middles of caller and answer (as NTP); parents that no span has; tries after a failed call of the same span; amplification = calls a request; the same call made twice below one span",
		Columns: []string{"what", "where", "count", "count_base", "note"},
	}
	row := func(what, where string, n, was float64, note string) {
		t.Rows = append(t.Rows, []string{what, where, number3(n), number3(was), note})
	}
	for _, k := range cl.skews {
		row("clock skew", k.Node, float64(k.Outside), 0, "off by "+k.Offset.String()+", "+strconv.Itoa(k.Calls)+" calls looked at")
	}
	for _, r := range cl.retries {
		to := cmp.Or(q.text(q.hosts[r.target]), q.text(r.target))
		row("retries", q.text(r.caller)+" of "+to, float64(r.inc), float64(r.base), number3(1+ratio(float64(r.inc), float64(r.calls)))+" tries a call; calls a request "+q.amplification(r))
	}
	for _, r := range q.repeats() {
		note := number3(r.calls) + " calls each"
		if r.was > 0 {
			note += ", " + number3(r.was) + " before"
		}
		if r.same {
			note += ", some with the same arguments"
		}
		row("repeated work", r.caller+": "+r.what, r.inc, r.base, note)
	}
	for _, u := range cl.agents {
		row("agent run", q.text(u.service), math.Round(u.tokens), math.Round(u.was), "input tokens a run; model calls "+number3(u.chats)+", "+number3(u.chat0)+" before")
	}
	o := q.orphans()
	for _, y := range sortedSyms(o) {
		if e := o[y]; e.inc+e.base > 0 {
			row("missing parents", q.text(y), e.inc, e.base, number3(percent(e.inc, e.nInc))+" % of its spans, "+number3(percent(e.base, e.nBase))+" % before")
		}
	}
	if q.spans.Dropped > 0 {
		row("duplicate spans", "", float64(q.spans.Dropped), 0, "read twice, kept once")
	}
	return t
}

// amplification is how many calls of a retried target a request makes, now and before.
func (q *inquiry) amplification(r retries) string {
	var now, was, n, m float64
	for _, u := range q.units {
		if u.service != r.caller || u.target != r.target || !u.kind.Outgoing() {
			continue
		}
		for _, i := range u.spans {
			now += boolTo(q.win.incident(q.spans.Spans[i].Start))
			was += boolTo(q.win.baseline(q.spans.Spans[i].Start))
		}
	}
	for i := range q.spans.Traces {
		at := q.spans.Spans[q.spans.Traces[i].Root].Start
		n += boolTo(q.win.incident(at))
		m += boolTo(q.win.baseline(at))
	}
	return number3(ratio(now, n)) + ", " + number3(ratio(was, m)) + " before"
}
