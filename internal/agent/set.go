package agent

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// forest is the steps of some traces with the tree they form.
type forest struct {
	steps []Step
	tops  []int // steps of agents without one above, by time
}

// grow links the steps: parent is the nearest known step above, looked through spans that are no agent's with the help of above
// (span key -> parent's key).
func grow(steps []Step, above map[string]string) *forest {
	slices.SortStableFunc(steps, func(a, b Step) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(b.Dur, a.Dur), cmp.Compare(a.seq, b.seq), strings.Compare(a.SpanID, b.SpanID))
	})
	f := &forest{steps: steps}
	at := make(map[string]int, len(steps))
	for i := range steps {
		if k := steps[i].key(); steps[i].SpanID != "" {
			if _, twice := at[k]; !twice {
				at[k] = i
			}
		}
	}
	for i := range steps {
		s := &steps[i]
		s.index, s.parent, s.children = i, -1, nil
		key := s.TraceID + "/" + s.ParentID
		for hops := 0; s.ParentID != "" && key != "" && hops < maxHops; hops++ {
			if p, ok := at[key]; ok {
				if p != i && !f.below(i, p) {
					s.parent = p
				}
				break
			}
			key = above[key]
		}
		if s.parent >= 0 {
			steps[s.parent].children = append(steps[s.parent].children, i)
		}
	}
	for i := range steps {
		if steps[i].known() && f.holder(i) < 0 {
			f.tops = append(f.tops, i)
		}
	}
	f.findLegs()
	return f
}

// maxHops bounds the way up a trace: deeper traces are broken ones.
const maxHops = 200

func (s *Step) key() string { return s.TraceID + "/" + s.SpanID }

// below reports whether step p lies below step i already, which a broken trace can make.
func (f *forest) below(i, p int) bool {
	for hops := 0; p >= 0 && hops < maxHops; hops++ {
		if p == i {
			return true
		}
		p = f.steps[p].parent
	}
	return false
}

// holder returns the nearest step of an agent above i, -1 for none.
func (f *forest) holder(i int) int {
	p := f.steps[i].parent
	for hops := 0; p >= 0 && hops < maxHops; hops++ {
		if f.steps[p].known() {
			return p
		}
		p = f.steps[p].parent
	}
	return -1
}

// findLegs marks tool spans below another span of the same call: no agent and no model stands between, and the names agree or the
// lower one is a request of MCP.
func (f *forest) findLegs() {
	for i := range f.steps {
		s := &f.steps[i]
		if s.Category != Tool {
			continue
		}
		h := f.holder(i)
		if h < 0 || f.steps[h].Category != Tool {
			continue
		}
		up := &f.steps[h]
		s.leg = s.Method != "" || s.Operation == executionLeg || sameTool(up.ToolName, s.ToolName) || s.CallID != "" && s.CallID == up.CallID
	}
}

// sameTool compares names of tools: agents write an MCP server's name before the tool's.
func sameTool(a, b string) bool {
	return a == b || a != "" && b != "" && (strings.HasSuffix(a, "__"+b) || strings.HasSuffix(b, "__"+a) || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a))
}

// walk calls visit for the steps below i in order of time, i first.
func (f *forest) walk(i, depth int, visit func(i, depth int)) {
	visit(i, depth)
	if depth > maxHops {
		return
	}
	for _, c := range f.steps[i].children {
		f.walk(c, depth+1, visit)
	}
}

// inList writes a condition that a column has one of the values.
func inList(column string, values []string) string {
	q := make([]string, len(values))
	for i, v := range values {
		q[i] = ppl.Quote(v)
	}
	return quoted(column) + " in (" + strings.Join(q, ", ") + ")"
}

// Bounds of looking between the spans of agents.
const (
	idsAtOnce = 200   // trace ids in one condition: some 10 kB of query
	maxAsked  = 4_000 // traces looked into
)

// above reads how spans hang together in the traces in which more than one known step seems to be topmost: between them may lie
// spans that are no agent's.
func (l *loader) above(ctx context.Context, steps []Step, r timerange.Range) (map[string]string, error) {
	ids := torn(steps)
	if len(ids) > maxAsked {
		l.note("in %d of %d traces with several topmost steps the spans between were not looked at", len(ids)-maxAsked, len(ids))
		ids = ids[:maxAsked]
	}
	up := map[string]string{}
	for len(ids) > 0 {
		n := min(len(ids), idsAtOnce)
		query := trace.Query([]string{"traceId", "spanId", "parentSpanId"}, r, inList("traceId", ids[:n]))
		_, err := l.eng.Stream(ctx, query, engineAll, func(row []any) error {
			t := textOf(row[0])
			if p := textOf(row[2]); p != "" {
				up[t+"/"+textOf(row[1])] = t + "/" + p
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		ids = ids[n:]
	}
	return up, nil
}

// torn lists the traces that have several known steps whose parents are not known steps, one of them at least with a parent.
func torn(steps []Step) []string {
	have := make(map[string]bool, len(steps))
	for i := range steps {
		have[steps[i].key()] = true
	}
	tops, parents := map[string]int{}, map[string]bool{}
	for i := range steps {
		s := &steps[i]
		if s.TraceID == "" || s.ParentID != "" && have[s.TraceID+"/"+s.ParentID] {
			continue
		}
		tops[s.TraceID]++
		if s.ParentID != "" {
			parents[s.TraceID] = true
		}
	}
	var out []string
	for t, n := range tops {
		if n > 1 && parents[t] {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}
