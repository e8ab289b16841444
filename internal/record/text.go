package record

import (
	"bytes"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// textReader makes log records of lines of text. A line that fits a layout begins an entry; the others belong to the entry that is
// open if they look like the rest of a stack trace, or if the open entry's layout is one whose messages span lines.
type textReader struct {
	b    *builder
	at   wellKnown
	clk  clock
	out  *sink
	docs *documents // JSON between the lines
	file fileName
	// loose: most lines of the file fit no layout, so that a line without a head is a line of its own.
	loose bool

	e      entry
	open   bool // the builder holds an entry whose body may grow
	multi  bool
	prefix bool
	stream string // of the container the open entry came from
	layout Format
	body   []byte
	lines  int
	blanks int
	trail  trail
	last   time.Time // of the entry before
	part   []byte    // beginning of a line that a container runtime split
}

// outer is what a container runtime or another wrapper says about a line.
type outer struct {
	at    time.Time
	extra []extra
}

// name returns the stream's name, "" for lines that nothing wraps.
func (o *outer) name() string {
	if o == nil || len(o.extra) == 0 {
		return ""
	}
	return string(o.extra[0].text)
}

func newTextReader(out *sink, clk clock, name string) *textReader {
	t := &textReader{out: out, clk: clk, file: parseName(name)}
	t.forget()
	return t
}

func (t *textReader) forget() {
	t.b = newBuilder()
	t.at = newWellKnown(t.b)
}

// read reads lines to the end.
func (t *textReader) read(src *source) error {
	for {
		l, ok := src.next()
		if !ok {
			break
		}
		if l.long {
			if err := t.flush(); err != nil {
				return err
			}
			t.out.skip(l.num, l.offset, errLong.Error(), l.text)
			t.out.done(src.offset, src.line)
			continue
		}
		text := t.out.mend(l.text)
		if l.num == 1 {
			text = stripBOM(text)
		}
		if err := t.line(text, l.num, l.offset); err != nil {
			return err
		}
		if !t.open && l.whole {
			t.out.done(src.offset, src.line)
		}
	}
	t.out.tail = true
	return t.flush()
}

// line takes the next line.
func (t *textReader) line(text []byte, num, offset int64) error {
	if len(trimSpace(text)) == 0 {
		if t.open {
			t.blanks++
		}
		return t.out.tick()
	}
	if text[0] == '{' {
		if done, err := t.json(text, num, nil); done {
			return err
		}
	}
	e := &t.e
	e.reset()
	if !t.head(text, e, t.open && t.multi) {
		return t.headless(text, num, offset, nil)
	}
	if e.container {
		return t.contained(num, offset)
	}
	if t.open && t.layout == FormatJUL && t.e.layout == FormatLeveled && t.lines == 1 && len(t.body) == 0 {
		t.completeJUL()
		return nil
	}
	return t.begin(num, offset, nil)
}

// headless takes a line that fits no layout.
func (t *textReader) headless(text []byte, num, offset int64, from *outer) error {
	t.e.reset()
	t.e.layout, t.e.body = FormatText, text
	if t.open && t.stream == from.name() && t.continues(text) {
		if t.fits(text) {
			t.grow(text)
			return nil
		}
		t.e.multi = t.multi // too long: its rest becomes an entry of its own
	} else {
		t.startsTrace(text)
	}
	return t.begin(num, offset, from)
}

// contained takes the line inside a container runtime's line.
func (t *textReader) contained(num, offset int64) error {
	from := outer{at: t.e.at, extra: append([]extra(nil), t.e.extra...)}
	text := t.e.body
	if flag := t.e.word; len(flag) == 1 && flag[0] == 'P' {
		if len(t.part) < MaxEntryBytes {
			t.part = append(t.part, text...)
		}
		return nil
	}
	if len(t.part) > 0 {
		text = append(t.part, text...)
		t.part = nil
	}
	return t.wrapped(text, num, offset, &from)
}

// wrapped takes a line that something else wrapped: its own head if it has one, with the wrapper's time to fall back on.
func (t *textReader) wrapped(text []byte, num, offset int64, from *outer) error {
	if len(trimSpace(text)) == 0 {
		return nil
	}
	if text[0] == '{' {
		if done, err := t.json(text, num, from); done {
			return err
		}
	}
	t.e.reset()
	if !t.head(text, &t.e, t.open && t.multi) || t.e.container {
		return t.headless(text, num, offset, from)
	}
	return t.begin(num, offset, from)
}

// json takes a line that is a JSON document of a log; anything else is left to be text.
func (t *textReader) json(text []byte, num int64, from *outer) (bool, error) {
	d := t.docs
	if d == nil || !d.parses(text) {
		return false, nil
	}
	d.line = num
	switch s := d.classify(); {
	case s == shapeLog:
		d.log()
	case s == shapeJSONLog || from != nil && d.marks.any(markMessage|markLevel):
		d.jsonLog()
	default:
		return false, nil
	}
	if err := t.flush(); err != nil {
		return true, err
	}
	if from != nil {
		d.b.setIfAbsent(d.at.time, from.at)
		putExtras(d.b, from.extra)
	}
	t.file.fill(d.b, &d.at)
	t.last = d.b.time(d.at.time)
	if err := t.out.put(&d.b.rec); err != nil {
		return true, err
	}
	return true, nil
}

// begin hands over the entry that was open and opens the one in t.e.
func (t *textReader) begin(num, offset int64, from *outer) error {
	if err := t.flush(); err != nil {
		return err
	}
	t.out.done(offset, num-1)
	if t.b.full() {
		t.forget()
	}
	e, b, w := &t.e, t.b, &t.at
	b.begin(Logs, num)
	t.setTime(from)
	w.setLevel(b, e.level, e.word)
	t.setContext(e)
	t.setExtras(e)
	if from != nil {
		putExtras(b, from.extra)
	}
	t.file.fill(b, w)
	t.open, t.multi, t.layout, t.lines, t.blanks, t.trail = true, e.multi, e.layout, 1, 0, trail{}
	t.prefix, t.stream = e.prefix, from.name()
	t.body = append(t.body[:0], e.body...)
	t.trail.see(e.body)
	return nil
}

// setTime sets the entry's time: its own, its wrapper's, or that of the entry before.
func (t *textReader) setTime(from *outer) {
	at := t.e.at
	if at.IsZero() && from != nil {
		at = from.at
	}
	if !at.IsZero() {
		t.last = at
		t.b.setTime(t.at.time, at)
		return
	}
	if !t.last.IsZero() {
		t.b.setTime(t.at.time, t.last)
		t.b.set(t.at.inferred, true)
	}
}

func (t *textReader) setContext(e *entry) {
	b, w := t.b, &t.at
	b.setSome(w.service, e.service)
	b.setSome(w.host, e.host)
	b.setSome(w.pod, e.pod)
	b.setSome(w.thread, e.thread)
	b.setSome(w.logger, e.logger)
	if e.hasPid {
		b.setInt(w.pid, e.pid)
	}
	trace, span := e.trace, e.span
	if trace == nil {
		trace, span = findTrace(e.body, span)
	}
	if trace != nil {
		b.setText(w.trace, lowerHex(trace))
	}
	if span != nil {
		b.setText(w.span, lowerHex(span))
	}
}

// setExtras places what the layout found besides. Request logs written as pairs get OpenTelemetry's names.
func (t *textReader) setExtras(e *entry) {
	web := 0
	for i := range e.extra {
		if x := &e.extra[i]; len(x.key) > 3 && webKey(string(x.key)) != "" {
			web++
		}
	}
	if web >= 2 {
		for i := range e.extra {
			if name := webKey(string(e.extra[i].key)); name != "" {
				e.extra[i].name, e.extra[i].key = name, nil
			}
		}
	}
	putExtras(t.b, e.extra)
}

func putExtras(b *builder, list []extra) {
	for i := range list {
		x := &list[i]
		s := b.guessed(i, x.name, x.key)
		switch x.kind {
		case 'n':
			b.set(s, x.num)
		case 'f':
			b.set(s, x.float)
		case 'b', 'o':
			b.set(s, x.kind == 'b')
		default:
			b.setText(s, x.text)
		}
	}
}

// grow adds a line to the open entry.
func (t *textReader) grow(text []byte) {
	for range t.blanks + 1 {
		t.body = append(t.body, '\n')
	}
	t.lines += t.blanks + 1
	t.blanks = 0
	t.body = append(t.body, text...)
	t.trail.see(text)
}

// completeJUL puts level and message of java.util.logging's second line to the first.
func (t *textReader) completeJUL() {
	t.at.setLevel(t.b, t.e.level, t.e.word)
	t.body = append(t.body, t.e.body...)
	t.lines = 2
}

// flush hands over the open entry.
func (t *textReader) flush() error {
	if !t.open {
		return nil
	}
	t.open = false
	b, w := t.b, &t.at
	b.setFresh(w.body, t.body)
	if t.lines > 1 {
		setException(b, w, t.body)
	}
	return t.out.put(&b.rec)
}

// unwrap takes a document that wraps a line of text: Docker's {"log","stream","time"} and CloudWatch's {"timestamp","message"}.
// False when the document is more than a wrapper.
func (d *documents) unwrap(line int64) (bool, error) {
	body := d.best(shapeJSONLog, roleBody)
	when := d.best(shapeJSONLog, roleTime)
	if body < 0 || when < 0 || d.marks.any(markLevel) || d.fields[body].val.Kind != jsonscan.String {
		return false, nil
	}
	from := outer{}
	for i := range d.fields {
		f := &d.fields[i]
		switch {
		case i == body || i == when:
		case f.leaf.name == "stream" && f.val.Kind == jsonscan.String:
			from.extra = append(from.extra, extra{name: "attributes.log.iostream", text: f.val.Text, kind: 't'})
		case f.leaf.name == "ingestionTime", f.leaf.name == "id", f.leaf.name == "eventId":
		case f.leaf.name == "logStreamName" && f.val.Kind == jsonscan.String:
			from.extra = append(from.extra, extra{name: "attributes.aws.log.stream.name", text: f.val.Text, kind: 't'})
		default:
			return false, nil
		}
	}
	from.at, _ = d.clk.value(&d.fields[when].val)
	text := bytes.TrimRight(d.fields[body].val.Text, "\r\n")
	head, rest, _ := bytes.Cut(text, newline)
	if err := d.wraps.wrapped(head, line, d.offset, &from); err != nil {
		return true, err
	}
	if len(rest) > 0 && d.wraps.open { // a message of several lines
		d.wraps.grow(rest)
	}
	return true, nil
}
