package agent

import (
	"encoding/json"
	"strconv"
	"strings"
)

// attrs are the attributes of one span or log event under their dotted names.
type attrs map[string]any

// has reports whether any of the keys is set.
func (a attrs) has(keys ...string) bool {
	for _, k := range keys {
		if v, ok := a[k]; ok && v != nil && v != "" {
			return true
		}
	}
	return false
}

// text returns the first key that is set, as text.
func (a attrs) text(keys ...string) string {
	for _, k := range keys {
		if t := textOf(a[k]); t != "" {
			return t
		}
	}
	return ""
}

func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(b)
	}
}

// num returns the first key that is set and a number.
func (a attrs) num(keys ...string) (float64, bool) {
	for _, k := range keys {
		switch v := a[k].(type) {
		case int64:
			return float64(v), true
		case float64:
			return v, true
		case string:
			if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
				return f, true
			}
		}
	}
	return 0, false
}

func (a attrs) int(keys ...string) int64 {
	f, ok := a.num(keys...)
	if !ok || f < 0 {
		return 0
	}
	return int64(f)
}

// truth returns the first key that is set and says true or false.
func (a attrs) truth(keys ...string) (value, ok bool) {
	for _, k := range keys {
		switch v := a[k].(type) {
		case bool:
			return v, true
		case string:
			if b, err := strconv.ParseBool(strings.ToLower(v)); err == nil {
				return b, true
			}
		}
	}
	return false, false
}

// list returns a value that is a list, or a text holding a JSON list, as its texts joined.
func (a attrs) list(keys ...string) string {
	t := a.text(keys...)
	if !strings.HasPrefix(t, "[") {
		return t
	}
	var items []any
	if json.Unmarshal([]byte(t), &items) != nil {
		return t
	}
	parts := make([]string, len(items))
	for i, v := range items {
		parts[i] = textOf(v)
	}
	return strings.Join(parts, ",")
}

// fill sets what is empty.
func fill(to *string, v string) {
	if *to == "" {
		*to = v
	}
}

func fillInt(to *int64, v int64) {
	if *to == 0 {
		*to = v
	}
}
