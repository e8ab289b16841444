package record

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// otlp turns OTLP/JSON into records, in memory: of a whole file, a line, or one element of a file too large for that (see stream).
// Ids come as hex (the specification) or base64 (protobuf's JSON), whole numbers as strings or numbers, kinds as numbers or names.
type otlp struct {
	b        *builder
	at       wellKnown
	sc       jsonscan.Scanner
	line     int64
	out      *sink
	resource []label
	scope    []label
	own      []label // attributes of the item being read
	text     []byte  // JSON being written
	le       *slot
	quantile *slot
}

func newOTLP(out *sink) *otlp {
	o := &otlp{out: out}
	o.forget()
	return o
}

func (o *otlp) forget() {
	o.b = newBuilder()
	o.at = newWellKnown(o.b)
	o.le, o.quantile = o.b.slot("attributes.le"), o.b.slot("attributes.quantile")
}

// signal is one of the three kinds of OTLP data with the keys of its levels.
type signal struct {
	kind   Kind
	scopes string
	items  string
}

// signalOf knows the top-level keys, in both spellings.
func signalOf(key []byte) (signal, bool) {
	switch string(key) {
	case "resourceSpans", "resource_spans":
		return signal{Spans, "scopeSpans", "spans"}, true
	case "resourceLogs", "resource_logs":
		return signal{Logs, "scopeLogs", "logRecords"}, true
	case "resourceMetrics", "resource_metrics":
		return signal{Metrics, "scopeMetrics", "metrics"}, true
	}
	return signal{}, false
}

// isScopes also accepts the names of before OTLP 0.15.
func (s signal) isScopes(key []byte) bool {
	k := string(key)
	return k == s.scopes || strings.HasPrefix(k, "instrumentationLibrary") && k != "instrumentationLibrary" ||
		strings.HasPrefix(k, "scope_")
}

func (s signal) isItems(key []byte) bool {
	k := string(key)
	return k == s.items || s.kind == Logs && (k == "log_records" || k == "logs")
}

// root reads a whole OTLP document.
func (o *otlp) root(data []byte, line int64) error {
	o.line = line
	o.sc.Reset(data, MaxDepth)
	err := o.sc.Fields(func(key []byte) error {
		sig, ok := signalOf(key)
		if !ok {
			return o.sc.Skip()
		}
		return o.sc.Each(func() error { return o.readResource(sig) })
	})
	if err == nil && o.sc.Next() != 0 {
		err = errTrailing
	}
	return err
}

// element reads one element of the level that path names: a resource, a scope or an item.
func (o *otlp) element(data []byte, line int64, sig signal, depth int) error {
	o.line = line
	o.sc.Reset(data, MaxDepth)
	switch depth {
	case 0:
		return o.readResource(sig)
	case 1:
		return o.readScope(sig)
	}
	return o.readItem(sig)
}

func (o *otlp) readResource(sig signal) error {
	if o.b.full() {
		o.forget()
	}
	o.resource = o.resource[:0]
	if err := o.ahead("resource", func() error { return o.readResourceInfo() }); err != nil {
		return err
	}
	return o.sc.Fields(func(key []byte) error {
		if sig.isScopes(key) {
			return o.sc.Each(func() error { return o.readScope(sig) })
		}
		return o.sc.Skip()
	})
}

// ahead reads one member of the object that is next before the others, then stands at the object again. Writers that sort their
// keys put it anywhere; where it comes first, as in protobuf's order, looking ahead costs nothing more.
func (o *otlp) ahead(name string, read func() error) error {
	before := o.sc
	found := errFound
	err := o.sc.Fields(func(key []byte) error {
		if string(key) != name {
			return o.sc.Skip()
		}
		if err := read(); err != nil {
			return err
		}
		return found
	})
	o.sc = before
	if err == found { //nolint:errorlint // the sentinel never leaves this function and is never wrapped
		return nil
	}
	return err
}

func (o *otlp) readResourceInfo() error {
	o.resource = o.resource[:0]
	err := o.sc.Fields(func(key []byte) error {
		if string(key) == "attributes" {
			var err error
			o.resource, err = o.attributes(o.resource, "resource.attributes.")
			return err
		}
		return o.sc.Skip()
	})
	for _, l := range o.resource {
		if l.slot == o.at.resService {
			o.resource = append(o.resource, label{o.at.service, l.val})
			break
		}
	}
	return err
}

func (o *otlp) readScope(sig signal) error {
	o.scope = o.scope[:0]
	for _, name := range [...]string{"scope", "instrumentationLibrary"} {
		if err := o.ahead(name, o.readScopeInfo); err != nil {
			return err
		}
		if len(o.scope) > 0 {
			break
		}
	}
	return o.sc.Fields(func(key []byte) error {
		if sig.isItems(key) {
			return o.sc.Each(func() error { return o.readItem(sig) })
		}
		return o.sc.Skip()
	})
}

func (o *otlp) readScopeInfo() error {
	return o.sc.Fields(func(key []byte) error {
		switch string(key) {
		case "name", "version":
			s := o.at.scopeName
			if key[0] == 'v' {
				s = o.at.scopeVersion
			}
			text, err := o.sc.String()
			if len(text) > 0 {
				o.scope = append(o.scope, label{s, s.pool.text(text)})
			}
			return err
		case "attributes":
			var err error
			o.scope, err = o.attributes(o.scope, "instrumentationScope.attributes.")
			return err
		}
		return o.sc.Skip()
	})
}

func (o *otlp) readItem(sig signal) error {
	switch sig.kind {
	case Spans:
		return o.span()
	case Logs:
		return o.logRecord()
	default:
		return o.metric()
	}
}

// begin starts a record with what its resource and scope give it.
func (o *otlp) begin(kind Kind) {
	o.b.begin(kind, o.line)
	for _, l := range o.resource {
		o.b.set(l.slot, l.val)
	}
	for _, l := range o.scope {
		o.b.set(l.slot, l.val)
	}
}

func (o *otlp) apply(labels []label) {
	for _, l := range labels {
		o.b.set(l.slot, l.val)
	}
}

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

// clear forgets what a level above gave; a resource or scope too large to be read at once names itself member by member.
func (o *otlp) clear(depth int) {
	o.scope = o.scope[:0]
	if depth == 0 {
		o.resource = o.resource[:0]
	}
}

// info reads a resource or a scope alone.
func (o *otlp) info(data []byte, depth int) error {
	o.sc.Reset(data, MaxDepth)
	if depth == 0 {
		return o.readResourceInfo()
	}
	return o.readScopeInfo()
}
