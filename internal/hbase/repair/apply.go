package repair

import (
	"context"
	"fmt"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Runner runs the commands of a plan on a cluster.
type Runner interface {
	// Run runs a command and returns what it printed on both outputs, and its exit code. An error says that it did not run.
	Run(ctx context.Context, c Command) (output string, code int, err error)
}

// Outcome is what came of one step.
type Outcome struct {
	Plan     string  `json:"plan"`
	Step     int     `json:"step"`
	Command  string  `json:"command"`
	State    string  `json:"state"`            // shown, already, done
	Output   string  `json:"output,omitempty"` // of the command
	Precheck string  `json:"precheck,omitempty"`
	Verified string  `json:"verified,omitempty"`
	Seconds  float64 `json:"seconds,omitempty"`
	Next     int     `json:"next,omitempty"` // the step that follows, 0 after the last
}

// The states of an outcome.
const (
	StateShown   = "shown"   // nothing was run
	StateAlready = "already" // its result was there before
	StateDone    = "done"
)

// Clock is the time and how to wait for it.
type Clock struct {
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
}

// pollEvery is how often a verification is tried: a call of the HBase shell takes seconds itself.
const pollEvery = 3 * time.Second

// Apply runs one step: the results of the steps before it must still be there, its precheck must hold, its command must
// succeed and its verification must come to hold in time. Anything else is a surprise: an error, and nothing more is run.
func (p *Plan) Apply(ctx context.Context, n int, r Runner, clock Clock) (*Outcome, error) {
	s := p.Step(n)
	if s == nil {
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "%s has no step %d", p.ID, n), "It has steps 1 to %d.", len(p.Steps))
	}
	if s.command.Tool == Hand {
		return nil, fault.WithHint(fault.New(fault.Unsupported, "step %d is done by hand: %s", n, s.Command), "When it is done, go on with step %d.", n+1)
	}
	for i := 1; i < n; i++ {
		if err := p.standing(ctx, p.Step(i), r); err != nil {
			return nil, err
		}
	}
	out := &Outcome{Plan: p.ID, Step: n, Command: s.Command, State: StateDone, Next: p.after(n)}
	began := clock.Now()
	defer func() { out.Seconds = float64(clock.Now().Sub(began).Milliseconds()) / 1000 }()
	for _, c := range p.done(s) {
		if ok, _, err := holds(ctx, r, c); err != nil {
			return nil, err
		} else if ok {
			out.State, out.Verified = StateAlready, c.About
			return out, nil
		}
	}
	if s.precheck != nil {
		ok, why, err := holds(ctx, r, s.precheck)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return nil, surprise(n, fmt.Errorf("the cluster is not as the evidence says (%s): %s", s.precheck.About, why))
		}
		out.Precheck = s.precheck.About
	}
	if err := run(ctx, r, s, out); err != nil {
		return nil, err
	}
	return out, verified(ctx, r, s, out, clock)
}

// after is the number of the step after n, 0 after the last.
func (p *Plan) after(n int) int {
	if n >= len(p.Steps) {
		return 0
	}
	return n + 1
}

// standing checks that an earlier step's result is there.
func (p *Plan) standing(ctx context.Context, s *Step, r Runner) error {
	var why string
	for _, c := range p.done(s) {
		ok, missed, err := holds(ctx, r, c)
		if err != nil || ok {
			return err
		}
		if why == "" {
			why = missed
		}
	}
	if why == "" {
		return nil
	}
	return fault.WithHint(fault.New(fault.InvalidArgument, "step %d is not done (%s): %s", s.N, s.verify.About, why), "Run step %d first: the order of a plan matters.", s.N)
}

func run(ctx context.Context, r Runner, s *Step, out *Outcome) error {
	text, code, err := r.Run(ctx, s.command)
	out.Output = text
	switch {
	case err != nil:
		return fmt.Errorf("step %d: %w", s.N, err)
	case code != 0:
		return surprise(s.N, fmt.Errorf("exit code %d: %s", code, text))
	}
	return nil
}

func verified(ctx context.Context, r Runner, s *Step, out *Outcome, clock Clock) error {
	if s.verify == nil || s.ReadOnly {
		return nil
	}
	began := clock.Now()
	for {
		ok, why, err := holds(ctx, r, s.verify)
		switch {
		case err != nil:
			return err
		case ok:
			out.Verified = s.verify.About
			return nil
		case clock.Now().Sub(began) >= s.patience:
			return surprise(s.N, fmt.Errorf("it did not work within %s (%s): %s; the command printed: %s", s.patience, s.verify.About, why, out.Output))
		}
		if err := clock.Sleep(ctx, pollEvery); err != nil {
			return err
		}
	}
}

func surprise(n int, err error) error {
	return fault.WithHint(fault.WithCode(fmt.Errorf("step %d: %w", n, err), fault.Unavailable), "Stop here: collect a new bundle and plan anew; nothing after this step was run.")
}

func holds(ctx context.Context, r Runner, c *Check) (bool, string, error) {
	looking, cancel := ctx, context.CancelFunc(func() {})
	if c.Limit > 0 {
		looking, cancel = context.WithTimeout(ctx, c.Limit)
	}
	defer cancel()
	text, _, err := r.Run(looking, c.Command) // a look at what is not there fails: the patterns decide
	switch {
	case err != nil && ctx.Err() == nil && looking.Err() != nil:
		return false, "no answer within " + c.Limit.String(), nil
	case err != nil:
		return false, "", err
	}
	ok, why := c.Holds(text)
	return ok, why, nil
}
