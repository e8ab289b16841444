package investigate

import (
	"cmp"
	"context"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// metricSet is the metric series of the window.
type metricSet struct {
	series []*series
}

// series is one metric series.
type series struct {
	name   string
	labels []label
	at     []int64
	values []float64
	sum    bool // declared as a counter
}

type label struct{ key, value string }

// get returns a label's value, "" if it is not set.
func (s *series) get(key string) string {
	for _, l := range s.labels {
		if l.key == key {
			return l.value
		}
	}
	return ""
}

// String writes the series as PromQL selects it.
func (s *series) String() string {
	var b strings.Builder
	b.WriteString(s.name + "{")
	for i, l := range s.labels {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(l.key + `="` + l.value + `"`)
	}
	b.WriteByte('}')
	return b.String()
}

// maxLabels bounds the label columns read.
const maxLabels = 48

// load reads samples and puts them together to series. Histogram buckets are left out: spans say more.
func (m *metricSet) load(ctx context.Context, eng engine.Engine, r timerange.Range) error {
	fields, err := eng.Fields(ctx, "metrics")
	if err != nil {
		return err
	}
	names := []string{"@timestamp", "name", "value"}
	var keys []string
	typed := false
	for _, f := range fields {
		if f.Name == "type" {
			typed = true
		}
		if k, ok := strings.CutPrefix(f.Name, "attributes."); ok && len(keys) < maxLabels && k != "le" && f.Filled > 0 {
			keys = append(keys, k)
			names = append(names, f.Name)
		}
	}
	if typed {
		names = append(names, "type")
	}
	q := "source=metrics"
	if c := ppl.Within("@timestamp", r, ""); c != "" {
		q += " | where " + c
	}
	q += " | fields `" + strings.Join(names, "`, `") + "`"
	index := map[string]*series{}
	var key []byte
	_, err = eng.Stream(ctx, q, engine.Limits{MaxRows: maxSamples}, func(row []any) error {
		when, _ := row[0].(time.Time)
		name, _ := row[1].(string)
		v, ok := number(row[2])
		if when.IsZero() || !ok || strings.HasSuffix(name, "_bucket") {
			return nil
		}
		key = append(key[:0], name...)
		for i := range keys {
			key = append(key, 0)
			if s, ok := row[3+i].(string); ok {
				key = append(key, s...)
			}
		}
		s := index[string(key)]
		if s == nil {
			s = &series{name: strings.Clone(name)}
			for i, k := range keys {
				if v, ok := row[3+i].(string); ok && v != "" {
					s.labels = append(s.labels, label{k, strings.Clone(v)})
				}
			}
			if typed {
				t, _ := row[len(row)-1].(string)
				s.sum = t == "sum" || t == "counter"
			}
			index[string(key)] = s
			m.series = append(m.series, s)
		}
		s.at = append(s.at, when.UnixNano())
		s.values = append(s.values, v)
		return nil
	})
	for _, s := range m.series {
		s.sort()
	}
	return err
}

func number(v any) (float64, bool) {
	switch x := v.(type) {
	case float64:
		return x, !math.IsNaN(x)
	case int64:
		return float64(x), true
	}
	return 0, false
}

func (s *series) sort() {
	if slices.IsSorted(s.at) {
		return
	}
	idx := make([]int, len(s.at))
	for i := range idx {
		idx[i] = i
	}
	slices.SortFunc(idx, func(a, b int) int { return cmp.Compare(s.at[a], s.at[b]) })
	at, v := make([]int64, len(idx)), make([]float64, len(idx))
	for i, j := range idx {
		at[i], v[i] = s.at[j], s.values[j]
	}
	s.at, s.values = at, v
}

// counter reports whether the series only counts up (a reset to near zero is allowed), by its declared type or its name.
func (s *series) counter() bool {
	if !s.sum && !strings.HasSuffix(s.name, "_total") && !strings.HasSuffix(s.name, "_count") && !strings.HasSuffix(s.name, "_sum") {
		return false
	}
	drops := 0
	for i := 1; i < len(s.values); i++ {
		if s.values[i] < s.values[i-1] {
			drops++
		}
	}
	return drops*10 <= len(s.values)
}

// moves yields the samples with their times: of a gauge as they are, of a counter the increases, from its second sample on.
func (s *series) moves() iter.Seq2[int64, float64] {
	return func(yield func(int64, float64) bool) {
		count := s.counter()
		for i, t := range s.at {
			v := s.values[i]
			if count {
				if i == 0 {
					continue
				}
				if v -= s.values[i-1]; v < 0 {
					v = s.values[i] // reset
				}
			}
			if !yield(t, v) {
				return
			}
		}
	}
}

// binned returns the series by bins: the mean of a gauge, the increase of a counter; NaN where no sample fell.
func (s *series) binned(c clock) []float64 {
	sum, n := c.zeros(), c.zeros()
	count := s.counter()
	for t, v := range s.moves() {
		if t < c.start || t >= c.start+int64(c.n)*c.bin+c.bin {
			continue
		}
		b := c.at(t)
		sum[b] += v
		n[b]++
	}
	for i := range sum {
		switch {
		case n[i] == 0:
			sum[i] = math.NaN()
		case !count:
			sum[i] /= n[i]
		}
	}
	return sum
}
