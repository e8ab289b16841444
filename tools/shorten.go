package tools

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// maxCutsNamed bounds how many places of a shortened answer are named.
const maxCutsNamed = 10

// freeMembers is the number of members from which an object is a table of values rather than a record: only such objects
// lose members when an answer is shortened, so that what the output schema promises stays.
const freeMembers = 200

// cutPart says what was left out at one place of a structured answer.
type cutPart struct {
	path     string
	kept, of int
}

// shorten trims a structured answer to MaxStructured: first the longest lists lose their tails, then long strings. What was
// cut is said in the member "cut", with the resource that holds the whole.
func shorten(tree map[string]any, uri string) map[string]any {
	s := &shortener{}
	const forCut = 2_000 // for the member cut itself
	out, _ := s.trim(tree, MaxStructured-forCut, "").(map[string]any)
	parts := make([]any, 0, len(s.cuts))
	for _, c := range s.cuts[:min(len(s.cuts), maxCutsNamed)] {
		parts = append(parts, map[string]any{"path": c.path, "kept": c.kept, "of": c.of})
	}
	out["cut"] = map[string]any{"whole": uri, "parts": parts, "places": len(s.cuts)}
	return out
}

type shortener struct{ cuts []cutPart }

func (s *shortener) trim(v any, budget int, path string) any {
	if weight(v) <= budget {
		return v
	}
	switch v := v.(type) {
	case string:
		head := cutAt(v, max(budget, 0)) + "…"
		s.cuts = append(s.cuts, cutPart{path, len(head), len(v)})
		return head
	case []any:
		return s.trimList(v, budget, path)
	case map[string]any:
		return s.trimObject(v, budget, path)
	}
	return v
}

// trimList keeps the head of a list, at least its first element.
func (s *shortener) trimList(list []any, budget int, path string) any {
	used, n := 2, 0
	for n < len(list) && used+weight(list[n])+1 <= budget {
		used += weight(list[n]) + 1
		n++
	}
	if n < len(list) {
		s.cuts = append(s.cuts, cutPart{path, max(n, 1), len(list)})
	}
	if n == 0 {
		return []any{s.trim(list[0], budget-2, path+"[0]")}
	}
	return list[:n]
}

// trimObject gives every member what it needs if that is below a fair share, and divides the rest among the large ones.
func (s *shortener) trimObject(m map[string]any, budget int, path string) any {
	names := slices.Sorted(maps.Keys(m))
	if len(names) > freeMembers {
		return s.trimTable(m, names, budget, path)
	}
	weights := make(map[string]int, len(names))
	for _, n := range names {
		weights[n] = weight(m[n])
		budget -= len(n) + 4 // quotes, colon, comma
	}
	slices.SortStableFunc(names, func(a, b string) int { return weights[a] - weights[b] })
	out := make(map[string]any, len(names))
	for i, n := range names {
		share := budget / (len(names) - i)
		at := n
		if path != "" {
			at = path + "." + n
		}
		out[n] = s.trim(m[n], share, at)
		budget -= min(weights[n], share)
	}
	return out
}

func (s *shortener) trimTable(m map[string]any, names []string, budget int, path string) any {
	out := map[string]any{}
	for _, n := range names {
		if budget -= len(n) + 4 + weight(m[n]); budget < 0 {
			break
		}
		out[n] = m[n]
	}
	s.cuts = append(s.cuts, cutPart{path, len(out), len(m)})
	return out
}

// weight is about the size of v as compact JSON, in bytes; it never underrates strings by more than their escapes.
func weight(v any) int {
	switch v := v.(type) {
	case nil:
		return len("null")
	case string:
		return len(v) + 2
	case json.Number:
		return len(v)
	case bool:
		return len("false")
	case []any:
		n := 2
		for _, e := range v {
			n += weight(e) + 1
		}
		return n
	case map[string]any:
		n := 2
		for k, e := range v {
			n += len(k) + 4 + weight(e)
		}
		return n
	}
	return len(fmt.Sprint(v))
}
