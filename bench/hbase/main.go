// Command hbase measures the reading and checking of a bundle beside the least that any reader must do: two scans of the
// files into two maps.
//
//	python3 ../shared/harness/hbase/bigbundle.py /tmp/big 100000
//	go run ./bench/hbase naive /tmp/big          two scans, two maps
//	go run ./bench/hbase check /tmp/big          read, all rules, evidence; compares with truth.json
//	go run ./bench/hbase logs DIR [LEVEL]        templates of the logs of a bundle, WARN or all
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
	"github.com/plumbline-mcp/plumbline/internal/hbase/logs"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("usage: hbase naive|check|logs DIR")
	}
	began := time.Now()
	var err error
	switch args[0] {
	case "naive":
		err = naive(args[1])
	case "check":
		err = checkBundle(ctx, args[1])
	case "logs":
		err = templates(ctx, args[1], append(args, "WARN")[2])
	default:
		return fmt.Errorf("unknown word %q", args[0])
	}
	var use syscall.Rusage
	if uerr := syscall.Getrusage(syscall.RUSAGE_SELF, &use); uerr != nil {
		return errors.Join(err, uerr)
	}
	busy := time.Duration(use.Utime.Nano() + use.Stime.Nano())
	fmt.Printf("%s: %.3f s, %.3f s of processor time, %.0f MB resident at most, %d processors\n", args[0], time.Since(began).Seconds(), busy.Seconds(), float64(use.Maxrss)/1024, runtime.NumCPU())
	return err
}

// naive reads the scan and the listing into a map each, without judging a line.
func naive(dir string) error {
	rows, folders := map[string]int{}, map[string]int{}
	err := lines(filepath.Join(dir, "diagnostics/hbase_meta.txt"), func(line []byte) {
		if i := bytes.Index(line, []byte(" column=info:regioninfo")); i > 34 {
			rows[string(line[i-33:i-1])]++
		}
	})
	if err != nil {
		return err
	}
	err = lines(filepath.Join(dir, "diagnostics/hbase_rootdir_paths.txt"), func(line []byte) {
		if _, below, ok := bytes.Cut(line, []byte("/data/")); ok {
			if parts := bytes.SplitN(below, []byte("/"), 4); len(parts) > 2 && len(parts[2]) == 32 {
				folders[string(parts[2])]++
			}
		}
	})
	fmt.Printf("%d rows, %d folders\n", len(rows), len(folders))
	return err
}

func lines(name string, each func([]byte)) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for r := bufio.NewReaderSize(f, 1<<20); ; {
		line, err := r.ReadSlice('\n')
		each(line)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func open(ctx context.Context, dir string) (*hbase.Snapshot, error) {
	b, err := hbase.Open(ctx, dir, hbase.OpenOptions{})
	if err != nil {
		return nil, err
	}
	return hbase.Read(ctx, b, hbase.ReadOptions{})
}

func checkBundle(ctx context.Context, dir string) error {
	s, err := open(ctx, dir)
	if err != nil {
		return err
	}
	r, err := check.Run(ctx, s)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		return err
	}
	var truth struct {
		Findings []struct {
			Type  string `json:"type"`
			Table string `json:"table"`
			Start string `json:"start"`
			End   string `json:"end"`
		} `json:"findings"`
	}
	if err := json.Unmarshal(raw, &truth); err != nil {
		return err
	}
	roots := map[string]bool{}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Root() {
			roots[string(f.Type)+f.Table+f.Start+","+f.End] = true
		}
	}
	found := 0
	for _, f := range truth.Findings {
		if k := f.Type + f.Table + f.Start + "," + f.End; roots[k] {
			found++
			delete(roots, k)
		}
	}
	fmt.Printf("%d regions; %d of %d seeded faults found, %d others reported, %d consequences\n", len(s.Meta.Regions), found, len(truth.Findings), len(roots), len(r.Findings)-found-len(roots))
	if found != len(truth.Findings) || len(roots) > 0 {
		return errors.New("the findings are not the seeded ones")
	}
	return nil
}

func templates(ctx context.Context, dir, level string) error {
	s, err := open(ctx, dir)
	if err != nil {
		return err
	}
	began := time.Now()
	p, err := logs.Find(ctx, s, logs.Query{Level: level}, nil)
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	size := float64(s.Artefact(hbase.ArtefactLogs).Bytes) / 1e6
	fmt.Printf("%d lines, %.0f MB, %d entries in %d templates: %.2f s, %.0f MB/s\n", p.Lines, size, p.Entries, len(p.Groups), took, size/took)
	return nil
}
