package metrics_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/metrics"
)

// open returns a source over files, name and text by turns.
func open(tb testing.TB, files ...string) *metrics.Local {
	tb.Helper()
	dir := tb.TempDir()
	for f := range slices.Chunk(files, 2) {
		if err := os.WriteFile(filepath.Join(dir, f[0]), []byte(f[1]), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return openPath(tb, dir)
}

func openPath(tb testing.TB, path string) *metrics.Local {
	tb.Helper()
	store, err := local.New(local.Config{CacheDir: tb.TempDir(), Now: time.Now, Threads: 2})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	eng, err := store.Open(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	return metrics.NewLocal(eng)
}

// zero is when the recordings made here begin.
var zero = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// minutes is a time in them.
func minutes(m float64) time.Time { return zero.Add(time.Duration(m * float64(time.Minute))) }

// exposition writes series as OpenMetrics text: a value a minute from f; NaN leaves a gap.
type exposition struct {
	families map[string]*strings.Builder
	names    []string
}

func (e *exposition) add(family, series string, n int, f func(i int) float64) {
	if e.families == nil {
		e.families = map[string]*strings.Builder{}
	}
	b := e.families[family]
	if b == nil {
		b = &strings.Builder{}
		fmt.Fprintf(b, "# TYPE %s unknown\n", family)
		e.families[family] = b
		e.names = append(e.names, family)
	}
	for i := range n {
		if v := f(i); !math.IsNaN(v) {
			fmt.Fprintf(b, "%s %v %d\n", series, v, zero.Add(time.Duration(i)*time.Minute).Unix())
		}
	}
}

func (e *exposition) String() string {
	var b strings.Builder
	slices.Sort(e.names)
	for _, n := range e.names {
		b.WriteString(e.families[n].String())
	}
	return b.String() + "# EOF\n"
}

// shopText is an hour of a small system in which pay begins to fail after half of it: counters (one restarts), histograms, gauges (one
// with a gap), and sums of each minute.
func shopText() string {
	var e exposition
	wave := func(i, k int) float64 { return math.Round(10 + 8*math.Sin(float64(i*k)/7) + float64((i*k)%5)) }
	for k, service := range []string{"web", "pay", "stock"} {
		total, bad, sum := 1000.0, 400.0, 20.0 // not near zero, where versions of PromQL extrapolate differently
		counts := [4]float64{300, 500, 800, 1000}
		restart := 0
		if service == "stock" {
			restart = 40
		}
		type sample struct {
			total, bad, sum, n float64
			counts             [4]float64
		}
		var at []sample
		for i := range 61 {
			if restart > 0 && i == restart {
				total, bad, sum, counts = 0, 0, 0, [4]float64{}
			}
			n := wave(i, k+2)
			f := 0.0
			if service == "pay" && i > 30 {
				f = math.Floor(n / 4)
			}
			total, bad = total+n, bad+f
			slow := f
			counts[0] += math.Floor((n - slow) * .6)
			counts[1] += math.Floor((n - slow) * .9)
			counts[2] += n - slow
			counts[3] += n
			sum += .05*(n-slow) + 2*slow
			at = append(at, sample{total, bad, sum, n, counts})
		}
		label := fmt.Sprintf("service=%q", service)
		e.add("http_requests_total", fmt.Sprintf(`http_requests_total{%s,code="200"}`, label), 61, func(i int) float64 { return at[i].total - at[i].bad })
		e.add("http_requests_total", fmt.Sprintf(`http_requests_total{%s,code="500"}`, label), 61, func(i int) float64 { return at[i].bad })
		for b, le := range []string{"0.05", "0.1", "1", "+Inf"} {
			e.add("http_duration_seconds", fmt.Sprintf(`http_duration_seconds_bucket{%s,le=%q}`, label, le), 61, func(i int) float64 { return at[i].counts[b] })
		}
		e.add("http_duration_seconds", fmt.Sprintf(`http_duration_seconds_count{%s}`, label), 61, func(i int) float64 { return at[i].counts[3] })
		e.add("http_duration_seconds", fmt.Sprintf(`http_duration_seconds_sum{%s}`, label), 61, func(i int) float64 { return at[i].sum })
		e.add("pool_used", fmt.Sprintf(`pool_used{%s,node="n%d"}`, label, k%2), 61, func(i int) float64 {
			if service == "stock" && i > 20 && i < 33 {
				return math.NaN()
			}
			return math.Mod(at[i].n, 10)
		})
		e.add("pool_max", fmt.Sprintf(`pool_max{%s}`, label), 61, func(int) float64 { return 10 })
		e.add("request", fmt.Sprintf(`request{namespace="span_derived",remoteService="",%s}`, label), 61, func(i int) float64 { return at[i].n })
		e.add("fault", fmt.Sprintf(`fault{namespace="span_derived",remoteService="",%s}`, label), 61, func(i int) float64 {
			if i == 0 {
				return 0
			}
			return max(at[i].bad-at[i-1].bad, 0)
		})
	}
	return e.String()
}
