package record

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// series makes one record a sample of {"metric":{labels},"values":[...],"timestamps":[ms...]} or, as Prometheus answers,
// {"metric":{labels},"values":[[s,"v"],...]} and {"metric":{labels},"value":[s,"v"]}.
func (d *documents) series(emit func() error) error {
	values, stamps := d.find("values"), d.find("timestamps")
	if values == nil {
		values = d.find("value")
	}
	if values == nil || values.Kind != jsonscan.Array {
		return errSeries
	}
	labels := d.labels()
	if stamps != nil {
		if stamps.Kind != jsonscan.Array {
			return errSeries
		}
		return d.columns(values.Text, stamps.Text, labels, emit)
	}
	d.in.Reset(values.Text, MaxDepth)
	if d.find("values") == nil {
		return d.pair(labels, emit)
	}
	return d.in.Each(func() error { return d.pair(labels, emit) })
}

// label is one label of a series and where it goes.
type label struct {
	slot *slot
	val  any
}

// labels collects what every sample of the series has in common.
func (d *documents) labels() []label {
	out := make([]label, 0, len(d.fields)+4)
	for i := range d.fields {
		f := &d.fields[i]
		key, ok := strings.CutPrefix(f.leaf.name, "metric.")
		if !ok {
			continue
		}
		if key == "__name__" {
			out = append(out, label{d.at.name, string(f.val.Text)}, label{d.at.typ, metricType(string(f.val.Text))})
			continue
		}
		text := string(f.val.Text)
		out = append(out, label{d.b.slotOf("attributes.", []byte(key)), text})
		if isServiceLabel(key) {
			out = append(out, label{d.at.service, text}, label{d.at.resService, text})
		}
	}
	return out
}

func isServiceLabel(key string) bool {
	return key == "service" || key == "service_name" || key == "service.name"
}

// metricType guesses a Prometheus series' type from its name's ending, as the exposition format prescribes them.
func metricType(name string) string {
	switch {
	case strings.HasSuffix(name, "_total"):
		return "sum"
	case strings.HasSuffix(name, "_bucket"), strings.HasSuffix(name, "_count"), strings.HasSuffix(name, "_sum"):
		return "histogram"
	}
	return "unknown"
}

func (d *documents) sample(labels []label, at time.Time, value float64, emit func() error) error {
	d.b.begin(Metrics, d.line)
	d.b.setTime(d.at.time, at)
	d.b.set(d.at.value, value)
	for i := range labels {
		d.b.set(labels[i].slot, labels[i].val)
	}
	return emit()
}

// columns walks values and timestamps side by side. A null is a gap; a missing partner ends the series.
func (d *documents) columns(values, stamps []byte, labels []label, emit func() error) error {
	d.in.Reset(stamps, MaxDepth)
	d.sc.Reset(values, MaxDepth)
	if err := d.sc.Expect('['); err != nil {
		return err
	}
	first := true
	return d.in.Each(func() error {
		var at, val jsonscan.Value
		if err := d.in.Value(&at); err != nil {
			return err
		}
		if !first && !d.sc.Accept(',') || first && d.sc.Next() == ']' {
			return errSeries
		}
		first = false
		if err := d.sc.Value(&val); err != nil {
			return err
		}
		t, okT := d.clk.value(&at)
		f, okV := float(&val)
		if !okT || !okV {
			return nil
		}
		return d.sample(labels, t, f, emit)
	})
}

// pair reads one [seconds, "value"].
func (d *documents) pair(labels []label, emit func() error) error {
	var at, val jsonscan.Value
	n := 0
	err := d.in.Each(func() error {
		n++
		switch n {
		case 1:
			return d.in.Value(&at)
		case 2:
			return d.in.Value(&val)
		}
		return errSeries
	})
	if err != nil {
		return err
	}
	t, okT := d.clk.value(&at)
	f, okV := float(&val)
	if !okT || !okV {
		return nil
	}
	return d.sample(labels, t, f, emit)
}

// float reads a sample's value; Prometheus writes them as strings, among them NaN and +Inf. NaN is a gap, not a value.
func float(v *jsonscan.Value) (float64, bool) {
	switch v.Kind {
	case jsonscan.Int:
		return float64(v.Int), true
	case jsonscan.Float:
		return v.Float, true
	case jsonscan.String:
		f, err := strconv.ParseFloat(string(v.Text), 64)
		return f, err == nil && !math.IsNaN(f)
	case jsonscan.True:
		return 1, true
	case jsonscan.False:
		return 0, true
	default:
		return 0, false
	}
}

// metric makes samples of a document of a metrics index (Data Prepper's and ss4o's): name, kind and value, or sum, count, buckets.
func (d *documents) metric(emit func() error) error {
	labels := make([]label, 0, len(d.fields))
	var at time.Time
	for i := range d.fields {
		f := &d.fields[i]
		t := d.target(f.leaf, shapeMetric)
		switch {
		case f.leaf.name == "time" || f.leaf.name == "@timestamp" && at.IsZero():
			at, _ = d.clk.value(&f.val)
		case t.role == rolePlain && (strings.HasPrefix(t.slot.name, "attributes.") || strings.HasPrefix(t.slot.name, "resource.")):
			d.b.begin(Metrics, d.line)
			d.put(t.slot, &f.val)
			labels = append(labels, label{t.slot, d.b.get(t.slot)})
		case f.leaf.name == "serviceName":
			labels = append(labels, label{d.at.service, string(f.val.Text)}, label{d.at.resService, string(f.val.Text)})
		case f.leaf.name == "unit":
			labels = append(labels, label{d.at.unit, string(f.val.Text)})
		}
	}
	if at.IsZero() {
		return errNoTime
	}
	return d.points(labels, at, emit)
}

func (d *documents) points(labels []label, at time.Time, emit func() error) error {
	name, kind := string(d.find("name").Text), strings.ToLower(string(d.find("kind").Text))
	typ := label{d.at.typ, strings.TrimPrefix(kind, "exponential_")}
	one := func(suffix, field string) error {
		v := d.find(field)
		if v == nil {
			return nil
		}
		f, ok := float(v)
		if !ok {
			return nil
		}
		return d.sample(append(labels, typ, label{d.at.name, name + suffix}), at, f, emit)
	}
	for _, field := range [...]string{"value", "value.double", "value.int"} {
		if err := one("", field); err != nil {
			return err
		}
	}
	if kind != "gauge" && kind != "sum" {
		for _, field := range [...]string{"sum", "count"} {
			if err := one("_"+field, field); err != nil {
				return err
			}
		}
		return d.buckets(append(labels, typ), name, at, emit)
	}
	return nil
}

// buckets reads [{"min","max","count"},...], counts not yet cumulated, as Data Prepper writes explicit buckets.
func (d *documents) buckets(labels []label, name string, at time.Time, emit func() error) error {
	v := d.find("buckets")
	if v == nil || v.Kind != jsonscan.Array {
		return nil
	}
	le := d.b.slot("attributes.le")
	total := 0.0
	d.in.Reset(v.Text, MaxDepth)
	return d.in.Each(func() error {
		var upper, count jsonscan.Value
		err := d.in.Fields(func(key []byte) error {
			switch string(key) {
			case "max":
				return d.in.Value(&upper)
			case "count":
				return d.in.Value(&count)
			}
			return d.in.Skip()
		})
		if err != nil {
			return err
		}
		n, ok := float(&count)
		if !ok {
			return nil
		}
		total += n
		bound := math.Inf(1)
		if f, ok := float(&upper); ok && f < math.MaxFloat32 {
			bound = f
		}
		return d.sample(append(labels, label{d.at.name, name + "_bucket"}, label{le, formatBound(bound)}), at, total, emit)
	})
}

// formatBound writes a bucket's upper bound as Prometheus labels it.
func formatBound(f float64) string {
	if math.IsInf(f, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}
