package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

func TestCodeAndHintAreFoundThroughWrapping(t *testing.T) {
	inner := fault.New(fault.NotFound, "open %s: %w", "a.log", fs.ErrNotExist)
	err := fmt.Errorf("read source: %w", fault.WithHint(inner, "Check the %s.", "path"))
	if got := fault.CodeOf(err); got != fault.NotFound {
		t.Errorf("code %q, want not_found", got)
	}
	if got := fault.HintOf(err); got != "Check the path." {
		t.Errorf("hint %q", got)
	}
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != "read source: open a.log: file does not exist" {
		t.Errorf("the cause or the text is lost: %v", err)
	}
}

func TestTheOutermostCodeWins(t *testing.T) {
	err := fault.WithCode(fault.New(fault.NotFound, "x"), fault.Unavailable)
	if got := fault.CodeOf(err); got != fault.Unavailable {
		t.Errorf("code %q, want unavailable", got)
	}
}

func TestErrorsWithoutACodeAreToldByTheirCause(t *testing.T) {
	for want, err := range map[fault.Code]error{
		fault.Timeout:  fmt.Errorf("query: %w", context.DeadlineExceeded),
		fault.Canceled: fault.WithHint(context.Canceled, "again"),
		fault.Internal: errors.New("x"),
	} {
		if got := fault.CodeOf(err); got != want {
			t.Errorf("%v: code %q, want %q", err, got, want)
		}
	}
}

func TestNilStaysNil(t *testing.T) {
	if fault.WithHint(nil, "x") != nil || fault.WithCode(nil, fault.Internal) != nil {
		t.Error("a nil error became an error")
	}
}
