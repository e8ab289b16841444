package repair

import (
	"strings"
)

var (
	sources = []rewrite{
		{"source=INDEX for FROM", pat(`(?i)^\s*(?:search\s+)?(?:from|fetch|read|get|table)\s+([\w.*@-]+)`), func(m []string) string { return "source=" + m[1] }},
		{"source=INDEX", pat(`(?i)^\s*(?:search\s+)?(?:source|index|table|dataset|from)\s*(?::|==|:=|\s)\s*([\w.*@-]+)`), func(m []string) string { return "source=" + m[1] }},
		{"source=INDEX", pat(`^\s*([\w.*@-]+)\s*\|`), func(m []string) string { return "source=" + m[1] + " |" }},
		{"source=INDEX", pat(`^\s*([\w.*@-]+)\s*$`), func(m []string) string { return "source=" + m[1] }},
		{"a bar for the comma behind the source", pat(`(?i)^(\s*(?:search\s+)?(?:source|index)\s*=\s*[\w.*@-]+)\s*,\s*([a-z]+\s)`), func(m []string) string { return m[1] + " | " + m[2] }},
		{"no bar before the query", pat(`^\s*\|\s*`), func([]string) string { return "" }},
	}
	begins = pat(`(?i)^\s*\|?\s*(where|stats|fields|head|sort|eval|timechart|top|rare|dedup|patterns|filter|select|count|summarize|parse|rex|search)\b`)
)

// source names the data at the beginning. A query without any begins with the logs.
func source(st state) []candidate {
	out := all(st.query, sources)
	if begins.MatchString(st.query) {
		out = append(out, candidate{query: "source=logs | " + strings.TrimLeft(st.query, " |\t\n"), change: "source=logs put before"})
	}
	return out
}

var (
	term  = `(?:` + quoted + `|[^\s()\[\]"'|]+)`
	pairs = pat("(-|!|\\b(?i:not)\\s+)?(`[^`]+`|@?[A-Za-z_][\\w.@-]*):(\\*|>=|<=|>|<|\\[)?(" + term + ")?")
)

// lucene writes field:value as a comparison, in the search and in conditions.
func lucene(st state) []candidate {
	if !strings.Contains(mask(st.query), ":") {
		return nil
	}
	r := rewrite{"field = value for field:value", pairs, func(m []string) string {
		field, op, value := m[2], m[3], m[4]
		if strings.HasPrefix(m[0], "@timestamp:") && value == "" || field == "" {
			return m[0]
		}
		not := ""
		if m[1] != "" {
			not = "NOT "
		}
		switch {
		case strings.HasPrefix(value, ":"): // a cast
			return m[0]
		case op == "*" && value == "":
			return not + field + "=*"
		case value == "" || op == "[":
			return m[0]
		case op == "*":
			op, value = "", "*"+value
		}
		if op == "" {
			op = "="
		}
		if !strings.ContainsAny(value[:1], `'"0123456789`) {
			value = `"` + value + `"`
		}
		return not + field + op + value
	}}
	q := r.apply(st.query)
	out := []candidate{{query: q, change: r.change}}
	if head := stages(q)[0]; !strings.Contains(strings.ToLower(mask(head)), "source") && !strings.Contains(strings.ToLower(mask(head)), "index") {
		out = append(out, candidate{query: "source=logs " + q, change: r.change + ", in source=logs"})
	}
	if strings.Contains(q, "=*") {
		out = append(out, candidate{query: exists.apply(q), change: "isnotnull(field) for field:*"})
	}
	return out
}

var exists = rewrite{"isnotnull(field) for field:*", pat(`(` + name + `)\s*=\s*\*`), func(m []string) string { return "isnotnull(" + m[1] + ")" }}
