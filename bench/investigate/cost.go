package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/investigate"
)

// warmRuns is how many times each recording is investigated; the cheapest counts.
const warmRuns = 3

// cost is what one investigation took.
type cost struct {
	rows      int
	cpu, wall time.Duration
}

// growth investigates recordings of growing size and prints, from each to the next, the exponent b of cost ~ rows^b.
func growth(dirs []string, open openFunc) error {
	var last cost
	fmt.Printf("%-12s %10s %10s %10s %10s\n", "recording", "rows", "cpu", "wall", "exponent")
	for _, dir := range dirs {
		c, err := measure(dir, open)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		exponent := "-"
		if last.rows > 0 && c.rows > last.rows {
			exponent = fmt.Sprintf("%.2f", math.Log(float64(c.cpu)/float64(last.cpu))/math.Log(float64(c.rows)/float64(last.rows)))
		}
		fmt.Printf("%-12s %10d %10s %10s %10s\n", filepath.Base(dir), c.rows, c.cpu.Round(time.Millisecond), c.wall.Round(time.Millisecond), exponent)
		last = c
	}
	return nil
}

// measure reads a recording into the cache, then investigates it.
func measure(dir string, open openFunc) (cost, error) {
	body, err := os.ReadFile(filepath.Join(dir, "alert.json"))
	if err != nil {
		return cost{}, err
	}
	alert, err := investigate.ParseAlert(body)
	if err != nil {
		return cost{}, err
	}
	var best cost
	for i := range warmRuns + 1 {
		eng, err := open(dir)
		if err != nil {
			return best, err
		}
		if _, err := eng.Tables(context.Background()); err != nil { // read it before the clock runs
			return best, err
		}
		began, cpu := time.Now(), cpuTime()
		rep, err := investigate.Run(context.Background(), eng, investigate.Request{Alert: alert})
		if err != nil {
			return best, err
		}
		c := cost{rep.Facts.Spans + rep.Facts.Logs, cpuTime() - cpu, time.Since(began)}
		if i > 0 && (best.rows == 0 || c.cpu < best.cpu) {
			best = c
		}
	}
	return best, nil
}

// cpuTime is the processor time of this process so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
