package logs

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
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
	Table   string     `json:"table"`
	Window  Window     `json:"window"`
	Bucket  string     `json:"bucket"` // width, as PPL writes it: 30s, 1m
	Seconds float64    `json:"bucket_seconds"`
	Lines   int64      `json:"lines"`
	Series  []Series   `json:"series"` // "all" first, then the groups, most lines first
	Gaps    []Window   `json:"gaps"`   // buckets in a row without any line, longest first
	Query   string     `json:"query"`
	Starts  time.Time  `json:"first_bucket"`
	Empty   *Emptiness `json:"empty,omitempty"` // why there are no lines
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

// width is a bucket width and how PPL writes it.
type width struct {
	text string
	d    time.Duration
}

const day = 24 * time.Hour

// widths are the bucket widths chosen from. Those beyond a day are for a line of 1970 among lines of today.
func widths() []width {
	return []width{
		{"1s", time.Second},
		{"5s", 5 * time.Second},
		{"10s", 10 * time.Second},
		{"30s", 30 * time.Second},
		{"1m", time.Minute},
		{"2m", 2 * time.Minute},
		{"5m", 5 * time.Minute},
		{"10m", 10 * time.Minute},
		{"30m", 30 * time.Minute},
		{"1h", time.Hour},
		{"3h", 3 * time.Hour},
		{"6h", 6 * time.Hour},
		{"12h", 12 * time.Hour},
		{"1d", day},
		{"7d", 7 * day},
		{"30d", 30 * day},
		{"365d", 365 * day},
	}
}

// FindTimeline counts the lines in scope by bucket and group and finds where their level changes (PELT on Poisson counts).
// by "" takes the severity if the table has one, else the service. bucket is a width such as 30s; "" chooses one that gives
// about 60 buckets.
func FindTimeline(ctx context.Context, eng engine.Engine, s Scope, by By, bucket string) (*Timeline, error) {
	p, err := s.resolve(ctx, eng)
	if err != nil {
		return nil, err
	}
	w, err := chooseWidth(bucket, p.window)
	if err != nil {
		return nil, err
	}
	group, err := groupOf(ctx, eng, s.Table, by)
	if err != nil {
		return nil, err
	}
	query := s.source(p.field, p.window.rng()) + fmt.Sprintf(" | stats count() as n by span(`%s`, %s) as bucket", p.field, w.text)
	if group != "" {
		query += ", " + group
	}
	t := &Timeline{
		Table: s.Table, Window: p.window, Bucket: w.text, Seconds: w.d.Seconds(), Query: query, Starts: floor(p.window.Start, w.d),
		Series: []Series{}, Gaps: []Window{},
	}
	step := int64(w.d / time.Second)
	n := int((Window{t.Starts, p.window.End}.seconds() + step - 1) / step)
	counts, err := t.read(ctx, eng, query, max(n, 1), w.d)
	if err != nil {
		return nil, err
	}
	t.fill(counts, max(n, 1), w.d, group != "")
	if t.Lines == 0 {
		t.Empty, err = emptiness(ctx, eng, s.stages(p.field, p.window.rng()))
	}
	return t, err
}

// read runs the query and returns the counts by group and bucket.
func (t *Timeline) read(ctx context.Context, eng engine.Engine, query string, n int, width time.Duration) (map[string][]int64, error) {
	counts := map[string][]int64{}
	_, err := eng.Stream(ctx, query, engine.Limits{}, func(row []any) error {
		c, _ := row[0].(int64)
		at, ok := row[1].(time.Time)
		i := int((at.Unix() - t.Starts.Unix()) / int64(width/time.Second))
		if !ok || i < 0 || i >= n {
			return nil
		}
		name := ""
		if len(row) > 2 {
			name, _ = row[2].(string)
		}
		if counts[name] == nil {
			counts[name] = make([]int64, n)
		}
		counts[name][i] += c
		return nil
	})
	return counts, err
}

// groupOf returns the column to group by, "" for none.
func groupOf(ctx context.Context, eng engine.Engine, table string, by By) (string, error) {
	var want []string
	switch by {
	case BySeverity:
		want = []string{"severityText"}
	case ByService:
		want = []string{"serviceName"}
	case ByNothing:
		return "", nil
	case "":
		want = []string{"severityText", "serviceName"}
	}
	have, err := columns(ctx, eng, table, want)
	switch {
	case err != nil:
		return "", err
	case len(have) > 0:
		return have[0].Name, nil
	case by == "":
		return "", nil
	}
	return "", fault.WithHint(fault.New(fault.Unsupported, "table %s has no %s to group by", table, by), "Call with by=none, or count with logs_query.")
}

// floor returns the start of the bucket that holds t; buckets count from 1970, as those of span do. In whole seconds: a
// time.Duration ends at 292 years.
func floor(t time.Time, d time.Duration) time.Time {
	step := int64(d / time.Second)
	over := t.Unix() % step
	if over < 0 {
		over += step
	}
	return time.Unix(t.Unix()-over, 0).UTC()
}

// seconds returns the length of w in seconds, of any length; a part of a second counts whole.
func (w Window) seconds() int64 {
	n := w.End.Unix() - w.Start.Unix()
	if w.End.Nanosecond() > 0 {
		n++
	}
	return n
}

func chooseWidth(bucket string, w Window) (width, error) {
	long, all := w.seconds(), widths()
	if bucket == "" {
		for _, x := range all {
			if long/int64(x.d/time.Second) <= wantBuckets {
				return x, nil
			}
		}
		bucket = all[len(all)-1].text
	}
	i := slices.IndexFunc(all, func(x width) bool { return x.text == bucket })
	if i < 0 {
		var names []string
		for _, x := range all {
			names = append(names, x.text)
		}
		return width{}, fault.WithHint(fault.New(fault.InvalidArgument, "bucket %q is no width", bucket), "The widths are: %s.", strings.Join(names, ", "))
	}
	if long/int64(all[i].d/time.Second) > maxBuckets {
		return width{}, fault.WithHint(fault.New(fault.TooLarge, "bucket %s gives more than %d buckets from %s to %s", bucket, maxBuckets, stamp(w.Start), stamp(w.End)),
			"Leave bucket out, or narrow the window by start and end.")
	}
	return all[i], nil
}

func (t *Timeline) fill(counts map[string][]int64, n int, width time.Duration, grouped bool) {
	all := make([]int64, n)
	names := make([]string, 0, len(counts))
	for name, c := range counts {
		names = append(names, name)
		for i, v := range c {
			all[i] += v
		}
	}
	t.Lines = total(all)
	if len(names) > 1 || !grouped { // a single group is all there is
		t.Series = append(t.Series, t.series("all", all, width))
	}
	if grouped {
		slices.SortFunc(names, func(a, b string) int {
			return cmp.Or(cmp.Compare(total(counts[b]), total(counts[a])), cmp.Compare(a, b))
		})
		t.groups(names, counts, width)
	}
	t.gaps(all, width)
}

// groups adds the largest groups, and the rest as OTHER.
func (t *Timeline) groups(names []string, counts map[string][]int64, width time.Duration) {
	for _, name := range names[:min(len(names), maxGroups)] {
		t.Series = append(t.Series, t.series(cmp.Or(name, "(none)"), counts[name], width))
	}
	if len(names) <= maxGroups {
		return
	}
	rest := make([]int64, len(counts[names[0]]))
	for _, name := range names[maxGroups:] {
		for i, v := range counts[name] {
			rest[i] += v
		}
	}
	t.Series = append(t.Series, t.series("OTHER", rest, width))
}

func total(counts []int64) (n int64) {
	for _, v := range counts {
		n += v
	}
	return n
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
		s.Changes = append(s.Changes, Shift{t.Starts.Add(time.Duration(c.Index) * width), round(c.Before * perMinute), round(c.After * perMinute)})
	}
	return s
}

// round keeps three digits of a rate, all of those before the point.
func round(f float64) float64 {
	if f >= 100 || f <= 0 {
		return math.Round(10*f) / 10
	}
	out, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 3, 64), 64)
	if err != nil {
		return f
	}
	return out
}

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
