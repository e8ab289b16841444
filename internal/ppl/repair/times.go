package repair

import (
	"strings"
)

// A number with a unit of time: 15m, 1 hour, 5min.
const duration = `(\d+)\s*(ms|millis(?:econds?)?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)`

// unit is the interval unit of PPL.
func unit(word string) string {
	word = strings.ToLower(word)
	switch {
	case strings.HasPrefix(word, "ms"), strings.HasPrefix(word, "milli"):
		return "millisecond"
	case strings.HasPrefix(word, "s"):
		return "second"
	case strings.HasPrefix(word, "m"):
		return "minute"
	case strings.HasPrefix(word, "h"):
		return "hour"
	case strings.HasPrefix(word, "d"):
		return "day"
	}
	return "week"
}

func short(word string) string {
	u := unit(word)
	if u == "millisecond" {
		return "ms"
	}
	return u[:1]
}

func before(n, word string) string { return "date_sub(now(), interval " + n + " " + unit(word) + ")" }

var timeRules = []rewrite{
	{"date_sub(now(), ..) for ago", pat(`(?i)\bago\s*\(\s*["']?` + duration + `["']?\s*\)`), func(m []string) string { return before(m[1], m[2]) }},
	{"date_sub(now(), ..) for ago", pat(`(?i)\bago\s*\(\s*(` + quoted + `)\s*\)`), agoText},
	{"date_sub(now(), ..) for now - 15m", pat(`(?i)\bnow(?:\s*\(\s*\))?\s*-\s*(?:interval\s+)?["']?` + duration + `\b["']?`), func(m []string) string { return before(m[1], m[2]) }},
	{"date_sub(now(), ..) for 'now-15m'", pat(`(` + quoted + `)`), nowText},
	{"date_sub(now(), ..) for -15m", pat(`(?i)([<>]=?\s*)-\s*` + duration + `\b`), func(m []string) string { return m[1] + before(m[2], m[3]) }},
	{"now() for now", pat(`(?i)([<>]=?\s*)now\b(\s*[^(\s]|\s*$)`), func(m []string) string { return m[1] + "now()" + m[2] }},
	{"interval N UNIT", pat(`(?i)\binterval\s+(` + quoted + `)(?:\s*(\w+))?`), intervalText},
	{"quotes around the time", pat(`([<>=]\s*|\bbetween\s+|\band\s+)(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?)`), func(m []string) string { return m[1] + "'" + m[2] + "'" }},
	{"quotes around the time", pat(`(?i)\bdatetime\s*\(\s*([\d][^)'"]*)\)`), func(m []string) string { return "'" + strings.TrimSpace(m[1]) + "'" }},
	{"a time from milliseconds", pat(`([<>=]\s*)(\d{10})(\d{3})\b`), func(m []string) string { return m[1] + "from_unixtime(" + m[2] + ")" }},
	{"a time from seconds", pat(`([<>=]\s*)(1\d{9})\b`), func(m []string) string { return m[1] + "from_unixtime(" + m[2] + ")" }},
	{"span(TIME, 1h)", pat(`(?i)\b(?:bin|date_bin|bucket|tumble|time_bucket|floor|date_histogram|date_trunc|time)\s*\(\s*(` + name + `)\s*,\s*["']?` + duration + `["']?\s*\)`), func(m []string) string { return "span(" + m[1] + ", " + m[2] + short(m[3]) + ")" }},
	{"span(TIME, 1h)", pat(`(?i)\b(?:bin|date_bin|bucket|time_bucket|interval)\s*\(\s*["']?` + duration + `["']?\s*,\s*(` + name + `)\s*\)`), func(m []string) string { return "span(" + m[3] + ", " + m[1] + short(m[2]) + ")" }},
	{"span(TIME, 1h)", pat(`(?i)\b(?:bin|date_bin|bucket|tumble|time_bucket|span)\s*\(\s*(` + name + `)\s*,\s*(` + quoted + `)\s*\)`), spanText},
	{"span(TIME, 1h) for date_trunc", pat(`(?i)\b(?:date_trunc|trunc)\s*\(\s*(` + quoted + `)\s*,\s*(` + name + `)\s*\)`), func(m []string) string { return "span(" + m[2] + ", 1" + short(unquote(m[1])) + ")" }},
	{"span(TIME, 1h) for date_trunc", pat(`(?i)\bdate_trunc\s*\(\s*(` + name + `)\s*,\s*(` + quoted + `)\s*\)`), func(m []string) string { return "span(" + m[1] + ", 1" + short(unquote(m[2])) + ")" }},
	{"date_format for date_trunc", pat(`(?i)\bdate_trunc\s*\(\s*(` + quoted + `)\s*,\s*(` + name + `)\s*\)`), truncated},
	{"span(`@timestamp`, 1h)", pat(`(?i)\b(?:time|bin|bucket|span|tumble)\s*\(\s*["']?` + duration + `["']?\s*\)`), func(m []string) string { return "span(`@timestamp`, " + m[1] + short(m[2]) + ")" }},
	{"span(TIME, 1h)", pat(`(?i)\bby\s+(` + name + `)\s*(?:,\s*)?(?:span|interval|bucket|every)\s*=?\s*` + duration + `\b`), func(m []string) string { return "by span(" + m[1] + ", " + m[2] + short(m[3]) + ")" }},
	{"span=1h", pat(`(?i)\btimechart\s+(?:interval|bucket|every|bin|step|period|by)?\s*=?\s*["']?` + duration + `\b["']?\s+`), func(m []string) string { return "timechart span=" + m[1] + short(m[2]) + " " }},
	{"span=1h", pat(`(?i)\b(?:interval|bucket|every|step)\s*=\s*["']?` + duration + `\b["']?`), func(m []string) string { return "span=" + m[1] + short(m[2]) }},
	{"span=1h", pat(`(?i)\bspan\s*=\s*` + duration + `\b`), func(m []string) string { return "span=" + m[1] + short(m[2]) }},
	{"span=1h", pat(`(?i)\bspan\s+` + duration + `\b`), func(m []string) string { return "span=" + m[1] + short(m[2]) }},
	{"nanoseconds", pat(`(?i)([<>]=?\s*|=\s*)` + duration + `\b`), func(m []string) string { return m[1] + m[2] + nanos(m[3]) }},
}

// nanos are the zeros that make a duration nanoseconds, the unit of durationInNanos.
func nanos(word string) string {
	switch unit(word) {
	case "millisecond":
		return "000000"
	case "second":
		return "000000000"
	}
	return " * " + map[string]string{"minute": "60", "hour": "3600", "day": "86400", "week": "604800"}[unit(word)] + "000000000"
}

// truncated writes the beginning of a minute, hour, day or month outside stats.
func truncated(m []string) string {
	form := map[string]string{"minute": "%Y-%m-%d %H:%i:00", "hour": "%Y-%m-%d %H:00:00", "day": "%Y-%m-%d 00:00:00", "month": "%Y-%m-01 00:00:00"}[strings.ToLower(unquote(m[1]))]
	if form == "" {
		return m[0]
	}
	return "timestamp(date_format(" + m[2] + ", '" + form + "'))"
}

var (
	nowBack   = pat(`(?i)^now(?:\(\))?\s*-\s*` + duration + `$`)
	backOnly  = pat(`(?i)^-?\s*` + duration + `(?:\s+ago)?$`)
	bareSpan  = pat(`(?i)^` + duration + `$`)
	nowItself = pat(`(?i)^now(?:\(\))?$`)
)

func nowText(m []string) string {
	s := unquote(m[1])
	switch {
	case nowBack.MatchString(s):
		p := nowBack.FindStringSubmatch(s)
		return before(p[1], p[2])
	case backOnly.MatchString(s):
		p := backOnly.FindStringSubmatch(s)
		return before(p[1], p[2])
	case nowItself.MatchString(s):
		return "now()"
	case strings.EqualFold(s, "yesterday"):
		return before("1", "day")
	}
	return m[0]
}

func agoText(m []string) string {
	if p := bareSpan.FindStringSubmatch(unquote(m[1])); p != nil {
		return before(p[1], p[2])
	}
	return m[0]
}

func intervalText(m []string) string {
	s := unquote(m[1])
	if p := bareSpan.FindStringSubmatch(s); p != nil {
		return "interval " + p[1] + " " + unit(p[2])
	}
	if m[2] != "" {
		return "interval " + s + " " + unit(m[2])
	}
	return m[0]
}

func spanText(m []string) string {
	if p := bareSpan.FindStringSubmatch(unquote(m[2])); p != nil {
		return "span(" + m[1] + ", " + p[1] + short(p[2]) + ")"
	}
	return m[0]
}

// times writes points and lengths of time as PPL has them.
func times(st state) []candidate { return all(st.query, timeRules) }
