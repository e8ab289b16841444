package logs

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/logs"
	"github.com/plumbline-mcp/plumbline/tools"
)

// maxShifts bounds the change points told of one series in the text.
const maxShifts = 4

// by says what the lines are grouped by.
type by string

// Enum lists the groups.
func (by) Enum() []string {
	return []string{string(logs.BySeverity), string(logs.ByService), string(logs.ByNothing)}
}

type timelineInput struct {
	scopeInput

	By     by     `json:"by,omitempty" jsonschema:"default severity, or service where there is none"`
	Bucket string `json:"bucket,omitempty" jsonschema:"width such as 30s, 1m, 1h; chosen if empty"`
}

type timelineOutput struct {
	*logs.Timeline
}

func timelineTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "logs_timeline", Title: "Volume of logs over time", Toolset: "logs",
		Description: "Lines by bucket, by severity or service, with peaks, gaps and change points (when the level shifted, from what to what a minute). The earliest change point before an alert is a good onset.",
	}, func(ctx context.Context, in timelineInput) (*timelineOutput, error) {
		eng, scope, err := d.scope(ctx, in.scopeInput)
		if err != nil {
			return nil, err
		}
		t, err := logs.FindTimeline(ctx, eng, scope, logs.By(in.By), in.Bucket)
		if err != nil {
			return nil, err
		}
		return &timelineOutput{t}, nil
	})
}

// WriteText writes a line of bars and the facts of each series.
func (o *timelineOutput) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%d lines in %s to %s, bucket %s\n", o.Lines, stamp(o.Window.Start), stamp(o.Window.End), o.Bucket)
	if o.Empty != nil {
		writeEmpty(w, o.Empty)
		return
	}
	b, n := &bounded{left: maxRowsText}, 0
	for n < len(o.Series) && b.add(line(o.Series[n]), n == 0) {
		n++
	}
	tools.Block(w, "series", b.String())
	if n < len(o.Series) {
		fmt.Fprintf(w, "… %d more series: narrow by service or severity.\n", len(o.Series)-n)
	}
	for _, g := range o.Gaps {
		fmt.Fprintf(w, "gap: no line from %s to %s\n", stamp(g.Start), stamp(g.End))
	}
	fmt.Fprintf(w, "query: %s\n", tools.Line(o.Query))
}

// line writes a series: its name, its bars, its change points.
func line(s logs.Series) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d, peak %d at %s\n  |%s|\n", tools.Cut(s.Name, maxCell), s.Total, s.Peak.Count, stamp(s.Peak.Time), bars(s.Counts))
	for i, c := range s.Changes {
		if i == maxShifts {
			fmt.Fprintf(&b, "  … %d more change points\n", len(s.Changes)-maxShifts)
			break
		}
		fmt.Fprintf(&b, "  change at %s: %v to %v a minute\n", stamp(c.Time), c.Before, c.After)
	}
	return b.String()
}

// bars draws counts as one line of block characters, the peak as a full block.
func bars(counts []int64) string {
	levels := []rune(" ▁▂▃▄▅▆▇█")
	var peak int64 = 1
	for _, c := range counts {
		peak = max(peak, c)
	}
	var b strings.Builder
	for _, c := range counts {
		i := int(c * int64(len(levels)-1) / peak)
		if c > 0 && i == 0 {
			i = 1
		}
		b.WriteRune(levels[i])
	}
	return b.String()
}
