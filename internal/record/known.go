package record

import (
	"errors"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// Why a document is skipped.
var (
	errNoObject = errors.New("not a JSON object")
	errTrailing = errors.New("text after the JSON document")
	errFields   = errors.New("too many fields in one document")
	errSeries   = errors.New("a metric series without matching values and timestamps")
	errNoTime   = errors.New("a sample without a time")
	errFound    = errors.New("found")
)

// wellKnown are the slots of the names every shape uses.
type wellKnown struct {
	time, observed, severityText, severityNumber, body, trace, span, flags, service, resService *slot
	parent, name, kind, start, end, duration, code, message, events, links                      *slot
	value, typ, unit, scopeName, scopeVersion, inferred, originalLevel                          *slot
	excType, excMessage, excStack, logger, thread, host, pod, namespace, pid, lineNo, filePath  *slot
	method, path, query, status, size, agent, client                                            *slot
}

func newWellKnown(b *builder) wellKnown {
	return wellKnown{
		time: b.slot("@timestamp"), observed: b.slot("observedTimestamp"), severityText: b.slot("severityText"),
		severityNumber: b.slot("severityNumber"), body: b.slot("body"), trace: b.slot("traceId"), span: b.slot("spanId"),
		flags: b.slot("flags"), service: b.slot("serviceName"), resService: b.slot("resource.attributes.service.name"),
		parent: b.slot("parentSpanId"), name: b.slot("name"), kind: b.slot("kind"), start: b.slot("startTime"), end: b.slot("endTime"),
		duration: b.slot("durationInNanos"), code: b.slot("status.code"), message: b.slot("status.message"), events: b.slot("events"),
		links: b.slot("links"), value: b.slot("value"), typ: b.slot("type"), unit: b.slot("unit"),
		scopeName: b.slot("instrumentationScope.name"), scopeVersion: b.slot("instrumentationScope.version"),
		inferred: b.slot("attributes.log.time.inferred"), originalLevel: b.slot("attributes.log.level"),
		excType: b.slot("attributes.exception.type"), excMessage: b.slot("attributes.exception.message"),
		excStack: b.slot("attributes.exception.stacktrace"), logger: b.slot("attributes.code.namespace"),
		thread: b.slot("attributes.thread.name"), host: b.slot("resource.attributes.host.name"),
		pod: b.slot("resource.attributes.k8s.pod.name"), lineNo: b.slot("attributes.code.line.number"),
		namespace: b.slot("resource.attributes.k8s.namespace.name"), pid: b.slot("attributes.process.pid"),
		filePath: b.slot("attributes.code.file.path"), method: b.slot("attributes.http.request.method"), path: b.slot("attributes.url.path"),
		query: b.slot("attributes.url.query"), status: b.slot("attributes.http.response.status_code"),
		size: b.slot("attributes.http.response.body.size"), agent: b.slot("attributes.user_agent.original"), client: b.slot("attributes.client.address"),
	}
}

// setService names the service in both places, unless the record already has it.
func (w *wellKnown) setService(b *builder) {
	switch {
	case b.has(w.resService) && !b.has(w.service):
		b.set(w.service, b.get(w.resService))
	case b.has(w.service) && !b.has(w.resService):
		b.set(w.resService, b.get(w.service))
	}
}

// setLevel sets severity text and number, and keeps the word as written when it is another one.
func (w *wellKnown) setLevel(b *builder, l level, word []byte) {
	if l.text == "" {
		return
	}
	b.set(w.severityText, l.value())
	b.setIfAbsent(w.severityNumber, l.num)
	if len(word) > 0 && !equalFold(word, l.text) {
		b.setText(w.originalLevel, word)
	}
}

// equalFold compares with a word in capitals.
func equalFold(b []byte, upper string) bool {
	if len(b) != len(upper) {
		return false
	}
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != upper[i] {
			return false
		}
	}
	return true
}

// setSpanTimes supplies what start, end and duration say of each other.
func (w *wellKnown) setSpanTimes(b *builder) {
	start, okS := b.get(w.start).(time.Time)
	end, okE := b.get(w.end).(time.Time)
	dur, okD := b.get(w.duration).(int64)
	switch {
	case okS && okE && !okD:
		b.set(w.duration, end.Sub(start).Nanoseconds())
	case okS && okD && !okE:
		b.set(w.end, start.Add(time.Duration(dur)))
	case okE && okD && !okS:
		b.set(w.start, end.Add(-time.Duration(dur)))
	}
}

// kindName writes a span's kind as OpenTelemetry's documents do, from any of its spellings.
func kindName(v *jsonscan.Value) string {
	names := [...]string{"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"}
	if n, ok := whole(v); ok && n >= 0 && n < int64(len(names)) {
		return names[n]
	}
	if v.Kind == jsonscan.String {
		for _, n := range names {
			if string(v.Text) == n || equalFold(v.Text, n[len("SPAN_KIND_"):]) {
				return n
			}
		}
	}
	return names[0]
}

// statusCode reads a span's status from any of its spellings: 0 unset, 1 ok, 2 error.
func statusCode(v *jsonscan.Value) int64 {
	if n, ok := whole(v); ok {
		return n
	}
	switch {
	case v.Kind != jsonscan.String:
		return 0
	case equalFold(v.Text, "STATUS_CODE_ERROR"), equalFold(v.Text, "ERROR"):
		return 2
	case equalFold(v.Text, "STATUS_CODE_OK"), equalFold(v.Text, "OK"):
		return 1
	}
	return 0
}
