package record

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// values reads JSON whose documents span lines: pretty-printed, an array, or one object for the file. A value that fits the limit
// is read in memory; a larger one is walked member by member until its parts fit.
func (j *jsonReader) values() error {
	for {
		c := j.peek()
		if c == 0 {
			return j.flush()
		}
		line, offset := j.src.line+1, j.src.offset
		var err error
		switch c {
		case '{', '[':
			err = j.rootValue(c)
		case ',', ']':
			j.src.consume(1)
			continue
		default:
			err = errNoObject
		}
		if j.out.err != nil {
			return errStop
		}
		if err != nil {
			j.out.skip(line, offset, err.Error(), j.src.rest()[:min(MaxSkipText, len(j.src.rest()))])
			if !j.resync() {
				return j.flush()
			}
		}
		j.settle()
	}
}

// settle marks what was read as done, if its line has ended: where lines are counted, half a line is none.
func (j *jsonReader) settle() {
	for {
		for i, c := range j.src.rest() {
			switch c {
			case ' ', '\t', '\r':
				continue
			case '\n':
				j.src.consume(i + 1)
				j.out.done(j.src.offset, j.src.line)
			}
			return
		}
		j.src.consume(len(j.src.rest()))
		if !j.src.more() {
			return
		}
	}
}

// maxFullScans bounds the values that never end: each costs a look at everything that is left, or at the limit.
const maxFullScans = 32

// resync goes to the next line that begins a document after something broken.
func (j *jsonReader) resync() bool {
	for j.full <= maxFullScans {
		if _, ok := j.src.next(); !ok {
			return false
		}
		if len(j.src.rest()) == 0 {
			j.src.more()
		}
		if rest := j.src.rest(); len(rest) > 0 && (rest[0] == '{' || rest[0] == '[') {
			return true
		}
		if j.out.tick() != nil {
			return false
		}
	}
	return false
}

// peek returns the next byte that is no white space, 0 at the end.
func (j *jsonReader) peek() byte {
	for {
		for i, c := range j.src.rest() {
			if c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != 0xef && c != 0xbb && c != 0xbf && c != 0x1e {
				j.src.consume(i)
				return c
			}
		}
		j.src.consume(len(j.src.rest()))
		if !j.src.more() {
			return 0
		}
	}
}

// value finds the next value without consuming it. errLong: it is longer than the limit; ErrEnd: it does not end.
func (j *jsonReader) value() ([]byte, error) {
	var f jsonscan.Finder
	seen := 0
	for {
		rest := j.src.rest()
		n, done := f.Find(rest[seen:])
		if done {
			return rest[:seen+n], nil
		}
		seen += n
		if seen > j.src.max {
			return nil, errLong
		}
		if !j.src.more() {
			j.full++
			return nil, jsonscan.ErrEnd
		}
	}
}

// pass consumes the next value whatever its length.
func (j *jsonReader) pass() error {
	var f jsonscan.Finder
	for {
		n, done := f.Find(j.src.rest())
		j.src.consume(n)
		if done {
			return nil
		}
		if err := j.out.tick(); err != nil {
			return err
		}
		if !j.src.more() {
			return jsonscan.ErrEnd
		}
	}
}

func (j *jsonReader) rootValue(c byte) error {
	if c == '[' && !j.out.hold { // element by element: what was handed over of a broken array stays so
		return j.descend(c)
	}
	text, err := j.value()
	if c == '[' && !errors.Is(err, jsonscan.ErrEnd) {
		return j.descend(c)
	}
	if err == nil {
		line := j.src.line + 1
		j.docs.offset = j.src.offset
		err = j.document(j.out.mend(text), line)
		if err != nil {
			return err // not consumed: the next line may begin something whole
		}
		j.src.consume(len(text))
		return nil
	}
	if !errors.Is(err, errLong) {
		return j.unended(c, err)
	}
	return j.descend(c)
}

// unended reads what there is of OTLP that lost its end.
func (j *jsonReader) unended(c byte, err error) error {
	j.out.tail = true // the value goes up to the end of the data
	defer func() { j.out.tail = false }()
	if looksOTLP(j.src.rest()) && !j.out.hold {
		return j.descend(c)
	}
	if j.out.hold {
		j.src.consume(len(j.src.rest()))
		return nil
	}
	return err
}

func (j *jsonReader) descend(c byte) error {
	if c == '[' {
		return j.elements(j.inner)
	}
	found := false
	err := j.members(func(key string) error {
		if sig, ok := signalOf([]byte(key)); ok {
			found = true
			return j.elements(func() error { return j.level(sig, 0) })
		}
		if wrapperKey(key) {
			found = true
			return j.wrapper()
		}
		return j.pass()
	})
	if err == nil && !found {
		return errLong
	}
	return err
}

// wrapper walks hits.hits, data, data.result and their like.
func (j *jsonReader) wrapper() error {
	switch j.peek() {
	case '[':
		return j.elements(j.inner)
	case '{':
		return j.members(func(key string) error {
			if wrapperKey(key) && j.peek() == '[' {
				return j.elements(j.inner)
			}
			return j.pass()
		})
	}
	return j.pass()
}

// inner reads one element that is a document.
func (j *jsonReader) inner() error {
	line, offset := j.src.line+1, j.src.offset
	text, err := j.value()
	switch {
	case errors.Is(err, errLong):
		j.out.skip(line, offset, err.Error(), j.src.rest()[:MaxSkipText])
		return j.pass()
	case err != nil:
		return err
	}
	if len(text) > 0 && text[0] == '{' {
		err = j.judge(j.document(j.out.mend(text), line), line, offset, text)
	} else {
		j.out.skip(line, offset, errNoObject.Error(), text)
	}
	j.src.consume(len(text))
	return err
}

// level reads one element of OTLP at a depth: 0 resource, 1 scope, 2 item; what does not fit the limit is walked a level deeper.
func (j *jsonReader) level(sig signal, depth int) error {
	line, offset := j.src.line+1, j.src.offset
	text, err := j.value()
	switch {
	case err == nil:
		err = j.judge(j.otlp.element(j.out.mend(text), line, sig, depth), line, offset, text)
		j.src.consume(len(text))
		return err
	case depth == 2 && errors.Is(err, errLong):
		j.out.skip(line, offset, err.Error(), j.src.rest()[:MaxSkipText])
		return j.pass()
	case depth == 2:
		return err
	}
	j.otlp.clear(depth)
	return j.members(func(key string) error {
		switch {
		case depth == 0 && key == "resource" || depth == 1 && (key == "scope" || key == "instrumentationLibrary"):
			return j.info(depth)
		case depth == 0 && sig.isScopes([]byte(key)) || depth == 1 && sig.isItems([]byte(key)):
			return j.elements(func() error { return j.level(sig, depth+1) })
		}
		return j.pass()
	})
}

func (j *jsonReader) info(depth int) error {
	text, err := j.value()
	if err != nil {
		return err
	}
	err = j.otlp.info(j.out.mend(text), depth)
	j.src.consume(len(text))
	return err
}

// members walks the object that is next; each must consume the member's value.
func (j *jsonReader) members(each func(key string) error) error {
	if err := j.take('{'); err != nil {
		return err
	}
	for {
		if j.peek() == '}' {
			j.src.consume(1)
			return nil
		}
		text, err := j.value()
		if err != nil {
			return err
		}
		j.scan.Reset(text, 1)
		key, err := j.scan.String()
		if err != nil {
			return err
		}
		name := string(key)
		j.src.consume(len(text))
		if err := j.take(':'); err != nil {
			return err
		}
		j.peek()
		if err := each(name); err != nil {
			return err
		}
		if j.peek() == ',' {
			j.src.consume(1)
		} else if j.peek() != '}' {
			return j.wrong()
		}
	}
}

// elements walks the array that is next; each must consume one element.
func (j *jsonReader) elements(each func() error) error {
	if err := j.take('['); err != nil {
		return err
	}
	for {
		if j.peek() == ']' {
			j.src.consume(1)
			return nil
		}
		before := j.src.offset
		if err := each(); err != nil {
			return err
		}
		if j.peek() == ',' {
			j.src.consume(1)
		} else if j.peek() != ']' || j.src.offset == before {
			return j.wrong()
		}
	}
}

func (j *jsonReader) take(c byte) error {
	if j.peek() != c {
		return j.wrong()
	}
	j.src.consume(1)
	return nil
}

func (j *jsonReader) wrong() error {
	if j.peek() == 0 {
		return jsonscan.ErrEnd
	}
	return fmt.Errorf("%w at byte %d", jsonscan.ErrSyntax, j.src.offset)
}

// wrapperKey knows the members that hold lists of documents: OpenSearch's answers (hits.hits), Prometheus' (data.result), Jaeger's
// (data, spans), CloudWatch's (events, logEvents), Azure's and CloudTrail's (records).
func wrapperKey(key string) bool {
	switch key {
	case "hits", "data", "result", "events", "logEvents", "records", "Records", "docs":
		return true
	}
	return false
}

// unpack reads the lists of documents inside a document in memory.
func (j *jsonReader) unpack(text []byte, line int64) error {
	var sc jsonscan.Scanner
	sc.Reset(text, MaxDepth)
	return sc.Fields(func(key []byte) error {
		is := wrapperKey(string(key))
		sc.Next()
		from := sc.Pos()
		if err := sc.Skip(); err != nil {
			return err
		}
		inner := text[from:sc.Pos()]
		at := line + int64(bytes.Count(text[:from], newline))
		switch {
		case is && inner[0] == '[':
			return j.array(inner, at)
		case is && inner[0] == '{':
			return j.unpack(inner, at)
		}
		return nil
	})
}
