package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/investigate"
)

// Sizes of the timeline in SVG user units; the page scales the drawing to its width.
const (
	plotWidth   = 1000.0
	narrowWidth = 400.0 // the drawing for phones
	plotLeft    = 68.0  // half a label of the time axis, and the labels of the values
	narrowLeft  = 50.0
	plotRight   = 10.0
	plotTop     = 66.0 // labels of the marks, the changes, the first title
	changeTop   = 40.0
	titleRune   = 13.0 // of the width for a character of a name in a title, the words before it allowed for
	panelHeight = 88.0
	panelGap    = 34.0 // title of the next panel
	axisHeight  = 26.0
	tickWidth   = 150.0 // a label of the time axis with its gaps
	headroom    = .96   // of a panel's height, for the highest value
	labelSpace  = 190.0 // a mark's label
	tickSpace   = 65.0  // half of a tick's label
	maxMarks    = 12    // changes drawn
)

type rect struct {
	X, Y, W, H float64
	Class      string
	Title      string
}

type tick struct {
	At     float64
	Label  string
	Anchor string // of the label: the outermost ones stay inside
}

// panel is one of the plots that share the time axis.
type panel struct {
	Title   string
	Y, Base float64
	Bars    []rect
	Lines   []line
	Max     string // label of the highest value
}

type line struct {
	Class  string
	Points string
}

// mark is an instant drawn through all panels.
type mark struct {
	X, LabelX, LabelY float64
	Anchor            string
	Label, Class      string
}

type timelinePlot struct {
	Width, Height float64
	Left, Right   float64
	Top, Bottom   float64
	Panels        []panel
	X             []tick
	Marks         []mark
	Changes       []rect
	Window        *rect
	Label         string // for those who do not see it
}

// timeAxis maps instants to user units.
type timeAxis struct {
	start, end time.Time
	left       float64 // where the plots begin
	width      float64 // of the whole drawing
}

func (a timeAxis) x(t time.Time) float64 {
	share := float64(t.Sub(a.start)) / float64(a.end.Sub(a.start))
	return round(a.left + (a.width-a.left-plotRight)*min(max(share, 0), 1))
}

// plotTimeline lays out the focus' failures and latency and the volume of all requests above one time axis.
func plotTimeline(d *Data, left, width float64) *timelinePlot {
	if len(d.Requests) < 2 {
		return nil
	}
	last := d.Requests[len(d.Requests)-1]
	a := timeAxis{d.Requests[0].Start, last.Start.Add(last.Width), left, width}
	p := &timelinePlot{Width: width, Left: left, Right: width - plotRight, Top: plotTop}
	y := plotTop
	add := func(n panel) {
		p.Panels = append(p.Panels, n)
		y = n.Base + panelGap
	}
	names := int(width / titleRune)
	if len(d.Served) > 1 {
		add(sharePanel(a, y, "Failed calls of "+shortened(d.Focus, names), d.Served))
		add(latencyPanel(a, y, "Latency of "+shortened(d.Focus, names), d.Served))
	}
	add(volumePanel(a, y, "All requests", d.Requests))
	p.Bottom = y - panelGap
	p.Height = p.Bottom + axisHeight
	p.X = timeTicks(a)
	p.mark(a, d)
	return p
}

func (p *timelinePlot) mark(a timeAxis, d *Data) {
	p.Label = fmt.Sprintf("Failures, latency and volume from %s to %s", instant(a.start), instant(a.end))
	if w := d.Verdict.Window; w != nil {
		x := a.x(w.Start)
		p.Window = &rect{X: x, Y: p.Top, W: round(a.x(w.End) - x), H: p.Bottom - p.Top}
	}
	if t := d.Verdict.Onset; t != nil {
		p.Marks = append(p.Marks, newMark(a, *t, 12, "onset", "onset "+instant(*t)))
		p.Label += ", onset at " + instant(*t)
	}
	if t := d.AlertTime; !t.IsZero() && !t.Before(a.start) && !t.After(a.end) {
		p.Marks = append(p.Marks, newMark(a, t, 27, "alert", "alert "+instant(t)))
	}
	for _, c := range changesNear(d.Verdict, maxMarks) {
		if !c.Time.Before(a.start) && !c.Time.After(a.end) {
			p.Changes = append(p.Changes, rect{X: a.x(c.Time), Y: changeTop, Title: fmt.Sprintf("%s %s %s: %s", instant(c.Time), c.Kind, c.Service, clip(c.Text, maxTitle))})
		}
	}
}

func changesNear(v *investigate.Report, n int) []investigate.ChangeRow {
	if v.Steps == nil {
		return nil
	}
	return v.Steps.Changes[:min(len(v.Steps.Changes), n)]
}

// newMark puts the label to the side of the mark that has room.
func newMark(a timeAxis, t time.Time, y float64, class, label string) mark {
	m := mark{X: a.x(t), LabelY: y, Class: class, Label: label}
	if m.X > a.width-labelSpace {
		m.LabelX, m.Anchor = m.X-6, "end"
	} else {
		m.LabelX, m.Anchor = m.X+6, "start"
	}
	return m
}

func sharePanel(a timeAxis, y float64, title string, b []Bucket) panel {
	p := panel{Title: title, Y: y, Base: y + panelHeight}
	most := .05 // a scale that makes less than this look like what it is: little
	for _, k := range b {
		most = max(most, share(k))
	}
	p.Max = fmt.Sprintf("%.0f %%", 100*most)
	for _, k := range b {
		if k.Failed > 0 {
			p.Bars = append(p.Bars, p.bar(a, k, share(k)/most, "failed", fmt.Sprintf("%s: %d of %d failed (%.1f %%)", instant(k.Start), k.Failed, k.Calls, 100*share(k))))
		}
	}
	return p
}

func share(k Bucket) float64 {
	if k.Calls == 0 {
		return 0
	}
	return float64(k.Failed) / float64(k.Calls)
}

func latencyPanel(a timeAxis, y float64, title string, b []Bucket) panel {
	p := panel{Title: title, Y: y, Base: y + panelHeight}
	most := time.Duration(1)
	for _, k := range b {
		most = max(most, k.P95)
	}
	p.Max = duration(most)
	for _, q := range []struct {
		class string
		of    func(Bucket) time.Duration
	}{{"p95", func(k Bucket) time.Duration { return k.P95 }}, {"p50", func(k Bucket) time.Duration { return k.P50 }}} {
		var points strings.Builder
		for _, k := range b {
			if k.Calls > 0 {
				fmt.Fprintf(&points, "%.1f,%.1f ", a.x(k.Start.Add(k.Width/2)), p.Base-headroom*panelHeight*float64(q.of(k))/float64(most))
			}
		}
		p.Lines = append(p.Lines, line{q.class, strings.TrimSpace(points.String())})
	}
	for _, k := range b {
		if k.Calls > 0 {
			hit := p.bar(a, k, 1, "hit-area", fmt.Sprintf("%s: median %s, 95th percentile %s, %d calls", instant(k.Start), duration(k.P50), duration(k.P95), k.Calls))
			p.Bars = append(p.Bars, hit)
		}
	}
	return p
}

func volumePanel(a timeAxis, y float64, title string, b []Bucket) panel {
	p := panel{Title: title + " per " + width(b[0].Width), Y: y, Base: y + panelHeight}
	most := 1
	for _, k := range b {
		most = max(most, k.Calls)
	}
	p.Max = grouped(most)
	for _, k := range b {
		text := fmt.Sprintf("%s: %d requests, %d with a failed span, 95th percentile %s", instant(k.Start), k.Calls, k.Failed, duration(k.P95))
		p.Bars = append(p.Bars, p.bar(a, k, float64(k.Calls)/float64(most), "calls", text))
		if k.Failed > 0 {
			p.Bars = append(p.Bars, p.bar(a, k, float64(k.Failed)/float64(most), "failed", text))
		}
	}
	return p
}

func (p *panel) bar(a timeAxis, k Bucket, part float64, class, title string) rect {
	x, h := a.x(k.Start), headroom*panelHeight*part
	w := max(a.x(k.Start.Add(k.Width))-x-1, 1)
	return rect{X: x, Y: round(p.Base - h), W: round(w), H: round(h), Class: class, Title: title}
}

// timeTicks labels whole multiples of a round step, in RFC 3339.
func timeTicks(a timeAxis) []tick {
	step := roundStep(a.end.Sub(a.start), max(int(a.width/tickWidth), 1))
	var out []tick
	free := 0.0 // from here on no label stands
	for t := a.start.Truncate(step); !t.After(a.end); t = t.Add(step) {
		if t.Before(a.start) {
			continue
		}
		k := newTick(a.x(t), instant(t), tickSpace, a.width)
		from := k.At - tickSpace
		switch k.Anchor {
		case "start":
			from = k.At
		case "end":
			from = k.At - 2*tickSpace
		}
		if from >= free {
			out = append(out, k)
			free = from + 2*tickSpace
		}
	}
	return out
}

// newTick centres a label that needs half its width on each side, unless it would leave the drawing.
func newTick(at float64, label string, half, width float64) tick {
	switch {
	case at < half:
		return tick{at, label, "start"}
	case at > width-half:
		return tick{at, label, "end"}
	}
	return tick{at, label, "middle"}
}
