package record

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// shape is what a JSON document is.
type shape uint8

const (
	shapeGeneric shape = iota
	shapeSpan          // OpenTelemetry form, raw @ form, ss4o
	shapeJaeger
	shapeZipkin
	shapeLog     // documents of log indices: OpenTelemetry form, raw, ss4o
	shapeJSONLog // a logging library's line
	shapeMap     // service map, v1 and v2
	shapeMetric  // a document of a metrics index
	shapeSeries  // {"metric":{},"values":[],"timestamps":[]}
	shapeAction  // an action line of a bulk file
	shapeOTLP
	shapeTrace // a trace as Jaeger's API answers it
	shapes
)

// mark is one piece of evidence about a document's shape.
type mark uint64

const (
	markTraceID mark = 1 << iota
	markSpanID
	markParent
	markName
	markStart
	markDuration
	markOperation
	markProcess
	markLocalEndpoint
	markID
	markKind
	markBody
	markSeverity
	markObserved
	markResource
	markScope
	markRawLog
	markHash
	markTarget
	markNode
	markConnection
	markLabels
	markValues
	markTimestamps
	markValue
	markMessage
	markLevel
	markTime
	markAction
	markMethod
	markPath
	markStatus
	markOTLP
	markWrapper
	markSpans
	markProcesses
)

// markOfObject is the evidence in a top-level key whose value is an object.
func markOfObject(name string) mark {
	switch name {
	case "index", "create", "update", "delete":
		return markAction
	}
	return 0
}

// markOf is the evidence in a field's name.
func markOf(name string) mark {
	var m mark
	switch name {
	case "traceId", "traceID", "trace_id":
		m = markTraceID
	case "spanId", "spanID", "span_id":
		m = markSpanID
	case "parentSpanId", "parentSpanID", "parent_span_id", "references":
		m = markParent
	case "id":
		m = markID
	case "name":
		m = markName
	case "operationName":
		m = markOperation
	case "process.serviceName":
		m = markProcess
	case "startTime", "startTimeMillis", "start_time":
		m = markStart
	case "duration", "durationInNanos":
		m = markDuration
	case "spans":
		m = markSpans
	case "kind":
		m = markKind
	case "body":
		m = markBody
	case "severityText", "severityNumber", "severity.text", "severity.number":
		m = markSeverity
	case "observedTimestamp", "observedTime":
		m = markObserved
	case "hashId":
		m = markHash
	case "nodeConnectionHash", "operationConnectionHash":
		m = markConnection
	case "values", "value":
		m = markValues
	case "timestamps":
		m = markTimestamps
	case "resourceSpans", "resourceLogs", "resourceMetrics":
		m = markOTLP
	}
	if name == "value" || name == "sum" || strings.HasPrefix(name, "value.") || name == "buckets" {
		m |= markValue
	}
	return m | markOfPrefix(name) | markOfRole(name)
}

func markOfPrefix(name string) mark {
	for _, p := range [...]struct {
		prefix string
		mark   mark
	}{
		{"processes.", markProcesses},
		{"localEndpoint.", markLocalEndpoint},
		{"resource.", markResource},
		{"instrumentationScope.", markScope},
		{"log.attributes.", markRawLog},
		{"destination.", markTarget},
		{"target.", markTarget},
		{"sourceNode.", markNode},
		{"targetNode.", markNode},
		{"metric.", markLabels},
	} {
		if strings.HasPrefix(name, p.prefix) {
			return p.mark
		}
	}
	return 0
}

// markOfRole is the evidence of a logging library's keys.
func markOfRole(name string) mark {
	switch _, r, _ := placeJSONLog(name); r {
	case roleTime:
		return markTime
	case roleBody:
		return markMessage
	case roleLevel:
		return markLevel
	case roleMethod:
		return markMethod
	case rolePath:
		return markPath
	case roleStatus:
		return markStatus
	default:
		return 0
	}
}

func (m mark) all(of mark) bool { return m&of == of }

func (m mark) any(of mark) bool { return m&of != 0 }

// classify tells a document's shape from the names in it.
func (d *documents) classify() shape {
	m := d.marks
	switch {
	case m.any(markOTLP):
		return shapeOTLP
	case d.top == 1 && m.any(markAction) && d.isAction():
		return shapeAction
	}
	return m.shape(d.isMetricKind, d.timed)
}

// shape tells the shape of a document, or of an index's documents, from the names of the fields. What only values tell is asked:
// whether the kind is one of metrics, and whether what is named like a time is one.
func (m mark) shape(isMetricKind, timed func() bool) shape {
	switch {
	case m.all(markLabels | markValues):
		return shapeSeries
	case m.all(markSpans | markProcesses):
		return shapeTrace
	case m.all(markTraceID|markSpanID|markName) && m.any(markStart|markDuration|markParent):
		return shapeSpan
	case m.all(markTraceID|markSpanID|markOperation) && m.any(markProcess|markStart|markDuration):
		return shapeJaeger
	case m.all(markTraceID|markID) && m.any(markLocalEndpoint|markDuration) && m.any(markName|markTime):
		return shapeZipkin
	case m.all(markNode) && m.any(markConnection) || m.all(markHash) && m.any(markTarget|markKind):
		return shapeMap
	case m.all(markName|markKind|markValue) && isMetricKind():
		return shapeMetric
	case m.isLog():
		return shapeLog
	case m.any(markTime) && m.any(markMessage|markLevel) && timed():
		return shapeJSONLog
	}
	return shapeGeneric
}

// isAction tells an action line from a document with one field of that name: all its keys are those of a bulk request.
func (d *documents) isAction() bool {
	for i := range d.fields {
		_, key, _ := strings.Cut(d.fields[i].leaf.name, ".")
		switch key {
		case "_index", "_id", "_type", "routing", "_routing", "pipeline", "version", "version_type", "require_alias", "if_seq_no",
			"if_primary_term", "retry_on_conflict", "op_type":
		default:
			return false
		}
	}
	return true
}

func (d *documents) isMetricKind() bool {
	v := d.find("kind")
	if v == nil || v.Kind != jsonscan.String {
		return false
	}
	switch strings.ToUpper(string(v.Text)) {
	case "GAUGE", "SUM", "HISTOGRAM", "EXPONENTIAL_HISTOGRAM", "SUMMARY":
		return true
	}
	return false
}

// isLog knows the documents of log indices: a body or a severity, with something that only OpenTelemetry's pipelines write.
func (m mark) isLog() bool {
	if m.any(markRawLog) && m.any(markBody|markSeverity|markTime) {
		return true
	}
	return m.any(markBody|markSeverity) && m.any(markTime|markObserved) && m.any(markSeverity|markObserved|markScope|markResource) &&
		(m.any(markBody) || m.any(markResource|markObserved))
}

// timed makes sure that one of the fields named like a time can be read as one; "time":"fast" makes no log.
func (d *documents) timed() bool {
	for i := range d.fields {
		f := &d.fields[i]
		if !f.leaf.mark.any(markTime) {
			continue
		}
		if t, ok := d.clk.value(&f.val); ok && plausible(t.Unix()) {
			return true
		}
	}
	return false
}
