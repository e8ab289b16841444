package logs

import (
	"context"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/template"
)

// Rules of a difference.
const (
	significant = 0.01     // false-discovery rate up to which a change is told
	oneOffLines = 2        // lines up to which a pattern of the window is a one-off
	maxServices = 5        // services named of one pattern
	maxOneOffs  = 25       // one-off lines told
	maxExample  = 400      // bytes of an example line
	maxWhole    = 16 << 10 // bytes of an example that its query is made from
	maxLike     = 1000     // bytes of a query's pattern; what is longer is left open
	trafficMin  = 20       // lines in each window from which a pattern tells of the traffic
	trafficOf   = 5        // such patterns needed
)

// Change says how a pattern differs between two windows.
type Change string

// The changes, strongest first.
const (
	New    Change = "new"
	Risen  Change = "risen"
	Gone   Change = "gone"
	Fallen Change = "fallen"
	Steady Change = "steady"
)

// Pattern is a template with what was counted of it in the window and in the baseline.
type Pattern struct {
	ID            string           `json:"id"` // hash of the template
	Template      string           `json:"template"`
	Count         int64            `json:"count"`
	Share         float64          `json:"share"` // of the window's lines, 0 to 1
	Baseline      int64            `json:"baseline,omitempty"`
	BaselineShare float64          `json:"baseline_share,omitempty"`
	Change        Change           `json:"change,omitempty"`
	G             float64          `json:"g,omitempty"` // log-likelihood ratio of the two rates
	Q             float64          `json:"q,omitempty"` // false-discovery rate
	First         time.Time        `json:"first"`       // within what was read: the window and its baseline
	Last          time.Time        `json:"last"`
	Severities    map[string]int64 `json:"severities,omitempty"`
	Services      []string         `json:"services,omitempty"`
	Example       Example          `json:"example"`
	Query         string           `json:"query"`                // the PPL that shows its lines; those of the baseline if the window has none
	Similarity    float64          `json:"similarity,omitempty"` // to what was asked for by meaning: a cosine, -1 to 1
}

// Example is one line of a pattern. Text is data.
type Example struct {
	Text    string    `json:"text"`
	Time    time.Time `json:"time"`
	File    string    `json:"file,omitempty"`
	Line    int64     `json:"line,omitempty"`
	TraceID string    `json:"trace_id,omitempty"`
}

// Patterns is what the lines of a window say, by template.
type Patterns struct {
	Table         string     `json:"table"`
	Window        Window     `json:"window"`
	Baseline      *Window    `json:"baseline,omitempty"`
	Lines         int64      `json:"lines"`
	BaselineLines int64      `json:"baseline_lines,omitempty"`
	Traffic       float64    `json:"traffic,omitempty"` // lines a second of the usual patterns, window by baseline: changes are told beyond it
	Templates     int        `json:"templates"`         // in both windows
	List          []Pattern  `json:"patterns"`          // most frequent first, or strongest change first
	OneOffs       []Pattern  `json:"one_offs"`          // rare lines of the window, by time; only in a comparison
	Query         string     `json:"query"`             // the PPL that selects the window's lines
	Empty         *Emptiness `json:"empty,omitempty"`   // why the window has no lines
}

// FindPatterns mines the templates of the lines in scope. With a baseline the two windows are compared: counts by the G-test
// (Dunning 1993), scaled by the windows' lengths and by the change of the traffic as a whole; false discoveries held by Benjamini and Hochberg (1995).
// Both windows are taken as far as there is data. A baseline that overlaps the window or lies outside the data is refused.
func FindPatterns(ctx context.Context, eng engine.Engine, s Scope, baseline *Window) (*Patterns, error) {
	p, err := s.resolve(ctx, eng)
	if err != nil {
		return nil, err
	}
	if baseline, err = p.baseline(s.Table, baseline); err != nil {
		return nil, err
	}
	m := &mining{miner: template.New(template.Config{}), window: p.window, baseline: baseline}
	if err := m.read(ctx, eng, s, p.field); err != nil {
		return nil, err
	}
	out := &Patterns{
		Table: s.Table, Window: p.window, Baseline: baseline, Lines: m.lines[0], BaselineLines: m.lines[1],
		Query: s.source(p.field, p.window.rng()), List: []Pattern{}, OneOffs: []Pattern{},
	}
	if out.Lines == 0 {
		if out.Empty, err = emptiness(ctx, eng, s.stages(p.field, p.window.rng())); err != nil {
			return nil, err
		}
	}
	gone := ""
	if baseline != nil {
		gone = s.source(p.field, baseline.rng())
	}
	all := m.merge(out.Query, gone)
	out.Templates = len(all)
	if baseline == nil {
		out.List = all
		return out, nil
	}
	out.compare(all)
	return out, nil
}

// baseline checks the window to compare with and returns the part of it that there is data for; nil stays nil.
func (p place) baseline(table string, b *Window) (*Window, error) {
	if b == nil {
		return nil, nil //nolint:nilnil // no comparison was asked for
	}
	w := b.within(p.data)
	switch {
	case b.empty():
		return nil, fault.New(fault.InvalidArgument, "the baseline from %s to %s holds no time", stamp(b.Start), stamp(b.End))
	case !w.Start.Before(p.data.End) || !p.data.Start.Before(w.End):
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "no data in the baseline from %s to %s", stamp(b.Start), stamp(b.End)),
			"The data of %s runs from %s to %s: choose both windows in it.", table, stamp(p.data.Start), stamp(p.data.End))
	case w.Start.Before(p.window.End) && p.window.Start.Before(w.End):
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "the baseline from %s to %s overlaps the window from %s to %s", stamp(b.Start), stamp(b.End), stamp(p.window.Start), stamp(p.window.End)),
			"End the baseline where the window starts.")
	}
	return &w, nil
}
