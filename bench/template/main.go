// Command template prints how well package internal/template finds templates again, and how fast.
//
//	go run ./bench/template [-seeds 1,2,3] [-lines 2000]
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/bench/template/labelled"
	"github.com/plumbline-mcp/plumbline/internal/template"
)

func main() {
	seeds := flag.String("seeds", "1,2,3", "seeds of the generated lines, with commas")
	n := flag.Int("lines", 2000, "lines a format")
	show := flag.String("show", "", "print what went wrong with this format")
	file := flag.String("labelled", "", "measure the lines of this file instead: JSON lines {text, truth}")
	flag.Parse()
	if *file != "" {
		if err := runFile(os.Stdout, *file); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(os.Stdout, strings.Split(*seeds, ","), *n, *show); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(w *os.File, seeds []string, n int, show string) error {
	fmt.Fprintf(w, "%-14s", "format")
	for _, s := range seeds {
		fmt.Fprintf(w, " %8s", "seed "+s)
	}
	fmt.Fprintf(w, " %11s\n", "plain Drain")
	sums := make([]float64, len(seeds))
	plain := 0.0
	for _, name := range labelled.Names() {
		fmt.Fprintf(w, "%-14s", name)
		for i, s := range seeds {
			seed, err := strconv.ParseUint(s, 10, 64)
			if err != nil {
				return fmt.Errorf("seed: %w", err)
			}
			lines, err := labelled.Generate(name, n, seed)
			if err != nil {
				return err
			}
			groups, m := mine(lines)
			acc := labelled.GroupingAccuracy(lines, groups)
			sums[i] += acc
			fmt.Fprintf(w, " %8.3f", acc)
			if name == show && i == 0 {
				defer explain(w, lines, groups, m)
			}
			if i == len(seeds)-1 {
				acc := labelled.GroupingAccuracy(lines, mineDrain(lines))
				plain += acc
				fmt.Fprintf(w, " %11.3f", acc)
			}
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%-14s", "mean")
	for _, s := range sums {
		fmt.Fprintf(w, " %8.3f", s/float64(len(labelled.Names())))
	}
	fmt.Fprintf(w, " %11.3f\n", plain/float64(len(labelled.Names())))
	return nil
}

// runFile measures the accuracy on lines that others have labelled and shows what went wrong.
func runFile(w *os.File, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read labelled lines: %w", err)
	}
	defer f.Close()
	var lines []labelled.Line
	for dec := json.NewDecoder(f); ; {
		var l struct {
			Text  string `json:"text"`
			Truth int    `json:"truth"`
		}
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("read labelled lines: %w", err)
		}
		lines = append(lines, labelled.Line{Text: l.Text, Truth: l.Truth})
	}
	groups, m := mine(lines)
	fmt.Fprintf(w, "%d lines, accuracy %.3f\n", len(lines), labelled.GroupingAccuracy(lines, groups))
	explain(w, lines, groups, m)
	return nil
}

func mine(lines []labelled.Line) ([]int, *template.Miner) {
	m := template.New(template.Config{})
	ids := make([]int, len(lines))
	for i, l := range lines {
		ids[i] = m.Add(l.Text)
	}
	for i, id := range ids {
		ids[i] = m.Resolve(id)
	}
	return ids, m
}

func mineDrain(lines []labelled.Line) []int {
	d := newDrain()
	ids := make([]int, len(lines))
	for i, l := range lines {
		ids[i] = d.add(l.Text)
	}
	return ids
}

// explain prints the templates that were split or mixed.
func explain(w *os.File, lines []labelled.Line, groups []int, m *template.Miner) {
	ts := m.Templates()
	byTruth := map[int]map[int]int{}
	byGroup := map[int]map[int]bool{}
	example := map[int]string{}
	for i, l := range lines {
		if byTruth[l.Truth] == nil {
			byTruth[l.Truth] = map[int]int{}
			example[l.Truth] = l.Text
		}
		if byGroup[groups[i]] == nil {
			byGroup[groups[i]] = map[int]bool{}
		}
		byTruth[l.Truth][groups[i]]++
		byGroup[groups[i]][l.Truth] = true
	}
	for truth, gs := range byTruth {
		if len(gs) > 1 {
			fmt.Fprintf(w, "split %d ways: %s\n", len(gs), example[truth])
			shown := 0
			for g, n := range gs {
				if shown++; shown > 4 {
					break
				}
				fmt.Fprintf(w, "    %5d %s\n", n, ts[g].Text)
			}
		}
	}
	for g, truths := range byGroup {
		if len(truths) > 1 {
			fmt.Fprintf(w, "mixed: %s\n", ts[g].Text)
			for t := range truths {
				fmt.Fprintf(w, "          %s\n", example[t])
			}
		}
	}
}
