package command

import (
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// StreamStats adds to each row aggregates over the rows up to it.
type StreamStats struct {
	Stats
	Current     bool
	Window      int64
	Global      bool
	ResetBefore syntax.Expr
	ResetAfter  syntax.Expr
}

func streamstatsSpec() Spec {
	return Spec{
		Name:   "streamstats",
		Syntax: "streamstats [current=BOOL] [window=N] [global=BOOL] [reset_before=(CONDITION)] [reset_after=(CONDITION)] AGGREGATE[ as NAME][, ..] [by KEY[, ..]]",
		Doc:    "Adds to each row aggregates over the rows up to it: all, or the last N.",
		Parse:  parseStreamStats,
	}
}

func parseStreamStats(p *syntax.Parser, n node) Command {
	s := &StreamStats{Stats: Stats{node: n}, Current: true, Global: true}
	for s.option(p) {
		continue
	}
	s.parse(p)
	return s
}

func (s *StreamStats) option(p *syntax.Parser) bool {
	switch {
	case p.AcceptOption("current"):
		s.Current = p.Bool("current")
	case p.AcceptOption("window"):
		at := p.Peek().Span()
		if s.Window = p.Int("window"); s.Window < 0 {
			p.Fail(at, "Window size must be >= 0, but got: %d", s.Window)
		}
	case p.AcceptOption("global"):
		s.Global = p.Bool("global")
	case p.AcceptOption("bucket_nullable"):
		b := p.Bool("bucket_nullable")
		s.Nullable = &b
	case p.AcceptOption("reset_before"):
		s.ResetBefore = p.Expr()
	case p.AcceptOption("reset_after"):
		s.ResetAfter = p.Expr()
	default:
		return false
	}
	return true
}

// String returns the command as PPL.
func (s *StreamStats) String() string {
	out := "streamstats"
	if !s.Current {
		out += " current=false"
	}
	if s.Window > 0 {
		out += fmt.Sprintf(" window=%d", s.Window)
	}
	if !s.Global {
		out += " global=false"
	}
	if s.Nullable != nil && len(s.Options) == 0 {
		out += fmt.Sprintf(" bucket_nullable=%t", *s.Nullable)
	}
	if s.ResetBefore != nil {
		out += " reset_before=(" + syntax.Print(s.ResetBefore) + ")"
	}
	if s.ResetAfter != nil {
		out += " reset_after=(" + syntax.Print(s.ResetAfter) + ")"
	}
	return out + " " + s.Stats.String()[len("stats "):]
}

// Compile adds window aggregates over the rows before in the order of the rows.
func (s *StreamStats) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := s.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	prepare(in, s.Aggs, s.By)
	in.Prepare(s.ResetBefore, s.ResetAfter)
	pos := in.Temp(in.RowNumber())[0]
	in.Pin(pos)
	seg, err := s.segment(in)
	if err != nil {
		return nil, err
	}
	var keys []plan.X
	xs, err := aggregates(env, in, s.Aggs, func() (plan.X, error) {
		var err error
		keys, err = windowKeys(in, s.By)
		all := keys
		if seg.SQL != "" {
			all = append(append([]plan.X(nil), keys...), seg)
		}
		return in.Window("", rows.Undefined, all, true, s.frame(len(keys) > 0)), err
	})
	if err != nil {
		return nil, err
	}
	addWindows(in, s.Aggs, xs, keys, s.nullable(env))
	return in, nil
}

// frame is the window of rows. With global the last N rows are counted over all groups: a range of row numbers.
func (s *StreamStats) frame(grouped bool) string {
	unit := "ROWS"
	if s.Global && grouped {
		unit = "RANGE"
	}
	from, to := "UNBOUNDED PRECEDING", "CURRENT ROW"
	if !s.Current {
		to = "1 PRECEDING"
	}
	switch {
	case s.Window > 0 && s.Current:
		from = fmt.Sprintf("%d PRECEDING", s.Window-1)
	case s.Window > 0:
		from = fmt.Sprintf("%d PRECEDING", s.Window)
	default:
		unit = "ROWS"
	}
	return unit + " BETWEEN " + from + " AND " + to
}

// segment numbers the stretches between resets; the result has no SQL when there are none.
func (s *StreamStats) segment(in *plan.Rel) (plan.X, error) {
	if s.ResetBefore == nil && s.ResetAfter == nil {
		return plan.X{}, nil
	}
	flag := plan.Cell(rows.Boolean, "false")
	if s.ResetBefore != nil {
		x, err := in.Condition(s.ResetBefore)
		if err != nil {
			return x, err
		}
		flag = plan.Cell(rows.Boolean, "coalesce(%s, false)", x)
	}
	if s.ResetAfter != nil {
		x, err := in.Condition(s.ResetAfter)
		if err != nil {
			return x, err
		}
		before := in.Window("lag("+x.SQL+")", rows.Boolean, nil, true, "").Also(x)
		flag = plan.Cell(rows.Boolean, "(%s OR coalesce(%s, false))", flag, before)
	}
	flag = in.Temp(flag)[0]
	sum := in.Window("sum(CASE WHEN "+flag.SQL+" THEN 1 ELSE 0 END)", rows.BigInt, nil, true, "ROWS UNBOUNDED PRECEDING").Also(flag)
	return in.Temp(sum)[0], nil
}
