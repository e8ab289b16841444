package repair

import (
	"strings"
)

// selectSQL takes a SELECT apart. Its groups: distinct, list, table, where, group by, having, order by, limit, offset.
var selectSQL = pat(`(?is)^\s*select\s+(distinct\s+)?(.+?)\s+from\s+([\w.*@:\x60-]+)(?:\s+(?:as\s+)?[a-z]\w?)?` +
	`(?:\s+where\s+(.+?))?(?:\s+group\s+by\s+(.+?))?(?:\s+having\s+(.+?))?(?:\s+order\s+by\s+(.+?))?(?:\s+limit\s+(\d+)(?:\s+offset\s+(\d+))?)?\s*;?\s*$`)

// aggregateCall is a column of a SELECT that aggregates.
var aggregateCall = pat(`(?i)^\w+\s*\(.*\)(?:\s+as\s+.+)?$`)

// fromSQL turns a SELECT into a pipeline.
func fromSQL(st state) []candidate {
	masked := mask(st.query)
	at := selectSQL.FindStringSubmatchIndex(masked)
	if at == nil {
		return nil
	}
	part := func(i int) string {
		if at[2*i] < 0 {
			return ""
		}
		return strings.TrimSpace(st.query[at[2*i]:at[2*i+1]])
	}
	list, group, having := columns(part(2)), part(5), part(6)
	out := "source=" + part(3)
	if w := part(4); w != "" {
		out += " | where " + w
	}
	aggs := false
	for _, c := range list {
		aggs = aggs || aggregateCall.MatchString(c) && known(c)
	}
	switch {
	case aggs || group != "":
		out += statsOf(list, group)
	case part(1) != "":
		out += " | dedup " + strings.Join(plain(list), ", ") + " | fields " + strings.Join(plain(list), ", ")
		list = nil
	}
	if having != "" {
		out += " | where " + having
	}
	if o := part(7); o != "" {
		out += " | sort " + ordering(o)
	}
	if aggs || group != "" {
		list = nil
	}
	if n := part(8); n != "" {
		out += " | head " + n
		if off := part(9); off != "" {
			out += " from " + off
		}
	}
	if len(list) > 0 && list[0] != "*" {
		out += projection(list)
	}
	return []candidate{{query: out, change: "SQL written as a pipeline"}}
}

// known reports whether a call is an aggregate, not a function of one row.
func known(call string) bool {
	word, _, _ := strings.Cut(strings.ToLower(call), "(")
	switch strings.TrimSpace(word) {
	case "count", "sum", "avg", "min", "max", "median", "percentile", "stddev", "var", "dc", "distinct_count", "approx_count_distinct":
		return true
	}
	return false
}

var alias = pat(`(?is)^(.+?)\s+as\s+(\S+)$`)

// statsOf writes a grouped SELECT as stats; the keys of the list are those of GROUP BY.
func statsOf(list []string, group string) string {
	var aggs []string
	for _, c := range list {
		if aggregateCall.MatchString(c) && known(c) {
			aggs = append(aggs, strings.ReplaceAll(c, "(*)", "()"))
		}
	}
	if len(aggs) == 0 {
		aggs = []string{"count()"}
	}
	out := " | stats " + strings.Join(aggs, ", ")
	if group != "" {
		out += " by " + group
	}
	return out
}

// projection writes the columns of a SELECT as fields, computed ones by eval before.
func projection(list []string) string {
	var evals, fields []string
	for _, c := range list {
		m := alias.FindStringSubmatch(c)
		if m == nil {
			fields = append(fields, c)
			continue
		}
		evals, fields = append(evals, unquote(m[2])+" = "+m[1]), append(fields, unquote(m[2]))
	}
	out := ""
	if len(evals) > 0 {
		out = " | eval " + strings.Join(evals, ", ")
	}
	return out + " | fields " + strings.Join(fields, ", ")
}

// plain is the list without aliases.
func plain(list []string) []string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = alias.ReplaceAllString(c, "$1")
	}
	return out
}

// columns cuts a list at its commas, outside brackets and quotes.
func columns(list string) []string {
	masked := mask(list)
	var out []string
	depth, last := 0, 0
	for i := range len(masked) {
		switch masked[i] {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(list[last:i]))
				last = i + 1
			}
		}
	}
	return append(out, strings.TrimSpace(list[last:]))
}

var direction = pat(`(?i)^(.+?)[\s:]+(asc|desc|ascending|descending)(?:\s+nulls\s+\w+)?$`)

// ordering writes an ORDER BY list as sort has it: - before what falls.
func ordering(list string) string {
	cols := columns(list)
	for i, c := range cols {
		if m := direction.FindStringSubmatch(c); m != nil {
			cols[i] = strings.TrimSpace(m[1])
			if strings.HasPrefix(strings.ToLower(m[2]), "d") {
				cols[i] = "- " + cols[i]
			}
		}
		if call := strings.TrimPrefix(cols[i], "- "); strings.Contains(call, "(") && !strings.Contains(call, "`") {
			cols[i] = strings.Replace(cols[i], call, "`"+strings.ReplaceAll(call, "(*)", "()")+"`", 1)
		}
	}
	return strings.Join(cols, ", ")
}
