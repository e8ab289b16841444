package record

import (
	"bytes"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// document parses one document and hands over what it is. An error that is not of the document (the consumer's) is wrapped in
// stopError so that it is not taken for a broken line.
func (d *documents) document(data []byte, line int64, out *sink) error {
	d.line = line
	if err := d.parse(data); err != nil {
		return err
	}
	s := d.classify()
	if d.logFile && s == shapeGeneric && d.marks.all(markMessage|markLevel) {
		s = shapeJSONLog // a line without time among lines that have one
	}
	if d.wraps != nil {
		if s == shapeJSONLog {
			if done, err := d.unwrap(line); done {
				return err
			}
		}
		if err := d.wraps.flush(); err != nil {
			return err
		}
	}
	emit := func() error { return out.put(&d.b.rec) }
	switch s {
	case shapeAction:
		return nil
	case shapeSpan, shapeJaeger, shapeZipkin:
		if err := d.span(s); err != nil {
			return err
		}
	case shapeLog:
		d.log()
	case shapeJSONLog:
		d.jsonLog()
		d.inferTime()
		d.file.fill(d.b, &d.at)
	case shapeMap:
		d.serviceMap()
	case shapeMetric:
		return d.metric(emit)
	case shapeSeries:
		return d.series(emit)
	case shapeOTLP:
		return errOTLP
	case shapeTrace:
		return errTrace
	default:
		if d.marks.any(markWrapper) && d.inner != nil {
			if first := firstInner(data); first != nil && d.inner(first) {
				return errWrapper
			}
		}
		return d.generic(data, out)
	}
	return emit()
}

// inferTime gives a log without time that of the one before.
func (d *documents) inferTime() {
	if d.b.has(d.at.time) {
		d.last = d.b.time(d.at.time)
	} else if !d.last.IsZero() {
		d.b.setTime(d.at.time, d.last)
		d.b.set(d.at.inferred, true)
	}
}

func (d *documents) serviceMap() {
	d.b.begin(ServiceMap, d.line)
	for i := range d.fields {
		f := &d.fields[i]
		t := d.target(f.leaf, shapeMap)
		switch t.role {
		case roleAnyTime:
			d.putTime(t.slot, &f.val)
		case roleText:
			d.putText(t.slot, &f.val)
		case roleNode:
			if !d.b.has(t.slot) {
				d.put(t.slot, &f.val)
			}
		default:
			d.put(t.slot, &f.val)
		}
	}
}

// generic hands over a document as it stands; of a search hit, its source.
func (d *documents) generic(data []byte, out *sink) error {
	d.b.begin(Generic, d.line)
	raw := trimSpace(data)
	if d.hit {
		if src, ok := sourceOf(raw); ok {
			raw = src
		}
	}
	if d.sc.Control() {
		raw = escapeControls(raw)
	}
	d.b.rec.Raw = raw
	return out.put(&d.b.rec)
}

// sourceOf finds the text of _source in a search hit.
func sourceOf(hit []byte) ([]byte, bool) {
	var sc jsonscan.Scanner
	var found []byte
	sc.Reset(hit, MaxDepth)
	err := sc.Fields(func(key []byte) error {
		is := string(key) == "_source"
		sc.Next()
		from := sc.Pos()
		err := sc.Skip()
		if is {
			found = hit[from:sc.Pos()]
		}
		return err
	})
	return found, err == nil && found != nil
}

// escapeControls makes raw control characters inside strings acceptable to strict parsers: they become blanks.
func escapeControls(raw []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r < 0x20 {
			return ' '
		}
		return r
	}, raw)
}

// firstInner returns the text from the first document of the first list inside a document, nil if there is none. The text may
// break off: what is looked at stands at its head.
func firstInner(text []byte) []byte {
	var sc jsonscan.Scanner
	var found []byte
	var walk func(key []byte) error
	walk = func(key []byte) error {
		if !wrapperKey(string(key)) {
			return sc.Skip()
		}
		switch sc.Next() {
		case '{':
			return sc.Fields(walk)
		case '[':
			sc.Accept('[')
			if sc.Next() == '{' {
				found = text[sc.Pos():]
			}
			return errFound
		}
		return sc.Skip()
	}
	sc.Reset(text, MaxDepth)
	_ = sc.Fields(walk) // ends with errFound or finds nothing
	return found
}
