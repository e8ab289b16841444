package agent

// Turn is one call of a model and what it was given.
type Turn struct {
	N      int     `json:"n"`
	SpanID string  `json:"span_id"`
	Model  string  `json:"model"`
	Input  int64   `json:"input"`
	Output int64   `json:"output"`
	Cached int64   `json:"cached,omitempty"` // part of input read from a cache
	Grown  int64   `json:"grown"`            // input against the turn before of the same agent; 0 for the first
	After  string  `json:"after,omitempty"`  // the step before it
	MS     float64 `json:"ms"`
	Finish string  `json:"finish,omitempty"`
}

// Context is how the input of a run's turns grew and what a cache saved.
type Context struct {
	First      int64   `json:"first"` // input tokens of the first turn
	Last       int64   `json:"last"`
	Max        int64   `json:"max"`
	Growth     float64 `json:"growth,omitempty"`      // last / first
	PerTurn    float64 `json:"per_turn"`              // mean growth of a turn in tokens
	Jump       int64   `json:"jump,omitempty"`        // largest growth between two turns
	JumpTurn   int     `json:"jump_turn,omitempty"`   // the turn that had it
	JumpAfter  string  `json:"jump_after,omitempty"`  // the step before it
	CacheShare float64 `json:"cache_share,omitempty"` // share of input read from a cache
	CacheLost  int     `json:"cache_lost,omitempty"`  // turns that read nothing from a cache although an earlier one had
}

// turns lists the calls of models in order of time; growth is measured within one agent, since a sub-agent starts afresh.
func (r *Run) turns(steps []*Step) ([]Turn, Context) {
	var out []Turn
	var c Context
	last := map[int]int64{}
	cached := map[int]bool{}
	var before string
	var read, all, grown int64
	growths := 0
	for _, s := range steps {
		if s.Category != LLM || r.f.wraps(s) {
			before = s.label()
			continue
		}
		t := Turn{N: len(out) + 1, SpanID: s.SpanID, Model: s.Model, Input: s.Usage.Input, Output: s.Usage.Output, Cached: s.Usage.CacheRead, After: before, MS: ms(s.Dur), Finish: s.Finish}
		before = s.label()
		owner := r.f.agentOf(s)
		if prev, ok := last[owner]; ok && s.Usage.Input > 0 {
			t.Grown = s.Usage.Input - prev
			grown += t.Grown
			growths++
			if t.Grown > c.Jump {
				c.Jump, c.JumpTurn, c.JumpAfter = t.Grown, t.N, t.After
			}
		}
		if s.Usage.Input > 0 {
			last[owner] = s.Usage.Input
			c.Last = s.Usage.Input
			if c.First == 0 {
				c.First = s.Usage.Input
			}
		}
		if cached[owner] && s.Usage.CacheRead == 0 && s.Usage.Input > 0 {
			c.CacheLost++
		}
		cached[owner] = cached[owner] || s.Usage.CacheRead > 0
		c.Max = max(c.Max, s.Usage.Input)
		read, all = read+s.Usage.CacheRead, all+s.Usage.Input
		out = append(out, t)
	}
	if c.First > 0 {
		c.Growth = round(float64(c.Last)/float64(c.First), 2)
	}
	if growths > 0 {
		c.PerTurn = round(float64(grown)/float64(growths), 1)
	}
	if all > 0 {
		c.CacheShare = round(float64(read)/float64(all), 3)
	}
	return out, c
}

func (f *forest) wraps(s *Step) bool {
	for _, c := range s.children {
		if f.steps[c].Category == LLM || !f.steps[c].known() && f.wraps(&f.steps[c]) {
			return true
		}
	}
	return false
}

// agentOf returns the index of the nearest agent above a step, -1 for none.
func (f *forest) agentOf(s *Step) int {
	p := s.parent
	for hops := 0; p >= 0 && hops < maxHops; hops++ {
		if f.steps[p].Category == Agent {
			return p
		}
		p = f.steps[p].parent
	}
	return -1
}
