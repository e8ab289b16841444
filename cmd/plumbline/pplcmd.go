package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/plumbline-mcp/plumbline/cmd/plumbline/internal/prompt"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/logs"
)

// pplRequest is what the command line of ppl asks for.
type pplRequest struct {
	file, query, format, out string
	limit                    int
	plan, timing             bool
}

func pplCommand(s *settings) *cobra.Command {
	var r pplRequest
	c := &cobra.Command{
		Use: "ppl [SOURCE]", Short: "Ask a source by PPL: a prompt, a query, a script",
		Long: `Ask a source (a configured one or a path) by PPL. On a terminal it is a prompt with history and completion of commands, tables,
fields, functions and values; \help lists its commands. Otherwise it runs standard input as a script.

  plumbline ppl ./logs -q 'source=logs | stats count() by severityText'
  plumbline ppl ./logs -f report.ppl --out report.parquet

A script holds queries divided by ; or empty lines. --out writes all rows of the last query to a .csv, .json, .jsonl or .parquet.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			p, err := newProcess(c.Context(), s)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, p.close()) }()
			source := p.sources.fallback()
			if len(args) == 1 {
				source = args[0]
			}
			return p.ppl(c.Context(), source, r)
		},
	}
	f := c.Flags()
	f.StringVarP(&r.file, "file", "f", "", "script to run, - for standard input")
	f.StringVarP(&r.query, "query", "q", "", "query to run")
	f.StringVar(&r.format, "format", "table", "table, csv or json")
	f.StringVar(&r.out, "out", "", "write all rows to this file instead: .csv, .json, .jsonl or .parquet")
	f.IntVar(&r.limit, "limit", 0, "rows shown, default 100")
	f.BoolVar(&r.plan, "plan", false, "show the plan, do not run")
	f.BoolVar(&r.timing, "timing", false, "say how long each query took")
	return c
}

func (p *process) ppl(ctx context.Context, source string, r pplRequest) error {
	eng, err := p.sources.Open(ctx, source)
	if err != nil {
		return err
	}
	s := &prompt.Session{
		Engine: eng, Source: source, Out: p.host.out, Err: p.host.err, Open: p.sources.Open, Now: p.host.now, MaxScan: logs.DefaultMaxScan,
		Limit: r.limit, Plan: r.plan, Timing: r.timing,
		Parquet: func(ctx context.Context, lines, out string, a *prompt.Answer) error {
			return local.WriteParquet(ctx, lines, out, a.Columns)
		},
	}
	for _, set := range []struct{ command, value string }{{`\format`, r.format}, {`\out`, r.out}} {
		if set.value != "" {
			if err := s.Run(ctx, set.command+" "+set.value); err != nil {
				return usageError{err}
			}
		}
	}
	switch {
	case r.query != "" && r.file != "":
		return usagef("ppl: give a query or a file, not both")
	case r.query != "":
		return s.Run(ctx, r.query)
	case r.file != "" && r.file != "-":
		script, err := os.ReadFile(r.file)
		if err != nil {
			return fault.WithCode(fmt.Errorf("ppl: %w", err), fault.NotFound)
		}
		return s.Script(ctx, bytes.NewReader(script))
	}
	in, ok := p.host.in.(*os.File)
	if out, isFile := p.host.out.(*os.File); ok && isFile && r.file == "" && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd())) {
		return atTerminal(ctx, s, in, out, p.config)
	}
	return s.Script(ctx, p.host.in)
}

// atTerminal runs the prompt with the terminal in raw mode, and puts it back as it was.
func atTerminal(ctx context.Context, s *prompt.Session, in, out *os.File, c config) (err error) {
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("ppl: set up the terminal: %w", err)
	}
	defer func() { err = errors.Join(err, term.Restore(int(in.Fd()), before)) }()
	size := func() (int, int) {
		w, h, err := term.GetSize(int(out.Fd()))
		if err != nil {
			return 0, 0
		}
		return w, h
	}
	var history term.History
	dir := dataDir(c)
	if err := os.MkdirAll(dir, 0o700); err == nil {
		history = prompt.NewHistory(filepath.Join(dir, "ppl_history"))
	}
	return s.Interactive(ctx, struct {
		io.Reader
		io.Writer
	}{in, out}, history, size)
}
