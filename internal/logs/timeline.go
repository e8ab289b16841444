package logs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/stat"
)

// Bounds of a timeline.
const (
	wantBuckets = 60  // buckets aimed at
	maxBuckets  = 600 // buckets when the caller sets the width
	maxGroups   = 12  // series told; the rest are added up as OTHER
	maxGaps     = 5
	gapLines    = 5 // mean lines a bucket from which an empty bucket says something
)

// By says what lines are grouped by.
type By string

// The groups.
const (
	BySeverity By = "severity"
	ByService  By = "service"
	ByNothing  By = "none"
)

// Timeline is the volume of lines over time.
type Timeline struct {
	Table   string    `json:"table"`
	Window  Window    `json:"window"`
	Bucket  string    `json:"bucket"` // width, as PPL writes it: 30s, 1m
	Seconds float64   `json:"bucket_seconds"`
	Lines   int64     `json:"lines"`
	Series  []Series  `json:"series"` // "all" first, then the groups, most lines first
	Gaps    []Window  `json:"gaps"`   // buckets in a row without any line, longest first
	Query   string    `json:"query"`
	Starts  time.Time `json:"first_bucket"`
}

// Series is one group's count by bucket.
type Series struct {
	Name    string  `json:"name"`
	Total   int64   `json:"total"`
	Counts  []int64 `json:"counts"`
	Peak    Peak    `json:"peak"`
	Changes []Shift `json:"changes"` // change points of the level, by time
}

// Peak is the fullest bucket.
type Peak struct {
	Time  time.Time `json:"time"`
	Count int64     `json:"count"`
}

// Shift is a change point: from this bucket on the level is another.
type Shift struct {
	Time   time.Time `json:"time"`
	Before float64   `json:"before_per_minute"`
	After  float64   `json:"after_per_minute"`
}

// widths are the bucket widths chosen from, as PPL writes them.
var widths = []struct {
	text string
	d    time.Duration
}{
	{"1s", time.Second}, {"5s", 5 * time.Second}, {"10s", 10 * time.Second}, {"30s", 30 * time.Second}, {"1m", time.Minute}, {"2m", 2 * time.Minute},
	{"5m", 5 * time.Minute}, {"10m", 10 * time.Minute}, {"30m", 30 * time.Minute}, {"1h", time.Hour}, {"3h", 3 * time.Hour}, {"6h", 6 * time.Hour},
	{"12h", 12 * time.Hour}, {"1d", 24 * time.Hour},
}

// FindTimeline counts the lines in scope by bucket and group and finds where their level changes (PELT on Poisson counts).
// bucket is a width such as 30s; "" chooses one that gives about 60 buckets.
func FindTimeline(ctx context.Context, eng engine.Engine, s Scope, by By, bucket string) (*Timeline, error) {
	field, w, err := s.resolve(ctx, eng)
	if err != nil {
		return nil, err
	}
	text, width, err := chooseWidth(bucket, w)
	if err != nil {
		return nil, err
	}
	group := ""
	switch by {
	case BySeverity:
		group = "severityText"
	case ByService:
		group = "serviceName"
	case ByNothing:
	}
	query := s.source(field, w.rng()) + fmt.Sprintf(" | stats count() as n by span(`%s`, %s) as bucket", field, text)
	if group != "" {
		query += ", " + group
	}
	t := &Timeline{Table: s.Table, Window: w, Bucket: text, Seconds: width.Seconds(), Query: query, Gaps: []Window{}}
	t.Starts = w.Start.Truncate(width)
	n := int(w.End.Sub(t.Starts)/width) + 1
	if w.End.Equal(t.Starts.Add(time.Duration(n-1) * width)) {
		n--
	}
	counts := map[string][]int64{}
	_, err = eng.Stream(ctx, query, engine.Limits{}, func(row []any) error {
		c, _ := row[0].(int64)
		at, ok := row[1].(time.Time)
		i := int(at.Sub(t.Starts) / width)
		if !ok || i < 0 || i >= n {
			return nil
		}
		name := "all"
		if group != "" {
			name, _ = row[2].(string)
		}
		if counts[name] == nil {
			counts[name] = make([]int64, n)
		}
		counts[name][i] += c
		return nil
	})
	if err != nil {
		return nil, err
	}
	t.fill(counts, n, width)
	return t, nil
}

func chooseWidth(bucket string, w Window) (string, time.Duration, error) {
	if bucket != "" {
		i := slices.IndexFunc(widths, func(x struct {
			text string
			d    time.Duration
		}) bool {
			return x.text == bucket
		})
		if i < 0 {
			var all []string
			for _, x := range widths {
				all = append(all, x.text)
			}
			return "", 0, fault.WithHint(fault.New(fault.InvalidArgument, "bucket %q is no width", bucket), "The widths are: %s.", strings.Join(all, ", "))
		}
		if w.End.Sub(w.Start)/widths[i].d > maxBuckets {
			return "", 0, fault.WithHint(fault.New(fault.TooLarge, "bucket %s gives more than %d buckets", bucket, maxBuckets), "Leave bucket out, or narrow the window.")
		}
		return bucket, widths[i].d, nil
	}
	for _, x := range widths {
		if w.End.Sub(w.Start)/x.d <= wantBuckets {
			return x.text, x.d, nil
		}
	}
	last := widths[len(widths)-1]
	return last.text, last.d, nil
}

func (t *Timeline) fill(counts map[string][]int64, n int, width time.Duration) {
	all := make([]int64, n)
	names := make([]string, 0, len(counts))
	for name, c := range counts {
		names = append(names, name)
		for i, v := range c {
			all[i] += v
		}
	}
	sum := func(c []int64) (out int64) {
		for _, v := range c {
			out += v
		}
		return out
	}
	t.Lines = sum(all)
	if len(names) != 1 { // a single group is all there is
		t.Series = []Series{t.series("all", all, width)}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(sum(counts[b]), sum(counts[a])), cmp.Compare(a, b)) })
	var rest []int64
	for i, name := range names {
		switch {
		case i < maxGroups:
			t.Series = append(t.Series, t.series(cmp.Or(name, "(none)"), counts[name], width))
		default:
			if rest == nil {
				rest = make([]int64, n)
			}
			for j, v := range counts[name] {
				rest[j] += v
			}
		}
	}
	if rest != nil {
		t.Series = append(t.Series, t.series("OTHER", rest, width))
	}
	t.gaps(all, width)
}

func (t *Timeline) series(name string, counts []int64, width time.Duration) Series {
	s := Series{Name: name, Counts: counts, Changes: []Shift{}}
	values := make([]float64, len(counts))
	for i, v := range counts {
		s.Total += v
		values[i] = float64(v)
		if v > s.Peak.Count {
			s.Peak = Peak{t.Starts.Add(time.Duration(i) * width), v}
		}
	}
	perMinute := float64(time.Minute) / float64(width)
	for _, c := range stat.ChangePoints(values, stat.ChangeConfig{Cost: stat.Poisson}) {
		s.Changes = append(s.Changes, Shift{t.Starts.Add(time.Duration(c.Index) * width), round1(c.Before * perMinute), round1(c.After * perMinute)})
	}
	return s
}

func round1(f float64) float64 { return float64(int64(f*10+.5)) / 10 }

// gaps are runs of empty buckets between others: data missing, or everything silent.
func (t *Timeline) gaps(all []int64, width time.Duration) {
	if t.Lines < gapLines*int64(len(all)) {
		return
	}
	from := -1
	seen := false
	for i, v := range all {
		switch {
		case v > 0 && from >= 0:
			t.Gaps = append(t.Gaps, Window{t.Starts.Add(time.Duration(from) * width), t.Starts.Add(time.Duration(i) * width)})
			from = -1
		case v == 0 && seen && from < 0:
			from = i
		}
		seen = seen || v > 0
	}
	slices.SortStableFunc(t.Gaps, func(a, b Window) int { return cmp.Compare(b.Seconds(), a.Seconds()) })
	t.Gaps = t.Gaps[:min(len(t.Gaps), maxGaps)]
}
