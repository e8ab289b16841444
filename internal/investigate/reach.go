package investigate

import (
	"cmp"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// rankedChange is an entry of the change feed with what it can have to do with the trouble.
type rankedChange struct {
	change

	how  string // how the failing services depend on it
	rank float64
}

// What a change counts by the way the services that suffer depend on it.
const (
	reachSelf   = 1.  // it changes a service that carries blame, or its node
	reachCallee = .8  // services that carry blame call it
	reachCaller = .5  // it calls one that does: it may send what that cannot take
	reachNone   = .05 // nothing leads from one to the other
)

// feed ranks the change feed by closeness to the onset and by reachability in the call graph: a rollout of a service that no
// failing service depends on is a coincidence however close it lies.
func (q *inquiry) feed(cl *clues) []rankedChange {
	blamed := map[trace.Sym]bool{}
	nodes := map[string]bool{}
	for _, c := range cl.culprits {
		blamed[c.service] = true
	}
	for i := range q.spans.Resources {
		if r := &q.spans.Resources[i]; blamed[r.Service] {
			nodes[q.text(r.NodeOf())] = true
			nodes[q.text(r.Node)] = true
		}
	}
	delete(nodes, "")
	var out []rankedChange
	for _, c := range cl.changes {
		r := rankedChange{change: c, how: "unrelated"}
		w := reachNone
		y, known := q.spans.Sym(c.service)
		switch {
		case known && blamed[y]:
			w, r.how = reachSelf, "blamed itself"
		case c.node != "" && nodes[c.node] && (c.kind == changeNode || c.kind == changeOOM):
			w, r.how = reachSelf, "node of a blamed service"
		case known && q.leads(blamed, y):
			w, r.how = reachCallee, "called by a blamed service"
		case known && q.reaches(y, func(to trace.Sym) bool { return blamed[to] }):
			w, r.how = reachCaller, "calls a blamed service"
		case len(blamed) == 0 || c.service == "":
			w, r.how = reachCaller, "unknown"
		}
		r.rank = w * q.closenessTo(c, 0)
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b rankedChange) int { return cmp.Compare(b.rank, a.rank) })
	return out
}

// leads reports whether one of the services calls another, directly or through others.
func (q *inquiry) leads(from map[trace.Sym]bool, to trace.Sym) bool {
	for _, y := range sortedSyms(from) {
		if q.reaches(y, func(x trace.Sym) bool { return x == to }) {
			return true
		}
	}
	return false
}

// Constants of the walk, those of the papers.
const (
	damping    = .85
	walkRounds = 40
)

// pageRank walks the services along the failing and slow calls of the incident, starting again at the services where bad
// requests enter, and answers where the walk stays: the personalised PageRank that MonitorRank (Kim et al. 2013) and MicroRank
// (Yu et al. 2021) rank services by. It breaks ties between suspects.
func (q *inquiry) pageRank(cl *clues) map[trace.Sym]float64 {
	edges := map[trace.Sym]map[trace.Sym]float64{}
	start := map[trace.Sym]float64{}
	link := func(a, b trace.Sym, w float64) {
		if edges[a] == nil {
			edges[a] = map[trace.Sym]float64{}
		}
		edges[a][b] += w
	}
	var total float64
	for _, c := range cl.culprits {
		for _, b := range c.bad[:min(len(c.bad), maxWalked)] {
			to := c.service
			for i := b.span; i >= 0; i = q.spans.Spans[i].Parent {
				if y := q.spans.Spans[i].Service; y != to {
					link(y, to, 1)
					to = y
				}
			}
			link(c.service, c.service, 1)
			start[to]++
			total++
		}
	}
	rank := map[trace.Sym]float64{}
	for y, n := range start {
		rank[y] = n / total
	}
	for range walkRounds {
		next := map[trace.Sym]float64{}
		for y, n := range start {
			next[y] += (1 - damping) * n / total
		}
		for a, r := range rank {
			var out float64
			for _, w := range edges[a] {
				out += w
			}
			for b, w := range edges[a] {
				next[b] += damping * r * w / out
			}
		}
		rank = next
	}
	return rank
}

// maxWalked bounds the bad spans of one place that the walk is taught by.
const maxWalked = 2000
