package report

import (
	"cmp"
	"slices"
)

// A layered drawing of a directed graph, after Sugiyama: break circles, put each node in a column right of its callers, cut long
// arrows by waypoints, order the columns to cross few arrows, then move nodes towards their neighbours without overlap.

// vertex is a node or a waypoint of a long arrow.
type vertex struct {
	name     string // "" for a waypoint
	column   int
	y        float64 // of its middle
	height   float64 // with the gap to the next
	in, out  []int
	position int // within its column
}

// arrow is an edge of the layout: its vertices from left to right; reversed if the call goes from right to left.
type arrow struct {
	from, to string
	path     []int
	reversed bool
}

type graph struct {
	v       []vertex
	byName  map[string]int
	columns [][]int
	arrows  []arrow
}

// Heights in user units and how long the layout tries.
const (
	slotHeight  = 56.0 // a node and the gap below it
	wayHeight   = 18.0
	orderRounds = 12
	placeRounds = 16
)

// layout places the nodes of the edges (caller, callee); self-calls are left out.
func layout(edges [][2]string) *graph {
	g := &graph{byName: map[string]int{}}
	for _, e := range edges {
		for _, n := range e {
			if _, ok := g.byName[n]; !ok {
				g.byName[n] = len(g.v)
				g.v = append(g.v, vertex{name: n, height: slotHeight})
			}
		}
	}
	forward := g.acyclic(edges)
	g.layer()
	for i, e := range edges {
		if e[0] != e[1] {
			g.connect(e, !forward[i])
		}
	}
	g.collect()
	g.order()
	g.place()
	return g
}

// acyclic reports for each edge whether it keeps its direction: those that close a circle are turned round. Nodes without callers
// are visited first, so that circles open at the entry.
func (g *graph) acyclic(edges [][2]string) []bool {
	callers := make([]int, len(g.v))
	out := make([][]int, len(g.v)) // indices of edges
	for i, e := range edges {
		if e[0] != e[1] {
			callers[g.byName[e[1]]]++
			out[g.byName[e[0]]] = append(out[g.byName[e[0]]], i)
		}
	}
	start := make([]int, len(g.v))
	for i := range start {
		start[i] = i
	}
	slices.SortFunc(start, func(a, b int) int {
		return cmp.Or(cmp.Compare(callers[a], callers[b]), cmp.Compare(len(out[b]), len(out[a])), cmp.Compare(g.v[a].name, g.v[b].name))
	})
	forward := make([]bool, len(edges))
	state := make([]uint8, len(g.v)) // 1 on the way, 2 done
	var visit func(n int)
	visit = func(n int) {
		state[n] = 1
		for _, i := range out[n] {
			m := g.byName[edges[i][1]]
			forward[i] = state[m] != 1
			if state[m] == 0 {
				visit(m)
			}
		}
		state[n] = 2
	}
	for _, n := range start {
		if state[n] == 0 {
			visit(n)
		}
	}
	for i, e := range edges {
		u, w := g.byName[e[0]], g.byName[e[1]]
		if !forward[i] {
			u, w = w, u
		}
		if u != w {
			g.v[u].out, g.v[w].in = append(g.v[u].out, w), append(g.v[w].in, u)
		}
	}
	return forward
}

// layer puts each node one column right of its furthest caller; nodes that call but are not called move next to what they call.
func (g *graph) layer() {
	left := make([]int, len(g.v))
	var ready, topo []int
	for i := range g.v {
		if left[i] = len(g.v[i].in); left[i] == 0 {
			ready = append(ready, i)
		}
	}
	for len(ready) > 0 {
		n := ready[0]
		ready, topo = ready[1:], append(topo, n)
		for _, m := range g.v[n].out {
			g.v[m].column = max(g.v[m].column, g.v[n].column+1)
			if left[m]--; left[m] == 0 {
				ready = append(ready, m)
			}
		}
	}
	for _, n := range slices.Backward(topo) {
		if len(g.v[n].in) == 0 && len(g.v[n].out) > 0 {
			nearest := g.v[g.v[n].out[0]].column
			for _, m := range g.v[n].out {
				nearest = min(nearest, g.v[m].column)
			}
			g.v[n].column = nearest - 1
		}
	}
}

// connect adds an arrow, with waypoints in the columns it crosses.
func (g *graph) connect(e [2]string, reversed bool) {
	u, w := g.byName[e[0]], g.byName[e[1]]
	if reversed {
		u, w = w, u
	}
	a := arrow{from: e[0], to: e[1], path: []int{u}, reversed: reversed}
	for c := g.v[u].column + 1; c < g.v[w].column; c++ {
		a.path = append(a.path, len(g.v))
		g.v = append(g.v, vertex{column: c, height: wayHeight})
	}
	a.path = append(a.path, w)
	g.arrows = append(g.arrows, a)
}

// collect fills the columns and makes the neighbours those of the next column.
func (g *graph) collect() {
	for i := range g.v {
		g.v[i].in, g.v[i].out = nil, nil
		for len(g.columns) <= g.v[i].column {
			g.columns = append(g.columns, nil)
		}
		g.columns[g.v[i].column] = append(g.columns[g.v[i].column], i)
	}
	for _, a := range g.arrows {
		for i := 1; i < len(a.path); i++ {
			u, w := a.path[i-1], a.path[i]
			g.v[u].out, g.v[w].in = append(g.v[u].out, w), append(g.v[w].in, u)
		}
	}
}

// order sorts the columns by the mean position of their neighbours, left to right and back, and keeps the order with fewest crossings.
func (g *graph) order() {
	g.number()
	best, fewest := g.snapshot(), g.crossings()
	for round := range orderRounds {
		for c := range g.columns {
			if round%2 == 1 {
				c = len(g.columns) - 1 - c
			}
			mean := map[int]float64{}
			for _, n := range g.columns[c] {
				near := g.v[n].in
				if round%2 == 1 {
					near = g.v[n].out
				}
				mean[n] = g.meanPosition(n, near)
			}
			slices.SortStableFunc(g.columns[c], func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
			g.number()
		}
		if n := g.crossings(); n < fewest {
			best, fewest = g.snapshot(), n
		}
	}
	g.columns = best
	g.number()
}

func (g *graph) meanPosition(n int, near []int) float64 {
	if len(near) == 0 {
		return g.relative(n)
	}
	sum := 0.0
	for _, m := range near {
		sum += g.relative(m)
	}
	return sum / float64(len(near))
}

// relative is the position within the column, from 0 to 1.
func (g *graph) relative(n int) float64 {
	return (float64(g.v[n].position) + .5) / float64(len(g.columns[g.v[n].column]))
}

func (g *graph) number() {
	for _, c := range g.columns {
		for i, n := range c {
			g.v[n].position = i
		}
	}
}

func (g *graph) snapshot() [][]int {
	out := make([][]int, len(g.columns))
	for i, c := range g.columns {
		out[i] = slices.Clone(c)
	}
	return out
}

// crossings counts pairs of arrows that cross between two columns.
func (g *graph) crossings() int {
	n := 0
	for _, c := range g.columns {
		var ends [][2]int
		for _, u := range c {
			for _, w := range g.v[u].out {
				ends = append(ends, [2]int{g.v[u].position, g.v[w].position})
			}
		}
		for i, a := range ends {
			for _, b := range ends[:i] {
				if (a[0]-b[0])*(a[1]-b[1]) < 0 {
					n++
				}
			}
		}
	}
	return n
}

// place moves the nodes of each column towards the mean of their neighbours, as near as the gaps allow.
func (g *graph) place() {
	for _, c := range g.columns {
		y := 0.0
		for _, n := range c {
			g.v[n].y = y + g.v[n].height/2
			y += g.v[n].height
		}
		for _, n := range c {
			g.v[n].y -= y / 2
		}
	}
	for range placeRounds {
		for _, c := range g.columns {
			g.settle(c)
		}
		for _, c := range slices.Backward(g.columns) {
			g.settle(c)
		}
	}
	top := 0.0
	for _, v := range g.v {
		top = min(top, v.y-v.height/2)
	}
	for i := range g.v {
		g.v[i].y -= top
	}
}

// settle finds the places nearest to the wished ones (least squares) that keep order and gaps: pool adjacent violators.
func (g *graph) settle(column []int) {
	type pool struct {
		sum, weight float64
		n           int
	}
	var pools []pool
	offset := make([]float64, len(column))
	for i, n := range column {
		if i > 0 {
			offset[i] = offset[i-1] + (g.v[column[i-1]].height+g.v[n].height)/2
		}
		wish, near := 0.0, 0
		for _, m := range slices.Concat(g.v[n].in, g.v[n].out) {
			wish += g.v[m].y
			near++
		}
		if near == 0 {
			wish, near = g.v[n].y, 1
		}
		w := 1.0
		if g.v[n].name == "" {
			w = 2 // straight long arrows
		}
		p := pool{w * (wish/float64(near) - offset[i]), w, 1}
		for len(pools) > 0 && pools[len(pools)-1].sum/pools[len(pools)-1].weight >= p.sum/p.weight {
			last := pools[len(pools)-1]
			p = pool{p.sum + last.sum, p.weight + last.weight, p.n + last.n}
			pools = pools[:len(pools)-1]
		}
		pools = append(pools, p)
	}
	i := 0
	for _, p := range pools {
		for range p.n {
			g.v[column[i]].y = p.sum/p.weight + offset[i]
			i++
		}
	}
}
