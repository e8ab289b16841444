package tools

import (
	"context"
	"io"
)

// Spec declares a tool.
type Spec struct {
	Name        string // domain_verb_object, snake_case; never changes
	Title       string // for people
	Description string // for the agent: what it answers, when to use it, what to call next
	Toolset     string // "logs", "traces", ...
	Writes      bool   // changes something outside: needs --allow-writes
	Destructive bool   // may destroy; only with Writes
	Idempotent  bool   // calling twice is as calling once (always true for a reader)
	OpenWorld   bool   // reaches beyond the configured sources
}

// Texter is implemented by every output: terse text for the agent, the count first, the worst first, what was cut last.
type Texter interface {
	WriteText(w io.Writer)
}

// Validator may be implemented by an input; it is called after decoding. Errors are fault errors.
type Validator interface {
	Validate() error
}

// Handler is what a tool does.
type Handler[In any, Out Texter] func(ctx context.Context, in In) (Out, error)
