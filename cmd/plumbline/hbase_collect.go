package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/spf13/cobra"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/hbase/collect"
)

// collectFlags are the words of `hbase collect`.
type collectFlags struct {
	collect.Config

	s3 string
}

func hbaseCollectCommand(s *settings) *cobra.Command {
	var f collectFlags
	c := &cobra.Command{
		Use:   "collect",
		Short: "Collect an evidence bundle on the primary node of an EMR cluster or any HBase host",
		Long: `Collect what shows the state of an HBase cluster into a bundle: hbck's report, hbase:meta, the files under the root
directory, HBase's processes and the logs of the lookback. Only reads; a command that fails is recorded and the run goes on.

  plumbline hbase collect --cluster-id j-2AXXXXXXGAPLF --out ./before
  plumbline hbase collect --cluster-id j-2AXXXXXXGAPLF --lookback 12h --s3 s3://my-bucket
  plumbline hbase collect --out ./before --from-live http://localhost:16010

With --s3 s3://BUCKET/PREFIX the bundle goes to PREFIX/CLUSTER-ID/ (PREFIX is emr-logs if none is given); an upload that broke off
goes on when the same command with --out is run again. Lines in which HBase logs its environment are left out, and values of
passwords and keys are masked. Called without --out and --s3 in a terminal it asks.`,
		RunE: func(c *cobra.Command, _ []string) error { return collectBundle(c.Context(), s.host, f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.ClusterID, "cluster-id", "", "job flow id, j-…; read from the host if not given")
	fl.DurationVar(&f.Lookback, "lookback", collect.DefaultLookback, "how far back logs are copied")
	fl.StringVar(&f.Out, "out", "", "directory of the bundle")
	fl.StringVar(&f.s3, "s3", "", "s3://bucket[/prefix] to upload the bundle to")
	fl.StringVar(&f.Live, "from-live", "", "URL of the master's pages (http://host:16010): adds its HBCK report, transitions, procedures, tables")
	fl.BoolVar(&f.Inspect, "inspect", false, "with --from-live: have the master run its inspections first (load on a big cluster)")
	fl.StringVar(&f.ConfDir, "conf", "", "directory of hbase-site.xml; found if not given")
	fl.StringSliceVar(&f.LogDirs, "logs", nil, "directories of HBase's logs; found if not given")
	fl.StringVar(&f.LogURI, "log-uri", "", "s3://… where EMR ships logs to: those of all nodes; read from the host if not given")
	fl.DurationVar(&f.Timeout, "timeout", collect.DefaultTimeout, "time limit of each command")
	fl.Int64Var(&f.MaxBytes, "max-bytes", collect.DefaultMaxBytes, "size limit of the bundle on disk")
	return c
}

func collectBundle(ctx context.Context, h host, f collectFlags) error {
	f.Env, f.Now, f.Version, f.HTTP = h.env, h.now, version(), http.DefaultClient
	f.Say = func(line string) { fmt.Fprintf(h.err, "%s  %s\n", h.now().UTC().Format(time.TimeOnly), line) }
	if f.Out == "" && f.s3 == "" {
		if !interactive(h) {
			return usageError{fault.WithHint(fault.New(fault.InvalidArgument, "hbase collect: give --out DIR, --s3 s3://bucket or both"), "In a terminal it asks.")}
		}
		if err := askCollect(h, &f); err != nil {
			return err
		}
	}
	if f.Inspect && f.Live == "" {
		return usagef("hbase collect: --inspect needs --from-live")
	}
	objects, err := s3Client(ctx)
	switch {
	case err == nil:
		f.Objects = objects
	case f.s3 != "":
		return fmt.Errorf("hbase collect: %w", err)
	}
	return collectInto(ctx, h, f)
}

// collectInto collects, or goes on with the upload of a bundle that is there already.
func collectInto(ctx context.Context, h host, f collectFlags) (err error) {
	staged := f.Out == ""
	if staged {
		if f.Out, err = os.MkdirTemp("", "plumbline-hbase-"); err != nil {
			return fmt.Errorf("hbase collect: %w", err)
		}
	}
	jobFlow := f.ClusterID
	if _, there := os.Stat(filepath.Join(f.Out, "diagnostics", "manifest.json")); there == nil && f.s3 != "" {
		f.Say("uploading the bundle that is in " + f.Out)
	} else {
		m, err := collect.Run(ctx, f.Config)
		if err != nil {
			return err
		}
		jobFlow = m.JobFlowID
		writeCollected(h.out, m, f.Out)
	}
	if f.s3 == "" {
		return nil
	}
	uri, err := collect.Destination(f.s3, jobFlow)
	if err != nil {
		return err
	}
	sent, there, err := collect.Upload{Objects: f.Objects, Say: f.Say}.Send(ctx, f.Out, uri)
	if err != nil {
		if staged {
			err = fault.WithHint(err, "The bundle is kept in %s. Go on with: plumbline hbase collect --out %s --s3 %s --cluster-id %s", f.Out, f.Out, f.s3, jobFlow)
		}
		return err
	}
	fmt.Fprintf(h.out, "uploaded to %s: %d files sent, %d were there\n", uri, sent, there)
	if staged {
		return os.RemoveAll(f.Out)
	}
	return nil
}

// writeCollected tells what was got and what was not.
func writeCollected(w io.Writer, m *collect.Manifest, dir string) {
	for _, c := range m.Commands {
		state := "ok"
		if !c.Complete {
			state = "INCOMPLETE: " + c.Problem
		}
		fmt.Fprintf(w, "%-13s %9d bytes %6.1f s  exit %d  %s\n", c.Name, c.Bytes, c.Seconds, c.ExitCode, state)
	}
	count := map[string]int{}
	for _, l := range m.Logs {
		count[l.Status]++
	}
	fmt.Fprintf(w, "%-13s %d copied, %d partial, %d skipped, %d failed (reasons in diagnostics/log_copy_summary.txt)\n", "logs", count["copied"], count["partial"], count["skipped"], count["failed"])
	verdict := "complete"
	if !m.Complete {
		verdict = "incomplete: what is missing lowers the confidence of every verdict"
	}
	fmt.Fprintf(w, "bundle %s: HBase %s, root %s, %d files, %s\n", dir, m.HBaseVersion, m.RootDir, len(m.Files)+1, verdict)
}

// s3Client makes a client of the default credentials and region. AWS_ENDPOINT_URL is honoured, by path style.
func s3Client(ctx context.Context) (*s3.Client, error) {
	c, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = c.BaseEndpoint != nil }), nil
}

// interactive reports whether both ends of the conversation are a terminal.
func interactive(h host) bool {
	_, out := terminalColumns(h)
	in, ok := h.in.(*os.File)
	if !ok || !out {
		return false
	}
	_, ok = windowColumns(in)
	return ok
}

// askCollect guides a person: each question has an answer that Enter takes.
func askCollect(h host, f *collectFlags) error {
	found := collect.Discover(f.Config)
	in := bufio.NewReader(h.in)
	ask := func(question, fallback string) (string, error) {
		fmt.Fprintf(h.out, "%s [%s]: ", question, fallback)
		line, err := in.ReadString('\n')
		if err != nil && (!errors.Is(err, io.EOF) || line == "") {
			return "", fmt.Errorf("hbase collect: no answer: %w", err)
		}
		if line = strings.TrimSpace(line); line == "" {
			line = fallback
		}
		return line, nil
	}
	fmt.Fprintf(h.out, "HBase root directory: %s\nlogs: %s\nhbck2: %s\nNothing on the cluster is changed.\n\n", orNone(found.RootDir), orNone(strings.Join(found.LogDirs, ", ")), orNone(found.Hbck2))
	var err error
	if f.ClusterID, err = ask("Cluster id (job flow)", orNone(found.JobFlow)); err != nil {
		return err
	}
	lookback, err := ask("How far back shall logs be copied", f.Lookback.String())
	if err != nil {
		return err
	}
	if f.Lookback, err = time.ParseDuration(lookback); err != nil {
		return usagef("hbase collect: %q is no duration such as 4h", lookback)
	}
	where, err := ask("Where to: a directory or s3://bucket/prefix", "./hbase-bundle")
	if err != nil {
		return err
	}
	if strings.HasPrefix(where, "s3://") {
		f.s3 = where
	} else {
		f.Out = where
	}
	f.Live, err = ask("URL of the master's pages, or none", "none")
	if f.Live == "none" {
		f.Live = ""
	}
	return err
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
