package repair

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"os/user"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Local runs commands on this host by the programs in PATH. It runs what Allowed allows and nothing else, without a shell.
type Local struct {
	Options Options
	Timeout time.Duration // of one command; commandTimeout
}

// Bounds of a command.
const (
	commandTimeout = 10 * time.Minute // filesystem -f reads every store file of a table
	maxCommandText = 64 << 10         // kept of its output
)

// Run implements Runner.
func (l Local) Run(ctx context.Context, c Command) (string, int, error) {
	if err := Allowed(c); err != nil {
		return "", -1, err
	}
	args, stdin, err := l.words(c)
	if err != nil {
		return "", -1, err
	}
	timeout := l.Timeout
	if timeout == 0 {
		timeout = commandTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // G204: Allowed has let the command through
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = strings.NewReader(stdin), &out, &out, 5*time.Second
	err = cmd.Run()
	text := strings.ReplaceAll(out.String(), "\r", "")
	if len(text) > maxCommandText && c.Tool == HDFS {
		text = text[len(text)-maxCommandText:]
	}
	exit := (*exec.ExitError)(nil)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return text, -1, fault.New(fault.Timeout, "%s: ended after %s", c.Line(l.Options), timeout)
	case errors.As(err, &exit):
		return text, exit.ExitCode(), nil
	case err != nil:
		return text, -1, fmt.Errorf("run %s: %w", c.Line(l.Options), err)
	}
	return text, 0, nil
}

// words returns the program and its words, and what it reads.
func (l Local) words(c Command) (args []string, stdin string, err error) {
	name := "hbase"
	switch c.Tool {
	case Hbck2:
		args = append([]string{"hbck", "-j", l.Options.Hbck2}, c.Args...)
	case Hbck1:
		args = append([]string{"hbck"}, c.Args...)
	case Shell:
		args, stdin = []string{"shell", "-n"}, strings.Join(c.Args, "\n")+"\n"
	case HBase:
		args = c.Args
	case HDFS:
		name, args = "hdfs", append([]string{"dfs"}, c.Args...)
	case AWS:
		name, args = "aws", append([]string{"s3"}, c.Args...)
	case Hand:
		return nil, "", fault.New(fault.Unsupported, "this is done by hand: %s", strings.Join(c.Args, " "))
	}
	program, err := exec.LookPath(name)
	if err != nil {
		return nil, "", fault.WithHint(fault.WithCode(fmt.Errorf("run %s: %w", name, err), fault.Unavailable), "Run this on a host with HBase's client: the primary node of the cluster.")
	}
	args = append([]string{program}, args...)
	if name != "aws" {
		args = append(l.sudo(), args...)
	}
	return args, stdin, nil
}

// sudo is what stands before commands of HBase's user: nothing where this is that user or there is none, or no sudo.
func (l Local) sudo() []string {
	words := strings.Fields(l.Options.Sudo)
	if len(words) == 0 {
		return nil
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return nil
	}
	if _, err := user.Lookup("hbase"); err != nil {
		return nil
	}
	if me, err := user.Current(); err == nil && me.Username == "hbase" {
		return nil
	}
	return words
}
