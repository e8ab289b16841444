package investigate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rareLine is a one-off line near the onset.
type rareLine struct {
	*pattern

	first sample
	n     int
}

// Where rare lines are looked for around the onset, and how often one may occur in all: every process may write it once or twice.
const (
	rareBefore = 5 * time.Minute
	rareAfter  = 2 * time.Minute
	rareLines  = 3
)

// rare lists the one-off lines near the onset whatever their severity: causes are written as INFO ("prompt template activated",
// "flag reloaded"), symptoms as ERROR. A pattern is rare when it has fewer than three lines in all, or one or two for each
// process, all of them near the onset. Lines of a request say nothing of a change and come last. (The idea is that of "rare
// events" in log anomaly detection, e.g. Xu et al. 2009; the window is that of the specification.)
func (q *inquiry) rare() []rareLine {
	from, to := q.win.onset-rareBefore.Nanoseconds(), q.win.onset+rareAfter.Nanoseconds()
	var out []rareLine
	for _, p := range q.logs.patterns {
		pods := map[uint32]bool{}
		near := true
		for _, e := range p.events {
			pods[uint32(e.pod)] = true
			near = near && e.at >= from && e.at < to
		}
		if !near || len(p.events) == 0 || len(p.samples) == 0 || len(p.events) >= rareLines && len(p.events) > 2*len(pods) {
			continue
		}
		out = append(out, rareLine{p, p.samples[0], len(p.events)})
	}
	slices.SortStableFunc(out, func(a, b rareLine) int {
		return cmp.Or(strings.Compare(emptyFirst(a.first.traceID), emptyFirst(b.first.traceID)), cmp.Compare(a.first.at, b.first.at))
	})
	return out
}

// emptyFirst sorts lines without a trace before all others.
func emptyFirst(traceID string) string {
	if traceID == "" {
		return ""
	}
	return "t"
}

func (q *inquiry) rareTable() Table {
	t := Table{
		Method:  "lines of any severity whose pattern occurs once or twice (for each process) and only from five minutes before the onset to two after it; lines outside of requests first",
		Columns: []string{"time", "before_onset_s", "service", "severity", "lines", "kind", "text", "place"},
	}
	for _, r := range q.rare() {
		t.Rows = append(t.Rows, []string{
			stampNS(r.first.at), since(r.first.at, q.win.onset), r.service, strconv.Itoa(r.severity), strconv.Itoa(r.n), string(changeOf(r.first.reason + " " + r.first.body)), clipText(r.first.body, maxQuoted), placeOfLine(r.first.file, r.first.line),
		})
	}
	return t
}
