package repair

import (
	"strings"
)

// doubts are forms that run but seldom say what was meant. An answer without rows is a reason to look for them.
var doubts = []rewrite{
	{"backticks around the field: quotes make it a text", pat(`(\b(?:where|and|or|not)\s+|\(\s*)(` + quoted + `)(\s*(?:=|!=|<>|>=?|<=?|\blike\b|\bin\b|\bcontains\b))`), func(m []string) string {
		return m[1] + "`" + unquote(m[2]) + "`" + m[3]
	}},
	{"isnull(..): nothing equals null", pat(`(?i)(` + name + `)\s*==?\s*null\b`), func(m []string) string { return "isnull(" + m[1] + ")" }},
	{"isnotnull(..): nothing differs from null", pat(`(?i)(` + name + `)\s*(?:!=|<>)\s*null\b`), func(m []string) string { return "isnotnull(" + m[1] + ")" }},
	{"contains for a * that = takes as it is", pat(`(` + name + `)\s*=\s*(` + quoted + `)`), starred},
	{"% for * in like", pat(`(?i)(` + name + `)\s+like\s+(` + quoted + `)`), func(m []string) string {
		if !strings.Contains(m[2], "*") {
			return m[0]
		}
		return m[1] + " like " + strings.ReplaceAll(m[2], "*", "%")
	}},
	{"% around the text of like", pat(`(?i)(` + name + `)\s+like\s+(` + quoted + `)`), func(m []string) string {
		if strings.ContainsAny(m[2], "%_*") {
			return m[0]
		}
		return m[1] + " like " + quote("%"+unquote(m[2])+"%")
	}},
	{"nanoseconds", pat(`(?i)([<>]=?\s*)` + duration + `\b`), func(m []string) string { return m[1] + m[2] + nanos(m[3]) }},
	{"any case: = minds it", pat(`(` + name + `)\s*==?\s*(` + quoted + `)`), func(m []string) string { return "lower(" + m[1] + ") = " + strings.ToLower(m[2]) }},
}

func starred(m []string) string {
	s := unquote(m[2])
	if !strings.HasPrefix(s, "*") && !strings.HasSuffix(s, "*") {
		return m[0]
	}
	return m[1] + " like " + quote(strings.ReplaceAll(s, "*", "%"))
}

// searchWord finds a command's word among the terms of a search, where it is a word to look for.
var searchWord = pat(`(?i)^(\s*(?:search\s+)?(?:source|index)\s*=\s*[\w.*@-]+)\s+(where|stats|fields|head|sort|eval|timechart|top|dedup|patterns)\s`)

// Doubtful lists what a query that runs may have been meant to be, the likeliest first. The caller tries them when the query's
// answer is empty.
func Doubtful(text string) []Fix {
	var out []Fix
	masked := mask(text)
	if at := searchWord.FindStringSubmatchIndex(masked); at != nil {
		word := text[at[4]:at[5]]
		out = append(out, Fix{text[:at[3]] + " | " + text[at[4]:], []string{"a bar before " + word + ", which is searched for as a word"}})
	}
	if head := stages(text)[0]; pairs.MatchString(mask(head)) {
		for _, c := range lucene(state{query: head}) {
			if c.query != head {
				out = append(out, Fix{c.query + text[len(head):], []string{c.change}})
			}
		}
	}
	for _, c := range all(text, doubts) {
		out = append(out, Fix{c.query, []string{c.change}})
	}
	return out
}
