package record

import "strings"

// role is what a field means to its shape, beyond being a value with a name.
type role uint8

const (
	rolePlain role = iota
	roleDrop       // said again elsewhere
	roleTime
	roleAnyTime // a time, but not the record's own
	roleObserved
	roleEnd
	roleInt
	roleText
	roleKind
	roleStatusCode
	roleDuration
	roleMicros
	roleService
	roleLevel
	roleLevelNumber
	roleBody
	roleTrace
	roleSpan
	roleTags
	roleProcessTags
	roleReferences
	roleEvents
	roleAnnotations
	roleMethod
	rolePath
	roleStatus
	roleCaller
	roleNode // service map: keyAttributes.serviceName
)

// place says under which name, in which role and with which rank a shape keeps a field. The rank orders the candidates of a role
// of which a record has one (time, level, body): the lowest is taken, the others stay attributes.
func place(s shape, name string) (string, role, int) {
	switch s {
	case shapeSpan:
		return placeSpan(name)
	case shapeJaeger:
		return placeJaeger(name)
	case shapeZipkin:
		return placeZipkin(name)
	case shapeLog:
		return placeLog(name)
	case shapeJSONLog:
		return placeJSONLog(name)
	case shapeMap:
		return placeMap(name)
	case shapeMetric:
		return placeMetric(name)
	default:
		return name, rolePlain, 0
	}
}

// attributeName undoes what index forms do to attribute names: the raw form writes @ for dots, ss4o puts resource attributes
// directly below resource.
func attributeName(name string) string {
	for _, p := range [...]string{"span.attributes.", "log.attributes.", "metric.attributes."} {
		if rest, ok := strings.CutPrefix(name, p); ok {
			return "attributes." + strings.ReplaceAll(rest, "@", ".")
		}
	}
	if rest, ok := strings.CutPrefix(name, "resource."); ok {
		switch {
		case strings.HasPrefix(rest, "attributes."):
			if strings.IndexByte(rest, '@') >= 0 {
				return "resource." + strings.ReplaceAll(rest, "@", ".")
			}
			return name
		case rest == "droppedAttributesCount" || rest == "schemaUrl":
			return name
		}
		return "resource.attributes." + strings.ReplaceAll(rest, "@", ".")
	}
	if strings.HasPrefix(name, "attributes.") && strings.IndexByte(name, '@') >= 0 {
		return strings.ReplaceAll(name, "@", ".")
	}
	if rest, ok := strings.CutPrefix(name, "instrumentationLibrary."); ok {
		return "instrumentationScope." + rest
	}
	return name
}

func placeSpan(name string) (string, role, int) {
	switch name {
	case "traceId", "traceID", "trace_id":
		return "traceId", roleText, 0
	case "spanId", "spanID", "span_id":
		return "spanId", roleText, 0
	case "parentSpanId", "parentSpanID", "parent_span_id":
		return "parentSpanId", roleText, 0
	case "startTime", "start_time":
		return "startTime", roleTime, 0
	case "endTime", "end_time":
		return "endTime", roleEnd, 0
	case "durationInNanos":
		return name, roleDuration, 0
	case "name", "traceGroup", "status.message":
		return name, roleText, 0
	case "serviceName":
		return name, roleService, 0
	case "kind":
		return name, roleKind, 0
	case "status.code":
		return name, roleStatusCode, 0
	case "traceGroupFields.endTime", "@timestamp", "time":
		return name, roleAnyTime, 0
	case "traceGroupFields.durationInNanos", "traceGroupFields.statusCode":
		return name, roleInt, 0
	case "events", "links":
		return name, roleEvents, 0
	}
	return attributeName(name), rolePlain, 0
}

func placeLog(name string) (string, role, int) {
	switch name {
	case "@timestamp":
		return name, roleTime, 0
	case "time":
		return name, roleTime, 1
	case "timestamp":
		return name, roleTime, 2
	case "observedTimestamp", "observedTime":
		return "observedTimestamp", roleObserved, 0
	case "severityText", "severity.text":
		return "severityText", roleLevel, 0
	case "severityNumber", "severity.number":
		return "severityNumber", roleLevelNumber, 0
	case "body":
		return name, roleBody, 0
	case "traceId", "traceID", "trace_id":
		return "traceId", roleText, 0
	case "spanId", "spanID", "span_id":
		return "spanId", roleText, 0
	case "serviceName":
		return name, roleService, 0
	case "event.exception.message", "event.exception.type", "event.exception.stacktrace":
		return "attributes." + strings.TrimPrefix(name, "event."), rolePlain, 0
	}
	return attributeName(name), rolePlain, 0
}

func placeMap(name string) (string, role, int) {
	switch name {
	case "timestamp", "@timestamp":
		return name, roleAnyTime, 0
	case "sourceNode.keyAttributes.serviceName":
		return "sourceNode.keyAttributes.name", roleNode, 0
	case "targetNode.keyAttributes.serviceName":
		return "targetNode.keyAttributes.name", roleNode, 0
	case "hashId", "nodeConnectionHash", "operationConnectionHash":
		return name, roleText, 0
	}
	return name, rolePlain, 0
}

func placeMetric(name string) (string, role, int) {
	switch name {
	case "time", "@timestamp", "startTime":
		return name, roleAnyTime, 0
	}
	return attributeName(name), rolePlain, 0
}

func placeJaeger(name string) (string, role, int) {
	switch name {
	case "traceID", "traceId":
		return "traceId", roleText, 0
	case "spanID", "spanId":
		return "spanId", roleText, 0
	case "parentSpanID", "parentSpanId":
		return "parentSpanId", roleText, 0
	case "operationName":
		return "name", roleText, 0
	case "startTime":
		return "startTime", roleTime, 0
	case "duration":
		return "durationInNanos", roleMicros, 0
	case "process.serviceName":
		return "serviceName", roleService, 0
	case "tags":
		return "attributes", roleTags, 0
	case "process.tags":
		return "resource.attributes", roleProcessTags, 0
	case "references":
		return "links", roleReferences, 0
	case "logs":
		return "events", roleEvents, 0
	case "startTimeMillis", "processID":
		return name, roleDrop, 0
	case "tag.span@kind", "tag.span.kind":
		return "kind", roleKind, 0
	}
	if rest, ok := strings.CutPrefix(name, "process.tag."); ok {
		return "resource.attributes." + strings.ReplaceAll(rest, "@", "."), rolePlain, 0
	}
	if rest, ok := strings.CutPrefix(name, "tag."); ok {
		return "attributes." + strings.ReplaceAll(rest, "@", "."), rolePlain, 0
	}
	return name, rolePlain, 0
}

func placeZipkin(name string) (string, role, int) {
	switch name {
	case "traceId":
		return name, roleText, 0
	case "id":
		return "spanId", roleText, 0
	case "parentId":
		return "parentSpanId", roleText, 0
	case "name":
		return name, roleText, 0
	case "kind":
		return name, roleKind, 0
	case "timestamp":
		return "startTime", roleTime, 0
	case "duration":
		return "durationInNanos", roleMicros, 0
	case "localEndpoint.serviceName":
		return "serviceName", roleService, 0
	case "localEndpoint.ipv4", "localEndpoint.ipv6":
		return "resource.attributes.host.ip", rolePlain, 0
	case "remoteEndpoint.serviceName":
		return "attributes.peer.service", rolePlain, 0
	case "remoteEndpoint.ipv4", "remoteEndpoint.ipv6":
		return "attributes.network.peer.address", rolePlain, 0
	case "remoteEndpoint.port":
		return "attributes.network.peer.port", rolePlain, 0
	case "annotations":
		return "events", roleAnnotations, 0
	case "debug", "shared":
		return "attributes.zipkin." + name, rolePlain, 0
	}
	if rest, ok := strings.CutPrefix(name, "tags."); ok {
		return "attributes." + rest, rolePlain, 0
	}
	return "attributes." + name, rolePlain, 0
}
