package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Command is the record of one command or request of a run.
type Command struct {
	Name     string  `json:"name"`                // hbck, meta, paths, processes, page, …
	Command  string  `json:"command"`             // as a person would type it
	File     string  `json:"file"`                // what it wrote, relative to the bundle
	ExitCode int     `json:"exit_code"`           // -1: did not run or was ended
	Seconds  float64 `json:"seconds"`             // wall time
	TimedOut bool    `json:"timed_out,omitempty"` // ended by the time limit
	Bytes    int64   `json:"bytes"`               // written
	Complete bool    `json:"complete"`            // the output ends as a whole one does
	Problem  string  `json:"problem,omitempty"`   // why it is not complete
	Stderr   string  `json:"stderr,omitempty"`    // the end of it
}

// job is a command to run: where its output goes and how to tell that it is whole.
type job struct {
	name, file  string
	args        []string
	stdin       string
	timeout     time.Duration
	both        bool              // stderr goes into the file as well
	keep        func([]byte) bool // lines of the output to keep; nil keeps all
	ends        *regexp.Regexp    // matches near the end of a whole output
	exitMatters bool              // a non-zero exit is a failure by itself
}

// tailBytes is how much of an output's end is looked at to judge that it is whole.
const tailBytes = 4 << 10

// run runs a job and records it. Errors are part of the record: a run goes on.
func (r *run) command(ctx context.Context, j job) (rec Command) {
	rec = Command{Name: j.name, Command: typed(j), File: j.file, ExitCode: -1}
	began := r.c.Now()
	defer func() { rec.Seconds = round(r.c.Now().Sub(began).Seconds()) }()
	out, err := r.create(j.file)
	if err != nil {
		rec.Problem = err.Error()
		return rec
	}
	ctx, cancel := context.WithTimeout(ctx, j.timeout)
	defer cancel()
	tail := &tailWriter{max: tailBytes}
	stderr := &tailWriter{max: maxStderr}
	limited := &limitWriter{w: io.MultiWriter(out, tail), left: min(maxOutput, r.left())}
	lines := &lineWriter{w: limited, keep: j.keep}
	c := exec.CommandContext(ctx, j.args[0], j.args[1:]...) //nolint:gosec // G204: the commands of this package, at paths of the host
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(j.stdin), lines, stderr
	if j.both {
		c.Stderr = io.MultiWriter(lines, stderr)
	}
	ownGroup(c)
	c.WaitDelay = 5 * time.Second
	err = c.Run()
	err = errors.Join(err, lines.Close(), out.Close())
	rec.Bytes = limited.written
	r.spend(rec.Bytes)
	rec.Stderr = mask(stderr.String())
	if c.ProcessState != nil {
		rec.ExitCode = c.ProcessState.ExitCode()
	}
	rec.TimedOut = errors.Is(ctx.Err(), context.DeadlineExceeded)
	rec.Problem = j.problem(err, rec, limited.cut, tail.String())
	rec.Complete = rec.Problem == ""
	return rec
}

// problem says why an output is not whole, "" if it is.
func (j job) problem(err error, rec Command, cut bool, tail string) string {
	exit := (*exec.ExitError)(nil)
	switch {
	case rec.TimedOut:
		return fmt.Sprintf("ended after %s", j.timeout)
	case cut:
		return "cut at the size limit"
	case err != nil && !errors.As(err, &exit):
		return err.Error()
	case rec.ExitCode != 0 && j.exitMatters:
		return fmt.Sprintf("exit code %d", rec.ExitCode)
	case j.ends != nil && !j.ends.MatchString(tail):
		return "the output does not end as a whole one does"
	}
	return ""
}

// typed writes a job as a person would type it.
func typed(j job) string {
	words := make([]string, len(j.args))
	for i, a := range j.args {
		if i == 0 {
			a = filepath.Base(a)
		}
		words[i] = a
	}
	line := strings.Join(words, " ")
	if j.stdin != "" {
		line = fmt.Sprintf("echo %q | %s", strings.TrimSpace(j.stdin), line)
	}
	return line
}

func round(seconds float64) float64 { return float64(int64(seconds*1000+0.5)) / 1000 }

// create makes a file of the bundle, with its directories.
func (r *run) create(name string) (*os.File, error) {
	path := filepath.Join(r.c.Out, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("make the bundle: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o640) //nolint:gosec // the operator's group reads bundles
	if err != nil {
		return nil, fmt.Errorf("make the bundle: %w", err)
	}
	return f, nil
}

// tailWriter keeps the last bytes written to it.
type tailWriter struct {
	max int
	b   []byte
}

func (t *tailWriter) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > 2*t.max {
		t.b = append(t.b[:0], t.b[len(t.b)-t.max:]...)
	}
	return len(p), nil
}

func (t *tailWriter) String() string {
	return strings.ToValidUTF8(string(t.b[max(0, len(t.b)-t.max):]), "")
}

// limitWriter writes at most left bytes and swallows the rest, so that a command is never blocked by a full file.
type limitWriter struct {
	w       io.Writer
	left    int64
	written int64
	cut     bool
}

func (l *limitWriter) Write(p []byte) (int, error) {
	n := len(p)
	if int64(n) > l.left {
		l.cut = true
		p = p[:max(l.left, 0)]
	}
	m, err := l.w.Write(p)
	l.left -= int64(m)
	l.written += int64(m)
	if err != nil {
		return m, err
	}
	return n, nil
}

// lineWriter passes on the lines that keep allows, with secrets masked.
type lineWriter struct {
	w    io.Writer
	keep func([]byte) bool
	rest []byte
}

// maxLine bounds a line that is held to be judged: a longer one is passed on in pieces.
const maxLine = 1 << 20

func (l *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		line := p[:i+1]
		if len(l.rest) > 0 {
			l.rest = append(l.rest, line...)
			line = l.rest
		}
		if err := l.pass(line); err != nil {
			return 0, err
		}
		l.rest, p = l.rest[:0], p[i+1:]
	}
	l.rest = append(l.rest, p...)
	if len(l.rest) > maxLine {
		if err := l.pass(l.rest); err != nil {
			return 0, err
		}
		l.rest = l.rest[:0]
	}
	return n, nil
}

func (l *lineWriter) pass(line []byte) error {
	if l.keep != nil && !l.keep(line) || secretLine(line) {
		return nil
	}
	_, err := l.w.Write(maskLine(line))
	return err
}

// Close passes on a last line without its end.
func (l *lineWriter) Close() error {
	if len(l.rest) == 0 {
		return nil
	}
	rest := l.rest
	l.rest = nil
	return l.pass(rest)
}
