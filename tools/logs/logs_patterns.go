package logs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/logs"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Bounds of the patterns told.
const (
	defaultPatterns = 20
	maxPatterns     = 500
	templateChars   = 180
	exampleChars    = 220
	textOneOffs     = 10
)

// compare says what a window is compared with.
type compare string

const (
	compareNone     compare = "none"
	comparePrevious compare = "previous"
)

// Enum lists the comparisons.
func (compare) Enum() []string { return []string{string(compareNone), string(comparePrevious)} }

type patternsInput struct {
	Source        string  `json:"source,omitempty" jsonschema:"configured source or path"`
	Start         string  `json:"start,omitempty" jsonschema:"RFC 3339 or offset (-15m)"`
	End           string  `json:"end,omitempty" jsonschema:"as start; exclusive"`
	Service       string  `json:"service,omitempty" jsonschema:"service.name"`
	Severity      string  `json:"severity,omitempty" jsonschema:"e.g. ERROR"`
	Where         string  `json:"where,omitempty" jsonschema:"further PPL condition"`
	Table         string  `json:"table,omitempty" jsonschema:"default logs"`
	Compare       compare `json:"compare,omitempty" jsonschema:"previous: with the time of equal length before start"`
	BaselineStart string  `json:"baseline_start,omitempty" jsonschema:"compare with this window instead"`
	BaselineEnd   string  `json:"baseline_end,omitempty"`
	Limit         int     `json:"limit,omitempty" jsonschema:"patterns, default 20, at most 500"`
}

// Validate checks the bounds and that the windows of a comparison are named.
func (in patternsInput) Validate() error {
	switch {
	case in.Limit < 0 || in.Limit > maxPatterns:
		return fault.New(fault.InvalidArgument, "limit %d: want 0 to %d", in.Limit, maxPatterns)
	case (in.BaselineStart == "") != (in.BaselineEnd == ""):
		return fault.WithHint(fault.New(fault.InvalidArgument, "a baseline needs both ends"), "Give baseline_start and baseline_end.")
	case in.Compare == comparePrevious && in.Start == "" && in.BaselineStart == "":
		return fault.WithHint(fault.New(fault.InvalidArgument, "compare=previous needs a start"), "Give start (and end): the window before it is the baseline.")
	}
	return nil
}

type patternsOutput struct {
	logs.Patterns

	Shown  int `json:"shown"`
	Steady int `json:"steady,omitempty"` // templates that did not change, in a comparison
}

func patternsTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "logs_patterns", Title: "What logs say, by pattern", Toolset: "logs",
		Description: "Templates of log lines with counts, share, first and last seen, one example. With compare or a baseline: which are new, risen, gone, fallen (G-test), and rare one-off lines, often the cause. Counts every line, no samples.",
	}, func(ctx context.Context, in patternsInput) (*patternsOutput, error) {
		eng, err := d.Sources.Open(ctx, in.Source)
		if err != nil {
			return nil, err
		}
		r, err := timerange.Parse(in.Start, in.End, d.Now())
		if err != nil {
			return nil, err
		}
		scope := logs.Scope{Table: in.Table, Service: in.Service, Severity: in.Severity, Where: in.Where, Range: r}
		base, err := baselineOf(ctx, eng, scope, in, d.Now())
		if err != nil {
			return nil, err
		}
		p, err := logs.FindPatterns(ctx, eng, scope, base)
		if err != nil {
			return nil, err
		}
		return cutPatterns(p, cmp.Or(in.Limit, defaultPatterns)), nil
	})
}

func cutPatterns(p *logs.Patterns, limit int) *patternsOutput {
	out := &patternsOutput{Patterns: *p}
	if p.Baseline != nil { // what did not change is no answer to "what changed?"
		changed := slices.DeleteFunc(slices.Clone(p.List), func(x logs.Pattern) bool { return x.Change == logs.Steady })
		out.Steady = len(p.List) - len(changed)
		out.List = changed
	}
	out.List = out.List[:min(len(out.List), limit)]
	out.Shown = len(out.List)
	return out
}

// baselineOf is the window to compare with: as given, or the one of equal length before the start.
func baselineOf(ctx context.Context, eng engine.Engine, s logs.Scope, in patternsInput, now time.Time) (*logs.Window, error) {
	if in.BaselineStart != "" {
		r, err := timerange.Parse(in.BaselineStart, in.BaselineEnd, now)
		if err != nil {
			return nil, err
		}
		return &logs.Window{Start: r.Start, End: r.End}, nil
	}
	if in.Compare != comparePrevious {
		return nil, nil //nolint:nilnil // no comparison was asked for
	}
	w, err := logs.Previous(ctx, eng, s)
	if err != nil {
		return nil, err
	}
	return &w, nil
}

// WriteText writes the counts, then a pattern a line, the strongest change or the most frequent first.
func (o *patternsOutput) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%d lines in %s to %s", o.Lines, stamp(o.Window.Start), stamp(o.Window.End))
	if o.Baseline != nil {
		fmt.Fprintf(w, "; baseline %d lines in %s to %s", o.BaselineLines, stamp(o.Baseline.Start), stamp(o.Baseline.End))
	}
	fmt.Fprintf(w, "; %d templates, %d shown", o.Templates, o.Shown)
	if o.Baseline != nil {
		fmt.Fprintf(w, ", %d did not change beyond the traffic (%.2f times the baseline's)", o.Steady, o.Traffic)
	}
	fmt.Fprintln(w)
	if len(o.List) > 0 {
		fmt.Fprintln(w, "``` data: patterns")
		for _, p := range o.List {
			o.line(w, p)
		}
		fmt.Fprintln(w, "```")
	}
	if len(o.OneOffs) > 0 {
		fmt.Fprintf(w, "%d one-off lines\n``` data: rare lines\n", len(o.OneOffs))
		for _, p := range o.OneOffs[:min(len(o.OneOffs), textOneOffs)] {
			fmt.Fprintf(w, "%s %s %s (%s:%d)\n", stamp(p.Example.Time), strings.Join(p.Services, ","), quiet(p.Example.Text, exampleChars), p.Example.File, p.Example.Line)
		}
		fmt.Fprintln(w, "```")
	}
	if o.Shown < o.Templates-o.Steady {
		fmt.Fprintf(w, "… %d more templates: call with limit=%d or narrow by service, severity, where.\n", o.Templates-o.Steady-o.Shown, min(o.Templates, maxPatterns))
	}
	if len(o.List) > 0 {
		fmt.Fprintf(w, "lines of the first: %s\n", o.List[0].Query)
	}
}

func (o *patternsOutput) line(w io.Writer, p logs.Pattern) {
	if o.Baseline != nil {
		fmt.Fprintf(w, "%s %d (before %d, G %.0f) ", p.Change, p.Count, p.Baseline, p.G)
	} else {
		fmt.Fprintf(w, "%d (%.1f %%) ", p.Count, 100*p.Share)
	}
	fmt.Fprintf(w, "%s %s: %s\n", severities(p.Severities), strings.Join(p.Services, ","), quiet(p.Template, templateChars))
	fmt.Fprintf(w, "    first %s, last %s; e.g. %s:%d %s\n", stamp(p.First), stamp(p.Last), p.Example.File, p.Example.Line, quiet(p.Example.Text, exampleChars))
}

// severities names the severity of a pattern, or all of them when they differ.
func severities(m map[string]int64) string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b)) })
	return strings.Join(names, "/")
}

// quiet is data on one line that cannot end the fence around it.
func quiet(s string, n int) string { return strings.ReplaceAll(tools.Cut(s, n), "```", "'''") }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
