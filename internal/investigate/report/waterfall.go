package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Sizes of a waterfall in user units.
const (
	rowHeight   = 21.0
	barHeight   = 10.0
	labelWidth  = 350.0
	timeWidth   = 64.0 // the duration behind a bar at the right end
	indent      = 10.0
	maxIndent   = 12 // levels; deeper ones stay there
	minBar      = 2.5
	minGap      = .6 // between two parts of a bar
	maxParts    = 60
	waterTicks  = 4
	serviceChar = 7.7 // of a semi-bold character at 12 units
	plainChar   = 7.0
)

type waterfallPlot struct {
	Width, Height    float64
	Bottom           float64
	Rows             []waterfallRow
	Ticks            []tick
	TraceID          string
	Duration         string
	Spans, Cut, Only int
}

type waterfallRow struct {
	Y, Mid, Indent     float64
	Service, Operation string
	Title, Class       string
	Bar                rect
	Parts              []rect // own time within the bar, critical path below it
	Time               string
	TimeX              float64
	Stripe             bool
}

func plotWaterfall(w *Waterfall) *waterfallPlot {
	if w == nil || w.Duration <= 0 {
		return nil
	}
	p := &waterfallPlot{Width: plotWidth, TraceID: w.TraceID, Duration: duration(w.Duration), Spans: len(w.Rows) + w.Cut, Cut: w.Cut, Only: w.alone()}
	scale := (plotWidth - labelWidth - timeWidth) / float64(w.Duration)
	for i, r := range w.Rows {
		row := drawRow(r, scale)
		row.Y = rowHeight * (float64(i) + 1)
		row.Mid, row.Stripe = row.Y+rowHeight*.68, i%2 == 1
		top := row.Y + (rowHeight-barHeight)/2
		row.Bar.Y = round(top)
		for j := range row.Parts {
			row.Parts[j].Y = round(top)
			if row.Parts[j].Class == "critical" {
				row.Parts[j].Y = round(top + barHeight + 1)
			}
		}
		p.Rows = append(p.Rows, row)
	}
	p.Bottom = rowHeight * float64(len(w.Rows)+1)
	p.Height = p.Bottom + 4
	for i := range waterTicks {
		part := float64(i) / (waterTicks - 1)
		p.Ticks = append(p.Ticks, newTick(round(labelWidth+scale*float64(w.Duration)*part), duration(time.Duration(float64(w.Duration)*part)), 0, plotWidth))
	}
	return p
}

// drawRow lays out one span; its height is set by the caller.
func drawRow(r Row, scale float64) waterfallRow {
	x := round(labelWidth + scale*float64(max(r.Offset, 0)))
	row := waterfallRow{Indent: indent * float64(min(r.Depth, maxIndent)), Time: duration(r.Duration), Class: "row"}
	row.Service, row.Operation = rowLabel(r, labelWidth-row.Indent-8)
	wide := max(scale*float64(r.Duration), minBar)
	row.Bar = rect{X: x, W: round(wide), H: barHeight, Class: "span"}
	row.Parts = slices.Concat(parts(r.Own, scale, barHeight, "self"), parts(r.Critical, scale, 2, "critical"))
	if r.Failed() {
		row.Class += " bad"
	}
	if r.Alone {
		row.Class += " alone"
	}
	row.TimeX = round(x + row.Bar.W + 6)
	row.Title = fmt.Sprintf("%s %s (%s): %s, of it alone %s", clip(r.Service, maxName), clip(r.Operation, maxName), r.Kind, duration(r.Duration), duration(r.Exclusive))
	if len(r.Marks) > 0 {
		row.Title += ", " + strings.Join(r.Marks, ", ")
	}
	if r.Alone {
		row.Title += ", missing in the other trace"
	}
	if r.Message != "" {
		row.Title += ": " + r.Message
	}
	row.Title = clip(row.Title, maxTitle)
	return row
}

// parts draws at most maxParts intervals; those too short to be seen are joined to the one before.
func parts(list []Interval, scale, height float64, class string) []rect {
	var out []rect
	slices.SortFunc(list, func(a, b Interval) int { return cmp.Compare(a.From, b.From) })
	for _, k := range list {
		x, end := labelWidth+scale*float64(max(k.From, 0)), labelWidth+scale*float64(max(k.To, 0))
		if n := len(out); n > 0 && x-(out[n-1].X+out[n-1].W) < minGap {
			out[n-1].W = round(end - out[n-1].X)
			continue
		}
		if len(out) < maxParts {
			out = append(out, rect{X: round(x), W: round(max(end-x, minBar/2)), H: height, Class: class})
		}
	}
	return out
}

// rowLabel shortens the operation first, for the service is what one looks for.
func rowLabel(r Row, room float64) (service, operation string) {
	service = shortened(r.Service, int(room/serviceChar))
	left := int((room - serviceChar*float64(len([]rune(service)))) / plainChar)
	if left < 4 {
		return service, ""
	}
	return service, shortened(r.Operation, left)
}
