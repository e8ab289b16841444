package repair

import (
	"strings"
)

var (
	fence     = pat("(?s)^\\s*```\\w*\\s*(.*?)\\s*(?:```)?\\s*$")
	label     = pat(`(?i)^\s*(?:ppl|query)\s*:\s*`)
	invisible = strings.NewReplacer("\u200b", "", "\u200c", "", "\u200d", "", "\ufeff", "", "\u00a0", " ", "\u2060", "")
	straight  = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "‘", "'", "’", "'", "‚", "'", "–", "-", "—", "-", "≥", ">=", "≤", "<=", "≠", "!=")
)

// clean takes off what chats and editors put around or into a query.
func clean(st state) []candidate {
	q := st.query
	out := []candidate{
		{query: straight.Replace(q), change: "straight quotes"},
		{query: invisible.Replace(q), change: "invisible characters taken out"},
		{query: strings.TrimRight(strings.TrimSpace(q), ";"), change: "the semicolon taken off"},
		{query: strings.ReplaceAll(q, `\|`, "|"), change: "bars without a backslash"},
		{query: label.ReplaceAllString(q, ""), change: "the label before the query taken off"},
	}
	if m := fence.FindStringSubmatch(q); m != nil && strings.Contains(q, "```") {
		out = append(out, candidate{query: m[1], change: "the code fence taken off"})
	}
	if strings.Contains(q, "|>") {
		out = append(out, candidate{query: strings.ReplaceAll(q, "|>", "|"), change: "| for |>"})
	}
	return out
}
