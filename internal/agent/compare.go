package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Side is one of two things compared: a run, or the runs of a window by their medians.
type Side struct {
	ID         string   `json:"id"` // the run; for a window its first and last run's start
	Runs       int      `json:"runs"`
	DurationMS float64  `json:"duration_ms"` // medians from here on
	Turns      float64  `json:"turns"`
	Input      float64  `json:"input_tokens"`
	Output     float64  `json:"output_tokens"`
	FirstInput float64  `json:"first_input"`
	MaxInput   float64  `json:"max_input"`
	CacheShare float64  `json:"cache_share"` // of all input
	CostUSD    float64  `json:"cost_usd"`    // median of a run, when known
	CostKnown  bool     `json:"cost_known"`
	ToolCalls  float64  `json:"tool_calls"`
	Identical  float64  `json:"identical_calls"`
	ToolErrors int      `json:"tool_errors"` // of all runs
	ErrorRate  float64  `json:"tool_error_rate"`
	Failed     int      `json:"failed_runs"`
	Agents     []string `json:"agents"`
	Models     []string `json:"models"`
}

// Edit is one place where two trajectories differ.
type Edit struct {
	Op    string `json:"op"` // same, added (only in b), removed (only in a), changed
	Label string `json:"label"`
	To    string `json:"to,omitempty"`   // what a changed step became
	Count int    `json:"count"`          // consecutive steps alike in op and label
	A     string `json:"a,omitempty"`    // span in a
	B     string `json:"b,omitempty"`    // span in b
	Note  string `json:"note,omitempty"` // of a step in both: what is new about it
}

// ErrorCount is a kind of failure on both sides.
type ErrorCount struct {
	Step      string `json:"step"`
	ErrorType string `json:"error_type"`
	Message   string `json:"message,omitempty"`
	A         int    `json:"a"`
	B         int    `json:"b"`
	Example   string `json:"example,omitempty"` // run with it
}

// ToolChange is a tool on both sides.
type ToolChange struct {
	Tool                 string  `json:"tool"`
	CallsA               int     `json:"calls_a"`
	CallsB               int     `json:"calls_b"`
	ErrorRateA           float64 `json:"error_rate_a"`
	ErrorRateB           float64 `json:"error_rate_b"`
	PerRunA              float64 `json:"calls_a_run"`
	PerRunB              float64 `json:"calls_b_run"`
	P50A                 float64 `json:"p50_ms_a"`
	P50B                 float64 `json:"p50_ms_b"`
	errorsDiff, callDiff float64
}

// Comparison is what differs between a and b.
type Comparison struct {
	A, B      Side
	Distance  int     // edits between the trajectories
	Relative  float64 // distance by the longer trajectory's steps
	StepsA    int
	StepsB    int
	Edits     []Edit
	Typical   bool // the trajectories are the windows' typical runs
	NewErrors []ErrorCount
	Tools     []ToolChange
	Notes     []string
}

// CompareRuns compares two runs or conversations.
func CompareRuns(ctx context.Context, eng engine.Engine, a, b string, p Prices) (*Comparison, error) {
	fa, na, err := Find(ctx, eng, Selection{ID: a}, p)
	if err != nil {
		return nil, err
	}
	fb, nb, err := Find(ctx, eng, Selection{ID: b}, p)
	if err != nil {
		return nil, err
	}
	c := compare([]*Run{fa.run}, []*Run{fb.run})
	c.A.ID, c.B.ID = a, b
	c.Notes = slices.Concat(na, nb)
	c.align(fa.run, fb.run)
	return c, nil
}

// CompareWindows compares the runs that fit two filters; the trajectories are those of their typical runs.
func CompareWindows(ctx context.Context, eng engine.Engine, a, b Filter, p Prices) (*Comparison, error) {
	la, err := Runs(ctx, eng, a, p)
	if err != nil {
		return nil, err
	}
	lb, err := Runs(ctx, eng, b, p)
	if err != nil {
		return nil, err
	}
	for _, e := range []struct {
		name string
		runs []*Run
	}{{"first", la.Runs}, {"second", lb.Runs}} {
		if len(e.runs) == 0 {
			return nil, fault.WithHint(fault.New(fault.NotFound, "no run fits the %s window", e.name), "agents_runs lists the runs with their times.")
		}
	}
	c := compare(la.Runs, lb.Runs)
	c.Typical = true
	for _, n := range append(la.Notes, lb.Notes...) {
		if !slices.Contains(c.Notes, n) {
			c.Notes = append(c.Notes, n)
		}
	}
	c.align(medoid(la.Runs), medoid(lb.Runs))
	return c, nil
}

func compare(a, b []*Run) *Comparison {
	c := &Comparison{A: side(a), B: side(b), NewErrors: newErrors(a, b), Tools: toolChanges(a, b)}
	return c
}

func side(runs []*Run) Side {
	s := Side{Runs: len(runs), CostKnown: true, Agents: []string{}, Models: []string{}}
	var dur, turns, in, out, first, most, cost, calls, same []float64
	var read, all int64
	n := 0
	for _, r := range runs {
		dur, turns, in, out = append(dur, r.DurationMS), append(turns, float64(r.Turns)), append(in, float64(r.Usage.Input)), append(out, float64(r.Usage.Output))
		first, most = append(first, float64(r.FirstInput)), append(most, float64(r.MaxInput))
		calls, same = append(calls, float64(r.ToolCalls)), append(same, float64(r.Identical))
		cost = append(cost, r.Cost.USD)
		s.CostKnown = s.CostKnown && (r.Cost.Known || r.Usage.zero())
		s.ToolErrors += r.ToolErrors
		n += r.ToolCalls
		if r.Status != "ok" {
			s.Failed++
		}
		read, all = read+r.Usage.CacheRead, all+r.Usage.Input
		if !slices.Contains(s.Agents, r.Agent) {
			s.Agents = append(s.Agents, r.Agent)
		}
		for _, m := range r.Models {
			if !slices.Contains(s.Models, m) {
				s.Models = append(s.Models, m)
			}
		}
	}
	slices.Sort(s.Agents)
	slices.Sort(s.Models)
	s.DurationMS, s.Turns, s.Input, s.Output = quantile(dur, .5), quantile(turns, .5), quantile(in, .5), quantile(out, .5)
	s.FirstInput, s.MaxInput, s.ToolCalls, s.Identical, s.CostUSD = quantile(first, .5), quantile(most, .5), quantile(calls, .5), quantile(same, .5), quantile(cost, .5)
	if n > 0 {
		s.ErrorRate = round(float64(s.ToolErrors)/float64(n), 3)
	}
	if all > 0 {
		s.CacheShare = round(float64(read)/float64(all), 3)
	}
	if len(runs) > 0 {
		s.ID = runs[0].Start.Format("2006-01-02T15:04:05Z") + " to " + runs[len(runs)-1].Start.Format("2006-01-02T15:04:05Z")
	}
	return s
}

// newErrors lists the kinds of failures that b has and a has not, or has far less of, most frequent first.
func newErrors(a, b []*Run) []ErrorCount {
	at := map[[2]string]*ErrorCount{}
	count := func(runs []*Run, of func(*ErrorCount) *int) {
		for _, r := range runs {
			for _, f := range r.failures() {
				key := [2]string{f.Step, f.ErrorType}
				e := at[key]
				if e == nil {
					e = &ErrorCount{Step: f.Step, ErrorType: f.ErrorType, Message: f.Message}
					at[key] = e
				}
				e.Example, e.Message = r.ID, cmp.Or(f.Message, e.Message) // b is counted last
				*of(e)++
			}
		}
	}
	count(a, func(e *ErrorCount) *int { return &e.A })
	count(b, func(e *ErrorCount) *int { return &e.B })
	out := []ErrorCount{}
	for _, e := range at {
		// Three times the rate of a run is beyond what two windows of the same traffic usually differ by.
		if float64(e.B)/float64(max(1, len(b))) > 3*float64(e.A)/float64(max(1, len(a))) {
			out = append(out, *e)
		}
	}
	slices.SortFunc(out, func(x, y ErrorCount) int {
		return cmp.Or(cmp.Compare(y.B, x.B), strings.Compare(x.Step+x.ErrorType, y.Step+y.ErrorType))
	})
	return out
}

// toolChanges lists the tools by how much their failures changed, then by how much their calls did.
func toolChanges(a, b []*Run) []ToolChange {
	at := map[string]*ToolChange{}
	get := func(tool string) *ToolChange {
		if at[tool] == nil {
			at[tool] = &ToolChange{Tool: tool}
		}
		return at[tool]
	}
	for _, t := range toolStats(a) {
		c := get(t.Tool)
		c.CallsA, c.ErrorRateA, c.P50A, c.PerRunA = t.Calls, t.ErrorRate, t.P50MS, round(float64(t.Calls)/float64(len(a)), 2)
	}
	for _, t := range toolStats(b) {
		c := get(t.Tool)
		c.CallsB, c.ErrorRateB, c.P50B, c.PerRunB = t.Calls, t.ErrorRate, t.P50MS, round(float64(t.Calls)/float64(len(b)), 2)
	}
	out := make([]ToolChange, 0, len(at))
	for _, c := range at {
		c.errorsDiff, c.callDiff = abs(c.ErrorRateB*c.PerRunB-c.ErrorRateA*c.PerRunA), abs(c.PerRunB-c.PerRunA)
		out = append(out, *c)
	}
	slices.SortFunc(out, func(x, y ToolChange) int {
		return cmp.Or(cmp.Compare(y.errorsDiff, x.errorsDiff), cmp.Compare(y.callDiff, x.callDiff), strings.Compare(x.Tool, y.Tool))
	})
	return out
}

func abs(v float64) float64 {
	if v < 0 {
		return -v
	}
	return v
}

// Bounds of aligning: the table of the edit distance has the product of the lengths.
const (
	maxAligned = 2_000 // steps of a run
	maxSampled = 60    // runs of a window among which the typical one is looked for
)

// medoid returns the run whose trajectory is nearest to all others'.
func medoid(runs []*Run) *Run {
	if len(runs) > maxSampled { // evenly over the window
		some := make([]*Run, maxSampled)
		for i := range some {
			some[i] = runs[i*len(runs)/maxSampled]
		}
		runs = some
	}
	paths := make([][]string, len(runs))
	for i, r := range runs {
		for _, s := range r.ordered() {
			if paths[i] = append(paths[i], s.label()); len(paths[i]) == maxAligned/10 {
				break
			}
		}
	}
	best, least := 0, -1
	for i := range paths {
		sum := 0
		for j := range paths {
			d := distances(paths[i], paths[j])
			sum += d[0][0]
		}
		if least < 0 || sum < least {
			best, least = i, sum
		}
	}
	return runs[best]
}

// distances is the table of Levenshtein's edit distances between the ends of two sequences: entry [i][j] is that of a[i:] and b[j:].
func distances(a, b []string) [][]int {
	d := make([][]int, len(a)+1)
	cells := make([]int, (len(a)+1)*(len(b)+1))
	for i := range d {
		d[i], cells = cells[:len(b)+1], cells[len(b)+1:]
		d[i][len(b)] = len(a) - i
	}
	for j := range b {
		d[len(a)][j] = len(b) - j
	}
	for i := range slices.Backward(a) {
		for j := range slices.Backward(b) {
			if a[i] == b[j] {
				d[i][j] = d[i+1][j+1]
				continue
			}
			d[i][j] = 1 + min(d[i+1][j+1], d[i+1][j], d[i][j+1])
		}
	}
	return d
}

// align compares the trajectories of two runs.
func (c *Comparison) align(a, b *Run) {
	sa, sb := a.ordered(), b.ordered()
	c.StepsA, c.StepsB = len(sa), len(sb)
	if len(sa) > maxAligned || len(sb) > maxAligned {
		c.Notes = append(c.Notes, fmt.Sprintf("only the first %d steps of each run were aligned", maxAligned))
		sa, sb = sa[:min(len(sa), maxAligned)], sb[:min(len(sb), maxAligned)]
	}
	la, lb := labels(sa), labels(sb)
	d := distances(la, lb)
	c.Distance = d[0][0]
	if n := max(len(la), len(lb)); n > 0 {
		c.Relative = round(float64(c.Distance)/float64(n), 3)
	}
	if c.Typical {
		c.Notes = append(c.Notes, "the trajectories are those of the typical runs "+a.ID+" and "+b.ID)
	}
	for i, j := 0, 0; i < len(la) || j < len(lb); {
		switch {
		case i < len(la) && j < len(lb) && la[i] == lb[j]:
			c.edit(Edit{Op: "same", Label: la[i], A: sa[i].SpanID, B: sb[j].SpanID, Note: changed(a, b, sa[i], sb[j])})
			i, j = i+1, j+1
		case i < len(la) && j < len(lb) && d[i][j] == 1+d[i+1][j+1]:
			c.edit(Edit{Op: "changed", Label: la[i], To: lb[j], A: sa[i].SpanID, B: sb[j].SpanID})
			i, j = i+1, j+1
		case i < len(la) && (j == len(lb) || d[i][j] == 1+d[i+1][j]):
			c.edit(Edit{Op: "removed", Label: la[i], A: sa[i].SpanID})
			i++
		default:
			c.edit(Edit{Op: "added", Label: lb[j], B: sb[j].SpanID})
			j++
		}
	}
}

func labels(steps []*Step) []string {
	out := make([]string, len(steps))
	for i, s := range steps {
		out[i] = s.label()
	}
	return out
}

// changed says what is new about a step that both runs have: failing, or much slower or larger.
func changed(a, b *Run, x, y *Step) string {
	const much = 3 // times; below that, calls of the same kind differ by themselves
	switch fx, fy := a.f.failedStep(x), b.f.failedStep(y); {
	case fy && !fx:
		return "fails now: " + cmp.Or(b.f.reason(y.index).ErrorType, "error")
	case fx && !fy:
		return "works now"
	case y.Dur > much*x.Dur && ms(y.Dur-x.Dur) > 100:
		return fmt.Sprintf("slower: %s, was %s", seconds(ms(y.Dur)), seconds(ms(x.Dur)))
	case x.Usage.Input > 0 && y.Usage.Input > much*x.Usage.Input:
		return fmt.Sprintf("input %d tokens, was %d", y.Usage.Input, x.Usage.Input)
	}
	return ""
}

// edit appends, joining steps alike.
func (c *Comparison) edit(e Edit) {
	e.Count = 1
	if n := len(c.Edits); n > 0 {
		last := &c.Edits[n-1]
		if last.Op == e.Op && last.Label == e.Label && last.To == e.To && last.Note == e.Note {
			last.Count++
			return
		}
	}
	c.Edits = append(c.Edits, e)
}
