package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	store "github.com/plumbline-mcp/plumbline/internal/knowledge"
	"github.com/plumbline-mcp/plumbline/tools"
)

func knowledgeCommand(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "knowledge", Short: "Keep the documents that knowledge_search looks through",
		Long: `Keep the documents that knowledge_search looks through: the bundled runbooks and bases of your own, of directories and git
repositories (Markdown, HTML, PDF, source code, plain text).

  plumbline knowledge add runbooks ./docs/runbooks
  plumbline knowledge add tools https://github.com/apache/hbase-operator-tools --include 'hbase-hbck2/*'
  plumbline knowledge update`,
	}
	c.AddCommand(knowledgeAdd(s), knowledgeList(s), knowledgeUpdate(s), knowledgeRemove(s), knowledgeShow(s))
	return c
}

// withKnowledge gives a command the store and closes it after.
func withKnowledge(s *settings, do func(c *cobra.Command, k *store.Store, configured []store.Source, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		p, err := newProcess(c.Context(), s)
		if err != nil {
			return err
		}
		return errors.Join(do(c, p.knowledge, p.config.Knowledge.sources(filepath.Dir(p.file)), args), p.close())
	}
}

func knowledgeAdd(s *settings) *cobra.Command {
	var include []string
	c := &cobra.Command{
		Use: "add NAME PATH|GIT_URL", Short: "Add a base and index it", Args: nArguments(2),
		RunE: withKnowledge(s, func(c *cobra.Command, k *store.Store, _ []store.Source, args []string) error {
			src := store.Source{Name: args[0], Kind: store.KindGit, Location: args[1], Include: include}
			if !store.IsGitURL(args[1]) {
				path, err := filepath.Abs(args[1])
				if err != nil {
					return err
				}
				src.Kind, src.Location = store.KindPath, path
			}
			report, err := k.Update(c.Context(), src)
			if err == nil {
				writeUpdate(s.host.out, report)
			}
			return err
		}),
	}
	c.Flags().StringSliceVar(&include, "include", nil, "take only these paths: a directory or a pattern such as *.md")
	return c
}

func knowledgeUpdate(s *settings) *cobra.Command {
	return &cobra.Command{
		Use: "update [NAME ...]", Short: "Bring bases up to date; only changed files are read", Args: cobra.ArbitraryArgs,
		RunE: withKnowledge(s, func(c *cobra.Command, k *store.Store, configured []store.Source, args []string) error {
			return updateAll(c.Context(), k, configured, args, func(r store.Report, err error) {
				if err == nil {
					writeUpdate(s.host.out, r)
				}
			})
		}),
	}
}

func knowledgeList(s *settings) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List the bases", Args: noArguments,
		RunE: withKnowledge(s, func(c *cobra.Command, k *store.Store, configured []store.Source, _ []string) error {
			bases, err := k.Bases(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(s.host.out, bases)
			}
			known := map[string]bool{}
			for _, b := range bases {
				known[b.Name] = true
				writeBase(s.host.out, b)
			}
			for _, src := range configured {
				if !known[src.Name] {
					fmt.Fprintf(s.host.out, "%-16s not indexed yet: plumbline knowledge update %s\n", src.Name, src.Name)
				}
			}
			return nil
		}),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func writeBase(w io.Writer, b store.Base) {
	state := "updated " + b.Updated.UTC().Format(time.RFC3339)
	switch {
	case b.Name == store.Bundled:
		state = "part of this program"
	case !b.Complete:
		state = "not complete: run plumbline knowledge update " + b.Name
	}
	fmt.Fprintf(w, "%-16s %5d documents %6d chunks  %s  %s\n", b.Name, b.Documents, b.Chunks, tools.Line(b.Location), state)
}

func writeUpdate(w io.Writer, r store.Report) {
	fmt.Fprintf(w, "%s: %d files; %d indexed (%d chunks), %d unchanged, %d removed\n", r.Base, r.Files, r.Changed, r.Chunks, r.Unchanged, r.Removed)
	if r.Hidden > 0 {
		fmt.Fprintf(w, "%d hidden characters or passages were taken out\n", r.Hidden)
	}
	var skipped []string
	for _, reason := range store.Reasons(r.Skipped) {
		skipped = append(skipped, fmt.Sprintf("%s: %d", reason, r.Skipped[reason]))
	}
	if len(skipped) > 0 {
		fmt.Fprintf(w, "skipped: %s\n", strings.Join(skipped, ", "))
	}
	for _, f := range r.Failed {
		fmt.Fprintf(w, "  %s\n", tools.Line(f))
	}
}

func knowledgeRemove(s *settings) *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Remove a base from the index; its source stays", Args: oneArgument,
		RunE: withKnowledge(s, func(c *cobra.Command, k *store.Store, _ []store.Source, args []string) error {
			if err := k.Remove(c.Context(), args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(s.host.out, "%s removed\n", args[0])
			return err
		}),
	}
}

func knowledgeShow(s *settings) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME [PATH]", Short: "List the documents of a base, or print one as it is searched", Args: cobra.RangeArgs(1, 2),
		RunE: withKnowledge(s, func(c *cobra.Command, k *store.Store, _ []store.Source, args []string) error {
			if len(args) == 2 {
				p, err := k.Page(c.Context(), args[0], args[1], 0, 0)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(s.host.out, strings.Join(p.Lines, "\n"))
				return err
			}
			b, err := k.Base(c.Context(), args[0])
			if err != nil {
				return err
			}
			writeBase(s.host.out, b)
			entries, err := k.Entries(c.Context(), args[0])
			for _, e := range entries {
				fmt.Fprintf(s.host.out, "  %-40s %-8s %5d lines  %s\n", tools.Line(e.Path), e.Kind, e.Lines, tools.Cut(e.Title, 80))
			}
			return err
		}),
	}
}

// nArguments wants exactly n words.
func nArguments(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("%s wants %d arguments, got %d: %s", c.CommandPath(), n, len(args), c.Use)
		}
		return nil
	}
}
