package record

import (
	"bytes"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// log makes a log record of a document of a log index.
func (d *documents) log() {
	b, w := d.b, &d.at
	b.begin(Logs, d.line)
	when := d.best(shapeLog, roleTime)
	if when >= 0 {
		at, _ := d.clk.value(&d.fields[when].val)
		b.setTime(w.time, at)
	}
	for i := range d.fields {
		f := &d.fields[i]
		t := d.target(f.leaf, shapeLog)
		v := &f.val
		switch t.role {
		case roleTime:
			if i != when {
				d.otherTime(t, v)
			}
		case roleObserved:
			d.putTime(w.observed, v)
		case roleLevel:
			d.docLevel(v)
		case roleLevelNumber:
			d.putInt(w.severityNumber, v)
		case roleBody:
			d.putBody(v)
		case roleText, roleService:
			d.putText(t.slot, v)
		default:
			d.put(t.slot, v)
		}
	}
	d.finishLog()
}

// finishLog supplies what other fields imply.
func (d *documents) finishLog() {
	b, w := d.b, &d.at
	if !b.has(w.time) && b.has(w.observed) {
		b.set(w.time, b.get(w.observed))
	}
	if n, ok := b.get(w.severityNumber).(int64); ok && !b.has(w.severityText) {
		w.setLevel(b, levelOfNumber(n), nil)
	}
	w.setService(b)
}

// best finds the field with the lowest rank in a role, -1 for none. Times must be readable.
func (d *documents) best(s shape, r role) int {
	found, rank := -1, 1<<30
	for i := range d.fields {
		f := &d.fields[i]
		t := d.target(f.leaf, s)
		if t.role != r || t.rank >= rank {
			continue
		}
		if r == roleTime {
			if at, ok := d.clk.value(&f.val); !ok || !plausible(at.Unix()) {
				continue
			}
		}
		found, rank = i, t.rank
	}
	return found
}

// otherTime keeps a time that is not the record's own, if it says something else.
func (d *documents) otherTime(t *target, v *jsonscan.Value) {
	at, ok := d.clk.value(v)
	switch {
	case !ok || t.slot == d.at.time:
		d.put(d.b.slotOf("attributes.original.", []byte(t.slot.name)), v)
	case !at.Equal(d.b.time(d.at.time)):
		d.b.setTime(t.slot, at)
	}
}

// docLevel reads severityText; a word of no known level stays as it is.
func (d *documents) docLevel(v *jsonscan.Value) {
	if v.Kind != jsonscan.String {
		if n, ok := whole(v); ok {
			d.at.setLevel(d.b, levelOfNumber(n), nil)
		}
		return
	}
	if l := levelOf(v.Text); l.text != "" {
		d.at.setLevel(d.b, l, v.Text)
		return
	}
	d.b.setText(d.at.severityText, v.Text)
}

func (d *documents) putBody(v *jsonscan.Value) {
	if v.Kind == jsonscan.String {
		d.b.set(d.at.body, string(v.Text))
		return
	}
	d.putText(d.at.body, v)
}

// jsonLog makes a log record of a logging library's line.
func (d *documents) jsonLog() {
	b, w := d.b, &d.at
	b.begin(Logs, d.line)
	pick := [...]int{d.best(shapeJSONLog, roleTime), d.best(shapeJSONLog, roleLevel), d.best(shapeJSONLog, roleBody), d.best(shapeJSONLog, roleService)}
	web := d.marks.all(markMethod|markPath) || d.marks.all(markMethod|markStatus) || d.marks.all(markPath|markStatus)
	for i := range d.fields {
		f := &d.fields[i]
		t := d.target(f.leaf, shapeJSONLog)
		v := &f.val
		chosen := i == pick[0] || i == pick[1] || i == pick[2] || i == pick[3]
		switch {
		case t.role == roleObserved:
			d.putTime(w.observed, v)
		case t.role == roleLevelNumber:
			d.putInt(w.severityNumber, v)
		case chosen:
			d.jsonLogRole(t.role, v, f.leaf.name)
		case t.role == roleTrace, t.role == roleSpan:
			d.traceField(t, v)
		case t.role == roleCaller:
			d.caller(v)
		case web && d.webField(t.role, v):
		default:
			d.put(t.slot, v)
		}
	}
	if v := d.find("instant.nanoOfSecond"); v != nil && v.Kind == jsonscan.Int {
		if at, ok := b.get(w.time).(time.Time); ok {
			b.setTime(w.time, at.Add(time.Duration(v.Int)))
		}
	}
	d.finishLog()
}

func (d *documents) jsonLogRole(r role, v *jsonscan.Value, name string) {
	switch r {
	case roleTime:
		if at, ok := d.clk.value(v); ok {
			d.b.setTime(d.at.time, at)
		}
	case roleBody:
		if v.Kind == jsonscan.String {
			v.Text = bytes.TrimRight(v.Text, "\r\n")
		}
		d.putBody(v)
	case roleService:
		d.putText(d.at.service, v)
	case roleLevel:
		d.jsonLevel(v, name)
	default: // the other roles have no single candidate
	}
}

// jsonLevel reads a level that is a word or a number: syslog's numbers are told from pino's by their size.
func (d *documents) jsonLevel(v *jsonscan.Value, name string) {
	n, isNumber := whole(v)
	switch {
	case isNumber && n <= 7:
		d.at.setLevel(d.b, levelOfSyslog(n), nil)
	case isNumber:
		d.at.setLevel(d.b, levelOfPino(n), nil)
	default:
		if l := levelOf(trimSpace(v.Text)); l.text != "" {
			d.at.setLevel(d.b, l, v.Text)
			return
		}
		d.put(d.b.slotOf("attributes.", []byte(name)), v)
		return
	}
	d.put(d.at.originalLevel, v)
}

// traceField takes an id; Stackdriver's are the last part of a path. 0 and empty stand for none.
func (d *documents) traceField(t *target, v *jsonscan.Value) {
	id := v.Text
	if v.Kind == jsonscan.String {
		id = id[bytes.LastIndexByte(id, '/')+1:]
	}
	if noID(id) || v.Kind == jsonscan.Array || v.Kind == jsonscan.True || v.Kind == jsonscan.False {
		return
	}
	d.b.setText(t.slot, id)
}

// noID reports an id that stands for none: empty, "-", or only zeros.
func noID(id []byte) bool {
	for _, c := range id {
		if c != '0' && c != '-' {
			return false
		}
	}
	return true
}

// caller splits zap's path/file.go:12.
func (d *documents) caller(v *jsonscan.Value) {
	file, line, ok := strings.Cut(string(v.Text), ":")
	n, isNumber := jsonscan.ParseInt([]byte(line))
	if v.Kind != jsonscan.String || !ok || !isNumber {
		d.put(d.at.filePath, v)
		return
	}
	d.b.setText(d.at.filePath, []byte(file))
	d.b.setInt(d.at.lineNo, n)
}

// webField places the fields of an HTTP request, when the document has at least two that make sense of each other.
func (d *documents) webField(r role, v *jsonscan.Value) bool {
	switch r {
	case roleMethod:
		d.putText(d.at.method, v)
	case rolePath:
		if v.Kind != jsonscan.String {
			return false
		}
		path, query, has := bytes.Cut(v.Text, []byte("?"))
		d.b.setText(d.at.path, path)
		if has {
			d.b.setText(d.at.query, query)
		}
	case roleStatus:
		n, ok := whole(v)
		if !ok || n < 100 || n > 599 {
			return false
		}
		d.b.setInt(d.at.status, n)
	default:
		return false
	}
	return true
}
