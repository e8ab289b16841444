package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func cacheCommand(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "cache", Short: "Show and trim what is kept of files that were read"}
	withStore := func(do func(p *process) error) func(*cobra.Command, []string) error {
		return func(c *cobra.Command, _ []string) error {
			p, err := newProcess(c.Context(), s)
			if err != nil {
				return err
			}
			if err := do(p); err != nil {
				return err
			}
			return p.close()
		}
	}
	c.AddCommand(
		&cobra.Command{Use: "list", Short: "Show what is kept, the last used first", Args: noArguments, RunE: withStore(func(p *process) error {
			info, err := p.store.CacheInfo()
			if err != nil {
				return err
			}
			fmt.Fprintf(s.host.out, "%s: %d segments, %s of %s\n", info.Dir, len(info.Entries), size(info.Bytes), size(info.LimitBytes))
			for _, e := range slices.Backward(info.Entries) {
				what := "left over"
				if len(e.Files) > 0 {
					what = strings.Join(e.Files, ", ")
				}
				fmt.Fprintf(s.host.out, "%s  %9s  %s\n", e.LastUsed.UTC().Format(time.RFC3339), size(e.Bytes), what)
			}
			return nil
		})},
		&cobra.Command{Use: "prune", Short: "Drop what was not used for longest until the limit is kept", Args: noArguments, RunE: withStore(func(p *process) error {
			n, err := p.store.CachePrune(0)
			fmt.Fprintf(s.host.out, "%s freed\n", size(n))
			return err
		})},
		&cobra.Command{Use: "clear", Short: "Drop everything; files are read again when asked", Args: noArguments, RunE: withStore(func(p *process) error {
			n, err := p.store.CacheClear()
			fmt.Fprintf(s.host.out, "%s freed\n", size(n))
			return err
		})})
	return c
}

// size writes bytes with a unit.
func size(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/unit, 0
	for f >= unit && i < 3 {
		f /= unit
		i++
	}
	return fmt.Sprintf("%.1f %ciB", f, "KMGT"[i])
}
