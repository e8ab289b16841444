package remote

import (
	"bytes"
	"encoding/json"
)

// dsl is a piece of query DSL.
type dsl = map[string]any

// clause is a condition in DSL. An exact one matches just the documents for which the condition is true, another one matches
// these and more.
type clause struct {
	q     dsl
	exact bool
}

func term(path string, value any) dsl { return dsl{"term": dsl{path: dsl{"value": value}}} }

func exists(path string) dsl { return dsl{"exists": dsl{"field": path}} }

func not(qs ...dsl) dsl { return dsl{"bool": dsl{"must_not": qs}} }

// all joins conditions that must all hold; nil for none.
func all(qs []dsl) dsl {
	var flat, never []dsl
	for _, q := range qs {
		b, ok := q["bool"].(dsl)
		filter, isFilter := b["filter"].([]dsl)
		must, isNot := b["must_not"].([]dsl)
		switch {
		case ok && len(b) == 1 && isFilter:
			flat = append(flat, filter...)
		case ok && len(b) == 1 && isNot:
			never = append(never, must...)
		case ok && len(b) == 2 && isFilter && isNot:
			flat, never = append(flat, filter...), append(never, must...)
		default:
			flat = append(flat, q)
		}
	}
	switch {
	case len(flat) == 0 && len(never) == 0:
		return nil
	case len(flat) == 1 && len(never) == 0:
		return flat[0]
	}
	out := dsl{}
	if len(flat) > 0 {
		out["filter"] = flat
	}
	if len(never) > 0 {
		out["must_not"] = never
	}
	return dsl{"bool": out}
}

// anyOf joins conditions of which one must hold.
func anyOf(qs []dsl) dsl {
	if len(qs) == 1 {
		return qs[0]
	}
	return dsl{"bool": dsl{"should": qs, "minimum_should_match": 1}}
}

// text writes DSL as JSON, without escaping < and >.
func text(v any, indent bool) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if indent {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		return "" // cannot be: maps, slices, strings and numbers
	}
	return string(bytes.TrimSpace(b.Bytes()))
}
