package record

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"time"
)

// openMetrics reads Prometheus' and OpenMetrics' exposition text: one record a sample.
type openMetrics struct {
	b     *builder
	at    wellKnown
	now   time.Time
	out   *sink
	types map[string]string // family -> type
	units map[string]string
}

var errSample = errors.New("not a sample of the exposition format")

func newOpenMetrics(out *sink, now time.Time) *openMetrics {
	o := &openMetrics{out: out, now: now, types: make(map[string]string), units: make(map[string]string)}
	o.b = newBuilder()
	o.at = newWellKnown(o.b)
	return o
}

func (o *openMetrics) read(src *source) error {
	for {
		l, ok := src.next()
		if !ok {
			return nil
		}
		o.out.tail = !l.whole
		text := trimSpace(o.out.mend(l.text))
		var err error
		switch {
		case l.long:
			err = errLong
		case len(text) == 0:
		case text[0] == '#':
			o.comment(text)
		default:
			err = o.sample(text, l.num)
		}
		if o.out.err != nil {
			return errStop
		}
		if err != nil {
			o.out.skip(l.num, l.offset, err.Error(), text)
		}
		if l.whole {
			o.out.done(src.offset, src.line)
		}
	}
}

// comment reads # TYPE and # UNIT.
func (o *openMetrics) comment(text []byte) {
	words := bytes.Fields(text)
	if len(words) < 4 || len(o.types) > maxSlots {
		return
	}
	name, word := string(words[2]), string(words[3])
	switch string(words[1]) {
	case "TYPE":
		if word == "counter" {
			word = "sum"
		}
		o.types[name] = word
	case "UNIT":
		o.units[name] = word
	}
}

// sample reads name{label="value",...} value [time] [# exemplar]. Times are milliseconds in Prometheus' text, seconds in
// OpenMetrics'; a sample without one takes Options.Now.
func (o *openMetrics) sample(text []byte, line int64) error {
	n := 0
	for n < len(text) && (isWord(text[n]) || text[n] == ':' || text[n] == '.') {
		n++
	}
	if n == 0 {
		return errSample
	}
	if o.b.full() {
		*o = openMetrics{b: newBuilder(), out: o.out, now: o.now, types: o.types, units: o.units}
		o.at = newWellKnown(o.b)
	}
	o.b.begin(Metrics, line)
	name, rest := text[:n], text[n:]
	o.b.setText(o.at.name, name)
	if len(rest) > 0 && rest[0] == '{' {
		var err error
		if rest, err = o.labels(rest[1:]); err != nil {
			return err
		}
	}
	words := bytes.Fields(rest)
	if len(words) == 0 {
		return errSample
	}
	value, err := strconv.ParseFloat(string(words[0]), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return errSample
	}
	if len(words) > 1 && words[1][0] != '#' {
		stamp, err := strconv.ParseFloat(string(words[1]), 64)
		t, ok := epochFloat(stamp)
		if err != nil || !ok {
			return errSample
		}
		o.b.setTime(o.at.time, t)
	} else if !o.now.IsZero() {
		o.b.setTime(o.at.time, o.now.UTC())
	}
	if math.IsNaN(value) { // a gap
		return nil
	}
	o.b.set(o.at.value, value)
	o.typeOf(name)
	return o.out.put(&o.b.rec)
}

func (o *openMetrics) typeOf(name []byte) {
	family := name
	for range 2 {
		if typ, ok := o.types[string(family)]; ok {
			o.b.setText(o.at.typ, []byte(typ))
			if unit, ok := o.units[string(family)]; ok {
				o.b.setText(o.at.unit, []byte(unit))
			}
			return
		}
		i := bytes.LastIndexByte(name, '_')
		if i <= 0 {
			break
		}
		family = name[:i]
	}
	o.b.setText(o.at.typ, []byte(metricType(string(name))))
}

// labels reads label="value",...} and returns what is behind the brace.
func (o *openMetrics) labels(b []byte) ([]byte, error) {
	for {
		b = bytes.TrimLeft(b, " ,\t")
		if len(b) == 0 {
			return nil, errSample
		}
		if b[0] == '}' {
			return b[1:], nil
		}
		eq := bytes.IndexByte(b, '=')
		if eq <= 0 || eq+1 >= len(b) || b[eq+1] != '"' {
			return nil, errSample
		}
		val, rest, ok := quoted(b[eq+1:])
		if !ok {
			return nil, errSample
		}
		key := trimSpace(b[:eq])
		o.b.setText(o.b.slotOf("attributes.", key), val)
		if isServiceLabel(string(key)) {
			o.b.setText(o.at.service, val)
			o.b.setText(o.at.resService, val)
		}
		b = rest
	}
}

// isSample is the quick test of Sniff: a name, labels or a blank, and a number.
func isSample(line []byte) bool {
	n := 0
	for n < len(line) && (isWord(line[n]) || line[n] == ':') {
		n++
	}
	if n == 0 || n >= len(line) || isDigit(line[0]) {
		return false
	}
	rest := line[n:]
	if rest[0] == '{' {
		end := bytes.LastIndexByte(rest, '}')
		if end < 0 || end+1 >= len(rest) || end > 1 && bytes.IndexByte(rest[:end], '=') < 0 {
			return false
		}
		rest = rest[end+1:]
	}
	words := bytes.Fields(rest)
	if rest[0] != ' ' || len(words) == 0 || len(words) > 2 && words[2][0] != '#' {
		return false
	}
	for _, w := range words[:min(2, len(words))] {
		if w[0] == '#' {
			break
		}
		if _, err := strconv.ParseFloat(string(w), 64); err != nil {
			return false
		}
	}
	return true
}
