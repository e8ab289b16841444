package command

import (
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// EventStats adds the aggregates of each row's group to the row.
type EventStats struct{ Stats }

func eventstatsSpec() Spec {
	return Spec{
		Name: "eventstats", Syntax: "eventstats [bucket_nullable=BOOL] AGGREGATE[ as NAME][, ..] [by KEY[, ..]]",
		Doc:   "As stats, but keeps all rows and adds the aggregates of its group to each.",
		Parse: func(p *syntax.Parser, n node) Command { s := &EventStats{Stats{node: n}}; s.parse(p); return s },
	}
}

// String returns the command as PPL.
func (s *EventStats) String() string { return "event" + s.Stats.String() }

// Compile adds window aggregates.
func (s *EventStats) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := s.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	prepare(in, s.Aggs, s.By)
	var keys []plan.X
	xs, err := aggregates(env, in, s.Aggs, func() (plan.X, error) {
		var err error
		keys, err = windowKeys(in, s.By)
		return in.Window("", rows.Undefined, keys, false, ""), err
	})
	if err != nil {
		return nil, err
	}
	addWindows(in, s.Aggs, xs, keys, s.nullable(env))
	return in, nil
}

func windowKeys(in *plan.Rel, by []Key) ([]plan.X, error) {
	keys := make([]plan.X, len(by))
	for i, k := range by {
		x, err := groupValue(in, k)
		if err != nil {
			return nil, err
		}
		keys[i] = x
	}
	return keys, nil
}

// addWindows adds window aggregates as columns; where a key is null they are null unless null is a group of its own.
func addWindows(in *plan.Rel, as []Agg, xs, keys []plan.X, nullable bool) {
	for i, x := range xs {
		if !nullable {
			x = whereKeys(x, keys)
		}
		in.Set(plan.NewCol(as[i].name(), x))
	}
	in.Shuffled()
	in.Flush()
}

func whereKeys(x plan.X, keys []plan.X) plan.X {
	for _, k := range keys {
		v := function.Value{SQL: "CASE WHEN " + k.SQL + " IS NOT NULL THEN " + x.SQL + " END", Type: x.Type, Elem: x.Elem, Nanos: x.Nanos, JSON: x.JSON}
		x = plan.X{Value: v, Uses: x.Also(k).Uses}
	}
	return x
}
