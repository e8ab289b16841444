package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
	"github.com/plumbline-mcp/plumbline/internal/hbase/collect"
	"github.com/plumbline-mcp/plumbline/internal/hbase/repair"
	hbasetools "github.com/plumbline-mcp/plumbline/tools/hbase"
)

// hbaseRepair is what the tools that repair HBase need. Files are written for a person at the command line only.
func (h host) hbaseRepair() hbasetools.RepairDeps {
	d := hbasetools.RepairDeps{
		Check:   checkBundle,
		Collect: func(ctx context.Context, live string) (string, func(), error) { return collectNow(ctx, h, live) },
		Runner:  func(o repair.Options) repair.Runner { return repair.Local{Options: o} },
		Clock:   repair.Clock{Now: h.now, Sleep: pause},
	}
	if h.person {
		d.WriteFile = writeScript
	}
	return d
}

// checkBundle reads a bundle and runs every rule on it.
func checkBundle(ctx context.Context, name string) (_ *hbase.Snapshot, _ *check.Report, err error) {
	snap, done, err := openBundle(ctx, name, hbase.ReadOptions{})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	report, err := check.Run(ctx, snap)
	return snap, report, err
}

// collectNow collects a bundle of the cluster this host belongs to into a temporary directory.
func collectNow(ctx context.Context, h host, live string) (string, func(), error) {
	dir, err := os.MkdirTemp("", "plumbline-hbase-")
	if err != nil {
		return "", nil, fmt.Errorf("collect: %w", err)
	}
	remove := func() { _ = os.RemoveAll(dir) }
	c := collect.Config{Out: filepath.Join(dir, "bundle"), Live: live, Inspect: live != "", Env: h.env, Now: h.now, Version: version(), HTTP: http.DefaultClient}
	if objects, err := s3Client(ctx); err == nil {
		c.Objects = objects
	}
	if found := collect.Discover(c); found.Hbase == "" {
		remove()
		return "", nil, fault.WithHint(fault.New(fault.Unavailable, "collect: no hbase command on this host"), "Run this on the primary node of the cluster, or collect there and name the bundle as after.")
	}
	if _, err := collect.Run(ctx, c); err != nil {
		remove()
		return "", nil, err
	}
	return c.Out, remove, nil
}

// writeScript writes a script beside its place and moves it there.
func writeScript(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".plumbline-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(content)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o755) //nolint:gosec // a script that operators share
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func hbasePlanCommand(s *settings) *cobra.Command {
	var bundle, script, runbook string
	var o repair.Options
	c := &cobra.Command{
		Use:   "plan",
		Short: "Write the repair of what a bundle shows as a script or a runbook",
		Long: `Write the repair of what a bundle shows: a bash script that runs it step by step on the cluster, or a Markdown runbook.

  plumbline hbase plan --bundle ./before --script plan.sh
  plumbline hbase plan --bundle ./before --runbook plan.md

Nothing is run. The script checks before and after each step that the cluster is as it should be, asks before steps that take
something away, writes a log and stops at the first surprise; it can be run again. bash plan.sh --help tells its flags.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return writePlan(c.Context(), s.host, bundle, script, runbook, o)
		},
	}
	fl := c.Flags()
	fl.StringVar(&bundle, "bundle", "", "the bundle: directory, .tar.gz or .zip")
	fl.StringVar(&script, "script", "", "file to write the script to")
	fl.StringVar(&runbook, "runbook", "", "file to write the runbook to")
	fl.StringVar(&o.Hbck2, "hbck2-jar", "", "path of the hbck2 jar on the cluster (default "+repair.DefaultHbck2+")")
	fl.StringVar(&o.Sudo, "sudo", "", `what stands before commands; "-" for nothing (default "`+repair.DefaultSudo+`")`)
	fl.StringVar(&o.Version, "hbase-version", "", "of the cluster, if the bundle does not tell it")
	fl.StringVar(&o.Root, "root-dir", "", "hbase.rootdir, if the bundle does not tell it")
	return c
}

func writePlan(ctx context.Context, h host, bundle, script, runbook string, o repair.Options) error {
	if bundle == "" {
		return usagef("hbase plan: give --bundle")
	}
	snap, report, err := checkBundle(ctx, bundle)
	if err != nil {
		return err
	}
	p, err := repair.New(report, snap, o)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	switch {
	case script != "":
		if err := p.WriteScript(&b); err != nil {
			return err
		}
		if err := writeScript(script, b.Bytes()); err != nil {
			return err
		}
		fmt.Fprintf(h.out, "%s: %d steps, %d left to a person; script in %s\n", p.ID, len(p.Steps), len(p.Left), script)
		b.Reset()
	case runbook == "":
		if err := p.WriteMarkdown(&b); err != nil {
			return err
		}
		_, err := h.out.Write(b.Bytes())
		return err
	}
	if runbook == "" {
		return nil
	}
	if err := p.WriteMarkdown(&b); err != nil {
		return err
	}
	if err := os.WriteFile(runbook, b.Bytes(), 0o644); err != nil { //nolint:gosec // a document that operators share
		return fmt.Errorf("write %s: %w", runbook, err)
	}
	fmt.Fprintf(h.out, "%s: runbook in %s\n", p.ID, runbook)
	return nil
}
