// Command investigate runs the investigation over generated incidents and prints, by fault family, how often the true root was
// first or among the first three, whether component and attribute were found, and how far the onset was off.
//
//	go run ./bench/investigate [-v] [-engine memory|local] [-shift 5m] [-bare] [-window] [-without LIST] [-scale] DIR...
//
// Each DIR holds a recording with its truth.json (made by make.py beside this file); incidents of the fault "none" count as quiet windows.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/trace/tracetest"
)

// truth is what the generator knows of an incident.
type truth struct {
	ID        string `json:"id"`
	FaultType string `json:"fault_type"`
	Family    string `json:"family"`
	Window    struct {
		Start time.Time `json:"start"`
		End   time.Time `json:"end"`
	} `json:"window"`
	RootCause struct {
		Service   string `json:"service"`
		Component string `json:"component"`
	} `json:"root_cause"`
	Acceptable []string `json:"acceptable_services"`
	Attributes []struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	} `json:"discriminating_attributes"`
}

// tally sums the outcomes of one fault type.
type tally struct {
	n, first, three, component, family, attribute, attributes, onset int
	ms                                                               int64
}

func main() {
	kind := flag.String("engine", "local", "what reads the recordings: local (DuckDB) or memory (the tests' own)")
	cache := flag.String("cache", filepath.Join(os.TempDir(), "plumbline-bench"), "cache directory of the local engine")
	without := flag.String("without", "", "hide from the investigation, comma-separated: messages, logs, metrics, places, versions")
	profile := flag.String("cpuprofile", "", "write a CPU profile of all runs to this file")
	verbose := flag.Bool("v", false, "print suspects of each incident")
	shift := flag.Duration("shift", 0, "move the alert's time by this much: an alert that is late or early")
	bare := flag.Bool("bare", false, "leave out the alert's words and services: its time alone")
	window := flag.Bool("window", false, "give the incident's window instead of an alert")
	scale := flag.Bool("scale", false, "measure the cost over recordings of growing size (scale.py) and print its exponents")
	flag.Parse()
	open, done, err := opener(*kind, *cache, strings.Split(*without, ","))
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
	defer done()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			fmt.Fprintf(os.Stderr, "error: %v\n", err)
			os.Exit(1) //nolint:gocritic // nothing is open yet
		}
		_ = pprof.StartCPUProfile(f)
		defer pprof.StopCPUProfile()
	}
	if *scale {
		if err := growth(flag.Args(), open); err != nil {
			fmt.Fprintf(os.Stderr, "error: %v\n", err)
			os.Exit(1)
		}
		return
	}
	sums := map[string]*tally{}
	for _, dir := range flag.Args() {
		if err := judge(dir, open, sums, asked{*shift, *bare, *window, *verbose}); err != nil {
			fmt.Fprintf(os.Stderr, "error: %s: %v\n", dir, err)
			os.Exit(1)
		}
	}
	table(sums)
}

// openFunc opens a recording.
type openFunc func(dir string) (engine.Engine, error)

func opener(kind, cache string, without []string) (open openFunc, done func(), err error) {
	if kind == "memory" {
		return func(dir string) (engine.Engine, error) {
			m, err := tracetest.Open(dir)
			return lesser{m, without}, err
		}, func() {}, nil
	}
	store, err := local.New(local.Config{CacheDir: cache, Now: time.Now})
	if err != nil {
		return nil, nil, err
	}
	return func(dir string) (engine.Engine, error) {
		e, err := store.Open(context.Background(), dir)
		return lesser{e, without}, err
	}, func() { _ = store.Close() }, nil
}

// asked is how an incident is put to the investigation.
type asked struct {
	shift                 time.Duration
	bare, window, verbose bool
}

// request makes the request of an incident.
func (a asked) request(tr *truth, alert investigate.Alert) investigate.Request {
	req := investigate.Request{Alert: alert, Detail: a.verbose}
	if !alert.Time.IsZero() {
		req.Alert.Time = alert.Time.Add(a.shift)
	}
	if a.bare {
		req.Alert.Text, req.Alert.Services = "", nil
	}
	if a.window && tr.FaultType != "none" {
		req = investigate.Request{Start: tr.Window.Start.Add(a.shift), End: tr.Window.End, Detail: a.verbose}
	}
	return req
}

func judge(dir string, open openFunc, sums map[string]*tally, a asked) error {
	var tr truth
	body, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if os.IsNotExist(err) {
		body, err = os.ReadFile(filepath.Join(dir, "..", "truth", filepath.Base(dir)+".json"))
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, &tr); err != nil {
		return err
	}
	alertBody, err := os.ReadFile(filepath.Join(dir, "alert.json"))
	if err != nil {
		return err
	}
	alert, err := investigate.ParseAlert(alertBody)
	if err != nil {
		return err
	}
	eng, err := open(dir)
	if err != nil {
		return err
	}
	if _, err := eng.Tables(context.Background()); err != nil { // read it before the clock runs
		return err
	}
	if tr.FaultType == "none" { // with its alert, and as a window nobody complained of
		rep, err := investigate.Run(context.Background(), eng, investigate.Request{Alert: alert})
		if err != nil {
			return err
		}
		if rep.Incident {
			fmt.Printf("%-28s with alert FALSE ALARM: %s\n", filepath.Base(dir), rep.Summary)
		}
		alert = investigate.Alert{}
	}
	began := time.Now()
	rep, err := investigate.Run(context.Background(), eng, a.request(&tr, alert))
	if err != nil {
		return err
	}
	took := time.Since(began)
	t := sums[tr.FaultType]
	if t == nil {
		t = &tally{}
		sums[tr.FaultType] = t
	}
	line := t.score(&tr, rep)
	t.ms += took.Milliseconds()
	fmt.Printf("%-28s %s %d ms\n", filepath.Base(dir), line, took.Milliseconds())
	if a.verbose {
		show(&tr, rep)
	}
	return nil
}

func (t *tally) score(tr *truth, rep *investigate.Report) string {
	t.n++
	if tr.FaultType == "none" {
		if !rep.Incident {
			t.first++
			return "quiet: ok"
		}
		return "FALSE ALARM: " + rep.Summary
	}
	rank, comp, fam, attr := 0, false, false, 0
	for i, s := range rep.Suspects {
		if rank == 0 && (s.Service == tr.RootCause.Service || slices.Contains(tr.Acceptable, s.Service) || s.Component == tr.RootCause.Component) {
			rank = i + 1
			comp = hit(s.Component, tr.RootCause.Component)
			fam = tr.Family == "" || slices.Contains(strings.Split(tr.Family, "|"), string(s.Family))
			for _, a := range tr.Attributes {
				for _, b := range s.Attributes {
					if a.Key == b.Key && (fmt.Sprint(a.Value) == b.Value || a.Value == "*") {
						attr++
					}
				}
			}
		}
	}
	off := 24 * time.Hour
	if rep.Onset != nil {
		off = rep.Onset.Sub(tr.Window.Start)
	}
	for _, x := range []struct {
		on bool
		n  *int
	}{{rank == 1, &t.first}, {rank >= 1 && rank <= 3, &t.three}, {comp, &t.component}, {fam, &t.family}, {off.Abs() <= 2*time.Minute, &t.onset}} {
		if x.on {
			*x.n++
		}
	}
	t.attribute += attr
	t.attributes += len(tr.Attributes)
	return fmt.Sprintf("rank %d component %-5v family %-5v attributes %d/%d onset %+ds", rank, comp, fam, attr, len(tr.Attributes), int(off.Seconds()))
}

// hit reports whether one component names the other: same text, or the last word of the truth within the answer.
func hit(got, want string) bool {
	f := strings.Fields(want)
	return strings.EqualFold(got, want) || len(f) > 0 && strings.Contains(strings.ToLower(got), strings.ToLower(f[len(f)-1]))
}

func show(tr *truth, rep *investigate.Report) {
	fmt.Printf("   truth: %s / %s since %s\n   %s\n", tr.RootCause.Service, tr.RootCause.Component, tr.Window.Start.Format(time.TimeOnly), rep.Summary)
	if rep.Steps != nil {
		for _, t := range rep.Steps.Tracks[:min(8, len(rep.Steps.Tracks))] {
			fmt.Printf("   track %s %s %.40q %s-%s in %.3g out %.3g llr %.0f\n", t.Kind, t.Service, t.Label, t.Start.Format(time.TimeOnly), t.End.Format(time.TimeOnly), t.Inside, t.Outside, t.LLR)
		}
		for _, b := range rep.Steps.Blame[:min(6, len(rep.Steps.Blame))] {
			fmt.Printf("   blame %s -> %s errors %.0f slow %.0f more %.0f silent %.0f extra %.0f ms\n", b.Service, b.Target, b.Errors, b.Slow, b.More, b.Silent, b.ExtraMS)
		}
		for _, c := range rep.Steps.Changes[:min(8, len(rep.Steps.Changes))] {
			fmt.Printf("   change %s %s %s %.80q\n", c.Time.Format(time.TimeOnly), c.Kind, c.Service, c.Text)
		}
	}
	for _, s := range rep.Suspects {
		fmt.Printf("   %d. %s | %s | %s | score %.2f affected %d %v\n", s.Rank, s.Service, s.Component, s.Family, s.Score, s.Affected, s.Attributes)
		for _, r := range s.Reasons {
			fmt.Printf("        - %s\n", r)
		}
	}
}

func table(sums map[string]*tally) {
	names := make([]string, 0, len(sums))
	for n := range sums {
		names = append(names, n)
	}
	slices.Sort(names)
	all := tally{}
	fmt.Printf("\n%-20s %4s %6s %6s %6s %6s %11s %6s %6s\n", "fault", "n", "first", "three", "comp", "family", "attributes", "onset", "ms")
	for _, n := range names {
		t := sums[n]
		t.row(n)
		if n != "none" {
			all.add(t)
		}
	}
	all.row("all faults")
}

func (t *tally) add(o *tally) {
	t.n, t.first, t.three, t.component, t.family = t.n+o.n, t.first+o.first, t.three+o.three, t.component+o.component, t.family+o.family
	t.attribute, t.attributes, t.onset, t.ms = t.attribute+o.attribute, t.attributes+o.attributes, t.onset+o.onset, t.ms+o.ms
}

func (t *tally) row(name string) {
	fmt.Printf("%-20s %4d %6d %6d %6d %6d %5d of %2d %6d %6d\n", name, t.n, t.first, t.three, t.component, t.family, t.attribute, t.attributes, t.onset, t.ms/int64(max(1, t.n)))
}
