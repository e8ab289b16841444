package investigate

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// absent is something that fell silent although what used to lead to it goes on.
type absent struct {
	kind      string // operation, consumer, logs
	service   string
	what      string
	inc, base float64 // spans or lines
	expected  float64 // of the incident, by what callers do now
	g         float64
	last      int64 // its last sign before the silence
}

// silentShare is what is left of the expected at most for a thing to count as silent.
const silentShare = .2

// absences finds what fell silent: operations whose spans all but vanish although the services that called them go on at their
// rate (a crash, a certificate, a name), consumers that take no more messages of a partition, and services that write no more
// lines. Expected counts follow the callers' own activity, so that an end of traffic is no silence; the likelihood ratio of two
// Poisson rates says how sure it is (Przyborowski and Wilenski 1940 compare rates so; G after Dunning 1993).
func (q *inquiry) absences() []absent {
	out := slices.Concat(q.absentUnits(), q.absentConsumers(), q.absentLogs())
	slices.SortStableFunc(out, func(a, b absent) int {
		return cmp.Or(cmp.Compare(b.g, a.g), cmp.Compare(a.service+a.what, b.service+b.what))
	})
	return out
}

// activity counts a service's spans in both windows.
func (q *inquiry) activity() map[trace.Sym]*excess {
	out := map[trace.Sym]*excess{}
	for i := range q.spans.Spans {
		sp := &q.spans.Spans[i]
		if inc := q.win.incident(sp.Start); inc || q.win.baseline(sp.Start) {
			add(out, sp.Service, inc)
		}
	}
	return out
}

func (q *inquiry) absentUnits() []absent {
	act := q.activity()
	var out []absent
	for _, u := range q.units {
		if len(u.spans) < minForDecile {
			continue
		}
		var e excess
		callers := map[trace.Sym]float64{}
		last := int64(0)
		for _, i := range u.spans {
			sp := &q.spans.Spans[i]
			switch {
			case q.win.incident(sp.Start):
				e.inc++
			case q.win.baseline(sp.Start):
				e.base++
				last = max(last, sp.Start)
				if sp.Parent >= 0 {
					callers[q.spans.Spans[sp.Parent].Service]++
				}
			}
		}
		expected := e.base * q.pace(act, callers, e.base)
		if e.base < minForDecile || expected < minAffected*2 || e.inc > silentShare*expected {
			continue
		}
		if g := poissonG(e.inc, expected, e.base, e.base); g >= minG {
			out = append(out, absent{"operation", q.text(u.service), strings.TrimSpace(u.kind.String() + " " + q.text(u.name) + " " + q.text(u.target)), e.inc, e.base, expected, g, last})
		}
	}
	return out
}

// pace is how active the callers are in the incident against the baseline; for what nobody called it is the windows' ratio.
func (q *inquiry) pace(act map[trace.Sym]*excess, callers map[trace.Sym]float64, n float64) float64 {
	if len(callers) == 0 {
		return q.win.ratio()
	}
	var sum, weight float64
	for y, w := range callers {
		if a := act[y]; a != nil && a.base > 0 {
			sum += w * a.inc / a.base
			weight += w
		}
	}
	if weight < n/2 {
		return q.win.ratio()
	}
	return sum / weight
}

// absentConsumers looks at producers' messages by partition: who took them before and does not now.
func (q *inquiry) absentConsumers() []absent {
	part, _ := q.spans.Key("messaging.destination.partition.id")
	type key struct {
		target, service trace.Sym
		partition       string
	}
	sent, took := map[key]*excess{}, map[key]*excess{}
	groups := map[trace.Sym]map[trace.Sym]bool{}
	for i := range q.spans.Spans {
		sp := &q.spans.Spans[i]
		inc := q.win.incident(sp.Start)
		if sp.Kind != trace.Producer || !inc && !q.win.baseline(sp.Start) {
			continue
		}
		p := q.spans.Attr(sp, part)
		add(sent, key{target: sp.Target, partition: p}, inc)
		q.spans.Children(int32(i), func(c int32) {
			if ch := &q.spans.Spans[c]; ch.Kind == trace.Consumer {
				add(took, key{sp.Target, ch.Service, p}, inc)
				if groups[sp.Target] == nil {
					groups[sp.Target] = map[trace.Sym]bool{}
				}
				groups[sp.Target][ch.Service] = true
			}
		})
	}
	var out []absent
	for k, t := range took {
		all := sent[key{target: k.target, partition: k.partition}]
		expected := all.inc * ratio(t.base, all.base)
		if t.base < minForDecile/2 || expected < minAffected || t.inc > silentShare*expected {
			continue
		}
		if g := poissonG(t.inc, expected, t.base, t.base); g >= minG/2 {
			out = append(out, absent{kind: "consumer", service: q.text(k.service), what: strings.TrimSpace(q.text(k.target) + " partition " + k.partition), inc: t.inc, base: t.base, expected: expected, g: g})
		}
	}
	return out
}

// absentLogs finds services whose lines stop.
func (q *inquiry) absentLogs() []absent {
	type tally struct {
		excess

		last int64
	}
	by := map[string]*tally{}
	for _, p := range q.logs.patterns {
		if p.cluster {
			continue
		}
		t := by[p.service]
		if t == nil {
			t = &tally{}
			by[p.service] = t
		}
		for _, e := range p.events {
			switch {
			case q.win.incident(e.at):
				t.inc++
			case q.win.baseline(e.at):
				t.base++
				t.last = max(t.last, e.at)
			}
		}
	}
	var out []absent
	for _, name := range sortedKeys(by) {
		t := by[name]
		expected := t.base * q.win.ratio()
		if t.base < minForDecile || expected < minAffected*3 || t.inc > silentShare*expected {
			continue
		}
		if g := poissonG(t.inc, expected, t.base, t.base); g >= minG {
			out = append(out, absent{"logs", name, "log lines", t.inc, t.base, expected, g, t.last})
		}
	}
	return out
}

func (q *inquiry) absenceTable() Table {
	t := Table{
		Method:  "operations, consumed partitions and services' log lines that fell below a fifth of what their callers' activity leads to expect; G of two Poisson rates",
		Columns: []string{"what", "service", "name", "count", "expected", "count_base", "g", "last_seen"},
	}
	for _, a := range q.absences() {
		last := ""
		if a.last != 0 {
			last = stampNS(a.last)
		}
		t.Rows = append(t.Rows, []string{a.kind, a.service, a.what, strconv.Itoa(int(a.inc)), strconv.Itoa(int(math.Round(a.expected))), strconv.Itoa(int(a.base)), number3(a.g), last})
	}
	return t
}
