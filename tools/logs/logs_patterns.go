package logs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"regexp"
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
	maxRanked       = 1000 // templates embedded for one question: a few seconds of one processor
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
	scopeInput

	Compare       compare `json:"compare,omitempty" jsonschema:"previous: with the time of equal length before start"`
	BaselineStart string  `json:"baseline_start,omitempty" jsonschema:"compare with this window instead"`
	BaselineEnd   string  `json:"baseline_end,omitempty"`
	Query         string  `json:"query,omitempty" jsonschema:"a question: the patterns nearest in meaning first"`
	Limit         int     `json:"limit,omitempty" jsonschema:"patterns, default 20, at most 500"`
}

// Validate checks the bounds and that the windows of a comparison are named.
func (in patternsInput) Validate() error {
	switch {
	case in.Limit < 0 || in.Limit > maxPatterns:
		return fault.WithHint(fault.New(fault.InvalidArgument, "limit %d: want 0 to %d", in.Limit, maxPatterns), "Narrow by service, severity or where.")
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
	Ranked int `json:"ranked,omitempty"` // templates compared with the query
}

func patternsTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "logs_patterns", Title: "What logs say, by pattern", Toolset: "logs",
		Description: "Templates of log lines with counts, share, first and last seen, one example. With compare or a baseline: which are new, risen, gone, fallen (G-test), and rare one-off lines, often the cause. Counts every line, no samples.",
	}, func(ctx context.Context, in patternsInput) (*patternsOutput, error) {
		eng, scope, err := d.scope(ctx, in.scopeInput)
		if err != nil {
			return nil, err
		}
		base, err := baselineOf(ctx, eng, scope, in, d.Now())
		if err != nil {
			return nil, err
		}
		p, err := logs.FindPatterns(ctx, eng, scope, base)
		if err != nil {
			return nil, err
		}
		out := changedPatterns(p)
		if in.Query != "" {
			if err := d.rankPatterns(ctx, out, in.Query); err != nil {
				return nil, err
			}
		}
		out.List = out.List[:min(len(out.List), cmp.Or(in.Limit, defaultPatterns))]
		out.Shown = len(out.List)
		return out, nil
	})
}

func changedPatterns(p *logs.Patterns) *patternsOutput {
	out := &patternsOutput{Patterns: *p}
	if p.Baseline != nil { // what did not change is no answer to "what changed?"
		changed := slices.DeleteFunc(slices.Clone(p.List), func(x logs.Pattern) bool { return x.Change == logs.Steady })
		out.Steady = len(p.List) - len(changed)
		out.List = changed
	}
	return out
}

// rankPatterns puts the patterns nearest to a question first. Of many the first maxRanked are looked at: the most frequent, or the
// strongest changes.
func (d Deps) rankPatterns(ctx context.Context, out *patternsOutput, question string) error {
	if d.Meaning == nil {
		return fault.New(fault.Unsupported, "query: this process has no embedder")
	}
	out.Ranked = min(len(out.List), maxRanked)
	list := slices.Clone(out.List[:out.Ranked])
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = strings.Join(strings.Fields(placeholder.ReplaceAllString(p.Template, " ")), " ")
	}
	near, err := d.Meaning.Similarities(ctx, question, texts)
	if err != nil {
		return fmt.Errorf("rank patterns: %w", err)
	}
	for i := range list {
		list[i].Similarity = near[i]
	}
	slices.SortStableFunc(list, func(a, b logs.Pattern) int { return cmp.Compare(b.Similarity, a.Similarity) })
	out.List = list
	return nil
}

// placeholder stands for a variable part of a template; it has no meaning of its own.
var placeholder = regexp.MustCompile(`<[A-Z*_]+>`)

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
	if o.Ranked > 0 {
		fmt.Fprintf(w, "; nearest in meaning first, of %d compared", o.Ranked)
	}
	fmt.Fprintln(w)
	if o.Empty != nil {
		writeEmpty(w, o.Empty)
	}
	told := o.patterns(w)
	o.oneOffs(w)
	switch rest := o.Templates - o.Steady - o.Shown; {
	case told < o.Shown:
		fmt.Fprintf(w, "… %d of these do not fit: narrow by service, severity, where.\n", o.Shown-told)
	case rest > 0 && o.Shown < maxPatterns:
		fmt.Fprintf(w, "… %d more templates: call with limit=%d or narrow by service, severity, where.\n", rest, min(o.Shown+rest, maxPatterns))
	case rest > 0:
		fmt.Fprintf(w, "… %d more templates: narrow by service, severity, where.\n", rest)
	}
}

// patterns writes as many patterns as fit, and the query of the first: it holds words of the data.
func (o *patternsOutput) patterns(w io.Writer) int {
	if len(o.List) == 0 {
		return 0
	}
	b, n := &bounded{left: maxRowsText - textOneOffs*exampleChars}, 0
	for n < len(o.List) && b.add(o.line(o.List[n]), n == 0) {
		n++
	}
	tools.Block(w, "patterns", b.String()+"lines of the first: "+tools.Cut(o.List[0].Query, maxRawCell))
	return n
}

func (o *patternsOutput) oneOffs(w io.Writer) {
	if len(o.OneOffs) == 0 {
		return
	}
	var b strings.Builder
	for _, p := range o.OneOffs[:min(len(o.OneOffs), textOneOffs)] {
		fmt.Fprintf(&b, "%s %s %s %s\n", stamp(p.Example.Time), names(p.Services), tools.Cut(p.Example.Text, exampleChars), placeOf(p.Example))
	}
	tools.Block(w, fmt.Sprintf("%d one-off lines", len(o.OneOffs)), b.String())
}

func (o *patternsOutput) line(p logs.Pattern) string {
	var b strings.Builder
	if o.Ranked > 0 {
		fmt.Fprintf(&b, "%.2f ", p.Similarity)
	}
	if o.Baseline != nil {
		fmt.Fprintf(&b, "%s %d (before %d, G %.0f) ", p.Change, p.Count, p.Baseline, p.G)
	} else {
		fmt.Fprintf(&b, "%d (%.1f %%) ", p.Count, 100*p.Share)
	}
	fmt.Fprintf(&b, "%s %s: %s\n", severities(p.Severities), names(p.Services), tools.Cut(p.Template, templateChars))
	fmt.Fprintf(&b, "    first %s, last %s; e.g. %s %s\n", stamp(p.First), stamp(p.Last), placeOf(p.Example), tools.Cut(p.Example.Text, exampleChars))
	return b.String()
}

// names lists services.
func names(services []string) string { return tools.Cut(strings.Join(services, ","), maxCell) }

// placeOf is where a line stands, file:line.
func placeOf(e logs.Example) string {
	if e.File == "" {
		return ""
	}
	return fmt.Sprintf("(%s:%d)", tools.Line(e.File), e.Line)
}

// severities names the severity of a pattern, or all of them when they differ.
func severities(m map[string]int64) string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b)) })
	return tools.Cut(strings.Join(names, "/"), maxCell)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
