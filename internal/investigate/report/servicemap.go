package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// Sizes of the service map in user units.
const (
	nodeWidth   = 154.0
	nodeHeight  = 42.0
	columnGap   = 62.0
	mapMargin   = 12.0
	nodeRunes   = 21   // characters that fit nodeWidth
	maxNodes    = 60   // drawn; a larger map is no picture
	edgeWidth   = 1.1  // of the least call
	moreFailed  = .02  // a share of failures grown by this much is drawn red
	moreLatency = 2.0  // times the former 95th percentile are drawn amber
	leastSlower = 20.0 // ms, below which slower is noise
)

type mapPlot struct {
	Width, Height float64
	Nodes         []mapNode
	Edges         []mapEdge
	Cut           int // edges left out
}

type mapNode struct {
	X, Y, MidX, Y1, Y2        float64
	W, H                      float64
	Label, Note, Class, Title string
	Badge                     string
}

type mapEdge struct {
	Path, Class, Title string
	Head               string // which arrow head: plain, bad, slow
	Width              float64
	Reversed           bool
}

// link is all that one service asks of another.
type link struct {
	from, to string
	kind     string
	now      trace.Stats
	was      *trace.Stats
}

// plotMap draws who calls whom, callers left of what they call, coloured by what changed and who is blamed.
func plotMap(edges []trace.Edge, v *investigate.Report) *mapPlot {
	links, cut := busiest(merged(edges))
	if len(links) == 0 {
		return nil
	}
	pairs := make([][2]string, len(links))
	most := 1
	for i, l := range links {
		pairs[i] = [2]string{l.from, l.to}
		most = max(most, l.now.Calls)
	}
	g := layout(pairs)
	p := &mapPlot{Cut: cut, Width: 2*mapMargin + float64(len(g.columns))*(nodeWidth+columnGap) - columnGap}
	for i := range g.v {
		if g.v[i].name != "" {
			p.Nodes = append(p.Nodes, drawNode(&g.v[i], links, v))
			p.Height = max(p.Height, g.v[i].y+slotHeight/2+2*mapMargin)
		}
	}
	byPair := map[[2]string]link{}
	for _, l := range links {
		byPair[[2]string{l.from, l.to}] = l
	}
	for _, a := range g.arrows {
		p.Edges = append(p.Edges, drawEdge(g, a, byPair[[2]string{a.from, a.to}], most))
	}
	slices.SortStableFunc(p.Edges, func(a, b mapEdge) int { return cmp.Compare(len(a.Class), len(b.Class)) }) // coloured ones on top
	return p
}

// merged joins the edges between the same two; a call that is also a message counts once by its larger part.
func merged(edges []trace.Edge) []link {
	var out []link
	at := map[[2]string]int{}
	for _, e := range edges {
		k := [2]string{e.Caller, e.Callee}
		i, ok := at[k]
		if !ok {
			at[k] = len(out)
			out = append(out, link{e.Caller, e.Callee, e.Type, e.Stats, e.Baseline})
			continue
		}
		l := &out[i]
		if e.Calls > l.now.Calls {
			l.kind = e.Type
			l.now, e.Stats = e.Stats, l.now
			l.was, e.Baseline = e.Baseline, l.was
		}
		l.now = sum(l.now, e.Stats)
		if e.Baseline != nil {
			if l.was == nil {
				l.was = &trace.Stats{}
			}
			both := sum(*l.was, *e.Baseline)
			l.was = &both
		}
	}
	return out
}

// sum adds counts and rates; the percentiles are those of the first, which has more calls.
func sum(a, b trace.Stats) trace.Stats {
	a.Calls, a.Errors, a.PerMinute = a.Calls+b.Calls, a.Errors+b.Errors, a.PerMinute+b.PerMinute
	return a
}

// busiest keeps the edges of the nodes with the most calls, before the incident or in it.
func busiest(links []link) (kept []link, cut int) {
	calls := func(l link) int {
		if l.was != nil {
			return max(l.now.Calls, l.was.Calls)
		}
		return l.now.Calls
	}
	slices.SortStableFunc(links, func(a, b link) int { return cmp.Compare(calls(b), calls(a)) })
	seen := map[string]bool{}
	for _, l := range links {
		more := 0
		for _, n := range []string{l.from, l.to} {
			if !seen[n] {
				more++
			}
		}
		if len(seen)+more > maxNodes {
			cut++
			continue
		}
		seen[l.from], seen[l.to] = true, true
		kept = append(kept, l)
	}
	return kept, cut
}

func nodeX(column int) float64 { return mapMargin + float64(column)*(nodeWidth+columnGap) }

func drawNode(x *vertex, links []link, v *investigate.Report) mapNode {
	n := mapNode{X: nodeX(x.column), Y: round(x.y + mapMargin - nodeHeight/2), W: nodeWidth, H: nodeHeight, Label: shortened(x.name, nodeRunes)}
	n.MidX, n.Y1, n.Y2 = n.X+nodeWidth/2, n.Y+18, n.Y+33
	kind, calls, errors, rate := traffic(x.name, links)
	if kind != "" {
		n.Class = "ext"
	}
	n.Note = note(kind, calls, errors, rate)
	n.Title = fmt.Sprintf("%s: %d calls, %d failed", clip(x.name, maxName), calls, errors)
	class, badge := blame(x.name, v)
	n.Class, n.Badge = strings.TrimSpace(n.Class+" "+class), badge
	if badge != "" {
		n.Title += ", " + badge
	} else if class == "hit" {
		n.Title += ", suffers"
	}
	return n
}

// note is what fits under a node's name: what it is, how busy, how bad; two of the three.
func note(kind string, calls, errors int, rate float64) string {
	var out []string
	if kind != "" && kind != "remote" {
		out = append(out, kind)
	}
	if errors == 0 || len(out) == 0 {
		out = append(out, perMinute(rate))
	}
	if errors > 0 {
		out = append(out, percent(float64(errors)/float64(max(calls, 1)))+" fail")
	}
	return strings.Join(out, " · ")
}

// traffic sums the calls that a node receives, or makes if none reach it, and says what kind of thing it is if no service.
func traffic(name string, links []link) (kind string, calls, errors int, rate float64) {
	var in, out trace.Stats
	caller := false
	for _, l := range links {
		if l.to == name {
			in = sum(in, l.now)
			if l.kind != "service" && l.kind != "messaging" {
				kind = l.kind
			}
		}
		if l.from == name {
			caller = true
			out = sum(out, l.now)
		}
	}
	if caller {
		kind = ""
	}
	if in.Calls == 0 {
		in = out
	}
	return kind, in.Calls, in.Errors, in.PerMinute
}

func perMinute(rate float64) string {
	if rate >= 10 {
		return fmt.Sprintf("%.0f/min", rate)
	}
	return fmt.Sprintf("%.1f/min", rate)
}

// blame is the node's class and badge by the verdict.
func blame(name string, v *investigate.Report) (class, badge string) {
	for _, s := range v.Suspects {
		if s.Service == name || s.Component == name {
			if s.Rank == 1 {
				return "first", "suspect 1"
			}
			return "suspect", fmt.Sprintf("suspect %d", s.Rank)
		}
	}
	if slices.Contains(v.BlastRadius.Services, name) {
		return "hit", ""
	}
	return "", ""
}

// drawEdge leads from the right of the caller to the left of the callee, level across the columns between.
func drawEdge(g *graph, a arrow, l link, most int) mapEdge {
	var b strings.Builder
	x, y := 0.0, 0.0
	for i, n := range a.path {
		v := &g.v[n]
		left, at := nodeX(v.column), v.y+mapMargin
		if i == 0 {
			x, y = left+nodeWidth, at
			fmt.Fprintf(&b, "M%.1f %.1f", x, y)
			continue
		}
		end := left
		if i == len(a.path)-1 {
			end -= 3 // room for the arrow's head
		}
		fmt.Fprintf(&b, " C%.1f %.1f %.1f %.1f %.1f %.1f", x+columnGap/2, y, left-columnGap/2, at, end, at)
		if i < len(a.path)-1 {
			fmt.Fprintf(&b, " H%.1f", left+nodeWidth)
		}
		x, y = left+nodeWidth, at
	}
	class, title := judge(l)
	w := edgeWidth + 2.4*math.Log1p(float64(l.now.Calls))/math.Log1p(float64(most))
	head, _ := strings.CutPrefix(class, "edge ")
	if head != "bad" && head != "slow" {
		head = "plain"
	}
	return mapEdge{Path: b.String(), Class: class, Title: title, Head: head, Width: round(w), Reversed: a.reversed}
}

// judge says what changed on an edge.
func judge(l link) (class, title string) {
	class = "edge"
	title = fmt.Sprintf("%s to %s: %d calls, %s, %s failed, 95th percentile %s", clip(l.from, maxName), clip(l.to, maxName), l.now.Calls, perMinute(l.now.PerMinute), percent(l.now.ErrorRate()), duration(l.now.P95))
	b := l.was
	if b == nil {
		return class, title
	}
	title += fmt.Sprintf(" (before: %s, %s, %s)", perMinute(b.PerMinute), percent(b.ErrorRate()), duration(b.P95))
	switch {
	case l.now.ErrorRate() > b.ErrorRate()+moreFailed:
		class = "edge bad"
	case float64(l.now.P95) > moreLatency*float64(b.P95) && l.now.P95 > b.P95+time.Duration(leastSlower*float64(time.Millisecond)):
		class = "edge slow"
	case l.now.Calls == 0:
		class = "edge gone"
	}
	return class, title
}
