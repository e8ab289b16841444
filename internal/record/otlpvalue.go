package record

import (
	"encoding/base64"
	"encoding/hex"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// attributes reads a list of {key, value} below a prefix. Maps are flattened, lists kept as JSON.
func (o *otlp) attributes(to []label, prefix string) ([]label, error) {
	err := o.sc.Each(func() error {
		var key []byte
		var val jsonscan.Value
		err := o.sc.Fields(func(k []byte) error {
			var err error
			switch string(k) {
			case "key":
				key, err = o.sc.String()
			case "value":
				err = o.anyValue(&val)
			default:
				err = o.sc.Skip()
			}
			return err
		})
		if err != nil {
			return err
		}
		if len(to) >= MaxFields {
			return errFields
		}
		to = o.labelled(to, prefix, key, &val)
		return nil
	})
	return to, err
}

func (o *otlp) labelled(to []label, prefix string, key []byte, v *jsonscan.Value) []label {
	s := o.b.slotOf(prefix, key)
	switch v.Kind {
	case jsonscan.String:
		return append(to, label{s, s.pool.text(v.Text)})
	case jsonscan.Int:
		return append(to, label{s, v.Int})
	case jsonscan.Float:
		return append(to, label{s, v.Float})
	case jsonscan.True, jsonscan.False:
		return append(to, label{s, v.Kind == jsonscan.True})
	case jsonscan.Array:
		return append(to, label{s, s.pool.json(v.Text)})
	case jsonscan.Object:
		return o.flatten(to, s.name+".", v.Text)
	case jsonscan.Null:
	}
	return to
}

// flatten places the members of a JSON object below a prefix.
func (o *otlp) flatten(to []label, prefix string, text []byte) []label {
	var sc jsonscan.Scanner
	sc.Reset(text, MaxDepth)
	_ = sc.Fields(func(key []byte) error { // our own JSON: it cannot be wrong
		var v jsonscan.Value
		k := string(key)
		if err := sc.Value(&v); err != nil {
			return err
		}
		to = o.labelled(to, prefix, []byte(k), &v)
		return nil
	})
	return to
}

// anyValue reads an AnyValue. Lists and maps come back as plain JSON in Text.
func (o *otlp) anyValue(v *jsonscan.Value) error {
	if c := o.sc.Next(); c != '{' {
		return o.sc.Value(v)
	}
	return o.sc.Fields(func(key []byte) error {
		switch string(key) {
		case "intValue", "int_value":
			return o.number(v)
		case "stringValue", "boolValue", "bytesValue", "string_value", "bool_value", "bytes_value":
			return o.sc.Value(v)
		case "doubleValue", "double_value":
			if err := o.sc.Value(v); err != nil {
				return err
			}
			if f, ok := float(v); ok {
				v.Kind, v.Float = jsonscan.Float, f
			}
			return nil
		case "arrayValue", "array_value", "kvlistValue", "kvlist_value":
			from := len(o.text)
			text, err := o.list(o.text, key[0] == 'k')
			o.text = text
			v.Kind, v.Text = jsonscan.Array, text[from:]
			if key[0] == 'k' {
				v.Kind = jsonscan.Object
			}
			return err
		}
		return o.sc.Skip()
	})
}

// list writes an arrayValue or kvlistValue as plain JSON.
func (o *otlp) list(out []byte, isMap bool) ([]byte, error) {
	open, end := byte('['), byte(']')
	if isMap {
		open, end = '{', '}'
	}
	out = append(out, open)
	from := len(out)
	err := o.sc.Fields(func(key []byte) error {
		if string(key) != "values" {
			return o.sc.Skip()
		}
		return o.sc.Each(func() error {
			if len(out) > from {
				out = append(out, ',')
			}
			var err error
			out, err = o.listItem(out, isMap)
			return err
		})
	})
	return append(out, end), err
}

func (o *otlp) listItem(out []byte, isMap bool) ([]byte, error) {
	var key []byte
	var v jsonscan.Value
	o.text = out // nested lists are written behind what is there, then moved
	mark := len(out)
	err := func() error {
		if !isMap {
			return o.anyValue(&v)
		}
		return o.sc.Fields(func(k []byte) error {
			switch string(k) {
			case "key":
				var err error
				key, err = o.sc.String()
				return err
			case "value":
				return o.anyValue(&v)
			}
			return o.sc.Skip()
		})
	}()
	if v.Kind == jsonscan.Array || v.Kind == jsonscan.Object {
		v.Text = append([]byte(nil), v.Text...)
	}
	out = o.text[:mark]
	if isMap {
		out = append(jsonscan.AppendQuoted(out, key), ':')
	}
	return appendPlain(out, &v), err
}

// appendPlain writes a value; infinities, which JSON has no word for, as null.
func appendPlain(out []byte, v *jsonscan.Value) []byte {
	if v.Kind == jsonscan.Int {
		return appendInt(out, v.Int)
	}
	if v.Kind == jsonscan.Float {
		return appendFloat(out, v.Float)
	}
	return appendValue(out, v)
}

// number reads a whole number written as a number or a string.
func (o *otlp) number(v *jsonscan.Value) error {
	if err := o.sc.Value(v); err != nil {
		return err
	}
	if n, ok := whole(v); ok {
		v.Kind, v.Int = jsonscan.Int, n
	}
	return nil
}

// nanos reads a time in nanoseconds since 1970; 0 is none.
func (o *otlp) nanos() (time.Time, error) {
	var v jsonscan.Value
	if err := o.number(&v); err != nil {
		return time.Time{}, err
	}
	if v.Kind != jsonscan.Int || v.Int == 0 {
		return time.Time{}, nil
	}
	return time.Unix(0, v.Int).UTC(), nil
}

// id reads an id of size bytes as lower-case hex; all zeros are none.
func (o *otlp) id(size int) ([]byte, error) {
	if o.sc.Next() != '"' {
		return nil, o.sc.Skip()
	}
	text, err := o.sc.String()
	if err != nil || noID(text) {
		return nil, err
	}
	if len(text) == 2*size && isHex(text) {
		return lowerHex(text), nil
	}
	return fromBase64(text, size), nil
}

// fromBase64 turns an id of size bytes into hex; what is none stays as it is.
func fromBase64(text []byte, size int) []byte {
	var raw [24]byte
	if len(text) > 32 {
		return text
	}
	n, err := base64.StdEncoding.Decode(raw[:], text)
	if err != nil || n != size {
		n, err = base64.RawStdEncoding.Decode(raw[:], text)
	}
	if err != nil || n != size {
		return text
	}
	out := hex.AppendEncode(nil, raw[:n])
	if noID(out) {
		return nil
	}
	return out
}

func isHex(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return len(b) > 0
}

// lowerHex returns hex digits in lower case, copying only if it must.
func lowerHex(b []byte) []byte {
	for i, c := range b {
		if c >= 'A' && c <= 'F' {
			out := append([]byte(nil), b...)
			for j := i; j < len(out); j++ {
				out[j] |= 0x20
			}
			return out
		}
	}
	return b
}
