package replay

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// display writes a value as the CLI does: arrays [a,b], structs as Python dictionaries.
func display(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case bool:
		return map[bool]string{true: "True", false: "False"}[x]
	case string:
		return x
	case []any:
		parts := make([]string, len(x))
		for i, e := range x {
			parts[i] = display(e)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		parts := make([]string, len(keys))
		for i, k := range keys {
			e := display(x[k])
			if s, ok := x[k].(string); ok {
				e = "'" + s + "'"
			}
			parts[i] = "'" + k + "': " + e
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// loose compares a typed value with one read from display text, where bare words have lost their type.
func loose(got, want any) bool {
	switch w := want.(type) {
	case []any:
		return sameList(got, w, loose)
	case map[string]any:
		return sameObject(got, w, loose)
	case cut:
		return looseCut(got, w.seen)
	case string:
		return sameDisplay(got, w)
	}
	return sameJSON(got, want)
}

// cut is an array or dictionary of which the text shows the beginning alone: "..." stands for the rest.
type cut struct{ seen any }

// looseCut reports whether got begins with what was seen: all of its elements or keys, the last of a list perhaps in part.
func looseCut(got, seen any) bool {
	switch w := seen.(type) {
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) < len(w) {
			return false
		}
		for i := range w {
			if !loose(g[i], w[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return false
		}
		for k := range w {
			if v, ok := g[k]; !ok || !loose(v, w[k]) {
				return false
			}
		}
		return true
	}
	return false
}

// parseDisplay reads arrays [a,b] and Python dictionaries {'k': v}; elements that are neither are bare text.
func parseDisplay(s string) (any, bool) {
	p := &displayParser{s: s}
	v, ok := p.value("")
	return v, ok && p.s == ""
}

// displayParser reads s; ended is set once a "..." at the end was met.
type displayParser struct {
	s     string
	ended bool
}

// cutHere reports whether the text ends within the next element.
func (p *displayParser) cutHere() bool {
	rest, dots := strings.CutSuffix(p.s, "...")
	if !dots || strings.ContainsAny(strings.TrimLeft(rest, "[{"), "]},:[{") {
		return false
	}
	p.s, p.ended = "", true
	return true
}

func (p *displayParser) blanks() { p.s = strings.TrimLeft(p.s, " ") }

// value reads up to one of the stop characters.
func (p *displayParser) value(stop string) (any, bool) {
	p.blanks()
	switch {
	case strings.HasPrefix(p.s, "["):
		return p.list()
	case strings.HasPrefix(p.s, "{"):
		return p.dict()
	case stop != "" && (strings.HasPrefix(p.s, "'") || strings.HasPrefix(p.s, `"`)):
		return p.quoted()
	}
	end := len(p.s)
	if stop != "" {
		if i := strings.IndexAny(p.s, stop); i >= 0 {
			end = i
		}
	}
	word := strings.TrimSpace(p.s[:end])
	p.s = p.s[end:]
	if word == "None" {
		return nil, true
	}
	if _, err := strconv.ParseFloat(word, 64); err == nil && strings.Contains(stop, "}") {
		return json.Number(word), true
	}
	return word, true
}

func (p *displayParser) list() (any, bool) {
	p.s = p.s[1:]
	out := []any{}
	for p.blanks(); !strings.HasPrefix(p.s, "]"); p.blanks() {
		if p.cutHere() {
			return cut{out}, true
		}
		v, ok := p.value(",]")
		if !ok || (p.s == "" && !p.ended) {
			return nil, false
		}
		out = append(out, v)
		p.blanks()
		p.s = strings.TrimPrefix(p.s, ",")
		if p.s == "" {
			return cut{out}, p.ended
		}
	}
	p.s = p.s[1:]
	return out, true
}

func (p *displayParser) dict() (any, bool) {
	p.s = p.s[1:]
	out := map[string]any{}
	for p.blanks(); !strings.HasPrefix(p.s, "}"); p.blanks() {
		if p.cutHere() {
			return cut{out}, true
		}
		key, ok := p.quoted()
		if !ok {
			return nil, false
		}
		p.blanks()
		if !strings.HasPrefix(p.s, ":") {
			return nil, false
		}
		p.s = p.s[1:]
		v, ok := p.value(",}")
		if !ok {
			return nil, false
		}
		out[fmt.Sprint(key)] = v
		p.blanks()
		p.s = strings.TrimPrefix(p.s, ",")
		if p.s == "" {
			return cut{out}, p.ended
		}
	}
	p.s = p.s[1:]
	return out, true
}

// quoted reads 'text' or "text".
func (p *displayParser) quoted() (any, bool) {
	if p.s == "" {
		return nil, false
	}
	quote := p.s[0]
	if quote != '\'' && quote != '"' {
		return nil, false
	}
	var b strings.Builder
	for i := 1; i < len(p.s); i++ {
		switch {
		case p.s[i] == '\\' && i+1 < len(p.s):
			i++
			b.WriteByte(p.s[i])
		case p.s[i] == quote:
			p.s = p.s[i+1:]
			return b.String(), true
		default:
			b.WriteByte(p.s[i])
		}
	}
	return nil, false
}
