package record

import (
	"math"
	"strconv"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// span reads one span.
func (o *otlp) span() error {
	b, w := o.b, &o.at
	o.begin(Spans)
	b.set(w.parent, "")
	b.set(w.kind, "SPAN_KIND_UNSPECIFIED")
	b.set(w.code, int64(0))
	o.text = o.text[:0]
	if err := o.sc.Fields(o.spanField); err != nil {
		return err
	}
	w.setSpanTimes(b)
	return o.out.put(&b.rec)
}

func (o *otlp) spanField(key []byte) error {
	b, w := o.b, &o.at
	switch string(key) {
	case "traceId", "trace_id":
		return o.setID(w.trace, 16)
	case "spanId", "span_id":
		return o.setID(w.span, 8)
	case "parentSpanId", "parent_span_id":
		return o.setID(w.parent, 8)
	case "name":
		return o.setString(w.name)
	case "kind":
		var v jsonscan.Value
		err := o.sc.Value(&v)
		b.setString(w.kind, kindName(&v))
		return err
	case "startTimeUnixNano", "start_time_unix_nano":
		return o.setNanos(w.start)
	case "endTimeUnixNano", "end_time_unix_nano":
		return o.setNanos(w.end)
	case "attributes":
		return o.setAttributes()
	case "status":
		return o.status()
	case "events":
		return o.setItems(w.events)
	case "links":
		return o.setItems(w.links)
	case "traceState", "trace_state":
		return o.setString(b.slot("traceState"))
	}
	return o.sc.Skip()
}

func (o *otlp) setID(s *slot, size int) error {
	id, err := o.id(size)
	if err == nil && (len(id) > 0 || o.b.rec.Kind == Spans) {
		o.b.setText(s, id)
	}
	return err
}

func (o *otlp) setNanos(s *slot) error {
	t, err := o.nanos()
	if err == nil && !t.IsZero() {
		o.b.setTime(s, t)
	}
	return err
}

func (o *otlp) setString(s *slot) error {
	var v jsonscan.Value
	err := o.sc.Value(&v)
	if err == nil && v.Kind == jsonscan.String && (len(v.Text) > 0 || s == o.at.name) {
		o.b.setText(s, v.Text)
	}
	return err
}

func (o *otlp) setAttributes() error {
	var err error
	o.own, err = o.attributes(o.own[:0], "attributes.")
	o.apply(o.own)
	return err
}

func (o *otlp) status() error {
	return o.sc.Fields(func(key []byte) error {
		switch string(key) {
		case "code":
			var v jsonscan.Value
			err := o.sc.Value(&v)
			o.b.setInt(o.at.code, statusCode(&v))
			return err
		case "message":
			return o.setString(o.at.message)
		}
		return o.sc.Skip()
	})
}

// setItems rewrites events and links as the documents of OpenSearch have them: times as text, attributes as an object.
func (o *otlp) setItems(s *slot) error {
	out := []byte{'['}
	err := o.sc.Each(func() error {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, '{')
		from := len(out)
		err := o.sc.Fields(func(key []byte) error {
			var err error
			out, err = o.itemField(out, from, key)
			return err
		})
		out = append(out, '}')
		return err
	})
	if err != nil {
		return err
	}
	if out = append(out, ']'); len(out) > 2 {
		o.b.setJSON(s, out)
	}
	return nil
}

func (o *otlp) itemField(out []byte, from int, key []byte) ([]byte, error) {
	member := func(name string) {
		if len(out) > from {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), name...), '"', ':')
	}
	switch string(key) {
	case "timeUnixNano", "time_unix_nano":
		t, err := o.nanos()
		if err == nil {
			member("time")
			out = append(t.AppendFormat(append(out, '"'), timeFormat), '"')
		}
		return out, err
	case "traceId", "spanId", "trace_id", "span_id":
		size, name := 16, "traceId"
		if key[0] == 's' {
			size, name = 8, "spanId"
		}
		id, err := o.id(size)
		if err == nil {
			member(name)
			out = jsonscan.AppendQuoted(out, id)
		}
		return out, err
	case "attributes":
		member("attributes")
		return o.attributeObject(out)
	case "name", "droppedAttributesCount", "traceState":
		name := string(key)
		var v jsonscan.Value
		err := o.sc.Value(&v)
		if err == nil {
			member(name)
			out = appendValue(out, &v)
		}
		return out, err
	}
	return out, o.sc.Skip()
}

// attributeObject writes a list of {key, value} as an object.
func (o *otlp) attributeObject(out []byte) ([]byte, error) {
	out = append(out, '{')
	from := len(out)
	err := o.sc.Each(func() error {
		if len(out) > from {
			out = append(out, ',')
		}
		held := o.text
		var err error
		out, err = o.listItem(out, true)
		o.text = held
		return err
	})
	return append(out, '}'), err
}

func appendInt(out []byte, n int64) []byte { return strconv.AppendInt(out, n, 10) }

func appendFloat(out []byte, f float64) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return append(out, "null"...)
	}
	return strconv.AppendFloat(out, f, 'g', -1, 64)
}

// logRecord reads one log record.
func (o *otlp) logRecord() error {
	b, w := o.b, &o.at
	o.begin(Logs)
	o.text = o.text[:0]
	var num int64
	var word []byte
	err := o.sc.Fields(func(key []byte) error {
		switch string(key) {
		case "severityNumber", "severity_number":
			var v jsonscan.Value
			err := o.sc.Value(&v)
			num = severityNumber(&v)
			return err
		case "severityText", "severity_text":
			var v jsonscan.Value
			err := o.sc.Value(&v)
			if v.Kind == jsonscan.String {
				word = v.Text
			}
			return err
		}
		return o.logField(key)
	})
	if err != nil {
		return err
	}
	o.setSeverity(num, word)
	if !b.has(w.time) && b.has(w.observed) {
		b.set(w.time, b.get(w.observed))
	}
	return o.out.put(&b.rec)
}

func (o *otlp) logField(key []byte) error {
	b, w := o.b, &o.at
	switch string(key) {
	case "timeUnixNano", "time_unix_nano":
		return o.setNanos(w.time)
	case "observedTimeUnixNano", "observed_time_unix_nano":
		return o.setNanos(w.observed)
	case "body":
		var v jsonscan.Value
		err := o.anyValue(&v)
		if err == nil && v.Kind != jsonscan.Null {
			b.set(w.body, string(v.Text))
		}
		return err
	case "attributes":
		return o.setAttributes()
	case "traceId", "trace_id":
		return o.setID(w.trace, 16)
	case "spanId", "span_id":
		return o.setID(w.span, 8)
	case "flags":
		var v jsonscan.Value
		err := o.number(&v)
		if v.Kind == jsonscan.Int {
			b.setInt(w.flags, v.Int)
		}
		return err
	case "eventName", "event_name":
		return o.setString(b.slot("eventName"))
	}
	return o.sc.Skip()
}

// severityNumber reads 9 or SEVERITY_NUMBER_INFO.
func severityNumber(v *jsonscan.Value) int64 {
	if n, ok := whole(v); ok {
		return n
	}
	const prefix = "SEVERITY_NUMBER_"
	if v.Kind != jsonscan.String || len(v.Text) <= len(prefix) || string(v.Text[:len(prefix)]) != prefix {
		return 0
	}
	word := v.Text[len(prefix):]
	step := int64(0)
	if c := word[len(word)-1]; c >= '2' && c <= '4' {
		step, word = int64(c-'1'), word[:len(word)-1]
	}
	if l := levelOf(word); l.text != "" {
		return (l.num-1)/4*4 + 1 + step
	}
	return 0
}

// setSeverity combines number and word: the number decides, the word stays readable.
func (o *otlp) setSeverity(num int64, word []byte) {
	l := levelOfNumber(num)
	if l.text == "" {
		l = levelOf(word)
	}
	switch {
	case l.text != "":
		o.at.setLevel(o.b, l, word)
	case len(word) > 0:
		o.b.setText(o.at.severityText, word)
	}
}
