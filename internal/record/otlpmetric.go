package record

import (
	"math"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// point is one data point of any metric type.
type point struct {
	at        time.Time
	value     float64
	hasValue  bool
	count     float64
	sum       float64
	hasSum    bool
	min, max  jsonscan.Value
	counts    []float64
	bounds    []float64
	quantiles [][2]float64
	scale     int64
	zero      float64
	pos, neg  expBuckets
}

type expBuckets struct {
	offset int64
	counts []float64
}

// maxExpBuckets is to how many buckets an exponential histogram is merged: one for each factor of two or so is what a quantile
// over minutes needs, 160 a point would be most of a table.
const maxExpBuckets = 20

// metric reads one metric: its name first, wherever it stands, then its points.
func (o *otlp) metric() error {
	var name, unit string
	before := o.sc
	err := o.sc.Fields(func(key []byte) error {
		var v jsonscan.Value
		switch string(key) {
		case "name":
			err := o.sc.Value(&v)
			name = string(v.Text)
			return err
		case "unit":
			err := o.sc.Value(&v)
			unit = string(v.Text)
			return err
		}
		return o.sc.Skip()
	})
	if err != nil {
		return err
	}
	o.sc = before
	return o.sc.Fields(func(key []byte) error {
		switch k := string(key); k {
		case "gauge", "sum", "histogram", "exponentialHistogram", "exponential_histogram", "summary":
			return o.sc.Fields(func(key []byte) error {
				if string(key) != "dataPoints" && string(key) != "data_points" {
					return o.sc.Skip()
				}
				return o.sc.Each(func() error { return o.point(k, name, unit) })
			})
		}
		return o.sc.Skip()
	})
}

func (o *otlp) point(kind, name, unit string) error {
	var p point
	o.own, o.text = o.own[:0], o.text[:0]
	if err := o.sc.Fields(func(key []byte) error { return o.pointField(&p, key) }); err != nil {
		return err
	}
	if p.at.IsZero() {
		return nil // a point without a time says nothing (flag "no recorded value")
	}
	if kind == "exponentialHistogram" || kind == "exponential_histogram" {
		kind = "histogram"
		p.explicit()
	}
	return o.samples(&p, kind, name, unit)
}

func (o *otlp) pointField(p *point, key []byte) error {
	var v jsonscan.Value
	var err error
	switch string(key) {
	case "timeUnixNano", "time_unix_nano":
		p.at, err = o.nanos()
	case "attributes":
		o.own, err = o.attributes(o.own, "attributes.")
	case "asDouble", "asInt", "as_double", "as_int":
		err = o.sc.Value(&v)
		p.value, p.hasValue = float(&v)
	case "count":
		err = o.sc.Value(&v)
		p.count, _ = float(&v)
	case "sum":
		err = o.sc.Value(&v)
		p.sum, p.hasSum = float(&v)
	case "min":
		err = o.sc.Value(&p.min)
	case "max":
		err = o.sc.Value(&p.max)
	case "bucketCounts", "bucket_counts":
		p.counts, err = o.floats()
	case "explicitBounds", "explicit_bounds":
		p.bounds, err = o.floats()
	case "quantileValues", "quantile_values":
		err = o.sc.Each(func() error { return o.quantileValue(p) })
	default:
		err = o.expField(p, key)
	}
	return err
}

func (o *otlp) expField(p *point, key []byte) error {
	var v jsonscan.Value
	switch string(key) {
	case "scale":
		err := o.number(&v)
		p.scale = v.Int
		return err
	case "zeroCount", "zero_count":
		err := o.sc.Value(&v)
		p.zero, _ = float(&v)
		return err
	case "positive":
		return o.expBuckets(&p.pos)
	case "negative":
		return o.expBuckets(&p.neg)
	}
	return o.sc.Skip()
}

func (o *otlp) quantileValue(p *point) error {
	var q [2]float64
	err := o.sc.Fields(func(key []byte) error {
		var v jsonscan.Value
		err := o.sc.Value(&v)
		f, _ := float(&v)
		switch string(key) {
		case "quantile":
			q[0] = f
		case "value":
			q[1] = f
		}
		return err
	})
	p.quantiles = append(p.quantiles, q)
	return err
}

func (o *otlp) expBuckets(b *expBuckets) error {
	return o.sc.Fields(func(key []byte) error {
		var err error
		switch string(key) {
		case "offset":
			var v jsonscan.Value
			err = o.number(&v)
			b.offset = v.Int
		case "bucketCounts", "bucket_counts":
			b.counts, err = o.floats()
		default:
			err = o.sc.Skip()
		}
		return err
	})
}

func (o *otlp) floats() ([]float64, error) {
	var out []float64
	err := o.sc.Each(func() error {
		var v jsonscan.Value
		err := o.sc.Value(&v)
		f, _ := float(&v)
		out = append(out, f)
		if len(out) > MaxFields {
			return errFields
		}
		return err
	})
	return out, err
}

// explicit turns an exponential histogram's buckets into at most maxExpBuckets explicit ones. Merging neighbours in pairs is exact:
// it is the same histogram at the next lower scale.
func (p *point) explicit() {
	p.counts, p.bounds = nil, nil
	below := p.zero
	for _, n := range p.neg.counts {
		below += n
	}
	if len(p.pos.counts) == 0 && below == 0 {
		return
	}
	b, scale := p.pos, p.scale
	for len(b.counts) > maxExpBuckets {
		b, scale = b.halved(), scale-1
	}
	lower := func(i int) float64 { return math.Exp2(float64(b.offset+int64(i)) * math.Exp2(float64(-scale))) }
	p.bounds = append(p.bounds, lower(0))
	p.counts = append(p.counts, below)
	for i, n := range b.counts {
		p.bounds = append(p.bounds, lower(i+1))
		p.counts = append(p.counts, n)
	}
	p.counts = append(p.counts, 0)
}

func (b expBuckets) halved() expBuckets {
	first := b.offset >> 1
	out := expBuckets{offset: first, counts: make([]float64, len(b.counts)/2+1)}
	for i, n := range b.counts {
		out.counts[(b.offset+int64(i))>>1-first] += n
	}
	return out
}

// samples hands over a point as samples: NAME, or NAME_bucket, NAME_sum, NAME_count, NAME_min, NAME_max.
func (o *otlp) samples(p *point, kind, name, unit string) error {
	one := func(name string, value float64, extra *slot, text string) error {
		o.begin(Metrics)
		o.apply(o.own)
		o.b.set(o.at.name, o.at.name.pool.text([]byte(name)))
		o.b.setTime(o.at.time, p.at)
		o.b.set(o.at.value, value)
		o.b.setText(o.at.typ, []byte(kind))
		if unit != "" {
			o.b.setText(o.at.unit, []byte(unit))
		}
		if extra != nil {
			o.b.setText(extra, []byte(text))
		}
		return o.out.put(&o.b.rec)
	}
	if kind == "gauge" || kind == "sum" {
		if !p.hasValue {
			return nil
		}
		return one(name, p.value, nil, "")
	}
	total := 0.0
	for i, n := range p.counts {
		total += n
		bound := math.Inf(1)
		if i < len(p.bounds) {
			bound = p.bounds[i]
		}
		if err := one(name+"_bucket", total, o.le, formatBound(bound)); err != nil {
			return err
		}
	}
	for _, q := range p.quantiles {
		if err := one(name, q[1], o.quantile, formatBound(q[0])); err != nil {
			return err
		}
	}
	if err := one(name+"_count", p.count, nil, ""); err != nil {
		return err
	}
	return o.extremes(p, name, one)
}

func (o *otlp) extremes(p *point, name string, one func(string, float64, *slot, string) error) error {
	if p.hasSum {
		if err := one(name+"_sum", p.sum, nil, ""); err != nil {
			return err
		}
	}
	if f, ok := float(&p.min); ok && p.min.Kind != jsonscan.Null {
		if err := one(name+"_min", f, nil, ""); err != nil {
			return err
		}
	}
	if f, ok := float(&p.max); ok && p.max.Kind != jsonscan.Null {
		return one(name+"_max", f, nil, "")
	}
	return nil
}
