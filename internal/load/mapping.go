package load

import "github.com/plumbline-mcp/plumbline/internal/engine"

// keywordBytes bounds a keyword that is indexed: Lucene refuses terms of over 32,766 bytes, and a letter has up to four.
const keywordBytes = 8191

// maxFields is the limit of fields of the indices: attributes of many services are more than the 1000 of a cluster.
const maxFields = 5000

func keyword() map[string]any {
	return map[string]any{"type": "keyword", "ignore_above": keywordBytes}
}

func typed(t string) map[string]any { return map[string]any{"type": t} }

func object(properties map[string]any) map[string]any {
	return map[string]any{"properties": properties}
}

// mapping is the mapping of a table's index. Spans and logs are as Data Prepper's standard templates have them
// (otel-v1-apm-span, logs-otel-v1), with times in nanoseconds; strings that no property names are keywords.
func mapping(kind engine.Kind, timeField string) map[string]any {
	m := map[string]any{"date_detection": false, "dynamic_templates": dynamic()}
	switch kind {
	case engine.Spans:
		m["properties"] = spanProperties()
	case engine.Logs:
		m["properties"] = logProperties()
	case engine.Metrics:
		m["properties"] = map[string]any{"@timestamp": typed("date_nanos"), "name": keyword(), "type": keyword(), "serviceName": keyword(), "value": typed("double")}
	case engine.ServiceMap, engine.Generic:
		m["date_detection"] = true
		if timeField != "" {
			m["properties"] = map[string]any{timeField: typed("date_nanos")}
		}
	}
	return m
}

// dynamic maps what no property names: numbers as they are, text as keywords, since attributes are compared and counted.
func dynamic() []any {
	rule := func(name, match string, to map[string]any) map[string]any {
		return map[string]any{name: map[string]any{"match_mapping_type": match, "mapping": to}}
	}
	return []any{rule("whole", "long", typed("long")), rule("fraction", "double", typed("double")), rule("text", "string", keyword())}
}

func spanProperties() map[string]any {
	return map[string]any{
		"traceId": keyword(), "spanId": keyword(), "parentSpanId": keyword(), "name": keyword(), "kind": keyword(), "serviceName": keyword(),
		"traceGroup": keyword(), "traceState": keyword(), "startTime": typed("date_nanos"), "endTime": typed("date_nanos"),
		"durationInNanos": typed("long"), "status": object(map[string]any{"code": typed("integer"), "message": keyword()}),
		"traceGroupFields": object(map[string]any{"endTime": typed("date_nanos"), "durationInNanos": typed("long"), "statusCode": typed("integer")}),
		"events":           map[string]any{"type": "nested", "properties": map[string]any{"name": keyword(), "time": typed("date_nanos")}},
		"links":            map[string]any{"type": "nested", "properties": map[string]any{"traceId": keyword(), "spanId": keyword()}},
	}
}

func logProperties() map[string]any {
	return map[string]any{
		"@timestamp": typed("date_nanos"), "time": typed("date_nanos"), "observedTimestamp": typed("date_nanos"),
		"body": typed("text"), "severityText": keyword(), "severityNumber": typed("integer"), "traceId": keyword(), "spanId": keyword(),
		"serviceName": keyword(), "flags": typed("integer"),
	}
}

// dates lists the dotted names that a mapping has as dates.
func dates(mapping map[string]any) map[string]bool {
	out := map[string]bool{}
	var walk func(prefix string, m map[string]any)
	walk = func(prefix string, m map[string]any) {
		properties, _ := m["properties"].(map[string]any)
		for name, p := range properties {
			field, ok := p.(map[string]any)
			if !ok {
				continue
			}
			if field["type"] == "date_nanos" {
				out[prefix+name] = true
			}
			walk(prefix+name+".", field)
		}
	}
	walk("", mapping)
	return out
}
