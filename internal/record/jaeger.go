package record

import (
	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// tag is one of Jaeger's {key, type, value}.
type tag struct {
	key, typ []byte
	val      jsonscan.Value
}

// readTag reads the tag that is next in the inner scanner.
func (d *documents) readTag() (tag, error) {
	var t tag
	err := d.in.Fields(func(key []byte) error {
		var err error
		switch string(key) {
		case "key":
			t.key, err = d.in.String()
		case "type":
			t.typ, err = d.in.String()
		case "value":
			err = d.in.Value(&t.val)
		default:
			err = d.in.Skip()
		}
		return err
	})
	t.convert()
	return t, err
}

// convert undoes that the Elasticsearch store writes every tag's value as a string and names its type beside it.
func (t *tag) convert() {
	if t.val.Kind != jsonscan.String {
		return
	}
	switch string(t.typ) {
	case "bool":
		switch string(t.val.Text) {
		case "true":
			t.val.Kind = jsonscan.True
		case "false":
			t.val.Kind = jsonscan.False
		}
	case "int64", "float64":
		var sc jsonscan.Scanner
		var v jsonscan.Value
		sc.Reset(t.val.Text, 1)
		if c := sc.Next(); c == '"' || sc.Value(&v) != nil || sc.Next() != 0 {
			return
		}
		if v.Kind == jsonscan.Int || v.Kind == jsonscan.Float {
			t.val = v
		}
	}
}

// tags places a list of tags below a prefix; those that stand for span fields go there.
func (d *documents) tags(v *jsonscan.Value, prefix string) error {
	if v.Kind != jsonscan.Array {
		return nil
	}
	d.in.Reset(v.Text, MaxDepth)
	return d.in.Each(func() error {
		t, err := d.readTag()
		if err != nil {
			return err
		}
		if prefix == "attributes." && d.spanTag(&t) {
			return nil
		}
		if len(t.key) > 0 {
			d.put(d.b.slotOf(prefix, t.key), &t.val)
		}
		return nil
	})
}

func (d *documents) spanTag(t *tag) bool {
	switch string(t.key) {
	case "span.kind":
		d.b.setString(d.at.kind, kindName(&t.val))
	case "error":
		if t.val.Kind == jsonscan.True || string(t.val.Text) == "true" {
			d.b.setInt(d.at.code, 2)
		}
		return t.val.Kind == jsonscan.True || t.val.Kind == jsonscan.False
	case "otel.status_code":
		d.b.setInt(d.at.code, statusCode(&t.val))
	case "otel.status_description":
		d.putText(d.at.message, &t.val)
	case "otel.library.name", "otel.scope.name":
		d.putText(d.at.scopeName, &t.val)
	case "otel.library.version", "otel.scope.version":
		d.putText(d.at.scopeVersion, &t.val)
	case "internal.span.format":
	default:
		return false
	}
	return true
}

// references takes the first CHILD_OF of the same trace as the parent, the rest as links.
func (d *documents) references(v *jsonscan.Value) error {
	if v.Kind != jsonscan.Array {
		return nil
	}
	own := d.find("traceID")
	out := d.list()
	d.in.Reset(v.Text, MaxDepth)
	err := d.in.Each(func() error {
		var kind, trace, span []byte
		err := d.in.Fields(func(key []byte) error {
			var err error
			switch string(key) {
			case "refType":
				kind, err = d.in.String()
			case "traceID":
				trace, err = d.in.String()
			case "spanID":
				span, err = d.in.String()
			default:
				err = d.in.Skip()
			}
			return err
		})
		same := own == nil || string(own.Text) == string(trace) || len(trace) == 0
		if string(kind) == "CHILD_OF" && same && d.b.text(d.at.parent) == "" {
			d.b.setText(d.at.parent, span)
			return err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, `{"traceId":`...)
		out = jsonscan.AppendQuoted(out, trace)
		out = append(out, `,"spanId":`...)
		out = append(jsonscan.AppendQuoted(out, span), '}')
		return err
	})
	if len(out) > 1 {
		d.endList(d.at.links, out)
	}
	return err
}

// jaegerLogs rewrites [{timestamp, fields:[tag]}] as events; the field event is the name.
func (d *documents) jaegerLogs(v *jsonscan.Value) error {
	out := d.list()
	d.in.Reset(v.Text, MaxDepth)
	err := d.in.Each(func() error {
		var at jsonscan.Value
		name := []byte("log")
		var attrs []byte
		err := d.in.Fields(func(key []byte) error {
			switch string(key) {
			case "timestamp":
				return d.in.Value(&at)
			case "fields":
				return d.in.Each(func() error {
					t, err := d.readTag()
					if string(t.key) == "event" && t.val.Kind == jsonscan.String {
						name = t.val.Text
						return err
					}
					attrs = appendMember(attrs, t.key, &t.val)
					return err
				})
			}
			return d.in.Skip()
		})
		out = d.appendEvent(out, name, &at)
		out = append(out, `,"attributes":{`...)
		out = append(append(out, attrs...), '}', '}')
		return err
	})
	d.endList(d.at.events, out)
	return err
}

// appendMember appends "key":value to the inside of an object.
func appendMember(out, key []byte, v *jsonscan.Value) []byte {
	if len(out) > 0 {
		out = append(out, ',')
	}
	out = append(jsonscan.AppendQuoted(out, key), ':')
	return appendValue(out, v)
}

func appendValue(out []byte, v *jsonscan.Value) []byte {
	switch v.Kind {
	case jsonscan.String:
		return jsonscan.AppendQuoted(out, v.Text)
	case jsonscan.True:
		return append(out, "true"...)
	case jsonscan.False:
		return append(out, "false"...)
	case jsonscan.Null:
		return append(out, "null"...)
	default:
		return append(out, v.Text...)
	}
}
