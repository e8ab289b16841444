package record

import "strings"

// alias is where a logging library's key goes.
type alias struct {
	name string
	role role
	rank int
}

// placeJSONLog knows the keys of logging libraries: pino, bunyan, winston, zap, zerolog, logrus, slog, log4j2 and logback JSON,
// ECS, GELF, Serilog, structlog, journald, Docker, Kubernetes, Stackdriver, CloudWatch, nginx and Envoy JSON. Everything else
// becomes an attribute under its own name.
func placeJSONLog(name string) (string, role, int) {
	low := strings.ToLower(name)
	if a, ok := aliasOfTime(low); ok {
		return orAttribute(a, name)
	}
	for _, look := range [...]func(string) (alias, bool){aliasOfMessage, aliasOfLevel, aliasOfTrace, aliasOfSource, aliasOfCode, aliasOfHTTP} {
		if a, ok := look(low); ok {
			return orAttribute(a, name)
		}
	}
	if strings.HasPrefix(name, "attributes.") || strings.HasPrefix(name, "resource.") || strings.HasPrefix(name, "instrumentationScope.") {
		return attributeName(name), rolePlain, 0
	}
	if rest, ok := strings.CutPrefix(name, "labels."); ok { // ECS
		return "attributes." + rest, rolePlain, 0
	}
	return "attributes." + name, rolePlain, 0
}

// orAttribute names a candidate of a role by its attribute: that is what it becomes when another candidate is taken.
func orAttribute(a alias, name string) (string, role, int) {
	if a.name == "" {
		a.name = "attributes." + name
	}
	return a.name, a.role, a.rank
}

func aliasOfTime(low string) (alias, bool) {
	switch low {
	case "@timestamp", "t.$date":
		return alias{role: roleTime}, true
	case "timestamp", "@t":
		return alias{role: roleTime, rank: 1}, true
	case "time", "instant.epochsecond":
		return alias{role: roleTime, rank: 2}, true
	case "ts", "asctime", "timemillis", "time_iso8601":
		return alias{role: roleTime, rank: 3}, true
	case "datetime", "event_time", "eventtime", "log_time", "logtime", "__realtime_timestamp", "eventtimestamp":
		return alias{role: roleTime, rank: 4}, true
	case "time_local", "start_time", "date", "msec", "created", "t":
		return alias{role: roleTime, rank: 5}, true
	case "observedtimestamp", "ingestiontime", "event.ingested", "receivetimestamp":
		return alias{name: "observedTimestamp", role: roleObserved}, true
	}
	return alias{}, false
}

func aliasOfMessage(low string) (alias, bool) {
	switch low {
	case "message", "msg":
		return alias{role: roleBody}, true
	case "body", "@m", "short_message", "renderedmessage", "textpayload", "jsonpayload.message", "log.message", "body.text":
		return alias{role: roleBody, rank: 1}, true
	case "@mt", "messagetemplate", "log":
		return alias{role: roleBody, rank: 2}, true
	case "event", "text", "error_message":
		return alias{role: roleBody, rank: 3}, true
	}
	return alias{}, false
}

func aliasOfLevel(low string) (alias, bool) {
	switch low {
	case "level", "log.level", "severity", "severitytext", "severity_text", "loglevel", "log_level", "levelname", "@l", "severity.text":
		return alias{role: roleLevel}, true
	case "lvl", "level_name", "level.name", "priority":
		return alias{role: roleLevel, rank: 1}, true
	case "s": // MongoDB
		return alias{role: roleLevel, rank: 2}, true
	case "severitynumber", "severity_number", "severity.number":
		return alias{name: "severityNumber", role: roleLevelNumber}, true
	}
	return alias{}, false
}

func aliasOfTrace(low string) (alias, bool) {
	switch low {
	case "traceid", "trace_id", "trace.id", "trace", "oteltraceid", "dd.trace_id", "otel.trace_id", "contextmap.traceid", "contextmap.trace_id",
		"mdc.traceid", "mdc.trace_id", "logging.googleapis.com/trace", "context.trace_id", "attributes.trace_id", "x-b3-traceid":
		return alias{name: "traceId", role: roleTrace}, true
	case "spanid", "span_id", "span.id", "otelspanid", "dd.span_id", "otel.span_id", "contextmap.spanid", "contextmap.span_id",
		"mdc.spanid", "mdc.span_id", "logging.googleapis.com/spanid", "context.span_id", "attributes.span_id", "x-b3-spanid":
		return alias{name: "spanId", role: roleSpan}, true
	}
	return alias{}, false
}

func aliasOfSource(low string) (alias, bool) {
	switch low {
	case "service.name", "servicename", "service_name", "service", "otelservicename", "dd.service", "resource.service.name",
		"resource.attributes.service.name":
		return alias{name: "serviceName", role: roleService}, true
	case "app", "application", "appname", "app_name", "application_name", "syslog_identifier", "kubernetes.container_name", "kubernetes.labels.app",
		"kubernetes.container.name":
		return alias{role: roleService, rank: 1}, true
	case "service.version", "dd.version":
		return alias{name: "resource.attributes.service.version"}, true
	case "service.environment", "dd.env":
		return alias{name: "resource.attributes.deployment.environment.name"}, true
	case "hostname", "host", "host.name", "_hostname", "host_name", "kubernetes.host", "source_host", "host.hostname", "machinename":
		return alias{name: "resource.attributes.host.name"}, true
	case "pod", "pod_name", "podname", "kubernetes.pod_name", "kubernetes.pod.name", "k8s.pod.name":
		return alias{name: "resource.attributes.k8s.pod.name"}, true
	case "kubernetes.namespace_name", "kubernetes.namespace", "kubernetes.namespace.name", "k8s.namespace.name":
		return alias{name: "resource.attributes.k8s.namespace.name"}, true
	case "kubernetes.node.name", "k8s.node.name":
		return alias{name: "resource.attributes.k8s.node.name"}, true
	case "stream":
		return alias{name: "attributes.log.iostream"}, true
	}
	return alias{}, false
}

func aliasOfCode(low string) (alias, bool) {
	switch low {
	case "logger", "logger_name", "loggername", "log.logger", "name", "sourcecontext", "properties.sourcecontext", "category":
		return alias{name: "attributes.code.namespace"}, true
	case "thread", "thread_name", "threadname", "process.thread.name":
		return alias{name: "attributes.thread.name"}, true
	case "thread_id", "threadid", "process.thread.id":
		return alias{name: "attributes.thread.id"}, true
	case "pid", "process.pid", "_pid", "process_id", "processid":
		return alias{name: "attributes.process.pid"}, true
	case "caller", "source.file":
		return alias{name: "attributes.code.file.path", role: roleCaller}, true
	case "file", "filename", "log.origin.file.name", "pathname":
		return alias{name: "attributes.code.file.path"}, true
	case "lineno", "line_number", "log.origin.file.line", "source.line":
		return alias{name: "attributes.code.line.number"}, true
	case "funcname", "func", "log.origin.function", "source.function":
		return alias{name: "attributes.code.function.name"}, true
	case "stack_trace", "stacktrace", "stack", "error.stack_trace", "error.stack", "err.stack", "exc_info", "@x", "exception.stacktrace",
		"thrown.extendedstacktrace", "attributes.exception.stacktrace", "exception.stack_trace":
		return alias{name: "attributes.exception.stacktrace"}, true
	case "error.message", "err.message", "thrown.message", "exception.message", "exception.exception_message", "error", "err":
		return alias{name: "attributes.exception.message"}, true
	case "error.type", "err.type", "thrown.name", "exception.type", "exception.class", "error.class", "error.kind", "exception.exception_class":
		return alias{name: "attributes.exception.type"}, true
	}
	return alias{}, false
}

func aliasOfHTTP(low string) (alias, bool) {
	switch low {
	case "method", "http_method", "request_method", "http.request.method", "http.method", "req.method", "request.method", "httprequest.requestmethod":
		return alias{role: roleMethod}, true
	case "path", "url", "uri", "request_uri", "req.url", "request.uri", "url.path", "url.original", "request.path", "httprequest.requesturl", "http.target",
		"http.url":
		return alias{role: rolePath}, true
	case "status", "status_code", "http_status", "res.statuscode", "http.status_code", "response_code", "http.response.status_code", "statuscode",
		"response.status", "httprequest.status":
		return alias{role: roleStatus}, true
	case "user_agent", "http_user_agent", "useragent", "user_agent.original", "req.headers.user-agent", "httprequest.useragent":
		return alias{name: "attributes.user_agent.original"}, true
	case "remote_addr", "client_ip", "clientip", "remote_ip", "req.remoteaddress", "client.ip", "client.address", "httprequest.remoteip":
		return alias{name: "attributes.client.address"}, true
	case "body_bytes_sent", "http.response.body.bytes", "httprequest.responsesize":
		return alias{name: "attributes.http.response.body.size"}, true
	}
	return alias{}, false
}
