package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/load"
)

func loadCommand(s *settings) *cobra.Command {
	var to string
	var tables []string
	c := &cobra.Command{
		Use: "load SOURCE --to CLUSTER/INDEX", Short: "Copy a source's tables into a cluster",
		Long: `Copy the logs, spans, metrics and other tables of a source (a configured one or a path) into indices of a configured cluster:
INDEX-logs, INDEX-spans and so on, with index templates of Data Prepper's standard form.

Without --allow-writes it prints what it would do. Ids come from the rows' places, so that running it again resumes after any end
and never makes a document twice. To undo, delete the indices and the index templates of the same names.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			p, err := newProcess(c.Context(), s)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, p.close()) }()
			return p.load(c.Context(), args[0], to, tables)
		},
	}
	c.Flags().StringVar(&to, "to", "", "configured cluster and the beginning of the indices' names, as in prod/shop")
	c.Flags().StringSliceVar(&tables, "tables", nil, "tables to copy, by comma; all if empty")
	return c
}

func (p *process) load(ctx context.Context, source, to string, tables []string) error {
	name, prefix, ok := strings.Cut(to, "/")
	if !ok || name == "" || prefix == "" {
		return usageError{fault.WithHint(fault.New(fault.InvalidArgument, "load: --to %q is not CLUSTER/INDEX", to), "For instance: --to prod/shop")}
	}
	from, err := p.sources.Open(ctx, source)
	if err != nil {
		return err
	}
	target, err := p.clusters.client(name)
	if err != nil {
		return err
	}
	plan, err := load.Make(ctx, from, source, prefix, tables)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.host.out, "plan %s: %d rows of %s to cluster %s\n", plan.ID, plan.Rows(), source, name)
	for _, c := range plan.Tables {
		fmt.Fprintf(p.host.out, "  %-14s %10d rows -> index %s, index template %s\n", c.Table, c.Rows, c.Index, c.Index)
	}
	if !p.config.Serve.AllowWrites {
		fmt.Fprintln(p.host.out, "Nothing was written. To do it, add --allow-writes.")
		return nil
	}
	res, err := load.Run(ctx, plan, load.Config{
		From: from, Target: target, Journal: load.Files{Dir: filepath.Join(dataDir(p.config), "loads")}, Sleep: pause, Progress: progressOn(p.host.err),
	})
	if res != nil {
		reportLoad(p.host.out, res, prefix, name)
	}
	return err
}

// progressOn tells each tenth of a table on a line of its own.
func progressOn(w io.Writer) func(load.Progress) {
	const parts = 10
	told := map[string]int64{}
	return func(p load.Progress) {
		if p.Rows == 0 {
			return
		}
		if part := p.Done * parts / p.Rows; part > told[p.Table] || p.Done == p.Rows {
			told[p.Table] = part
			fmt.Fprintf(w, "%s: %d of %d rows, %d refused\n", p.Table, p.Done, p.Rows, p.Rejected)
		}
	}
}

func reportLoad(w io.Writer, res *load.Result, prefix, cluster string) {
	fmt.Fprintf(w, "%d documents written, %d were there from an earlier run, %d refused\n", res.Rows, res.Skipped, res.Rejected)
	for _, r := range res.Examples {
		fmt.Fprintf(w, "  refused: %s row %d: %s\n", r.Table, r.Row, r.Reason)
	}
	fmt.Fprintf(w, "Verify: plumbline call data_describe --source %s\nUndo: delete the indices %s-* and the index templates of the same names.\n", cluster, prefix)
}
