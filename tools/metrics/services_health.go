package metrics

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/metrics"
	"github.com/plumbline-mcp/plumbline/internal/metrics/health"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/tools"
)

type healthInput struct {
	Source        string  `json:"source,omitempty" jsonschema:"source or path"`
	Start         string  `json:"start,omitempty" jsonschema:"RFC 3339 or offset (-30m); default the data's last quarter, at most 30m"`
	End           string  `json:"end,omitempty" jsonschema:"as start; exclusive"`
	BaselineStart string  `json:"baseline_start,omitempty" jsonschema:"compare with from here to start; default three windows"`
	Objective     float64 `json:"objective,omitempty" jsonschema:"SLO: percent of requests without fault, default 99.9"`
}

// Validate checks the bounds.
func (in healthInput) Validate() error {
	if in.Objective < 0 || in.Objective >= 100 {
		return fault.New(fault.InvalidArgument, "objective %g is no percentage below 100", in.Objective)
	}
	return nil
}

type healthOutput struct{ *health.Report }

func healthTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "services_health", Title: "Health of all services", Toolset: toolset,
		Description: "Every service with rate, faults, p50/p95/p99, availability and SLO burn, against a baseline; what changed for the worse first. From span-derived metrics where they exist, else spans; says which.",
	}, func(ctx context.Context, in healthInput) (*healthOutput, error) {
		src, r, err := d.open(ctx, in.Source, in.Start, in.End)
		if err != nil {
			return nil, err
		}
		req := health.Request{Range: r, Objective: in.Objective, Now: d.Now()}
		if in.BaselineStart != "" {
			if req.BaselineStart, err = timerange.Instant(in.BaselineStart, d.Now()); err != nil {
				return nil, err
			}
		}
		var eng engine.Engine
		if _, local := src.(*metrics.Local); local {
			if eng, err = d.Sources.Open(ctx, in.Source); err != nil {
				return nil, err
			}
		}
		report, err := health.Check(ctx, src, eng, req)
		if err != nil {
			return nil, err
		}
		return &healthOutput{report}, nil
	})
}

// WriteText writes a line a service.
func (o *healthOutput) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%d services, %s to %s", len(o.Services), stamp(o.Start), stamp(o.End))
	if o.BaselineStart != nil {
		fmt.Fprintf(w, ", against %s to its start", stamp(*o.BaselineStart))
	}
	fmt.Fprintf(w, "; objective %g %%\n", o.Objective)
	fmt.Fprintf(w, "requests from %s; durations from %s\n", tools.Line(o.From.Requests), tools.Line(o.From.Durations))
	var b strings.Builder
	shown := 0
	for _, s := range o.Services {
		text := service(s)
		if b.Len()+len(text) > maxSeriesText {
			break
		}
		b.WriteString(text)
		shown++
	}
	if shown > 0 {
		tools.Block(w, "services", b.String())
	}
	if shown < len(o.Services) {
		fmt.Fprintf(w, "… %d more services: structured content has them\n", len(o.Services)-shown)
	}
	for _, n := range o.Notes {
		fmt.Fprintf(w, "note: %s\n", tools.Line(n))
	}
}

func service(s health.Service) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", tools.Cut(s.Name, maxLabel), numbers(s.Numbers))
	fmt.Fprintf(&b, ", availability %s %%, burn %s", metrics.Number(s.Availability), metrics.Number(s.Burn))
	if s.BudgetGone != "" {
		fmt.Fprintf(&b, " (30-day budget gone in %s)", s.BudgetGone)
	}
	if s.Change != "" {
		fmt.Fprintf(&b, "  ! %s", s.Change)
		if s.Was != nil && s.Change != "new" {
			fmt.Fprintf(&b, " (was %s)", numbers(*s.Was))
		}
	}
	b.WriteByte('\n')
	if len(s.Trend.Requests) > 0 {
		fmt.Fprintf(&b, "  requests |%s|", metrics.Spark(s.Trend.Requests, len(s.Trend.Requests)))
		if s.FaultPct > 0 || s.Was != nil && s.Was.FaultPct > 0 {
			fmt.Fprintf(&b, " faults |%s|", metrics.Spark(s.Trend.Faults, len(s.Trend.Faults)))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func numbers(n health.Numbers) string {
	out := fmt.Sprintf("%s/min, faults %s %%", metrics.Number(n.PerMinute), metrics.Number(n.FaultPct))
	if n.ErrorPct > 0 {
		out += fmt.Sprintf(", 4xx %s %%", metrics.Number(n.ErrorPct))
	}
	if n.P95 > 0 {
		out += fmt.Sprintf(", p50 %s p95 %s p99 %s", millis(n.P50), millis(n.P95), millis(n.P99))
	}
	return out
}

// millis writes milliseconds for people.
func millis(v float64) string {
	if v >= 1000 {
		return metrics.Number(time.Duration(v*float64(time.Millisecond)).Round(10*time.Millisecond).Seconds()) + "s"
	}
	return fmt.Sprintf("%.4gms", v)
}
