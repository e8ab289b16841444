package telemetry

import (
	"encoding/json"
	"maps"
	"slices"
	"unicode/utf8"
)

// Bounds of captured content. It is cut inside the JSON so that what is recorded still parses.
const (
	maxContentString = 512 // bytes of one string value
	maxContentItems  = 20  // elements of one array or members of one object
	maxContentDepth  = 6
)

// content renders a value as bounded JSON, or "" when it cannot be.
func content(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return ""
	}
	out, err := json.Marshal(cut(tree, 0))
	if err != nil {
		return ""
	}
	return string(out)
}

func cut(v any, depth int) any {
	if depth > maxContentDepth {
		return "…"
	}
	switch v := v.(type) {
	case string:
		return cutString(v)
	case []any:
		out := make([]any, 0, min(len(v), maxContentItems))
		for i, e := range v {
			if i == maxContentItems {
				return append(out, "…")
			}
			out = append(out, cut(e, depth+1))
		}
		return out
	case map[string]any:
		out := make(map[string]any, min(len(v), maxContentItems))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if len(out) == maxContentItems {
				out["…"] = "cut"
				break
			}
			out[cutString(k)] = cut(v[k], depth+1)
		}
		return out
	}
	return v
}

func cutString(s string) string {
	if len(s) <= maxContentString {
		return s
	}
	end := maxContentString
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
