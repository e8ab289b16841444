package repair

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// fieldWords are what other tools call the fields of logs and spans, in lower case.
func fieldWords() map[string][]string {
	return map[string][]string{
		"level": {"severityText"}, "loglevel": {"severityText"}, "log_level": {"severityText"}, "log.level": {"severityText"}, "severity": {"severityText"}, "lvl": {"severityText"}, "priority": {"severityText"},
		"message": {"body"}, "msg": {"body"}, "log": {"body"}, "text": {"body"}, "line": {"body"}, "_raw": {"body"}, "content": {"body"}, "log.message": {"body"},
		"service": {"serviceName"}, "service_name": {"serviceName"}, "servicename": {"serviceName"}, "service.name": {"serviceName", "resource.attributes.service.name"}, "app": {"serviceName"}, "application": {"serviceName"}, "svc": {"serviceName"},
		"timestamp": {"@timestamp", "startTime"}, "time": {"@timestamp", "startTime"}, "_time": {"@timestamp", "startTime"}, "ts": {"@timestamp", "startTime"}, "date": {"@timestamp", "startTime"}, "@time": {"@timestamp"}, "starttime": {"startTime"}, "start_time": {"startTime"}, "end_time": {"endTime"}, "@timestamp": {"startTime", "timestamp"},
		"trace": {"traceId"}, "trace_id": {"traceId"}, "trace.id": {"traceId"}, "traceid": {"traceId"}, "span_id": {"spanId"}, "span.id": {"spanId"}, "spanid": {"spanId"}, "parent_id": {"parentSpanId"}, "parent_span_id": {"parentSpanId"},
		"duration": {"durationInNanos"}, "latency": {"durationInNanos"}, "elapsed": {"durationInNanos"}, "duration_ms": {"durationInNanos"}, "durationnano": {"durationInNanos"}, "duration_ns": {"durationInNanos"},
		"status": {"status.code"}, "statuscode": {"status.code"}, "status_code": {"status.code", "attributes.http.response.status_code", "attributes.http.status_code"}, "error": {"status.code"},
		"operation": {"name"}, "operationname": {"name"}, "operation_name": {"name"}, "span_name": {"name"}, "spanname": {"name"}, "span.name": {"name"},
		"host": {"resource.attributes.host.name"}, "hostname": {"resource.attributes.host.name"}, "pod": {"resource.attributes.k8s.pod.name"}, "node": {"resource.attributes.k8s.node.name"}, "version": {"resource.attributes.service.version"},
		"metric": {"name"}, "metric_name": {"name"}, "metricname": {"name"},
	}
}

var (
	sourceIs = pat(`(?i)^(\s*(?:search\s+)?(?:source|index)\s*=\s*)(?:logs|spans|metrics)\b`)
	nearest  = pat("Did you mean `?([^?`]+)`?\\?")
	missing  = pat(`^Field \[(.+)\] not found`)
)

// named puts a name that exists in the place of one that does not: what the error suggests, or what the field is called here.
func named(st state) []candidate {
	out := dollar(st)
	at := st.query[st.at.Start:st.at.End]
	if at == "" {
		return out
	}
	put := func(with, change string, whole bool) {
		out = append(out, candidate{st.query[:st.at.Start] + with + st.query[st.at.End:], change, whole})
	}
	if m := missing.FindStringSubmatch(st.msg); m != nil {
		word := strings.ToLower(m[1])
		last := word[strings.LastIndexByte(word, '.')+1:]
		for _, w := range append(fieldWords()[word], fieldWords()[last]...) {
			put(syntax.Name(w), w+" for "+m[1], false)
		}
		for _, prefix := range []string{"attributes.", "resource.attributes.", "resource."} {
			put(prefix+m[1], prefix+m[1]+" for "+m[1], true)
		}
		for _, table := range []string{"spans", "logs", "metrics"} {
			out = append(out, candidate{sourceIs.ReplaceAllString(st.query, "${1}"+table), "source=" + table + ", which has " + m[1], true})
		}
		out = append(out, dashed(st)...)
	}
	if m := nearest.FindStringSubmatch(st.hint); m != nil {
		with := m[1]
		if missing.MatchString(st.msg) {
			with = syntax.Name(with)
		}
		put(with, m[1]+" for "+at, false)
	}
	return out
}

var dashedName = pat(`[A-Za-z_@][\w.]*(?:-[A-Za-z_][\w.]*)+`)

// dashed puts backticks around a name with dashes.
func dashed(st state) []candidate {
	masked := mask(st.query)
	for _, at := range dashedName.FindAllStringIndex(masked, -1) {
		if at[0] <= st.at.Start && st.at.Start < at[1] {
			return []candidate{{query: st.query[:at[0]] + "`" + st.query[at[0]:at[1]] + "`" + st.query[at[1]:], change: "backticks around " + st.query[at[0]:at[1]]}}
		}
	}
	return nil
}

// dollar takes off what other languages put before a field.
func dollar(st state) []candidate {
	return all(st.query, []rewrite{
		{"the field without $", pat(`\$\{?(` + name + `)\}?`), func(m []string) string { return m[1] }},
		{"the field without brackets", pat(`\[(` + name + `)\]`), func(m []string) string { return m[1] }},
		{"the field without its table", pat(`\b(?:logs|spans|metrics|t|l|s)\.(` + name + `)`), func(m []string) string { return m[1] }},
	})
}

// structs compares the member of an object that was meant, where the object itself was named.
func structs(st state) []candidate {
	if !strings.Contains(st.msg, "STRUCT") {
		return nil
	}
	at := st.query[st.at.Start:st.at.End]
	m := pat(`^\s*(` + name + `)`).FindStringSubmatch(at)
	if m == nil {
		return nil
	}
	var out []candidate
	for _, w := range append(fieldWords()[strings.ToLower(m[1])], m[1]+"Text", m[1]+"Name", m[1]+".text", m[1]+".name", m[1]+".value", m[1]+".code") {
		q := st.query[:st.at.Start] + strings.Replace(at, m[1], syntax.Name(w), 1) + st.query[st.at.End:]
		out = append(out, candidate{q, w + " for " + m[1], true})
	}
	return out
}

var compared = pat(`(?i)(?:=|!=|<>|\blike\b|\bcontains\b|\bin\s*\(|,)\s*$`)

// values puts quotes around a word that is compared and is no field.
func values(st state) []candidate {
	if !missing.MatchString(st.msg) || !compared.MatchString(mask(st.query[:st.at.Start])) {
		return nil
	}
	end := st.at.End
	for end < len(st.query) && !strings.ContainsRune(" \t\n)|,'\"", rune(st.query[end])) {
		end++
	}
	word := strings.Trim(st.query[st.at.Start:end], "`")
	return []candidate{{query: st.query[:st.at.Start] + quote(word) + st.query[end:], change: "quotes around " + word}}
}

// brackets closes what was left open, where it was left open or at the end of its stage.
func brackets(st state) []candidate {
	var out []candidate
	if strings.Contains(st.msg, "quote is not closed") {
		open := st.query[st.at.Start : st.at.Start+1]
		if bar := strings.Index(st.query[st.at.Start:], " |"); bar > 0 {
			out = append(out, candidate{query: st.query[:st.at.Start+bar] + open + st.query[st.at.Start+bar:], change: "the quote closed"})
		}
		out = append(out, candidate{query: st.query + open, change: "the quote closed"})
	}
	for closing, what := range map[string]string{")": "the bracket closed", "]": "the bracket closed"} {
		if strings.Contains(st.msg, "'"+closing+"'") {
			out = append(out, candidate{query: strings.TrimRight(st.query[:st.at.Start], " ") + closing + " " + st.query[st.at.Start:], change: what})
		}
		if st.at.Start < len(st.query) && st.query[st.at.Start:min(st.at.Start+1, len(st.query))] == closing {
			out = append(out, candidate{query: st.query[:st.at.Start] + st.query[st.at.Start+1:], change: "a bracket too many taken out"})
		}
	}
	if st.at.Start < len(st.query) && st.query[st.at.Start] == ',' {
		out = append(out, candidate{query: st.query[:st.at.Start] + " " + st.query[st.at.Start+1:], change: "a comma too many taken out"})
	}
	return out
}

// statistics mends what stands around aggregates.
func statistics(st state) []candidate {
	return all(st.query, []rewrite{
		{"count() before by", pat(`(?i)\b(stats|eventstats|timechart|chart)\s+(span=\S+\s+)?by\b`), func(m []string) string { return m[1] + " " + m[2] + "count() by" }},
		{"by", pat(`(?i)\s+(?:per|grouped\s+by|for\s+each|over)\s+(` + name + `)`), func(m []string) string { return " by " + m[1] }},
		{"as before the name", pat(`(?i)(\b\w+\([^()|]*\))\s+([A-Za-z_]\w*)(\s+by\b|\s*,|\s*\||\s*$)`), func(m []string) string {
			if w := strings.ToLower(m[2]); w == "by" || w == "as" || isCommand(w) {
				return m[0]
			}
			return m[1] + " as " + m[2] + m[3]
		}},
		{"as for =", pat(`(?i)\b(stats\s+|,\s*)([A-Za-z_]\w*)\s*=\s*(\w+\([^()|]*\))`), func(m []string) string { return m[1] + m[3] + " as " + m[2] }},
		{"no comma before by", pat(`(?i)\s*,\s*by\b`), func([]string) string { return " by" }},
		{"commas between the keys", pat(`(?i)\bby\s+(` + name + `)\s+(?:and\s+)?(` + name + `)`), func(m []string) string {
			if isCommand(strings.ToLower(m[2])) {
				return m[0]
			}
			return "by " + m[1] + ", " + m[2]
		}},
		{"count() for count(*)", pat(`(?i)\bcount\s*\(\s*(?:\*|1)\s*\)`), func([]string) string { return "count()" }},
	})
}

// joins writes a join of SQL as PPL has it.
func joins(st state) []candidate {
	return all(st.query, []rewrite{
		{"join FIELD INDEX", pat(`(?i)\b((?:inner|left|right|full|cross)?\s*(?:outer\s+)?)join\s+([\w.*-]+)\s+(?:on|using)\s*\(?\s*(` + name + `)\s*\)?\s*($|\|)`), func(m []string) string {
			kind := strings.ToLower(strings.TrimSpace(strings.Replace(strings.ToLower(m[1]), "outer", "", 1)))
			if kind != "" {
				kind = "type=" + kind + " "
			}
			return "join " + kind + m[3] + " " + m[2] + " " + m[4]
		}},
		{"join left=l right=r on", pat(`(?i)\b(inner\s+|left\s+)?join\s+([\w.*-]+)\s+on\s+(` + name + `)\s*==?\s*(` + name + `)`), func(m []string) string {
			tail := func(s string) string { return s[strings.LastIndexByte(s, '.')+1:] }
			return m[1] + "join left=l right=r on l." + tail(m[3]) + " = r." + tail(m[4]) + " " + m[2]
		}},
	})
}
