package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
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
		fmt.Fprintf(s.host.out, "sources.%s: %s %s\n", name, src.Kind, src.location())
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
| ` + "`sources.NAME.kind`" + ` | | | files, opensearch or prometheus |
| ` + "`sources.NAME.path`" + ` | | | of kind files: a directory, a file or a glob |
| ` + "`sources.NAME.url`" + ` | | | of kind opensearch or prometheus |
| ` + "`sources.NAME.auth`, `.tls`, `.timeout`, `.max_answer`" + ` | | | of kind opensearch or prometheus: who asks, whom to trust, bounds; see [opensearch.md](opensearch.md) |
| ` + "`sources.NAME.urls`, `.indices`, `.ppl`, `.proxy`, `.compression`" + ` | | | of kind opensearch |
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
