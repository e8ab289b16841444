package ui

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Sizes of a drawn map, in units of its view box.
const (
	boxWidth, boxHeight = 150, 44
	columnGap, rowGap   = 90, 18
	margin              = 16
	sweeps              = 6 // of the ordering: it settles after a few
)

// drawing is a graph laid out in columns, callers at the left.
type drawing struct {
	Width, Height float64
	Nodes         []*box
	Lines         []curve
}

// box is a node.
type box struct {
	Name, Type string
	Label      string
	Note       string
	Class      string
	X, Y       float64
	column     int
	row        float64
	calls, bad int
}

// MidX, MidY, NoteY are where a box's texts stand.
func (b *box) MidX() float64  { return b.X + boxWidth/2 }
func (b *box) MidY() float64  { return b.Y + 19 }
func (b *box) NoteY() float64 { return b.Y + 34 }

// W and H are a box's size.
func (*box) W() int { return boxWidth }
func (*box) H() int { return boxHeight }

// curve is an arrow.
type curve struct {
	Path, Class, Title string
	Width              float64
}

// draw lays a graph out by layers (Sugiyama, Tagawa & Toda 1981): each node right of its callers, back edges of circles left out of
// the layering; rows ordered by the barycentre of their neighbours. own names the nodes that have spans of their own.
func draw(edges []edgeRow, own map[string]bool) *drawing {
	if len(edges) == 0 {
		return nil
	}
	d := &drawing{}
	at := map[string]*box{}
	node := func(name, kind string) *box {
		if own[name] {
			kind = "service"
		}
		if at[name] == nil {
			at[name] = &box{Name: name, Type: kind, Label: clip(name, 19)}
			d.Nodes = append(d.Nodes, at[name])
		}
		return at[name]
	}
	next, before := map[*box][]*box{}, map[*box][]*box{}
	for _, e := range edges {
		a, b := node(e.Caller, "service"), node(e.Callee, e.Type)
		b.calls, b.bad = b.calls+e.Calls, b.bad+e.Errors
		if e.Class == "bad" || b.Class == "" {
			b.Class = e.Class
		}
		if a != b {
			next[a], before[b] = append(next[a], b), append(before[b], a)
		}
	}
	layers(d.Nodes, next)
	columns := order(d.Nodes, next, before)
	d.place(columns)
	for _, b := range d.Nodes {
		b.Note = b.Type
		if b.calls > 0 {
			b.Note = fmt.Sprintf("%s · %s calls", b.Type, grouped(int64(b.calls)))
		}
	}
	d.connect(edges, at)
	return d
}

// layers gives each node a column right of all its callers, by depth-first search that ignores edges back into its own path.
func layers(nodes []*box, next map[*box][]*box) {
	state := map[*box]int{} // 1 on the path, 2 done
	var post []*box
	back := map[[2]*box]bool{}
	var visit func(b *box)
	visit = func(b *box) {
		state[b] = 1
		for _, c := range next[b] {
			switch state[c] {
			case 0:
				visit(c)
			case 1:
				back[[2]*box{b, c}] = true
			}
		}
		state[b] = 2
		post = append(post, b)
	}
	called := map[*box]bool{}
	for _, list := range next {
		for _, c := range list {
			called[c] = true
		}
	}
	for _, roots := range []bool{true, false} {
		for _, b := range nodes {
			if state[b] == 0 && called[b] != roots {
				visit(b)
			}
		}
	}
	slices.Reverse(post)
	for _, b := range post {
		for _, c := range next[b] {
			if !back[[2]*box{b, c}] {
				c.column = max(c.column, b.column+1)
			}
		}
	}
}

// order sorts each column by the mean row of its neighbours, sweeping to and fro.
func order(nodes []*box, next, before map[*box][]*box) [][]*box {
	last := 0
	for _, b := range nodes {
		last = max(last, b.column)
	}
	columns := make([][]*box, last+1)
	for _, b := range nodes {
		b.row = float64(len(columns[b.column]))
		columns[b.column] = append(columns[b.column], b)
	}
	for i := range sweeps {
		neighbours := before
		if i%2 == 1 {
			neighbours = next
		}
		for k := range columns {
			c := columns[k]
			if i%2 == 1 {
				c = columns[last-k]
			}
			want := map[*box]float64{}
			for _, b := range c {
				want[b] = b.row
				if n := neighbours[b]; len(n) > 0 {
					want[b] = 0
					for _, x := range n {
						want[b] += x.row / float64(len(n))
					}
				}
			}
			slices.SortStableFunc(c, func(a, b *box) int { return cmp.Compare(want[a], want[b]) })
			for r, b := range c {
				b.row = float64(r) - float64(len(c))/2
			}
		}
	}
	return columns
}

func (d *drawing) place(columns [][]*box) {
	most := 0
	for _, c := range columns {
		most = max(most, len(c))
	}
	d.Width = float64(2*margin + len(columns)*boxWidth + (len(columns)-1)*columnGap)
	d.Height = float64(2*margin + most*boxHeight + (most-1)*rowGap)
	for k, c := range columns {
		top := (d.Height - float64(len(c)*boxHeight+(len(c)-1)*rowGap)) / 2
		for r, b := range c {
			b.X, b.Y = float64(margin+k*(boxWidth+columnGap)), math.Round(top+float64(r*(boxHeight+rowGap)))
		}
	}
}

func (d *drawing) connect(edges []edgeRow, at map[string]*box) {
	most := 1.0
	for _, e := range edges {
		most = max(most, e.PerMinute)
	}
	for _, e := range edges {
		a, b := at[e.Caller], at[e.Callee]
		x1, y1, x2, y2 := a.X+boxWidth, a.Y+boxHeight/2, b.X-6, b.Y+boxHeight/2
		bend := max((x2-x1)/2, 30)
		if b.column <= a.column { // back or beside: around the right
			x2, bend = b.X+boxWidth+6, 46
			d.Lines = append(d.Lines, curve{
				Path: fmt.Sprintf("M%.0f %.0f C%.0f %.0f %.0f %.0f %.0f %.0f", x1, y1, max(x1, x2)+bend, y1, max(x1, x2)+bend, y2, x2, y2), Class: e.Class, Title: e.Title(), Width: thickness(e.PerMinute, most),
			})
			continue
		}
		d.Lines = append(d.Lines, curve{
			Path: fmt.Sprintf("M%.0f %.0f C%.0f %.0f %.0f %.0f %.0f %.0f", x1, y1, x1+bend, y1, x2-bend, y2, x2, y2), Class: e.Class, Title: e.Title(), Width: thickness(e.PerMinute, most),
		})
	}
}

// thickness grows with the logarithm of the rate: rates differ by thousands.
func thickness(rate, most float64) float64 {
	return math.Round(10*(1+3*math.Log1p(rate)/math.Log1p(most))) / 10
}
