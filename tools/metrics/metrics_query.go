package metrics

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/metrics"
	"github.com/plumbline-mcp/plumbline/tools"
)

// mode says whether a query is evaluated over time or once.
type mode string

// Enum lists the modes.
func (mode) Enum() []string { return []string{string(metrics.OverTime), string(metrics.AtOnce)} }

type queryInput struct {
	Source string `json:"source,omitempty" jsonschema:"source or path"`
	Query  string `json:"query" jsonschema:"PromQL, e.g. sum by (service) (rate(http_requests_total[5m]))"`
	Mode   mode   `json:"mode,omitempty" jsonschema:"range (default) over start..end, instant: once, at end"`
	Start  string `json:"start,omitempty" jsonschema:"RFC 3339 or offset (-1h); default start of the data"`
	End    string `json:"end,omitempty" jsonschema:"as start; default end of the data, or now"`
	Step   string `json:"step,omitempty" jsonschema:"such as 1m; chosen if empty"`
	Limit  int    `json:"limit,omitempty" jsonschema:"series, default 10, at most 500"`
	Raw    bool   `json:"raw,omitempty" jsonschema:"every point as well"`
}

// Validate checks the bounds.
func (in queryInput) Validate() error {
	if in.Limit < 0 || in.Limit > metrics.MaxSeries {
		return fault.New(fault.InvalidArgument, "limit %d is not between 1 and %d", in.Limit, metrics.MaxSeries)
	}
	if in.Step != "" {
		if _, err := metrics.ParseStep(in.Step); err != nil {
			return err
		}
	}
	return nil
}

type queryOutput struct {
	*metrics.Result

	raw bool
}

func queryTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "metrics_query", Title: "Query metrics by PromQL", Toolset: toolset,
		Description: "Run PromQL over metric files, OpenSearch or a Prometheus server. Each series is reduced to last, min, max, mean, strongest change and a sparkline. Says why an answer is empty and where rate() does not fit (delta series).",
	}, func(ctx context.Context, in queryInput) (*queryOutput, error) {
		src, r, err := d.open(ctx, in.Source, in.Start, in.End)
		if err != nil {
			return nil, err
		}
		req := metrics.Request{Query: in.Query, Mode: metrics.Mode(in.Mode), Range: r, Limit: in.Limit, Raw: in.Raw, Now: d.Now()}
		if in.Step != "" {
			if req.Step, err = metrics.ParseStep(in.Step); err != nil {
				return nil, err
			}
		}
		res, err := metrics.Query(ctx, src, req)
		if err != nil {
			return nil, err
		}
		return &queryOutput{res, in.Raw}, nil
	})
}

// WriteText writes a line or two a series, then what to know.
func (o *queryOutput) WriteText(w io.Writer) {
	o.head(w)
	if o.Type == metrics.String {
		tools.Fence(w, "string", o.Text)
	}
	if len(o.Series) > 0 {
		o.series(w)
	}
	for _, e := range o.Empty {
		fmt.Fprintf(w, "empty: %s\n", tools.Line(e))
	}
	for _, n := range o.Notes {
		fmt.Fprintf(w, "note: %s\n", tools.Line(n))
	}
	fmt.Fprintf(w, "query: %s\n", tools.Line(o.Query))
}

func (o *queryOutput) head(w io.Writer) {
	fmt.Fprintf(w, "%d series", o.Total)
	if o.Step == "" {
		fmt.Fprintf(w, " at %s", stamp(o.End))
	} else {
		fmt.Fprintf(w, ", %s to %s, step %s", stamp(o.Start), stamp(o.End), o.Step)
	}
	if o.Unit != "" {
		fmt.Fprintf(w, ", unit %s", o.Unit)
	}
	fmt.Fprintln(w)
}

// Bounds of the text: what stands around the series stays below tools.MaxText.
const maxSeriesText = 12_000

func (o *queryOutput) series(w io.Writer) {
	var b strings.Builder
	if len(o.Common) > 0 {
		fmt.Fprintf(&b, "all: %s\n", labels(o.Common))
	}
	shown := 0
	for _, s := range o.Series {
		text := o.one(s)
		if b.Len()+len(text) > maxSeriesText {
			if shown == 0 {
				b.WriteString(text[:maxSeriesText/2] + "…\n")
				shown++
			}
			break
		}
		b.WriteString(text)
		shown++
	}
	tools.Block(w, "series", b.String())
	if shown < o.Total {
		fmt.Fprintf(w, "… %d of %d series shown: raise limit (at most %d), aggregate by fewer labels, or ask for topk(10, ..) with mode instant\n", shown, o.Total, metrics.MaxSeries)
	}
}

// one writes a series: an instant value on one line; over time its numbers, its bars, its change.
func (o *queryOutput) one(s metrics.Summary) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s ", labels(s.Labels))
	if o.Step == "" {
		if s.Last != nil {
			fmt.Fprintf(&b, "%s\n", withUnit(*s.Last, o.Unit))
		} else {
			fmt.Fprintf(&b, "%s\n", s.Odd)
		}
		return b.String()
	}
	if s.Last == nil {
		fmt.Fprintf(&b, "no number in %d points (%s NaN or Inf)\n", s.Points, s.Odd)
		return b.String()
	}
	fmt.Fprintf(&b, "last %s, mean %s, min %s at %s, max %s at %s\n", withUnit(*s.Last, o.Unit), metrics.Number(*s.Mean), metrics.Number(*s.Min), clock(*s.MinAt, o.Start), metrics.Number(*s.Max), clock(*s.MaxAt, o.Start))
	fmt.Fprintf(&b, "  |%s|", s.Spark)
	if c := s.Change; c != nil {
		fmt.Fprintf(&b, " change at %s: %s to %s", clock(c.Time, o.Start), metrics.Number(c.Before), metrics.Number(c.After))
	}
	if s.LastAt.Before(o.End) {
		fmt.Fprintf(&b, " last point at %s", clock(*s.LastAt, o.Start))
	}
	if s.Odd != "" {
		fmt.Fprintf(&b, " (%s NaN or Inf)", s.Odd)
	}
	b.WriteByte('\n')
	if o.raw {
		for _, v := range s.Values {
			fmt.Fprintf(&b, "  %s %s\n", stamp(v.Time), metrics.Number(v.Value))
		}
	}
	return b.String()
}

// clock writes a time, without its date where the window lies within a day.
func clock(t, start time.Time) string {
	if t.UTC().Format(time.DateOnly) == start.UTC().Format(time.DateOnly) {
		return t.UTC().Format("15:04:05Z")
	}
	return stamp(t)
}
