package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// Sizes of the drawings in SVG user units; the page scales them to its width.
const (
	plotWidth    = 960.0
	plotHeight   = 170.0
	plotLeft     = 46.0
	plotBottom   = 26.0
	ticks        = 6
	rowHeight    = 20.0
	labelWidth   = 330.0
	nodeWidth    = 158.0
	nodeHeight   = 42.0
	columnGap    = 64.0
	rowGap       = 16.0
	mapMargin    = 14.0
	labelRunes   = 42 // characters that fit labelWidth
	nodeRunes    = 20 // characters that fit nodeWidth
	minBar       = 1.5
	edgeMinWidth = 1.2
)

type bar struct {
	X, Y, W, H float64
	Class      string
	Title      string
}

type tick struct {
	At    float64
	Label string
}

type timelinePlot struct {
	Width, Height        float64
	Left, Base           float64
	Bars                 []bar
	Line                 string // points of the percentile's line
	X, Y                 []tick
	Onset                float64
	OnsetLabel           string
	HasOnset             bool
	WindowX, WindowWidth float64
	P95Max               string
}

// plotTimeline lays out the bars of requests and failures and the line of the 95th percentile, each on its own scale.
func plotTimeline(b []Bucket, v *investigate.Report) *timelinePlot {
	if len(b) < 2 {
		return nil
	}
	p := &timelinePlot{Width: plotWidth, Height: plotHeight + plotBottom, Left: plotLeft, Base: plotHeight}
	most, slow := 1, time.Duration(1)
	for _, k := range b {
		most, slow = max(most, k.Requests), max(slow, k.P95)
	}
	width := b[1].Start.Sub(b[0].Start)
	end := b[len(b)-1].Start.Add(width)
	x := func(t time.Time) float64 {
		return round(plotLeft + (plotWidth-plotLeft)*float64(t.Sub(b[0].Start))/float64(end.Sub(b[0].Start)))
	}
	step := (plotWidth - plotLeft) / float64(len(b))
	for _, k := range b {
		h := plotHeight * .92 * float64(k.Requests) / float64(most)
		f := plotHeight * .92 * float64(k.Failed) / float64(most)
		title := fmt.Sprintf("%s: %d requests, %d with a failed span, p95 %s", k.Start.Format(time.RFC3339), k.Requests, k.Failed, duration(k.P95))
		p.Bars = append(p.Bars, bar{X: x(k.Start), Y: round(plotHeight - h), W: round(step - 1), H: round(h), Class: "requests", Title: title})
		if k.Failed > 0 {
			p.Bars = append(p.Bars, bar{X: x(k.Start), Y: round(plotHeight - f), W: round(step - 1), H: round(f), Class: "failed", Title: title})
		}
		if k.Requests > 0 {
			p.Line += fmt.Sprintf("%.1f,%.1f ", x(k.Start)+step/2, plotHeight-plotHeight*.92*float64(k.P95)/float64(slow))
		}
	}
	for i := range ticks {
		t := b[i*len(b)/ticks].Start
		p.X = append(p.X, tick{x(t), t.Format("15:04:05Z")})
	}
	p.Y = []tick{{plotHeight, "0"}, {round(plotHeight * .08), strconv.Itoa(most)}}
	p.P95Max = duration(slow)
	if v.Onset != nil {
		p.HasOnset, p.Onset, p.OnsetLabel = true, x(*v.Onset), "onset "+v.Onset.UTC().Format(time.RFC3339)
	}
	if v.Window != nil {
		p.WindowX = max(x(v.Window.Start), plotLeft)
		p.WindowWidth = round(min(x(v.Window.End), plotWidth) - p.WindowX)
	}
	return p
}

type waterfallPlot struct {
	Width, Height float64
	Label         float64
	Rows          []waterfallRow
	Ticks         []tick
	TraceID       string
	Duration      string
	Cut           int
}

type waterfallRow struct {
	Y, Mid, Indent float64
	Label, Title   string
	Bar, Critical  bar
	Time           string
	TimeX          float64
	TimeAnchor     string
	Failed         bool
}

func plotWaterfall(w *Waterfall) *waterfallPlot {
	if w == nil || w.Duration <= 0 {
		return nil
	}
	p := &waterfallPlot{Width: plotWidth, Label: labelWidth, TraceID: w.TraceID, Duration: duration(w.Duration), Cut: w.Cut}
	scale := (plotWidth - labelWidth - 70) / float64(w.Duration)
	for i, r := range w.Rows {
		y := rowHeight * (float64(i) + 1)
		x := labelWidth + scale*float64(max(r.Offset, 0))
		row := waterfallRow{
			Y: y, Mid: y + rowHeight*.7, Indent: min(float64(r.Depth)*9, labelWidth/3), Failed: r.Failed(), Time: duration(r.Duration),
			Label: shortened(r.Service+" "+r.Operation, labelRunes-min(r.Depth, 8)),
		}
		row.Bar = bar{X: round(x), Y: y + 4, W: round(max(scale*float64(r.Duration), minBar)), H: rowHeight - 8, Class: "span"}
		if row.Failed {
			row.Bar.Class = "span bad"
		}
		if r.Critical > 0 {
			row.Critical = bar{X: row.Bar.X, Y: y + rowHeight - 6, W: round(max(scale*float64(r.Critical), minBar)), H: 2}
		}
		row.TimeX, row.TimeAnchor = row.Bar.X+row.Bar.W+4, "start"
		row.Title = fmt.Sprintf("%s %s: %s, of it alone %s", r.Service, r.Operation, duration(r.Duration), duration(r.Exclusive))
		for _, m := range r.Marks {
			row.Title += ", " + m
		}
		if r.Message != "" {
			row.Title += "\n" + r.Message
		}
		p.Rows = append(p.Rows, row)
	}
	p.Height = rowHeight * (float64(len(w.Rows)) + 1.5)
	for i := range 4 {
		p.Ticks = append(p.Ticks, tick{round(labelWidth + scale*float64(w.Duration)*float64(i)/3), duration(w.Duration * time.Duration(i) / 3)})
	}
	return p
}

type mapPlot struct {
	Width, Height float64
	Nodes         []mapNode
	Edges         []mapEdge
	Cut           int
}

type mapNode struct {
	Name, Label, Class, Title, Note string
	X, Y                            float64
	column                          int
}

type mapEdge struct {
	Path, Class, Title string
	Width              float64
}

// plotMap lays the services out in columns by their distance from the entry, ordered in a column to keep arrows short.
func plotMap(edges []trace.Edge, v *investigate.Report) *mapPlot {
	if len(edges) == 0 {
		return nil
	}
	edges, cut := busiest(edges)
	nodes, columns := layers(edges)
	order(columns, edges)
	p := &mapPlot{Cut: cut}
	tallest := 0
	for _, c := range columns {
		tallest = max(tallest, len(c))
	}
	p.Width = 2*mapMargin + float64(len(columns))*(nodeWidth+columnGap) - columnGap
	p.Height = 2*mapMargin + float64(tallest)*(nodeHeight+rowGap) - rowGap
	for ci, c := range columns {
		top := mapMargin + float64(tallest-len(c))*(nodeHeight+rowGap)/2
		for ri, name := range c {
			n := nodes[name]
			n.X, n.Y = mapMargin+float64(ci)*(nodeWidth+columnGap), top+float64(ri)*(nodeHeight+rowGap)
			n.Label = shortened(name, nodeRunes)
			n.Class, n.Note = blame(name, v)
			n.Title = name
		}
	}
	busiestCalls := 1
	for _, e := range edges {
		busiestCalls = max(busiestCalls, e.Calls)
	}
	for _, e := range edges {
		p.Edges = append(p.Edges, drawEdge(e, nodes[e.Caller], nodes[e.Callee], busiestCalls))
	}
	for _, c := range columns {
		for _, name := range c {
			p.Nodes = append(p.Nodes, *nodes[name])
		}
	}
	return p
}

// busiest keeps the edges of the nodes with the most calls.
func busiest(edges []trace.Edge) (kept []trace.Edge, cut int) {
	sorted := slices.Clone(edges)
	slices.SortStableFunc(sorted, func(a, b trace.Edge) int { return cmp.Compare(b.Calls, a.Calls) })
	seen := map[string]bool{}
	for _, e := range sorted {
		more := 0
		for _, n := range []string{e.Caller, e.Callee} {
			if !seen[n] {
				more++
			}
		}
		if len(seen)+more > maxNodes {
			cut++
			continue
		}
		seen[e.Caller], seen[e.Callee] = true, true
		kept = append(kept, e)
	}
	return kept, cut
}

// layers puts each node one column right of its furthest caller; an edge that would close a circle is ignored for that.
func layers(edges []trace.Edge) (map[string]*mapNode, [][]string) {
	out := map[string][]string{}
	callers := map[string]int{}
	nodes := map[string]*mapNode{}
	for _, e := range edges {
		for _, n := range []string{e.Caller, e.Callee} {
			if nodes[n] == nil {
				nodes[n] = &mapNode{Name: n}
			}
		}
		if e.Caller != e.Callee {
			out[e.Caller] = append(out[e.Caller], e.Callee)
			callers[e.Callee]++
		}
	}
	names := make([]string, 0, len(nodes))
	for n := range nodes {
		names = append(names, n)
	}
	slices.Sort(names)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(callers[a], callers[b]) })
	state := map[string]int{} // 1 = on the way, 2 = done
	var topo []string
	var visit func(n string)
	visit = func(n string) {
		state[n] = 1
		for _, m := range out[n] {
			if state[m] == 0 {
				visit(m)
			}
		}
		state[n] = 2
		topo = append(topo, n)
	}
	for _, n := range names {
		if state[n] == 0 {
			visit(n)
		}
	}
	slices.Reverse(topo)
	at := map[string]int{}
	for i, n := range topo {
		at[n] = i
	}
	width := 0
	for _, n := range topo {
		for _, m := range out[n] {
			if at[m] > at[n] {
				nodes[m].column = max(nodes[m].column, nodes[n].column+1)
			}
		}
		width = max(width, nodes[n].column+1)
	}
	columns := make([][]string, width)
	for _, n := range topo {
		columns[nodes[n].column] = append(columns[nodes[n].column], n)
	}
	return nodes, columns
}

// order sorts each column by the mean place of the callers, twice: enough for maps of this size.
func order(columns [][]string, edges []trace.Edge) {
	for range 2 {
		place := map[string]float64{}
		for _, c := range columns {
			for i, n := range c {
				place[n] = (float64(i) + .5) / float64(len(c))
			}
			mean := map[string]float64{}
			for _, n := range c {
				sum, count := place[n], 1.0
				for _, e := range edges {
					if p, ok := place[e.Caller]; ok && e.Callee == n && e.Caller != n {
						sum, count = sum+p, count+1
					}
				}
				mean[n] = sum / count
			}
			slices.SortStableFunc(c, func(a, b string) int { return cmp.Compare(mean[a], mean[b]) })
			for i, n := range c {
				place[n] = (float64(i) + .5) / float64(len(c))
			}
		}
	}
}

func blame(name string, v *investigate.Report) (class, note string) {
	for _, s := range v.Suspects {
		if s.Service == name || s.Component == name {
			if s.Rank == 1 {
				return "first", "suspect 1"
			}
			return "suspect", fmt.Sprintf("suspect %d", s.Rank)
		}
	}
	if slices.Contains(v.BlastRadius.Services, name) {
		return "hit", "suffers"
	}
	return "", ""
}

func drawEdge(e trace.Edge, from, to *mapNode, busiest int) mapEdge {
	x1, y1 := from.X+nodeWidth, from.Y+nodeHeight/2
	x2, y2 := to.X, to.Y+nodeHeight/2
	bend := max((x2-x1)/2, columnGap/2)
	if to.column <= from.column { // backwards: leave and enter on the right
		x2, bend = to.X+nodeWidth, columnGap
	}
	path := fmt.Sprintf("M%.0f %.0f C%.0f %.0f %.0f %.0f %.0f %.0f", x1, y1, x1+bend, y1, x2-bend, y2, x2-2, y2)
	if to.column <= from.column {
		path = fmt.Sprintf("M%.0f %.0f C%.0f %.0f %.0f %.0f %.0f %.0f", x1, y1, x1+bend, y1, x2+bend, y2, x2+2, y2)
	}
	title := fmt.Sprintf("%s to %s: %d calls, %.1f a minute, %.1f %% errors, p95 %s", e.Caller, e.Callee, e.Calls, e.PerMinute, 100*e.ErrorRate(), duration(e.P95))
	class := "edge"
	if b := e.Baseline; b != nil {
		title += fmt.Sprintf(" (before: %.1f a minute, %.1f %%, p95 %s)", b.PerMinute, 100*b.ErrorRate(), duration(b.P95))
		switch {
		case e.ErrorRate() > b.ErrorRate()+.02:
			class = "edge bad"
		case e.P95 > 2*b.P95 && e.P95 > b.P95+20*time.Millisecond:
			class = "edge slow"
		}
	}
	return mapEdge{Path: path, Class: class, Title: title, Width: round(edgeMinWidth + 3*math.Log1p(float64(e.Calls))/math.Log1p(float64(busiest)))}
}

func round(f float64) float64 { return math.Round(10*f) / 10 }

func shortened(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// duration writes a time with a unit and at most three digits that matter.
func duration(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%d µs", d.Microseconds())
}
