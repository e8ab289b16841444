package repair

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/command"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// commandWords are the words of other languages for PPL's commands.
func commandWords() map[string]string {
	return map[string]string{
		"filter": "where", "having": "where", "if": "where", "match": "where", "when": "where", "condition": "where",
		"select": "fields", "project": "fields", "keep": "fields", "columns": "fields", "return": "fields", "show": "fields", "display": "fields", "print": "fields", "output": "fields",
		"extend": "eval", "let": "eval", "set": "eval", "compute": "eval", "derive": "eval", "calculate": "eval", "with": "eval", "add": "eval", "mutate": "eval", "assign": "eval",
		"limit": "head", "take": "head", "first": "head", "slice": "head",
		"summarize": "stats", "aggregate": "stats", "agg": "stats", "aggr": "stats", "statistics": "stats",
		"distinct": "dedup", "unique": "dedup", "uniq": "dedup", "deduplicate": "dedup",
		"timeseries": "timechart", "histogram": "timechart", "chart_time": "timechart", "time_chart": "timechart",
		"drop": "fields -", "remove": "fields -", "project-away": "fields -", "exclude": "fields -", "omit": "fields -",
		"project-rename": "rename", "rename_fields": "rename", "extract": "rex", "regexp": "regex", "cluster": "patterns", "pattern": "patterns",
		"mv-expand": "mvexpand", "explode": "expand", "unnest": "expand", "fill_null": "fillnull", "coalesce": "fillnull",
	}
}

// stageRules rewrite one stage of a pipeline, given without its bars.
var stageRules = []rewrite{
	{"sort for ORDER BY", pat(`(?is)^\s*(?:order|sort)[\s_-]*by\s+(.+?)\s*$`), func(m []string) string { return "sort " + ordering(m[1]) }},
	{"sort for ORDER", pat(`(?is)^\s*(?:order|orderby)\s+(.+?)\s*$`), func(m []string) string { return "sort " + ordering(m[1]) }},
	{"sort - FIELD for what falls", pat(`(?is)^\s*sort\s+(.+?)\s*$`), func(m []string) string { return "sort " + ordering(m[1]) }},
	{"stats count() by for GROUP BY", pat(`(?is)^\s*group(?:[\s_-]*by)?\s+(?:by\s+)?(.+?)\s*$`), func(m []string) string { return "stats count() by " + m[1] }},
	{"stats count()", pat(`(?is)^\s*count(?:\(\*?\))?(\s+by\s+.+)?\s*$`), func(m []string) string { return "stats count()" + m[1] }},
	{"stats before an aggregate", pat(`(?is)^\s*((?:count|sum|avg|min|max|dc|percentile|median)\s*\(.+)$`), func(m []string) string { return "stats " + m[1] }},
	{"stats count() by FIELD", pat(`(?is)^\s*count\s+by\s+(.+)$`), func(m []string) string { return "stats count() by " + m[1] }},
	{"head N", pat(`(?is)^\s*(?:head|limit|take)\s*=?\s*-?\s*\(?(\d+)\)?(?:\s+rows?)?\s*$`), func(m []string) string { return "head " + m[1] }},
	{"head N from OFFSET", pat(`(?is)^\s*(?:head|limit|take)\s+(\d+)\s*(?:,|offset|skip)\s*(\d+)\s*$`), func(m []string) string { return "head " + m[1] + " from " + m[2] }},
	{"the newest rows for tail", pat(`(?is)^\s*tail\s*-?\s*(\d*)\s*$`), func(m []string) string {
		if m[1] == "" {
			m[1] = "10"
		}
		return "sort - `@timestamp` | head " + m[1]
	}},
	{"where body contains", pat(`(?is)^\s*(?:grep|search|find|egrep)\s+(?:-i\s+)?(.+?)\s*$`), func(m []string) string {
		return "where body contains " + quote(unquote(m[1]))
	}},
	{"rename A as B", pat(`(?is)^\s*rename\s+(.+?)\s*$`), func(m []string) string { return "rename " + renames(m[1]) }},
	{"eval NAME = FIELD", pat(`(?is)^\s*eval\s+(\S.*?)\s+as\s+(` + name + `)\s*$`), func(m []string) string { return "eval " + m[2] + " = " + m[1] }},
	{"dedup FIELD", pat(`(?is)^\s*dedup\s+(?:on|by)\s+(.+)$`), func(m []string) string { return "dedup " + m[1] }},
	{"top N FIELD", pat(`(?is)^\s*(top|rare)\s+(\d+)?\s*(?:limit\s*=?\s*(\d+)\s+)?(?:by|of|on)\s+(.+)$`), func(m []string) string {
		return strings.Join(strings.Fields(m[1]+" "+m[2]+m[3]+" "+m[4]), " ")
	}},
	{"fields - FIELD", pat(`(?is)^\s*fields\s+(?:\*\s*,?\s*-|except|exclude|without|\*\s+except)\s*(.+)$`), func(m []string) string { return "fields - " + strings.ReplaceAll(m[1], "-", "") }},
	{"fields - FIELD", pat(`(?is)^\s*fields\s+!\s*(.+)$`), func(m []string) string { return "fields - " + strings.ReplaceAll(m[1], "!", "") }},
	{"regex FIELD='..'", pat(`(?is)^\s*regex\s+(` + name + `)\s*(?:with|~|=~|matches|using)?\s*(` + quoted + `)\s*$`), func(m []string) string { return "regex " + m[1] + "=" + m[2] }},
	{"parse FIELD '..'", pat(`(?is)^\s*(parse|grok)\s+(?:field\s*=\s*)?(` + name + `)\s*(?:with|using|as|by|,|=)\s*(` + quoted + `)\s*$`), func(m []string) string { return m[1] + " " + m[2] + " " + m[3] }},
	{"parse FIELD '..'", pat(`(?is)^\s*(parse|grok)\s+(` + quoted + `)\s+(?:from\s+)?(` + name + `)\s*$`), func(m []string) string { return m[1] + " " + m[3] + " " + m[2] }},
	{"fillnull with", pat(`(?is)^\s*fillnull\s+(` + name + `)\s*(?:=|with)\s*(\S+)\s*$`), func(m []string) string { return "fillnull with " + m[2] + " in " + m[1] }},
	{"bin FIELD span=", pat(`(?is)^\s*(?:bin|bucket)\s+(` + name + `)\s+(?:by\s+|every\s+)?(\d+\w*)\s*$`), func(m []string) string { return "bin " + m[1] + " span=" + m[2] }},
	{"where before a condition", pat(`(?is)^\s*(` + name + `\s*(?:=|==|!=|<>|>=?|<=?|like|in|contains)\s*.+)$`), func(m []string) string { return "where " + m[1] }},
	{"eval before an assignment", pat(`(?is)^\s*(` + name + `)\s*:?=\s*([^=].*)$`), func(m []string) string { return "eval " + m[1] + " = " + m[2] }},
}

// renamed gives stages PPL's word or form, one stage at a time; the stage of the error first.
func renamed(st state) []candidate {
	var out []candidate
	parts := stages(st.query)
	words := commandWords()
	for i, p := range parts {
		put := func(stage, change string) {
			changed := append([]string(nil), parts...)
			changed[i] = " " + strings.TrimSpace(stage) + " "
			if i == 0 {
				changed[i] = strings.TrimSpace(stage) + " "
			}
			out = append(out, candidate{query: strings.TrimSpace(strings.Join(changed, "|")), change: change})
		}
		word, rest, _ := strings.Cut(strings.TrimSpace(p), " ")
		if w, ok := words[strings.ToLower(word)]; ok && i > 0 {
			put(w+" "+rest, w+" for "+word)
		}
		if i == 0 {
			continue
		}
		for _, c := range all(p, stageRules) {
			put(c.query, c.change)
		}
	}
	return out
}

var renaming = pat(`(?is)^(` + name + `)\s*(?:=>|->|=|:|\bto\b|\binto\b|\s)\s*(` + quoted + `|` + name + `)$`)

// renames writes a list of renamings with as.
func renames(list string) string {
	cols := columns(list)
	for i, c := range cols {
		if m := renaming.FindStringSubmatchIndex(mask(c)); m != nil {
			cols[i] = c[m[2]:m[3]] + " as " + unquote(c[m[4]:m[5]])
		}
	}
	return strings.Join(cols, ", ")
}

// pipes puts a bar before a word that begins a command but stands in the middle of one: where the error is, or where a search
// reads it as a word to look for.
func pipes(st state) []candidate {
	var out []candidate
	masked := mask(st.query)
	for _, at := range wordAt.FindAllStringIndex(masked, -1) {
		word := strings.ToLower(masked[at[0]:at[1]])
		if !isCommand(word) && commandWords()[word] == "" && word != "order" && word != "group" && word != "sort" && word != "limit" {
			continue
		}
		before := strings.TrimRight(masked[:at[0]], " \t\n")
		if before == "" || strings.HasSuffix(before, "|") || strings.HasSuffix(before, "[") || at[0] > st.at.End {
			continue
		}
		change := "a bar before " + word
		query := strings.TrimRight(st.query[:at[0]], " \t\n,") + " | " + st.query[at[0]:]
		if at[0] == st.at.Start {
			out = append([]candidate{{query: query, change: change}}, out...)
		} else {
			out = append(out, candidate{query: query, change: change})
		}
	}
	return out
}

var wordAt = pat(`[A-Za-z]+\b`)

func isCommand(word string) bool {
	for _, s := range command.All() {
		if s.Name == word {
			return true
		}
	}
	return false
}

// clauses splits what SQL hangs behind a command into commands of their own.
func clauses(st state) []candidate {
	return all(st.query, []rewrite{
		{"by for GROUP BY", pat(`(?i)\s+group\s+by\s+`), func([]string) string { return " by " }},
		{"a where of its own for HAVING", pat(`(?i)\s+having\s+([^|]+)`), func(m []string) string { return " | where " + having(m[1]) }},
		{"a sort of its own for ORDER BY", pat(`(?i)([^|\s])\s+order\s+by\s+([^|]+?)(\s+limit\s+\d+)?\s*($|\|)`), func(m []string) string {
			out := m[1] + " | sort " + ordering(m[2])
			if m[3] != "" {
				out += " | head" + m[3][len(m[3])-len(strings.TrimLeft(m[3], " limtLIMT")):]
			}
			return out + " " + m[4]
		}},
		{"a head of its own for LIMIT", pat(`(?i)([^|\s])\s+limit\s+(\d+)`), func(m []string) string { return m[1] + " | head " + m[2] }},
	})
}

// having quotes the calls of a condition over aggregates: after stats they are names of columns.
func having(cond string) string {
	return aggregateName.ReplaceAllStringFunc(strings.TrimSpace(cond), func(call string) string {
		return syntax.Name(strings.ReplaceAll(call, "(*)", "()"))
	})
}

var aggregateName = pat(`\b(?:count|sum|avg|min|max|dc|median|percentile)\([^()]*\)`)
