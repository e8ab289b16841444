package repair

import (
	"strconv"
	"strings"
)

// functionWords are the words of other languages for PPL's functions that take the same arguments.
func functionWords() map[string]string {
	return map[string]string{
		"len": "length", "strlen": "length", "char_length": "length", "string_size": "length", "size": "length",
		"tolower": "lower", "to_lower": "lower", "lcase": "lower", "toupper": "upper", "to_upper": "upper", "ucase": "upper",
		"substr": "substring", "mid": "substring", "strcat": "concat", "concatenate": "concat",
		"mean": "avg", "average": "avg", "stdev": "stddev_samp", "stddev": "stddev_samp", "std": "stddev_samp", "variance": "var_samp", "var": "var_samp",
		"dcount": "dc", "count_distinct": "dc", "countdistinct": "dc", "uniq": "dc", "uniqexact": "dc", "approx_distinct": "dc", "nunique": "dc", "cardinality": "dc", "approx_count_distinct": "dc", "unique": "dc", "unique_count": "dc",
		"group_concat": "list", "string_agg": "list", "collect_list": "list", "array_agg": "list", "make_list": "list", "collect": "list",
		"make_set": "values", "collect_set": "values", "any": "first", "any_value": "first", "first_value": "first", "last_value": "last", "take_any": "first",
		"iff": "if", "iif": "if", "nvl": "ifnull", "isnotempty": "isnotnull", "is_null": "isnull", "is_not_null": "isnotnull", "isnonnull": "isnotnull", "is_empty": "isempty", "exists": "isnotnull",
		"regexp_like": "regexp_match", "match_regex": "regexp_match", "regex_match": "regexp_match", "regexp_contains": "regexp_match", "matches": "regexp_match", "regex": "regexp_match", "rlike": "regexp_match", "match": "regexp_match",
		"regexreplace": "regexp_replace", "replace_regex": "regexp_replace", "to_timestamp": "timestamp", "todatetime": "timestamp", "datetime": "timestamp", "parse_datetime": "timestamp", "strptime": "timestamp",
		"to_string": "tostring", "str": "tostring", "to_number": "tonumber", "tonum": "tonumber", "current_timestamp": "now", "getdate": "now", "sysdate": "now", "utcnow": "now",
		"ceiling": "ceil", "power": "pow", "ltrim_chars": "ltrim", "typeof_": "typeof", "percentile_approx": "percentile", "approx_percentile": "percentile", "percentiles": "percentile", "quantile": "percentile", "percentile_cont": "percentile", "percentile_disc": "percentile", "p": "percentile",
	}
}

var (
	callAt    = pat(`\b([A-Za-z_]\w*)(\s*\()`)
	callRules = []rewrite{
		{"percentile(x, 95)", pat(`(?i)\b(?:quantile|percentile(?:_cont|_disc|_approx)?|approx_percentile|perc)\s*\(\s*(` + name + `)\s*,\s*(0?\.\d+|\d+)\s*\)`), func(m []string) string { return "percentile(" + m[1] + ", " + percent(m[2]) + ")" }},
		{"percentile(x, 95)", pat(`(?i)\b(?:quantile|percentile(?:_cont|_disc|_approx)?)\s*\(\s*(0?\.\d+|\d+)\s*,\s*(` + name + `)\s*\)`), func(m []string) string { return "percentile(" + m[2] + ", " + percent(m[1]) + ")" }},
		{"percentile(x, 95)", pat(`(?i)\bpercentile_?(\d+)\s*\(\s*(` + name + `)\s*\)`), func(m []string) string { return "percentile(" + m[2] + ", " + m[1] + ")" }},
		{"count(eval(..)) for countif", pat(`(?i)\bcount_?if\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)`), func(m []string) string { return "count(eval(" + m[1] + "))" }},
		{"count(eval(..)) for a condition", pat(`(?i)\bcount\s*\(\s*((?:` + name + `)\s*(?:=|!=|>=?|<=?)[^()]+)\)`), func(m []string) string { return "count(eval(" + m[1] + "))" }},
		{"sum(if(..)) for sumif", pat(`(?i)\bsum_?if\s*\(\s*([^,()]+),\s*([^()]+)\)`), func(m []string) string {
			return "sum(if(" + strings.TrimSpace(m[2]) + ", " + strings.TrimSpace(m[1]) + ", 0))"
		}},
		{"dc(x)", pat(`(?i)\bcount\s*\(\s*(?:unique|distinct)\s*\(?\s*(` + name + `)\s*\)?\s*\)`), func(m []string) string { return "dc(" + m[1] + ")" }},
		{"x contains 'y'", pat(`(?i)\b(?:contains|has|strpos|instr|includes|str_contains)\s*\(\s*(` + name + `)\s*,\s*(` + quoted + `)\s*\)(?:\s*>\s*0)?`), func(m []string) string { return m[1] + " contains " + m[2] }},
		{"x like 'y%'", pat(`(?i)\b(?:starts_?with|begins_?with)\s*\(\s*(` + name + `)\s*,\s*(` + quoted + `)\s*\)`), func(m []string) string { return m[1] + " like " + quote(unquote(m[2])+"%") }},
		{"x like '%y'", pat(`(?i)\bends_?with\s*\(\s*(` + name + `)\s*,\s*(` + quoted + `)\s*\)`), func(m []string) string { return m[1] + " like " + quote("%"+unquote(m[2])) }},
		{"cast(x as int)", pat(`(?i)\bto_?(?:int|integer|long)\s*\(([^()]+)\)`), func(m []string) string { return "cast(" + m[1] + " as long)" }},
		{"cast(x as double)", pat(`(?i)\bto_?(?:double|real|float|decimal)\s*\(([^()]+)\)`), func(m []string) string { return "cast(" + m[1] + " as double)" }},
		{"cast(x as string) for ::", pat(`(?i)(` + name + `)::(\w+)`), func(m []string) string { return "cast(" + m[1] + " as " + m[2] + ")" }},
		{"the method as a function", pat(`(?i)([A-Za-z_]\w*)\.(lower|upper|length|trim)\(\)`), func(m []string) string { return m[2] + "(" + m[1] + ")" }},
	}
)

// percent reads .95 or 95 as a percentage.
func percent(s string) string {
	f, err := strconv.ParseFloat(s, 64)
	if err == nil && f <= 1 {
		f *= 100
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// functions gives calls PPL's words and forms.
func functions(st state) []candidate {
	out := all(st.query, callRules)
	words := functionWords()
	byWord := rewrite{re: callAt, put: func(m []string) string {
		if w, ok := words[strings.ToLower(m[1])]; ok {
			return w + m[2]
		}
		return m[0]
	}}
	masked := mask(st.query)
	for _, at := range callAt.FindAllStringSubmatchIndex(masked, -1) {
		word := masked[at[2]:at[3]]
		if w, ok := words[strings.ToLower(word)]; ok {
			out = append(out, candidate{query: st.query[:at[2]] + w + st.query[at[3]:], change: w + "() for " + word + "()"})
		}
	}
	if q := byWord.apply(st.query); q != st.query {
		out = append(out, candidate{query: q, change: "PPL's words for functions"})
	}
	return out
}
