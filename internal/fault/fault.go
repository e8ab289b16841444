// Package fault gives errors what an agent needs to act: a stable code and a hint that says what to do next.
//
// Words: an error is what failed (lower case, the operation first, the cause wrapped); its code is the kind of failure,
// for callers that branch and for error.type in spans; its hint is the next step, a full sentence.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Code is the kind of a failure. Codes are part of the contract for scripts and never change their spelling.
type Code string

// The codes a tool can answer with.
const (
	InvalidArgument  Code = "invalid_argument"  // the caller's words are wrong: mend and call again
	InvalidQuery     Code = "invalid_query"     // the PPL or PromQL does not parse or does not fit the data
	NotFound         Code = "not_found"         // the named source, table, trace or file is not there
	Unavailable      Code = "unavailable"       // the backend cannot be reached now
	PermissionDenied Code = "permission_denied" // reached, but refused; or writes are not enabled
	TooLarge         Code = "too_large"         // over a limit that the text names
	Timeout          Code = "timeout"           // the time limit passed
	Canceled         Code = "canceled"          // the caller went away
	Unsupported      Code = "unsupported"       // understood, but this source or version cannot do it
	Internal         Code = "internal"          // our own bug
)

// Error is an error with a code and a hint. Either may be empty; the innermost non-empty one is found by CodeOf and HintOf.
type Error struct {
	Code Code
	Hint string
	Err  error
}

// Error returns the text of the wrapped error: the code and the hint are shown beside it, never in it.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// New returns an error of the code, with the text of fmt.Errorf(format, args...).
func New(code Code, format string, args ...any) error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// WithHint adds the next step to err. A nil err stays nil.
func WithHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Hint: fmt.Sprintf(format, args...), Err: err}
}

// WithCode adds a code to err. A nil err stays nil.
func WithCode(err error, code Code) error {
	if err == nil {
		return nil
	}
	return &Error{Code: code, Err: err}
}

// CodeOf returns the outermost code in err's chain, Timeout and Canceled for the context's errors, else Internal.
func CodeOf(err error) Code {
	for e := err; e != nil; {
		var f *Error
		if !errors.As(e, &f) {
			break
		}
		if f.Code != "" {
			return f.Code
		}
		e = f.Err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Canceled
	}
	return Internal
}

// HintOf returns the outermost hint in err's chain, or "".
func HintOf(err error) string {
	for e := err; e != nil; {
		var f *Error
		if !errors.As(e, &f) {
			return ""
		}
		if f.Hint != "" {
			return f.Hint
		}
		e = f.Err
	}
	return ""
}
