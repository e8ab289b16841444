package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
)

func configCommand(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Check and show the configuration"}
	c.AddCommand(
		&cobra.Command{Use: "check", Short: "Check plumbline.yaml, the environment and the flags", Args: noArguments, RunE: func(*cobra.Command, []string) error {
			c, path, err := s.load()
			if err != nil {
				return err
			}
			if path == "" {
				path = "no file; environment and flags"
			}
			_, err = fmt.Fprintf(s.host.out, "ok: %s; %d sources\n", path, len(c.Sources))
			return err
		}},
		&cobra.Command{Use: "show", Short: "Show the settings in force and where each can be set", Args: noArguments, RunE: func(*cobra.Command, []string) error {
			return showConfig(s)
		}},
		&cobra.Command{Use: "schema", Short: "List every setting", Args: noArguments, RunE: func(*cobra.Command, []string) error {
			return printSchema(s.host.out)
		}})
	return c
}

func showConfig(s *settings) error {
	c, path, err := s.load()
	if err != nil {
		return err
	}
	if path == "" {
		path = "none"
	}
	fmt.Fprintf(s.host.out, "file: %s\n", path)
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		src := c.Sources[name]
		fmt.Fprintf(s.host.out, "sources.%s: %s %s\n", name, src.Kind, src.Path+src.URL)
	}
	for _, o := range options() {
		if v := o.get(&c); v != "" {
			fmt.Fprintf(s.host.out, "%s: %s\n", o.key, v)
		}
	}
	return nil
}

func printSchema(w io.Writer) error {
	d := defaults()
	var b strings.Builder
	b.WriteString(`| setting | environment | flag | meaning |
|---|---|---|---|
| ` + "`sources.NAME.kind`" + ` | | | files, opensearch or prometheus (the last two cannot be queried yet) |
| ` + "`sources.NAME.path`" + ` | | | of kind files: a directory, a file or a glob |
| ` + "`sources.NAME.url`" + ` | | | of kind opensearch or prometheus |
| ` + "`sources.NAME.about`" + ` | | | a sentence that tells agents what the source holds |
`)
	for _, o := range options() {
		doc := o.doc
		if v := o.get(&d); v != "" && v != "0" && v != "false" {
			doc += " (default " + v + ")"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | `--%s` | %s |\n", o.key, o.env, o.flag, doc)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

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
			fmt.Fprintf(s.host.out, "%s: %d segments, %s of %s\n", info.Dir, len(info.Segments), size(info.Bytes), p.config.Cache.Limit)
			for _, g := range info.Segments {
				fmt.Fprintf(s.host.out, "%s  %9s  %s\n", g.Used.UTC().Format(time.RFC3339), size(g.Bytes), g.Source)
			}
			return nil
		})},
		&cobra.Command{Use: "prune", Short: "Drop what was not used for longest until the limit is kept", Args: noArguments, RunE: withStore(func(p *process) error {
			n, err := p.store.CachePrune()
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

func doctorCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check the set-up: configuration, cache, sources, and what each tool would miss",
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := newProcess(c.Context(), s)
			if err != nil {
				return err
			}
			d := &doctor{p: p, w: s.host.out}
			d.examine(c)
			if err := p.close(); err != nil {
				return err
			}
			if d.faults > 0 {
				fmt.Fprintf(s.host.out, "%d faults\n", d.faults)
				return errShown
			}
			fmt.Fprintln(s.host.out, "all well")
			return nil
		},
	}
}

type doctor struct {
	p      *process
	w      io.Writer
	faults int
}

func (d *doctor) say(ok bool, what, detail string) {
	mark := "ok   "
	if !ok {
		mark = "FAULT"
		d.faults++
	}
	fmt.Fprintf(d.w, "%s %-22s %s\n", mark, what, detail)
}

func (d *doctor) fail(what string, err error) {
	detail := err.Error()
	if h := fault.HintOf(err); h != "" {
		detail += " - " + h
	}
	d.say(false, what, detail)
}

func (d *doctor) examine(c *cobra.Command) {
	d.say(true, "version", fmt.Sprintf("%s, %s %s/%s", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH))
	if file := d.p.file; file != "" {
		d.say(true, "configuration", file)
	} else {
		d.say(true, "configuration", "no file: sources are given as paths")
	}
	d.say(true, "tools", fmt.Sprintf("%d, writes %s", len(d.p.catalogue.Tools()), map[bool]string{true: "on", false: "off"}[d.p.config.Serve.AllowWrites]))
	d.cache()
	src := sources{config: d.p.config, store: d.p.store, telemetry: d.p.telemetry}
	for _, name := range slices.Sorted(maps.Keys(d.p.config.Sources)) {
		e, err := src.Open(c.Context(), name)
		if err != nil {
			d.fail("source "+name, err)
			continue
		}
		tables, err := e.Tables(c.Context())
		if err != nil {
			d.fail("source "+name, err)
			continue
		}
		d.say(true, "source "+name, describe(tables))
	}
}

func (d *doctor) cache() {
	info, err := d.p.store.CacheInfo()
	if err != nil {
		d.fail("cache", err)
		return
	}
	if err := os.MkdirAll(info.Dir, 0o700); err != nil {
		d.fail("cache", err)
		return
	}
	f, err := os.CreateTemp(info.Dir, "doctor-*")
	if err != nil {
		d.fail("cache", err)
		return
	}
	name := f.Name()
	if err := f.Close(); err != nil {
		d.fail("cache", err)
		return
	}
	if err := os.Remove(name); err != nil {
		d.fail("cache", err)
		return
	}
	d.say(true, "cache", fmt.Sprintf("%s can be written; %s of %s used", filepath.Clean(info.Dir), size(info.Bytes), d.p.config.Cache.Limit))
}

// describe tells what a source holds and which tools would have nothing to work on.
func describe(tables []engine.Table) string {
	var parts []string
	have := map[engine.Kind]bool{}
	for _, t := range tables {
		have[t.Kind] = true
		parts = append(parts, fmt.Sprintf("%s %d rows", t.Name, t.Rows))
	}
	out := strings.Join(parts, ", ")
	if !have[engine.Logs] {
		out += "; no logs: logs_patterns and logs_timeline have nothing to read"
	}
	if !have[engine.Spans] {
		out += "; no spans: traces_find, trace_show, services_map have nothing to read and incident_investigate sees logs only"
	}
	return out
}
