// Command embed measures the encoder beside onnxruntime in fp32, in turns, with one thread and with two, on the texts that
// the tests record.
//
//	go run ./bench/embed -reference DIR     # DIR as bench/embed/record.py describes it
package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/embed/minilm"
)

func main() {
	reference := flag.String("reference", "", "directory with the venv and the jar of record.py; empty = only our own figures")
	texts := flag.Int("texts", 200, "texts to encode in one turn")
	flag.Parse()
	if err := run(context.Background(), *reference, *texts); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, reference string, n int) error {
	texts, err := load("internal/embed/minilm/testdata/texts.jsonl.gz")
	if err != nil {
		return err
	}
	texts = texts[:min(n, len(texts))]
	var failed error
	for _, threads := range []int{1, 2} {
		runtime.GOMAXPROCS(threads)
		e := minilm.New(minilm.Config{Workers: threads})
		if _, err := e.Embed(ctx, texts[:1]); err != nil {
			return err
		}
		var own, theirs []float64
		for range 3 {
			began := time.Now()
			if _, err := e.Embed(ctx, texts); err != nil {
				return err
			}
			own = append(own, float64(len(texts))/time.Since(began).Seconds())
			if reference == "" {
				continue
			}
			rate, err := onnx(ctx, reference, threads, len(texts))
			if err != nil {
				return err
			}
			theirs = append(theirs, rate)
		}
		fmt.Printf("%d thread(s): own %.1f texts/s", threads, median(own))
		if reference != "" {
			ratio := median(own) / median(theirs)
			fmt.Printf(", onnxruntime fp32 %.1f texts/s, ratio %.2f (goal 1.0)", median(theirs), ratio)
			if ratio < 1 {
				failed = errors.New("slower than onnxruntime")
			}
		}
		fmt.Println()
	}
	e := minilm.New(minilm.Config{Workers: 1})
	began := time.Now()
	if _, err := e.Embed(ctx, texts[:1]); err != nil {
		return err
	}
	fmt.Printf("load and first text: %.0f ms\n", time.Since(began).Seconds()*1e3)
	var single []float64
	for _, t := range texts {
		began := time.Now()
		if _, err := e.Embed(ctx, []string{t}); err != nil {
			return err
		}
		single = append(single, time.Since(began).Seconds()*1e3)
	}
	fmt.Printf("batch of one, one thread: p50 %.1f ms (goal 40)\n", median(single))
	return failed
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// onnx runs record.py's neighbour, which prints texts a second.
func onnx(ctx context.Context, dir string, threads, n int) (float64, error) {
	c := exec.CommandContext(ctx, dir+"/venv/bin/python", "bench/embed/onnx.py", dir, strconv.Itoa(threads), strconv.Itoa(n))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return 0, fmt.Errorf("onnxruntime: %w", err)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}

func load(name string) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var out []string
	for s := bufio.NewScanner(z); s.Scan(); {
		var text string
		if err := json.Unmarshal(s.Bytes(), &text); err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}
