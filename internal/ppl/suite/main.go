// Command suite replays a directory of PPL cases against the local engine or a cluster and reports what passed.
//
//	go run ./internal/ppl/suite -dir DIR [-engine local|URL] [-by search|plugin|raw] [-prefix P] [-tier1] [-command X] [-id ID] [-v]
//
// A cluster is asked by the product's engine: over the search API, over its PPL plugin, or (raw) the plugin itself without us.
//
// The last line is `passed N of M comparable`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine/remote"
	"github.com/plumbline-mcp/plumbline/internal/ppl/suite/replay"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "suite:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("suite", flag.ContinueOnError)
	dir := flags.String("dir", "", "directory of cases (required)")
	engine := flags.String("engine", "local", "local, or the URL of a cluster")
	by := flags.String("by", "search", "how a cluster is asked: search, plugin, or raw for the plugin alone")
	prefix := flags.String("prefix", "", "what the names of the indices begin with on the cluster")
	verbose := flags.Bool("v", false, "list the cases that failed, with the reason")
	var filter replay.Filter
	flags.BoolVar(&filter.TierOne, "tier1", false, "only cases of first-tier commands")
	flags.StringVar(&filter.Command, "command", "", "only cases about or with this command")
	flags.StringVar(&filter.ID, "id", "", "only this case")
	flags.BoolVar(&filter.All, "all", false, "run the cases that are not comparable too")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("-dir is required")
	}
	s, err := replay.Load(os.DirFS(*dir))
	if err != nil {
		return err
	}
	outcomes, err := replayOn(ctx, *engine, *by, *prefix, s, filter)
	if err != nil {
		return err
	}
	return replay.Report(os.Stdout, outcomes, *verbose)
}

// replayOn runs the suite on the engine that the flags name.
func replayOn(ctx context.Context, engine, by, prefix string, s *replay.Suite, filter replay.Filter) ([]replay.Outcome, error) {
	client := &http.Client{Timeout: 5 * time.Minute}
	switch {
	case engine == "local":
	case by == "raw":
		return s.Run(ctx, replay.NewCluster(engine, client), filter)
	default:
		use := remote.PluginNever
		if by == "plugin" {
			use = remote.PluginAuto
		}
		r, err := replay.NewRemote(engine, prefix, client, use, time.Now) //nolint:contextcheck // the client keeps connections beyond a call
		if err != nil {
			return nil, err
		}
		defer func() { _ = r.Close() }()
		return s.Run(ctx, r, filter)
	}
	now := func() string { return time.Now().UTC().Format("2006-01-02 15:04:05.000000") }
	l, err := replay.NewLocal(ctx, now)
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.Close() }()
	return s.Run(ctx, l, filter)
}
