package record

import (
	"bytes"
	"errors"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// jsonReader reads JSON, as lines or as values over several lines.
type jsonReader struct {
	src    *source
	docs   *documents
	otlp   *otlp
	text   *textReader // lines wrapped in documents
	out    *sink
	scan   jsonscan.Scanner
	log    bool   // the file is a JSON log: lines that are no JSON are lines of text
	joined []byte // a span with its process written in
	full   int    // searches for a value's end that ran to the end of the data
}

// lines reads one document a line.
func (j *jsonReader) lines() error {
	for {
		l, ok := j.src.next()
		if !ok {
			break
		}
		if !l.whole {
			if err := j.flush(); err != nil {
				return err
			}
			j.out.tail = true
		}
		if err := j.line(l); err != nil {
			return err
		}
		if l.whole && !j.text.open {
			j.out.done(j.src.offset, j.src.line)
		}
	}
	return j.flush()
}

// flush ends a text entry that lines inside documents left open.
func (j *jsonReader) flush() error {
	j.out.tail = true
	err := j.text.flush()
	j.out.tail = false
	return err
}

func (j *jsonReader) line(l textLine) error {
	if l.long {
		j.out.skip(l.num, l.offset, errLong.Error(), l.text)
		return nil
	}
	text := j.out.mend(trimSpace(stripBOM(l.text)))
	if len(text) == 0 || len(text) == 1 && (text[0] == '[' || text[0] == ']') {
		return nil
	}
	text = bytes.TrimSuffix(text, []byte{','}) // elements of an array, one a line
	j.docs.offset = l.offset
	if text[0] != '{' && text[0] != '[' && j.log { // a banner or a crash between the lines of a JSON log
		return j.text.line(text, l.num, l.offset)
	}
	return j.judge(j.document(text, l.num), l.num, l.offset, text)
}

// judge counts a broken document and lets what must stop the reading through.
func (j *jsonReader) judge(err error, line, offset int64, text []byte) error {
	switch {
	case err == nil:
		return nil
	case j.out.err != nil:
		return errStop
	}
	j.out.skip(line, offset, err.Error(), text)
	return nil
}

// document reads one JSON document in memory.
func (j *jsonReader) document(text []byte, line int64) error {
	if text[0] == '[' {
		return j.array(text, line)
	}
	if looksOTLP(text) {
		return j.otlp.root(text, line)
	}
	err := j.docs.document(text, line, j.out)
	switch {
	case errors.Is(err, errWrapper):
		return j.unpack(text, line)
	case errors.Is(err, errOTLP):
		return j.otlp.root(text, line)
	case errors.Is(err, errTrace):
		return j.jaegerTrace(text, line)
	}
	return err
}

// array reads the documents of an array.
func (j *jsonReader) array(text []byte, line int64) error {
	var sc jsonscan.Scanner
	sc.Reset(text, MaxDepth)
	err := sc.Each(func() error {
		sc.Next()
		from := sc.Pos()
		if err := sc.Skip(); err != nil {
			return err
		}
		at := line + int64(bytes.Count(text[:from], newline))
		elem := text[from:sc.Pos()]
		if elem[0] != '{' {
			j.out.skip(at, j.src.offset, errNoObject.Error(), elem)
			return nil
		}
		return j.judge(j.document(elem, at), at, j.src.offset, elem)
	})
	if err == nil && sc.Next() != 0 {
		return errTrailing
	}
	return err
}

// looksOTLP is the quick test: the first key is one of OTLP's.
func looksOTLP(text []byte) bool {
	rest := trimSpace(text[1:])
	if len(rest) < 12 || rest[0] != '"' {
		return false
	}
	end := bytes.IndexByte(rest[1:], '"')
	if end < 0 {
		return false
	}
	_, ok := signalOf(rest[1 : 1+end])
	return ok
}

func stripBOM(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\uFEFF")) }

var (
	errLong    = errors.New("longer than the limit of one line or document")
	errWrapper = errors.New("a list of documents inside a document")
	errTrace   = errors.New("a trace as Jaeger's API answers it")
	errOTLP    = errors.New("OTLP inside documents")
)

// jaegerTrace reads one trace of Jaeger's API: spans that name their process, and the processes beside them.
func (j *jsonReader) jaegerTrace(text []byte, line int64) error {
	processes := make(map[string][]byte)
	var spans []byte
	var sc jsonscan.Scanner
	sc.Reset(text, MaxDepth)
	err := sc.Fields(func(key []byte) error {
		name := string(key)
		var v jsonscan.Value
		if name == "processes" {
			return sc.Fields(func(id []byte) error {
				name := string(id)
				err := sc.Value(&v)
				processes[name] = v.Text
				return err
			})
		}
		err := sc.Value(&v)
		if name == "spans" && v.Kind == jsonscan.Array {
			spans = v.Text
		}
		return err
	})
	if err != nil || spans == nil {
		return err
	}
	sc.Reset(spans, MaxDepth)
	return sc.Each(func() error {
		var v jsonscan.Value
		if err := sc.Value(&v); err != nil || v.Kind != jsonscan.Object {
			return err
		}
		j.joined = joinProcess(j.joined[:0], v.Text, processes)
		return j.judge(j.docs.document(j.joined, line, j.out), line, j.src.offset, v.Text)
	})
}

// joinProcess writes a span with its process inside, as Jaeger's storage has it.
func joinProcess(out, span []byte, processes map[string][]byte) []byte {
	var sc jsonscan.Scanner
	var id string
	sc.Reset(span, MaxDepth)
	_ = sc.Fields(func(key []byte) error { // the span was checked when its array was
		is := string(key) == "processID"
		var v jsonscan.Value
		err := sc.Value(&v)
		if is && v.Kind == jsonscan.String {
			id = string(v.Text)
		}
		return err
	})
	process := processes[id]
	if process == nil || len(span) < 3 {
		return append(out, span...)
	}
	out = append(append(out, `{"process":`...), process...)
	return append(append(out, ','), span[1:]...)
}
