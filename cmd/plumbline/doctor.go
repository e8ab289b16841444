package main

import (
	"context"
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

	"github.com/plumbline-mcp/plumbline/cmd/plumbline/internal/early"
	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

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
	early.Release()
	d.say(true, "version", fmt.Sprintf("%s, %s %s/%s", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH))
	if file := d.p.file; file != "" {
		d.say(true, "configuration", file)
	} else {
		d.say(true, "configuration", "no file: sources are given as paths")
	}
	d.say(true, "tools", fmt.Sprintf("%d, writes %s", len(d.p.catalogue.Tools()), map[bool]string{true: "on", false: "off"}[d.p.config.Serve.AllowWrites]))
	d.cache()
	names := slices.Sorted(maps.Keys(d.p.config.Sources))
	if f := d.p.sources.fallback(); f != "" && !slices.Contains(names, f) {
		names = append(names, f)
	}
	for _, name := range names {
		d.source(c.Context(), name)
	}
}

func (d *doctor) source(ctx context.Context, name string) {
	if d.p.config.Sources[name].Kind == kindOpenSearch && !d.cluster(ctx, name) {
		return
	}
	if d.p.config.Sources[name].Kind == kindPrometheus {
		d.server(ctx, name)
		return
	}
	e, err := d.p.sources.Open(ctx, name)
	if err != nil {
		d.fail("source "+name, err)
		return
	}
	tables, err := e.Tables(ctx)
	if err != nil {
		d.fail("source "+name, err)
		return
	}
	d.say(true, "source "+name, describe(tables))
}

// server asks a Prometheus server for the metrics of the last hour.
func (d *doctor) server(ctx context.Context, name string) {
	src, err := d.p.metrics.Metrics(ctx, name)
	if err != nil {
		d.fail("source "+name, err)
		return
	}
	now := d.p.host.now()
	list, err := src.Metrics(ctx, timerange.Range{Start: now.Add(-time.Hour), End: now})
	if err != nil {
		d.fail("source "+name, err)
		return
	}
	d.say(true, "source "+name, fmt.Sprintf("%d metrics with samples in the last hour", len(list)))
}

// cluster tells what a cluster is and what this user may not find out.
func (d *doctor) cluster(ctx context.Context, name string) bool {
	c, err := d.p.clusters.client(name)
	if err != nil {
		d.fail("source "+name, err)
		return false
	}
	caps, err := c.Capabilities(ctx)
	if err != nil {
		d.fail("source "+name, err)
		return false
	}
	text := describeCluster(caps)
	if d.p.config.Sources[name].TLS.Insecure {
		text += "; its certificate is not verified (tls.insecure)"
	}
	d.say(true, "cluster "+name, text)
	return true
}

func describeCluster(c opensearch.Capabilities) string {
	out := "OpenSearch " + c.Version.String()
	switch {
	case c.Serverless:
		out = "OpenSearch Serverless"
	case c.Distribution == "elasticsearch":
		out = "Elasticsearch " + c.Version.String()
	}
	if c.SQL || c.LegacySQL {
		out += ", with the SQL plugin"
	} else {
		out += ", without the SQL plugin: PPL runs by search and DuckDB"
	}
	if len(c.Unknown) > 0 {
		out += "; not known: " + strings.Join(c.Unknown, "; ")
	}
	return out
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
	if out == "" {
		out = "no tables"
	}
	if !have[engine.Logs] {
		out += "; no logs: logs_patterns and logs_timeline have nothing to read"
	}
	if !have[engine.Spans] {
		out += "; no spans: traces_find, trace_show, services_map have nothing to read and incident_investigate sees logs only"
	}
	return out
}
