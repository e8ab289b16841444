package investigate

import (
	"cmp"
	"math"
	"slices"
)

// pathRow is what one place costs the requests on their critical paths.
type pathRow struct {
	service, target string
	via             via
	base, now       float64 // nanoseconds a request of the incident's mix, mean
	share           float64 // of all the additional time
}

// differenced sums the exclusive time on the critical path by place and answers its mean per request in the incident against
// that of the baseline, class by class, so that a change of the traffic's mix is no difference. (Critical path: from the root's
// end back along the child that finished last, Yang and Miller 1988; MicroRank and MonitorRank rank by the same difference.)
func (q *inquiry) differenced(cl *clues) []pathRow {
	type sums struct{ now, base float64 }
	by := map[cell]*sums{}
	for i := range cl.js.jobs {
		j := &cl.js.jobs[i]
		inc := q.win.incident(j.start)
		if c := &cl.js.classes[j.class]; !inc && !q.win.baseline(j.start) || c.nBase < minClass || c.consumer {
			continue
		}
		for _, x := range cl.js.shares[j.lo:j.hi] {
			k := cell{j.class, x.place, x.via}
			s := by[k]
			if s == nil {
				s = &sums{}
				by[k] = s
			}
			if inc {
				s.now += float64(x.ns)
			} else {
				s.base += float64(x.ns)
			}
		}
	}
	var jobs float64
	for i := range cl.js.classes {
		if c := &cl.js.classes[i]; c.nBase >= minClass && !c.consumer {
			jobs += float64(c.nInc)
		}
	}
	type key struct {
		place int32
		via   via
	}
	rows := map[key]*pathRow{}
	for k, s := range by {
		c := &cl.js.classes[k.class]
		r := rows[key{k.place, k.via}]
		if r == nil {
			p := cl.js.places[k.place]
			r = &pathRow{service: q.text(p.service), target: q.text(p.target), via: k.via}
			rows[key{k.place, k.via}] = r
		}
		r.now += s.now / max(1, jobs)
		r.base += s.base / float64(c.nBase) * float64(c.nInc) / max(1, jobs)
	}
	return sortPath(rows)
}

func sortPath[K comparable](rows map[K]*pathRow) []pathRow {
	out := make([]pathRow, 0, len(rows))
	var more float64
	for _, r := range rows {
		more += max(0, r.now-r.base)
		out = append(out, *r)
	}
	for i := range out {
		out[i].share = ratio(max(0, out[i].now-out[i].base), more)
	}
	slices.SortFunc(out, func(a, b pathRow) int {
		return cmp.Or(cmp.Compare(b.now-b.base, a.now-a.base), cmp.Compare(a.service+a.target, b.service+b.target), cmp.Compare(a.via, b.via))
	})
	return out
}

func (q *inquiry) criticalPathTable(cl *clues) Table {
	t := Table{
		Method:  "exclusive time on the critical path (back from the root's end along the child that finished last) by place, incident less baseline, for the same mix of routes",
		Columns: []string{"service", "calls", "how", "ms_a_request", "ms_base", "difference_ms", "share_of_more_pct"},
	}
	for _, r := range q.differenced(cl) {
		if math.Abs(r.now-r.base) < 1e4 { // ten microseconds
			continue
		}
		how := [...]string{viaOwn: "own work", viaCall: "in the call", viaWait: "wait before the call"}[r.via]
		t.Rows = append(t.Rows, []string{r.service, r.target, how, number3(r.now / 1e6), number3(r.base / 1e6), number3((r.now - r.base) / 1e6), number3(100 * r.share)})
	}
	return t
}
