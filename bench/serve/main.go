// Command serve measures what the frame costs, against a bare mcp-go server in the same run: from start to an answered
// initialize, resident memory when idle, and CPU of a tools/call that does no work of its own.
//
//	go run ./bench/serve [-runs 30] [-calls 3000]
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	runs := flag.Int("runs", 30, "starts of each server")
	calls := flag.Int("calls", 3000, "calls of each server")
	flag.Parse()
	if err := run(*runs, *calls); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// subject is one server under measurement.
type subject struct {
	name string
	args []string
	wall []time.Duration // start to initialize answered
	cpu  []time.Duration // user and system time until then
	rss  int64           // kB when idle
	call time.Duration   // CPU of a call
	p50  time.Duration   // wall of a call
}

func run(runs, calls int) error {
	dir, err := os.MkdirTemp("", "bench-serve-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin, bare := filepath.Join(dir, "plumbline"), filepath.Join(dir, "bare")
	for _, b := range [][]string{{bin, "./cmd/plumbline"}, {bare, "./bench/serve/bare"}} {
		c := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b[0], b[1])
		c.Stderr = os.Stderr
		if err := c.Run(); err != nil {
			return fmt.Errorf("build %s: %w", b[1], err)
		}
	}
	subjects := []*subject{{name: "bare mcp-go", args: []string{bare}}, {name: "plumbline", args: []string{bin, "serve", "--cache-dir", filepath.Join(dir, "cache")}}}
	for range runs { // alternating, so that a busy machine slows both alike
		for _, s := range subjects {
			if err := s.start(dir); err != nil {
				return err
			}
		}
	}
	for _, s := range subjects {
		if err := s.load(dir, calls); err != nil {
			return err
		}
	}
	return report(subjects[0], subjects[1])
}

func report(bare, ours *subject) error {
	for _, s := range []*subject{bare, ours} {
		fmt.Printf("%-12s start to initialize: min %v median %v, CPU median %v; idle RSS %.1f MB; call: wall p50 %v, CPU %v\n", s.name,
			round(slices.Min(s.wall)), round(median(s.wall)), round(median(s.cpu)), float64(s.rss)/1000, round(s.p50), round(s.call))
	}
	ratio := float64(median(ours.wall)) / float64(median(bare.wall))
	over := ours.call - bare.call
	fmt.Printf("start ratio %.2f (want <= 2), idle RSS %.1f MB (want <= 60), call overhead %v CPU (want <= 500µs)\n", ratio, float64(ours.rss)/1000, round(over))
	if ratio > 2 || ours.rss > 60_000 || over > 500*time.Microsecond {
		return errors.New("a goal is missed")
	}
	return nil
}

func round(d time.Duration) time.Duration { return d.Round(time.Microsecond * 10) }

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

// session is a running server.
type session struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (s *subject) open(dir string) (*session, error) {
	c := exec.CommandContext(context.Background(), s.args[0], s.args[1:]...)
	c.Dir, c.Stderr = dir, os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p := &session{cmd: c, in: in, out: bufio.NewReaderSize(out, 1<<20)}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	return p, p.ask(0, "initialize", `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}`)
}

func (p *session) ask(id int, method, params string) error {
	if _, err := fmt.Fprintf(p.in, `{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`+"\n", id, method, params); err != nil {
		return err
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	var answer struct {
		ID    int             `json:"id"`
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(line, &answer); err != nil || answer.ID != id || answer.Error != nil {
		return fmt.Errorf("%s: answer %.200s: %w", method, line, err)
	}
	return nil
}

func (p *session) close() error {
	if err := p.in.Close(); err != nil {
		return err
	}
	return p.cmd.Wait()
}

func (s *subject) start(dir string) error {
	began := time.Now()
	p, err := s.open(dir)
	if err != nil {
		return err
	}
	s.wall = append(s.wall, time.Since(began))
	cpu, err := p.cpu()
	if err != nil {
		return err
	}
	s.cpu = append(s.cpu, cpu)
	return p.close()
}

func (s *subject) load(dir string, calls int) error {
	p, err := s.open(dir)
	if err != nil {
		return err
	}
	time.Sleep(time.Second)
	if s.rss, err = p.rss(); err != nil {
		return err
	}
	const warm = 100
	var walls []time.Duration
	var before time.Duration
	for i := range calls + warm {
		if i == warm {
			if before, err = p.cpu(); err != nil {
				return err
			}
		}
		began := time.Now()
		if err := p.ask(i+1, "tools/call", `{"name":"data_describe","arguments":{}}`); err != nil {
			return err
		}
		if i >= warm {
			walls = append(walls, time.Since(began))
		}
	}
	after, err := p.cpu()
	if err != nil {
		return err
	}
	s.call, s.p50 = (after-before)/time.Duration(calls), median(walls)
	return p.close()
}

// cpu reads user and system time of the process, in the kernel's ticks of 10 ms.
func (p *session) cpu() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	ticks := 0
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

func (p *session) rss() (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, errors.New("no VmRSS")
}
