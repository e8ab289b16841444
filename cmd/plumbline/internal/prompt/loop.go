package prompt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Report writes an error with its hint.
func Report(w io.Writer, err error) {
	fmt.Fprintf(w, "error: %s\n", err)
	if h := fault.HintOf(err); h != "" {
		fmt.Fprintf(w, "hint: %s\n", h)
	}
}

// goesOn reports whether a statement continues in the next line, and the text without the mark for it.
func goesOn(text string) (string, bool) {
	t := strings.TrimRight(text, " \t")
	if strings.HasSuffix(t, `\`) && !strings.HasPrefix(strings.TrimSpace(t), `\`) {
		return strings.TrimSuffix(t, `\`) + " ", true
	}
	return t + " ", strings.HasSuffix(t, "|")
}

// Interactive reads statements from a terminal until it ends. History keeps the lines of earlier sessions.
func (s *Session) Interactive(ctx context.Context, terminal io.ReadWriter, history term.History, size func() (width, height int)) error {
	t := term.NewTerminal(terminal, "ppl> ")
	if history != nil {
		t.History = history
	}
	if w, h := size(); w > 0 {
		if err := t.SetSize(w, h); err != nil {
			return fmt.Errorf("set the size of the terminal: %w", err)
		}
	}
	s.Out, s.Err = t, t
	t.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		candidates, drop := s.Complete(ctx, line[:pos])
		typed := line[pos-drop : pos]
		with := Common(candidates)
		if len(candidates) > 1 && len(with) <= len(typed) {
			fmt.Fprintln(t, strings.Join(candidates[:min(len(candidates), maxOffered)], "  "))
			return line, pos, true
		}
		if len(with) < len(typed) {
			return line, pos, true
		}
		return line[:pos-drop] + with + line[pos:], pos - drop + len(with), true
	}
	fmt.Fprintf(t, "PPL over %s. \\help lists commands, Tab completes, Ctrl-D ends.\n", s.Source)
	return s.loop(ctx, t)
}

// maxOffered bounds the candidates shown.
const maxOffered = 60

func (s *Session) loop(ctx context.Context, t *term.Terminal) error {
	var text strings.Builder
	for {
		line, err := t.ReadLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the terminal: %w", err)
		}
		part, more := goesOn(line)
		text.WriteString(part)
		if more {
			t.SetPrompt("   | ")
			continue
		}
		t.SetPrompt("ppl> ")
		statement := text.String()
		text.Reset()
		if err := s.Run(ctx, statement); errors.Is(err, ErrQuit) {
			return nil
		} else if err != nil {
			Report(t, err)
		}
	}
}

// Script runs statements that are divided by a ; at the end of a line or by an empty line. Lines that begin with // or # are
// comments. It ends at the first error, which names the line.
func (s *Session) Script(ctx context.Context, r io.Reader) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLine)
	var text strings.Builder
	line, begun := 0, 0
	flush := func() error {
		statement := text.String()
		text.Reset()
		if err := s.Run(ctx, statement); err != nil && !errors.Is(err, ErrQuit) {
			return fmt.Errorf("line %d: %w", begun, err)
		} else if err != nil {
			return err
		}
		return nil
	}
	for in.Scan() {
		line++
		l := strings.TrimSpace(in.Text())
		if strings.HasPrefix(l, "//") || strings.HasPrefix(l, "#") {
			continue
		}
		if strings.HasPrefix(l, `\`) && text.Len() > 0 {
			if err := flush(); err != nil {
				return err
			}
		}
		if text.Len() == 0 {
			begun = line
		}
		text.WriteString(l + "\n")
		ends := l == "" || strings.HasSuffix(l, ";") || strings.HasPrefix(l, `\`)
		if !ends {
			continue
		}
		if err := flush(); errors.Is(err, ErrQuit) {
			return nil
		} else if err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("read the script: %w", err)
	}
	if err := flush(); err != nil && !errors.Is(err, ErrQuit) {
		return err
	}
	return nil
}

// maxLine bounds a line of a script.
const maxLine = 1 << 20
