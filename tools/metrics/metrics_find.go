package metrics

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/metrics"
	"github.com/plumbline-mcp/plumbline/tools"
)

type findInput struct {
	Source string `json:"source,omitempty" jsonschema:"source or path"`
	Words  string `json:"words,omitempty" jsonschema:"each in the name, help, a label or its value; all metrics if empty"`
	Start  string `json:"start,omitempty" jsonschema:"RFC 3339 or offset (-1h)"`
	End    string `json:"end,omitempty" jsonschema:"as start; exclusive"`
	Limit  int    `json:"limit,omitempty" jsonschema:"metrics, default 20, at most 200"`
}

// Validate checks the bounds.
func (in findInput) Validate() error {
	if in.Limit < 0 || in.Limit > metrics.MaxFound {
		return fault.New(fault.InvalidArgument, "limit %d is not between 1 and %d", in.Limit, metrics.MaxFound)
	}
	return nil
}

type findOutput struct{ *metrics.Found }

func findTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "metrics_find", Title: "Find metrics", Toolset: toolset,
		Description: "Metrics of a source by words: kind (counter, delta, gauge, histogram), unit, labels with their values, how many series, and a PromQL query to begin with for metrics_query.",
	}, func(ctx context.Context, in findInput) (*findOutput, error) {
		src, r, err := d.open(ctx, in.Source, in.Start, in.End)
		if err != nil {
			return nil, err
		}
		found, err := metrics.Find(ctx, src, metrics.Search{Words: in.Words, Range: r, Limit: in.Limit, Now: d.Now()})
		if err != nil {
			return nil, err
		}
		return &findOutput{found}, nil
	})
}

// WriteText writes two or three lines a metric.
func (o *findOutput) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%d of %d metrics, %s to %s\n", o.Matched, o.Total, stamp(o.Start), stamp(o.End))
	var b strings.Builder
	shown := 0
	for _, m := range o.Metrics {
		text := describe(m)
		if b.Len()+len(text) > maxSeriesText {
			break
		}
		b.WriteString(text)
		shown++
	}
	if shown > 0 {
		tools.Block(w, "metrics", b.String())
	}
	if shown < o.Matched {
		fmt.Fprintf(w, "… %d of %d shown: give more words, or raise limit (at most %d)\n", shown, o.Matched, metrics.MaxFound)
	}
	if len(o.Near) > 0 {
		fmt.Fprintf(w, "nearest names: %s\n", tools.Line(strings.Join(o.Near, ", ")))
	}
	for _, n := range o.Notes {
		fmt.Fprintf(w, "note: %s\n", tools.Line(n))
	}
}

// maxLabels bounds the labels told of one metric in the text.
const maxLabels = 12

func describe(m metrics.Described) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s, %d series", tools.Cut(m.Name, maxLabel*2), m.Kind, m.Series)
	if m.Unit != "" {
		fmt.Fprintf(&b, ", unit %s", tools.Cut(m.Unit, maxLabel))
	}
	if m.Interval != "" {
		fmt.Fprintf(&b, ", a sample each %s", m.Interval)
	}
	b.WriteByte('\n')
	if m.Help != "" {
		fmt.Fprintf(&b, "  help: %s\n", tools.Cut(m.Help, 2*maxLabel))
	}
	for i, l := range m.Labels {
		if i == maxLabels {
			fmt.Fprintf(&b, "  … %d more labels\n", len(m.Labels)-maxLabels)
			break
		}
		values := make([]string, len(l.Values))
		for j, v := range l.Values {
			values[j] = tools.Cut(v, maxLabel)
		}
		more := ""
		if l.Count > len(values) {
			more = fmt.Sprintf(", … (%d)", l.Count)
		}
		fmt.Fprintf(&b, "  %s = %s%s\n", tools.Cut(l.Name, maxLabel), strings.Join(values, ", "), more)
	}
	fmt.Fprintf(&b, "  try: %s\n", tools.Cut(m.Query, 4*maxLabel))
	return b.String()
}
