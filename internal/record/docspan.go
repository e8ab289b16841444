package record

import (
	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// span makes a span of the document's fields, whichever of the three shapes wrote them.
func (d *documents) span(s shape) error {
	b, w := d.b, &d.at
	b.begin(Spans, d.line)
	for i := range d.fields {
		f := &d.fields[i]
		if err := d.spanField(d.target(f.leaf, s), &f.val); err != nil {
			return err
		}
	}
	if s == shapeZipkin {
		d.zipkinError()
	}
	b.setIfAbsent(w.parent, "")
	b.setIfAbsent(w.kind, "SPAN_KIND_UNSPECIFIED")
	b.setIfAbsent(w.code, int64(0))
	w.setSpanTimes(b)
	w.setService(b)
	return nil
}

func (d *documents) spanField(t *target, v *jsonscan.Value) error {
	switch t.role {
	case roleDrop:
	case roleText:
		d.putText(t.slot, v)
	case roleTime, roleEnd, roleAnyTime:
		d.putTime(t.slot, v)
	case roleInt, roleDuration:
		d.putInt(t.slot, v)
	case roleMicros:
		if n, ok := whole(v); ok && n < 1<<53 {
			d.b.setInt(t.slot, n*1000)
		}
	case roleService:
		d.b.setText(t.slot, v.Text)
	case roleKind:
		d.b.setString(d.at.kind, kindName(v))
	case roleStatusCode:
		d.b.setInt(d.at.code, statusCode(v))
	case roleTags:
		return d.tags(v, "attributes.")
	case roleProcessTags:
		return d.tags(v, "resource.attributes.")
	case roleReferences:
		return d.references(v)
	case roleAnnotations:
		return d.annotations(v)
	case roleEvents:
		return d.eventList(t.slot, v)
	default:
		d.put(t.slot, v)
	}
	return nil
}

// eventList keeps events as they are; Jaeger's logs are rewritten.
func (d *documents) eventList(s *slot, v *jsonscan.Value) error {
	if v.Kind != jsonscan.Array {
		return nil
	}
	if s == d.at.events && d.marks.any(markOperation) {
		return d.jaegerLogs(v)
	}
	d.b.setJSON(s, v.Text)
	return nil
}

// zipkinError reads the tag error, whose presence fails the span.
func (d *documents) zipkinError() {
	v := d.find("tags.error")
	if v == nil {
		return
	}
	d.b.setInt(d.at.code, 2)
	if v.Kind == jsonscan.String && len(v.Text) > 0 && string(v.Text) != "true" {
		d.b.setText(d.at.message, v.Text)
	}
}

// annotations rewrites Zipkin's [{timestamp,value}] as events.
func (d *documents) annotations(v *jsonscan.Value) error {
	if v.Kind != jsonscan.Array {
		return nil
	}
	out := d.list()
	d.in.Reset(v.Text, MaxDepth)
	err := d.in.Each(func() error {
		var at, text jsonscan.Value
		err := d.in.Fields(func(key []byte) error {
			switch string(key) {
			case "timestamp":
				return d.in.Value(&at)
			case "value":
				return d.in.Value(&text)
			}
			return d.in.Skip()
		})
		out = d.appendEvent(out, text.Text, &at)
		out = append(out, '}')
		return err
	})
	d.endList(d.at.events, out)
	return err
}

// list begins a JSON list in the scratch space; endList sets it as a value.
func (d *documents) list() []byte {
	d.pairs = append(d.pairs[:0], '[')
	return d.pairs
}

func (d *documents) endList(s *slot, list []byte) {
	list = append(list, ']')
	d.b.setJSON(s, list)
	d.pairs = list
}

// appendEvent begins an event object: {"name":...,"time":... without the closing brace.
func (d *documents) appendEvent(out, name []byte, at *jsonscan.Value) []byte {
	if out[len(out)-1] != '[' {
		out = append(out, ',')
	}
	out = append(out, `{"name":`...)
	out = jsonscan.AppendQuoted(out, name)
	if t, ok := d.clk.value(at); ok && at.Kind != jsonscan.Null {
		out = append(out, `,"time":"`...)
		out = t.AppendFormat(out, timeFormat)
		out = append(out, '"')
	}
	return out
}

// timeFormat writes times inside JSON values.
const timeFormat = "2006-01-02T15:04:05.999999999Z07:00"
