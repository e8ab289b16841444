package ui

import (
	"context"

	"github.com/plumbline-mcp/plumbline/internal/logs"
)

// logsContent is the patterns of a window, compared with the time before it if asked.
type logsContent struct {
	*logs.Patterns

	Service, Severity string
	Compare           bool
	Timeline          []timeBar
	Bucket            string
	First             string
	Last              string
	List              []patternRow
	Cut               int
}

// patternRow is a pattern with its severity's class.
type patternRow struct {
	logs.Pattern

	Class string
	Top   string // its worst severity
}

// timeBar is a bucket of the volume: X, Y, heights of 1000 by 100.
type timeBar struct {
	X, W, Y, H float64
	BadY, BadH float64
	Title      string
}

// shownPatterns is how many patterns a page lists.
const shownPatterns = 100

func (s *server) logs(ctx context.Context, v *view) (any, error) {
	r, err := v.span(s.Now())
	if err != nil {
		return nil, err
	}
	eng, err := s.Sources.Open(ctx, v.Source)
	if err != nil {
		return nil, err
	}
	out := &logsContent{Service: v.get("service"), Severity: v.get("severity"), Compare: v.get("compare") != ""}
	scope := logs.Scope{Service: out.Service, Severity: out.Severity, Range: r}
	var before *logs.Window
	if out.Compare {
		w, err := logs.Previous(ctx, eng, scope)
		if err != nil {
			return nil, err
		}
		before = &w
	}
	if out.Patterns, err = logs.FindPatterns(ctx, eng, scope, before); err != nil {
		return nil, err
	}
	for _, p := range out.Patterns.List {
		if len(out.List) == shownPatterns {
			out.Cut = len(out.Patterns.List) - shownPatterns
			break
		}
		out.List = append(out.List, newPattern(p))
	}
	t, err := logs.FindTimeline(ctx, eng, scope, logs.BySeverity, "")
	if err != nil || t.Empty != nil {
		return out, nil //nolint:nilerr // the volume is a picture beside the patterns, which were found
	}
	out.bars(t)
	return out, nil
}

func newPattern(p logs.Pattern) patternRow {
	r := patternRow{Pattern: p}
	for _, sev := range []string{"FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"} {
		if p.Severities[sev] > 0 {
			r.Top = sev
			break
		}
	}
	r.Class = severityClass(r.Top)
	return r
}

// bars lays the volume out, errors in front.
func (c *logsContent) bars(t *logs.Timeline) {
	if len(t.Series) == 0 || len(t.Series[0].Counts) == 0 {
		return
	}
	all := t.Series[0].Counts
	bad := make([]int64, len(all))
	for _, s := range t.Series[1:] {
		if severityClass(s.Name) == "bad" {
			for i, n := range s.Counts {
				bad[i] += n
			}
		}
	}
	peak := int64(1)
	for _, n := range all {
		peak = max(peak, n)
	}
	const width, height = 1000, 100
	w := float64(width) / float64(len(all))
	for i, n := range all {
		at := t.Starts.Add(seconds(float64(i) * t.Seconds))
		h, b := height*float64(n)/float64(peak), height*float64(bad[i])/float64(peak)
		if bad[i] > 0 {
			b = max(b, 2)
		}
		c.Timeline = append(c.Timeline, timeBar{
			X: float64(i) * w, W: max(w-1.5, .5), Y: height - h, H: h, BadY: height - b, BadH: b,
			Title: clock(at) + ": " + grouped(n) + " lines, " + grouped(bad[i]) + " errors",
		})
	}
	c.Bucket, c.First = t.Bucket, instant(t.Starts)
	c.Last = instant(t.Starts.Add(seconds(float64(len(all)) * t.Seconds)))
}
