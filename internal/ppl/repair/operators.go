package repair

import (
	"strings"
)

// operators gives conditions PPL's operators.
func operators(st state) []candidate { return all(st.query, operatorRules) }

// value is a constant or a name in a pattern.
const value = `(` + quoted + `|-?[\w.%*/:-]+)`

var operatorRules = []rewrite{
	{"and for &&", pat(`\s*&&?\s*`), func([]string) string { return " and " }},
	{"or for ||", pat(`\s*\|\|\s*`), func([]string) string { return " or " }},
	{"not for !", pat(`!\s*(\w+\s*\(|\()`), func(m []string) string { return "not " + m[1] }},
	{"= for :=", pat(`:=`), func([]string) string { return "=" }},
	{"= for ===", pat(`===`), func([]string) string { return "=" }},
	{"!= for !==", pat(`!==`), func([]string) string { return "!=" }},
	{">= for =>", pat(`=>`), func([]string) string { return ">=" }},
	{"<= for =<", pat(`=<`), func([]string) string { return "<=" }},
	{"isnull(..) for = null", pat(`(?i)(` + name + `)\s*(?:==?|\bis\b)\s*(?:null|nil|none|empty)\b`), func(m []string) string { return "isnull(" + m[1] + ")" }},
	{"isnotnull(..) for != null", pat(`(?i)(` + name + `)\s*(?:!=|<>|\bis\s+not\b)\s*(?:null|nil|none|empty)\b`), func(m []string) string { return "isnotnull(" + m[1] + ")" }},
	{"isnotnull(..) for exists", pat(`(?i)\bexists\s+(` + name + `)`), func(m []string) string { return "isnotnull(" + m[1] + ")" }},
	{"isnotnull(..) for exists", pat(`(?i)(` + name + `)\s+exists\b`), func(m []string) string { return "isnotnull(" + m[1] + ")" }},
	{"not .. contains", pat(`(?i)(` + name + `)\s+(?:!\s*(?:has|contains)|not\s+(?:has|contains)|does\s+not\s+contain|doesn't\s+contain)\s+` + value), func(m []string) string { return "not " + m[1] + " contains " + quote(unquote(m[2])) }},
	{"contains", pat(`(?i)(` + name + `)\s+(?:has|has_cs|contains_cs|contains|includes|containing)\s+` + value), func(m []string) string { return m[1] + " contains " + quote(unquote(m[2])) }},
	{"like 'text%' for startswith", pat(`(?i)(` + name + `)\s+(?:starts_?with|starts\s+with|begins_?with|begins\s+with|prefix)\s+` + value), func(m []string) string { return m[1] + " like " + quote(unquote(m[2])+"%") }},
	{"like '%text' for endswith", pat(`(?i)(` + name + `)\s+(?:ends_?with|ends\s+with|suffix)\s+` + value), func(m []string) string { return m[1] + " like " + quote("%"+unquote(m[2])) }},
	{"not regexp_match(..)", pat(`(?i)(` + name + `)\s*(?:!~\*?|\bnot\s+(?:rlike|regexp|matches))\s*(` + quoted + `)`), func(m []string) string { return "not regexp_match(" + m[1] + ", " + m[2] + ")" }},
	{"regexp_match(..)", pat(`(?i)(` + name + `)\s*(?:=~|~\*?|\b(?:rlike|regexp|matches\s+regex|matches|match|regexp_like)\b)\s*(` + quoted + `)`), func(m []string) string { return "regexp_match(" + m[1] + ", " + m[2] + ")" }},
	{"regexp_match(..) for /../", pat(`(` + name + `)\s*(?:=~|~|==?|\bmatches\b)\s*/((?:[^/\\|]|\\.)+)/`), func(m []string) string { return "regexp_match(" + m[1] + ", " + quote(m[2]) + ")" }},
	{"= for is", pat(`(?i)(` + name + `)\s+(?:is|equals?|eq)\s+(` + quoted + `|-?\d+(?:\.\d+)?)`), func(m []string) string { return m[1] + " = " + m[2] }},
	{"!= for is not", pat(`(?i)(` + name + `)\s+(?:is\s+not|not\s+equals?|ne|neq|isn't)\s+(` + quoted + `|-?\d+(?:\.\d+)?)`), func(m []string) string { return m[1] + " != " + m[2] }},
	{"> for gt", pat(`(?i)(` + name + `)\s+gte?\s+(` + quoted + `|-?\d+(?:\.\d+)?)`), func(m []string) string { return m[1] + op(m[0], "gt", ">") + m[2] }},
	{"< for lt", pat(`(?i)(` + name + `)\s+lte?\s+(` + quoted + `|-?\d+(?:\.\d+)?)`), func(m []string) string { return m[1] + op(m[0], "lt", "<") + m[2] }},
	{"in (..) for a list", pat(`(?i)\b(not\s+)?in\s*[\[{]([^\]}|]*)[\]}]`), func(m []string) string { return m[1] + "in (" + m[2] + ")" }},
	{"in (..) around the values", pat(`(?i)\bin\s+(` + quoted + `(?:\s*,\s*` + quoted + `)*)`), func(m []string) string { return "in (" + m[1] + ")" }},
	{"between A and B", pat(`(?i)\bbetween\s*[(\[]\s*([^,()|]+)\s*(?:,|\.\.)\s*([^,()|]+)\s*[)\]]`), func(m []string) string {
		return "between " + strings.TrimSpace(m[1]) + " and " + strings.TrimSpace(m[2])
	}},
	{"case(.., .. else ..)", pat(`(?is)\bcase\s+when\b(.+?)\bend\b`), func(m []string) string { return caseOf(m[1]) }},
	{"if(.., .., ..) for ? :", pat(`(=\s*)([^=?|]+[=<>][^?|]+?)\s*\?\s*([^:|]+?)\s*:\s*([^|,]+)`), func(m []string) string {
		return m[1] + "if(" + strings.TrimSpace(m[2]) + ", " + m[3] + ", " + strings.TrimSpace(m[4]) + ") "
	}},
	{"like for a pattern with %", pat(`(` + name + `)\s*==?\s*('[^'\x01]*%[^']*'|` + quoted + `)`), func(m []string) string {
		if !strings.Contains(m[2], "%") {
			return m[0]
		}
		return m[1] + " like " + m[2]
	}},
}

func op(text, word, sign string) string {
	if strings.Contains(strings.ToLower(text), word+"e ") {
		sign += "="
	}
	return " " + sign + " "
}

var (
	caseWhen = pat(`(?is)\bwhen\b`)
	caseThen = pat(`(?is)^(.*?)\bthen\b(.*)$`)
	caseElse = pat(`(?is)^(.*?)\belse\b(.*)$`)
)

// caseOf writes the branches behind CASE WHEN as arguments.
func caseOf(body string) string {
	tail := ""
	if m := caseElse.FindStringSubmatch(body); m != nil {
		body, tail = m[1], " else "+strings.TrimSpace(m[2])
	}
	var parts []string
	for _, branch := range caseWhen.Split(body, -1) {
		if m := caseThen.FindStringSubmatch(branch); m != nil {
			parts = append(parts, strings.TrimSpace(m[1])+", "+strings.TrimSpace(m[2]))
		}
	}
	return "case(" + strings.Join(parts, ", ") + tail + ")"
}
