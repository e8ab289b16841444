package otlp

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"unicode/utf8"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Bounds of a line.
const (
	lineSize = 256 << 10 // bytes after which a line is ended: readers take a line at a time
	maxLine  = 8 << 20   // longer lines are skipped by the reader: a record beyond is refused
	maxNest  = 32        // lists and maps within each other; more is cut to null
)

// lines encodes records as OTLP/JSON, some hundred a line. Writing JSON by hand is five times as fast as by reflection, and this is
// all that a receiver does.
type lines struct {
	buf      []byte
	head     []byte // up to the list of records, for every line
	start    int    // of the line begun, -1 none
	tail     string
	rejected int
}

func (l *lines) open(head []byte, tail string) { l.head, l.tail, l.start = head, tail, -1 }

// record adds one record to the line, ending the line when it is long enough.
func (l *lines) record(write func(b []byte) []byte) {
	at := len(l.buf)
	if l.start < 0 {
		l.start = at
		l.buf = append(l.buf, l.head...)
	} else {
		l.buf = append(l.buf, ',')
	}
	body := len(l.buf)
	l.buf = write(l.buf)
	if len(l.buf)-body > maxLine-len(l.head)-len(l.tail)-lineSize {
		l.rejected++
		l.buf = l.buf[:at]
		if l.start == at {
			l.start = -1
		}
		return
	}
	if len(l.buf)-l.start > lineSize {
		l.close()
	}
}

func (l *lines) close() {
	if l.start >= 0 {
		l.buf = append(append(l.buf, l.tail...), '\n')
		l.start = -1
	}
}

// encodeTraces returns the lines of an export and the numbers of spans kept and refused.
func encodeTraces(list []*trace.ResourceSpans) (out []byte, kept, rejected int) {
	var l lines
	for _, r := range list {
		for _, s := range r.GetScopeSpans() {
			head := appendHead(nil, "resourceSpans", "scopeSpans", "spans", r.GetResource(), s.GetScope())
			l.open(head, "]}]}]}")
			for _, sp := range s.GetSpans() {
				l.record(func(b []byte) []byte { return appendSpan(b, sp) })
				kept++
			}
			l.close()
		}
	}
	return l.buf, kept - l.rejected, l.rejected
}

// encodeLogs is encodeTraces for log records.
func encodeLogs(list []*logs.ResourceLogs) (out []byte, kept, rejected int) {
	var l lines
	for _, r := range list {
		for _, s := range r.GetScopeLogs() {
			head := appendHead(nil, "resourceLogs", "scopeLogs", "logRecords", r.GetResource(), s.GetScope())
			l.open(head, "]}]}]}")
			for _, rec := range s.GetLogRecords() {
				l.record(func(b []byte) []byte { return appendLog(b, rec) })
				kept++
			}
			l.close()
		}
	}
	return l.buf, kept - l.rejected, l.rejected
}

// appendHead writes a line up to the list of its records.
func appendHead(b []byte, outer, inner, list string, r *resource.Resource, s *common.InstrumentationScope) []byte {
	b = append(append(append(b, `{"`...), outer...), `":[{"resource":{"attributes":`...)
	b = appendAttributes(b, r.GetAttributes())
	b = append(append(append(b, `},"`...), inner...), `":[{"scope":{"name":`...)
	b = appendString(b, s.GetName())
	if v := s.GetVersion(); v != "" {
		b = appendString(append(b, `,"version":`...), v)
	}
	if a := s.GetAttributes(); len(a) > 0 {
		b = appendAttributes(append(b, `,"attributes":`...), a)
	}
	return append(append(append(b, `},"`...), list...), `":[`...)
}

func appendSpan(b []byte, s *trace.Span) []byte {
	b = appendID(append(b, `{"traceId":`...), s.GetTraceId())
	b = appendID(append(b, `,"spanId":`...), s.GetSpanId())
	if p := s.GetParentSpanId(); len(p) > 0 {
		b = appendID(append(b, `,"parentSpanId":`...), p)
	}
	if t := s.GetTraceState(); t != "" {
		b = appendString(append(b, `,"traceState":`...), t)
	}
	b = appendString(append(b, `,"name":`...), s.GetName())
	b = strconv.AppendInt(append(b, `,"kind":`...), int64(s.GetKind()), 10)
	b = appendNanos(append(b, `,"startTimeUnixNano":`...), s.GetStartTimeUnixNano())
	b = appendNanos(append(b, `,"endTimeUnixNano":`...), s.GetEndTimeUnixNano())
	if a := s.GetAttributes(); len(a) > 0 {
		b = appendAttributes(append(b, `,"attributes":`...), a)
	}
	if n := s.GetDroppedAttributesCount(); n > 0 {
		b = strconv.AppendUint(append(b, `,"droppedAttributesCount":`...), uint64(n), 10)
	}
	if list := s.GetEvents(); len(list) > 0 {
		b = append(b, `,"events":[`...)
		for i, e := range list {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendNanos(append(b, `{"timeUnixNano":`...), e.GetTimeUnixNano())
			b = appendString(append(b, `,"name":`...), e.GetName())
			b = append(appendAttributes(append(b, `,"attributes":`...), e.GetAttributes()), '}')
		}
		b = append(b, ']')
	}
	if list := s.GetLinks(); len(list) > 0 {
		b = append(b, `,"links":[`...)
		for i, k := range list {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendID(append(b, `{"traceId":`...), k.GetTraceId())
			b = appendID(append(b, `,"spanId":`...), k.GetSpanId())
			b = append(appendAttributes(append(b, `,"attributes":`...), k.GetAttributes()), '}')
		}
		b = append(b, ']')
	}
	if st := s.GetStatus(); st.GetCode() != 0 || st.GetMessage() != "" {
		b = strconv.AppendInt(append(b, `,"status":{"code":`...), int64(st.GetCode()), 10)
		if m := st.GetMessage(); m != "" {
			b = appendString(append(b, `,"message":`...), m)
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

func appendLog(b []byte, r *logs.LogRecord) []byte {
	b = appendNanos(append(b, `{"timeUnixNano":`...), r.GetTimeUnixNano())
	b = appendNanos(append(b, `,"observedTimeUnixNano":`...), r.GetObservedTimeUnixNano())
	if n := r.GetSeverityNumber(); n != 0 {
		b = strconv.AppendInt(append(b, `,"severityNumber":`...), int64(n), 10)
	}
	if t := r.GetSeverityText(); t != "" {
		b = appendString(append(b, `,"severityText":`...), t)
	}
	if n := r.GetEventName(); n != "" {
		b = appendString(append(b, `,"eventName":`...), n)
	}
	if v := r.GetBody(); v != nil {
		b = appendValue(append(b, `,"body":`...), v, 0)
	}
	if a := r.GetAttributes(); len(a) > 0 {
		b = appendAttributes(append(b, `,"attributes":`...), a)
	}
	if f := r.GetFlags(); f != 0 {
		b = strconv.AppendUint(append(b, `,"flags":`...), uint64(f), 10)
	}
	if id := r.GetTraceId(); len(id) > 0 {
		b = appendID(append(b, `,"traceId":`...), id)
	}
	if id := r.GetSpanId(); len(id) > 0 {
		b = appendID(append(b, `,"spanId":`...), id)
	}
	return append(b, '}')
}

func appendAttributes(b []byte, list []*common.KeyValue) []byte { return appendNested(b, list, 0) }

func appendNested(b []byte, list []*common.KeyValue, depth int) []byte {
	b = append(b, '[')
	for i, kv := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"key":`...), kv.GetKey())
		b = append(appendValue(append(b, `,"value":`...), kv.GetValue(), depth), '}')
	}
	return append(b, ']')
}

// appendValue writes an AnyValue; integers are texts, as OTLP/JSON wants 64 bits to be.
func appendValue(b []byte, v *common.AnyValue, depth int) []byte {
	if depth > maxNest {
		return append(b, `{}`...)
	}
	switch x := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		b = appendString(append(b, `{"stringValue":`...), x.StringValue)
	case *common.AnyValue_BoolValue:
		b = strconv.AppendBool(append(b, `{"boolValue":`...), x.BoolValue)
	case *common.AnyValue_IntValue:
		b = append(strconv.AppendInt(append(b, `{"intValue":"`...), x.IntValue, 10), '"')
	case *common.AnyValue_DoubleValue:
		b = appendDouble(append(b, `{"doubleValue":`...), x.DoubleValue)
	case *common.AnyValue_BytesValue:
		b = append(b, `{"bytesValue":"`...)
		b = append(base64.StdEncoding.AppendEncode(b, x.BytesValue), '"')
	case *common.AnyValue_ArrayValue:
		b = append(b, `{"arrayValue":{"values":[`...)
		for i, e := range x.ArrayValue.GetValues() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, e, depth+1)
		}
		b = append(b, `]}`...)
	case *common.AnyValue_KvlistValue:
		b = append(appendNested(append(b, `{"kvlistValue":{"values":`...), x.KvlistValue.GetValues(), depth+1), '}')
	default:
		return append(b, `{}`...)
	}
	return append(b, '}')
}

func appendDouble(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

func appendNanos(b []byte, n uint64) []byte {
	return append(strconv.AppendUint(append(b, '"'), n, 10), '"')
}

// appendID writes an id in lower-case hexadecimal.
func appendID(b, id []byte) []byte {
	return append(hex.AppendEncode(append(b, '"'), id), '"')
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string; what is no UTF-8 becomes the replacement character.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, s[from:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			from = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b = append(append(b, s[from:i]...), "\ufffd"...)
			from = i + 1
		}
		i += n
	}
	return append(append(b, s[from:]...), '"')
}
