// Command plumbline gives AI agents and engineers the hands of a data-platform engineer: an MCP server over stdio and HTTP
// whose every tool is a command as well.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Exit codes, part of the contract for scripts.
const (
	exitOK     = 0
	exitFailed = 1 // the tool or command failed
	exitUsage  = 2 // the words were wrong
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return execute(ctx, host{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv, now: time.Now}, args)
}

// host is the machine as the commands see it.
type host struct {
	in  io.Reader
	out io.Writer
	err io.Writer
	env func(string) string
	now func() time.Time

	person bool // the call was typed: files that it names may be written
}

// errShown marks a failure whose report is already on the output.
var errShown = errors.New("shown")

// usageError is a failure of the command line itself.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func usagef(format string, args ...any) error {
	return usageError{fault.New(fault.InvalidArgument, format, args...)}
}

func execute(ctx context.Context, h host, args []string) int {
	root := newRoot(h)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errShown):
		return exitFailed
	}
	fmt.Fprintf(h.err, "error: %v\n", err)
	if hint := fault.HintOf(err); hint != "" {
		fmt.Fprintf(h.err, "hint: %s\n", hint)
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

func newRoot(h host) *cobra.Command {
	root := &cobra.Command{
		Use:   "plumbline",
		Short: "The hands of a data-platform engineer for AI agents: an MCP server whose every tool is a command",
		Long: `Plumbline answers questions about logs, traces and metrics with ranked evidence, over plain files and without a cluster.

  plumbline demo                                  see it find a fault in a recording it carries
  plumbline setup claude                          give it to an agent
  plumbline call incident_investigate --source DIR --alert "error rate above 3 %"`,
		SilenceUsage: true, SilenceErrors: true, Version: version(),
	}
	root.SetIn(h.in)
	root.SetOut(h.out)
	root.SetErr(h.err)
	root.SetVersionTemplate("plumbline {{.Version}}\n")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fault.WithHint(fault.WithCode(err, fault.InvalidArgument), "See %s --help.", c.CommandPath())}
	})
	s := &settings{host: h}
	s.bind(root.PersistentFlags())
	root.AddCommand(serveCommand(s), listenCommand(s), uiCommand(s), callCommand(s), toolsCommand(s), doctorCommand(s), demoCommand(s), setupCommand(s), configCommand(s),
		cacheCommand(s), embedCommand(s), knowledgeCommand(s), triageCommand(s), loadCommand(s), pplCommand(s), skillsCommand(s), hbaseCommand(s), versionCommand(h))
	strict(root)
	return root
}

// strict makes wrong words a usage error everywhere: a command without arguments refuses them, a group needs a known command.
func strict(c *cobra.Command) {
	for _, sub := range c.Commands() {
		strict(sub)
	}
	switch {
	case c.DisableFlagParsing:
	case c.HasSubCommands():
		c.Args = knownCommand
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	case c.Args == nil:
		c.Args = noArguments
	}
}

func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	err := fault.New(fault.InvalidArgument, "%s has no command %q", c.CommandPath(), args[0])
	if near := tools.Nearest(args[0], names); near != "" {
		return usageError{fault.WithHint(err, "Did you mean %s %s?", c.CommandPath(), near)}
	}
	return usageError{fault.WithHint(err, "The commands are: %s.", strings.Join(names, ", "))}
}

func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fault.WithHint(fault.New(fault.InvalidArgument, "%s takes no argument %q", c.CommandPath(), args[0]), "See %s --help.", c.CommandPath())}
	}
	return nil
}

func versionCommand(h host) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", RunE: func(*cobra.Command, []string) error {
		_, err := fmt.Fprintf(h.out, "plumbline %s\n", version())
		return err
	}}
}

// version returns the module's version, or the commit for a build from a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}
